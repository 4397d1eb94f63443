"""Task arithmetic: theta = base + scale * sum_i w_i (theta_i - base) (Ilharco et al., arXiv 2212.04089, section 2).

The default scale is 1.0, as in the paper this package reproduces: the deltas are summed, not averaged.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def task_arithmetic(deltas: Sequence[torch.Tensor], weights: Sequence[float], scale: float = 1.0) -> torch.Tensor:
    """What to add to the base: scale * sum_i w_i delta_i, of tensors of one shape (fp32)."""
    total = torch.zeros_like(deltas[0])
    for delta, weight in zip(deltas, weights, strict=True):
        total += weight * delta
    return scale * total
