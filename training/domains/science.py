r"""Science: multiple choice, any number of options up to 26, judged by the letter finally chosen.

A final statement is one of
  - `\boxed{B}`, `\boxed{\text{B}}`, `Answer: B`, `**Answer:** (B)`, `Answer: B) 42` (see final_answer.py);
  - a sentence: `the answer is B`, `the correct option is (B)`, `option B is correct`;
  - the last line, when it is a letter and nothing else (`B`, `(B)`, `**B**`), or the whole text, when it is one line
    (`B) 42`, or an option's text).
The statement that comes last in the text wins. Departures from the official GPQA reward, which takes the first hit of
a case-insensitive pattern with the letters A to H:

1. The options are those of the task (`metadata["choices"]`): a task with 10 of them goes to J.
2. A letter is a choice when it stands alone in a statement: `answer choices` is no C, `A plan follows` is no A. A small
   letter counts only where it is the whole statement (`Answer: b`).
3. A statement that names two letters (`Answer: A or B`, `A. B. C.`, `A, or maybe B`, several last lines of one letter)
   is no answer, and hides the statements before it. So does one that lists options (`A) 7 B) 42`), gives a letter the
   text of another (`A) 42`), or calls it wrong.
4. A statement that is the exact text of one option (case, spaces, `$` and a final period aside) chooses that option;
   a text that two options share chooses neither, and a single letter is always a letter.
"""

from __future__ import annotations

import random
import re
from itertools import takewhile
from string import ascii_uppercase

from training.domains import compact
from training.domains.final_answer import half_width, line_after, statements
from training.domains.task import Domain, Task, TaskError

_WRAPPED = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mathsf|boxed|fbox|bf)\s*\{([^{}]*)\}")
_LEAD = re.compile(
    r"(?:(?:the|my|final|correct|best|either|both)\s+)*(?:(?:option|choice|answer)s?\b\s*(?:is\b|:)?\s*)*"
    r"(?:either\s+|both\s+)?", re.IGNORECASE)
_LETTER = re.compile(
    r"[(\[{<*_\s]{0,4}([A-Z])(?:$|[)\].:,*_}>]|\s+[-–—=(]|(?=\s*(?:/|&|\+|or\b|and\b)\s*[(\[*]{0,3}[A-Z](?![A-Za-z]))"
    r"|\s+(?:because|since|as|is\s+(?:the\s+)?(?:correct|right|best))\b)")
_MARKS = r"[)\]}.*_\s(\[{:;|?–—=-]"
_ALSO = re.compile(
    _MARKS + r"{0,6}(?:(?:[,/&+]|\b(?i:or|and|also|maybe|perhaps|possibly|alternatively|as\s+well\s+as)\b)\s*)+"
    r"(?:option\s+|choice\s+)?[(\[*]{0,3}([A-Z])(?=[)\].*_\s]*(?:$|[,/&+(.)?]|or\b|and\b))")
_NEXT = re.compile(rf"{_MARKS}{{1,6}}([A-Z])(?={_MARKS}*$|{_MARKS}+[A-Z](?:{_MARKS}|$))")
_DENIED = re.compile(r"[)\].:*_\s(,–—-]{0,6}(?:is\s+)?(?:wrong|incorrect|false)\b", re.IGNORECASE)
_LISTED = re.compile(r"[\s,;.|/&]*(?:or|and)?\s*[(\[]?([a-z])[)\].:]\s*")
_ALONE = re.compile(r"[*_$(\[\s]*[A-Z][*_$)\].\s]*")
_SENTENCE = re.compile(
    r"(?<!\bif the )(?<!\bif )(?<!\bwhether the )(?<!\bwhether )"
    r"\b(?:answer|option|choice)\s+(?:is|must\s+be|should\s+be|would\s+be)\b[ \t]{0,4}:?", re.IGNORECASE)
_JUDGED = re.compile(
    r"(?<!\bif )(?<!\bthat )(?<!\bwhether )(?:\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)[ \t]{1,3})?(?<![A-Za-z'’])[*(\[]{0,3}"
    r"([A-Z])[*)\].]{0,3}[ \t]{1,3}is[ \t]{1,3}(?:the[ \t]{1,3})?(?:correct|right|best)\b")

MAX_SENTENCES = 100
"""How many sentences like `the answer is ...` are looked at, from the last one back."""


