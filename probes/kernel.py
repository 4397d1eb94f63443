"""The inner loop of `compare_weights`: every sum of one slice of one tensor, for a base and M models, in one pass.

A slice comes as raw rows (the base's, then each model's), bf16 as its 16 bits, anything else as the 32 bits of fp32,
and is worked through in blocks of 1,024 entries whose differences stay in the first-level cache. Yes-or-no answers
(changed, positive, among the largest) are packed into one bit an entry, so that a pair of models costs a population
count, and how many models changed an entry is a sum of bits done in parallel (carry-save addition). Sums of products
are fp32 within a block and fp64 beyond.

The sketch is a count sketch (Charikar, Chen and Farach-Colton 2002) whose bins are dealt out by rows: entry q dim + c
goes to bin (c + r(q)) mod dim with the sign s(q dim + c); r and s are hashes (SplitMix64) of the tensor's seed.
Departure: (1) within a row of dim entries no bin is shared, which only lowers the variance of the inner product of two
sketches, at most (|x|^2 |y|^2 + (x.y)^2) / dim.

Compiled by numba on first use, once a machine (cached beside this file). All of it is in this one file because that
cache sees changes in no other.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from probes.sums import BLOCK

WORDS = BLOCK // 64
MAGNITUDE = np.uint32(0x7FFFFFFF)
_jit = njit(nogil=True, cache=True, fastmath={"reassoc", "contract"}, error_model="numpy")
_STEP, _OFFSETS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)


@intrinsic
def _popcount(typing_context, word):
    """The number of set bits of a uint64."""
    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])
    return types.uint64(types.uint64), generate


@intrinsic
def _lowest(typing_context, word):
    """The place of the lowest set bit of a uint64 that is not 0."""
    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
    return types.uint64(types.uint64), generate


@_jit
def measure(raw, shift, eta, seed, start, cuts, brackets, found, sums):
    """Add all sums over a slice of a tensor to `sums` and `found`.

    raw: (M + 1, n) uint16 or uint32, the base first; shift: 16 or 0, which makes fp32 bits of them; eta: the relative
    change that counts, or `DIFFERS`; seed: the tensor's, uint64; start: of the slice in the tensor, a multiple of BLOCK
    and of the sketch's dimension.
    cuts, brackets, found: see `training.largest`; sums: one cell of `probes.sums.Sums`, as its `cell` gives it.
    """
    counts, squares, largest, pairs, products, times, sketch = sums
    models, n, dim = raw.shape[0] - 1, raw.shape[1], sketch.shape[1]
    base, delta = np.empty(BLOCK, np.float32), np.empty((models, BLOCK), np.float32)
    bits, inside = np.empty((3, models, WORDS), np.uint64), np.empty(WORDS, np.uint64)
    signs, weights = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    folded = np.zeros((models, 2 * dim), np.float32)
    for begin in range(0, n, BLOCK):
        size = min(BLOCK, n - begin)
        squares[0] += _widen(raw[0, begin:begin + size], shift, base)
        for m in range(models):
            squares[m + 1] += _subtract(raw[m + 1, begin:begin + size], shift, base, delta[m])
            _flag(delta[m], bits[0, m], bits[1, m])
            if eta >= 0:
                _widen(raw[m + 1, begin:begin + size], shift, weights)
                _exceed(base, weights, eta, bits[0, m])
            largest[m] = max(largest[m], _rank(delta[m], cuts[m], brackets[m], found[m], bits[2, m], inside))
            _count_inside(delta[m], inside, brackets[m], found[m])
            counts[m, 0] += _ones(bits[0, m])
            counts[m, 1] += _ones(bits[2, m])
        _count_pairs(bits, pairs)
        _multiply_pairs(delta, products)
        _count_times(bits[0], times)
        _draw_signs(seed, (start + begin) // BLOCK, signs)
        _add_rows(delta, signs, seed, start + begin, dim, folded)
        if (begin // BLOCK) % max(1, dim // 16) == 0 or begin + size == n:
            _fold(folded, sketch)


@_jit
def _widen(raw, shift, out):
    """fp32 values of raw bits, zeros beyond their end; returns the sum of their squares."""
    total, bits = np.float32(0), out.view(np.uint32)
    for i in range(raw.size):
        bits[i] = np.uint32(raw[i]) << shift
    bits[raw.size:] = 0
    for i in range(BLOCK):
        total += out[i] * out[i]
    return total


@_jit
def _subtract(raw, shift, base, delta):
    """delta = values - base, zeros beyond the end; returns the sum of its squares."""
    total = np.float32(0)
    _widen(raw, shift, delta)
    for i in range(BLOCK):
        delta[i] -= base[i]
        total += delta[i] * delta[i]
    return total


@_jit
def _flag(delta, changed_bits, rose_bits):
    """Pack which entries differ, and which of them rose."""
    changed, rose = np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8)
    for i in range(BLOCK):
        rose[i] = delta[i] > 0
        changed[i] = delta[i] != 0
    _pack(changed, changed_bits)
    _pack(rose, rose_bits)


@_jit
def _exceed(base, weights, eta, changed_bits):
    """Pack where |w - b| > eta max(|w|, |b|), in fp64."""
    changed = np.empty(BLOCK, np.uint8)
    for i in range(BLOCK):
        before, after = np.float64(base[i]), np.float64(weights[i])
        changed[i] = abs(after - before) > eta * max(abs(after), abs(before))
    _pack(changed, changed_bits)


@_jit
def _rank(delta, cut, bracket, found, top_bits, inside):
    """Pack which magnitudes reach the cut, and which lie in the bracket and are not the cut; returns the highest."""
    top, within = np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8)
    keys, highest, ties, beyond = delta.view(np.uint32), np.uint32(0), np.uint32(0), np.uint32(0)
    for i in range(BLOCK):
        key = keys[i] & MAGNITUDE
        highest = np.uint32(max(highest, key))
        top[i] = key >= cut
        within[i] = (key >= bracket[0]) & (key < bracket[1]) & (key != cut)
        ties = np.uint32(ties + np.uint32(key == cut))
        beyond = np.uint32(beyond + np.uint32(key >= bracket[1]))
    _pack(top, top_bits)
    _pack(within, inside)
    found[0] += beyond
    found[1] += ties
    return highest


@_jit
def _count_inside(delta, inside, bracket, found):
    """Add the magnitudes in the bracket to the bins of its histogram, found[2:]."""
    keys = delta.view(np.uint32)
    for k in range(WORDS):
        word = inside[k]
        while word != 0:
            key = keys[64 * k + np.int64(_lowest(word))] & MAGNITUDE
            found[2 + ((key - bracket[0]) >> bracket[2])] += 1
            word &= word - np.uint64(1)


@_jit
def _pack(flags, words):
    """1,024 bytes of 0 or 1 as 16 words: a product gathers eight bytes' lowest bits in its top byte."""
    eights = flags.view(np.uint64)
    for k in range(WORDS):
        word = np.uint64(0)
        for j in range(8):
            word |= ((eights[8 * k + j] * np.uint64(0x0102040810204080)) >> np.uint64(56)) << np.uint64(8 * j)
        words[k] = word


