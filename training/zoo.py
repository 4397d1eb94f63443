"""Zoo: an anchor, the models trained from it, and what each cost, in one manifest (`zoo.json`).

    >>> zoo = Zoo.load("organism")              # or any folder that holds a zoo.json
    >>> zoo.anchor, zoo.experts["math"], zoo.mixed, zoo.merged["ties"]
    >>> for name, model in zoo.models.items(): ...

Models are paths relative to the zoo's folder, or hub ids written `hub:namespace/name`. Three of the paper's merges
(average, task arithmetic, TIES, with its defaults) are made when first asked for, under `models/`, and recorded; one
that is recorded is not made again (after training an expert anew, remove its folder and its line in the manifest).
Bring your own models with `Zoo.from_models(anchor=..., experts={"math": ...}, mixed=...)`, or your own zoo: a zoo.json
with "name", "preset", "seed" and "anchor" loads; every other field may be left out. A domain of yours is a module
(`training.domains.own`); loading a zoo imports none, sampling on its domains does.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from training.display import html
from training.durable import write_text
from training.manifest import HUB, MANIFEST, Manifest, ZooError, check_manifest, read_manifest
from training.merging import merge

BUILT = ("organism",)
"""Built-in names that `build_zoo` trains on first use."""
RELEASED = ("m2rl-4b",)
"""Built-in names of released checkpoints."""
MERGES = ("average", "task_arithmetic", "ties")
COSTS = {"optimizer steps": "optimizer_steps", "tokens": "tokens", "seconds": "seconds", "weights changed": "changed"}
"""What is shown of a run's cost, and its name in zoo.json."""


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

    Attributes: `folder`, `manifest`, and `engine`, who writes its models' tokens when they are sampled or judge
    (transformers or vllm, `training.engines`). A model's path is checked when it is asked for: ZooError when its folder
    is gone.
    """

    def __init__(self, folder: str | Path, manifest: Manifest, engine: str = "transformers"):
        self.folder, self.manifest, self.engine = Path(folder), manifest, engine

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

    @classmethod
    def from_models(cls, anchor: str | Path, experts: Mapping[str, str | Path], mixed: str | Path | None = None,
                    out: str | Path = "runs/own", distilled: str | Path | None = None,
                    controls: Mapping[str, str | Path] | None = None, seed: int = 0) -> Zoo:
        """A zoo of models trained elsewhere, as folders or hub ids; `out` gets its manifest, and merges and traces.

        experts: domain -> model; controls: `twin-DOMAIN`, ... -> model. Raises CheckpointError for what
        is no model, or has other tensors than the anchor, and ZooError where `out` holds a zoo of other models.
        """
        from training.assembled import placed

        others = {"mixed": mixed, "distilled": distilled, **(controls or {})}
        models = {"anchor": anchor, **{f"expert-{name}": model for name, model in experts.items()},
                  **{name: model for name, model in others.items() if model is not None}}
        places = placed(models, HUB)
        manifest = Manifest(Path(out).name, "own", seed, places["anchor"], domains=list(experts),
                            experts={name: places[f"expert-{name}"] for name in experts}, mixed=places.get("mixed"),
                            distilled=places.get("distilled"), controls={name: places[name] for name in controls or {}})
        if (Path(out) / MANIFEST).is_file():
            held = read_manifest(Path(out) / MANIFEST)
            if dataclasses.replace(held, merged={}) != manifest:
                raise ZooError(f"{out} holds another zoo ({held.name}, seed {held.seed}); choose another folder")
            return cls(out, held)
        zoo = cls(out, manifest)
        zoo.save()
        return zoo

    def save(self) -> Path:
        """Write zoo.json, whole or not at all. Raises ZooError for names that could not be read back."""
        file = self.folder / MANIFEST
        check_manifest(file, self.manifest)
        write_text(file, json.dumps(dataclasses.asdict(self.manifest), indent=2) + "\n")
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

    def __repr__(self) -> str:
        return f"Zoo({self.name} in {self.folder}: {', '.join(self.models)})"

    def _repr_html_(self) -> str:
        """Every model, where it lies and what its training cost; no merge is made for it."""
        import pandas as pd

        held, runs = self.manifest, self.runs
        places = {"anchor": held.anchor, "mixed": held.mixed, "mixed-paper": held.mixed_paper,
                  "distilled": held.distilled, **{f"expert-{name}": place for name, place in held.experts.items()},
                  **{f"merged-{name}": place for name, place in held.merged.items()}, **held.controls}
        rows = [{"model": name, "place": places.get(name, "made when first asked for"),
                 **{shown: runs.get(name, {}).get(key) for shown, key in COSTS.items()}} for name in self.models]
        return html(f"Zoo {self.name} in {self.folder}: preset {self.preset}, seed {self.seed}; "
                    f"domains {', '.join(held.domains or held.experts) or 'none'}", pd.DataFrame(rows))

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
