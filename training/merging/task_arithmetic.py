"""Task arithmetic: theta = base + scale * sum_i w_i (theta_i - base) (Ilharco et al., arXiv 2212.04089, section 2).

The default scale is 1.0, as in the paper this package reproduces: the deltas are summed, not averaged.
"""

from __future__ import annotations

import numpy as np


def task_arithmetic(deltas: np.ndarray, weights: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """What to add to the base (n,): scale * sum_i w_i delta_i, of deltas (M, n), all fp32."""
    total = np.zeros_like(deltas[0])
    for delta, weight in zip(deltas, weights, strict=True):
        total += np.float32(weight) * delta
    return np.float32(scale) * total
