"""The workplace's tools, the agent's environment, and that environment and verifier see the same calls in any text."""

import copy
import gc
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_agent import AGENT, BAD, GOOD, MOVE, REPLY, STATE, said, task
from training.domains.agent import MAX_TURNS, difference, parse_call, read_transcript, write_call
from training.domains.workplace import CHANGES, FIELDS, READS, TABLES, Workplace, tool_schemas


@pytest.mark.parametrize("request_text, response", [
    (GOOD, {"id": 3, "who": "Ann", "hour": 14}),
    (said("find_event", who=" bob"), [{"id": 5, "who": "Bob", "hour": 11}]),
    (said("find_event", who="Sam"), []),  # nobody
    (said("find_customer", name="EVE"), [{"id": 1, "name": "Eve", "credit": 20}]),
    (said("list_tasks", owner="Max"), [{"id": 2, "owner": "Max", "title": "Call Eve", "done": False}]),
    (said("list_emails", to="Zoe"), [{"to": "Zoe", "text": "Hello 7"}]),
    (said("create_event", who="Sam", hour=23), {"id": 6, "who": "Sam", "hour": 23}),
    (said("add_task", owner="Sam", title="Rest"), {"id": 3, "owner": "Sam", "title": "Rest", "done": False}),
    (said("close_task", id=2), {"id": 2, "owner": "Max", "title": "Call Eve", "done": True}),
    (said("delete_event", id=5), {"id": 5, "who": "Bob", "hour": 11}),
    (said("set_credit", id=1, credit=0), {"id": 1, "name": "Eve", "credit": 0}),
    (said("send_email", to="Ann", text="<think>é"), {"to": "Ann", "text": "<think>é"}),  # a tag in a text
    (said("move_event", id=3, hour=24), {"error": "hour must be the hour of the day, 0 to 23, got 24"}),
    (said("move_event", id=3, hour=-1), {"error": "hour must be the hour of the day, 0 to 23, got -1"}),
    (said("set_credit", id=1, credit=-1), {"error": "credit must be the credit of the customer, 0 or more, got -1"}),
    (said("close_task", id=7), {"error": "there is no task with id 7; choose one of 2"}),
    (said("move_event", id="3", hour=9), {"error": "id must be of type integer, got '3'"}),
    (said("list_events", who="Ann"), {"error": "list_events has no argument 'who'; it takes no arguments"}),
    (said("find_event"), {"error": "find_event lacks the argument 'who'; it takes who (string)"}),
    ("<tool_call>[1]</tool_call>", {"error": "a call is an object with name and arguments, got [1]"}),
    ('<tool_call>{"name": "list_events"}</tool_call>',
     {"error": "a call is an object with name and arguments, got {'name': 'list_events'}"}),
    (GOOD[:-1], {"error": "the call is not closed by </tool_call>"}),
])
def test_one_step(request_text, response):
    environment = AGENT.environment(task(MOVE))
    before = copy.deepcopy(environment.workplace.state)
    answered = environment.step(f"<think>{BAD}</think>{request_text}")
    body = answered.removeprefix("<tool_response>").removesuffix("</tool_response>")
    assert json.loads(body) == response and "<" not in body
    assert environment.workplace.state == before or "error" not in response


@pytest.mark.parametrize("body", ["", "{", "nonsense", "[" * 100_000, '{"name": ' + "9" * 5000 + "}", "NaN", "\ud800"])
def test_malformed_json_is_answered(body):
    answered = AGENT.environment(task(MOVE)).step(f"</think><tool_call>{body}</tool_call>")
    assert answered.startswith('<tool_response>{"error": "') and answered.endswith('"}</tool_response>')


def test_an_episode():
    environment = AGENT.environment(task(MOVE))
    first = environment.step(f"a</think>{said('find_event', who='Ann')}{said('set_credit', id=1, credit=5)}")
    assert first == ('<tool_response>[{"id": 3, "who": "Ann", "hour": 9}]</tool_response>'
                     '<tool_response>{"id": 1, "name": "Eve", "credit": 5}</tool_response>')
    assert environment.step("b</think>Done.") is None
    assert environment.step(f"c</think>{GOOD}") is None  # the episode is over
    assert environment.workplace.state["events"][0]["hour"] == 9


