"""Who judges what, and how well: a model's verdicts on completions, against the verifier's word.

Outcome mode shows the judge the task and the final answer, process mode the whole completion (arXiv 2602.12566, "Locus
of Error"; its prompts and verdict format were not published, ours are in `training.judging`). Accuracy depends on how
many completions were right to begin with, so balanced accuracy and that share stand beside it. A reply without a
verdict is missing, not wrong: accuracies are over parsed verdicts, with the bounds that the missing ones leave.

    judged = judge("path/or/hub-id", traces, mode="process"); judge_scores(judged)

Departure from the paper: judges can be given any traces, so that all of them can judge one common pool.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pandas as pd

from training.intervals import DRAWS, LEVEL
from training.judging import MODES, parse_verdict, question

KEYS = ("model", "domain", "task_id", "sample", "seed", "correct")
NEEDED = ("domain", "task_id", "prompt", "completion", "correct")
GROUP = ["judge", "domain", "mode"]


def judge(model: str | Callable[[list[str]], list[str]], traces: pd.DataFrame, mode: str = "outcome", n: int = 1,
          engine: str = "transformers", seed: int = 0, temperature: float = 1.0, max_new_tokens: int | None = None,
          device: str = "auto", dtype: str | None = None) -> pd.DataFrame:
    """Ask a model whether each completion is right.

    Args: model, a path or hub id, or a function from questions to replies; traces, as `behaviors.sample` returns them;
    mode, "outcome" or "process"; n, verdicts a completion; engine, "transformers", "vllm" or a server's address
    (`training.engines`); temperature 0 is greedy; max_new_tokens bounds a reply (None: what the model's generation
    config says); device and dtype as for `training.engines.open_engine` (dtype None keeps the checkpoint's).
    Returns: one row a verdict: the key columns of the traces (model, domain, task_id, sample, seed, correct; the author
    stays `model`), judge, mode, judge_sample (0 to n - 1), reply, verdict (True right, False wrong, None unparsed),
    agrees (verdict equals correct; None unparsed), parsed.
    Raises ValueError for an unknown mode or engine, n below 1, missing columns, or missing replies; ServerError for a
    server that does not answer.
    """
    _validate(traces, mode, n, engine)
    questions = [question(mode, prompt, completion)
                 for prompt, completion in zip(traces["prompt"], traces["completion"], strict=True) for _ in range(n)]
    if callable(model):
        replies, name = list(model(questions)), model.__name__
    else:
        replies = replies_of(model, questions, seed, temperature, max_new_tokens, device, dtype, engine)
        name = str(model)
    if len(replies) != len(questions):
        raise ValueError(f"judge {name!r} gave {len(replies)} replies to {len(questions)} questions")
    kept = traces[[key for key in KEYS if key in traces.columns]]
    rows = kept.iloc[np.repeat(np.arange(len(kept)), n)].reset_index(drop=True)
    return _verdicts(rows.assign(judge=name, mode=mode, judge_sample=list(range(n)) * len(kept)), replies)


def _validate(traces: pd.DataFrame, mode: str, n: int, engine: str) -> None:
    from training.engines import check_engine

    if mode not in MODES:
        raise ValueError(f"unknown judge mode {mode!r}; choose one of {', '.join(MODES)}")
    if n < 1:
        raise ValueError(f"n is {n}; choose at least 1 verdict a completion")
    check_engine(engine)
    missing = [name for name in NEEDED if name not in traces.columns]
    if missing:
        raise ValueError(f"traces lack the column {', '.join(map(repr, missing))}")


def replies_of(model: str, questions: list[str], seed: int = 0, temperature: float = 1.0,
               max_new_tokens: int | None = None, device: str = "auto", dtype=None,
               engine: str = "transformers") -> list[str]:
    """One reply of a model to each question, in its own chat template; repeatable given `seed` and engine.

    Raises ValueError when a question leaves no room in the model's context.
    """
    from training.engines import open_engine

    with closing(open_engine(str(model), engine, device, dtype)) as opened:
        return opened.replies(questions, seed, temperature, max_new_tokens)


def _verdicts(rows: pd.DataFrame, replies: list[str]) -> pd.DataFrame:
    """The rows with reply, verdict, agrees and parsed."""
    verdicts = [parse_verdict(reply) for reply in replies]
    agrees = [None if verdict is None else verdict == bool(correct)
              for verdict, correct in zip(verdicts, rows["correct"], strict=True)]
    return rows.assign(reply=replies, verdict=pd.Series(verdicts, dtype=object), agrees=pd.Series(agrees, dtype=object),
                       parsed=[verdict is not None for verdict in verdicts])


def judge_scores(judged: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """How well each judge did: one row a (judge, domain, mode).

    Returns: n (verdicts asked), n_tasks, share_right (of completions, by the verifier), unparsed (share), and for
    accuracy and balanced_accuracy (mean of the accuracies on right and on wrong completions; NaN when only one kind
    has a parsed verdict) the value, `_low` and `_high` (95 % percentile bootstrap over tasks; NaN below two tasks), and
    `_worst` and `_best` (every unparsed verdict counted as a miss, or as a hit).
    Raises ValueError naming missing columns.
    """
    missing = [name for name in (*GROUP, "task_id", "correct", "agrees", "parsed") if name not in judged.columns]
    if missing:
        raise ValueError(f"verdicts lack the column {', '.join(map(repr, missing))}; pass what judge() returned")
    return pd.DataFrame([{**dict(zip(GROUP, key, strict=True)), **_scores(group, np.random.default_rng(seed))}
                         for key, group in judged.groupby(GROUP, sort=True)])


def _scores(group: pd.DataFrame, rng: np.random.Generator) -> dict:
    """The scores of one judge in one domain and mode."""
    counts = _counts(group)
    total = counts.sum(axis=0)
    row = {"n": len(group), "n_tasks": len(counts), "share_right": group["correct"].astype(float).mean(),
           "unparsed": 1 - group["parsed"].astype(float).mean()}
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=DRAWS)
    for name, score in (("accuracy", accuracy), ("balanced_accuracy", balanced_accuracy)):
        row[name] = float(score(total))
        row[f"{name}_low"], row[f"{name}_high"] = _percentiles(score(weights @ counts), len(counts))
        row[f"{name}_worst"] = float(score(total * [1, 1, 0, 1, 1, 0] + total[[2, 2, 2, 5, 5, 5]] * [0, 1, 0, 0, 1, 0]))
        row[f"{name}_best"] = float(score(total * [1, 1, 0, 1, 1, 0] + total[[2, 2, 2, 5, 5, 5]] * [1, 0, 0, 1, 0, 0]))
    return row


def _counts(group: pd.DataFrame) -> np.ndarray:
    """(tasks, 6): hits, misses, unparsed on right completions, then on wrong ones."""
    right, parsed = group["correct"].astype(bool), group["parsed"].astype(bool)
    agrees = group["agrees"].eq(True)
    columns = [kind & side for side in (right, ~right) for kind in (parsed & agrees, parsed & ~agrees, ~parsed)]
    table = pd.concat(columns, axis=1, keys=range(6)).astype(int)
    return table.groupby(group["task_id"]).sum().to_numpy()


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of parsed verdicts that agree, from (..., 6) counts as in `_counts`; NaN where none is parsed."""
    return _share(counts[..., 0] + counts[..., 3], counts[..., 1] + counts[..., 4])


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean of the accuracies on right and on wrong completions; NaN where one has no parsed verdict."""
    return (_share(counts[..., 0], counts[..., 1]) + _share(counts[..., 3], counts[..., 4])) / 2


def _share(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    total = np.asarray(hits + misses, dtype=float)
    return np.divide(hits, total, out=np.full(total.shape, np.nan), where=total > 0)


def _percentiles(drawn: np.ndarray, tasks: int) -> tuple[float, float]:
    """The 95 % percentile interval of the draws that have a value."""
    drawn = drawn[~np.isnan(drawn)]
    if tasks < 2 or not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
