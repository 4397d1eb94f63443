"""The keeper's watch: read what a program writes, end it when it is over a limit, and say how it ended."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable

from .program import STARVED, Limits

_CHUNK = 1 << 16
_BETWEEN_LOOKS = 0.05


def keep(
    child: int, readers: list[int], limits: Limits, channel: socket.socket, look: Callable[[int], str],
    waited: Callable[[int], float]
) -> dict:
    """Watch process `child`, whose stdout, stderr and status are `readers`, to its end; the fields of a RunResult.

    look: called now and then with `child`; the limit it has passed, or empty. waited: called as often, and when the
    time is over by the clock; the seconds for which `child` had no processor.
    """
    texts = {fd: bytearray() for fd in readers}
    still_open, killed, ended, late = set(readers), "", 0, 0.0
    start = looked = time.monotonic()
    deadline, next_look = start + limits.seconds, start + _BETWEEN_LOOKS
    while not ended:
        seconds = min(_BETWEEN_LOOKS if still_open else 0.001, max(0.0, deadline - time.monotonic()))
        _read(texts, still_open, limits.output_bytes, seconds, channel)
        ended, status = os.waitpid(child, os.WNOHANG)
        late += max(0.0, time.monotonic() - looked - 2 * _BETWEEN_LOOKS)  # the machine stood still
        looked = time.monotonic()
        killed = "" if ended else _passed(texts, limits, deadline)
        if killed == "time" and (later := start + _time(limits, late + waited(child))) > time.monotonic():
            killed, deadline = "", later
        if not (ended or killed) and time.monotonic() >= next_look:
            waited(child)  # so that it knows since when, once the time is over
            killed, next_look = look(child), time.monotonic() + _BETWEEN_LOOKS
        if killed or (not ended and _closed(channel)):
            _end(child)
            ended, status = os.waitpid(child, 0)
    _end(child)
    while _read(texts, still_open, limits.output_bytes, 0.0):
        pass
    killed = killed or _passed(texts, limits, float("inf"))
    return _result([bytes(texts[fd][: limits.output_bytes]) for fd in readers], status, killed)


def _read(texts: dict, still_open: set, most: int, seconds: float, channel: socket.socket | None = None) -> bool:
    """Wait at most so long for something to read, and read it; False when there was nothing, or one text is full."""
    poll = select.poll()
    for fd in [*still_open, *([channel] if channel else [])]:
        poll.register(fd, select.POLLIN)
    ready = [fd for fd, _ in poll.poll(seconds * 1000) if fd in still_open]
    for fd in ready:
        part = os.read(fd, _CHUNK)
        texts[fd] += part
        if not part:
            still_open.discard(fd)
    return bool(ready) and all(len(text) <= most for text in texts.values())


def _passed(texts: dict, limits: Limits, deadline: float) -> str:
    """The limit that is passed: "output", "time", or none."""
    if any(len(text) > limits.output_bytes for text in texts.values()):
        return "output"
    return "time" if time.monotonic() >= deadline else ""


def _time(limits: Limits, lost: float) -> float:
    """Seconds by the clock for a program that could do nothing in some of them."""
    return limits.seconds + min(lost, (STARVED - 1) * limits.seconds)


def _closed(channel: socket.socket) -> bool:
    """Has the pool gone? It sends nothing while it waits for an answer."""
    try:
        return not channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _end(child: int) -> None:
    """Kill a program and its process group; where it is PID 1 of a namespace the kernel kills all the rest."""
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone, or (macOS) a group of zombies
            continue


def _result(texts: list[bytes], status: int, killed: str) -> dict:
    """The fields of a RunResult. Without its first mark the program never began: that is the sandbox's failure."""
    stdout, stderr, marks = texts
    if not marks.startswith(b"S") and not killed:
        reason = (marks[1:] or stderr).decode(errors="replace").strip()
        return {"error": f"the program could not be started: {reason[-500:] or 'it ended in its walls'}"}
    return {"stdout": stdout.decode(errors="replace"), "stderr": stderr.decode(errors="replace"),
            "returncode": os.waitstatus_to_exitcode(status), "completed": marks.count(b"D"),
            "killed": killed}
