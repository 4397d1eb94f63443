"""Every benchmark in its published schema: graded by its verifier, what cannot be graded counted, odd rows refused."""

import base64
import json
import os
import pickle
import zlib
from collections import Counter

import pandas as pd
import pytest

from training.data.benchmarks import BENCHMARKS, livecodebench, load_benchmark, questions, questions_named, survey
from training.data.benchmarks.__main__ import main as command
from training.data.benchmarks.hle import is_formula, listed
from training.data.pickled import text_in_pickle
from training.domains import get_domain

THINK = "<think> Let me see. </think> "


def write(folder, rows, name="rows.jsonl"):
    file = folder / name
    if file.suffix == ".csv":
        pd.DataFrame(rows).to_csv(file, index=False)
    elif file.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(file)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def program(body):
    return f"```python\n{body}\n```"


def packed(cases):
    """Private tests as LiveCodeBench publishes them."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def case(given, expected, kind="stdin"):
    return {"input": given, "output": expected, "testtype": kind}


AIME = {"id": 60, "problem": "How many?", "answer": "033", "solution": "\\boxed{33}", "url": "x", "year": 2024}
MATH_ARENA = {"problem_idx": 1, "problem": "How many?", "answer": 33, "problem_type": ["Algebra"]}
MATH_AI = {"id": 60, "problem": "How many?", "solution": "\\boxed{33}", "url": "x"}
JIA = {"ID": "2024-I-1", "Problem": "How many?", "Solution": "So.", "Answer": 33}
GPQA = {"Record ID": "rec1", "Question": "Which one is a metal?", "Correct Answer": "iron ",
        "Incorrect Answer 1": "salt", "Incorrect Answer 2": "wood\n", "Incorrect Answer 3": "tea", "Subdomain": "c"}
STDIN = {"question_title": "Double", "question_content": "Double the number.", "platform": "atcoder",
         "question_id": "abc1", "contest_date": "2025-01-01T00:00:00", "starter_code": "", "difficulty": "easy",
         "public_test_cases": json.dumps([case("2\n", "4\n")]), "private_test_cases": packed([case("5", "10")]),
         "metadata": "{}"}
FUNCTION = {**STDIN, "question_id": "3",
            "starter_code": "class Solution:\n    def pair(self, a: int, b: List[int]):\n        ",
            "public_test_cases": json.dumps([case("2\n[1, 2]", "[2, 3]", "functional")]),
            "private_test_cases": json.dumps([case("0\n[]", "[0, 0]", "functional")]),
            "metadata": json.dumps({"func_name": "pair"})}
HLE = {"id": "h1", "question": "What is the value?", "image": "", "image_preview": None, "answer": "$\\frac{3}{4}$",
       "answer_type": "exactMatch", "category": "Math"}
HLE_CHOICE = {**HLE, "id": "h2", "answer": "B", "answer_type": "multipleChoice",
              "question": "A. Smith asked which is a metal.\n\nAnswer Choices:\nA. salt\nB. iron\n   or steel\nC. wood"}
FOLLOW = {"key": 1000, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
REDUX = {"question": "Which is a metal?", "choices": ["salt", "iron", "wood", "tea"], "answer": 1, "error_type": "ok",
         "source": None, "correct_answer": None, "potential_reason": None}
CORRECTED = {**REDUX, "answer": 0, "error_type": "wrong_groundtruth", "correct_answer": "B"}

PAIR = "from typing import List\nclass Solution:\n    def pair(self, a: int, b: List[int]):\n        return a, sum(b)"
GRADED = {
    "aime24, the hub's copy": ("aime24", AIME, "math", "aime24/60", "Answer: 33", "Answer: 34"),
    "aime24, a solution only": ("aime24", MATH_AI, "math", "aime24/60", "\\boxed{33}", "\\boxed{330}"),
    "aime24, capitals": ("aime24", JIA, "math", "aime24/2024-I-1", "Answer: 033", "I do not know."),
    "aime25": ("aime25", MATH_ARENA, "math", "aime25/1", "Answer: 33", "Answer: 33.5"),
    "livecodebench, a program": ("livecodebench", STDIN, "coding", "livecodebench/abc1",
                                 program("print(2 * int(input()))"), program("print(4)")),
    "livecodebench, a method": ("livecodebench", FUNCTION, "coding", "livecodebench/3", program(PAIR),
                                program(PAIR.replace("sum(b)", "3"))),
    "hle, a formula": ("hle", HLE, "math", "hle/h1", "Answer: 0.75", "Answer: 0.7"),
    "hle, multiple choice": ("hle", HLE_CHOICE, "science", "hle/h2", "Answer: B", "Answer: C"),
    "ifeval": ("ifeval", FOLLOW, "instructions", "ifeval/1000", "So be it.", "So, be it."),
    "ifbench": ("ifbench", {**FOLLOW, "key": "0", "instruction_id_list": ["count:numbers"], "kwargs": [{"N": 2.0}]},
                "instructions", "ifbench/0", "1 and 2.", "1 and no more."),
    "mmlu-redux": ("mmlu-redux", REDUX, "science", "mmlu-redux/rows-0", "Answer: B", "Answer: A"),
    "mmlu-redux, corrected": ("mmlu-redux", CORRECTED, "science", "mmlu-redux/rows-0", "Answer: B", "Answer: A"),
}


@pytest.mark.parametrize(("name", "row", "domain", "identity", "right", "wrong"), GRADED.values(), ids=GRADED)
def test_a_published_row_is_graded(tmp_path, name, row, domain, identity, right, wrong):
    found = load_benchmark(name, write(tmp_path, [row]))
    (task,) = found.tasks
    assert (found.name, found.rejected, task.domain, task.id) == (name, [], domain, identity)
    assert get_domain(domain).verify(task, THINK + right).reward == 1.0
    assert get_domain(domain).verify(task, THINK + wrong).reward == 0.0


def test_gpqa_is_shuffled_by_the_seed_and_the_record_alone(tmp_path):
    rows = [{**GPQA, "Record ID": f"rec{k}"} for k in range(40)]
    file = write(tmp_path, rows, "gpqa_diamond.csv")
    first, again, other = (load_benchmark("gpqa-diamond", file, seed).tasks for seed in (0, 0, 1))
    assert first == again and [task.id for task in first] == [task.id for task in other]
    assert {task.metadata["seed"] for task in other} == {1}
    assert sum(a.answer != b.answer for a, b in zip(first, other, strict=True)) > 15
    assert set(Counter(task.answer for task in first)) == set("ABCD")
    for task in first:
        assert sorted(task.metadata["choices"]) == ["iron", "salt", "tea", "wood"]
        assert task.metadata["choices"]["ABCD".index(task.answer)] == "iron"
        assert f"{task.answer}) iron" in task.prompt
        assert get_domain("science").verify(task, THINK + f"Answer: {task.answer}").reward == 1.0
        wrong = "B" if task.answer == "A" else "A"
        assert get_domain("science").verify(task, THINK + f"Answer: {wrong}").reward == 0.0
    reordered = load_benchmark("gpqa-diamond", write(tmp_path, rows[::-1], "r.csv"), 0).tasks
    assert reordered[::-1] == first


REFUSED = {
    "an answer beyond 999": ("aime24", {**AIME, "answer": "1000"}, "its answer is no whole number from 0 to 999"),
    "an answer with a decimal point": ("aime24", {**AIME, "answer": "3.5"}, "its answer is no whole number"),
    "a negative answer": ("aime25", {**MATH_ARENA, "answer": -3}, "its answer is no whole number"),
    "no problem": ("aime24", {"problem": None, "answer": "3"}, "there is no problem"),
    "an empty option": ("gpqa-diamond", {**GPQA, "Incorrect Answer 2": " "}, "one of its options is empty"),
    "an option that is missing": ("gpqa-diamond", {**GPQA, "Incorrect Answer 2": None}, "there is no Incorrect Ans"),
    "no private tests": ("livecodebench", {**STDIN, "private_test_cases": "[]"}, "it has no private tests"),
    "private tests left out": ("livecodebench", {**STDIN, "private_test_cases": None}, "there is no private_test"),
    "private tests that are not base64": ("livecodebench", {**STDIN, "private_test_cases": "!!"}, "neither JSON"),
    "private tests that are not packed": ("livecodebench", {**STDIN, "private_test_cases": "AAAA"}, "neither JSON"),
    "public tests that are an object": ("livecodebench", {**STDIN, "public_test_cases": "{}"}, "public tests are not"),
    "a test without a kind": ("livecodebench", {**STDIN, "public_test_cases": '[{"input": "", "output": ""}]'},
                              "there is no testtype"),
    "a test of another kind": ("livecodebench", {**STDIN, "public_test_cases": json.dumps([case("", "", "web")])},
                               "a test has the testtype 'web'"),
    "a function without a name": ("livecodebench", {**FUNCTION, "metadata": "{}"}, "there is no metadata.func_name"),
    "an image": ("hle", {**HLE, "image": "data:image/png;base64,AAAA"}, "it shows an image"),
    "an answer in words": ("hle", {**HLE, "answer": "The Treaty of Westphalia"}, "in words, which takes a judge"),
    "options that are not in the text": ("hle", {**HLE_CHOICE, "question": "Which?"}, "its options cannot be"),
    "a letter that is no option": ("hle", {**HLE_CHOICE, "answer": "D"}, "the science verifier cannot judge it"),
    "another kind of answer": ("hle", {**HLE, "answer_type": "essay"}, "its answer_type is 'essay'"),
    "another instruction": ("ifbench", {**FOLLOW, "instruction_id_list": ["count:adverbs"], "kwargs": [{}]},
                            "unknown instruction 'count:adverbs'"),
    "an instruction without its argument": ("ifbench", {**FOLLOW, "instruction_id_list": ["count:pronouns"]},
                                            "the instructions verifier cannot judge it"),
    "a question without an answer": ("mmlu-redux", {**REDUX, "error_type": "no_correct_answer"},
                                     "marked no_correct_answer: it has no single right option"),
    "a correction in words": ("mmlu-redux", {**CORRECTED, "correct_answer": "iron"}, "its correct answer is no letter"),
}


@pytest.mark.parametrize(("name", "row", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_row_that_cannot_be_graded_is_counted_with_its_reason(tmp_path, name, row, reason):
    good = next(other for kind, other, *_ in [*GRADED.values(), ("gpqa-diamond", GPQA)] if kind == name)
    ids = {column: f"other {column}" for column in BENCHMARKS[name].ids if column in good}
    found = load_benchmark(name, write(tmp_path, [{**good, **ids}, row]))
    assert len(found.tasks) == 1
    assert [(one["count"], one["row"]) for one in found.rejected] == [(1, 1)] and reason in found.rejected[0]["reason"]
    with pytest.raises(ValueError, match=f"none of the 1 rows of .* can be graded as {name}: "):
        load_benchmark(name, write(tmp_path, [row]))


class Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def test_a_pickle_that_runs_something_is_refused_and_runs_nothing(tmp_path):
    bomb = base64.b64encode(zlib.compress(pickle.dumps(Evil(tmp_path / "ran")))).decode()
    found = survey("livecodebench", write(tmp_path, [{**STDIN, "private_test_cases": bomb}]))
    assert found.tasks == [] and "a pickle of more than one text, which is not loaded" in found.rejected[0]["reason"]
    assert "and not just one text" in found.rejected[0]["found"]
    assert not (tmp_path / "ran").exists()


TEXTS = ["", "a", "x" * 70_000, "\u8fd9 \U0001f600 \x00\n", "\ud800"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_pickled_text_is_read_in_every_protocol(text, protocol):
    assert text_in_pickle(pickle.dumps(text, protocol)) == text


@pytest.mark.parametrize(("data", "said"), [
    (pickle.dumps(["a"]), "the pickle holds the instruction EMPTY_LIST"),
    (pickle.dumps(("a", "b")), "the instruction TUPLE2"),
    (pickle.dumps(b"a"), "the instruction SHORT_BINBYTES"), (pickle.dumps(None), "the instruction NONE"),
    (pickle.dumps(3), "the instruction BININT1"), (pickle.dumps({"a": "b"}), "the instruction EMPTY_DICT"),
    (b"\x80\x04.", "holds 0 texts"), (b"X\x01\x00\x00\x00aX\x01\x00\x00\x00b.", "holds 2 texts"),
    (pickle.dumps("abc")[:-1], "pickle exhausted before seeing STOP"), (b"", "pickle exhausted"), (b"\xff", "unknown"),
])
def test_any_other_pickle_is_refused(data, said):
    with pytest.raises(ValueError, match=said):
        text_in_pickle(data)


def test_tests_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(livecodebench, "MAX_BYTES", 1000)
    found = survey("livecodebench", write(tmp_path, [{**STDIN, "private_test_cases": packed([case("5" * 2000, "1")])}]))
    assert "cut off, or unpack to more than 1000 bytes" in found.rejected[0]["reason"]


def test_all_public_and_private_tests_of_a_problem_count(tmp_path):
    (task,) = load_benchmark("livecodebench", write(tmp_path, [STDIN])).tasks
    assert task.metadata["tests"] == [{"stdin": "2\n", "stdout": "4\n"}, {"stdin": "5", "stdout": "10"}]
    verdict = get_domain("coding").verify(task, THINK + program("print(4)"))
    assert "test 2 of 2 failed" in verdict.reason
    (task,) = load_benchmark("livecodebench", write(tmp_path, [FUNCTION])).tasks
    assert "def pair(self" in task.prompt and "with its imports" in task.prompt


FORMULAS = {"42": True, "-1/2": True, "3.5 cm": True, "12 apples": True, "$x^2+1$": True, r"\frac{\pi}{6}": True,
            r"\sin(2x)": True, "exp(-2)": True, "(1, 2)": True, "50%": True, "10^{100}": True, r"$\mathbb{Z}/2$": True,
            "Yes": False, "Paris": False, "No solution": False, r"\text{undefined}": False, "": False,
            "f is continuous": False, "CH3COOH": False, "left and right": False}


@pytest.mark.parametrize(("answer", "formula"), FORMULAS.items())
def test_which_exact_answers_a_rule_can_grade(answer, formula):
    assert is_formula(answer) is formula


@pytest.mark.parametrize(("question", "options"), [
    ("Q\nAnswer Choices:\nA. a\nB. b", ["a", "b"]), ("Q\nA) a\nB) b\nC) c", ["a", "b", "c"]),
    ("Q\n(A) a\n(B) b", ["a", "b"]),
    ("A. Smith says:\nA. a\nB. b\nmore\n\nC. c\n", ["a", "b\nmore", "c"]), ("Q\nB. b\nC. c", []), ("Q", []),
    ("Q\nA. a\nC. c", ["a\nC. c"]), ("Q\nA: a\nB: b", ["a", "b"]), ("Q with A. inside", []),
])
def test_options_are_read_off_a_question(question, options):
    assert listed(question) == options


def test_mmlu_redux_reads_a_folder_with_a_file_a_subject(tmp_path):
    (tmp_path / "redux").mkdir()
    write(tmp_path / "redux", [REDUX, CORRECTED], "chemistry.parquet")
    write(tmp_path / "redux", [REDUX, {**REDUX, "error_type": "bad_question_clarity"}], "anatomy.jsonl")
    found = load_benchmark("mmlu-redux", tmp_path / "redux")
    assert [(task.id, task.metadata["subject"]) for task in found.tasks] == [
        ("mmlu-redux/anatomy-0", "anatomy"), ("mmlu-redux/chemistry-0", "chemistry"),
        ("mmlu-redux/chemistry-1", "chemistry")]
    assert found.rejected[0]["reason"] == "marked bad_question_clarity: it has no single right option"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="is a folder without a file of rows; it needs one a subject"):
        load_benchmark("mmlu-redux", tmp_path / "empty")


def bfcl(folder, category, functions, answer, turns=1):
    """A category of BFCL with one row, and its answer unless that is None."""
    name = f"BFCL_v3_{category}.json"
    if answer is not None:
        (folder / "possible_answer").mkdir(exist_ok=True)
        write(folder / "possible_answer", [{"id": f"{category}_0", "ground_truth": answer}], name)
    question = [[{"role": "user", "content": "Meet Ann at 9."}]] * turns
    return write(folder, [{"id": f"{category}_0", "question": question, "function": functions}], name)


def offered(name, *required, **properties):
    """A function's schema as BFCL publishes it."""
    properties = {argument: {"type": kind, "description": "d"} for argument, kind in properties.items()}
    return {"name": name, "description": "d",
            "parameters": {"type": "dict", "properties": properties, "required": list(required)}}


