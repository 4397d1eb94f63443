"""Programs that attack the sandbox, at every level this machine has. Each attack is bounded: if a wall were missing,
it would fork at most 50 processes, write or take at most 200 MB, and touch only what the test itself made."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from training.domains.sandbox import (
    LEVELS,
    Limits,
    Pool,
    Program,
    SandboxUnavailable,
    protection,
    run_program,
    run_programs,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux")
WALLED = ("bubblewrap", "namespaces", "landlock")
ROOT = str(Path(__file__).parents[1])


@pytest.fixture(params=WALLED)
def level(request):
    try:
        return protection(request.param)
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def run(code, level, limits=None, **fields):
    result = run_program(Program(textwrap.dedent(code), **fields), limits, level)
    assert result.error == ""
    return result


def attempt(attack: str) -> str:
    """A program that prints "open" when the attack works and the error's name when it does not."""
    return "try:\n" + textwrap.indent(textwrap.dedent(attack).strip(), "    ") + (
        "\n    print('open')\nexcept BaseException as error:\n    print(type(error).__name__)\n")


def living():
    """(id, parent's id, name) of this machine's processes, without those that ended and are not yet waited for."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")")
        except OSError:  # it ended while we looked
            continue
        state, parent = tail.split()[:2]
        if state != "Z":
            yield int(folder.name), int(parent), head.partition("(")[2]


def processes_named(name):
    """The ids of the living processes that call themselves so."""
    return [pid for pid, _, called in living() if called == name]


def children():
    """The ids of this process's living children."""
    return {pid for pid, parent, _ in living() if parent == os.getpid()}


# --- what a program may do ---------------------------------------------------------------------------------------

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


# --- what it may not ---------------------------------------------------------------------------------------------

def test_no_network_even_to_this_machine(level):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        code = attempt(f"import socket\nsocket.create_connection({address!r}, timeout=1)")
        assert run(code, "none").stdout == "open\n"  # the attack works where there is no wall
        assert run(code, level).stdout == "PermissionError\n"


def test_no_sight_of_the_users_files_or_environment(level, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    monkeypatch.setenv("MY_TOKEN", "hidden")
    code = attempt(f"assert open({str(secret)!r}).read() == 'hidden'")
    assert run(code, "none").stdout == "open\n"
    assert run(code, level).stdout in ("PermissionError\n", "FileNotFoundError\n")
    assert run("import os\nprint('MY_TOKEN' in os.environ)", level).stdout == "False\n"
    parent = attempt(f"open('/proc/{os.getpid()}/environ').read()")
    assert run(parent, level).stdout in ("PermissionError\n", "FileNotFoundError\n")


WRITES = {
    "create": "open({folder!r} + '/new', 'w')",
    "truncate": "import os\nos.truncate({file!r}, 0)",
    "truncate by opening": "import os\nos.open({file!r}, os.O_RDONLY | os.O_TRUNC)",
    "remove": "import os\nos.unlink({file!r})",
    "rename": "import os\nos.rename({file!r}, {file!r} + '2')",
    "mode": "import os\nos.chmod({file!r}, 0)",
    "times": "import os\nos.utime({file!r}, (1, 1))",
    "a link to it": "import os\nos.link({file!r}, 'mine')",
    "the interpreter's folder": "import os, sys\nopen(sys.prefix + '/sandbox-was-here', 'w')",
    "the system": "open('/usr/sandbox-was-here', 'w')",
}


@pytest.mark.parametrize("way", WRITES)
def test_no_writes_outside_scratch(way, level, tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    before = file.stat()
    code = attempt(WRITES[way].format(folder=str(tmp_path), file=str(file)))
    assert run(code, level).stdout in ("PermissionError\n", "FileNotFoundError\n", "OSError\n")
    after = file.stat()
    assert file.read_text() == "kept" and os.listdir(tmp_path) == ["file"]
    assert (before.st_mode, before.st_mtime, before.st_nlink) == (after.st_mode, after.st_mtime, after.st_nlink)
    assert not Path("/usr/sandbox-was-here").exists() and not Path(sys.prefix, "sandbox-was-here").exists()


SYSTEM_CALLS = {  # what each reaches for; all by libc, so that Python's own checks are not in the way
    "trace another process": "libc.ptrace(16, {parent}, 0, 0)",
    "new namespaces": "libc.unshare(0x10000000)",
    "mount": "libc.mount(b'none', b'/scratch', b'tmpfs', 0, None)",
    "change root": "libc.chroot(b'.')",
    "shared memory": "libc.shmget(0, 4096, 0o1600)",
    "memory files": "libc.memfd_create(b'x', 0)",
    "limits of another process": "libc.prlimit({parent}, 7, None, ctypes.create_string_buffer(16))",
    "become root": "libc.setuid(0) or libc.chown(b'/usr', 1, 1)",
}


@pytest.mark.parametrize("call", SYSTEM_CALLS)
def test_system_calls_that_reach_out_fail(call, level):
    code = f"import ctypes\nlibc = ctypes.CDLL(None)\nprint({SYSTEM_CALLS[call].format(parent=os.getpid())})"
    assert run(code, level).stdout == "-1\n"


def test_signals_reach_nobody_else(level):
    with subprocess.Popen(["sleep", "30"]) as victim:
        run(f"import os\nfor pid in ({victim.pid}, os.getppid()):\n    try: os.kill(pid, 9)\n"
            "    except OSError: pass\n", level)
        assert victim.poll() is None
        victim.kill()
    assert run("print('still served')", level).stdout == "still served\n"


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare(1), to hold the attack in a PID namespace")
def test_killing_everything_kills_nothing_else(level):
    driver = ("from training.domains.sandbox import *\n"
              "r = run_program(Program('import os, signal\\ntry: os.kill(-1, 9)\\nexcept OSError: pass'), "
              f"protection={level!r})\nprint(r.error or 'survived')")
    walls = ["unshare", "--fork", "--pid", *(["--user"] if os.geteuid() else []), "--kill-child"]
    if subprocess.run([*walls, "true"], capture_output=True).returncode:
        pytest.skip("no PID namespace can be had for this attack")
    done = subprocess.run([*walls, "--mount-proc", sys.executable, "-c", driver], capture_output=True, text=True,
                          cwd=ROOT, timeout=60)
    assert (done.stdout, done.returncode) == ("survived\n", 0), done.stderr


# --- limits ------------------------------------------------------------------------------------------------------

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


# --- the pool ----------------------------------------------------------------------------------------------------

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


def test_nothing_is_left_after_exit_or_after_a_kill(tmp_path):
    for ending in ("", "import os; os.kill(os.getpid(), 9)"):
        driver = (f"import ctypes\nctypes.CDLL(None)\nfrom training.domains.sandbox import *\n"
                  f"run_program(Program('print(1)'))\n{ending}")
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        before = set(_zygotes())
        subprocess.run([sys.executable, "-c", driver], cwd=ROOT, env=environment, timeout=60)
        patience = time.monotonic() + 10
        while set(_zygotes()) - before and time.monotonic() < patience:
            time.sleep(0.02)
        assert set(_zygotes()) - before == set()
        assert ending or os.listdir(tmp_path) == []


def _zygotes():
    """Every process of this machine that was started as a zygote."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"sandbox.zygote" in (folder / "cmdline").read_bytes():
                yield int(folder.name)
        except OSError:
            continue


# --- which protection --------------------------------------------------------------------------------------------

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
