"""The trace store: what the models of a zoo wrote, sampled once per (model, domain, seed) and shared by every study.

    store = TraceStore(Zoo.load("organism")); traces = store.traces(domains=["math"], n_tasks=100, n=4)

Files are `<zoo>/traces/<model>/<domain>-<seed>.parquet`. One that holds enough tasks and samples is read, otherwise
what it lacks is sampled and added: models side by side, one thread each, or on a Ray cluster (`training.pieces`). Tasks
are the domain's test split, seed 0, so they are the same for every model and every zoo; a file whose tasks ask
something else, sampled by another version of them, is refused. The seed of a zoo's traces is the zoo's own. What a
sampling that was killed had written is in a part file beside the traces, and not sampled again. The zoo's engine
samples and judges; what is there is used, whichever engine wrote it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from behaviors.judge import KEYS, judge
from behaviors.sampling import sample
from training.domains import get_domain
from training.durable import ready, whole_file
from training.pieces import is_spread, run_pieces
from training.zoo import Zoo

QUESTION = ["prompt", "completion"]
"""What a judge's question is made of, besides the mode."""
GIVEN = ["judge", "mode", "judge_sample", "reply", "verdict", "parsed"]
"""What a judge gave, and how it was asked."""


class Asked(NamedTuple):
    """Completions of a model on a domain that a study asks for: so many of each of the first tasks."""

    model: str
    domain: str
    tasks: int
    samples: int


def crossed(models: Iterable[str], domains: Sequence[str], sizes: tuple[int, int]) -> list[Asked]:
    """Every model on every domain; sizes: (tasks, samples a task)."""
    return [Asked(model, domain, *sizes) for model in models for domain in domains]


class TraceError(ValueError):
    """Traces that are not what the store holds."""


class TraceStore:
    """The traces, and the verdicts of judges, of one zoo."""

    def __init__(self, zoo: Zoo, progress: bool = True, others: Mapping[str, str] | None = None):
        """others: name -> model, beside those of the zoo."""
        self.zoo, self.progress = zoo, progress
        self.models = ChainMap(dict(others or {}), zoo.models)

    def traces(self, models: list[str] | None = None, domains: list[str] | None = None, n_tasks: int = 100,
               n: int = 4) -> pd.DataFrame:
        """Traces of models (by name; default the zoo's) on its domains; column `model` holds the names.

        Raises DomainError for a domain that there is none of, TraceError as `held` does; before anything is sampled.
        """
        return traces_of([self], models, domains, n_tasks, n)

    def lacking(self, models: list[str], domains: list[str], n_tasks: int, n: int) -> list[tuple]:
        """Jobs of `_sample` that give the store what it lacks of these.

        Here a job is a model, whose domains share batches; on a cluster, a model on a domain.
        """
        jobs = []
        for name in models:
            files = {domain: str(self._file(name, domain)) for domain in domains
                     if not _enough(self.held(name, domain), n_tasks, n)}
            parts = [{domain: file} for domain, file in files.items()] if is_spread() else [files] if files else []
            jobs += [(str(self.models[name]), name, part, n_tasks, n, self.zoo.seed, self._factors, self.zoo.engine)
                     for part in parts]
        return jobs

    def verdicts(self, pools: dict[str, pd.DataFrame], mode: str) -> pd.DataFrame:
        """The verdicts of judges, {judge's name: traces to judge}; columns as `judge` gives them, `judge` the name.

        A verdict is decided by judge, mode, question and seed, so one that was given before, in whatever pool, is read
        from `judged/` and not asked for again.
        """
        jobs = []
        for name, pool in pools.items():
            asked = pool.drop_duplicates(QUESTION)
            missing = asked[~_keys(asked).isin(_keys(self._judged(name, mode)))]
            if len(missing):
                file = self._judged_file(name, mode)
                jobs.append((str(file), str(self.models[name]), name, missing, mode, self.zoo.seed, self.zoo.engine))
        run_pieces(_judge, jobs, f"judging, {mode}", self.progress)
        return pd.concat([_given(pool, self._judged(name, mode)) for name, pool in pools.items()], ignore_index=True)

    _factors = property(lambda self: tuple(self.zoo.manifest.factors.items()))

    def was_asked(self, judge: str, mode: str) -> bool:
        """Are there verdicts of a judge?"""
        return self._judged_file(judge, mode).exists()

    def _judged_file(self, judge: str, mode: str) -> Path:
        return self.zoo.folder / "judged" / judge / f"{mode}-{self.zoo.seed}.parquet"

    def _judged(self, judge: str, mode: str) -> pd.DataFrame:
        """What a judge was asked before in a mode, and its verdicts."""
        file = self._judged_file(judge, mode)
        return pd.read_parquet(file) if file.exists() else pd.DataFrame(columns=[*QUESTION, *GIVEN])

    def _file(self, model: str, domain: str) -> Path:
        return self.zoo.folder / "traces" / model / f"{domain}-{self.zoo.seed}.parquet"

    def held(self, model: str, domain: str) -> tuple[int, int]:
        """(tasks, samples a task) that the store has of a model on a domain; (0, 0) when it was never sampled.

        Raises TraceError for answers to other tasks than the domain's of now.
        """
        file = self._file(model, domain)
        if not file.exists():
            return 0, 0
        traces = pd.read_parquet(file, columns=["task_id", "sample", "prompt"])
        known = _counts(traces)
        odd = traces[traces["prompt"] != traces["task_id"].map(_prompts(domain, known[0], self._factors))]
        if len(odd):
            raise TraceError(f"{file} answers another version of task {odd['task_id'].iloc[0]}; move it away, and its "
                             "tasks are sampled anew")
        return known

    def left(self, asked: list[Asked]) -> float:
        """The share of these completions that the store does not hold."""
        wanted = there = 0
        for model, domain, n_tasks, n in asked:
            tasks, samples = self.held(model, domain)
            wanted += n_tasks * n
            there += min(tasks, n_tasks) * min(samples, n)
        return 1 - there / wanted if wanted else 0.0

    def read(self, model: str, domain: str, n_tasks: int, n: int) -> pd.DataFrame:
        """The first n completions of the first n_tasks tasks, as far as the store holds them."""
        held = pd.read_parquet(self._file(model, domain))
        first = held.task_id.drop_duplicates().head(n_tasks)
        return held[held.task_id.isin(first) & (held["sample"] < n)]


