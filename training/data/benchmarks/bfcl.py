"""BFCL v3 (Berkeley Function-Calling Leaderboard), its single-turn categories: BFCL_v3_simple.json and the like.

Each line of a category's file is `{"id", "question": [[{"role", "content"}]], "function": [schema, ...]}`, and each
line of the file of the same name in possible_answer/ `{"id", "ground_truth": [{function: {argument: [accepted]}}]}`,
where an accepted "" says that the argument may be left out. Read in the data of ShishirPatil/gorilla
(berkeley-function-call-leaderboard, files of v4, which keep the form of v3's).

What can be graded: BFCL compares calls with accepted values, of some two thousand functions that nothing implements.
The agent verifier compares what calls leave behind in the twelve-tool workplace, so it grades a row only if that names
the workplace's own tools and accepts a single value for each argument. No published row does: all are refused, with
their number. Irrelevance categories (right is to call nothing) and multi-turn ones (with simulated APIs of their own)
are refused, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from training.data import asking
from training.data.rejects import Rejected, take
from training.data.rows import read_rows
from training.domains import Task
from training.domains.workplace import TOOLS

CALLS = ('Call functions by <tool_call>{"name": ..., "arguments": {...}}</tool_call>. The functions are:')


def rows(source: str | Path) -> Iterator[tuple[int, dict]]:
    """The rows of a category's file, with `ground_truth` from the file of that name in possible_answer/."""
    path = Path(source)
    if "multi_turn" in path.name:
        raise ValueError(f"{source} is of a multi-turn category, which needs BFCL's simulated APIs; choose a "
                         "single-turn file, as BFCL_v3_simple.json")
    answers = {}
    if "relevance" not in path.name:
        file = path.parent / "possible_answer" / path.name
        if not file.exists():
            raise ValueError(f"{source} needs its answers in {file}, which is not there")
        answers = {row.get("id"): row.get("ground_truth") for _, row in read_rows(file)}
    for number, row in read_rows(source):
        yield number, {**row, "ground_truth": answers.get(row.get("id"))}


def task(row: dict, name: str) -> Task:
    """The task of a row, with the id `name`. Raises Rejected."""
    turns = take(row, "question", list)
    if len(turns) != 1:
        raise Rejected("it has more than one turn")
    if row["ground_truth"] is None:
        raise Rejected("it has no possible answer; where right is to call nothing, the agent verifier cannot judge")
    calls = [_call(call) for call in take(row, "ground_truth", list)]
    question = asking.joined(turns[0])
    functions = "\n".join(map(json.dumps, take(row, "function", list)))
    return Task("agent", name, f"{CALLS}\n{functions}\n\n{question}", None,
                {"calls": calls, "state": {}, "question": question})


def _call(accepted: dict) -> dict:
    """The one call that a row accepts."""
    if not isinstance(accepted, dict) or len(accepted) != 1:
        raise Rejected("its ground_truth is not a list of {function: {argument: accepted}}", accepted)
    (name, arguments), = accepted.items()
    if name not in TOOLS:
        raise Rejected("it calls functions that the workplace here does not have", name)
    if not isinstance(arguments, dict) or not all(isinstance(values, list) for values in arguments.values()):
        raise Rejected("its ground_truth is not a list of {function: {argument: accepted}}", accepted)
    if any(len(values) != 1 for values in arguments.values()):
        raise Rejected("it accepts several values of an argument, and the agent verifier takes one", arguments)
    return {"name": name, "arguments": {argument: values[0] for argument, values in arguments.items()}}
