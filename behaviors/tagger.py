"""Sentence tags for reasoning traces: where a model checks itself, and where it turns back.

Traces are cut into sentences (`behaviors.segmentation`); each is read in its context (`behaviors.features`), and one
logistic regression a behavior says how probable it shows it (`behaviors.classifier`). The definitions are in
`behaviors.taxonomy`; what the shipped weights were fitted on, how well they agree with people and how to fit others is
in `behaviors/WEIGHTS.md`. A sentence shows the behavior whose probability is furthest, as a ratio, above its threshold;
a bare interjection ("Wait.") that shows none takes label and probabilities of the sentence it opens. Nothing is random,
and a trace's tags depend on that trace alone. The instrument is English: a text in another language is cut, labelled
`other` throughout, and warned about.

    python -m behaviors.tagger TRACES --out TAGS.parquet [--column completion] [--html PAGE.html] [--weights FILE]

TRACES is JSON lines, parquet, a folder of `datasets.save_to_disk`, or a dataset on the Hugging Face hub (owner/name, or
owner/name:split), read as a stream; `text_id` is the row's number there, from 0. Lone surrogates, which parquet cannot
hold, are written as U+FFFD.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from behaviors.classifier import Classifier, fit
from behaviors.cues import BARE_WAIT
from behaviors.features import feature_rows
from behaviors.language import is_english, warn_of
from behaviors.page import TRACES, write_page
from behaviors.reading import read_texts, write_tags
from behaviors.segmentation import spans
from behaviors.taxonomy import OTHER
from training.durable import ready

COLUMNS = ("text_id", "sentence", "start", "end", "text", "label")
SHIPPED = Path(__file__).with_name("tagger.safetensors")
Trace = str | list[str]


class BehaviorTagger:
    """Labels sentences of traces with the behaviors that it was fitted on."""

    def __init__(self, classifier: Classifier):
        self.classifier = classifier

    @classmethod
    def fit(cls, labelled: pd.DataFrame, recipe: dict | None = None) -> BehaviorTagger:
        """Fit on labelled sentences.

        Args: labelled, a row a sentence, in reading order: `trace` (or `text_id`), `text` and `label`, where `other` is
        no behavior and every other label is one; such as a frame of `tag` with labels put right by hand. Columns of
        `behaviors.sources.read_labelled` instead of `label` say more. recipe: notes to store with the weights.
        Raises ValueError where a column is missing or a behavior cannot be learned from what is there.
        """
        table = labelled.rename(columns={"text_id": "trace"})
        if missing := {"trace", "text"} - set(table.columns):
            raise ValueError(f"labelled sentences lack {', '.join(sorted(missing))}; give trace, text and label")
        if "label" in table.columns:
            table = _one_hot(table)
        traces = [trace for _, trace in table.groupby("trace", sort=False)]
        rows = [row for trace in traces for row in feature_rows(trace["text"].tolist())]
        return cls(fit(rows, pd.concat(traces), recipe or {}))

    def save(self, path: str | Path) -> Path:
        """Write the weights: one safetensors file of arrays and names."""
        return self.classifier.save(path)

    @classmethod
    def load(cls, path: str | Path = SHIPPED) -> BehaviorTagger:
        """Read weights; the shipped ones without a path."""
        return cls(Classifier.load(path))

    def tag(self, texts: list[Trace]) -> pd.DataFrame:
        """Tag every sentence of every trace.

        Args: texts, a list of traces (str), or of traces cut into sentences (lists of str: a row each, in order).
        Returns: one row a sentence: text_id (position in `texts`), sentence (position in the trace), start and end
        (offsets into the trace, in characters; into the sentence itself where sentences were given), text, label, and
        p_<behavior> for each behavior, its probability. A blank trace has no row.
        Raises TypeError when `texts` is not such a list. Warns of texts that are not English.
        """
        if isinstance(texts, (str, bytes)):
            raise TypeError(f"texts is one {type(texts).__name__}; give a list of traces, such as [text]")
        frames = list(self.stream(texts))
        return pd.concat(frames, ignore_index=True) if frames else self._frame([], np.zeros((0, self._width)))

    def stream(self, texts: Iterable[Trace], characters: int = 250_000) -> Iterator[pd.DataFrame]:
        """The frame of `tag` in parts, each of about so many characters of traces: memory is flat in their number."""
        held, size, foreign, n = [], 0, 0, 0
        for n, trace in enumerate(texts, 1):
            rows, features, known = _read(n - 1, trace)
            foreign += not known
            held.append((rows, features, known))
            size += sum(row[3] - row[2] for row in rows)
            if size >= characters:
                yield self._tagged(held)
                held, size = [], 0
        if held:
            yield self._tagged(held)
        warn_of(foreign, n)

    @property
    def _width(self) -> int:
        return len(self.classifier.behaviors)

    def _tagged(self, held: list[tuple[list, list, bool]]) -> pd.DataFrame:
        p = self.classifier.probabilities([row for _, features, _ in held for row in features])
        begin = 0
        for rows, _, known in held:
            part = p[begin:begin + len(rows)]
            part *= known
            _open(part, [row[4] for row in rows], self.classifier.thresholds)
            begin += len(rows)
        return self._frame([row for rows, _, _ in held for row in rows], p)

    def _frame(self, rows: list[tuple], p: np.ndarray) -> pd.DataFrame:
        """Rows as a frame; `text` stays a column of Python objects, which can hold lone surrogates."""
        frame = pd.DataFrame({name: pd.Series([row[k] for row in rows], dtype="int64")
                              for k, name in enumerate(COLUMNS[:4])})
        frame["text"] = pd.Series([row[4] for row in rows], dtype=object)
        names = np.array([*self.classifier.behaviors, OTHER], dtype=object)
        ratio = p / self.classifier.thresholds
        best = np.where((ratio >= 1).any(axis=1), ratio.argmax(axis=1), self._width)
        frame["label"] = pd.Series(names[best], dtype=str)
        return frame.assign(**{f"p_{name}": p[:, k] for k, name in enumerate(self.classifier.behaviors)})


def _one_hot(table: pd.DataFrame) -> pd.DataFrame:
    """Labels as a truth and a weight a behavior; every trace is a group of its own."""
    behaviors = sorted(set(table["label"]) - {OTHER})
    if not behaviors:
        raise ValueError(f"every labelled sentence is {OTHER!r}; label some with a behavior")
    truths = {name: table["label"] == name for name in behaviors}
    weights = {f"weight_{name}": 1.0 for name in behaviors}
    return table[["trace", "text"]].assign(group=table["trace"], calibrates=True, **truths, **weights)


def _read(text_id: int, trace: Trace) -> tuple[list[tuple], list[dict[str, float]], bool]:
    """The rows of a trace without labels, its features, and whether it is English."""
    if isinstance(trace, str):
        where = spans(trace)
        sentences = [trace[start:end] for start, end in where]
    elif isinstance(trace, (list, tuple)) and all(isinstance(sentence, str) for sentence in trace):
        sentences = list(trace)
        where = [(0, len(sentence)) for sentence in sentences]
    else:
        raise TypeError(f"texts[{text_id}] is a {type(trace).__name__}; choose a str or a list of str")
    rows = [(text_id, k, *span, sentence) for k, (span, sentence) in enumerate(zip(where, sentences, strict=True))]
    return rows, feature_rows(sentences), is_english(trace if isinstance(trace, str) else " ".join(trace))


def _open(p: np.ndarray, sentences: list[str], thresholds: np.ndarray) -> None:
    """A bare interjection that shows nothing itself takes the probabilities of the sentence after it, in place."""
    for k in reversed(range(len(sentences) - 1)):
        opening = sentences[k][:100]
        if (p[k] < thresholds).all() and BARE_WAIT.search(opening) and any(letter.isalpha() for letter in opening):
            p[k] = p[k + 1]


@cache
def shipped() -> BehaviorTagger:
    """The tagger with the shipped weights, read once."""
    return BehaviorTagger.load()


def tag(texts: list[Trace]) -> pd.DataFrame:
    """`BehaviorTagger.tag` with the shipped weights: labels self_verification, backtracking and other."""
    return shipped().tag(texts)


def run(tagger: BehaviorTagger, source: str, out: Path, column: str | None = None, page: Path | None = None) -> None:
    """Tag the traces of a source into a parquet file, and the first of them into a page, each whole or not at all."""
    shown, frames, count = [], [], 0

    def texts() -> Iterator[str]:
        nonlocal count
        for count, text in enumerate(read_texts(source, column), 1):
            if page and count <= TRACES:
                shown.append(text)
            yield text

    def tagged() -> Iterator[pd.DataFrame]:
        for frame in tagger.stream(texts()):
            if page:
                frames.append(frame[frame["text_id"] < TRACES])
            yield frame

    rows = write_tags(tagged(), out)
    print(f"{rows} sentences of {count} traces in {out}")
    if page:
        tags = pd.concat(frames, ignore_index=True) if frames else tagger.tag([])
        traces = ((f"row {k}", text, tags[tags["text_id"] == k]) for k, text in enumerate(shown))
        print(f"{write_page(traces, page, source, unseen=count - len(shown))} traces on {page}")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m behaviors.tagger", description="Tag the sentences of traces.")
    parser.add_argument("traces", help="JSON lines, parquet, a saved dataset's folder, or a hub dataset's id")
    parser.add_argument("--out", type=Path, required=True, help="parquet file to write, one row a sentence")
    parser.add_argument("--column", help="the column that holds the traces (default: completion, else text)")
    parser.add_argument("--html", type=Path, help="also write a page in which the tagged traces can be read")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="weights of BehaviorTagger.save")
    chosen = parser.parse_args(arguments)
    if chosen.out.resolve() == Path(chosen.traces).resolve():
        parser.error(f"--out is the file of the traces, {chosen.traces}; choose another")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
        try:
            ready(chosen.out)
            run(BehaviorTagger.load(chosen.weights), chosen.traces, chosen.out, chosen.column, chosen.html)
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
