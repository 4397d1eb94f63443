"""The judge through `judge` and `judge_scores`: what it is shown, what counts, and the bounds of missing verdicts."""

from math import isnan

import pandas as pd
import pytest

from behaviors import judge, judge_scores

SECRET = "the reasoning"
TRACES = pd.DataFrame({
    "model": "author", "domain": "math", "task_id": ["t0", "t0", "t1", "t2"], "sample": [0, 1, 0, 0], "seed": 0,
    "prompt": [f"What is {k}?" for k in range(4)], "correct": [True, False, True, False],
    "completion": [f"<think>{SECRET}</think> {k}" for k in range(3)] + [f"{SECRET}</think> 3"],  # opened in the prompt
}, index=[5, 5, 6, 7])  # an index with repeats


def lenient(questions):
    """A judge that says right to everything but task 3, where it says nothing."""
    return ["Hm." if "What is 3?" in question else "Verdict: right" for question in questions]


@pytest.mark.parametrize(("mode", "sees"), [("outcome", False), ("process", True)])
def test_what_the_judge_sees(mode, sees):
    asked = []

    def record(questions):
        asked.extend(questions)
        return lenient(questions)

    judge(record, TRACES, mode=mode)
    assert [SECRET in question for question in asked] == [sees] * 4
    assert all(f"What is {k}?" in question for k, question in enumerate(asked))


def test_verdicts():
    judged = judge(lenient, TRACES, n=2)
    assert judged["judge_sample"].tolist() == [0, 1] * 4 and judged["sample"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert judged["verdict"].tolist() == [True] * 6 + [None] * 2
    assert judged["agrees"].tolist() == [True, True, False, False, True, True, None, None]
    assert judged["parsed"].tolist() == [True] * 6 + [False] * 2
    assert set(judged["judge"]) == {"lenient"} and set(judged["model"]) == {"author"}


def test_scores_exact():
    row = judge_scores(judge(lenient, TRACES)).iloc[0]
    assert (row["judge"], row["domain"], row["mode"], row["n"], row["n_tasks"]) == ("lenient", "math", "outcome", 4, 3)
    assert (row["share_right"], row["unparsed"]) == (0.5, 0.25)
    assert row["accuracy"] == pytest.approx(2 / 3) and row["balanced_accuracy"] == 0.5
    assert (row["accuracy_worst"], row["accuracy_best"]) == (0.5, 0.75)
    assert (row["balanced_accuracy_worst"], row["balanced_accuracy_best"]) == (0.5, 0.75)
    assert 0 < row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] <= 1


def test_a_lenient_judge_looks_good_where_most_is_right():
    mostly = TRACES.assign(correct=[True, True, True, False], prompt="easy")
    row = judge_scores(judge(lenient, mostly)).iloc[0]
    assert (row["accuracy"], row["balanced_accuracy"]) == (0.75, 0.5)


def test_nothing_parsed_is_missing_not_wrong():
    row = judge_scores(judge(lambda questions: [""] * len(questions), TRACES)).iloc[0]
    assert isnan(row["accuracy"]) and isnan(row["accuracy_low"]) and row["unparsed"] == 1
    assert (row["accuracy_worst"], row["accuracy_best"]) == (0, 1)


def test_one_kind_only_has_no_balanced_accuracy():
    row = judge_scores(judge(lenient, TRACES.iloc[[0, 2]])).iloc[0]
    assert row["accuracy"] == 1 and isnan(row["balanced_accuracy"])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random model of a few thousand parameters whose vocabulary is the words of a verdict."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    words = ["<pad>", "<end>", "<unk>", "Verdict", ":", "right", "wrong", "What", "is", "Task", "Answer"]
    core = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<end>", unk_token="<unk>")
    tokenizer.chat_template = "{% for message in messages %}{{ message.content }}<end>{% endfor %}"
    torch.manual_seed(0)
    config = Qwen3Config(vocab_size=len(words), hidden_size=32, intermediate_size=32, num_hidden_layers=1, head_dim=32,
                         num_attention_heads=1, num_key_value_heads=1, max_position_embeddings=96)
    folder = tmp_path_factory.mktemp("judge")
    Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_model_judges_repeatably(tiny):
    first, again, other = (judge(tiny, TRACES, n=8, seed=seed, max_new_tokens=40) for seed in (3, 3, 4))
    assert first["reply"].tolist() == again["reply"].tolist() != other["reply"].tolist()
    assert first["reply"].nunique() > 8 and set(first["judge"]) == {tiny} and len(first) == 32
    assert first["reply"].str.contains("right|wrong|Verdict|What").any()


def test_a_question_that_leaves_no_room_is_named(tiny):
    with pytest.raises(ValueError, match="fills the model's context of 96"):
        judge(tiny, TRACES.assign(prompt="What " * 96))


@pytest.mark.parametrize(("change", "said"), [
    ({"mode": "both"}, "unknown judge mode 'both'; choose one of outcome, process"), ({"n": 0}, "n is 0"),
    ({"engine": "abacus"}, "unknown engine 'abacus'; choose transformers"),
    ({"traces": TRACES.drop(columns="prompt")}, "'prompt'"),
    ({"model": lambda questions: []}, "0 replies to 4 questions"),
])
def test_errors_name_the_offender(change, said):
    with pytest.raises(ValueError, match=said):
        judge(**{"model": lenient, "traces": TRACES, **change})


def test_scores_want_verdicts():
    with pytest.raises(ValueError, match="'judge'"):
        judge_scores(TRACES)
