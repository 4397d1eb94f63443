"""custom:{multiples, mcq_count_length, word_reverse, character_reverse, sentence_alphabet} of IFBench: what single
prompts ask for. Each returns why not, or "".

Departures from the official code (those of the whole package are in `tokens`):
1. mcq_count_length: the options of a question are A to E in order, all different, and nothing comes after them;
   Markdown's marks may stand before labels, which need no number. Officially any five lettered lines are options, and
   explanations after them are overlooked.
2. word_reverse and character_reverse: a sentence of four words or more, in which the bald eagle stands reversed and
   nowhere forwards; reversed by letters, it holds no common word forwards. Officially "eagle bald" is a sentence.
"""

from __future__ import annotations

import re
from itertools import pairwise

from training.domains.instruction_checks.ifbench.tokens import first_letter, has_word, lines, sentences, words
from training.domains.instruction_checks.text import exactly

MULTIPLES = ("14", "21", "28", "35", "42", "49")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_QUESTION = re.compile(r"^[ \t*#_>-]*Question\b[ \t*_#]*\d*[ \t*_.):;-]*", re.MULTILINE)
_OPTION = re.compile(r"[\s*_(>-]*([A-Ea-e])[.):](.*)")
_N_QUESTIONS = 4


def multiples(text: str) -> str:
    """The multiples of 7 from 10 to 50 in order, and no other number."""
    found = re.findall(r"\d+", text)
    return "" if tuple(found) == MULTIPLES else f"the numbers are not {', '.join(MULTIPLES)}"


def mcq_count_length(text: str) -> str:
    """Four questions of growing length, with options A to E (departure 1)."""
    before, *questions = _QUESTION.split(text)
    wrong = exactly("questions", len(questions), _N_QUESTIONS)
    if wrong or has_word(before):
        return wrong or "something stands before the first question"
    asked = [_asked(question) for question in questions]
    if not all(asked):
        return f"question {asked.index('') + 1} is not a question with the different options A to E and nothing else"
    shorter = [place for place, (left, right) in enumerate(pairwise(asked), 2) if len(right) <= len(left)]
    return f"question {shorter[0]} is not longer than the one before" if shorter else ""


def _asked(question: str) -> str:
    """The question before its five options; "" where they are not A to E, different, and the end."""
    found = lines(question)
    options = [_OPTION.fullmatch(line) for line in found[-5:]]
    if not all(options) or any(map(_OPTION.fullmatch, found[:-5])):
        return ""
    letters, said = "".join(option[1] for option in options), {option[2].strip() for option in options}
    asked = " ".join(line.strip() for line in found[:-5])
    return asked if letters.lower() == "abcde" and len(said) == 5 and all(map(has_word, said)) else ""


def word_reverse(text: str) -> str:
    """A sentence about the bald eagle, its words from last to first (departure 2)."""
    found = words(text.casefold())
    return _reversed(" ".join(found), found[::-1])


def character_reverse(text: str) -> str:
    """A sentence about the bald eagle, its letters from last to first (departure 2)."""
    forwards = words(text.casefold())
    common = [word for word in ("the", "is", "of") if word in forwards]
    return f"{common[0]!r} is not reversed" if common else _reversed(" ".join(forwards), words(text[::-1].casefold()))


def _reversed(forwards: str, backwards: list[str]) -> str:
    if len(backwards) < 4:
        return "not a sentence of four words or more"
    holds = "bald eagle" in " ".join(backwards) and "bald eagle" not in forwards
    return "" if holds else "the bald eagle does not stand in it, reversed alone"


def sentence_alphabet(text: str) -> str:
    """26 sentences that begin with the letters from a to z."""
    found = sentences(text)
    for letter, sentence in zip(_ALPHABET, found, strict=False):
        if first_letter(words(sentence)[0]) != letter:
            return f"{sentence[:20]!r} does not begin with {letter}"
    return exactly("sentences", len(found), len(_ALPHABET))
