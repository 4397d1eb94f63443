"""Sentence tags for reasoning traces: where a model checks itself, and where it turns back.

Traces are cut into sentences by spaCy's blank English pipeline (tokenizer exceptions and sentencizer; no model to
download), run line by line on a copy of the trace in which everything that only looks like a sentence end is blanked
out: decimals, factorials, list numbers, LaTeX, code. The copy has the same length, so offsets are those of the trace.
Each sentence then gets the first matching cue of `behaviors.taxonomy`. A failed verdict needs the check before it, and
a bare "Wait." takes the label of the sentence it opens.

The probabilities are rule scores, 1.0 where a cue fired and 0.0 elsewhere: they are not calibrated. The cues are
English: other languages are segmented but come out as `other`. A line break outside code and LaTeX ends a sentence.

    python -m behaviors.tagger TRACES.jsonl --out TAGS.parquet [--column completion]

TRACES is JSON lines or parquet with a `completion` or `text` column; `text_id` is the row's number there, from 0. Lone
surrogates, which parquet cannot hold, are written as U+FFFD.
"""

from __future__ import annotations

import argparse
import re
import sys
from functools import cache
from pathlib import Path

import pandas as pd

from behaviors.taxonomy import BACKTRACKING, BARE_WAIT, OTHER, SELF_VERIFICATION, label_of

COLUMNS = ("text_id", "sentence", "start", "end", "text", "label", "p_self_verification", "p_backtracking")
TEXT_COLUMNS = ("completion", "text")
_STOPS = ".!?\u2026\u3002\uff01\uff1f\u061f\u0964"
_SOLID = re.compile(  # spans no sentence ends in: fenced and inline code, display and inline LaTeX
    r"```.*?(?:```|\Z)|`[^`\n]{1,500}`|\$\$[^$]{1,5000}\$\$|\$(?=\S)[^$\n]{1,500}(?<=\S)\$(?!\d)"
    r"|\\\[(?:(?!\\\[).){1,5000}?\\\]|\\\((?:(?!\\\().){1,1000}?\\\)", re.DOTALL)
_ABBREVIATIONS = r"\b(?:approx|resp|cf|eqs?|figs?|viz|ex|et al|w\.r\.t|a\.k\.a|i\.e|e\.g|etc)\."
_ABBREVIATIONS += r"(?=[,;:)]|\s*[a-z\d(\\$])"
_OPENERS = "(?:The|So|Then|This|That|But|Let|We|It|If|Now|And|Since|Therefore|Thus|Hence|Wait|Yes|No|Next|For|In|To)"
_FALSE_STOPS = re.compile(
    rf"^[ \t]*(?:[-*+#>]+[ \t]*)?\(?\d{{1,3}}\.(?=\s)|(?<=[.!?][ ])\d{{1,2}}\.(?=[ ][A-Z])"  # list numbers: "2. Add"
    rf"|{_ABBREVIATIONS}|(?<=\d)\.(?=\d)"
    rf"|(?<!is )(?<!ption )(?<!hoice )(?<!nswer )(?<![\w.])[A-Z]\.(?= (?!{_OPENERS}\b)[A-Z][a-z])"  # initials of names
    r"|(?<=[\w)\]])!+(?=\s*[-+*/=^,;)\]\d<>\u00d7\u00b7\u00f7\u2248])"  # factorials
    r"|(?<=\d)!(?=\s+[a-z])|!(?==)", re.MULTILINE)
_RUNS = re.compile(rf"[{_STOPS}]+(?=[{_STOPS}])")
_CLOSERS = "\"'\u201d\u2019)\\]*}"
_LINE = re.compile(rf"[^\r\n\u3002\uff01\uff1f]+(?:[\u3002\uff01\uff1f]+[{_CLOSERS}]*)?")  # these stops need no blank
_MARKS = re.compile(rf"([{_STOPS}][{_CLOSERS}]{{1,4}})|[^\w\s{_STOPS}]")
_LONE_CAPITAL = re.compile(rf"(?<![\w.])[A-Za-z](?=[{_STOPS}](?:[{_CLOSERS}]*\s|[{_CLOSERS}]*\Z))")


@cache
def _pipeline():
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer", config={"punct_chars": list(_STOPS)})
    pipeline.max_length = sys.maxsize
    return pipeline


def _blank(match: re.Match) -> str:
    """As many zeros as the match is long; a full stop that ends a formula stays a full stop."""
    text = match.group()
    ends = re.search(r"[.!?]\s*(?:\$\$?|\\\]|\\\))\Z", text)
    return "0" * (len(text) - 1) + "." if ends else "0" * len(text)


def skeleton(text: str) -> str:
    """A copy of the text, as long, in which only what ends sentences looks like it: stops and line breaks."""
    text = _SOLID.sub(_blank, text)
    text = _FALSE_STOPS.sub(lambda m: "0" * len(m.group()), text)
    text = _RUNS.sub(lambda m: "0" * len(m.group()), text)
    text = _LONE_CAPITAL.sub("0", text)  # "so we find x." and "option B." end sentences; spaCy takes them for initials
    return _MARKS.sub(lambda m: m.group(1) or " ", text)


