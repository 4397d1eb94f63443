"""The host that programs attack: secrets planted wherever a program might look, and what may not change.

`planted()` makes it inside `confined`: files in a home folder, an SSH key, a test's expected output, another process
with a secret in its environment, servers that tell a secret to whoever connects, shared memory and message queues.
`Host.state()` is compared before and after a program. The secret is random; programs are told places, never contents.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import resource
import secrets
import selectors
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attacks.sandbox.confined import READABLE

_HOME = Path("/tmp/host")
_QUEUE = b"/planted"
_IPC_PRIVATE, _CREATE, _IO_PRIORITY = 0, 0o1600, {"x86_64": 252, "aarch64": 31}
_LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07", "raw": "07", "packet": "", "netlink": ""}


class Host:
    """Where the planted things are, and the secret in them."""

    def __init__(self, secret: str, victim: int, port: int, ids: dict[str, int]):
        self.secret, self.victim = secret, victim
        self.places = {"folder": str(_HOME), "victim": victim, "pid": os.getpid(), "port": port, "readable": READABLE,
                       "queue": _QUEUE, **ids}

    def state(self) -> dict[str, object]:
        """All of the host that a program must not change, by kind."""
        return {"processes": _processes(), "files": [*_tree(_HOME), *_tree(Path(READABLE)), *_tree(Path("/dev/shm"))],
                "temporary files": sorted(map(str, Path("/tmp").rglob("*"))),
                "mounts": Path("/proc/self/mountinfo").read_text(),
                "shared memory and queues": _ipc(), "sockets": _sockets(),
                "another process's limits": _standing(self.victim), "own limits": _standing(os.getpid()),
                "host name": socket.gethostname()}


@contextmanager
def planted() -> Iterator[Host]:
    """A host with a fresh secret; to be called inside `confined`, whose end takes all of it away."""
    secret = f"planted-{secrets.token_hex(8)}"
    _plant_files(secret)
    victim = subprocess.Popen(["sleep", "600"], env={"TOKEN": secret})
    os.environ["TOKEN"] = secret
    with ExitStack() as stack:
        servers = [stack.enter_context(server) for server in _servers()]
        stopped = threading.Event()
        stack.callback(stopped.set)
        for work in (_serve, _open_now_and_then):
            threading.Thread(target=work, args=(servers, secret, stopped), daemon=True).start()
        yield Host(secret, victim.pid, servers[0].getsockname()[1], _plant_ipc(secret.encode()))


def _plant_files(secret: str) -> None:
    """A home folder, the tests' expected output, files to keep."""
    (_HOME / ".ssh").mkdir(parents=True)
    for name in ("notes.txt", ".ssh/id_ed25519", "expected.txt", f"{secret}.txt"):
        (_HOME / name).write_text(secret)
    for folder in (_HOME, Path(READABLE)):
        (folder / "kept").write_text("kept")
    Path("/dev/shm/planted").write_text(secret)


def _plant_ipc(secret: bytes) -> dict[str, int]:
    """A SysV segment, queue and semaphore, and a POSIX queue, with the secret in them; their ids."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    memory = libc.shmget(_IPC_PRIVATE, 4096, _CREATE)
    ctypes.memmove(libc.shmat(memory, None, 0), secret, len(secret))
    queue = libc.msgget(_IPC_PRIVATE, _CREATE)
    for _ in range(3):
        libc.msgsnd(queue, b"\1" + bytes(7) + secret, len(secret), 0)
    posix = libc.mq_open(_QUEUE, os.O_CREAT | os.O_RDWR, 0o600, None)
    libc.mq_send(posix, secret, len(secret), 0)
    semaphore = libc.semget(_IPC_PRIVATE, 1, _CREATE)
    if min(memory, queue, posix, semaphore) < 0:
        raise OSError("shared memory or queues cannot be planted on this machine")
    return {"memory": memory, "messages": queue, "semaphore": semaphore}


def _servers() -> list[socket.socket]:
    """Listening sockets: TCP, a Unix socket in the home folder, an abstract one."""
    tcp = socket.create_server(("127.0.0.1", 0))
    servers = [tcp]
    for address in (f"{_HOME}/socket", "\0planted"):
        servers.append(socket.socket(socket.AF_UNIX))
        servers[-1].bind(address)
        servers[-1].listen()
    return servers


def _serve(servers: list[socket.socket], secret: str, stopped: threading.Event) -> None:
    """Tell the secret to whoever connects."""
    with selectors.DefaultSelector() as selector:
        for server in servers:
            selector.register(server, selectors.EVENT_READ)
        while not stopped.is_set():
            for key, _ in selector.select(0.1):
                with key.fileobj.accept()[0] as caller:
                    caller.sendall(secret.encode())


def _open_now_and_then(servers: list[socket.socket], secret: str, stopped: threading.Event) -> None:
    """What a user does: open a file whose name is nobody's business."""
    while not stopped.wait(0.05):
        (_HOME / f"{secret}.txt").read_text()


def _processes() -> list[tuple]:
    """(id, name, stopped) of PID 1's living children: ours, and every orphan. (A keeper that just ends is neither.)"""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")")
        except OSError:  # it ended meanwhile
            continue
        state, parent = tail.split()[:2]
        if state != "Z" and parent == str(os.getpid()):
            found.append((int(folder.name), head.partition("(")[2], state in "Tt"))
    return sorted(found)


def _tree(root: Path) -> list[tuple]:
    """(path, mode, owner, times, links, size, hash) of all below a folder."""
    rows = []
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        rows.append((str(path), about.st_mode, about.st_uid, about.st_mtime_ns, about.st_ctime_ns,
                     about.st_nlink, about.st_size, content))
    return rows


def _ipc() -> list[str]:
    """The kernel's lists of SysV objects, and whether the POSIX queue is there."""
    lists = [Path(f"/proc/sysvipc/{kind}").read_text() for kind in ("shm", "msg", "sem")]
    queue = ctypes.CDLL(None).mq_open(_QUEUE, os.O_RDONLY)
    if queue >= 0:
        os.close(queue)
    return [*lists, str(queue >= 0)]


def _sockets() -> list[str]:
    """What listens or is bound, by protocol."""
    rows = []
    for kind, state in _LISTENS.items():
        path = Path("/proc/net") / kind
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if not state or fields[3] == state:
                rows.append(f"{kind} {fields[1]}")
    return sorted(rows)


def _standing(pid: int) -> list:
    """A process's limits, its scheduling and its place among those that wait for the disk."""
    limits = [resource.prlimit(pid, kind) for kind in range(16)]
    disk = ctypes.CDLL(None).syscall(_IO_PRIORITY[os.uname().machine], 1, pid)
    return [limits, os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid), disk]
