"""Programs that attack the sandbox, at every level this machine has. Each attack is bounded: if a wall were missing,
it would fork at most 50 processes, write or take at most 200 MB, and touch only what the test itself made."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandboxed import ROOT, attempt, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux")


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
