"""keywords:* of IFEval and IFEvalG: which words an answer holds, and how often. Each returns why not, or "".

As publicly defined, `existence`, `frequency` and the exact counts find a keyword inside longer words too, while
`forbidden_words` looks for whole words; case is ignored. Departures:
1. A keyword is text, not a regular expression (see `text`, 3), and a forbidden word may begin or end with a mark.
2. exclude_word_harder: the official check only finds the word between two spaces and in that case. Here the word may
   not stand anywhere, in any case.
3. palindrome: a word of at least three letters, ignoring case and punctuation. Officially "a" and "I" pass.
4. no_adjacent_consecutive: compares first letters of words, not quotes, brackets or digits.
"""

from __future__ import annotations

from collections.abc import Sequence

from training.domains.instruction_checks.text import compare, exactly, has_word, occurrences, words


def existence(text: str, keywords: Sequence[str]) -> str:
    """Every keyword occurs (IFEval keywords:existence)."""
    missing = [keyword for keyword in keywords if not occurrences(keyword, text)]
    return f"missing {', '.join(map(repr, missing))}" if missing else ""


def frequency(text: str, keyword: str, frequency: int, relation: str) -> str:
    """A keyword occurs at least / less than so many times (IFEval keywords:frequency)."""
    return compare(f"times {keyword!r}", occurrences(keyword, text), relation, frequency)


def forbidden_words(text: str, forbidden_words: Sequence[str]) -> str:
    """No forbidden word stands in the text (IFEval keywords:forbidden_words)."""
    found = [word for word in forbidden_words if has_word(word, text)]
    return f"found {', '.join(map(repr, found))}" if found else ""


def exclude_word_harder(text: str, keyword: str) -> str:
    """One forbidden word (IFEvalG keywords:exclude_word_harder; departure 2)."""
    return forbidden_words(text, [keyword])


def word_once(text: str, keyword: str) -> str:
    """A keyword occurs exactly once (IFEvalG keywords:word_once)."""
    return exactly(f"times {keyword!r}", occurrences(keyword, text), 1)


def count_increment_word(text: str, keyword1: str, keyword2: str) -> str:
    """The first keyword occurs once, the second twice (IFEvalG count:count_increment_word)."""
    once = exactly(f"times {keyword1!r}", occurrences(keyword1, text), 1)
    return once or exactly(f"times {keyword2!r}", occurrences(keyword2, text), 2)


def letter_frequency(text: str, letter: str, let_frequency: int, let_relation: str) -> str:
    """A character, ignoring case, at least / less than so often (IFEval keywords:letter_frequency)."""
    return compare(f"times {letter!r}", text.lower().count(letter.lower()), let_relation, let_frequency)


def palindrome(text: str) -> str:
    """Some word reads the same backwards (IFEvalG keywords:palindrome; departure 3)."""
    for word in map(str.casefold, words(text)):
        if len(word) >= 3 and word.isalpha() and word == word[::-1]:
            return ""
    return "no palindrome of three letters or more"


def no_adjacent_consecutive(text: str) -> str:
    """No word starts with the letter after that of the word before it (IFEvalG; departure 4)."""
    found = words(text)
    for left, right in zip(found, found[1:], strict=False):
        first, second = left[0].casefold(), right[0].casefold()
        if len(first) == len(second) == 1 and (first + second).isalpha() and ord(second) - ord(first) == 1:
            return f"{left[:20]!r} and {right[:20]!r} start with consecutive letters"
    return ""
