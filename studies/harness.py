"""What every study's command line does: open the zoos, give `run` a folder, print its summary, name errors in a line.

    python studies/<study>.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]
                              [--ray ADDRESS [--engine vllm]]

`--zoo` is a built-in name or a folder that holds a zoo.json; with `--seeds`, a built-in name (its zoos are built on
first use under runs/NAME/seedS) or a folder that holds zoos seed0, seed1, ... A folder of results is whole or absent.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from behaviors.sampling import PartError
from behaviors.store import TraceError
from probes.sources import ProbeError
from studies.provenance import write_made
from training.domains import DomainError
from training.durable import NotReady, ready, whole_folder
from training.manifest import MANIFEST, ZooError
from training.pieces import ClusterError, on_ray
from training.shards import CheckpointError
from training.zoo import BUILT, RELEASED, Zoo

FINDINGS = "findings.json"


class StudyError(ValueError):
    """A study cannot be made of what it was given."""


ERRORS = (StudyError, ZooError, CheckpointError, ProbeError, DomainError, TraceError,
          PartError, ClusterError, NotReady)
"""What is wrong with what was given, said in a sentence."""


def seed_list(text: str) -> list[int]:
    """`0,1,2` as numbers, each once. Raises argparse.ArgumentTypeError naming what is not a seed."""
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is not a seed; write whole numbers with commas, as in 0,1,2")
    seeds = [int(part) for part in parts]
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"{text!r} names a seed twice")
    return seeds


def arguments(study: str, about: str, argv: list[str] | None = None,
              flags: dict[str, str] | None = None) -> argparse.Namespace:
    """Parse a study's command line: zoo, out (or None), seeds (or None), quick, and its own flags (name: help)."""
    parser = argparse.ArgumentParser(prog=f"python studies/{study}.py", description=about)
    parser.add_argument("--zoo", default="organism", help="a built-in name or a folder (default organism)")
    parser.add_argument("--out", type=Path, help=f"folder of results (default results/ZOO/{study})")
    parser.add_argument("--seeds", type=seed_list, help="zoos of these seeds, as in 0,1,2")
    parser.add_argument("--quick", action="store_true", help="a minute's worth: fewer models, tasks and samples")
    parser.add_argument("--ray", metavar="ADDRESS", help="do the work on a Ray cluster: auto, HOST:PORT, or local")
    parser.add_argument("--engine", choices=("transformers", "vllm"), default="transformers",
                        help="who samples and judges (vllm: with --ray, a model a GPU at a time)")
    for flag, text in (flags or {}).items():
        parser.add_argument(f"--{flag}", action="store_true", help=text)
    return parser.parse_args(argv)


def open_zoos(zoo: str, seeds: list[int] | None, whole: bool = False) -> list[Zoo]:
    """The zoos that `--zoo` and `--seeds` mean. Raises StudyError or ZooError when they are not there.

    whole: zoos of a built-in name are built with their controls and a distilled model.
    """
    if whole and zoo in BUILT and not Path(zoo).is_dir():
        return [build_whole(zoo, seed) for seed in seeds or [0]]
    if seeds is None:
        return [Zoo.load(zoo)]
    if (Path(zoo) / MANIFEST).is_file():
        raise StudyError(f"{zoo} is one zoo; leave out --seeds, or give the folder that holds {zoos_of(seeds)}")
    if Path(zoo).is_dir():
        return [Zoo.load(folder) for folder in seed_folders(Path(zoo), seeds)]
    if zoo not in BUILT:
        hint = " has one seed: leave out --seeds" if zoo in RELEASED else f" is no folder that holds {zoos_of(seeds)}"
        raise StudyError(f"{zoo!r}{hint}; zoos that are built for any seed: {', '.join(BUILT)}")
    from training import build_zoo

    return [build_zoo(zoo, out=f"runs/{zoo}/seed{seed}", seed=seed) for seed in seeds]


def opened(chosen: argparse.Namespace, whole: bool = False) -> list[Zoo]:
    """The zoos of a command line, with its engine. Raises as `open_zoos`, and StudyError for vllm without --ray."""
    if chosen.engine == "vllm" and not chosen.ray:
        raise StudyError("--engine vllm needs --ray ADDRESS (local: this machine), which gives each model a GPU")
    zoos = open_zoos(chosen.zoo, chosen.seeds, whole)
    for zoo in zoos:
        zoo.engine = chosen.engine
    return zoos


