"""Guided merging: the weights that geometry gives, claims on planted accuracies, and the figure."""

import numpy as np
import pandas as pd
import pytest

from studies.findings import settle
from studies.guided_figure import draw, headline
from studies.guided_merging import claims, guided, guided_table, weight_table, weights_for
from studies.scores import Scores

DOMAINS = ["math", "coding", "agent"]
COSINES = pd.DataFrame([[1, 0.2, -0.1], [0.2, 1, 0.1], [-0.1, 0.1, 1]], DOMAINS, DOMAINS)


@pytest.mark.parametrize(("target", "rule", "weights"), [
    ("math", "all", {"math": 1, "coding": 1, "agent": 1}), ("math", "nearest", {"math": 1, "coding": 1}),
    ("math", "farthest", {"math": 1, "agent": 1}), ("math", "weighted", {"math": 1, "coding": 1}),  # -0.1 counts 0
    ("coding", "weighted", {"math": 1, "coding": 1, "agent": 0.5}),
])
def test_weights(target, rule, weights):
    assert weights_for(target, rule, COSINES) == pytest.approx(weights)


def test_no_expert_is_near():
    """All cosines at most 0: the weighted merge is the own expert."""
    assert weights_for("math", "weighted", -COSINES.abs() + 2 * np.eye(3)) == {"math": 1}


def test_task_arithmetic_averages():
    one = guided("coding", "weighted", "task_arithmetic", COSINES)
    assert one.params["scale"] == pytest.approx(1 / 2.5) and set(one.domains) == set(DOMAINS)
    assert one.name == "guided/coding-weighted-task_arithmetic"
    assert guided("coding", "all", "ties", COSINES).params == {"weight": dict.fromkeys(DOMAINS, 1.0)}


def planted() -> Scores:
    rates = {"own": 0.5, "ties-all": 0.3, "ties-nearest": 0.8, "ties-farthest": 0.4, "ties-weighted": 0.3}
    rows = []
    for number, (model, rate) in enumerate(rates.items()):
        rng = np.random.default_rng(number)
        rows += [{"model": model, "domain": domain, "task_id": f"t{task}", "sample": sample, "seed": 0,
                  "correct": bool(rng.random() < rate)}
                 for domain in DOMAINS for task in range(60) for sample in range(4)]
    return Scores(pd.DataFrame(rows))


def test_what_was_planted_is_found_and_drawn():
    scores = planted()
    findings = settle(claims(scores, DOMAINS, "ties"))
    verdicts = {one.id: one.verdict for one in findings}
    assert verdicts == {"nearest-beats-all-ties": "reproduced", "weighted-beats-all-ties": "inconclusive",
                        "nearest-beats-farthest-ties": "reproduced", "nearest-beats-own-ties": "reproduced"}
    table = guided_table(scores, DOMAINS, ("ties",))
    overall = table[table.domain == "all"].set_index("model")
    assert overall.against_own["ties-nearest"] == pytest.approx(30, abs=6) and overall.against_own["own"] == 0
    figure = draw(table, findings, "planted")
    assert [axis.get_title() for axis in figure.axes] == ["TIES"]
    assert headline(table, findings).endswith("3 of 4 claims decided")


def test_the_table_of_weights():
    table = weight_table(COSINES, DOMAINS).set_index(["target", "other"])
    assert len(table) == 6 and table.loc[("coding", "agent"), "weighted"] == 0.5
    assert table.loc[("math", "agent"), "farthest"] == 1 and table.loc[("math", "agent"), "nearest"] == 0
