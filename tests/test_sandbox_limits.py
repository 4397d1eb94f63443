"""Programs that take too much, at every level this machine has. Each attack is bounded: if a wall were missing,
it would fork at most 50 processes, write or take at most 200 MB, and touch only what the test itself made."""

import os
import signal
import sys
import time

import pytest

from tests.sandboxed import attempt, processes_named, run
from training.domains.sandbox import Limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux")


FORKS = """
import os, time
made = 0
for _ in range(50):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(3)
        os._exit(0)
    made += 1
print(made)
"""


def test_processes_are_limited(level):
    allowed = 0 if level == "landlock" else 4
    assert run(FORKS, level, Limits(processes=5)).stdout == f"{allowed}\n"


THREADS = "import threading\nt = threading.Thread(target=print, args=('in a thread',))\nt.start()\nt.join()"


def test_threads_are_allowed(level):
    assert run(THREADS, level).stdout == "in a thread\n"


def test_memory_is_limited(level):
    code = attempt("x = bytearray(200 << 20)")
    assert run(code, level, Limits(memory_bytes=150 << 20)).stdout == "MemoryError\n"
    assert run(code, level).stdout == "open\n"


def test_files_are_limited(level):
    code = attempt("f = open('big', 'wb', buffering=0)\nfor _ in range(20): f.write(bytes(1 << 20))")
    assert run(code, level, Limits(file_bytes=4 << 20)).stdout != "open\n"


@pytest.mark.parametrize("fd", [1, 2])
def test_output_is_limited(level, fd):
    code = f"import os\nfor _ in range(200): os.write({fd}, b'x' * (1 << 20))"
    result = run(code, level, Limits(output_bytes=1000))
    assert result.killed == "output" and len((result.stdout, result.stderr)[fd - 1]) == 1000


def test_exactly_as_much_output_as_allowed_is_fine(level):
    result = run("print('x' * 999)", level, Limits(output_bytes=1000))
    assert (len(result.stdout), result.killed, result.returncode) == (1000, "", 0)


@pytest.mark.parametrize("code", [
    "while True: pass",
    "import time\ntime.sleep(60)",
    "import os\nos.closerange(0, 3)\nwhile True: pass",  # nothing left to read from it
    "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except OSError: pass\n"
    "while True: pass",  # deaf to every signal it can be deaf to
    "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",  # main has ended, not the thread
])
def test_time_is_limited_and_what_was_printed_is_kept(level, code):
    result = run("print('before', flush=True)\n" + code, level, Limits(seconds=0.4))
    assert (result.stdout, result.killed, result.timed_out) == ("before\n", "time", True)


ORPHAN = """
import ctypes, os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        ctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)
        os.write(write, b"x")
        time.sleep(20)
    os._exit(0)
os.read(read, 1)
print("daemon runs")
"""


def test_what_a_program_started_ends_with_it(level):
    name = f"orphan-{os.getpid() % 10**6}"
    code = ORPHAN.format(name=name)
    assert run(code, "none").stdout == "daemon runs\n"  # without walls a daemon gets away: the attack is a real one
    escaped = processes_named(name)
    for pid in escaped:
        os.kill(pid, signal.SIGKILL)
    assert len(escaped) == 1
    while processes_named(name):
        time.sleep(0.01)
    stdout = run(code, level).stdout
    assert stdout == ("" if level == "landlock" else "daemon runs\n") and processes_named(name) == []


@pytest.mark.parametrize("field", ["seconds", "memory_bytes", "processes", "output_bytes", "file_bytes"])
def test_limits_are_positive(field):
    with pytest.raises(ValueError, match=field):
        Limits(**{field: 0})
