"""length_constraints:*, paragraphs:* and count:counting_composition: how many words, sentences and paragraphs.

Each returns why not, or "". Departures from IFEval and IFEvalG:
1. Sentences and dividers are those of `text` (1 and 4); number_words counts runs of word characters, as IFEval does,
   but not underscores alone.
2. paragraphs2: blank lines between paragraphs may be several, or hold spaces; officially two of them are a failure.
3. counting_composition: officially every punctuation mark is a word, so a sentence of n words had to have n - 1.
"""

from __future__ import annotations

import re

from training.domains.instruction_checks.text import blocks, compare, divided, exactly, sentences, words


def number_words(text: str, num_words: int, relation: str) -> str:
    """At least / less than so many words, runs of word characters (IFEval length_constraints:number_words)."""
    return compare("words", number_of_words(text), relation, num_words)


def number_of_words(text: str) -> int:
    """How many runs of word characters there are, without those of underscores alone."""
    return sum(bool(word.strip("_")) for word in re.findall(r"\w+", text))


def number_sentences(text: str, num_sentences: int, relation: str) -> str:
    """At least / less than so many sentences (IFEval length_constraints:number_sentences)."""
    return compare("sentences", len(sentences(text)), relation, num_sentences)


def number_paragraphs(text: str, num_paragraphs: int) -> str:
    """Exactly so many paragraphs between `***` dividers (IFEval length_constraints:number_paragraphs)."""
    paragraphs = divided(text)
    return _empty(paragraphs) or exactly("paragraphs", len(paragraphs), num_paragraphs)


def paragraphs(text: str) -> str:
    """Two paragraphs with a `***` divider between them (IFEvalG paragraphs:paragraphs)."""
    return number_paragraphs(text, 2)


def paragraphs2(text: str) -> str:
    """Two paragraphs with a blank line between them (IFEvalG paragraphs:paragraphs2; departure 2)."""
    return exactly("paragraphs", len(blocks(text)), 2)


def counting_composition(text: str, n_sent: int, n_words: int) -> str:
    """Three `***` paragraphs of n_sent sentences of n_words words each (IFEvalG; departure 3)."""
    wrong = number_paragraphs(text, 3)
    for place, paragraph in enumerate(divided(text), 1):
        found = sentences(paragraph)
        wrong = wrong or exactly(f"sentences in paragraph {place}", len(found), n_sent)
        for sentence in found:
            wrong = wrong or exactly(f"words in a sentence of paragraph {place}", len(words(sentence)), n_words)
    return wrong


def _empty(paragraphs: list[str]) -> str:
    return "" if all(paragraphs) else "a paragraph is empty"
