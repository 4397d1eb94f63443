"""Pairs of domains are dyadic: they share domains, so their values are no sample, and are tested by permuting domains.

    found = measure(closeness(estimates, ["math", "coding"], "instructions"))
    permuted(found, values, ["math", "coding"], "instructions")

    explained(change, margin, size), explained_p(change, margin, size)  # over ordered pairs: what goes with what?
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from studies.estimates import Estimate, average
from studies.findings import Measured
from training.intervals import LEVEL, Interval


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


DRAWS = 1_000
KINDS = {"bootstrap": "bootstrap over tasks", "crossed_t": "t over seeds, with the bootstrap over tasks"}
"""What the kinds of interval of `spread` are called."""
STATISTICS = ("margin_given_size", "size_given_margin", "difference", "margin_alone", "size_alone")


def off_diagonal(matrices: np.ndarray) -> np.ndarray:
    """(..., n, n) -> (..., n (n - 1)): the values of the ordered pairs, row by row."""
    matrices = np.asarray(matrices, dtype=float)
    return matrices[..., ~np.eye(matrices.shape[-1], dtype=bool)]


def relabellings(n: int) -> np.ndarray:
    """(n!, n (n - 1)): for every order of n domains, which ordered pair stands at the place of which; identity first.

    `off_diagonal(m)[relabellings(n)[k]]` is `off_diagonal(m[order][:, order])`, rows and columns in the same order.
    """
    number = np.full((n, n), -1)
    number[~np.eye(n, dtype=bool)] = range(n * (n - 1))
    orders = np.array(list(permutations(range(n))))
    return off_diagonal(number[orders[:, :, None], orders[:, None, :]]).astype(int)


def ranked(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, centred and of length 1, so that products add up to Spearman's correlation."""
    from scipy.stats import rankdata

    return _unit(rankdata(values, axis=-1))


def partial(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The correlation of x and y given z, of vectors as `ranked` gives them (then: Spearman's); NaN where z decides."""
    xy, xz, yz = (np.sum(a * b, axis=-1) for a, b in ((x, y), (x, z), (y, z)))
    left = (1 - xz**2) * (1 - yz**2)
    return np.divide(xy - xz * yz, np.sqrt(np.maximum(left, 0)), out=np.full(np.shape(left), np.nan),
                     where=left > 1e-12)


def explained(change: np.ndarray, margin: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    """How the change over ordered pairs goes with the margin and with the size: rank correlations by STATISTICS.

    Arguments: (..., pairs). Given the other one, `difference` of the absolute values of these two, and each alone.
    """
    c, m, s = ranked(change), ranked(margin), ranked(size)
    by_margin, by_size = partial(c, m, s), partial(c, s, m)
    alone = (np.sum(c * other, axis=-1) for other in (m, s))
    return dict(zip(STATISTICS, (by_margin, by_size, np.abs(by_margin) - np.abs(by_size), *alone), strict=True))


def explained_p(change: np.ndarray, margin: np.ndarray, size: np.ndarray) -> dict[str, float]:
    """Two-sided p of the means over seeds of `explained`, by permuting the domains in all n! ways, alike in all seeds.

    Arguments: (seeds, pairs). Of a correlation given z, what z leaves of the change is permuted (Freedman and Lane
    1983): where the change itself is, one that hangs on z alone and differs between domains was called related to the
    other in 15 % of simulations at p = .05 (5 domains, 3 seeds), and so in 7 %. Of the others the change is permuted.
    """
    pairs = change.shape[-1]
    orders = relabellings(round((1 + np.sqrt(1 + 4 * pairs)) / 2))
    c, m, s = (ranked(values)[:, None] for values in (change, margin, size))
    moved, of_size, of_margin = c[:, 0, orders], _left(c, s)[:, 0, orders], _left(c, m)[:, 0, orders]
    found = {"margin_given_size": partial(of_size, m, s), "size_given_margin": partial(of_margin, s, m),
             "difference": np.abs(partial(moved, m, s)) - np.abs(partial(moved, s, m)),
             "margin_alone": np.sum(moved * m, axis=-1), "size_alone": np.sum(moved * s, axis=-1)}
    return {name: _extreme(values.mean(axis=0)) for name, values in found.items()}


def drawn(domains: int, tasks: int, seed: int = 0) -> np.ndarray:
    """(DRAWS, domains, tasks): how often each task is drawn, of each domain as many as there are, with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(tasks, np.full(tasks, 1 / tasks), size=(DRAWS, domains)).astype(float)


def spread(by_seed: np.ndarray, draws: np.ndarray) -> Interval:
    """The mean over seeds of a statistic, with its 95 % interval, where it is no sum over tasks (as of ranks).

    Args: by_seed, (seeds,); draws, (DRAWS, seeds): the same of tasks as `drawn`, alike in all seeds.
    One seed: percentiles of the draws, p from the draws moved to 0. Several: t with seeds - 1 degrees of freedom, on
    the variance over seeds plus that over tasks: never too narrow, for the first has a part of the second in it.
    """
    from scipy import stats

    value, means = float(by_seed.mean()), draws.mean(axis=1)
    means, seeds = means[np.isfinite(means)], len(by_seed)
    kind = "bootstrap" if seeds == 1 else "crossed_t"
    if not np.isfinite(value) or len(means) < 2:
        return Interval(value, np.nan, np.nan, np.nan, kind)
    if seeds == 1:
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(value, low, high, (1 + (np.abs(means - value) >= abs(value)).sum()) / (1 + len(means)), kind)
    error = np.sqrt(by_seed.var(ddof=1) / seeds + means.var(ddof=1))
    if error == 0:
        return Interval(value, value, value, float(value == 0), kind)
    half = stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * error
    return Interval(value, value - half, value + half, float(2 * stats.t.sf(abs(value) / error, seeds - 1)), kind)


def _extreme(values: np.ndarray) -> float:
    """The share of values at least as far from 0 as the first; NaN where that is NaN."""
    return float(np.mean(np.abs(values) >= np.abs(values[0]) - 1e-9)) if np.isfinite(values[0]) else np.nan


def _left(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """What a straight line on z leaves of x, of length 1."""
    return _unit(x - np.sum(x * z, axis=-1, keepdims=True) * z)


def _unit(values: np.ndarray) -> np.ndarray:
    """Centred along the last axis, and of length 1; NaN where all values are the same."""
    centred = values - values.mean(axis=-1, keepdims=True)
    length = np.sqrt(np.sum(centred**2, axis=-1, keepdims=True))
    return np.divide(centred, length, out=np.full_like(centred, np.nan), where=length > 1e-9)
