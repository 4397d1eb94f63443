"""Traces out of files, and tags into one, in a stream: memory stays flat in the number of traces.

    for text in read_texts("traces.jsonl.gz"): ...
    for text in read_texts("owner/dataset:test", column="response"): ...
    write_tags(frames, Path("tags.parquet"))

Traces come from JSON lines (strict utf-8; only a line feed ends a line), parquet, a folder of `datasets.save_to_disk`,
or a dataset of the Hugging Face hub, which is streamed and not stored. A path that exists is never taken for a hub id.
"""

from __future__ import annotations

import gzip
import json
import re
import reprlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pandas as pd

from behaviors.taxonomy import LABELS, OTHER
from training.durable import whole_file

TEXT_COLUMNS = ("completion", "text")
"""The columns that traces are looked for in, in this order, when none is named."""
P_COLUMNS = tuple(f"p_{label}" for label in LABELS if label != OTHER)
"""The probabilities in tags of the shipped tagger."""
BATCH = 64
"""Rows of parquet or Arrow in memory at once; a trace can have a hundred thousand characters."""
BUFFER = 2 ** 20
"""Bytes of a column of parquet read at once, of however large a row group."""
GROUP_BYTES, GROUP_FRAMES = 2 ** 24, 1000
"""A row group of tags is written when it has either."""
_HUB_ID = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?::(.+))?")
_FILES = (".jsonl", ".json", ".ndjson", ".gz", ".parquet", ".txt", ".csv", ".tsv", ".arrow", ".zip", ".zst")

Columns = tuple[list[str], Callable[[str], Iterator]]
"""The columns of a source, and a function from one of them to its values."""


def read_texts(source: str | Path, column: str | None = None) -> Iterator[str]:
    """The traces of a source, one at a time and in order.

    Args: source, a path (JSON lines under any suffix but .parquet, packed when it ends in .gz; .parquet; a folder that
    `datasets.save_to_disk` wrote) or, where no such path exists, a hub dataset as owner/name or owner/name:split
    (default split train); column, the one that holds the traces (default: the first there is of `completion`, `text`;
    of JSON lines, in the first row). Blank lines of JSON lines are skipped.
    Raises, when the iterator gets there: ValueError, in one sentence, for no such column, a row (from 0, blank lines
    not counted) whose value is no string, a line (from 1, blank lines counted) that is no JSON object in utf-8, a file
    that cannot be read as what its suffix says, several splits, or a hub dataset that does not load; FileNotFoundError.
    """
    columns, values = _opened(source)
    name = _choose(columns, column, source)
    for row, value in enumerate(values(name)):
        if not isinstance(value, str):
            raise ValueError(f"row {row} of {source} has no text in column {name!r}, but {reprlib.repr(value)}")
        yield value


def _opened(source: str | Path) -> Columns:
    path = Path(source)
    if path.is_dir():
        return _saved(path)
    if path.exists():
        return _parquet(path) if path.suffix.lower() == ".parquet" else _json_lines(path)
    found = _HUB_ID.fullmatch(str(source))
    if not found or found[1].lower().endswith(_FILES):
        raise FileNotFoundError(f"No such file or folder: {str(source)!r}; a hub dataset is owner/name or "
                                "owner/name:split")
    return _hub(*found.groups(default="train"))


def _choose(columns: list[str], column: str | None, source: str | Path) -> str:
    """The column given, or the first there is of TEXT_COLUMNS."""
    for name in [column] if column is not None else TEXT_COLUMNS:
        if name in columns:
            return name
    wanted = " or ".join(map(repr, TEXT_COLUMNS)) if column is None else repr(column)
    raise ValueError(f"{source} has no column {wanted}; choose one of {', '.join(columns) or 'none'}")


def _json_lines(path: Path) -> Columns:
    rows = (row for _, row in objects(path))
    first = next(rows, None)
    if first is None:
        return [], lambda name: iter(())
    return list(first), lambda name: _values(chain([first], rows), name, path)


def _values(rows: Iterable[dict], name: str, path: Path) -> Iterator:
    for number, row in enumerate(rows):
        if name not in row:
            raise ValueError(f"row {number} of {path} has no column {name!r}, which row 0 has; "
                             f"it has {', '.join(row) or 'none'}")
        yield row[name]


