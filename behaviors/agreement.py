"""How well a tagger agrees with gold labels, and what a rate is once the tagger's known error is taken out.

Each of the two behaviors is judged alone, one against the rest, from the confusion counts of whole traces. Precision,
recall, F1 and kappa (Cohen 1960) are ratios of sums over sentences; their intervals are 95 % percentile bootstraps
that redraw traces. A rate is corrected for misclassification as in Rogan and Gladen 1978:
(rate + specificity - 1) / (sensitivity + specificity - 1). Whether the error is the same for all models is a
permutation test. A trace is one value of the column `trace` within a group: its sentences are never parted.

    agreement(table, by=("source",)); gain(table, than="cues"); same_error(table, by="model")
    corrected_rates(counts, audit, by=("model",))

Departures from Rogan and Gladen: 1. Sensitivity and specificity come from sentences that cluster in traces, so the
interval is a bootstrap over traces, not their formula. 2. A bootstrap draw in which the audit says nothing (no
positive, or sensitivity + specificity <= 1) allows any rate: it counts as 0 for the lower limit, as 1 for the upper.

The permutation test compares differences in standard errors. Plain ones reject too often where models write traces of
different length, for their rates differ in precision, which permuted traces do not show. With only a handful of errors
in groups of very different size neither is to be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from behaviors.metrics import BEHAVIORS
from behaviors.taxonomy import LABELS
from training.intervals import DRAWS, LEVEL, holm

SCORED = "scored_"
"""What a column that masks sentences for a behavior starts with."""
CELLS = ["tp", "fp", "fn", "tn"]
TOGETHER = 50
"""Permutations in memory at once."""
MEASURED = {"sensitivity": [0, 2], "specificity": [3, 1]}
"""Which of CELLS are the right and the wrong counts of a measure."""


def agreement(table: pd.DataFrame, by: Sequence[str] = (), seed: int = 0) -> pd.DataFrame:
    """One row a (by..., behavior): how well `label` agrees with `gold`.

    Args: table, one row a sentence: trace (an id), gold and label (values of LABELS), the columns of `by`, and where
    not all sentences can be judged a boolean `scored_self_verification` or `scored_backtracking`: only rows where it
    is True count for that behavior.
    Returns: *by, label (the behavior), n (sentences), positives (by gold), n_traces, then precision, recall, f1 and
    kappa, each with `_low` and `_high`, and spearman (counts of the behavior a trace, gold against label). A ratio
    without a denominator is NaN, and bootstrap draws without one are left out; intervals are NaN with fewer than 2
    traces, spearman with fewer than 3 or where a side is constant.
    Raises ValueError naming missing columns or values, a label that is none, or a mask that is not boolean.
    """
    _check(table, ("gold", "label"), by)
    return _each(table, by, lambda key, group, behavior: _agreement(_confusion(group, behavior), seed))


def _agreement(traces: pd.DataFrame, seed: int) -> dict:
    """The measures of one behavior in one group, from the confusion counts of its traces."""
    cells, gold, said = traces.to_numpy(dtype=float), traces["tp"] + traces["fn"], traces["tp"] + traces["fp"]
    row = {"n": int(cells.sum()), "positives": int(gold.sum()), "n_traces": len(cells)}
    drawn = _measures(_redraw(np.zeros(len(cells)), seed) @ cells)
    for name, value in _measures(cells.sum(axis=0)).items():
        row |= _with_limits(name, value, _limits(drawn[name]), len(cells))
    ranked = len(cells) >= 3 and gold.nunique() > 1 and said.nunique() > 1
    return {**row, "spearman": gold.rank().corr(said.rank()) if ranked else np.nan}


def gain(table: pd.DataFrame, than: str, by: Sequence[str] = (), seed: int = 0) -> pd.DataFrame:
    """F1 of `label` minus F1 of the column `than`, both on the same draws of traces.

    Args: table, as for `agreement`, with a second column of labels that `than` names.
    Returns: *by, label (the behavior), f1, f1_than, gain, gain_low, gain_high, n (sentences), n_traces; NaN as in
    `agreement`. Raises ValueError as `agreement` does.
    """
    _check(table, ("gold", "label", than), by)
    return _each(table, by, lambda key, group, behavior: _gain(
        _confusion(group, behavior), _confusion(group, behavior, than), seed))


def _gain(traces: pd.DataFrame, others: pd.DataFrame, seed: int) -> dict:
    """The gain of one behavior in one group; both frames hold the same traces in the same order."""
    cells, n = np.stack([traces, others]).astype(float), len(traces)
    f1, f1_than = _measures(cells.sum(axis=1))["f1"]
    drawn, drawn_than = _measures(_redraw(np.zeros(n), seed) @ cells)["f1"]
    return {"f1": f1, "f1_than": f1_than, **_with_limits("gain", f1 - f1_than, _limits(drawn - drawn_than), n),
            "n": int(cells[0].sum()), "n_traces": n}


def corrected(rate: ArrayLike, sensitivity: ArrayLike, specificity: ArrayLike) -> np.ndarray:
    """The true rate behind a tagged one (Rogan and Gladen 1978), elementwise with broadcasting, clipped to [0, 1].

    Shares, not percent. NaN where sensitivity + specificity <= 1, since such a tagger carries no information, and where
    an argument is NaN. Raises ValueError for a value outside [0, 1].
    """
    given = np.broadcast_arrays(*(np.asarray(values, dtype=float) for values in (rate, sensitivity, specificity)))
    for name, values in zip(("rate", "sensitivity", "specificity"), given, strict=True):
        odd = values[(values < 0) | (values > 1)]
        if len(odd):
            raise ValueError(f"{name} lies between 0 and 1, got {odd[0]}")
    rate, sensitivity, specificity = given
    return np.clip(_ratio(rate + specificity - 1, np.maximum(sensitivity + specificity - 1, 0)), 0, 1)


def corrected_rates(counts: pd.DataFrame, audit: pd.DataFrame, by: Sequence[str] = ("model",),
                    seed: int = 0) -> pd.DataFrame:
    """The share of sentences that show a behavior, as tagged and with the tagger's error in that group taken out.

    Args: counts, one row a trace: *by, trace, sentences, and in self_verification and backtracking how many of them
    are tagged so; audit, sentences with known gold, as `agreement` takes them, with the same `by`. Groups that only
    the audit has are not reported.
    Returns: one row a (by..., behavior): *by, label (the behavior), raw, sensitivity, specificity, corrected (shares),
    raw and corrected with `_low` and `_high`, n_traces, n_audited (traces of the audit). Without an audited positive
    or with sensitivity + specificity <= 1, corrected and its limits are NaN; so are limits with fewer than 2 traces.
    The bootstrap redraws the traces of the counts and those of the audit independently; the same id in both is the same
    trace, and gets one draw: traces in both, in the counts alone and in the audit alone are three strata, each
    redrawn at its size. Give unrelated traces different ids.
    Raises ValueError naming a group that the audit lacks, traces counted twice or with impossible counts, and as
    `agreement` does for the audit.
    """
    _check_counts(counts, by)
    _check(audit, ("gold", "label"), by)
    audits = dict(_groups(audit, by))
    lacking = [", ".join(map(str, key)) for key, _ in _groups(counts, by) if key not in audits]
    if lacking:
        raise ValueError(f"the audit has no sentence of {' or of '.join(lacking)}; audit every group of the counts")
    return _each(counts, by, lambda key, group, behavior: _corrected(
        group, _confusion(audits[key], behavior), behavior, seed))


def _corrected(counts: pd.DataFrame, audited: pd.DataFrame, behavior: str, seed: int) -> dict:
    """The rates of one behavior in one group."""
    tagged = counts.groupby("trace")[[behavior, "sentences"]].sum()
    ids = tagged.index.union(audited.index, sort=False)
    cells = np.hstack([frame.reindex(ids, fill_value=0).to_numpy(dtype=float) for frame in (tagged, audited)])
    raw, *errors = _rates(cells.sum(axis=0))
    drawn, *drawn_errors = _rates(_redraw(2 * ids.isin(tagged.index) + ids.isin(audited.index), seed) @ cells)
    found, redrawn = corrected(raw, *errors), corrected(drawn, *drawn_errors)
    limits = _limits(np.nan_to_num(redrawn, nan=0.0))[0], _limits(np.nan_to_num(redrawn, nan=1.0))[1]
    informed = 0 if np.isnan(found) else min(len(tagged), len(audited))
    return {**_with_limits("raw", raw, _limits(drawn), len(tagged)), "sensitivity": errors[0], "specificity": errors[1],
            **_with_limits("corrected", found, limits, informed), "n_traces": len(tagged), "n_audited": len(audited)}


def _rates(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tagged rate, sensitivity and specificity from (..., 6): tagged, sentences, and the confusion counts."""
    tagged, sentences, tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    return _ratio(tagged, sentences), _ratio(tp, tp + fn), _ratio(tn, tn + fp)


