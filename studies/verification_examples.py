"""A few traces of every model to read, kept with the results: traces.parquet, written by the study self_verification.

Of the first seed, for every model and domain: the first two right and the first two wrong completions, first samples
before later ones, tasks in order, each with its prompt, reward, tags and what every judge said of it. Where that is too
much, every model keeps about as many, firsts before seconds.

    write_examples(examples(traces, judged), out / FILE)
    for trace in read_examples(out / FILE): ...      # `behaviors.browser.Trace`
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from behaviors.browser import COLUMNS, VERDICT, Trace
from behaviors.judge import KEYS
from behaviors.tagger import tag

FILE = "traces.parquet"
EACH = 2
"""Right, and wrong, completions of a model on a domain."""
TRACES, CHARACTERS = 500, 4_000_000
"""Traces, and characters of prompts and completions, at most."""
TAGS = [name for name in COLUMNS if name != "text"]
KEY = [name for name in KEYS if name != "correct"]
KEPT = [*KEYS, "prompt", "completion", "reward", "reason"]


def chosen(traces: pd.DataFrame) -> pd.DataFrame:
    """The rows of traces to keep, in their order and with their index."""
    first = traces[traces["seed"] == traces["seed"].iloc[0]].sort_values("sample", kind="stable")
    place = first.groupby(["model", "domain", "correct"], sort=False).cumcount()
    ranked = traces.loc[place[place < EACH].sort_values(kind="stable").index]
    turns = ranked.groupby("model", sort=False).cumcount().sort_values(kind="stable").index[:TRACES]
    size = (traces.loc[turns, "prompt"].str.len() + traces.loc[turns, "completion"].str.len()).cumsum()
    return traces.loc[turns[size <= CHARACTERS]].sort_index()


def examples(traces: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """The chosen traces, each with `tags`, its sentences, and `verdicts`, those of judges (lists of dicts).

    judged: verdicts on any of these traces.
    """
    kept = chosen(traces)
    sentences = dict(iter(tag(kept["completion"].tolist()).round(4).groupby("text_id")[TAGS]))
    here = judged[pd.MultiIndex.from_frame(judged[KEY]).isin(pd.MultiIndex.from_frame(kept[KEY]))]
    said = dict(iter(here.drop_duplicates([*KEY, "judge", "mode"]).groupby(KEY, sort=False)[list(VERDICT)]))
    return kept[KEPT].assign(
        tags=[sentences[k].to_dict("records") if k in sentences else [] for k in range(len(kept))],
        verdicts=[said[key].to_dict("records") if key in said else []
                  for key in kept[KEY].itertuples(index=False, name=None)])


def _schema():
    """The columns of the file and their types."""
    import pyarrow

    text, number, truth, real = pyarrow.string(), pyarrow.int64(), pyarrow.bool_(), pyarrow.float64()
    tag = pyarrow.struct(dict(zip(TAGS, (number, number, text, real, real), strict=True)))
    verdict = pyarrow.struct(dict(zip(VERDICT, (text, text, truth, truth), strict=True)))
    return pyarrow.schema({"model": text, "domain": text, "task_id": text, "sample": number, "seed": number,
                           "correct": truth, "prompt": text, "completion": text, "reward": real, "reason": text,
                           "tags": pyarrow.list_(tag), "verdicts": pyarrow.list_(verdict)})


def write_examples(kept: pd.DataFrame, file: Path) -> None:
    """Write what `examples` gave."""
    import pyarrow
    import pyarrow.parquet

    rows = pyarrow.Table.from_pylist(kept.to_dict("records"), schema=_schema())
    pyarrow.parquet.write_table(rows, file, compression="zstd")


def read_examples(file: Path) -> Iterator[Trace]:
    """The kept traces, to be read in a browser. Raises OSError, and ValueError for a file that another version wrote.
    """
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(file)
    if not rows.schema.equals(_schema()):
        raise ValueError(f"{file.name} has other columns than this version writes")
    return map(_trace, rows.to_pylist())


def _trace(row: dict) -> Trace:
    rows = pd.DataFrame(row["tags"], columns=TAGS)
    text = [row["completion"][start:end] for start, end in zip(rows["start"], rows["end"], strict=True)]
    facts = {"task": row["task_id"], **{name: row[name] for name in
                                        ("model", "domain", "correct", "reward", "reason", "prompt", "verdicts")}}
    return Trace(f"{row['model']}/{row['task_id']}/{row['sample']}", row["completion"], rows.assign(text=text), facts)
