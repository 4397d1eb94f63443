"""Probes of arrays and their controls: sklearn as oracle, folds by group, shuffled labels that keep what they must."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from probes import controls
from probes.auroc import auroc, one_more
from probes.controls import bag_of_tokens, cross_validated, fit, folds_of, shuffled
from probes.texts import encode
from tests import tiny


def test_fit_is_a_regression_on_standardised_features():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 8)) * 10.0 ** np.arange(-3, 5) + 5
    labels = features[:, 3] + rng.standard_normal(200) > 5
    oracle = make_pipeline(StandardScaler(), LogisticRegression(C=1 / 8)).fit(features, labels)
    probe = fit(features, labels)
    np.testing.assert_allclose(probe.logits(features), oracle.decision_function(features), atol=1e-3)
    assert np.linalg.norm(probe.direction) == pytest.approx(1)


def test_what_does_not_vary_gets_no_weight():
    rng = np.random.default_rng(0)
    labels, features = rng.random(50) < 0.5, rng.standard_normal((50, 3))
    features[:, 1] = 1000 + 1e-4 * labels  # rounding that happens to know the label
    assert fit(features, labels).weights[1] == 0
    for nothing in (fit(features[:, 1:2], labels), fit(features, labels | True), fit(np.empty((50, 0)), labels)):
        assert not nothing.direction.any() and not nothing.logits(np.ones((2, len(nothing.weights)))).any()


def test_folds_hold_groups_whole_and_labels_alike():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 50, 400), rng.random(400) < 0.3
    folds = folds_of(labels, groups, 5, seed=3)
    assert (pd.Series(folds).groupby(groups).nunique() == 1).all() and set(folds) == set(range(5))
    assert pd.Series(labels).groupby(folds).mean().between(0.22, 0.38).all()
    assert (folds == folds_of(labels, groups, 5, seed=3)).all() and (folds != folds_of(labels, groups, 5, 4)).any()


def test_cross_validation_fold_by_fold():
    rng = np.random.default_rng(0)
    labels, groups = rng.random(120) < 0.4, np.arange(120) // 4
    features = rng.standard_normal((120, 6)) + labels[:, None] * np.eye(6)[0]
    folds, scores = folds_of(labels, groups, 3, 0), np.empty(120)
    for fold in range(3):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / 6))
        model.fit(features[folds != fold], labels[folds != fold])
        scores[folds == fold] = model.decision_function(features[folds == fold])
    expected, found = auroc(scores, labels, groups, folds), cross_validated(features, labels, groups, folds)
    assert found.value == pytest.approx(expected.value, abs=2e-3)
    assert found.se == pytest.approx(expected.se * 2**0.5, rel=0.02)


def test_groups_of_one_label_swap_labels():
    groups = np.repeat(np.arange(30), np.arange(1, 31))
    labels = groups % 3 == 0
    for mixed in shuffled(labels, groups, 0):
        by_group = pd.Series(mixed).groupby(groups)
        assert (by_group.nunique() == 1).all() and by_group.first().sum() == 10 and (mixed != labels).any()


def test_groups_of_both_labels_swap_them_as_blocks():
    """Of equal size: as many groups as before have 0, 1, 2, ... of the label, and no place in the group keeps it."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 4)
    labels = np.arange(800) % 4 == 3
    labels[groups % 4 == 0] = True
    order = rng.permutation(800)
    groups, labels = groups[order], labels[order]
    for mixed in shuffled(labels, groups, 0, n=3):
        assert Counter(np.bincount(groups, mixed)) == Counter(np.bincount(groups, labels))
        assert np.corrcoef(labels, mixed)[0, 1] < 0.2
    first, again = shuffled(labels, groups, 5), shuffled(labels, groups, 5)
    assert len(first) == controls.SHUFFLES and all((a == b).all() for a, b in zip(first, again, strict=True))


def test_where_nothing_is_to_be_found_the_control_says_so():
    """In 95 % of all draws, with rows and labels that go together within groups."""
    rng, inside = np.random.default_rng(0), []
    for _ in range(60):
        groups = np.repeat(np.arange(30), 4)
        features = rng.standard_normal((30, 8))[groups] + rng.standard_normal((120, 8))
        labels = rng.standard_normal(30)[groups] + 0.5 * rng.standard_normal(120) > 0
        folds = folds_of(labels, groups, 5, 0)
        value = cross_validated(features, labels, groups, folds).value
        control = one_more([cross_validated(features, mixed, groups, folds) for mixed in shuffled(labels, groups, 0)])
        inside.append(control.low <= value <= control.high)
    assert np.mean(inside) >= 0.88


def test_bag_of_tokens():
    encoded = encode(tiny.tokenizer(), ["1 2 2 3", "4 4 4"])
    bag = bag_of_tokens(encoded, [0, 1, 0], [(0, 7), (0, 7), (1, 5)])
    ids = encoded.ids[0], encoded.ids[1], encoded.ids[0][1:3]
    every = sorted({token for row in ids for token in row})
    assert bag.tolist() == [[Counter(row)[token] for token in every] for row in ids]