def same_error(audit: pd.DataFrame, by: str = "model", draws: int = 999, seed: int = 0) -> pd.DataFrame:
    """Is the tagger's error the same in all groups? One row a (behavior, measure).

    Args: audit, as `agreement` takes it; by, the column that names the groups; draws, permutations.
    Returns: label (the behavior), measure (sensitivity or specificity), spread (largest minus smallest over groups),
    lowest and highest (groups), p (share of permutations of whole traces between groups that hold a difference of two
    groups at least as large in its standard errors as the observed largest, which counts as one permutation), p_holm
    (over the rows that have a p), missing (groups without a sentence to judge the measure on, comma-separated; they
    are left out). Traces without such a sentence are not permuted. With fewer than two groups left, spread, p,
    lowest and highest are missing. Raises ValueError as `agreement` does.
    """
    _check(audit, ("gold", "label"), (by,))
    rows = []
    for behavior in BEHAVIORS:
        traces = {key[0]: _confusion(group, behavior).to_numpy(dtype=float) for key, group in _groups(audit, (by,))}
        for measure, cells in MEASURED.items():
            counts = {name: one[:, cells] for name, one in traces.items()}
            rows.append({"label": behavior, "measure": measure, **_same(counts, draws, seed)})
    found = pd.DataFrame(rows)
    tested = found["p"].notna()
    adjusted = pd.Series(holm(found.loc[tested, "p"]), index=found.index[tested], dtype=float)
    found.insert(found.columns.get_loc("p") + 1, "p_holm", adjusted.reindex(found.index))
    return found


