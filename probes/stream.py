"""The pass over all weights: slices of tensors, read and measured by one thread a core, until every cut is proved.

A slice is measured by the compiled loop (`probes.kernel`) or, where there is a GPU, in torch (`probes.device`).
Of models on the hub, one shard after the other is downloaded, measured and deleted (`training.checkpoints.at_hand`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm.auto import tqdm

from probes.sources import Sources, check_finite
from probes.sums import BLOCK, Sums, total
from training.checkpoints import at_hand, windows
from training.largest import BINS, Cut, guess, proved, spread
from training.workers import CORES, side_by_side

SLICE = 2**17
"""Entries of one model that are read at once: those of six models in bf16 stay in a second-level cache."""
TOP = 0.2
"""The share of entries that count as a model's largest: that which the paper's TIES keeps."""
SAMPLE, REMOTE_SAMPLE = 2048, 512
"""Blocks that the first guess of the cuts is made from, and how many where each is a request to a server."""
REQUESTS = 16
"""Blocks of the sample that are read at once."""
THREADS = min(CORES, 16)
"""More would wait for memory, and each keeps sums of its own."""
FEEDERS = 4
"""Threads that read for a GPU."""
MODELS = 255
"""Most models in one comparison."""

Slice = tuple[str, int, int]
"""Tensor name, first entry, number of entries."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and how."""

    sources: Sources
    cells: dict[str, int]
    """Tensor name -> the number of its cell."""
    etas: dict[str, float]
    """Tensor name -> the relative change that counts, or `DIFFERS`."""
    dim: int
    seed: int
    """Of the sketches."""
    device: str
    """"cpu" for the compiled loop, or a torch device."""

    @property
    def models(self) -> int:
        return len(self.sources.models)

    @property
    def threads(self) -> int:
        return THREADS if self.device == "cpu" else min(THREADS, FEEDERS)

    def slices(self, names: Iterable[str]) -> list[Slice]:
        """All entries of these tensors, in order, a slice at a time."""
        from probes.device import entries

        size, of = SLICE if self.device == "cpu" else entries(self.models), self.sources.size
        return [(name, start, min(size, of(name) - start)) for name in names for start in range(0, of(name), size)]


def measure_all(plan: Plan, progress: bool) -> Sums:
    """The sums of every cell. ProbeError for weights that are not finite."""
    n = sum(plan.sources.size(name) for name in plan.sources.names)
    cuts = [guess(keys, n, TOP) for keys in _sample(plan.sources)]
    while True:
        sums, found = _one_pass(plan, cuts, progress)
        reached = sums.counts[:, :, 1].sum(axis=0)
        found = [proved(cut, int(count), row) for cut, count, row in zip(cuts, reached, found, strict=True)]
        if found == cuts:
            return sums
        cuts = found


def tensor_seed(seed: int, name: str) -> np.uint64:
    """What the hashes of a tensor's sketch start from: a function of the seed and the tensor's name alone."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _one_pass(plan: Plan, cuts: list[Cut], progress: bool) -> tuple[Sums, np.ndarray]:
    """Every sum under these cuts, and what `training.largest.proved` must know of them."""
    sources, parts = plan.sources, []
    with tqdm(total=len(plan.slices(sources.names)), desc="comparing", unit="slice", disable=not progress) as bar:
        for window in windows(sources.all, sources.names):
            with at_hand(sources.all, window, progress):
                parts += _measure_slices(plan, plan.slices(window), cuts, bar)
            sums, found = zip(*parts, strict=True)
            parts = [(total(list(sums)), sum(found))]
    return parts[0]


def _measure_slices(plan: Plan, every: list[Slice], cuts: list[Cut], bar: tqdm) -> list[tuple[Sums, np.ndarray]]:
    """What each thread finds in its share of these slices."""
    def work(share: Iterable[Slice]) -> tuple[Sums, np.ndarray]:
        sums = Sums.zeros(max(plan.cells.values()) + 1, plan.models, plan.dim)
        found = np.zeros((plan.models, BINS + 2), np.int64)
        for one in share:
            _measure(plan, one, cuts, found, sums.cell(plan.cells[one[0]]))
            bar.update()
        return sums, found

    return side_by_side(work, every, plan.threads)


def _measure(plan: Plan, one: Slice, cuts: list[Cut], found: np.ndarray, cell: tuple[np.ndarray, ...]) -> None:
    """Add one slice to its cell; ProbeError where a sum of squares is not finite."""
    if plan.device == "cpu":
        from probes.kernel import measure
    else:
        from probes import device

        measure = partial(device.measure, device=plan.device)
    name, start, n = one
    keys, brackets = (np.array(part, np.uint32) for part in
                      ([cut.key for cut in cuts], [cut.bracket for cut in cuts]))
    measure(plan.sources.bits(name, start, n), np.uint32(plan.sources.shift(name)), plan.etas[name],
            tensor_seed(plan.seed, name), start, keys, brackets, found, cell)
    if not np.isfinite(cell[1]).all():
        check_finite(plan.sources, name)


def _sample(sources: Sources) -> np.ndarray:
    """The keys of every model's differences in blocks spread evenly over all tensors: (M, entries) uint32."""
    count = REMOTE_SAMPLE if any(model.remote for model in sources.all) else SAMPLE
    chosen, keys = spread({name: sources.size(name) for name in sources.names}, BLOCK, count), []
    whole = [model for model in sources.all if not model.seekable]
    with ThreadPoolExecutor(REQUESTS) as pool:
        for window in windows(whole, sources.names):
            inside = set(window)
            with at_hand(whole, window):
                keys += pool.map(partial(_keys, sources), [block for block in chosen if block[0] in inside])
    return np.concatenate(keys, axis=1)


def _keys(sources: Sources, block: Slice) -> np.ndarray:
    raw = sources.bits(*block)
    values = (raw.astype(np.uint32) << np.uint32(sources.shift(block[0]))).view(np.float32)
    with np.errstate(invalid="ignore"):  # infinities are reported by the pass
        return np.abs(values[1:] - values[0]).view(np.uint32)
