"""RLVR: GRPO from the anchor on one domain (an expert) or on several (the mixed model), with TRL's GRPOTrainer.

The algorithm is the paper's (arXiv 2602.12566, and its official scripts): GRPO, clip-higher (0.2 / 0.28), no KL term,
advantages normalised by the group's standard deviation, loss averaged over the tokens of a sample and then over
samples, a constant rate, Adam (0.9, 0.98), weight decay 0.1, temperature 1, one optimizer step for each batch of
rollouts, groups of equal rewards kept (and reported). Departures:

1. Batches are stratified by domain (`training.mixture`); the release shuffles concatenated data.
2. No truncated importance sampling: sampler and trainer are the same torch model, so the ratio is 1.
3. Small sizes and a larger rate (`training.presets`); weights and optimizer in fp32, models stored in bf16.
4. TRL divides by (std + 1e-4) where the release divides by (std + 1e-6), and gradients are clipped to norm 1.
5. Log-probabilities are computed without most of the padding (`training.unpadded`), which changes rounding only.
6. An agent's turns are all trained on, and what the workplace answered is masked out of the loss.

One run: `train_run(Run(...), folder)`; a zoo of them: `python -m training --preset organism --out DIR --seed 0`.
Each step appends a row per domain to `folder/log.csv`: what the mixture was, reward, accuracy, length, equal groups.
"""

from __future__ import annotations

import csv
import json
import os
import random
import time
import warnings
from collections import defaultdict
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path

from training.checkpoints import Checkpoint
from training.domains import Task, Verdict, get_domain
from training.mixture import normalized, step_tasks
from training.presets import Preset
from training.rollouts import Rollout, load, rollout

LOG_FIELDS = ("step", "domain", "prompts", "rollouts", "reward", "accuracy", "formatted", "tokens", "turns",
              "equal_groups", "seconds")


@dataclass(frozen=True)
class Run:
    """One GRPO run."""

    name: str
    anchor: str
    """Folder or hub id of the model it starts from."""
    mixture: dict
    """Domain -> weight."""
    steps: int
    seed: int
    preset: Preset
    shuffled: bool = False
    """Rewards permuted within each batch: the null of learning nothing from them."""
    keep: tuple[tuple[int, str], ...] = ()
    """(step, folder name) of earlier states to save beside the final one."""
    teachers: dict = field(default_factory=dict)
    """Teacher's id -> model or server, of a distillation (`training.distill`)."""
    routing: dict = field(default_factory=dict)
    """Domain -> id of the teacher that its rows learn from; a run without is GRPO."""
    factors: dict = field(default_factory=dict)
    """What the domains share (`training.domains.compact.Factors`), where not the default."""


def verify(tasks: list[Task], completions: list[str]) -> list[Verdict]:
    """The verdicts on completions of tasks of any domains, in order."""
    verdicts: dict[int, Verdict] = {}
    for name in dict.fromkeys(task.domain for task in tasks):
        chosen = [i for i, task in enumerate(tasks) if task.domain == name]
        judged = get_domain(name).verify_many([tasks[i] for i in chosen], [completions[i] for i in chosen])
        verdicts |= dict(zip(chosen, judged, strict=True))
    return [verdicts[i] for i in range(len(tasks))]


def check_references(domains: list[str], n: int = 20, factors: dict | None = None) -> None:
    """Raise unless every domain's own reference answers score 1.0: no run can learn from a broken verifier."""
    for name in domains:
        domain = get_domain(name, **factors or {})
        tasks = domain.tasks("train", n, seed=0)
        verdicts = verify(tasks, [f"<think></think>{domain.reference(task)}" for task in tasks])
        for task, verdict in zip(tasks, verdicts, strict=True):
            if verdict.reward != 1.0:
                raise ValueError(f"the reference answer of {task.id} scores {verdict.reward}: {verdict.reason}")


