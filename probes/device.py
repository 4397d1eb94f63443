"""What `probes.kernel.measure` adds up, in torch operations on another device: the path of machines with a GPU.

Same arguments, same sums: counts, bins and the largest magnitude are equal, inner products and sketches to rounding
(here fp64 throughout, there fp32 within a block). Every sum of a slice is a reduction or a small matrix product, so the
device sees a few dozen kernels a slice, and the slices are long (`entries`).
"""

from __future__ import annotations

import numpy as np
import torch

from probes.sums import BLOCK
from training.largest import BINS

_WORKING = 2**24
"""Entries of all models on the device at once, each with some 60 bytes of intermediate results."""
_INT64 = 2**64


def entries(models: int) -> int:
    """How many entries of each of so many models make a slice, a power of two."""
    return max(2**13, 1 << (_WORKING // (models + 1)).bit_length() - 1)


def measure(raw: np.ndarray, shift: int, eta: float, seed: int, start: int, cuts: np.ndarray, brackets: np.ndarray,
            found: np.ndarray, sums: tuple[np.ndarray, ...], device: str) -> None:
    """Add all sums over a slice of a tensor to `sums` and `found`; see `probes.kernel.measure` for what they are."""
    counts, squares, largest, pairs, products, times, sketch = sums
    values = _floats(raw, int(shift), device)
    delta = values[1:] - values[0]
    changed = delta != 0 if eta < 0 else _exceeds(values[0], values[1:], eta)
    keys = delta.view(torch.int32).long() & 0x7FFFFFFF
    top = keys >= _column(cuts, device)
    both, agree = _shared(changed), _shared(changed & (delta > 0)) + _shared(changed & ~(delta > 0))
    upper = torch.triu_indices(len(delta), len(delta), 1)
    counts += _stack(changed.sum(1), top.sum(1))
    squares += _numpy((torch.cat([values[:1], delta]).double()**2).sum(1))
    np.maximum(largest, _numpy(keys.amax(1)).astype(np.uint32), out=largest)
    pairs += _stack(*(matrix.cpu()[tuple(upper)] for matrix in (both, agree, _shared(top))))
    products += _numpy((delta.double() @ delta.double().T).cpu()[tuple(upper)])
    times += _numpy(torch.bincount(changed.sum(0), minlength=len(delta) + 1))[1:]
    found += _bins(keys, cuts, brackets, device)
    sketch += _numpy(_sketch(delta.double(), int(seed), start, sketch.shape[1]))


def _floats(raw: np.ndarray, shift: int, device: str) -> torch.Tensor:
    """fp32 values of raw bits, on the device."""
    dtype, bits = (torch.bfloat16, np.int16) if shift else (torch.float32, np.int32)
    return torch.from_numpy(raw.view(bits)).to(device).view(dtype).float()


def _exceeds(base: torch.Tensor, weights: torch.Tensor, eta: float) -> torch.Tensor:
    before, after = base.double(), weights.double()
    return (after - before).abs() > eta * torch.maximum(after.abs(), before.abs())


def _shared(flags: torch.Tensor) -> torch.Tensor:
    """(M, M) int64: entries flagged in both of two rows; exact, slices being shorter than 2^24."""
    ones = flags.float()
    return (ones @ ones.T).long()


def _bins(keys: torch.Tensor, cuts: np.ndarray, brackets: np.ndarray, device: str) -> np.ndarray:
    """(M, BINS + 2): keys beyond the bracket, at the cut, and in each bin of the bracket without those at the cut."""
    low, high = _column(brackets[:, 0], device), _column(brackets[:, 1], device)
    tie, inside = keys == _column(cuts, device), (keys >= low) & (keys < high)
    rows = []
    for row, chosen, first, width in zip(keys, inside & ~tie, low[:, 0].tolist(), brackets[:, 2].tolist(), strict=True):
        rows.append(torch.bincount((row[chosen] - first) >> width, minlength=BINS))
    return np.concatenate([_stack((keys >= high).sum(1), tie.sum(1)), _numpy(torch.stack(rows))], axis=1)


def _sketch(delta: torch.Tensor, seed: int, start: int, dim: int) -> torch.Tensor:
    """(M, dim): entry q dim + c, with its sign, in bin (c + r(q)) mod dim."""
    unit = max(dim, BLOCK)
    delta = torch.nn.functional.pad(delta, (0, -delta.shape[1] % unit))
    signed = (delta * _signs(seed, start // BLOCK, delta.shape[1] // BLOCK, delta.device)).unflatten(1, (-1, dim))
    rows = torch.arange(start // dim, start // dim + signed.shape[1], device=delta.device)
    offsets = _hash(_wrapped(seed ^ 0xD1B54A32D192ED03) + (rows + 1) * _STEP) & (dim - 1)
    source = (torch.arange(dim, device=delta.device) - offsets[:, None]) & (dim - 1)
    return signed.gather(2, source.expand_as(signed)).sum(1)


def _signs(seed: int, block: int, blocks: int, device: torch.device) -> torch.Tensor:
    """The signs of so many blocks from `block` on: that of entry 32 t + k of a block is bit t of its word k."""
    places = torch.arange(block * 16 + 1, (block + blocks) * 16 + 1, device=device)
    words = _hash(_wrapped(seed) + places * _STEP).view(torch.int32).reshape(blocks, 1, 32)
    bits = (words >> torch.arange(32, device=device, dtype=torch.int32)[:, None]) & 1
    return 1.0 - 2.0 * bits.reshape(-1).double()


def _hash(x: torch.Tensor) -> torch.Tensor:
    """SplitMix64's finalizer, of int64 as if unsigned."""
    x = (x ^ _right(x, 30)) * _wrapped(0xBF58476D1CE4E5B9)
    x = (x ^ _right(x, 27)) * _wrapped(0x94D049BB133111EB)
    return x ^ _right(x, 31)


def _right(x: torch.Tensor, n: int) -> torch.Tensor:
    """A logical shift."""
    return (x >> n) & ((1 << (64 - n)) - 1)


def _wrapped(value: int) -> int:
    """The int64 with the bits of a uint64."""
    value %= _INT64
    return value - _INT64 if value >= _INT64 // 2 else value


_STEP = _wrapped(0x9E3779B97F4A7C15)


def _column(numbers: np.ndarray, device: str) -> torch.Tensor:
    return torch.from_numpy(numbers.astype(np.int64)).to(device)[:, None]


def _stack(*columns: torch.Tensor) -> np.ndarray:
    return np.stack([_numpy(column) for column in columns], axis=1)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
