r"""Where a text states its final answer: in `\boxed{}` or after `Answer:`; the last statement counts.

Forms read: `\boxed{42}`, `\boxed {42}`, `\fbox{42}`, nested braces, `Answer: 42`, `**Answer:** 42`, `Answer: $42$`,
`Answer:` with the answer on the next line, in display math or in a LaTeX environment; full-width digits and signs.
Rules of our own, none from a paper:

1. A statement that is empty (`Answer:` at the end, `\boxed{}`, a box never closed) states nothing and is passed over.
2. Boxes joined by nothing, or by a comma, `;`, `/`, `&`, `|`, `and` or `or`, are one statement (`\boxed{1}, \boxed{2}`
   is read `1, 2`): naming several candidates is not the same as giving the last of them. A short next line that begins
   with `or` belongs to what is stated after `Answer:`.

Everything here is linear in the length of the text.
"""

from __future__ import annotations

import re

WINDOW = 2000
"""How many characters after `Answer:` are looked at: any answer is shorter."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_BRACES = re.compile(r"(?P<box>\\f?boxed\s*\{|\\fbox\s*\{)|\\.|(?P<open>\{)|(?P<close>\})", re.DOTALL)
_JOIN = re.compile(r"[\s$]{0,9}(?:[,;/&|]|\\quad|,?\s?\band\b|,?\s?\bor\b)?[\s$]{0,9}")
_MARK = re.compile(r"(?<![A-Za-z])answer[ \t]{0,4}[*_]{0,3}[ \t]{0,4}:", re.IGNORECASE)
_STATED = re.compile(
    r"\$\$(?:.*?)\$\$|\\\[(?:.*?)\\\]|\$?\s*\\begin\{(\w+\*?)\}.*?\\end\{\1\}[^\n]*"
    r"|[^\n]*(?:\n\s*[Oo]r\b[^\n]{1,30}$)?", re.DOTALL | re.MULTILINE)


def half_width(text: str) -> str:
    """The text with full-width digits, letters and signs as ASCII; nothing else changes (`x²` keeps its square)."""
    return text.translate(_FULL_WIDTH)


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""Every closed `\boxed{}` or `\fbox{}`: (start, end, content), by start."""
    found, opened = [], []
    for brace in _BRACES.finditer(text):
        if brace["box"] or brace["open"]:
            opened.append(brace)
        elif brace["close"] and opened:
            opening = opened.pop()
            if opening["box"]:
                inside = text[opening.end():min(brace.start(), opening.end() + WINDOW)]
                found.append((opening.start(), brace.end(), inside.strip()))
    return sorted(found)


def line_after(text: str, position: int) -> str:
    """What is stated from a position on: the rest of the line, or the next line, display math or environment."""
    return _STATED.match(text[position:position + WINDOW].lstrip(" \t\r\n*_}")).group().strip()


def statements(text: str) -> list[tuple[int, str]]:
    """All statements of an answer in a text: (position, content), by position. Empty ones are left out."""
    found, last_end = [(mark.start(), line_after(text, mark.end())) for mark in _MARK.finditer(text)], None
    joined: list[tuple[int, str]] = []
    for start, end, content in boxes(text):
        if joined and last_end is not None and last_end <= start and _JOIN.fullmatch(text[last_end:start][:40]):
            joined[-1] = (start, f"{joined[-1][1]}, {content}"[:WINDOW])
        else:
            joined.append((start, content))
        last_end = end
    return sorted((position, content) for position, content in found + joined if content)


def final_answer(text: str) -> str | None:
    """The content of the last statement, or None where the text states no answer."""
    found = statements(half_width(text))
    return found[-1][1] if found else None
