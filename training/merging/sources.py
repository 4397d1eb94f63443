"""What goes into a merge: the base and the experts, checked against each other and read in fp32, a slice at a time.

Tensors merge when they are floating point (fp64, fp32, fp16, bf16) and match `include`. A slice is a run of entries of
one tensor, so that memory does not grow with the size of an embedding. Experts are kept in the order of their names: no
sum depends on the order in which models are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.alike import matching, mismatch
from training.checkpoints import Checkpoint
from training.merging.casts import RAW, all_finite, to_float32
from training.merging.errors import MergeError
from training.merging.vocabulary import differing

SLICE = 2**16
"""Entries of one model that are read at once: those of six models in fp32 stay near a core."""

Slice = tuple[str, int, int]
"""Tensor name, first entry, number of entries."""


@dataclass(frozen=True)
class Sources:
    """The base, the experts by name, and the names of the tensors to merge."""

    base: Checkpoint
    experts: dict[str, Checkpoint]
    names: tuple[str, ...]

    def size(self, name: str) -> int:
        """How many entries a tensor has."""
        return torch.Size(self.base.shape(name)).numel()

    def slices(self, names: Iterable[str]) -> list[Slice]:
        """All entries of these tensors, in order, a slice at a time."""
        return [(name, start, min(SLICE, self.size(name) - start))
                for name in names for start in range(0, self.size(name), SLICE)]

    def read(self, one: Slice) -> np.ndarray:
        """The values of a slice in every model, the base's first: (M + 1, n) fp32. MergeError unless all are finite."""
        values = np.empty((len(self.experts) + 1, one[2]), np.float32)
        for row, (who, model) in zip(values, self._named(), strict=True):
            read_slice(model, one, row)
            if not all_finite(row):
                raise MergeError(f"{who} ({model.source}) has values in {one[0]} that are not finite")
        return values

    def _named(self) -> list[tuple[str, Checkpoint]]:
        return [("the base", self.base), *((f"model {name!r}", model) for name, model in self.experts.items())]


def read_slice(model: Checkpoint, one: Slice, out: np.ndarray) -> None:
    """Fill `out` (fp32) with a slice of one model."""
    name, start, n = one
    raw = np.empty(n, RAW[model.dtype(name)])
    model.read_into(name, start, raw)
    to_float32(raw, out)


def open_sources(base: str | Path, models: dict[str, str | Path], include: str | None) -> Sources:
    """Open all models; MergeError when they are not of one kind, or when nothing is left to merge."""
    anchor = Checkpoint(base, keep=True)  # some methods read all weights two or three times
    experts = {name: Checkpoint(models[name], keep=True) for name in sorted(models)}
    for name, expert in experts.items():
        if problem := differing(anchor, expert) or mismatch(anchor, expert):
            raise MergeError(f"model {name!r} ({expert.source}) {problem}")
    names = [name for name in anchor.names if anchor.dtype(name) in RAW]
    for name, expert in experts.items():
        for tensor in names:
            if expert.dtype(tensor) not in RAW:
                raise MergeError(f"{tensor} of model {name!r} is stored as {expert.dtype(tensor)}; dequantise it first")
    chosen = tuple(name for name in matching(anchor, include) if name in names)
    if not chosen:
        raise MergeError(f"include {include!r} matches no floating-point tensor; names are like {', '.join(names[:3])}")
    return Sources(anchor, experts, chosen)
