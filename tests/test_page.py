"""The page of tagged traces: what its JSON gives back, text that looks like markup, what is left out, errors."""

import json
import weakref
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behaviors import browser
from behaviors.browser import COLUMNS, FACTS, parts
from behaviors.page import TEMPLATE, write_page
from behaviors.taxonomy import LABELS

HOSTILE = ["</script><script>alert(1)</script>", "</SCRIPT >", "<!--", "-->", "<script>", "]]>", "<!--<script>",
           "\ud800", "\udfff", "\x00", "\u2028", "\u2029", "&lt;", "&", "\\", "\\u003c", '"', "'", "{{title}}",
           "{{data}}", "\r\n", "\r", "\t", "\x1b[0m", "\x85", "\ufeff", "\uffff", "\U0001f600", "\u202e", "Wait, no."]


def tags(*rows):
    """Rows of a tags frame from (start, end, text, label, p_self_verification, p_backtracking)."""
    return pd.DataFrame({name: pd.Series([row[k] for row in rows], dtype=object) for k, name in enumerate(COLUMNS)})


def one(text, label="other", p=(0.0, 0.0)):
    """A trace that is one sentence."""
    return "t", text, tags((0, len(text), text, label, *p))


class Elements(HTMLParser):
    """The tags of a page, and the text in its script elements and its title."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.seen, self.scripts, self.title, self.inside = [], [], "", None
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside == "title":
            self.title += data


def written(folder, traces, title="Tags", **how):
    """(number of traces written, the page's elements, its data)."""
    count = write_page(iter(traces), folder / "p.html", title, **how)
    with (folder / "p.html").open(encoding="utf-8", newline="") as file:
        elements = Elements(file.read())
    assert [path.name for path in folder.iterdir()] == ["p.html"]
    return count, elements, json.loads(elements.scripts[0])


def shown(text):
    """A text as the page has it: each lone surrogate is U+FFFD."""
    return "".join("\ufffd" if 0xD800 <= ord(letter) < 0xE000 else letter for letter in text)


def source() -> str:
    """The page without title and traces."""
    return browser.filled(TEMPLATE.read_text(encoding="utf-8"), parts())


BLANK = Elements(source())


def test_sentences_and_what_is_between_them_come_back(tmp_path):
    text = " \n1 + 1 = 3.\r\n\r\nWait, no.  It is 2.\t"
    rows = tags((2, 12, "1 + 1 = 3.", "other", 0.01, 0.02), (16, 25, "Wait, no.", "backtracking", 0.25, 0.987654),
                (27, 35, "It is 2.", "self_verification", 1, 0))
    count, _, data = written(tmp_path, [("math, 3", text, rows), ("blank", " \n", tags()), ("none", "", tags())])
    assert count == 3 and data == {"note": "", "traces": [
        {"name": "math, 3", "sentences": [[" \n", "1 + 1 = 3.", "other", 0.01, 0.02],
                                          ["\r\n\r\n", "Wait, no.", "backtracking", 0.25, 0.9877],
                                          ["  ", "It is 2.", "self_verification", 1.0, 0.0]], "rest": "\t"},
        {"name": "blank", "sentences": [], "rest": " \n"}, {"name": "none", "sentences": [], "rest": ""}]}


@st.composite
def cut_traces(draw):
    """(text, rows, the pieces): a text made of gaps and sentences in turn."""
    piece = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=4)), max_size=4).map("".join)
    pieces = draw(st.lists(piece, max_size=9))
    rows, start = [], 0
    for k, text in enumerate(pieces):
        if k % 2:
            rows.append((start, start + len(text), text, draw(st.sampled_from(LABELS)), 0.5, 0.5))
        start += len(text)
    return "".join(pieces), tags(*rows), pieces


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@settings(max_examples=150, deadline=None)
@given(st.lists(cut_traces(), max_size=3), st.sampled_from(HOSTILE))
def test_any_text_stays_text(folder, traces, title):
    _, elements, data = written(folder, [(text[:9], text, rows) for text, rows, _ in traces], title)
    assert elements.seen == BLANK.seen and elements.scripts[1:] == BLANK.scripts[1:]
    assert len(data["traces"]) == len(traces)
    for found, (text, rows, pieces) in zip(data["traces"], traces, strict=True):
        assert found["name"] == shown(text[:9])
        assert [part for row in found["sentences"] for part in row[:2]] == [shown(p) for p in pieces[:2 * len(rows)]]
        assert [row[2] for row in found["sentences"]] == rows["label"].tolist()
        assert found["rest"] == shown("".join(pieces[2 * len(rows):]))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_alone_ends_nothing_and_comes_back(tmp_path, text):
    _, elements, data = written(tmp_path, [one(text)])
    assert elements.seen == BLANK.seen and len(elements.scripts) == 2
    assert data["traces"][0]["sentences"] == [["", shown(text), "other", 0, 0]]
    assert not any(letter in elements.scripts[0] for letter in "<>&\u2028\u2029\x00\r")


