"""Checkpoint: a lazy, sharded, safetensors-only view of a model in a local folder or on the Hugging Face hub.

    >>> checkpoint = Checkpoint("Qwen/Qwen3-0.6B")       # or a folder; opening reads headers, no weights
    >>> checkpoint.names[0], checkpoint.shape(checkpoint.names[0])
    >>> checkpoint.tensor("model.norm.weight")           # one tensor is read, here
    >>> with at_hand([checkpoint], checkpoint.names[:100]): ...   # on disk for this long, from wherever it comes

Opening validates what it is handed: every name lies in exactly one shard, every shard exists, and every file is as long
as its header says (`training.shards`). Of a hub id, the weights stay where they are until they are read
(`training.hub`), unless `keep` puts all of them in the hub's cache.

Names are in natural order: digits compare as numbers, so layer 2 comes before layer 10, whatever the files' order.
Tied weights appear once, under the name the file gives them. Pickle (`pytorch_model.bin`) is never loaded.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Event

import numpy as np
import torch
from tqdm.auto import tqdm

from training.shards import CheckpointError, Folder, Place, natural_key, read_json

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "I64": torch.int64, "I32": torch.int32,
    "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Checkpoint:
    """A model's tensors by name, read when asked for.

    Args: `path_or_hub_id`, a folder or `namespace/name`; `revision`, a branch, tag or commit of a hub id; `keep`, of a
    hub id: download the whole model into the hub's cache (`path` then has the weights, too).
    Attributes: `source` (as given), `path` (the local folder), `revision` (the commit of a hub id, None for a folder),
    `names` (tuple, natural order), `remote` (are weights read over a network), `seekable` (any part without the rest).
    Raises CheckpointError, in one sentence, for whatever cannot be opened.
    """

    def __init__(self, path_or_hub_id: str | Path, revision: str | None = None, keep: bool = False):
        self.source = str(path_or_hub_id)
        self._folder, self.revision = _locate(self.source, revision, keep)
        self.path, self.remote = self._folder.path, self._folder.remote
        self.names: tuple[str, ...] = tuple(sorted(self._folder.places, key=natural_key))

    def __repr__(self) -> str:
        return f"Checkpoint({self.source!r}, {len(self.names)} tensors)"

    seekable = property(lambda self: self._folder.seekable)

    @cached_property
    def config(self) -> dict:
        """The contents of config.json."""
        file = self.path / "config.json"
        if not file.is_file():
            raise CheckpointError(f"{self.path} has no config.json; copy the one of the model it was trained from")
        return read_json(file)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, from its header."""
        return self._place(name).shape

    def dtype(self, name: str) -> torch.dtype:
        """The torch dtype of a tensor, from its header."""
        code = self._place(name).dtype
        if code not in DTYPES:
            raise CheckpointError(f"{self.source}: {name} has dtype {code!r}; supported are {', '.join(DTYPES)}")
        return DTYPES[code]

    def shard(self, name: str) -> str:
        """The name of the file that a tensor lies in."""
        return self._place(name).file.name

    def tensor(self, name: str) -> torch.Tensor:
        """One whole tensor, on the CPU, in its stored dtype."""
        return self._entries(name, 0, torch.Size(self.shape(name)).numel()).reshape(self.shape(name))

    def rows(self, name: str, start: int, stop: int) -> torch.Tensor:
        """Rows start..stop (first dimension) of a tensor; nothing else is read. 0 <= start <= stop <= rows."""
        shape = self.shape(name)
        if not shape or not 0 <= start <= stop <= shape[0]:
            raise CheckpointError(f"{self.source}: no rows {start}..{stop} in {name}, whose shape is {shape}")
        row = torch.Size(shape[1:]).numel()
        return self._entries(name, start * row, (stop - start) * row).reshape(stop - start, *shape[1:])

    def read_into(self, name: str, start: int, out: np.ndarray) -> None:
        """Fill `out` with the stored bits of entries start, start + 1, ... of a tensor laid end to end.

        `out` is contiguous, and its items are as wide as the stored ones. Threads may read at once.
        """
        place = self._place(name)
        try:
            self._folder.read(place, start * out.itemsize, memoryview(out).cast("B"))
        except CheckpointError as error:
            raise CheckpointError(f"{name}: {error}") from error

    def fetch(self, names: Iterable[str], advance=lambda n: None) -> None:
        """Of a remote model, put tensors on disk; see `at_hand`."""
        if self.remote:
            self._folder.fetch(map(self._place, names), advance)

    def drop(self, names: Iterable[str]) -> None:
        """Remove from disk what `fetch` put there."""
        if self.remote:
            self._folder.drop(map(self._place, names))

    def n_bytes(self, names: Iterable[str]) -> int:
        """How many bytes these tensors take."""
        return sum(place.stop - place.start for place in map(self._place, names))

    def _entries(self, name: str, start: int, n: int) -> torch.Tensor:
        dtype = self.dtype(name)
        raw = torch.empty(n * dtype.itemsize, dtype=torch.uint8)
        if n:
            self.read_into(name, start * dtype.itemsize, raw.numpy())
        return raw.view(dtype)

    def _place(self, name: str) -> Place:
        if name not in self._folder.places:
            close = difflib.get_close_matches(name, self.names, n=3) or self.names[:3]
            raise CheckpointError(f"{self.source} has no tensor {name!r}; it has {', '.join(close)}, ...")
        return self._folder.places[name]


@contextmanager
def at_hand(checkpoints: Iterable[Checkpoint], names: Iterable[str], progress: bool = False) -> Iterator[None]:
    """While the block runs, these tensors are on disk in every checkpoint; remote ones are downloaded side by side."""
    remote, names = [model for model in checkpoints if model.remote], list(names)
    try:
        if remote:
            _download(remote, names, progress)
        yield
    finally:
        for model in remote:
            model.drop(names)


def _download(remote: list[Checkpoint], names: list[str], progress: bool) -> None:
    """Fetch these tensors of all models, or raise what the first failed for, and stop the others."""
    stop = Event()
    bar = tqdm(total=sum(model.n_bytes(names) for model in remote), desc="downloading", unit="B", unit_scale=True,
               leave=False, disable=not progress)

    def advance(n: int) -> None:
        if stop.is_set():
            raise CheckpointError("another download failed")
        bar.update(n)

    with bar, ThreadPoolExecutor(len(remote)) as pool:
        futures = [pool.submit(model.fetch, names, advance) for model in remote]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:
            stop.set()


def windows(checkpoints: Iterable[Checkpoint], names: Iterable[str]) -> list[list[str]]:
    """The names in runs to have at hand one after the other: shard by shard of the first remote checkpoint.

    One run where all are local.
    """
    guide = next((model for model in checkpoints if model.remote), None)
    runs = {}
    for name in names:
        runs.setdefault(guide and guide.shard(name), []).append(name)
    return list(runs.values())


def _locate(source: str, revision: str | None, keep: bool) -> tuple[Folder, str | None]:
    """The folder of a source, and the commit of a hub id."""
    path = Path(source).expanduser()
    if path.is_dir():
        if revision is not None:
            raise CheckpointError(f"{source} is a local folder: revision {revision!r} only applies to a hub id")
        return Folder(path), None
    if path.exists():
        raise CheckpointError(f"{source} is a file; give the folder that holds it and its config.json")
    if not _HUB_ID.fullmatch(source):
        raise CheckpointError(f"{source!r} is neither an existing folder nor a hub id (namespace/name)")
    from training.hub import open_hub

    return open_hub(source, revision, keep)
