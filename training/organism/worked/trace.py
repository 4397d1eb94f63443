"""Worked solutions with a known truth: sentences, each with what it is, and the habits that shape them.

A derivation slips with a known rate; a check recomputes by another route (the inverse operation, the program on an
example, the words of the draft), misses a slip with a known rate, and a caught slip is repaired with a known rate. So
checking is worth something, and a policy trained on these traces can gain by checking more, or by slipping less.
"""

from __future__ import annotations

import operator
import random
from dataclasses import dataclass, field

OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}
CHECKS = ("Let me check:", "Let me verify:", "Check:")
CONFIRMED = ("That matches.", "Good.", "Yes, that holds.")
BACKTRACKS = ("Wait, that is wrong.", "Hmm, that is not right.", "No, I made a mistake.")
LOCI = ("derivation", "answer")


@dataclass(frozen=True)
class Habits:
    """Rates, in [0, 1], of what a writer of traces does; `slip` and `check` are per opportunity."""

    slip: float = 0.25
    """A step goes wrong."""
    check: float = 0.35
    """A step, or a result, is checked by another route."""
    careless: float = 0.2
    """A check of something wrong does not see it."""
    repair: float = 0.9
    """What was found wrong is put right (else it stays wrong)."""
    locus: str | None = None
    """Where slips lie: in the `derivation`, in the `answer` drawn from it, or None: where each domain's own lie."""

    def __post_init__(self):
        for name in ("slip", "check", "careless", "repair"):
            if not 0 <= vars(self)[name] <= 1:
                raise ValueError(f"{name} is a probability, got {vars(self)[name]!r}; choose a value between 0 and 1")
        if self.locus not in (None, *LOCI):
            raise ValueError(f"unknown locus {self.locus!r}; choose one of {', '.join(LOCI)}, or None")


@dataclass
class Worked:
    """A solution: `turns` alternate between the model's text and the environment's answers, the model's first."""

    turns: list[str]
    events: list[tuple[str, str]]
    """(kind, sentence): step, slip, check, compare, confirm, backtrack, repair, call, answer, as written."""

    @property
    def text(self) -> str:
        """The whole transcript."""
        return "".join(self.turns)


@dataclass
class Writer:
    """Writes one worked solution, drawing slips and checks from `habits`."""

    rng: random.Random
    habits: Habits
    own_locus: str = "derivation"
    events: list[tuple[str, str]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def say(self, sentence: str, kind: str = "step") -> None:
        self.sentences.append(sentence)
        self.events.append((kind, sentence))

    @property
    def said(self) -> list[str]:
        """Every sentence written so far, without the final answer."""
        return [sentence for kind, sentence in self.events if kind not in ("answer", "call")]

    def happens(self, rate: float) -> bool:
        return self.rng.random() < rate

    def slips(self, locus: str) -> bool:
        """Does something go wrong here? Only at the locus of the domain, or at the one that the habits ask for."""
        return (self.habits.locus or self.own_locus) == locus and self.happens(self.habits.slip)

    def think(self) -> str:
        """The sentences since the last call, as closed reasoning."""
        text, self.sentences = " ".join(self.sentences), []
        return f"<think> {text}</think> "

    def check(self, claim: str, shown, expected, careless: bool = False) -> bool:
        """State a check `claim` that shows `shown` where `expected` was; True when it finds a difference."""
        seen = expected if careless else shown
        self.say(f"{self.rng.choice(CHECKS)} {claim.format(seen)}", "check")
        self.say(f"It was {expected}.", "compare")
        return self.settles(seen == expected)

    def settles(self, same: bool) -> bool:
        """Confirm, or turn back; True when turning back."""
        self.say(*((self.rng.choice(CONFIRMED), "confirm") if same else (self.rng.choice(BACKTRACKS), "backtrack")))
        return not same

    def compute(self, x: int, sign: str, y: int, lead: str = "", checks: bool = True) -> int:
        """Write `x sign y = value`, perhaps slipping, perhaps checking and repairing; returns the value arrived at."""
        right = OPERATIONS[sign](x, y)
        value = self.wrong(right, y) if self.slips("derivation") else right
        self.say(f"{lead}{x} {sign} {y} = {value}.", "step" if value == right else "slip")
        if not (checks and self.happens(self.habits.check)):
            return value
        claim, shown, expected = _other_route(x, sign, y, value)
        if self.check(claim, shown, expected, careless=self.happens(self.habits.careless)):
            value = right if self.happens(self.habits.repair) else self.wrong(right, y)
            self.say(f"{x} {sign} {y} = {value}.", "repair")
        return value

    def wrong(self, right: int, floor: int = 0) -> int:
        """A plausible wrong value: off by 1, 2 or 10, and never below `floor` when adding went wrong."""
        near = [right + d for d in (-10, -2, -1, 1, 2, 10) if right + d >= min(floor, right)]
        return self.rng.choice(near)


def _other_route(x: int, sign: str, y: int, value: int) -> tuple[str, int, int]:
    """(claim, what it truly gives, what it should give): the inverse operation; for a product the other order."""
    if sign == "*":
        return f"{y} * {x} = {{}}.", x * y, value
    inverse = {"+": "-", "-": "+", "/": "*"}[sign]
    return f"{value} {inverse} {y} = {{}}.", OPERATIONS[inverse](value, y), x