def spans(text: str) -> list[tuple[int, int]]:
    """The (start, end) of each sentence of a trace: in order, disjoint, covering every character but white space."""
    cuts, shape, pipeline = [0], skeleton(text), _pipeline()
    with pipeline.memory_zone():
        for line in _LINE.finditer(shape):
            cuts += [line.start() + sentence.end_char for sentence in pipeline(line.group()).sents]
            cuts[-1] = line.end()
    cuts.append(len(text))
    stripped = (_strip(text, start, end) for start, end in zip(cuts, cuts[1:], strict=False))
    return [(start, end) for start, end in stripped if start < end]


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space around it."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def labels(sentences: list[str]) -> list[str]:
    """The label of each sentence of one trace, in order."""
    found = []
    for sentence in sentences:
        found.append(label_of(sentence, found[-1] if found else OTHER))
    for k in reversed(range(len(found) - 1)):
        if found[k] == OTHER and BARE_WAIT.search(sentences[k]) and re.search(r"\w", sentences[k]):
            found[k] = found[k + 1]
    return found


def tag(texts: list[str] | list[list[str]]) -> pd.DataFrame:
    """Tag every sentence of every trace.

    Args: texts, a list of traces (str), or of traces already cut into sentences (lists of str: one row each, in order).
    Returns: one row a sentence: text_id (position in `texts`), sentence (position in the trace), start and end (offsets
    into the trace, in characters; into the sentence itself where sentences were given), text, label,
    p_self_verification and p_backtracking (rule scores, 0.0 or 1.0). A blank trace has no row.
    Raises TypeError when `texts` is not such a list.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts is one {type(texts).__name__}; give a list of traces, such as [text]")
    return _frame([row for text_id, trace in enumerate(texts) for row in _rows(text_id, trace)])


def _rows(text_id: int, trace: str | list[str]) -> list[tuple]:
    if isinstance(trace, str):
        where = spans(trace)
        sentences = [trace[start:end] for start, end in where]
    elif isinstance(trace, (list, tuple)) and all(isinstance(sentence, str) for sentence in trace):
        sentences = list(trace)
        where = [(0, len(sentence)) for sentence in sentences]
    else:
        raise TypeError(f"texts[{text_id}] is a {type(trace).__name__}; choose a str or a list of str")
    return [(text_id, k, *span, sentence, label)
            for k, (span, sentence, label) in enumerate(zip(where, sentences, labels(sentences), strict=True))]


def _frame(rows: list[tuple]) -> pd.DataFrame:
    """Rows as a frame; `text` stays a column of Python objects, which can hold lone surrogates."""
    table = {name: [row[k] for row in rows] for k, name in enumerate(COLUMNS[:6])}
    frame = pd.DataFrame({name: pd.Series(table[name], dtype="int64") for name in COLUMNS[:4]})
    frame["text"] = pd.Series(table["text"], dtype=object)
    frame["label"] = pd.Series(table["label"], dtype=str)
    for label in (SELF_VERIFICATION, BACKTRACKING):
        frame[f"p_{label}"] = (frame["label"] == label).astype(float)
    return frame


def read_texts(path: Path, column: str | None = None) -> list[str]:
    """The traces in a JSON lines or parquet file. Raises ValueError, in one sentence, when they are not there."""
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else _read_lines(path)
    names = [column] if column else [name for name in TEXT_COLUMNS if name in frame.columns]
    if not names or names[0] not in frame.columns:
        wanted = repr(column) if column else " or ".join(map(repr, TEXT_COLUMNS))
        raise ValueError(f"{path} has no column {wanted}; choose one of {', '.join(map(str, frame.columns)) or 'none'}")
    texts = frame[names[0]].tolist()
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"row {row} of {path} has no text in column {names[0]!r}, but {text!r}")
    return texts


def _read_lines(path: Path) -> pd.DataFrame:
    import json

    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        try:
            rows += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} of {path} is not JSON ({error.msg})") from error
        if rows and not isinstance(rows[-1], dict):
            raise ValueError(f"line {number} of {path} is not a JSON object")
    return pd.DataFrame(rows, dtype=object)


def write(tags: pd.DataFrame, out: Path) -> None:
    """Write tags as parquet, whole or not at all."""
    text = tags["text"].map(lambda sentence: re.sub("[\ud800-\udfff]", "\ufffd", sentence))
    partial = out.with_name(out.name + ".partial")
    try:
        tags.assign(text=text.astype(str)).to_parquet(partial, index=False)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m behaviors.tagger", description="Tag the sentences of traces.")
    parser.add_argument("traces", type=Path, help="JSON lines or parquet, with a `completion` or `text` column")
    parser.add_argument("--out", type=Path, required=True, help="parquet file to write, one row a sentence")
    parser.add_argument("--column", help="the column that holds the traces")
    chosen = parser.parse_args(arguments)
    try:
        write(tag(read_texts(chosen.traces, chosen.column)), chosen.out)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
