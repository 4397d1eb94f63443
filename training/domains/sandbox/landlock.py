"""Landlock: this process, and all it starts, may read some folders, write one, and open no TCP connection.

Source: the kernel's Documentation/userspace-api/landlock.rst. Version 3 of its interface (Linux 6.2) is the least that
stops a file from being truncated. Landlock hides a file's content, not that it exists, nor its size, owner and times.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct

from .syscalls import PR_SET_NO_NEW_PRIVS, prctl, syscall

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_OLDEST = 3
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, list a folder
_ALL_OF_VERSION_3 = (1 << 15) - 1
_DEVICE_CONTROL = 1 << 15  # version 5
_ON_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | _DEVICE_CONTROL
_TCP = 0b11  # version 4: bind, connect
_SCOPES = 0b11  # version 6: abstract sockets, signals


def version() -> int:
    """The kernel's Landlock version; OSError where it has none."""
    return syscall(_CREATE, "landlock", None, 0, 1)


def restrict(readable: list[str], writable: list[str]) -> None:
    """Allow reading below `readable` and everything below `writable`; nothing else, for good. Absent paths: OSError."""
    abi = version()
    if abi < _OLDEST:
        raise OSError(errno.ENOSYS, f"Landlock version {abi} is too old; version {_OLDEST} (Linux 6.2) is needed")
    handled = _ALL_OF_VERSION_3 | (_DEVICE_CONTROL if abi >= 5 else 0)
    fields = [handled, *([_TCP] if abi >= 4 else []), *([_SCOPES] if abi >= 6 else [])]
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    ruleset = syscall(_CREATE, "landlock_create_ruleset", attributes, ctypes.sizeof(attributes), 0)
    for path in readable:
        _allow(ruleset, path, _READ)
    for path in writable:
        _allow(ruleset, path, _ALL_OF_VERSION_3)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    syscall(_RESTRICT, "landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add one path beneath which these rights hold."""
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(beneath).st_mode):
        rights &= _ON_FILES
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, beneath), 12)
    syscall(_ADD, f"landlock_add_rule {path}", ruleset, 1, rule, 0)
    os.close(beneath)
