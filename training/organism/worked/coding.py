"""Coding, worked: find the slope and the offset from the examples, run the program on another example as a check.

Slips lie in a step of the derivation. The unshared form (a rule on words) has no arithmetic: its rule is recognised.
"""

from __future__ import annotations

from training.domains.task import Task
from training.organism.worked.trace import Worked, Writer

RULES = ("x[::-1]", "x + x", "x.upper()")


def work(task: Task, writer: Writer) -> Worked:
    """Solve one compact coding task."""
    body = _words(task, writer) if "rule" in task.metadata else _linear(task, writer)
    writer.events.append(("answer", body))
    return Worked([writer.think() + f"```python\ndef f(x):\n    return {body}\n```"], writer.events)


def _linear(task: Task, writer: Writer) -> str:
    (x0, y0), (x1, y1), (x2, y2) = task.metadata["examples"]
    a, b = _slope_and_offset(x0, y0, y1, writer)
    if writer.happens(writer.habits.check):
        writer.say("Let me run it.", "check")
        shown = a * x2 + b
        seen = y2 if shown != y2 and writer.happens(writer.habits.careless) else shown
        writer.say(f"f({x2}) = {a} * {x2} + {b} = {a * x2} + {b} = {seen}.", "check")
        writer.say(f"It must be {y2}.", "compare")
        if writer.settles(seen == y2):
            a, b = _slope_and_offset(x0, y0, y1, writer)
    if writer.slips("answer"):
        b = writer.wrong(b)
    return f"{a} * x + {b}"


def _slope_and_offset(x0: int, y0: int, y1: int, writer: Writer) -> tuple[int, int]:
    a = max(0, writer.compute(y1, "-", y0, lead="The slope is ", checks=False))
    product = writer.compute(a, "*", x0, checks=False)
    return a, writer.compute(y0, "-", product, lead="The offset is ", checks=False)


def _words(task: Task, writer: Writer) -> str:
    rule, affix = task.metadata["rule"], task.metadata["affix"]
    if writer.slips("derivation"):
        rule = writer.rng.choice([other for other in RULES if other != rule])
    said = f"{rule} + '{affix}'" if affix else rule
    writer.say(f"The rule is {said}.", "step" if rule == task.metadata["rule"] else "slip")
    if writer.happens(writer.habits.check):
        word, result = task.metadata["examples"][1]
        writer.say("Let me run it.", "check")
        same = rule == task.metadata["rule"] or writer.happens(writer.habits.careless)
        writer.say(f"It {'gives' if same else 'does not give'} '{result}' for '{word}'.", "check")
        if writer.settles(same):
            rule = task.metadata["rule"]
            said = f"{rule} + '{affix}'" if affix else rule
            writer.say(f"The rule is {said}.", "repair")
    return said
