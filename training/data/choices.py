"""Multiple choice: a question, its options, and which of them is right.

    {"question": ..., "choices": [text, ...], "answer": 1}                                  cais/mmlu
    {"question": ..., "options": [text, ...], "answer": "B", "answer_index": 1}             TIGER-Lab/MMLU-Pro
    {"question": ..., "choices": {"label": ["A", ...], "text": [...]}, "answerKey": "B"}    allenai/ai2_arc
    {"question": ..., "options": [{"A": text}, ...], "expected_answer": "B"}                NeMo-Gym (mcqa/README.md)

NeMo-Gym's was read in its repository; the other three are the columns of those datasets as their cards list them, known
from use and not looked up again. Options keep the order they have: see `training.data.benchmarks.gpqa` for a shuffle.
"""

from __future__ import annotations

from string import ascii_uppercase

from training.data import asking
from training.data.rejects import Rejected, take
from training.domains import Task

ANSWERS = ("answer", "answerKey", "expected_answer")
"""Columns that hold the right option, in the order in which they are looked for."""


def task(row: dict, name: str) -> Task:
    """The task of a row, with the id `name`. Raises Rejected."""
    question = take(row, "question", str)
    held = "choices" if row.get("choices") is not None else "options"
    choices, labels = options(take(row, held, list, dict))
    column = next((column for column in ANSWERS if row.get(column) is not None), ANSWERS[0])
    letter = chosen(take(row, column, str, int), labels)
    return choice_task(name, question, choices, letter, {"source": str(row.get("subject") or "choices")})


def choice_task(name: str, question: str, choices: list[str], letter: str, metadata: dict) -> Task:
    """A science task that asks for one of these options."""
    prompt = f"{asking.CHOICE}\n\n{asking.with_options(question, choices)}"
    return Task("science", name, prompt, letter, {"choices": choices, "question": question, **metadata})


def options(held: list | dict) -> tuple[list[str], list[str]]:
    """(options, labels) in any of the forms above. Raises Rejected."""
    if isinstance(held, dict):
        choices, labels = take(held, "text", list), take(held, "label", list)
        if len(choices) != len(labels):
            raise Rejected("it has more or fewer options than labels", held)
    elif held and all(isinstance(entry, dict) for entry in held):
        choices = lettered(held)
        labels = list(ascii_uppercase[:len(choices)])
    else:
        choices, labels = held, list(ascii_uppercase[:len(held)])
    if not all(isinstance(choice, str) for choice in choices):
        raise Rejected("its options are not all texts", choices)
    return choices, [str(label) for label in labels]


def lettered(held: list) -> list[str]:
    """The options of `[{"A": text}, {"B": text}, ...]`; an option that is None (parquet fills them in) is none."""
    if not all(isinstance(entry, dict) for entry in held):
        raise Rejected("its options are not a list of {letter: text}", held)
    found = {letter: text for entry in held for letter, text in entry.items() if text is not None}
    if list(found) != list(ascii_uppercase[:len(found)]) or len(found) < 2:
        raise Rejected("its options are not lettered A, B, ... in order", list(found))
    return list(found.values())


def chosen(answer: str | int, labels: list[str]) -> str:
    """The letter of the right option: an index from 0, or one of the labels. Raises Rejected."""
    if isinstance(answer, str):
        answer = labels.index(answer.strip()) if answer.strip() in labels else -1
    if not 0 <= answer < min(len(labels), len(ascii_uppercase)):
        raise Rejected("its answer is none of its options", answer)
    return ascii_uppercase[answer]
