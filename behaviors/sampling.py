"""sample: a model's completions of tasks, judged by the tasks' verifiers, one row a completion.

Completion k of a task is decided by (model, engine, task, k, seed): the same on the same machine, whatever else is
sampled beside it (but for the rounding of other batch shapes), so samples can be added to. Tasks with an environment
are played to their end; the transcript is the completion.

    traces = sample("runs/organism/seed0/models/mixed", get_domain("math").tasks("test", 200), n=8)
    traces = sample("Qwen/Qwen3-4B", tasks, n=16, engine="http://localhost:8000/v1", part="traces.jsonl")

The second can be killed, or its server, and called again: what `part` holds is not asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from training.domains import Task
from training.engines import Engine, check_engine, open_engine
from training.rlvr import verify
from training.rollouts import render
from training.server import ServerError
from training.traces import COLUMNS, _row, _validate


class PartError(ValueError):
    """A part file that holds something else than what is sampled."""


def sample(model: str, tasks: list[Task], n: int = 8, engine: str = "transformers", temperature: float = 1.0,
           max_new_tokens: int | None = None, seed: int = 0, device: str = "auto", dtype=None,
           first: int = 0, progress: bool = True, part: str | Path | None = None) -> pd.DataFrame:
    """Sample n completions of each task.

    Args: model, a folder or hub id; engine, "transformers", "vllm" or a server's address (`training.engines` says how
    they differ); temperature 0 is greedy; max_new_tokens, the model's own tokens in a completion (None: what its
    generation config says, else its context); device and dtype as for `training.engines.open_engine` (dtype None keeps
    the checkpoint's, fp32 on a CPU); first, the number of a task's first completion here (n more were sampled before,
    say); part, a file in which completions are kept as they come in (JSON lines), and read where it is there: whatever
    engine wrote them, they are not asked for again. It is left where it is: delete it once you have the traces.
    Returns: a DataFrame with the columns `training.traces.COLUMNS`, n rows a task in order; `n_tokens` counts the
    model's own tokens. Raises ValueError for an unknown engine, no tasks, n below 1, or a task that is there twice with
    a part; PartError for a part of something else; TaskError for a task that cannot be judged; ServerError for a server
    that does not give what it was asked for, when what it gave is in the part.
    """
    check_engine(engine)
    _validate(tasks, n, temperature)
    wanted = [(task, k) for task in tasks for k in range(first, first + n)]
    settings = {"model": str(model), "seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
    with closing(Part(part, settings, wanted)) as kept:
        if kept.missing:
            with closing(open_engine(str(model), engine, device, dtype)) as opened:
                _fill(kept, opened, tasks, settings, progress)
        return pd.DataFrame(kept.rows, columns=COLUMNS)


def _fill(kept: Part, engine: Engine, tasks: list[Task], settings: dict, progress: bool) -> None:
    """Sample what a part lacks."""
    from tqdm.auto import tqdm

    name, seed, lacking, total = settings["model"], settings["seed"], kept.missing, len(kept.rows)
    allowed = engine.allowed([render(engine.tokenizer, task.prompt) for task in tasks], settings["max_new_tokens"])
    asked, names = [task for _, task, _ in lacking], [f"{task.domain}/{task.id}/{k}" for _, task, k in lacking]
    bar = tqdm(total=total, initial=total - len(lacking), desc="sampling", unit="completion", disable=not progress)
    with bar, closing(engine.rollouts(asked, names, allowed, settings["temperature"], seed)) as played:
        try:
            for over in played:
                verdicts = verify([asked[i] for i, _ in over], [done.text for _, done in over])
                kept.add({lacking[i][0]: _row(name, *lacking[i][1:], done, verdict, seed)
                          for (i, done), verdict in zip(over, verdicts, strict=True)})
                bar.update(len(over))
        except ServerError as error:
            raise ServerError(f"{error}; {kept.said()}") from error


class Part:
    """The rows that are wanted, as far as they are there; with a path, each is in that file as soon as it is.

    The file's first line says how its completions were sampled, each other is a row. A line that a kill cut off is
    dropped, and rows that are not wanted stay.
    """

    def __init__(self, path: str | Path | None, settings: dict, wanted: list[tuple[Task, int]]):
        self.rows: list[tuple | None] = [None] * len(wanted)
        self._wanted, self._path = wanted, path
        self._file = None if path is None else self._opened(Path(path), settings)

    @property
    def missing(self) -> list[tuple[int, Task, int]]:
        """(place, task, number of the completion) of the rows that are not there."""
        return [(place, *self._wanted[place]) for place, row in enumerate(self.rows) if row is None]

    def add(self, found: dict[int, tuple]) -> None:
        """Keep rows, by place."""
        for place, row in found.items():
            self.rows[place] = row
        if self._file:
            self._file.write("".join(json.dumps(row) + "\n" for row in found.values()).encode())
            self._file.flush()

    def said(self) -> str:
        """What an interrupted run leaves behind."""
        n = sum(row is not None for row in self.rows)
        return (f"{n} of {len(self.rows)} completions are lost: give part=FILE to keep them" if self._file is None else
                f"{n} of {len(self.rows)} completions are kept in {self._path}")

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _opened(self, path: Path, settings: dict) -> BinaryIO:
        """The file, to go on behind its last whole line; what it has is taken."""
        if len({(task.domain, task.id, k) for task, k in self._wanted}) < len(self._wanted):
            raise PartError(f"a task is there twice, and {path} could not tell its completions apart")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes() if path.exists() else b""
        whole = content[:content.rfind(b"\n") + 1]
        first, *rows = (whole or content).splitlines() or [json.dumps(settings).encode()]
        self._check(first, settings)
        self._take(map(json.loads, rows))
        file = path.open("ab")
        file.truncate(len(whole))
        file.write(b"" if whole else first + b"\n")
        return file

    def _check(self, first: bytes, settings: dict) -> None:
        """PartError unless a first line says what is asked for."""
        try:
            held = json.loads(first)
        except ValueError:
            held = None
        if not isinstance(held, dict) or held.keys() != settings.keys():
            raise PartError(f"{self._path} is there, and holds no completions; choose another part")
        for name, asked in settings.items():
            if held[name] != asked:
                raise PartError(f"{self._path} holds completions with {name} {held[name]!r}, asked for is {asked!r}; "
                                "choose another part")

    def _take(self, rows: Iterable[list]) -> None:
        """Put rows where they are wanted."""
        places = {(task.domain, task.id, k): place for place, (task, k) in enumerate(self._wanted)}
        for row in rows:
            held = dict(zip(COLUMNS, row, strict=True))
            place = places.get((held["domain"], held["task_id"], held["sample"]))
            if place is not None and held["prompt"] != self._wanted[place][0].prompt:
                raise PartError(f"{self._path} answers another version of task {held['task_id']}; choose another part")
            if place is not None:
                self.rows[place] = tuple(row)
