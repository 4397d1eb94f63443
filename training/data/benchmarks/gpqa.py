"""GPQA-Diamond (Rein et al. 2023, arXiv 2311.12022): 198 questions with one right and three wrong options.

Published as gpqa_diamond.csv with `Question`, `Correct Answer`, `Incorrect Answer 1` to `3` and `Record ID` (columns
read in NVIDIA-NeMo/Gym, benchmarks/gpqa, and in the card of a copy). The right option has no place of its own, so the
options are shuffled, by (seed, Record ID) alone; `metadata["seed"]` says by which seed. M2RL's release shuffles without
a seed, so that its tasks differ from run to run.
"""

from __future__ import annotations

import random
from string import ascii_uppercase

from training.data.choices import choice_task
from training.data.rejects import Rejected, take
from training.domains import Task

COLUMNS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
"""The options, the right one first."""


def task(row: dict, name: str, seed: int) -> Task:
    """The task of a question, with the id `name`, its options in an order of (seed, name). Raises Rejected."""
    choices = [take(row, column, str).strip() for column in COLUMNS]
    if not all(choices):
        raise Rejected("one of its options is empty", choices)
    order = list(range(len(choices)))
    random.Random(f"gpqa/{seed}/{name}").shuffle(order)
    question = take(row, "Question", str)
    return choice_task(name, question, [choices[k] for k in order], ascii_uppercase[order.index(0)], {"seed": seed})
