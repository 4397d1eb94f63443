"""Do two checkpoints hold the same tensors? What must be asked before their weights are subtracted or merged."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from training.checkpoints import Checkpoint
from training.shards import natural_key


def mismatch(base: Checkpoint, other: Checkpoint, include: str | None = None) -> str | None:
    """How the names or shapes of `other` differ from the base's, as in "lacks 2 tensors: ..."; None if they agree.

    Only names that match `include` (re.search) count; None: all.
    """
    ours, theirs = (set(matching(model, include)) for model in (base, other))
    for which, odd in (("lacks", ours - theirs), ("has, beyond the base's,", theirs - ours)):
        if odd:
            return (f"{which} {len(odd)} tensors: {', '.join(sorted(odd, key=natural_key)[:5])}; if they were only "
                    "saved differently, load both with transformers and save them again")
    for name in matching(base, include):
        if base.shape(name) != other.shape(name):
            return f"has {name} of shape {other.shape(name)}, the base of shape {base.shape(name)}"
    return None


def matching(model: Checkpoint, include: str | None) -> list[str]:
    """The names of a model that a regular expression matches (re.search), in order; None matches all."""
    return [name for name in model.names if include is None or re.search(include, name)]


def weights_digest(model: str | Path) -> str:
    """Of a folder, a digest of its weights; of a hub id, the id."""
    found = hashlib.sha256()
    for file in sorted(Path(model).glob("*.safetensors")) if Path(model).is_dir() else ():
        with file.open("rb") as stream:
            found.update(hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest() if Path(model).is_dir() else str(model)
