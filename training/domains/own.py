"""A domain of your own: a module on your PYTHONPATH that defines `DOMAIN`, and whose dotted path is the domain's name.

    # my_lab/sorting.py; then get_domain("my_lab.sorting"), build_zoo(domains=["math", "my_lab.sorting"]), ...
    class Sorting(Domain):
        name = __name__
        def compact(self, rng): ...        # a Task(__name__, "", prompt, answer), drawn with rng alone
        def check(self, task, answer): ... # (correct, why not)
        def reference(self, task): ...     # an answer that is judged correct
    DOMAIN = Sorting

The name is all that tasks, traces and zoos keep, so every process that meets it imports the module: put its folder on
PYTHONPATH (of every machine of a cluster), or install it; workers that run already do not see a later sys.path. A
domain is looked at before it is used: what it draws must be its own, a function of `rng`, and have prompts of every
split.

Safety: to name a domain is to import its module, which is to run it. A zoo of a stranger can name any module that
Python finds on your machine, and brings none with it: a zoo's folder is never put on the path. As ever, do not start
Python in a folder that you do not trust: it looks for modules there first.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from inspect import signature

from training.domains.task import SPLITS, Domain, DomainError, Task, split_of

TRIES = 1000
"""Draws in which a prompt of every split must turn up."""


def is_path(name: str) -> bool:
    """Is a name the dotted path of a module?"""
    return isinstance(name, str) and "." in name and all(part.isidentifier() for part in name.split("."))


def own_domain(name: str, others: Iterable[str]) -> Domain:
    """The domain that the module `name` defines; others: the domains there are, for the error.

    Raises DomainError where there is no such module, where it fails to import another one, where it defines no DOMAIN,
    and where that is no domain of this name. What else goes wrong in the module is raised as it is.
    """
    kind = _defined(name, others)
    _check_kind(name, kind)
    _check_drawn(kind)
    return kind()


def _defined(name: str, others: Iterable[str]) -> object:
    """What the module calls DOMAIN."""
    try:
        module = import_module(name)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise DomainError(f"unknown domain {name!r} ({error}); choose one of {', '.join(others)}, or put the "
                              "folder that holds your module on PYTHONPATH") from error
        raise DomainError(f"the module of domain {name!r} is there, but cannot be imported: {error}") from error
    if "DOMAIN" not in vars(module):
        raise DomainError(f"module {name!r} defines no DOMAIN; set DOMAIN to your subclass of training.domains.Domain")
    return module.DOMAIN


def _check_kind(name: str, kind: object) -> None:
    """DomainError unless `kind` is a class of domains of this name that can be made."""
    if not (isinstance(kind, type) and issubclass(kind, Domain)):
        raise DomainError(f"{name}.DOMAIN is {kind!r}; it must be a subclass of training.domains.Domain")
    if kind.__abstractmethods__:
        raise DomainError(f"{name}.DOMAIN lacks {', '.join(sorted(kind.__abstractmethods__))}; a domain defines "
                          f"{', '.join(sorted(Domain.__abstractmethods__))}")
    if getattr(kind, "name", None) != name:
        raise DomainError(f"{name}.DOMAIN has the name {getattr(kind, 'name', None)!r}, not its module's; write "
                          "name = __name__")
    try:
        signature(kind).bind()
    except TypeError as error:
        raise DomainError(f"{name}.DOMAIN cannot be made without arguments ({error}); give them defaults") from error


@cache
def _check_drawn(kind: type[Domain]) -> None:
    """DomainError unless a domain's tasks are its own, a function of the numbers given, and of every split."""
    domain = kind()
    one, again = (domain.compact(random.Random(0)) for _ in range(2))
    if not isinstance(one, Task) or one.domain != domain.name:
        got = f"a task of {one.domain!r}" if isinstance(one, Task) else repr(one)
        raise DomainError(f"{domain.name}.DOMAIN.compact draws {got}; draw Task({domain.name!r}, ...)")
    if one.prompt != again.prompt:
        raise DomainError(f"{domain.name}.DOMAIN.compact draws other tasks from the same rng; draw with rng alone")
    rng, missing = random.Random(0), set(SPLITS)
    for _ in range(TRIES):
        missing.discard(split_of(domain.compact(rng).prompt))
        if not missing:
            return
    raise DomainError(f"{domain.name}.DOMAIN.compact draws no prompt of the split {min(missing)} in {TRIES} tries; a "
                      "prompt's split is decided by its hash, so draw from more prompts")