def called(name, /, **arguments):
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


MEET, TELL = offered("cal.meet", "who", who="string", hour="integer"), offered("tell", "who", who="string")
AT_9 = {"cal.meet": {"who": ["Ann", "Ann B."], "hour": [9, ""]}}
LONG, TRUE = offered("Cal.meet", "hour", hour="long", who="String"), offered("meet", "now", now="Boolean", who="String")
BFCL = {
    "simple": ([MEET], [AT_9], called("cal.meet", who="ann b", hour=9), called("cal.meet", who="Ann", hour=10)),
    "simple, named otherwise": ([MEET], [{"meet": AT_9["cal.meet"]}], called("cal.meet", who="Ann"),
                                called("meet", who="Ann")),
    "multiple": ([TELL, MEET], [AT_9], called("cal.meet", who="Ann"), called("tell", who="Ann")),
    "parallel": ([MEET], [AT_9, {"cal.meet": {"who": ["Bob"]}}],
                 called("cal.meet", who="Bob") + called("cal.meet", who="Ann"), 2 * called("cal.meet", who="Ann")),
    "live_parallel_multiple": ([MEET, TELL], [AT_9, {"tell": {"who": ["Bob"]}}],
                               called("tell", who="Bob") + called("cal.meet", who="Ann"), called("tell", who="Bob")),
    "java": ([LONG], [{"Cal.meet": {"hour": [9], "who": ["", "Ann"]}}], called("Cal.meet", hour="9L"),
             called("Cal.meet", hour=9)),
    "javascript": ([TRUE], [{"meet": {"now": [True], "who": ["Ann"]}}], called("meet", now="true", who="'Ann'"),
                   called("meet", now="True", who="Ann")),
    "irrelevance": ([TELL], None, "There is no function for that.", called("tell", who="Ann")),
    "live_irrelevance": ([], None, "There is no function for that.", called("tell", who="Ann")),
    "live_relevance": ([TELL], None, called("tell", who="somebody"), "There is no function for that."),
}


