"""Checkpoint: a lazy, sharded, safetensors-only view of a model in a local folder or on the Hugging Face hub.

    >>> checkpoint = Checkpoint("Qwen/Qwen3-0.6B")       # or a folder; opening reads headers, no weights
    >>> checkpoint.names[0], checkpoint.shape(checkpoint.names[0])
    >>> checkpoint.tensor("model.norm.weight")           # one tensor is read, here

Opening validates what it is handed: every name lies in exactly one shard, every shard exists, and every file is as long
as its header says (safetensors itself rejects overlapping offsets when a tensor is read). File format:
https://huggingface.co/docs/safetensors (8 bytes of header length, a JSON header, the data).

Names are in natural order: digits compare as numbers, so layer 2 comes before layer 10, whatever the files' order.
Tied weights appear once, under the name the file gives them. Pickle (`pytorch_model.bin`) is never loaded.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import weakref
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
ASSETS = (
    "generation_config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt",
    "*.model", "chat_template*", "preprocessor_config.json", "processor_config.json", "LICENSE*",
)
"""What a model needs beside its weights and config.json (file patterns)."""

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "I64": torch.int64, "I32": torch.int32,
    "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PICKLES = ("*.bin", "*.pt", "*.pth")
_MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors library


class CheckpointError(ValueError):
    """A checkpoint cannot be opened, or does not hold what was asked for."""


class Checkpoint:
    """A model's tensors by name, read when asked for.

    Args: `path_or_hub_id`, a folder or `namespace/name`; `revision`, a branch, tag or commit of a hub id.
    Attributes: `source` (as given), `path` (the local folder), `revision` (the commit of a hub id, None for a folder),
    `names` (tuple, natural order).
    Raises CheckpointError, in one sentence, for whatever cannot be opened.
    """

    def __init__(self, path_or_hub_id: str | Path, revision: str | None = None):
        self.source = str(path_or_hub_id)
        self.path = _locate(self.source, revision)
        self.revision = None if Path(self.source).expanduser().is_dir() else self.path.name
        self._entries, self._files, self._descriptors = _entries(self.path), {}, {}
        self.names: tuple[str, ...] = tuple(sorted(self._entries, key=natural_key))

    def __repr__(self) -> str:
        return f"Checkpoint({self.source!r}, {len(self.names)} tensors)"

    @cached_property
    def config(self) -> dict:
        """The contents of config.json."""
        file = self.path / "config.json"
        if not file.is_file():
            raise CheckpointError(f"{self.path} has no config.json; copy the one of the model it was trained from")
        return _read_json(file)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, from its header."""
        return tuple(self._entry(name)[1]["shape"])

    def dtype(self, name: str) -> torch.dtype:
        """The torch dtype of a tensor, from its header."""
        code = self._entry(name)[1]["dtype"]
        if code not in DTYPES:
            raise CheckpointError(f"{self.source}: {name} has dtype {code!r}; supported are {', '.join(DTYPES)}")
        return DTYPES[code]

    def tensor(self, name: str) -> torch.Tensor:
        """One whole tensor, on the CPU, in its stored dtype."""
        return self._open(name).get_tensor(name)

    def rows(self, name: str, start: int, stop: int) -> torch.Tensor:
        """Rows start..stop (first dimension) of a tensor; nothing else is read. 0 <= start <= stop <= rows."""
        shape = self.shape(name)
        if not shape or not 0 <= start <= stop <= shape[0]:
            raise CheckpointError(f"{self.source}: no rows {start}..{stop} in {name}, whose shape is {shape}")
        return self._open(name).get_slice(name)[start:stop]

    def read_into(self, name: str, start: int, out: np.ndarray) -> None:
        """Fill `out` with the stored bits of entries start, start + 1, ... of a tensor laid end to end.

        `out` is contiguous, and its items are as wide as the stored ones. Threads may read at once.
        """
        (file, entry), left = self._entry(name), memoryview(out).cast("B")
        position = entry["position"] + start * out.itemsize
        while left:
            got = os.preadv(self._descriptor(name), [left], position)
            if got == 0:
                raise CheckpointError(f"{file} ended within {name}: it was cut after it was opened")
            left, position = left[got:], position + got

    def _entry(self, name: str) -> tuple[Path, dict]:
        if name not in self._entries:
            close = difflib.get_close_matches(name, self.names, n=3) or self.names[:3]
            raise CheckpointError(f"{self.source} has no tensor {name!r}; it has {', '.join(close)}, ...")
        return self._entries[name]

    def _open(self, name: str):
        file = self._entry(name)[0]
        if file not in self._files:
            try:
                self._files[file] = safe_open(file, framework="pt")
            except SafetensorError as error:
                raise CheckpointError(f"{file} is not a valid safetensors file: {error}") from error
        return self._files[file]

    def _descriptor(self, name: str) -> int:
        file = self._entry(name)[0]
        if file not in self._descriptors:
            self._open(name)  # safetensors checks the whole header
            self._descriptors[file] = os.open(file, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptors[file])
        return self._descriptors[file]


