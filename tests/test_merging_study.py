"""The study of merging methods on planted accuracies: tuning, pairs, claims; its figure draws what it is given."""

import numpy as np
import pandas as pd
import pytest

from studies.findings import settle
from studies.merging_claims import claims, pair_gain
from studies.merging_figure import draw, headline
from studies.merging_methods import mask_table, method_table, pair_table, tune
from studies.merging_models import masks, pairs, standard, sweep
from studies.scores import Scores

DOMAINS = ["math", "coding", "agent"]
TASKS = 40


def traces(rates: dict[tuple[str, str], float], seeds=(0,), samples: int = 4) -> pd.DataFrame:
    """Traces of models that are right at these rates, {(model, domain): rate}."""
    rows = []
    for seed in seeds:
        for number, ((model, domain), rate) in enumerate(sorted(rates.items())):
            rng = np.random.default_rng([seed, number])
            rows += [{"model": model, "domain": domain, "task_id": f"test-{task}", "sample": sample, "seed": seed,
                      "correct": bool(rng.random() < rate)} for task in range(TASKS) for sample in range(samples)]
    return pd.DataFrame(rows)


def everywhere(models: dict[str, float]) -> dict[tuple[str, str], float]:
    return {(model, domain): rate for model, rate in models.items() for domain in DOMAINS}


def planted(seeds=(0,)) -> pd.DataFrame:
    """TIES at scale 2 is best; coding helps math, and math hurts coding."""
    rates = everywhere({one.name: 0.3 for one in (*standard(DOMAINS), *sweep(DOMAINS, "ties"),
                                                  *sweep(DOMAINS, "task_arithmetic"), *masks(DOMAINS, "dare_ties"),
                                                  *masks(DOMAINS, "dare_task_arithmetic"))})
    rates |= everywhere({"anchor": 0.2, "mixed": 0.6, "merged-ties": 0.5, "ties/scale-2-density-0.5": 0.9})
    rates |= everywhere({f"expert-{domain}": 0.5 for domain in DOMAINS})
    for pair in pairs(DOMAINS):
        rates |= {(pair.name, domain): 0.5 for domain in pair.domains}
    return traces(rates | {("pair-math+coding", "math"): 0.8, ("pair-math+coding", "coding"): 0.2}, seeds)


@pytest.fixture(scope="module")
def study():
    table = planted()
    swept = {method: sweep(DOMAINS, method) for method in ("task_arithmetic", "ties")}
    tuned, sweeps = tune(table, swept)
    return table, Scores(pd.concat([table, tuned], ignore_index=True)), sweeps


def test_what_was_planted_is_found(study):
    _, scores, _ = study
    tuned = {method: f"tuned-{method}" for method in ("task_arithmetic", "ties")}
    found = {one.id: one for one in settle(claims(scores, DOMAINS, tuned))}
    for name in ("ties-beats-average", "ties-beats-task_arithmetic", "coding-helps-math", "math-hurts-coding",
                 "pair-asymmetric", "tuned-beats-default-ties"):
        assert found[name].verdict == "reproduced", name
    assert found["coding-helps-math"].measured == pytest.approx(30, abs=12)
    assert found["tuned-beats-default-ties"].measured == pytest.approx(40, abs=8)
    assert found["tuned-beats-default-task_arithmetic"].verdict == "inconclusive"
    assert found["distilled-below-ties"].verdict == "not_measured"
    assert found["ties-beats-average"].published == 3.55


def test_a_half_is_measured_by_what_was_best_on_the_other():
    """Each half has a best of its own there, and is bad at the other's: tuning must not look."""
    rates = everywhere({one.name: 0.5 for one in sweep(DOMAINS, "task_arithmetic")})
    table = traces(rates)
    half = table.groupby(["domain", "task_id"], sort=False).ngroup() % TASKS % 2
    a, b = "task_arithmetic/scale-0.2", "task_arithmetic/scale-0.4"
    for model, good in ((a, 0), (b, 1)):
        here = table.model == model
        table.loc[here, "correct"] = half[here] == good
    tuned, sweeps = tune(table, {"task_arithmetic": sweep(DOMAINS, "task_arithmetic")})
    assert tuned.correct.mean() == 0 and len(tuned) == TASKS * 4 * len(DOMAINS)
    assert sweeps[sweeps.best].sort_values("half").accuracy.tolist() == [100, 100]
    assert set(tuned.model) == {"tuned-task_arithmetic"}


def test_no_gain_from_tuning_where_there_is_none():
    """Twelve equal merges: the best of a half is chance, and the other half says so."""
    gains = []
    for seed in range(8):
        table = traces(everywhere({one.name: 0.5 for one in sweep(DOMAINS, "ties")}), seeds=(seed,))
        tuned, _ = tune(table, {"ties": sweep(DOMAINS, "ties")})
        gains.append(100 * (tuned.correct.mean() - table[table.model == "merged-ties"].correct.mean()))
    assert abs(np.mean(gains)) < 3 * 3.3 / 8**0.5  # a difference of two means of 480 has a standard error of 3.2


def test_tables_and_figure(study):
    table, scores, sweeps = study
    methods, found = method_table(scores, DOMAINS, ["anchor", "mixed"]), pair_table(scores, DOMAINS)
    overall = methods[methods.domain == "all"].set_index("model")
    assert overall.published["merged-ties"] == 59.41 and overall.published["anchor"] == ""
    for name in ("anchor", "merged-ties"):
        single = methods[(methods.model == name) & (methods.domain != "all")]
        assert overall.accuracy[name] == pytest.approx(single.accuracy.mean())
    assert len(found) == 6 and found.set_index(["domain", "other"]).published["math", "coding"].startswith("AIME")
    assert found.set_index(["domain", "other"]).gain["coding", "math"] == pair_gain(scores, "coding", "math").value
    turned = found.set_index(["domain", "other"]).asymmetry
    assert turned["math", "coding"] == pytest.approx(-turned["coding", "math"]) and turned["math", "coding"] > 40
    spread = mask_table(table, DOMAINS)
    assert len(spread) == 10 and (spread.spread > 0).all()
    tables = {"methods": methods, "pairs": found, "sweeps": sweeps}
    figure = draw(tables, settle(claims(scores, DOMAINS, {})), "planted")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:3] == ["All experts merged", "Pairs, by TIES, against the expert alone", "Scale and density"]
    assert headline(methods).endswith(f"the mixed run {overall.accuracy['mixed']:.1f} %")


def test_names_of_merges():
    names = [one.name for one in sweep(DOMAINS, "ties")]
    assert len(set(names)) == 16 and names.count("merged-ties") == 1
    assert [one.name for one in pairs(DOMAINS)] == ["pair-math+coding", "pair-math+agent", "pair-coding+agent"]
    assert [one.params["seed"] for one in masks(DOMAINS, "dare_ties")] == [0, 1, 2, 3, 4]
