"""The claims of the layer study. All are ours: the paper compares weights alone.

weights-predict-gain-{in,out}   over the cells (expert, layer, part): rank correlation, within each expert, of how far
                                the weights moved and of the gain that this cell carries when it is grafted        > 0
*-above-shuffled                the same of the expert that has a control trained on permuted rewards, minus the
                                correlation of the control's weights with that expert's gains                       > 0
probe-above-words-*             AUROC of a linear probe minus that of a bag of tokens, mean over layers; sampled are
                                (domain, model) pairs                                                                > 0
steering-raises-checks          self-verification per 100 sentences with the direction "a check comes next" added at
                                dose .5, minus that with random directions as long, mean over layers                 > 0
steering-raises-accuracy        the same for accuracy                                                                > 0
one-layer-carries-{gain,checks} accuracy and checks: what the layer brings, grafted in, that brings the most in the
                                other domains, minus the mean of the other layers, in the domain left out           > 0
steering-dose-response          checks at dose .5 minus those at -.5, against the same of random directions          > 0

The last three were stated after the first results on the organism's seeds 0 to 2 were seen: there they describe.

A rank correlation is the mean over cells of products of standardised ranks, so that cells and training seeds can be
crossed as tasks and seeds are (`training.intervals`). Cells of one model depend on each other: read one-seed intervals
with that in mind. Means over layers are taken so that no layer is chosen on the data that it is reported on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from behaviors.taxonomy import SELF_VERIFICATION
from studies.estimates import Estimate, average, ratio
from studies.findings import NOT_FOUND, OURS, Claim, measure
from studies.layer_tables import changes
from studies.verification_traces import level

TESTS = {"bootstrap": "bootstrap over cells", "crossed_t": "t over crossed cells and seeds"}
SEEN = "Stated after the first results on the organism were seen."
CELL = ["layer", "part"]
"""What names a cell of an expert."""
DOSE = 0.5
"""Of the claims on steering: at 1, random directions as long as the given one spoil the answers, too."""


@dataclass(frozen=True)
class Layers:
    """The tables of zoos that differ in seed alone; all have columns seed and domain."""

    weights: pd.DataFrame
    """model, layer, part, changed_fraction, l2, relative_l2"""
    shift: pd.DataFrame
    probes: pd.DataFrame
    lens: pd.DataFrame
    patching: pd.DataFrame
    grafts: pd.DataFrame
    steering: pd.DataFrame
    controls: dict[str, str]
    """Domain -> the name of its control on permuted rewards."""

    @property
    def seeds(self) -> list[int]:
        return sorted(self.weights["seed"].unique())


def gain_table(grafts: pd.DataFrame, direction: str) -> pd.DataFrame:
    """What each graft carries of the gain in accuracy: seed, domain, layer, part, gain; layers in blocks alone."""
    by, known = ["seed", "domain"], grafts.astype({"correct": float})
    whole = known[known["direction"] == {"in": "anchor", "out": "expert"}[direction]].groupby(by)["correct"].mean()
    here = known[(known["direction"] == direction) & (known["layer"] >= 0)].astype({"layer": int})
    found = here.groupby([*by, *CELL], as_index=False)["correct"].mean().join(whole.rename("whole"), on=by)
    gain = (found["correct"] - found["whole"]) * {"in": 1, "out": -1}[direction]
    return found.assign(gain=gain).drop(columns=["correct", "whole"])


def products(weights: pd.DataFrame, gains: pd.DataFrame) -> Estimate:
    """The rank correlation of `relative_l2` and `gain` over cells, within each expert; mean over experts and seeds."""
    both = weights.merge(gains, on=["seed", "domain", *CELL])
    groups = both.groupby(["seed", "domain"])

    def standard(name: str) -> pd.Series:
        ranks = groups[name].rank()
        spread = ranks.groupby([both["seed"], both["domain"]]).transform(lambda r: r.std(ddof=0))
        centered = ranks - ranks.groupby([both["seed"], both["domain"]]).transform("mean")
        return centered / spread.where(spread > 0, np.inf)  # all alike: no correlation

    product = standard("relative_l2") * standard("gain")
    cells = product.groupby([*(both[name] for name in ("domain", *CELL)), both["seed"]]).mean().unstack("seed")
    return ratio(cells)


def cells_of(layers: Layers, direction: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(weights, gains of one direction): by part where parts were grafted, else by layer."""
    gains = gain_table(layers.grafts, direction)
    parts = sorted(set(gains["part"]) - {"all"}) or ["all"]
    return layers.weights[layers.weights["part"].isin(parts)], gains[gains["part"].isin(parts)]


def claims(layers: Layers) -> list[Claim]:
    """All claims of the study, measured where the zoos have what it takes."""
    return [*(claim for direction in ("in", "out") for claim in _gains(layers, direction)),
            *(_above_words(layers, question) for question in ("right", "next")),
            *(_steering(layers, *which) for which in ((SELF_VERIFICATION, "checks"), ("accuracy", "accuracy"))),
            *(_one_layer(layers, *which) for which in (("accuracy", "gain"), (SELF_VERIFICATION, "checks"))),
            _response(layers)]


