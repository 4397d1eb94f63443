"""The k-th largest magnitude of a vector too long to hold: guessed from a sample first, and then proved.

What a cut keeps is known only when all has been seen, and a file is not to be read twice for it. So the k-th largest is
guessed from a sample, and a pass counts what lies at and above the guess, and below and above it within a bracket, bin
by bin (Floyd and Rivest 1975, in one pass over a stream). If the guess is right, and with the few distinct steps that
bf16 leaves it nearly always is, the pass has counted with the right cut. If not, the bins say what the right one is and
the pass is made again.

The bits of a non-negative fp32 number sort as the number does; a magnitude is handled as these bits, its *key*. All at
or above the k-th largest are kept, so ties are kept whole, and zeros never.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BINS = 2**16
_HIGHEST = 2**31
_MARGIN = 0.005
"""Half the width of the bracket, as a share of the entries."""


@dataclass(frozen=True)
class Cut:
    """A guess of the k-th largest key of one model, and the bracket of keys that is counted bin by bin around it."""

    k: int
    key: int
    """The guess, at least 1."""
    low: int
    high: int
    """The bracket is low <= key < high."""

    @property
    def shift(self) -> int:
        """log2 of a bin's width."""
        return max(0, (self.high - self.low - 1).bit_length() - (BINS - 1).bit_length())

    @property
    def bracket(self) -> tuple[int, int, int]:
        """What the kernel is handed: low, high, shift."""
        return self.low, self.high, self.shift


def kept(share: float, n: int) -> int:
    """How many of n entries a share keeps: k = max(1, floor(share * n))."""
    return max(1, math.floor(share * n))


def spread(sizes: dict[str, int], block: int, count: int) -> list[tuple[str, int, int]]:
    """About `count` runs of `block` entries, evenly spread over tensors of these sizes laid end to end.

    Each is (tensor name, first entry, entries). Where there are no more runs than that, all of them.
    """
    total = sum(-(-n // block) for n in sizes.values())
    step = max(1, -(-total // count))
    chosen, ahead = [], step // 2  # runs from the tensor's first to the next one chosen
    for name, n in sizes.items():
        runs = -(-n // block)
        here = range(ahead, runs, step)
        chosen += [(name, run * block, min(block, n - run * block)) for run in here]
        ahead += len(here) * step - runs
    return chosen


def guess(keys: np.ndarray, n: int, share: float) -> Cut:
    """The cut of the largest share (above 0) of n entries, from the keys (uint32) of a sample of them, not empty."""
    k, size = kept(share, n), len(keys)
    ranks = [min(max(0, int(size * below)), size - 1)
             for below in (1 - share - _MARGIN, 1 - share, 1 - share + _MARGIN)]
    if size == n:
        ranks = [n - k] * 3
    low, key, high = np.partition(keys, ranks)[ranks].tolist()
    return Cut(k, max(1, key), max(1, low), max(2, high + 1))


def proved(cut: Cut, reached: int, found: np.ndarray) -> Cut:
    """The same cut if it is the k-th largest, else the next to try.

    reached: entries at or above the cut; found: int64, entries beyond the bracket, entries at the cut, and a count for
    each of BINS bins of the bracket, without those at the cut.
    """
    above = reached - int(found[1])
    if above < cut.k <= reached or (cut.key == 1 and reached < cut.k):
        return cut
    bins = found[2:].copy()
    if cut.low <= cut.key < cut.high:
        bins[(cut.key - cut.low) >> cut.shift] += found[1]
    at_or_above = int(found[0]) + bins[::-1].cumsum()[::-1]
    if found[0] >= cut.k:
        return Cut(cut.k, cut.high, cut.high, _HIGHEST)
    if at_or_above[0] < cut.k:
        return Cut(cut.k, 1, 1, cut.low) if cut.low > 1 else Cut(cut.k, 1, 1, 2)
    place = int(np.flatnonzero(at_or_above >= cut.k)[-1])
    low = cut.low + (place << cut.shift)
    return Cut(cut.k, low, low, min(cut.high, low + (1 << cut.shift)))
