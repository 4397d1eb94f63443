"""punctuation:* and startend:*: marks an answer may not hold, and what it must begin and end with. Why not, or "".

Departures from IFEval: the marks of other scripts, such as a full-width comma, are marks too; quotation needs
something between the marks; end_checker also takes an end phrase that itself ends with a quotation mark, which
officially cannot be satisfied.
"""

from __future__ import annotations


def no_comma(text: str) -> str:
    """There is no comma (IFEval punctuation:no_comma)."""
    return _without(text, ",，،、", "a comma")


def punctuation_dot(text: str) -> str:
    """There is no full stop (IFEvalG punctuation:punctuation_dot)."""
    return _without(text, ".．。｡", "a full stop")


def punctuation_exclamation(text: str) -> str:
    """There is no exclamation mark (IFEvalG punctuation:punctuation_exclamation)."""
    return _without(text, "!！", "an exclamation mark")


def _without(text: str, marks: str, name: str) -> str:
    place = next((place for place, character in enumerate(text) if character in marks), None)
    return "" if place is None else f"{name} at character {place}"


def end_checker(text: str, end_phrase: str) -> str:
    """The answer ends with a phrase, ignoring case and a quotation mark after it (IFEval startend:end_checker)."""
    lowered, phrase = text.strip().lower(), end_phrase.strip().lower()
    holds = lowered.endswith(phrase) or lowered.strip('"').endswith(phrase)
    return "" if holds else f"does not end with {end_phrase!r}"


def quotation(text: str) -> str:
    """The whole answer is in double quotation marks (IFEval startend:quotation)."""
    stripped = text.strip()
    holds = stripped[:1] == '"' == stripped[-1:] and stripped[1:-1].strip()
    return "" if holds else "not wrapped in double quotation marks"
