"""sample: a model's completions of tasks, judged by the tasks' verifiers, one row a completion.

Completion k of a task is decided by (model, task, k, seed): the same on the same machine, whatever else is sampled
beside it (but for the rounding of other batch shapes), so samples can be added to. Tasks with an environment are played
to their end; the transcript is the completion.

    traces = sample("runs/organism/seed0/models/mixed", get_domain("math").tasks("test", 200), n=8)
"""

from __future__ import annotations

import pandas as pd

from training.domains import Task, get_domain, split_reasoning
from training.rlvr import verify
from training.rollouts import Rollout, budget, load, render, rollout, uniforms

ENGINES = ("transformers",)
BATCH = 128
COLUMNS = ("model", "domain", "task_id", "sample", "prompt", "completion", "reasoning", "answer", "correct", "reward",
           "reason", "n_tokens", "n_turns", "seed")


def sample(model: str, tasks: list[Task], n: int = 8, engine: str = "transformers", temperature: float = 1.0,
           max_new_tokens: int | None = None, seed: int = 0, device: str = "auto", dtype=None,
           first: int = 0, progress: bool = True) -> pd.DataFrame:
    """Sample n completions of each task.

    Args: model, a folder or hub id; temperature 0 is greedy; max_new_tokens, the model's own tokens in a completion
    (None: what its generation config says, else its context); dtype None keeps the checkpoint's (fp32 on a CPU);
    first, the number of a task's first completion here (n more were sampled before, say).
    Returns: a DataFrame with the columns COLUMNS, n rows a task in order; `n_tokens` counts the model's own tokens.
    Raises ValueError for an unknown engine, no tasks, or n below 1; TaskError for a task that cannot be judged.
    """
    from tqdm.auto import tqdm

    _validate(tasks, n, engine, temperature)
    network, tokenizer = load(str(model), device, dtype)
    asked = [(task, k) for task in tasks for k in range(first, first + n)]
    allowed = budget(network, [render(tokenizer, task.prompt) for task in tasks], max_new_tokens)
    rows = []
    with tqdm(total=len(asked), desc="sampling", unit="completion", disable=not progress) as bar:
        for start in range(0, len(asked), BATCH):
            batch = asked[start:start + BATCH]
            draws = uniforms([f"{task.domain}/{task.id}/{k}" for task, k in batch], seed, allowed)
            done = rollout(network, tokenizer, [task for task, _ in batch], allowed, temperature, draws)
            verdicts = verify([task for task, _ in batch], [r.text for r in done])
            rows += [_row(str(model), *pair, r, v, seed) for pair, r, v in zip(batch, done, verdicts, strict=True)]
            bar.update(len(batch))
    return pd.DataFrame(rows, columns=COLUMNS)


def _validate(tasks: list[Task], n: int, engine: str, temperature: float) -> None:
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; choose {' or '.join(ENGINES)}")
    if not tasks:
        raise ValueError("no tasks to sample; give at least one, as from get_domain('math').tasks('test', 8)")
    if n < 1:
        raise ValueError(f"n is {n}; choose at least 1 completion a task")
    if temperature < 0:
        raise ValueError(f"temperature is {temperature}; choose 0 (greedy) or more")


def _row(model: str, task: Task, k: int, done: Rollout, verdict, seed: int) -> tuple:
    answer = get_domain(task.domain).answer_text(done.text)
    return (model, task.domain, task.id, k, task.prompt, done.text, split_reasoning(done.text)[0], answer,
            verdict.correct, verdict.reward, verdict.reason, done.n_tokens, done.n_turns, seed)
