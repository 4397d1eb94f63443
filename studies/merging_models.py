"""The merges that the study of merging methods compares, by name, and how they come to lie beside a zoo.

merged-METHOD             all experts, with the paper's parameters
METHOD/scale-S[-density-D]  the same with other parameters, to see how much the choice matters
METHOD/seed-N             DARE with other masks
pair-A+B                  two experts alone, by TIES (which method the paper used for its pairs: not found)

Merges are made once, under `<zoo>/merges/`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from training.merging import METHODS, merge
from training.zoo import Zoo

SCALES = {"task_arithmetic": (0.2, 0.4, 0.7, 1.0, 1.5), "ties": (0.5, 1.0, 1.5, 2.0)}
DENSITIES = (0.1, 0.2, 0.5, 1.0)
MASKS = range(5)
"""Seeds of DARE's masks."""
PAIR_METHOD = "ties"


@dataclass(frozen=True)
class Merge:
    """One merge: of the experts of these domains, by a method with parameters."""

    name: str
    method: str
    domains: tuple[str, ...]
    """Whose experts are merged; of a pair, also where it is measured."""
    params: dict = field(default_factory=dict)


def standard(domains: Iterable[str]) -> list[Merge]:
    """All experts by every method."""
    return [Merge(f"merged-{method}", method, tuple(domains)) for method in METHODS]


def sweep(domains: Iterable[str], method: str) -> list[Merge]:
    """All experts by a method, over scales (and densities); that with the paper's parameters is named `merged-`."""
    densities = DENSITIES if method == "ties" else (None,)
    found = []
    for scale in SCALES[method]:
        for density in densities:
            params = {"scale": scale} | ({"density": density} if density else {})
            plain = scale == 1.0 and density in (None, 0.2)
            name = f"{method}/scale-{scale:g}" + (f"-density-{density:g}" if density else "")
            found.append(Merge(f"merged-{method}" if plain else name, method, tuple(domains), params))
    return found


def masks(domains: Iterable[str], method: str) -> list[Merge]:
    """All experts by a DARE method, over seeds of its masks."""
    return [Merge(f"{method}/seed-{seed}" if seed else f"merged-{method}", method, tuple(domains), {"seed": seed})
            for seed in MASKS]


def pairs(domains: Iterable[str]) -> list[Merge]:
    """Every two experts."""
    return [Merge(f"pair-{a}+{b}", PAIR_METHOD, (a, b)) for a, b in combinations(domains, 2)]


def made(zoo: Zoo, merges: Iterable[Merge]) -> dict[str, str]:
    """Name -> folder of each merge, made where it is not there yet."""
    found = {}
    for one in merges:
        out = zoo.folder / "merges" / one.name
        if not out.is_dir():
            _make(zoo, one, out)
        found[one.name] = str(out)
    return found


def seconds(zoo: Zoo, one: Merge) -> float:
    """How long a merge takes, here and now."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _make(zoo, one, Path(folder) / "merged")
        return time.perf_counter() - start


def _make(zoo: Zoo, one: Merge, out: Path) -> None:
    experts = {domain: zoo.experts[domain] for domain in one.domains}
    merge(zoo.anchor, experts, out, one.method, progress=False, **one.params)
