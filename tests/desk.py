"""The working directory that the pages' code is run in: a small zoo, and what placeholder names stand for.

The zoo's anchor is the organism's; its other models are that anchor with a little noise on every weight, so that they
solve some tasks and differ. All that its store holds was written by the anchor; under every other model's name the
samples of a task stand in another order, so that no page waits for sampling.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from behaviors import sample
from training import DOMAINS, Zoo, get_domain
from training.build import planned, runnable
from training.manifest import Manifest
from training.mixture import normalized
from training.organism.anchor import ANCHOR

ROOT = Path(__file__).parents[1]
TASKS, STORED = 12, {"math": 4, "coding": 4, "science": 2, "instructions": 2, "agent": 2}
"""Tasks a domain; domain -> samples a task."""
PLACEHOLDERS = {"sft": "anchor", "rl-math": "expert-math", "rl-coding": "expert-coding", "me/rl-code": "expert-coding",
                "rl-mix": "mixed", "Qwen/Qwen3-4B": "anchor"}
"""A name in the pages -> the model of the zoo that lies there."""


def make_zoo(folder: Path) -> Zoo:
    """A zoo that `build_zoo("organism", seed=0)` takes for its own."""
    domains = runnable(list(DOMAINS))
    runs = planned("organism", 0, domains, None, None, (), None)
    shutil.copytree(ANCHOR, folder / "models/anchor")
    for number, name in enumerate(run.name for run in runs):
        _noisy(folder / "models/anchor", folder / "models" / name, number)
    costs = {run.name: {"optimizer_steps": run.steps, "mixture": normalized(run.mixture), "seed": run.seed,
                        "tokens": 1000, "rollouts": 80, "seconds": 60.0, "changed": 0.5} for run in runs}
    manifest = Manifest("organism/seed0", "organism", 0, "models/anchor", domains=domains, mixed="models/mixed",
                        experts={name: f"models/expert-{name}" for name in domains}, runs=costs)
    zoo = Zoo(folder, manifest)
    zoo.save()
    _store(zoo)
    return zoo


def _noisy(anchor: Path, folder: Path, seed: int) -> None:
    """A copy of a model, each weight times 1 + .01 e, e from a normal distribution."""
    shutil.copytree(anchor, folder)
    generator = torch.Generator().manual_seed(seed)
    weights = {name: (weight.float() * (1 + 0.01 * torch.randn(weight.shape, generator=generator))).to(weight.dtype)
               for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _store(zoo: Zoo) -> None:
    """Traces of every model on every domain."""
    names = [name for name in zoo.models if not name.startswith("merged-")]
    for samples in set(STORED.values()):
        domains = [name for name in zoo.manifest.domains if STORED[name] == samples]
        tasks = [task for name in domains for task in get_domain(name).tasks("test", TASKS)]
        traces = sample(zoo.anchor, tasks, n=samples, progress=False)
        for number, name in enumerate(names):
            moved = traces.assign(model=name, sample=(traces["sample"] + number) % samples)
            for domain, rows in moved.sort_values(["task_id", "sample"], key=_place).groupby("domain"):
                file = zoo.folder / "traces" / name / f"{domain}-0.parquet"
                file.parent.mkdir(parents=True, exist_ok=True)
                rows.reset_index(drop=True).to_parquet(file)


def _place(column: pd.Series) -> pd.Series:
    """The number of a task, or of a sample."""
    return column.str.rpartition("-")[2].astype(int) if column.name == "task_id" else column


def lay(folder: Path, zoo: Zoo) -> Path:
    """A working directory with the zoo, the placeholders, the repository's folders, and two files of a user's."""
    for name in ("studies", "training", "paper"):
        (folder / name).symlink_to(ROOT / name)
    places = {name: zoo.folder / "models" / model for name, model in PLACEHOLDERS.items()}
    for name, target in {"runs/organism/seed0": zoo.folder, **places}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    completions = pd.read_parquet(zoo.folder / "traces/anchor/math-0.parquet")["completion"]
    _lines(folder / "traces.jsonl", [{"completion": text} for text in completions.head(10)])
    question = {"prompt": [{"role": "user", "content": "6 times 7?"}], "reward_model": {"ground_truth": "42"}}
    _lines(folder / "mine.jsonl", [question])
    return folder


def _lines(file: Path, rows: list[dict]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
