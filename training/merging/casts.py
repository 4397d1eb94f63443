"""Stored numbers as fp32 and back, compiled: bf16 by its bits, rounded to the nearest, ties to even.

    >>> stored, kept = cast(values, torch.bfloat16)     # what is written (bits), and the fp32 values that it holds
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

_jit = njit(nogil=True, cache=True, error_model="numpy")
RAW = {torch.bfloat16: np.uint16, torch.float16: np.float16, torch.float32: np.float32, torch.float64: np.float64}
"""What numpy reads and writes a dtype as; bf16 as its bits."""


def to_float32(raw: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (fp32) with the values of stored numbers, in one of `RAW`."""
    if raw.dtype == np.uint16:
        widen(raw, out)
    else:
        out[:] = raw


def cast(values: np.ndarray, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    """fp32 values in a dtype as they are written (see `RAW`), and what they have become, as fp32."""
    if dtype == torch.bfloat16:
        stored, held = np.empty(len(values), np.uint16), np.empty(len(values), np.float32)
        narrow(values, stored)
        widen(stored, held)
        return stored, held
    with np.errstate(over="ignore"):  # infinities are looked for afterwards
        stored = values.astype(RAW[dtype])
    return stored, stored.astype(np.float32)


@_jit
def widen(raw, out):
    """bf16 bits as fp32 values."""
    bits = out.view(np.uint32)
    for i in range(raw.size):
        bits[i] = np.uint32(raw[i]) << np.uint32(16)


@_jit
def narrow(values, out):
    """fp32 values as bf16 bits."""
    bits = values.view(np.uint32)
    for i in range(values.size):
        rounded = bits[i] + np.uint32(0x7FFF) + ((bits[i] >> np.uint32(16)) & np.uint32(1))
        out[i] = np.uint16(rounded >> np.uint32(16))


@_jit
def all_finite(values):
    """Is no fp32 value NaN or infinite."""
    bits, highest = values.view(np.uint32), np.uint32(0)
    for i in range(values.size):
        highest = np.uint32(max(highest, bits[i] & np.uint32(0x7FFFFFFF)))
    return highest < np.uint32(0x7F800000)


@_jit
def survivors(delta, before, after):
    """How many deltas are not 0, and at how many of these two values differ."""
    updated, survived = 0, 0
    for i in range(delta.size):
        moved = delta[i] != 0
        updated += moved
        survived += moved & (before[i] != after[i])
    return updated, survived
