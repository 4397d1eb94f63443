"""TIES: trim, elect sign, merge (Yadav et al., arXiv 2306.01708, algorithm 1).

Trim: of each expert's delta keep the entries whose magnitude reaches the expert's threshold (its k-th largest
magnitude, `training.merging.cuts`), never zeros. Elect: the sign of the weighted sum of the trimmed deltas; a sum of
exactly 0 counts as +. Merge: the weighted mean of the kept entries that have the elected sign (0 where none has). The
merged model is base + scale * this mean.

Departures: (1) weights (the paper has none: 1 each) multiply the deltas in election and mean, and the mean divides by
the weights of the entries that agree (`normalize=False`: it does not divide, and sums); (2) entries tied at the
threshold are all kept, so more than k may be.
"""

from __future__ import annotations

import numpy as np
from numba import njit


def ties(deltas: np.ndarray, weights: np.ndarray, thresholds: np.ndarray, scale: float = 1.0,
         normalize: bool = True) -> np.ndarray:
    """What to add to the base (n,), of deltas (M, n), all fp32; weights and thresholds (M,), of at least 0."""
    return elect_and_merge(deltas, np.asarray(weights, np.float32), np.asarray(weights, np.float32),
                           np.asarray(thresholds, np.float32), np.float32(scale), normalize)


@njit(nogil=True, cache=True, error_model="numpy")
def elect_and_merge(deltas, votes, weights, thresholds, scale, normalize):
    """TIES, with weights in the election (votes) that may be others than in the mean."""
    n, zero = deltas.shape[1], np.float32(0)
    elected, merged, agreeing = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)
    for m in range(deltas.shape[0]):
        delta, vote, threshold = deltas[m], votes[m], thresholds[m]
        for i in range(n):
            elected[i] += vote * delta[i] if abs(delta[i]) >= threshold else zero
    for m in range(deltas.shape[0]):
        delta, weight, threshold = deltas[m], weights[m], thresholds[m]
        for i in range(n):
            kept = (abs(delta[i]) >= threshold) & (delta[i] != zero) & ((delta[i] > zero) == (elected[i] >= zero))
            merged[i] += weight * delta[i] if kept else zero
            agreeing[i] += weight if kept else zero
    for i in range(n):
        divisor = agreeing[i] if normalize & (agreeing[i] > zero) else np.float32(1)
        merged[i] = scale * (merged[i] / divisor)
    return merged
