"""Agent, worked: look up, compute, act, perhaps check what came back. Slips lie in the tool or an argument.

Responses are those of the real workplace; the reasoning before a call is right and the call departs from it: the wrong
person looked up, the wrong value sent, an event created where one was to be moved. A check compares the answer of the
workplace with what was wanted, and a slip that it finds is put right by further calls (a sent e-mail cannot be).
"""

from __future__ import annotations

import json

from training.domains.task import Task
from training.organism.worked.trace import CHECKS, Worked, Writer

LOOK_UP = {"move": ("find_event", "who"), "credit": ("find_customer", "name"), "email": ("find_event", "who")}
FIELD = {"move": "hour", "credit": "credit", "email": "hour"}


class Session:
    """The transcript so far, and the workplace it happens in."""

    def __init__(self, environment, writer: Writer):
        self.environment, self.writer, self.turns = environment, writer, []

    def call(self, name: str, arguments: dict):
        """Close the reasoning, make one call, and return what the workplace answers."""
        call = json.dumps({"name": name, "arguments": arguments})
        self.turns.append(f"{self.writer.think().rstrip()}<tool_call>{call}</tool_call>")
        self.writer.events.append(("call", call))
        response = self.environment.step(self.turns[-1])
        self.turns.append(response)
        return json.loads(response.removeprefix("<tool_response>").removesuffix("</tool_response>"))


def work(task: Task, writer: Writer, environment) -> Worked:
    """Solve one compact agent task in its environment."""
    writer.own_locus = "answer"
    session = Session(environment, writer)
    row = _look_up(session, task)
    name, arguments = _action(task, row, _value(task, row, writer))
    made, answer = _act(session, task, name, arguments)
    if writer.happens(1.4 * writer.habits.check):
        _check(session, made, answer, name, arguments)
    else:
        writer.say("That is all.")
    return Worked([*session.turns, writer.think() + "Done."], writer.events)


def _finds(writer: Writer, key: str, wanted, seen) -> bool:
    """Compare what was wanted with what it says; True when a difference is found."""
    if wanted != seen and writer.happens(writer.habits.careless):
        seen = wanted
    writer.say(f"{writer.rng.choice(CHECKS)} I want {key} {wanted}.", "check")
    writer.say(f"It says {seen}.", "compare")
    return writer.settles(seen == wanted)


def _look_up(session: Session, task: Task) -> dict:
    """The row of the person meant (or, unnoticed, of another)."""
    writer, who, (tool, key) = session.writer, task.metadata["who"], LOOK_UP[task.metadata["kind"]]
    writer.say(f"I look up {who}.")
    slip = writer.slips("answer")
    row = session.call(tool, {key: task.metadata["other"] if slip else who})[0]
    if writer.happens(writer.habits.check) and _finds(writer, key, who, row[key]):
        writer.say(f"I look up {who}.", "repair")
        row = session.call(tool, {key: who})[0]
    return row


def _value(task: Task, row: dict, writer: Writer) -> int:
    """What the value must become: computed from what is there (shared), or taken from the request."""
    kind, change = task.metadata["kind"], task.metadata["change"]
    now = row[FIELD[kind]]
    writer.say(f"The {FIELD[kind]} is {now}.")
    if kind == "email":
        return now
    if not task.metadata["shared"]:
        return task.metadata["calls"][0]["arguments"][FIELD[kind]]
    return max(0, writer.compute(now, "+" if change > 0 else "-", abs(change), checks=False))


def _action(task: Task, row: dict, value: int) -> tuple[str, dict]:
    if task.metadata["kind"] == "email":
        return "send_email", {"to": task.metadata["other"], "text": str(value)}
    name = "move_event" if task.metadata["kind"] == "move" else "set_credit"
    return name, {"id": row["id"], FIELD[task.metadata["kind"]]: value}


def _act(session: Session, task: Task, name: str, arguments: dict) -> tuple[str, dict]:
    """Make the call, perhaps with a wrong value or the wrong tool: (the tool called, what it answered)."""
    writer, made, given = session.writer, name, dict(arguments)
    if writer.slips("answer"):
        if name == "move_event" and writer.happens(0.4):
            made, given = "create_event", {"who": task.metadata["who"], "hour": arguments["hour"]}
        else:
            key = list(arguments)[-1]
            given[key] = type(given[key])(writer.wrong(int(given[key])))
    writer.say(f"I call {name}.", "step" if (made, given) == (name, arguments) else "slip")
    return made, session.call(made, given)


def _check(session: Session, made: str, answer: dict, name: str, arguments: dict) -> None:
    """Compare the workplace's answer with what was wanted; when they differ, call again (an e-mail cannot be)."""
    writer, last = session.writer, list(arguments)[-1]
    key = "id" if made == "create_event" else last
    if not _finds(writer, key, arguments[key], answer.get(key)):
        return
    if name == "send_email" or not writer.happens(writer.habits.repair):
        return
    if made == "create_event" and "id" in answer:
        writer.say("I delete it.", "repair")
        session.call("delete_event", {"id": answer["id"]})
    writer.say(f"I call {name}.", "repair")
    session.call(name, arguments)
    writer.say("That is all.")