def _gains(layers: Layers, direction: str) -> list[Claim]:
    weights, gains = cells_of(layers, direction)
    own = weights[weights["model"] == "expert-" + weights["domain"]]
    what = {"in": "put into the anchor", "out": "taken out of the expert"}[direction]
    first = Claim(f"weights-predict-gain-{direction}", f"where weights moved farther, more of the gain lies ({what})",
                  OURS, NOT_FOUND, measure(products(own, gains), tests=TESTS))
    text = f"weights predict the gain better than those of the control on permuted rewards do ({what})"
    name = f"weights-predict-gain-{direction}-above-shuffled"
    if not layers.controls:
        return [first, Claim(name, text, OURS, NOT_FOUND, None, note="The zoo has no control on permuted rewards.")]
    here = list(layers.controls)
    control = weights[weights["model"] == weights["domain"].map(layers.controls)]
    there = products(own[own["domain"].isin(here)], gains) - products(control, gains)
    return [first, Claim(name, text, OURS, NOT_FOUND, measure(there, tests=TESTS),
                         note=f"Of the {', '.join(here)} expert alone.")]


def _above_words(layers: Layers, question: str) -> Claim:
    text = {"right": "whether the answer is right", "next": "whether a check comes next"}[question]
    claim = f"a linear probe tells {text} better than the words do"
    table = layers.probes[layers.probes["question"] == question]
    above = (table["auroc"] - table["tokens"]).groupby([table["domain"], table["model"], table["seed"]]).mean()
    frame = above.unstack("seed").dropna() if len(above) else pd.DataFrame()
    if frame.empty or list(frame) != layers.seeds:
        return Claim(f"probe-above-words-{question}", claim, OURS, NOT_FOUND, None,
                     note="In no domain both answers are frequent enough in every seed.")
    return Claim(f"probe-above-words-{question}", claim, OURS, NOT_FOUND, measure(ratio(frame), tests=TESTS),
                 note="Mean over layers; sampled are (domain, model) pairs.")


def _steering(layers: Layers, measured: str, name: str) -> Claim:
    text = {"checks": "makes the anchor check more", "accuracy": "makes the anchor more accurate"}[name]
    claim = f"adding the direction before checks {text} than random directions do"
    if layers.steering.empty:
        return Claim(f"steering-raises-{name}", claim, OURS, NOT_FOUND, None, note="Nothing was steered.")
    found = average([steered(group, measured, DOSE) for _, group in layers.steering.groupby(["domain", "layer"])])
    return Claim(f"steering-raises-{name}", claim, OURS, NOT_FOUND, measure(found),
                 note=f"Mean over layers, at dose {DOSE:g}.")


def _one_layer(layers: Layers, measured: str, name: str) -> Claim:
    text = {"gain": "the gain in accuracy", "checks": "the rise of self-verification"}[name]
    claim = f"one layer, the same in all domains, brings more of {text} than the others when it is grafted in"
    brought = changes(layers.grafts[layers.grafts["part"] == "all"], measured)
    by_domain = {}
    for (domain, direction, layer, _), change in brought.items():
        if direction == "in":
            by_domain.setdefault(domain, {})[layer] = change
    if len(by_domain) < 2:
        return Claim(f"one-layer-carries-{name}", claim, OURS, NOT_FOUND, None, note="It takes two experts.")
    found, layer_of = left_out(by_domain)
    return Claim(f"one-layer-carries-{name}", claim, OURS, NOT_FOUND, measure(found),
                 note=f"Layers chosen by the other domains: {', '.join(map(str, layer_of.values()))}. {SEEN}")


def left_out(by_domain: dict[str, dict[int, Estimate]]) -> tuple[Estimate, dict[str, int]]:
    """(mean over domains of one layer's change minus the mean of the others', domain -> that layer).

    by_domain: domain -> layer -> what it brings there. A domain's layer is the one that brings the most in the others.
    """
    found, chosen = [], {}
    for domain, here in by_domain.items():
        others = [there for name, there in by_domain.items() if name != domain]
        chosen[domain] = max(here, key=lambda layer: sum(there[layer].value for there in others))
        rest = [change for layer, change in here.items() if layer != chosen[domain]]
        found.append(here[chosen[domain]] - average(rest))
    return average(found), chosen


def _response(layers: Layers) -> Claim:
    claim = "the more of the direction before checks is added, the more the anchor checks, beyond random directions"
    if layers.steering.empty or not {-DOSE, DOSE} <= set(layers.steering["dose"]):
        return Claim("steering-dose-response", claim, OURS, NOT_FOUND, None,
                     note=f"Doses {-DOSE:g} and {DOSE:g} were not given.")
    found = average([steered(group, SELF_VERIFICATION, DOSE) - steered(group, SELF_VERIFICATION, -DOSE)
                     for _, group in layers.steering.groupby(["domain", "layer"])])
    return Claim("steering-dose-response", claim, OURS, NOT_FOUND, measure(found), note=f"Mean over layers. {SEEN}")


def steered(traces: pd.DataFrame, measured: str, dose: float) -> Estimate:
    """A measure of one (domain, layer) with the given direction at a dose, minus that with the random ones."""
    there = traces[traces["dose"] == dose]
    given = there["direction"] == "given"
    return level(there[given], measured) - level(there[~given], measured)
