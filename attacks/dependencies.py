"""Dependencies that nobody declared, nobody uses or nobody locked: does a check of the project see each of them?

    python -m attacks.dependencies      # a table, and attacks/results/dependencies.csv; two minutes

Every distribution that is installed and not declared is imported by one package of the project, in a copy of it, and
declared there without being imported; what is installed for development alone is imported by the packages in turn:
deptry or import-linter must refuse it. Every line of the lock is left out, and every version that is bounded set below
its bound: `faults` must name it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, packages_distributions
from itertools import cycle
from pathlib import Path

import pandas as pd
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from attacks.processes import ROOT
from attacks.saved import save

LOCK = ROOT / "requirements.lock"
PROJECT = "mix-or-merge"
PACKAGES = ("training", "behaviors", "probes", "studies", "paper")
OLD = "0.0.0.1"
CHECKS = (["deptry", "."], ["lint-imports"])
"""What `make lint` runs of imports."""
FOLDERS = (*PACKAGES, "attacks", "benchmarks", "tests", "docs")
DEVELOPMENT = ("pytest", "hypothesis", "mergekit", "IPython", "mkdocs", "nbclient", "playwright", "griffe")


def requirements() -> dict[str, list[Requirement]]:
    """Distribution -> what asks for it here: all that the project needs for development, and what that needs, ..."""
    found: dict[str, list[Requirement]] = {}
    todo, done = [(PROJECT, "dev")], set()
    while todo:
        if (asked := todo.pop()) in done:
            continue
        done.add(asked)
        for line in distribution(asked[0]).requires or []:
            needed = Requirement(line)
            name = canonicalize_name(needed.name)
            if needed.marker is None or needed.marker.evaluate({"extra": asked[1]}):
                if name != PROJECT:
                    found.setdefault(name, []).append(needed)
                todo += [(name, more) for more in ("", *sorted(needed.extras))]
    return found


def locked(lock: str) -> dict[str, str]:
    """Distribution -> version."""
    pairs = (line.split("==") for line in lock.splitlines() if line.strip())
    return {canonicalize_name(name): version for name, version in pairs}


def text(lock: dict[str, str | None]) -> str:
    """A lock, without what has no version."""
    return "\n".join(f"{name}=={version}" for name, version in lock.items() if version)


def faults(lock: str) -> list[str]:
    """What is wrong with a lock: what it lacks, what nothing asks for, and versions that something does not allow."""
    held, wanted = locked(lock), requirements()
    lacking = [f"{name} is not locked" for name in sorted(wanted.keys() - held)]
    idle = [f"{name} is locked, and nothing asks for it" for name in sorted(held.keys() - wanted.keys())]
    wrong = [f"{name} {held[name]} is locked, and {needed} is asked for" for name in sorted(wanted.keys() & held)
             for needed in wanted[name] if not needed.specifier.contains(held[name], prereleases=True)]
    return lacking + idle + wrong


def undeclared() -> Iterator[tuple[str, str]]:
    """(module, distribution) of what is installed, and that the project declares nowhere."""
    declared = {canonicalize_name(Requirement(line).name) for line in distribution(PROJECT).requires}
    for module, names in sorted(packages_distributions().items()):
        name = canonicalize_name(names[0])
        if module.isidentifier() and not module.startswith("_") and name not in declared | {PROJECT}:
            yield module, name


def refused(copy: Path) -> bool:
    """Does a check fail in the copy?"""
    return any(subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], cwd=copy,
                              capture_output=True).returncode for command in CHECKS)


def changed(file: Path, change: Callable[[str], str], copy: Path) -> bool:
    """Is the copy refused while a file of it is changed?"""
    before = file.read_text(encoding="utf-8")
    file.write_text(change(before), encoding="utf-8")
    try:
        return refused(copy)
    finally:
        file.write_text(before, encoding="utf-8")


def imported(copy: Path, package: str, module: str) -> bool:
    """Is it refused where a package imports a module?"""
    return changed(copy / package / "__init__.py", lambda text: f"{text}\nimport {module}\n", copy)


def declared(copy: Path, name: str) -> bool:
    """Is it refused where the project declares a distribution that nothing imports?"""
    head = "dependencies = [\n"
    return changed(copy / "pyproject.toml", lambda text: text.replace(head, f'{head}    "{name}",\n', 1), copy)


def run(copy: Path, most: int | None = None) -> pd.DataFrame:
    """Columns: row ("dependencies"), attack, tried, through, note. At most so many of each kind are tried."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "results"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    if refused(copy):
        raise RuntimeError("the copy is refused as it is: nothing can be tried in it")
    extra, package = list(undeclared())[:most], cycle(PACKAGES)
    lock = locked(LOCK.read_text(encoding="utf-8"))
    bounded = [name for name, asked in sorted(requirements().items()) if any(
        not needed.specifier.contains(OLD) for needed in asked)][:most]
    tried = {
        "an import that is not declared": [
            (module, imported(copy, next(package), module)) for module, _ in extra],
        "an import of what is for development": [
            (module, imported(copy, next(package), module)) for module in DEVELOPMENT[:most]],
        "a dependency that nothing imports": [
            (name, declared(copy, name)) for name in dict.fromkeys(name for _, name in extra)],
        "a line that the lock lacks": [(name, bool(faults(text({**lock, name: None})))) for name in list(lock)[:most]],
        "a version that is too old": [(name, bool(faults(text({**lock, name: OLD})))) for name in bounded],
    }
    return pd.DataFrame([_row(attack, found) for attack, found in tried.items()])


def _row(attack: str, found: list[tuple[str, bool]]) -> dict:
    through = [name for name, seen in found if not seen]
    return {"row": "dependencies", "attack": attack, "tried": len(found), "through": len(through),
            "note": ", ".join(through)}


def main() -> int:
    """The command line; the status it ends with: 0 where nothing got through."""
    if said := faults(LOCK.read_text(encoding="utf-8")):
        print("requirements.lock:", "; ".join(said), file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as copy:
        table = run(Path(copy))
    save(table, "dependencies")
    print(table.drop(columns="row").to_string(index=False))
    return int(table["through"].sum() > 0)


if __name__ == "__main__":
    raise SystemExit(main())
