"""The claims of the study of policy neighborhoods, where they come from, and what neighborhood is held to explain.

M2RL (arXiv 2602.12566), Figure 4 and Table 6, second-hand [N1] (tags as in INDEX.md). KL_AB: nats a token from expert B
to the mixed policy, on completions of expert B for tasks of domain A; epsilon_A = KL_AA; margin_AB = log(epsilon_A /
KL_AB), above 0 where B is a neighbor of A:

own-expert-nearest          -margin, the lowest of all ordered pairs                                       > 0
coding-near-math            margin of the coding expert on math                                            > 0
math-not-near-coding        margin of the math expert on coding                                            < 0
instructions-near-coding    margin of the instructions expert on coding                                    > 0
neighborhood-asymmetric     the second of these minus the third                                            > 0
neighborhood-explains-*     over ordered pairs, rank correlation of the change in performance on A with the
                            margin, given the size KL_AB; change: what expert B brings the anchor (transfer),
                            what merging expert B into expert A changes (pairs)                            > 0

Departures:
1. The paper's epsilon is not found. By ours, an own expert that is the nearest has no neighbors: the first claim and
   the second exclude each other, though the paper says both of math. Its epsilon must have been wider.
2. Where the size is given, the margin differs by epsilon_A alone: that has one value a domain, and a test over few
   domains is weak. So the domains are permuted, and the table has each correlation alone as well.
3. "Nearest on every domain" is one claim over all pairs (`findings.highest`); the paper says it of math.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd

from studies.construction import CORPUS_DECIDES
from studies.dyads import KINDS, STATISTICS, drawn, explained, explained_p, off_diagonal, spread
from studies.estimates import Estimate
from studies.findings import Claim, Measured, highest, measure
from studies.policy_scores import Nats

FIGURE, TABLE = "M2RL v1, Figure 4, second-hand [N1]", "M2RL v1, Table 6, second-hand [N1]"
PUBLISHED = {"transfer": "on math +0.8; a statistic over domains: not found",
             "pairs": "AIME +0.63, +2.66 where the other is a neighbor; LCB -1.43, -3.43 where it is not"}
WORDS = "in words; values: not found"
MIXED = "mixed"
EXPLAINS = ("change", "statistic", "value", "ci_low", "ci_high", "p", "n_pairs", "n_domains", "n_seeds", "interval")
Change = Callable[[pd.DataFrame, str, str], pd.Series]
"""(accuracies on A: tasks x models, A, B) -> the change on A, a task."""


def log_of(estimate: Estimate) -> Estimate:
    """The logarithm, by the delta method; nothing known where the value is not above 0."""
    if not estimate.value > 0:
        return Estimate(np.nan, 0.0 * estimate.influence)
    return Estimate(float(np.log(estimate.value)), estimate.influence / estimate.value)


@dataclass(frozen=True)
class Neighborhoods:
    """The policies of zoos that differ in seed alone, seen from the mixed one."""

    nats: Nats
    experts: dict[str, str]
    """Domain -> its expert's name."""
    models: list[str]
    preset: str

    def kl(self, domain: str, other: str, estimator: str = "full") -> Estimate:
        """From the expert of `other` to the mixed policy on the tasks of a domain, nats a token."""
        return self.nats.per_token(self.experts[other], MIXED, domain, estimator)

    def margin(self, domain: str, other: str, estimator: str = "full") -> Estimate:
        """log(epsilon / KL): above 0 where `other` is a neighbor of the domain."""
        return log_of(self.kl(domain, domain, estimator)) - log_of(self.kl(domain, other, estimator))

    def lacks(self, *domains: str) -> str:
        """A sentence about what the zoo lacks; empty where it has a mixed run, two experts and those of the domains."""
        gone = ["mixed run"] if MIXED not in self.models else []
        gone += ["second expert"] if len(self.experts) < 2 else []
        gone += [f"{domain} expert" for domain in domains if domain not in self.experts]
        return f"The zoo has no {' and no '.join(gone)}." if gone else ""


def claims(hood: Neighborhoods, explains: pd.DataFrame, left_out: dict[str, str]) -> list[Claim]:
    """All claims; explains: as `explain_table` gives it; left_out: change -> why it was not measured."""
    pairs = [(a, b) for a in hood.experts for b in hood.experts if a != b]
    built = hood.preset in CORPUS_DECIDES  # math and coding share a substrate there
    said = "By epsilon = KL of the own expert; the paper's: not found."
    return [
        _of(hood, (), "own-expert-nearest", "on every domain, its own expert is the nearest of all to the mixed policy",
            f"said of math alone, {WORDS}", lambda: highest([-1.0 * hood.margin(*pair) for pair in pairs]),
            note=f"log(KL / epsilon), the lowest of {len(pairs)} ordered pairs."),
        _of(hood, ("math", "coding"), "coding-near-math", "coding is a neighbor of math", WORDS,
            lambda: measure(hood.margin("math", "coding")), by_construction=built, note=said),
        _of(hood, ("math", "coding"), "math-not-near-coding", "math is no neighbor of coding", WORDS,
            lambda: measure(hood.margin("coding", "math")), direction=-1, note=said),
        _of(hood, ("instructions", "coding"), "instructions-near-coding", "instructions is a neighbor of coding", WORDS,
            lambda: measure(hood.margin("coding", "instructions")),
            note=said + " The corpus shares nothing between the two: it speaks against it." * built),
        _of(hood, ("math", "coding"), "neighborhood-asymmetric",
            "coding is more of a neighbor to math than math is to coding", WORDS,
            lambda: measure(hood.margin("math", "coding") - hood.margin("coding", "math")), note=said),
        *(_explains(hood, change, explains, left_out) for change in PUBLISHED)]