@_jit
def _ones(words):
    total = np.uint64(0)
    for k in range(WORDS):
        total += _popcount(words[k])
    return np.int64(total)


@_jit
def _count_pairs(bits, pairs):
    place = 0
    for a in range(bits.shape[1]):
        for b in range(a + 1, bits.shape[1]):
            both, agree, top = np.uint64(0), np.uint64(0), np.uint64(0)
            for k in range(WORDS):
                shared = bits[0, a, k] & bits[0, b, k]
                both += _popcount(shared)
                agree += _popcount(shared & ~(bits[1, a, k] ^ bits[1, b, k]))
                top += _popcount(bits[2, a, k] & bits[2, b, k])
            pairs[place, 0] += both
            pairs[place, 1] += agree
            pairs[place, 2] += top
            place += 1


@_jit
def _multiply_pairs(delta, products):
    place = 0
    for a in range(delta.shape[0]):
        for b in range(a + 1, delta.shape[0]):
            total = np.float32(0)
            for i in range(BLOCK):
                total += delta[a, i] * delta[b, i]
            products[place] += total
            place += 1


@_jit
def _count_times(changed, times):
    """Add to times[k - 1] the entries whose bit is set in exactly k >= 1 of the rows of `changed`."""
    planes = np.zeros((8, WORDS), np.uint64)
    for m in range(changed.shape[0]):
        for k in range(WORDS):
            carry = changed[m, k]
            for p in range(8):
                planes[p, k], carry = planes[p, k] ^ carry, planes[p, k] & carry
    for count in range(1, changed.shape[0] + 1):
        total = np.uint64(0)
        for k in range(WORDS):
            match = ~np.uint64(0)
            for p in range(8):
                match &= planes[p, k] if (count >> p) & 1 else ~planes[p, k]
            total += _popcount(match)
        times[count - 1] += total


@_jit
def _hash(x):
    """SplitMix64's finalizer."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@_jit
def _draw_signs(seed, block, signs):
    """1,024 signs, 1 or -1: that of entry 32 t + k of a block is bit t of word k."""
    words = np.empty(32, np.uint32)
    for k in range(16):
        word = _hash(seed + np.uint64(block * 16 + k + 1) * _STEP)
        words[2 * k], words[2 * k + 1] = np.uint32(word), np.uint32(word >> np.uint64(32))
    bits = signs.view(np.uint32)
    for t in range(32):
        for k in range(32):
            bits[32 * t + k] = np.uint32(0x3F800000) | ((words[k] >> np.uint32(t)) << np.uint32(31))


@_jit
def _add_rows(delta, signs, seed, start, dim, folded):
    width = min(dim, BLOCK)
    for begin in range(0, BLOCK, width):
        row, column = (start + begin) // dim, (start + begin) % dim
        place = column + np.int64(_hash((seed ^ _OFFSETS) + np.uint64(row + 1) * _STEP) & np.uint64(dim - 1))
        for m in range(delta.shape[0]):
            _add_signed(signs[begin:begin + width], delta[m, begin:begin + width], folded[m, place:place + width])


@_jit
def _add_signed(signs, values, totals):
    for i in range(totals.size):
        totals[i] += signs[i] * values[i]


@_jit
def _fold(folded, sketch):
    dim = sketch.shape[1]
    for m in range(sketch.shape[0]):
        for i in range(dim):
            sketch[m, i] += np.float64(folded[m, i]) + np.float64(folded[m, dim + i])
    folded[:] = 0
