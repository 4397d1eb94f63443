"""Estimates that can be added, subtracted and averaged, and still know their interval.

A ratio of sums over (task, seed) cells is linearised: its influence on cell c is (y_c - r x_c) / sum(x), which sums to
0 and whose variance over tasks is that of r (the delta method for a ratio estimator, Cochran 1977, section 6.3). Sums
of estimates are sums of influences, task by task, so a difference between two models on the same tasks is paired by
construction, and means over domains, judges or models need no further formula. `interval` hands the cells to
`training.intervals`: a bootstrap over tasks with one seed, the crossed t with several.

    change = (ratio(checks, sentences) - ratio(checks_of_anchor, sentences_of_anchor)).interval()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.intervals import Interval, interval


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value, and what each (task, seed) cell contributes to its error: a (tasks, seeds) frame that sums to 0."""

    value: float
    influence: pd.DataFrame

    def __add__(self, other: Estimate) -> Estimate:
        """The sum; tasks that only one side has add nothing on the other. Seeds must be the same."""
        if not self.influence.columns.equals(other.influence.columns):
            seeds = [sorted(side.influence.columns) for side in (self, other)]
            raise ValueError(f"one estimate has seeds {seeds[0]}, the other {seeds[1]}; both need the same")
        return Estimate(self.value + other.value, self.influence.add(other.influence, fill_value=0.0))

    def __mul__(self, factor: float) -> Estimate:
        return Estimate(factor * self.value, factor * self.influence)

    __rmul__ = __mul__

    def __sub__(self, other: Estimate) -> Estimate:
        return self + -1.0 * other

    @property
    def known(self) -> bool:
        """False where there was nothing to measure (a ratio to 0)."""
        return bool(np.isfinite(self.value))

    n_tasks = property(lambda self: self.influence.shape[0])
    n_seeds = property(lambda self: self.influence.shape[1])

    def interval(self, null: float = 0.0, seed: int = 0) -> Interval:
        """The value with its 95 % interval; p is of the value being `null`. All NaN where nothing was measured."""
        cells = (self.value - null + self.influence * self.influence.size).to_numpy()
        kind = "bootstrap" if self.n_seeds == 1 else "crossed_t"
        if not self.known:
            return Interval(np.nan, np.nan, np.nan, np.nan, kind)
        found = interval(cells, seed=seed)
        return Interval(self.value, found.low + null, found.high + null, found.p, found.kind)


def ratio(numerator: pd.DataFrame, denominator: pd.DataFrame | None = None) -> Estimate:
    """The ratio of the sums of two (tasks, seeds) frames; without denominator the mean of the cells."""
    y = numerator.astype(float)
    x = pd.DataFrame(1.0, y.index, y.columns) if denominator is None else denominator.astype(float)
    total = x.to_numpy().sum()
    if total == 0:
        return Estimate(np.nan, 0.0 * y)
    value = y.to_numpy().sum() / total
    return Estimate(float(value), (y - value * x) / total)


def quotient(part: Estimate, whole: Estimate) -> Estimate:
    """part / whole, by the delta method; NaN where `whole` is not above 0, and so is no measure to divide by."""
    if not whole.value > 0:
        return Estimate(np.nan, 0.0 * (part + whole).influence)
    value = part.value / whole.value
    return Estimate(value, (part - value * whole).influence / whole.value)


def of_sums(statistic: Callable[[pd.Series], float], cells: dict[int, pd.DataFrame]) -> Estimate:
    """A statistic of sums over cells, averaged over seeds; `cells` holds a frame of summands a seed, one row a cell.

    The influence of a cell is what leaving it out changes (the jackknife, Efron 1982), for statistics that stay the
    same when all sums are multiplied by one number, as ratios and cosines do.
    """
    values, influence = {}, {}
    for seed, frame in cells.items():
        total = frame.sum()
        values[seed] = float(statistic(total))
        left_out = frame.apply(lambda row, total=total: float(statistic(total - row)), axis=1)
        moved = (values[seed] - left_out) / len(cells)
        influence[seed] = moved - moved.mean()
    return Estimate(float(np.mean(list(values.values()))), pd.DataFrame(influence))


def average(estimates: list[Estimate]) -> Estimate:
    """Their unweighted mean. Raises ValueError for an empty list."""
    if not estimates:
        raise ValueError("no estimates to average; give at least one")
    total = estimates[0]
    for estimate in estimates[1:]:
        total = total + estimate
    return (1 / len(estimates)) * total
