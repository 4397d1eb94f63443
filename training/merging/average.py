"""Weight averaging: theta = sum_i w_i theta_i / sum_i w_i (model soups, Wortsman et al., arXiv 2203.05482).

The base plays no part: this equals base + the weighted mean of the deltas. Computed around the first expert,
theta_1 + sum_i (w_i / sum w) (theta_i - theta_1), so that an entry on which all experts agree, and a single expert,
come out unchanged to the bit. Where all weights are 0, as they may be in some layers, the base stays.
"""

from __future__ import annotations

import numpy as np


def average(base: np.ndarray, experts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted average (n,) of experts (M, n), all fp32; weights (M,) of at least 0; base (n,)."""
    total = weights.sum()
    if total == 0:
        return base.copy()
    merged = experts[0].copy()
    for expert, weight in zip(experts[1:], weights[1:], strict=True):
        merged += np.float32(weight / total) * (expert - experts[0])
    return merged