@pytest.mark.parametrize(("category", "functions", "answer", "right", "wrong"),
                         [(name.partition(",")[0], *row) for name, row in BFCL.items()], ids=BFCL)
def test_the_calls_of_a_single_turn_category_of_bfcl_are_compared(tmp_path, category, functions, answer, right, wrong):
    found = load_benchmark("bfcl", bfcl(tmp_path, category, functions, answer))
    (task,) = found.tasks
    assert (found.rejected, task.id) == ([], f"bfcl/{category}_0")
    assert task.metadata.get("language") == (category if category in ("java", "javascript") else None)
    assert task.prompt.endswith("\n\nMeet Ann at 9.") and all(json.dumps(one) in task.prompt for one in functions)
    agent = get_domain("agent")
    assert agent.environment(task) is None
    assert agent.verify(task, THINK + right).reward == agent.verify(task, THINK + agent.reference(task)).reward == 1.0
    assert agent.verify(task, THINK + wrong).reward == 0.0


@pytest.mark.parametrize(("functions", "answer", "turns", "reason", "first"), [
    ([MEET, TELL], [{"meet": {"who": ["Ann"]}}], 1, "the agent verifier cannot", "'meet' is accepted, and is none of"),
    ([MEET], [{"cal.meet": {"who": ["Ann"], "hour": []}}], 1, "the agent verifier cannot", "no call can be right"),
    ([MEET], [{"cal.meet": {"who": "Ann"}}], 1, "the agent verifier cannot judge it", "are {argument: [value, ...]}"),
    ([MEET], [{"cal.meet": {}, "tell": {}}], 1, "its ground_truth is not a list of", "tell"),
    ([MEET], {"cal.meet": {}}, 1, "ground_truth is an object and not a list", "cal.meet"),
    ([3], [AT_9], 1, "there is no name", ""), ("cal.meet", [AT_9], 1, "function is a text and not a list", "cal.meet"),
    ([MEET], [AT_9], 2, "it is played on BFCL's simulated APIs, which are not here", ""),
])
def test_a_row_of_bfcl_by_which_no_call_is_right_is_counted(tmp_path, functions, answer, turns, reason, first):
    (refused,) = survey("bfcl", bfcl(tmp_path, "simple", functions, answer, turns)).rejected
    assert reason in refused["reason"] and first in refused["found"] and refused["count"] == 1


