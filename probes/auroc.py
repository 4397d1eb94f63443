"""The area under the ROC curve of scores that several fitted probes gave, with an interval for rows in groups.

AUROC is the share of pairs (a positive row, a negative row) that the scores order rightly, a tie counted half: the
Mann-Whitney statistic. Only pairs of one stratum are compared. The folds of a cross-validation are strata: each has a
probe of its own with an offset of its own, and a fold that is rich in positives was scored by a probe trained on few,
so that pairs across folds pull the estimate below 1/2 where there is nothing to find (Parker, Gunter and Bedo 2007;
Airola et al. 2011).

Standard error: a row's placement is the number of rows of the other label that it is rightly ordered with. Placements
give the variance of an AUROC (DeLong, DeLong and Clarke-Pearson 1988); summed over the rows of a group they give that
of rows that depend on one another within groups, as sentences of a trace do (Obuchowski 1997):

    var = G / (G - 1) * sum_g ((right_g - AUROC * pairs_g) / pairs)^2      over G groups

Interval: Wilson's score interval (1927) of a share measured on AUROC (1 - AUROC) / var independent cases, the effective
sample size (as Korn and Graubard 1998 do for surveys). Unlike value +- 1.96 se it stays in [0, 1], and it is not empty
at an AUROC of 1, where the number of groups with the rarer label is taken for the sample size. In simulation (10 to 300
groups of 1 to 40 rows, AUROC 0.5 to 0.998) it covered 94 to 98 %, value +- 1.96 se 60 to 96 %, the same on the logit
scale 58 to 98 %.

    >>> auroc(scores, labels, groups=tasks, strata=folds)          # Auroc(value=0.76, se=0.04, ...), .low, .high

Everything is ranks: O(n log n). Departures: (1) the variance is that of new groups scored by the probes there are, not
of training the probes again; (2) pairs within a group count like others, and twice in the variance, which widens it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from probes.sources import ProbeError

Z = 1.96
CASES_A_ROW = 3
"""Of the rarer label, at most: an AUROC of 1/2 of m and n independent rows has var (m + n + 1) / (12 m n)."""


@dataclass(frozen=True)
class Auroc:
    """An AUROC with what its interval needs. NaN where there is no pair to compare."""

    value: float
    se: float
    rows: int
    """Of the rarer label."""
    groups: int
    """That hold a row of the label that fewer groups hold."""

    @property
    def effective(self) -> float:
        """How many independent cases would make a share as certain as this."""
        if self.se == 0:
            return self.groups
        return min(self.value * (1 - self.value) / self.se**2, CASES_A_ROW * self.rows)

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return max(self._end(-Z), 0.0)

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return min(self._end(Z), 1.0)

    def _end(self, z: float) -> float:
        n = self.effective
        spread = (self.value * (1 - self.value) / n + (z / (2 * n)) ** 2) ** 0.5
        return (self.value + z**2 / (2 * n) + z * spread) / (1 + z**2 / n)


def auroc(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, strata: ArrayLike | None = None,
          ) -> Auroc:
    """AUROC of (rows,) scores for bool labels, higher meaning True.

    groups: what rows depend on each other within (None: every row by itself). strata: only pairs within one are
    compared (None: all are). Raises ProbeError for other lengths, no rows, or scores that are not finite.
    """
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    groups = _codes(np.arange(len(scores)) if groups is None else groups)
    strata = _codes(np.zeros(len(scores)) if strata is None else strata)
    if not len(scores) == len(labels) == len(groups) == len(strata) > 0:
        raise ProbeError(f"scores, labels, groups and strata must have one length of at least 1, got {len(scores)}, "
                         f"{len(labels)}, {len(groups)} and {len(strata)}")
    if not np.isfinite(scores).all():
        raise ProbeError(f"{(~np.isfinite(scores)).sum()} scores are not finite")
    right, pairs = placements(scores, labels, strata)
    rows = min(labels.sum(), (~labels).sum())
    held = min(len(np.unique(groups[labels])), len(np.unique(groups[~labels])))
    if not pairs.any():
        return Auroc(np.nan, np.nan, int(rows), held)
    value = right[labels].sum() / pairs[labels].sum()
    return Auroc(float(value), _error(value, right, pairs, groups, pairs[labels].sum()), int(rows), held)


def one_more(values: list[Auroc]) -> Auroc:
    """The mean of k alike AUROCs, with the standard error of a further one beside it: var (1 + 1/k).

    So its interval is where one more of their kind falls in 95 %, not where their mean lies.
    """
    error = np.sqrt(np.mean([one.se**2 for one in values]) * (1 + 1 / len(values)))
    return Auroc(float(np.mean([one.value for one in values])), float(error), min(one.rows for one in values),
                 min(one.groups for one in values))


def placements(scores: np.ndarray, labels: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows of the other label in a row's stratum that it is ordered rightly with, all of them), both (rows,).

    strata: numbers from 0.
    """
    cells = 2 * strata + labels
    below = _ranks(scores, strata) - _ranks(scores, cells)
    pairs = np.bincount(cells, minlength=2 * (strata.max() + 1))[2 * strata + ~labels]
    return np.where(labels, below, pairs - below), pairs


def _ranks(scores: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The rank of every row within its cell, from 1, ties at their middle."""
    order = _codes(scores)
    _, place, ties = np.unique(cells * (order.max() + 1) + order, return_inverse=True, return_counts=True)
    sizes = np.bincount(cells)
    return (np.cumsum(ties) - (ties - 1) / 2)[place] - (np.cumsum(sizes) - sizes)[cells]


def _codes(values: ArrayLike) -> np.ndarray:
    """Values as numbers from 0, in their order."""
    return np.unique(np.asarray(values), return_inverse=True)[1]


def _error(value: float, right: np.ndarray, pairs: np.ndarray, groups: np.ndarray, total: float) -> float:
    """The clustered standard error of the module's docstring; NaN for a single group."""
    n = groups.max() + 1
    if n == 1:
        return np.nan
    influence = np.bincount(groups, right - value * pairs) / total
    return float(np.sqrt(n / (n - 1) * (influence**2).sum()))
