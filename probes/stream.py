"""The pass over all weights: slices of tensors, read and measured by one thread a core, until every cut is proved."""

from __future__ import annotations

import hashlib
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event

import numpy as np
from tqdm.auto import tqdm

from probes.largest import BINS, Cut, guess, proved
from probes.sources import Sources, check_finite
from probes.sums import BLOCK, Sums, total
from training.workers import CORES

SLICE = 2**17
"""Entries of one model that are read at once: those of six models in bf16 stay in a second-level cache."""
SAMPLE = 2048
"""Blocks that the first guess of the cuts is made from."""
THREADS = min(CORES, 16)
"""More would wait for memory, and each keeps sums of its own."""
MODELS = 255
"""Most models in one comparison."""

Slice = tuple[str, int, int]
"""Tensor name, first entry, number of entries."""


def measure_all(sources: Sources, cells: dict[str, int], etas: dict[str, float], dim: int, seed: int,
                progress: bool) -> Sums:
    """The sums of every cell; `cells` and `etas` say, of each tensor, to which cell it belongs and when it has changed.

    `dim` and `seed` are the sketch's. ProbeError for weights that are not finite.
    """
    n = sum(sources.size(name) for name in sources.names)
    cuts = [guess(keys, n) for keys in _sample(sources)]
    while True:
        sums, found = _one_pass(sources, cells, etas, dim, seed, cuts, progress)
        reached = sums.counts[:, :, 1].sum(axis=0)
        found = [proved(cut, int(count), row) for cut, count, row in zip(cuts, reached, found, strict=True)]
        if found == cuts:
            return sums
        cuts = found


def tensor_seed(seed: int, name: str) -> np.uint64:
    """What the hashes of a tensor's sketch start from: a function of the seed and the tensor's name alone."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def slices(sources: Sources) -> list[Slice]:
    """All entries of all tensors, in order, SLICE at a time."""
    return [(name, start, min(SLICE, sources.size(name) - start))
            for name in sources.names for start in range(0, sources.size(name), SLICE)]


def _one_pass(sources: Sources, cells: dict[str, int], etas: dict[str, float], dim: int, seed: int, cuts: list[Cut],
              progress: bool) -> tuple[Sums, np.ndarray]:
    """Every sum under these cuts, and what `probes.largest.proved` must know of them."""
    every, stop = slices(sources), Event()
    bar = tqdm(total=len(every), desc="comparing", unit="slice", disable=not progress)

    def work(first: int) -> tuple[Sums, np.ndarray]:
        sums = Sums.zeros(max(cells.values()) + 1, len(cuts), dim)
        found = np.zeros((len(cuts), BINS + 2), np.int64)
        for one in islice(every, first, None, THREADS):
            if stop.is_set():
                break
            _measure(sources, one, etas[one[0]], tensor_seed(seed, one[0]), cuts, found, sums.cell(cells[one[0]]))
            bar.update()
        return sums, found

    with bar, ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(work, first) for first in range(THREADS)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
        parts = [future.result() for future in futures]
    return total([sums for sums, _ in parts]), sum(found for _, found in parts)


def _measure(sources: Sources, one: Slice, eta: float, seed: np.uint64, cuts: list[Cut], found: np.ndarray,
             cell: tuple[np.ndarray, ...]) -> None:
    """Add one slice to its cell; ProbeError where a sum of squares is not finite."""
    from probes.kernel import measure

    name, start, n = one
    keys, brackets = (np.array(part, np.uint32) for part in
                      ([cut.key for cut in cuts], [cut.bracket for cut in cuts]))
    measure(sources.bits(name, start, n), np.uint32(sources.shift(name)), eta, seed, start, keys, brackets, found, cell)
    if not np.isfinite(cell[1]).all():
        check_finite(sources, name)


def _sample(sources: Sources) -> np.ndarray:
    """The keys of every model's differences in blocks spread evenly over all tensors: (M, entries) uint32."""
    blocks = [(name, start) for name in sources.names for start in range(0, sources.size(name), BLOCK)]
    step = -(-len(blocks) // SAMPLE)
    keys = []
    for name, start in blocks[step // 2::step]:
        raw = sources.bits(name, start, min(BLOCK, sources.size(name) - start))
        values = (raw.astype(np.uint32) << np.uint32(sources.shift(name))).view(np.float32)
        with np.errstate(invalid="ignore"):  # infinities are reported by the pass
            keys.append(np.abs(values[1:] - values[0]).view(np.uint32))
    return np.concatenate(keys, axis=1)
