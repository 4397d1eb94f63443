"""What M2RL published (arXiv 2602.12566), item by item, with the tag that says how it was read.

[R] the official README, version 1; [N1] and [N3] are second-hand: third parties' notes on versions 1 and 3; [D]
computed from these. The numbers of Tables 3, 4 and 6 and of the Jaccard overlaps are those that the studies hold; what
they have no use for stands here. RL-Multi took half of the experts' steps: it is `mixed-paper` here (Tables 2 and 3),
and `mixed` where the studies' claims take that for it (Figures 4 and 5, Table 7). "Not found" was looked for, and is in
no reachable material.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from studies.findings import NOT_FOUND, OURS
from studies.merging_claims import SOURCE_4, SOURCE_6, TABLE_4, TABLE_6
from studies.synergy_tables import AGENT, BENCHMARKS, COLUMNS, GPU_HOURS, PUBLISHED
from studies.synergy_tables import published as difference
from studies.weight_shift import PUBLISHED as JACCARD


class Fact(NamedTuple):
    """What was published of an item."""

    text: str
    source: str
    value: float = math.nan
    """In the unit in which ours is measured; NaN where it is in words, or in another unit."""


LACKING = Fact(NOT_FOUND, "M2RL: looked for in versions 1 and 3")
NONE = Fact(NOT_FOUND, OURS)
"""A comparison of ours: there is nothing to find."""
MMLU_REDUX = dict(zip(COLUMNS, (79.05, 80.14, 79.88, 77.93, 80.23, 80.00, 79.72, 78.19, 79.91, 78.19), strict=True))
"""The ninth benchmark, which is of no domain: Table 3 and, for merges and distillation, Table 4 [R]."""
VERSION_3 = {  # Table 3, second-hand [N3]; of merges, those whose method is named
    ("expert-math", "math"): "77.66, 70.42", ("mixed-paper", "math"): "81.20, 73.39",
    ("merged-dare_ties", "math"): "81.15, 74.74", ("expert-coding", "coding"): "65.00, 58.86",
    ("mixed-paper", "coding"): "63.21, 56.57", ("expert-science", "science"): "6.26, 53.79",
    ("mixed-paper", "science"): "7.18, 53.62 (likely a misprint)", ("merged-ties", "science"): "7.92, 57.58",
    ("expert-instructions", "instructions"): "90.94, 59.52", ("mixed-paper", "instructions"): "93.53, 61.22",
}
STEPS = {"expert-math": (200, 2172.8), "expert-coding": (200, 3187.2), "expert-science": (200, 787.2),
         "expert-instructions": (200, 377.6), "mixed-paper": (400, 2166.4), "distilled": (200, 816.0)}
"""Run -> (optimizer steps, GPU hours), Table 2, v1 [R]; of the distilled model, the distillation alone."""
CHANGED, CHANCE = 0.30, 0.18
"""Table 5 [N1]: share of weights changed, by domain not found; Jaccard of random masks."""
NEIGHBORS = {("math", "math"): "nearest of all (on math)", ("math", "coding"): "low; a neighbor",
             ("coding", "math"): "no neighbor", ("coding", "instructions"): "a neighbor"}
"""(domain, expert) -> what is said in words, Figure 4 and Table 6 [N1]; values: not found."""
CONSISTENCY = {("mixed", "all"): "lowest, in words", ("mixed", "math"): "highest of the domains, in words",
               ("merged-ties", "all"): "above RL-Multi, in words", ("distilled", "all"): "above RL-Multi, in words"}
"""Figure 5 [N1]; values: not found."""
JUDGES = {  # (judge, domain, mode), Table 7
    ("mixed", "all", "outcome"): Fact("77.5", "M2RL v1, Table 7, second-hand [N1]", 77.5),
    ("mixed", "all", "process"): Fact("64.7", "M2RL v1, Table 7, second-hand [N1]", 64.7),
    ("mixed", "math", "process"): Fact("AIME'24 76.9 (doubtful)", "M2RL v1, Table 7, second-hand [N1]", 76.9),
    ("distilled", "math", "process"): Fact("AIME'24 75.0", "M2RL v1, Table 7, second-hand [N1]", 75.0),
    ("distilled", "coding", "process"): Fact("LCB v5 81.0", "M2RL v1, Table 7, second-hand [N1]", 81.0),
    ("mixed", "instructions", "outcome"): Fact("IFEval 80.5", "M2RL v3, Table 7, second-hand [N3]", 80.5),
    ("mixed", "instructions", "process"): Fact("IFEval 27.5", "M2RL v3, Table 7, second-hand [N3]", 27.5),
}
OFFICIAL = {"AIME'24": (73.85, 73.80), "LCB v5": (59.77, 54.20), "LCB v6": (56.57, 46.86), "IFEval": (90.34, 81.90),
            "MMLU-Redux": (80.00, 83.70)}
"""Benchmark -> (RL-Multi, Qwen3-4B in thinking mode), Table 8 [N1]; other benchmarks: not found."""


def accuracy(model: str, domain: str) -> Fact:
    """A cell of Table 3 (of Table 4 for merges): the two benchmarks of a domain, or the mean of nine for `all`."""
    merged = model.startswith("merged-") or model == "distilled"
    table = "Table 4" if merged else "Table 3"
    if domain == "all" and model in MMLU_REDUX:
        mean = nine(model)
        return Fact(f"mean of 9: {mean:.2f}", f"M2RL v1, {table} [R][D]", mean)
    if domain == "agent" and model in AGENT:
        return Fact(f"v3: BFCL v3 {AGENT[model]:.2f}", "M2RL v3, Table 3, second-hand [N3]", AGENT[model])
    if domain in BENCHMARKS and model in COLUMNS:
        cells = PUBLISHED.loc[BENCHMARKS[domain], model]
        text, source = ", ".join(f"{name} {value:.2f}" for name, value in cells.items()), f"M2RL v1, {table} [R]"
        if later := VERSION_3.get((model, domain)):
            return Fact(f"{text}; v3: {later}", f"{source}; v3, Table 3, second-hand [N3]", float(cells.mean()))
        return Fact(text, source, float(cells.mean()))
    if later := VERSION_3.get((model, domain)):
        return Fact(f"v3: {later}", "M2RL v3, Table 3, second-hand [N3]")
    return LACKING


def gain(model: str, domain: str) -> Fact:
    """What a model gains over the anchor on a domain, in points: a difference of two cells."""
    value, where = difference(model, "anchor", domain)
    return LACKING if value == NOT_FOUND else Fact(f"{value:+.2f}", f"{where}[D]", value)


def nine(model: str) -> float:
    """The mean of the paper's nine benchmarks."""
    return float((PUBLISHED[model].sum() + MMLU_REDUX[model]) / 9)


