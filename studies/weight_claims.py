"""The claims of the weight-shift study, where they come from, and what each is compared with.

M2RL (arXiv 2602.12566), Table 5 and Figure 3; its numbers reach us second-hand (tags as in INDEX.md):

changed-a-minority        share of an expert's weights changed, mean over experts             < .5
overlap-above-chance      Jaccard minus its chance level, of every two experts               > 0
cosine-positive           cosine of the updates of every two experts                         > 0
reasoning-closer-*        mean over pairs of math, coding and science, minus mean over
                          pairs of one of these with instructions; overlap and cosine        > 0

Chance is no null for two runs from one anchor: bf16 lets small weights move and not large ones, whoever trains, and an
optimizer has directions of its own. So, where the zoo has them, an expert's control trained on permuted rewards and its
twin with another seed are asked (claims of ours):

*-above-shuffled          an expert to the other experts, minus its shuffled control to them; overlap and cosine    > 0
twin-closest              cosine of an expert and its twin, minus that of the expert and every other expert        > 0

What is sampled are the cells, (layer, module), of a model, crossed with training seeds where there are several: an
interval of one seed says how alike the cells are, not how another training would come out. Where domains are compared,
they are permuted as well (pairs that share a domain are not independent), and the larger p counts: five domains can be
labelled in 20 ways, so that p is at least 1/20, and four in 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from probes.shift import WeightShift, chance, cosine, jaccard
from studies.construction import CORPUS_DECIDES, OTHER, REASONING
from studies.dyads import closeness, permuted
from studies.estimates import Estimate, average, of_sums, ratio
from studies.findings import NOT_FOUND, OURS, Claim, highest, measure

TABLE, FIGURE = "M2RL v1, Table 5, second-hand [N1]", "M2RL, Figure 3, in words [N1][R]"
HALF = 0.5
TESTS = {"bootstrap": "bootstrap over (layer, module) cells", "crossed_t": "t over crossed cells and seeds"}


def overlap_of(sums: pd.Series) -> float:
    """Jaccard, of a pair's sums (`WeightShift.pair_sums`)."""
    return jaccard(sums["changed_a"], sums["changed_b"], sums["changed_both"])


def excess_of(sums: pd.Series) -> float:
    """Jaccard minus its chance level."""
    return overlap_of(sums) - chance(sums["changed_a"] / sums["n_params"], sums["changed_b"] / sums["n_params"])


def cosine_of(sums: pd.Series) -> float:
    """Cosine of the two updates."""
    return cosine(sums["product"], sums["squares_a"], sums["squares_b"])


MEASURES = {"overlap": overlap_of, "cosine": cosine_of}


@dataclass(frozen=True)
class Shifts:
    """The comparisons of zoos that differ in seed alone."""

    by_seed: dict[int, WeightShift]
    experts: dict[str, str]
    """Domain -> its expert's name."""
    preset: str

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every two experts."""
        return list(combinations(self.experts.values(), 2))

    def estimate(self, statistic: Callable[[pd.Series], float], a: str, b: str) -> Estimate:
        """A statistic of a pair of models, with its interval over cells and seeds."""
        tables = {seed: shift.pair_sums(a, b) for seed, shift in self.by_seed.items()}
        return of_sums(statistic, {seed: table.set_index(["layer", "module"]) for seed, table in tables.items()})

    def changed(self, model: str) -> Estimate:
        """The share of a model's weights that changed, with its interval over cells and seeds."""
        cells = {seed: shift.changes[shift.changes["model"] == model].set_index(["layer", "module"])
                 for seed, shift in self.by_seed.items()}
        return ratio(*(pd.DataFrame({seed: table[column] for seed, table in cells.items()})
                       for column in ("changed", "n_params")))

    def control(self, kind: str) -> tuple[str, str] | None:
        """(an expert, its control) where there is one: `twin-DOMAIN` or `shuffled-DOMAIN`."""
        models = next(iter(self.by_seed.values())).models
        found = [(name, f"{kind}-{domain}") for domain, name in self.experts.items() if f"{kind}-{domain}" in models]
        return found[0] if found else None


