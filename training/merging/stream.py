"""Writes a merged model: tensors in order, block by block, shard by shard, into a folder that appears when complete.

Memory: one shard of the output, and one block of each model. Files and index are those `from_pretrained` reads.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tqdm import tqdm

from training.merging.options import MergeError
from training.merging.sources import MERGEABLE, Sources
from training.shards import INDEX, SINGLE

SHARD_BYTES = 4_000_000_000
Combine = Callable[[str, torch.Tensor, list[torch.Tensor]], tuple[torch.Tensor, torch.Tensor]]
"""(name, the base's block, each expert's) -> (the merged block, what was added to the base), all fp32."""


@dataclass
class Tally:
    """Entries counted while writing."""

    entries: int = 0
    """In the tensors that were merged."""
    updated: int = 0
    """Of these, with a merged fp32 delta other than 0."""
    survived: int = 0
    """Of the updated, those that differ from the base once both are cast to the output's dtype."""


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary sibling of `out`, renamed to it on success and removed on failure; MergeError when `out` is taken."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MergeError(f"{out} exists and is not empty; choose another folder or remove it")
    folder = out.parent / f".{out.name}.incomplete-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        yield folder
        if out.exists():
            out.rmdir()
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_weights(
    sources: Sources, combine: Combine, folder: Path, out_dtype: torch.dtype | None, progress: bool
) -> Tally:
    """Write the shards (and, if more than one, their index) of the merge of `sources` by `combine` into `folder`."""
    dtypes = {name: _written_dtype(sources.base.dtype(name), out_dtype) for name in sources.base.names}
    sizes = {name: sources.n_entries([name]) * dtype.itemsize for name, dtype in dtypes.items()}
    shards, tally = plan_shards(sizes, SHARD_BYTES), Tally()
    bar = tqdm(total=len(sizes), desc="merging", unit="tensor", disable=not progress)
    weight_map = {}
    for number, names in enumerate(shards, start=1):
        file = SINGLE if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        tensors = {}
        for name in names:
            tensors[name] = _merged(sources, name, combine, dtypes[name], tally)
            bar.update()
        save_file(tensors, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(names, file)
    bar.close()
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": weight_map}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return tally


def plan_shards(sizes: dict[str, int], limit: int) -> list[list[str]]:
    """Names in order, cut into shards of at most `limit` bytes (a tensor larger than that is alone in its shard)."""
    shards, used = [[]], 0
    for name, size in sizes.items():
        if shards[-1] and used + size > limit:
            shards.append([])
            used = 0
        shards[-1].append(name)
        used += size
    return shards


def _written_dtype(stored: torch.dtype, out_dtype: torch.dtype | None) -> torch.dtype:
    return out_dtype if out_dtype is not None and stored in MERGEABLE else stored


def _merged(sources: Sources, name: str, combine: Combine, dtype: torch.dtype, tally: Tally) -> torch.Tensor:
    """One tensor of the output, in its dtype."""
    if name not in sources.names:
        return _copied(sources, name).to(dtype)
    written = torch.empty(sources.base.shape(name), dtype=dtype)
    for rows, base, experts in sources.blocks(name):
        merged, delta = combine(name, base, experts)
        cast, updated = merged.to(dtype), delta != 0
        if not torch.isfinite(cast).all():
            raise MergeError(f"{name} overflows {dtype}; choose another out_dtype or a smaller scale")
        written[rows if written.dim() else ...] = cast
        tally.entries += base.numel()
        tally.updated += int(updated.sum())
        tally.survived += int((updated & (cast != base.to(dtype))).sum())
    return written


def _copied(sources: Sources, name: str) -> torch.Tensor:
    """The base's tensor; one that cannot be merged (integers, fp8) must be the same in every expert."""
    tensor = sources.base.tensor(name)
    if tensor.dtype not in MERGEABLE:
        for expert, checkpoint in sources.experts.items():
            if checkpoint.dtype(name) != tensor.dtype or not _same_bytes(checkpoint.tensor(name), tensor):
                raise MergeError(f"{name} ({tensor.dtype}) differs in model {expert!r}, and cannot be merged")
    return tensor


def _same_bytes(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))
