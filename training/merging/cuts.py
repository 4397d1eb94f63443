"""The exact k-th largest magnitude of each expert's delta, over one tensor or over many, in (mostly) one pass.

Which k entries a density keeps is counted, not sorted (`training.largest`): ties at the cut are all kept, exact zeros
never, so the result does not depend on the order of entries, and says how many were really kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numba import njit

from training.largest import BINS, Cut, guess, kept, proved, spread
from training.merging.sources import Slice
from training.workers import CORES, side_by_side

BLOCK, LEAST, MOST = 1024, 64, 1024
"""The first guess is made from a 64th of all runs of BLOCK entries, but at least and at most from so many."""
MAGNITUDE = np.uint32(0x7FFFFFFF)
Values = Callable[[Slice], np.ndarray]
"""A slice's vectors, (V, n) fp32: those whose magnitudes are ranked."""


@dataclass(frozen=True)
class Kept:
    """What a cut keeps of one vector."""

    threshold: float
    """The k-th largest magnitude; 0.0 where fewer than k are not 0."""
    count: int
    """Entries of at least this magnitude that are not 0."""


def largest(slices: Sequence[Slice], values: Values, share: float, vectors: int) -> list[Kept]:
    """What a share of the largest magnitudes keeps of each of so many vectors, laid end to end over the slices."""
    n = sum(one[2] for one in slices)
    if n == 0:
        return [Kept(0.0, 0)] * vectors
    return _settled([guess(keys, n, share) for keys in _sample(slices, values)], slices, values)


def largest_of_nonzero(slices: Sequence[Slice], values: Values, share: float) -> Kept:
    """The same of one vector, the share being of its entries that are not 0, and none kept where that is under 1."""
    nonzero = sum(side_by_side(lambda part: sum(np.count_nonzero(values(one)) for one in part), slices, CORES))
    if int(nonzero * share) == 0:
        return Kept(float("inf"), 0)
    cut = guess(_sample(slices, values)[0], sum(one[2] for one in slices), share)
    return _settled([replace(cut, k=kept(share, nonzero))], slices, values)[0]


def _settled(cuts: list[Cut], slices: Sequence[Slice], values: Values) -> list[Kept]:
    """Passes are made until every cut is proved."""
    while True:
        parts = side_by_side(partial(_count, values, cuts), slices, min(CORES, len(slices)))
        reached, found = (sum(column) for column in zip(*parts, strict=True))
        after = [proved(cut, int(count), row) for cut, count, row in zip(cuts, reached, found, strict=True)]
        if after == cuts:
            return [Kept(_value(cut.key) if count >= cut.k else 0.0, int(count))
                    for cut, count in zip(cuts, reached, strict=True)]
        cuts = after


def _count(values: Values, cuts: list[Cut], slices: Iterable[Slice]) -> tuple[np.ndarray, np.ndarray]:
    """(V,) entries that reach each cut, and (V, BINS + 2) what `proved` must know, over slices."""
    reached, found = np.zeros(len(cuts), np.int64), np.zeros((len(cuts), BINS + 2), np.int64)
    for one in slices:
        for v, (cut, vector) in enumerate(zip(cuts, values(one), strict=True)):
            reached[v] += tally(vector, np.uint32(cut.key), *map(np.uint32, cut.bracket), found[v])
    return reached, found


def _sample(slices: Sequence[Slice], values: Values) -> np.ndarray:
    """The keys of runs of entries spread evenly over the slices: (V, entries) uint32; of few entries, all of them."""
    sizes = {}
    for name, start, n in slices:
        sizes[name] = max(sizes.get(name, 0), start + n)
    runs = sum(sizes.values()) // BLOCK
    chosen = spread(sizes, BLOCK, min(MOST, max(LEAST, runs // LEAST)))
    return np.concatenate([np.abs(values(run)).view(np.uint32) for run in chosen], axis=1)


def _value(key: int) -> float:
    """The magnitude of a key."""
    return float(np.uint32(key).view(np.float32))


@njit(nogil=True, cache=True, error_model="numpy")
def tally(vector, key, low, high, shift, found):
    """How many magnitudes reach the cut; adds those beyond the bracket, at the cut and in the bins to `found`."""
    keys, reached = vector.view(np.uint32), np.int64(0)
    for begin in range(0, keys.size, BLOCK):
        block = keys[begin:begin + BLOCK]
        at_least, beyond, ties, inside = np.uint32(0), np.uint32(0), np.uint32(0), np.uint32(0)
        for i in range(block.size):
            magnitude = block[i] & MAGNITUDE
            at_least = np.uint32(at_least + np.uint32(magnitude >= key))
            beyond = np.uint32(beyond + np.uint32(magnitude >= high))
            ties = np.uint32(ties + np.uint32(magnitude == key))
            inside = np.uint32(inside + np.uint32((magnitude >= low) & (magnitude < high) & (magnitude != key)))
        if inside > 0:
            _count_inside(block, key, low, high, shift, found)
        reached += at_least
        found[0] += beyond
        found[1] += ties
    return reached


@njit(nogil=True, cache=True, error_model="numpy")
def _count_inside(block, key, low, high, shift, found):
    for i in range(block.size):
        magnitude = block[i] & MAGNITUDE
        if (magnitude >= low) & (magnitude < high) & (magnitude != key):
            found[2 + ((magnitude - low) >> shift)] += 1
