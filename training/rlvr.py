"""RLVR: GRPO from the anchor on one domain (an expert) or on several (the mixed model), with TRL's GRPOTrainer.

The algorithm is the paper's (arXiv 2602.12566, and its official scripts): GRPO, clip-higher, no KL term, advantages
normalised by the group's standard deviation, loss averaged over the tokens of a sample and then over samples, a
constant rate, temperature 1, one optimizer step for each batch of rollouts, groups of equal rewards kept (and
reported); the numbers are those of the preset (`training.presets`). Departures:

1. Batches are stratified by domain (`training.mixture`); the release shuffles concatenated data.
2. Truncated importance sampling only where vLLM writes the rollouts (`training.vllm_rollouts`): with the transformers
   engine sampler and trainer are the same torch model, so the ratio is 1.
3. The organism's sizes are small and its rate is larger; weights and optimizer in fp32, models stored in bf16.
4. TRL divides by (std + 1e-4) where the release divides by (std + 1e-6), and gradients are clipped to norm 1.
5. Log-probabilities are computed without most of the padding (`training.unpadded`), which changes rounding only.
6. An agent's turns are all trained on, and what the workplace answered is masked out of the loss.

One run: `train_run(Run(...), folder)`, in one process or in each that `accelerate launch -m training.run` starts; a zoo
of them: `python -m training --preset organism --out DIR --seed 0`. Each step appends a row per domain to
`folder/log.csv`, of all processes' rollouts: what the mixture was, reward, accuracy, length, equal groups.
"""

from __future__ import annotations

import csv
import json
import random
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from training.checkpointing import last_checkpoint
from training.checkpoints import Checkpoint
from training.domains import Task, Verdict, get_domain
from training.draws import Draws
from training.durable import whole_file, write_text
from training.mixture import normalized
from training.presets import Preset
from training.rollouts import Rollout, rollout
from training.settled import settle

LOG_FIELDS = ("step", "domain", "prompts", "rollouts", "reward", "accuracy", "formatted", "tokens", "turns",
              "equal_groups", "seconds")
COST = "cost.json"
"""In the folder of a run that is over: what it cost."""


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


class Seen(NamedTuple):
    """What the log keeps of a rollout."""

    key: str
    tokens: int
    turns: int
    verdict: Verdict


class Rewarder:
    """The trainer's two hooks, rollouts and rewards, and the log of what they saw."""

    def __init__(self, run: Run, folder: Path):
        self.run, self.log = run, folder / "log.csv"
        self.tasks: dict[str, Task] = {}
        preset = run.preset
        self._draws = Draws(run.seed, preset.prompts * preset.generations, preset.max_new_tokens)
        self.started = time.perf_counter()

    def rows(self) -> list[dict]:
        """The training set in order: row i is prompt i of the run. The prompt column holds the task's key."""
        from training.dealing import steps_of

        for step, tasks in enumerate(steps_of(self.run)):
            self.tasks |= {f"{step}/{k}/{task.id}": task for k, task in enumerate(tasks)}
        routing = self.run.routing
        return [{"prompt": key} | ({"teacher_id": routing[task.domain]} if routing else {})
                for key, task in self.tasks.items()]

    def check_prompts(self, tokenizer) -> None:
        """ValueError for a prompt that is longer than the preset allows."""
        limit = self.run.preset.max_prompt_tokens
        if limit is None:
            return
        from training.data.length import token_counts

        tasks = list({task.id: task for task in self.tasks.values()}.values())
        counts = token_counts(tokenizer, [task.prompt for task in tasks])
        longest = max(range(len(tasks)), key=counts.__getitem__)
        if counts[longest] > limit:
            raise ValueError(f"the prompt of {tasks[longest].id} has {counts[longest]} tokens, max_prompt_tokens is "
                             f"{limit}; prepare the data with that limit (python -m training.data), or raise it")

    def rollouts(self, keys: list[str], trainer) -> dict:
        """TRL's rollout function: token ids, the mask of the model's own, and the transcripts."""
        tasks, preset = [self.tasks[key] for key in keys], self.run.preset
        if preset.engine == "transformers":
            done, logps = self._written_here(tasks, trainer), None
        else:
            from training.vllm_rollouts import vllm_rollouts

            done, logps = vllm_rollouts(trainer, tasks, preset.max_new_tokens)
        return {"prompt_ids": [r.prompt_ids for r in done], "completion_ids": [r.completion_ids for r in done],
                "env_mask": [r.own for r in done], "logprobs": logps, "rollout": done}

    def _written_here(self, tasks: list[Task], trainer) -> list[Rollout]:
        """Rollouts that the trained model writes, of this process's rows of the step."""
        first, preset = trainer.accelerator.process_index * len(tasks), self.run.preset
        draws = self._draws.of(trainer.state.global_step)[first:first + len(tasks)]
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.eval()  # in training, checkpointed layers keep no cache
        with trainer.accelerator.autocast():
            done = rollout(model, trainer.processing_class, tasks, preset.max_new_tokens, preset.temperature, draws)
        model.train()
        return done

    def rewards(self, prompts: list[str], rollout: list[Rollout], trainer_state, **_) -> list[float]:
        """TRL's reward function: what the verifiers say of the transcripts (permuted, for the shuffled control)."""
        from accelerate import PartialState
        from accelerate.utils import gather_object

        verdicts = verify([self.tasks[key] for key in prompts], [r.text for r in rollout])
        seen = gather_object([Seen(key, r.n_tokens, r.n_turns, verdict)
                              for key, r, verdict in zip(prompts, rollout, verdicts, strict=True)])
        if PartialState().is_main_process:
            self.write(trainer_state.global_step, seen)
        rewards = [one.verdict.reward for one in seen]
        if self.run.shuffled:
            random.Random(f"shuffled/{self.run.seed}/{trainer_state.global_step}").shuffle(rewards)
        first = PartialState().process_index * len(prompts)
        return rewards[first:first + len(prompts)]

    def write(self, step: int, seen: list[Seen]) -> None:
        """Append the step's rows, one a domain, to the log (`seconds`: since the step before was logged)."""
        by_domain = defaultdict(list)
        for one in seen:
            by_domain[self.tasks[one.key].domain].append(one)
        seconds, self.started = time.perf_counter() - self.started, time.perf_counter()
        with self.log.open("a", newline="") as file:
            writer = csv.writer(file)
            for name, some in by_domain.items():
                writer.writerow([step, name, *_summary(some), round(seconds, 3)])


