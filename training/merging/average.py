"""Weight averaging: theta = sum_i w_i theta_i / sum_i w_i (model soups, Wortsman et al., arXiv 2203.05482).

The base plays no part: this equals base + the weighted mean of the deltas. Computed around the first expert,
theta_1 + sum_i (w_i / sum w) (theta_i - theta_1), so that an entry on which all experts agree, and a single expert,
come out unchanged to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def average(experts: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """The weighted average of tensors of one shape (fp32). `weights`: one a tensor, with a positive sum."""
    total = sum(weights)
    merged = experts[0].clone()
    for expert, weight in zip(experts[1:], weights[1:], strict=True):
        merged += (weight / total) * (expert - experts[0])
    return merged
