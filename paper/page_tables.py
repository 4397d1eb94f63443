"""A table as HTML, in a box of its own that scrolls; `page.js` sorts and filters its rows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

ROWS = 1500
"""Rows of a table on the page at most."""
MARKED = ("reproduced", "not reproduced", "inconclusive", "not measured")
"""How a verdict begins; the page has a color for each."""
LONG = 30
"""Letters of a cell that is given room."""


def table(name: str, head: Sequence[str], rows: Sequence[Sequence[str]], filters: Sequence[str] = ()) -> str:
    """The table, its heads buttons; above it a choice of values for each column of `filters`, and how many are shown.

    The first ROWS rows alone, and a sentence about the others.
    """
    shown = rows[:ROWS]
    said = "" if len(shown) == len(rows) else (
        f"<p>The first {ROWS:,} of {len(rows):,} rows; all are in <code>tables/{escape(name)}.csv</code>.</p>")
    heads = "".join(f'<th scope="col"><button type="button">{escape(_capital(label))}</button></th>' for label in head)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in shown)
    label = escape(name.replace("_", " "))
    return (f'{_choices(name, head, shown, filters)}{said}<div class="box" role="region" tabindex="0" '
            f'aria-label="Table: {label}">\n<table id="table-{escape(name)}"><thead><tr>{heads}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>")


def _choices(name: str, head: Sequence[str], rows: Sequence[Sequence[str]], filters: Sequence[str]) -> str:
    if not filters:
        return ""
    selects = []
    for label in filters:
        column = list(head).index(label)
        options = "".join(f"<option>{escape(value)}</option>" for value in dict.fromkeys(row[column] for row in rows))
        selects.append(f'<label>{escape(_capital(label))} <select data-column="{column}" autocomplete="off">'
                       f'<option value="">all</option>{options}</select></label>')
    return (f'<form class="choices" data-table="table-{escape(name)}">{" ".join(selects)} '
            f'<span role="status">{len(rows)} of {len(rows)} rows</span></form>')


def _cell(text: str) -> str:
    kind = next((mark for mark in MARKED if text.startswith(mark)), None)
    kind = kind or ("long" if len(text) > LONG else "")
    said = escape(text.replace(" -> ", " \N{RIGHTWARDS ARROW} "))
    return f'<td class="{kind.replace(" ", "-")}">{said}</td>' if kind else f"<td>{said}</td>"


def _capital(label: str) -> str:
    return label[:1].upper() + label[1:] if len(label) > 1 else label
