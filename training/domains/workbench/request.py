"""What a task asks of a workbench: the state that its ground truth leaves, and why another state is not that one.

    request = Request({"workbench": "csv_data", "calls": [{"name": ..., "arguments": {...}}]})
    workbench = request.start()                 # a fresh state an episode: the tables are shared until they are changed
    workbench.call(...)
    request.why_not(workbench)                  # "" where it is right, else a sentence

Texts are compared in lower case, those of `EXACT` columns as they are; rows in their order, ids included.
"""

from __future__ import annotations

from collections import Counter

from training.domains.workbench.tables import CHANGEABLE, Row, Tables
from training.domains.workbench.workbench import Workbench
from training.domains.workplace import short

EXACT = ("status", "list_name", "board")
LOOK = {"name": "calendar_search_events", "arguments": {}}
"""The reference where the ground truth makes no call: it looks, and changes nothing."""


class Request:
    """A task's folder of tables and ground truth. Raises ValueError, in one sentence, for ill-formed metadata, a folder
    without its tables, and a ground truth of which a call is refused."""

    def __init__(self, metadata: dict):
        self.folder, self.calls = metadata["workbench"], metadata.get("calls")
        if not isinstance(self.folder, str):
            raise ValueError(f"metadata['workbench'] is the folder of a workbench's tables, got {short(self.folder)}")
        if not isinstance(self.calls, list):
            raise ValueError(f"metadata['calls'] is a list of {{'name', 'arguments'}}, got {short(self.calls)}")
        workbench = self.start()
        for call in self.calls:
            if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
                raise ValueError(f"a call has the keys 'name' and 'arguments', got {short(call)}")
            result = workbench.call(call["name"], call["arguments"])
            if "error" in result:
                raise ValueError(f"the reference call {short(call)} is refused: {result['error']}")
        self.expected = workbench.tables
        self.changes = bool(difference(self.expected, self.start().tables))
        """Does the ground truth change anything?"""

    def start(self) -> Workbench:
        """The workbench that an episode starts from."""
        return Workbench(self.folder)

    def reference(self) -> list[dict]:
        """Calls that are right."""
        return self.calls or [LOOK]

    def why_not(self, workbench: Workbench) -> str:
        """Why what was done with a workbench is wrong; empty where it is right."""
        reason = difference(self.expected, workbench.tables)
        if not reason and not self.changes and not workbench.answered:
            return "nothing is to be changed, and nothing was looked at"
        return reason


def difference(expected: Tables, found: Tables) -> str:
    """How the tables found first differ from those expected, naming the table; empty when they agree."""
    for table in CHANGEABLE:
        if expected[table] == found[table]:
            continue
        wanted, made = ([_folded(row) for row in tables[table]] for tables in (expected, found))
        if wanted != made:
            return f"{table}: {_first(wanted, made)}"
    return ""


def _folded(row: Row) -> tuple[tuple[str, str | None], ...]:
    """A row as it is compared."""
    return tuple((column, value.lower() if value and column not in EXACT else value) for column, value in row.items())


def _first(wanted: list[tuple], made: list[tuple]) -> str:
    """The first difference of two lists of rows."""
    missing, surplus = list(Counter(wanted) - Counter(made)), list(Counter(made) - Counter(wanted))
    if missing and surplus:
        twin = next((row for row in surplus if row[0] == missing[0][0]), surplus[0])
        return f"expected {_told(missing[0], twin)}, found {_told(twin, missing[0])}"
    if missing or surplus:
        return f"{_told((missing or surplus)[0])} is {'missing' if missing else 'too much'}"
    return "the rows are in another order"


def _told(row: tuple, other: tuple = ()) -> str:
    """Id, or path, of a row, and the first cells that another has not."""
    return short(dict([row[0], *(cell for cell in row[1:] if cell not in other)][:4]))
