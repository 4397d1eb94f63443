"""The tables of the layer study that are more than what a probe returned: weights by layer, grafts, doses."""

from __future__ import annotations

import pandas as pd

from behaviors.taxonomy import SELF_VERIFICATION
from probes.shift import WeightShift
from studies.estimates import Estimate, average
from studies.verification_traces import level

PARTS = {"attn": ("q", "k", "v", "qkv", "o"), "mlp": ("gate", "up", "gate_up", "down", "router")}
"""Part of a layer -> the modules whose weights it sums; norms are left out."""


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


def changes(grafts: pd.DataFrame, measured: str) -> dict[tuple, Estimate]:
    """(domain, direction, layer, part) -> a measure's change against the receiver; layer None for the whole expert."""
    found = {}
    for domain, rest in grafts.groupby("domain", sort=False):
        whole = {name: rest[rest["direction"] == name] for name in ("anchor", "expert")}
        wanted = rest[rest["direction"] != "anchor"]
        for (direction, layer, part), group in wanted.groupby(["direction", "layer", "part"], dropna=False):
            base = whole["expert" if direction == "out" else "anchor"]
            place = None if pd.isna(layer) else int(layer)
            found[domain, direction, place, part] = level(group, measured) - level(base, measured)
    return found


def carried_table(grafts: pd.DataFrame) -> pd.DataFrame:
    """grafts.csv: of every graft of whole layers and parts, the change of accuracy and of checks against the receiver
    (points, and per 100 sentences), with 95 % intervals over tasks and seeds; domain `all` is the mean over domains."""
    rows = []
    for measured in ("accuracy", SELF_VERIFICATION):
        found = changes(grafts, measured)
        for place in dict.fromkeys(key[1:] for key in found):
            by_domain = {key[0]: change for key, change in found.items() if key[1:] == place}
            for domain, change in {**by_domain, "all": average(list(by_domain.values()))}.items():
                one = change.interval()
                rows.append((domain, *place, measured, one.value, one.low, one.high, one.p, change.n_tasks,
                             change.n_seeds))
    columns = ["domain", "direction", "layer", "part", "measure", "change", "ci_low", "ci_high", "p", "n_tasks",
               "n_seeds"]
    return pd.DataFrame(rows, columns=columns).astype({"layer": "Int64"})


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