def _same(every: dict[str, np.ndarray], draws: int, seed: int) -> dict:
    """The spread of one measure over groups and its p, from each group's right and wrong counts, (traces, 2)."""
    held = {name: traces[traces.sum(axis=1) > 0] for name, traces in every.items() if traces.sum() > 0}
    row = {"spread": np.nan, "lowest": None, "highest": None, "p": np.nan,
           "missing": ", ".join(str(name) for name in every if name not in held)}
    if len(held) < 2:
        return row
    names, traces = list(held), np.vstack(list(held.values()))
    rates = [one[:, 0].sum() / one.sum() for one in held.values()]
    member = np.repeat(np.arange(len(held)), [len(one) for one in held.values()])
    rng, observed = np.random.default_rng(seed), _separation(traces, member[None], len(held))
    redrawn = np.concatenate([_separation(traces, rng.permuted(np.tile(member, (size, 1)), axis=1), len(held))
                              for size in np.diff([*range(0, draws, TOGETHER), draws])])
    extreme = redrawn >= observed * (1 - 1e-9)
    return row | {"spread": np.ptp(rates), "lowest": names[np.argmin(rates)], "highest": names[np.argmax(rates)],
                  "p": (1 + extreme.sum()) / (1 + draws)}


def _separation(traces: np.ndarray, members: np.ndarray, groups: int) -> np.ndarray:
    """The largest difference of two groups' rates in its standard errors, for each row of members (draws, traces).

    The variance of a rate is linearised about the rate of all traces, which the groups share if the error is the same;
    so it is there for a group without an error too, and for a group of one trace.
    """
    total = traces.sum(axis=1)
    residual = traces[:, 0] - traces[:, 0].sum() / total.sum() * total
    parts = np.stack([residual, residual**2, total], axis=1)
    off, square, size = np.moveaxis(np.stack([(members == g) @ parts for g in range(groups)], axis=1), -1, 0)
    rate, variance = off / size, square / size**2
    difference = np.abs(rate[:, :, None] - rate[:, None, :])
    error = np.sqrt(variance[:, :, None] + variance[:, None, :])
    return np.divide(difference, error, out=np.zeros_like(difference), where=error > 0).max(axis=(1, 2))


