"""Linux namespaces: a root folder with the interpreter and the system libraries alone, and one PID 1 per program.

`enter_root` is called once by the process that will fork programs: a new file tree (read-only, in memory), no network.
`enter_program` is called once per program: user, mount, PID and IPC namespaces and an empty scratch folder of its own.
When the program's PID 1 ends, the kernel ends all it started. Source: namespaces(7), user_namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import os

from .syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    PR_SET_DUMPABLE,
    detach,
    make_read_only,
    mount,
    pivot_root,
    prctl,
    unshare,
)

NOBODY = 65534
SCRATCH = "/scratch"


def map_identity(uid: int, gid: int) -> None:
    """In a user namespace just made: keep one's own ids, and no others."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def enter_root(readable: list[str]) -> None:
    """Leave the machine's file tree, network and IPC; only `readable` is left of it, read-only. OSError if refused."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | (CLONE_NEWUSER if uid else 0))
    if uid:
        map_identity(uid, gid)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    os.mkdir("/tmp/old")
    pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    for path in readable:
        _show(path)
    os.mkdir(SCRATCH)
    os.mkdir("/proc")
    mount("/old/proc", "/proc", None, MS_BIND | MS_REC)
    detach("/old")
    os.rmdir("/old")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _show(path: str) -> None:
    """Put a file, a folder or a symbolic link of the old tree at the same place in the new one."""
    source = f"/old{path}"
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    if os.path.islink(source):
        return os.symlink(os.readlink(source), path)
    if os.path.isdir(source):
        os.makedirs(path, mode=0o755, exist_ok=True)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o644))
    mount(source, path, None, MS_BIND | MS_REC)
    make_read_only(path)


def leave_root_user() -> None:
    """Become nobody for good where this process is root: limits on processes do not bind root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        prctl(PR_SET_DUMPABLE, 1)


def enter_program(scratch_bytes: int) -> None:
    """Namespaces for one program: its scratch folder is empty, `/proc` is covered, its first child is PID 1."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC)
    map_identity(uid, gid)
    mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, f"size={scratch_bytes},nr_inodes=16384,mode=700")
    mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "size=4k,mode=555")
