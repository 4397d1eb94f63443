"""build_zoo: five experts and one mixed model from one anchor, each in a process of its own, and the manifest.

The runs are independent, so as many go side by side as the machine has cores, one thread each (which also makes every
run repeatable). A build that was killed goes on where its runs' last checkpoints are; the manifest is written last, so
a folder with a `zoo.json` is a whole zoo. `python -m training --preset organism --out DIR --seed 0`.

Runs that need several GPUs are launched one by one (`training.run`), and then found here: a run that is over is not
trained again, and `--collect` trains none.
"""

from __future__ import annotations

import filecmp
import json
import math
import shutil
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from training.checkpoints import Checkpoint
from training.domains import DOMAINS, get_domain
from training.domains.sandbox import SandboxUnavailable, protection
from training.durable import ready, whole_folder
from training.manifest import HUB, MANIFEST, Manifest
from training.mixture import normalized
from training.organism.anchor import ANCHOR
from training.organism.corpus import Corpus
from training.presets import Preset, get_preset
from training.rlvr import COST, Run, check_references, train_run
from training.settled import other, other_preset
from training.workers import CORES, worker_pool
from training.zoo import Zoo

CONTROLS = ("twin", "shuffled", "steps")
LIBRARIES = ("torch", "transformers", "trl")


def build_zoo(preset: str | Preset = "organism", out: str | Path = "runs/organism/seed0", seed: int = 0,
              domains: list[str] | None = None, steps: int | None = None, mixture: dict[str, float] | None = None,
              controls: tuple[str, ...] = (), resume: bool = True, progress: bool = True,
              anchor: str | Path | None = None, collect_only: bool = False) -> Zoo:
    """Train a zoo in `out` and return it; one that is there whole is returned as it is.

    Args: `preset`, a name, or one with settings of your own; `domains`, of the experts and the mixed run (default all
    five; one of your own is a module, `training.domains.own`); `steps`, of each expert (default the preset's);
    `mixture`, {domain: weight} of the mixed run (default equal); `controls`, any of "twin" (the first domain's expert
    again, with another seed), "shuffled" (that expert on permuted rewards) and "steps" (that expert on the same
    prompts, in as many optimizer steps as the mixed run takes, of fewer prompts each); `resume=False` starts over;
    `anchor`, folder or hub id of the model that all start from (default `anchor_of` the preset): tasks share as much as
    those that it learned from did; `collect_only`, raise ValueError rather than train a run that is not over.
    """
    folder, chosen = Path(out), runnable(list(DOMAINS if domains is None else domains))
    runs = planned(preset, seed, chosen, steps, mixture, controls, anchor)
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    zoo = Zoo.load(folder) if (folder / MANIFEST).is_file() else None
    if zoo is not None:
        _check_same(zoo, runs)
        runs = [run for run in runs if run.name not in zoo.runs]
        if not runs:
            return zoo
    costs = {run.name: cost for run in runs if (cost := finished(run, folder / "runs" / run.name))}
    left = [run for run in runs if run.name not in costs]
    if left and collect_only:
        raise ValueError(f"not over in {folder}: {', '.join(run.name for run in left)}; train each with python -m "
                         "training.run, or accelerate launch -m training.run")
    if left:
        check_anchor(left[0])
        check_references(chosen, factors=left[0].factors)
        ready(folder / MANIFEST, disk_needed(left))
        costs |= train_all(left, folder / "runs", progress)
    return collect(runs, costs, zoo or _new(runs[0], folder, seed, chosen))


def planned(preset: str | Preset, seed: int, domains: list[str], steps: int | None, mixture: dict[str, float] | None,
            controls: tuple[str, ...], anchor: str | Path | None) -> list[Run]:
    """The runs of the zoo that `build_zoo` is asked for, the longest first."""
    settings = get_preset(preset) if isinstance(preset, str) else preset
    runs = plan(settings, domains, seed, settings.steps if steps is None else steps,
                dict.fromkeys(domains, 1.0) if mixture is None else mixture, tuple(controls))
    start = str(anchor or anchor_of(settings))
    factors = factors_of(start)
    return [replace(run, anchor=start, factors=factors) for run in runs]


