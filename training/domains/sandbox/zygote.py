"""The zygote: a small interpreter behind the walls that forks a fresh process for every program.

It never reads a request itself. It waits until one has come, forks a keeper, and the keeper reads it, makes the
program's walls, forks the program, watches it and answers. So a program's process has seen no other program's data.
Started by `pool.py` as `python -c START folder socket level readable...`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import math
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Callable

from . import landlock, messages, namespaces, seccomp, syscalls, usage
from .clearing import clear
from .keeper import keep
from .program import Limits
from .waiting import Waiting

_NAMESPACES = ("bubblewrap", "namespaces")


def main(arguments: list[str]) -> None:
    """Enter the walls, say so, then serve until the pool closes the channel. OSError where there are no such walls."""
    channel, level, readable = socket.socket(fileno=int(arguments[0])), arguments[1], arguments[2:]
    if level == "namespaces":
        namespaces.enter_root(readable)
    if level in _NAMESPACES:
        namespaces.leave_root_user()
    gc.freeze()  # so that a program's own objects are all a collection looks at
    messages.send(channel, {"ready": True})
    while channel.recv(1, socket.MSG_PEEK):
        keeper = os.fork()
        if keeper == 0:
            answer(channel, level, readable)
            os._exit(0)
        if os.waitpid(keeper, 0)[1]:
            return  # it could not answer: the pool sees the channel close


def answer(channel: socket.socket, level: str, readable: list[str]) -> None:
    """In the keeper: read one request, run it, answer. In the program's process, forked here: never returns."""
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    request = messages.receive(channel)
    limits, stdin = Limits(**request["limits"]), request["stdin"].encode("utf-8", "surrogatepass")
    try:
        proc = os.open("/proc", os.O_RDONLY) if sys.platform == "linux" else -1
        scratch = _scratch(level, limits.file_bytes + len(stdin))
        pipes = [os.pipe() for _ in range(3)]
        child = os.fork()
    except OSError as error:
        return messages.send(channel, {"error": f"the program's walls could not be made: {error}"})
    if child == 0:
        _become_program(level, readable, scratch, limits, stdin, [write for _, write in pipes], channel)
        _run([request["code"], *request["checks"]], request["argv"], pipes[2][1])
    for _, write in pipes:
        os.close(write)
    result = keep(child, [read for read, _ in pipes], limits, channel, _look(level, proc, limits, scratch),
                  Waiting(proc).seconds)
    if level not in _NAMESPACES:
        with contextlib.suppress(OSError):  # without walls, what a program left may still write there
            clear(scratch)
    messages.send(channel, result)


def _scratch(level: str, size: int) -> str:
    """A new empty folder: in memory and sized with the namespaces (which this enters), on disk otherwise."""
    if level in _NAMESPACES:
        namespaces.enter_program(size)
        return namespaces.SCRATCH
    return tempfile.mkdtemp(prefix="program-")


def _look(level: str, proc: int, limits: Limits, scratch: str) -> Callable[[int], str]:
    """What the walls of a level leave to be watched: the limit that a process has passed, or empty."""
    if level in _NAMESPACES:
        return lambda child: usage.passed_memory(proc, child, limits)
    if level == "landlock":
        return lambda child: usage.passed_alone(proc, child, limits, scratch)
    return lambda child: ""


def _become_program(
    level: str, readable: list[str], scratch: str, limits: Limits, stdin: bytes, writers: list[int],
    channel: socket.socket,
) -> None:
    """In the child: standard streams, limits, then the walls; every other descriptor is closed but the status pipe."""
    status = writers[2]
    try:
        os.setsid()
        os.chdir(scratch)
        os.environ.update(HOME=scratch, TMPDIR=scratch)
        _streams(stdin, writers)
        channel.close()
        os.closerange(3, status)
        os.closerange(status + 1, 4096)
        os.set_inheritable(status, False)
        _limit(limits, processes=level in _NAMESPACES)
        if sys.platform == "linux":
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            if level == "landlock":
                landlock.restrict(readable, [scratch, "/dev/null"])
            if level != "none":
                syscalls.drop_capabilities()
                seccomp.install(alone=level == "landlock")
        os.write(status, b"S")
    except OSError as error:
        os.write(status, f"E{error}".encode())
        os._exit(1)


def _streams(stdin: bytes, writers: list[int]) -> None:
    """Standard input from an unlinked file that holds `stdin`; output and errors to the keeper's pipes."""
    source = os.open(".stdin", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(".stdin")
    with open(source, "r+b", closefd=False) as file:
        file.write(stdin)
    os.lseek(source, 0, os.SEEK_SET)
    for target, origin in enumerate((source, *writers[:2])):
        os.dup2(origin, target)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


def _limit(limits: Limits, processes: bool) -> None:
    """The kernel's limits. Of processes one more than asked, for the keeper is in the program's user namespace."""
    cpu = math.ceil(limits.seconds) + 1
    chosen = {resource.RLIMIT_AS: limits.memory_bytes, resource.RLIMIT_FSIZE: limits.file_bytes,
              resource.RLIMIT_CPU: cpu, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 256}
    if processes:
        chosen[resource.RLIMIT_NPROC] = limits.processes + 1
    for name, value in chosen.items():
        hard = resource.getrlimit(name)[1]
        value = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(name, (value, value))


def _run(sources: list[str], argv: list[str], status: int) -> None:
    """Run the source in a module of its own, close down, and end this process."""
    name = "solution" if len(sources) > 1 else "__main__"
    module = types.ModuleType(name)
    sys.modules[name], sys.argv = module, ["program.py", *argv]
    returncode = _guarded(lambda: _execute(sources, module, status))
    del sys.modules[name]
    returncode = _guarded(_wait_for_threads) or returncode
    module.__dict__.clear()
    os._exit(_guarded(_close_files) or returncode)


def _execute(sources: list[str], module: types.ModuleType, status: int) -> None:
    """The code, then its checks, in one namespace; a mark for each that comes to its end."""
    for number, source in enumerate(sources):
        name = f"check{number}.py" if number else "program.py"
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
        os.write(status, b"D")


def _guarded(step) -> int:
    """Call `step` with the interpreter's own manners: its exit status, a traceback on stderr for what it raises."""
    try:
        step()
    except SystemExit as asked:
        if asked.code is None or isinstance(asked.code, int):
            return (asked.code or 0) & 0xFF
        print(asked.code, file=sys.stderr)
        return 1
    except BaseException as error:  # noqa: B036 - any end of the program is its end, KeyboardInterrupt too
        traceback.print_exception(type(error), error, _own_frames(error.__traceback__))
        return 1
    return 0


def _own_frames(trace: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback without the frames of this file."""
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _wait_for_threads() -> None:
    """What the interpreter does first when a program ends: threads that are not daemons, then exit functions."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()


def _close_files() -> None:
    """What it does last: objects that own unwritten output write it when they go; the standard streams are flushed."""
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
