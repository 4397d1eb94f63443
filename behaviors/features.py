"""What the tagger sees of a sentence in its trace: cues, word families, shape, repetition, neighbors.

Features of sentence k of a trace, all of them binary but for a few shares, each with a name:

own       the cues that match it (`behaviors.cues`), and the behavior that the first of them marks; the families of its
          words (`behaviors.lexicons`), anywhere and among the first words; every pair of its families
shape     its length, its numbers, whether it is an equation, a question, or ends with a colon
said      the share of its numbers that were written before; an equation whose result was; the same sentence before
around    the behaviors that cues mark in the two sentences before and the one after; whether there are such sentences;
          how many sentences ago a cue last marked a check

Tried and left out, for they were no better on problems held out: single words and pairs of words (92,000 features more)
and the families of the sentences around.
The features of a trace's sentences depend on that trace alone. `feature_rows(sentences)` computes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from behaviors.cues import LONGEST, Cue, cues_of
from behaviors.lexicons import families
from behaviors.taxonomy import SELF_VERIFICATION

MOST_WORDS = 40
OPENING = 4
"""Words that count as a sentence's opening."""
AROUND = (-2, -1, 1)
LEADING, OUTRIGHT = 2.0, 3.0
"""The values of the behavior that the first cue marks, and of a cue that says so outright: above 1, so that the penalty
holds them back less."""
_FORMULA = re.compile(r"\$\$?[^$]{1,300}\$\$?|\\\(.{1,300}?\\\)|\\\[.{1,300}?\\\]|`[^`]{1,300}`", re.DOTALL)
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*|\d[\d.,]*|[?:=\u2248\u2261\u2260\x01]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Marks:
    """What one sentence shows by itself."""

    words: list[str]
    """Lower-case words; any number is `0`, any formula `F`."""
    families: dict[str, int]
    """Family of words: place of its first word."""
    cues: list[Cue]
    """The cues that match."""
    behaviors: frozenset[str]
    """The behaviors that these cues mark."""
    numbers: list[str]


def marks(sentence: str) -> Marks:
    """Read one sentence."""
    plain = sentence[:LONGEST].replace("\u2019", "'")
    words = [_plain_word(word) for word in _WORD.findall(_FORMULA.sub(" \x01 ", plain.lower()))[:MOST_WORDS]]
    cues = cues_of(plain) if words else []
    return Marks(words, families(words), cues, frozenset(cue.label for cue in cues), _NUMBER.findall(plain))


def _plain_word(word: str) -> str:
    return "F" if word == "\x01" else "0" if word[0].isdigit() else word


def feature_rows(sentences: list[str]) -> list[dict[str, float]]:
    """The features of each sentence of one trace, in order: {name: value}; a feature that is not there is 0."""
    read = [marks(sentence) for sentence in sentences]
    rows, numbers, seen, since = [], set(), set(), 0
    for k, here in enumerate(read):
        row = _own(here) | _shape(here) | _said(here, numbers, seen) | _around(read, k)
        row[f"since a check {min(since, 6) if since else 'none'}"] = 1.0
        since = 1 if SELF_VERIFICATION in here.behaviors else since and since + 1
        rows.append(row)
    return rows


def _own(here: Marks) -> dict[str, float]:
    row = {f"cue {cue.name}": OUTRIGHT if cue.outright else 1.0 for cue in here.cues}
    if here.cues:
        row[f"marks {here.cues[0].label}"] = LEADING
    for family, place in here.families.items():
        row[f"has {family}"] = 1.0
        if place < OPENING:
            row[f"opens {family}"] = 1.0
    held = sorted(here.families)
    row |= {f"{one} & {two}": 0.5 for k, one in enumerate(held) for two in held[k + 1:]}
    return row


def _shape(here: Marks) -> dict[str, float]:
    words = here.words
    return {"length": len(words) / MOST_WORDS, "short": float(len(words) <= 3),
            "numbers": min(len(here.numbers), 6) / 6, "question": float("?" in words),
            "colon": float(words[-1:] == [":"]), "equation": float("=" in words),
            "bare equation": float("=" in words and not any(word.isalpha() and len(word) > 1 for word in words))}


def _said(here: Marks, numbers: set[str], seen: set[str]) -> dict[str, float]:
    """What was said before; adds this sentence to it."""
    known = [number in numbers for number in here.numbers]
    whole = " ".join(here.words)
    row = {"known numbers": sum(known) / max(1, len(known)),
           "known result": float("=" in here.words and known[-1:] == [True]),
           "said before": float(len(here.words) > 3 and whole in seen)}
    numbers.update(here.numbers)
    seen.add(whole)
    return row


def _around(read: list[Marks], k: int) -> dict[str, float]:
    row = {}
    for step in AROUND:
        if 0 <= k + step < len(read):
            row |= {f"{step:+d} marks {behavior}": 0.5 for behavior in read[k + step].behaviors}
        else:
            row[f"{step:+d} none"] = 0.5
    return row
