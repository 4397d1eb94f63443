"""Math, worked: read a term from the table, add or take it away, check by the inverse. Slips lie in the derivation."""

from __future__ import annotations

from training.domains.task import Task
from training.organism.worked.trace import Worked, Writer


def work(task: Task, writer: Writer) -> Worked:
    """Solve one compact math task."""
    values, start = task.metadata["values"], task.metadata["start"]
    total = values[start]
    writer.say(f"Start with {start}, {total}.")
    for sign, term in task.metadata["steps"]:
        amount = values.get(term, term)
        read = f"{term} is {amount}: " if term in values else ""
        total = max(0, writer.compute(total, sign, amount, lead=read))
    if writer.slips("answer"):
        total = writer.wrong(total)
    writer.events.append(("answer", str(total)))
    return Worked([writer.think() + f"Answer: {total}"], writer.events)
