"""Asserts on a program, run in parts: its values are told in its own process and judged in another.

    program = Program(code, checks=checks(asserts))
    result = run_program(program)
    judged = run_programs(judges(asserts, result))       # none where every value is plainly right

How an assert is parted is told in `asserts`, how values are told in `values`.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from training.domains import values
from training.domains.asserts import TELL, TOLD, Part, parted
from training.domains.sandbox import Program, RunResult

_VALUES = Path(values.__file__).read_text(encoding="utf-8")
_BEFORE = f"{TELL} = {{}}\nexec({_VALUES!r}, {TELL})\n{TELL} = {TELL}['tell']"
"""The first check of a program: it makes the function that tells a value."""


def checks(asserts: tuple[str, ...]) -> tuple[str, ...]:
    """What runs after the code in a program's process: what makes `__tell__`, then its part of each assert."""
    return _BEFORE, *(part.told if part.judged is not None else _telling(part.told) for part in parted(asserts))


def reached(result: RunResult) -> int:
    """How many asserts a program came to the end of, its part of them: the code and the first check come before."""
    return max(0, result.completed - 2)


def judges(asserts: tuple[str, ...], result: RunResult) -> list[Program]:
    """The program whose checks are our part of the asserts that were reached; none where there is nothing to judge."""
    told, parts = values.told_in(result.stdout), parted(asserts)[:reached(result)]
    if all(part.judged is None or _plainly_right(part, told) for part in parts):
        return []
    code = f"{_VALUES}\n{TOLD} = [decode(json.loads(text)) for text in {told!r}]"
    return [Program(code, checks=tuple(_telling(part.judged or "pass") for part in parts))]


def unparted(asserts: tuple[str, ...]) -> list[str]:
    """Those of the asserts that a program's own process judges, as they are."""
    return [test for test, part in zip(asserts, parted(asserts), strict=True) if TOLD not in (part.judged or "")]


def _plainly_right(part: Part, told: list[str]) -> bool:
    """Are all values of a part the literals that they should be? False where a process has to say."""
    return part.equal is not None and all(
        place < len(told) and "{" not in told[place] and _read(told[place]) == expected
        for place, expected in part.equal)


def _read(text: str):
    """A value that stands for itself in JSON; an object that equals nothing where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return object()


def _telling(check: str) -> str:
    """The same asserts; one that fails on a comparison says what its left side was."""
    tree = ast.parse(check)
    for statement in tree.body:
        if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Compare) and statement.msg is None:
            statement.msg = statement.test.left
    return ast.unparse(tree)
