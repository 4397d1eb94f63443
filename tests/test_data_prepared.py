"""A prepared folder: whole or absent, every row accounted for, filters that count, and a reader that trusts nothing."""

import json

import pytest
from tokenizers.processors import TemplateProcessing

from tests.tiny import tokenizer
from tests.workbench_tables import tool, write_tables
from training.data import prepare, read_prepared
from training.data.__main__ import main
from training.data.length import open_tokenizer, token_counts
from training.domains import Task, get_domain
from training.rollouts import render

QUESTION = "A train leaves at nine and meets another one that left at ten: how far apart were they at noon?"


def dapo(prompt, answer="42"):
    return {"prompt": [{"role": "user", "content": prompt}], "reward_model": {"ground_truth": answer, "style": "rule"}}


def source(folder, rows, name="rows.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / name


def blend(folder):
    """Four domains in one file, and rows that nobody grades."""
    def row(dataset, text, **more):
        return {"responses_create_params": {"input": [{"role": "user", "content": text}]},
                "dataset": f"nano_v3_sft_profiled_{dataset}", **more}

    tests = {"unit_tests": {"inputs": ["1"], "outputs": ["2"]}}
    return source(folder, [
        row("dapo17k", "6 times 7?", expected_answer="42"),
        {"dataset": "nano_v3_sft_profiled_dapo17k", "_hf_placeholder": {}},
        row("stem_mcqa", "Metal?\nA: iron\nB: salt", expected_answer="A", options=[{"A": "iron"}, {"B": "salt"}]),
        row("comp_coding_50tests", "Add one.", verifier_metadata=tests), row("structured_outputs", "JSON?"),
        row("instruction_following", "No commas.", instruction_id_list=["punctuation:no_comma"], kwargs=[{}]),
        workbench("Cancel it.", "00000002"),
    ])


def workbench(text, event):
    """A row of the blend that deletes an event."""
    return {"responses_create_params": {"input": text, "tools": [tool("calendar_delete_event", "event_id")]},
            "dataset": "nano_v3_sft_profiled_workbench",
            "ground_truth": [{"name": "calendar_delete_event", "arguments": json.dumps({"event_id": event})}]}


def test_a_folder_holds_the_tasks_by_domain_and_a_report_that_accounts_for_every_row(tmp_path):
    report = prepare(blend(tmp_path), tmp_path / "out")
    tasks = read_prepared(tmp_path / "out")
    assert {domain: [task.id for task in found] for domain, found in tasks.items()} == {
        "math": ["nemotron-0"], "coding": ["nemotron-3"], "science": ["nemotron-2"], "instructions": ["nemotron-5"]}
    assert report["rows"] == 7 == sum(report["kept"].values()) + sum(one["count"] for one in report["rejected"])
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["schema"], report["too_long"], report["contaminated"]) == ("nemotron", None, None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "rows.jsonl"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "coding.jsonl", "instructions.jsonl", "math.jsonl", "report.json", "science.jsonl"]
    assert get_domain("math").verify(tasks["math"][0], "<think> </think> Answer: 42").reward == 1.0


def test_agents_tasks_name_the_folder_of_their_tables(tmp_path, capsys):
    tables, rows = write_tables(tmp_path / "tables"), [workbench("Cancel it.", "00000002"), workbench("That too.", "9")]
    file = source(tmp_path, rows)
    assert main([str(file), "--out", str(tmp_path / "out"), "--workbench", tables]) == 0
    refused = "1  refused: its ground_truth cannot be replayed on the workbench (first: row 1, the reference call"
    assert refused in capsys.readouterr().out
    (task,) = read_prepared(tmp_path / "out")["agent"]
    agent = get_domain("agent")
    assert task.metadata["workbench"] == tables and agent.verify(task, "</think>" + agent.reference(task)).reward == 1.0
    for given, said in (([], "name their folder, csv_data of NeMo-Gym's workplace_assistant (--workbench FOLDER) (2)"),
                        (["--workbench", str(tmp_path)], "emails.csv, which is not there; give the folder that holds")):
        assert main([str(file), "--out", str(tmp_path / "none"), *given]) == 2
        assert said in capsys.readouterr().err and not (tmp_path / "none").exists()


def test_repeated_prompts_are_kept_once_and_counted_by_whether_their_answers_agree(tmp_path):
    rows = [dapo("a?"), dapo("b?"), dapo("a?"), dapo("a?", "41"), dapo("a?")]
    report = prepare(source(tmp_path, rows), tmp_path / "out")
    assert report["kept"] == {"math": 2}
    assert [(one["reason"], one["count"], one["row"]) for one in report["rejected"]] == [
        ("the prompt of an earlier row", 2, 2), ("the prompt of an earlier row, with another answer", 1, 3)]