def method(name: str) -> Fact:
    """A method's mean of nine benchmarks in Table 4."""
    return Fact(f"{TABLE_4[name]:.2f}", SOURCE_4, TABLE_4[name]) if name in TABLE_4 else LACKING


def hours(route: str) -> Fact:
    """What a route to one model took in Table 2, over the four experts together, in percent."""
    if route not in GPU_HOURS:
        return LACKING
    share = 100 * GPU_HOURS[route] / GPU_HOURS["experts"]
    later = "; v3: 63.7 %" if route == "mixed-paper" else ""
    tag = "M2RL v1, Table 2 [R][D]" + ("; v3, second-hand [N3]" if later else "")
    return Fact(f"{GPU_HOURS[route]:.1f} GPU h, {share:.1f} %{later}", tag, share)


def training(run: str) -> Fact:
    """What a run took in Table 2."""
    if run not in STEPS:
        return LACKING
    steps, spent = STEPS[run]
    return Fact(f"{spent:.1f} GPU h, {steps} steps", "M2RL v1, Table 2 [R]")


def overlap(a: str, b: str) -> Fact:
    """The Jaccard overlap of two experts' changed weights."""
    text = JACCARD.get(frozenset((a, b)))
    return Fact(text, "M2RL v1, Table 5, second-hand [N1]", float(text.split()[-1])) if text else LACKING


def pair(domain: str, other: str) -> Fact:
    """What merging another expert into a domain's own changed on that domain, Table 6."""
    return Fact(TABLE_6[domain, other], SOURCE_6) if (domain, other) in TABLE_6 else LACKING


def neighbor(domain: str, expert: str) -> Fact:
    """What is said of an expert's KL to the mixed policy on a domain."""
    text = NEIGHBORS.get((domain, expert))
    return Fact(text, "M2RL v1, Figure 4, in words, second-hand [N1]; values: not found") if text else LACKING


def consistency(model: str, domain: str) -> Fact:
    """What is said of a model's gain consistency."""
    text = CONSISTENCY.get((model, domain))
    return Fact(text, "M2RL v1, Figure 5, second-hand [N1]; values: not found") if text else LACKING