def claims(shifts: Shifts) -> list[Claim]:
    """All claims of the study, measured where the zoos have what it takes."""
    return [_changed(shifts),
            _all_pairs(shifts, "overlap-above-chance", "any two experts change the same weights more often than chance",
                       excess_of, TABLE, "Jaccard: math and coding about .45, math and science about .48; chance .18"),
            _all_pairs(shifts, "cosine-positive", "the updates of any two experts have a positive cosine", cosine_of,
                       FIGURE, "all positive, modest; values: not found"),
            *(_reasoning(shifts, name, statistic) for name, statistic in MEASURES.items()),
            *(_above_shuffled(shifts, name, statistic) for name, statistic in MEASURES.items()),
            _twin(shifts)]


def _changed(shifts: Shifts) -> Claim:
    found = measure(average([shifts.changed(name) for name in shifts.experts.values()]), HALF, TESTS)
    dtype = ", ".join(sorted(set(next(iter(shifts.by_seed.values())).aggregate("model").changes["dtype"])))
    return Claim("changed-a-minority", "RLVR changes fewer than half of an expert's weights", TABLE, 0.3, found, -1,
                 HALF,
                 note=f"Weights stored as {dtype}: a weight that moves by less than its last bit is unchanged.")


def _all_pairs(shifts: Shifts, name: str, text: str, statistic: Callable, source: str, published: str) -> Claim:
    if not shifts.pairs:
        return Claim(name, text, source, published, None, note="There are not two experts.")
    found = highest([shifts.estimate(statistic, *pair) for pair in shifts.pairs], TESTS)
    return Claim(name, text, source, published, found,
                 note=f"The lowest of {len(shifts.pairs)} pairs." if found else "Nothing changed in one of them.")


def _reasoning(shifts: Shifts, name: str, statistic: Callable) -> Claim:
    text = f"reasoning domains are closer to each other than to instructions ({name})"
    here = [domain for domain in REASONING if domain in shifts.experts]
    fields = {"by_construction": shifts.preset in CORPUS_DECIDES}  # they share a substrate there
    if len(here) < 2 or OTHER not in shifts.experts:
        return Claim(f"reasoning-closer-{name}", text, FIGURE, NOT_FOUND, None, **fields,
                     note="It takes experts of two of math, coding and science, and one of instructions.")
    known = {frozenset(pair): shifts.estimate(statistic, *(shifts.experts[domain] for domain in pair))
             for pair in combinations(shifts.experts, 2)}
    found = measure(closeness(known, here, OTHER), tests=TESTS)
    values = {pair: estimate.value for pair, estimate in known.items()}
    return Claim(f"reasoning-closer-{name}", text, FIGURE, NOT_FOUND, found and permuted(found, values, here, OTHER),
                 **fields, note="" if found else "Nothing changed in one of them.")


def _above_shuffled(shifts: Shifts, name: str, statistic: Callable) -> Claim:
    text = f"an expert is closer to the other experts than its control on permuted rewards is ({name})"
    pair = shifts.control("shuffled")
    others = [other for other in shifts.experts.values() if pair and other != pair[0]]
    if not others:
        return Claim(f"{name}-above-shuffled", text, OURS, NOT_FOUND, None,
                     note="It takes a second expert and a control on permuted rewards (controls=('shuffled',)).")
    found = measure(average([shifts.estimate(statistic, pair[0], other) - shifts.estimate(statistic, pair[1], other)
                             for other in others]), tests=TESTS)
    return Claim(f"{name}-above-shuffled", text, OURS, NOT_FOUND, found, note=f"{pair[0]} against {pair[1]}.")


def _twin(shifts: Shifts) -> Claim:
    text = "an expert's update is closer to that of its twin, trained with another seed, than to any other expert's"
    pair = shifts.control("twin")
    others = [other for other in shifts.experts.values() if pair and other != pair[0]]
    if not others:
        return Claim("twin-closest", text, OURS, NOT_FOUND, None,
                     note="It takes a second expert and a twin (controls=('twin',)).")
    twin = shifts.estimate(cosine_of, *pair)
    found = highest([twin - shifts.estimate(cosine_of, pair[0], other) for other in others], TESTS)
    return Claim("twin-closest", text, OURS, NOT_FOUND, found, note=f"{pair[0]} and {pair[1]}.")
