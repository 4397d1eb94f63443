"""Values compared with the accepted ones of an argument, by the argument's schema.

    accepts("New York, NY", ["New York", "new york ny"], {"type": "string"})            # True
    accepts([1, 2.5], [[1.0, 2.5]], {"type": "array", "items": {"type": "float"}})      # True
    accepts({"a": 1}, [{"a": [1, 2], "b": ["", 3]}], {"type": "dict"})                  # True: b may be left out
    accepts(True, [1], {"type": "integer"})                                             # False

A value is accepted if it equals an accepted one:
- texts whatever their case, spaces and ,./-_*^ left out, ' like ";
- numbers by value, but 1.0 is 1 only where the schema asks for a float; true and false are no numbers;
- lists item by item, in order;
- an object's accepted value has for each key a list of accepted ones, or one that is no list;
- "" among the accepted ones says that an argument, or a key, may be left out. An empty text or list may then be given,
  too, where the schema asks for such.
Schemas have the type names of BFCL; within an object they may be left out. Where these rules differ from BFCL's is told
in `training.domains.accepted_calls`.
"""

from __future__ import annotations

import re

TEXTS = (None, "string", "String", "any", "char")
LISTS = ("array", "tuple", "Array", "ArrayList")
DECIMALS = (None, "float", "double", "number")
_IGNORED = re.compile(r"[ ,./\-_*^]")


def accepts(value, options: list, schema: dict) -> bool:
    """Is a value, as JSON has it, one of the accepted ones?"""
    return any(_equal(value, option, schema) for option in given(options, schema))


def given(options: list, schema: dict) -> list:
    """The accepted values that can be given: "" as an empty text or list, or not at all."""
    kind = schema.get("type")
    empty = [""] if kind in TEXTS else [[]] if kind in LISTS else []
    return [one for option in options for one in (empty if option == "" else [option])]


def first(options: list):
    """The first accepted value as it is given; "" where there is none but that."""
    return next((_chosen(option) for option in options if option != ""), "")


def _chosen(option):
    """An accepted value with one value in place of each list of accepted ones."""
    if isinstance(option, list):
        return [_chosen(item) for item in option]
    if isinstance(option, dict):
        chosen = {key: first(_listed(options)) for key, options in option.items()}
        return {key: value for key, value in chosen.items() if value != "" or "" not in _listed(option[key])}
    return option


def _listed(options) -> list:
    return options if isinstance(options, list) else [options]


def _equal(value, option, schema: dict) -> bool:
    if isinstance(value, dict) and isinstance(option, dict):
        return _equal_objects(value, option, schema.get("properties", {}))
    if isinstance(value, list) and isinstance(option, list):
        items = schema.get("items", {})
        return len(value) == len(option) and all(_equal(*pair, items) for pair in zip(value, option, strict=True))
    if isinstance(value, str) and isinstance(option, str):
        return _folded(value) == _folded(option)
    if _is_number(value) and _is_number(option):
        whole = isinstance(option, int) and schema.get("type") not in DECIMALS
        return value == option and not (whole and isinstance(value, float))
    return type(value) is type(option) and value == option


def _equal_objects(value: dict, option: dict, properties: dict) -> bool:
    return value.keys() <= option.keys() and all(
        accepts(value[key], _listed(options), properties.get(key, {})) if key in value else "" in _listed(options)
        for key, options in option.items())


def _folded(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
