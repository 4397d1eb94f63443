"""The five domains of verifiable rewards: one file each, with its tasks, its prompt and its verifier.

`get_domain("math").tasks("train", n=8, seed=0)` draws tasks; `.verify(task, completion)` judges a completion.
"""

from __future__ import annotations

from importlib import import_module

from training.domains.task import SPLITS, Domain, DomainError, Task, TaskError, Verdict, split_reasoning

__all__ = ["DOMAINS", "SPLITS", "Domain", "DomainError", "Task", "TaskError", "Verdict", "get_domain",
           "split_reasoning"]

DOMAINS = ("math", "coding", "science", "instructions", "agent")


def get_domain(name: str, **factors) -> Domain:
    """The domain of that name; `factors`: those of `training.domains.compact.Factors`. Else DomainError."""
    if name not in DOMAINS:
        raise DomainError(f"unknown domain {name!r}; choose one of {', '.join(DOMAINS)}")
    return import_module(f"training.domains.{name}").DOMAIN(**factors)
