"""From rows to tasks that a verifier can grade, with a table of the rows that none can: nothing is dropped silently.

    tally = Tally()
    for number, task in sift(read_rows(source), to_task, tally): ...
    tally.table()           # [{"reason", "count", "row", "found"}], most frequent first

A row is gradable when its domain's verifier accepts its task and, where the task carries a reference answer (math,
science, agent), judges that answer correct. Programs are not run: a coding task is gradable when its tests are of the
verifier's two forms. Of instructions every id and argument is checked, on an empty text.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from training.domains import Domain, Task, TaskError, get_domain
from training.domains.coding import tests_of

NAMES = {str: "a text", bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object",
         type(None): "empty"}
"""What a value is called in a reason."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


class Rejected(ValueError):
    """A row that cannot be graded here: `reason`, in words that rows share, and what this one holds (`found`)."""

    def __init__(self, reason: str, found=""):
        super().__init__(reason)
        self.reason = reason
        self.found = found if isinstance(found, str) and len(found) <= 300 else _SHORT.repr(found)


@dataclass
class Reject:
    """The rows of one reason."""

    reason: str
    count: int
    row: int
    """The first of them, from 0."""
    found: str
    """What that one holds."""


class Tally:
    """Rows refused so far, by reason."""

    def __init__(self):
        self._rejects: dict[str, Reject] = {}

    def add(self, reason: str, row: int, found: str = "") -> None:
        """Count a row."""
        self._rejects.setdefault(reason, Reject(reason, 0, row, found)).count += 1

    @property
    def total(self) -> int:
        """Rows refused."""
        return sum(reject.count for reject in self._rejects.values())

    def table(self) -> list[dict]:
        """`{"reason", "count", "row", "found"}` for each reason, the most frequent first."""
        return [dict(vars(reject)) for reject in sorted(self._rejects.values(), key=lambda r: (-r.count, r.row))]


def sift(rows: Iterable[tuple[int, dict]], to_task: Callable[[int, dict], Task], tally: Tally,
         ) -> Iterator[tuple[int, Task]]:
    """(row number, task) of each row that can be graded; the others are counted in `tally`.

    to_task(number, row) gives the task, or raises Rejected or TaskError.
    """
    for number, row in rows:
        try:
            task = to_task(number, row)
            check_gradable(task)
        except Rejected as error:
            tally.add(error.reason, number, error.found)
        else:
            yield number, task


def check_gradable(task: Task) -> None:
    """Raise Rejected unless the task's domain can grade it; what that means is told in this module's docstring."""
    if not task.prompt.strip():
        raise Rejected("the prompt is empty")
    try:
        task.prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Rejected("the prompt is not valid Unicode", str(error)) from error
    domain = _domain(task.domain)
    try:
        correct, why = _judged(domain, task)
    except TaskError as error:
        raise Rejected(f"the {task.domain} verifier cannot judge it", str(error)) from error
    if not correct:
        raise Rejected(f"the {task.domain} verifier judges its own reference answer wrong", why)


def _judged(domain: Domain, task: Task) -> tuple[bool, str]:
    """The verdict on the reference answer, where judging one costs little; (True, "") where it is only looked at."""
    if task.domain == "coding":
        tests_of(task)
    elif task.domain == "instructions":
        domain.check(task, "")
    else:
        return domain.check(task, domain.reference(task))
    return True, ""


_domain = cache(get_domain)


def take(row: dict, path: str, *kinds: type):
    """The value at a dotted path of a row, of one of these types (a truth value is no number). Raises Rejected."""
    value = row
    for name in path.split("."):
        if not isinstance(value, dict) or value.get(name) is None:
            raise Rejected(f"there is no {path}")
        value = value[name]
    if type(value) not in kinds:
        wanted = " or ".join(dict.fromkeys(NAMES[kind] for kind in kinds))
        raise Rejected(f"{path} is {NAMES.get(type(value), 'a ' + type(value).__name__)} and not {wanted}", value)
    return value


def written(value) -> str:
    """A reference answer as text: a text as it is, a whole float without its point, a list of one as what it holds."""
    if isinstance(value, list):
        if len(value) != 1:
            raise Rejected("it has several reference answers" if value else "it has no reference answer", value)
        return written(value[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Rejected(f"its reference answer is {NAMES.get(type(value), 'a ' + type(value).__name__)}", value)
    return str(value)
