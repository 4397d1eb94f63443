"""AUROC by ranks against pairs counted one by one and sklearn; its error against bootstraps; intervals that cover."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from probes.auroc import Auroc, auroc, one_more, placements
from probes.sources import ProbeError


def drawn(rng, groups=60, rows=4, apart=1.0, folds=5, together=0.5):
    """Scores and labels of groups that share a part of both, `apart` between the labels' means."""
    group = np.repeat(np.arange(groups), rows)
    shared, own = together**0.5, (1 - together) ** 0.5
    labels = shared * rng.standard_normal(groups)[group] + own * rng.standard_normal(len(group)) > 0
    scores = apart * labels + shared * rng.standard_normal(groups)[group] + own * rng.standard_normal(len(group))
    return scores, labels, group, group % folds


def one_by_one(scores, labels, strata):
    """(rightly ordered, all) pairs of a positive and a negative row of one stratum."""
    pairs = [(scores[i] > scores[j]) + (scores[i] == scores[j]) / 2 for i in np.flatnonzero(labels)
             for j in np.flatnonzero(~labels) if strata[i] == strata[j]]
    return sum(pairs), len(pairs)


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_without_strata_it_is_sklearns(digits):
    scores, labels, *_ = drawn(np.random.default_rng(0))
    scores = scores.round(digits)
    assert auroc(scores, labels).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("digits", [0, 8])
def test_strata_compare_only_their_own_rows(digits):
    scores, labels, _, folds = drawn(np.random.default_rng(1), groups=20)
    scores = scores.round(digits) + 100 * folds
    right, pairs = one_by_one(scores, labels, folds)
    assert auroc(scores, labels, strata=folds).value == pytest.approx(right / pairs, abs=1e-12)
    found = placements(scores, labels, folds)
    for rows in (labels, ~labels):
        assert (found[0][rows].sum(), found[1][rows].sum()) == (right, pairs)


def test_scores_turned_round():
    scores, labels, groups, folds = drawn(np.random.default_rng(2))
    one, other = auroc(scores, labels, groups, folds), auroc(-scores, labels, groups, folds)
    assert (other.value, other.low, other.high) == pytest.approx((1 - one.value, 1 - one.high, 1 - one.low))
    assert auroc(3 * scores + 7, labels, groups, folds) == one


def test_error_of_independent_rows_is_delongs():
    scores, labels, *_ = drawn(np.random.default_rng(3), groups=300, rows=1)
    wins = (scores[labels][:, None] > scores[~labels]).astype(float)
    variance = wins.mean(axis=1).var(ddof=1) / labels.sum() + wins.mean(axis=0).var(ddof=1) / (~labels).sum()
    assert auroc(scores, labels).se == pytest.approx(variance**0.5, rel=5e-3)


@pytest.mark.parametrize("together", [0.0, 0.8])
def test_error_is_that_of_drawing_groups_anew(together):
    rng = np.random.default_rng(4)
    scores, labels, groups, folds = drawn(rng, groups=150, together=together)
    values = []
    for _ in range(400):
        chosen = np.concatenate([rng.choice(np.arange(fold, 150, 5), 30) for fold in range(5)])
        rows = (4 * chosen[:, None] + np.arange(4)).ravel()
        values.append(auroc(scores[rows], labels[rows], strata=folds[rows]).value)
    assert auroc(scores, labels, groups, folds).se == pytest.approx(np.std(values), rel=0.15)


@pytest.mark.parametrize(("groups", "rows", "apart", "truth"), [(60, 4, 0.0, 0.5), (60, 4, 1.0, 0.761),
                                                               (15, 4, 1.0, 0.761), (40, 10, 3.0, 0.983)])
def test_intervals_cover(groups, rows, apart, truth):
    rng = np.random.default_rng(5)
    found = [auroc(*drawn(rng, groups, rows, apart)) for _ in range(400)]
    assert 0.925 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99
    assert all(0 <= one.low <= one.value <= one.high <= 1 for one in found)


def test_rows_taken_for_independent_would_not_cover():
    rng = np.random.default_rng(6)
    found = [auroc(*drawn(rng, 30, 20, 1.0, together=0.9)[:2]) for _ in range(200)]
    assert np.mean([one.low <= 0.761 <= one.high for one in found]) < 0.6


def test_perfect_scores_leave_doubt():
    labels = np.arange(40) % 2 == 0
    one = auroc(labels, labels, np.arange(40) // 2)
    assert (one.value, one.se, one.groups, one.high) == (1, 0, 20, pytest.approx(1))
    assert one.low == pytest.approx(20 / (20 + 1.96**2))


def test_equal_scores_say_nothing():
    one = auroc(np.zeros(40), np.arange(40) < 10)
    assert one.value == 0.5 and one.low < 0.3 and one.high > 0.7


def test_without_pairs_there_is_no_value():
    one = auroc([1, 2, 3, 4], [True, True, False, False], strata=[0, 0, 1, 1])
    assert np.isnan([one.value, one.se, one.low, one.high]).all()
    one = auroc([1, 2, 3], [True, False, True], groups=["a", "a", "a"])
    assert one.value == 0.5 and np.isnan([one.se, one.low, one.high]).all()


def test_one_more_of_a_kind():
    mean = one_more([Auroc(0.4, 0.03, 50, 20), Auroc(0.6, 0.05, 40, 30)])
    assert mean == Auroc(0.5, pytest.approx(((0.03**2 + 0.05**2) / 2 * 1.5) ** 0.5), 40, 20)


@pytest.mark.parametrize(("call", "says"), [
    (lambda: auroc([1, 2], [True]),
     "scores, labels, groups and strata must have one length of at least 1, got 2, 1, 2 and 2"),
    (lambda: auroc([], []), "must have one length of at least 1, got 0, 0, 0 and 0"),
    (lambda: auroc([1, np.nan, np.inf], [True, False, True]), "2 scores are not finite"),
])
def test_what_is_refused(call, says):
    with pytest.raises(ProbeError, match=says):
        call()
