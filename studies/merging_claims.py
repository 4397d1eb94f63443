"""The claims of the merging study and where they come from, and accuracies as estimates that can be subtracted.

M2RL v1 (arXiv 2602.12566), Table 4 as the official README gives it [R]; Table 6 second-hand [N1] (tags as in INDEX.md):

*-beats-*, dare-*       mean accuracy over the domains of one method minus that of another: the sign of the table
coding-helps-math       TIES of the math and coding experts minus the math expert, on math                       > 0
math-hurts-coding       the same merge minus the coding expert, on coding                                        < 0
pair-asymmetric         the first difference minus the second                                                    > 0

Ours: tuned-beats-default-*: the scale (and density) that is best on one half of the tasks, measured on the other half,
and the other way round, minus the paper's default on all of them.
"""

from __future__ import annotations

from studies.estimates import Estimate
from studies.findings import NOT_FOUND, OURS, Claim, measure
from studies.scores import Scores

TABLE_4 = {"average": 55.86, "sce": 59.00, "ties": 59.41, "dare_ties": 58.87, "task_arithmetic": 57.85,
           "dare_task_arithmetic": 58.91, "distilled": 59.26}
"""Mean of nine benchmarks [R]."""
RANKED = (("ties", "average"), ("ties", "task_arithmetic"), ("ties", "sce"), ("ties", "dare_ties"),
          ("dare_task_arithmetic", "task_arithmetic"))
"""(better, worse)"""
TABLE_6 = {("math", "coding"): "AIME'24 +0.63, AIME'25 +2.66", ("coding", "math"): "LCB v5 -1.43, v6 -3.43"}
"""(where it is measured, the other expert) -> pair minus expert [N1]; other pairs: not found."""
SOURCE_4, SOURCE_6 = "M2RL v1, Table 4 [R]", "M2RL v1, Table 6, second-hand [N1]"


def claims(scores: Scores, domains: list[str], tuned: dict[str, str]) -> list[Claim]:
    """All claims; tuned: method -> the name of its tuned traces."""
    found = [_ranked(scores, domains, better, worse) for better, worse in RANKED]
    found.append(_distilled(scores, domains))
    found += _pairs(scores, domains)
    for method, name in tuned.items():
        difference = scores.of(name, domains) - scores.of(f"merged-{method}", domains)
        found.append(Claim(f"tuned-beats-default-{method}", f"{method}: the parameters best on one half of the tasks "
                           "beat the paper's on the other", OURS, NOT_FOUND, measure(difference),
                           note="The published merges are by default parameters, chosen between on the test set."))
    return found


def _ranked(scores: Scores, domains: list[str], better: str, worse: str) -> Claim:
    difference = scores.of(f"merged-{better}", domains) - scores.of(f"merged-{worse}", domains)
    return Claim(f"{better}-beats-{worse}", f"{better} beats {worse}, mean over the domains", SOURCE_4,
                 round(TABLE_4[better] - TABLE_4[worse], 2), measure(difference),
                 note="One run of each in the paper, without an interval.")


def _distilled(scores: Scores, domains: list[str]) -> Claim:
    there = "distilled" in scores
    difference = scores.of("distilled", domains) - scores.of("merged-ties", domains) if there else None
    return Claim("distilled-below-ties", "multi-teacher distillation (MT-OPD) does worse than TIES", SOURCE_4,
                 round(TABLE_4["distilled"] - TABLE_4["ties"], 2), measure(difference) if there else None, direction=-1,
                 note="" if there else "The zoo has no distilled model (python -m training.distill --zoo ZOO).")


def pair_gain(scores: Scores, domain: str, other: str) -> Estimate:
    """The merge of two experts minus the first alone, on the first's domain."""
    name = next(one for one in (f"pair-{domain}+{other}", f"pair-{other}+{domain}") if one in scores)
    return scores.of(name, [domain]) - scores.of(f"expert-{domain}", [domain])


def _pairs(scores: Scores, domains: list[str]) -> list[Claim]:
    texts = {"coding-helps-math": "merging the coding expert into the math expert helps on math",
             "math-hurts-coding": "merging the math expert into the coding expert hurts on coding",
             "pair-asymmetric": "coding is a neighbor of math, and math none of coding: the first gain is larger"}
    published = {"coding-helps-math": TABLE_6["math", "coding"], "math-hurts-coding": TABLE_6["coding", "math"],
                 "pair-asymmetric": "+0.63 to +2.66 against -1.43 to -3.43"}
    directions = {"coding-helps-math": 1, "math-hurts-coding": -1, "pair-asymmetric": 1}
    found, note = dict.fromkeys(texts), "The zoo lacks the math or the coding expert."
    if {"math", "coding"} <= set(domains):
        math, coding = pair_gain(scores, "math", "coding"), pair_gain(scores, "coding", "math")
        estimates = {"coding-helps-math": math, "math-hurts-coding": coding, "pair-asymmetric": math - coding}
        found, note = {name: measure(one) for name, one in estimates.items()}, "By TIES; the paper's method: not found."
    return [Claim(name, text, SOURCE_6, published[name], found[name], directions[name], note=note)
            for name, text in texts.items()]
