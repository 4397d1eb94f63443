"""Writes a merged model: tensors in order, slice by slice, into shards that are as long as they will be from the start.

Memory: one slice of each model a thread, whatever the sizes of tensors, shards and models. Files and index are those
that `from_pretrained` reads, and on the disk (fsync) before the folder takes its name.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from training.checkpoints import DTYPES, Checkpoint
from training.merging.casts import RAW, all_finite, cast, survivors
from training.merging.errors import MergeError
from training.merging.journal import Journal
from training.merging.recipes import Recipe
from training.merging.sources import Slice, Sources, read_slice
from training.shards import INDEX, SINGLE
from training.workers import CORES, side_by_side

SHARD_BYTES = 4_000_000_000
BATCH = 2**26
"""Entries of one model in the tensors that are surveyed, and then merged, while they are in the page cache."""
_PIECE = 2**24
_CODES = {dtype: code for code, dtype in DTYPES.items()}


@dataclass
class Tally:
    """Entries counted while writing."""

    entries: int = 0
    """In the tensors that were merged."""
    updated: int = 0
    """Of these, with a merged fp32 delta other than 0."""
    survived: int = 0
    """Of the updated, those that differ from the base once both are cast to the output's dtype."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(one + two for one, two in zip(asdict(self).values(), asdict(other).values(), strict=True)))


@dataclass(frozen=True)
class Shard:
    """One file to write: its tensors, and where their bytes begin."""

    file: Path
    dtypes: dict[str, torch.dtype]
    starts: dict[str, int]
    header: bytes
    size: int


