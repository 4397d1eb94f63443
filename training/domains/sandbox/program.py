"""What the sandbox is given and what it gives back: programs, limits, results, errors. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


class SandboxUnavailable(RuntimeError):
    """No protection can be had on this machine, or not the one that was asked for."""


class SandboxError(RuntimeError):
    """The sandbox failed, not the program: nothing is known about the program."""


@dataclass(frozen=True)
class Program:
    """One Python program. It runs as `__main__`, never re-indented; with `checks` it is imported instead."""

    code: str
    """Source text, run as it stands."""
    stdin: str = ""
    """What the program reads from standard input."""
    argv: tuple[str, ...] = ()
    """`sys.argv[1:]`."""
    checks: tuple[str, ...] = ()
    """Sources run in turn after `code`, in its namespace; `__name__` is then "solution": a main guard does not fire."""


STARVED = 10
"""Times its seconds after which a program is ended by the clock, however long it waited for a processor."""


@dataclass(frozen=True)
class Limits:
    """What one program may use."""

    seconds: float = 5.0
    """Time from its start to its end, its checks included, without that in which it had to wait for a processor (where
    the kernel says so: Linux) or the machine stood still: the load of a machine makes no verdict."""
    memory_bytes: int = 1 << 30
    """Address space of each of its processes, the interpreter included (about 50 MB), and memory of all together."""
    processes: int = 8
    """Processes and threads alive at once, itself included (see `levels.py`: some allow one process)."""
    output_bytes: int = 1 << 20
    """Bytes kept of stdout, and of stderr; a program that writes more is killed."""
    file_bytes: int = 64 << 20
    """Bytes in its scratch folder (under "sandbox-exec" and "none": bytes in each file)."""

    def __post_init__(self):
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"limit {name} is {value!r}; choose a number above 0")


@dataclass(frozen=True)
class RunResult:
    """How one program ended."""

    stdout: str
    """Decoded as UTF-8; bytes that are not become U+FFFD."""
    stderr: str
    """Decoded like stdout; a traceback shows no source lines."""
    returncode: int | None
    """The exit status; minus the signal for a program that a signal ended; None where nothing is known (`error`)."""
    completed: int
    """How many of (code, *checks) ran to their end: the first that raised, exited or was stopped ends the count."""
    killed: str = ""
    """The limit for which the sandbox ended it: "time", "output", "memory", "processes" or "files"; else empty."""
    error: str = ""
    """What went wrong in the sandbox itself; empty when the result is the program's own."""

    @property
    def timed_out(self) -> bool:
        return self.killed == "time"