class Rewarder:
    """The trainer's two hooks, rollouts and rewards, and the log of what they saw."""

    def __init__(self, run: Run, folder: Path):
        self.run, self.log = run, folder / "log.csv"
        self.tasks: dict[str, Task] = {}
        self.started = time.perf_counter()

    def rows(self) -> list[dict]:
        """The training set in order: row i is prompt i of the run. The prompt column holds the task's key."""
        for step in range(self.run.steps):
            for task in step_tasks(self.run.mixture, self.run.seed, step, self.run.preset.prompts, self.run.factors):
                self.tasks[f"{step}/{task.id}"] = task
        routing = self.run.routing
        return [{"prompt": key} | ({"teacher_id": routing[task.domain]} if routing else {})
                for key, task in self.tasks.items()]

    def rollouts(self, keys: list[str], trainer) -> dict:
        """TRL's rollout function: token ids, the mask of the model's own, and the transcripts."""
        model, preset = trainer.accelerator.unwrap_model(trainer.model), self.run.preset
        done = rollout(model, trainer.processing_class, [self.tasks[key] for key in keys], preset.max_new_tokens,
                       preset.temperature)
        return {"prompt_ids": [r.prompt_ids for r in done], "completion_ids": [r.completion_ids for r in done],
                "env_mask": [r.own for r in done], "logprobs": None, "rollout": done}

    def rewards(self, prompts: list[str], rollout: list[Rollout], trainer_state, **_) -> list[float]:
        """TRL's reward function: what the verifiers say of the transcripts (permuted, for the shuffled control)."""
        verdicts = verify([self.tasks[key] for key in prompts], [r.text for r in rollout])
        self.write(trainer_state.global_step, prompts, rollout, verdicts)
        rewards = [verdict.reward for verdict in verdicts]
        if self.run.shuffled:
            random.Random(f"shuffled/{self.run.seed}/{trainer_state.global_step}").shuffle(rewards)
        return rewards

    def write(self, step: int, keys: list[str], rollouts: list[Rollout], verdicts: list[Verdict]) -> None:
        """Append the step's rows, one a domain, to the log (`seconds`: since the step before was logged)."""
        by_domain = defaultdict(list)
        for key, done, verdict in zip(keys, rollouts, verdicts, strict=True):
            by_domain[self.tasks[key].domain].append((key, done, verdict))
        seconds, self.started = time.perf_counter() - self.started, time.perf_counter()
        with self.log.open("a", newline="") as file:
            writer = csv.writer(file)
            for name, seen in by_domain.items():
                writer.writerow([step, name, *_summary(seen), round(seconds, 3)])


def _summary(seen: list[tuple[str, Rollout, Verdict]]) -> list:
    """prompts, rollouts, reward, accuracy, formatted, tokens, turns, equal_groups of one domain in one step."""
    groups = defaultdict(set)
    for key, _, verdict in seen:
        groups[key].add(verdict.reward)
    n = len(seen)
    means = [sum(values) / n for values in zip(*(
        (v.reward, v.correct, v.formatted, r.n_tokens, r.n_turns) for _, r, v in seen), strict=True)]
    return [len(groups), n, *(round(mean, 4) for mean in means), sum(len(rewards) == 1 for rewards in groups.values())]


def _truncate_log(log: Path, steps: int, fields: tuple[str, ...]) -> None:
    """Keep the rows of the first `steps` steps: those after the last checkpoint will be written again."""
    rows = list(csv.reader(log.open(newline=""))) if log.exists() else []
    kept = [row for row in rows[1:] if int(row[0]) < steps]
    aside = log.with_suffix(".partial")
    with aside.open("w", newline="") as file:
        csv.writer(file).writerows([fields, *kept])
    os.replace(aside, log)


def train_run(run: Run, folder: Path, resume: bool = True) -> dict:
    """Train (or go on training) one run in `folder`; returns its cost (tokens, optimizer_steps, seconds, ...).

    The model is left in `folder/final` (bf16, with tokenizer), earlier states asked for by `run.keep` beside it.
    Raises ValueError when `folder` holds a run with other settings.
    """
    import pandas as pd
    import torch
    from transformers.trainer_utils import get_last_checkpoint

    from training.distill import FIELDS, LOG, check_routes

    if run.routing:
        check_routes(list(run.mixture), run.teachers, run.routing)
    warnings.filterwarnings("ignore", message=".*rollout_func.*")
    folder.mkdir(parents=True, exist_ok=True)
    _settle(run, folder / "settings.json", resume)
    last = get_last_checkpoint(str(folder)) if resume else None
    rewarder = Rewarder(run, folder)
    trainer = _trainer(run, rewarder, folder)
    done = int(last.rpartition("-")[2]) if last else 0
    _truncate_log(rewarder.log, done, LOG_FIELDS)
    if run.routing:
        _truncate_log(folder / LOG, done, FIELDS)
    trainer.train(resume_from_checkpoint=last)
    save_model(trainer.model, trainer.processing_class, folder / "final", torch.bfloat16)
    log = pd.read_csv(rewarder.log)
    return {"optimizer_steps": trainer.state.global_step, "tokens": int((log.tokens * log.rollouts).sum()),
            "rollouts": int(log.rollouts.sum()), "seconds": round(float(log.groupby("step").seconds.max().sum()), 1),
            "mixture": normalized(run.mixture), "seed": run.seed, "shuffled": run.shuffled,
            "changed": round(changed_fraction(run.anchor, folder / "final"), 4)}


