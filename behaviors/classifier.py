"""One logistic regression a behavior over the features of a sentence in its trace, with calibrated probabilities.

Fitting (scikit-learn's LogisticRegression, L2) weighs every labelled sentence, so that one source can judge one
behavior and be silent on the other. Out-of-fold logits, whole groups of traces held out, give two more numbers a
behavior: the line that turns logits into calibrated probabilities (Platt 1999), and the threshold on them for the best
F1. Only sentences that say so (`calibrates`) take part in these two: sentences written to teach have other rates than
traces, and what a language model labelled is less sure than what people did.

A fitted classifier is arrays and names, stored as safetensors: loading one runs no code. `fit(rows, table)`, `save`,
`load`, `probabilities(rows)`; `behaviors.tagger.BehaviorTagger` puts sentences in and labels out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.special import expit

from training.durable import whole_file

FOLDS = 8
PENALTY = 0.1
"""scikit-learn's C; chosen by cross-validation among .03, .1 and .3, which hardly differ."""
RARE = 3
"""A feature that fewer sentences have is left out."""


@dataclass(frozen=True)
class Classifier:
    """What turns features into probabilities."""

    behaviors: tuple[str, ...]
    """What it tells apart from nothing of the kind, in column order."""
    names: tuple[str, ...]
    """Feature names, in column order."""
    weights: np.ndarray
    """(features, behaviors) float64"""
    bias: np.ndarray
    """(behaviors,)"""
    calibration: np.ndarray
    """(behaviors, 2): slope and intercept of the calibrated logit."""
    thresholds: np.ndarray
    """(behaviors,): probabilities from which on a sentence shows the behavior."""
    recipe: dict
    """What it was fitted on, with which versions."""

    @cached_property
    def columns(self) -> dict[str, int]:
        """Feature name: its column."""
        return {name: k for k, name in enumerate(self.names)}

    def probabilities(self, rows: list[dict[str, float]]) -> np.ndarray:
        """(sentences, behaviors) calibrated probabilities, from `behaviors.features.feature_rows`."""
        logits = matrix(rows, self.columns) @ self.weights + self.bias
        return expit(logits * self.calibration[:, 0] + self.calibration[:, 1])

    def save(self, path: str | Path) -> Path:
        """Write it as one safetensors file, whole or not at all."""
        from safetensors.numpy import save

        path = Path(path)
        arrays = {name: getattr(self, name) for name in ("weights", "bias", "calibration", "thresholds")}
        notes = {name: json.dumps(getattr(self, name)) for name in ("behaviors", "names", "recipe")}
        with whole_file(path) as partial:
            partial.write_bytes(save(arrays, notes))
        return path

    @classmethod
    def load(cls, path: str | Path) -> Classifier:
        """Read one. Raises ValueError where the file is not a classifier of these behaviors."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
                notes = {name: json.loads(text) for name, text in (file.metadata() or {}).items()}
        except SafetensorError as error:
            raise ValueError(f"{path} is not a safetensors file ({error})") from error
        wanted = {"weights", "bias", "calibration", "thresholds", "behaviors", "names", "recipe"}
        if missing := wanted - held.keys() - notes.keys():
            raise ValueError(f"{path} is not a behavior tagger: it lacks {', '.join(sorted(missing))}")
        behaviors, names = tuple(notes["behaviors"]), tuple(notes["names"])
        if held["weights"].shape != (len(names), len(behaviors)):
            raise ValueError(f"{path} has weights of shape {held['weights'].shape} for {len(names)} features and "
                             f"{len(behaviors)} behaviors")
        return cls(behaviors, names, recipe=notes["recipe"], **{name: held[name] for name in wanted & held.keys()})


def matrix(rows: list[dict[str, float]], columns: dict[str, int]) -> csr_matrix:
    """Features as a sparse (rows, columns) matrix; features without a column are left out."""
    found = [[(columns[name], value) for name, value in row.items() if name in columns] for row in rows]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in found])])
    flat = [pair for row in found for pair in row]
    places = np.fromiter((pair[0] for pair in flat), dtype=np.int64, count=len(flat))
    values = np.fromiter((pair[1] for pair in flat), dtype=np.float64, count=len(flat))
    return csr_matrix((values, places, starts), shape=(len(rows), len(columns)))


def fit(rows: list[dict[str, float]], table: pd.DataFrame, recipe: dict) -> Classifier:
    """Fit on the features of labelled sentences.

    `table` has a row for each of `rows`: `group` (held out together), for each behavior a weight (`weight_<behavior>`,
    0: not known) and a truth (bool, the column named after it), and `calibrates` (bool).
    Raises ValueError where a behavior has no example, or examples in one group alone.
    """
    behaviors = tuple(name.removeprefix("weight_") for name in table.columns if name.startswith("weight_"))
    counts = pd.Series([name for row in rows for name in row]).value_counts()
    names = tuple(sorted(counts.index[counts >= RARE]))
    features = matrix(rows, {name: k for k, name in enumerate(names)})
    fitted = [_fit_one(features, table, behavior) for behavior in behaviors]
    weights, bias, calibration, thresholds = (np.array(part) for part in zip(*fitted, strict=True))
    return Classifier(behaviors, names, weights.T.copy(), bias, calibration, thresholds, recipe)


def _fit_one(features: csr_matrix, table: pd.DataFrame, behavior: str):
    truth, weight = table[behavior].to_numpy(bool), table[f"weight_{behavior}"].to_numpy(float)
    known = weight > 0
    if not truth[known].any() or truth[known].all():
        raise ValueError(f"the labelled sentences hold {truth[known].sum()} examples of {behavior} in {known.sum()}; "
                         "give some with it and some without")
    logits = held_out(features, truth, weight, table["group"].to_numpy())
    judged = known & table["calibrates"].to_numpy(bool)
    if len(set(truth[judged])) < 2:
        judged = known
    line = calibrate(logits[judged], truth[judged], weight[judged])
    threshold = best_threshold(expit(logits[judged] * line[0] + line[1]), truth[judged], weight[judged])
    model = _regression().fit(features[known], truth[known], sample_weight=weight[known])
    return model.coef_[0], model.intercept_[0], line, threshold


def _regression(penalty: float = PENALTY):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, max_iter=2_000)


def held_out(features: csr_matrix, truth: np.ndarray, weight: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(rows,) logits of every row from a fit without its group; the folds are a hash-free round over sorted groups."""
    order = {group: k % FOLDS for k, group in enumerate(sorted(set(groups)))}
    fold = np.array([order[group] for group in groups])
    logits = np.zeros(len(truth))
    for k in range(min(FOLDS, len(order))):
        train = (fold != k) & (weight > 0)
        if len(set(truth[train])) < 2:
            raise ValueError("every example of a behavior is in one group; label it in at least two groups of traces")
        model = _regression().fit(features[train], truth[train], sample_weight=weight[train])
        logits[fold == k] = model.decision_function(features[fold == k])
    return logits


def calibrate(logits: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of Platt's line: the logistic regression of the truth on the held-out logit."""
    model = _regression(1e6).fit(logits[:, None], truth, sample_weight=weight)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def best_threshold(p: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """The probability from which on to say yes, for the best F1: half of the best weighted F1.

    So it is for calibrated probabilities (Lipton, Elkan and Naryanaswamy 2014, arXiv 1402.1892), and from few examples
    the best F1 is known far better than the place where it is.
    """
    order = np.argsort(-p, kind="stable")
    hits, said = np.cumsum((weight * truth)[order]), np.cumsum(weight[order])
    f1 = 2 * hits / (said + (weight * truth).sum())
    last = np.r_[p[order][1:] != p[order][:-1], True]  # equal probabilities fall on one side
    return float(f1[last].max() / 2)
