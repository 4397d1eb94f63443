"""The pools this process shares among its threads: made on first use, closed at exit, forgotten by forked children."""

from __future__ import annotations

import atexit
import os
import threading

from .pool import Pool, forget_all
from .program import Limits, Program, RunResult

_BEST = "the strongest there is"
_pools: dict[str, Pool] = {}
_lock = threading.Lock()
_hooked = threading.Event()


def run_programs(
    programs: list[Program], limits: Limits | None = None, protection: str | None = None
) -> list[RunResult]:
    """Run programs in parallel behind a level of protection (None: the strongest that works); results in their order.

    Raises SandboxUnavailable where that level does not work, ValueError for an unknown one. A program whose sandbox
    failed has `error` set, and nothing else is known of it.
    """
    return _pool(protection).run(programs, limits)


def run_program(program: Program, limits: Limits | None = None, protection: str | None = None) -> RunResult:
    """Run one program; see `run_programs`."""
    return run_programs([program], limits, protection)[0]


def protection(wanted: str | None = None) -> str:
    """The level that programs run behind, shown to work by running one. Raises as `run_programs` does."""
    return _pool(wanted).protection


def _pool(wanted: str | None) -> Pool:
    with _lock:
        if not _hooked.is_set():
            _hooked.set()
            atexit.register(_close)
            os.register_at_fork(after_in_child=_forget)
        key = wanted or _BEST
        if key not in _pools:
            _pools[key] = Pool(wanted)
        return _pools[key]


def _close() -> None:
    """At exit: end every zygote of this process."""
    while _pools:
        _pools.popitem()[1].close()


def _forget() -> None:
    """In a forked child: the parent's pools, and the lock one of its threads may have held, are not ours."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()
    forget_all()
