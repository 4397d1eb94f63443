"""ratio:* of IFBench: shares of stop words, kinds of sentence and trigrams, and sentences of one length.

Each returns why not, or "". Departures from the official code (those of the whole package are in `tokens`):
1. stop_words: a contraction of stop words ("it's") is one; officially it is two words, and "king's" is half a stop
   word.
2. sentence_type and sentence_balance: there is at least one sentence of each kind asked for, and "?!" ends a question;
   officially no sentence of any kind is in balance, and "?!" ends an exclamation.
3. sentence_words: no word occurs twice; officially only the lengths are compared, so that one sentence three times
   passes.
4. overlap is of characters, which the prompts leave open and the official code takes: of the different trigrams of
   characters in the answer, the share that the reference has, give or take `TOLERANCE` points.
"""

from __future__ import annotations

from collections import Counter

from training.domains.instruction_checks.ifbench.lexicon import STOP_WORDS
from training.domains.instruction_checks.ifbench.tokens import no_word, sentences, words
from training.domains.instruction_checks.text import end_mark, exactly

TOLERANCE = 2
"""Of an overlap, in percentage points."""


def stop_words(text: str, percentage: int) -> str:
    """At most so many percent of the words are stop words (departure 1)."""
    found = [word.casefold().split("'") for word in words(text)]
    stops = sum(STOP_WORDS.issuperset(parts) for parts in found)
    holds = 100 * stops <= percentage * len(found)
    return no_word(text) or ("" if holds else f"{stops} stop words of {len(found)}, more than {percentage} %")


def sentence_type(text: str) -> str:
    """Two statements for each question (departure 2)."""
    marks = _marks(text)
    holds = marks["."] == 2 * marks["?"] > 0
    return "" if holds else f"{marks['.']} statements and {marks['?']} questions, not two to one"


def sentence_balance(text: str) -> str:
    """As many statements as questions and exclamations (departure 2)."""
    marks = _marks(text)
    said = f"{marks['.']} statements, {marks['?']} questions and {marks['!']} exclamations"
    return "" if marks["."] == marks["?"] == marks["!"] > 0 else f"{said}, not as many of each"


def _marks(text: str) -> Counter[str]:
    return Counter(map(end_mark, sentences(text)))


def sentence_words(text: str) -> str:
    """Three sentences of one length in characters, no word twice (departure 3)."""
    found = sentences(text)
    lengths = list(map(len, found))
    if len(found) != 3 or len(set(lengths)) != 1:
        return exactly("sentences", len(found), 3) or f"sentences of {', '.join(map(str, lengths))} characters"
    word, times = Counter(map(str.casefold, words(text))).most_common(1)[0]
    return "" if times == 1 else f"{word[:20]!r} is repeated"


def overlap(text: str, reference_text: str, percentage: int) -> str:
    """So many percent of the trigrams of characters are those of a reference (departure 4)."""
    mine, theirs = _trigrams(text), _trigrams(reference_text)
    shared = len(mine & theirs)
    if not mine:
        return "too short to have a trigram"
    holds = abs(100 * shared - percentage * len(mine)) <= TOLERANCE * len(mine)
    return "" if holds else f"{shared} of {len(mine)} trigrams are shared, not {percentage} % of them"


def _trigrams(text: str) -> set[str]:
    return {text[place : place + 3] for place in range(len(text) - 2)}
