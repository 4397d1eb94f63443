"""Programs judged by what they read and write: a problem, and lists of inputs and outputs.

    {"question": ..., "input_output": '{"inputs": [...], "outputs": [...], "fn_name": ...}', "starter_code": ...}
    {"prompt" | "problem" | "question": ..., "inputs": [...], "outputs": [...]}

The first is APPS' and TACO's: the columns are those of the BAAI/TACO card; how calls are written is known from use of
their harness, see `training.data.unit_tests`. The second is the plain form of the same.
"""

from __future__ import annotations

from training.data import asking, unit_tests
from training.data.rejects import take
from training.domains import Task

QUESTIONS = ("question", "problem", "prompt")


def task(row: dict, name: str) -> Task:
    """The task of a row, with the id `name`. Raises Rejected."""
    column = next((column for column in QUESTIONS if row.get(column) is not None), QUESTIONS[0])
    question = asking.joined(take(row, column, str, list))
    if row.get("input_output") is not None:
        tests = unit_tests.from_json(take(row, "input_output", str, dict))
    else:
        tests = unit_tests.from_lists(row)
    starter = row.get("starter_code")
    if isinstance(starter, str) and starter.strip():
        question = f"{question}\n\n{starter}"
    form = asking.FUNCTION if "assert" in tests[0] else asking.PROGRAM
    return Task("coding", name, asking.asking(question, form, asking.FENCED), None, {"tests": tests})
