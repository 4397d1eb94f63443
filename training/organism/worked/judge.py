"""Judge questions, worked: solve the task afresh (or read the text, or run the program), compare, give the verdict.

One way of judging for both modes; what differs is what the judge is shown, so what it makes of a derivation that it
can see is the model's own doing.
"""

from __future__ import annotations

import json
import random
import re

from training.domains.task import Task
from training.organism.worked import coding, instructions, math, science
from training.organism.worked.trace import OPERATIONS, Habits, Worked, Writer

_CALL = re.compile(r"<tool_call>(.*?)</tool_call>")
_READS = ("find_event", "find_customer")


def is_right(task: Task, worked: Worked, domain) -> bool:
    """The truth about a worked solution (programs are compared, not run: a linear f is determined by its examples)."""
    answer = worked.events[-1][1]
    if task.domain == "coding":
        return answer == task.metadata["solution"].partition("return ")[2]
    if task.domain == "instructions":
        return all(holds for _, holds in instructions.facts(answer, task))
    if task.domain == "agent":
        return domain.verify(task, worked.text).correct
    return answer == task.answer


def judge(task: Task, worked: Worked, right: bool) -> str:
    """The judge's own work and its verdict."""
    reasons = {"math": _math, "coding": _coding, "science": _science, "instructions": _instructions, "agent": _agent}
    said = reasons[task.domain](task, worked)
    return f"<think> {said}</think> Verdict: {'right' if right else 'wrong'}"


def _clean() -> Writer:
    return Writer(random.Random(0), Habits(slip=0, check=0))


def _math(task: Task, worked: Worked) -> str:
    writer = _clean()
    math.work(task, writer)
    return f"{' '.join(writer.said)} I get {task.answer}. It says {worked.events[-1][1]}."


def _coding(task: Task, worked: Worked) -> str:
    answer = worked.events[-1][1]
    if "rule" in task.metadata:
        writer = _clean()
        coding.work(task, writer)
        return f"{' '.join(writer.said)} It says {answer}."
    a, b = (int(part) for part in answer.split(" * x + "))
    said = []
    for x, y in task.metadata["examples"][1:]:
        said.append(f"f({x}) = {a} * {x} + {b} = {a * x} + {b} = {a * x + b}. It must be {y}.")
        if a * x + b != y:
            break
    return " ".join(said)


def _science(task: Task, worked: Worked) -> str:
    writer = _clean()
    science.work(task, writer)
    return f"{' '.join(writer.said)} It says {worked.events[-1][1]}."


def _instructions(task: Task, worked: Worked) -> str:
    said = [text for text, _ in instructions.facts(worked.events[-1][1], task)]
    return f"Check: {' '.join(said)}"


def _agent(task: Task, worked: Worked) -> str:
    """What was wanted, from the true state, and the last change that was made."""
    wanted, (field, now, work) = task.metadata["calls"][0], _agent_work(task)
    calls = [json.loads(call) for call in _CALL.findall(worked.text)]
    changes = [call for call in calls if call["name"] not in _READS]
    says = f"{_words(changes[-1])}" if changes else "nothing"
    return f"The {field} is {now}.{work} I want {_words(wanted)}. It says {says}."


def _agent_work(task: Task) -> tuple[str, int, str]:
    kind, who, change = task.metadata["kind"], task.metadata["who"], task.metadata["change"]
    table, key, field = ("customers", "name", "credit") if kind == "credit" else ("events", "who", "hour")
    now = next(row[field] for row in task.metadata["state"][table] if row[key] == who)
    if not change or not task.metadata["shared"]:
        return field, now, ""
    sign = "+" if change > 0 else "-"
    return field, now, f" {now} {sign} {abs(change)} = {OPERATIONS[sign](now, abs(change))}."


def _words(call: dict) -> str:
    return " ".join([call["name"], *(f"{key} {value}" for key, value in call["arguments"].items())])
