"""How well, how long and how reflective: accuracy, pass@k, length and behavior rates, each with a 95 % interval.

pass@k is the unbiased estimator of Chen et al. 2021 (arXiv 2107.03374, equation 1). Tasks weigh the same whatever their
number of samples; behavior rates are sentences of the label over all sentences. The intervals are those of
`training.intervals` (`bootstrap` over tasks with one seed, `crossed_t` over tasks and seeds with several), and a
column `interval` names the kind. A trace's `seed` is the unit of repetition: tasks and seeds must be crossed.

    summarize(traces, tag(traces["completion"].tolist()))
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from training.domains.task import split_reasoning
from training.intervals import Interval, holm, interval

__all__ = ["Paired", "avg_at_k", "holm", "paired_bootstrap", "pass_at_k", "pass_rate", "summarize"]
BEHAVIORS = ("self_verification", "backtracking")
GROUP = ["model", "domain"]
CELL = ["task_id", "seed"]


@dataclass(frozen=True)
class Paired:
    """The difference a - b on the same tasks (and seeds)."""

    value: str
    mean_a: float
    mean_b: float
    difference: float
    ci_low: float
    ci_high: float
    p: float
    n_tasks: int
    n_seeds: int
    interval: str

    def to_frame(self) -> pd.DataFrame:
        """One row, a column a field."""
        return pd.DataFrame([asdict(self)])


def pass_rate(n: ArrayLike, correct: ArrayLike, k: int) -> np.ndarray:
    """1 - C(n - correct, k) / C(n, k), elementwise: the chance that k of n samples hold a right one."""
    from scipy.special import gammaln

    n, wrong = np.asarray(n, dtype=float), np.asarray(n, dtype=float) - np.asarray(correct, dtype=float)
    if k < 1 or (n < k).any():
        raise ValueError(f"k is {k}; choose a k from 1 to the fewest samples of a task, {int(n.min())}")
    kept = np.maximum(wrong, k)  # where fewer than k are wrong, no draw of k misses: the rate is 1
    log_miss = gammaln(kept + 1) - gammaln(kept - k + 1) - gammaln(n + 1) + gammaln(n - k + 1)
    return np.where(wrong < k, 1.0, 1 - np.exp(log_miss))


def grid(frame: pd.DataFrame, value: str, how: str = "mean", by: tuple[str, ...] = ("task_id",)) -> pd.DataFrame:
    """One value a cell: rows are tasks, columns seeds (a single one where there is no `seed` column).

    Raises ValueError naming a missing column or cells without a row, since tasks and seeds must be crossed.
    """
    missing = [name for name in (*by, value) if name not in frame.columns]
    if missing:
        raise ValueError(f"no column {', '.join(map(repr, missing))}; choose from {', '.join(map(str, frame.columns))}")
    seeds = frame["seed"] if "seed" in frame.columns else pd.Series(0, index=frame.index, name="seed")
    cells = frame[value].astype(float).groupby([*(frame[name] for name in by), seeds]).agg(how).unstack("seed")
    empty = cells[cells.isna().any(axis=1)]
    if len(empty):
        raise ValueError(f"tasks and seeds are not crossed or {value!r} is missing: {_named(empty.index)} lack a seed")
    return cells


def _named(index: pd.Index, most: int = 5) -> str:
    """The first few labels of an index, and how many more there are."""
    labels = [str(label) for label in index[:most]]
    return ", ".join(labels) + (f" and {len(index) - most} more" if len(index) > most else "")


def avg_at_k(traces: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Mean accuracy over k samples a task: model, domain, k, accuracy, ci_low, ci_high, n_tasks, n_seeds, interval.

    Raises ValueError where tasks have different numbers of samples, for then there is no k.
    """
    return pd.DataFrame([_accuracy(group, dict(zip(GROUP, key, strict=True)), seed) for key, group in _groups(traces)])


def _accuracy(group: pd.DataFrame, key: dict, seed: int) -> dict:
    counts = grid(group, "correct", "count")
    if counts.to_numpy().min() != counts.to_numpy().max():
        odd = counts[(counts != counts.to_numpy().max()).any(axis=1)].index
        raise ValueError(f"{key} has no single k: {_named(odd)} have fewer samples than other tasks")
    found = interval(grid(group, "correct").to_numpy(), seed=seed)
    return {**key, "k": int(counts.iloc[0, 0]), **_row("accuracy", found, counts.shape)}


def _row(name: str, found: Interval, shape: tuple[int, int]) -> dict:
    return {name: found.value, "ci_low": found.low, "ci_high": found.high,
            "n_tasks": shape[0], "n_seeds": shape[1], "interval": found.kind}


