"""A small workplace: calendar, customers, tasks and e-mails behind twelve typed tools.

The agent domain's world, in the manner of WorkBench (Styles et al., 2024, arXiv 2405.00823) and of NeMo-Gym's
Workplace Assistant: an agent reads and changes tables by calling tools; what it leaves in them is judged.

    workplace = Workplace({"events": [{"id": 3, "who": "Ann", "hour": 9}]})
    workplace.call("move_event", {"id": 3, "hour": 14})      # {"id": 3, "who": "Ann", "hour": 14}
    workplace.call("move_event", {"id": 4, "hour": 14})      # {"error": "there is no event with id 4; choose one of 3"}

Departures from WorkBench:
1. Four tables and twelve tools instead of five and 27 (no plots), so that a tiny model can learn them.
2. A refused call changes nothing and costs nothing; it says why in one sentence.
How two workplaces are compared is told in `training.domains.agent`.
"""

from __future__ import annotations

import inspect
import reprlib
from dataclasses import dataclass


class ToolError(ValueError):
    """A call that the workplace refuses, with the one sentence it answers."""


@dataclass(frozen=True)
class Field:
    """A column, and the argument of the same name."""

    kind: type
    """int, str or bool; a bool is no int."""
    about: str
    """What it means, for the tool's schema."""
    low: int | None = None
    """Smallest value allowed."""
    high: int | None = None
    """Largest value allowed."""


FIELDS = {
    "id": Field(int, "id of the row, as the find and list tools show it"),
    "who": Field(str, "person the event is with"),
    "hour": Field(int, "hour of the day, 0 to 23", 0, 23),
    "name": Field(str, "name of the customer"),
    "credit": Field(int, "credit of the customer, 0 or more", 0),
    "owner": Field(str, "person the task belongs to"),
    "title": Field(str, "what is to be done"),
    "done": Field(bool, "whether the task is closed"),
    "to": Field(str, "person the e-mail is sent to"),
    "text": Field(str, "text of the e-mail"),
}
TABLES = {
    "events": ("id", "who", "hour"), "customers": ("id", "name", "credit"),
    "tasks": ("id", "owner", "title", "done"), "emails": ("to", "text"),
}
NAMES = ("who", "name", "owner", "to")
"""Columns that hold a person's name: compared by `fold`."""
_JSON_TYPES = {int: "integer", str: "string", bool: "boolean"}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class Workplace:
    """The tables, `state[table] = [row, ...]`, copied from `state` (tables left out are empty), and the tools on them.

    Raises ValueError for a state with an unknown table, a row without its fields, or an id given twice.
    """

    def __init__(self, state: dict | None = None):
        self.state = _copy({} if state is None else state)
        self.created: dict[str, set[int]] = {table: set() for table in TABLES}
        """Ids given to the rows created since, by table; a present row of such an id is one of them."""

    def call(self, name: str, arguments: dict) -> dict | list[dict]:
        """Run a tool: the rows found, or the row changed; `{"error": sentence}`, and no change, for a bad call."""
        try:
            check_call(name, arguments)
            return TOOLS[name](self, **arguments)
        except ToolError as error:
            return {"error": str(error)}

    def rows(self, table: str) -> list[dict]:
        """Copies of the rows of a table, the created ones without their id: what two workplaces are compared by."""
        created = self.created[table]
        return [{field: value for field, value in row.items() if field != "id" or value not in created}
                for row in self.state[table]]

    def find_event(self, who: str) -> list[dict]:
        """Find the events with a person."""
        return self._find("events", "who", who)

    def list_events(self) -> list[dict]:
        """List all events."""
        return [dict(row) for row in self.state["events"]]

    def create_event(self, who: str, hour: int) -> dict:
        """Create an event with a person at an hour."""
        return self._create("events", who=who, hour=hour)

    def move_event(self, id: int, hour: int) -> dict:
        """Move an event to another hour."""
        return self._update("events", id, hour=hour)

    def delete_event(self, id: int) -> dict:
        """Delete an event."""
        row = self._row("events", id)
        self.state["events"].remove(row)
        return row

    def find_customer(self, name: str) -> list[dict]:
        """Find the customers of a name."""
        return self._find("customers", "name", name)

    def set_credit(self, id: int, credit: int) -> dict:
        """Set the credit of a customer."""
        return self._update("customers", id, credit=credit)

    def list_tasks(self, owner: str) -> list[dict]:
        """List the tasks of a person."""
        return self._find("tasks", "owner", owner)

    def add_task(self, owner: str, title: str) -> dict:
        """Give a person a task."""
        return self._create("tasks", owner=owner, title=title, done=False)

    def close_task(self, id: int) -> dict:
        """Mark a task as done."""
        return self._update("tasks", id, done=True)

    def list_emails(self, to: str) -> list[dict]:
        """List the e-mails sent to a person."""
        return self._find("emails", "to", to)

    def send_email(self, to: str, text: str) -> dict:
        """Send a person an e-mail."""
        self.state["emails"].append({"to": to, "text": text})
        return {"to": to, "text": text}

    def _find(self, table: str, field: str, value: str) -> list[dict]:
        return [dict(row) for row in self.state[table] if fold(row[field]) == fold(value)]

    def _row(self, table: str, id: int) -> dict:
        for row in self.state[table]:
            if row["id"] == id:
                return row
        ids = ", ".join(str(row["id"]) for row in self.state[table])
        choices = f"choose one of {ids}" if ids else "there are none"
        raise ToolError(f"there is no {table[:-1]} with id {short(id)}; {choices}")

    def _create(self, table: str, **fields) -> dict:
        row = {"id": max((row["id"] for row in self.state[table]), default=0) + 1, **fields}
        self.state[table].append(row)
        self.created[table].add(row["id"])
        return dict(row)

    def _update(self, table: str, id: int, **fields) -> dict:
        row = self._row(table, id)
        row.update(fields)
        return dict(row)


