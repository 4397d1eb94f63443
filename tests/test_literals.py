"""Java and JavaScript literals: what is read, what stays text, and that what is written is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.domains import literals

LITERALS = [("java", kind, text, value) for kind, text, value in [
    ("integer", "5", 5), ("integer", " -5 ", -5), ("integer", "5L", "5L"), ("integer", "+5", "+5"),
    ("integer", "5.0", "5.0"),
    ("integer", "ResultSet.TYPE", "ResultSet.TYPE"), ("long", "5L", 5), ("long", "5l", 5), ("long", "5", "5"),
    ("float", "1.5f", 1.5),
    ("float", "1.5", "1.5"), ("double", "1.5e-3", 0.0015), ("double", "3", 3), ("boolean", "true", True),
    ("boolean", "True", "True"),
    ("String", "a b", "a b"), ("String", '"a \\"b\\""', 'a "b"'), ("String", "5", "5"), ("char", "'c'", "c"),
    ("any", '"a"', '"a"'), ("any", " 5", " 5"),
    ("Array", "new int[]{2, 7}", [2, 7]), ("Array", 'new String[] { "a, b", "c" }', ["a, b", "c"]),
    ("Array", "new int[]{}", []),
    ("Array", "new int[]{1,}", [1]), ("Array", "new int[]{1} + x", "new int[]{1} + x"),
    ("Array", "{1, 2}", "{1, 2}"), ("Array", "buffer", "buffer"),
    ("Array", 'new Object[]{1, "a", true, 2L, x.y(1, 2), new int[]{3}}', [1, "a", True, 2, "x.y(1, 2)", [3]]),
    ("ArrayList", "new ArrayList<>(Arrays.asList(1, 2))", [1, 2]),
    ("ArrayList", "new ArrayList<Map<String, Long>>()", []),
    ("ArrayList", 'new ArrayList<String>() {{ add("a;)"); add("b"); }}', ["a;)", "b"]),
    ("ArrayList", "new ArrayList<>() {{ pop(1); }}", "new ArrayList<>() {{ pop(1); }}"),
    ("ArrayList", "new ArrayList<>(Arrays.asList(1, 2)", "new ArrayList<>(Arrays.asList(1, 2)"),
    ("ArrayList", "Arrays.asList(1)", "Arrays.asList(1)"),
    ("HashMap", 'new HashMap<String, Object>() {{ put("a", 1); put("b", "c,d"); }}', {"a": 1, "b": "c,d"}),
    ("HashMap", "new HashMap<>()", {}),
    ("HashMap", 'new HashMap<>() {{ put("a", new ArrayList<>(Arrays.asList(1))); }}', {"a": [1]}),
    ("HashMap", 'new HashMap<>() {{ put("a"); }}', 'new HashMap<>() {{ put("a"); }}'),
]] + [("javascript", kind, text, value) for kind, text, value in [
    ("integer", "5", 5), ("float", "5", 5), ("float", "-0.5", -0.5), ("float", ".5", ".5"), ("Bigint", "5n", 5),
    ("Bigint", "5", "5"),
    ("Boolean", "false", False), ("String", "'a'", "a"), ("String", "it's", "it's"),
    ("String", "'a' + 'b'", "'a' + 'b'"), ("any", "() => 5", "() => 5"),
    ("array", "[1, 'a', true, b]", [1, "a", True, "b"]), ("array", "new Array(1, [2, 3])", [1, [2, 3]]),
    ("array", "[]", []),
    ("array", "[1]; x", "[1]; x"), ("array", "[1], [2]", "[1], [2]"), ("array", '["a]", \'b\']', ["a]", "b"]),
    ("array", "list", "list"), ("array", "[[1]", "[[1]"),
    ("array", "[" * 2000 + "]" * 2000, "[" * 2000 + "]" * 2000),
    ("dict", "{a: 1, 'b': [1, 2], \"c\": {d: 'x:y'}}", {"a": 1, "b": [1, 2], "c": {"d": "x:y"}}), ("dict", "{}", {}),
    ("dict", "{a}", "{a}"),
    ("dict", "{f: g('x', 1), u: 'a, b'}", {"f": "g('x', 1)", "u": "a, b"}), ("dict", "{a: 1}}", "{a: 1}}"),
    ("dict", "options", "options"),
]]


@pytest.mark.parametrize(("language", "kind", "text", "value"), LITERALS)
def test_literals(language, kind, text, value):
    found = literals.read(text, {"type": kind}, language)
    assert (found, type(found)) == (value, type(value))


def test_a_nested_literal_is_read_by_its_schema():
    longs = {"type": "ArrayList", "items": {"type": "long"}}
    assert literals.read("new ArrayList<>(Arrays.asList(1L, 2))", longs, "java") == [1, "2"]
    sizes = {"type": "dict", "properties": {"n": {"type": "Bigint"}}}
    assert literals.read("{n: 5, m: 5}", sizes, "javascript") == {"n": "5", "m": 5}


VALUES = st.recursive(
    st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3), max_leaves=6)


@given(st.sampled_from(literals.LANGUAGES), st.lists(VALUES, max_size=3),
       st.dictionaries(st.text(min_size=1), VALUES, max_size=3))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_is_written_is_read(language, items, entries):
    types = ("Array", "ArrayList", "HashMap") if language == "java" else ("array", "array", "dict")
    for kind, value in zip(types, (items, items, entries), strict=True):
        text = literals.write(value, {"type": kind}, language)
        assert literals.read(text, {"type": kind}, language) == value, text
