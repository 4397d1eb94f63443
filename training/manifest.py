"""What zoo.json holds: which models there are, where they lie, what each cost."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path

from training.shards import read_json

MANIFEST = "zoo.json"
HUB = "hub:"
TYPES = {"name": (str, "a text"), "preset": (str, "a text"), "seed": (int, "a whole number"),
         "versions": (dict, "an object"), "factors": (dict, "an object"), "domains": (list, "a list"),
         "runs": (dict, "an object")}
"""Of the other fields."""
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
"""Folders of traces bear these names, so none may lead elsewhere."""


class ZooError(ValueError):
    """A zoo that cannot be loaded, or a model of it that is not there."""


@dataclass
class Manifest:
    """What zoo.json holds. A model is a path relative to the zoo's folder, or `hub:namespace/name`."""

    name: str
    preset: str
    seed: int
    anchor: str
    """What every other model was trained from (after SFT)."""
    versions: dict[str, str] = field(default_factory=dict)
    """Library -> version."""
    factors: dict = field(default_factory=dict)
    """What the domains share (`training.domains.compact.Factors`)."""
    domains: list[str] = field(default_factory=list)
    experts: dict[str, str] = field(default_factory=dict)
    """Domain -> model."""
    mixed: str | None = None
    mixed_paper: str | None = None
    """The mixed run at the paper's fraction of the experts' budget."""
    distilled: str | None = None
    """The experts distilled into one model."""
    merged: dict[str, str] = field(default_factory=dict)
    """Method -> model."""
    controls: dict[str, str] = field(default_factory=dict)
    """Name -> model: `twin-DOMAIN`, `shuffled-DOMAIN`, `steps-DOMAIN` (see `training.build_zoo`)."""
    runs: dict[str, dict] = field(default_factory=dict)
    """Model -> what its training cost: tokens, optimizer_steps, seconds, ..."""


def read_manifest(file: Path) -> Manifest:
    """The manifest in a zoo.json; ZooError for broken JSON, and for fields missing or unknown."""
    content = read_json(file, ZooError)
    known = {item.name for item in dataclasses.fields(Manifest)}
    missing = [name for name in ("name", "preset", "seed", "anchor") if name not in content]
    unknown = sorted(set(content) - known)
    if missing or unknown:
        wrong = f"lacks {', '.join(missing)}" if missing else f"has unknown fields {', '.join(unknown)}"
        raise ZooError(f"{file} {wrong}; its fields are {', '.join(sorted(known))}")
    manifest = Manifest(**content)
    check_manifest(file, manifest)
    return manifest


def check_manifest(file: Path, manifest: Manifest) -> None:
    """ZooError unless every model is a text, every group of models an object, and every name fit for a file's."""
    fields = vars(manifest)
    for group in ("experts", "merged", "controls"):
        models = fields[group]
        if not isinstance(models, dict) or not all(isinstance(place, str) for place in models.values()):
            raise ZooError(f"{file}: {group} must map names to paths or {HUB} ids, got {models!r}")
    for name in ("anchor", "mixed", "mixed_paper", "distilled"):
        place = fields[name]
        if not isinstance(place, str) and (place is not None or name == "anchor"):
            raise ZooError(f"{file}: {name} must be a path or a {HUB} id, got {place!r}")
    for name, (kind, what) in TYPES.items():
        if not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            raise ZooError(f"{file}: {name} must be {what}, got {fields[name]!r:.60}")
    for name in [*manifest.experts, *manifest.merged, *manifest.controls, *manifest.domains]:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ZooError(f"{file}: {name!r:.60} is no name of a model or domain; choose letters, digits, and _ . + - "
                           "after the first")