def test_bfcl_needs_its_answers_and_refuses_what_is_played_on_its_apis(tmp_path):
    with pytest.raises(ValueError, match="BFCL_v3_simple.json needs its answers in .*possible_answer.*not there"):
        survey("bfcl", bfcl(tmp_path, "simple", [MEET], None))
    unanswered = bfcl(tmp_path, "multiple", [MEET], [AT_9])
    unanswered.write_text(unanswered.read_text().replace("multiple_0", "multiple_1"))
    assert survey("bfcl", unanswered).rejected[0]["reason"] == "it has no possible answer"
    rows = [{"id": f"multi_turn_base_{k}", "question": [[{"role": "user", "content": "Go."}]] * 2, "initial_config": {},
             "involved_classes": ["GorillaFileSystem"]} for k in range(2)]
    found = survey("bfcl", write(tmp_path, rows, "BFCL_v3_multi_turn_base.json"))
    assert found.tasks == [] and found.rejected == [{
        "reason": "it is played on BFCL's simulated APIs, which are not here", "count": 2, "row": 0,
        "found": "['GorillaFileSystem']"}]


@pytest.mark.parametrize(("name", "rows", "said"), [
    ("aime26", [AIME], "unknown benchmark 'aime26'; choose one of aime24, aime25, gpqa-diamond"),
    ("aime24", [{"text": "x"}], "has no column 'problem' or 'Problem' or 'question', which aime24 needs; it has text"),
    ("aime24", [AIME, AIME], "has two rows of the id 'aime24/60'"),
    ("aime24", [], "has no rows"),
])
def test_a_file_that_is_not_the_benchmark_is_one_sentence(tmp_path, name, rows, said):
    with pytest.raises(ValueError, match=said):
        load_benchmark(name, write(tmp_path, rows))


