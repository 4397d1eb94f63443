"""How a folder of results was made: `made.json`, written by every study's command line, and whether it still holds.

It names the command, the zoos (with a digest of what was trained), the code (a digest of all packages), versions,
machine, date and seconds. Results hold as long as the same code would make them of the same zoos.
"""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, replace
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from training.durable import write_text
from training.workers import CORES
from training.zoo import Zoo

MADE = "made.json"
LIBRARIES = ("torch", "transformers", "trl", "scikit-learn", "spacy", "pandas")
PACKAGES = ("training", "behaviors", "probes", "studies")


def zoo_digest(zoo: Zoo) -> str:
    """Of a zoo's manifest, but for merges, which are made when first asked for."""
    content = asdict(replace(zoo.manifest, merged={}))
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@cache
def code_digest(root: Path = Path(__file__).parents[1]) -> str:
    """Of the Python files of all packages."""
    found = sha256()
    for file in sorted(file for package in PACKAGES for file in (root / package).rglob("*.py")):
        found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def inputs(zoos: list[Zoo], quick: bool) -> dict:
    """What decides the results."""
    return {"zoos": [{"name": zoo.name, "seed": zoo.seed, "digest": zoo_digest(zoo)} for zoo in zoos], "quick": quick,
            "code": code_digest()}


def write_made(out: Path, zoos: list[Zoo], quick: bool, command: list[str], seconds: float) -> None:
    """Write `made.json` into a folder of results, whole or not at all."""
    made = {"command": " ".join(command), "seconds": round(seconds, 1), "date": time.strftime("%Y-%m-%d"),
            **inputs(zoos, quick), "versions": {name: version(name) for name in LIBRARIES},
            "machine": {"cores": CORES, "architecture": platform.machine(), "python": platform.python_version()}}
    write_text(out / MADE, json.dumps(made, indent=2) + "\n")


def holds(out: Path, zoos: list[Zoo], quick: bool) -> bool:
    """Were the results in `out` made of these zoos, in this way, by this code?"""
    if not (out / MADE).is_file():
        return False
    made, wanted = json.loads((out / MADE).read_text(encoding="utf-8")), inputs(zoos, quick)
    return {key: made.get(key) for key in wanted} == wanted