class ScienceDomain(Domain):
    """Multiple-choice tasks. `sharing` is that of `compact.Factors`."""

    name = "science"

    def __init__(self, sharing: float = 1.0):
        self.factors = compact.Factors(sharing)

    def compact(self, rng: random.Random) -> Task:
        """Which law, on a table with a distractor (`compact.science_task`)."""
        return compact.science_task(rng, self.factors)

    def check(self, task: Task, answer: str) -> tuple[bool, str]:
        """(correct, why not) of an answer text. Raises TaskError without choices, or with a letter that is none."""
        choices = _choices(task)
        letters = ascii_uppercase[:len(choices)]
        named = chosen(answer, choices)
        if named is None:
            return False, r"no final answer: expected a letter in \boxed{} or after 'Answer:'"
        if not named:
            return False, f"the final statement names no option; the options are {letters[0]} to {letters[-1]}"
        if len(named) > 1:
            return False, f"the final statement names several options: {', '.join(sorted(named))}"
        letter = min(named)
        if letter not in letters:
            return False, f"the final answer {letter} is not an option; the options are {letters[0]} to {letters[-1]}"
        return letter == task.answer, "" if letter == task.answer else f"the final answer {letter} is not {task.answer}"

    def reference(self, task: Task) -> str:
        """`Answer: B`. Raises TaskError as `check` does."""
        _choices(task)
        return f"Answer: {task.answer}"


def chosen(text: str, choices: list[str]) -> set[str] | None:
    """The letters that the last final statement names: none, one or several; None where there is no statement."""
    text = half_width(text).strip()
    stated = [(position, named_letters(content, choices)) for position, content in statements(text)[-1:]]
    for sentence in reversed(list(_SENTENCE.finditer(text))[-MAX_SENTENCES:]):
        if named := named_letters(line_after(text, sentence.end()), choices):
            stated.append((sentence.start(), named))
            break
    judged = list(_JUDGED.finditer(text))
    if judged:
        line = text.rfind("\n", 0, judged[-1].start())
        stated.append((judged[-1].start(), {sentence[1] for sentence in judged if sentence.start() > line}))
    lines = text.split("\n")
    last = list(takewhile(_ALONE.fullmatch, filter(str.strip, reversed(lines))))
    if last:
        stated.append((len(text) - len(lines[-1]), set().union(*(named_letters(line, choices) for line in last))))
    if not stated and "\n" not in text and (named := named_letters(text, choices)):
        stated.append((0, named))
    return max(stated, key=lambda pair: pair[0])[1] if stated else None


def named_letters(statement: str, choices: list[str]) -> set[str]:
    """The option letters named by one statement, be they options of the task or not."""
    text = _plain(statement)
    same = {ascii_uppercase[k] for k, choice in enumerate(choices) if text and _folded(choice) == _folded(text)}
    if same and not re.fullmatch("[A-Za-z]", text):
        return same
    text = text[_LEAD.match(text).end():]
    if small := re.fullmatch(r"[(\[]?([a-z])[)\].]{0,2}", text):
        return {small[1].upper()}
    found = _LETTER.match(text)
    if found is None:
        return set()
    letters, rest = {found[1]}, text[found.end(1):]
    if _DENIED.match(rest):
        return set()
    letters |= _listed(found[1], rest, choices)
    while also := _ALSO.match(rest) or _NEXT.match(rest):
        letters.add(also[1])
        rest = rest[also.end(1):]
    return letters


def _listed(letter: str, rest: str, choices: list[str]) -> set[str]:
    """The options that what stands after a letter gives too: it is the text of one, or goes on listing them."""
    texts = dict(zip(ascii_uppercase, map(_folded, choices), strict=False))
    said = _folded(rest).lstrip(" )].:-–—*_")
    found = {other for other, text in texts.items() if said == text and list(texts.values()).count(text) == 1}
    while letter in texts and said.startswith(texts[letter]):
        listed = _LISTED.match(said[len(texts[letter]):])
        letter, said = (listed[1].upper(), said[len(texts[letter]) + listed.end():]) if listed else ("", said)
        if letter in texts and said.startswith(texts[letter]):
            found.add(letter)
    return found


def _plain(text: str) -> str:
    r"""Without `\text{}`, dollar signs and the markdown around it."""
    for _ in range(3):
        text = _WRAPPED.sub(r"\1", text)
    return re.sub(r"(?<!\\)\\[()]|\$", "", text).strip().strip("*_`").strip()


def _folded(text: str) -> str:
    """What an option's text is compared by."""
    return " ".join(_plain(half_width(text)).casefold().split()).rstrip(".")


def _choices(task: Task) -> list[str]:
    """The options of a task that can be judged."""
    choices = task.metadata.get("choices")
    if not isinstance(choices, (list, tuple)) or not 2 <= len(choices) <= len(ascii_uppercase):
        raise TaskError(f"science task {task.id!r} needs 2 to 26 options in metadata['choices'], got {choices!r}")
    if not all(isinstance(choice, str) for choice in choices):
        raise TaskError(f"science task {task.id!r} has options that are not strings: {choices!r}")
    letters = ascii_uppercase[:len(choices)]
    if not isinstance(task.answer, str) or len(task.answer) != 1 or task.answer not in letters:
        raise TaskError(
            f"science task {task.id!r} has the answer {task.answer!r}; choose one of {', '.join(letters)}")
    return list(choices)


DOMAIN = ScienceDomain
