"""The task board of a workbench: five tools on the tasks of its team."""

from __future__ import annotations

import re

from training.domains.workbench import rows
from training.domains.workbench.tables import TASKS, Change, Row, Tables
from training.domains.workplace import ToolError, short

_ID = "task_id"
CHOICES = {"list_name": ("Backlog", "In Progress", "In Review", "Completed"),
           "board": ("Back end", "Front end", "Design")}
_ADDRESS = re.compile(r"[\w.%+-]+@[A-Z0-9.-]+\.[A-Z]{2,}", re.ASCII | re.IGNORECASE)


def get_task_information_by_id(tables: Tables, task_id: str, field: str) -> Row:
    """One field of a task."""
    return rows.information(tables[TASKS], _ID, task_id, field)


def search_tasks(tables: Tables, task_name: str = "", assigned_to_email: str = "", list_name: str = "",
                 due_date: str = "", board: str = "") -> list[Row]:
    """All tasks of a person whose columns contain what is asked for."""
    asked = {"task_name": task_name, "list_name": list_name, "due_date": due_date, "board": board}
    if not assigned_to_email and not any(asked.values()):
        raise ToolError("nothing is searched for; give at least one argument")
    if assigned_to_email and not _ADDRESS.fullmatch(assigned_to_email):
        raise ToolError(f"assigned_to_email must be an e-mail address, got {short(assigned_to_email)}")
    found = tables[TASKS]
    for column, text in asked.items():
        found = rows.containing(found, column, text)
    return [dict(task) for task in found
            if not assigned_to_email or (task["assigned_to_email"] or "").lower() == assigned_to_email.lower()]


def create_task(tables: Tables, task_name: str, assigned_to_email: str, list_name: str, due_date: str, board: str,
                ) -> Change:
    """Add a task for one of the team; its id is given."""
    task = {"task_name": task_name, "assigned_to_email": assigned_to_email.lower(), "list_name": list_name,
            "due_date": due_date, "board": board}
    for field, value in task.items():
        _check(tables, field, value)
    task = {_ID: rows.next_id(tables[TASKS], _ID), **task}
    return Change(TASKS, (*tables[TASKS], task), task[_ID])


def delete_task(tables: Tables, task_id: str) -> Change:
    """Delete a task."""
    return Change(TASKS, rows.without(tables[TASKS], _ID, task_id), task_id)


def update_task(tables: Tables, task_id: str, field: str, new_value: str) -> Change:
    """Change one field of a task."""
    new_value = new_value.lower() if field == "assigned_to_email" else new_value
    _check(tables, field, new_value)
    return Change(TASKS, rows.updated(tables[TASKS], _ID, task_id, field, new_value), task_id)


def _check(tables: Tables, field: str, value: str) -> None:
    """Raise ToolError unless a list or board is one of them, and a person has a task already."""
    if field in CHOICES:
        rows.check_choice(field, value, CHOICES[field])
    elif field == "assigned_to_email" and all(value != (task[field] or "").lower() for task in tables[TASKS]):
        raise ToolError(f"{field} must be that of one of the team, got {short(value)}")


TOOLS = (get_task_information_by_id, search_tasks, create_task, delete_task, update_task)