def write_weights(sources: Sources, recipe: Recipe, journal: Journal, out_dtype: torch.dtype | None,
                  progress: bool) -> Tally:
    """Write the shards (and, if more than one, their index) of a merge into the journal's folder.

    Shards that the journal has are not written again.
    """
    shards, total = plan(sources, journal.folder, out_dtype), Tally()
    check_room(journal.folder, sum(shard.size for shard in shards if shard.file.name not in journal.done))
    bar = tqdm(total=sum(map(sources.size, sources.base.names)), desc="merging", unit="entry", unit_scale=True,
               disable=not progress)
    with bar:
        for shard in shards:
            if shard.file.name not in journal.done:
                journal.add(shard.file.name, asdict(_write(sources, recipe, shard, bar)))
            total += Tally(**journal.done[shard.file.name])
    if len(shards) > 1:
        weight_map = {name: shard.file.name for shard in shards for name in shard.dtypes}
        index = {"metadata": {"total_size": sum(shard.size - len(shard.header) for shard in shards)},
                 "weight_map": weight_map}
        (journal.folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return total


def plan(sources: Sources, folder: Path, out_dtype: torch.dtype | None) -> list[Shard]:
    """The shards of the output: tensors in order, at most SHARD_BYTES each (a tensor larger than that is alone)."""
    groups, used = [{}], 0
    for name in sources.base.names:
        stored = sources.base.dtype(name)
        dtype = out_dtype if out_dtype is not None and stored in RAW else stored
        size = sources.size(name) * dtype.itemsize
        if groups[-1] and used + size > SHARD_BYTES:
            groups.append({})
            used = 0
        groups[-1][name] = dtype
        used += size
    files = [SINGLE] if len(groups) == 1 else [f"model-{k:05d}-of-{len(groups):05d}.safetensors"
                                              for k in range(1, len(groups) + 1)]
    return [_shard(sources, folder / file, dtypes) for file, dtypes in zip(files, groups, strict=True)]


def _shard(sources: Sources, file: Path, dtypes: dict[str, torch.dtype]) -> Shard:
    """A shard with its header (https://huggingface.co/docs/safetensors), padded so that tensors are aligned."""
    entries, starts, end = {"__metadata__": {"format": "pt"}}, {}, 0
    for name, dtype in sorted(dtypes.items(), key=lambda pair: -pair[1].itemsize):  # wide numbers first: aligned
        starts[name], end = end, end + sources.size(name) * dtype.itemsize
        entries[name] = {"dtype": _CODES[dtype], "shape": list(sources.base.shape(name)),
                         "data_offsets": [starts[name], end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return Shard(file, dtypes, {name: len(header) + start for name, start in starts.items()}, header,
                 len(header) + end)


def _write(sources: Sources, recipe: Recipe, shard: Shard, bar: tqdm) -> Tally:
    """One shard, under its name when complete."""
    aside, tally = shard.file.with_suffix(".partial"), Tally()
    descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.ftruncate(descriptor, shard.size)
        write_at(descriptor, shard.header, 0)
        with ThreadPoolExecutor(1) as flusher:  # the disk works while the next tensors are merged
            flushed = []
            for names in batches(sources, shard.dtypes):
                tally += _write_batch(sources, recipe, shard, descriptor, names, bar)
                flushed.append(flusher.submit(os.fsync, descriptor))
            for one in flushed:
                one.result()  # an error of the disk is told once, to whichever fsync comes first
    finally:
        os.close(descriptor)
    os.replace(aside, shard.file)
    return tally


def batches(sources: Sources, names: Iterable[str]) -> Iterator[list[str]]:
    """The names in order, in runs of tensors of some BATCH entries together."""
    batch, used = [], 0
    for name in names:
        batch.append(name)
        used += sources.size(name)
        if used >= BATCH:
            yield batch
            batch, used = [], 0
    if batch:
        yield batch


def _write_batch(sources: Sources, recipe: Recipe, shard: Shard, descriptor: int, names: list[str],
                 bar: tqdm) -> Tally:
    """The tensors of one batch, merged or copied."""
    chosen = set(sources.names)
    merged = [name for name in names if name in chosen]
    if not recipe.whole:
        recipe.survey(merged)

    def work(slices: Iterable[Slice]) -> Tally:
        tally = Tally()
        for one in slices:
            models = sources.read(one)
            values, added = recipe(one, models)
            tally += _put(shard, descriptor, one, values, added, models[0])
            bar.update(one[2])
        return tally

    for name in names:
        if name not in chosen:
            _copy(sources, shard, descriptor, name)
            bar.update(sources.size(name))
    return sum(side_by_side(work, sources.slices(merged), CORES), start=Tally())


def write_at(descriptor: int, data: bytes | np.ndarray, position: int) -> None:
    """Write all of the data; one call of the system may write less."""
    left = memoryview(data).cast("B")
    while left:
        written = os.pwrite(descriptor, left, position)
        left, position = left[written:], position + written


def _put(shard: Shard, descriptor: int, one: Slice, values: np.ndarray, added: np.ndarray, base: np.ndarray) -> Tally:
    """Write one slice of the output where it belongs."""
    name, start, n = one
    dtype = shard.dtypes[name]
    stored, held = cast(values, dtype)
    if not all_finite(held):
        raise MergeError(f"{name} overflows {dtype}; choose another out_dtype or a smaller scale")
    write_at(descriptor, stored, shard.starts[name] + start * dtype.itemsize)
    return Tally(n, *survivors(added, cast(base, dtype)[1], held))


def _copy(sources: Sources, shard: Shard, descriptor: int, name: str) -> None:
    """The base's tensor; one that cannot be merged (integers, fp8) must be the same in every expert."""
    dtype, at = sources.base.dtype(name), shard.starts[name]
    if shard.dtypes[name] != dtype:
        for one in sources.slices([name]):
            values = np.empty(one[2], np.float32)
            read_slice(sources.base, one, values)
            write_at(descriptor, cast(values, shard.dtypes[name])[0], at + one[1] * shard.dtypes[name].itemsize)
        return
    for begin in range(0, sources.base.n_bytes([name]), _PIECE):
        piece = _bytes(sources.base, name, begin)
        write_at(descriptor, piece, at + begin)
        for expert, model in sources.experts.items() if dtype not in RAW else ():
            if model.dtype(name) != dtype or not np.array_equal(_bytes(model, name, begin), piece):
                raise MergeError(f"{name} ({dtype}) differs in model {expert!r}, and cannot be merged")


def _bytes(model: Checkpoint, name: str, begin: int) -> np.ndarray:
    piece = np.empty(min(_PIECE, model.n_bytes([name]) - begin), np.uint8)
    model.read_into(name, begin, piece)
    return piece


def check_room(folder: Path, needed: int) -> None:
    """MergeError where the disk is too small for what will be written."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MergeError(f"the merge needs {needed / 1e9:.2f} GB, and the disk of {folder.parent} has "
                         f"{free / 1e9:.2f} GB left")
