"""What a hostile program is: its source, what it is given, and whether it would succeed if there were no walls."""

from __future__ import annotations

from dataclasses import dataclass

from training.domains.sandbox import Limits

THROUGH = "through"

PREAMBLE = """\
import ctypes, fcntl, os, select, signal, socket, subprocess, sys, threading, time
from types import SimpleNamespace
libc = ctypes.CDLL(None, use_errno=True)
host = SimpleNamespace(**{host!r})
def call(x86_64, arm64, *arguments):
    number = x86_64 if os.uname().machine == "x86_64" else arm64
    return libc.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)))
def through(done=True):
    if done:
        print("through", flush=True)
"""
"""What every program starts with: where the planted things are (never what is in them), libc, raw system calls, and
the word by which it claims success."""


@dataclass(frozen=True)
class Attack:
    """A program is through when it prints a planted secret or the word, or changes the host, or spoils the next run."""

    name: str
    """What it tries."""
    code: str
    """Its source, after PREAMBLE; bounded in itself: 60 processes, 64 MB of files, 400 MB of memory, 15 s."""
    limits: Limits = Limits(seconds=4.0)
    """What the sandbox is told to allow it."""
    unwalled: bool = True
    """Does it get through under protection "none"? Not where fresh processes and the kernel's limits hold it back."""
    root: bool = False
    """Does that take root?"""
    machine: str = ""
    """The machine its code is written for; empty: any."""
    quick: bool = True
    """Is it over in less than a second?"""

    def source(self, host: dict) -> str:
        """The program; `host` says where the planted things are."""
        return PREAMBLE.format(host=host) + self.code
