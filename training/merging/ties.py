"""TIES: trim, elect sign, merge (Yadav et al., arXiv 2306.01708, algorithm 1).

Trim: of each expert's delta keep the entries whose magnitude reaches the expert's threshold (its k-th largest
magnitude, see `training.merging.trim`), never zeros. Elect: the sign of the weighted sum of the trimmed deltas; a sum
of exactly 0 counts as +. Merge: the weighted mean of the kept entries that have the elected sign (0 where none has).
The merged model is base + scale * this mean.

Departures: (1) weights (the paper has none: 1 each) multiply the deltas in election and mean, and the mean divides by
the weights of the entries that agree; (2) entries tied at the threshold are all kept, so more than k may survive.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def ties(
    deltas: Sequence[torch.Tensor], weights: Sequence[float], thresholds: Sequence[float], scale: float = 1.0
) -> torch.Tensor:
    """What to add to the base, of deltas of one shape (fp32); `weights` >= 0 and `thresholds` >= 0: one a delta."""
    trimmed = [trim(delta, threshold) for delta, threshold in zip(deltas, thresholds, strict=True)]
    positive = elected_sign(trimmed, weights)
    total, agreeing = torch.zeros_like(deltas[0]), torch.zeros_like(deltas[0])
    for delta, weight in zip(trimmed, weights, strict=True):
        agrees = ((delta > 0) == positive) & (delta != 0)
        total += weight * delta * agrees
        agreeing += weight * agrees
    return scale * torch.where(agreeing > 0, total / agreeing, 0.0)


def trim(delta: torch.Tensor, threshold: float) -> torch.Tensor:
    """The delta with every entry below the threshold in magnitude set to 0."""
    return torch.where(delta.abs() >= threshold, delta, 0.0)


def elected_sign(trimmed: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """True where the weighted sum of the trimmed deltas is >= 0, False where it is negative."""
    total = torch.zeros_like(trimmed[0])
    for delta, weight in zip(trimmed, weights, strict=True):
        total += weight * delta
    return total >= 0
