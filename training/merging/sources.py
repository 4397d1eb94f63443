"""What goes into a merge: the base and the experts, checked against each other and read in fp32, a block at a time.

Tensors merge when they are floating point (fp64, fp32, fp16, bf16) and match `include`. A block is a run of rows of one
tensor, so that memory does not grow with the size of an embedding. Experts are kept in the order of their names: no sum
depends on the order in which models are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from training.alike import matching, mismatch
from training.checkpoints import Checkpoint
from training.merging.options import MergeError

MERGEABLE = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
BLOCK = 2**23
"""Entries of one model in memory at once (a row, if a row is longer)."""


@dataclass(frozen=True)
class Sources:
    """The base, the experts by name, and the names of the tensors to merge."""

    base: Checkpoint
    experts: dict[str, Checkpoint]
    names: tuple[str, ...]

    def n_entries(self, names: Iterable[str]) -> int:
        """How many entries these tensors have in one model."""
        return sum(torch.Size(self.base.shape(name)).numel() for name in names)

    def blocks(self, name: str) -> Iterator[tuple[slice, torch.Tensor, list[torch.Tensor]]]:
        """The blocks of a tensor: (its rows, the base's fp32 values, each expert's)."""
        for rows in row_blocks(self.base.shape(name)):
            yield rows, _read("the base", self.base, name, rows), [
                _read(f"model {expert!r}", checkpoint, name, rows) for expert, checkpoint in self.experts.items()
            ]

    def deltas(self, expert: str, names: Iterable[str]) -> Iterator[torch.Tensor]:
        """expert - base in fp32, block after block of these tensors."""
        for name in names:
            for rows in row_blocks(self.base.shape(name)):
                base = _read("the base", self.base, name, rows)
                yield _read(f"model {expert!r}", self.experts[expert], name, rows) - base


def open_sources(base: str | Path, models: dict[str, str | Path], include: str | None) -> Sources:
    """Open all models; MergeError when names or shapes differ, or when nothing is left to merge."""
    anchor = Checkpoint(base, keep=True)  # some methods read all weights two or three times
    experts = {name: Checkpoint(models[name], keep=True) for name in sorted(models)}
    for name, expert in experts.items():
        if problem := mismatch(anchor, expert):
            raise MergeError(f"model {name!r} ({expert.source}) {problem}")
    names = [name for name in anchor.names if anchor.dtype(name) in MERGEABLE]
    chosen = tuple(name for name in matching(anchor, include) if name in names)
    if not chosen:
        raise MergeError(f"include {include!r} matches no floating-point tensor; names are like {', '.join(names[:3])}")
    return Sources(anchor, experts, chosen)


def row_blocks(shape: tuple[int, ...]) -> list[slice]:
    """The runs of rows to read at once, in order; a scalar is one block, of `slice(None)`."""
    if not shape:
        return [slice(None)]
    step = max(1, BLOCK // max(1, torch.Size(shape[1:]).numel()))
    return [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


def _read(who: str, checkpoint: Checkpoint, name: str, rows: slice) -> torch.Tensor:
    whole = rows == slice(None)
    tensor = checkpoint.tensor(name) if whole else checkpoint.rows(name, rows.start, rows.stop)
    if not torch.isfinite(tensor).all():
        raise MergeError(f"{who} ({checkpoint.source}) has values in {name} that are not finite")
    return tensor.float()