READS = ("find_event", "list_events", "find_customer", "list_tasks", "list_emails")
"""Tools that change nothing."""
CHANGES = ("create_event", "move_event", "delete_event", "set_credit", "add_task", "close_task", "send_email")
TOOLS = {name: vars(Workplace)[name] for name in (*READS, *CHANGES)}


def tool_schemas() -> list[dict]:
    """The tools as JSON schemas, in the form that OpenAI's API and the chat templates of transformers take."""
    return [{"type": "function", "function": {
        "name": name, "description": inspect.getdoc(tool),
        "parameters": {
            "type": "object", "properties": {argument: _property(FIELDS[argument]) for argument in _arguments(name)},
            "required": _arguments(name),
        }}} for name, tool in TOOLS.items()]


def check_call(name: str, arguments: dict) -> None:
    """Raise ToolError unless `name` is a tool and `arguments` are all of its arguments, well typed and in range."""
    if not isinstance(name, str) or name not in TOOLS:
        raise ToolError(f"unknown tool {short(name)}; choose one of {', '.join(TOOLS)}")
    wanted = _arguments(name)
    if not isinstance(arguments, dict):
        raise ToolError(f"the arguments of {name} must be an object with {_listed(wanted)}, got {short(arguments)}")
    for argument in [*arguments, *wanted]:
        if argument not in wanted:
            raise ToolError(f"{name} has no argument {short(argument)}; it takes {_listed(wanted)}")
        if argument not in arguments:
            raise ToolError(f"{name} lacks the argument {argument!r}; it takes {_listed(wanted)}")
        _check_value(argument, arguments[argument])


def fold(text: str) -> str:
    """A name as it is compared: stripped, case ignored."""
    return text.strip().casefold()


def short(value) -> str:
    """A value in few characters, for a message."""
    return _SHORT.repr(value)


def _arguments(name: str) -> list[str]:
    return [argument for argument in inspect.signature(TOOLS[name]).parameters if argument != "self"]


def _listed(arguments: list[str]) -> str:
    return ", ".join(f"{argument} ({_JSON_TYPES[FIELDS[argument].kind]})" for argument in arguments) or "no arguments"


def _property(field: Field) -> dict:
    limits = {"minimum": field.low, "maximum": field.high}
    return {"type": _JSON_TYPES[field.kind], "description": field.about,
            **{limit: value for limit, value in limits.items() if value is not None}}


def _check_value(name: str, value) -> None:
    """Raise ToolError unless the value has the type and the range of its field."""
    field = FIELDS[name]
    if type(value) is not field.kind:
        raise ToolError(f"{name} must be of type {_JSON_TYPES[field.kind]}, got {short(value)}")
    if (field.low is not None and value < field.low) or (field.high is not None and value > field.high):
        raise ToolError(f"{name} must be the {field.about}, got {short(value)}")


def _copy(state: dict) -> dict[str, list[dict]]:
    """A checked copy of the tables; ValueError names the row at fault."""
    if not isinstance(state, dict) or any(table not in TABLES for table in state):
        raise ValueError(f"the state is a dict of the tables {', '.join(TABLES)}, got {short(state)}")
    return {table: _copy_table(table, state.get(table, [])) for table in TABLES}


def _copy_table(table: str, rows: list[dict]) -> list[dict]:
    if not isinstance(rows, list | tuple):
        raise ValueError(f"table {table} is a list of rows, got {short(rows)}")
    for row in rows:
        if not isinstance(row, dict) or set(row) != set(TABLES[table]):
            raise ValueError(f"a row of {table} has the fields {', '.join(TABLES[table])}, got {short(row)}")
        try:
            for field, value in row.items():
                _check_value(field, value)
        except ToolError as error:
            raise ValueError(f"table {table}: {error}") from error
    ids = [row["id"] for row in rows if "id" in row]
    if len(ids) != len(set(ids)):
        raise ValueError(f"table {table} holds an id twice; its ids are {ids}")
    return [dict(row) for row in rows]
