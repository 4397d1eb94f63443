"""The sandbox at work: ordinary programs run as anywhere, the pool survives its losses, and it says what protects."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from attacks.concurrent import orphans_come_here
from tests.sandboxed import ROOT, WALLED, children, living, run
from training.domains.sandbox import (
    LEVELS,
    Pool,
    Program,
    SandboxUnavailable,
    protection,
    run_program,
    run_programs,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux")


ORDINARY = {
    "stdin": ("print(int(input()) + int(input()))", "2\n3\n", "5\n", 0),
    "no stdin at all: EOFError": ("input()", "", "", 1),
    "exit after printing keeps the print": ("import sys\nprint(1)\nsys.exit()", "", "1\n", 0),
    "exit status": ("raise SystemExit(7)", "", "", 7),
    "exit with a message: status 1": ("import sys\nsys.exit('bad')", "", "", 1),
    "os._exit with output not flushed": ("import os\nprint(1)\nos._exit(3)", "", "", 3),
    "bytes out": ("import sys\nsys.stdout.buffer.write(b'a\\n')", "", "a\n", 0),
    "bytes that are not UTF-8": ("import sys\nsys.stdout.buffer.write(b'\\xff\\n')", "", "\ufffd\n", 0),
    "bytes in": ("import sys\nprint(len(sys.stdin.buffer.read()))", "\u00e9", "2\n", 0),
    "future import first": ("from __future__ import annotations\ndef f(x: no): return x\nprint(f(1))", "", "1\n", 0),
    "triple quotes are not indented": ("print('''a\nb''')", "", "a\nb\n", 0),
    "main guard": ("if __name__ == '__main__':\n    print('main')", "", "main\n", 0),
    "its own module": ("x = 5\nimport __main__\nprint(__main__.x)", "", "5\n", 0),
    "output in an exit function": ("import atexit\natexit.register(print, 'bye')", "", "bye\n", 0),
    "output in a thread that outlives main": (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.05), print('t'))).start()", "", "t\n", 0),
    "a file object on fd 1, never closed": ("out = open(1, 'w', closefd=False)\nout.write('x')", "", "x", 0),
    "a lone surrogate in the source": ("print('\ud800')", "", "", 1),
    "a null in the source": ("print(1)\0", "", "", 1),
    "deep recursion": ("import sys\nsys.setrecursionlimit(10**5)\ndef f(n): return n and f(n - 1)\nprint(f(5000))",
                       "", "0\n", 0),
    "scratch": ("import os\nopen('a', 'w').write('x')\nprint(os.listdir('.'))", "", "['a']\n", 0),
    "sets in a fixed order": ("print(hash('a') == hash('a'), len({'a', 'b'}))", "", "True 2\n", 0),
    "a library module that nobody has loaded yet": ("import colorsys\nprint(colorsys.ONE_THIRD < 1)", "", "True\n", 0),
    "a package of the environment": ("import numpy\nprint(numpy.arange(3).sum())", "", "3\n", 0),
    "empty": ("", "", "", 0),
}


@pytest.mark.parametrize("case", ORDINARY)
def test_ordinary_programs(case, level):
    code, stdin, stdout, returncode = ORDINARY[case]
    result = run_program(Program(code, stdin=stdin), protection=level)
    assert (result.stdout, result.returncode, result.killed, result.error) == (stdout, returncode, "", "")


def test_stderr_is_apart_and_shows_only_the_program(level):
    result = run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n1 / 0", level, argv=("x",))
    assert result.stdout == "out\n" and result.stderr.startswith("err\nTraceback")
    assert result.stderr.endswith("ZeroDivisionError: division by zero\n") and "zygote" not in result.stderr


@pytest.mark.parametrize(("code", "checks", "completed"), [
    ("x = 1", (), 1),
    ("x = 1", ("assert x == 1", "assert x == 2", "assert x == 1"), 2),
    ("raise SystemExit(0)", ("assert False",), 0),  # leaving early, with status 0, is not passing
    ("import os\nos._exit(0)", ("assert False",), 0),
    ("if __name__ == '__main__':\n    input()\nx = 1", ("assert x",), 2),  # imported: the guard does not fire
])
def test_completed_counts_what_ran_to_its_end(code, checks, completed):
    assert run_program(Program(code, checks=checks)).completed == completed


def test_batches_keep_their_order_and_share_nothing(level):
    leaky = ("import os, math, builtins\nprint(os.listdir('.'), hasattr(math, 'leak'), os.environ.get('LEAK'))\n"
             "open('leak', 'w').close()\nmath.leak = 1\nos.environ['LEAK'] = '1'\nprint({})")
    results = run_programs([Program(leaky.format(n)) for n in range(12)], protection=level)
    assert [r.stdout for r in results] == [f"[] False None\n{n}\n" for n in range(12)]


def test_a_program_does_not_find_the_one_before_it_in_memory(level):
    with Pool(level, workers=1) as pool:
        pool.run([Program("x = 'secret of ' + 'the first'  # marker-71")])
        hunt = ("import gc\nfor n in (71, 72):\n    print(sum('-'.join(['marker', str(n)]) in repr(o) for o in "
                "gc.get_objects() if isinstance(o, (dict, list, tuple))) > 0)  # marker-72")
        assert pool.run([Program(hunt)])[0].stdout == "False\nTrue\n"  # its own source it does find


def test_a_lost_zygote_is_replaced_and_the_program_run(level):
    with Pool(level, workers=1) as pool:
        before = children()
        with Pool(level, workers=1) as other:
            (zygote,) = children() - before
            os.killpg(zygote, signal.SIGKILL)
            assert [r.stdout for r in other.run([Program("print(1)")] * 3)] == ["1\n"] * 3
        assert pool.run([Program("print(2)")])[0].stdout == "2\n"
        assert children() == before


def test_a_program_whose_sandbox_dies_every_time_is_reported_as_such(level):
    others, done = children(), []
    with Pool(level, workers=1) as pool:
        caller = threading.Thread(target=lambda: done.extend(pool.run([Program("import time\ntime.sleep(4)")])))
        caller.start()
        while caller.is_alive():
            at_work = {parent for _, parent, _ in living()}
            for zygote in (children() - others) & at_work:
                os.killpg(zygote, signal.SIGKILL)
            time.sleep(0.01)
        assert (done[0].returncode, done[0].stdout, done[0].completed) == (None, "", 0) and done[0].error
        assert pool.run([Program("print(1)")])[0].stdout == "1\n"


def test_threads_share_a_pool():
    seen = {}

    def caller(n):
        seen[n] = [r.stdout for r in run_programs([Program(f"print({n}, {k})") for k in range(5)])]

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {n: [f"{n} {k}\n" for k in range(5)] for n in range(6)}


def test_a_forked_process_makes_its_own_pool_and_leaves_ours_alone():
    driver = textwrap.dedent("""
        import os
        from training.domains.sandbox import Pool, Program, run_program
        own = Pool()
        print(run_program(Program("print('parent')")).stdout, end="", flush=True)
        pid = os.fork()
        if pid == 0:
            print(run_program(Program("print('child')")).stdout, end="")
            try:
                own.run([Program("")])
            except RuntimeError as error:
                print(error)
            raise SystemExit
        os.waitpid(pid, 0)
        print(run_program(Program("print('parent still')")).stdout, end="")
        own.close()
        """)
    done = subprocess.run([sys.executable, "-c", driver], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines() == [
        "parent", "child", "a sandbox pool belongs to the process that made it; make another one after a fork",
        "parent still"], done.stderr
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("ending", ["", "import os; os.kill(os.getpid(), 9)"])
def test_nothing_is_left_after_exit_or_after_a_kill(ending, tmp_path):
    driver = (f"import ctypes\nctypes.CDLL(None)\nfrom training.domains.sandbox import *\n"
              f"run_program(Program('print(1)'))\n{ending}")
    with orphans_come_here():
        before = children()
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        subprocess.run([sys.executable, "-c", driver], cwd=ROOT, env=environment, timeout=60)
        patience = time.monotonic() + 10
        while children() - before and time.monotonic() < patience:
            time.sleep(0.02)
        assert children() - before == set()
    assert ending or os.listdir(tmp_path) == []


def test_unknown_protection_names_the_choices():
    with pytest.raises(ValueError, match="'chroot'.*" + ", ".join(LEVELS)):
        run_program(Program(""), protection="chroot")


def test_protection_says_what_is_active():
    assert protection() in WALLED
    assert protection("none") == "none"


def test_without_any_protection_it_refuses(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxUnavailable, match="protection='none'.*sandbox-exec"):
        Pool("sandbox-exec", workers=1)
