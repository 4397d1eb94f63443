"""build_zoo: five experts and one mixed model from one anchor, each in a process of its own, and the manifest.

The runs are independent, so as many go side by side as the machine has cores, one thread each (which also makes every
run repeatable). A build that was killed goes on where its runs' last checkpoints are; the manifest is written last, so
a folder with a `zoo.json` is a whole zoo. `python -m training --preset organism --out DIR --seed 0`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from training.domains import DOMAINS, get_domain
from training.domains.sandbox import SandboxUnavailable, protection
from training.manifest import MANIFEST, Manifest
from training.mixture import normalized
from training.organism.anchor import ANCHOR
from training.organism.corpus import Corpus
from training.presets import Preset, get_preset
from training.rlvr import Run, check_references, train_run
from training.shards import SINGLE
from training.workers import CORES, worker_pool
from training.zoo import Zoo

CONTROLS = ("twin", "shuffled", "steps")
LIBRARIES = ("torch", "transformers", "trl")


def build_zoo(preset: str = "organism", out: str | Path = "runs/organism/seed0", seed: int = 0,
              domains: list[str] | None = None, steps: int | None = None, mixture: dict[str, float] | None = None,
              controls: tuple[str, ...] = (), resume: bool = True, progress: bool = True,
              anchor: str | Path = ANCHOR) -> Zoo:
    """Train a zoo in `out` and return it; one that is there whole is returned as it is.

    Args: `domains`, of the experts and the mixed run (default all five); `steps`, of each expert (default the
    preset's); `mixture`, {domain: weight} of the mixed run (default equal); `controls`, any of "twin" (the first
    domain's expert again, with another seed), "shuffled" (that expert on permuted rewards) and "steps" (that expert on
    the same prompts, in as many optimizer steps as the mixed run takes, of fewer prompts each); `resume=False` starts
    over; `anchor`, the folder of the model that all start from: tasks share as much as those that it learned from did.
    """
    settings, folder = get_preset(preset), Path(out)
    chosen = _runnable(list(DOMAINS if domains is None else domains))
    runs = plan(settings, chosen, seed, settings.steps if steps is None else steps,
                dict.fromkeys(chosen, 1.0) if mixture is None else mixture, tuple(controls))
    factors = factors_of(anchor)
    runs = [replace(run, anchor=str(anchor), factors=factors) for run in runs]
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    zoo = Zoo.load(folder) if (folder / MANIFEST).is_file() else None
    if zoo is not None:
        _check_same(zoo, runs)
        runs = [run for run in runs if run.name not in zoo.runs]
        if not runs:
            return zoo
    check_references(chosen, factors=factors)
    costs = train_all(runs, folder / "runs", progress)
    return collect(runs, costs, zoo or _new(runs[0], folder, preset, seed, chosen))


def _new(run: Run, folder: Path, preset: str, seed: int, domains: list[str]) -> Zoo:
    """A zoo of an anchor alone."""
    place(Path(run.anchor), folder / "models/anchor")
    return Zoo(folder, Manifest(f"{preset}/{folder.name}", preset, seed, "models/anchor", domains=domains,
                                versions={name: version(name) for name in LIBRARIES}, factors=run.factors))


def factors_of(anchor: str | Path) -> dict:
    """What the domains of an anchor's corpus share, as `get_domain` takes it; {} where it is the default."""
    corpus = Corpus.of(anchor)
    return {} if corpus is None or corpus.sharing == Corpus.sharing else {"sharing": corpus.sharing}


def _check_same(zoo: Zoo, runs: list[Run]) -> None:
    """ValueError when a run of the zoo is not what is asked for: a zoo is never silently another one."""
    weights = [Path(folder) / SINGLE for folder in (zoo.anchor, runs[0].anchor)]
    for what, same in (("another anchor", weights[0].read_bytes() == weights[1].read_bytes()),
                       (f"factors {zoo.manifest.factors}", zoo.manifest.factors == runs[0].factors)):
        if not same:
            raise ValueError(f"{zoo.folder} was built with {what}; choose another folder, or resume=False (--restart)")
    for run in runs:
        wanted = {"optimizer_steps": run.steps, "mixture": normalized(run.mixture), "seed": run.seed}
        for key, value in wanted.items():
            held = zoo.runs.get(run.name, wanted)[key]
            if held != value:
                raise ValueError(f"{zoo.folder} holds {run.name!r} with {key} {held}, asked for is {value}; choose "
                                 "another folder, or resume=False (--restart) to train it anew")


