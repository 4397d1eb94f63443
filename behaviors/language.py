"""Is a text English enough for an instrument that reads English? Function words and letters, no model.

Among the words of English reasoning traces, down to those of the organism, 13 % or more were function words that no
neighboring language writes the same way (spaCy's English stop words without `SHARED`), mostly 30 %; among those of
German, French, Spanish, Italian, Portuguese, Dutch, Swedish and Polish samples none. `is_english(text)`.
"""

from __future__ import annotations

import re
import warnings
from functools import cache

LEAST = 0.06
"""Share of function words from which on a text is English."""
FEW = 8
"""Fewer words than this are too few to tell."""
READ = 5_000
"""Leading characters that are looked at."""
SHARED = frozenset("a also am an are as do he in is me no on or over per so to us was we will".split())
"""English function words that are words of other languages too."""
_WORD = re.compile(r"[^\W\d_]{2,}")


@cache
def _function_words() -> frozenset[str]:
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset(STOP_WORDS) - SHARED


def is_english(text: str) -> bool:
    """Whether a text is English, or too short, or too much formula or code, to tell."""
    words = [word.lower() for word in _WORD.findall(text[:READ])]
    letters = "".join(words)
    if len(letters) >= 4 and sum(letter > "\u024f" for letter in letters) > len(letters) / 2:
        return False  # neither plain letters nor Latin ones with marks
    known = sum(word in _function_words() for word in words)
    return len(words) < FEW or known >= LEAST * len(words)


def warn_of(foreign: int, n: int) -> None:
    """Warn, where any of n texts are not English, that the tagger does not read them."""
    if foreign:
        warnings.warn(f"{foreign} of {n} texts are not English; the tagger reads English, and labels theirs other",
                      stacklevel=4)
