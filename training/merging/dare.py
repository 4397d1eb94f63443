"""DARE: drop and rescale (Yu et al., arXiv 2311.03099, section 3.2), what is done to deltas before they are merged.

Each entry of a delta is dropped with probability p; what is left is multiplied by 1 / (1 - p) (`rescale="inverse"`, the
paper's), or so that the tensor's sum of magnitudes is what it was (`rescale="l1"`, mergekit's).

Departures: (1) whether an entry is dropped is a function of the seed, the expert's name, the tensor's name and the
entry's place (SplitMix64), so that no mask depends on the order of models, on block sizes or on threads.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numba import njit

RESCALES = ("inverse", "l1")
_STEP = np.uint64(0x9E3779B97F4A7C15)
_jit = njit(nogil=True, cache=True, error_model="numpy")


def mask_seed(seed: int, expert: str, tensor: str) -> np.uint64:
    """What the mask of one tensor of one expert starts from."""
    digest = hashlib.blake2b(f"{seed}:{expert}:{tensor}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@_jit
def dare(delta, seed, start, drop, factor):
    """Drop entries of a delta (n,) in place and multiply the others by `factor`; `start`: the first one's place."""
    limit = np.uint64(np.float64(drop) * 2.0**53)
    for i in range(delta.size):
        word = _hash(seed + np.uint64(start + i + 1) * _STEP)
        delta[i] = np.float32(0) if (word >> np.uint64(11)) < limit else delta[i] * factor


@_jit
def _hash(x):
    """SplitMix64's finalizer."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
