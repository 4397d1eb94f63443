"""A kill at a file operation of a number: a moment of the clock would hardly ever fall on one."""

from __future__ import annotations

import sys
from collections.abc import Callable

OPERATIONS = ("open", "os.", "fcntl.", "shutil.")
"""Audit events of Python that are file operations."""


def kill_at(number: int | None, kill: Callable[[], None]) -> Callable[[], int]:
    """Call `kill` at this process's file operation of that number, from now on (None: at none); returns their count."""
    seen, armed = 0, True

    def count(event: str, _) -> None:
        nonlocal seen, armed
        if not event.startswith(OPERATIONS):
            return
        seen += 1
        if armed and seen - 1 == number:
            armed = False  # killing is an event, too
            kill()

    sys.addaudithook(count)
    return lambda: seen
