"""Task, Verdict, and what every domain does with them.

A task is a question with a checkable answer; a verdict is what the domain's verifier says of one completion.
Reward = 1.0 when the answer is correct *and* the completion is formatted (its reasoning is closed by `</think>`),
else 0.0. `correct` is judged apart from `formatted`, and `reason` explains every reward of 0.

Bring your own task: `Task("math", "my-1", "What is 2 + 2?", "4")`; its domain checks at construction time of the
verdict that it has what that domain needs, and says in one sentence what is missing.
"""

from __future__ import annotations

import random
import re
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

SPLITS = ("train", "validation", "test")
THINK_END = "</think>"
_STOP_MARKS = re.compile(r"(?:<\|im_end\|>|<\|endoftext\|>|\s)+\Z")


class DomainError(ValueError):
    """There is no domain of that name."""


class TaskError(ValueError):
    """A task lacks what its domain needs, or asks for something that cannot be checked."""


@dataclass(frozen=True)
class Task:
    """One question. `metadata` holds what the domain's verifier needs (see the domain's module)."""

    domain: str
    id: str
    prompt: str
    answer: str | None = None
    metadata: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The verifier's word on one completion."""

    reward: float
    """1.0 when correct and formatted, else 0.0."""
    correct: bool
    """Is the answer right, whatever the format?"""
    formatted: bool
    """Was the reasoning closed by `</think>`?"""
    reason: str
    """Why the reward is 0; empty when it is 1."""


def split_reasoning(completion: str) -> tuple[str, str, bool]:
    """Split a completion into (reasoning, answer text, closed); without `</think>` all of it is answer text.

    Reasoning that is opened again and not closed is not closed.
    """
    completion = _STOP_MARKS.sub("", completion)
    head, mark, tail = completion.rpartition(THINK_END)
    reasoning, closed = head.replace("<think>", "", 1).strip(), bool(mark) and "<think>" not in tail
    return reasoning, (tail if mark else completion.replace("<think>", "", 1)).strip(), closed


class Domain(ABC):
    """A domain: compact tasks that are pure functions of (split, seed, index), and a verifier."""

    name: str

    @abstractmethod
    def compact(self, rng: random.Random) -> Task:
        """Draw one compact task (its id is set by `task`)."""

    @abstractmethod
    def check(self, task: Task, answer: str) -> tuple[bool, str]:
        """Judge the text after the reasoning: (correct, why not). Raises TaskError for a task that cannot be judged."""

    @abstractmethod
    def reference(self, task: Task) -> str:
        """An answer text that must be judged correct; raises TaskError when the task does not carry one."""

    def environment(self, task: Task):
        """The multi-turn environment of a task: `.step(turn) -> str | None`; None where one turn is all."""
        return

    def answer_text(self, completion: str) -> str:
        """What the verifier looks at: here, the text after the last `</think>`."""
        return split_reasoning(completion)[1]

    def task(self, split: str, seed: int, index: int) -> Task:
        """Compact task number `index` of a split: a pure function of its arguments. Splits share no prompt."""
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
        rng = random.Random(f"{self.name}/{split}/{seed}/{index}")
        while True:
            task = self.compact(rng)
            if split_of(task.prompt) == split:
                return Task(task.domain, f"{self.name}-{split}-{seed}-{index}", task.prompt, task.answer, task.metadata)

    def tasks(self, split: str, n: int, seed: int = 0) -> list[Task]:
        """The first n compact tasks of a split."""
        return [self.task(split, seed, index) for index in range(n)]

    def verify(self, task: Task, completion: str) -> Verdict:
        """Judge a whole completion (for agents: the whole transcript)."""
        self.own(task)
        return verdict(completion, *self.check(task, self.answer_text(completion)))

    def verify_many(self, tasks: list[Task], completions: list[str]) -> list[Verdict]:
        """`verify` for many completions; a domain that can judge a batch faster does."""
        return [self.verify(task, completion) for task, completion in zip(tasks, completions, strict=True)]

    def own(self, task: Task) -> None:
        """Raise TaskError for a task of another domain."""
        if task.domain != self.name:
            raise TaskError(f"task {task.id!r} belongs to domain {task.domain!r}, not to {self.name!r}")


def verdict(completion: str, correct: bool, reason: str) -> Verdict:
    """The verdict on a completion whose answer text was judged (correct, why not)."""
    formatted = split_reasoning(completion)[2]
    if correct and not formatted:
        reason = f"the reasoning is not closed by {THINK_END}"
    return Verdict(float(correct and formatted), correct, formatted, "" if correct and formatted else reason)


def split_of(prompt: str) -> str:
    """Which split a prompt belongs to, by its hash: 60 % train, 10 % validation, 30 % test."""
    bucket = zlib.crc32(prompt.encode()) % 10
    return "test" if bucket < 3 else "validation" if bucket == 3 else "train"
