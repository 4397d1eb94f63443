"""What the tests of the sandbox share: run a program, wrap an attack, see which processes live."""

import os
import textwrap
from pathlib import Path

from training.domains.sandbox import Program, run_program

WALLED = ("bubblewrap", "namespaces", "landlock")
ROOT = str(Path(__file__).parents[1])


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


def children():
    """The ids of this process's living children."""
    return {pid for pid, parent, _ in living() if parent == os.getpid()}