def traces_of(stores: Sequence[TraceStore], models: list[str] | None, domains: list[str] | None, n_tasks: int,
              n: int) -> pd.DataFrame:
    """`TraceStore.traces` of several zoos, sampled side by side."""
    jobs, wanted = [], []
    for store in stores:
        names, places = models or list(store.zoo.models), domains or store.zoo.manifest.domains
        for domain in places:
            get_domain(domain)
        if new := store.lacking(names, places, n_tasks, n):
            ready(store.zoo.folder / "traces")
        jobs += new
        wanted += [(store, name, domain) for name in names for domain in places]
    run_pieces(_sample, jobs, "sampling", stores[0].progress)
    return pd.concat([store.read(*pair, n_tasks, n) for store, *pair in wanted], ignore_index=True)


@cache
def _prompts(domain: str, n_tasks: int, factors: tuple) -> dict[str, str]:
    """Task -> its prompt."""
    return {task.id: task.prompt for task in get_domain(domain, **dict(factors)).tasks("test", n_tasks, seed=0)}


def _counts(traces: pd.DataFrame) -> tuple[int, int]:
    """(tasks, samples a task)."""
    return traces.task_id.nunique(), int(traces["sample"].max()) + 1


def _enough(held: tuple[int, int], n_tasks: int, n: int) -> bool:
    return held[0] >= n_tasks and held[1] >= n


def _sample(path: str, name: str, files: dict[str, str], n_tasks: int, n: int, seed: int, factors: tuple,
            engine: str) -> None:
    """Add to the files of one model, by domain, what they lack of n completions of each of n_tasks tasks.

    What several domains lack is sampled together, in fuller batches.
    """
    held, order, lacking = {}, {}, {}
    for domain, file in files.items():
        held[domain] = pd.read_parquet(file) if Path(file).exists() else pd.DataFrame()
        known, taken = _counts(held[domain]) if len(held[domain]) else (0, 0)
        tasks = get_domain(domain, **dict(factors)).tasks("test", max(n_tasks, known), seed=0)
        order |= {task.id: place for place, task in enumerate(tasks)}
        for some, first in ((tasks[known:], 0), (tasks[:known], taken)):
            if some and first < max(n, taken):
                lacking.setdefault((first, max(n, taken) - first), []).extend(some)
    part = Path(files[min(files)]).with_name(f"{'-'.join(files)}-{seed}.part")
    new = pd.concat([sample(path, tasks, n=count, engine=engine, first=first, seed=seed, progress=False, part=part)
                     for (first, count), tasks in lacking.items()]).assign(model=name)
    for domain, file in files.items():
        traces = pd.concat([held[domain], new[new.domain == domain]])
        ordered = traces.assign(place=traces.task_id.map(order)).sort_values(["place", "sample"])
        write(ordered.drop(columns="place").reset_index(drop=True), Path(file))
    part.unlink(missing_ok=True)


def _judge(file: str, path: str, name: str, pool: pd.DataFrame, mode: str, seed: int, engine: str) -> None:
    """Add a judge's verdicts on a pool to a file."""
    judged = judge(path, pool, mode=mode, seed=seed, engine=engine).assign(judge=name)
    new = judged.assign(**{key: pool[key].to_numpy() for key in QUESTION})[[*QUESTION, *GIVEN]]
    write(pd.concat([pd.read_parquet(file), new]) if Path(file).exists() else new, Path(file))


def _keys(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[QUESTION])


def _given(pool: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """The rows of a pool with the verdicts on them."""
    rows = pool[[*KEYS, *QUESTION]].merge(judged, on=QUESTION, how="left", validate="many_to_one")
    agrees = [None if verdict is None else verdict == correct
              for verdict, correct in zip(rows["verdict"], rows["correct"], strict=True)]
    return rows.drop(columns=QUESTION).assign(agrees=pd.Series(agrees, dtype=object))


def write(frame: pd.DataFrame, file: Path) -> None:
    """A parquet file, whole or not at all."""
    with whole_file(file) as aside:
        frame.to_parquet(aside)
