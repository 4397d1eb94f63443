"""count:* and letters:* of IFEvalG: how many lower-case words, distinct words and letters. Returns why not, or "".

Departures:
1. lowercase_counting and letter_counting count words and letters of every alphabet; officially only a to z.
2. count_unique looks at words and ignores case; officially the second full stop is a repeated word, and "The" and
   "the" are two.
`letters:letter_counting2` is `keywords.letter_frequency`, `count:count_increment_word` is in `keywords` and
`count:counting_composition` in `length`.
"""

from __future__ import annotations

from training.domains.instruction_checks.text import compare, words


def lowercase_counting(text: str, N: int) -> str:
    """At most N words in lower case (IFEvalG count:lowercase_counting)."""
    actual = sum(word.islower() for word in words(text))
    return "" if actual <= N else f"{actual} words in lower case, more than {N}"


def letter_counting(text: str, N: int, relation: str) -> str:
    """At least / less than N letters in all (IFEvalG letters:letter_counting)."""
    return compare("letters", sum(map(str.isalpha, text)), relation, N)


def count_unique(text: str) -> str:
    """No word is used twice (IFEvalG count:count_unique)."""
    seen = set()
    for word in map(str.casefold, words(text)):
        if word in seen:
            return f"{word[:20]!r} is repeated"
        seen.add(word)
    return ""
