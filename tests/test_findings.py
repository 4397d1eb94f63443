"""Estimates keep their coverage on planted effects; verdicts follow Holm; findings.json keeps its form."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behaviors import paired_bootstrap
from studies.estimates import Estimate, average, ratio
from studies.findings import VERDICTS, Claim, Measured, highest, measure, settle, write

FIELDS = ["id", "claim", "source", "published", "measured", "ci_low", "ci_high", "n", "seeds", "test", "p_adjusted",
          "by_construction", "verdict", "note"]


def frame(cells) -> pd.DataFrame:
    cells = np.asarray(cells, dtype=float)
    return pd.DataFrame(cells, index=[f"t{k}" for k in range(len(cells))], columns=range(cells.shape[1]))


def rates(rng, tasks, seeds, planted):
    """The change in a rate per sentence between two models on the same tasks, which differ in length."""
    skill = rng.gamma(4, 1 / 4, (tasks, 1))
    run = 1 + 0.15 * rng.standard_normal((1, seeds)) if seeds > 1 else 1.0
    estimates = []
    for rate in (0.2 + planted, 0.2):
        sentences = 2 + rng.poisson(8 * skill * np.ones((tasks, seeds)))
        checks = rng.binomial(sentences, np.clip(rate * run, 0, 1))
        estimates.append(ratio(frame(checks), frame(sentences)))
    return estimates[0] - estimates[1]


@pytest.mark.parametrize(("tasks", "seeds", "lowest"), [(40, 1, 0.90), (60, 1, 0.91), (60, 3, 0.93), (60, 10, 0.92)])
@pytest.mark.parametrize("planted", [0.0, 0.08])
def test_the_interval_of_a_paired_change_covers(tasks, seeds, lowest, planted):
    rng = np.random.default_rng(tasks + seeds)
    found = [rates(rng, tasks, seeds, planted).interval() for _ in range(200)]
    assert np.mean([one.low <= planted <= one.high for one in found]) >= lowest
    assert np.mean([one.value for one in found]) == pytest.approx(planted, abs=0.005)
    if planted == 0:
        assert np.mean([one.p < 0.05 for one in found]) <= 1 - lowest
    elif seeds == 1:
        assert np.mean([one.p < 0.05 for one in found]) > 0.6


def test_balanced_accuracy_over_domains_covers():
    """Two judges of one pool, in two domains of unlike difficulty; the truth is 0.15 * (1 + 0) / 2 = 0.075."""
    rng, found = np.random.default_rng(7), []
    for _ in range(150):
        terms = []
        for domain, gain in (("a", 0.15), ("b", 0.0)):
            right = rng.random((40, 1)) < 0.5
            scores = [_balanced(right, rng.random((40, 1)) < 0.7 + more, domain) for more in (gain, 0.0)]
            terms.append(scores[0] - scores[1])
        found.append(average(terms).interval())
    assert np.mean([one.low <= 0.075 <= one.high for one in found]) >= 0.9
    assert np.mean([one.value for one in found]) == pytest.approx(0.075, abs=0.01)


def _balanced(right, hit, domain) -> Estimate:
    parts = [ratio(frame(hit & kind), frame(kind)) for kind in (right, ~right)]
    for part in parts:
        part.influence.index = [f"{domain}-{name}" for name in part.influence.index]
    return average(parts)


cells = st.integers(2, 12).flatmap(lambda n: st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=n, max_size=n))


@given(cells)
@settings(max_examples=50, deadline=None)
def test_identities(drawn):
    y, x = frame([[a] for a, _ in drawn]), frame([[b] for _, b in drawn])
    one = ratio(y, x)
    assert one.value == pytest.approx(y.to_numpy().sum() / x.to_numpy().sum())
    assert one.influence.to_numpy().sum() == pytest.approx(0, abs=1e-9)
    nothing = (one - one).interval()
    assert (nothing.value, nothing.low, nothing.high, nothing.p) == pytest.approx((0, 0, 0, 1), abs=1e-9)
    assert average([one, one, one]).value == pytest.approx(one.value)
    assert (one - one * 3).value == pytest.approx(-2 * one.value)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_change_of_means_is_the_public_paired_difference(seeds):
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([[f"t{k:02}" for k in range(20)], range(seeds)], names=["task_id", "seed"])
    a, b = (pd.DataFrame({"correct": rng.random(len(index)) < p}, index=index) for p in (0.7, 0.4))
    public = paired_bootstrap(a.reset_index(), b.reset_index())
    ours = (ratio(a["correct"].unstack()) - ratio(b["correct"].unstack())).interval()
    assert (ours.value, ours.low, ours.high, ours.p) == pytest.approx(
        (public.difference, public.ci_low, public.ci_high, public.p))


def test_the_null_moves_the_test_and_not_the_interval():
    estimate = ratio(frame(np.random.default_rng(1).normal(1.0, 1, (50, 1))))
    at_zero, at_one = estimate.interval(), estimate.interval(null=estimate.value)
    assert at_zero.p < 0.01 and at_one.p > 0.9
    assert (at_one.value, at_one.low, at_one.high) == pytest.approx((at_zero.value, at_zero.low, at_zero.high))


def test_nothing_measured_is_missing():
    nothing = ratio(frame([[0], [0]]), frame([[0], [0]]))  # no sentence at all
    assert not nothing.known and measure(nothing) is None
    assert measure(nothing - ratio(frame([[1], [2]]))) is None  # nor is a difference to it
    assert measure(ratio(frame([[1]]))) is None  # one task has no interval


def test_estimates_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"seeds \[0\], the other \[0, 1\]"):
        ratio(frame([[1], [2]])) + ratio(frame([[1, 2], [2, 3]]))
    with pytest.raises(ValueError, match="no estimates to average"):
        average([])


def claim(name, value, p, **fields) -> Claim:
    found = Measured(value, value - 1, value + 1, p, fields.pop("n", 60), 1, "test")
    return Claim(name, "it rises", "a paper", "not found", found, **fields)


@pytest.mark.parametrize(("fields", "verdict"), [
    ({"value": 2, "p": 0.001}, "reproduced"),
    ({"value": -2, "p": 0.001}, "not_reproduced"),
    ({"value": 2, "p": 0.2}, "inconclusive"),
    ({"value": -2, "p": 0.001, "direction": -1}, "reproduced"),
    ({"value": -2, "p": 0.001, "null": -5}, "reproduced"),  # lower, but within the margin
    ({"value": -8, "p": 0.001, "null": -5}, "not_reproduced"),
    ({"value": 2, "p": 0.001, "by_construction": True}, "inconclusive"),
    ({"value": -2, "p": 0.001, "by_construction": True}, "not_reproduced"),  # fails although it had to hold
    ({"value": 2, "p": 0.0005, "n": 9}, "inconclusive"),  # too few tasks
])
def test_verdicts(fields, verdict):
    assert settle([claim("one", **fields)])[0].verdict == verdict


def test_holm_counts_the_measured_claims_only():
    missing = [Claim(f"no-{k}", "it rises", "a paper", 1.5, None, note="There is no such model.") for k in range(50)]
    found = settle([claim("a", 1, 0.03), *missing, claim("b", 1, 0.01)])
    assert found[0].p_adjusted == pytest.approx(0.03) and found[-1].p_adjusted == pytest.approx(0.02)
    assert {one.verdict for one in found[1:-1]} == {"not_measured"} and found[1].measured is None
    assert found[1].note == "There is no such model."


def test_two_claims_of_one_name():
    with pytest.raises(ValueError, match="same id"):
        settle([claim("a", 1, 0.1), claim("a", 1, 0.2)])


def test_highest_needs_all_differences():
    rng = np.random.default_rng(3)
    sure, unsure, below = (ratio(frame(rng.normal(mean, 1, (60, 1)))) for mean in (2.0, 0.3, -1.0))
    assert highest([sure, sure]).p < 0.01
    assert highest([sure, unsure]).p == measure(unsure).p and highest([sure, unsure]).value == unsure.value
    beaten = highest([sure, below, unsure])
    assert beaten.value == below.value and beaten.p == pytest.approx(3 * measure(below).p)
    assert highest([]) is None and highest([sure, ratio(frame([[1]]))]) is None


def test_the_file_is_plain_json_with_the_agreed_fields(tmp_path):
    rows = [claim("a", 1, 0.001), Claim("b", "it falls", "a paper", 77.5, None, note="Why not.")]
    write(settle(rows), tmp_path / "findings.json")
    read = json.loads((tmp_path / "findings.json").read_text())
    assert [list(row) for row in read] == [FIELDS] * 2
    assert all(row["verdict"] in VERDICTS for row in read)
    assert read[1]["measured"] is read[1]["p_adjusted"] is None and read[1]["published"] == 77.5
