"""Zoo: an anchor, the models trained from it, and what each cost, in one manifest (`zoo.json`).

    >>> zoo = Zoo.load("organism")              # or any folder that holds a zoo.json
    >>> zoo.anchor, zoo.experts["math"], zoo.mixed, zoo.merged["ties"]
    >>> for name, model in zoo.models.items(): ...

Models are paths relative to the zoo's folder, or hub ids written `hub:namespace/name`. Three of the paper's merges
(average, task arithmetic, TIES, with its defaults) are made when first asked for, under `models/`, and recorded; one
that is recorded is not made again (after training an expert anew, remove its folder and its line in the manifest).
Bring your own zoo: a zoo.json with "name", "preset", "seed" and "anchor" loads; every other field may be left out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.merging import merge
from training.shards import read_json

MANIFEST = "zoo.json"
BUILT = ("organism",)
"""Built-in names that `build_zoo` trains on first use."""
RELEASED = ("m2rl-4b",)
"""Built-in names of released checkpoints."""
MERGES = ("average", "task_arithmetic", "ties")
HUB = "hub:"


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
    """Name -> model: twins and shuffled rewards."""
    runs: dict[str, dict] = field(default_factory=dict)
    """Model -> what its training cost: tokens, optimizer_steps, seconds, ..."""


class Models(Mapping):
    """A read-only, ordered dict, name -> path or hub id, whose values are looked up (or made) when asked for."""

    def __init__(self, names: Iterable[str], find: Callable[[str], str]):
        self._names, self._find = tuple(names), find

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(f"no {name!r} in this zoo; it has {', '.join(self._names) or 'none'}")
        return self._find(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __repr__(self) -> str:
        return f"Models({', '.join(self._names)})"


class Zoo:
    """The models of one experiment. `Zoo(folder, manifest)` makes one, `save` writes it, `Zoo.load` reads it.

    Attributes: `folder`, `manifest`. A model's path is checked when it is asked for: ZooError when its folder is gone.
    """

    def __init__(self, folder: str | Path, manifest: Manifest):
        self.folder, self.manifest = Path(folder), manifest

    @classmethod
    def load(cls, path_or_name: str | Path) -> Zoo:
        """The zoo in a folder, or of a built-in name (the organism is trained on first use, in minutes)."""
        name = str(path_or_name)
        if (Path(name) / MANIFEST).is_file():
            return cls(name, read_manifest(Path(name) / MANIFEST))
        if name in BUILT:
            return _built(name)
        if name in RELEASED:
            return _released()
        raise ZooError(f"{name!r} is no folder with a {MANIFEST}, nor a built-in zoo: {', '.join(BUILT + RELEASED)}")

    def save(self) -> Path:
        """Write zoo.json, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / MANIFEST
        temporary = self.folder / f".{MANIFEST}.{uuid.uuid4().hex[:8]}"
        temporary.write_text(json.dumps(dataclasses.asdict(self.manifest), indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, file)
        return file

    name = property(lambda self: self.manifest.name)
    preset = property(lambda self: self.manifest.preset)
    seed = property(lambda self: self.manifest.seed)
    runs = property(lambda self: self.manifest.runs)

    @property
    def anchor(self) -> str:
        """The model all others were trained from."""
        return self._resolve("anchor", self.manifest.anchor)

    @property
    def experts(self) -> Models:
        """Domain -> expert."""
        return Models(self.manifest.experts, lambda name: self._resolve(f"expert-{name}", self.manifest.experts[name]))

    @property
    def mixed(self) -> str | None:
        """The mixed run, or None."""
        return self._resolve("mixed", self.manifest.mixed) if self.manifest.mixed else None

    @property
    def mixed_paper(self) -> str | None:
        """The mixed run at the paper's fraction of the budget, or None."""
        return self._resolve("mixed-paper", self.manifest.mixed_paper) if self.manifest.mixed_paper else None

    @property
    def distilled(self) -> str | None:
        """The experts distilled into one model, or None."""
        return self._resolve("distilled", self.manifest.distilled) if self.manifest.distilled else None

    @property
    def merged(self) -> Models:
        """Method -> merged model; average, task_arithmetic and ties are made when first asked for (with experts)."""
        ready = MERGES if self.manifest.experts else ()
        return Models(dict.fromkeys((*ready, *self.manifest.merged)), self._merged)

    @property
    def controls(self) -> Models:
        """Name -> control model."""
        return Models(self.manifest.controls, lambda name: self._resolve(name, self.manifest.controls[name]))

    @property
    def models(self) -> Models:
        """All: anchor, expert-DOMAIN, mixed, mixed-paper, distilled, merged-METHOD (made if need be), then controls."""
        finders = {"anchor": lambda: self.anchor}
        finders |= {f"expert-{name}": lambda name=name: self.experts[name] for name in self.experts}
        finders |= {"mixed": lambda: self.mixed} if self.manifest.mixed else {}
        finders |= {"mixed-paper": lambda: self.mixed_paper} if self.manifest.mixed_paper else {}
        finders |= {"distilled": lambda: self.distilled} if self.manifest.distilled else {}
        finders |= {f"merged-{name}": lambda name=name: self.merged[name] for name in self.merged}
        finders |= {name: lambda name=name: self.controls[name] for name in self.controls}
        return Models(finders, lambda name: finders[name]())

    def _merged(self, method: str) -> str:
        if method not in self.manifest.merged:
            place = f"models/merged-{method}"
            merge(self.anchor, dict(self.experts), self.folder / place, method)
            self.manifest.merged[method] = place
            self.save()
        return self._resolve(f"merged-{method}", self.manifest.merged[method])

    def _resolve(self, name: str, place: str) -> str:
        """A manifest's entry as a path or hub id."""
        if place.startswith(HUB):
            return place.removeprefix(HUB)
        folder = self.folder / place
        if not folder.is_dir():
            raise ZooError(f"{self.folder / MANIFEST} puts {name!r} in {place}, but {folder} is no folder")
        return str(folder)


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
    _check_places(file, manifest)
    return manifest


def _check_places(file: Path, manifest: Manifest) -> None:
    """ZooError unless every model is a text, and every group of models an object."""
    fields = vars(manifest)
    for group in ("experts", "merged", "controls"):
        models = fields[group]
        if not isinstance(models, dict) or not all(isinstance(place, str) for place in models.values()):
            raise ZooError(f"{file}: {group} must map names to paths or {HUB} ids, got {models!r}")
    for name in ("anchor", "mixed", "mixed_paper", "distilled"):
        place = fields[name]
        if not isinstance(place, str) and (place is not None or name == "anchor"):
            raise ZooError(f"{file}: {name} must be a path or a {HUB} id, got {place!r}")


def _built(preset: str) -> Zoo:
    from training.build import build_zoo

    folder = Path("runs") / preset / "seed0"
    return Zoo.load(folder) if (folder / MANIFEST).is_file() else build_zoo(preset=preset, out=str(folder), seed=0)


def _released() -> Zoo:
    """The checkpoints the paper's authors released; merges of them go under runs/."""
    folder = Path("runs/m2rl-4b")
    if (folder / MANIFEST).is_file():
        return Zoo.load(folder)
    hub = HUB + "Jackwang111/M2RL-"
    parts = {"math": "Math", "coding": "Coding", "science": "Science", "instructions": "IF", "agent": "Agent"}
    experts = {domain: f"{hub}RL_{part}" for domain, part in parts.items()}
    manifest = Manifest("m2rl-4b", "qwen3-4b", 0, f"{hub}SFT", domains=list(parts), experts=experts)
    manifest.mixed = f"{hub}RL_Multi"
    return Zoo(folder, manifest)
