"""Pairs of domains are dyadic: they share domains, so their values are no sample, and are tested by permuting domains.

    found = measure(closeness(estimates, ["math", "coding"], "instructions"))
    permuted(found, values, ["math", "coding"], "instructions")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from studies.estimates import Estimate, average
from studies.findings import Measured


def closeness(known: dict[frozenset, Estimate], near: Iterable[str], far: str) -> Estimate:
    """Mean over pairs of `near`, minus mean over pairs of one of them with `far`; of estimates, or of numbers."""
    within = average([known[frozenset(pair)] for pair in combinations(near, 2)])
    return within - average([known[frozenset((one, far))] for one in near])


def permuted(found: Measured, values: dict[frozenset, float], near: list[str], far: str) -> Measured:
    """With the p of permuted domains where that is the larger: the share of labellings at least as far from 0."""
    domains = sorted(set().union(*values))
    differences = {}
    for order in permutations(domains):
        new = dict(zip(domains, order, strict=True))
        labelling = frozenset(new[one] for one in near), new[far]
        differences[labelling] = closeness(values, *labelling)
    p = np.mean([abs(difference) >= abs(found.value) * (1 - 1e-9) for difference in differences.values()])
    if p < found.p:
        return found
    return replace(found, p=float(p), test=f"permutation of {len(domains)} domains; interval: {found.test}")
