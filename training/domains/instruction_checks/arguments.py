"""What the arguments of an instruction may be: each reader returns it in one form or says what it expected.

A reader takes a raw value (from JSON or parquet) and returns it checked, or raises ValueError with "expected ...".
`read` applies them to the kwargs of one instruction and turns any complaint into a TaskError that names the
instruction, the argument and the valid choices. The official code of IFEval, IFEvalG and IFBench draws a missing
argument at random instead, so that the same answer is judged against a new requirement at every call; nothing is
drawn here. Whole numbers stored as floats (2.0), which a padded column of a data frame makes of them, are read as
integers; a list of one word, which IFEvalG's data has here and there, as that word.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

from training.domains.task import TaskError

RELATIONS = ("at least", "less than")
LANGUAGES = (
    "af", "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gu", "he",
    "hi", "hr", "hu", "id", "it", "ja", "kn", "ko", "lt", "lv", "mk", "ml", "mr", "ne", "nl", "no", "pa", "pl",
    "pt", "ro", "ru", "sk", "sl", "so", "sq", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh-cn",
    "zh-tw",
)
"""The ISO codes of the languages that langdetect knows."""


def read(identifier: str, readers: dict[str, Callable], kwargs: dict | None) -> dict:
    """The checked arguments of one instruction; arguments that are None are dropped. Raises TaskError."""
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TaskError(f"{identifier}: its kwargs must be a dict, got {kwargs!r}")
    given = {name: value for name, value in (kwargs or {}).items() if value is not None}
    takes = ", ".join(readers) or "no arguments"
    for name in given:
        if name not in readers:
            raise TaskError(f"{identifier}: unknown argument {name!r}; it takes {takes}")
    for name in readers:
        if name not in given:
            raise TaskError(f"{identifier}: the argument {name!r} is missing; it takes {takes}")
    return {name: _read(identifier, name, reader, given[name]) for name, reader in readers.items()}


def _read(identifier: str, name: str, reader: Callable, value):
    try:
        return reader(value)
    except ValueError as error:
        raise TaskError(f"{identifier}: the argument {name!r} is {value!r}; {error}") from error


def passage(value) -> str:
    """Any text with something in it, as it is."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text that is not blank")
    return value


def keyword(value) -> str:
    """A word, phrase or mark, without the white space around it."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return passage(value).strip()


def word(value) -> str:
    """A keyword with a letter or digit in it."""
    if not any(character.isalnum() for character in keyword(value)):
        raise ValueError("expected a word with a letter or digit in it")
    return keyword(value)


def one_word(value) -> str:
    """A word without white space inside."""
    if len(word(value).split()) != 1:
        raise ValueError("expected one word")
    return word(value)


def keywords(value) -> tuple[str, ...]:
    """One or more keywords."""
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError("expected a list of one or more words")
    return tuple(keyword(item) for item in value)


def phrase(value) -> str:
    """A phrase with a first word, a last word and at least one between them."""
    if sum(any(map(str.isalnum, item)) for item in passage(value).split()) < 3:
        raise ValueError("expected a phrase of at least three words")
    return value.strip()


def letter(value) -> str:
    """One character that is not white space."""
    if len(passage(value).strip()) != 1:
        raise ValueError("expected one character")
    return value.strip()


def number(value) -> int:
    """A whole number, 0 or more."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise ValueError("expected a whole number, 0 or more")
    return int(value)


def positive(value) -> int:
    """A whole number, 1 or more."""
    if number(value) < 1:
        raise ValueError("expected a whole number, 1 or more")
    return number(value)


def percentage(value) -> int:
    """A whole number from 0 to 100."""
    if number(value) > 100:
        raise ValueError("expected a whole number from 0 to 100")
    return number(value)


def relation(value) -> str:
    """How a count is compared."""
    if value not in RELATIONS:
        raise ValueError(f"choose one of {', '.join(map(repr, RELATIONS))}")
    return value


def language(value) -> str:
    """The ISO code of a language that can be told."""
    if value not in LANGUAGES:
        raise ValueError(f"choose one of {', '.join(LANGUAGES)}")
    return value