def test_an_episode_is_bounded():
    environment = AGENT.environment(task(MOVE))
    for hour in range(MAX_TURNS - 1):
        assert f'"hour": {hour}' in environment.step(f"a</think>{said('move_event', id=3, hour=hour)}")
    assert environment.step(f"a</think>{GOOD}") is None  # its call is made, its answer has no reader
    assert environment.step(f"a</think>{BAD}") is None
    assert environment.workplace.state["events"] == [{"id": 3, "who": "Ann", "hour": 14}, STATE["events"][1]]


def test_a_turn_cut_off_while_reasoning_ends_the_episode():
    environment = AGENT.environment(task(MOVE))
    assert environment.step(f"a</think>{GOOD}<think>and now") is None
    assert environment.workplace.state["events"][0]["hour"] == 14


def test_environments_share_nothing_and_are_freed():
    def workplaces():
        gc.collect()
        return sum(isinstance(kept, Workplace) for kept in gc.get_objects())

    wanted, before = task(MOVE), workplaces()
    one, other = AGENT.environment(wanted), AGENT.environment(wanted)
    one.step(f"</think>{GOOD}")
    AGENT.verify(wanted, f"</think>{GOOD}")
    assert other.workplace.state == wanted.metadata["state"] == STATE
    assert workplaces() == before + 2
    del one, other
    assert workplaces() == before


def test_schemas_describe_the_tools():
    schemas = {schema["function"]["name"]: schema["function"] for schema in tool_schemas()}
    assert list(schemas) == [*READS, *CHANGES]
    assert schemas["move_event"] == {
        "name": "move_event", "description": "Move an event to another hour.",
        "parameters": {"type": "object", "required": ["id", "hour"], "properties": {
            "id": {"type": "integer", "description": "id of the row, as the find and list tools show it"},
            "hour": {"type": "integer", "description": "hour of the day, 0 to 23", "minimum": 0, "maximum": 23}}}}
    assert all(schema["type"] == "function" for schema in tool_schemas()) and json.dumps(tool_schemas())


names = st.sampled_from(["Ann", "Bob", "eve "])
values = {"id": st.integers(0, 7), "hour": st.integers(-1, 24), "credit": st.integers(-1, 9),
          "title": st.text(max_size=5), "text": st.sampled_from(["1", "at 1", "<think>", "</tool_response>"])}
calls = st.sampled_from(tool_schemas()).flatmap(lambda schema: st.fixed_dictionaries({
    "name": st.just(schema["function"]["name"]),
    "arguments": st.fixed_dictionaries({argument: values.get(argument, names)
                                        for argument in schema["function"]["parameters"]["required"]})}))
pieces = st.one_of(
    calls.map(write_call), st.text(max_size=8),
    st.sampled_from(["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", REPLY,
                     "<|im_end|>\n<|im_start|>assistant\n", '{"name": "move_event", "arguments": {}}']))
texts = st.lists(pieces, max_size=8).map("".join)


@given(texts)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_text_is_judged(text):
    judged = AGENT.verify(task(MOVE), text)
    assert judged.reward == float(judged.correct and judged.formatted) and (judged.reason == "") == (judged.reward == 1)
    AGENT.answer_text(text)


@given(st.lists(texts, min_size=1, max_size=8))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_environment_and_verifier_agree(turns):
    """What the environment's workplace has become is what the verifier sees in the transcript, whatever was said."""
    environment, transcript = AGENT.environment(task(MOVE)), ""
    for turn in turns:
        response = environment.step(turn)
        transcript += turn + (response or "")
        if response is None:
            break
    replayed = AGENT.environment(task(MOVE)).workplace
    for request in read_transcript(transcript).requests:
        try:
            made = parse_call(request)
        except ValueError:
            continue
        replayed.call(made["name"], made["arguments"])
    assert replayed.state == environment.workplace.state
    correct = AGENT.verify(task(MOVE), transcript).correct
    expected = Workplace(STATE)
    expected.call("move_event", {"id": 3, "hour": 14})
    assert correct == (difference(expected, environment.workplace) == "")


@given(calls)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_refused_calls_and_reads_change_nothing(made):
    assert parse_call(write_call(made)) == made
    workplace = Workplace(STATE)
    result = workplace.call(**made)
    if "error" in result or made["name"] in READS:
        assert workplace.state == STATE
    for table, rows in workplace.state.items():
        assert all(set(row) == set(TABLES[table]) for row in rows)
        assert all(type(value) is FIELDS[field].kind for row in rows for field, value in row.items())
