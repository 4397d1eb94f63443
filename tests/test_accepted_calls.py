"""Calls compared with accepted ones: what is right, what is wrong and why, and tasks by which nothing can be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.domains import Task, TaskError, get_domain
from training.domains.transcript import write_call

AGENT = get_domain("agent")
WHOLE, FLOAT, TEXT, TRUTH = ({"type": kind} for kind in ("integer", "float", "string", "boolean"))
AREA = {"name": "geo.area", "parameters": {"type": "dict", "required": ["base"], "properties": {
    "base": WHOLE, "height": WHOLE, "unit": TEXT, "exact": TRUTH}}}
ROOT = {"name": "root", "parameters": {"type": "dict", "required": ["of"], "properties": {"of": FLOAT}}}
TRIANGLE = {"name": "geo.area", "arguments": {"base": [10], "height": [5, 6], "unit": ["cm", "centimeters", ""]}}


def task(*accepted, **changes):
    return Task("agent", "t", "?", None, {"functions": [AREA, ROOT], "accepted": list(accepted), **changes})


def said(name, /, **arguments):
    return write_call({"name": name, "arguments": arguments})


def verdict(of, text):
    judged = AGENT.verify(of, f"<think>a</think>{text}")
    assert judged.reward == (judged.reason == "") == judged.correct
    return judged.reason


GOOD = said("geo.area", base=10, height=5)
ONE = "it makes 2 calls where 1 is right"


@pytest.mark.parametrize(("text", "reason"), [
    (GOOD, ""), (f"I call it.\n{GOOD}\nDone.", ""), (said("geo.area", unit="CM", height=6, base=10), ""),
    (said("geo.area", base=10, height=5, unit=""), ""),
    (f"{said('root', of=2)}</think>{GOOD}", ""),  # reasoning goes on
    ("The area is 25.", "it calls nothing where geo.area is right"),
    (f"<think>{GOOD}</think>Done.", "it calls nothing where geo.area is right"),
    (f"<tool_response>{GOOD}</tool_response>", "it calls nothing where geo.area is right"),
    (2 * GOOD, ONE), (f"{GOOD}<tool_response>25</tool_response>{GOOD}", ONE), (GOOD + said("root", of=2), ONE),
    (GOOD + said("geo.area", base=10, height=6), ONE),  # every choice called
    (said("area", base=10, height=5), "it calls 'area' where geo.area is right"),
    (said("geo_area", base=10, height=5), "it calls 'geo_area' where geo.area is right"),
    (said("root", of=2), "it calls 'root' where geo.area is right"),
    (write_call({"name": ["geo.area"], "arguments": {}}), "it calls ['geo.area'] where geo.area is right"),
    (write_call({"name": "geo.area", "arguments": [9]}), "it gives geo.area [9] and not an object of arguments"),
    (said("geo.area", height=5), "it calls geo.area without base, which is required"),
    (said("geo.area", base=10), "it calls geo.area without height, which is asked for"),
    (said("geo.area", base=10, height=5, depth=1), "it gives geo.area 'depth', which is none of its arguments"),
    (said("geo.area", base=10, height=5, exact=True), "it gives geo.area exact=True where no such argument is right"),
    (said("geo.area", base=True, height=5), "it gives geo.area base=True where 10 is right"),
    (said("geo.area", base="10", height=5), "it gives geo.area base='10' where 10 is right"),
    (said("geo.area", base=[10], height=5), "it gives geo.area base=[10] where 10 is right"),
    (said("geo.area", base=10, height=5.0), "it gives geo.area height=5.0 where 5 or 6 is right"),
    (said("geo.area", base=10, height=[5, 6]), "it gives geo.area height=[5, 6] where 5 or 6 is right"),
    (said("geo.area", base=10, height=5, unit="m"), "it gives geo.area unit='m' where 'cm' or 'centimeters' is right"),
    (f"{GOOD}<tool_call>{{}}</tool_call>", "a call is an object with name and arguments, got {}"),
    (GOOD[:-1], "the call is not closed by </tool_call>"),
])
def test_one_call(text, reason):
    assert verdict(task(TRIANGLE), text) == reason


def test_a_right_call_without_closed_reasoning_earns_nothing():
    judged = AGENT.verify(task(TRIANGLE), GOOD)
    assert (judged.correct, judged.reward, judged.reason) == (True, 0.0, "the reasoning is not closed by </think>")


TWO, THREE = ({"name": "root", "arguments": {"of": values}} for values in ([2.0, 3.0], [3.0]))


@pytest.mark.parametrize(("accepted", "text", "reason"), [
    ([TRIANGLE, THREE], GOOD + said("root", of=3), ""), ([TRIANGLE, THREE], said("root", of=3) + GOOD, ""),
    ([TWO, THREE], said("root", of=3) + said("root", of=2), ""),  # the first fits both
    ([TWO, THREE], 2 * said("root", of=3), ""),
    ([TWO, THREE], 2 * said("root", of=2), "it gives root of=2 where 3.0 is right"),
    ([TRIANGLE, THREE], said("root", of=9) + GOOD, "it gives root of=9 where 3.0 is right"),
    ([TRIANGLE, THREE], said("root", of=9) + said("geo.area", base=9), "it gives root of=9 where 3.0 is right"),
    ([TRIANGLE, THREE], 2 * GOOD, "it calls 'geo.area' where root is right"),
    ([TRIANGLE, THREE], GOOD, "it makes 1 call where 2 are right"),
    ([TRIANGLE, THREE], "", "it calls nothing where geo.area and root is right"),
    ([], "None of these fits.", ""), ([], GOOD, "it calls 'geo.area' where right is to call nothing"),
    ([], f"No.<tool_response>ok</tool_response>{GOOD}", "it calls 'geo.area' where right is to call nothing"),
    ([], "<tool_call>", "the call is not closed by </tool_call>"),
])
def test_several_calls_and_none(accepted, text, reason):
    assert verdict(task(*accepted), text) == reason


@pytest.mark.parametrize(("text", "reason"), [
    (said("root", of="whatever"), ""), (said("root", of=1) + said("root", of=2), ""),
    ("Which number?", "it calls nothing where a call of geo.area or root is right"),
    (said("cube", of=1), "it calls 'cube', which is none of geo.area, root"),
    (said("root"), "it calls root without of, which is required"),
    (said("root", of=1, at=2), "it gives root 'at', which is none of its arguments"),
    (2 * said("root", of=1), "it makes the call {'arguments': {'of': 1}, 'name': 'root'} twice"),
])
def test_any_call(text, reason):
    assert verdict(task(accepted="any"), text) == reason


def test_to_call_every_function_is_no_choice_among_three():
    three = [{"name": name, "parameters": {"properties": {}}} for name in ("one", "two", "three")]
    asked = task(accepted="any", functions=three)
    assert verdict(asked, said("one") + said("two")) == ""
    assert verdict(asked, said("one") + said("two") + said("three")) == "it calls every function on offer"


def accepting(name, arguments):
    return {"accepted": [{"name": name, "arguments": arguments}]}


def offering(**parameters):
    return {"functions": [{"name": "f", "parameters": parameters}]}


@pytest.mark.parametrize(("changes", "message"), [
    ({"accepted": None}, "metadata['accepted'] is a list of calls, or 'any' of at least one function, got None"),
    ({"accepted": "any", "functions": []}, "'any' of at least one function"),
    ({"accepted": ["root"]}, "keys 'name' and 'arguments', got 'root'"),
    (accepting("cube", {}), "'cube' is accepted, and is none of geo.area, root"),
    (accepting("root", {"of": 2}), "the accepted arguments of root are {argument: [value, ...]}, got {'of': 2}"),
    (accepting("root", {"of": []}), "no call can be right: root takes no accepted value of 'of', which may not be "),
    (accepting("root", {"of": [""]}), "root takes no accepted value of 'of'"),
    (accepting("root", {}), "root takes no accepted value of 'of'"),
    (accepting("root", {"of": [1], "at": [2]}), "root takes no accepted value of 'at'"),
    ({"functions": None}, "metadata['functions'] is a list of schemas with a name, got None"),
    ({"functions": [{}]}, "with a name, got [{}]"),
    (offering(properties=[]), "a schema of f is no object with a type"),
    (offering(properties={"a": {"items": 3}}), "a schema of f is no object with a type: 3"),
    (offering(properties={"a": {"type": ["string"]}}), "the type of a schema of f is a name, got ['string']"),
    (offering(required="a"), "what f requires is a list of arguments, got 'a'"),
    ({"language": "rust"}, "metadata['language'] is one of java, javascript, or left out, got 'rust'"),
])
def test_ill_formed_tasks(changes, message):
    for use in (AGENT.environment, AGENT.reference, lambda bad: AGENT.verify(bad, "</think>")):
        with pytest.raises(TaskError) as error:
            use(task(**changes))
        assert message in str(error.value) and "'t'" in str(error.value)


def test_references_are_the_first_accepted_values():
    optional = {"name": "geo.area", "arguments": {"base": [7], "unit": ["", "cm"], "exact": [""], "era": ["", 3]}}
    assert AGENT.reference(task(optional)) == said("geo.area", base=7, unit="cm")
    nested = {"name": "root", "arguments": {"of": [{"a": [[1, 2]], "b": [""], "c": ["", "x"], "d": 4}]}}
    assert AGENT.reference(task(nested)) == said("root", of={"a": [1, 2], "c": "x", "d": 4})
    assert AGENT.reference(task()) == "" and AGENT.reference(task(accepted="any")) == said("geo.area", base="")
    empty = {"functions": [{"name": "f", "parameters": {"properties": {"x": TEXT, "y": TEXT}, "required": ["x"]}}],
             "accepted": [{"name": "f", "arguments": {"x": [""], "y": [""]}}]}
    assert AGENT.reference(task(**empty)) == said("f", x="")
    for one in (task(optional), task(nested), task(), task(accepted="any"), task(TWO, THREE), task(**empty)):
        assert verdict(one, AGENT.reference(one)) == ""


@pytest.mark.parametrize(("language", "kind", "right", "wrong"), [
    ("java", "long", "5L", "5"), ("java", "integer", "5", 5), ("javascript", "Boolean", "true", True),
    ("javascript", "array", "[1]", [1]),
    ("java", "any", "new Path('/a')", "new Path('/b')"),
    ("java", "HashMap", 'new HashMap<>() {{ put("k", 1); }}', {"k": 1}),
])
def test_arguments_of_java_and_javascript_are_texts(language, kind, right, wrong):
    value = {"Boolean": True, "array": [1], "HashMap": {"k": [1]}, "any": "new Path('/a')"}.get(kind, 5)
    function = {"name": "f", "parameters": {"properties": {"x": {"type": kind}}, "required": ["x"]}}
    one = task({"name": "f", "arguments": {"x": [value]}}, functions=[function], language=language)
    assert verdict(one, said("f", x=right)) == "" == verdict(one, AGENT.reference(one))
    assert verdict(one, said("f", x=wrong)).startswith("it gives f x=")


LEFT_OUT = object()
LEAVES = {"string": st.text(min_size=1), "integer": st.integers(), "boolean": st.booleans(),
          "float": st.floats(allow_nan=False) | st.integers()}
SCHEMAS = st.recursive(
    st.sampled_from([{"type": kind} for kind in LEAVES]),
    lambda inner: inner.map(lambda items: {"type": "array", "items": items}) | st.dictionaries(
        st.text(max_size=3), inner, max_size=3).map(lambda parts: {"type": "dict", "properties": parts}), max_leaves=4)


def accepted_values(schema):
    """(an accepted value, a value that it accepts)."""
    if schema["type"] == "array":
        pairs = st.lists(accepted_values(schema["items"]), max_size=3)
        return pairs.map(lambda drawn: ([option for option, _ in drawn], [value for _, value in drawn]))
    if schema["type"] == "dict":
        fields = st.fixed_dictionaries({key: arguments(part) for key, part in schema["properties"].items()})
        return fields.map(lambda drawn: ({key: options for key, (options, _) in drawn.items()}, chosen(drawn)))
    return LEAVES[schema["type"]].map(lambda value: (value, value))


def chosen(drawn):
    return {name: value for name, (_, value) in drawn.items() if value is not LEFT_OUT}


@st.composite
def arguments(draw, schema):
    """(the accepted values of an argument, one of them or LEFT_OUT)."""
    pairs = draw(st.lists(accepted_values(schema), min_size=1, max_size=3))
    options, value = [option for option, _ in pairs], draw(st.sampled_from(pairs))[1]
    return (options, value) if draw(st.booleans()) else (["", *options], draw(st.sampled_from([value, LEFT_OUT])))


@st.composite
def calls(draw):
    """(schema of a function, accepted call, a call that is one of those accepted)."""
    properties = draw(st.dictionaries(st.text(max_size=3), SCHEMAS, max_size=3))
    drawn = {name: draw(arguments(schema)) for name, schema in properties.items()}
    name = draw(st.sampled_from(["f", "g.h"]))
    return ({"name": name, "parameters": {"properties": properties}},
            {"name": name, "arguments": {argument: options for argument, (options, _) in drawn.items()}},
            {"name": name, "arguments": chosen(drawn)})


@given(calls(), st.integers(1, 3), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_choice_of_accepted_values_is_right(drawn, times, order):
    function, accepted, made = drawn
    other = {"name": "root", "arguments": {"of": [1.0, 2.0]}}
    one = task(*[accepted] * times, other, functions=[function, ROOT])
    written = [*[write_call(made)] * times, said("root", of=2)]
    order.shuffle(written)
    assert verdict(one, "\n".join(written)) == ""
    assert verdict(one, AGENT.reference(one)) == ""
    assert verdict(one, "\n".join(written[1:])) and verdict(one, "\n".join([*written, written[0]]))
    assert verdict(one, "\n".join(written[1:] + [said("root", of=3)]))
