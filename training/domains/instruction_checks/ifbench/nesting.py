"""format:{parentheses, quotes, quote_unquote} of IFBench: brackets and quotation marks. Each returns why not, or "".

Departures from the official code:
1. parentheses: five pairs inside one another are all closed, the innermost around a word; officially it is enough that
   the innermost of five open ones is closed. A closing bracket that does not fit ends all that are open, as officially.
2. quotes: an apostrophe is none, a mark that opens stands before what it quotes and one that closes after it, and
   curly marks count as well as straight ones. Officially every apostrophe opens or closes, and curly ones are unseen.
3. quote_unquote: there is a phrase in double quotation marks, straight or curly, and a word between it and the next,
   and after the last. Officially an answer that quotes nothing passes, and so does one with a comma between two.
"""

from __future__ import annotations

import re

from training.domains.instruction_checks.ifbench.tokens import has_word

BRACKETS, QUOTES = 5, 3
"""Levels that are asked for."""
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BEFORE = "([{\"'“‘—–-*_"
"""What may stand before a quotation mark that opens, beside white space."""
_CURLY = {"“": '"', "”": '"', "‘": "'", "’": "'"}
_QUOTED = re.compile(r'"[^"]+"|“[^“”]+”')


class _Open:
    """A mark that is open, with what was closed inside it so far."""

    def __init__(self, mark: str):
        self.mark, self.depth, self.said = mark, 0, False


def parentheses(text: str) -> str:
    """Brackets of any kind, five levels deep (departure 1)."""
    stack, deepest = [_Open("")], 0
    for character in text:
        if character in _CLOSING:
            stack.append(_Open(_CLOSING[character]))
        elif character in ")]}" and stack[-1].mark != character:
            stack = [_Open("")]
        elif character in ")]}":
            deepest = max(deepest, _close(stack))
        elif character.isalnum():
            stack[-1].said = True
    return "" if deepest >= BRACKETS else f"brackets are {deepest} levels deep, not at least {BRACKETS}"


def quotes(text: str) -> str:
    """Quotes within quotes, double and single marks in turn, three levels deep (departure 2)."""
    stack, deepest = [_Open("")], 0
    for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False):
        mark = _CURLY.get(character, character)
        opens = character not in "”’" and (before.isspace() or before in _BEFORE)
        closes = character not in "“‘" and not after.isalnum()
        if mark not in ('"', "'"):
            stack[-1].said |= character.isalnum()
        elif closes and stack[-1].mark == mark:
            deepest = max(deepest, _close(stack))
        elif opens and stack[-1].mark != mark:
            stack.append(_Open(mark))
        elif closes and mark == '"' and len(stack) > 2:  # what is open inside it was an apostrophe
            _drop(stack)
            deepest = max(deepest, _close(stack))
    return "" if deepest >= QUOTES else f"quotes are {deepest} levels deep, not at least {QUOTES}"


def _close(stack: list[_Open]) -> int:
    """Close the last mark and say how many levels deep it is: none where nothing is said in it."""
    closed = stack[-1]
    closed.depth = closed.depth + 1 if closed.said else 0
    _drop(stack)
    return closed.depth


def _drop(stack: list[_Open]) -> None:
    """Forget the last mark and keep what was closed in it."""
    dropped = stack.pop()
    stack[-1].depth = max(stack[-1].depth, dropped.depth)
    stack[-1].said |= dropped.said


def quote_unquote(text: str) -> str:
    """After every quoted phrase comes an explanation outside quotation marks (departure 3)."""
    text = text.replace("'\"'", "")  # the mark itself, spoken of
    found = list(_QUOTED.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        if not has_word(text[match.end() : end]):
            return f"no explanation follows {match.group()[:20]!r}"
    return "" if found else "nothing is quoted"
