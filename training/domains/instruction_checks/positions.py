"""Which word stands where: first_word:*, last_word:*, keywords:{start_end, keyword_specific_position} and
length_constraints:nth_paragraph_first_word. Each returns why not, or "".

Case is ignored, and punctuation and Markdown around a word are no part of it. Departures from IFEval and IFEvalG:
1. first_word_*: officially "Hello," is not the word "Hello".
2. nth_paragraph_first_word counts the paragraphs that are not empty; officially the empty ones shift the place.
3. keyword_specific_position: ignores case, and punctuation marks are not counted as words; a keyword of several words
   starts at the place.
4. An answer without a sentence fails first_word_sent and last_word_sent.
"""

from __future__ import annotations

from training.domains.instruction_checks.text import begins, blocks, ends, exactly, sentences, words
from training.domains.task import TaskError


def first_word_answer(text: str, first_word: str) -> str:
    """The answer begins with a word (IFEvalG first_word:first_word_answer)."""
    return "" if begins(text, first_word) else f"the answer does not begin with {first_word!r}"


def last_word_answer(text: str, last_word: str) -> str:
    """The answer ends with a word, before punctuation (IFEvalG last_word:last_word_answer)."""
    return "" if ends(text, last_word) else f"the answer does not end with {last_word!r}"


def first_word_sent(text: str, first_word: str) -> str:
    """Every sentence begins with a word (IFEvalG first_word:first_word_sent)."""
    return _every_sentence(text, lambda sentence: begins(sentence, first_word), f"begin with {first_word!r}")


def last_word_sent(text: str, last_word: str) -> str:
    """Every sentence ends with a word, before punctuation (IFEvalG last_word:last_word_sent)."""
    return _every_sentence(text, lambda sentence: ends(sentence, last_word), f"end with {last_word!r}")


def _every_sentence(text: str, holds, what: str) -> str:
    found = sentences(text)
    wrong = [place for place, sentence in enumerate(found, 1) if not holds(sentence)]
    return "there is no sentence" if not found else f"sentence {wrong[0]} does not {what}" if wrong else ""


def start_end(text: str) -> str:
    """First and last word are the same, with nothing before or after (IFEvalG keywords:start_end)."""
    found, text = words(text), text.strip()
    if len(found) < 2:
        return "fewer than two words"
    if not (text.startswith(found[0]) and text.endswith(found[-1])):
        return "something stands before the first word or after the last"
    same = found[0].casefold() == found[-1].casefold()
    return "" if same else f"starts with {found[0][:20]!r} but ends with {found[-1][:20]!r}"


def keyword_specific_position(text: str, keyword: str, n: int, m: int) -> str:
    """The m-th word of the n-th sentence is the keyword, counting from 1 (IFEvalG; departure 3)."""
    found = sentences(text)
    if len(found) < n:
        return f"there is no sentence {n}"
    wanted = words(keyword.casefold())
    there = words(found[n - 1].casefold())[m - 1 : m - 1 + len(wanted)]
    return "" if there == wanted else f"word {m} of sentence {n} is not {keyword!r}"


def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> str:
    """So many paragraphs between blank lines, of which the n-th begins with a word (IFEval). Raises TaskError."""
    if nth_paragraph > num_paragraphs:
        raise TaskError(
            f"length_constraints:nth_paragraph_first_word: the argument 'nth_paragraph' is {nth_paragraph}; "
            f"choose a number from 1 to num_paragraphs, {num_paragraphs}"
        )
    found = blocks(text)
    wrong = exactly("paragraphs", len(found), num_paragraphs)
    right = wrong or begins(found[nth_paragraph - 1], first_word)
    return wrong or ("" if right else f"paragraph {nth_paragraph} does not begin with {first_word!r}")
