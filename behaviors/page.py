"""Tagged traces as one HTML page, to read: sentences colored by label, filters, search, and keys to jump.

    traces = ((f"row {k}", text, tag([text])) for k, text in enumerate(texts))
    write_page(traces, Path("tags.html"), "Tags")

The page is `page.html` with the traces in it as JSON; it needs no network and no server. Traces are anybody's text: in
the JSON everything that could end its element is escaped, and the page only ever shows strings as text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import pandas as pd

from behaviors.reading import whole, without_surrogates
from behaviors.taxonomy import LABELS

TEMPLATE = Path(__file__).with_name("page.html")
TRACES = 500
"""Traces on a page at most."""
BYTES = 5_000_000
"""Bytes of traces, in utf-8, on a page at most."""
COLUMNS = ["start", "end", "text", "label", "p_self_verification", "p_backtracking"]


def write_page(traces: Iterable[tuple[str, str, pd.DataFrame]], out: Path, title: str, limit: int = TRACES,
               unseen: int = 0) -> int:
    """Write a page of the first traces, whole or not at all.

    Args: traces, (name, text, the rows of a tags frame on this text), read one at a time and to the end; out, the file;
    title; limit, traces on the page at most; unseen, how many traces there are that are not even given. From the first
    trace that is one too many, or would bring the page above BYTES of text, all are left out, and a line on the page
    says how many those and the unseen are.
    Returns the number of traces on the page. Lone surrogates are written as U+FFFD.
    Raises ValueError for a limit below 1, and for rows that are not of their text.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}; choose at least 1 trace a page")
    head, tail = TEMPLATE.read_text(encoding="utf-8").split("{{data}}")
    head = head.replace("{{title}}", html.escape(without_surrogates(title)))
    with whole(out) as partial, partial.open("w", encoding="utf-8", newline="") as page:
        page.write(head + '{"traces": [')
        written, left = _write(page, iter(traces), limit)
        page.write(f'],\n"note": {_script_json(_note(left + unseen, limit))}}}' + tail)
    return written


def _write(page: TextIO, traces: Iterator[tuple[str, str, pd.DataFrame]], limit: int) -> tuple[int, int]:
    """Write the traces that fit on a page; (how many those are, how many are left out)."""
    written = size = 0
    for name, text, rows in traces:
        size += len(text.encode("utf-8", "replace"))
        if written == limit or size > BYTES:
            return written, 1 + sum(1 for _ in traces)
        page.write(",\n" * (written > 0) + _script_json({"name": name, **_cut(name, text, rows)}))
        written += 1
    return written, 0


def _cut(name: str, text: str, rows: pd.DataFrame) -> dict:
    """A text cut up: sentences, each [text before it, sentence, label, p self-verification, p backtracking]; rest."""
    if missing := [key for key in COLUMNS if key not in rows.columns]:
        raise ValueError(f"the rows of trace {name!r} lack {', '.join(missing)}; give those of a tags frame")
    sentences, position = [], 0
    for number, (start, end, sentence, label, *p) in enumerate(zip(*(rows[key] for key in COLUMNS), strict=True)):
        inside = position <= start <= end <= len(text)
        if not inside or without_surrogates(text[start:end]) != without_surrogates(sentence):
            raise ValueError(f"sentence {number} of trace {name!r} is not in its text at {start} to {end}; "
                             "give each text its own rows, in order")
        if label not in LABELS:
            raise ValueError(f"sentence {number} of trace {name!r} has label {label!r}; "
                             f"choose one of {', '.join(LABELS)}")
        if not all(0 <= value <= 1 for value in p):
            raise ValueError(f"sentence {number} of trace {name!r} has probabilities {p}; choose numbers in [0, 1]")
        sentences.append([text[position:start], text[start:end], label, *(round(float(value), 4) for value in p)])
        position = end
    return {"sentences": sentences, "rest": text[position:]}


def _script_json(value: object) -> str:
    """JSON that a script element can hold: no character in it that HTML or an old JavaScript would act on."""
    text = without_surrogates(json.dumps(value, ensure_ascii=False, allow_nan=False))
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _note(left: int, limit: int) -> str:
    """The line that says how many traces are not on the page; empty when all are."""
    if not left:
        return ""
    return (f"{left:,} {'trace is' if left == 1 else 'traces are'} left out: a page holds the first {limit:,}, "
            f"and at most {BYTES / 1e6:g} MB of text.")
