"""custom:{csv_city, csv_special_character, csv_quotes} of IFBench: tables as CSV. Each returns why not, or "".

Departures from the official code:
1. The table may stand in a Markdown fence, as for IFEval's json_format, spaces after a delimiter are no part of a
   field, and no blank line counts. Officially a line break at the end is a row of its own.
2. No field is empty and no two rows are the same; officially rows may be empty, and only their commas count.
3. csv_special_character: all 14 rows are looked at; officially only those before the first field that fits.
4. csv_quotes: officially an empty field ends without a verdict.
"""

from __future__ import annotations

import csv
import re

from training.domains.instruction_checks.ifbench.tokens import has_word
from training.domains.instruction_checks.text import exactly

CITY = ("ID", "Country", "City", "Year", "Count")
PRODUCT = ("ProductID", "Category", "Brand", "Price", "Stock")
STUDENT = ("StudentID", "Subject", "Grade", "Semester", "Score")
_FENCE = re.compile(r"\A```\w*|```\Z")
_QUOTED = re.compile(r'(?:^|,)[ \t]*"((?:[^"]|"")*)"[ \t]*(?=,|$)', re.MULTILINE)
_IN_QUOTES = re.compile(r'"(?:[^"]|"")*"')


def csv_city(text: str) -> str:
    """Seven rows of `CITY`, parted by commas."""
    return _table(text, ",", CITY, 7)


def csv_special_character(text: str) -> str:
    """14 rows of `PRODUCT`, parted by commas, with a special character in a quoted field (departure 3)."""
    fields = _QUOTED.findall("\n".join(_rows(text)[1:]))
    special = any(re.search(r"[^\w\s]", field) for field in fields)
    return _table(text, ",", PRODUCT, 14) or ("" if special else "no quoted field with a special character")


def csv_quotes(text: str) -> str:
    """Three rows of `STUDENT`, parted by tabs, every field in double quotes."""
    for row in _rows(text):
        for field in row.split("\t"):
            if not _IN_QUOTES.fullmatch(field.strip()):
                return f"{field[:20]!r} is not in double quotes"
    return _table(text, "\t", STUDENT, 3)


def _rows(text: str) -> list[str]:
    """The lines of a table that are not blank, without a fence around it (departure 1)."""
    return [line for line in _FENCE.sub("", text.strip()).splitlines() if line.strip()]


def _table(text: str, delimiter: str, names: tuple[str, ...], n_rows: int) -> str:
    """Why a text is not a table with these columns and so many rows (departure 2)."""
    try:
        header, *rows = list(csv.reader(_rows(text), delimiter=delimiter, skipinitialspace=True)) or [[]]
    except csv.Error:
        return "not CSV"
    if tuple(name.strip() for name in header) != names:
        return f"the columns are not {', '.join(names)}"
    for place, row in enumerate(rows, 1):
        if len(row) != len(names) or not all(map(has_word, row)):
            return f"row {place} does not have {len(names)} fields with something in them"
    repeated = len(rows) - len(set(map(tuple, rows)))
    return exactly("rows", len(rows), n_rows) or (f"{repeated} rows are repeated" if repeated else "")
