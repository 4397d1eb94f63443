"""Limits are exact where the kernel keeps them, named where the keeper does, and no honest program meets them.

Programs that try to get around them are in `attacks/sandbox/bombs.py`."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from attacks.processes import below
from tests.sandboxed import ROOT, attempt, run
from training.domains.sandbox import Limits, Pool, Program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


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


THREAD = "import threading\nt = threading.Thread(target=print, args=('in a thread',))\nt.start()\nt.join()"


def test_threads_are_allowed(level):
    assert run(THREAD, level).stdout == "in a thread\n"


def test_memory_is_limited(level):
    code = attempt("x = bytearray(200 << 20)")
    assert run(code, level, Limits(memory_bytes=150 << 20)).stdout == "MemoryError\n"
    assert run(code, level).stdout == "open\n"


THREADS = ("import threading, time\nthreading.stack_size(1 << 16)\n"
           "for _ in range(40): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\ntime.sleep(9)")
FILES = "import time\nfor n in range(9):\n    open(f'f{n}', 'wb').write(bytes(1 << 20))\ntime.sleep(9)"
TOGETHER = "import os, time\nfor _ in range(3): os.fork()\nx = bytearray(b'x') * (30 << 20)\ntime.sleep(9)"


@pytest.mark.parametrize(("code", "limits", "killed"), [
    (THREADS, Limits(processes=20), {"landlock": "processes"}),
    (FILES, Limits(file_bytes=4 << 20), {"landlock": "files"}),
    (TOGETHER, Limits(memory_bytes=120 << 20), {"bubblewrap": "memory", "namespaces": "memory"}),
])
def test_what_the_kernel_does_not_limit_is_watched(code, limits, killed, level):
    assert run(code, level, limits).killed == killed.get(level, "")


def test_memory_that_processes_share_counts_once(level):
    code = ("import os, time\nx = bytearray(b'x') * (70 << 20)\nprint(len(x) >> 20, flush=True)\n"
            "children = [os.fork() for _ in range(2)]\ntime.sleep(0.3)\nif all(children): print('done')")
    result = run(code, level, Limits(memory_bytes=190 << 20))
    assert (result.stdout, result.killed) == ("70\n" if level == "landlock" else "70\ndone\n", "")


LEFT = {
    "closed": "import os\nos.mkdir('a')\nos.mkdir('a/b')\nopen('a/b/c', 'w')\nos.mkdir('d', 0)\nos.mkfifo('e')",
    "names that clearing uses": "import os\nfor n in range(3): os.makedirs(f'.clearing-{n}/.clearing-{n}/x')",
}


@pytest.mark.parametrize("case", LEFT)
@pytest.mark.parametrize("level_on_disk", ["landlock", "none"])
def test_whatever_a_program_leaves_on_disk_is_removed(case, level_on_disk, tmp_path, monkeypatch, request):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Pool(level_on_disk, workers=1) as pool:
        assert pool.run([Program(LEFT[case]), Program("print(1)")])[1].stdout == "1\n"
        (scratch,) = tmp_path.iterdir()
        assert os.listdir(scratch) == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("fd", [1, 2])
def test_output_is_limited(level, fd):
    code = f"import os\nfor _ in range(200): os.write({fd}, b'x' * (1 << 20))"
    result = run(code, level, Limits(output_bytes=1000))
    assert result.killed == "output" and len((result.stdout, result.stderr)[fd - 1]) == 1000


def test_exactly_as_much_output_as_allowed_is_fine(level):
    result = run("print('x' * 999)", level, Limits(output_bytes=1000))
    assert (len(result.stdout), result.killed, result.returncode) == (1000, "", 0)


@pytest.mark.parametrize("code", ["while True: pass", "import os\nos.closerange(0, 3)\nwhile True: pass"])
def test_time_is_limited_and_what_was_printed_is_kept(level, code):
    result = run("print('before', flush=True)\n" + code, level, Limits(seconds=0.4))
    assert (result.stdout, result.killed, result.timed_out) == ("before\n", "time", True)


CROWDED = """
import os, subprocess, sys, time
from training.domains.sandbox import Limits, Pool, Program

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
spin = [sys.executable, "-c", "print(flush=True)\\nwhile True: pass"]  # each in a session: schedulers may group by it
busy = [subprocess.Popen(spin, stdout=subprocess.PIPE, start_new_session=True) for _ in range(4)]
for process in busy:
    process.stdout.readline()
try:
    with Pool(sys.argv[1]) as pool:
        for work in ("while time.process_time() < 0.3: pass", "time.sleep(60)", "while True: pass"):
            started = time.monotonic()
            result, = pool.run([Program("import time\\n" + work)], Limits(seconds=0.5))
            print(result.killed or result.returncode, time.monotonic() - started > 0.5)
finally:
    for process in busy:
        process.kill()
"""


def test_time_without_a_processor_does_not_count(level):
    """On one core with four busy processes: work of .3 s is done; who sleeps, or never ends, is ended all the same."""
    done = subprocess.run([sys.executable, "-c", CROWDED, level], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["0 True", "time True", "time True"], done.stderr


def test_time_in_which_the_machine_stands_still_does_not_count(level):
    with Pool(level, workers=1) as pool, ThreadPoolExecutor(1) as thread:
        code = "import time\nwhile time.process_time() < 0.4: pass"
        before = set(below(os.getpid()))
        running = thread.submit(pool.run, [Program(code)], Limits(seconds=0.8))
        time.sleep(0.2)
        new = set(below(os.getpid())) - before  # the program and its keeper
        for pid in new:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)
        for pid in new:
            os.kill(pid, signal.SIGCONT)
        result, = running.result()
    assert new and (result.killed, result.returncode) == ("", 0)


@pytest.mark.parametrize("field", ["seconds", "memory_bytes", "processes", "output_bytes", "file_bytes"])
def test_limits_are_positive(field):
    with pytest.raises(ValueError, match=field):
        Limits(**{field: 0})
