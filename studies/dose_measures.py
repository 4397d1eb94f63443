"""What is measured of zoos that share less, or slip elsewhere, and how it responds, out of other studies' parts.

A dose is what an anchor's corpus was made with (`Corpus`): `sharing`, how often coding, science and agent need what
math needs, and `locus`, where slips lie. Measures, by group:

transfer   what training on one domain gains on another, in % of what that one's own expert gains there
overlap    Jaccard of the weights that two experts change, minus its chance level
cosine     of two experts' updates
           each for pairs of reasoning domains (`reasoning`), of these and instructions (`instructions`, both ways), and
           of the math expert's control on permuted rewards with the other reasoning domains (`shuffled`)
routes     points on the same tasks, mean over domains: mixed minus own experts (`mixed`), TIES minus these (`merged`)
judging    process minus outcome, points of balanced accuracy on the common pool, mean over RL-trained judges: on math
           and coding (`reasoning`), on instructions (`instructions`)

Doses are independent: other anchors, other tasks. So each has rows and seeds of its own in a response (`apart`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd

from studies.construction import OTHER, REASONING
from studies.estimates import Estimate, average, quotient
from studies.harness import StudyError
from studies.synergy_tables import Gains
from studies.verification_judging import Judging
from studies.weight_claims import Shifts, cosine_of, excess_of
from training.organism.corpus import CORPUS, Corpus
from training.zoo import Zoo

Measures = dict[tuple[str, str], Estimate]
"""(measure, group) -> estimate."""
JUDGED = {"reasoning": ("math", "coding"), "instructions": ("instructions",)}
OWN = {"reasoning": "derivation", "instructions": "answer"}
"""Where slips of these domains lie in a corpus whose `locus` is None."""


@dataclass(frozen=True)
class Dose:
    """Zoos of one anchor, which differ in seed."""

    sharing: float
    locus: str | None
    zoos: tuple[Zoo, ...]

    def where(self, group: str) -> str:
        """Where the slips of a group of domains lie."""
        return self.locus or OWN[group]


def dose_of(zoos: list[Zoo]) -> Dose:
    """What the anchor of these zoos learned from. Raises StudyError where that is not known, or not the same in all."""
    found = []
    for zoo in zoos:
        corpus = Corpus.of(zoo.anchor)
        if corpus is None:
            raise StudyError(f"{zoo.folder} does not say what its anchor learned from ({zoo.anchor}/{CORPUS}); this "
                             "study is of anchors that `python -m training.organism` trains")
        found.append((corpus.sharing, corpus.habits.locus))
    if len(set(found)) > 1:
        raise StudyError(f"{zoos[0].folder} and the zoos beside it have anchors of different corpora: (sharing, locus) "
                         f"is {' and '.join(map(str, dict.fromkeys(found)))}")
    if found[0][0] != Corpus.sharing and found[0][1] is not None:
        raise StudyError(f"{zoos[0].folder} differs in sharing and in locus; one of them is varied at a time")
    return Dose(*found[0], tuple(zoos))


def doses_of(groups: list[list[Zoo]]) -> list[Dose]:
    """The doses, in order. Raises StudyError for the same dose twice, or for other numbers of seeds."""
    doses = sorted(map(dose_of, groups), key=lambda dose: (dose.locus or "", dose.sharing))
    for one, other in combinations(doses, 2):
        pair = f"{one.zoos[0].folder} and {other.zoos[0].folder}"
        if (one.sharing, one.locus) == (other.sharing, other.locus):
            raise StudyError(f"{pair} have the same dose, sharing {one.sharing:g} and locus {one.locus}; give each "
                             "once")
        if len(one.zoos) != len(other.zoos):
            raise StudyError(f"{pair} have {len(one.zoos)} and {len(other.zoos)} seeds; doses need as many each")
    return doses


def transfers(gains: Gains) -> Measures:
    """`transfer` by group, in %, of whatever the zoo has experts for."""
    there = [domain for domain in REASONING if domain in gains.experts]
    pairs = {"reasoning": list(permutations(there, 2))}
    if OTHER in gains.experts:
        pairs["instructions"] = [*product(there, [OTHER]), *product([OTHER], there)]
    found = {group: [gains.transfer(*pair) for pair in some] for group, some in pairs.items()}
    if gains.control("shuffled") == "math":
        pairs["shuffled"] = [pair for pair in pairs["reasoning"] if pair[0] == "math"]
        found["shuffled"] = [gains.between("shuffled-math", "anchor", [measured]) for _, measured in pairs["shuffled"]]
    own = {group: [gains.transfer(measured, measured) for _, measured in some] for group, some in pairs.items()}
    return {("transfer", group): 100 * quotient(average(some), average(own[group]))
            for group, some in found.items() if some}


def overlaps(shifts: Shifts) -> Measures:
    """`overlap` and `cosine` by group."""
    there = [domain for domain in REASONING if domain in shifts.experts]
    name = shifts.experts
    pairs = {"reasoning": [(name[a], name[b]) for a, b in combinations(there, 2)]}
    if OTHER in name:
        pairs["instructions"] = [(name[domain], name[OTHER]) for domain in there]
    if (control := shifts.control("shuffled")) and control[0] == "expert-math":
        pairs["shuffled"] = [(control[1], name[domain]) for domain in there if domain != "math"]
    return {(measure, group): average([shifts.estimate(statistic, *pair) for pair in some])
            for measure, statistic in (("overlap", excess_of), ("cosine", cosine_of))
            for group, some in pairs.items() if some}


def routes(gains: Gains) -> Measures:
    """`routes` of the mixed run and of TIES, where the zoo has them."""
    found = {"mixed": "mixed", "merged": "merged-ties"}
    return {("routes", group): gains.mixing(model, gains.experts) for group, model in found.items()
            if model in gains.models}


def judging(scores: Judging, judges: list[str]) -> Measures:
    """`judging` by group; a group without enough right and wrong completions is left out."""
    process, outcome = ([("common", mode, name) for name in judges] for mode in ("process", "outcome"))
    found = {group: scores.contrast(process, outcome, list(domains))[0] for group, domains in JUDGED.items()}
    return {("judging", group): estimate for group, estimate in found.items() if estimate is not None}


def apart(estimate: Estimate, dose: int) -> Estimate:
    """An estimate in rows of its own, with seeds numbered from 0, so that it is independent of other doses'."""
    cells = estimate.influence
    rows = [f"{dose}/{row}" for row in range(len(cells))]
    return Estimate(estimate.value, pd.DataFrame(cells.to_numpy(), rows, range(cells.shape[1])))


def slope(doses: list[float], estimates: list[Estimate]) -> Estimate:
    """By how much a measure rises when the dose goes from 0 to 1: the least-squares line through the doses' values."""
    weights = np.array(doses) - np.mean(doses)
    weights = weights / (weights**2).sum()
    parts = [float(weight) * apart(one, k) for k, (weight, one) in enumerate(zip(weights, estimates, strict=True))]
    return sum(parts[1:], parts[0])
