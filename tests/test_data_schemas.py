"""Every published form of rows: a right answer scores 1, a wrong one 0, and odd rows are refused for a reason."""

import json

import pytest

from tests.workbench_tables import tool, write_tables
from training.data import nemotron
from training.data.rejects import Tally
from training.data.schemas import SCHEMAS, detect, tasks_of
from training.domains import get_domain

THINK = "<think> Let me see. </think> "
BLEND = "nano_v3_sft_profiled_"


def asked(text, **more):
    return {"responses_create_params": {"input": [{"role": "user", "content": text}]}, **more}


def program(body):
    return f"```python\n{body}\n```"


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


MATH = asked("What is 6 times 7?", dataset=BLEND + "dapo17k", expected_answer="42", question="What is 6 times 7?")
CHOICE = asked("Which is a metal?\nA: iron\nB: salt", dataset=BLEND + "stem_mcqa", expected_answer="A",
               options=[{"A": "iron"}, {"B": "salt"}], uuid="u")
FOLLOW = asked("Write. No commas.", dataset=BLEND + "instruction_following", prompt="Write. No commas.",
               instruction_id_list=["punctuation:no_comma", "keywords:existence"], kwargs=[None, {"keywords": ["sea"]}])
CODE = asked("Double it.", dataset=BLEND + "comp_coding_50tests",
             verifier_metadata={"unit_tests": {"inputs": ["2\n", "5"], "outputs": ["4\n", "10"]}})
AGENT = {"responses_create_params": {"input": [{"role": "system", "content": "It is Thursday."},
                                               {"role": "user", "content": "Cancel the review."}],
                                     "tools": [tool("calendar_delete_event", "event_id"), tool("email_delete_email")]},
         "dataset": BLEND + "workbench", "category": "workplace_assistant_calendar",
         "ground_truth": [{"name": "calendar_delete_event", "arguments": '{"event_id": "00000002"}'}]}
DAPO = {"data_source": "math_dapo", "prompt": [{"role": "user", "content": "6 times 7? Answer: $Answer"}],
        "ability": "MATH", "reward_model": {"ground_truth": "42", "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": "9a"}}
EURUS = {"prompt": [{"role": "user", "content": "Double it."}], "ability": "code",
         "reward_model": {"ground_truth": json.dumps({"inputs": ["2"], "outputs": ["4"]}), "style": "rule"}}
MMLU = {"question": "Which metal?", "subject": "chemistry", "choices": ["salt", "iron", "wood", "tea"], "answer": 1}
PRO = {"question_id": 1, "question": "Metal?", "options": ["salt", "iron"], "answer": "B", "answer_index": 1}
ARC = {"id": "x", "question": "Metal?", "choices": {"text": ["salt", "iron"], "label": ["1", "2"]}, "answerKey": "2"}
IFEVAL = {"key": 1000, "prompt": "Say it without commas.", "instruction_id_list": ["punctuation:no_comma"],
          "kwargs": [{"num_words": None, "relation": None}]}
TACO = {"question": "Double it.", "starter_code": "", "input_output": json.dumps({"inputs": ["2"], "outputs": ["4"]})}
APPS = {"question": "Double it.", "starter_code": "def double(x):",
        "input_output": json.dumps({"inputs": [[2], [5]], "outputs": [[4], 10], "fn_name": "double"})}
PLAIN = {"prompt": "Double it.", "inputs": ["2", ["5"]], "outputs": ["4", ["10", ""]]}