@pytest.mark.parametrize("title", ["a < b & c", "</title><script>alert()</script>", "{{data}}", "{{title}}", "a\ud800"])
def test_the_title_is_text(tmp_path, title):
    _, elements, data = written(tmp_path, [one("a")], title)
    assert elements.title == shown(title) and elements.seen == BLANK.seen and len(data["traces"]) == 1


def test_rows_read_back_from_parquet_fit_a_text_with_lone_surrogates(tmp_path):
    name, text, rows = one("a\ud800b")
    assert written(tmp_path, [(name, text, rows.assign(text="a\ufffdb"))])[0] == 1


@pytest.mark.parametrize(("texts", "limit", "count", "note"), [
    (3, 3, 3, ""), (4, 3, 3, "1 trace is left out: a page holds the first 3, and at most 5 MB of text."),
    (1500, 2, 2, "1,498 traces are left out: a page holds the first 2, and at most 5 MB of text."), (0, 1, 0, ""),
])
def test_a_line_says_how_many_traces_are_left_out(tmp_path, texts, limit, count, note):
    found = written(tmp_path, [one(str(k)) for k in range(texts)], limit=limit)
    assert (found[0], found[2]["note"]) == (count, note)
    assert [trace["sentences"][0][1] for trace in found[2]["traces"]] == [str(k) for k in range(count)]


@pytest.mark.parametrize(("texts", "count"), [(["a" * 60, "b" * 40], 2), (["a" * 60, "b" * 41, "c"], 1),
                                              (["\u8fd9" * 33, "a"], 2), (["\u8fd9" * 34], 0), (["a" * 101, "b"], 0)])
def test_a_page_holds_so_many_bytes_of_text(tmp_path, monkeypatch, texts, count):
    monkeypatch.setattr(browser, "BYTES", 100)
    found = written(tmp_path, map(one, texts))
    assert found[0] == len(found[2]["traces"]) == count
    assert found[2]["note"].startswith(str(len(texts) - count)) == (count < len(texts))


def test_500_traces_by_default(tmp_path):
    assert written(tmp_path, [one("a")] * 501)[0] == 500


def test_traces_are_not_held(tmp_path):
    given_out = []

    def traces():
        for _ in range(50):
            name, text, rows = one("a")
            given_out.append(weakref.ref(rows))
            assert sum(reference() is not None for reference in given_out) <= 2
            yield name, text, rows

    assert write_page(traces(), tmp_path / "p.html", "Tags") == 50


@pytest.mark.parametrize(("rows", "said"), [
    (tags((0, 2, "no", "other", 0, 0)), "sentence 0 of trace 'x' is not in its text at 0 to 2"),
    (tags((0, 2, "ab", "other", 0, 0), (1, 3, "bc", "other", 0, 0)), "sentence 1 of trace 'x' is not in its text"),
    (tags((-2, 3, "bc", "other", 0, 0)), "not in its text at -2"),
    (tags((0, 9, "abcd", "other", 0, 0)), "not in its text at 0 to 9"),
    (tags((2, 1, "", "other", 0, 0)), "not in its text at 2 to 1"),
    (tags((0, 1, "a", "planning", 0, 0)), "label 'planning'; choose one of self_verification, backtracking, other"),
    (tags((0, 1, "a", "other", float("nan"), 0)), r"probabilities \[nan, 0\]"),
    (tags((0, 1, "a", "other", 0, 1.5)), r"probabilities \[0, 1.5\]; choose numbers in \[0, 1\]"),
    (tags((0, 1, "a", "other", 0, 0)).drop(columns="label"), "rows of trace 'x' lack label"),
])
def test_rows_that_are_not_of_their_text_are_named_and_leave_nothing(tmp_path, rows, said):
    with pytest.raises(ValueError, match=said):
        write_page([one("a"), ("x", "abc\n", rows)], tmp_path / "p.html", "Tags")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_on_the_way_leaves_the_page_there_was(tmp_path, error):
    def traces():
        yield one("a")
        raise error

    (tmp_path / "p.html").write_text("an older page")
    with pytest.raises(error):
        write_page(traces(), tmp_path / "p.html", "Tags")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["an older page"]