def _of(hood: Neighborhoods, domains: tuple[str, ...], name: str, text: str, published: str,
        find: Callable[[], Measured | None], note: str, **fields) -> Claim:
    lacking = hood.lacks(*domains)
    found = None if lacking else find()
    return Claim(name, text, FIGURE, published, found, **fields,
                 note=note if found else lacking or "Too few tasks, or an expert is no way from the mixed policy.")


def _explains(hood: Neighborhoods, change: str, explains: pd.DataFrame, left_out: dict[str, str]) -> Claim:
    what = {"transfer": "what an expert changes on another domain",
            "pairs": "what merging a second expert changes on a domain"}[change]
    rows = explains[explains.change == change].set_index("statistic")
    lacking = hood.lacks() or left_out.get(change, "")
    known = not lacking and np.isfinite(rows.loc["margin_given_size", ["value", "ci_low", "p"]].astype(float)).all()
    found, note = None, lacking or "There are too few domains, or tasks, for partial correlations."
    if known:
        row, size, more = (rows.loc[name] for name in STATISTICS[:3])
        found = Measured(*map(float, (row.value, row.ci_low, row.ci_high, row.p)), int(row.n_pairs), int(row.n_seeds),
                         f"permutation of {row.n_domains} domains; interval: {row.interval}")
        note = (f"Over {row.n_pairs} ordered pairs. The size, given the margin: {size.value:+.2f} (p {size.p:.2g}); "
                f"the margin's absolute value minus the size's: {more.value:+.2f} (p {more.p:.2g}). Given the size, "
                f"the margin has {row.n_domains} values, and p is at least 1/{factorial(row.n_domains)}.")
    return Claim(f"neighborhood-explains-{change}", f"{what} is explained by neighborhood rather than by the size of "
                 "the KL: rank correlation with the margin, given the size", FIGURE if change == "transfer" else TABLE,
                 PUBLISHED[change], found, note=note)


def explain_table(sums: pd.DataFrame, answers: pd.DataFrame, experts: dict[str, str],
                  changes: dict[str, Change]) -> pd.DataFrame:
    """explains.csv: by change and statistic (`dyads.STATISTICS`) its mean over seeds, interval and p.

    sums: as `policy_sums` gives them; answers: traces; changes: name -> what changes.
    """
    rows, n = [], len(experts)
    for change, find in changes.items():
        cells = np.stack([_cells(sums[sums.seed == one], answers[answers.seed == one], experts, find)
                          for one in sums.seed.unique()])
        seen = _pairs(cells, np.ones((1, *cells.shape[3:5])))
        values, p = explained(*seen), explained_p(*(one[0] for one in seen))
        draws = explained(*_pairs(cells, drawn(*cells.shape[3:5])))
        for name in STATISTICS:
            found = spread(values[name][0], draws[name])
            rows.append({"change": change, "statistic": name, "value": found.value, "ci_low": found.low,
                         "ci_high": found.high, "p": p[name], "n_pairs": n * (n - 1), "n_domains": n,
                         "n_seeds": len(cells), "interval": KINDS[found.kind]})
    return pd.DataFrame(rows, columns=EXPLAINS)


def _cells(sums: pd.DataFrame, answers: pd.DataFrame, experts: dict[str, str], find: Change) -> np.ndarray:
    """(2: KL and change, 2: numerator and denominator, domains A, tasks, domains B) of one zoo."""
    found = []
    for a in experts:
        right = answers[answers.domain == a].pivot_table(index="task_id", columns="model", values="correct",
                                                         aggfunc="mean")
        nats = sums[(sums.domain == a) & (sums.scored_by == MIXED)].pivot_table(
            index="task_id", columns="sampler", values=["full", "n_own"], aggfunc="sum")
        change = pd.DataFrame({b: find(right, a, b) for b in experts})
        tasks = change.index.union(nats.index)
        change, nats = change.reindex(tasks), nats.reindex(tasks).fillna(0.0)
        found.append([[nats[column][list(experts.values())] for column in ("full", "n_own")],
                      [change.fillna(0.0), change.notna()]])
    return np.moveaxis(np.array(found, dtype=float), 0, 2)


def _pairs(cells: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(change, margin, size), each (draws, seeds, pairs), of weighted tasks."""
    sums = np.einsum("dat,smkatb->dsmkab", weights, cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        size, change = (sums[:, :, k, 0] / sums[:, :, k, 1] for k in (0, 1))
        own = np.diagonal(size, axis1=-2, axis2=-1)
        margin = np.log(own)[..., None] - np.log(size)
    return off_diagonal(change), off_diagonal(margin), off_diagonal(size)
