"""The browser of tagged traces, to be put into a page: its markup, style and script, and the traces as it reads them.

    head, tail = (filled(part, {**parts(), "title": "..."}) for part in template.split("{{data}}"))
    page.write(head); write_data(page, [Trace("row 0", text, tag([text]))]); page.write(tail)

A trace that says so is also filtered by model, domain and right or wrong, and shown with its prompt, reward, reason and
the verdicts of judges. Traces are anybody's text: in the JSON everything that could end its element is escaped, and
the script only ever shows strings as text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TextIO

import pandas as pd

from behaviors.reading import without_surrogates
from behaviors.taxonomy import LABELS

HERE = Path(__file__).parent
PARTS = {"style": ("browser.css",), "browser": ("browser.html",), "script": ("browser_trace.js", "browser.js")}
"""What a page holds of the browser: placeholder of a template -> files."""
TRACES = 500
"""Traces on a page at most, unless it says otherwise."""
BYTES = 5_000_000
"""Bytes of traces and prompts, in utf-8, on a page at most."""
COLUMNS = ["start", "end", "text", "label", "p_self_verification", "p_backtracking"]
FACTS = {"model": str, "domain": str, "task": str, "correct": bool, "reward": (int, float), "reason": str,
         "prompt": str, "verdicts": list}
"""What may be known of a trace besides its name, text and tags."""
VERDICT = {"judge": str, "mode": str, "verdict": (bool, type(None)), "agrees": (bool, type(None))}


class Trace(NamedTuple):
    """A trace to read."""

    name: str
    """What the list calls it; the page's address with `#trace=NAME` shows it."""
    text: str
    rows: pd.DataFrame
    """Its rows of a tags frame."""
    facts: Mapping[str, object] = MappingProxyType({})
    """What is known of it, by the names of FACTS, its verdicts by those of VERDICT; None is the same as absent."""


def parts() -> dict[str, str]:
    """What a template's placeholders `style`, `browser` and `script` stand for."""
    return {name: "\n".join((HERE / file).read_text(encoding="utf-8").rstrip() for file in files)
            for name, files in PARTS.items()}


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with `{{name}}` replaced, all at once: a value that looks like a placeholder stays as it is."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values.get(match[1], match[0]), template)


def write_data(page: TextIO, traces: Iterable[tuple], limit: int = TRACES, unseen: int = 0, note: str = "") -> int:
    """Write the first traces as JSON that a script element can hold; `Trace`s or tuples like them, read to the end.

    From the first trace that is one too many, or would bring the page above BYTES, all are left out; the note says how
    many those and the `unseen` are, which are not even given. Returns the number of traces written.
    Raises ValueError for rows that are not of their text, and for facts that are none of FACTS.
    """
    page.write('{"traces": [')
    written, left = _write(page, iter(traces), limit)
    said = " ".join(part for part in (note, _left_out(left + unseen, limit)) if part)
    page.write(f'],\n"note": {script_json(said)}}}')
    return written


def _write(page: TextIO, traces: Iterator[tuple], limit: int) -> tuple[int, int]:
    """Write the traces that fit on a page; (how many those are, how many are left out)."""
    written = size = 0
    for trace in traces:
        name, text, rows, facts = Trace(*trace)
        size += len(f"{text}{facts.get('prompt') or ''}".encode("utf-8", "replace"))
        if written == limit or size > BYTES:
            return written, 1 + sum(1 for _ in traces)
        page.write(",\n" * (written > 0) + script_json({"name": name, **_known(name, facts), **_cut(name, text, rows)}))
        written += 1
    return written, 0


def _known(name: str, facts: Mapping[str, object]) -> dict:
    """The facts that are there, each as FACTS wants it."""
    known = {key: value for key, value in facts.items() if value is not None}
    if odd := [key for key, value in known.items() if not isinstance(value, FACTS.get(key, ()))]:
        raise ValueError(f"trace {name!r} has {odd[0]} {known[odd[0]]!r}; choose of {', '.join(FACTS)}, each of its "
                         "kind")
    if not math.isfinite(known.get("reward", 0)):
        raise ValueError(f"trace {name!r} has reward {known['reward']}; choose a finite number")
    for one in known.get("verdicts", []):
        if set(one) != set(VERDICT) or not all(isinstance(one[key], kind) for key, kind in VERDICT.items()):
            raise ValueError(f"trace {name!r} has a verdict {one!r}; give {', '.join(VERDICT)}")
    return known


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


def script_json(value: object) -> str:
    """JSON that a script element can hold: no character in it that HTML or an old JavaScript would act on."""
    text = without_surrogates(json.dumps(value, ensure_ascii=False, allow_nan=False))
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _left_out(left: int, limit: int) -> str:
    """How many traces are not on the page, in a sentence; empty when all are."""
    if not left:
        return ""
    return (f"{left:,} {'trace is' if left == 1 else 'traces are'} left out: a page holds the first {limit:,}, "
            f"and at most {BYTES / 1e6:g} MB of text.")