def _groups(traces: pd.DataFrame):
    """The traces of each (model, domain). Raises ValueError naming missing columns."""
    missing = [name for name in (*GROUP, "task_id", "correct") if name not in traces.columns]
    if missing:
        raise ValueError(f"traces lack the column {', '.join(map(repr, missing))}")
    return traces.groupby(GROUP, sort=True)


def pass_at_k(traces: pd.DataFrame, k: int, seed: int = 0) -> pd.DataFrame:
    """Unbiased pass@k: model, domain, k, pass_at_k, ci_low, ci_high, n_tasks, n_seeds, interval.

    Raises ValueError where a task has fewer than k samples (with a seed column: of one seed).
    """
    rows = []
    for key, group in _groups(traces):
        rates = pass_rate(grid(group, "correct", "count"), grid(group, "correct", "sum"), k)
        rows.append({**dict(zip(GROUP, key, strict=True)), "k": k,
                     **_row("pass_at_k", interval(rates, seed=seed), rates.shape)})
    return pd.DataFrame(rows)


def summarize(traces: pd.DataFrame, tags: pd.DataFrame | None = None, seed: int = 0) -> pd.DataFrame:
    """One row a (model, domain): accuracy, formatted, tokens and, with tags, behaviors per 100 sentences.

    Args: traces, as `behaviors.sample` returns them; tags, of `tag(traces["completion"].tolist())`: `text_id` is the
    row's position in `traces`. Returns: n (completions), n_tasks, n_seeds, interval, and for each of accuracy (share),
    formatted (share of completions that close their reasoning), tokens (mean n_tokens), self_verification and
    backtracking (sentences per 100) the value and `<name>_low`, `<name>_high`.
    Raises ValueError naming missing columns, uncrossed tasks and seeds, or tags of other traces.
    """
    table = traces.reset_index(drop=True).assign(
        formatted=[split_reasoning(completion)[2] for completion in traces["completion"]])
    if tags is not None:
        table = table.join(_counts(tags, len(table)))
    rows = []
    for key, group in _groups(table):
        shape = grid(group, "correct").shape
        row = {**dict(zip(GROUP, key, strict=True)), "n": len(group), "n_tasks": shape[0], "n_seeds": shape[1]}
        rows.append({**row, **_measures(group, tags is not None, seed)})
    return pd.DataFrame(rows)


def _counts(tags: pd.DataFrame, n: int) -> pd.DataFrame:
    """Sentences, and those of each behavior, of every trace; a trace without sentences counts 0."""
    if len(tags) and not tags["text_id"].between(0, n - 1).all():
        raise ValueError(f"tags name trace {tags['text_id'].max()} of {n}; tag the very traces that are summarized")
    ones = {"sentences": 1, **{label: (tags["label"] == label).astype(int) for label in BEHAVIORS}}
    return tags.assign(**ones).groupby("text_id")[list(ones)].sum().reindex(range(n), fill_value=0)


def _measures(group: pd.DataFrame, tagged: bool, seed: int) -> dict:
    """Every measure of one (model, domain), as value, low, high, and the kind of interval."""
    columns = {"accuracy": "correct", "formatted": "formatted", "tokens": "n_tokens"}
    found = {name: interval(grid(group, column).to_numpy(), seed=seed) for name, column in columns.items()}
    if tagged:
        sentences = grid(group, "sentences").to_numpy()
        found |= {name: interval(100 * grid(group, name).to_numpy(), sentences, seed) for name in BEHAVIORS}
    row = {"interval": found["accuracy"].kind}
    for name, one in found.items():
        row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return row


def paired_bootstrap(a: pd.DataFrame, b: pd.DataFrame, value: str = "correct", by: tuple[str, ...] = ("task_id",),
                     seed: int = 0) -> Paired:
    """The mean of a - b over the same tasks, with an interval over tasks, and over seeds where there are several.

    Args: a and b, the traces of one model each; value, a numeric column; by, the columns that name a task. A `seed`
    column of several values is paired too; with one value on each side it is ignored. The name is the usual one: with
    several seeds the interval is the crossed t, not a bootstrap. Raises ValueError naming tasks or seeds that only one
    side has.
    """
    left, right = grid(a, value, by=tuple(by)), grid(b, value, by=tuple(by))
    if left.shape[1] == right.shape[1] == 1:
        right.columns = left.columns
    _same("task", left.index, right.index)
    _same("seed", left.columns, right.columns)
    differences = (left - right).to_numpy()
    found = interval(differences, seed=seed)
    return Paired(value, left.to_numpy().mean(), right.to_numpy().mean(), found.value, found.low, found.high, found.p,
                  *differences.shape, found.kind)


def _same(what: str, left: pd.Index, right: pd.Index) -> None:
    """Raises ValueError when one side lacks a label of the other."""
    for side, missing in (("b", left.difference(right)), ("a", right.difference(left))):
        if len(missing):
            raise ValueError(f"{side} lacks {what} {_named(missing)}; both sides need the same {what}s")
