"""Where the tensors of a model folder lie: its safetensors files and their index, read and checked against each other.

File format: https://huggingface.co/docs/safetensors (8 bytes of header length, a JSON header, the data). Only headers
are read. Every name must lie in exactly one shard, every shard must exist, and be as long as its header says. Pickle
(`pytorch_model.bin`) is never loaded.
"""

from __future__ import annotations

import json
import math
import os
import re
import weakref
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library."""
_PICKLES = ("*.bin", "*.pt", "*.pth")


class CheckpointError(ValueError):
    """A checkpoint cannot be opened, or does not hold what was asked for."""


@dataclass(frozen=True)
class Place:
    """Where one tensor is stored."""

    file: Path
    dtype: str
    """As the header writes it: BF16, F32, ..."""
    shape: tuple[int, ...]
    start: int
    """Of its bytes in the file."""
    stop: int


class Folder:
    """The tensors of a local folder: `path`, `places` (name -> Place). Reading is positional, so threads may share it.

    `seekable`: any part can be read without the rest of its file; `remote`: reading takes a network.
    """

    seekable, remote = True, False

    def __init__(self, path: Path):
        self.path, self.places, self._descriptors = path, find_places(path), {}

    def read(self, place: Place, offset: int, view: memoryview) -> None:
        """Fill `view` with the bytes of a tensor from `offset` on."""
        position = place.start + offset
        while view:
            got = os.preadv(self._descriptor(place.file), [view], position)
            if got == 0:
                raise CheckpointError(f"{place.file} was cut after it was opened")
            view, position = view[got:], position + got

    def _descriptor(self, file: Path) -> int:
        if file not in self._descriptors:
            try:
                with safe_open(file, framework="np"):  # checks the whole header, as that no tensors overlap
                    pass
            except SafetensorError as error:
                raise CheckpointError(f"{file} is not a valid safetensors file: {error}") from error
            self._descriptors[file] = os.open(file, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptors[file])
        return self._descriptors[file]


def find_places(folder: Path) -> dict[str, Place]:
    """Name -> where it lies, of all tensors of a folder; checks index and shards against each other."""
    if not (folder / INDEX).is_file():
        if not (folder / SINGLE).is_file():
            raise CheckpointError(why_no_weights(str(folder), [file.name for file in folder.iterdir()]))
        return read_header(folder / SINGLE)
    weight_map = _weight_map(folder)
    if (folder / SINGLE).is_file() and SINGLE not in weight_map.values():
        raise CheckpointError(f"{folder} holds both {SINGLE} and {INDEX} of other files; remove the stale one")
    places = {}
    for shard in sorted(set(weight_map.values())):
        header = read_header(folder / shard)
        listed = {name for name, file in weight_map.items() if file == shard}
        for name in sorted(listed ^ header.keys(), key=natural_key):
            holds, says = ("lacks", "puts it there") if name in listed else ("holds", "does not list it there")
            raise CheckpointError(f"{folder / shard} {holds} {name}, but {INDEX} {says}")
        places |= header
    return places


def natural_key(name: str) -> list:
    """A sort key under which `layers.2` comes before `layers.10`."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"(\d+)", name))]


def shard_names(folder: Path) -> list[str]:
    """The files that the index of a folder names, or the single one where there is no index."""
    return sorted(set(_listed(folder).values())) if (folder / INDEX).is_file() else [SINGLE]


def _listed(folder: Path) -> dict[str, str]:
    """The index: name -> shard file name."""
    weight_map = read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{folder / INDEX} has no weight_map of tensor names to file names")
    for shard in sorted(set(weight_map.values())):
        if Path(shard).name != shard:
            raise CheckpointError(f"{folder / INDEX} names {shard!r}; a shard must be a file in the same folder")
    return weight_map


def _weight_map(folder: Path) -> dict[str, str]:
    """The index, every shard present."""
    weight_map = _listed(folder)
    for shard in sorted(set(weight_map.values())):
        if not (folder / shard).is_file():
            raise CheckpointError(f"{folder / INDEX} names {shard}, which is missing from the folder")
    return weight_map


def read_header(file: Path) -> dict[str, Place]:
    """The tensors of one safetensors file, by name. Checks the length of the file."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER):
            raise CheckpointError(f"{file} is truncated or no safetensors file: it ends before its header does")
        try:
            header = json.loads(stream.read(length))
            entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
            data = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
            places = {name: Place(file, entry["dtype"], tuple(entry["shape"]),
                                  *(8 + length + offset for offset in entry["data_offsets"]))
                      for name, entry in entries.items()}
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            raise CheckpointError(f"{file} has a broken safetensors header ({error!r})") from error
    for name, place in places.items():
        _check_size(name, place)
    if size != 8 + length + data:
        state = "truncated" if size < 8 + length + data else "too long"
        raise CheckpointError(f"{file} is {state}: {size} bytes, its header asks for {8 + length + data}")
    return places


def _check_size(name: str, place: Place) -> None:
    """CheckpointError unless a tensor has room for its shape; 8 entries of the narrowest type fit in a byte."""
    whole = all(type(side) is int and side >= 0 for side in place.shape)
    if not whole or math.prod(place.shape) > 8 * (place.stop - place.start):
        raise CheckpointError(f"{place.file} has a broken safetensors header ({name} has shape {list(place.shape)} in "
                              f"{place.stop - place.start} bytes)")


def read_json(file: Path, kind: type[ValueError] = CheckpointError) -> dict:
    """The object in a JSON file; an error of this kind for anything else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise kind(f"{file} is not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise kind(f"{file} must hold a JSON object, not a {type(content).__name__}")
    return content


def why_no_weights(where: str, files: list[str]) -> str:
    """Of a model without safetensors: what it holds instead, and what to do."""
    if "adapter_model.safetensors" in files:
        return f"{where} holds an adapter, not a model; merge it into its base first (PeftModel.merge_and_unload)"
    pickles = sorted(file for file in files if any(Path(file).match(pattern) for pattern in _PICKLES))
    if pickles:
        return (
            f"{where} holds {pickles[0]} and no safetensors; pickle can run code and is never loaded: convert it with "
            "AutoModelForCausalLM.from_pretrained(folder).save_pretrained(new_folder)"
        )
    return f"{where} holds neither {SINGLE} nor {INDEX} (found: {', '.join(sorted(files)[:5]) or 'nothing'})"