def test_traces_that_are_not_even_given_are_counted_as_left_out(tmp_path):
    write_page([one("a")], tmp_path / "p.html", "Tags", unseen=7)
    assert "7 traces are left out" in (tmp_path / "p.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_an_error(tmp_path, limit):
    with pytest.raises(ValueError, match=f"limit is {limit}; choose at least 1"):
        write_page([], tmp_path / "p.html", "Tags", limit=limit)


def test_the_page_asks_for_nothing_and_knows_every_label():
    page = source()
    for word in ("http:", "https:", "//cdn", " src=", "<link", "@import", "url(", "innerHTML", "outerHTML",
                 "insertAdjacentHTML", "document.write", "eval(", "fetch("):
        assert word not in page
    assert "default-src 'none'" in page and page.count("{{data}}") == 1
    for label in LABELS:
        assert f"{label}: " in page
        assert label == "other" or (f'value="{label}"' in page and f".{label} {{" in page)


VERDICTS = [{"judge": "</script>", "mode": "outcome", "verdict": True, "agrees": False},
            {"judge": "a", "mode": "process", "verdict": None, "agrees": None}]
KNOWN = {"model": "expert-math", "domain": "math", "task": "t1", "correct": False, "reward": 0.25, "reason": "<b>",
         "prompt": "</script>\ud800", "verdicts": VERDICTS}


def test_what_is_known_of_a_trace_stands_beside_it(tmp_path):
    _, elements, data = written(tmp_path, [(*one("a"), KNOWN), (*one("b"), {"model": "m", "reward": None}), one("c")])
    assert elements.seen == BLANK.seen and set(KNOWN) == set(FACTS)
    assert {key: data["traces"][0][key] for key in KNOWN} == KNOWN | {"prompt": "</script>\ufffd"}
    assert set(data["traces"][1]) == {"name", "model", "sentences", "rest"}
    assert set(data["traces"][2]) == {"name", "sentences", "rest"}


def test_prompts_count_as_text(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "BYTES", 10)
    traces = [(*one("a"), {"prompt": "b" * 5}), (*one("a"), {"prompt": "b" * 4}), one("a")]
    assert written(tmp_path, traces)[0] == 1


@pytest.mark.parametrize(("facts", "said"), [
    ({"modle": "x"}, "has modle 'x'; choose of model, domain"), ({"model": 3}, "has model 3"),
    ({"correct": 1}, "has correct 1"), ({"correct": "no"}, "has correct 'no'"),
    ({"reward": float("nan")}, "has reward nan; choose a finite number"), ({"reward": float("inf")}, "has reward inf"),
    ({"reward": "1"}, "has reward '1'"), ({"verdicts": "right"}, "has verdicts 'right'"),
    ({"verdicts": [{"judge": "a"}]}, r"has a verdict {'judge': 'a'}; give judge, mode, verdict, agrees"),
    ({"verdicts": [VERDICTS[1] | {"verdict": "right"}]}, "has a verdict"),
    ({"verdicts": ["right"]}, "has a verdict 'right'"),
])
def test_facts_of_another_kind_are_named(tmp_path, facts, said):
    with pytest.raises(ValueError, match=f"trace 't' {said}"):
        write_page([(*one("a"), facts)], tmp_path / "p.html", "Tags")
    assert not list(tmp_path.iterdir())
