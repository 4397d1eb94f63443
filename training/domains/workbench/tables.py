"""The tables of a workbench, read once a process from a folder of CSV files.

The folder has `processed/{emails,calendar_events,analytics_data,project_tasks,customer_relationship_manager_data}.csv`,
each with a header (`COLUMNS`; other columns are left out), and `raw/email_addresses.csv`, one address a line.

    tables = read_tables("csv_data")
    tables["calendar_events"][0]        # {"event_id": "00000013", "event_name": "sync up", ...}, all of it text

An empty cell is None. Tables are tuples and their rows are never changed in place, so that all states share them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from training.domains.workplace import ToolError, short

Row = dict[str, str | None]
Rows = tuple[Row, ...]
Tables = dict[str, Rows]

EMAILS, EVENTS, VISITS, TASKS, CUSTOMERS = (
    "emails", "calendar_events", "analytics_data", "project_tasks", "customer_relationship_manager_data")
ADDRESSES, PLOTS = "email_addresses", "plots"
COLUMNS = {
    EMAILS: ("email_id", "inbox/outbox", "sender/recipient", "subject", "sent_datetime", "body"),
    EVENTS: ("event_id", "event_name", "participant_email", "event_start", "duration"),
    VISITS: ("date_of_visit", "visitor_id", "page_views", "session_duration_seconds", "traffic_source", "user_engaged"),
    TASKS: ("task_id", "task_name", "assigned_to_email", "list_name", "due_date", "board"),
    CUSTOMERS: ("customer_id", "assigned_to_email", "customer_name", "customer_email", "customer_phone",
                "last_contact_date", "product_interest", "status", "follow_up_by", "notes"),
}
CHANGEABLE = (EMAILS, EVENTS, PLOTS, TASKS, CUSTOMERS)
"""The tables that tools change: what two states are compared by."""


@dataclass(frozen=True)
class Change:
    """What a tool does that changes a table."""

    table: str
    rows: Rows
    """All rows of the table afterwards."""
    output: str
    """What the agent is told."""


@cache
def read_tables(folder: str) -> Tables:
    """The tables of a folder, with no plots yet. Raises ValueError, in one sentence, for what it lacks."""
    tables = {table: _table(Path(folder) / "processed" / f"{table}.csv", columns) for table, columns in COLUMNS.items()}
    addresses = _lines(Path(folder) / "raw" / f"{ADDRESSES}.csv")
    return {**tables, ADDRESSES: tuple({"email_address": line[0]} for line in addresses if line), PLOTS: ()}


def moment(text: str) -> datetime:
    """A date, or date and time, in ISO 8601 without a time zone. Raises ToolError."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"{short(text)} is no time of the form YYYY-MM-DD HH:MM:SS") from error
    if read.tzinfo:
        raise ToolError(f"{short(text)} has a time zone; write it as YYYY-MM-DD HH:MM:SS")
    return read


_READ_AS = {"sent_datetime": moment, "event_start": moment, "session_duration_seconds": float}
"""Columns whose cells are read as more than text."""


def _table(file: Path, columns: tuple[str, ...]) -> Rows:
    header, *lines = _lines(file) or [[]]
    for column in columns:
        if column not in header:
            raise ValueError(f"{file} has no column {column!r}; it has {', '.join(map(repr, header)) or 'none'}")
    return tuple(_row(header, line, columns, f"row {number} of {file}")
                 for number, line in enumerate(lines, 1) if line)


def _row(header: list[str], line: list[str], columns: tuple[str, ...], place: str) -> Row:
    if len(line) != len(header):
        raise ValueError(f"{place} has {len(line)} cells, and the header {len(header)}")
    cells = dict(zip(header, line, strict=True))
    row = {column: cells[column] or None for column in columns}
    if row[columns[0]] is None:
        raise ValueError(f"{place} has no {columns[0]}")
    for column in _READ_AS.keys() & row.keys():
        try:
            _READ_AS[column](row[column] or "")
        except ValueError as error:
            raise ValueError(f"{place} has no readable {column}: {short(row[column])}") from error
    return row


def _lines(file: Path) -> list[list[str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return list(csv.reader(opened, strict=True))
    except FileNotFoundError as error:
        raise ValueError(f"a workbench needs the table {file}, which is not there; give the folder that holds "
                         "processed/ and raw/") from error
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read as csv ({error})") from error
