"""The mixture of domains: which tasks a training step asks, as a pure function of (seed, step).

Each step's prompts are stratified by systematic sampling: with weights w and n prompts a domain gets floor(n w) or
ceil(n w) of them, in expectation exactly n w, so every batch holds the mixture and nothing need be stored to resume.
The official release shuffles the concatenated data instead, so that its batches hold the mixture only on average.
"""

from __future__ import annotations

import math
import random

from training.domains import DOMAINS, Task, get_domain, is_path

TASK_SEED = 10_000
"""Training tasks of run seed s are those of task seed TASK_SEED + s, so that none is an example of the SFT corpus."""


def normalized(mixture: dict[str, float]) -> dict[str, float]:
    """The weights of the domains, summing to 1; ValueError for unknown domains and weights that are not positive.

    The built-in domains come first, then those of your own by name: equal mixtures have the same order.
    """
    own = sorted(name for name in mixture if name not in DOMAINS)
    if unknown := [name for name in own if not is_path(name)]:
        raise ValueError(f"unknown domain {unknown[0]!r} in the mixture; choose among {', '.join(DOMAINS)}, and "
                         "modules of your own by their dotted paths")
    if not mixture:
        raise ValueError(f"an empty mixture; give a weight to at least one of {', '.join(DOMAINS)}")
    for name, weight in mixture.items():
        if not (weight > 0 and math.isfinite(weight)):
            raise ValueError(f"the weight of {name!r} in the mixture is {weight!r}; it must be a positive number")
    total = sum(mixture.values())
    return {name: mixture[name] / total for name in (*DOMAINS, *own) if name in mixture}


def counts(mixture: dict[str, float], seed: int, step: int, n: int) -> dict[str, int]:
    """How many of a step's n prompts each domain gets."""
    weights = normalized(mixture)
    offset = random.Random(f"mixture/{seed}/{step}").random()
    edge, taken, got = 0.0, 0, {}
    for name, weight in weights.items():
        edge += n * weight
        reached = n if name == list(weights)[-1] else math.floor(edge + offset + 1e-9)
        got[name] = min(reached, n) - taken
        taken += got[name]
    return got


def step_tasks(mixture: dict[str, float], seed: int, step: int, n: int, factors: dict | None = None) -> list[Task]:
    """The n training tasks of a step, by domain; no two steps of a run ask for the same task index.

    factors: what the domains share (`training.domains.compact.Factors`), where not the default.
    """
    return [get_domain(name, **factors or {}).task("train", TASK_SEED + seed, step * n + k)
            for name, count in counts(mixture, seed, step, n).items() for k in range(count)]
