"""Consistency of gains: exact tables, identities, and planted zoos with a known true cosine."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.skills import MEASURES, gain_consistency, measure_gains

EXPERTS = ["a", "b", "c", "d"]


def steady(rates, repeat=1, k=4, **extra):
    """Scores without noise: every sample of a model has the model's rate; `rates` maps models to a list over tasks."""
    rows = [(model, task, rate) for model, of in rates.items() for task, rate in enumerate(list(of) * repeat)
            for _ in range(k)]
    return pd.DataFrame(rows, columns=["model", "task_id", "correct"]).assign(**extra)


def sampled(rates, k, rng, **extra):
    """0/1 samples of true rates, k of each task (or k[task])."""
    counts = np.broadcast_to(k, len(next(iter(rates.values()))))
    task = np.repeat(np.arange(len(counts)), counts)
    return pd.concat([pd.DataFrame({"model": model, "task_id": task, **extra,
                                    "correct": rng.random(len(task)) < np.asarray(of)[task]})
                      for model, of in rates.items()], ignore_index=True)


def zoo(rng, tasks, shared, gain=0.5, experts=EXPERTS):
    """True rates: on 40 % of the tasks one expert gains; "mixed" gains on as many, a share of them the same."""
    base = (1 - gain) * rng.beta(0.8, 1.2, tasks)
    tenth = rng.permutation(np.arange(tasks) % 10)
    mixed = np.where(tenth < 4, rng.random(tasks) < shared, (tenth >= 6) & (rng.random(tasks) < 1 - shared))
    gains = {name: (tenth < 4) & (tenth % len(experts) == at) for at, name in enumerate(experts)}
    return {"anchor": base, **{name: base + gain * of for name, of in (gains | {"mixed": mixed}).items()}}


def true_cosine(rates):
    gains = {model: np.maximum(of - rates["anchor"], 0) for model, of in rates.items()}
    union = np.max([gains[name] for name in EXPERTS], axis=0)
    return union @ gains["mixed"] / np.sqrt(union @ union * (gains["mixed"] @ gains["mixed"]))


def two_seeds(rates, k, rng):
    """Samples of two seeds with the same true rates; the interval is then the crossed t, and fast."""
    return pd.concat([sampled(rates, k, rng, seed=seed) for seed in (0, 1)], ignore_index=True)


def measured(scores, n_splits=15, seed=0, experts=EXPERTS):
    return gain_consistency(scores, "anchor", experts, ["mixed"], n_splits=n_splits, seed=seed).iloc[0]


TABLE = {"anchor": [0.0, 0.5, 0.5, 0.0], "a": [1.0, 0.5, 0.0, 0.0], "b": [0.5, 0.75, 0.5, 0.0],
         "mixed": [0.5, 1.0, 0.5, 0.25]}
UNION, MIXED = np.array([1, 0.25, 0, 0]), np.array([0.5, 0.5, 0, 0.25])


def test_exact_table():
    """Gains of the union are 1, .25, 0, 0, of the mixed model .5, .5, 0, .25: cosine .625 / sqrt(1.0625 * .5625)."""
    found = gain_consistency(steady(TABLE, repeat=10), "anchor", ["a", "b"], ["mixed"], n_splits=3)
    assert found["model"].tolist() == ["mixed", "a", "b"] and set(found["domain"]) == {"all"}
    exact = [0.625 / np.sqrt(1.0625 * 0.5625), 1 / np.sqrt(1.0625), 0.5625 / np.sqrt(1.0625 * 0.3125)]
    assert found["consistency"].tolist() == pytest.approx(exact)
    assert found["corrected"].tolist() == pytest.approx(exact)
    assert found["ceiling"].tolist() == pytest.approx([1, 1, 1])
    assert found["corrected"].between(found["corrected_low"], found["corrected_high"]).all()
    assert found[["n_tasks", "n_seeds", "k"]].iloc[0].tolist() == [40, 1, 4]


