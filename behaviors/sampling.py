"""sample: a model's completions of tasks, judged by the tasks' verifiers, one row a completion.

Completion k of a task is decided by (model, task, k, seed): the same on the same machine, whatever else is sampled
beside it (but for the rounding of other batch shapes), so samples can be added to. Tasks with an environment are played
to their end; the transcript is the completion.

    traces = sample("runs/organism/seed0/models/mixed", get_domain("math").tasks("test", 200), n=8)
"""

from __future__ import annotations

import pandas as pd

from training.domains import Task
from training.rollouts import load
from training.traces import write_traces

ENGINES = ("transformers",)


def sample(model: str, tasks: list[Task], n: int = 8, engine: str = "transformers", temperature: float = 1.0,
           max_new_tokens: int | None = None, seed: int = 0, device: str = "auto", dtype=None,
           first: int = 0, progress: bool = True) -> pd.DataFrame:
    """Sample n completions of each task.

    Args: model, a folder or hub id; temperature 0 is greedy; max_new_tokens, the model's own tokens in a completion
    (None: what its generation config says, else its context); dtype None keeps the checkpoint's (fp32 on a CPU);
    first, the number of a task's first completion here (n more were sampled before, say).
    Returns: a DataFrame with the columns `training.traces.COLUMNS`, n rows a task in order; `n_tokens` counts the
    model's own tokens. Raises ValueError for an unknown engine, no tasks, or n below 1; TaskError for a task that
    cannot be judged.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; choose {' or '.join(ENGINES)}")
    network, tokenizer = load(str(model), device, dtype)
    return write_traces(network, tokenizer, str(model), tasks, n, temperature, max_new_tokens, seed, first, progress)
