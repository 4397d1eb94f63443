"""Intervals for a value measured on tasks, and on tasks crossed with seeds; Holm's adjustment of p-values.

A value is a ratio of sums over (task, seed) cells; a mean is the ratio with every denominator 1. Two kinds of interval:

bootstrap  One seed: percentile bootstrap over tasks; all samples of a task stay together.
crossed_t  Several seeds, crossed with the tasks. A bootstrap over few seeds is too narrow, so the variance is that of a
    two-way random-effects layout, (MS_task + MS_seed - MS_rest) / (tasks * seeds), but at least MS_rest / (tasks *
    seeds), which it exceeds in expectation; ratios are linearised. Student's t with Satterthwaite's (1946) degrees of
    freedom, but at most CAP times those of the smaller side: that seeds hardly differ is known from few of them, too.
    Differences of two models in simulation (4 samples a task, whose effect differs by .1 from task to task; 6,000 draws
    a cell): coverage of the 95 % interval, and how often at least one of 10 independent true nulls falls to Bonferroni:

        seeds  tasks   seeds differ by 0      .02          .03          .06          .10
          3      60        99.3, 0.0 %    98.9, 0.0    98.6, 0.0    96.7, 0.5    94.7, 4.9
          3     300        99.2, 0.0      97.7, 0.2    96.1, 0.2    94.5, 5.5    94.1, 10.2
          5      60        97.6, 0.0      97.3, 0.3    96.2, 1.3    95.3, 5.0    94.8, 6.5
          5     300        97.3, 0.3      95.5, 2.6    94.4, 4.6    94.7, 7.4    94.9, 5.4

    Differences of an organism's models from its anchor have seeds that differ by 0 to .06, three in four by less than
    .02. Two seeds: 93 to 100 %. With min(tasks, seeds) - 1 degrees of freedom and a variance never below what tasks or
    seeds give alone, intervals covered 98 to 100 % and decided nothing; without the cap, up to 17 % of families fell.

With fewer than two tasks the interval is missing (NaN).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95
DRAWS = 2_000
CAP = 2
"""Times the degrees of freedom of the smaller of tasks and seeds: the most that an interval may use."""


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

    def columns(self, name: str, limits: str = "") -> dict[str, float]:
        """As columns of a table: name, name_low, name_high (or LIMITS_low, LIMITS_high)."""
        return {name: self.value, f"{limits or name}_low": self.low, f"{limits or name}_high": self.high}


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
    variance, freedom = crossed_variance(residuals)
    if variance == 0:
        return Interval(value, value, value, float(value == 0), "crossed_t")
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance)
    p = 2 * stats.t.sf(abs(value) / np.sqrt(variance), freedom)
    return Interval(value, value - half, value + half, float(p), "crossed_t")


def crossed_variance(cells: np.ndarray) -> tuple[float, float]:
    """(variance of the mean of a (tasks, seeds) array, both sampled, its degrees of freedom). Needs two of each."""
    tasks, seeds = cells.shape
    by_task, by_seed = cells.mean(axis=1, keepdims=True), cells.mean(axis=0, keepdims=True)
    rest = cells - by_task - by_seed + cells.mean()
    task_square = seeds * by_task.var() * tasks / (tasks - 1)
    seed_square = tasks * by_seed.var() * seeds / (seeds - 1)
    rest_square = (rest**2).sum() / ((tasks - 1) * (seeds - 1))
    total = max(task_square + seed_square - rest_square, rest_square)
    most = CAP * (min(tasks, seeds) - 1)
    if total == 0:
        return 0.0, float(most)
    doubt = task_square**2 / (tasks - 1) + seed_square**2 / (seeds - 1) + rest_square**2 / ((tasks - 1) * (seeds - 1))
    return float(total / (tasks * seeds)), float(min(most, max(1.0, total**2 / doubt)))


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's (1979) step-down adjusted p-values, in the order given. Raises ValueError outside [0, 1]."""
    p = np.asarray(p_values, dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1, got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted
