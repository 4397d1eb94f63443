"""The page of the reproduction: what is in it, that all text stays text, and how it works in Chromium."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib import pyplot
from playwright.sync_api import expect

from behaviors.browser import parts
from paper import page_tables
from paper.__main__ import main
from paper.contents import ITEMS
from paper.page import PAGE, write_page
from paper.page_tables import table
from paper.saved import COMMITTED, NotSaved, opened
from studies.verification_examples import FILE, KEPT, examples, write_examples
from tests.chromium import LAPTOP, PHONE, chromium, shown  # noqa: F401
from tests.test_page import HOSTILE
from tests.test_paper_figures import README
from tests.test_paper_saved import DAMAGES, copied, edited

HOSTILE = [*(text for text in HOSTILE if text.isprintable()), "<img src=x onerror=alert(1)>", "' onload='alert(1)"]


class Elements(HTMLParser):
    """The elements of a page with their attributes, its texts, and how many have no end."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.seen, self.texts = [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, element, attributes):
        self.seen.append((element, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


TEXTS = ("Let me check: 7 - 4 = 3.", "Wait, that is wrong.")


def traces(models=("anchor", "expert-math"), texts=TEXTS) -> pd.DataFrame:
    """What the study keeps: for every model one right trace and one wrong."""
    rows = [(model, "math", f"math-test-0-{k}", 0, 0, k == 0, "A prompt.", text, 1.0 - k, "it is 3" * k)
            for model in models for k, text in enumerate(texts)]
    columns = ["model", "domain", "task_id", "sample", "seed", "correct", "prompt", "completion", "reward", "reason"]
    kept = pd.DataFrame(rows, columns=columns)
    assert set(columns) == set(KEPT)
    judged = kept.assign(judge=kept.model, mode="process", verdict=True, agrees=kept.correct)
    return examples(kept, judged)


def page_of(folder, out) -> str:
    """The page of a folder of results, with one figure."""
    saved, tables, lacking = opened(folder), {}, []
    for item in ITEMS:
        try:
            tables[item.name] = item.table(saved)
        except NotSaved as error:
            lacking.append(f"{item.name}, table: {error}")
    (out / "figures").mkdir(parents=True)
    figure = pyplot.figure(figsize=(2, 1))
    figure.savefig(out / "figures" / "accuracy.png")
    pyplot.close(figure)
    write_page(saved, tables, lacking, out)
    return (out / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The page of the committed results, with traces."""
    folder = copied(tmp_path_factory.mktemp("results") / "organism")
    write_examples(traces(), folder / "self_verification" / FILE)
    out = tmp_path_factory.mktemp("out")
    page_of(folder, out)
    return out / PAGE


def test_everything_is_on_the_page(whole):
    source = whole.read_text(encoding="utf-8")
    elements = Elements(source)
    sections = [known["id"] for element, known in elements.seen if element == "section"]
    made = [item.name for item in ITEMS]
    assert sections == ["results", *made, "traces"]
    links = [known["href"] for element, known in elements.seen if element == "a" and "href" in known]
    assert links == [f"#{name}" for name in sections]
    text = " ".join("".join(elements.texts).split())
    saved = opened(COMMITTED)
    assert f"Of {len(saved.findings)} claims in 11 studies" in text
    for said in (*(re.sub("`", "", item.caption) for item in ITEMS), *saved.notes[-1:],
                 *(one["claim"] for one in saved.findings.values())):
        assert " ".join(said.split()) in text
    picture, = [known for element, known in elements.seen if element == "img"]
    assert picture["src"].startswith("data:image/png;base64,") and "Accuracy" in picture["alt"]
    assert (picture["width"], picture["height"]) == ("200", "100")


def test_the_browser_is_the_one_of_behaviors(whole):
    source = whole.read_text(encoding="utf-8")
    assert all(part in source for part in parts().values())
    data = json.loads(re.search(r'id="trace-data">(.*?)</script>', source, re.S)[1])
    assert [trace["name"] for trace in data["traces"]] == [
        f"{model}/math-test-0-{k}/0" for model in ("anchor", "expert-math") for k in (0, 1)]
    assert data["note"] == (
        "The first 2 right and the first 2 wrong completions of each model and domain, of one seed; at most 500 traces "
        "and 4 million characters. 13 of 15 models have none here.")


def test_the_page_asks_for_nothing(whole):
    source = re.sub(r'src="data:image/png;base64,[\w+/=]+"', "", whole.read_text(encoding="utf-8"))
    for word in ("http:", "https:", "//cdn", " src=", "<link", "@import", "url(", "innerHTML", "insertAdjacentHTML",
                 "document.write", "eval(", "fetch("):
        assert word not in source
    assert "default-src 'none'" in source and "{{" not in source


def test_any_text_of_results_stays_text(tmp_path):
    folder = copied(tmp_path / "organism")
    for file in folder.glob("*/findings.json"):
        found = json.loads(file.read_text())
        for k, one in enumerate(found):
            one["claim"] = one["published"] = HOSTILE[k % len(HOSTILE)]
        file.write_text(json.dumps(found))
    write_examples(traces(HOSTILE[:9], HOSTILE[-2:]), folder / "self_verification" / FILE)
    source = page_of(folder, tmp_path / "out")
    plain = page_of(copied(tmp_path / "plain"), tmp_path / "other")
    elements = Elements(source)
    assert not [known for _, known in elements.seen if any(key.startswith("on") for key in known)]
    assert [element for element, _ in elements.seen].count("script") == 3
    assert [element for element, _ in Elements(plain).seen].count("script") == 1
    assert [element for element, _ in elements.seen].count("img") == 1
    assert all(text in "".join(elements.texts) for text in HOSTILE)


COMMAND = "python studies/self_verification.py --zoo organism --seeds 0,1,2,3,4 --out paper/results/organism/self_ver"


@pytest.mark.parametrize(("content", "said"), [
    (None, f"No traces to read: self_verification/{FILE} is not there; {COMMAND}"),
    (b"half", f"No traces to read: self_verification/{FILE}: "),
    ("other columns", f"{FILE} has other columns than this version writes; {COMMAND}"),
    ("other text", "sentence 0 of trace &#x27;anchor/math-test-0-0/0&#x27;"),
])
def test_without_traces_a_sentence_names_the_command(tmp_path, content, said):
    folder = copied(tmp_path / "organism")
    file = folder / "self_verification" / FILE
    if content == "other columns":
        pd.DataFrame({"model": ["a"]}).to_parquet(file)
    elif content == "other text":
        kept = traces()
        write_examples(kept.assign(completion="x"), file)
    elif content:
        file.write_bytes(content)
    source = page_of(folder, tmp_path / "out")
    assert said in source and 'id="trace-data"' not in source and '<section id="traces">' in source


def test_without_how_it_was_made_the_command_is_the_study(tmp_path):
    folder = copied(tmp_path / "organism")
    shutil.rmtree(folder / "self_verification")
    assert "is not there; python studies/self_verification.py writes it." in page_of(folder, tmp_path / "out")


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_results_still_make_a_page(tmp_path, name):
    source = page_of(edited(copied(tmp_path / "organism"), DAMAGES[name]), tmp_path / "out")
    assert '<section id="claims">' in source and len(source) < 15_000_000
    assert ("The first 1,500 of " in source) == (name == "hundreds of models")


def test_long_tables_are_cut_with_a_sentence(monkeypatch):
    monkeypatch.setattr(page_tables, "ROWS", 2)
    made = table("x", ["a"], [["1"], ["2"], ["3"]])
    assert "The first 2 of 3 rows; all are in <code>tables/x.csv</code>." in made and "<td>3</td>" not in made
    assert "The first" not in table("x", ["a"], [["1"], ["2"]])


def test_the_command_writes_it_when_asked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("paper.written.ITEMS", [item for item in ITEMS if item.name == "official"])
    folder, out = copied(tmp_path / "organism"), tmp_path / "out"
    shutil.copy(README, tmp_path)
    given = ["--results", str(folder), "--out", str(out), "--readme", str(tmp_path / "README.md")]
    for flag in (["--html"], []):
        assert main(given + flag) == 0
        assert (out / PAGE).is_file() == (str(out / PAGE) in capsys.readouterr().out.splitlines()) == bool(flag)


def column(page, name, number):
    """A column of a table, of the rows that are shown."""
    return [text.strip() for text in page.locator(f"#table-{name} tbody tr:visible td:nth-child({number})")
            .all_text_contents()]


def test_heads_sort_by_click_and_by_key(chromium, whole):  # noqa: F811
    with shown(chromium, whole) as page:
        heads = page.locator("#table-routes th")
        before = column(page, "routes", 4)
        heads.nth(3).locator("button").click()
        tokens = column(page, "routes", 4)
        assert sorted(tokens) == sorted(before) and tokens[-1] == ""
        assert heads.nth(3).get_attribute("aria-sort") == "ascending"
        assert (numbers := [int(text.replace(",", "")) for text in tokens[:-1]]) == sorted(numbers)
        page.keyboard.press("Enter")  # the head has the focus
        assert heads.nth(3).get_attribute("aria-sort") == "descending"
        again = column(page, "routes", 4)
        assert again[-1] == "" and [int(text.replace(",", "")) for text in again[:-1]] == numbers[::-1]
        page.keyboard.press("Shift+Tab"), page.keyboard.press("Shift+Tab"), page.keyboard.press("Space")
        assert column(page, "routes", 2) != [] and heads.nth(1).get_attribute("aria-sort") == "ascending"
        shares = [float(text.split()[0]) for text in column(page, "routes", 2)]
        assert shares == sorted(shares) and heads.nth(3).get_attribute("aria-sort") is None
        heads.nth(0).locator("button").click()
        assert column(page, "routes", 1) == [
            "anchor", "distilled", "merged, average", "merged, DARE task arithmetic", "merged, DARE TIES",
            "merged, SCE", "merged, task arithmetic", "merged, TIES", "mixed", "mixed, paper's budget"]


def test_estimates_sort_without_their_intervals(chromium, whole):  # noqa: F811
    with shown(chromium, whole) as page:
        place = page.locator("#table-gain_consistency th").all_text_contents().index("Ours") + 1
        page.locator(f"#table-gain_consistency th:nth-child({place}) button").click()
        ours = column(page, "gain_consistency", place)
        known = [text for text in ours if text != "not measured"]
        assert ours == known + ["not measured"] * (len(ours) - len(known)) and 0 < len(known) < len(ours)
        values = [float(text.split(" ")[0]) for text in known]
        assert values == sorted(values) and values[0] < 0 < values[-1]


def test_claims_are_chosen_by_verdict_and_study(chromium, whole):  # noqa: F811
    findings = opened(COMMITTED).findings
    with shown(chromium, whole) as page:
        verdict, study = page.get_by_label("Verdict"), page.get_by_label("Study")
        for chosen_verdict, chosen_study in (("reproduced", ""), ("not reproduced", ""), ("", "synergy"),
                                             ("inconclusive", "weight_shift"), ("not measured", "synergy"), ("", "")):
            verdict.select_option(chosen_verdict), study.select_option(chosen_study)
            wanted = sum((not chosen_verdict or one["verdict"].replace("_", " ") == chosen_verdict)
                         and (not chosen_study or name == chosen_study) for (name, _), one in findings.items())
            assert page.locator("#table-claims tbody tr:visible").count() == wanted
            assert page.locator("#claims [role=status]").inner_text() == f"{wanted} of {len(findings)} rows"


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_long_tables_scroll_in_their_box_and_the_page_is_as_wide_as_the_screen(chromium, whole, size):  # noqa: F811
    with shown(chromium, whole, size=size) as page:
        assert page.evaluate("scrollY") == 0  # the browser of traces, further down, shows its first trace
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        box = page.locator("#kl_matrix .box")
        assert box.bounding_box()["height"] < size["height"]
        box.focus()
        page.keyboard.press("End")
        expect(page.locator("#table-kl_matrix tbody tr").last).to_be_in_viewport()
        expect(page.locator("#table-kl_matrix th").first).to_be_in_viewport()


def test_keys_of_traces_work_where_traces_are_seen(chromium, whole):  # noqa: F811
    with shown(chromium, whole) as page:
        page.keyboard.press("j")
        assert page.locator("#trace-name").text_content() == "anchor/math-test-0-0/0" and page.evaluate("scrollY") == 0
        page.click("#index a[href='#traces']")
        page.keyboard.press("j"), page.keyboard.press("n")
        assert page.locator("#trace-name").inner_text() == "anchor/math-test-0-1/0"
        assert page.evaluate("document.activeElement.textContent") == "Wait, that is wrong."
        page.select_option("#trace-answer", "right")
        expect(page.locator("#trace-list li")).to_have_count(2)


def test_a_link_to_a_trace_opens_it(chromium, whole):  # noqa: F811
    with shown(chromium, whole, "#trace=expert-math/math-test-0-1/0") as page:
        expect(page.locator("#trace-text")).to_be_in_viewport()
        assert page.locator("#trace-text").inner_text() == "Wait, that is wrong."


def test_hostile_results_stay_text_in_a_browser(chromium, tmp_path):  # noqa: F811
    folder = copied(tmp_path / "organism")
    file = folder / "synergy" / "findings.json"
    file.write_text(json.dumps([one | {"claim": HOSTILE[-2]} for one in json.loads(file.read_text())]))
    write_examples(traces(HOSTILE[-2:]), folder / "self_verification" / FILE)
    page_of(folder, tmp_path / "out")
    with shown(chromium, tmp_path / "out" / PAGE) as page:
        assert page.locator("#table-claims td", has_text=HOSTILE[-2]).count() > 1
        assert page.locator("img").count() == 1 and page.locator("#trace-list li").count() == 4
