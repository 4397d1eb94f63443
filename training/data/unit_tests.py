"""Tests of programs as datasets publish them, in the form of the coding verifier.

`{"inputs": [...], "outputs": [...], "fn_name": optional}` is the form of APPS and TACO (`input_output`), of verl's code
data (`reward_model.ground_truth`) and of NeMo-Gym (`verifier_metadata.unit_tests`, resources_servers/code_gen/app.py).
Without `fn_name` each input is what the program reads and each output what it writes. With it, each input holds the
arguments of a call and each output its value: LiveCodeBench writes both as JSON, one argument a line; in APPS they are
lists, and a value may or may not stand in a list of one, so both readings pass, as in its harness.

What the coding verifier makes of them, and published harnesses do not: every test counts; outputs agree but for white
space at the end of lines; no float tolerance, neither there nor in returned values; a problem with several right
outputs cannot be told from one with a single one, so its other right outputs are judged wrong.
"""

from __future__ import annotations

import json
import keyword

from training.data.rejects import Rejected, take


def from_lists(found: dict) -> list[dict]:
    """`metadata["tests"]` of `{"inputs", "outputs", "fn_name"}`. Raises Rejected."""
    inputs, outputs = take(found, "inputs", list), take(found, "outputs", list)
    if len(inputs) != len(outputs):
        raise Rejected("it has more or fewer inputs than outputs", f"{len(inputs)} inputs, {len(outputs)} outputs")
    if not inputs:
        raise Rejected("it has no tests")
    if found.get("fn_name"):
        name = take(found, "fn_name", str)
        return [call(name, _arguments(i), _values(o)) for i, o in zip(inputs, outputs, strict=True)]
    return [{"stdin": _lines(i), "stdout": _lines(o)} for i, o in zip(inputs, outputs, strict=True)]


def from_json(tests: str | dict) -> list[dict]:
    """The same of such an object, or of its JSON text. Raises Rejected."""
    tests = parsed(tests) if isinstance(tests, str) else tests
    if not isinstance(tests, dict):
        raise Rejected("its tests are not an object with inputs and outputs", tests)
    return from_lists(tests)


def call(name: str, arguments: list, values: list) -> dict:
    """A test that calls a function, or a method of a class `Solution` where the program has one, for one of `values`.

    A tuple that is returned is read as a list, as JSON has no tuples.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Rejected("the name of its function is no name", name)
    function = f"(Solution().{name} if 'Solution' in globals() else {name})"
    listed = "(lambda seen: list(seen) if isinstance(seen, tuple) else seen)"
    agrees = f"== {values[0]!r}" if len(values) == 1 else f"in {values!r}"
    return {"assert": f"assert {listed}({function}({', '.join(map(repr, arguments))})) {agrees}"}


def parsed(text: str):
    """A JSON value. Raises Rejected, also for NaN and Infinity."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Rejected("its tests are not JSON", text) from error


def _refuse(constant: str):
    raise ValueError(f"{constant} is no JSON value")


def _lines(text) -> str:
    """What a program reads or writes: a text, or the lines of one."""
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        return "\n".join(text)
    if not isinstance(text, str):
        raise Rejected("an input or output of its program is not text", text)
    return text


def _arguments(given) -> list:
    """The arguments of a call: a list of them, or JSON, one argument a line."""
    return given if isinstance(given, list) else [parsed(line) for line in _lines(given).split("\n")]


def _values(given) -> list:
    """The values that a call may return."""
    if isinstance(given, list):
        return [given, given[0]] if len(given) == 1 else [given]
    return [parsed(given) if isinstance(given, str) else given]
