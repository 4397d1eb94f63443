"""The published schemas of training data: which columns tell them apart, and what makes a task of a row.

    schema = detect(columns)                    # or SCHEMAS["verl"]
    schema.task(row, "verl-17")                 # a Task, or Rejected
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from training.data import choices, ifeval, nemotron, programs, verl
from training.data.rejects import Tally, sift
from training.domains import Task
from training.domains.workbench import read_tables


@dataclass(frozen=True)
class Schema:
    """One form of rows."""

    name: str
    columns: tuple[tuple[str, ...], ...]
    """The columns it needs; of each tuple one."""
    task: Callable[[dict, str], Task]
    """The task of a row, with that id."""

    def missing(self, columns: Iterable[str]) -> str:
        """The first column that is not there, as `'a' or 'b'`; empty where all are."""
        lacking = [needed for needed in self.columns if not set(needed) & set(columns)]
        return " or ".join(map(repr, lacking[0])) if lacking else ""


SCHEMAS = {schema.name: schema for schema in (
    Schema("nemotron", (("responses_create_params", "_hf_placeholder"),), nemotron.task),
    Schema("verl", (("prompt",), ("reward_model",)), verl.task),
    Schema("ifeval", (("prompt",), ("instruction_id_list",), ("kwargs",)), ifeval.task),
    Schema("programs", (programs.QUESTIONS, ("input_output", "inputs"), ("input_output", "outputs")), programs.task),
    Schema("choices", (("question",), ("choices", "options"), choices.ANSWERS), choices.task),
)}
"""In the order in which they are tried where none is named."""


def tasks_of(rows: Iterator[tuple[int, dict]], source, name: str | None, tally: Tally, workbench: str | None = None,
             ) -> tuple[str, Iterator[tuple[int, Task]]]:
    """(name of the schema, its gradable tasks with their row numbers); what is refused goes into `tally`.

    name: a schema; None: the first whose columns the first row has. Task ids are `schema-row`. workbench: the folder of
    tables that agent rows of the schema nemotron are about. Raises ValueError for an unknown schema, a first row
    without its columns, a workbench that lacks a table, and one for another schema.
    """
    first = next(rows)
    schema = _named(name) if name else detect(first[1], source)
    if lacking := schema.missing(first[1]):
        raise ValueError(f"{source} has no column {lacking}, which the schema {schema.name!r} needs; it has "
                         f"{', '.join(map(str, first[1])) or 'none'}")
    read = schema.task if workbench is None else _on_tables(schema, workbench)

    def to_task(number: int, row: dict) -> Task:
        return read(row, f"{schema.name}-{number}")

    return schema.name, sift(chain([first], rows), to_task, tally)


def _on_tables(schema: Schema, workbench: str) -> Callable[[dict, str], Task]:
    """What makes a task of a row that is about the tables of a folder."""
    if schema.task is not nemotron.task:
        raise ValueError(f"the schema {schema.name!r} has no rows about a workbench; leave {workbench} out")
    read_tables(workbench)
    return partial(nemotron.task, workbench=workbench)


def _named(name: str) -> Schema:
    if name not in SCHEMAS:
        raise ValueError(f"unknown schema {name!r}; choose one of {', '.join(SCHEMAS)}")
    return SCHEMAS[name]


def detect(columns: Iterable[str], source) -> Schema:
    """The first schema whose columns are there. Raises ValueError."""
    columns = list(columns)
    for schema in SCHEMAS.values():
        if not schema.missing(columns):
            return schema
    needs = "; ".join(f"{schema.name} needs {', '.join('/'.join(one) for one in schema.columns)}"
                      for schema in SCHEMAS.values())
    raise ValueError(f"{source} is of no known schema: it has the columns {', '.join(map(str, columns)) or 'none'}; "
                     f"{needs}")
