"""Examples that probes and directions learn from, one row each: where to read in which text, and a label.

    text        all of it, as `probes.texts.trace_texts` writes a trace; rows may share one, it is read once
    position    the last token that begins before this character is read. Most tokenizers begin a word with the blank
                before it: to read before a sentence, give the end of the one before, not its own start
    label       True or False
    group       rows that depend on one another, as a task's do
    start       the character where a bag of tokens begins (0); it ends at position
    domain      of the text; model: the one model that reads it

`linear_probe` needs the first four, `difference_of_means` the first three.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from probes.sources import ProbeError
from probes.texts import Encoded


def checked_examples(examples: pd.DataFrame, needed: Iterable[str], models: Iterable[str] = ()) -> pd.DataFrame:
    """The examples sorted by text and position, with columns `number` (of the text, in order) and `row`; labels bool.

    needed: the columns there must be. Raises ProbeError, naming the first row at fault, for what cannot be read.
    """
    if missing := [column for column in needed if column not in examples]:
        raise ProbeError(f"examples lack {', '.join(missing)}; they need {', '.join(needed)}")
    if examples.empty:
        raise ProbeError("there are no examples; give some of each label")
    examples = examples.assign(start=examples["start"] if "start" in examples else 0)
    _check_values(examples, list(models))
    found = examples.assign(number=pd.factorize(examples["text"])[0], label=examples["label"].astype(bool))
    found = found.sort_values(["number", "position"], kind="stable")
    return found.assign(row=range(len(found)))


def picks_of(examples: pd.DataFrame, encoded: Encoded) -> list[list[int]]:
    """The tokens that checked examples read, of every text; in the order of the examples."""
    picks = [[] for _ in encoded.texts]
    for number, position in zip(examples["number"], examples["position"], strict=True):
        picks[number].append(encoded.last(number, position))
    return picks


def _check_values(examples: pd.DataFrame, models: list[str]) -> None:
    length = examples["text"].map(lambda text: len(text) if isinstance(text, str) else -1)
    begin, end = (pd.to_numeric(examples[column], errors="coerce") for column in ("start", "position"))
    wrong = {"text": (length < 1, "a str, and not empty"),
             "label": (~examples["label"].isin([True, False]), "True or False"),
             "position": (~((end >= 1) & (end <= length) & (end % 1 == 0)), "a whole number, 1 to the text's length"),
             "start": (~((begin >= 0) & (begin < end) & (begin % 1 == 0)), "a whole number, 0 or more, below position")}
    wrong |= {name: (examples[name].isna(), f"something to tell {name}s by") for name in ("group", "domain")
              if name in examples}
    if "model" in examples:
        wrong["model"] = ~examples["model"].isin(models), f"one of {', '.join(models)}"
    for column, (rows, must) in wrong.items():
        if rows.any():
            place = int(np.argmax(rows.to_numpy()))
            raise ProbeError(f"row {place} of the examples has {column} {examples[column].tolist()[place]!r}; it must "
                             f"be {must}")
