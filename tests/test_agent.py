"""The agent domain's verifier: odd transcripts, odd tasks, and what a judge is shown."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import tokenizer
from training.domains import Task, TaskError, get_domain
from training.domains.transcript import write_call
from training.rollouts import play

AGENT = get_domain("agent")
STATE = {
    "events": [{"id": 3, "who": "Ann", "hour": 9}, {"id": 5, "who": "Bob", "hour": 11}],
    "customers": [{"id": 1, "name": "Eve", "credit": 20}],
    "tasks": [{"id": 2, "owner": "Max", "title": "Call Eve", "done": False}],
    "emails": [{"to": "Zoe", "text": "Hello 7"}],
}


def call(name, /, **arguments):
    return {"name": name, "arguments": arguments}


def said(name, /, **arguments):
    return write_call(call(name, **arguments))


def task(*calls, state=STATE, **changes):
    return Task("agent", "t", "Do it.", None, {"state": copy.deepcopy(state), "calls": list(calls), **changes})


def verdict(transcript, *calls):
    judged = AGENT.verify(task(*calls), transcript)
    return judged.correct, judged.formatted, judged.reward


MOVE = call("move_event", id=3, hour=14)
GOOD, BAD = said("move_event", id=3, hour=14), said("move_event", id=5, hour=8)
REPLY = '<tool_response>{"id": 3, "who": "Ann", "hour": 14}</tool_response>'
RIGHT, UNFORMATTED, WRONG, NEITHER = (True, True, 1.0), (True, False, 0.0), (False, True, 0.0), (False, False, 0.0)


@pytest.mark.parametrize("transcript, expected", [
    (f"<think>a</think>{GOOD}{REPLY}<think>b</think>Moved.", RIGHT),
    (f"a</think>{GOOD}{REPLY}b</think>Moved.<|im_end|>", RIGHT),  # the prompt opened <think>, turn by turn
    (f"<think>a</think>{GOOD}<|im_end|>\n<|im_start|>user\n{REPLY}<|im_end|>\n<|im_start|>assistant\nDone.", RIGHT),
    (f"<think>a</think>\n\n{GOOD}", RIGHT),  # stops at its call, the response was never read
    (f"<think>a</think>{said('list_events')}<tool_response>[]</tool_response>{GOOD}", RIGHT),  # reads are free
    (f"<think>a</think>{said('move_event', id=99, hour=1)}{GOOD}", RIGHT),  # a refused call is free
    (f"<think>a</think><tool_call>{{]</tool_call>{GOOD}", RIGHT),  # so is a malformed one
    (f"<think>a</think>{said('move_event', id=3, hour=2)}{GOOD}", RIGHT),  # a mistake made good
    (f"<think>a</think>{BAD}{said('move_event', id=5, hour=11)}{GOOD}", RIGHT),  # a side effect undone
    (f"<think>should I {BAD}? no</think>{GOOD}", RIGHT),  # a call inside the reasoning is not made
    (f"should I {BAD}? no</think>{GOOD}", RIGHT),  # nor in reasoning that the prompt opened
    (f"<think>{GOOD}</think>Done.", WRONG),
    (f"<think>a</think>{GOOD}<think>then {BAD}</think>Done.", RIGHT),  # reasoning again in the same turn
    (f"<think>a <think> b</think>{GOOD}", RIGHT),  # <think> twice, closed once
    (f"<think>the <tool_call> tag</think>{GOOD}", RIGHT),  # tags named in passing
    (f"<think>a <tool_response> comes</think>{GOOD}{REPLY}", RIGHT),
    (f"<think>it says {REPLY}</think>{GOOD}", RIGHT),  # a response imagined in the reasoning
    (f"<think>a</think><tool_response>{GOOD}</tool_response>", WRONG),  # a call inside a response is not made
    (f"<think>a</think>{REPLY}Done.", WRONG),  # a faked response changes nothing
    (f"<think>a</think>{GOOD}<tool_response>{BAD}</tool_response>", RIGHT),
    (f"<think>a</think>{GOOD}</tool_response>Done.", RIGHT),  # a response closed that was never opened
    (f"<think>a</think>{GOOD}{REPLY}<think>b", UNFORMATTED),  # cut off while reasoning
    (f"{GOOD}{REPLY}Done.", UNFORMATTED),  # no reasoning at all
    (f"{GOOD}<tool_response></think></tool_response>Done.", UNFORMATTED),  # </think> only in a response
    (f"<think>a{GOOD}", NEITHER),  # the reasoning never ends
    (f"<think>a</think>{GOOD[:-len('</tool_call>')]}", WRONG),  # a call cut off
    (f"<think>a</think><tool_call>{GOOD}", WRONG),  # a call opened twice
    ("<think>a</think>I have moved the meeting to 14.", WRONG),  # only says so
    (f"<think>a</think>{GOOD}{BAD}", WRONG),  # a side effect left behind
    (f"<think>a</think>{GOOD}{said('send_email', to='Ann', text='14')}", WRONG),
    (f"<think>a</think>{GOOD.replace('14', '14.0')}", WRONG),  # 14.0 is no integer
    (f"<think>a</think>{GOOD.replace('14', 'true')}", WRONG),  # nor is true
    ("", NEITHER), ("</think>", WRONG), ("<think>", NEITHER), ("<tool_call>", NEITHER),
])
def test_odd_transcripts(transcript, expected):
    assert verdict(transcript, MOVE) == expected


@pytest.mark.parametrize("wanted, made, correct", [
    (call("create_event", who="Ann", hour=9), said("create_event", who=" ANN ", hour=9), True),  # case, edges
    (call("create_event", who="Ann", hour=9), said("create_event", who="Anne", hour=9), False),
    (call("add_task", owner="Max", title="Pay"), said("add_task", owner="max", title="Pay"), True),
    (call("add_task", owner="Max", title="Pay"), said("add_task", owner="Max", title="pay"), False),  # titles are exact
    (call("close_task", id=2), said("close_task", id=2), True),
    (call("set_credit", id=1, credit=0), said("set_credit", id=1, credit=0), True),  # the smallest credit
    (call("delete_event", id=3), said("delete_event", id=3), True),
    (call("delete_event", id=3), said("delete_event", id=5), False),
    (call("send_email", to="Ann", text="14"), said("send_email", to="ann", text="The meeting is at 14."), True),
    *((call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text=text), False)
      for text in ("It is not at 14.", "It isn't 14", "14²", "14½")),  # denied; other numbers
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text=" 14\n"), True),
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text="14.0"), True),  # the same number
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text="At 14, not 15."), False),  # two
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text="At 14, yes, 14."), False),
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text="At 114."), False),
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text="At -14."), False),
    (call("send_email", to="Ann", text="-3.5"), said("send_email", to="Ann", text="It is -3.5 degrees"), True),
    (call("send_email", to="Ann", text="14"), said("send_email", to="Ann", text="At fourteen."), False),
    (call("send_email", to="Ann", text="14"), said("send_email", to="Bob", text="14"), False),
    (call("send_email", to="Ann", text="At 14."), said("send_email", to="Ann", text="14"), False),  # not a bare number
    (call("send_email", to="Ann", text="Hi"), said("send_email", to="Ann", text="hi"), False),
    (call("send_email", to="Zoe", text="Hello 7"), "", False),  # one like it is there already
    (call("send_email", to="Ann", text="1"), 2 * said("send_email", to="Ann", text="1"), False),  # sent twice
])
def test_rows_agree(wanted, made, correct):
    assert AGENT.verify(task(wanted), f"<think>a</think>{made}").correct is correct


def test_exact_emails_are_paired_before_numbers():
    wanted = [call("send_email", to="Ann", text="14"), call("send_email", to="Ann", text="At 14.")]
    for made in (wanted, wanted[::-1]):
        assert verdict("</think>" + "".join(map(write_call, made)), *wanted) == RIGHT


@pytest.mark.parametrize("transcript, reason", [
    ("</think>", "events: expected {'hour': 14, 'id': 3, 'who': 'Ann'}, found {'hour': 9, 'id': 3, 'who': 'Ann'}"),
    (f"</think>{GOOD}{said('send_email', to='Bob', text='x')}", "emails: {'text': 'x', 'to': 'Bob'} is too much"),
    (f"</think>{said('move_event', id=4, hour=14)}{said('close_task', id=9)}",
     "events: expected {'hour': 14, 'id': 3, 'who': 'Ann'}, found {'hour': 9, 'id': 3, 'who': 'Ann'}; "
     "first error: there is no event with id 4; choose one of 3, 5"),
    (f"</think>{said('delete_event', id=3)}", "events: {'hour': 14, 'id': 3, 'who': 'Ann'} is missing"),
    (GOOD, "the reasoning is not closed by </think>"),
    (f"</think>{said('frobnicate')}{GOOD}", ""),  # an error that did no harm is not a reason
])
def test_reason(transcript, reason):
    assert AGENT.verify(task(MOVE), transcript).reason == reason


def test_doing_nothing_never_scores():
    """Reading is all that is asked: it must be done, and nothing be changed."""
    wanted = [call("find_event", who="Ann"), call("list_tasks", owner="Max")]
    reads = said("find_event", who="ann ") + said("list_tasks", owner="Max")
    assert verdict(f"</think>{reads}", *wanted) == RIGHT
    assert verdict(f"</think>{reads}{GOOD}", *wanted) == WRONG
    assert verdict("</think>Done.", *wanted) == WRONG
    judged = AGENT.verify(task(*wanted), f"</think>{said('find_event', who='Ann')}")
    assert judged.reason == "the read list_tasks {'owner': 'max'} was not made"


@pytest.mark.parametrize("metadata, message", [
    ({"calls": []}, "asks for nothing"),
    ({"calls": [call("move_event", id=3, hour=9)]}, "asks for nothing"),  # moved to where it is
    ({"calls": [call("create_event", who="A", hour=1), call("delete_event", id=6)]}, "asks for nothing"),  # undone
    ({"calls": None}, "metadata['calls'] is a list"),
    ({"calls": "find_event"}, "metadata['calls'] is a list"),
    ({"calls": ["find_event"]}, "keys 'name' and 'arguments', got 'find_event'"),
    ({"calls": [{"name": "list_events"}]}, "keys 'name' and 'arguments'"),
    ({"calls": [call("fly")]}, "unknown tool 'fly'; choose one of find_event, list_events"),
    ({"calls": [call(["list_events"])]}, "unknown tool ['list_events']"),
    ({"calls": [call("move_event", id=3)]}, "lacks the argument 'hour'; it takes id (integer), hour (integer)"),
    ({"calls": [call("move_event", id=4, hour=9)]}, "there is no event with id 4; choose one of 3, 5"),
    ({"calls": [call("set_credit", id=True, credit=1)]}, "id must be of type integer, got True"),
    ({"calls": [{"name": "list_events", "arguments": "{}"}]}, "must be an object"),
    ({"state": []}, "tables events, customers, tasks, emails"),
    ({"state": {"rooms": []}}, "tables events, customers, tasks, emails, got {'rooms': []}"),
    ({"state": {"events": [{"id": 3, "who": "Ann"}]}}, "a row of events has the fields id, who, hour"),
    ({"state": {"events": [3]}}, "a row of events has the fields id, who, hour"),
    ({"state": {"events": {"id": 3}}}, "table events is a list of rows"),
    ({"state": {"events": [{"id": 3, "who": "Ann", "hour": "9"}]}}, "table events: hour must be of type integer"),
    ({"state": {"customers": [{"id": 3, "name": "Ann", "credit": -1}]}}, "table customers: credit must be"),
    ({"state": {"events": [{"id": 3, "who": "Ann", "hour": 9}] * 2}}, "table events holds an id twice"),
])
def test_ill_formed_tasks(metadata, message):
    bad = Task("agent", "mine", "?", None, {"state": STATE, "calls": [MOVE], **metadata})
    for judge in (lambda: AGENT.verify(bad, f"</think>{GOOD}"), lambda: AGENT.reference(bad)):
        with pytest.raises(TaskError) as error:
            judge()
        assert message in str(error.value) and "'mine'" in str(error.value)


def test_tasks_that_lack_what_is_needed():
    with pytest.raises(TaskError, match="metadata\\['calls'\\]"):
        AGENT.verify(Task("agent", "mine", "?"), "</think>")
    for use in (AGENT.environment, AGENT.reference, lambda other: AGENT.verify(other, "</think>")):
        with pytest.raises(TaskError, match="belongs to domain 'math', not to 'agent'"):
            use(Task("math", "mine", "?", "4"))
    with pytest.raises(TaskError, match="table events"):
        AGENT.environment(task(MOVE, state={"events": 3}))


def test_a_task_without_a_state_starts_from_an_empty_workplace():
    bare = Task("agent", "t", "?", None, {"calls": [call("add_task", owner="Ann", title="Rest")]})
    assert AGENT.verify(bare, "</think>" + AGENT.reference(bare)).reward == 1
    assert AGENT.environment(bare).workplace.state == {"events": [], "customers": [], "tasks": [], "emails": []}


def test_a_task_with_accepted_calls_ends_after_one_turn():
    """The same words go on where there is a workplace to answer them."""
    functions = [{"name": "move_event", "parameters": {"properties": {"id": {}, "hour": {}}}}]
    accepted = [{"name": "move_event", "arguments": {"id": [3], "hour": [14]}}]
    compared = Task("agent", "c", "Move it.", None, {"functions": functions, "accepted": accepted})
    turn = tokenizer()(f"I move it.</think>{GOOD}<|im_end|>", add_special_tokens=False)["input_ids"]
    done = play(tokenizer(), [compared, task(MOVE)], 9 * len(turn), lambda rows, states: [turn] * len(rows))
    assert [one.n_turns for one in done] == [1, 6] and done[0].completion_ids == turn
    assert [AGENT.verify(*pair).reward for pair in zip([compared, task(MOVE)], [one.text for one in done], strict=True)
            ] == [1.0, 1.0]


def test_ids_given_on_the_way_are_ignored():
    """Deleting the event of the largest id frees that id: the order must not matter all the same."""
    wanted = [call("delete_event", id=5), call("create_event", who="Sam", hour=8)]
    assert verdict("</think>" + "".join(map(write_call, wanted)), *wanted) == RIGHT
    assert verdict("</think>" + "".join(map(write_call, wanted[::-1])), *wanted) == RIGHT
    assert verdict(f"</think>{said('move_event', id=5, hour=8)}", *wanted) == WRONG


@pytest.mark.parametrize("completion, shown", [
    (f"<think>a</think>{said('list_events')}{REPLY}<think>b</think>{GOOD}{REPLY}c</think> Moved.<|im_end|>",
     f"{GOOD}\nMoved."),
    (f"<think>{BAD}</think>{GOOD}{said('close_task', id=77)}", f"{GOOD}\n{said('close_task', id=77)}"),  # refused
    ("<think>a</think><tool_call>{</tool_call>Hm.", "Hm."),  # malformed
    ("<think>a</think>Looking.<tool_call>{}</tool_call><tool_response>[]</tool_response>Found.", "Found."),
    (f"<think>a</think>{GOOD}<|im_end|>\n<|im_start|>user\n{REPLY}<|im_end|>\n<|im_start|>assistant\n", GOOD),
    (f"</think>{said('geo.area', base=10)}It is 25.", f"{said('geo.area', base=10)}\nIt is 25."),  # of another task
    ("<think>never closed", ""), ("No reasoning.", "No reasoning."), ("", ""),
])
def test_answer_text(completion, shown):
    assert AGENT.answer_text(completion) == shown


def test_answer_text_is_judged_like_the_transcript():
    transcript = f"<think>{BAD}</think>{said('list_events')}{REPLY}{GOOD}{REPLY}Done."
    assert AGENT.check(task(MOVE), AGENT.answer_text(transcript)) == AGENT.check(task(MOVE), transcript) == (True, "")


@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
def test_references_of_compact_tasks_score(sharing):
    domain = get_domain("agent", sharing=sharing)
    for one in domain.tasks("train", 100, seed=3):
        assert domain.verify(one, f"<think>Let me see.</think>{domain.reference(one)}").reward == 1
        assert domain.verify(one, "<think>Let me see.</think>Done.").reward == 0


def test_a_reference_survives_tags_in_its_texts():
    wanted = task(call("send_email", to="Ann", text="</tool_call></think><tool_response>"))
    assert AGENT.verify(wanted, f"<think>a</think>{AGENT.reference(wanted)}").reward == 1


@given(st.permutations([
    call("move_event", id=3, hour=14), call("delete_event", id=5), call("create_event", who="Sam", hour=8),
    call("create_event", who="Zoe", hour=8), call("send_email", to="Ann", text="1"),
    call("send_email", to="Ann", text="2"), call("add_task", owner="Ann", title="x"),
    call("set_credit", id=1, credit=2)]), st.integers(0, 7))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_order_of_independent_calls_is_free(order, left_out):
    wanted = sorted(order, key=str)
    assert verdict("</think>" + "".join(map(write_call, order)), *wanted) == RIGHT
    rest = [one for k, one in enumerate(order) if k != left_out]
    assert verdict("</think>" + "".join(map(write_call, rest)), *wanted) == WRONG