def test_long_prompts_are_dropped_by_the_tokens_that_the_model_is_asked_with(tmp_path):
    rows = [dapo("what? " * size + "Answer:") for size in (1, 300, 2, 30)]
    prompts = [row["prompt"][0]["content"] for row in rows]
    counts = token_counts(tokenizer(), prompts)
    assert counts == [len(render(tokenizer(), prompt)) for prompt in prompts]
    limit = counts[2]
    report = prepare(source(tmp_path, rows), tmp_path / "out", None, tokenizer(), limit)
    assert report["too_long"] == {"limit": limit, "count": 2, "row": 1, "longest": counts[1]}
    assert [task.id for task in read_prepared(tmp_path / "out")["math"]] == ["verl-0", "verl-2"]
    assert token_counts(tokenizer(), []) == []


def test_tokens_that_a_tokenizer_adds_to_plain_text_are_not_counted(tmp_path):
    tokenizer().save_pretrained(tmp_path)
    adding = open_tokenizer(str(tmp_path))
    mark = adding.eos_token
    adding.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{mark} $A", special_tokens=[(mark, adding.eos_token_id)])
    assert len(adding("a?")["input_ids"]) == len(tokenizer()("a?")["input_ids"]) + 1
    assert token_counts(adding, ["a?"]) == token_counts(tokenizer(), ["a?"]) == [len(render(adding, "a?"))]


def test_contaminated_prompts_are_dropped_and_every_hit_is_named(tmp_path):
    rows = [dapo("What is 6 times 7? Answer:"), dapo(f"Answer: what? {QUESTION}"), dapo(QUESTION.upper() + " Answer:")]
    questions = {"aime24/1": QUESTION, "aime24/2": "6 times 7?"}
    report = prepare(source(tmp_path, rows), tmp_path / "out", against=questions)
    found = report["contaminated"]
    assert (found["n"], found["questions"], found["short"], found["count"]) == (13, 2, 1, 2)
    assert found["hits"] == [{"task": f"verl-{k}", "evaluation": "aime24/1", "shared": 8, "of": 8} for k in (1, 2)]
    assert [task.id for task in read_prepared(tmp_path / "out")["math"]] == ["verl-0"]
    assert report["kept"] == {"math": 1}


def test_a_domain_of_which_all_is_contaminated_leaves_no_file(tmp_path):
    report = prepare(blend(tmp_path), tmp_path / "out", against={"e": "Metal?\nA: iron\nB: salt"})
    assert report["contaminated"]["count"] == 1 and "science" not in report["kept"]
    assert "science" not in read_prepared(tmp_path / "out") and not (tmp_path / "out" / "science.jsonl").exists()


FAILS = {
    "no gradable row": ([dapo("a?", ["1", "2"]), dapo("b?", " ")], {}, "none of the 2 rows of .* can be used: it ha"),
    "a missing column": ([{"prompt": "a?"}], {}, "is of no known schema: it has the columns prompt; nemo"),
    "no rows": ([], {}, "has no rows"),
    "all too long": ([dapo("what? " * 99)], {"tokenizer": True, "max_prompt_tokens": 9}, "longer than 9 tokens .1."),
    "all contaminated": ([dapo(QUESTION)], {"against": {"e": QUESTION}}, "what can be graded is contaminated"),
    "a limit without a tokenizer": ([dapo("a?")], {"max_prompt_tokens": 9}, "give both or neither"),
    "mixed types": ([{**dapo("a?"), "prompt": 3}], {}, "prompt is a number and not a list or a text .1."),
}


@pytest.mark.parametrize(("rows", "how", "said"), FAILS.values(), ids=FAILS)
def test_a_dataset_that_gives_nothing_is_one_sentence_and_leaves_nothing(tmp_path, rows, how, said):
    how = {**how, "tokenizer": tokenizer()} if "tokenizer" in how else how
    with pytest.raises(ValueError, match=said) as error:
        prepare(source(tmp_path, rows), tmp_path / "out", **how)
    assert "\n" not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_source_that_breaks_halfway_leaves_nothing(tmp_path):
    file = source(tmp_path, [dapo("a?")])
    file.write_text(file.read_text() + '{"prompt": ')
    with pytest.raises(ValueError, match="line 2 of .* is not JSON"):
        prepare(file, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_folder_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="out is there already; remove it or choose another folder"):
        prepare(source(tmp_path, [dapo("a?")]), tmp_path / "out")


