"""What a program and all that it started are, and how much memory they hold together, from /proc.

    below(os.getpid())                        # the living processes that descend from this one
    watched("attacks.load", "--step", "tag")  # a module's status, the most memory it and they held, and its output
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAUSE = 0.1
"""Seconds between two looks."""


def below(pid: int) -> Iterator[int]:
    """The living processes that descend from one."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    yield child
                yield from below(child)


def held(pid: int) -> int:
    """Bytes of memory of a process, those it shares divided among who shares them; 0 where it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return 0


def most_held(child: subprocess.Popen, pids: Callable[[int], Iterable[int]]) -> int:
    """The most that `pids(child.pid)` held together at any look until a process ends, in bytes."""
    most = 0
    while child.poll() is None:
        most = max(most, sum(map(held, pids(child.pid))))
        time.sleep(PAUSE)
    return most


def watched(module: str, *arguments: str) -> tuple[int, int, str]:
    """Run `python -m module arguments`: (exit status, most memory of it and all that it starts in bytes, its output).
    """
    command = [sys.executable, "-m", module, *arguments]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    most = most_held(child, lambda pid: [pid, *below(pid)])
    return child.returncode, most, child.stdout.read()
