"""Linux system calls that Python does not wrap, through libc: each raises OSError as the os module would.

Numbers are those of the kernel's tables for x86-64 and arm64 (asm-generic above 423).
"""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MNT_DETACH, _AT_FDCWD, _AT_RECURSIVE = 2, -100, 0x8000
_NUMBERS = {"x86_64": {"pivot_root": 155, "capset": 126}, "aarch64": {"pivot_root": 41, "capset": 91}}
_MOUNT_SETATTR = 442


def check(result: int, what: str) -> int:
    """The result of a libc call, or OSError where it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def libc() -> ctypes.CDLL:
    """The C library this interpreter is linked with."""
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, what: str, *arguments) -> int:
    """A raw system call; integers are passed as longs."""
    return check(libc().syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments))), what)


def prctl(option: int, value: int) -> None:
    check(libc().prctl(option, *(ctypes.c_ulong(v) for v in (value, 0, 0, 0))), f"prctl {option}")


def unshare(flags: int) -> None:
    check(libc().unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    def text(value):
        return value.encode() if value else None

    done = libc().mount(text(source), target.encode(), text(kind), ctypes.c_ulong(flags), text(data))
    check(done, f"mount {target}")


def detach(target: str) -> None:
    """Unmount a tree, even where it is busy."""
    check(libc().umount2(target.encode(), _MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    syscall(_NUMBERS[os.uname().machine]["pivot_root"], "pivot_root", new.encode(), old.encode())


def make_read_only(target: str) -> None:
    """Mark a mount and all below it read-only and without set-uid programs (Linux 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(MS_RDONLY | MS_NOSUID, 0, 0, 0)
    size = ctypes.sizeof(attributes)
    syscall(_MOUNT_SETATTR, f"mount_setattr {target}", _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, size)


def drop_capabilities() -> None:
    """Give up every capability, and (no_new_privs) the gaining of any by running another program."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    header, empty = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    syscall(_NUMBERS[os.uname().machine]["capset"], "capset", header, empty)