def objects(path: Path) -> Iterator[tuple[int, dict]]:
    """(line, JSON object) of each line of a file, packed when it ends in .gz, that is not blank; lines from 1.

    Raises ValueError, in one sentence, for a line that is no JSON object in utf-8 and a file that is no whole gzip.
    """
    for number, raw in enumerate(_lines(path), 1):
        try:
            line = raw.decode("utf-8")
            row = json.loads(line) if line.strip() else {}
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} of {path} is not JSON ({error.msg})") from error
        except (ValueError, RecursionError) as error:  # not utf-8; a number too long; too many brackets
            raise ValueError(f"line {number} of {path} cannot be read ({error})") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number} of {path} is not a JSON object")
        if line.strip():
            yield number, row


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield from file
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error})") from error


def _parquet(path: Path) -> Columns:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as parquet ({_one_line(error)})") from error

    def values(name: str) -> Iterator:
        try:
            for batch in file.iter_batches(batch_size=BATCH, columns=[name]):
                yield from batch.column(name).to_pylist()
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"column {name!r} of {path} cannot be read ({_one_line(error)})") from error

    return file.schema_arrow.names, values


def _saved(folder: Path) -> Columns:
    """A Dataset of `save_to_disk`, mapped into memory and not read into it."""
    splits = folder / "dataset_dict.json"
    if splits.exists():
        names = json.loads(splits.read_text(encoding="utf-8"))["splits"]
        raise ValueError(f"{folder} holds several splits; choose one of {', '.join(str(folder / n) for n in names)}")
    if not (folder / "state.json").exists():
        raise ValueError(f"{folder} is a folder that save_to_disk did not write; choose a file in it, or such a folder")
    if not json.loads((folder / "state.json").read_text(encoding="utf-8"))["_data_files"]:  # which datasets cannot load
        info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
        return list(info["features"]), lambda name: iter(())
    from datasets import load_from_disk

    dataset = load_from_disk(str(folder)).with_format(None)
    return dataset.column_names, lambda name: chain.from_iterable(
        batch[name] for batch in dataset.select_columns([name]).iter(batch_size=BATCH))


def _hub(name: str, split: str) -> Columns:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        dataset = load_dataset(name, split=split, streaming=True)
        columns = dataset.column_names or list(next(iter(dataset), {}))
    except (DatasetsError, OSError, ValueError, RuntimeError) as error:  # RuntimeError: a dataset that is a script
        raise ValueError(f"{name} is no file here, and split {split!r} of the hub dataset of that name does not load "
                         f"({_one_line(error)})") from error
    return columns, lambda column: (row[column] for row in dataset.select_columns([column]))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def write_tags(frames: Iterable[pd.DataFrame], out: Path) -> int:
    """Write tags frames, as `BehaviorTagger.stream` gives them, into one parquet file, in order, whole or not at all.

    The columns are those of tags, with the probabilities that the first frame has; of no frames, those of the taxonomy
    and no rows. Lone surrogates, which parquet cannot hold, are written as U+FFFD.
    Returns the number of rows. Raises ValueError when a frame has other columns, and what `frames` raises.
    """
    import pyarrow.parquet

    frames = iter(frames)
    first = next(frames, None)
    schema = _schema(P_COLUMNS if first is None else [name for name in first.columns if name.startswith("p_")])
    rows = 0
    with whole_file(out) as partial, pyarrow.parquet.ParquetWriter(partial, schema) as writer:
        for group in _groups(_table(frame, schema) for frame in chain([] if first is None else [first], frames)):
            writer.write_table(group)
            rows += len(group)
    return rows


def _schema(scores: Iterable[str]):
    """The columns of tags and their types; `scores`, those of the probabilities."""
    import pyarrow

    numbers = [(name, pyarrow.int64()) for name in ("text_id", "sentence", "start", "end")]
    strings = [(name, pyarrow.string()) for name in ("text", "label")]
    return pyarrow.schema([*numbers, *strings, *((name, pyarrow.float64()) for name in scores)])


def _table(frame: pd.DataFrame, schema):
    import pyarrow

    if set(frame.columns) != set(schema.names):
        raise ValueError(f"tags to write have the columns {', '.join(map(str, frame.columns))}; "
                         f"give {', '.join(schema.names)}")
    columns = {name: frame[name] for name in schema.names}
    return pyarrow.table({**columns, "text": [without_surrogates(text) for text in frame["text"]]}, schema=schema)


def _groups(tables: Iterable) -> Iterator:
    """Tables joined until they are worth a row group."""
    import pyarrow

    held, size = [], 0
    for table in tables:
        if len(table):
            held.append(table)
            size += table.nbytes
        if size >= GROUP_BYTES or len(held) == GROUP_FRAMES:
            yield pyarrow.concat_tables(held)
            held, size = [], 0
    if held:
        yield pyarrow.concat_tables(held)


def without_surrogates(text: str) -> str:
    """The text, as long, with U+FFFD for every lone surrogate: utf-8 has no place for them."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
