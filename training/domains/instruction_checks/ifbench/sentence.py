"""sentence:* of IFBench: what one sentence holds, and how each compares with the one before. Why not, or "".

Departures from the official code (those of the whole package are in `tokens`):
1. alliteration_increment compares the longest run of words in a row with one first letter, 1 where no two words
   alliterate; officially all words that alliterate are added up, over several runs.
2. keyword: a keyword that begins or ends with a mark is found too.
"""

from __future__ import annotations

from itertools import groupby, pairwise

from training.domains.instruction_checks.ifbench.tokens import first_letter, sentences, words
from training.domains.instruction_checks.text import has_word


def alliteration_increment(text: str) -> str:
    """Each sentence has a longer run of alliterating words than the one before (departure 1)."""
    runs = [_longest_run(sentence) for sentence in sentences(text)]
    for place, (before, after) in enumerate(pairwise(runs), 2):
        if after <= before:
            return f"{after} words in a row alliterate in sentence {place}, {before} in the one before"
    return "" if len(runs) > 1 else "fewer than two sentences"


def _longest_run(sentence: str) -> int:
    """The most words in a row that begin with the same letter; 1 where no two do."""
    groups = groupby(map(first_letter, words(sentence)))
    return max((sum(1 for _ in group) for letter, group in groups if letter), default=1)


def increment(text: str, small_n: int) -> str:
    """Each sentence has exactly small_n words more than the one before."""
    lengths = [len(words(sentence)) for sentence in sentences(text)]
    for place, (before, after) in enumerate(pairwise(lengths), 2):
        if after != before + small_n:
            return f"{after} words in sentence {place}, not {before + small_n}"
    return "" if len(lengths) > 1 else "fewer than two sentences"


def keyword(text: str, word: str, N: int) -> str:
    """The N-th sentence holds a word, whole, ignoring case (departure 2)."""
    found = sentences(text)
    if len(found) < N:
        return f"there is no sentence {N}"
    return "" if has_word(word, found[N - 1]) else f"sentence {N} does not hold {word!r}"
