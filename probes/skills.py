"""Do combined models gain on the tasks their experts gain on? The consistency of gain vectors, without its noise.

A model m gains max(a_m(i) - a_anchor(i), 0) on task i, a being avg@k accuracy. The union of the experts is the maximum
of their gains, task by task; the consistency of a model is the cosine of its gains with the union (M2RL, arXiv
2602.12566, "Same skills?"). Clipping and the maximum turn the noise of k samples into gains, and two models share the
anchor's noise: the cosine is far from 0 where nothing is shared, and below 1 where everything is.

`corrected` estimates the cosine of the gains of the true rates. The samples of every task are halved at random. In each
half most samples choose (which expert is best on the task, whether a model gains on it; a tie counts half) and the
others measure the difference to the anchor, unclipped: 0 on average where the truth is 0. Of such vectors u (union) and
v (model) in halves 1 and 2, whose noises are independent,

    corrected = mean of <u1, v2> and <u2, v1>, over sqrt(<u1, u2> <v1, v2>),        each a mean over n_splits halvings,

like a correlation corrected for attenuation (Spearman 1904): what the choice misses leaves numerator and norms alike.
A half has the same sample numbers of all models: samples of one number may share their random numbers, as those of
`behaviors.sample` do, whatever the model, and halves drawn for each model by itself would then share noise (on three
organism zoos at k = 4 the squared norm of the union came out at -4.7 +- 0.9, and so at 5.9 +- 0.9).

Mean error in simulation, plain cosine / corrected (300 zoos of 200 tasks and 4 experts, the anchor's rates half a
Beta(0.8, 1.2), true rates of 80 tasks gain 0.5; 20 halvings; standard error 0.011 or less at k = 4, 0.005 else; at k =
4 NaN in 30 to 36 % with independent samples, in 4 to 9 % with others, else never):

                           independent samples                70 % of random numbers shared
                     k = 4        k = 8        k = 16        k = 4        k = 8        k = 16
    all shared    -0.20/-0.02  -0.13/+0.01  -0.07/+0.00   -0.12/+0.01  -0.07/+0.00  -0.04/+0.00
    half shared   +0.14/+0.00  +0.14/-0.00  +0.12/+0.00   +0.10/-0.00  +0.10/+0.00  +0.09/-0.00
    none shared   +0.48/+0.03  +0.41/+0.00  +0.31/+0.00   +0.32/+0.01  +0.27/-0.01  +0.21/+0.00

What is left elsewhere (100 zoos, independent samples). Gains of 0.3: at most 0.01 at k = 16; NaN in 66 to 70 % at k = 8
and nearly always at k = 4, and what is known where most is NaN is a selection: -0.02 (all shared) to +0.13 (none) at k
= 8. Gains of 0.15 are too small for 200 tasks: NaN in 94 % or more; with 2,000 tasks in 40 % at k = 16, else -0.15 (all
shared) to +0.00 (none). No gains: NaN in 599 of 600 zoos. Where 40 % of the other tasks lose up to 0.3: none shared
-0.16, -0.08, -0.06 (k = 4, 8, 16), half -0.08, -0.05, -0.03. Where every task moves, for each model by itself (normal,
sd 0.3), none shared (true cosine 0.50) -0.30, -0.22, -0.14, half (0.79) -0.16, -0.08, -0.05, all -0.02, -0.00, -0.00,
and the plain cosine is right by luck. So where there is enough gain to measure, `corrected` errs downwards.

Tried and left (none shared, 50 to 60 zoos, independent samples; the prior 8): extrapolation of plain sums in 1/k
(+0.34, +0.23, +0.16; best where every task moves), plain gains of halves (+0.58, +0.47, +0.36), an estimated prior of
rates (+0.24, +0.14, +0.08); one choice from all samples that do not measure (all shared: -0.13, -0.03, -0.01).

Intervals: sums over tasks and seeds come before the ratio, which is linearised (delta method, Cochran 1977); then
`training.intervals`. They covered the truth in 92 to 100 % of the table's zoos, in fewer where an error is left (60 %).

    gain_consistency(scores, "anchor", ["expert-math", "expert-code"], ["mixed", "merged"])

Departure: with several training seeds the vectors have an entry for each task and seed; not a mean of cosines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from probes.cells import ALL, TIE, Cells, named, read_cells
from training.intervals import Interval, interval

LEAST_CORRECTED = 4
"""Samples a task that `corrected` takes: halves that choose and measure."""
MEASURED = 4
"""One in so many samples of a half measures, at least one; the others choose."""
CLEAR = 2.0
"""Standard errors over tasks that measured squared norms must be above 0."""
MEASURES = ("consistency", "corrected")
"""The paper's cosine, and the one without its noise."""


@dataclass(frozen=True, eq=False)
class Cosine:
    """A cosine of gains, and what each (task, seed) cell adds to its error: a (tasks, seeds) frame that sums to 0.

    NaN, with a frame of zeros, where it is unknown. Differences of cosines are differences of both, cell by cell.
    """

    value: float
    influence: pd.DataFrame

    def interval(self, seed: int = 0) -> Interval:
        """The value with its 95 % interval (linearised); `seed` drives the bootstrap of a single training seed."""
        if np.isnan(self.value):
            return Interval(np.nan, np.nan, np.nan, np.nan, "")
        return interval((self.value + self.influence.size * self.influence).to_numpy(), seed=seed)


@dataclass(frozen=True, eq=False)
class Gains:
    """What `measure_gains` measured, ready to be summed over the tasks of any domain."""

    experts: list[str]
    combined: list[str]
    cells: Cells
    moments: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    """Of each model, with the union: what `_moments` says, each (2, tasks, seeds, 2)."""
    seed: int

    @property
    def models(self) -> list[str]:
        """The combined models, then the experts."""
        return [*self.combined, *self.experts]

    @property
    def domains(self) -> list[str]:
        """The domains, and "all" last."""
        return [*sorted(set(self.cells.domains) - {ALL}), ALL]

    def cosine(self, model: str, domain: str = ALL, measure: str = "corrected") -> Cosine:
        """The `consistency` or the `corrected` one of a model with the union of the experts.

        Raises ValueError naming a model, a domain or a measure that is not there.
        """
        for what, one, known in (("model", model, self.models), ("domain", domain, self.domains),
                                 ("measure", measure, MEASURES)):
            if one not in known:
                raise ValueError(f"no {what} {one!r}; choose from {', '.join(known)}")
        plain, _, chosen = self._within(model, domain)
        if measure == "corrected":
            inner, own = chosen[1, ..., 0], chosen[..., 1]
            clear = all(one.sum() > CLEAR * np.sqrt(len(one)) * one.sum(axis=1).std() for one in own)
        else:
            inner, own, clear = plain[1, ..., 0], plain[..., 1], True
        value, influence = _cosine(inner, *own) if clear else (np.nan, np.zeros_like(inner))
        tasks = self.cells.tasks[self._inside(domain)]
        return Cosine(value, pd.DataFrame(influence, index=tasks, columns=self.cells.seeds))

    def table(self) -> pd.DataFrame:
        """One row a (domain, model), as `gain_consistency` says."""
        return pd.DataFrame([self._row(model, domain) for domain in self.domains for model in self.models])

    def _row(self, model: str, domain: str) -> dict:
        counts, row = self.cells.counts[:, self._inside(domain)], {"model": model, "domain": domain}
        for measure in MEASURES:
            found = self.cosine(model, domain, measure).interval(self.seed)
            row |= {measure: found.value, f"{measure}_low": found.low, f"{measure}_high": found.high}
        plain, halves, _ = self._within(model, domain)
        return row | {"ceiling": _ceiling(halves), "chance": _chance(plain[..., 1]), "n_tasks": counts.shape[1],
                      "n_seeds": counts.shape[2], "k": float(np.median(counts))}

    def _inside(self, domain: str) -> np.ndarray:
        return (self.cells.domains == domain) | (domain == ALL)

    def _within(self, model: str, domain: str) -> list[np.ndarray]:
        return [sums[:, self._inside(domain)] for sums in self.moments[model]]


def gain_consistency(scores: pd.DataFrame, anchor: str, experts: list[str], combined: list[str], n_splits: int = 100,
                     seed: int = 0) -> pd.DataFrame:
    """How alike each model's gains are to the union of the experts' gains, in each domain and in all.

    Args: scores, one row a completion: model, task_id, correct (0/1, or a reward in [0, 1]), optionally domain, sample
    (its number, the same for all models; else the order of rows) and seed (of the training: models are compared within
    a seed; an anchor of all seeds is repeated under each).
    Returns one row a (domain, model), the combined models first, then the experts, which are part of the union, as a
    reference: model, domain ("all" for all tasks), consistency (the paper's, of all samples) and corrected (see above),
    each with _low and _high (95 %; that of consistency is around its noisy mean); ceiling (the cosine of two
    measurements of the same gains with half of the samples each), chance (the mean consistency over all permutations of
    the model's gains over tasks, exact; unrelated gains are somewhat above it, by the anchor's noise that they share),
    n_tasks, n_seeds, k (median samples a task). Neither corrected nor an interval is cut to [0, 1]. A cosine with a
    zero vector is NaN; corrected is NaN where a task has fewer than 4 samples or a squared norm is not 2 standard
    errors above 0, that is, where there is too little gain to compare.
    Raises ValueError naming missing columns and models, values outside [0, 1], a task in two domains, a model and a
    task with fewer than 2 samples; TypeError for a name where a list is due.
    """
    return measure_gains(scores, anchor, experts, combined, n_splits, seed).table()


def measure_gains(scores: pd.DataFrame, anchor: str, experts: list[str], combined: list[str], n_splits: int = 100,
                  seed: int = 0) -> Gains:
    """What `gain_consistency` is a table of: every cosine, with the influence of its cells; arguments as there."""
    if n_splits < 1:
        raise ValueError(f"n_splits is {n_splits}; choose at least 1")
    cells = read_cells(scores, named(anchor, experts, combined))
    sums = _moments(cells, len(experts), n_splits, seed)
    moments = {name: tuple(one[[0, at]] for one in sums) for at, name in enumerate([*experts, *combined], 1)}
    return Gains(list(experts), list(combined), cells, moments, seed)


def _cosine(inner: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, np.ndarray]:
    """sum(inner) / sqrt(sum(first) sum(second)) of (tasks, seeds) arrays, and the influence of every cell on it."""
    x, y = first.sum(), second.sum()
    if min(x, y) <= 0:
        return np.nan, np.zeros_like(inner)
    value = inner.sum() / np.sqrt(x * y)
    return float(value), inner / np.sqrt(x * y) - value / 2 * (first / x + second / y)


def _ceiling(halves: np.ndarray) -> float:
    """The cosine of both halves' gains, geometric mean of the union's and the model's."""
    again, energy = halves.sum(axis=(1, 2)).T
    return float(np.sqrt((again / energy).prod())) if energy.all() else np.nan


def _chance(squares: np.ndarray) -> float:
    """The mean cosine over all permutations of a model's gains over tasks; squared gains of (union, model)."""
    mean, norm = np.sqrt(squares).mean(axis=1), np.sqrt(squares.sum(axis=(1, 2)).prod())
    return float(squares.shape[1] * mean.prod(axis=0).sum() / norm) if norm else np.nan


def _moments(cells: Cells, n_experts: int, n_splits: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is summed over cells, three arrays (union and models, tasks, seeds, 2).

    Of plain gains: their product with the union's, their square. Of the plain gains of halves: the product of both,
    their mean square. Of chosen and measured gains: the product with the other half's union, that of both halves.
    """
    rng, gains = np.random.default_rng(seed), _clipped(cells.rates, n_experts)
    plain = np.stack([gains * gains[0], gains**2], axis=-1)
    halves, chosen = np.zeros_like(plain), np.zeros_like(plain)
    for _ in range(n_splits):
        whole, choosing, measuring = _split(cells, rng)
        one, two = (_clipped(rates, n_experts) for rates in whole)
        halves += np.stack([one * two, (one**2 + two**2) / 2], axis=-1) / n_splits
        if cells.counts.min() >= LEAST_CORRECTED:
            one, two = (_chosen(*rates, n_experts) for rates in zip(choosing, measuring, strict=True))
            chosen += np.stack([(one * two[0] + two * one[0]) / 2, one * two], axis=-1) / n_splits
    return plain, halves, chosen


def _split(cells: Cells, rng: np.random.Generator) -> list[np.ndarray]:
    """Random halves: rates of all their samples, of those that choose, of those that measure, each (2, models, ...).

    A half has the same sample numbers of every model, those that all have. Of an odd number one is left out, another
    one in each split.
    """
    fewest = cells.counts.min(axis=0)
    present = np.arange(cells.samples.shape[-1]) < fewest[..., None]
    order = np.argsort(np.where(present, rng.random(present.shape), 2.0), axis=-1)
    total = np.cumsum(np.take_along_axis(cells.samples, order[None], axis=-1), axis=-1)
    half = fewest // 2
    cut = half - np.maximum(1, half // MEASURED)

    def rate(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        at = np.take_along_axis(total, np.maximum(np.stack([start, end], axis=-1) - 1, 0)[None], axis=-1)
        return (at[..., 1] - np.where(start > 0, at[..., 0], 0.0)) / np.maximum(end - start, 1)

    none = np.zeros_like(half)
    return [np.stack([rate(a, b), rate(half + a, half + b)]) for a, b in ((none, half), (none, cut), (cut, half))]


def _clipped(rates: np.ndarray, n_experts: int) -> np.ndarray:
    """Gains of the union and of every model; in `rates` the anchor comes first, then the experts."""
    gains = np.maximum(rates[1:] - rates[0], 0.0)
    return np.concatenate([gains[:n_experts].max(axis=0, keepdims=True), gains])


def _chosen(choosing: np.ndarray, measuring: np.ndarray, n_experts: int) -> np.ndarray:
    """As `_clipped`, but `choosing` says what gains and which expert is best (equals: their mean)."""
    seen, found = choosing[1:] - choosing[0], measuring[1:] - measuring[0]
    best = seen[:n_experts] >= seen[:n_experts].max(axis=0) - TIE
    seen = np.concatenate([seen[:n_experts].max(axis=0, keepdims=True), seen])
    union = (best * found[:n_experts]).sum(axis=0, keepdims=True) / best.sum(axis=0)
    return np.concatenate([union, found]) * ((seen > TIE) + (seen >= -TIE)) / 2
