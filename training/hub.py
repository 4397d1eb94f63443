"""A model on the Hugging Face hub, as a folder: its shards come when they are needed and go when they are not.

`open_hub(hub_id, revision, keep)` gives a `training.shards.Folder`. With `keep`, and where all of the model is in the
hub's cache already, that is the cache's folder, filled as any other tool fills it. Otherwise it is a `Hollow` one:
configuration and tokenizer are files of the cache, and each shard is a sparse file as long as the real one that holds
only the header. Tensors are filled in by `fetch` and emptied by `drop` (`training.checkpoints.at_hand` calls both), so
that eight models of 8 GB pass through a laptop on the disk space of a shard each. What is read without being fetched
is a byte range that goes straight to memory; a server that gives no ranges sends the shard, and no more is kept of it.

The folder lies beside the hub's cache (HF_HOME) and is removed with the checkpoint; those of processes that were
killed are removed by the next.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from threading import Lock

from training.ranges import RemoteFile
from training.shards import (
    INDEX,
    MAX_HEADER,
    SINGLE,
    CheckpointError,
    Folder,
    Place,
    shard_names,
    why_no_weights,
)

ASSETS = (
    "generation_config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt",
    "*.model", "chat_template*", "preprocessor_config.json", "processor_config.json", "LICENSE*",
)
"""What a model needs beside its weights and config.json (file patterns)."""
_HEAD = 2**18
"""Bytes of a shard asked for first: they hold most headers."""
_GAP = 2**20
"""Unwanted bytes between two tensors that are fetched rather than asked around."""


def open_hub(hub_id: str, revision: str | None, keep: bool) -> tuple[Folder, str]:
    """The folder of a hub id, see above, and the commit it holds. CheckpointError where the hub does not give it."""
    if keep:
        kept = _cached(hub_id, revision, ["model*.safetensors"])
        return Folder(kept), kept.name
    small = _cached(hub_id, revision, [])
    indexed = (small / INDEX).is_file() or (small / SINGLE).is_file()
    complete = indexed and all((small / name).is_file() for name in shard_names(small))
    return (Folder(small) if complete else Hollow(hub_id, small)), small.name


def _cached(hub_id: str, revision: str | None, weights: list[str]) -> Path:
    """The cache's folder, with all but the weights in it, and those that `weights` (file patterns) asks for."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    from_client = HfHubHTTPError.__base__  # the HTTP client's own error; which client it is, the hub's version decides
    wanted = ["config.json", INDEX, *ASSETS, "*.bin.index.json", *weights]
    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=wanted, ignore_patterns=["*/*"]))
    except (OSError, HFValidationError, from_client) as error:
        at = f" at revision {revision!r}" if revision else ""
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{hub_id!r} is no local folder, and the hub did not give it{at}: {reason}") from error


class Hollow(Folder):
    """A local folder whose shards hold only what was fetched. `places` and `path` as of a Folder."""

    remote = True

    def __init__(self, hub_id: str, small: Path):
        """small: the cache's folder of the wanted commit, which it is named for, with all but the weights."""
        from huggingface_hub import HfApi, hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        if not (small / INDEX).is_file():
            listed = HfApi().list_repo_files(hub_id, revision=small.name)
            if SINGLE not in listed:
                raise CheckpointError(why_no_weights(hub_id, listed))
        folder = _scratch(hub_id)
        weakref.finalize(self, shutil.rmtree, folder, True)
        for file in small.iterdir():
            if file.is_file():
                (folder / file.name).symlink_to(file.resolve())
        self._remote = {folder / name: RemoteFile(hf_hub_url(hub_id, name, revision=small.name), build_hf_headers())
                        for name in shard_names(folder)}
        self._header = {file: _hollow(file, remote) for file, remote in self._remote.items()}
        self._here: set[Place] = set()
        self._lock = Lock()
        super().__init__(folder)
        for file in self._remote:
            self._descriptor(file)  # the whole header is checked before anything is asked for by its offsets

    @property
    def seekable(self) -> bool:
        return all(remote.seekable for remote in self._remote.values())

    def read(self, place: Place, offset: int, view: memoryview) -> None:
        if place in self._here:
            super().read(place, offset, view)
        elif self.seekable:
            filled, start = 0, place.start + offset
            for piece in self._remote[place.file].pieces(start, start + len(view)):
                view[filled:filled + len(piece)] = piece
                filled += len(piece)
        else:
            self.fetch([place])
            super().read(place, offset, view)
            self.drop([place])

    def fetch(self, places: Iterable[Place], advance: Callable[[int], None] = lambda n: None) -> None:
        """Fill these tensors in; `advance` is told of bytes that came. From a server without ranges, whole shards."""
        with self._lock:
            wanted = sorted(set(places) - self._here, key=lambda place: (place.file, place.start))
            for file, group in groupby(wanted, key=lambda place: place.file):
                self._fetch(file, list(group), advance)

    def _fetch(self, file: Path, places: list[Place], advance: Callable[[int], None]) -> None:
        """Fill tensors of one file in."""
        remote = self._remote[file]
        runs = list(_runs(places)) if remote.seekable else [(self._header[file], remote.size)]
        _check_room(file, sum(stop - start for start, stop in runs))
        for start, stop in runs:
            _fill(file, remote, start, stop, advance)
        self._here.update(places)

    def drop(self, places: Iterable[Place]) -> None:
        """Forget these tensors; a shard of which none is left gives its disk space back."""
        with self._lock:
            places = set(places)
            self._here -= places
            for file in {place.file for place in places} - {place.file for place in self._here}:
                os.truncate(file, self._header[file])
                os.truncate(file, self._remote[file].size)


def _runs(places: list[Place]) -> Iterator[tuple[int, int]]:
    """The byte ranges to ask for: those of tensors of one file, in order, joined where they (nearly) touch."""
    start, stop = places[0].start, places[0].stop
    for place in places[1:]:
        if place.start > stop + _GAP:
            yield start, stop
            start = place.start
        stop = max(stop, place.stop)
    yield start, stop


def _fill(file: Path, remote: RemoteFile, start: int, stop: int, advance: Callable[[int], None]) -> None:
    """Write bytes of a remote file where they belong in a local one that is there."""
    with file.open("r+b") as stream:
        stream.seek(start)
        for piece in remote.pieces(start, stop):
            stream.write(piece)
            advance(len(piece))


def _hollow(file: Path, remote: RemoteFile) -> int:
    """Make a shard that holds only the header, as long as the real one; returns where the header ends.

    What is no header, or a broken one, is left to `training.shards.read_header` to find.
    """
    head = b"".join(remote.pieces(0, _HEAD))
    end = min(8 + int.from_bytes(head[:8], "little"), remote.size)
    if len(head) < end <= MAX_HEADER:
        head += b"".join(remote.pieces(len(head), end))
    file.write_bytes(head[:end])
    os.truncate(file, remote.size)
    return min(end, len(head))


def _check_room(file: Path, needed: int) -> None:
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise CheckpointError(f"{file.name} needs {needed / 1e9:.1f} GB, and {file.parent} has {free / 1e9:.1f} GB "
                              "left; set HF_HOME to a larger disk")


def _scratch(hub_id: str) -> Path:
    """A new folder for a model's shards; removes what killed processes of this machine left."""
    from huggingface_hub import constants

    home, host = Path(constants.HF_HOME) / "mix-or-merge", socket.gethostname()
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"*@{host}@*"):
        if not _alive(int(left.name.split("@")[2])):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{hub_id.replace('/', '--')}@{host}@{os.getpid()}@", dir=home))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
