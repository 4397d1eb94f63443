r"""Math: a question with one value for an answer, judged by mathematical equality.

`check` reads the last final answer (`\boxed{}` or `Answer:`, see final_answer.py) and compares it with `task.answer`,
plain or LaTeX (see equivalence.py). Departures from the official M2RL reward, which is a string normaliser:

1. Both forms that its prompts ask for score; there `Answer: 42` scores 0 in training.
2. Values are compared (3/6 = 1/2, 2^{10} = 1024), not strings.
3. A task that cannot be judged is a TaskError, not a reward of 0.
4. A statement that goes on to other numbers (`42. 41.`, `42. Or 41.`) is no answer; a sentence after it may explain it.

Try it: `get_domain("math").verify(Task("math", "1", "What is 2 + 2?", "4"), "<think> 2 + 2 </think> Answer: 4")`.
"""

from __future__ import annotations

import random
import re

from training.domains import compact
from training.domains.equivalence import MAX_LENGTH, same_answer
from training.domains.final_answer import final_answer
from training.domains.notation import clean, number
from training.domains.task import Domain, Task, TaskError

_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:(?:final|correct)\s+)?(?:answer|value|result)\s+is\s*:?\s*",
    re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=\S)[.;?][*_$]*\s")
_ANOTHER = re.compile(r"[\s(*_]*(?:or|alternatively|maybe|perhaps|possibly|otherwise)\b.*\d", re.IGNORECASE)


class MathDomain(Domain):
    """Math tasks. `sharing` is that of `compact.Factors`."""

    name = "math"

    def __init__(self, sharing: float = 1.0):
        self.factors = compact.Factors(sharing)

    def compact(self, rng: random.Random) -> Task:
        """A chain of additions and subtractions (`compact.math_task`)."""
        return compact.math_task(rng, self.factors)

    def check(self, task: Task, answer: str) -> tuple[bool, str]:
        """(correct, why not) of an answer text. Raises TaskError where `task.answer` is not a non-empty string."""
        expected = _expected(task)
        stated = final_answer(answer)
        if stated is None:
            return False, r"no final answer: expected one in \boxed{} or after 'Answer:'"
        stated = stated[len(lead.group()):] if (lead := _LEAD.match(stated)) else stated
        sentence, *more = _SENTENCE_END.split(stated)
        verdict = same_answer(expected, sentence)
        if verdict[0] and any(_ANOTHER.match(said) or _differs(said, sentence) for said in more):
            return False, f"several final answers: {stated[:80]!r}"
        return verdict if verdict[0] or not more else same_answer(expected, stated)

    def reference(self, task: Task) -> str:
        """`Answer: 42`. Raises TaskError as `check` does."""
        return "Answer: " + " ".join(_expected(task).split())


def _differs(said: str, sentence: str) -> bool:
    """Is this text another number than that of a sentence?"""
    numbers = number(clean(said)), number(clean(sentence))
    return numbers[0] is not None and (numbers[1] is None or numbers[0].value != numbers[1].value)


def _expected(task: Task) -> str:
    """The reference answer of a task that can be judged."""
    if not isinstance(task.answer, str) or not task.answer.strip():
        raise TaskError(f"math task {task.id!r} needs its answer as a non-empty string, got {task.answer!r}")
    if len(task.answer) > MAX_LENGTH:
        raise TaskError(f"math task {task.id!r} has an answer of {len(task.answer)} characters; at most {MAX_LENGTH}")
    return task.answer


DOMAIN = MathDomain
