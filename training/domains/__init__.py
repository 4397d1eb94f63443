"""The domains of verifiable rewards: one file each, with its tasks, its prompt and its verifier.

`get_domain("math").tasks("train", n=8, seed=0)` draws tasks; `.verify(task, completion)` judges a completion. Five are
built in; one of your own is a module, named by its dotted path (`training.domains.own`).
"""

from __future__ import annotations

from importlib import import_module

from training.domains.own import is_path, own_domain
from training.domains.task import SPLITS, Domain, DomainError, Task, TaskError, Verdict, split_reasoning

__all__ = ["DOMAINS", "SPLITS", "Domain", "DomainError", "Task", "TaskError", "Verdict", "get_domain", "is_path",
           "split_reasoning"]

DOMAINS = ("math", "coding", "science", "instructions", "agent")
"""Those that are built in."""


def get_domain(name: str, **factors) -> Domain:
    """The domain of that name: one of DOMAINS, or the dotted path of a module of your own. Else DomainError.

    factors: those of `training.domains.compact.Factors`, of the built-in domains; one of your own has none.
    """
    if name in DOMAINS:
        return import_module(f"training.domains.{name}").DOMAIN(**factors)
    if is_path(name):
        return own_domain(name, DOMAINS)
    raise DomainError(f"unknown domain {name!r}; choose one of {', '.join(DOMAINS)}, or a module of your own by its "
                      "dotted path, as my_lab.sorting")