def build_whole(preset: str, seed: int) -> Zoo:
    """The built-in zoo of a seed with all it can have; what is there is not trained again."""
    from training.build import CONTROLS, build_zoo
    from training.distill import distill_zoo

    folder = f"runs/{preset}/seed{seed}"
    build_zoo(preset, out=folder, seed=seed, controls=CONTROLS)
    return distill_zoo(folder)


def seed_folders(folder: Path, seeds: list[int]) -> list[Path]:
    """folder/seedS of every seed. Raises StudyError naming those that hold no zoo, and those that do."""
    names = [file.parent.name.removeprefix("seed") for file in folder.glob(f"seed*/{MANIFEST}")]
    there = [int(name) for name in names if name.isdigit()]
    if missing := [seed for seed in seeds if seed not in there]:
        held = f"it holds {zoos_of(sorted(there))}" if there else "it holds none"
        raise StudyError(f"{folder} lacks {zoos_of(missing)}; {held}")
    return [folder / f"seed{seed}" for seed in seeds]


def zoos_of(seeds: list[int]) -> str:
    """The folders that seeds name: `seed0, seed1`."""
    return ", ".join(f"seed{seed}" for seed in seeds)


def distinct(zoos: list[Zoo]) -> list[Zoo]:
    """The zoos, if they differ in seed and agree in models and domains; else StudyError."""
    first = zoos[0]
    for k, zoo in enumerate(zoos[1:], 1):
        if zoo.seed in [other.seed for other in zoos[:k]]:
            raise StudyError(f"{zoo.folder} has seed {zoo.seed}, as another of the zoos has; seeds must differ")
        odd = set(zoo.models) ^ set(first.models) | set(domains_of(zoo)) ^ set(domains_of(first))
        if odd:
            raise StudyError(f"only one of {first.folder} and {zoo.folder} has {', '.join(sorted(odd))}; "
                             "zoos of several seeds must have the same models and domains")
    return zoos


def domains_of(zoo: Zoo) -> list[str]:
    """The domains of a zoo: the manifest's, or those of its experts."""
    return list(zoo.manifest.domains) or list(zoo.experts)


def out_folder(chosen: argparse.Namespace, zoos: list[Zoo], study: str) -> Path:
    """`--out`, or results/ZOO/STUDY: ZOO is the built-in name or, of a path, the zoo's (of several, the folder's)."""
    if chosen.out:
        return chosen.out
    if chosen.zoo in BUILT + RELEASED and not Path(chosen.zoo).is_dir():
        return Path("results") / chosen.zoo / study
    return Path("results") / (Path(chosen.zoo).resolve().name if chosen.seeds else zoos[0].name) / study


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """`whole_folder`. Raises StudyError where `out` is something else than an earlier run's results, which it replaces.
    """
    if not may_replace(out, FINDINGS):
        raise StudyError(f"{out} exists and holds no {FINDINGS}: it is not a study's results; choose another --out")
    with whole_folder(out) as aside:
        yield aside


def may_replace(out: Path, mark: str) -> bool:
    """Is there nothing, an empty folder, or what an earlier run made, which holds the file `mark`?"""
    return not out.exists() or (out.is_dir() and ((out / mark).is_file() or not any(out.iterdir())))


def main(study: str, about: str, run: Callable[..., object], summary: Callable[[Path], list[str]],
         argv: list[str] | None = None, flags: dict[str, str] | None = None) -> int:
    """A study's command line: `run(zoos, out, quick)` writes `out`, `summary(out)` is printed. Returns the status.

    flags: name -> help of the study's own; `run` gets them by name. How `out` was made is written into it.
    """
    chosen, started = arguments(study, about, argv, flags), time.perf_counter()
    try:
        zoos = opened(chosen)
        out = out_folder(chosen, zoos, study)
        ready(out)
        with on_ray(chosen.ray) if chosen.ray else nullcontext():
            run(zoos, out, chosen.quick, **{flag: getattr(chosen, flag) for flag in flags or {}})
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    command = ["python", f"studies/{study}.py", *(sys.argv[1:] if argv is None else argv)]
    write_made(out, zoos, chosen.quick, command, time.perf_counter() - started)
    print("\n".join(summary(out)))
    return 0
