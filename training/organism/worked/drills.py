"""Drills: one step of the work alone, its answer right after it: check a result, find an option, compare two values.

A derivation shows such a step once in a hundred tokens, and seldom with a difference to find; a drill is short and
shows one every time, half of them with a difference. The sentences are those of the worked tasks and of the judge, so
what a drill teaches is used there; what a task asks, who slips in it and how often it is checked stays with the tasks.
"""

from __future__ import annotations

import random

from training.domains.compact import PEOPLE
from training.organism.worked import science
from training.organism.worked.trace import Habits, Writer

HABITS = Habits(slip=0.5, check=1.0, careless=0.0, repair=1.0)
FORMS = (("I want hour {}.", "It says {}."), ("I want credit {}.", "It says {}."), ("f(x) = {}.", "It must be {}."))
"""How two numbers are set against each other in agent and coding."""
NAMES = ("I want who {}.", "It says {}.")


def drill(rng: random.Random) -> tuple[str, str]:
    """(prompt, reply) of one drill."""
    return rng.choice((_check, _option, _compare, _judge))(rng)


def _check(rng: random.Random) -> tuple[str, str]:
    """A result, right or wrong; its check, and what follows from it."""
    writer = Writer(rng, HABITS)
    writer.compute(*_operands(rng))
    return f"Check {writer.sentences[0]}", " ".join(writer.sentences[1:])


def _operands(rng: random.Random) -> tuple[int, str, int]:
    sign = rng.choice("++--*/")
    if sign in "*/":
        x, y = rng.randint(2, 9), rng.randint(2, 9)
        return (x, "*", y) if sign == "*" else (x * y, "/", y)
    x, y = rng.randint(0, 70), rng.randint(2, 40)
    return (x, sign, y) if sign == "+" else (max(x, y), sign, min(x, y))


def _option(rng: random.Random) -> tuple[str, str]:
    """A value and the options; the option that has it, or the check of one that was named."""
    values = rng.sample(range(99), 3)
    near = values[0] + rng.choice((1, 2, 3, 10))
    values = rng.sample([*values, near], 4) if near not in values else values
    letters = [chr(ord("A") + k) for k in range(len(values))]
    listed = ", ".join(f"{value} ({letter})" for value, letter in zip(values, letters, strict=True))
    (value, right), choices = rng.choice(list(zip(values, letters, strict=True))), [str(value) for value in values]
    writer = Writer(rng, HABITS)
    if rng.random() < 0.7:
        science.walk(writer, str(value), choices, right)
        return f"{listed}. Which is {value}?", " ".join(writer.sentences)
    named = right if rng.random() < 0.5 else rng.choice(letters)
    science.check_option(writer, str(value), choices, named)
    return f"{listed}. That is {value}. {choices[letters.index(named)]} ({named}), yes.", " ".join(writer.sentences)


def _pair(rng: random.Random) -> tuple[int | str, int | str]:
    """Two values, the same by the toss of a coin: numbers, seldom names."""
    same, value = rng.random() < 0.5, rng.randint(0, 99)
    if rng.random() < 0.2:
        first, other = rng.sample(PEOPLE, 2)
        return first, first if same else other
    return value, value if same else Writer(rng, HABITS).wrong(value)


def _compare(rng: random.Random) -> tuple[str, str]:
    """What was wanted and what is there; what follows."""
    writer, (wanted, seen) = Writer(rng, HABITS), _pair(rng)
    first, then = NAMES if isinstance(wanted, str) else rng.choice(FORMS)
    writer.say(first.format(wanted))
    writer.say(then.format(seen))
    writer.settles(wanted == seen)
    return f"Compare {wanted} with {seen}.", " ".join(writer.sentences)


def _judge(rng: random.Random) -> tuple[str, str]:
    """What the judge finds and what it was shown; the verdict."""
    found, shown = _pair(rng)
    verdict = "right" if found == shown else "wrong"
    return f"Judge {shown} for {found}.", f"<think> I get {found}. It says {shown}.</think> Verdict: {verdict}"
