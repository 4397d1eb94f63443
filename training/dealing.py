"""Which tasks each step of a run asks: those that the domains generate, or prepared ones, dealt out epoch by epoch.

Either way a step's prompts are stratified by domain (`training.mixture`), and all is a function of (seed, step).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from training.domains import Task
from training.mixture import counts, step_tasks


def steps_of(run) -> Iterator[list[Task]]:
    """The tasks of each step of a run, in order; ValueError where the preset's data lack a domain of its mixture."""
    preset = run.preset
    if preset.data is None:
        for step in range(run.steps):
            yield step_tasks(run.mixture, run.seed, step, preset.prompts, run.factors)
        return
    from training.data import read_prepared

    pools = read_prepared(Path(preset.data))
    decks = {name: deck(pools.get(name, ()), run.seed, f"{preset.data}: {name}") for name in run.mixture}
    for step in range(run.steps):
        yield [next(decks[name]) for name, n in counts(run.mixture, run.seed, step, preset.prompts).items()
               for _ in range(n)]


def deck(tasks: Sequence[Task], seed: int, name: str) -> Iterator[Task]:
    """Tasks without end: all of them in a new order, then again in another. ValueError where there are none."""
    if not tasks:
        raise ValueError(f"no prepared tasks in {name}; prepare some, or leave the domain out (--domains)")
    for epoch in count():
        order = list(tasks)
        random.Random(f"deck/{seed}/{order[0].domain}/{epoch}").shuffle(order)
        yield from order
