"""A linear probe and its controls, as functions of arrays: folds by group, fit, shuffled labels, a bag of tokens.

Probe: logistic regression on features standardised with the training rows' mean and deviation, with an L2 penalty of
C = 1 / width: on w drawn from N(0, C), the prior under which the logit of a row of `width` uncorrelated features has
variance 1 however wide the model is (a fixed C overfits wide models). Cross-validation leaves out groups whole, so that
no task is in training and test both.

The standard error is sqrt(2) that of `probes.auroc`, which takes the probes as given. But two folds meet twice, once
with the one in training and once with the other: where a linear probe finds nothing, its AUROC is a sum over pairs of
folds, each counted twice, of twice the variance. (Nadeau and Bengio's (2003) factor is 2.25 for 5 folds.) In
simulation, from no signal to AUROCs near 0.9, intervals covered 92 to 98 % so, and 81 to 92 % without. Between domains,
which share no task, it is wider than need be.

Two controls say what an AUROC means (Hewitt and Liang 2019, arXiv 1909.03368, on why a probe needs them):

shuffled labels   the same rows and folds with labels that say nothing: what the probe finds in noise
bag of tokens     the same regression on counts of token ids: what the words alone tell, without a model

    >>> folds = folds_of(labels, tasks, 5, seed=0)
    >>> cross_validated(features, labels, tasks, folds)                             # Auroc
    >>> one_more([cross_validated(features, mixed, tasks, folds) for mixed in shuffled(labels, tasks, seed=0)])

Shuffling keeps what makes AUROCs scatter: labels of a group that go together. Where every group has one label, groups
swap labels; else groups swap their labels as a block, in any order within it (a position in the trace must not give
them away), a block that does not fit its new group running over into the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from probes.auroc import Auroc, auroc
from probes.sources import ProbeError
from probes.texts import Encoded, Span

SHUFFLES = 5
RETRAINED = 2**0.5
"""By how much more an AUROC scatters than new rows of the same probes would; see the module's docstring."""
CONSTANT = 1e-5
"""A feature whose deviation is below this part of its root mean square is rounding, and gets no weight."""


@dataclass(frozen=True)
class Probe:
    """A linear function of features: a row's logit of True."""

    weights: np.ndarray
    """(width,), of raw features."""
    bias: float

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(rows,) of (rows, width) features."""
        return features @ self.weights + self.bias

    @property
    def direction(self) -> np.ndarray:
        """The weights as a vector of length 1; zeros where there are none."""
        length = np.linalg.norm(self.weights)
        return self.weights / length if length else self.weights


def fit(features: np.ndarray, labels: np.ndarray) -> Probe:
    """A probe of (rows, width) features for bool labels.

    All weights are 0 where there is nothing to learn from: one label only, or no feature that varies.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.asarray(features, dtype=float)
    mean, deviation, weights = features.mean(axis=0), features.std(axis=0), np.zeros(features.shape[1])
    varies = deviation > CONSTANT * np.hypot(mean, deviation)
    if not varies.any() or labels.all() or not labels.any():
        return Probe(weights, 0.0)
    standard = (features[:, varies] - mean[varies]) / deviation[varies]
    with _threads().limit(limits=1, user_api="blas"):
        model = LogisticRegression(C=1 / varies.sum(), max_iter=10_000).fit(standard, labels)
    weights[varies] = model.coef_[0] / deviation[varies]
    return Probe(weights, float(model.intercept_[0] - mean @ weights))


@cache
def _threads():
    """The threads of the BLAS: products this small take several times as long on more than one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def folds_of(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of every row, 0 to folds - 1: groups whole, dealt so that folds have like shares of both labels.

    Raises ProbeError for fewer than 2 folds, another seed than sklearn takes, fewer groups of a label than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if not isinstance(folds, int) or folds < 2:
        raise ProbeError(f"folds is {folds!r}; choose at least 2")
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ProbeError(f"seed must be a whole number from 0 to 2**32 - 1, got {seed!r}")
    check_labels(labels, groups, folds, "the examples")
    found = np.empty(len(labels), dtype=int)
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(dealer.split(labels, labels, groups)):
        found[rows] = fold
    return found


def check_labels(labels: np.ndarray, groups: np.ndarray, folds: int, who: str) -> None:
    """ProbeError unless each label is found in as many groups as there are folds."""
    for label in (True, False):
        n = len(np.unique(groups[labels == label]))
        if n < folds:
            raise ProbeError(f"{who}: {n} groups have a row labelled {label}; {folds} folds need {folds} of them")


def fold_probes(features: np.ndarray, labels: np.ndarray, folds: np.ndarray, every: Iterable[int] | None = None,
                ) -> dict[int, Probe]:
    """fold -> a probe trained on all rows of other folds, for `every` fold (None: those of the rows)."""
    return {int(fold): fit(features[folds != fold], labels[folds != fold])
            for fold in (np.unique(folds) if every is None else every)}


def tested(probes: dict[int, Probe], features: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: np.ndarray,
           ) -> Auroc:
    """The AUROC of rows each scored by its fold's probe, within folds, with the interval of `probes.auroc`."""
    scores = np.zeros(len(labels))
    for fold in np.unique(folds):
        scores[folds == fold] = probes[int(fold)].logits(features[folds == fold])
    found = auroc(scores, labels, groups, folds)
    return replace(found, se=found.se * RETRAINED)


def cross_validated(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: np.ndarray) -> Auroc:
    """The AUROC of (rows, width) features for bool labels: every row is scored by a probe that saw no row of its fold.

    groups, folds: (rows,), as of `folds_of`.
    """
    return tested(fold_probes(features, labels, folds), features, labels, groups, folds)


def shuffled(labels: np.ndarray, groups: np.ndarray, seed: int, n: int = SHUFFLES) -> list[np.ndarray]:
    """Labels n times shuffled among groups, as the module's docstring says, decided by seed."""
    rng = np.random.default_rng(seed)
    _, first, code = np.unique(groups, return_index=True, return_inverse=True)
    if (labels[first][code] == labels).all():
        return [rng.permutation(labels[first])[code] for _ in range(n)]
    return [_blocks(labels, code, rng) for _ in range(n)]


def _blocks(labels: np.ndarray, code: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of groups in one random order, laid on the rows of groups in another."""
    taken, given = (np.lexsort((rng.random(len(code)), rng.permutation(code.max() + 1)[code])) for _ in range(2))
    mixed = np.empty_like(labels)
    mixed[given] = labels[taken]
    return mixed


def bag_of_tokens(encoded: Encoded, texts: Iterable[int], spans: Iterable[Span]) -> np.ndarray:
    """How often each row has each token id: (rows, distinct ids). A row: the number of a text, and a span of it."""
    ids = [np.asarray(encoded.ids[text])[encoded.inside(text, [span]).numpy()]
           for text, span in zip(texts, spans, strict=True)]
    every, column = np.unique(np.concatenate(ids), return_inverse=True)
    counts = np.zeros((len(ids), len(every)), dtype=np.float32)
    np.add.at(counts, (np.repeat(np.arange(len(ids)), [len(row) for row in ids]), column), 1)
    return counts
