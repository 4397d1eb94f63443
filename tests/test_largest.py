"""The cut of the largest 20 %: exact whatever was guessed, in few passes."""

import numpy as np
import pytest

from training.largest import BINS, Cut, guess, kept, proved, spread

KEYS = {
    "continuous": lambda rng, n: rng.random(n, dtype=np.float32).view(np.uint32),
    "few steps": lambda rng, n: rng.integers(0, 9, n).astype(np.float32).view(np.uint32),
    "nearly all zero": lambda rng, n: (rng.random(n) < 0.05).astype(np.float32).view(np.uint32),
    "all zero": lambda rng, n: np.zeros(n, np.uint32),
    "all the same": lambda rng, n: np.ones(n, np.float32).view(np.uint32),
    "wide": lambda rng, n: np.exp(20 * rng.standard_normal(n)).astype(np.float32).view(np.uint32),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("sample", [slice(None), slice(0, 50), slice(0, None, 7)])
def test_the_cut_is_the_kth_largest_whatever_was_guessed(kind, sample):
    keys = KEYS[kind](np.random.default_rng(0), 5000)
    expected = max(1, int(np.sort(keys)[-kept(0.2, 5000)]))
    one, passes = guess(keys[sample], 5000, 0.2), 1
    while (after := proved(one, int((keys >= one.key).sum()), count(keys, one))) != one:
        one, passes = after, passes + 1
    assert one.key == expected or (keys[keys > 0] >= one.key).all() and (keys > 0).sum() <= 1000
    assert passes <= 5


@pytest.mark.parametrize("wrong", [Cut(1000, 1, 1, 2), Cut(1000, 2**31 - 9, 2**31 - 9, 2**31 - 1)])  # far off
def test_a_wrong_bracket_is_left(wrong):
    keys = KEYS["continuous"](np.random.default_rng(0), 5000)
    one, passes = wrong, 1
    while (after := proved(one, int((keys >= one.key).sum()), count(keys, one))) != one:
        one, passes = after, passes + 1
    assert one.key == int(np.sort(keys)[-1000]) and passes <= 6


@pytest.mark.parametrize("count", [1, 3, 10, 36, 1000])
def test_runs_are_spread_evenly(count):
    sizes = {"a": 0, "b": 1, "c": 5000, "d": 1023, "e": 30_000}
    every = [(name, start, min(1000, n - start)) for name, n in sizes.items() for start in range(0, n, 1000)]
    chosen = spread(sizes, 1000, count)
    step = -(-len(every) // count)
    assert chosen == every[step // 2::step] and len(chosen) <= count


def count(keys, cut):
    """What the kernel counts, in numpy."""
    inside = keys[(keys >= cut.low) & (keys < cut.high) & (keys != cut.key)].astype(np.int64)
    bins = np.bincount((inside - cut.low) >> cut.shift, minlength=BINS)
    return np.concatenate([[(keys >= cut.high).sum(), (keys == cut.key).sum()], bins]).astype(np.int64)
