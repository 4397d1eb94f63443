"""The calendar of a workbench: five tools on its events.

A tool takes the tables and gives what it found, or the `Change` it makes; it raises ToolError for what it refuses.
"""

from __future__ import annotations

from training.domains.workbench import rows
from training.domains.workbench.tables import EVENTS, Change, Row, Tables, moment
from training.domains.workplace import ToolError, short

_ID = "event_id"
FIELDS = ("event_name", "participant_email", "event_start", "duration")
"""What can be updated."""


def get_event_information_by_id(tables: Tables, event_id: str, field: str) -> Row:
    """One field of an event."""
    return rows.information(tables[EVENTS], _ID, event_id, field)


def search_events(tables: Tables, query: str = "", time_min: str = "", time_max: str = "", page: int = 1,
                  page_size: int = 5) -> dict:
    """Events whose name or participant contains the query and that start within the bounds, the latest first."""
    low, high = (moment(bound) if bound else None for bound in (time_min, time_max))
    found = [event for event in tables[EVENTS]
             if any(query.lower() in (event[field] or "").lower() for field in ("event_name", "participant_email"))
             and (low is None or _start(event) >= low) and (high is None or _start(event) <= high)]
    return rows.paged("events", tuple(sorted(found, key=_start, reverse=True)), page, page_size)


def create_event(tables: Tables, event_name: str, participant_email: str, event_start: str, duration: str) -> Change:
    """Add an event; its id is given."""
    _check("event_start", event_start)
    _check("duration", duration)
    event = {_ID: rows.next_id(tables[EVENTS], _ID), "event_name": event_name,
             "participant_email": participant_email.lower(), "event_start": event_start, "duration": duration}
    return Change(EVENTS, (*tables[EVENTS], event), event[_ID])


def delete_event(tables: Tables, event_id: str) -> Change:
    """Delete an event."""
    return Change(EVENTS, rows.without(tables[EVENTS], _ID, event_id), event_id)


def update_event(tables: Tables, event_id: str, field: str, new_value: str) -> Change:
    """Change one field of an event, but not its id."""
    rows.check_choice("field", field, FIELDS)
    _check(field, new_value)
    new_value = new_value.lower() if field == "participant_email" else new_value
    return Change(EVENTS, rows.updated(tables[EVENTS], _ID, event_id, field, new_value), event_id)


def _start(event: Row):
    return moment(event["event_start"])


def _check(field: str, value: str) -> None:
    """Raise ToolError unless a start is a time and a duration a positive number of minutes."""
    if field == "event_start":
        moment(value)
    elif field == "duration":
        try:
            positive = int(value) > 0
        except ValueError:
            positive = False
        if not positive:
            raise ToolError(f"duration must be a positive number of minutes, got {short(value)}")


TOOLS = (get_event_information_by_id, search_events, create_event, delete_event, update_event)