DOUBLE, HALF = program("print(2 * int(input()))"), program("print(int(input()) // 2)")
PUBLISHED = {
    "the blend's math": ("nemotron", MATH, "math", "Answer: 42", "Answer: 41"),
    "the blend's choice": ("nemotron", CHOICE, "science", "Answer: A", "Answer: B"),
    "the blend's instructions": ("nemotron", FOLLOW, "instructions", "The sea is wide.", "The sea, yes."),
    "the blend's code": ("nemotron", CODE, "coding", DOUBLE, HALF),
    "DAPO": ("verl", DAPO, "math", "Answer: 42", "Answer: 41"),
    "code in verl's form": ("verl", EURUS, "coding", DOUBLE, HALF),
    "MMLU": ("choices", MMLU, "science", "Answer: B", "Answer: A"),
    "MMLU-Pro": ("choices", PRO, "science", "Answer: B", "Answer: A"),
    "ARC": ("choices", ARC, "science", "Answer: B", "Answer: A"),
    "IFEval": ("ifeval", IFEVAL, "instructions", "So be it.", "So, be it."),
    "TACO": ("programs", TACO, "coding", DOUBLE, HALF),
    "APPS, a function": ("programs", APPS, "coding", program("def double(x):\n    return 2 * x"),
                         program("def double(x):\n    return x")),
    "APPS, a method": ("programs", APPS, "coding",
                       program("class Solution:\n    def double(self, x):\n        return 2 * x"), "no program"),
    "lists of inputs and outputs": ("programs", PLAIN, "coding", DOUBLE, HALF),
}


def read(row, schema=None, workbench=None):
    """(schema, tasks, table) of a source of one row."""
    tally = Tally()
    name, tasks = tasks_of(iter([(0, row)]), "rows.jsonl", schema, tally, workbench)
    return name, [task for _, task in tasks], tally.table()


@pytest.mark.parametrize(("schema", "row", "domain", "right", "wrong"), PUBLISHED.values(), ids=PUBLISHED)
def test_a_published_row_is_told_by_its_columns_and_graded(schema, row, domain, right, wrong):
    name, (task,), refused = read(row)
    assert (name, task.domain, task.id, refused) == (schema, domain, f"{schema}-0", [])
    assert get_domain(domain).verify(task, THINK + right).reward == 1.0
    assert get_domain(domain).verify(task, THINK + wrong).reward == 0.0


def code_of(**tests):
    return {**CODE, "verifier_metadata": {"unit_tests": {"inputs": ["2"], "outputs": ["4"], **tests}}}


def template(regex):
    return {**CHOICE, "template_metadata": {"output_regex": regex}}