def _runnable(domains: list[str]) -> list[str]:
    """The domains, without coding (and with a notice) where nothing protects the machine from the programs it runs."""
    if "coding" not in domains:
        return domains
    try:
        print(f"untrusted programs run behind: {protection()}", file=sys.stderr)
    except SandboxUnavailable as error:
        print(f"the coding domain is left out: {error}", file=sys.stderr)
        return [name for name in domains if name != "coding"]
    return domains


def plan(preset: Preset, domains: list[str], seed: int, steps: int, mixture: dict[str, float],
         controls: tuple[str, ...]) -> list[Run]:
    """The runs of a zoo, the longest first."""
    if not domains:
        raise ValueError(f"no domains to train on; choose at least one of {', '.join(DOMAINS)}")
    for name in domains:
        get_domain(name)
    outside = [name for name in normalized(mixture) if name not in domains]
    if outside:
        raise ValueError(f"the mixture asks for {outside[0]!r}; the zoo's domains are {', '.join(domains)}")
    for name in controls:
        if name not in CONTROLS:
            raise ValueError(f"unknown control {name!r}; choose among {', '.join(CONTROLS)}")
    if steps < 1:
        raise ValueError(f"steps is {steps!r}; an expert needs at least 1")
    total = steps * len(domains)
    part = max(1, round(preset.paper_fraction * total))
    anchor = str(ANCHOR)
    mixed = Run("mixed", anchor, normalized(mixture), total, seed, preset, keep=((part, "paper"),))
    runs = [mixed] if len(domains) > 1 else []
    runs += [Run(f"expert-{name}", anchor, {name: 1.0}, steps, seed, preset) for name in domains]
    first = {domains[0]: 1.0}
    if "twin" in controls:
        runs.append(Run(f"twin-{domains[0]}", anchor, first, steps, seed + 1000, preset))
    if "shuffled" in controls:
        runs.append(Run(f"shuffled-{domains[0]}", anchor, first, steps, seed, preset, shuffled=True))
    if "steps" in controls:
        if len(domains) < 2:
            raise ValueError("the control 'steps' takes as many steps as the mixed run, and one domain has none")
        fewer = replace(preset, prompts=max(1, round(preset.prompts / len(domains))))
        runs.append(Run(f"steps-{domains[0]}", anchor, first, total, seed, fewer))
    return runs


def train_all(runs: list[Run], folder: Path, progress: bool) -> dict[str, dict]:
    """Train the runs side by side; {name: cost}. One bar counts the steps of all."""
    from tqdm.auto import tqdm

    total = sum(run.steps for run in runs)
    with worker_pool(len(runs)) as pool, \
            tqdm(total=total, desc=f"GRPO, {len(runs)} runs", unit="step", disable=not progress) as bar:
        futures = {pool.submit(train_run, run, folder / run.name): run.name for run in runs}
        pending: set[Future] = set(futures)
        try:
            while pending:
                done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                bar.update(sum(_steps_done(folder / run.name / "log.csv") for run in runs) - bar.n)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: future.result() for future, name in futures.items()}


def _steps_done(log: Path) -> int:
    """How many steps a run has logged."""
    if not log.exists():
        return 0
    lines = log.read_text().splitlines()
    return int(lines[-1].partition(",")[0]) + 1 if len(lines) > 1 and lines[-1][:1].isdigit() else 0


def collect(runs: list[Run], costs: dict[str, dict], zoo: Zoo) -> Zoo:
    """Move trained models into the zoo's `models` and write its manifest, last."""
    folder, manifest = zoo.folder, zoo.manifest
    for run in runs:
        path = f"models/{run.name}"
        place(folder / "runs" / run.name / "final", folder / path)
        shutil.copy(folder / "runs" / run.name / "log.csv", folder / path / "log.csv")
        if run.name.startswith("expert-"):
            manifest.experts[run.name.removeprefix("expert-")] = path
        elif run.name == "mixed":
            manifest.mixed = path
            for step, name in run.keep:
                place(folder / "runs" / run.name / name, folder / f"models/mixed-{name}")
                manifest.mixed_paper = f"models/mixed-{name}"
                manifest.runs[f"mixed-{name}"] = {"optimizer_steps": step, "part_of": "mixed"}
        else:
            manifest.controls[run.name] = path
        manifest.runs[run.name] = costs[run.name]
    manifest.runs["zoo"] = {"built": time.strftime("%Y-%m-%d"), "workers": min(len(runs), CORES)}
    zoo.save()
    return zoo


def place(source: Path, target: Path) -> None:
    """Copy a model folder, whole or not at all."""
    aside = target.with_name(f".{target.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(source, aside)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(aside, target)
