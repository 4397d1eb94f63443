"""Metrics through their public functions: exact values, identities, errors that name the offender, and coverage."""

from itertools import combinations
from math import comb, isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behaviors import avg_at_k, paired_bootstrap, pass_at_k, summarize, tag
from behaviors.metrics import holm, pass_rate
from training.intervals import crossed_variance, interval


def traces(rows, **extra):
    """Traces from (task_id, sample, seed, correct)."""
    frame = pd.DataFrame(rows, columns=["task_id", "sample", "seed", "correct"])
    return frame.assign(**{"model": "m", "domain": "math", "completion": "<think>a.</think> b", "n_tokens": 4, **extra})


TWO_TASKS = [("t0", 0, 0, True), ("t0", 1, 0, False), ("t1", 0, 0, True), ("t1", 1, 0, True)]


def test_avg_at_k_exact():
    found = avg_at_k(traces(TWO_TASKS)).iloc[0]
    assert (found["k"], found["accuracy"], found["n_tasks"], found["n_seeds"]) == (2, 0.75, 2, 1)
    assert (found["ci_low"], found["ci_high"], found["interval"]) == (0.5, 1.0, "bootstrap")


def test_avg_at_k_names_the_task_without_k():
    with pytest.raises(ValueError, match="no single k: t0 have fewer"):
        avg_at_k(traces(TWO_TASKS[1:]))


def test_one_task_has_no_interval():
    found = avg_at_k(traces(TWO_TASKS[:2])).iloc[0]
    assert found["accuracy"] == 0.5 and isnan(found["ci_low"]) and isnan(found["ci_high"])


def test_uncrossed_seeds_are_named():
    with pytest.raises(ValueError, match="t1 lack a seed"):
        avg_at_k(traces([("t0", 0, 0, 1), ("t0", 0, 1, 1), ("t1", 0, 0, 1)]))


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_rate_is_the_share_of_subsets_with_a_hit(correct, data):
    k = data.draw(st.integers(1, len(correct)))
    share = sum(any(chosen) for chosen in combinations(correct, k)) / comb(len(correct), k)
    assert pass_rate([len(correct)], [sum(correct)], k)[0] == pytest.approx(share, abs=1e-12)


def test_pass_at_k_exact():
    found = pass_at_k(traces(TWO_TASKS), 1)
    assert found["pass_at_k"].tolist() == [pytest.approx(0.75)]
    assert pass_at_k(traces(TWO_TASKS), 2)["pass_at_k"].tolist() == [1.0]


@pytest.mark.parametrize("k", [0, 3])
def test_pass_at_k_names_the_valid_k(k):
    with pytest.raises(ValueError, match="from 1 to the fewest samples of a task, 2"):
        pass_at_k(traces(TWO_TASKS), k)


def test_summarize_with_tags():
    frame = traces(TWO_TASKS)
    frame["completion"] = ["<think>It is 4. Let me check. That matches.</think> 4", "", "Wait, no. So 5.</think> 5",
                           "Hm. 6."]
    found = summarize(frame.set_index(pd.Index([9, 9, 9, 9])), tag(frame["completion"].tolist())).iloc[0]
    sentences = len(tag(frame["completion"].tolist()))
    assert (found["n"], found["accuracy"], found["formatted"], found["tokens"]) == (4, 0.75, 0.5, 4)
    assert found["self_verification"] == pytest.approx(100 * 2 / sentences)
    assert found["backtracking"] == pytest.approx(100 * 1 / sentences)
    assert found["backtracking_low"] <= found["backtracking"] <= found["backtracking_high"]


def test_summarize_refuses_tags_of_other_traces():
    with pytest.raises(ValueError, match="tags name trace 4 of 4"):
        summarize(traces(TWO_TASKS), tag(["a."] * 5))


def test_summarize_names_missing_columns():
    with pytest.raises(ValueError, match="'model'"):
        summarize(traces(TWO_TASKS).drop(columns="model"))


def test_paired_difference_exact():
    a = traces(TWO_TASKS)
    found = paired_bootstrap(a, a.assign(correct=[False, False, True, True], seed=7))  # one seed a side: not paired
    assert (found.mean_a, found.mean_b, found.difference) == (0.75, 0.5, 0.25)
    assert (found.ci_low, found.ci_high, found.n_tasks, found.n_seeds) == (0.0, 0.5, 2, 1)
    assert found.to_frame()["difference"].tolist() == [0.25]


def test_identical_models_do_not_differ():
    a = traces([(f"t{t}", 0, s, (t + s) % 2) for t in range(6) for s in range(3)])
    found = paired_bootstrap(a, a)
    assert (found.difference, found.ci_low, found.ci_high, found.p, found.interval) == (0, 0, 0, 1, "crossed_t")


@pytest.mark.parametrize(("a", "b", "said"), [
    (TWO_TASKS, TWO_TASKS[:2], "b lacks task t1"), (TWO_TASKS[:2], TWO_TASKS, "a lacks task t1"),
    ([("t", 0, 0, 1), ("t", 0, 1, 1)], [("t", 0, 0, 1), ("t", 0, 2, 1)], "b lacks seed 1"),
])
def test_unpaired_is_named(a, b, said):
    with pytest.raises(ValueError, match=said):
        paired_bootstrap(traces(a), traces(b))