def _summary(seen: list[Seen]) -> list:
    """prompts, rollouts, reward, accuracy, formatted, tokens, turns, equal_groups of one domain in one step."""
    groups = defaultdict(set)
    for one in seen:
        groups[one.key].add(one.verdict.reward)
    n = len(seen)
    means = [sum(values) / n for values in zip(*(
        (v.reward, v.correct, v.formatted, tokens, turns) for _, tokens, turns, v in seen), strict=True)]
    return [len(groups), n, *(round(mean, 4) for mean in means), sum(len(rewards) == 1 for rewards in groups.values())]


def _truncate_log(log: Path, steps: int, fields: tuple[str, ...]) -> None:
    """Keep the rows of the first `steps` steps: those after the last checkpoint will be written again."""
    rows = list(csv.reader(log.open(newline=""))) if log.exists() else []
    kept = [row for row in rows[1:] if len(row) == len(fields) and int(row[0]) < steps]  # a kill may cut the last
    with whole_file(log) as aside, aside.open("w", newline="") as file:
        csv.writer(file).writerows([fields, *kept])


def train_run(run: Run, folder: Path, resume: bool = True) -> dict:
    """Train (or go on training) one run in `folder`; returns its cost (tokens, optimizer_steps, seconds, ...).

    The model is left in `folder/final` (bf16, with tokenizer), earlier states asked for by `run.keep` beside it, and
    the cost, last, in `folder/cost.json`. Under `accelerate launch` every process calls this.
    Raises ValueError when `folder` holds a run with other settings, and for a preset that does not fit the launch.
    """
    from training.distill import FIELDS, LOG, check_routes
    from training.trainer import is_main, make_trainer, save_model

    if run.routing:
        check_routes(list(run.mixture), run.teachers, run.routing)
    warnings.filterwarnings("ignore", message=".*rollout_func.*")
    folder.mkdir(parents=True, exist_ok=True)
    main = is_main()
    if main:
        settle(run, folder / "settings.json", resume)
    last = last_checkpoint(folder) if resume else None
    rewarder = Rewarder(run, folder)
    trainer = make_trainer(run, rewarder, folder)
    done = int(last.rpartition("-")[2]) if last else 0
    if main:
        _truncate_log(rewarder.log, done, LOG_FIELDS)
        if run.routing:
            _truncate_log(folder / LOG, done, FIELDS)
    trainer.accelerator.wait_for_everyone()
    trainer.train(resume_from_checkpoint=last)
    save_model(trainer, folder / "final")
    if main:
        _write_cost(run, folder)
    trainer.accelerator.wait_for_everyone()
    return json.loads((folder / COST).read_text())


def _write_cost(run: Run, folder: Path) -> None:
    import pandas as pd

    log = pd.read_csv(folder / "log.csv")
    cost = {"optimizer_steps": run.steps, "tokens": int((log.tokens * log.rollouts).sum()),
            "rollouts": int(log.rollouts.sum()), "seconds": round(float(log.groupby("step").seconds.max().sum()), 1),
            "mixture": normalized(run.mixture), "seed": run.seed, "shuffled": run.shuffled,
            "changed": round(changed_fraction(run.anchor, folder / "final"), 4)}
    write_text(folder / COST, json.dumps(cost, indent=2) + "\n")


def changed_fraction(anchor: str, model: Path, eta: float = 1e-3) -> float:
    """Share of stored weights w with |w - w0| > eta max(|w|, |w0|), w0 the anchor's (in bf16: that differ at all)."""
    before, after = Checkpoint(anchor), Checkpoint(model)
    changed = total = 0
    for name in after.names:
        old, new = before.tensor(name).float(), after.tensor(name).float()
        changed += int(((new - old).abs() > eta * new.abs().maximum(old.abs())).sum())
        total += new.numel()
    return changed / total
