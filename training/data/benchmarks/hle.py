"""Humanity's Last Exam (Phan et al. 2025, arXiv 2501.14249), without its images: what can be graded by a rule.

Published as cais/hle with `id`, `question`, `image` (empty where there is none), `answer` and `answer_type`,
`exactMatch` or `multipleChoice` (columns read in NVIDIA-NeMo/Gym, benchmarks/hle/prepare.py, and in the card of
rl-rag/hle_text_only, whose 2,158 rows are the text-only ones).

A multiple-choice question lists its options in its text, a line each that starts with `A.` or `A)`; the science
verifier grades the letter. An exact answer that is a number or a formula is graded by the math verifier. The official
grading is by a language model, which also accepts other wordings: answers in words, and questions with images, are
refused and counted, so that an average over what is left is not the published score.
"""

from __future__ import annotations

import re
from string import ascii_uppercase

from training.data import asking
from training.data.rejects import Rejected, take
from training.domains import Task
from training.domains.notation import clean, number, split_unit

_OPTION = re.compile(r"^[ \t]*\(?([A-Z])[.):][ \t]+(?=\S)", re.MULTILINE)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_FUNCTIONS = re.compile(r"(?<![A-Za-z])(?:sin|cos|tan|log|exp|sqrt|max|min|gcd|lcm|mod|pi)(?![A-Za-z])")
_WORD = re.compile(r"[^\W\d_]{3,}|\\(?:text|mathrm|operatorname|mbox)(?![A-Za-z])")


def task(row: dict, name: str) -> Task:
    """The task of a question, with the id `name`. Raises Rejected."""
    if row.get("image"):
        raise Rejected("it shows an image")
    question, answer = take(row, "question", str), take(row, "answer", str).strip()
    kind = take(row, "answer_type", str)
    if kind == "multipleChoice":
        choices = listed(question)
        if len(choices) < 2:
            raise Rejected("its options cannot be told apart in its text")
        prompt = f"{asking.CHOICE}\n\n{question.strip()}"
        return Task("science", name, prompt, answer, {"choices": choices, "question": question})
    if kind != "exactMatch":
        raise Rejected(f"its answer_type is {kind[:40]!r}")
    if not is_formula(answer):
        raise Rejected("its exact answer is in words, which takes a judge", answer)
    return Task("math", name, f"{asking.MATH}\n\n{question.strip()}", answer, {"question": question})


def listed(question: str) -> list[str]:
    """The options at the end of a text: from its last line `A. ...` on, those lettered in order."""
    marks = list(_OPTION.finditer(question))
    starts = [place for place, mark in enumerate(marks) if mark[1] == "A"]
    found = []
    for mark in marks[starts[-1]:] if starts else ():
        if len(found) < len(ascii_uppercase) and mark[1] == ascii_uppercase[len(found)]:
            found.append(mark)
    ends = [mark.start() for mark in found] + [len(question)]
    return [question[mark.end():end].strip() for mark, end in zip(found, ends[1:], strict=True)]


def is_formula(answer: str) -> bool:
    """Is this a number, with or without a unit, or mathematics without words?"""
    cleaned = clean(answer)
    if number(cleaned) or number(split_unit(cleaned)[0]):
        return True
    bare = _FUNCTIONS.sub("", cleaned)
    return bool(bare) and not _WORD.search(_COMMAND.sub(lambda command: _kept(command[0]), bare))


def _kept(command: str) -> str:
    """A LaTeX command as it is looked at: those that hold words stay."""
    return command if _WORD.fullmatch(command) else " "
