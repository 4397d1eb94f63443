"""Tasks that one route alone solves: exact tables, planted and lucky tasks, and how far luck goes."""

import numpy as np
import pandas as pd
import pytest

from probes.emergent import emergence, emergent_tasks, luck
from tests.test_skills import sampled, steady

FIRST = {"anchor": [0, 0, 0, 0.25, 0, 0], "a": [0, 0, 1, 0, 0.5, 1], "b": [0, 0.25, 0, 0, 0, 0],
         "mixed": [0.5, 1, 0, 1, 0, 1]}
AGAIN = {"anchor": [0, 0, 0, 0, 0, 0], "a": [0, 0, 0.25, 0, 0, 1], "b": [0, 0, 0.75, 0, 0, 0],
         "mixed": [0.75, 1, 0, 1, 1, 1]}


def test_emergent_exact_table():
    """Task 0: only mixed. 1 and 3: an expert, or the anchor, at times. 2: an expert. 4: not again. 5: both."""
    found = emergent_tasks(steady(FIRST, domain="x"), steady(AGAIN), "anchor", ["a", "b"], "mixed")
    assert found[["kind", "task_id", "domain"]].values.tolist() == [
        ["combined", 0, "x"], ["experts", 2, "x"], ["experts", 4, "x"]]
    assert found["confirmed"].tolist() == [True, True, False]
    assert found[["anchor", "best_expert", "combined"]].values.tolist() == [[0, 0, 0.5], [0, 1, 0], [0, 0.5, 0]]
    assert found[["fresh_anchor", "fresh_best_expert", "fresh_combined"]].values.tolist() == [
        [0, 0, 0.75], [0, 0.75, 0], [0, 0, 1]]
    assert found["expected_false"].tolist() == [0, 0, 0]  # the fresh rates of all other tasks are 0 or 1


def test_expected_false_is_the_chance_of_the_binomial():
    """One task, half solved by the mixed model, a quarter of the time by a: 4 samples, P = 11/16 * (3/4)^4."""
    first = {"anchor": [0], "a": [0], "mixed": [1]}
    again = {"anchor": [0], "a": [0.25], "mixed": [0.5]}
    found = emergent_tasks(steady(first), steady(again), "anchor", ["a"], "mixed", draws=3000).iloc[0]
    assert not found["confirmed"] and found["expected_false"] == pytest.approx(11 / 16 * 0.75**4, abs=0.03)


def test_planted_tasks_are_confirmed_and_lucky_ones_are_not():
    """20 tasks only the mixed model solves; on 1000 all are equally poor, so that it solves some alone by luck."""
    rng = np.random.default_rng(10)
    poor = np.repeat([0.0, 0.15], [20, 1000])
    rates = dict.fromkeys(["anchor", "a"], poor) | {"mixed": np.where(poor == 0, 0.9, poor)}
    found = emergent_tasks(sampled(rates, 4, rng), sampled(rates, 32, rng), "anchor", ["a"], "mixed", draws=50)
    found = found[found["kind"] == "combined"]
    planted, lucky = found[found["task_id"] < 20], found[found["task_id"] >= 20]
    assert len(planted) == 20 and planted["confirmed"].all()
    assert len(lucky) >= 15 and not lucky["confirmed"].any()
    assert found["expected_false"].iloc[0] == pytest.approx(len(lucky), rel=0.5)


def test_seeds_of_emergent_tasks_are_pooled():
    scores = pd.concat([steady(FIRST, seed=0), steady(AGAIN, seed=1)])
    found = emergent_tasks(scores, scores, "anchor", ["a", "b"], "mixed")
    assert found["task_id"].tolist() == [0, 2] and found["combined"].tolist() == [0.625, 0]


@pytest.mark.parametrize(("fresh", "extra", "said"), [
    (steady(AGAIN).query("task_id < 5"), {}, "only one of scores and fresh has task 5"),
    (steady(AGAIN).query("model != 'b'"), {}, "no model 'b'"),
    (steady(AGAIN), {"solved": 0.2, "unsolved": 0.2}, "unsolved 0.2 and solved 0.2"),
    (steady(AGAIN), {"solved": 1.2}, "need 0 <= unsolved < solved <= 1")])
def test_odd_fresh_scores_and_thresholds_are_named(fresh, extra, said):
    with pytest.raises(ValueError, match=said):
        emergent_tasks(steady(FIRST), fresh, "anchor", ["a", "b"], "mixed", **extra)


def test_counts_are_those_of_the_tasks_also_where_there_are_none():
    found = emergence(steady(FIRST), steady(AGAIN), "anchor", ["a", "b"], "mixed")
    assert found.counts().values.tolist() == [["combined", 1, 1, 0.0, 6], ["experts", 2, 1, 0.0, 6]]
    none = emergence(steady(FIRST), steady(AGAIN), "anchor", ["a", "mixed"], "b")
    assert none.counts()["candidates"].tolist() == [0, 4] and len(none.tasks()) == 4


def test_luck_is_the_largest_chance():
    """One sample a time: (p (1 - p))^2 at p = 1/2; with n solvers and q = 1 - p, (q (1 - q^n))^2 at q^n = 1/(n + 1)."""
    assert luck(1, 1) == pytest.approx(1 / 16)
    for n in (2, 5):
        q = (n + 1) ** (-1 / n)
        assert luck(1, 1, solvers=n) == pytest.approx((q * n / (n + 1)) ** 2, rel=1e-5)
    assert luck(2, 2, solved=1.0) == pytest.approx((1 / 4) ** 4)  # p^2 (1 - p)^2, twice
    assert luck(2, 2, unsolved=0.5, solved=1.0) == pytest.approx(1 / 16)  # p^2 (1 - p^2)
    assert luck(8, 8) < luck(8, 4) < luck(4, 4)


@pytest.mark.parametrize(("kind", "solvers"), [("combined", 1), ("experts", 3)])
def test_where_all_are_alike_luck_confirms_as_many_as_it_says_and_elsewhere_fewer(kind, solvers):
    rng, share = np.random.default_rng(14), []
    names = ["anchor", "a", "b", "c", "mixed"]
    may, must_not = (["mixed"], ["a"]) if kind == "combined" else (["a", "b", "c"], ["mixed"])
    for rate in (0.1, 0.25, 0.4):
        rates = {name: np.full(6000, rate if name in [*may, *must_not] else 0.0) for name in names}
        found = emergence(*(sampled(rates, 4, rng) for _ in range(2)), "anchor", ["a", "b", "c"], "mixed", draws=1)
        share.append(found.counts().set_index("kind").loc[kind, "confirmed"] / 6000)
    bound = luck(4, 4, solvers)
    assert max(share) == pytest.approx(bound, rel=0.35) and (np.array(share) < bound + 0.003).all()
