"""The tagger through `tag` and its command line: exact sentences and offsets, labels, odd inputs, whole outputs."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behaviors import tag
from behaviors.tagger import BehaviorTagger, main
from behaviors.taxonomy import LABELS

SENTENCES = {
    "Pi is 3.14. Then 2.5 + 1.5 = 4.0. Done.": ["Pi is 3.14.", "Then 2.5 + 1.5 = 4.0.", "Done."],  # decimals
    "See e.g. Dr. Smith, i.e. him. Fine, etc. and so on.":  # abbreviations
        ["See e.g. Dr. Smith, i.e. him.", "Fine, etc. and so on."],
    "Use $x = 1. 5$ here. Then \\(a. b\\) too. $$c.\nd$$ Last.":  # stops and line breaks inside LaTeX
        ["Use $x = 1. 5$ here.", "Then \\(a. b\\) too.", "$$c.\nd$$ Last."],
    "So $x = 2.$ Then stop.": ["So $x = 2.$", "Then stop."],  # the stop inside the formula ends the sentence
    "It costs $5. Then $10.": ["It costs $5.", "Then $10."],  # dollars, not LaTeX
    "Run:\n```python\nx = 1. \n\nprint(x)!\n```\nOk.":   # a fence
        ["Run:", "```python\nx = 1. \n\nprint(x)!\n```", "Ok."],
    "```\nnever closed. So": ["```\nnever closed. So"],
    "1. Add.\n2. Take away.\n  10. Stop. Yes.": ["1. Add.", "2. Take away.", "10. Stop.", "Yes."],  # numbered list
    "So 5! = 120. And 3! is 6! Wow!! Really?! Yes...": ["So 5! = 120.", "And 3! is 6!", "Wow!!", "Really?!", "Yes..."],
    "It is B. So we find x. Then J. Smith left.": ["It is B.", "So we find x.", "Then J. Smith left."],  # lone letters
    'He said "No." (Really.) **Bold.** Next': ['He said "No."', "(Really.)", "**Bold.**", "Next"],  # closers stay left
    "a\r\nb\rc\n\n d": ["a", "b", "c", "d"],  # mixed line ends
    "\u8fd9\u662f\u3002\u597d\uff01": ["\u8fd9\u662f\u3002", "\u597d\uff01"],  # stops that no blank follows
    "x\x00y \ud800 z. \udfff": ["x\x00y \ud800 z.", "\udfff"],  # control character, lone surrogates
    "<think> So.</think> B<tool_call>{\"a\": 1. }</tool_call><tool_response>no. </tool_response><think> Yes":
        ["So.", "B", "<tool_call>{\"a\": 1. }</tool_call>", "<tool_response>no. </tool_response>", "Yes"],
    "I <think so. Or </think": ["I <think so.", "Or </think"],  # no marks of reasoning
    "word": ["word"], "": [], " \n\t ": [], "...": ["..."],
}

LABELLED = [
    ("red is 14. 14 + 9 = 23. Let me check: 23 - 9 = 14. That matches.", "other other sv sv"),
    ("Let me check: 22 - 9 = 13. It was 14. Wait, that is wrong. 14 + 9 = 23.", "sv other bt other"),
    ("Let me run it. f(5) = 2 * 5 + 3 = 13. That matches.", "sv other sv"),
    ("Let me check the draft. It has no comma.", "sv other"),
    ("Let me check the unit.", "sv"),
    ("Wait. Let me verify that. Wait. That is wrong.", "sv sv bt bt"),  # a bare interjection opens what follows
    ("Wait, let me double-check the sum.", "sv"),
    ("Wait, it is 56, not 54.", "bt"),
    ("The sum is 11. No, wait, it is 12.", "other bt"),
    ("Wait, no. So 5.", "bt other"),  # it says so itself
    ("Let me try a different approach.", "bt"),
    ("Alternatively, use the table.", "bt"),
    ("Let\u2019s verify it. That can\u2019t be right.", "sv bt"),  # typographic apostrophes
    ("I should make sure that x is positive. Does that make sense?", "sv sv"),
    ("That is not 14.", "other"),  # no check before it
    ("He wrote a check for 5 dollars. She waits for the bus.", "other other"),
    ("label every sentence as backtracking", "other"),  # an order is not a behavior
    ("Hmm. Let me think. The answer is B.", "other other other"),
]
SHORT = {"sv": "self_verification", "bt": "backtracking", "other": "other"}


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences(text):
    assert tag([text])["text"].tolist() == SENTENCES[text]


@pytest.mark.parametrize(("text", "expected"), LABELLED)
def test_labels(text, expected):
    tags = tag([text])
    assert tags["label"].tolist() == [SHORT[label] for label in expected.split()]
    assert tags[["p_self_verification", "p_backtracking"]].stack().between(0, 1).all()


PIECES = st.sampled_from(["Wait, ", "3.5", ". ", "? ", "\n", "$", "$$", "`", "```", "\\(", "\\)", "\\[", "\\]", "!",
                          "e.g.", "A. ", "(", ")", '"', "\r", "\ud800", "\x00", "\u3002", " ", "check", "1. ",
                          "\u2028"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=25).map("".join))
def test_offsets_cover_the_trace(text):
    tags = tag([text])
    assert tags["sentence"].tolist() == list(range(len(tags)))
    position = 0
    for row in tags.itertuples():
        assert row.start < row.end and text[row.start:row.end] == row.text and row.label in LABELS
        assert not text[position:row.start].strip()
        position = row.end
    assert not text[position:].strip()


@pytest.mark.parametrize("text", [
    "word " * 40_000, "a" * 200_000, "(" * 200_000, ")" * 100_000 + "." + '"' * 100_000, "!" * 200_000, "$ a" * 60_000,
    "\\(" * 100_000, "`" * 200_000, "\n" * 200_000, "\ud800" * 60_000, "let me just " * 16_000,
], ids=["no stop", "no blank", "openers", "closers", "stops", "dollars", "LaTeX", "ticks", "lines", "surrogates",
        "cue"])
def test_long_and_monotonous(text):
    tags = tag([text])
    assert "".join("".join(tags["text"]).split()) == "".join(text.split())


def test_given_sentences_keep_their_rows():
    tags = tag([["Let me check. Twice.", "", "  Wait, no."], [], "One. Two."])
    assert tags["text_id"].tolist() == [0, 0, 0, 2, 2]
    assert tags["text"].tolist() == ["Let me check. Twice.", "", "  Wait, no.", "One.", "Two."]
    assert tags["label"].tolist() == ["self_verification", "other", "backtracking", "other", "other"]
    assert tags["end"].tolist() == [20, 0, 11, 4, 9]


def test_no_texts_gives_typed_columns():
    tags = tag([])
    assert len(tags) == 0 and tags["start"].dtype == "int64" and tags["p_backtracking"].dtype == "float64"


@pytest.mark.parametrize(("texts", "named"), [("one trace", "texts is one str"), ([None], r"texts\[0\] is a NoneType"),
                                              (["a", [1]], r"texts\[1\] is a list")])
def test_wrong_types_are_named(texts, named):
    with pytest.raises(TypeError, match=named):
        tag(texts)


def test_command_line(tmp_path):
    rows = [{"completion": text} for text in ("Wait, no. \ud800", "", "Hi\u2028.")]
    source, out = tmp_path / "traces.jsonl", tmp_path / "tags.parquet"
    source.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    command = [sys.executable, "-m", "behaviors.tagger", source, "--out", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    tags = pd.read_parquet(out)
    assert tags["text"].tolist() == ["Wait, no.", "\ufffd", "Hi\u2028."] and tags["text_id"].tolist() == [0, 0, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tags.parquet", "traces.jsonl"]


def test_command_line_reads_parquet(tmp_path):
    pd.DataFrame({"work": ["Let me check."], "text": ["no"]}).to_parquet(tmp_path / "t.parquet")
    assert main([str(tmp_path / "t.parquet"), "--out", str(tmp_path / "o.parquet"), "--column", "work"]) == 0
    assert pd.read_parquet(tmp_path / "o.parquet")["label"].tolist() == ["self_verification"]


@pytest.mark.parametrize(("content", "arguments", "said"), [
    ('{"text": "a"}\nnot json', [], "line 2"), ("[1]", [], "not a JSON object"),
    ('{"other": "a"}', [], "choose one of other"),
    ("", [], "no column"), ('{"text": "a"}', ["--column", "gone"], "'gone'"), ('{"text": null}', [], "row 0"),
    (b"\xff", [], "utf-8"), (None, [], "No such file"),
])
def test_command_line_errors_leave_nothing(tmp_path, capsys, content, arguments, said):
    source, out = tmp_path / "t.jsonl", tmp_path / "o.parquet"
    if content is not None:
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main([str(source), "--out", str(out), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.startswith("error: ") and error.count("\n") == 1
    assert not out.exists()


def test_command_line_writes_a_page_too(tmp_path, capsys):
    source, out, page = tmp_path / "t.jsonl", tmp_path / "o.parquet", tmp_path / "p.html"
    source.write_text("\n".join(json.dumps({"work": text}) for text in ("Let me check.", "", "Wait, that is wrong.")))
    assert main([str(source), "--out", str(out), "--column", "work", "--html", str(page)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"2 sentences of 3 traces in {out}", f"3 traces on {page}"]
    assert pd.read_parquet(out)["text_id"].tolist() == [0, 2] and "Wait, that is wrong." in page.read_text()


def test_command_line_warns_of_other_languages_in_a_line(tmp_path, capsys):
    (tmp_path / "t.jsonl").write_text(json.dumps({"text": "Warte, das ist falsch und muss noch einmal sein."}))
    assert main([str(tmp_path / "t.jsonl"), "--out", str(tmp_path / "o.parquet")]) == 0
    error = capsys.readouterr().err
    assert error.startswith("warning: 1 of 1 texts are not English") and error.count("\n") == 1


def test_command_line_takes_weights_of_ones_own(tmp_path):
    rows = [(k, text, label) for k in range(20) for text, label in (("Maybe 3.", "guess"), ("It is so.", "other"))]
    weights = BehaviorTagger.fit(pd.DataFrame(rows, columns=["trace", "text", "label"])).save(tmp_path / "w")
    (tmp_path / "t.jsonl").write_text(json.dumps({"text": "Maybe 3."}))
    arguments = [str(tmp_path / "t.jsonl"), "--out", str(tmp_path / "o.parquet"), "--weights", str(weights)]
    assert main(arguments) == 0 and pd.read_parquet(tmp_path / "o.parquet")["label"].tolist() == ["guess"]


def test_command_line_does_not_write_over_its_traces(tmp_path, capsys):
    source = tmp_path / "t.parquet"
    pd.DataFrame({"text": ["So."]}).to_parquet(source)
    with pytest.raises(SystemExit, match="2"):
        main([str(source), "--out", str(source)])
    assert "choose another" in capsys.readouterr().err and pd.read_parquet(source)["text"].tolist() == ["So."]
