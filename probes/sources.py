"""A base and the models made from it, opened for comparison: what they must have in common, and their bits by slices.

Opening refuses, in one sentence, what cannot be compared entry by entry: other names or shapes, a dtype that differs
from the base's, integers, fp8 and other quantised weights. Nothing is left out but by `include`, and one half of a tied
pair (the output head, where config.json says that it is the embedding and the bits agree).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from probes.places import places
from training.alike import matching, mismatch
from training.checkpoints import Checkpoint, at_hand

STORED = {torch.bfloat16: (np.uint16, 16), torch.float16: (np.uint32, 0), torch.float32: (np.uint32, 0)}
"""dtype -> the type its bits are handed on in, and the shift that makes fp32 bits of them (fp16 is widened here)."""


_PIECE = 2**24
"""Bytes of two tensors that are compared at once."""


class ProbeError(ValueError):
    """Models that cannot be probed as asked."""


@dataclass(frozen=True)
class Sources:
    """The base, the models by name, and the names of the tensors to compare."""

    base: Checkpoint
    models: dict[str, Checkpoint]
    names: tuple[str, ...]

    @property
    def all(self) -> list[Checkpoint]:
        """The base, then the models."""
        return [self.base, *self.models.values()]

    @cached_property
    def places(self) -> dict[str, tuple[int, str]]:
        """Tensor name -> (layer, module)."""
        every = places(self.base.names)
        return {name: every[name] for name in self.names}

    def size(self, name: str) -> int:
        """How many entries a tensor has."""
        return torch.Size(self.base.shape(name)).numel()

    def bits(self, name: str, start: int, n: int) -> np.ndarray:
        """Entries start, ..., start + n - 1 of a tensor, laid end to end: (M + 1, n) raw bits, the base's first."""
        dtype = self.base.dtype(name)
        raw = np.empty((len(self.models) + 1, n), STORED[dtype][0])
        for row, checkpoint in zip(raw, self.all, strict=True):
            if dtype == torch.float16:
                half = np.empty(n, np.float16)
                checkpoint.read_into(name, start, half)
                row.view(np.float32)[:] = half
            else:
                checkpoint.read_into(name, start, row)
        return raw

    def shift(self, name: str) -> int:
        """By how much the bits of a tensor are shifted to be those of fp32."""
        return STORED[self.base.dtype(name)][1]


def open_sources(base: str | Path, models: dict[str, str | Path], include: str | None = None,
                 keep: bool = False) -> Sources:
    """Open all models; ProbeError names what cannot be compared, CheckpointError what cannot be opened.

    keep: download hub ids whole, into the hub's cache.
    """
    if not isinstance(models, dict) or not models or not all(isinstance(name, str) for name in models):
        raise ProbeError(f"models must be a dict of at least one name to a path or hub id, got {models!r}")
    _check_include(include)
    anchor = Checkpoint(base, keep=keep)
    opened = {name: Checkpoint(model, keep=keep) for name, model in models.items()}
    chosen = matching(anchor, include)
    if not chosen:
        raise ProbeError(f"include {include!r} matches no tensor of {base}; names are like "
                         f"{', '.join(anchor.names[:3])}")
    for name, model in opened.items():
        if problem := mismatch(anchor, model, include):
            raise ProbeError(f"model {name!r} ({model.source}) {problem}; include= restricts what is compared")
    _check_dtypes(anchor, opened, chosen)
    return Sources(anchor, opened, tuple(_untied(anchor, opened, chosen)))


def check_finite(sources: Sources, name: str) -> None:
    """ProbeError for a tensor with NaN or infinite values, saying in which model and how many."""
    for who, checkpoint in {"the base": sources.base, **_called(sources.models)}.items():
        odd = int((~torch.isfinite(checkpoint.tensor(name))).sum())
        if odd:
            raise ProbeError(f"{who} ({checkpoint.source}) has {odd} values in {name} that are NaN or infinite")
    raise ProbeError(f"the weights of {name} are too large: sums of their squares overflow")


def _called(models: dict[str, Checkpoint]) -> dict[str, Checkpoint]:
    return {f"model {name!r}": model for name, model in models.items()}


def _check_include(include: str | None) -> None:
    if include is not None:
        try:
            re.compile(include)
        except re.error as error:
            raise ProbeError(f"include {include!r} is not a regular expression: {error}") from error


def _check_dtypes(base: Checkpoint, models: dict[str, Checkpoint], names: list[str]) -> None:
    for name in names:
        if base.dtype(name) not in STORED:
            raise ProbeError(f"{name} of {base.source} is stored as {_short(base.dtype(name))}; compared are "
                             f"{', '.join(map(_short, STORED))}: dequantise the model, or leave it out by include=")
        for model, checkpoint in models.items():
            if checkpoint.dtype(name) != base.dtype(name):
                raise ProbeError(f"{name} is {_short(checkpoint.dtype(name))} in model {model!r} ({checkpoint.source}) "
                                 f"and {_short(base.dtype(name))} in the base; save both in one dtype")


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _untied(base: Checkpoint, models: dict[str, Checkpoint], names: list[str]) -> list[str]:
    """The names without an output head that is a second copy of the embedding, in every model."""
    module = {name: place[1] for name, place in places(names).items()}
    head, embedding = ([name for name in names if module[name] == which] for which in ("lm_head", "embedding"))
    if len(head) != 1 or len(embedding) != 1 or not _says_tied(base):
        return names
    if all(_equal(model, head[0], embedding[0]) for model in (base, *models.values())):
        return [name for name in names if name != head[0]]
    return names


def _equal(model: Checkpoint, a: str, b: str) -> bool:
    """Do two tensors of a model hold the same bits."""
    if model.shape(a) != model.shape(b) or model.dtype(a) != model.dtype(b):
        return False
    n = model.n_bytes([a])
    pieces = np.empty((2, _PIECE), np.uint8)
    with at_hand([model], [a, b]):
        for start in range(0, n, _PIECE):
            one, two = pieces[:, :min(_PIECE, n - start)]
            model.read_into(a, start, one)
            model.read_into(b, start, two)
            if not np.array_equal(one, two):
                return False
    return True


def _says_tied(base: Checkpoint) -> bool:
    return (base.path / "config.json").is_file() and bool(base.config.get("tie_word_embeddings"))
