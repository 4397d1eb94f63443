"""The samples of every (model, task, seed), read from a table of scores and checked; probes of skills share them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

ALL = "all"
"""The domain of all tasks."""
LEAST = 2
"""Samples a task that every model needs: for halves."""
COLUMNS = ("model", "task_id", "domain", "seed", "sample", "correct")
TIE = 1e-9
"""Rates closer than this are equal."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Samples (models, tasks, seeds, samples), padded with 0, and counts (models, tasks, seeds): how many there are."""

    samples: np.ndarray
    counts: np.ndarray
    tasks: pd.Index
    seeds: pd.Index
    domains: np.ndarray
    """The domain of every task."""

    @property
    def rates(self) -> np.ndarray:
        """avg@k, (models, tasks, seeds)."""
        return self.samples.sum(-1) / self.counts


def named(anchor: str, experts: list[str], combined: list[str]) -> list[str]:
    """All models, the anchor first, then the experts.

    Raises TypeError for a name where a list is due, ValueError without experts and for a name given twice.
    """
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


def read_cells(scores: pd.DataFrame, names: list[str]) -> Cells:
    """The samples of the models named, in that order.

    Args: scores, one row a completion: model, task_id, correct (0/1, or a reward in [0, 1]), optionally domain, seed
    and sample, by which samples are ordered.
    Raises ValueError naming missing columns and models, values outside [0, 1], a task in two domains, a model and a
    task with fewer than 2 samples.
    """
    used = _checked(scores, names)
    if "sample" in used:
        used = used.sort_values("sample", kind="stable")
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
    return Cells(samples, counts, pd.Index(tasks), pd.Index(seeds), domains["first"].to_numpy())


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
    used = table.loc[table["model"].isin(names), table.columns.isin(COLUMNS)]
    empty = [name for name in used.columns if used[name].isna().any()]
    if empty:
        raise ValueError(f"the column {', '.join(map(repr, empty))} has missing values")
    reward = pd.to_numeric(used["correct"], errors="coerce").astype(float)
    odd = used["correct"][~reward.between(0, 1)]
    if len(odd):
        raise ValueError(f"correct lies between 0 and 1, got {odd.iloc[0]}")
    return used.assign(correct=reward)
