"""BFCL v3 (Berkeley Function-Calling Leaderboard), its single-turn categories: BFCL_v3_simple.json and the like.

Each line of a category's file is `{"id", "question": [[{"role", "content"}]], "function": [schema, ...]}`, and each
line of the file of the same name in possible_answer/ `{"id", "ground_truth": [{function: {argument: [accepted]}}]}`,
where an accepted "" says that the argument may be left out. The irrelevance and relevance categories have no answers:
right is to call nothing, and something. Read in the data of ShishirPatil/gorilla (berkeley-function-call-leaderboard),
v3 (commit cd9429c) and v4 (6ea5797), whose files of these categories have the same form.

The agent verifier compares the calls of one turn with the accepted ones (`training.domains.accepted_calls`); a row that
offers one function accepts calls of this one, however its answer names it, as in BFCL (two rows of v3). Of the 3641
single-turn rows of v3 12 are refused: 8 conversations with turns of the assistant, and 4 rows by whose own answer no
call is right, for BFCL neither. Multi-turn (800 rows) and agentic categories need BFCL's simulated APIs: refused.

Departures from BFCL:
1. Calls are written in this project's form, and the sentences around question and functions are our own.
2. The schemas of java and javascript stand as published, with a sentence that arguments are texts with literals; BFCL
   makes them schemas of texts, and names the language's type in each description.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from training.data import asking
from training.data.rejects import Rejected, take
from training.data.rows import read_rows
from training.domains import Task
from training.domains.accepted_calls import ANY

CALLS = ('Call functions by <tool_call>{"name": ..., "arguments": {...}}</tool_call>, all that are needed in one turn. '
         "Where none of them fits, or what a function requires is not given, call none and say so.")
LITERALS = {
    "java": "They are Java's: write each argument as a JSON string that holds a Java literal or expression, a String "
            'without its quotes, as "5L", "new int[]{1, 2}", "new ArrayList<>(Arrays.asList(1, 2))", '
            '"new HashMap<>() {{ put(\\"a\\", 1); }}".',
    "javascript": "They are JavaScript's: write each argument as a JSON string that holds a JavaScript literal or "
                  'expression, a String without its quotes, as "5", "[1, 2]", "{a: 1}".',
}
FUNCTIONS = "The functions are:"


def rows(source: str | Path) -> Iterator[tuple[int, dict]]:
    """The rows of a category's file, each with its `ground_truth` and its `language`."""
    name = Path(source).name
    language = next((language for language in ("javascript", "java") if language in name), None)
    same = [] if "irrelevance" in name else ANY if "relevance" in name else None
    answers = {} if same is not None or "multi_turn" in name else _answers(Path(source))
    for number, row in read_rows(source):
        yield number, {**row, "ground_truth": answers.get(row.get("id"), same), "language": language}


def task(row: dict, name: str) -> Task:
    """The task of a row, with the id `name`. Raises Rejected."""
    turns = take(row, "question", list)
    if "function" not in row or len(turns) != 1:
        raise Rejected("it is played on BFCL's simulated APIs, which are not here", row.get("involved_classes", ""))
    functions, question = take(row, "function", list), asking.joined(turns[0])
    if row["ground_truth"] is None:
        raise Rejected("it has no possible answer")
    accepted = row["ground_truth"] if row["ground_truth"] == ANY else [
        _call(call, functions) for call in take(row, "ground_truth", list)]
    language = {"language": row["language"]} if row["language"] else {}
    asked = " ".join([CALLS, *(LITERALS[row["language"]] for _ in language), FUNCTIONS])
    listed = "\n".join(map(json.dumps, functions))
    return Task("agent", name, f"{asked}\n{listed}\n\n{question}", None,
                {"functions": functions, "accepted": accepted, **language, "question": question})


def _answers(path: Path) -> dict[str, list]:
    """Id -> ground_truth of a category."""
    file = path.parent / "possible_answer" / path.name
    if not file.exists():
        raise ValueError(f"{path} needs its answers in {file}, which is not there")
    return {row.get("id"): row.get("ground_truth") for _, row in read_rows(file)}


def _call(accepted: dict, functions: list[dict]) -> dict:
    """An accepted call, in the form of the agent domain."""
    if not isinstance(accepted, dict) or len(accepted) != 1:
        raise Rejected("its ground_truth is not a list of {function: {argument: accepted}}", accepted)
    (name, arguments), = accepted.items()
    return {"name": take(functions[0], "name", str) if len(functions) == 1 else name, "arguments": arguments}
