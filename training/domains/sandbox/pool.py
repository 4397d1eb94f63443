"""The pool: warm zygotes, one a core, each running one program at a time; batches keep their order.

A zygote that dies is replaced and its program tried once more; if that fails too, the program's result says so in
`error`, and the rest of the batch is not touched. A pool belongs to the process that made it: see `shared.py` for the
one that `run_programs` uses, which survives a fork.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from . import messages
from .clearing import clear
from .levels import LEVELS, spawn
from .program import STARVED, Limits, Program, RunResult, SandboxError, SandboxUnavailable

_GRACE = 20.0  # seconds beyond a program's own before its zygote is given up
_live: set[Zygote] = set()


class Zygote:
    """One warm interpreter behind its walls. SandboxError when it cannot get there."""

    def __init__(self, level: str):
        self.scratch = tempfile.mkdtemp(prefix="sandbox-")
        self.channel, inner = socket.socketpair()
        self.channel.settimeout(_GRACE)
        _live.add(self)
        try:
            with inner:
                self.process = spawn(level, inner.fileno(), self.scratch)
        except OSError as error:
            self.forget()
            os.rmdir(self.scratch)
            raise SandboxError(f"{level}: {error}") from error
        try:
            messages.receive(self.channel)
        except (OSError, EOFError) as error:
            said = self.close().strip().splitlines()
            raise SandboxError(f"{level}: {said[-1] if said else error}") from error

    def run(self, program: Program, limits: Limits) -> RunResult:
        """Run one program. SandboxError when the zygote is lost: it must then be closed."""
        self.channel.settimeout(STARVED * limits.seconds + _GRACE)
        try:
            messages.send(self.channel, {**asdict(program), "limits": asdict(limits)})
            answer = messages.receive(self.channel)
        except (OSError, EOFError, ValueError) as error:
            raise SandboxError(f"a sandbox process was lost: {error}") from error
        return RunResult(**{"stdout": "", "stderr": "", "returncode": None, "completed": 0, **answer})

    def close(self) -> str:
        """End it, and whatever it runs; what it had said on stderr."""
        try:
            self.channel.shutdown(socket.SHUT_RDWR)
        except OSError:  # it had closed its end already
            pass
        self.forget()
        try:
            said = self.process.communicate(timeout=2.0)[1]
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            said = self.process.communicate()[1]
        with contextlib.suppress(OSError):  # without walls, what a program left may still write there
            clear(self.scratch)
        return said.decode(errors="replace")

    def forget(self) -> None:
        """Let go of the channel: all that a process forked from the owner has to do."""
        self.channel.close()
        _live.discard(self)


def forget_all() -> None:
    """In a process just forked: hold no channel of the parent's zygotes, so that they end with the parent."""
    for zygote in list(_live):
        zygote.forget()


class Pool:
    """Warm zygotes behind one level of protection. A context manager, or `close` it; safe to use from threads."""

    def __init__(self, protection: str | None = None, workers: int | None = None):
        """protection: a level, or None for the best that works here. workers: programs at once; None: one a core.

        Raises ValueError for an unknown level and SandboxUnavailable for one that does not work here."""
        self.workers, self._owner = workers or _cores(), os.getpid()
        self.protection, first = _strongest(protection)
        self._idle: queue.LifoQueue = queue.LifoQueue()
        for zygote in (first, *[None] * (self.workers - 1)):
            self._idle.put(zygote)
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")

    def run(self, programs: list[Program], limits: Limits | None = None) -> list[RunResult]:
        """Run programs in parallel; the results are in the order of the programs."""
        if os.getpid() != self._owner:
            raise RuntimeError("a sandbox pool belongs to the process that made it; make another one after a fork")
        limits = limits or Limits()
        return list(self._threads.map(lambda program: self._run(program, limits), programs))

    def _run(self, program: Program, limits: Limits) -> RunResult:
        zygote = self._idle.get()
        try:
            for attempt in (1, 2):
                try:
                    zygote = zygote or Zygote(self.protection)
                    return zygote.run(program, limits)
                except SandboxError as error:
                    if zygote:
                        zygote.close()
                    zygote, failure = None, f"{error} (attempt {attempt})"
            return RunResult("", "", None, 0, error=failure)
        finally:
            self._idle.put(zygote)

    def close(self) -> None:
        """Wait for the programs under way, then end every zygote."""
        self._threads.shutdown()
        for zygote in self._take():
            zygote.close()

    def _take(self) -> list[Zygote]:
        """Empty the pool."""
        return [z for z in (self._idle.get_nowait() for _ in range(self._idle.qsize())) if z]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *raised) -> None:
        self.close()


def _cores() -> int:
    """How many programs to run at once: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _strongest(wanted: str | None) -> tuple[str, Zygote]:
    """The level asked for, or the first that works, with a zygote that has shown it by running a program."""
    if wanted is not None and wanted not in LEVELS:
        raise ValueError(f"unknown protection {wanted!r}; choose one of {', '.join(LEVELS)}")
    failures = []
    for level in [wanted] if wanted else LEVELS[:-1]:
        try:
            zygote = Zygote(level)
            result = zygote.run(Program("print('ready')"), Limits(seconds=20))
        except SandboxError as error:
            failures.append(str(error))
            continue
        if result.stdout == "ready\n":
            return level, zygote
        zygote.close()
        failures.append(f"{level}: {result.error or result.stderr}")
    raise SandboxUnavailable("no protection to run untrusted code behind can be had here; install bubblewrap, or ask "
                             f"for protection='none' by name to do without ({'; '.join(failures)})")

