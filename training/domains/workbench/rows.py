"""What the tools of a workbench do with rows: find, page, number, change and delete them. Pure functions.

A condition whose text is empty is none. Texts are looked for as they stand, case ignored; a missing value (None) fits
no condition.
"""

from __future__ import annotations

from training.domains.workbench.tables import Row, Rows
from training.domains.workplace import ToolError, short


def containing(rows: Rows, column: str, text: str) -> Rows:
    """The rows whose column contains a text."""
    return tuple(row for row in rows if text.lower() in (row[column] or "").lower()) if text else rows


def between(rows: Rows, column: str, low: str, high: str) -> Rows:
    """The rows whose column, compared as text, is at least `low` and at most `high`."""
    return tuple(row for row in rows if (not low or row[column] is not None and row[column] >= low)
                 and (not high or row[column] is not None and row[column] <= high))


def with_id(rows: Rows, column: str, value: str) -> Row:
    """The first row of an id. Raises ToolError where there is none."""
    for row in rows:
        if row[column] == value:
            return row
    raise ToolError(f"there is no {column} {short(value)}")


def information(rows: Rows, column: str, value: str, field: str) -> Row:
    """`{field: value}` of the row of an id. Raises ToolError for no such row or field."""
    row = with_id(rows, column, value)
    check_choice("field", field, tuple(row))
    return {field: row[field]}


def paged(name: str, rows: Rows, page: int, page_size: int) -> dict:
    """One page of rows, `{name: rows, "pagination": {...}}`; a page that is not there is the nearest that is."""
    if page_size < 1:
        raise ToolError(f"page_size must be 1 or more, got {short(page_size)}")
    pages = -(-len(rows) // page_size)
    page = max(1, min(page, pages))
    start = (page - 1) * page_size
    return {name: [dict(row) for row in rows[start:start + page_size]],
            "pagination": {f"total_{name}": len(rows), "page": page, "page_size": page_size, "total_pages": pages}}


def next_id(rows: Rows, column: str, width: int = 8) -> str:
    """One more than the largest id, compared as text, with zeros in front. Raises ToolError where this is no number."""
    try:
        return str(int(max(row[column] for row in rows)) + 1).zfill(width)
    except ValueError as error:
        raise ToolError(f"there is no {column} to count on from") from error


def updated(rows: Rows, column: str, value: str, field: str, new_value: str) -> Rows:
    """The rows, those of an id with a new value. Raises ToolError for no such row or field."""
    check_choice("field", field, tuple(with_id(rows, column, value)))
    return tuple({**row, field: new_value} if row[column] == value else row for row in rows)


def without(rows: Rows, column: str, value: str) -> Rows:
    """The rows but those of an id. Raises ToolError where there is none."""
    with_id(rows, column, value)
    return tuple(row for row in rows if row[column] != value)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ToolError unless an argument is one of the choices."""
    if value not in choices:
        raise ToolError(f"{name} must be one of {', '.join(map(repr, choices))}, got {short(value)}")
