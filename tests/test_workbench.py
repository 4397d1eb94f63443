"""NeMo-Gym's workplace: what each tool answers, changes and refuses, how two states compare, and what scores."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbench_tables import FILES, write_tables
from training.domains import Task, TaskError, get_domain
from training.domains.transcript import write_call
from training.domains.workbench import TOOLS, Workbench, difference, read_tables
from training.domains.workbench.tables import CHANGEABLE

AGENT = get_domain("agent")
BUDGET, ANSWER, LUNCH = ({"email_id": f"0000000{k}", "inbox/outbox": box, "sender/recipient": who, "subject": subject,
                          "sent_datetime": at, "body": body} for k, box, who, subject, at, body in (
    (1, "inbox", "ann.lee@firm.com", "Budget plan", "2023-11-28 09:00:00", "Sam, see the plan."),
    (2, "outbox", "bo.ray@firm.com", "Budget", "2023-11-29 10:00:00", "Done."),
    (3, "inbox", "bo.ray@firm.com", "Lunch", "2023-11-29 12:30:00", "Today?")))
SYNC, REVIEW, SYNC_UP = ({"event_id": f"0000000{k}", "event_name": name, "participant_email": who, "event_start": at,
                          "duration": minutes} for k, name, who, at, minutes in (
    (1, "Sync", "ann.lee@firm.com", "2023-12-01 09:00:00", "30"),
    (2, "Review", "bo.ray@firm.com", "2023-12-04 11:00:00", "60"),
    (4, "Sync up", "bo.ray@firm.com", "2023-12-01 14:00:00", "90")))
LOGIN, LOGO = ({"task_id": f"0000000{k}", "task_name": name, "assigned_to_email": who, "list_name": column,
                "due_date": due, "board": board} for k, name, who, column, due, board in (
    (1, "Fix login", "ann.lee@firm.com", "Backlog", "2023-12-05", "Back end"),
    (2, "Draw logo", "bo.ray@firm.com", "In Review", "2023-12-06", "Design")))
DAY = {"customer_id": "00000001", "assigned_to_email": "ann.lee@firm.com", "customer_name": "Cy Day",
       "customer_email": "cy.day@shop.com", "customer_phone": None, "last_contact_date": "2023-11-20 10:00:00",
       "product_interest": "Software", "status": "Lead", "follow_up_by": "2023-12-01 10:00:00", "notes": "Called."}
FOX = {"customer_id": "00000002", "assigned_to_email": "bo.ray@firm.com", "customer_name": "Di Fox",
       "customer_email": None, "customer_phone": "555-1", "last_contact_date": "2023-11-25 10:00:00",
       "product_interest": "Hardware", "status": "Won", "follow_up_by": "2023-12-09 10:00:00", "notes": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("tables"))


def call(name, /, **arguments):
    return {"name": name, "arguments": arguments}


def changed(one, **arguments):
    return call(one["name"], **{**one["arguments"], **arguments})


def said(*calls):
    return "\n".join(map(write_call, calls))


def page(name, *rows, total=None, page=1, size=5):
    total = len(rows) if total is None else total
    return {name: list(rows), "pagination": {f"total_{name}": total, "page": page, "page_size": size,
                                             "total_pages": -(-total // size)}}


MEET = call("calendar_create_event", event_name="Plan", participant_email="Ann.Lee@firm.com",
            event_start="2023-12-05 10:00:00", duration="30")
MAIL = call("email_send_email", recipient="Cy@Shop.com", subject="Hi", body="Hello\nCy")
PLOT = call("analytics_create_plot", time_min="2023-11-01", time_max="2023-11-30", value_to_plot="user_engaged",
            plot_type="bar")
TASK = call("project_management_create_task", task_name="Test", assigned_to_email="Bo.Ray@firm.com",
            list_name="Backlog", due_date="2023-12-08", board="Front end")
BUYER = call("customer_relationship_manager_add_customer", customer_name="Ed", assigned_to_email="Bo.Ray@firm.com",
             status="new", customer_email="Ed@Shop.com")
READS = [
    (call("company_directory_find_email_address", name="LEE"), ["ann.lee@firm.com"]),
    (call("company_directory_find_email_address", name="a.n"), []),  # no regular expression
    (call("email_get_email_information_by_id", email_id="00000003", field="sender/recipient"),
     {"sender/recipient": "bo.ray@firm.com"}),
    (call("email_search_emails", query="PLAN budget"), page("emails", BUDGET)),  # all words, in any field
    (call("email_search_emails", page_size=2), page("emails", LUNCH, ANSWER, total=3, size=2)),
    (call("email_search_emails", page=9, page_size=2), page("emails", BUDGET, total=3, page=2, size=2)),
    (call("email_search_emails", page=-1, page_size=2), page("emails", LUNCH, ANSWER, total=3, size=2)),
    (call("email_search_emails", date_min="2023-11-28 23:00:00", date_max="2023-11-28"), page("emails", BUDGET)),
    (call("email_search_emails", query="nobody"), page("emails")),
    (call("calendar_get_event_information_by_id", event_id="00000004", field="duration"), {"duration": "90"}),
    (call("calendar_search_events", query="sync"), page("events", SYNC_UP, SYNC)),
    (call("calendar_search_events", query="BO.RAY", time_max="2023-12-01 14:00:00"), page("events", SYNC_UP)),
    (call("calendar_search_events", time_min="2023-12-01T09:00:01"), page("events", REVIEW, SYNC_UP)),
    (call("calendar_search_events", query="("), page("events")),
    (call("calendar_search_events", query=None, page=None), page("events", REVIEW, SYNC_UP, SYNC)),
    (call("analytics_engaged_users_count"), {"2023-11-28": 1, "2023-11-29": 0}),
    (call("analytics_get_visitor_information_by_id", visitor_id="0002"), [
        {"date_of_visit": "2023-11-28", "visitor_id": "0002", "page_views": "1", "session_duration_seconds": "15",
         "traffic_source": "referral", "user_engaged": False}]),
    (call("analytics_traffic_source_count", traffic_source="referral"), {"2023-11-28": 1, "2023-11-29": 0}),
    (call("analytics_traffic_source_count", time_max="2023-11-28"), {"2023-11-28": 2}),
    (call("analytics_total_visits_count", time_min="2023-11-28", time_max="2023-11-28"), {"2023-11-28": 2}),
    (call("analytics_get_average_session_duration", time_min=""), {"2023-11-28": 12.5, "2023-11-29": 5.0}),
    (call("project_management_get_task_information_by_id", task_id="00000002", field="board"), {"board": "Design"}),
    (call("project_management_search_tasks", task_name="LOGIN", list_name="back"), [LOGIN]),
    (call("project_management_search_tasks", assigned_to_email="BO.RAY@firm.com"), [LOGO]),
    (call("project_management_search_tasks", due_date="2024"), []),
    (call("customer_relationship_manager_search_customers", status="lead"), page("customers", DAY)),
    (call("customer_relationship_manager_search_customers", customer_email="@"), page("customers", DAY)),
    (call("customer_relationship_manager_search_customers", follow_up_by_min="2023-12-02"), page("customers", FOX)),
]
CHANGES = [
    (MAIL, "4", "emails", [BUDGET, ANSWER, LUNCH, {
        "email_id": "4", "inbox/outbox": "outbox", "sender/recipient": "cy@shop.com", "subject": "Hi",
        "sent_datetime": "2023-11-30 23:59:00", "body": "Hello\nCy"}]),
    (call("email_delete_email", email_id="00000002"), "00000002", "emails", [BUDGET, LUNCH]),
    (call("email_forward_email", email_id="00000003", recipient="Cy@Shop.com"), "4", "emails", [BUDGET, ANSWER, LUNCH, {
        "email_id": "4", "inbox/outbox": "outbox", "sender/recipient": "cy@shop.com", "subject": "FW: Lunch",
        "sent_datetime": "2023-11-30 23:59:00", "body": "Today?"}]),
    (call("email_reply_email", email_id="00000002", body="Thanks."), "4", "emails", [BUDGET, ANSWER, LUNCH, {
        "email_id": "4", "inbox/outbox": "outbox", "sender/recipient": "bo.ray@firm.com", "subject": "RE: Budget",
        "sent_datetime": "2023-11-30 23:59:00", "body": "Thanks."}]),
    (MEET, "00000005", "calendar_events", [SYNC, REVIEW, SYNC_UP, {
        "event_id": "00000005", "event_name": "Plan", "participant_email": "ann.lee@firm.com",
        "event_start": "2023-12-05 10:00:00", "duration": "30"}]),
    (call("calendar_delete_event", event_id="00000002"), "00000002", "calendar_events", [SYNC, SYNC_UP]),
    (call("calendar_update_event", event_id="00000001", field="participant_email", new_value="BO.RAY@firm.com"),
     "00000001", "calendar_events", [{**SYNC, "participant_email": "bo.ray@firm.com"}, REVIEW, SYNC_UP]),
    (PLOT, "plots/2023-11-01_2023-11-30_user_engaged_bar.png", "plots",
     [{"file_path": "plots/2023-11-01_2023-11-30_user_engaged_bar.png"}]),
    (TASK, "00000003", "project_tasks", [LOGIN, LOGO, {
        "task_id": "00000003", "task_name": "Test", "assigned_to_email": "bo.ray@firm.com", "list_name": "Backlog",
        "due_date": "2023-12-08", "board": "Front end"}]),
    (call("project_management_delete_task", task_id="00000001"), "00000001", "project_tasks", [LOGO]),
    (call("project_management_update_task", task_id="00000002", field="assigned_to_email",
          new_value="Ann.Lee@firm.com"),
     "00000002", "project_tasks", [LOGIN, {**LOGO, "assigned_to_email": "ann.lee@firm.com"}]),
    (BUYER, "00000003", "customer_relationship_manager_data", [DAY, FOX, {
        **dict.fromkeys(DAY), "customer_id": "00000003", "assigned_to_email": "bo.ray@firm.com",
        "customer_name": "Ed", "customer_email": "ed@shop.com", "status": "new"}]),
    (call("customer_relationship_manager_update_customer", customer_id="00000002", field="notes", new_value="Rings."),
     "00000002", "customer_relationship_manager_data", [DAY, {**FOX, "notes": "Rings."}]),
    (call("customer_relationship_manager_delete_customer", customer_id="00000001"), "00000001",
     "customer_relationship_manager_data", [FOX]),
]
REFUSED = [
    (call("calendar_destroy"), "unknown tool 'calendar_destroy'; choose one that is on offer, of company_directory, e"),
    ({"name": ["email_search_emails"], "arguments": {}}, "unknown tool ['email_search_emails']"),
    ({"name": "email_search_emails", "arguments": ["plan"]}, "must be an object, got ['plan']"),
    (call("email_search_emails", words="plan"), "email_search_emails has no argument 'words'; choose from query, date"),
    (call("email_search_emails", tables={}), "email_search_emails has no argument 'tables'"),
    (call("email_search_emails", page="1"), "page must be a whole number, got '1'"),
    (call("email_search_emails", page=""), "page must be a whole number, got ''"),
    (call("email_search_emails", page=True), "page must be a whole number, got True"),
    (call("email_search_emails", page_size=0), "page_size must be 1 or more, got 0"),
    (call("email_search_emails", date_min="yesterday"), "'yesterday' is no time of the form YYYY-MM-DD HH:MM:SS"),
    (call("calendar_search_events", time_min="2023-12-01T09:00:00Z"), "has a time zone"),
    (call("email_get_email_information_by_id", email_id="00000003", field="from"), "field must be one of 'email_id', "),
    (call("email_delete_email"), "email_delete_email needs the argument 'email_id'"),
    (call("email_delete_email", email_id=""), "email_delete_email needs the argument 'email_id'"),
    (call("email_delete_email", email_id=3), "email_id must be a text, got 3"),
    (call("email_delete_email", email_id="3"), "there is no email_id '3'"),
    (call("email_reply_email", email_id="00000009", body="Hi"), "there is no email_id '00000009'"),
    (call("email_forward_email", email_id="00000001", recipient="cy"), "recipient must be an e-mail address, got 'cy'"),
    (call("company_directory_find_email_address", name=None), "needs the argument 'name'"),
    (call("analytics_get_visitor_information_by_id", visitor_id="1"), "there is no visitor_id '1'"),
    (changed(PLOT, plot_type="pie"), "plot_type must be one of 'bar', 'line'"),
    (changed(PLOT, value_to_plot="visits"), "value_to_plot must be one of 'total_vis"),
    (changed(MEET, duration="0"), "a positive number of minutes, got '0'"),
    (changed(MEET, duration="9" * 5000), "a positive number of minutes, got '99"),
    (changed(MEET, event_start="noon"), "'noon' is no time"),
    (call("calendar_update_event", event_id="00000001", field="event_id", new_value="7"), "field must be one of 'eve"),
    (call("calendar_update_event", event_id="00000001", field="duration", new_value="long"), "number of minutes"),
    (changed(TASK, assigned_to_email="cy@shop.com"), "must be that of one of the team"),
    (changed(TASK, list_name="backlog"), "list_name must be one of 'Backlog', "),
    (call("project_management_update_task", task_id="00000001", field="board", new_value="Back"), "board must be one"),
    (call("project_management_update_task", task_id="00000001", field="owner", new_value="Bo"), "field must be one of"),
    (call("project_management_search_tasks"), "nothing is searched for"),
    (call("project_management_search_tasks", assigned_to_email="bo"), "must be an e-mail address, got 'bo'"),
    (call("customer_relationship_manager_search_customers", page=2), "nothing is searched for"),
    (call("customer_relationship_manager_update_customer", customer_id="00000001", field="status", new_value="won"),
     "status must be one of 'Qualified', 'Won'"),
    (call("customer_relationship_manager_add_customer", customer_name="Ed", status="Lead"), "needs the argument"),
]


def test_every_tool_is_tried():
    assert len(TOOLS) == 27 and {one["name"] for one, *_ in READS + CHANGES} == set(TOOLS)


@pytest.mark.parametrize(("one", "output"), READS)
def test_what_a_tool_finds(folder, one, output):
    workbench = Workbench(folder)
    assert json.dumps(workbench.call(**one)) == json.dumps({"output": output}) and workbench.answered == 1
    assert workbench.tables == read_tables(folder)


@pytest.mark.parametrize(("one", "output", "table", "rows"), CHANGES)
def test_what_a_tool_changes(folder, one, output, table, rows):
    workbench = Workbench(folder)
    assert workbench.call(**one) == {"output": output}
    assert list(workbench.tables[table]) == rows
    assert {name: held for name, held in workbench.tables.items() if name != table} == {
        name: held for name, held in read_tables(folder).items() if name != table}
    assert difference(read_tables(folder), workbench.tables)


@pytest.mark.parametrize(("one", "sentence"), REFUSED)
def test_what_a_tool_refuses(folder, one, sentence):
    workbench = Workbench(folder)
    answer = workbench.call(**one)
    assert list(answer) == ["error"] and sentence in answer["error"] and "\n" not in answer["error"]
    assert workbench.tables == read_tables(folder) and workbench.answered == 0


def test_ids_go_on_from_the_largest_that_is_left(folder):
    workbench = Workbench(folder)
    for expected in ("4", "5"):
        assert workbench.call(**MAIL) == {"output": expected}
    for event, expected in (("00000004", "00000003"), ("00000003", "00000003")):
        workbench.call("calendar_delete_event", {"event_id": event})
        assert workbench.call(**MEET) == {"output": expected}
    for event in ("00000001", "00000002", "00000003"):
        workbench.call("calendar_delete_event", {"event_id": event})
    assert workbench.call(**MEET) == {"error": "there is no event_id to count on from"}
    for customer in ("00000001", "00000002"):
        workbench.call("customer_relationship_manager_update_customer", {
            "customer_id": customer, "field": "customer_id", "new_value": "9" * 4300})
    assert workbench.call(**BUYER) == {"error": "there is no customer_id to count on from"}


def test_what_an_agent_does_is_seen_by_no_other_episode(folder):
    one, other = Workbench(folder), Workbench(folder)
    one.call("calendar_search_events", {})["output"]["events"][0]["duration"] = "1"
    one.call("calendar_update_event", {"event_id": "00000001", "field": "duration", "new_value": "45"})
    assert other.tables == read_tables(folder) == Workbench(folder).tables
    assert other.call("calendar_search_events", {})["output"] == page("events", REVIEW, SYNC_UP, SYNC)


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
    ["00000001", "2023-12-01 09:00:00", "Backlog", "event_name", "bo.ray@firm.com", "\ud800", "9" * 4400, 10 ** 400]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2), max_leaves=4)
NAMES = ("name", "query", "email_id", "event_id", "task_id", "customer_id", "field", "new_value", "body", "recipient",
         "subject", "page", "page_size", "time_min", "date_max", "event_start", "duration", "board", "status")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*TOOLS, "", None, 3]),
                          VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)), max_size=4))
def test_no_call_raises_and_a_refused_one_changes_nothing(folder, calls):
    workbench = Workbench(folder)
    for name, arguments in calls:
        before = dict(workbench.tables)
        answer = workbench.call(name, arguments)
        assert len(answer) == 1 and ("output" in answer or isinstance(answer["error"], str)
                                     and all(workbench.tables[table] is before[table] for table in before))
        json.dumps(answer)


def task(folder, *calls, **changes):
    return Task("agent", "t", "?", None, {"workbench": folder, "calls": list(calls), **changes})


def verdict(of, text):
    judged = AGENT.verify(of, f"<think>a</think>{text}")
    assert judged.reward == (judged.reason == "") == judged.correct
    return judged.reason


LOOK = call("calendar_search_events", query="sync")
MOVE = call("calendar_update_event", event_id="00000001", field="event_name", new_value="Plan")
LOST = call("customer_relationship_manager_update_customer", customer_id="00000001", field="status", new_value="Lost")


@pytest.mark.parametrize(("wanted", "transcript", "reason"), [
    ([MOVE, LOST], said(MOVE, LOST), ""),
    ([MOVE, LOST], said(LOST, MOVE), ""),
    ([MOVE], said(LOOK) + '<tool_response>{"output": []}</tool_response>' + said(MOVE) + "Done.", ""),
    ([MOVE], said(changed(MOVE, new_value="Other"), MOVE, MOVE), ""),  # what is left at the end counts
    ([MOVE], said(changed(MOVE, new_value="PLAN")), ""),
    ([MEET], said(changed(MEET, event_name="plan", participant_email="ANN.LEE@FIRM.COM")), ""),
    ([MOVE], "<tool_call>{</tool_call>" + said(call("calendar_destroy"), MOVE), ""),  # refused calls are skipped
    ([MEET], said(changed(MEET, duration=30), MEET), ""),
    ([BUYER], said(changed(BUYER, notes="")), ""),
    ([MAIL, call("email_delete_email", email_id="00000001")],
     said(call("email_delete_email", email_id="00000001"), MAIL), ""),
    ([MOVE], "I moved it.", "calendar_events: expected {'event_id': '00000001', 'event_name': 'plan'}, found "
                            "{'event_id': '00000001', 'event_name': 'sync'}"),
    ([MOVE], f"<think>{said(MOVE)}</think>Done.", "calendar_events: expected {'event_id': '00000001', "),
    ([MOVE], f"<tool_response>{said(MOVE)}</tool_response>", "calendar_events: expected {'event_id': '00000001', "),
    ([MOVE], said(MOVE).removesuffix("</tool_call>"), "first error: the call is not closed by </tool_call>"),
    ([MOVE], said(changed(MOVE, new_value=["Plan"])), "first error: new_value must be a text, got ['Plan']"),
    ([MOVE], said(changed(MOVE, new_value="Plan ")), "calendar_events: expected"),
    ([MOVE], said(MOVE, LOST), "customer_relationship_manager_data: expected {'customer_id': '00000001', 'status': "
                               "'Lead'}, found {'customer_id': '00000001', 'status': 'Lost'}"),
    ([call("calendar_delete_event", event_id="00000001")], "", "calendar_events: {'event_id': '00000001', 'event_name'"
                                                               ": 'sync', 'event_start': '2023-12-01 09:00:00', 'par"),
    ([MEET], said(MEET, MEET), "is too much"),
    ([MEET, MEET], said(MEET), "is missing"),
    ([BUYER], said(changed(BUYER, status="New")), "customer_relationship_manager_data: expected"),  # case matters
    ([MEET, changed(MEET, event_name="B")], said(changed(MEET, event_name="B"), MEET), "calendar_events: expe"),  # ids
    ([PLOT, changed(PLOT, plot_type="line")], said(changed(PLOT, plot_type="line"), PLOT),
     "plots: the rows are in another order"),
    ([PLOT], said(PLOT, PLOT), "plots: {'file_path': 'plots/2023-11-01_2023-11-30_user_engaged_bar.png'} is too much"),
    ([], "Nothing is to be done.", "nothing is to be changed, and nothing was looked at"),
    ([], said(call("calendar_destroy")), "nothing is to be changed, and nothing was looked at; first error: unknown"),
    ([], f"<think>{said(LOOK)}</think>", "nothing is to be changed, and nothing was looked at"),
    ([], said(LOOK), ""), ([LOOK], said(call("email_search_emails")), ""),
    ([], said(LOOK, MOVE), "calendar_events: expected {'event_id': '00000001', 'event_name': 'sync'}, found"),
])
def test_what_is_left_in_the_tables_is_judged(folder, wanted, transcript, reason):
    found = verdict(task(folder, *wanted), transcript)
    assert reason in found if reason else not found


@pytest.mark.parametrize("calls", [[], [LOOK], *([one] for one, *_ in CHANGES), [one for one, *_ in CHANGES[4:9]]])
def test_a_reference_scores_and_doing_nothing_does_not(folder, calls):
    asked = task(folder, *calls)
    assert verdict(asked, AGENT.reference(asked)) == ""
    assert verdict(asked, "") and AGENT.verify(asked, AGENT.reference(asked)).reward == 0  # not closed by </think>


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text() | st.sampled_from([
    "<tool_call>", "</tool_call>", "<think>", "</think>", said(MOVE), said(LOST), "{",
    '{"name": "email_search_emails", "arguments": ' + "[" * 3000]), max_size=6))
def test_no_transcript_raises(folder, parts):
    judged = AGENT.verify(task(folder, MOVE), "".join(parts))
    assert (judged.reward == 1.0) == (judged.reason == "")


def test_an_episode_is_answered_turn_by_turn_and_ends_with_the_first_without_a_call(folder):
    episode = AGENT.environment(task(folder, MOVE))
    read = call("email_get_email_information_by_id", email_id="00000003", field="subject")
    assert episode.step(said(read, MOVE, MOVE | {"name": "x"})).startswith(
        '<tool_response>{"output": {"subject": "Lunch"}}</tool_response>'
        '<tool_response>{"output": "00000001"}</tool_response><tool_response>{"error": "unknown tool \'x\'; ')
    assert episode.step("Done.") is None and episode.done
    again = AGENT.environment(task(folder, MOVE))
    assert again.workplace.tables == read_tables(folder)
    assert [again.step(said(read)) is None for _ in range(6)] == [False] * 5 + [True]


@pytest.mark.parametrize(("changes", "message"), [
    ({"workbench": 3}, "metadata['workbench'] is the folder of a workbench's tables, got 3"),
    ({"workbench": "nowhere"}, "needs the table nowhere/processed/emails.csv, which is not there"),
    ({"calls": None}, "metadata['calls'] is a list of {'name', 'arguments'}, got None"),
    ({"calls": ["move"]}, "a call has the keys 'name' and 'arguments', got 'move'"),
    ({"calls": [MOVE, call("calendar_destroy")]}, "is refused: unknown tool 'calendar_destroy'"),
    ({"calls": [changed(MOVE, event_id="9")]}, "is refused: there is no event_id '9'"),
])
def test_a_task_that_cannot_be_judged(folder, changes, message):
    bad = task(folder, MOVE, **changes)
    for use in (AGENT.environment, AGENT.reference, lambda one: AGENT.verify(one, "</think>")):
        with pytest.raises(TaskError) as error:
            use(bad)
        assert message in str(error.value) and "'t'" in str(error.value)


EVENTS = "processed/calendar_events.csv"


@pytest.mark.parametrize(("changes", "message"), [
    ({"processed/project_tasks.csv": None}, "needs the table .*project_tasks.csv, which is not there; give the folder"),
    ({"raw/email_addresses.csv": None}, "needs the table .*email_addresses.csv"),
    ({EVENTS: FILES[EVENTS].replace("duration", "minutes")}, "calendar_events.csv has no column 'duration'; it has"),
    ({EVENTS: ""}, "calendar_events.csv has no column 'event_id'; it has none"),
    ({EVENTS: FILES[EVENTS].replace(",30", "")}, "row 1 of .*calendar_events.csv has 4 cells, and the header 5"),
    ({EVENTS: FILES[EVENTS].replace("2023-12-04 11:00:00", "Monday")}, "row 2 of .* no readable event_start: 'Mond"),
    ({EVENTS: FILES[EVENTS].replace("00000004", "")}, "row 3 of .*calendar_events.csv has no event_id"),
    ({EVENTS: FILES[EVENTS] + '"'}, "calendar_events.csv cannot be read as csv"),
])
def test_a_folder_that_is_no_workbench(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        Workbench(write_tables(tmp_path, changes))
    assert "\n" not in str(error.value)


def test_a_table_may_have_other_columns_and_a_byte_order_mark_and_blank_lines(tmp_path, folder):
    lines = [f"{line},x" if line else line for line in (*FILES[EVENTS].split("\n"),)]
    odd = write_tables(tmp_path, {EVENTS: "\ufeff" + "\r\n".join([lines[0][:-1] + "room", *lines[1:], ""])})
    assert read_tables(odd) == read_tables(folder) and set(CHANGEABLE) < set(read_tables(odd))
