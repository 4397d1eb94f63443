"""The exact k-th largest magnitude of a vector too long to hold, by two passes of counting.

The bits of a non-negative fp32 number, read as an integer, sort as the number does. The first pass counts the high 16
bits of every |delta| and finds the bucket that holds the k-th largest; the second counts the low 16 bits within that
bucket. The two halves are the threshold, to the bit: what `torch.kthvalue` gives on the flattened vector (a radix
selection). Memory: 2**16 counts, and one block of the vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch

HIGH, LOW = 2**15, 2**16  # buckets: the sign bit of a magnitude is 0
_BLOCK = 2**22  # entries counted at once


def kept(density: float, n: int) -> int:
    """How many of n entries a density keeps: k = max(1, floor(density * n))."""
    return max(1, math.floor(density * n))


def kth_largest(vectors: Callable[[], Iterable[torch.Tensor]], k: int) -> float:
    """The k-th largest magnitude (k >= 1) of fp32 tensors laid end to end; 0.0 when there are none.

    `vectors()` starts a pass over the tensors, of any shapes, finite; it is called twice and must give the same again.
    """
    high, rank = select(_total((high_counts(tensor) for tensor in vectors()), HIGH), k)
    low, _ = select(_total((low_counts(tensor, high) for tensor in vectors()), LOW), rank)
    return from_bits(high, low)


def high_counts(tensor: torch.Tensor) -> torch.Tensor:
    """How many magnitudes fall into each bucket of the high 16 bits: int64 of shape [HIGH]."""
    return _total((torch.bincount(bits >> 16, minlength=HIGH) for bits in _blocks(tensor)), HIGH)


def low_counts(tensor: torch.Tensor, high: int) -> torch.Tensor:
    """How many magnitudes whose high 16 bits are `high` have each value of the low 16: int64 of shape [LOW]."""
    inside = (bits[bits >> 16 == high] & 0xFFFF for bits in _blocks(tensor))
    return _total((torch.bincount(low, minlength=LOW) for low in inside), LOW)


def select(counts: torch.Tensor, k: int) -> tuple[int, int]:
    """The bucket of the k-th largest, and its rank (1 = largest) within that bucket; bucket 0 when there are fewer."""
    at_or_above = counts.flip(0).cumsum(0)
    position = int(torch.searchsorted(at_or_above, k))
    if position == len(counts):
        return 0, 1
    above = int(at_or_above[position - 1]) if position else 0
    return len(counts) - 1 - position, k - above


def from_bits(high: int, low: int) -> float:
    """The fp32 number of these bits."""
    return torch.tensor((high << 16) | low, dtype=torch.int32).view(torch.float32).item()


def _blocks(tensor: torch.Tensor) -> Iterable[torch.Tensor]:
    """The bits of |tensor|, in int32 blocks."""
    for block in tensor.reshape(-1).split(_BLOCK):
        yield block.abs().view(torch.int32)


def _total(counts: Iterable[torch.Tensor], size: int) -> torch.Tensor:
    return sum(counts, start=torch.zeros(size, dtype=torch.int64))
