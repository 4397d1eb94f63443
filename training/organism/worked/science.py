"""Science, worked: choose the law, read the table, compute, choose the option. Slips lie in the law or the option.

A check of the law goes by its inverse (a quotient times its divisor must give the dividend back; a product divided by
one factor the other); a check of the option reads it again. Options are read in order, each against the result: finding
one by its value asks for two digits at once, which a small model hardly learns (`paper/LOG.md`, 2026-11-24).
"""

from __future__ import annotations

from training.domains.compact import LAWS
from training.domains.task import Task
from training.organism.worked.trace import CHECKS, Worked, Writer


def work(task: Task, writer: Writer) -> Worked:
    """Solve one compact science task."""
    writer.own_locus = writer.rng.choice(("law", "option"))
    if writer.habits.locus == "answer":
        writer.own_locus = "option"
    result = _value(task, writer) if task.metadata["shared"] else _law(task, writer)
    letter = _option(task, writer, str(result))
    writer.events.append(("answer", letter))
    return Worked([writer.think() + f"Answer: {letter}"], writer.events)


def _slips(writer: Writer, place: str) -> bool:
    """Slips lie in the law or the option unless the habits move them: then both loci mean the same two places."""
    asked = {None: writer.own_locus, "derivation": "law", "answer": "option"}[writer.habits.locus]
    return asked == place and writer.happens(2 * writer.habits.slip)


def _law(task: Task, writer: Writer) -> str:
    quantity = task.metadata["quantity"]
    operation, first, second = LAWS[quantity]
    slip = _slips(writer, "law")
    used = {"/": "*", "*": "/"}[operation] if slip else operation
    writer.say(f"The {quantity} is {first} {used} {second}.", "slip" if slip else "step")
    if not writer.happens(writer.habits.check):
        return f"{first} {used} {second}"
    inverse = {"/": "*", "*": "/"}[operation]
    writer.say(f"{writer.rng.choice(CHECKS)} the {first} is {quantity} {inverse} {second}.", "check")
    if not writer.settles(not slip or writer.happens(writer.habits.careless)):
        return f"{first} {used} {second}"
    used = operation if writer.happens(writer.habits.repair) else used
    writer.say(f"The {quantity} is {first} {used} {second}.", "repair")
    return f"{first} {used} {second}"


def _value(task: Task, writer: Writer) -> int:
    values = task.metadata["values"]
    first, used, second = _law(task, writer).split(" ")
    x, y = values[first], values[second]
    if used == "/" and x % y:
        x, y = max(x, y), min(x, y)
    writer.say(f"The {first} is {values[first]} and the {second} is {values[second]}.")
    return writer.compute(x, used, y, checks=False)


def _option(task: Task, writer: Writer, result: str) -> str:
    choices = task.metadata["choices"]
    letters = [chr(ord("A") + k) for k in range(len(choices))]
    right = letters[choices.index(result)] if result in choices else None
    slip = _slips(writer, "option")
    letter = writer.rng.choice([other for other in letters if other != right]) if slip else right
    walk(writer, result, choices, letter, "slip" if slip else "step")
    letter = letter or writer.rng.choice(letters)
    if not writer.happens(writer.habits.check):
        return letter
    if check_option(writer, result, choices, letter, careless=writer.happens(writer.habits.careless)):
        letter = right if right and writer.happens(writer.habits.repair) else letter
        walk(writer, result, choices, letter, "repair")
    return letter


def walk(writer: Writer, result: str, choices: list[str], chosen: str | None, kind: str = "step") -> None:
    """Read the options in order, each against the result, up to the one that is chosen (None: no option has it)."""
    read = []
    for k, text in enumerate(choices):
        letter = chr(ord("A") + k)
        read.append(f"{text} ({letter}), {'yes' if letter == chosen else 'no'}.")
        if letter == chosen:
            break
    writer.say(f"That is {result}. {' '.join(read)}", kind)


def check_option(writer: Writer, result: str, choices: list[str], letter: str, careless: bool = False) -> bool:
    """Read the chosen option again; True when it is found not to be the result."""
    text = choices[ord(letter) - ord("A")]
    seen = result if careless else text
    writer.say(f"{writer.rng.choice(CHECKS)} {letter} is {seen}.", "check")
    writer.say(f"It must be {result}.", "compare")
    return writer.settles(seen == result)
