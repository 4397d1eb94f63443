"""What studies there are, what each asks, how long it takes and what it needs: `python -m studies`.

Times are of one organism zoo of which nothing was sampled before, on 2 cores, each study after those above it
(`costs.csv`): a quick run, and a full one.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd

from studies.all import STUDIES
from studies.duration import COSTS, minutes

LEAST = {"expert_gains": 1, "synergy": 1, "merging_methods": 2, "guided_merging": 3, "weight_shift": 2,
         "gain_consistency": 1, "self_verification": 1, "layer_probes": 1}
"""The fewest experts that a study asks for; the others take any two models."""
CLOSING = (
    "python studies/STUDY.py --help      one of them",
    f"python studies/all.py --help        the first {len(STUDIES)}, in this order, on one zoo or on several seeds",
    "python studies/needs.py             disk, memory and completions of each, for large models",
    "Times: one zoo of the organism, nothing sampled before, 2 cores, each study after those above it.",
)
OURS = {"dose_response": "zoos of at least 2 anchors"}
"""Studies that are run by themselves, and what they need."""


def question(study: str) -> str:
    """What a study asks: the first line of its module."""
    module = ast.parse(Path(__file__).with_name(f"{study}.py").read_text(encoding="utf-8"))
    return ast.get_docstring(module).splitlines()[0]


def needs(study: str) -> str:
    """What a zoo has to hold."""
    if study in OURS:
        return OURS[study]
    least = LEAST.get(study)
    return f"{least} expert{'s' if least > 1 else ''}" if least else "2 models"


def lines() -> list[str]:
    """Two lines a study: name, times and needs; what it asks."""
    costs = pd.read_csv(COSTS).set_index(["study", "quick"])["cold"]
    found = [f"{'study':<26}{'quick':>8}{'full':>8}   needs"]
    for study in (*STUDIES, *OURS):
        times = [minutes(costs[study, quick]) if (study, quick) in costs.index else "" for quick in (True, False)]
        found += [f"{study:<26}{times[0]:>8}{times[1]:>8}   {needs(study)}", f"    {question(study)}"]
    return [*found, "", *CLOSING]


if __name__ == "__main__":
    print("\n".join(lines()))
