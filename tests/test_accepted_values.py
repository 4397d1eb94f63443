"""Values compared with accepted ones, by the schema of their argument."""

import pytest

from training.domains.accepted_values import accepts

ANY, TEXT, WHOLE, FLOAT, TRUTH, OBJECT = ({"type": kind} for kind in (
    "any", "string", "integer", "float", "boolean", "dict"))
TEXTS, WHOLES, FLOATS, OBJECTS = ({"type": "array", "items": items} for items in (TEXT, WHOLE, FLOAT, OBJECT))
TYPED = {"type": "dict", "properties": {"n": WHOLE, "x": FLOAT}}


@pytest.mark.parametrize(("value", "options", "schema", "expected"), [
    ("New York", ["new york"], TEXT, True), ("new-york_", ["New York"], TEXT, True), ("N.Y.", ["ny"], TEXT, True),
    ("it's", ['IT"S'], TEXT, True), ("New\tYork", ["New York"], TEXT, False), ("York", ["New York"], TEXT, False),
    ("1+1", ["1*1"], TEXT, False), ("a", ["b", "A"], TEXT, True), ("5", [5], WHOLE, False), (5, ["5"], TEXT, False),
    (5, [5], WHOLE, True), (5, [6, 5], WHOLE, True), (5.0, [5], WHOLE, False), (5, [5.0], WHOLE, True),
    (True, [1], WHOLE, False), (1, [True], TRUTH, False), (0, [False], TRUTH, False), (True, [True], TRUTH, True),
    ("true", [True], TRUTH, False), (5, [5.0], FLOAT, True), (5.0, [5], FLOAT, True), (-5.0, [5.0], FLOAT, False),
    (2.0, [2], TEXT, False), (True, [1.0], FLOAT, False), (float("nan"), [1.0], FLOAT, False),
    (0, [None], WHOLE, False),
    (None, [5, None], WHOLE, True), ("null", [None], TEXT, False), (None, [""], WHOLE, False),
    (None, ["a"], TEXT, False),
    ("dontCare", ["", "dontcare"], WHOLE, True), ("", ["", "dontcare"], WHOLE, False), ("a+b", ["a+b"], ANY, True),
    ("", ["", "a"], TEXT, True), (" .", ["", "a"], TEXT, True), ("", ["a"], TEXT, False), ("", ["", 5], WHOLE, False),
    ([], ["", ["a"]], TEXTS, True), ([], [["a"]], TEXTS, False), ("", ["", ["a"]], TEXTS, False), ("", [], TEXT, False),
    ({}, ["", {"a": [1]}], OBJECT, False), ({}, ["", {}], OBJECT, True), ([{}], [[{"a": [1]}]], OBJECTS, False),
    (["A", "b"], [["a", "B"]], TEXTS, True), (["b", "a"], [["a", "b"]], TEXTS, False),
    (["a"], [["a", "b"]], TEXTS, False),
    (["a", "b"], [["a"], ["b"]], TEXTS, False), ("a", [["a"]], TEXTS, False), (["a"], ["a"], TEXT, False),
    ([1, 2.0], [[1.0, 2]], FLOATS, True), ([1.0], [[1]], WHOLES, False), ([True], [[1]], WHOLES, False),
    ([[1, 2]], [[[1, 2]]], {"type": "array", "items": WHOLES}, True), ([[1]], [[[1, 2]]], TEXTS, False),
    ({"a": 1}, [{"a": [1, 2]}], OBJECT, True), ({"a": 2}, [{"a": [1, 2]}], OBJECT, True),
    ({"a": 3}, [{"a": [1]}], OBJECT, False),
    ({"a": 1}, [{"a": [1], "b": ["", 2]}], OBJECT, True), ({"a": 1}, [{"a": [1], "b": [2]}], OBJECT, False),
    ({"a": 1, "c": 1}, [{"a": [1]}], OBJECT, False), ({"a": True}, [{"a": [1]}], OBJECT, False),
    ({"A": 1}, [{"a": [1]}], OBJECT, False),
    ({"n": 1.0, "x": 1}, [{"n": [1], "x": [1.0]}], TYPED, False),
    ({"n": 1, "x": 1}, [{"n": [1], "x": [1.0]}], TYPED, True),
    ({"a": [1]}, [{"a": [[1]]}], OBJECT, True), ({"a": 1}, [{"a": [[1]]}], OBJECT, False),
    ({"a": "e"}, [{"a": "epoch"}], OBJECT, False),
    ({"a": {"b": "X"}}, [{"a": [{"b": ["x", "y"]}]}], OBJECT, True),
    ({"a": {"b": 1.5}}, [{"a": [{"b": 1.5}]}], OBJECT, True),
    ([{"a": "X"}, {"a": 2}], [[{"a": ["x"]}, {"a": [1, 2]}]], OBJECTS, True),
    ([{"a": 2}, {"a": "X"}], [[{"a": ["x"]}, {"a": [2]}]], OBJECTS, False),
])
def test_accepted_values(value, options, schema, expected):
    assert accepts(value, options, schema) is expected