def anchor_of(preset: Preset) -> str:
    """What a preset's runs start from: its anchor, else what its SFT makes, else the organism's."""
    return preset.anchor or (f"runs/{preset.name}/anchor" if preset.sft else str(ANCHOR))


def check_anchor(run: Run) -> None:
    """ValueError where a preset's SFT has still to make the anchor."""
    if run.preset.sft and run.anchor == f"runs/{run.preset.name}/anchor" and not Path(run.anchor).is_dir():
        raise ValueError(f"there is no {run.anchor} yet: make it by python -m training.sft --preset {run.preset.name}, "
                         "or choose another model (--anchor)")


def factors_of(anchor: str | Path) -> dict:
    """What the domains of an anchor's corpus share, as `get_domain` takes it; {} where it is the default."""
    corpus = Corpus.of(anchor)
    return {} if corpus is None or corpus.sharing == Corpus.sharing else {"sharing": corpus.sharing}


def finished(run: Run, folder: Path) -> dict | None:
    """The cost of a run that is over in its folder; None where it is not, ValueError where another one is."""
    if not (folder / COST).is_file():
        return None
    if odd := other(run, folder / "settings.json"):
        raise ValueError(f"{folder} holds a run with another {odd}; choose another folder, or start over (--restart)")
    return json.loads((folder / COST).read_text())


def _check_same(zoo: Zoo, runs: list[Run]) -> None:
    """ValueError when a run of the zoo is not what is asked for: a zoo is never silently another one."""
    for what, same in (("another anchor", _same_weights(zoo.anchor, runs[0].anchor)),
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
        settings = zoo.folder / "runs" / run.name / "settings.json"
        if run.name in zoo.runs and settings.is_file() and (odd := other_preset(run.preset, settings)):
            raise ValueError(f"{zoo.folder} holds {run.name!r} with another {odd}; choose another folder, or "
                             "resume=False (--restart) to train it anew")


def _same_weights(one: str, another: str) -> bool:
    """Are two anchors the same: the same hub id, or folders with the same weights?"""
    folders = [Path(one), Path(another)]
    if not all(folder.is_dir() for folder in folders):
        return one == another
    names = [sorted(file.name for file in folder.glob("*.safetensors")) for folder in folders]
    return names[0] == names[1] and all(filecmp.cmp(folders[0] / name, folders[1] / name, shallow=False)
                                        for name in names[0])


def runnable(domains: list[str]) -> list[str]:
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
        while pending:
            done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            bar.update(sum(_steps_done(folder / run.name / "log.csv") for run in runs) - bar.n)
    return {name: future.result() for future, name in futures.items()}


def _steps_done(log: Path) -> int:
    """How many steps a run has logged."""
    if not log.exists():
        return 0
    lines = log.read_text().splitlines()
    return int(lines[-1].partition(",")[0]) + 1 if len(lines) > 1 and lines[-1][:1].isdigit() else 0


def _new(run: Run, folder: Path, seed: int, domains: list[str]) -> Zoo:
    """A zoo of an anchor alone: that of a run."""
    anchor = f"{HUB}{run.anchor}"
    if Path(run.anchor).is_dir():
        anchor = "models/anchor"
        place(Path(run.anchor), folder / anchor)
    return Zoo(folder, Manifest(f"{run.preset.name}/{folder.name}", run.preset.name, seed, anchor, domains=domains,
                                versions={name: version(name) for name in LIBRARIES}, factors=run.factors))


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


def disk_needed(runs: list[Run]) -> int:
    """Bytes of these runs: each state that is kept in bf16, here and in the zoo, and two checkpoints, one being written
    while the other is there, in fp32 with both moments of Adam."""
    anchor = Checkpoint(runs[0].anchor)
    entries = sum(math.prod(anchor.shape(name)) for name in anchor.names)
    return sum(entries * (2 * 2 * (1 + len(run.keep)) + 2 * 12) for run in runs)


def place(source: Path, target: Path) -> None:
    """Copy a model folder, whole or not at all."""
    with whole_folder(target) as aside:
        shutil.copytree(source, aside, dirs_exist_ok=True)