def natural_key(name: str) -> list:
    """A sort key under which `layers.2` comes before `layers.10`."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"(\d+)", name))]


def _locate(source: str, revision: str | None) -> Path:
    """The folder of a source; downloads a hub id."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise CheckpointError(f"{source} is a local folder: revision {revision!r} only applies to a hub id")
        return folder
    if folder.exists():
        raise CheckpointError(f"{source} is a file; give the folder that holds it and its config.json")
    if not _HUB_ID.fullmatch(source):
        raise CheckpointError(f"{source!r} is neither an existing folder nor a hub id (namespace/name)")
    return _download(source, revision)


def _download(hub_id: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    wanted = ["config.json", "model*.safetensors", INDEX, *ASSETS, "*.bin.index.json"]
    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=wanted, ignore_patterns=["*/*"]))
    except (OSError, HFValidationError) as error:
        at = f" at revision {revision!r}" if revision else ""
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{hub_id!r} is no local folder, and the hub did not give it{at}: {reason}") from error


def _entries(folder: Path) -> dict[str, tuple[Path, dict]]:
    """name -> (its file, its header entry {dtype, shape, data_offsets}); checks index and shards against each other."""
    if not (folder / INDEX).is_file():
        if not (folder / SINGLE).is_file():
            raise CheckpointError(_why_no_weights(folder))
        return {name: (folder / SINGLE, entry) for name, entry in read_header(folder / SINGLE).items()}
    weight_map = _weight_map(folder)
    if (folder / SINGLE).is_file() and SINGLE not in weight_map.values():
        raise CheckpointError(f"{folder} holds both {SINGLE} and {INDEX} of other files; remove the stale one")
    entries = {}
    for shard in sorted(set(weight_map.values())):
        header = read_header(folder / shard)
        listed = {name for name, file in weight_map.items() if file == shard}
        for name in sorted(listed ^ header.keys(), key=natural_key):
            holds, says = ("lacks", "puts it there") if name in listed else ("holds", "does not list it there")
            raise CheckpointError(f"{folder / shard} {holds} {name}, but {INDEX} {says}")
        entries |= {name: (folder / shard, entry) for name, entry in header.items()}
    return entries


def _weight_map(folder: Path) -> dict[str, str]:
    """The index: name -> shard file name, every shard present."""
    weight_map = _read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{folder / INDEX} has no weight_map of tensor names to file names")
    for shard in sorted(set(weight_map.values())):
        if Path(shard).name != shard:
            raise CheckpointError(f"{folder / INDEX} names {shard!r}; a shard must be a file in the same folder")
        if not (folder / shard).is_file():
            raise CheckpointError(f"{folder / INDEX} names {shard}, which is missing from the folder")
    return weight_map


def read_header(file: Path) -> dict[str, dict]:
    """The tensors of one safetensors file: name -> {dtype, shape, data_offsets, position}.

    `position` is in the file. Checks the length of the file.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, _MAX_HEADER):
            raise CheckpointError(f"{file} is truncated or no safetensors file: it ends before its header does")
        try:
            header = json.loads(stream.read(length))
            entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
            data = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
            [(entry["dtype"], tuple(entry["shape"])) for entry in entries.values()]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise CheckpointError(f"{file} has a broken safetensors header ({error!r})") from error
    if size != 8 + length + data:
        state = "truncated" if size < 8 + length + data else "too long"
        raise CheckpointError(f"{file} is {state}: {size} bytes, its header asks for {8 + length + data}")
    start = 8 + length
    return {name: entry | {"position": start + entry["data_offsets"][0]} for name, entry in entries.items()}


def _read_json(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{file} is not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} must hold a JSON object, not a {type(content).__name__}")
    return content


def _why_no_weights(folder: Path) -> str:
    """What a folder without weights holds instead, and what to do."""
    if (folder / "adapter_model.safetensors").is_file():
        return f"{folder} holds an adapter, not a model; merge it into its base first (PeftModel.merge_and_unload)"
    pickles = sorted(file.name for pattern in (*_PICKLES, "*.bin.index.json") for file in folder.glob(pattern))
    if pickles:
        return (
            f"{folder} holds {pickles[0]} and no safetensors; pickle can run code and is never loaded: convert it with "
            "AutoModelForCausalLM.from_pretrained(folder).save_pretrained(new_folder)"
        )
    found = ", ".join(sorted(file.name for file in folder.iterdir())[:5]) or "nothing"
    return f"{folder} holds neither {SINGLE} nor {INDEX} (found: {found})"