def test_chance_is_the_mean_over_all_permutations():
    brute = np.mean([UNION @ MIXED[list(order)] for order in permutations(range(4))])
    found = gain_consistency(steady(TABLE), "anchor", ["a", "b"], ["mixed"], n_splits=1).iloc[0]
    assert found["chance"] == pytest.approx(brute / np.sqrt(1.0625 * 0.5625))


@pytest.mark.parametrize("shared_noise", [False, True])
def test_unrelated_gains_are_at_chance_but_for_the_noise_of_the_anchor(shared_noise):
    rng = np.random.default_rng(0)
    rates = {name: 0.3 + 0.5 * (rng.random(2000) < 0.3) for name in ("a", "mixed")} | {"anchor": np.full(2000, 0.3)}
    scores = two_seeds(rates, 4, rng)
    if not shared_noise:
        scores["correct"] = scores["correct"].where(scores["model"] != "anchor", 0.3)
    found = measured(scores, n_splits=1, experts=["a"])
    above = found["consistency"] - found["chance"]
    assert above > 0.05 if shared_noise else abs(above) < 0.03


TABLES = st.lists(st.tuples(*[st.integers(0, 8)] * 4), min_size=2, max_size=6)
COLUMNS = ["consistency", "corrected", "ceiling", "chance", "n_tasks", "k"]


def values(rows, names=("anchor", "a", "b", "mixed"), scale=8, experts=("a", "b")):
    """Of noiseless scores of 4 models, rows of tasks, in numbers."""
    rates = dict(zip(names, np.array(rows).T / scale, strict=True))
    found = gain_consistency(steady(rates, repeat=3), "anchor", list(experts), ["mixed"], n_splits=1)
    return found.set_index("model")[COLUMNS].sort_index().astype(float)


