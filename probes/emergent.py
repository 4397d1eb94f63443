"""Tasks that only a combined model solves, and tasks that only experts solve: candidates, and fresh samples of them.

M2RL (arXiv 2602.12566) asks whether mixing and merging arrive at the same skills ("Same skills?") by comparing gains
(`probes/skills.py`); which tasks one route alone solves is a question of ours. Of many tasks some look solved by one
model alone by luck, so candidates are chosen on some samples and confirmed on others.

    emergent_tasks(scores, fresh, "anchor", ["expert-math", "expert-code"], "mixed")

Two numbers say how far luck goes. `expected_false` is about candidates: a parametric bootstrap (0/1 samples at every
model's fresh rate; mean number of tasks that meet the criterion although their fresh rates do not; in simulation too
large, 1 to 4 times, with 4 to 16 fresh samples). `luck` is about confirmed tasks, and an upper bound: the highest
probability, over all rates, that a task is confirmed although no model that solves it is truly better than every one
that does not. Models that share random numbers (`behaviors.sample`) agree more often than `expected_false` has it,
which is then larger still; the bound holds all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from probes.cells import TIE, Cells, named, read_cells

KINDS = ("combined", "experts")
"""Who alone solves a task: the combined model, or at least one expert."""
SOLVED, UNSOLVED = 0.5, 0.0
"""A model solves a task from this avg@k on, and does not up to this."""


@dataclass(frozen=True, eq=False)
class Emergence:
    """Rates (models, tasks) on the samples that choose (old) and on fresh ones (new), and what follows from them."""

    cells: Cells
    old: np.ndarray
    new: np.ndarray
    candidate: np.ndarray
    """(kinds, tasks): the criterion on the samples that choose."""
    again: np.ndarray
    """(kinds, tasks): the criterion on fresh samples."""
    expected_false: np.ndarray
    """(kinds,)"""

    @property
    def solvers(self) -> tuple[int, int]:
        """Of each kind, of how many models it takes one that solves the task."""
        return 1, len(self.old) - 2

    @property
    def confirmed(self) -> np.ndarray:
        """(kinds, tasks): candidates that fresh samples confirm."""
        return self.candidate & self.again

    def tasks(self) -> pd.DataFrame:
        """One row a candidate; columns as `emergent_tasks` says."""
        columns = {"task_id": self.cells.tasks, "domain": self.cells.domains}
        for prefix, rates in (("", self.old), ("fresh_", self.new)):
            columns |= {f"{prefix}anchor": rates[0], f"{prefix}best_expert": rates[1:-1].max(axis=0),
                        f"{prefix}combined": rates[-1]}
        return pd.concat([pd.DataFrame({"kind": kind, **columns, "confirmed": yes, "expected_false": false})[chosen]
                          for kind, chosen, yes, false in zip(KINDS, self.candidate, self.again, self.expected_false,
                                                              strict=True)], ignore_index=True)

    def counts(self) -> pd.DataFrame:
        """One row a kind: kind, candidates, confirmed, expected_false, n_tasks."""
        return pd.DataFrame({"kind": KINDS, "candidates": self.candidate.sum(axis=1),
                             "confirmed": self.confirmed.sum(axis=1),
                             "expected_false": self.expected_false, "n_tasks": len(self.cells.tasks)})


def emergent_tasks(scores: pd.DataFrame, fresh: pd.DataFrame, anchor: str, experts: list[str], combined: str,
                   solved: float = SOLVED, unsolved: float = UNSOLVED, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """Tasks that only the combined model solves, and tasks that only experts solve, checked on fresh samples.

    Args: scores, as for `gain_consistency`, candidates are chosen from them; fresh, independent samples of the same
    models and tasks; a model solves a task from an avg@k of `solved` on, and does not up to `unsolved`. Seeds are
    pooled. A candidate of kind "combined" is solved by the combined model, not by the anchor and any expert; one of
    kind "experts" is solved by at least one expert, not by the anchor and the combined model.
    Returns one row a candidate: kind, task_id, domain, anchor, best_expert, combined (rates), the same of the fresh
    samples as fresh_..., confirmed (the criterion on fresh samples) and expected_false: how many candidates of the kind
    chance gives (see above).
    Raises ValueError as `gain_consistency` does, and for other tasks in fresh or `unsolved` not below `solved`.
    """
    return emergence(scores, fresh, anchor, experts, combined, solved, unsolved, draws, seed).tasks()


def emergence(scores: pd.DataFrame, fresh: pd.DataFrame, anchor: str, experts: list[str], combined: str,
              solved: float = SOLVED, unsolved: float = UNSOLVED, draws: int = 200, seed: int = 0) -> Emergence:
    """What `emergent_tasks` is made of, and the counts of candidates also where there are none."""
    if not 0 <= unsolved < solved <= 1:
        raise ValueError(f"need 0 <= unsolved < solved <= 1, got unsolved {unsolved} and solved {solved}")
    names = named(anchor, experts, [combined])
    first, again = (read_cells(table.assign(seed=0), names) for table in (scores, fresh))
    if not first.tasks.equals(again.tasks):
        odd = first.tasks.symmetric_difference(again.tasks)
        raise ValueError(f"only one of scores and fresh has task {odd[0]}; both need the same tasks")
    n, old, new = first.counts[..., 0], first.rates[..., 0], again.rates[..., 0]
    found, confirmed = _alone(old, solved, unsolved), _alone(new, solved, unsolved)
    rng = np.random.default_rng(seed)
    drawn = [_alone(rng.binomial(n, new) / n, solved, unsolved) & ~confirmed for _ in range(draws)]
    return Emergence(first, old, new, found, confirmed, np.sum(drawn, axis=(0, 2)) / draws)


def _alone(rates: np.ndarray, solved: float, unsolved: float) -> np.ndarray:
    """(kinds, tasks): solved by the combined model (last) alone, by experts alone. `rates` are (models, tasks)."""
    yes, no = rates >= solved - TIE, rates <= unsolved + TIE
    return np.stack([no[:-1].all(axis=0) & yes[-1], no[0] & no[-1] & yes[1:-1].any(axis=0)])


def luck(k: int, fresh: int, solvers: int = 1, solved: float = SOLVED, unsolved: float = UNSOLVED) -> float:
    """The highest probability that luck alone confirms a task.

    Args: k, fresh, the numbers of 0/1 samples that choose and that confirm; solvers, of how many models it takes one
    that solves the task (1 for kind "combined", the number of experts for "experts").
    A task is a matter of luck where no solver's rate is above the highest rate p among the models that must not solve
    it. Then a criterion on k samples is met with probability at most f(p, k) = P(Bin(k, p) <= unsolved k) (1 - P(Bin(k,
    p) < solved k)^solvers), and the samples that choose are independent of those that confirm: at most the largest
    f(p, k) f(p, fresh) over p, which is returned (over a grid of 10,000 rates).
    """
    from scipy.stats import binom

    rate = np.linspace(0, 1, 10_001)

    def met(n: int) -> np.ndarray:
        missed = binom.cdf(np.ceil(solved * n - TIE) - 1, n, rate)
        return binom.cdf(np.floor(unsolved * n + TIE), n, rate) * (1 - missed**solvers)

    return float((met(k) * met(fresh)).max())
