"""Traces: the completions that a loaded model writes, judged by the tasks' verifiers, one row each.

Completion k of a task is decided by (model, task, k, seed), whatever else is sampled beside it (but for rounding).
`behaviors.sample` opens a model and calls this; `probes.interventions` calls it while something is changed inside.
"""

from __future__ import annotations

import pandas as pd

from training.domains import Task, get_domain, split_reasoning
from training.rlvr import verify
from training.rollouts import Rollout, budget, render, rollout, uniforms

BATCH = 128
COLUMNS = ("model", "domain", "task_id", "sample", "prompt", "completion", "reasoning", "answer", "correct", "reward",
           "reason", "n_tokens", "n_turns", "seed")


def write_traces(network, tokenizer, name: str, tasks: list[Task], n: int = 1, temperature: float = 1.0,
                 max_new_tokens: int | None = None, seed: int = 0, first: int = 0, progress: bool = False,
                 ) -> pd.DataFrame:
    """Sample n completions of each task, numbered from `first`.

    Returns a DataFrame with the columns COLUMNS, n rows a task in order; `model` holds `name`, `n_tokens` counts the
    model's own tokens. Raises ValueError for no tasks, n below 1 or a temperature below 0.
    """
    from tqdm.auto import tqdm

    _validate(tasks, n, temperature)
    wanted = [(task, k) for task in tasks for k in range(first, first + n)]
    allowed = budget(network, [render(tokenizer, task.prompt) for task in tasks], max_new_tokens)
    rows = []
    with tqdm(total=len(wanted), desc="sampling", unit="completion", disable=not progress) as bar:
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start:start + BATCH]
            draws = uniforms([f"{task.domain}/{task.id}/{k}" for task, k in batch], seed, allowed)
            done = rollout(network, tokenizer, [task for task, _ in batch], allowed, temperature, draws)
            verdicts = verify([task for task, _ in batch], [r.text for r in done])
            rows += [_row(name, *pair, r, v, seed) for pair, r, v in zip(batch, done, verdicts, strict=True)]
            bar.update(len(batch))
    return pd.DataFrame(rows, columns=COLUMNS)


def _validate(tasks: list[Task], n: int, temperature: float) -> None:
    if not tasks:
        raise ValueError("no tasks to sample; give at least one, as from get_domain('math').tasks('test', 8)")
    if n < 1:
        raise ValueError(f"n is {n}; choose at least 1 completion a task")
    if temperature < 0:
        raise ValueError(f"temperature is {temperature}; choose 0 (greedy) or more")


def _row(name: str, task: Task, k: int, done: Rollout, verdict, seed: int) -> tuple:
    answer = get_domain(task.domain).answer_text(done.text)
    return (name, task.domain, task.id, k, task.prompt, done.text, split_reasoning(done.text)[0], answer,
            verdict.correct, verdict.reward, verdict.reason, done.n_tokens, done.n_turns, seed)
