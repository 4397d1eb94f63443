"""The levels of protection, how a zygote is started behind each, and which one this machine can have.

| level | network, files | processes | scratch | needs |
|---|---|---|---|---|
| `bubblewrap` | no network; system, interpreter | limited, all ended | in memory, sized | `bwrap`, user namespaces |
| `namespaces` | the same, made by this package | limited, all ended | in memory, sized | user namespaces, or root |
| `landlock` | no sockets; the same files | one; threads watched | on disk, watched | Linux 6.2 |
| `sandbox-exec` | no network; the same files | not limited, group ended | each file limited | macOS; untested |
| `none` | all of the user's | not limited, group ended | each file limited | asking for it by name |

At every level: time, output and each process's memory are limited, the environment is a fresh one, capabilities are
dropped (Linux, but `none`). Watched means that the keeper looks it up twenty times a second (`usage.py`), as it does
for the memory of all processes together. Files are read, never written; under `landlock` a program still learns that
any other exists, and its size, owner and times.
The Linux levels know x86-64 and arm64. `sandbox-exec` was written from Apple's documents and no test has run it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from training.domains.sandbox.namespaces import SCRATCH

LEVELS = ("bubblewrap", "namespaces", "landlock", "sandbox-exec", "none")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_MAC = ("/usr", "/bin", "/System", "/Library", "/opt/homebrew", "/private/var/db", "/dev")
_FOLDER = str(Path(__file__).parent)
_START = (  # the package without its `__init__`, which a zygote has no use for
    "import sys, types\n"
    "package = types.ModuleType('sandbox')\n"
    "package.__path__, sys.modules['sandbox'] = [sys.argv[1]], package\n"
    "from sandbox.zygote import main\n"
    "main(sys.argv[2:])\n"
)


def readable() -> list[str]:
    """What a program may read: the system's libraries, the interpreter, its packages. Never a home folder as such."""
    folders = [path for path in _SYSTEM if os.path.lexists(path)]
    own = (sys.base_prefix, sys.prefix, _FOLDER)
    for path in (form(path) for path in own for form in (os.path.realpath, os.path.abspath)):
        if not any(Path(path).is_relative_to(folder) for folder in folders):
            folders.append(path)
    return [*folders, *(path for path in _DEVICES if os.path.exists(path))]


def command(level: str, channel: int, scratch: str) -> list[str]:
    """The command that starts a zygote behind `level`; `channel` is the descriptor it inherits."""
    paths = readable()
    python = [sys.executable, "-s", "-P", "-c", _START, _FOLDER, str(channel), level, *paths]
    if level == "bubblewrap":
        return [shutil.which("bwrap") or "bwrap", *_bubblewrap(paths), "--", *python]
    if level == "sandbox-exec":
        return ["sandbox-exec", "-p", mac_profile(scratch), *python]
    return python


def _bubblewrap(paths: list[str]) -> list[str]:
    """Bubblewrap's arguments: the same tree as `namespaces.enter_root` makes."""
    arguments = ["--unshare-net", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"]
    for folder in dict.fromkeys(str(parent) for path in paths for parent in reversed(Path(path).parents[:-1])):
        arguments += ["--perms", "0755", "--dir", folder]  # bubblewrap's own choice would shut out any other user
    for path in paths:
        if path in _DEVICES:
            arguments += ["--dev-bind", path, path]
        elif os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        else:
            arguments += ["--ro-bind", path, path]
    if os.geteuid() == 0:  # to become nobody; both are gone once it has
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*arguments, "--dir", SCRATCH, "--bind", "/proc", "/proc", "--remount-ro", "/", "--chdir", "/"]


def mac_profile(scratch: str) -> str:
    """macOS: no network, reading of the system and the interpreter, writing below `scratch`. Not run by the tests."""
    folders = [*_MAC, *(os.path.realpath(path) for path in (sys.base_prefix, sys.prefix, _FOLDER, scratch))]
    read = " ".join(f'(subpath "{path}")' for path in folders)
    return (
        "(version 1)(deny default)(allow process-fork)(allow process-exec)(allow sysctl-read)"
        "(allow signal (target same-sandbox))"
        f'(allow file-read-metadata)(allow file-read* (literal "/") {read})'
        f'(allow file-write* (subpath "{os.path.realpath(scratch)}") (literal "/dev/null"))'
    )


def environment(scratch: str) -> dict[str, str]:
    """All that a program sees of an environment. Hashes are fixed: the order of a set must not decide a reward."""
    return {"PATH": "/usr/bin:/bin", "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8", "PYTHONUTF8": "1",
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def spawn(level: str, channel: int, scratch: str) -> subprocess.Popen:
    """Start a zygote; it answers on its channel once it is behind its walls. OSError where the command is missing."""
    return subprocess.Popen(
        command(level, channel, scratch), pass_fds=(channel,), env=environment(scratch), cwd="/",
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
