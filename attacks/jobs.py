"""What `attacks.kills` kills: trainings, merges, sampling, judging, tagging and studies, each small and whole.

A job has two parts: `prepare(shared)` makes what it starts from, once; `work(shared, out)` does it, and is what is
killed and started again. All models are real and tiny.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from studies.all import STUDIES
from tests.planted import save_changed
from tests.tiny import preset, save_model
from training.manifest import Manifest

DOMAINS = ("math", "science")


@dataclass(frozen=True)
class Job:
    """Something that takes long."""

    prepare: Callable[[Path], None]
    work: Callable[[Path, Path], None]


SIZES = {"steps": 4, "save_steps": 1, "distill_steps": 4, "distill_prompts": 4}


def small_zoo(folder: Path, save: Callable[[Path, int], str] = save_model, domains: tuple[str, ...] = DOMAINS) -> None:
    """A zoo of untrained models, or of others: anchor, an expert a domain, a mixed one."""
    from training import Zoo

    names = ("anchor", *(f"expert-{domain}" for domain in domains), "mixed")
    for seed, name in enumerate(names):
        save(folder / "models" / name, seed)
    Zoo(folder, Manifest("small", "organism", 0, "models/anchor", domains=list(domains), mixed="models/mixed",
                         experts={domain: f"models/expert-{domain}" for domain in domains},
                         runs={f"expert-{domain}": {"tokens": 1000, "optimizer_steps": 4, "changed": 0.5, "rollouts": 9}
                               for domain in domains})).save()


def sft(shared: Path, out: Path) -> None:
    """Four steps of SFT, with a checkpoint after each."""
    from training import sft as module
    from training.presets import Sft

    module.SAVE_STEPS = 1
    settings = Sft(str(shared), "corpus", examples=16, epochs=1.0, batch=4, micro_batch=4)
    if not (out / "anchor").exists() or (out / "anchor.work").exists():
        module.train_sft(preset(sft=settings, **SIZES), out / "anchor")


def grpo(shared: Path, out: Path) -> None:
    """Four steps of GRPO on two domains, with a checkpoint after each and a state that is kept."""
    from training.rlvr import Run, train_run

    train_run(Run("mixed", str(shared), dict.fromkeys(DOMAINS, 0.5), 4, 0, preset(**SIZES), keep=((2, "half"),)), out)
    _without_checkpoints(out)


def distilling(shared: Path, out: Path) -> None:
    """Four steps of distillation from two teachers."""
    from training.rlvr import Run, train_run

    models = shared / "models"
    teachers = {domain: str(models / f"expert-{domain}") for domain in DOMAINS}
    train_run(Run("distilled", str(models / "anchor"), dict.fromkeys(DOMAINS, 0.5), 4, 0, preset(**SIZES).distilling(),
                  teachers=teachers, routing={domain: domain for domain in DOMAINS}), out)
    _without_checkpoints(out)


def _without_checkpoints(out: Path) -> None:
    """What a training leaves to go on from is no result, nor is the trainer's card of it."""
    for checkpoint in out.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    (out / "README.md").unlink(missing_ok=True)


def merging(shared: Path, out: Path) -> None:
    """TIES of two experts, resumed; a merge that is there is over."""
    from training import merge

    models = shared / "models"
    experts = {domain: str(models / f"expert-{domain}") for domain in DOMAINS}
    if not (out / "merged").exists():
        merge(str(models / "anchor"), experts, out / "merged", "ties", resume=True, progress=False)


def _store(shared: Path, out: Path):
    """A trace store of its own, over the shared models. It works in this process: workers take long to start."""
    from behaviors import store
    from training import Zoo

    store.run_pieces = lambda work, jobs, *_: [work(*job) for job in jobs]
    zoo = Zoo.load(shared)
    zoo.folder = out
    zoo.manifest.anchor = str(shared / "models/anchor")
    zoo.manifest.experts = {domain: str(shared / f"models/expert-{domain}") for domain in DOMAINS}
    return store.TraceStore(zoo, progress=False)


def sampling(shared: Path, out: Path) -> None:
    """Completions of a model on two domains, through the trace store."""
    _store(shared, out).traces(["expert-math"], list(DOMAINS), n_tasks=3, n=2)


def judging(shared: Path, out: Path) -> None:
    """A model's verdicts on another's completions."""
    store = _store(shared, out)
    traces = store.traces(["anchor"], ["math"], n_tasks=3, n=2)
    store.verdicts({"expert-math": traces}, mode="process")


def texts(shared: Path) -> None:
    """Traces to tag."""
    import pandas as pd

    from training.organism.corpus import Corpus

    rows = ["".join(text for text, _ in Corpus().example(i)) for i in range(300)]
    pd.DataFrame({"completion": rows}).to_json(shared / "traces.jsonl", orient="records", lines=True)


def tagging(shared: Path, out: Path) -> None:
    """Tags and the page to read them."""
    from behaviors.tagger import main

    if main([str(shared / "traces.jsonl"), "--out", str(out / "tags.parquet"), "--html", str(out / "tags.html")]):
        raise SystemExit(2)


def near_anchor(folder: Path, seed: int) -> str:
    """The shipped anchor, its weights moved a little: a model that writes sentences, right and wrong ones."""
    import torch

    from training.organism.anchor import ANCHOR

    drawn = torch.Generator().manual_seed(seed)
    return save_changed(str(ANCHOR), folder, lambda network: [
        weight.mul_(1 + 0.003 * torch.randn(weight.shape, generator=drawn)) for weight in network.parameters()])


def studied(name: str, shared: Path) -> None:
    """A zoo that holds all that the study asks of it."""
    small_zoo(shared, near_anchor if name == "layer_probes" else save_model,
              (*DOMAINS, "instructions") if name == "guided_merging" else DOMAINS)
    first = shared.with_name("first")
    first.mkdir()
    study(name, shared, first)


def study(name: str, shared: Path, out: Path) -> None:
    """A study, from a zoo that was asked everything to its results."""
    from studies.harness import main

    study = import_module(f"studies.{name}")
    os.chdir(out)  # how results were made is among them, with the folder that was given
    if main(name, study.__doc__, study.run, study.summary, ["--zoo", str(shared), "--out", name, "--quick"]):
        raise SystemExit(2)


JOBS = {
    "sft": Job(save_model, sft), "grpo": Job(save_model, grpo), "distillation": Job(small_zoo, distilling),
    "merging": Job(small_zoo, merging), "sampling": Job(small_zoo, sampling), "judging": Job(small_zoo, judging),
    "tagging": Job(texts, tagging), **{name: Job(partial(studied, name), partial(study, name)) for name in STUDIES},
}
