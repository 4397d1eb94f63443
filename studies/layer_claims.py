"""The claims of the layer study, and the tables they are read from. All are ours: the paper compares weights alone.

weights-predict-gain-{in,out}   over the cells (expert, layer, part): rank correlation, within each expert, of how far
                                the weights moved and of the gain that this cell carries when it is grafted        > 0
*-above-shuffled                the same of the expert that has a control trained on permuted rewards, minus the
                                correlation of the control's weights with that expert's gains                       > 0
probe-above-words-*             AUROC of a linear probe minus that of a bag of tokens, mean over layers; sampled are
                                (domain, model) pairs                                                                > 0
steering-raises-checks          self-verification per 100 sentences with the direction "a check comes next" added at
                                dose .5, minus that with random directions as long, mean over layers                 > 0
steering-raises-accuracy        the same for accuracy                                                                > 0

A rank correlation is the mean over cells of products of standardised ranks, so that cells and training seeds can be
crossed as tasks and seeds are (`training.intervals`). Cells of one model depend on each other: read one-seed intervals
with that in mind. Means over layers are taken so that no layer is chosen on the data that it is reported on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from behaviors.taxonomy import SELF_VERIFICATION
from probes import graft_gains
from probes.shift import WeightShift
from studies.estimates import Estimate, average, ratio
from studies.findings import Claim, measure
from studies.merging_claims import OURS
from studies.verification_traces import level

PARTS = {"attn": ("q", "k", "v", "qkv", "o"), "mlp": ("gate", "up", "gate_up", "down", "router")}
"""Part of a layer -> the modules whose weights it sums; norms are left out."""
TESTS = {"bootstrap": "bootstrap over cells", "crossed_t": "t over crossed cells and seeds"}
NOT_FOUND = "not found"
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


def weight_table(shift: WeightShift) -> pd.DataFrame:
    """How far the weights of every layer moved, whole (`all`) and by part; ratios are of sums over modules."""
    changes = shift.changes
    squares = (changes["l2"] / changes["relative_l2"]).fillna(0.0) ** 2  # of the base's weights
    table = changes.assign(changed=changes["changed"].astype(float), l2=changes["l2"] ** 2, base=squares)
    of = {module: part for part, modules in PARTS.items() for module in modules}
    parts = pd.concat([table.assign(part="all"), table.assign(part=table["module"].map(of)).dropna(subset="part")])
    sums = parts[parts["layer"] >= -1].groupby(["model", "layer", "part"])[["n_params", "changed", "l2", "base"]].sum()
    found = pd.DataFrame({"changed_fraction": sums["changed"] / sums["n_params"], "l2": sums["l2"] ** 0.5,
                          "relative_l2": (sums["l2"] / sums["base"].where(sums["base"] > 0)) ** 0.5})
    return found.reset_index()


def gain_table(grafts: pd.DataFrame) -> pd.DataFrame:
    """`graft_gains` of every seed and expert."""
    found = [graft_gains(group).assign(seed=seed) for (seed, _), group in grafts.groupby(["seed", "domain"])]
    return pd.concat(found, ignore_index=True)


def products(weights: pd.DataFrame, gains: pd.DataFrame, by: list[str]) -> Estimate:
    """The rank correlation of `relative_l2` and `gain` over cells, within each expert; mean over experts and seeds.

    by: the columns that name a cell, besides domain and seed.
    """
    both = weights.merge(gains, on=["seed", "domain", *by])
    groups = both.groupby(["seed", "domain"])

    def standard(name: str) -> pd.Series:
        ranks = groups[name].rank()
        spread = ranks.groupby([both["seed"], both["domain"]]).transform(lambda r: r.std(ddof=0))
        centered = ranks - ranks.groupby([both["seed"], both["domain"]]).transform("mean")
        return centered / spread.where(spread > 0, np.inf)  # all alike: no correlation

    product = standard("relative_l2") * standard("gain")
    cells = product.groupby([*(both[name] for name in ("domain", *by)), both["seed"]]).mean().unstack("seed")
    return ratio(cells)


def cells_of(layers: Layers, direction: str) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """(weights, gains of one direction, what names a cell): by part where parts were grafted, else by layer."""
    gains = gain_table(layers.grafts)
    gains = gains[(gains["direction"] == direction) & (gains["layer"] >= 0)].astype({"layer": int})
    parts = sorted(set(gains["part"]) - {"all"}) or ["all"]
    chosen = gains[gains["part"].isin(parts)]
    weights = layers.weights[layers.weights["part"].isin(parts)]
    return weights, chosen[["seed", "domain", "layer", "part", "gain"]], ["layer", "part"]


def claims(layers: Layers) -> list[Claim]:
    """All claims of the study, measured where the zoos have what it takes."""
    return [*(claim for direction in ("in", "out") for claim in _gains(layers, direction)),
            *(_above_words(layers, question) for question in ("right", "next")),
            *(_steering(layers, *which) for which in ((SELF_VERIFICATION, "checks"), ("accuracy", "accuracy")))]


def _gains(layers: Layers, direction: str) -> list[Claim]:
    weights, gains, by = cells_of(layers, direction)
    own = weights[weights["model"] == "expert-" + weights["domain"]]
    what = {"in": "put into the anchor", "out": "taken out of the expert"}[direction]
    first = Claim(f"weights-predict-gain-{direction}", f"where weights moved farther, more of the gain lies ({what})",
                  OURS, NOT_FOUND, measure(products(own, gains, by), tests=TESTS))
    text = f"weights predict the gain better than those of the control on permuted rewards do ({what})"
    name = f"weights-predict-gain-{direction}-above-shuffled"
    if not layers.controls:
        return [first, Claim(name, text, OURS, NOT_FOUND, None, note="The zoo has no control on permuted rewards.")]
    here = list(layers.controls)
    control = weights[weights["model"] == weights["domain"].map(layers.controls)]
    there = products(own[own["domain"].isin(here)], gains, by) - products(control, gains, by)
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


def steered(traces: pd.DataFrame, measured: str, dose: float) -> Estimate:
    """A measure of one (domain, layer) with the given direction at a dose, minus that with the random ones."""
    there = traces[traces["dose"] == dose]
    given = there["direction"] == "given"
    return level(there[given], measured) - level(there[~given], measured)


def steering_table(steering: pd.DataFrame) -> pd.DataFrame:
    """steering.csv: checks and accuracy by domain, layer, direction (random ones together) and dose, with intervals;
    `above_random` is the given direction's level minus the random ones' at that dose."""
    rows = []
    kinds = steering["direction"].where(steering["direction"] == "given", "random")
    for key, group in steering.groupby(["domain", "layer", kinds, "dose"]):
        for measured in (SELF_VERIFICATION, "accuracy", "tokens"):
            found = level(group, measured)
            one = found.interval()
            rows.append((*key, measured, found.value, one.low, one.high, found.n_tasks, found.n_seeds))
    columns = ["domain", "layer", "direction", "dose", "measure", "value", "ci_low", "ci_high", "n_tasks", "n_seeds"]
    return pd.DataFrame(rows, columns=columns)


def carried_table(grafts: pd.DataFrame) -> pd.DataFrame:
    """grafts.csv: of every graft of whole layers and parts, the change of accuracy and of checks against the receiver
    (points, and per 100 sentences), with 95 % intervals over tasks and seeds; domain `all` is the mean over domains."""
    found = {}
    for domain, rest in grafts.groupby("domain", sort=False):
        whole = {name: rest[rest["direction"] == name] for name in ("anchor", "expert")}
        wanted = rest[rest["direction"] != "anchor"]
        for (direction, layer, part), group in wanted.groupby(["direction", "layer", "part"], dropna=False):
            base = whole["expert" if direction == "out" else "anchor"]
            for measured in ("accuracy", SELF_VERIFICATION):
                key = (direction, -2 if pd.isna(layer) else layer, part, measured)  # no two NA are the same key
                found.setdefault(key, {})[domain] = level(group, measured) - level(base, measured)
    rows = []
    for (direction, layer, part, measured), by_domain in found.items():
        for domain, change in [*by_domain.items(), ("all", average(list(by_domain.values())))]:
            one, place = change.interval(), None if layer == -2 else layer
            rows.append((domain, direction, place, part, measured, one.value, one.low, one.high, one.p, change.n_tasks,
                         change.n_seeds))
    columns = ["domain", "direction", "layer", "part", "measure", "change", "ci_low", "ci_high", "p", "n_tasks",
               "n_seeds"]
    return pd.DataFrame(rows, columns=columns).astype({"layer": "Int64"})
