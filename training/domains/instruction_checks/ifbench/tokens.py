"""What a word, its first letter and a line are for IFBench's checks (arXiv 2507.02833): pure functions.

Departures from the official code that hold for the whole package:
1. A word is a run of letters and digits with inner apostrophes and hyphens (`text`, 2), without Markdown's underscores.
   Officially it is mostly what stands between white space once punctuation is deleted, so "and/or" is one word, and
   so are a dash and an emoji on their own.
2. Curly apostrophes are read as straight, letters with accents as the plain ones where letters are compared.
3. Sentences and the marks that end them are those of `text` (1) and not of NLTK's trained model.
4. What speaks of a word and the next, or a sentence and the next, needs two; an answer without any letter or digit
   follows nothing. Officially a single word or sentence passes, and so do many texts of marks alone.
"""

from __future__ import annotations

import re
import unicodedata

from training.domains.instruction_checks import text as shared

_ALNUM = re.compile(r"[^\W_]")


def words(text: str) -> list[str]:
    """The words of a text, with straight apostrophes (departures 1 and 2)."""
    plain = unicodedata.normalize("NFC", text).replace("’", "'")
    return [word for word in (found.strip("_'-") for found in shared.words(plain)) if word]


def unaccented(text: str) -> str:
    """A text in lower case, its letters without accents and ligatures: "Ébène" is "ebene"."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def first_letter(word: str) -> str:
    """The first letter of a word in lower case, without its accent; "" where it begins with a digit."""
    return next((letter for letter in unaccented(word[0]) if letter.isalpha()), "")


def has_word(text: str) -> bool:
    """Is there any letter or digit?"""
    return _ALNUM.search(text) is not None


def no_word(text: str) -> str:
    """Why a text says nothing; empty when it holds a letter or digit (departure 4)."""
    return "" if has_word(text) else "there is no word"


def sentences(text: str) -> list[str]:
    """The sentences that hold a word (departure 3)."""
    return list(filter(has_word, shared.sentences(text)))


def lines(text: str) -> list[str]:
    """The lines that hold a word, as they are."""
    return [line for line in text.splitlines() if has_word(line)]
