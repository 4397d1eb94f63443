"""What a running program holds in all its processes, looked up from outside in /proc: memory, threads, files.

The kernel limits each process and each file; these are the sums. The keeper looks them up twenty times a second, so a
program can pass them for as long as that. Memory is resident memory; where that of all processes together is too much,
what they share is counted once. A kernel that lists no children (CONFIG_PROC_CHILDREN) shows the first process alone.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable
from contextlib import suppress

from .program import Limits

MOST_NAMES = 2048
"""Files and folders in a scratch folder on disk: some disks take milliseconds to remove one."""
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)
"""Of a process that ended; the last, because what is left of it is root's."""


def passed_memory(proc: int, child: int, limits: Limits) -> str:
    """ "memory" where a process and all below it hold more than allowed, else empty. proc: a descriptor of /proc."""
    family = _family(proc, child)
    if _total(_resident, proc, family) <= limits.memory_bytes:
        return ""
    return "memory" if _total(_proportional, proc, family) > limits.memory_bytes else ""


def passed_alone(proc: int, child: int, limits: Limits, scratch: str) -> str:
    """ "processes" for too many threads, "files" for too much in scratch or in open files without a name; or empty."""
    with suppress(*GONE):
        if int(stat_fields(proc, child)[17]) > limits.processes:
            return "processes"
        if _stored(scratch, limits.file_bytes) + _nameless(proc, child) > limits.file_bytes:
            return "files"
    return ""


def read(proc: int, name: str) -> str:
    """The text of a file."""
    with open(os.open(name, os.O_RDONLY, dir_fd=proc)) as file:
        return file.read()


def stat_fields(proc: int, pid: int) -> list[str]:
    """The fields of a process's stat after its name, which may hold anything: its state first."""
    return read(proc, f"{pid}/stat").rpartition(")")[2].split()


def _family(proc: int, pid: int) -> list[int]:
    """A process, and all that descend from it."""
    family = [pid]
    for member in family:  # which grows meanwhile
        with suppress(*GONE):
            for task in _names(proc, f"{member}/task"):
                family += map(int, read(proc, f"{member}/task/{task}/children").split())
    return family


def _names(proc: int, name: str) -> list[str]:
    """What a folder holds."""
    folder = os.open(name, os.O_RDONLY, dir_fd=proc)
    try:
        return os.listdir(folder)
    finally:
        os.close(folder)


def _total(measure: Callable[[int, int], int], proc: int, family: list[int]) -> int:
    """The sum of a measure over those that still live."""
    total = 0
    for pid in family:
        with suppress(*GONE):
            total += measure(proc, pid)
    return total


def _resident(proc: int, pid: int) -> int:
    """Bytes in memory."""
    return int(read(proc, f"{pid}/statm").split()[1]) * resource.getpagesize()


def _proportional(proc: int, pid: int) -> int:
    """Bytes in memory, those that several processes share divided among them."""
    lines = read(proc, f"{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def _stored(scratch: str, most: int) -> float:
    """Bytes on disk below a folder. Infinite for too many names, or where it cannot be looked into."""
    total, names, folders = 0, 0, [scratch]
    while folders and total <= most and names <= MOST_NAMES:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    names += 1
                    folders += [entry.path] if entry.is_dir(follow_symlinks=False) else []
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError:  # too deep, or closed
            return float("inf")
    return total if names <= MOST_NAMES else float("inf")


def _nameless(proc: int, child: int) -> int:
    """Bytes on disk of open files that have no name any more."""
    total = 0
    for number in _names(proc, f"{child}/fd"):
        with suppress(*GONE):
            about = os.stat(f"{child}/fd/{number}", dir_fd=proc)
            total += about.st_blocks * 512 if stat.S_ISREG(about.st_mode) and about.st_nlink == 0 else 0
    return total
