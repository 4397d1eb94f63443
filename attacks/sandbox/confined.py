"""A machine within the machine: what runs in it cannot touch the real one, even as root and without a sandbox.

`confined(work)` calls `work` as PID 1 of new PID, mount, IPC, network and UTS namespaces (and a user namespace where
one is not root). The real file tree is there, read-only; `/tmp`, `/dev/shm` and one folder of the interpreter are
memory of bounded size; the network is a loopback device of its own. When PID 1 ends, the kernel ends all the rest.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator

from training.domains.sandbox import namespaces, syscalls

READABLE = os.path.join(sys.prefix, "include")
"""A folder that the sandbox shows to programs; memory here, so that files can be planted in it."""
_SPACES = (syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWNET
           | syscalls.CLONE_NEWUTS)
_MEMORY = 2 << 30
_END = {"end": True}
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


class NotConfined(RuntimeError):
    """The namespaces cannot be had here."""


def confined(work: Callable[[], Iterator[dict]], silence: float = 60.0) -> tuple[list[dict], bool]:
    """What `work` yields (as JSON carries it), and whether it came to its end: not if all in the namespaces was killed,
    or if nothing came for `silence` seconds. Raises NotConfined."""
    read, write = os.pipe()
    outer = os.fork()
    if outer == 0:
        os.close(read)
        _to_the_end(lambda: _outside(work, write))
    os.close(write)
    lines = _read_lines(read, silence)
    os.kill(outer, signal.SIGKILL)  # PID 1 dies with its parent
    os.waitpid(outer, 0)
    answers = [json.loads(line) for line in lines]
    if answers and "not confined" in answers[0]:
        raise NotConfined(f"the namespaces for an attack cannot be had here: {answers[0]['not confined']}")
    ended = bool(answers) and answers[-1] == _END
    return (answers[:-1] if ended else answers), ended


def _read_lines(read: int, silence: float) -> list[bytes]:
    """The whole lines that come before the end of the pipe, or before such a silence."""
    text = b""
    with open(read, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], silence)[0] and (part := pipe.read(1 << 16)):
            text += part
    return text.splitlines() if text.endswith(b"\n") else text.splitlines()[:-1]


def _to_the_end(step: Callable[[], None]) -> None:
    """In a forked child: the step, then the end of this process, whatever the step raises."""
    try:
        step()
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(1)


def _outside(work: Callable[[], Iterator[dict]], write: int) -> None:
    """In the child: make the namespaces, fork their PID 1, wait for it."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    uid, gid = os.geteuid(), os.getegid()
    try:
        syscalls.unshare(_SPACES | (syscalls.CLONE_NEWUSER if uid else 0))
        if uid:
            namespaces.map_identity(uid, gid)
    except OSError as error:
        return _tell(write, {"not confined": str(error)})
    first = os.fork()
    if first == 0:
        _to_the_end(lambda: _inside(work, write))
    os.close(write)
    os.waitpid(first, 0)


def _inside(work: Callable[[], Iterator[dict]], write: int) -> None:
    """PID 1: the file tree, the network, bounds; then the work."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        _enter_tree()
        _loopback_up()
    except OSError as error:
        return _tell(write, {"not confined": str(error)})
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for answer in work():
        _tell(write, answer)
    _tell(write, _END)


def _tell(write: int, answer: dict) -> None:
    """One line of JSON."""
    with open(write, "wb", closefd=False) as pipe:
        pipe.write(json.dumps(answer).encode() + b"\n")


def _enter_tree() -> None:
    """Everything read-only; over it, in memory, the folders that may change."""
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.make_read_only("/")
    for folder, size, mode in (("/tmp", "200m", "1777"), ("/dev/shm", "16m", "1777"), (READABLE, "16m", "755")):
        syscalls.mount("tmpfs", folder, "tmpfs", syscalls.MS_NOSUID, f"size={size},mode={mode}")
    syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID)
    os.chdir("/tmp")


def _loopback_up() -> None:
    """Bring up `lo`, so that connections to this machine work where nothing forbids them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))
