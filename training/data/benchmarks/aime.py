"""AIME 2024 and 2025: 30 problems a year, each with a whole number from 0 to 999 for an answer.

Published as `problem` and `answer`, with `id` (HuggingFaceH4/aime_2024) or `problem_idx` (MathArena/aime_2025); as
`Problem`, `Answer`, `ID` (Maxwell-Jia/AIME_2024); as `question`, `answer` (opencompass/AIME2025); as `problem` and a
`solution` that is `\\boxed{204}` (math-ai/aime24). The first two were read in NVIDIA-NeMo/Gym (benchmarks/aime24 and
aime25), the last in M2RL's data/download_aime.py; the others are known from use.
"""

from __future__ import annotations

from training.data import asking
from training.data.rejects import Rejected, take, written
from training.domains import Task
from training.domains.final_answer import boxes

QUESTIONS = ("problem", "Problem", "question")
ANSWERS = ("answer", "Answer", "solution")
IDS = ("id", "ID", "problem_idx")


def task(row: dict, name: str) -> Task:
    """The task of a problem, with the id `name`. Raises Rejected."""
    question = take(row, _there(row, QUESTIONS), str)
    column = _there(row, ANSWERS)
    answer = written(take(row, column, str, int, float))
    if found := boxes(answer):
        answer = found[-1][2]
    if not (answer.isdecimal() and answer.isascii() and len(answer) <= 3):
        raise Rejected("its answer is no whole number from 0 to 999", answer)
    return Task("math", name, f"{asking.MATH}\n\n{question.strip()}", answer, {"question": question})


def _there(row: dict, columns: tuple[str, ...]) -> str:
    """The first of these columns that holds something, else the first."""
    return next((column for column in columns if row.get(column) is not None), columns[0])