REFUSED = {
    "a placeholder": ({"dataset": BLEND + "dapo17k", "_hf_placeholder": {"row": 3, "question_template": {}}},
                      "fill it in with the dataset's create_nanov3_jsonl.py"),
    "structured outputs": ({**MATH, "dataset": BLEND + "structured_outputs"}, "no domain here grades nano_v3_sft"),
    "another dataset": ({**MATH, "dataset": "taco"}, "neither dataset nor agent_ref names a domain"),
    "no answer": (without(MATH, "expected_answer"), "there is no expected_answer"),
    "an answer that is null": ({**MATH, "expected_answer": None}, "there is no expected_answer"),
    "an answer that is an object": ({**MATH, "expected_answer": {"a": 1}}, "expected_answer is an object and not a t"),
    "a truth value": ({**MATH, "expected_answer": True}, "expected_answer is a truth value and not a text or"),
    "an answer that is blank": ({**MATH, "expected_answer": " "}, "the math verifier cannot judge it"),
    "two answers": ({**MATH, "expected_answer": ["1", "2"]}, "it has several reference answers"),
    "an answer that says nothing": ({**MATH, "expected_answer": "$"}, "math verifier judges its own reference an"),
    "no messages": ({**MATH, "responses_create_params": {}}, "there is no responses_create_params.input"),
    "an answered conversation": ({**MATH, "responses_create_params": {"input": [
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}]}}, "turns other than those of"),
    "an image": ({**MATH, "responses_create_params": {"input": [
        {"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}}, "something other than text"),
    "a lone surrogate": (asked("a \ud800 b", **without(MATH, "responses_create_params")), "is not valid Unicode"),
    "a letter that is no option": ({**CHOICE, "expected_answer": "C"}, "the science verifier cannot judge it"),
    "options out of order": ({**CHOICE, "options": [{"B": "x"}, {"A": "y"}]}, "its options are not lettered A, B"),
    "options that are texts": ({**CHOICE, "options": ["iron", "salt"]}, "its options are not a list of {letter: text}"),
    "a form that is not read": (template(r"Option Selected:\s*([A-Za-z])"), "in a form that the science verifier does"),
    "a form that is no pattern": (template("("), "its output_regex is no regular expression"),
    "another instruction": ({**FOLLOW, "instruction_id_list": ["ratio:adverbs"], "kwargs": [{}]},
                            "unknown instruction 'ratio:adverbs'"),
    "an argument that is missing": ({**FOLLOW, "kwargs": [{}, {}]}, "the instructions verifier cannot judge it"),
    "fewer arguments than instructions": ({**FOLLOW, "kwargs": [{}]}, "more or fewer kwargs than instructions"),
    "arguments as text": ({**FOLLOW, "kwargs": ["{}", "{}"]}, "its kwargs are not objects"),
    "more inputs than outputs": (code_of(inputs=["1", "2"]), "it has more or fewer inputs than outputs"),
    "no tests": (code_of(inputs=[], outputs=[]), "it has no tests"),
    "an input that is a number": (code_of(inputs=[2]), "an input or output of its program is not text"),
    "no unit tests": ({**CODE, "verifier_metadata": {}}, "there is no verifier_metadata.unit_tests"),
    "a function without a name": (code_of(fn_name="a b"), "the name of its function is no name"),
    "a value that is not JSON": (code_of(fn_name="f", outputs=["four"]), "its tests are not JSON"),
    "a value that is not a number": (code_of(fn_name="f", outputs=["NaN"]), "its tests are not JSON"),
    "an agent's row without its tables": (AGENT, "about tables that are not in the rows: name their folder, csv_da"),
    "an agent_ref that is a list": ({**without(MATH, "dataset"), "agent_ref": ["a"]}, "neither dataset nor agent_ref"),
    "a reward model": ({**DAPO, "reward_model": {"ground_truth": "4", "style": "model"}}, "'model' is no rule"),
    "no ground truth": ({**DAPO, "reward_model": {"style": "rule"}}, "there is no reward_model.ground_truth"),
    "a prompt of another type": ({**DAPO, "prompt": 7}, "prompt is a number and not a list or a text"),
    "tests that are not JSON": ({**EURUS, "reward_model": {"ground_truth": "2"}}, "not an object with inputs and"),
    "an index that is no option": ({**MMLU, "answer": 4}, "its answer is none of its options"),
    "a negative index": ({**MMLU, "answer": -1}, "its answer is none of its options"),
    "a label that is no option": ({**ARC, "answerKey": "3"}, "its answer is none of its options"),
    "one option": ({**MMLU, "choices": ["iron"], "answer": 0}, "the science verifier cannot judge it"),
    "no options": ({**MMLU, "choices": []}, "its answer is none of its options"),
    "options that are numbers": ({**MMLU, "choices": [1, 2]}, "its options are not all texts"),
    "input_output that is cut off": ({**TACO, "input_output": '{"inputs": ['}, "its tests are not JSON"),
}


@pytest.mark.parametrize(("row", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_row_that_cannot_be_graded_is_counted_with_its_reason(row, reason):
    name, tasks, (refused,) = read(row)
    assert tasks == [] and reason in refused["reason"] and (refused["count"], refused["row"]) == (1, 0)
    assert "\n" not in refused["reason"] and len(refused["found"]) <= 300


def test_an_empty_prompt_is_refused():
    assert read({**IFEVAL, "prompt": " \n"})[2][0]["reason"] == "the prompt is empty"


def test_reasons_are_counted_with_the_first_row_and_what_it_holds():
    rows = [MATH, {**MATH, "expected_answer": " "}, {**MATH, "expected_answer": [3, 4]}, MATH,
            {**MATH, "expected_answer": [5, 6]}]
    tally = Tally()
    _, tasks = tasks_of(iter(enumerate(rows)), "rows.jsonl", None, tally)
    assert [(number, task.id) for number, task in tasks] == [(0, "nemotron-0"), (3, "nemotron-3")]
    assert tally.total == 3
    assert tally.table() == [
        {"reason": "it has several reference answers", "count": 2, "row": 2, "found": "[3, 4]"},
        {"reason": "the math verifier cannot judge it", "count": 1, "row": 1,
         "found": "math task 'nemotron-1' needs its answer as a non-empty string, got ' '"}]


def test_a_question_that_names_no_form_is_asked_for_one_and_others_stay_as_published():
    assert read(MATH)[1][0].prompt.endswith("Answer: followed by the answer alone.\n\nWhat is 6 times 7?")
    assert read(DAPO)[1][0].prompt == "6 times 7? Answer: $Answer"
    boxed = asked("6 times 7? Use \\boxed{}.", **without(MATH, "responses_create_params"))
    assert read(boxed)[1][0].prompt == "6 times 7? Use \\boxed{}."
    assert read(template(r"\\boxed\{\s*([A-Za-z])\s*\}"))[1][0].prompt == "Which is a metal?\nA: iron\nB: salt"
    assert "def double(x):" in read(APPS)[1][0].prompt and "standard input" not in read(APPS)[1][0].prompt


def test_answers_of_other_types_are_written_as_text():
    for answer, text in ((42, "42"), (42.0, "42"), (0.5, "0.5"), (["42"], "42"), ("\\frac{1}{2}", "\\frac{1}{2}")):
        assert read({**MATH, "expected_answer": answer})[1][0].answer == text
    truth = {**DAPO, "reward_model": {"ground_truth": '["\\\\frac{1}{2}"]'}}
    assert read(truth)[1][0].answer == "\\frac{1}{2}"
    assert read({**DAPO, "reward_model": {"ground_truth": "[0, 1]"}})[1][0].answer == "[0, 1]"


def test_arguments_that_a_table_filled_in_with_null_are_left_out():
    assert read(IFEVAL)[1][0].metadata == {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}


def test_an_agent_ref_names_the_domain_where_the_dataset_does_not():
    row = {**without(MATH, "dataset"), "agent_ref": {"name": "math_with_judge_simple_agent"}}
    assert read(row)[1][0].domain == "math"
    held = {"verifier_metadata": {name: FOLLOW[name] for name in ("instruction_id_list", "kwargs", "prompt")}}
    row = {**without(FOLLOW, "instruction_id_list", "kwargs", "prompt"), **held}
    assert read(row)[1][0].metadata["kwargs"] == [{}, {"keywords": ["sea"]}]


@pytest.mark.parametrize("named", [
    {"dataset": BLEND + "workbench"}, {"agent_ref": {"name": "workplace_assistant_simple_agent"}},
    {"environment_name": "workplace_assistant"}])
def test_an_agents_row_is_graded_on_the_tables_of_a_folder(tmp_path, named):
    folder = write_tables(tmp_path)
    name, (task,), refused = read({**without(AGENT, "dataset"), **named}, workbench=folder)
    assert (name, task.domain, refused) == ("nemotron", "agent", [])
    assert task.metadata == {
        "workbench": folder, "calls": [{"name": "calendar_delete_event", "arguments": {"event_id": "00000002"}}],
        "question": "It is Thursday.\n\nCancel the review.", "source": named.get("dataset", "nemo-gym")}
    asked, *tools = task.prompt.removesuffix("\n\n" + task.metadata["question"]).split("\n")
    assert asked.startswith('Call tools by <tool_call>{"name": ..., "arguments": {...}}</tool_call>; ')
    assert [json.loads(one) for one in tools] == AGENT["responses_create_params"]["tools"]
    agent, right = get_domain("agent"), get_domain("agent").reference(task)
    assert agent.verify(task, THINK + right).reward == 1.0
    assert agent.verify(task, THINK + right.replace("2", "1")).reason.startswith("calendar_events: expected {")


REPLAYED = "its ground_truth cannot be replayed on the workbench"


@pytest.mark.parametrize(("calls", "reason", "found"), [
    ([], "", ""),  # graded: right is to change nothing
    ('[{"name": "calendar_delete_event", "arguments": "{\\"event_id\\": \\"00000001\\"}"}]', "", ""),
    ([{"name": "calendar_delete_event"}], "its ground_truth is not a list of calls with a name and argum", "delete"),
    ([{"name": "calendar_delete_event", "arguments": "{"}], "its ground_truth is not a list of calls", "delete"),
    ({"name": "calendar_delete_event"}, "ground_truth is an object and not a list or a text", "name"),
    ([{"name": "create_event", "arguments": "{}"}], REPLAYED, "unknown tool 'create_event'"),
    ([{"name": ["create_event"], "arguments": "{}"}], REPLAYED, "unknown tool ['create_event']"),
    ([{"name": "calendar_delete_event", "arguments": "[]"}], REPLAYED, "must be an object, got []"),
    ([{"name": "calendar_delete_event", "arguments": '{"event_id": "2"}'}], REPLAYED, "there is no event_id '2'"),
])
def test_a_ground_truth_that_cannot_be_replayed_is_refused(tmp_path, calls, reason, found):
    _, tasks, refused = read({**AGENT, "ground_truth": calls}, workbench=write_tables(tmp_path))
    assert len(tasks) + len(refused) == 1 and bool(refused) == bool(reason)
    assert not refused or reason in refused[0]["reason"] and found in refused[0]["found"]


def test_a_row_offers_tools_that_the_workbench_has(tmp_path):
    folder = write_tables(tmp_path)
    for tools, reason in ((None, "there is no responses_create_params.tools"), (["a"], "there is no name"),
                          ([tool("create_event")], "it has a tool that the workbench does not have")):
        asked = {**AGENT["responses_create_params"], "tools": tools}
        assert read({**AGENT, "responses_create_params": asked}, workbench=folder)[2][0]["reason"] == reason


def test_a_workbench_is_for_agents_rows_and_whole(tmp_path):
    with pytest.raises(ValueError, match="needs the table .*emails.csv, which is not there"):
        read(AGENT, workbench=str(tmp_path))
    folder = write_tables(tmp_path)
    with pytest.raises(ValueError, match="the schema 'verl' has no rows about a workbench; leave .* out"):
        read(DAPO, workbench=folder)
    assert read(MATH, workbench=folder)[1][0].domain == "math"


@pytest.mark.parametrize("form", nemotron.FORMS)
def test_every_form_that_is_taken_for_readable_is_read(form):
    task = read(CHOICE)[1][0]
    assert get_domain("science").verify(task, THINK + form.format("A")).reward == 1.0


@pytest.mark.parametrize(("row", "said"), [
    ({}, "rows.jsonl has no column 'prompt', which the schema 'verl' needs; it has none"),
    ({"prompt": []}, "has no column 'reward_model', which the schema 'verl' needs; it has prompt"),
])
def test_a_missing_column_is_one_sentence(row, said):
    with pytest.raises(ValueError, match=said):
        read(row, "verl")


def test_unknown_forms_and_schemas_are_named_with_the_choices():
    with pytest.raises(ValueError, match="is of no known schema: it has the columns text, id; nemotron needs respons"):
        detect(["text", "id"], "rows.jsonl")
    with pytest.raises(ValueError, match="unknown schema 'sharegpt'; choose one of nemotron, verl, ifeval, prog"):
        read(MATH, "sharegpt")
    assert list(SCHEMAS) == ["nemotron", "verl", "ifeval", "programs", "choices"]


def test_a_function_may_return_a_tuple_and_its_arguments_stand_a_line_each():
    row = {**code_of(fn_name="pair", inputs=["1\n[2, 3]"], outputs=["[1, 5]"])}
    task = read(row)[1][0]
    right = "def pair(a, b):\n    return a, sum(b)"
    assert get_domain("coding").verify(task, THINK + program(right)).reward == 1.0
    assert get_domain("coding").verify(task, THINK + program(right.replace("sum", "max"))).reward == 0.0