def _groups(table: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """The rows of each value of `by`, sorted; with no `by`, one group of all rows."""
    return iter(table.groupby(list(by), observed=True) if by else [((), table)])


def _each(table: pd.DataFrame, by: Sequence[str], measure: Callable[[tuple, pd.DataFrame, str], dict]) -> pd.DataFrame:
    """One row a group and behavior: the group, the behavior as `label`, and what is measured of them."""
    return pd.DataFrame([{**dict(zip(by, key, strict=True)), "label": behavior, **measure(key, group, behavior)}
                         for key, group in _groups(table, by) for behavior in BEHAVIORS])


def _confusion(table: pd.DataFrame, behavior: str, of: str = "label") -> pd.DataFrame:
    """tp, fp, fn, tn of every trace that has a scored sentence, one behavior against the rest, traces sorted."""
    scored = table[table[SCORED + behavior]] if SCORED + behavior in table.columns else table
    trace, ids = pd.factorize(scored["trace"], sort=True)
    gold, said = (scored[name].to_numpy() == behavior for name in ("gold", of))
    cells = np.bincount(4 * trace + 2 * ~said + ~gold, minlength=4 * len(ids)).reshape(-1, 4)
    return pd.DataFrame(cells, index=ids, columns=CELLS)


def _measures(cells: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall, F1 and Cohen's kappa from confusion counts (..., 4)."""
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    n, chance = cells.sum(axis=-1), (tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)
    return {"precision": _ratio(tp, tp + fp), "recall": _ratio(tp, tp + fn), "f1": _ratio(2 * tp, 2 * tp + fp + fn),
            "kappa": _ratio(n * (tp + tn) - chance, n**2 - chance)}


def _ratio(above: ArrayLike, below: ArrayLike) -> np.ndarray:
    """Elementwise, NaN where there is no denominator."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=float), np.asarray(below, dtype=float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)[()]


def _redraw(stratum: np.ndarray, seed: int) -> np.ndarray:
    """(draws, traces): how often each trace is drawn when every stratum is redrawn, with replacement, at its size."""
    rng, weights = np.random.default_rng(seed), np.zeros((DRAWS, len(stratum)))
    for one in np.unique(stratum):
        at = np.flatnonzero(stratum == one)
        weights[:, at] = rng.multinomial(len(at), np.full(len(at), 1 / len(at)), size=DRAWS)
    return weights


def _limits(drawn: np.ndarray) -> tuple[float, float]:
    """The percentile interval of the draws that have a value."""
    known = drawn[~np.isnan(drawn)]
    return tuple(np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])) if len(known) else (np.nan, np.nan)


def _with_limits(name: str, value: float, limits: tuple[float, float], n: int) -> dict:
    """A value and its limits, which n < 2 traces do not give."""
    low, high = limits if n >= 2 else (np.nan, np.nan)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _check(table: pd.DataFrame, labels: Sequence[str], by: Sequence[str]) -> None:
    """Raises ValueError unless the table has its columns, values in trace and by, known labels and boolean masks."""
    _whole(table, ("trace", *by), labels)
    for name in labels:
        for row in np.flatnonzero(~table[name].isin(LABELS))[:1]:
            raise ValueError(f"row {row} has {table[name].iloc[row]!r} as {name}; choose one of {', '.join(LABELS)}")
    for name in table.columns.intersection([SCORED + behavior for behavior in BEHAVIORS]):
        if not pd.api.types.is_bool_dtype(table[name]) or table[name].isna().any():
            raise ValueError(f"column {name!r} holds {table[name].dtype}; make it True or False in every row")


def _whole(table: pd.DataFrame, keys: Sequence[str], others: Sequence[str]) -> None:
    """Raises ValueError for a table without rows or columns that it needs, or a key column with a missing value."""
    needed = (*keys, *others)
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        raise ValueError(f"no column {', '.join(map(repr, lacking))}; the table needs {', '.join(map(str, needed))}")
    if not len(table):
        raise ValueError("the table has no rows; give it at least one")
    for name in keys:
        for row in np.flatnonzero(table[name].isna())[:1]:
            raise ValueError(f"row {row} has no {name}; give every row one")


def _check_counts(counts: pd.DataFrame, by: Sequence[str]) -> None:
    """Raises ValueError unless there is one row a trace, with 0 <= tagged <= sentences."""
    _whole(counts, ("trace", *by), ("sentences", *BEHAVIORS))
    for trace in counts["trace"][counts.duplicated([*by, "trace"])].head(1):
        raise ValueError(f"trace {trace!r} has several rows of counts; give it one")
    for name in BEHAVIORS:
        odd = counts.loc[~counts[name].between(0, counts["sentences"]), ["trace", name, "sentences"]]
        for trace, tagged, of in odd.head(1).itertuples(index=False):
            raise ValueError(f"trace {trace!r} has {tagged} {name} in {of} sentences; choose 0 to that number")