@pytest.fixture
def folder(tmp_path):
    prepare(source(tmp_path, [dapo("a?"), dapo("b?")]), tmp_path / "out")
    return tmp_path / "out"


def edited(file, old, new):
    file.write_text(file.read_text().replace(old, new))


SPOILED = {
    "another version": (lambda f: edited(f / "report.json", '"version": 1', '"version": 2'),
                        "report.json has version 2; this code reads version 1"),
    "no version": (lambda f: edited(f / "report.json", '"version": 1,', ""), "report.json has version None"),
    "another format": (lambda f: edited(f / "report.json", "mix-or-merge", "other"), "its format is not 'mix-or-m"),
    "a broken report": (lambda f: (f / "report.json").write_text("{"), "report.json is not JSON"),
    "no report": (lambda f: (f / "report.json").unlink(), "is no folder of prepared tasks: it has no report.json"),
    "a line cut off": (lambda f: (f / "math.jsonl").write_text((f / "math.jsonl").read_text()[:-9]),
                       "line 2 of .*math.jsonl is not JSON"),
    "a line of another domain": (lambda f: edited(f / "math.jsonl", '"domain": "math", "id": "verl-1"',
                                                  '"domain": "coding", "id": "verl-1"'),
                                 "line 2 of .*math.jsonl is no task of math: it needs domain, id, prompt, answer"),
    "a line without a prompt": (lambda f: edited(f / "math.jsonl", '"prompt"', '"text"'), "line 1 of .* is no ta"),
    "a prompt of another type": (lambda f: (f / "math.jsonl").write_text(
        '{"domain": "math", "id": "a", "prompt": 3, "answer": "1", "metadata": {}}'), "line 1 of .* is no tas"),
    "a line too few": (lambda f: (f / "math.jsonl").write_text((f / "math.jsonl").read_text().split("\n")[0]),
                       "math.jsonl has 1 tasks, and the report counts 2; prepare it again"),
    "a file that is gone": (lambda f: (f / "math.jsonl").unlink(), "lacks math.jsonl, of which its report counts 2"),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILED.values(), ids=SPOILED)
def test_a_folder_that_was_spoiled_is_refused_by_file_and_line(folder, spoil, said):
    assert [task.prompt[-2:] for task in read_prepared(folder)["math"]] == ["a?", "b?"]
    spoil(folder)
    with pytest.raises(ValueError, match=said):
        read_prepared(folder)


def test_tasks_come_back_as_they_were(tmp_path):
    prompt = "\u8fd9 \u2028 <think> \\frac{1}{2}?"
    prepare(source(tmp_path, [dapo(prompt, "\\frac{1}{2}")]), tmp_path / "out")
    (task,) = read_prepared(tmp_path / "out")["math"]
    assert task == Task("math", "verl-0", task.prompt, "\\frac{1}{2}", {"source": "verl"})
    assert task.prompt.endswith(prompt)


def test_the_command_line_prepares_says_what_it_dropped_and_fails_in_one_sentence(tmp_path, capsys):
    (tmp_path / "aime.jsonl").write_text(json.dumps({"id": 1, "problem": QUESTION, "answer": "033"}))
    file = source(tmp_path, [dapo("a? Answer:"), dapo(f"{QUESTION} Answer:"), dapo("b?", [])])
    assert main([str(file), "--out", str(tmp_path / "out"), "--against", f"aime24={tmp_path / 'aime.jsonl'}"]) == 0
    said = capsys.readouterr().out
    assert "(verl): 3 rows" in said and "1  kept, math" in said and "1  hold one of 1 evaluation questions" in said
    assert "1  refused: it has no reference answer (first: row 2, [])" in said
    for arguments, message in (([str(file)], "out is there already"),
                               ([str(file), "--max-prompt-tokens", "9"], "--tokenizer and --max-prompt-tokens go tog"),
                               ([str(file), "--against", "aime24"], "'aime24' names no file; write BENCHMARK=FILE")):
        assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
        assert message in capsys.readouterr().err
    assert main(["gone.jsonl", "--out", str(tmp_path / "new")]) == 2
    assert "No such file: 'gone.jsonl'" in capsys.readouterr().err


def test_a_tokenizer_that_is_not_there_or_has_no_chat_template_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match="no tokenizer at '.*gone'"):
        open_tokenizer(str(tmp_path / "gone"))
    tokenizer().save_pretrained(tmp_path / "tok")
    assert token_counts(open_tokenizer(str(tmp_path / "tok")), ["a?"]) == token_counts(tokenizer(), ["a?"])
    (tmp_path / "tok" / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match="has no chat template"):
        open_tokenizer(str(tmp_path / "tok"))
