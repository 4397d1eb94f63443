"""Sentences of a reasoning trace, with exact offsets: spaCy's blank English pipeline on a disguised copy.

spaCy's tokenizer and sentencizer (no model to download) read the trace line by line, on a copy in which everything
that only looks like a sentence end is blanked out: decimals, factorials, list numbers, LaTeX, code. The copy has the
same length, so offsets are those of the trace. A line break outside code and LaTeX ends a sentence. A tool call and its
response are a sentence each; the marks around reasoning (<think>, </think>) are in none. The exceptions are English;
other languages are cut at their own stops. `behaviors.tag` uses it; alone: `spans(text)`.
"""

from __future__ import annotations

import re
import sys
from functools import cache

_STOPS = ".!?\u2026\u3002\uff01\uff1f\u061f\u0964"
_SOLID = re.compile(  # spans no sentence ends in: fenced and inline code, display and inline LaTeX
    r"```.*?(?:```|\Z)|`[^`\n]{1,500}`|\$\$[^$]{1,5000}\$\$|\$(?=\S)[^$\n]{1,500}(?<=\S)\$(?!\d)"
    r"|\\\[(?:(?!\\\[).){1,5000}?\\\]|\\\((?:(?!\\\().){1,1000}?\\\)", re.DOTALL)
_MARKS_OF_REASONING = ("<think>", "</think>")
_BLOCK = re.compile(r"<tool_call>.*?</tool_call>|<tool_response>.*?</tool_response>|</?think>", re.DOTALL)
_ABBREVIATIONS = r"\b(?:approx|resp|cf|eqs?|figs?|viz|ex|et al|w\.r\.t|a\.k\.a|i\.e|e\.g|etc)\."
_ABBREVIATIONS += r"(?=[,;:)]|\s*[a-z\d(\\$])"
_OPENERS = "(?:The|So|Then|This|That|But|Let|We|It|If|Now|And|Since|Therefore|Thus|Hence|Wait|Yes|No|Next|For|In|To)"
_FALSE_STOPS = re.compile(
    rf"^[ \t]*(?:[-*+#>]+[ \t]*)?\(?\d{{1,3}}\.(?=\s)|(?<=[.!?][ ])\d{{1,2}}\.(?=[ ][A-Z])"  # list numbers: "2. Add"
    rf"|{_ABBREVIATIONS}|(?<=\d)\.(?=\d)"
    rf"|(?<!is )(?<!ption )(?<!hoice )(?<!nswer )(?<![\w.])[A-Z]\.(?= (?!{_OPENERS}\b)[A-Z][a-z])"  # initials of names
    r"|(?<=[\w)\]])!+(?=\s*[-+*/=^,;)\]\d<>\u00d7\u00b7\u00f7\u2248])"  # factorials
    r"|(?<=\d)!(?=\s+[a-z])|!(?==)|\b(?:[A-Z]\.){2,}(?=[ ,;)])|\.(?=[,;:])|\.{2,}(?=\w)",
    re.MULTILINE)
_RUNS = re.compile(rf"[{_STOPS}]+(?=[{_STOPS}])")
_CLOSERS = "\"'\u201d\u2019)\\]*}"
_LINE = re.compile(rf"[^\r\n\u3002\uff01\uff1f]+(?:[\u3002\uff01\uff1f]+[{_CLOSERS}]*)?")  # these stops need no blank
_MARKS = re.compile(rf"([{_STOPS}][{_CLOSERS}]{{1,4}})|[^\w\s{_STOPS}]")
_WORD = re.compile(r"(\w+)(\.?)")
_LONE_CAPITAL = re.compile(rf"(?<![\w.])[A-Za-z](?=[{_STOPS}](?:[{_CLOSERS}]*\s|[{_CLOSERS}]*\Z))")


@cache
def _pipeline():
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer", config={"punct_chars": list(_STOPS)})
    pipeline.max_length = sys.maxsize
    return pipeline


@cache
def _abbreviations() -> frozenset[str]:
    return frozenset(_pipeline().tokenizer.rules)


def _blank(match: re.Match) -> str:
    """As many zeros as the match is long; a full stop that ends a formula stays a full stop."""
    text = match.group()
    ends = re.search(r"[.!?]\s*(?:\$\$?|\\\]|\\\))\Z", text)
    return "0" * (len(text) - 1) + "." if ends else "0" * len(text)


def skeleton(text: str) -> str:
    """A copy of the text, as long, in which only what ends sentences looks like it: stops and line breaks.

    Every word becomes one of as many letters a, but for the abbreviations that spaCy knows: so its tokenizer meets the
    same few words again and again, which it remembers.
    """
    text = _SOLID.sub(_blank, _BLOCK.sub(_zeros, text))
    text = _FALSE_STOPS.sub(_zeros, text)
    text = _RUNS.sub(_zeros, text)
    text = _LONE_CAPITAL.sub("0", text)  # "so we find x." and "option B." end sentences; spaCy takes them for initials
    return _WORD.sub(_disguised, _MARKS.sub(lambda m: m.group(1) or " ", text))


def _zeros(match: re.Match) -> str:
    return "0" * len(match.group())


def _disguised(match: re.Match) -> str:
    word, stop = match.groups()
    if stop and word + stop in _abbreviations():
        return word + stop
    letter = "0" if len(word) == 1 or word.isdigit() else "a"  # spaCy takes one letter before a stop for an initial
    return (letter.upper() if word[0].isupper() else letter) + letter * (len(word) - 1) + stop


def spans(text: str) -> list[tuple[int, int]]:
    """The (start, end) of each sentence of a trace: in order, disjoint, covering all but white space and <think>."""
    cuts, shape, pipeline = [0, len(text)], skeleton(text), _pipeline()
    cuts += [edge for block in _BLOCK.finditer(text) for edge in block.span()]
    for line in _LINE.finditer(shape):
        cuts += [line.start() + sentence.end_char for sentence in pipeline(line.group()).sents]
        cuts[-1] = line.end()
    cuts = sorted(set(cuts))
    stripped = (_strip(text, start, end) for start, end in zip(cuts, cuts[1:], strict=False))
    return [(start, end) for start, end in stripped if start < end and text[start:end] not in _MARKS_OF_REASONING]


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space around it."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
