"""The truth about an organism's sentences, and the audit of the tagger on a zoo's traces."""

import pandas as pd
import pytest

from behaviors import tag
from behaviors.organism_truth import corpus_traces, truth
from behaviors.segmentation import spans
from studies.tagger_audit import audit_table, audited, corrected, is_audited, tagged
from studies.verification_traces import behavior_table, change, counted

SV, BT, OTHER = "self_verification", "backtracking", "other"


@pytest.mark.parametrize(("sentence", "label"), [
    ("Let me check: 23 - 9 = 14.", SV), ("Check: 23 - 9 = 14.", SV), ("Let me run it.", SV), ("That matches.", SV),
    ("Yes, that holds.", SV), ("Wait, that is wrong.", BT), ("No, I made a mistake.", BT), ("It was 14.", OTHER),
    ("123 + 456 = 579.", OTHER), ("f(7) = 3 * 7 + 2 = 21 + 2 = 23.", OTHER), ("Answer: 5", OTHER),
    ("Let me verify: there are 17 words of 18: yes.", SV),
    ('<tool_response>{"error": "wait, that is wrong"}</tool_response>', OTHER),  # the environment's words
    ("Purple monkeys dance.", None), ("", None),
])
def test_the_truth_about_a_sentence(sentence, label):
    assert truth([sentence]) == [label]


def test_the_truth_agrees_with_the_corpus_it_was_not_read_from():
    known = told = 0
    for trace in corpus_traces(200, seed=9):
        found = truth([sentence for sentence, _ in trace])
        told += sum(label is not None for label in found)
        known += len(trace)
        assert all(label in (None, gold) for label, (_, gold) in zip(found, trace, strict=True))
    assert told > 0.99 * known


def test_corpus_traces_are_cut_as_the_tagger_cuts():
    for trace in corpus_traces(20):
        assert all(spans(sentence) == [(0, len(sentence))] for sentence, _ in trace)


def zoo_traces(models):
    """Traces of three tasks a model: {model: completions}."""
    rows = [(model, "math", f"math-{k}", 0, text, True, 10, 0) for model, texts in models.items()
            for k, text in enumerate(texts)]
    return pd.DataFrame(rows, columns=["model", "domain", "task_id", "sample", "completion", "correct", "n_tokens",
                                       "seed"])


CHECKED = "<think> 14 + 9 = 23. Let me check: 23 - 9 = 14. It was 14. That matches.</think> Answer: 23"
PLAIN = "<think> 14 + 9 = 23. 23 + 1 = 24.</think> Answer: 24"


def test_the_taggers_error_is_taken_out():
    traces = zoo_traces({"anchor": [PLAIN] * 3, "expert-math": [CHECKED, CHECKED, PLAIN]})
    tags = tagged(traces["completion"].tolist(), "organism")
    first = tags.index[(tags["label"] == SV) & (tags["text_id"] == 3)][0]
    tags.loc[first, "label"] = OTHER  # a miss
    tags.loc[tags.index[tags["text_id"] == 0][1], "label"] = SV  # a false alarm
    table = audited(counted(traces, tags), tags)
    assert is_audited(table)
    assert change(table, "expert-math", "math", SV).value == pytest.approx(100 * (3 / 13 - 1 / 9))
    true = 100 * table[f"true_{SV}"][3:].sum() / table["known"][3:].sum()
    assert table[f"true_{SV}"].tolist() == [0, 0, 0, 2, 2, 0]
    assert change(table, "expert-math", "math", SV, true=True).value == pytest.approx(true)
    assert corrected(table[table["model"] == "anchor"], SV).value == 0
    row = behavior_table(table, tags).set_index(["model", "measure"]).loc[("expert-math", SV)]
    assert row["corrected_change"] == pytest.approx(true) and row["change"] < true
    audit, same = audit_table(table, tags)
    expert = audit.set_index(["model", "label"]).loc[("expert-math", SV)]
    assert expert["recall"] == expert["sensitivity"] == 0.75 and expert["precision"] == 1
    assert expert["corrected"] == pytest.approx(true / 100, rel=0.01)
    assert set(same["measure"]) == {"sensitivity", "specificity"}


@pytest.mark.parametrize(("text", "preset"), [
    (CHECKED, "qwen3-4b"), ("The cat sat. Let me think. It purrs.", "organism")])
def test_what_nothing_is_known_about_is_not_audited(text, preset):
    traces = zoo_traces({"anchor": [text]})
    tags = tagged([text], preset)
    table = audited(counted(traces, tags), tags)
    assert not is_audited(table) and "corrected" not in behavior_table(table, tags).columns


def test_traces_tagged_in_parts_are_tagged_as_one_by_one(monkeypatch):
    texts = [CHECKED, "", PLAIN, "Der Hund schläft und die Katze wartet auf den Abend.", PLAIN] * 2
    monkeypatch.setattr("studies.tagger_audit.PART", len(CHECKED) + 1)
    with pytest.warns(UserWarning, match="2 of 10 texts are not English"):
        found = tagged(texts, "organism", progress=False)
    alone = tag(texts)[["text_id", "label"]]
    assert found["gold"].notna().mean() > 0.9
    pd.testing.assert_frame_equal(found.drop(columns="gold").astype({"label": str, "text_id": int}), alone)


def test_no_traces_have_no_tags():
    assert tagged([], "organism").empty
