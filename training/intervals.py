"""Intervals for a value measured on tasks, and on tasks crossed with seeds; Holm's adjustment of p-values.

A value is a ratio of sums over (task, seed) cells; a mean is the ratio with every denominator 1. Two kinds of interval:

bootstrap  One seed: percentile bootstrap over tasks; all samples of a task stay together.
crossed_t  Several seeds, crossed with the tasks. A bootstrap over few seeds is too narrow, so the variance is that of a
    two-way random-effects layout, (MS_task + MS_seed - MS_rest) / (tasks * seeds), never below what tasks or seeds
    give alone (balanced two-way clustering, Cameron, Gelbach and Miller 2011); ratios are linearised. Student's t with
    min(tasks, seeds) - 1 degrees of freedom. In simulation with 3 seeds and 50 or 200 tasks it covered 96 to 100 %:
    wide where seeds hardly differ, right where they do. Satterthwaite's degrees of freedom would be narrower, but fell
    to 93 % there, and to 90 % at 2 seeds.

With fewer than two tasks the interval is missing (NaN).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95
DRAWS = 2_000


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided p-value of the value being 0."""
    kind: str
    """`bootstrap` or `crossed_t`."""


def interval(numerator: np.ndarray, denominator: np.ndarray | None = None, seed: int = 0) -> Interval:
    """The ratio of sums of two (tasks, seeds) arrays, with its interval; without denominator the mean of the cells.

    Source: see the module's docstring. `seed` drives the bootstrap alone.
    """
    y = np.asarray(numerator, dtype=float)
    x = np.ones_like(y) if denominator is None else np.asarray(denominator, dtype=float)
    if x.sum() == 0:
        return Interval(*[np.nan] * 4, kind="bootstrap" if y.shape[1] == 1 else "crossed_t")
    if y.shape[1] == 1:
        return _bootstrap(y[:, 0], x[:, 0], np.random.default_rng(seed))
    value = y.sum() / x.sum()
    return _crossed(value, (y - value * x) / x.mean())


def _bootstrap(y: np.ndarray, x: np.ndarray, rng: np.random.Generator) -> Interval:
    """Percentile interval over tasks; p from the bootstrap distribution moved to 0."""
    value, n = y.sum() / x.sum(), len(y)
    if n < 2:
        return Interval(value, np.nan, np.nan, np.nan, "bootstrap")
    weights = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS)
    below = weights @ x
    drawn = (weights @ y)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    extreme = (np.abs(drawn - value) >= abs(value) * (1 - 1e-12)).sum()
    return Interval(value, low, high, (1 + extreme) / (1 + len(drawn)), "bootstrap")


def _crossed(value: float, residuals: np.ndarray) -> Interval:
    """Two-way random-effects t interval from the (tasks, seeds) residuals of a value, which sum to 0."""
    from scipy import stats

    tasks, seeds = residuals.shape
    if tasks < 2:
        return Interval(value, np.nan, np.nan, np.nan, "crossed_t")
    variance, freedom = crossed_variance(residuals), min(tasks, seeds) - 1
    if variance == 0:
        return Interval(value, value, value, float(value == 0), "crossed_t")
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance)
    p = 2 * stats.t.sf(abs(value) / np.sqrt(variance), freedom)
    return Interval(value, value - half, value + half, float(p), "crossed_t")


def crossed_variance(cells: np.ndarray) -> float:
    """Variance of the mean of a (tasks, seeds) array, both sampled. Needs two of each."""
    tasks, seeds = cells.shape
    by_task, by_seed = cells.mean(axis=1, keepdims=True), cells.mean(axis=0, keepdims=True)
    rest = cells - by_task - by_seed + cells.mean()
    task_square = seeds * by_task.var() * tasks / (tasks - 1)
    seed_square = tasks * by_seed.var() * seeds / (seeds - 1)
    rest_square = (rest**2).sum() / ((tasks - 1) * (seeds - 1))
    total = max(task_square + seed_square - rest_square, task_square, seed_square)
    return float(total / (tasks * seeds))


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's (1979) step-down adjusted p-values, in the order given. Raises ValueError outside [0, 1]."""
    p = np.asarray(p_values, dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1, got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted
