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
Mean error in simulation, plain cosine / corrected (300 zoos of 200 tasks and 4 experts, base rates Beta(0.8, 1.2), true
rates of 80 tasks gain 0.5, so that the union gains 0.22 on average; standard error 0.007 or less):

                       k = 4          k = 8          k = 16
    all shared     -0.14/-0.00    -0.09/-0.00    -0.05/-0.00
    half shared    +0.13/+0.01    +0.12/-0.00    +0.10/+0.00
    none shared    +0.45/-0.01    +0.36/-0.00    +0.28/+0.00

What is left elsewhere. Gains of 0.3 (union 0.14): at most 0.03 from k = 8 on; at k = 4 mostly NaN. Gains of 0.15 (union
0.07) are too small for 200 tasks: NaN in 99 % (k = 4), 96 % (8) and 49 % (16) of the zoos, and where it is not, -0.02
(all shared) to +0.10 (none) at k = 16, -0.09 to +0.45 at k = 8; with 2,000 tasks at most 0.03 from k = 8 on. No gains:
NaN in 899 of 900 zoos. Where 40 % of the other tasks lose up to 0.3: none shared -0.09, -0.05, -0.03 (k = 4, 8, 16).
Where every task moves, for each model by itself (normal, sd 0.3; true cosine 0.74), -0.16, -0.11, -0.08, and the plain
cosine is right by luck; half shared -0.09, -0.06, -0.04; all shared -0.02, -0.01, -0.00. So where there is enough gain
to measure, `corrected` errs downwards.

Tried and left (50 to 60 zoos; the prior 8): extrapolation of plain sums in 1/k (none shared: +0.34, +0.23, +0.16; best
where every task moves), one choice from all samples that do not measure (all shared: -0.13, -0.03, -0.01), plain gains
of halves (none shared: +0.58, +0.47, +0.36), an estimated prior of rates (none shared: +0.24, +0.14, +0.08).

Intervals: sums over tasks and seeds come before the ratio, which is linearised (delta method, Cochran 1977); then
`training.intervals`. They covered the true cosine in 94 to 100 % of the zoos of the table, and in fewer, down to 57 %,
where an error is left.

    gain_consistency(scores, "anchor", ["expert-math", "expert-code"], ["mixed", "merged"])

Departure: with several training seeds the vectors have an entry for each task and seed; not a mean of cosines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.intervals import Interval, interval

ALL = "all"
"""The domain of all tasks."""
LEAST, LEAST_CORRECTED = 2, 4
"""Samples a task: for halves, and for halves that choose and measure."""
MEASURED = 4
"""One in so many samples of a half measures, at least one; the others choose."""
CLEAR = 2.0
"""Standard errors over tasks that measured squared norms must be above 0."""
TIE = 1e-9
"""Rates closer than this are equal."""
UNKNOWN = Interval(np.nan, np.nan, np.nan, np.nan, "")


@dataclass(frozen=True)
class _Cells:
    """The samples of every (model, task, seed), padded with 0 on a last axis, and how many there are."""

    samples: np.ndarray
    counts: np.ndarray
    tasks: pd.Index
    domains: np.ndarray

    @property
    def rates(self) -> np.ndarray:
        return self.samples.sum(-1) / self.counts


def gain_consistency(scores: pd.DataFrame, anchor: str, experts: list[str], combined: list[str], n_splits: int = 100,
                     seed: int = 0) -> pd.DataFrame:
    """How alike each model's gains are to the union of the experts' gains, in each domain and in all.

    Args: scores, one row a completion: model, task_id, correct (0/1, or a reward in [0, 1]), optionally domain and
    seed (of the training: models are compared within a seed; an anchor of all seeds is repeated under each).
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
    if n_splits < 1:
        raise ValueError(f"n_splits is {n_splits}; choose at least 1")
    cells = _cells(scores, _names(anchor, experts, combined))
    moments = _moments(cells, len(experts), n_splits, seed)
    rows = []
    for domain in [*sorted(set(cells.domains) - {ALL}), ALL]:
        inside = (cells.domains == domain) | (domain == ALL)
        counts = cells.counts[:, inside]
        for model in [*combined, *experts]:
            pair = [0, 1 + [*experts, *combined].index(model)]
            found = _values(*(sums[pair][:, inside] for sums in moments), seed)
            rows.append({"model": model, "domain": domain, **found, "n_tasks": counts.shape[1],
                         "n_seeds": counts.shape[2], "k": float(np.median(counts))})
    return pd.DataFrame(rows)


def _values(plain: np.ndarray, halves: np.ndarray, chosen: np.ndarray, seed: int) -> dict:
    """What `gain_consistency` says of one model, from the moments of (union, model)."""
    own = chosen[..., 1]
    clear = all(one.sum() > CLEAR * np.sqrt(len(one)) * one.sum(axis=1).std() for one in own)
    found = {"consistency": _cosine(plain[1, ..., 0], *plain[..., 1], seed),
             "corrected": _cosine(chosen[1, ..., 0], *own, seed) if clear else UNKNOWN}
    row = {}
    for name, one in found.items():
        row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    again, energy = halves.sum(axis=(1, 2)).T
    row["ceiling"] = float(np.sqrt((again / energy).prod())) if energy.all() else np.nan
    mean, norm = np.sqrt(plain[..., 1]).mean(axis=1), np.sqrt(plain[..., 1].sum(axis=(1, 2)).prod())
    row["chance"] = float(plain.shape[1] * mean.prod(axis=0).sum() / norm) if norm else np.nan
    return row


def _cosine(inner: np.ndarray, first: np.ndarray, second: np.ndarray, seed: int) -> Interval:
    """sum(inner) / sqrt(sum(first) sum(second)) of (tasks, seeds) arrays, with the interval of its linearisation."""
    x, y = first.sum(), second.sum()
    if min(x, y) <= 0:
        return UNKNOWN
    value = inner.sum() / np.sqrt(x * y)
    influence = inner / np.sqrt(x * y) - value / 2 * (first / x + second / y)
    return interval(value + inner.size * influence, seed=seed)


def _moments(cells: _Cells, n_experts: int, n_splits: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def _split(cells: _Cells, rng: np.random.Generator) -> list[np.ndarray]:
    """Random halves: rates of all their samples, of those that choose, of those that measure, each (2, models, ...).

    Of an odd number one sample is left out, another one in each split.
    """
    present = np.arange(cells.samples.shape[-1]) < cells.counts[..., None]
    order = np.argsort(np.where(present, rng.random(present.shape), 2.0), axis=-1)
    total = np.cumsum(np.take_along_axis(cells.samples, order, axis=-1), axis=-1)
    half = cells.counts // 2
    cut = half - np.maximum(1, half // MEASURED)

    def rate(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        at = np.take_along_axis(total, np.maximum(np.stack([start, end], axis=-1) - 1, 0), axis=-1)
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


def _names(anchor: str, experts: list[str], combined: list[str]) -> list[str]:
    """All models, the anchor first, then the experts."""
    for what, given in (("experts", experts), ("combined", combined)):
        if isinstance(given, str):
            raise TypeError(f"{what} is a list of names, got {given!r}")
    if not experts:
        raise ValueError("experts is empty; name at least one")
    names = [anchor, *experts, *combined]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} named more than once among anchor, experts and combined")
    return names


def _cells(scores: pd.DataFrame, names: list[str]) -> _Cells:
    """The samples of the models named. Raises ValueError as `gain_consistency` says."""
    used = _checked(scores, names)
    task, tasks = pd.factorize(used["task_id"], sort=True)
    run, seeds = pd.factorize(used["seed"], sort=True)
    cell = (pd.Index(names).get_indexer(used["model"]), task, run)
    counts = np.zeros((len(names), len(tasks), len(seeds)), dtype=int)
    np.add.at(counts, cell, 1)
    if counts.min() < LEAST:
        model, which, at = few = tuple(np.argwhere(counts < LEAST)[0])
        raise ValueError(f"model {names[model]!r} has {counts[few]} samples of task {tasks[which]} at seed "
                         f"{seeds[at]}; every model needs at least {LEAST} of every task")
    samples = np.zeros((*counts.shape, counts.max()))
    samples[(*cell, used.groupby(list(cell)).cumcount())] = used["correct"]
    domains = used.groupby("task_id")["domain"].agg(["first", "nunique"]).loc[tasks]
    if ALL in set(used["domain"]) and used["domain"].nunique() > 1:
        raise ValueError(f"domain {ALL!r} stands for all tasks together; give that domain another name")
    if (domains["nunique"] > 1).any():
        raise ValueError(f"task {domains['nunique'].idxmax()} is in several domains; a task has one")
    return _Cells(samples, counts, tasks, domains["first"].to_numpy())


def _checked(scores: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The rows of the models named, `correct` as numbers; without the columns, seed is 0 and domain "all"."""
    missing = [name for name in ("model", "task_id", "correct") if name not in scores.columns]
    if missing:
        raise ValueError(f"scores lack the column {', '.join(map(repr, missing))}")
    absent = [name for name in names if not (scores["model"] == name).any()]
    if absent:
        has = ", ".join(sorted(map(str, scores["model"].unique())))
        raise ValueError(f"scores have no model {', '.join(map(repr, absent))}; they have {has}")
    table = scores.assign(**{name: value for name, value in (("seed", 0), ("domain", ALL)) if name not in scores})
    used = table.loc[table["model"].isin(names), ["model", "task_id", "domain", "seed", "correct"]]
    empty = [name for name in used.columns if used[name].isna().any()]
    if empty:
        raise ValueError(f"the column {', '.join(map(repr, empty))} has missing values")
    reward = pd.to_numeric(used["correct"], errors="coerce").astype(float)
    odd = used["correct"][~reward.between(0, 1)]
    if len(odd):
        raise ValueError(f"correct lies between 0 and 1, got {odd.iloc[0]}")
    return used.assign(correct=reward)


def emergent_tasks(scores: pd.DataFrame, fresh: pd.DataFrame, anchor: str, experts: list[str], combined: str,
                   solved: float = 0.5, unsolved: float = 0.0, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """Tasks that only the combined model solves, and tasks that only experts solve, checked on fresh samples.

    Args: scores, as for `gain_consistency`, candidates are chosen from them; fresh, independent samples of the same
    models and tasks; a model solves a task from an avg@k of `solved` on, and does not up to `unsolved`. Seeds are
    pooled. A candidate of kind "combined" is solved by the combined model, not by the anchor and any expert; one of
    kind "experts" is solved by at least one expert, not by the anchor and the combined model.
    Returns one row a candidate: kind, task_id, domain, anchor, best_expert, combined (rates), the same of the fresh
    samples as fresh_..., confirmed (the criterion on fresh samples) and expected_false: how many candidates of the kind
    chance gives, a parametric bootstrap (0/1 samples at every model's fresh rate; mean number of tasks that meet the
    criterion although their fresh rates do not; in simulation too large, 1 to 4 times, with 4 to 16 fresh samples).
    Raises ValueError as `gain_consistency` does, and for other tasks in fresh or `unsolved` not below `solved`.
    """
    if not 0 <= unsolved < solved <= 1:
        raise ValueError(f"need 0 <= unsolved < solved <= 1, got unsolved {unsolved} and solved {solved}")
    names = _names(anchor, experts, [combined])
    first, again = (_cells(table.assign(seed=0), names) for table in (scores, fresh))
    if not first.tasks.equals(again.tasks):
        odd = first.tasks.symmetric_difference(again.tasks)
        raise ValueError(f"only one of scores and fresh has task {odd[0]}; both need the same tasks")
    n, old, new = first.counts[..., 0], first.rates[..., 0], again.rates[..., 0]
    found, confirmed = _emergent(old, solved, unsolved), _emergent(new, solved, unsolved)
    rng = np.random.default_rng(seed)
    drawn = [_emergent(rng.binomial(n, new) / n, solved, unsolved) & ~confirmed for _ in range(draws)]
    false = np.sum(drawn, axis=(0, 2)) / draws
    columns = {"task_id": first.tasks, "domain": first.domains}
    for prefix, rates in (("", old), ("fresh_", new)):
        columns |= {f"{prefix}anchor": rates[0], f"{prefix}best_expert": rates[1:-1].max(axis=0),
                    f"{prefix}combined": rates[-1]}
    return pd.concat([pd.DataFrame({"kind": kind, **columns, "confirmed": yes, "expected_false": chance})[candidate]
                      for kind, candidate, yes, chance in zip(("combined", "experts"), found, confirmed, false,
                                                              strict=True)], ignore_index=True)


def _emergent(rates: np.ndarray, solved: float, unsolved: float) -> np.ndarray:
    """(2, tasks): solved by the combined model (last) alone, by experts alone. `rates` are (models, tasks)."""
    yes, no = rates >= solved - TIE, rates <= unsolved + TIE
    return np.stack([no[:-1].all(axis=0) & yes[-1], no[0] & no[-1] & yes[1:-1].any(axis=0)])
