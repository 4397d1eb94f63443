"""The paper's benchmarks as tasks, out of files that the user has: one module a schema, graded by the five verifiers.

    benchmark = load_benchmark("gpqa-diamond", "gpqa_diamond.csv", seed=0)
    benchmark.tasks, benchmark.rejected             # tasks, and a table of the rows that no verifier here can grade
    traces = sample(model, benchmark.tasks, n=4).assign(domain=benchmark.name)
    avg_at_k(traces)                                # accuracy over k = 4 samples a task, with its 95 % interval

`python -m training.data.benchmarks --list` says for each what is graded, by which verifier, and what is not. A
benchmark of which rows are refused is a part of it, and its average not the published score: say how many are left.
`avg_at_k` groups by `domain`, and HLE's tasks are of two, hence the `assign`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from training.data import ifeval
from training.data.benchmarks import aime, bfcl, gpqa, hle, livecodebench, mmlu_redux
from training.data.rejects import Tally, sift
from training.data.rows import read_rows
from training.domains import Task


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark's file holds."""

    name: str
    tasks: list[Task]
    """Those that can be graded, in the file's order; ids are `name/id`."""
    rejected: list[dict]
    """`{"reason", "count", "row", "found"}` of the others (`training.data.rejects`)."""


@dataclass(frozen=True)
class Kind:
    """How a benchmark is published, and what is graded of it."""

    columns: tuple[tuple[str, ...], ...]
    """The columns its rows need, of each tuple one; the first tuple holds the question."""
    task: Callable[..., Task]
    """Makes the task of a row, with an id."""
    ids: tuple[str, ...]
    """The columns that may hold a row's id; without one it is its number."""
    file: str
    """Which file of which dataset."""
    graded: str
    """What is graded, by which verifier, and what is not."""
    rows: Callable[[str | Path], Iterator[tuple[int, dict]]] = read_rows
    seeded: bool = False
    """Does `task` take a seed?"""


_INSTRUCTED = (("prompt",), ("instruction_id_list",), ("kwargs",))
_AIME = ((aime.QUESTIONS, aime.ANSWERS), aime.task, aime.IDS)
BENCHMARKS = {
    "aime24": Kind(*_AIME, "HuggingFaceH4/aime_2024, or another of its copies", "math: the number in the final answer"),
    "aime25": Kind(*_AIME, "MathArena/aime_2025, or another of its copies", "math: the number in the final answer"),
    "gpqa-diamond": Kind(
        (("Question",), *((column,) for column in gpqa.COLUMNS)), gpqa.task, ("Record ID",),
        "gpqa_diamond.csv of Idavidrein/gpqa", "science: the letter; options shuffled by the seed", seeded=True),
    "livecodebench": Kind(
        (("question_content",), ("public_test_cases",), ("private_test_cases",)), livecodebench.task, ("question_id",),
        "test5.jsonl (new in v5) or test6.jsonl (new in v6) of livecodebench/code_generation_lite",
        "coding: all public and private tests; no float tolerance, no imports in front"),
    "hle": Kind(
        (("question",), ("answer",), ("answer_type",)), hle.task, ("id",), "test split of cais/hle",
        "science: letters of multiple choice; math: exact answers that are numbers or formulas; not graded: answers in "
        "words, which take a judge, and questions with an image"),
    "ifeval": Kind(_INSTRUCTED, ifeval.task, ("key",), "input_data.jsonl of google-research/instruction_following_eval",
                   "instructions: all of a prompt's hold, strictly"),
    "ifbench": Kind(_INSTRUCTED, ifeval.task, ("key",), "IFBench_test.jsonl of allenai/IFBench",
                    "instructions: all of a prompt's hold, strictly; the checks of its 58 ids are stricter and milder "
                    "than the official ones where numbered (`instruction_checks.ifbench`), and published scores are "
                    "mostly loose"),
    "mmlu-redux": Kind(
        (("question",), ("choices",), ("error_type",)), mmlu_redux.task, ("id",),
        "a file, or a folder with one a subject, of edinburgh-dawg/mmlu-redux-2.0",
        "science: the letter, by the corrected answer; questions marked as having none are not graded",
        mmlu_redux.rows),
    "bfcl": Kind(
        (("question",), ("function", "involved_classes")), bfcl.task, ("id",),
        "BFCL_v3_<category>.json, beside possible_answer/, of gorilla-llm's leaderboard data",
        "agent: the calls of all single-turn categories, by the accepted values of their arguments; not graded: "
        "multi-turn categories, which need BFCL's simulated APIs, and conversations that the assistant takes part in",
        bfcl.rows),
}


