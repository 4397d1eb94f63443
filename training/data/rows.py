"""Rows of a dataset, one dict at a time: a local file, or a dataset of the Hugging Face hub.

    for number, row in read_rows("train.jsonl"): ...                          # JSON lines; .gz may follow any suffix
    for number, row in read_rows("gpqa_diamond.csv"): ...                     # also .json (a list, or lines), .parquet
    for number, row in read_rows("BytedTsinghua-SIA/DAPO-Math-17k:train"): ...             # a split, streamed
    for number, row in read_rows("nvidia/Nemotron-3-Nano-RL-Training-Blend:train.jsonl"):  # a file, fetched whole

Rows are counted from 0. A path that exists is never taken for a hub id. Of a hub dataset whose rows have different
columns ask for the file: `datasets` gives every row the same ones, or fails.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".csv")
BATCH = 64
"""Rows of parquet in memory at once; a row of code can hold megabytes of tests."""
_HUB_ID = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?::(.+))?")


def read_rows(source: str | Path) -> Iterator[tuple[int, dict]]:
    """(number from 0, row) of a source: a file, owner/name[:split] (default split train), or owner/name:file.

    Raises, in one sentence and when the iterator gets there: FileNotFoundError; ValueError for a folder, an unknown
    suffix, a file that is not what its suffix says (naming the line of JSON lines, from 1), a hub dataset that does
    not load, and a source without rows.
    """
    number = -1
    for number, row in enumerate(_opened(source)):  # noqa: B007 - read after the loop
        yield number, row
    if number < 0:
        raise ValueError(f"{source} has no rows")


def _opened(source: str | Path) -> Iterator[dict]:
    path = Path(source)
    if path.is_dir():
        files = sorted(file.name for file in path.iterdir() if _suffix(file) in SUFFIXES)
        raise ValueError(f"{source} is a folder; choose one of its files: {', '.join(files[:9]) or 'there are none'}")
    if path.exists():
        return _local(path)
    found = _HUB_ID.fullmatch(str(source))
    if not found or _suffix(Path(found[1])) in SUFFIXES:
        raise FileNotFoundError(f"No such file: {str(source)!r}; a hub dataset is owner/name, owner/name:split or "
                                "owner/name:file")
    name, part = found.groups(default="train")
    return _local(_fetched(name, part)) if _suffix(Path(part)) in SUFFIXES else _split(name, part)


def _suffix(path: Path) -> str:
    """The suffix that says what a file holds: that before `.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _local(path: Path) -> Iterator[dict]:
    suffix = _suffix(path)
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} has the suffix {suffix!r}; choose a file with one of {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        return _parquet(path)
    if suffix == ".csv":
        return _csv(path)
    return _json_list(path) if suffix == ".json" and _first_character(path) == b"[" else json_lines(path)


def json_lines(path: Path) -> Iterator[dict]:
    """The JSON object of each line that is not blank, of a file that is packed when its name ends in .gz.

    Raises ValueError, naming the line (from 1), for one that is no JSON object in utf-8, and for a broken gzip file.
    """
    for number, raw in enumerate(_raw_lines(path), 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} of {path} is not JSON ({one_line(error)})") from error
        if row is None and line.strip() or row is not None and not isinstance(row, dict):
            raise ValueError(f"line {number} of {path} is not a JSON object")
        if row is not None:
            yield row


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with _binary(path) as file:
            yield from file
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error})") from error


def _binary(path: Path):
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _first_character(path: Path) -> bytes:
    """The first byte that is no white space, after a byte order mark."""
    head = next((raw for raw in _raw_lines(path) if raw.strip()), b"")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _json_list(path: Path) -> Iterator[dict]:
    try:
        rows = json.loads(b"".join(_raw_lines(path)).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({one_line(error)})") from error
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ValueError(f"entry {number} of {path} is not a JSON object")
        yield row


def _csv(path: Path) -> Iterator[dict]:
    csv.field_size_limit(2 ** 31 - 1)
    try:
        with (gzip.open(path, "rt", encoding="utf-8-sig", newline="") if path.suffix.lower() == ".gz"
              else path.open(encoding="utf-8-sig", newline="")) as file:
            for row in csv.DictReader(file, strict=True):
                if None in row or None in row.values():
                    raise ValueError("a record has more or fewer fields than the header")
                yield row
    except (csv.Error, ValueError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as csv ({one_line(error)})") from error


def _parquet(path: Path) -> Iterator[dict]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as parquet ({one_line(error)})") from error


def _fetched(name: str, file: str) -> Path:
    """A file of a hub dataset, in the hub's cache. What came before a connection broke is kept there for a next try."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    from_client = HfHubHTTPError.__base__  # the HTTP client's own error; which client it is, the hub's version decides
    try:
        return Path(hf_hub_download(name, file, repo_type="dataset"))
    except (OSError, HFValidationError, from_client) as error:
        raise ValueError(f"{name}:{file} is no file here, and the hub did not give it ({one_line(error)})") from error


def _split(name: str, split: str) -> Iterator[dict]:
    """A split of a hub dataset, streamed and not stored."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HfHubHTTPError

    from_client = HfHubHTTPError.__base__
    try:
        yield from load_dataset(name, split=split, streaming=True)
    except (DatasetsError, OSError, ValueError, TypeError, RuntimeError, from_client) as error:
        raise ValueError(f"{name} is no file here, and split {split!r} of the hub dataset of that name cannot be read "
                         f"({one_line(error)})") from error


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())
