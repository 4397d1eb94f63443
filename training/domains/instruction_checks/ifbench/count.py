"""count:* of IFBench: how many words, numbers, names, pronouns, marks. Each returns why not, or "".

Departures from the official code (those of the whole package are in `tokens`):
1. word_count_range counts runs of word characters, as IFEval's number_words does; unique_word_count counts words.
2. conjunctions: different words; officially "And" and "and," are two. More than there are is an error, as for
   person_names, whose names may stand in Markdown's underscores.
3. numbers: digits with inner points, slashes and commas before thousands are one number, "1990-1995" and "10:30" are
   two and "1,2,3" three. Officially punctuation is deleted first, so each of these is one.
4. words_japanese: there must be an N-th word, and each N-th is Japanese in at least half of its letters, a gloss in
   brackets left out. Officially a shorter answer passes, and so do a number, a mark and "ofの" in that place.
5. pronouns: one that repeats the word before it is counted once, so that "it it it" is no way to get there.
6. punctuation: there must be words beside the marks.
"""

from __future__ import annotations

import re

from training.domains.instruction_checks.ifbench.lexicon import CONJUNCTIONS, NAMES, PRONOUNS
from training.domains.instruction_checks.ifbench.tokens import has_word, no_word, words
from training.domains.instruction_checks.length import number_of_words
from training.domains.instruction_checks.text import compare, exactly, occurrences
from training.domains.task import TaskError

TIMES = (1, 2, 3, 5, 7)
"""How often the first to fifth keyword of keywords_multiple occur."""
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[./]\d+)*")
_INTERROBANG = re.compile(r"\?!|!\?")
_JAPANESE = re.compile(r"[々\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9d]")


def word_count_range(text: str, min_words: int, max_words: int) -> str:
    """From min_words to max_words words, runs of word characters (departure 1). Raises TaskError."""
    _check("count:word_count_range", "min_words", min_words, max_words)
    actual = number_of_words(text)
    return "" if min_words <= actual <= max_words else f"{actual} words, not {min_words} to {max_words}"


def unique_word_count(text: str, N: int) -> str:
    """At least N different words, ignoring case."""
    return compare("different words", len(set(map(str.casefold, words(text)))), "at least", N)


def conjunctions(text: str, small_n: int) -> str:
    """At least small_n different coordinating conjunctions (departure 2). Raises TaskError."""
    _check("count:conjunctions", "small_n", small_n, len(CONJUNCTIONS))
    found = CONJUNCTIONS.intersection(map(str.casefold, words(text)))
    return compare("different conjunctions", len(found), "at least", small_n)


def person_names(text: str, N: int) -> str:
    """At least N different names of the list, in that case (departure 2). Raises TaskError."""
    _check("count:person_names", "N", N, len(NAMES))
    return compare("different names", len(NAMES.intersection(re.findall(r"[^\W_]+", text))), "at least", N)


def _check(identifier: str, argument: str, value: int, most: int) -> None:
    if value > most:
        raise TaskError(f"{identifier}: the argument {argument!r} is {value}; choose a number up to {most}")


def numbers(text: str, N: int) -> str:
    """Exactly N numbers in digits (departure 3)."""
    return no_word(text) or exactly("numbers", len(_NUMBER.findall(text)), N)


def words_japanese(text: str, N: int) -> str:
    """Every N-th word is Japanese (departure 4)."""
    nth = [token for token in text.split() if has_word(token)][N - 1 :: N]
    for place, token in enumerate(nth, 1):
        if not _is_japanese(token):
            return f"word {place * N}, {token[:20]!r}, is not Japanese"
    return "" if nth else f"fewer than {N} words"


def _is_japanese(token: str) -> bool:
    letters = list(filter(str.isalpha, re.split(r"(?<=\w)[(（\[［]", token)[0]))
    return 2 * sum(map(bool, map(_JAPANESE.match, letters))) >= max(1, len(letters))


def pronouns(text: str, N: int) -> str:
    """At least N pronouns (departure 5)."""
    heads = [word.casefold().partition("'")[0] for word in words(text)]
    counted = [head for head, before in zip(heads, ["", *heads], strict=False) if head in PRONOUNS and head != before]
    return compare("pronouns", len(counted), "at least", N)


def punctuation(text: str) -> str:
    """Full stop, comma, both marks, semicolon, colon, and an interrobang beside them (departure 6)."""
    rest = text.replace("‽", "") if "‽" in text else _INTERROBANG.sub("", text, count=1)
    if rest == text:
        return "no interrobang"
    missing = [mark for mark in ".,!?;:" if mark not in rest]
    return no_word(text) or (f"missing {' '.join(missing)}" if missing else "")


def keywords_multiple(text: str, keyword1: str, keyword2: str, keyword3: str, keyword4: str, keyword5: str) -> str:
    """Five keywords occur `TIMES` often, inside longer words too, as publicly."""
    wanted = zip((keyword1, keyword2, keyword3, keyword4, keyword5), TIMES, strict=True)
    reasons = (exactly(f"times {keyword!r}", occurrences(keyword, text), times) for keyword, times in wanted)
    return next(filter(None, reasons), "")
