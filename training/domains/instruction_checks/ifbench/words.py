"""words:* of IFBench: what each word is like, and how it goes with the next. Each returns why not, or "".

Departures from the official code (those of the whole package are in `tokens`):
1. vowel: at most three of a, e, i, o, u, but at least one, on a single line; an accented vowel is one too. Officially
   text without vowels passes, and so do any in other scripts or with accents.
2. consonants: a mark on its own is no word. A number is one, without consonants; y is a consonant, as officially.
3. palindrome: ten different words of letters, two of which differ; officially "aaaaa" ten times passes.
4. prime_lengths counts letters and digits; officially no number beyond 97 is prime.
5. start_verb: by a list of verbs (`verbs`) and not by NLTK's trained tagger; "can" and "will" are verbs too, and marks
   before the first word are no part of it. Officially an answer in bold begins with no verb.
6. odd_even_syllables: by rules (`syllables`) and not by syllapy's table. A word whose count is not settled goes for
   either; one without Latin vowels, such as a number, for neither, where it is officially even.
7. paragraph_last_first: paragraphs are lines, as the prompts say; one has more than a single word.
8. no_consecutive: a number has no first letter.
9. words_position: marks are no words; officially "Hi, there" has a comma for a second word.
`words:keywords_specific_position` is IFEvalG's `positions.keyword_specific_position`.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from training.domains.instruction_checks.ifbench import syllables, verbs
from training.domains.instruction_checks.ifbench.tokens import (
    first_letter,
    lines,
    no_word,
    sentences,
    unaccented,
    words,
)
from training.domains.instruction_checks.text import compare, exactly

_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxyz]{2}")


def alphabet(text: str) -> str:
    """Each word begins with the letter after that of the word before, a after z."""
    found = words(text)
    for left, right in pairwise(found):
        before, after = first_letter(left), first_letter(right)
        if not ("a" <= before <= "z" and after == ("a" if before == "z" else chr(ord(before) + 1))):
            return f"{right[:20]!r} does not begin with the letter after that of {left[:20]!r}"
    return _two(found)


def vowel(text: str) -> str:
    """One paragraph with at most three of the five vowels (departure 1)."""
    vowels = sorted(set("aeiou").intersection(unaccented(text)))
    wrong = exactly("paragraphs", len(lines(text)), 1) or ("" if vowels else "there is no vowel")
    return wrong or ("" if len(vowels) <= 3 else f"the vowels {', '.join(vowels)}, more than three")


def consonants(text: str) -> str:
    """Two consonants stand together in every word (departure 2)."""
    for word in words(text):
        if not _CLUSTER.search(unaccented(word)):
            return f"{word[:20]!r} has no consonant cluster"
    return no_word(text)


def palindrome(text: str) -> str:
    """Ten different palindromes of five letters or more (departure 3)."""
    found = {word for word in map(str.casefold, words(text)) if len(word) >= 5 and word.isalpha()}
    actual = sum(word == word[::-1] and len(set(word)) > 1 for word in found)
    return compare("different palindromes of five letters or more", actual, "at least", 10)


def prime_lengths(text: str) -> str:
    """The length of every word is a prime number (departure 4)."""
    for word in words(text):
        length = sum(map(str.isalnum, word))
        if length < 2 or any(length % divisor == 0 for divisor in range(2, int(length**0.5) + 1)):
            return f"{word[:20]!r} has {length} letters, which is not prime"
    return no_word(text)


def start_verb(text: str) -> str:
    """The first word is a verb (departure 5)."""
    first, following = [*words(text)[:2], "", ""][:2]
    return "" if verbs.is_verb(first, following) else f"{first[:20]!r} is not a verb"


def repeats(text: str, small_n: int) -> str:
    """No word occurs more than small_n times."""
    word, times = next(iter(Counter(map(str.casefold, words(text))).most_common(1)), ("", 0))
    return no_word(text) or ("" if times <= small_n else f"{word[:20]!r} occurs {times} times, more than {small_n}")


def odd_even_syllables(text: str) -> str:
    """Words with odd and even numbers of syllables take turns (departure 6)."""
    found = words(text)
    parities = list(map(syllables.parities, found))
    turns = [[(place + start) % 2 in possible for place, possible in enumerate(parities)] for start in (0, 1)]
    if any(map(all, turns)):
        return _two(found)
    place = max(turn.index(False) for turn in turns)
    return f"{found[place][:20]!r} does not take its turn"


def last_first(text: str) -> str:
    """The last word of each sentence is the first of the next."""
    found = [words(sentence.casefold()) for sentence in sentences(text)]
    for place, (before, after) in enumerate(pairwise(found), 2):
        if before[-1] != after[0]:
            return f"sentence {place} begins with {after[0][:20]!r}, not {before[-1][:20]!r}"
    return "" if len(found) > 1 else "fewer than two sentences"


def paragraph_last_first(text: str) -> str:
    """Each line ends with the word that it begins with (departure 7)."""
    found = [words(line.casefold()) for line in lines(text)]
    for place, paragraph in enumerate(found, 1):
        if paragraph[0] != paragraph[-1]:
            return f"paragraph {place} begins with {paragraph[0][:20]!r} and ends with {paragraph[-1][:20]!r}"
    return "" if any(len(paragraph) > 1 for paragraph in found) else "no paragraph of more than one word"


def no_consecutive(text: str) -> str:
    """No word begins with the letter of the word before (departure 8)."""
    found = words(text)
    for left, right in pairwise(found):
        if first_letter(left) == first_letter(right) != "":
            return f"{left[:20]!r} and {right[:20]!r} begin with the same letter"
    return _two(found)


def words_position(text: str, keyword: str) -> str:
    """The second word and the second to last are the keyword (departure 9)."""
    found, wanted = words(text.casefold()), words(keyword.casefold())
    for which, there in (("second", found[1:2]), ("second to last", found[-2:-1])):
        if there != wanted:
            return f"the {which} word is not {keyword!r}"
    return ""


def _two(found: list[str]) -> str:
    return "" if len(found) > 1 else "fewer than two words"
