"""A folder of training tasks, prepared once and read at every start: one jsonl a domain, and a report.

    report = prepare("train.jsonl", "runs/data/blend", tokenizer=tokenizer, max_prompt_tokens=2048, against=questions)
    tasks = read_prepared("runs/data/blend")        # {domain: [Task, ...]}

Each line of `<domain>.jsonl` is a task: `{"domain", "id", "prompt", "answer", "metadata"}`. `report.json` holds
`format`, `version`, `source`, `schema`, `rows` (read), `kept` (domain -> tasks), and of the rows that are not kept
- `rejected`: `[{"reason", "count", "row", "found"}]` (`training.data.rejects`), repeated prompts among them,
- `too_long`: `{"limit", "count", "row", "longest"}` in tokens, or null where no limit was set,
- `contaminated`: `{"n", "questions", "short", "boilerplate", "count", "hits"}` (`contamination.Overlap`), or null.
`rows` is the sum of kept, rejected, too long and contaminated. The folder is whole or absent: it is written aside and
renamed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from training.data.contamination import N, Overlap
from training.data.length import token_counts
from training.data.rejects import Tally
from training.data.rows import read_rows
from training.data.schemas import tasks_of
from training.domains import DOMAINS, Task
from training.durable import whole_folder

FORMAT, VERSION, REPORT = "mix-or-merge tasks", 1, "report.json"
FIELDS = ("domain", "id", "prompt", "answer", "metadata")
CHUNK = 256
"""Prompts tokenized at once."""


def prepare(source: str | Path, out: str | Path, schema: str | None = None, tokenizer=None,
            max_prompt_tokens: int | None = None, against: Mapping[str, str] | None = None,
            workbench: str | None = None) -> dict:
    """Turn a dataset into a folder of tasks that can be graded, and return the report.

    Args: source, as of `read_rows`; out, a folder that is not there yet; schema, one of `training.data.schemas.SCHEMAS`
    (None: by the first row's columns); tokenizer, which counts a prompt's tokens, and max_prompt_tokens, the most that
    are kept: both or neither; against, id -> text of evaluation questions that no kept prompt may hold
    (`training.data.benchmarks.questions`, `training.data.contamination.questions_of`); workbench, the folder of tables
    of the blend's agent rows (`training.domains.workbench`; None: these are refused), which the tasks name as given.
    Raises ValueError, in one sentence: a source that cannot be read, lacks a column, has no rows or none that can be
    graded, nothing left by the filters, a folder that is there, a workbench that lacks a table, or of another schema.
    FileNotFoundError for no such file.
    """
    out = Path(out)
    if out.exists():
        raise ValueError(f"{out} is there already; remove it or choose another folder")
    if (tokenizer is None) != (max_prompt_tokens is None):
        raise ValueError("a limit of prompt tokens needs a tokenizer, and a tokenizer a limit; give both or neither")
    tally, overlap = Tally(), Overlap(against or {})
    rows = _Counted(read_rows(source))
    name, tasks = tasks_of(rows, source, schema, tally, workbench)
    too_long = None if tokenizer is None else {"limit": max_prompt_tokens, "count": 0, "row": None, "longest": 0}
    with whole_folder(out) as aside:
        written = _write(_short_enough(_first_of_each(tasks, tally), tokenizer, too_long), aside, overlap)
        if not written.total():
            raise ValueError(_nothing(source, rows.count, tally, too_long))
        hits = overlap.hits()
        kept = _without(aside, {hit.task for hit in hits}, written) if hits else written
        if not kept.total():
            raise ValueError(f"none of the {rows.count} rows of {source} is left: what can be graded is contaminated")
        dropped = {"n": N, "questions": len(against or {}), "short": overlap.short, "boilerplate": overlap.spared(),
                   "count": written.total() - kept.total(), "hits": [asdict(hit) for hit in hits]}
        report = {"format": FORMAT, "version": VERSION, "source": str(source), "schema": name, "rows": rows.count,
                  "kept": {domain: kept[domain] for domain in DOMAINS if kept[domain]}, "rejected": tally.table(),
                  "too_long": too_long, "contaminated": dropped if against else None}
        (aside / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


class _Counted:
    """An iterator that counts what it gave."""

    def __init__(self, items: Iterator):
        self._items, self.count = items, 0

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self._items)
        self.count += 1
        return item


def _first_of_each(tasks: Iterable[tuple[int, Task]], tally: Tally) -> Iterator[tuple[int, Task]]:
    """The tasks whose prompt (and domain) did not come before."""
    seen: dict[bytes, bytes] = {}
    for row, task in tasks:
        prompt, answer = _digest(task.domain, task.prompt), _digest(task.answer, task.metadata.get("choices"))
        if prompt not in seen:
            seen[prompt] = answer
            yield row, task
        elif seen[prompt] == answer:
            tally.add("the prompt of an earlier row", row, task.prompt[:100])
        else:
            tally.add("the prompt of an earlier row, with another answer", row, task.prompt[:100])


def _digest(*parts) -> bytes:
    return blake2b(json.dumps(parts).encode(), digest_size=16).digest()


def _short_enough(tasks: Iterable[tuple[int, Task]], tokenizer, too_long: dict | None) -> Iterator[Task]:
    """The tasks within the limit; the others are counted in `too_long`."""
    tasks = iter(tasks)
    while chunk := list(islice(tasks, CHUNK)):
        counts = [0] * len(chunk)
        if too_long is not None:
            counts = token_counts(tokenizer, [task.prompt for _, task in chunk])
        for (row, task), count in zip(chunk, counts, strict=True):
            if too_long is None or count <= too_long["limit"]:
                yield task
            else:
                too_long["row"] = row if too_long["row"] is None else too_long["row"]
                too_long.update(count=too_long["count"] + 1, longest=max(count, too_long["longest"]))


def _write(tasks: Iterable[Task], folder: Path, overlap: Overlap) -> Counter:
    """Write the tasks by domain and show them to `overlap`; how many of each domain."""
    counts: Counter = Counter()
    files = {domain: (folder / f"{domain}.jsonl").open("w", encoding="utf-8") for domain in DOMAINS}
    try:
        for task in tasks:
            files[task.domain].write(json.dumps({name: getattr(task, name) for name in FIELDS}) + "\n")
            overlap.look(task)
            counts[task.domain] += 1
    finally:
        for file in files.values():
            file.close()
    for domain in DOMAINS:
        if not counts[domain]:
            (folder / f"{domain}.jsonl").unlink()
    return counts


def _without(folder: Path, names: set[str], counts: Counter) -> Counter:
    """Take the tasks of these ids out of a folder; how many are left of each domain."""
    left: Counter = Counter()
    for domain in counts:
        file = folder / f"{domain}.jsonl"
        with file.open(encoding="utf-8") as lines, (folder / "rest").open("w", encoding="utf-8") as rest:
            for line in lines:
                if json.loads(line)["id"] not in names:
                    rest.write(line)
                    left[domain] += 1
        (folder / "rest").replace(file)
        if not left[domain]:
            file.unlink()
    return left


def _nothing(source, rows: int, tally: Tally, too_long: dict | None) -> str:
    """Why not one of the rows is left."""
    reasons = [f"{reject['reason']} ({reject['count']})" for reject in tally.table()[:3]]
    if too_long and too_long["count"]:
        reasons.insert(0, f"longer than {too_long['limit']} tokens ({too_long['count']})")
    return f"none of the {rows} rows of {source} can be used: {'; '.join(reasons)}"


def read_report(folder: str | Path) -> dict:
    """The report of a prepared folder. Raises ValueError for a folder, format or version that is none of ours."""
    file = Path(folder) / REPORT
    if not file.is_file():
        raise ValueError(f"{folder} is no folder of prepared tasks: it has no {REPORT}; make one by "
                         "python -m training.data")
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not JSON ({error})") from error
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise ValueError(f"{file} is no report of prepared tasks: its format is not {FORMAT!r}")
    if report.get("version") != VERSION:
        raise ValueError(f"{file} has version {report.get('version')!r}; this code reads version {VERSION}")
    return report


def read_prepared(folder: str | Path) -> dict[str, list[Task]]:
    """The tasks of a prepared folder, by domain, in the order of their rows.

    Raises ValueError as `read_report` does, naming file and line for one that is no task of that file's domain, and for
    a file with more or fewer tasks than the report says.
    """
    report, tasks = read_report(folder), {}
    for domain, count in report["kept"].items():
        file = Path(folder) / f"{domain}.jsonl"
        if not file.is_file():
            raise ValueError(f"{folder} lacks {file.name}, of which its report counts {count} tasks")
        tasks[domain] = list(_tasks(file, domain))
        if len(tasks[domain]) != count:
            raise ValueError(f"{file} has {len(tasks[domain])} tasks, and the report counts {count}; prepare it again")
    return tasks


def _tasks(file: Path, domain: str) -> Iterator[Task]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                held = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number} of {file} is not JSON ({error})") from error
            if not _is_task(held, domain):
                raise ValueError(f"line {number} of {file} is no task of {domain}: it needs {', '.join(FIELDS)}")
            yield Task(**held)


def _is_task(held, domain: str) -> bool:
    return (isinstance(held, dict) and set(held) == set(FIELDS) and held["domain"] == domain
            and isinstance(held["id"], str) and isinstance(held["prompt"], str)
            and isinstance(held["answer"], str | None) and isinstance(held["metadata"], dict))
