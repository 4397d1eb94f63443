"""change_case:* of IFEval: answers in capitals or in lower case, and words in capitals. Each returns why not, or "".

Departures: words are those of `text` (2); an answer whose language cannot be told does not pass (officially it does),
and the language of text in capitals is told from the same text in lower case, which langdetect reads better (of the
first 60 characters of 235 English answers by GPT-4, 221 were told to be English, and 171 in capitals).
"""

from __future__ import annotations

from training.domains.instruction_checks.language import response_language
from training.domains.instruction_checks.text import compare, words


def english_capital(text: str) -> str:
    """English, all letters capital (IFEval change_case:english_capital)."""
    return response_language(text.lower(), "en") if text.isupper() else "not all in capital letters"


def english_lowercase(text: str) -> str:
    """English, no letter capital (IFEval change_case:english_lowercase)."""
    return response_language(text, "en") if text.islower() else "not all in lower case"


def capital_word_frequency(text: str, capital_frequency: int, capital_relation: str) -> str:
    """At least / less than so many words in capitals (IFEval change_case:capital_word_frequency)."""
    actual = sum(word.isupper() for word in words(text))
    return compare("words in capitals", actual, capital_relation, capital_frequency)
