"""The folder a merge grows in: a hidden sibling of the output that takes its name when complete, and what it has.

    .NAME.incomplete/            beside NAME, on the same disk
      journal.json               what is being merged, and for each finished shard what was counted in it

An error or Ctrl-C removes it; SIGKILL leaves it, for `resume=True` to go on from the last finished shard if models and
parameters are the same, or for the next merge into NAME to remove.
"""

from __future__ import annotations

import errno
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.durable import swap, write_text
from training.merging.errors import MergeError
from training.merging.options import Options
from training.merging.sources import Sources

JOURNAL = "journal.json"


class Journal:
    """`folder`, where to write; `done`: what was counted in each finished shard, by file name (None: start over)."""

    def __init__(self, folder: Path, asked: dict, done: dict[str, dict] | None):
        self.folder, self._asked, self.done = folder, asked, done or {}
        if done is None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self._save()

    def add(self, shard: str, tally: dict) -> None:
        """A shard is finished."""
        self.done[shard] = tally
        self._save()

    def _save(self) -> None:
        write_text(self.folder / JOURNAL, json.dumps({"asked": self._asked, "done": self.done}))


@contextmanager
def journal(out: Path, sources: Sources, options: Options, resume: bool, overwrite: bool) -> Iterator[Journal]:
    """The journal of a merge into `out`; its folder becomes `out` when the block ends well."""
    check_out(out, overwrite)
    folder = out.parent / f".{out.name}.incomplete"
    asked = _asked(sources, options)
    done = _done(folder / JOURNAL, asked) if resume else None
    try:
        yield Journal(folder, asked, done)
        (folder / JOURNAL).unlink()
        old = out.parent / f".{out.name}.old-{uuid.uuid4().hex[:8]}"
        swap(folder, out, old)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno == errno.ENOSPC:
            raise MergeError(f"the disk of {out} is full") from error
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _done(file: Path, asked: dict) -> dict[str, dict] | None:
    """What an unfinished merge has, or None where there is none. Raises MergeError where another one was begun."""
    if not file.is_file():
        return None
    held = json.loads(file.read_text(encoding="utf-8"))
    if odd := [key for key in asked if asked[key] != held["asked"].get(key)]:
        raise MergeError(f"{file.parent} holds an unfinished merge with another {odd[0]}; give what it was begun with, "
                         "or start over without resume")
    return held["done"]


def check_out(out: Path, overwrite: bool) -> None:
    """MergeError where the output's name is taken."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (overwrite and out.is_dir()):
        raise MergeError(f"{out} exists and is not empty; choose another folder, or overwrite it (overwrite=True, "
                         "--overwrite)")


def _asked(sources: Sources, options: Options) -> dict:
    """What a merge is of: the method, its parameters, and each model's files."""
    models = {"base": sources.base, **{f"model {name}": model for name, model in sources.experts.items()}}
    return {"method": options.method, **json.loads(json.dumps(options.asked())),
            **{name: [model.source, *_files(model.path)] for name, model in models.items()}}


def _files(folder: Path) -> list[list]:
    """Name, size and time of change of the weights of a model."""
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in sorted(folder.glob("*.safetensors"))]