def test_questions_are_those_of_all_rows_graded_or_not(tmp_path):
    file = write(tmp_path, [HLE, {**HLE, "id": "h3", "answer": "Paris", "question": "Where?"}])
    assert questions("hle", file) == {"hle/h1": "What is the value?", "hle/h3": "Where?"}
    calls = bfcl(tmp_path, "simple", [MEET], [AT_9], turns=2)
    calls.write_text(calls.read_text().replace('[[{', '[[{"role": "system", "content": "Be brief."}, {'))
    assert questions("bfcl", calls) == {"bfcl/simple_0": "Meet Ann at 9.\nMeet Ann at 9."}
    assert len(questions_named([f"hle={file}", f"bfcl={calls}"])) == 3
    with pytest.raises(ValueError, match="has questions that were given before, as 'hle/h1'"):
        questions_named([f"hle={file}"] * 2)


def test_the_command_lists_what_is_graded_and_counts_a_file(tmp_path, capsys):
    assert command(["--list"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name}\n" in said for name in BENCHMARKS)
    file = write(tmp_path, [HLE, {**HLE_CHOICE}, {**HLE, "id": "h3", "answer": "Paris"}])
    assert command(["hle", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "        1  graded, by the math verifier", "        1  graded, by the science verifier",
        "        1  refused: its exact answer is in words, which takes a judge (first: row 2, Paris)"]
    assert command(["hle", str(tmp_path / "gone.jsonl")]) == 2 and "No such file" in capsys.readouterr().err