def _settle(run: Run, file: Path, resume: bool) -> None:
    """Write the run's settings; when going on, ValueError unless they are those that stand there.

    A setting that did not exist when the run began had its default then.
    """
    asked = json.loads(json.dumps(asdict(run)))
    if resume and file.exists():
        unset = {item.name: item.default_factory() for item in fields(Run) if item.default_factory is not MISSING}
        held = unset | json.loads(file.read_text())
        odd = [name for name in asked if asked[name] != held.get(name)]
        if odd:
            raise ValueError(f"{file.parent} holds a run with another {odd[0]} ({held.get(odd[0])}, asked for is "
                             f"{asked[odd[0]]}); choose another folder, or start over (resume=False, --restart)")
    aside = file.with_suffix(".partial")
    aside.write_text(json.dumps(asked, indent=2) + "\n")
    os.replace(aside, file)


def changed_fraction(anchor: str, model: Path, eta: float = 1e-3) -> float:
    """Share of stored weights w with |w - w0| > eta max(|w|, |w0|), w0 the anchor's (in bf16: that differ at all)."""
    before, after = Checkpoint(anchor), Checkpoint(model)
    changed = total = 0
    for name in after.names:
        old, new = before.tensor(name).float(), after.tensor(name).float()
        changed += int(((new - old).abs() > eta * new.abs().maximum(old.abs())).sum())
        total += new.numel()
    return changed / total


def save_model(model, tokenizer, folder: Path, dtype) -> None:
    """A copy of a model in `dtype`, with its tokenizer, whole or not at all."""
    import copy
    import shutil

    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    copy.deepcopy(model).to(dtype).save_pretrained(aside)
    tokenizer.save_pretrained(aside)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(aside, folder)


def _trainer(run: Run, rewarder: Rewarder, folder: Path):
    """The trainer of a run, with the paper's settings."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOConfig

    from training.distill import LOG, DistillTrainer
    from training.unpadded import UnpaddedGRPOTrainer

    preset, batch = run.preset, run.preset.prompts * run.preset.generations
    config = GRPOConfig(
        output_dir=str(folder), seed=run.seed, max_steps=run.steps, per_device_train_batch_size=batch,
        gradient_accumulation_steps=1, num_generations=preset.generations, max_completion_length=preset.max_new_tokens,
        temperature=preset.temperature, learning_rate=preset.learning_rate, lr_scheduler_type="constant",
        adam_beta1=0.9, adam_beta2=0.98, weight_decay=0.1, max_grad_norm=1.0, beta=0.0, epsilon=0.2, epsilon_high=0.28,
        loss_type="grpo", scale_rewards="group", shuffle_dataset=False, save_steps=5, save_total_limit=1, bf16=False,
        activation_checkpointing=False, report_to=[], logging_strategy="no", disable_tqdm=True,
        use_cpu=not torch.cuda.is_available())
    model, tokenizer = load(run.anchor, dtype=torch.float32)

    class KeepStates(TrainerCallback):
        """Saves the states that the run was asked to keep."""

        def on_step_end(self, args, state, control, **_):
            for step, name in run.keep:
                if state.global_step == step:
                    save_model(trainer.model, tokenizer, folder / name, torch.bfloat16)

    parts = {"args": config, "train_dataset": Dataset.from_list(rewarder.rows()), "processing_class": tokenizer,
             "rollout_func": rewarder.rollouts, "callbacks": [KeepStates()]}
    if run.routing:
        trainer = DistillTrainer(model, rewarder.rewards, **parts, teachers=run.teachers, student=run.anchor,
                                 log=folder / LOG)
    else:
        trainer = UnpaddedGRPOTrainer(model, rewarder.rewards, **parts)
    trainer.remove_callback(PrinterCallback)  # a run's log is log.csv
    return trainer