def load_benchmark(name: str, source: str | Path, seed: int = 0) -> Benchmark:
    """`survey`, but for a file of which nothing can be graded, which is a ValueError too."""
    found = survey(name, source, seed)
    if not found.tasks:
        reasons = "; ".join(f"{one['reason']} ({one['count']})" for one in found.rejected[:3])
        rows = sum(one["count"] for one in found.rejected)
        raise ValueError(f"none of the {rows} rows of {source} can be graded as {name}: {reasons}")
    return found


def survey(name: str, source: str | Path, seed: int = 0) -> Benchmark:
    """What of a benchmark's file can be graded, and what not, be it all. seed: of the order of GPQA's options.

    Raises ValueError, in one sentence: an unknown name, a file without its columns, two rows of one id, and what
    `read_rows` raises. FileNotFoundError for no such file.
    """
    rows = _rows(name, source)
    kind, tally = BENCHMARKS[name], Tally()
    to_task = partial(kind.task, seed=seed) if kind.seeded else kind.task
    tasks = [task for _, task in sift(rows, lambda number, row: to_task(row, _id(name, number, row)),
                                      tally)]
    _check_ids(tasks, source)
    return Benchmark(name, tasks, tally.table())


def questions(name: str, source: str | Path) -> dict[str, str]:
    """Id -> question of all rows of a benchmark's file, graded or not: what training prompts may not hold.

    Raises as `survey` does for what is no such file.
    """
    return {_id(name, number, row): _question(name, row) for number, row in _rows(name, source)}


def questions_named(named: list[str]) -> dict[str, str]:
    """`questions` of several `name=source`, as command lines have them."""
    found: dict[str, str] = {}
    for one in named:
        name, mark, source = one.partition("=")
        if not mark:
            raise ValueError(f"{one!r} names no file; write BENCHMARK=FILE, as aime24=aime24.jsonl")
        asked = questions(name, source)
        if twice := sorted(asked.keys() & found.keys()):
            raise ValueError(f"{source} has questions that were given before, as {twice[0]!r}; name each file once")
        found |= asked
    return found


def _question(name: str, row: dict) -> str:
    """The text of a question; of a conversation, that of its user."""
    value = next((row[column] for column in BENCHMARKS[name].columns[0] if row.get(column) is not None), "")
    if isinstance(value, list):
        turns = [message for turn in value for message in turn]
        return "\n".join(str(message["content"]) for message in turns if message["role"] == "user")
    return str(value)


def _rows(name: str, source: str | Path) -> Iterator[tuple[int, dict]]:
    """The rows of a benchmark's file, whose columns are checked on the first."""
    if name not in BENCHMARKS:
        raise ValueError(f"unknown benchmark {name!r}; choose one of {', '.join(BENCHMARKS)}")
    rows = BENCHMARKS[name].rows(source)
    first = next(rows)
    if lacking := [one for one in BENCHMARKS[name].columns if not set(one) & set(first[1])]:
        raise ValueError(f"{source} has no column {' or '.join(map(repr, lacking[0]))}, which {name} needs; it has "
                         f"{', '.join(map(str, first[1])) or 'none'}")
    return chain([first], rows)


def _id(name: str, number: int, row: dict) -> str:
    """`name/id`: by the first of the columns for ids that there is, else by the row's number."""
    found = next((row[column] for column in BENCHMARKS[name].ids if row.get(column) is not None), number)
    return f"{name}/{found}"


def _check_ids(tasks: list[Task], source) -> None:
    seen = set()
    for task in tasks:
        if task.id in seen:
            raise ValueError(f"{source} has two rows of the id {task.id!r}")
        seen.add(task.id)