@settings(max_examples=8, deadline=None)
@given(TABLES, st.randoms(use_true_random=False))
def test_scale_and_the_order_of_tasks_and_experts_do_not_matter(rows, random):
    plain = values(rows)
    shuffled = random.sample(rows, len(rows))
    for other in (values(rows, scale=32), values(shuffled), values(rows, experts=("b", "a"))):
        pd.testing.assert_frame_equal(plain, other, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(TABLES)
def test_without_noise_all_agree_with_the_definition(rows):
    anchor, a, b, mixed = np.array(rows, dtype=float).T
    union, gain = np.maximum(np.maximum(a, b) - anchor, 0), np.maximum(mixed - anchor, 0)
    found = values(rows).loc["mixed"]
    if not union.any() or not gain.any():
        assert found[["consistency", "corrected", "ceiling", "chance"]].isna().all()
    else:
        cosine = union @ gain / np.sqrt(union @ union * (gain @ gain))
        assert found["consistency"] == pytest.approx(cosine) and found["ceiling"] == pytest.approx(1)
        assert np.isnan(found["corrected"]) or found["corrected"] == pytest.approx(cosine)


@pytest.mark.parametrize("k", [4, 8])
@pytest.mark.parametrize("shared", [1.0, 0.5, 0.0])
def test_corrected_is_near_the_truth_where_the_plain_cosine_is_not(shared, k):
    """Two seeds of 1500 tasks: the standard error is 0.01 to 0.03, what the plain cosine is off at least 0.08."""
    rng = np.random.default_rng(1)
    rates = zoo(rng, 1500, shared)
    found = measured(two_seeds(rates, k, rng))
    assert abs(found["consistency"] - true_cosine(rates)) > 0.08
    assert abs(found["corrected"] - true_cosine(rates)) < (0.07 if k == 4 else 0.04)


@pytest.mark.parametrize("shared", [1.0, 0.5, 0.0])
def test_a_column_of_the_docstrings_table_holds(shared):
    """80 zoos of 200 tasks at k = 8, a domain each: the mean error is below .02; its standard error is .01 or less."""
    rng = np.random.default_rng(11)
    zoos = [zoo(rng, 200, shared) for _ in range(80)]
    rates = {model: np.concatenate([one[model] for one in zoos]) for model in zoos[0]}
    scores = sampled(rates, 8, rng)
    gains = measure_gains(scores.assign(domain=(scores["task_id"] // 200).astype(str)), "anchor", EXPERTS, ["mixed"],
                          n_splits=25)
    errors = [[gains.cosine("mixed", str(number), measure).value - true_cosine(one) for measure in MEASURES]
              for number, one in enumerate(zoos)]
    plain, corrected = np.mean(errors, axis=0)
    assert abs(plain) > 0.1 and abs(corrected) < 0.02


def in_step(rates, k, rng, shared=0.7):
    """0/1 samples whose random numbers all models share, for a share of them: those of one number agree often."""
    tasks = len(rates["anchor"])
    common, number = rng.random((tasks, k)), np.tile(np.arange(k), tasks)
    table = [pd.DataFrame({"model": model, "task_id": np.repeat(np.arange(tasks), k), "sample": number, "correct": (
        np.where(rng.random((tasks, k)) < shared, common, rng.random((tasks, k))) < of[:, None]).ravel()})
             for model, of in rates.items()]
    return pd.concat(table, ignore_index=True)


@pytest.mark.parametrize("shared", [1.0, 0.5, 0.0])
def test_samples_of_one_number_may_share_their_random_numbers(shared):
    """As the trace store's do. Halves that mix the numbers are off by more than .1 or have no squared norm left."""
    rng = np.random.default_rng(12)
    rates = zoo(rng, 2000, shared)
    scores = in_step(rates, 4, rng).sample(frac=1, random_state=0)  # the column says the number, not the order of rows
    found = measure_gains(scores, "anchor", EXPERTS, ["mixed"], n_splits=10).cosine("mixed")
    assert found.value == pytest.approx(true_cosine(rates), abs=0.06)


def test_tasks_that_every_model_loses_do_not_count_as_gains():
    rng = np.random.default_rng(2)
    rates = zoo(rng, 1500, 1.0)
    lost = rng.random(1500) < 0.3
    rates = {model: np.where(lost & (of == rates["anchor"]) & (model != "anchor"), of / 2, of)
             for model, of in rates.items()}
    assert measured(two_seeds(rates, 8, rng))["corrected"] == pytest.approx(1, abs=0.05)


def test_noise_alone_has_a_consistency_but_no_corrected_one():
    rng = np.random.default_rng(3)
    for _ in range(4):
        found = measured(sampled(zoo(rng, 150, 0.5, gain=0.0), 8, rng))
        assert found["consistency"] > 0.4 and found["ceiling"] < 0.6
        assert np.isnan([found["corrected"], found["corrected_low"], found["corrected_high"]]).all()


def test_the_ceiling_is_that_of_two_runs_with_half_of_the_samples():
    rng = np.random.default_rng(4)
    rates = zoo(rng, 3000, 0.5)
    truth = np.stack(list(rates.values()))
    runs = [rng.binomial(4, truth) / 4 for _ in range(2)]
    gains = [np.maximum(run[1:] - run[0], 0) for run in runs]
    pairs = [[gain[:-1].max(axis=0) for gain in gains], [gain[-1] for gain in gains]]
    brute = np.sqrt(np.prod([x @ y / np.sqrt(x @ x * (y @ y)) for x, y in pairs]))
    found = measured(two_seeds(rates, 8, rng), n_splits=4)
    assert found["ceiling"] == pytest.approx(brute, abs=0.02) and found["ceiling"] < 0.9


def test_a_single_expert_is_its_own_union():
    rng = np.random.default_rng(5)
    found = gain_consistency(two_seeds(zoo(rng, 1000, 1.0), 8, rng), "anchor", ["a"], ["mixed"], n_splits=10)
    alone = found[found["model"] == "a"].iloc[0]
    assert alone["consistency"] == pytest.approx(1) and alone["corrected"] == pytest.approx(1)
    assert found["corrected"].iloc[0] == pytest.approx(0.5, abs=0.1)  # the union of one is a quarter of what is gained


@pytest.mark.parametrize(("seeds", "wide"), [(1, 0.5), (3, 0.8)])
def test_intervals_cover_the_truth(seeds, wide):
    """Expert and mixed model share half of their gains in truth; every zoo draws its tasks and its samples anew."""
    rng = np.random.default_rng(6)
    found = []
    for _ in range(25):
        scores = [sampled(zoo(rng, 150, 0.5, experts=["a"]), 8, rng, seed=seed) for seed in range(seeds)]
        found.append(measured(pd.concat(scores), n_splits=6, experts=["a"]))
    low, high = (np.array([one[f"corrected_{side}"] for one in found]) for side in ("low", "high"))
    assert np.mean((low <= 0.5) & (0.5 <= high)) >= 0.84  # 2.5 standard errors of 25 draws below 95 %
    assert 0.02 < np.mean(high - low) < wide


def test_seeds_are_compared_within_a_seed():
    """Each seed's experts gain where its own mixed model does; across seeds they would not."""
    one = {"anchor": [0, 0], "a": [1, 0], "mixed": [0.5, 0]}
    two = {"anchor": [0, 0], "a": [0, 1], "mixed": [0, 1]}
    scores = pd.concat([steady(one, repeat=20, seed=7), steady(two, repeat=20, seed=8)])
    found = measured(scores, n_splits=2, experts=["a"])
    assert found["n_seeds"] == 2 and found["n_tasks"] == 40
    assert found["consistency"] == pytest.approx(1.5 / np.sqrt(2 * 1.25)) == found["corrected"]
    assert found["chance"] == pytest.approx(0.75 / np.sqrt(2 * 1.25))


def test_the_influence_of_a_task_is_what_leaving_it_out_changes():
    rng = np.random.default_rng(13)
    scores = two_seeds(zoo(rng, 300, 0.5), 8, rng)
    found = measure_gains(scores, "anchor", EXPERTS, ["mixed"], n_splits=1).cosine("mixed", measure="consistency")
    assert found.influence.shape == (300, 2) and found.influence.to_numpy().sum() == pytest.approx(0)
    tasks = found.influence.abs().sum(axis=1).nlargest(6).index
    for task in tasks:
        rest = measure_gains(scores[scores["task_id"] != task], "anchor", EXPERTS, ["mixed"], n_splits=1)
        change = found.value - rest.cosine("mixed", measure="consistency").value
        assert change == pytest.approx(found.influence.loc[task].sum(), rel=0.05)


@pytest.mark.parametrize(("asked", "said"), [
    (("other",), "no model 'other'; choose from mixed, a, b"), (("mixed", "math"), "no domain 'math'; choose from all"),
    (("mixed", "all", "chance"), "no measure 'chance'; choose from consistency, corrected")])
def test_a_cosine_of_something_else_is_named(asked, said):
    with pytest.raises(ValueError, match=said):
        measure_gains(GOOD, "anchor", ["a", "b"], ["mixed"], n_splits=1).cosine(*asked)


def test_domains_are_measured_by_themselves_and_together():
    math, code = steady(TABLE, repeat=5, domain="math"), steady(TABLE, repeat=5, domain="code")
    code = code.assign(task_id=code["task_id"] + 20)
    code.loc[code["model"] == "mixed", "correct"] = 0.5
    found = gain_consistency(pd.concat([math, code]), "anchor", ["a", "b"], ["mixed"], n_splits=1)
    assert found["domain"].unique().tolist() == ["code", "math", "all"]
    mixed = found[found["model"] == "mixed"].set_index("domain")
    alone = gain_consistency(math.drop(columns="domain"), "anchor", ["a", "b"], ["mixed"], n_splits=1).iloc[0]
    columns = [*COLUMNS, "consistency_low", "corrected_high"]
    assert mixed.loc["math", columns].tolist() == pytest.approx(alone[columns].tolist(), nan_ok=True)
    assert mixed["n_tasks"].tolist() == [20, 20, 40]
    assert mixed.loc["code", "consistency"] < mixed.loc["all", "consistency"] < mixed.loc["math", "consistency"]


def test_tasks_may_have_different_numbers_of_samples():
    rng = np.random.default_rng(8)
    rates = zoo(rng, 1200, 1.0)
    found = measured(two_seeds(rates, rng.integers(4, 11, 1200), rng))
    assert found["k"] == 7 and found["corrected"] == pytest.approx(1, abs=0.06)


def test_two_samples_give_a_ceiling_but_are_too_few_to_correct():
    scores = steady(TABLE, repeat=10, k=4)
    few = scores.drop(index=scores[(scores["model"] == "a") & (scores["task_id"] == 3)].index[2:])
    found = gain_consistency(few, "anchor", ["a", "b"], ["mixed"], n_splits=2).iloc[0]
    assert np.isnan(found["corrected"]) and found["ceiling"] == pytest.approx(1) and found["consistency"] > 0.8


def test_the_seed_decides_the_splits_and_other_models_do_not_matter():
    rng = np.random.default_rng(9)
    scores = sampled(zoo(rng, 60, 0.5), 8, rng)
    more = pd.concat([scores.assign(model="other", correct=1.0), scores])
    same, other = measured(more, n_splits=3), measured(scores, n_splits=3, seed=1)
    pd.testing.assert_series_equal(measured(scores, n_splits=3), same)
    assert other["corrected"] != same["corrected"] and other["consistency"] == same["consistency"]


GOOD = steady(TABLE)


@pytest.mark.parametrize(("scores", "said"), [
    (GOOD.drop(columns="correct"), "lack the column 'correct'"),
    (GOOD[GOOD["model"] != "b"], "no model 'b'; they have a, anchor, mixed"),
    (GOOD.drop(index=GOOD[(GOOD["model"] == "a") & (GOOD["task_id"] == 2)].index[1:]),
     "model 'a' has 1 samples of task 2 at seed 0"),
    (GOOD[~((GOOD["model"] == "mixed") & (GOOD["task_id"] == 1))], "model 'mixed' has 0 samples of task 1"),
    (pd.concat([GOOD.assign(seed=0), GOOD[GOOD["model"] != "anchor"].assign(seed=1)]),
     "model 'anchor' has 0 samples of task 0 at seed 1"),
    (GOOD.assign(correct=1.5), "between 0 and 1, got 1.5"), (GOOD.assign(correct="yes"), "0 and 1, got yes"),
    (GOOD.assign(correct=np.nan), "'correct' has missing"), (GOOD.assign(domain=None), "'domain' has missing"),
    (pd.concat([GOOD.assign(domain="x"), GOOD.assign(domain="y")]), "task 0 is in several domains"),
    (GOOD.assign(domain=np.where(GOOD["task_id"] == 0, "all", "math")), "give that domain another name"),
])
def test_odd_scores_are_named(scores, said):
    with pytest.raises(ValueError, match=said):
        gain_consistency(scores, "anchor", ["a", "b"], ["mixed"])


@pytest.mark.parametrize(("experts", "combined", "error", "said"), [
    ("a", ["mixed"], TypeError, "experts is a list of names, got 'a'"),
    (["a"], "mixed", TypeError, "combined is a list"), ([], ["mixed"], ValueError, "experts is empty"),
    (["a", "mixed"], ["mixed"], ValueError, "mixed named more than once"),
    (["anchor"], ["mixed"], ValueError, "anchor named more than once")])
def test_odd_names_are_named(experts, combined, error, said):
    with pytest.raises(error, match=said):
        gain_consistency(GOOD, "anchor", experts, combined)


def test_no_split_is_refused():
    with pytest.raises(ValueError, match="n_splits is 0"):
        gain_consistency(GOOD, "anchor", ["a"], ["mixed"], n_splits=0)
