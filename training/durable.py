"""Outputs whole or absent: written aside, flushed to the disk, renamed. A writer that is killed leaves nothing half.

    with whole_file(out) as aside:      # aside: a path to write; it becomes `out` when the block ends well
        table.to_parquet(aside)
    with whole_folder(out) as aside:    # the same for a folder, in place of what bears its name
        ...

What is aside lies in a hidden folder beside `out`, locked as long as its writer lives. What killed writers left there
is removed by the next writer of the same output; where the old folder was out of the way already and the new one, which
was whole by then, not yet in its place, the next writer puts it there.

`ready(out, size)` is asked before hours of work: is there a folder that can be written to, and room.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

OLD = "old"


class NotReady(ValueError):
    """An output cannot be written where it should be."""


@contextmanager
def whole_file(out: str | Path) -> Iterator[Path]:
    """A file to write; it becomes `out` at the end of the block, and is removed on an error. OSError as of the disk."""
    out = Path(out)
    with _beside(out) as folder:
        aside = folder / out.name
        yield aside
        flush(aside)
        os.replace(aside, out)
        flush(out.parent)


@contextmanager
def whole_folder(out: str | Path) -> Iterator[Path]:
    """A folder to fill; it takes the place of `out`, a folder or nothing, at the end of the block, unless on an error.
    """
    out = Path(out)
    with _beside(out) as folder:
        aside = folder / out.name
        aside.mkdir()
        yield aside
        swap(aside, out, folder / OLD)


def swap(folder: Path, out: Path, old: Path) -> None:
    """Flush a folder and rename it to `out`; what bears that name goes to `old`, which must be on the same disk."""
    flush_tree(folder)
    if out.exists():
        os.replace(out, old)
    os.replace(folder, out)
    flush(out.parent)


def write_text(out: str | Path, text: str) -> None:
    """Write a file of text in utf-8, whole or not at all."""
    with whole_file(out) as aside:
        aside.write_text(text, encoding="utf-8")


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """`flush` all files and folders in a folder, and itself."""
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def ready(out: str | Path, size: int = 0) -> None:
    """Raise NotReady where `out` cannot be made: no folder to write to, or fewer than `size` bytes free on its disk."""
    out = Path(out)
    try:
        with _beside(out):
            pass
    except OSError as error:
        raise NotReady(f"{out} cannot be written: {error.strerror.lower()}; choose another place") from error
    free = shutil.disk_usage(out.parent).free
    if free < size:
        raise NotReady(f"{out} will take {size / 1e9:.2g} GB and its disk has {free / 1e9:.2g} GB free; make room, or "
                       "choose another place")


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out`, locked, for the block; those of writers that were killed are cleared away first."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for left in out.parent.glob(f".{escape(out.name)}.partial-*"):
        _clear(left, out)
    name = uuid.uuid4().hex[:12]
    unlocked, folder = (out.parent / f".{out.name}.{part}-{name}" for part in ("new", "partial"))
    unlocked.mkdir()
    lock = os.open(unlocked, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.replace(unlocked, folder)  # only now can another writer find it
    try:
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _clear(left: Path, out: Path) -> None:
    """Finish or remove what a killed writer left; leave alone what a living one holds."""
    try:
        lock = os.open(left, os.O_RDONLY)
    except FileNotFoundError:  # its writer, or another, was faster
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (left / OLD).exists() and (left / out.name).exists() and not out.exists():
            os.replace(left / out.name, out)
        shutil.rmtree(left, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)
