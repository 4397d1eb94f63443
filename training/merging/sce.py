"""SCE: select, calculate, erase (FuseChat, Wan et al., arXiv 2408.07990, section 3.3).

Select: keep the entries whose variance over the experts' deltas is among the largest (all by default, as in the paper
this package reproduces). Calculate: an expert's weight in a tensor is the mean square of its selected delta, as a share
of all experts'. Erase: drop entries whose sign is not that of the sum of the deltas (a sum of exactly 0 counts as +).
Merge: base + the weighted mean of what is left.

Departures: (1) entries tied at the variance cut are all selected; (2) weights are what the formula gives however small
the deltas (mergekit falls back to equal weights where the mean squares add up to less than 1e-6, which deltas of RLVR
always do).
"""

from __future__ import annotations

import numpy as np

from training.merging.ties import elect_and_merge


def sce(deltas: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What to add to the base (n,), of selected deltas (M, n), fp32; weights (M,): the tensor's."""
    equal, nothing = np.ones(len(deltas), np.float32), np.zeros(len(deltas), np.float32)
    return elect_and_merge(deltas, equal, np.asarray(weights, np.float32), nothing, np.float32(1), True)


def variance(deltas: np.ndarray) -> np.ndarray:
    """The population variance over the experts of each entry: (n,) fp32, of (M, n)."""
    mean = deltas.sum(axis=0) / np.float32(len(deltas))
    return ((deltas - mean)**2).sum(axis=0) / np.float32(len(deltas))


def select(deltas: np.ndarray, cut: float) -> np.ndarray:
    """The deltas, 0 where their variance is 0 or below the cut."""
    spread = variance(deltas)
    return np.where((spread >= np.float32(cut)) & (spread > 0), deltas, np.float32(0))


def shares(squares: np.ndarray) -> np.ndarray:
    """Each expert's weight (M,), of the sums of squares of its selected deltas (M,); equal where all are 0."""
    total = squares.sum()
    return squares / total if total > 0 else np.full(len(squares), 1 / len(squares))
