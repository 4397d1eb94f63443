"""A workbench: its tables, and calls of its 27 tools by name.

A call is refused unless it names a tool and gives all the arguments that this needs, none that it does not have, each
of its type; null, and the empty text where a text is asked for, is an argument left out. A refused call changes
nothing and says why.
"""

from __future__ import annotations

import inspect
from functools import cache

from training.domains.workbench import analytics, calendar, customers, emails, projects
from training.domains.workbench.tables import Change, Tables, read_tables
from training.domains.workplace import ToolError, short

_TOOLKITS = {"company_directory": emails.DIRECTORY_TOOLS, "email": emails.TOOLS, "calendar": calendar.TOOLS,
             "analytics": analytics.TOOLS, "project_management": projects.TOOLS,
             "customer_relationship_manager": customers.TOOLS}
TOOLS = {f"{toolkit}_{tool.__name__}": tool for toolkit, tools in _TOOLKITS.items() for tool in tools}
_KINDS = {str: "a text", int: "a whole number"}


class Workbench:
    """The tables of a folder, and the tools on them. Raises ValueError as `read_tables` does."""

    def __init__(self, folder: str):
        self.tables: Tables = dict(read_tables(folder))
        self.answered = 0
        """Calls that were not refused."""

    def call(self, name: str, arguments: dict) -> dict:
        """Call a tool: `{"output": ...}`, or `{"error": sentence}` and no change. It never raises."""
        try:
            check_name(name)
            output = TOOLS[name](self.tables, **_given(name, arguments))
        except ToolError as error:
            return {"error": str(error)}
        self.answered += 1
        if isinstance(output, Change):
            self.tables[output.table] = output.rows
            output = output.output
        return {"output": output}


def check_name(name: str) -> None:
    """Raise ToolError unless there is a tool of that name."""
    if not isinstance(name, str) or name not in TOOLS:
        raise ToolError(f"unknown tool {short(name)}; choose one that is on offer, of {', '.join(_TOOLKITS)}")


def _given(name: str, arguments: dict) -> dict:
    """The arguments of a call that are given. Raises ToolError unless they are such as the tool takes."""
    parameters = _parameters(name)
    if not isinstance(arguments, dict):
        raise ToolError(f"the arguments of {name} must be an object, got {short(arguments)}")
    for argument in arguments:
        if argument not in parameters:
            raise ToolError(f"{name} has no argument {short(argument)}; choose from {', '.join(parameters)}")
    given = {argument: value for argument, value in arguments.items()
             if value is not None and (value != "" or parameters[argument].annotation is not str)}
    for argument, parameter in parameters.items():
        if argument not in given and parameter.default is parameter.empty:
            raise ToolError(f"{name} needs the argument {argument!r}")
        if argument in given and type(given[argument]) is not parameter.annotation:
            raise ToolError(f"{argument} must be {_KINDS[parameter.annotation]}, got {short(given[argument])}")
    return given


@cache
def _parameters(name: str) -> dict[str, inspect.Parameter]:
    """The arguments of a tool, which takes the tables before them."""
    _, *parameters = inspect.signature(TOOLS[name], eval_str=True).parameters.values()
    return {parameter.name: parameter for parameter in parameters}