def test_pairing_does_not_depend_on_row_order():
    rng = np.random.default_rng(0)
    a = traces([(f"t{t}", 0, s, rng.random()) for t in range(20) for s in range(3)])
    b = a.assign(correct=rng.random(len(a)))
    shuffled = paired_bootstrap(a.sample(frac=1, random_state=1), b.sample(frac=1, random_state=2))
    assert paired_bootstrap(a, b) == shuffled


def test_pairing_removes_what_the_tasks_share():
    rng = np.random.default_rng(1)
    shared = 10 * rng.random(40)
    a, b = (traces([(f"t{t}", 0, 0, v) for t, v in enumerate(shared + rng.normal(0, 0.1, 40) + d)]) for d in (0.2, 0))
    found = paired_bootstrap(a, b)
    assert 0 < found.ci_low < 0.2 < found.ci_high < 0.4 and found.p < 0.01


def cells(rng, tasks, seeds, task_sd, seed_sd):
    """A (tasks, seeds) array with mean 0, both factors random."""
    return (task_sd * rng.standard_normal((tasks, 1)) + seed_sd * rng.standard_normal((1, seeds))
            + rng.standard_normal((tasks, seeds)))


@pytest.mark.parametrize(("tasks", "seeds", "task_sd", "seed_sd"), [
    (50, 1, 1, 0), (50, 3, 1, 0), (50, 3, 1, 0.5), (50, 3, 0, 1), (200, 2, 0.3, 0.5), (20, 10, 1, 0.5)])
def test_intervals_cover(tasks, seeds, task_sd, seed_sd):
    rng = np.random.default_rng(0)
    found = [interval(cells(rng, tasks, seeds, task_sd, seed_sd), seed=k) for k in range(300)]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    rejected = np.mean([one.p < 0.05 for one in found])
    assert covered >= 0.92 and rejected <= 0.08  # 3 standard errors of 300 draws below 95 % and above 5 %


def test_the_interval_is_not_empty_talk():
    """Where seeds differ most, the t interval is about as wide as the seed means alone would make it."""
    from scipy import stats

    rng = np.random.default_rng(0)
    data = cells(rng, 400, 4, 0, 3)
    found, means = interval(data), data.mean(axis=0)
    alone = stats.t.interval(0.95, 3, means.mean(), means.std(ddof=1) / 2)
    assert (found.low, found.high) == pytest.approx(alone, rel=0.02)


@given(st.integers(2, 5), st.integers(2, 4), st.integers(0, 99))
def test_crossed_variance_is_that_of_the_layout(tasks, seeds, seed):
    """Mean squares by their definition; never below what is left when tasks and seeds are taken out."""
    data = np.random.default_rng(seed).random((tasks, seeds))
    total, freedom = crossed_variance(data)
    by_task, by_seed = data.mean(axis=1).var(ddof=1) / tasks, data.mean(axis=0).var(ddof=1) / seeds
    rest = data - data.mean(axis=1, keepdims=True) - data.mean(axis=0, keepdims=True) + data.mean()
    left = (rest**2).sum() / ((tasks - 1) * (seeds - 1)) / (tasks * seeds)
    assert total == pytest.approx(max(by_task + by_seed - left, left))
    assert 1 <= freedom <= 2 * (min(tasks, seeds) - 1)


def test_degrees_of_freedom_are_those_of_what_varies():
    """Of seeds alone where they vary most, capped where they do not vary at all."""
    rng = np.random.default_rng(0)
    assert crossed_variance(cells(rng, 400, 4, 0, 30))[1] == pytest.approx(3, rel=1e-3)
    assert crossed_variance(np.tile(rng.random((50, 1)), 4) + 1e-3 * rng.random((50, 4)))[1] == 6
    assert crossed_variance(np.full((5, 3), 0.5)) == (0.0, 4.0)


def test_ratio_is_of_sums_not_of_cells():
    y, x = np.array([[1.0], [0.0]]), np.array([[1.0], [9.0]])
    assert interval(y, x).value == 0.1
    assert isnan(interval(y, 0 * x).value)
    assert interval(np.tile(y, 3), np.tile(x, 3)).value == pytest.approx(0.1)


@pytest.mark.parametrize(("given_p", "adjusted"), [
    ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.5, 0.9], [1.0, 1.0]), ([], []), ([0.2], [0.2]),
    ([0.0, 1.0], [0.0, 1.0])])
def test_holm(given_p, adjusted):
    assert holm(given_p).tolist() == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_between_the_raw_value_and_bonferroni(p):
    adjusted = holm(p)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(1, np.multiply(p, len(p))) + 1e-15).all()


@pytest.mark.parametrize("p", [[1.1], [-0.1], [float("nan")]])
def test_holm_refuses_what_is_no_p_value(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p)
