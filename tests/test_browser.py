"""The browser of traces in Chromium: filters, keys, long traces, links, and hostile text that stays text."""

import pytest
from playwright.sync_api import expect

from behaviors import tag
from behaviors.browser import Trace
from behaviors.page import write_page
from tests.chromium import LAPTOP, PHONE, chromium, shown  # noqa: F401
from tests.test_page import HOSTILE, one

CHECK, TURN, PLAIN = "Let me check: 7 - 4 = 3.", "Wait, that is wrong.", "We add one more."
TEXTS = {"check": f"{PLAIN} {CHECK} {PLAIN}", "turn": f"{TURN} {PLAIN}",
         "both": f"{CHECK} {PLAIN} {TURN} {PLAIN} {CHECK}", "plain": f"{PLAIN} {PLAIN}"}
LONG = f"{PLAIN} " * 3000 + TURN


def zoo():
    """16 traces: 2 models x 2 domains x TEXTS; right where it is of the domain math."""
    for model in ("anchor", "mixed"):
        for domain in ("math", "agent"):
            for kind, text in TEXTS.items():
                verdicts = [{"judge": judge, "mode": mode, "verdict": mode == "outcome", "agrees": judge == "mixed"}
                            for judge in ("anchor", "mixed") for mode in ("outcome", "process")]
                yield Trace(f"{model}/{domain}/{kind}", text, tag([text]), {
                    "model": model, "domain": domain, "task": kind, "correct": domain == "math",
                    "reward": float(domain == "math"), "reason": "" if domain == "math" else "no call was made",
                    "prompt": f"The prompt of {model}.", "verdicts": verdicts if kind == "check" else None})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    write_page(zoo(), folder / "zoo.html", "A zoo")
    write_page([("long", LONG, tag([LONG])), ("short", CHECK, tag([CHECK]))], folder / "long.html", "Long")
    write_page([Trace(text, text, one(text)[2], dict.fromkeys(("model", "domain", "task", "reason", "prompt"), text)
                      | {"verdicts": [{"judge": text, "mode": text, "verdict": True, "agrees": True}]})
                for text in (*HOSTILE, "<img src=x onerror=alert(1)>", "javascript:alert(1)", "__proto__")],
               folder / "hostile.html", "</title><script>alert(1)</script>")
    write_page([], folder / "none.html", "None")
    return folder


def count(page) -> int:
    """How many traces are listed, which the heading of the list must say too."""
    listed = page.locator("#trace-list li").count()
    assert page.locator("#trace-count").inner_text().startswith(f"{listed} of ")
    return listed


def place(page) -> str:
    return page.locator("#trace-place").inner_text()


def name(page) -> str:
    """The trace on the page, which must be the one that the list marks."""
    shown_name = page.locator("#trace-name").inner_text()
    assert page.locator("#trace-list [aria-current]").inner_text().startswith(shown_name)
    return shown_name


FILTERS = {
    "": 16, "model=mixed": 8, "domain=math": 8, "model=mixed domain=agent": 4, "answer=right": 8,
    "answer=wrong domain=math": 0, "answer=wrong domain=agent model=anchor": 4, "label=self_verification": 8,
    "label=backtracking": 8, "label=self_verification label=backtracking": 12, "search=WAIT,": 8,
    "search=of.mixed": 0, "search=of_mixed.": 8, "label=backtracking answer=right model=mixed search=check:": 1,
}


def choose(page, wanted):
    """Set filters: words `filter=value`, with _ for a blank."""
    for key, value in (part.split("=") for part in wanted.split()):
        if key == "label":
            page.check(f"input[value={value}]")
        elif key == "search":
            page.fill("#trace-search", value.replace("_", " "))
        else:
            page.select_option(f"#trace-{key}", value)


def test_filters_filter_and_are_cleared(chromium, files):  # noqa: F811
    with shown(chromium, files / "zoo.html") as page:
        for wanted, number in FILTERS.items():
            choose(page, wanted)
            expect(page.locator("#trace-list li")).to_have_count(number)
            assert count(page) == number, wanted
            if not number:
                assert place(page) == "No trace passes the filters." and page.locator("#trace-text").inner_text() == ""
            page.click("text=Clear filters")
            expect(page.locator("#trace-list li")).to_have_count(16)
            assert place(page).startswith("Trace ") and place(page).rstrip().endswith("of 16 listed.")


def test_what_is_known_is_shown(chromium, files):  # noqa: F811
    with shown(chromium, files / "zoo.html", "#trace=mixed%2Fagent%2Fcheck") as page:
        assert name(page) == "mixed/agent/check"
        facts = page.locator("#trace-facts").inner_text()
        assert facts == "mixed \u00b7 agent \u00b7 check \u00b7 wrong \u00b7 reward 0 \u00b7 no call was made"
        assert page.locator("#trace-prompt").inner_text() == "The prompt of mixed."
        assert page.locator("#trace-text .self_verification").all_inner_texts() == [CHECK]
        page.click("#trace-judged summary")
        assert page.locator("#trace-judged").inner_text().split("\n")[0] == (
            "Judges: 2 of 4 verdicts agree (\u2713) with the verifier")
        assert [row.split("\t") for row in page.locator("#trace-judged tr").all_inner_texts()] == [
            ["judge", "outcome", "process"], ["anchor", "right \u2717", "wrong \u2717"],
            ["mixed", "right \u2713", "wrong \u2713"]]


def test_filters_without_values_are_not_shown(chromium, files):  # noqa: F811
    with shown(chromium, files / "long.html") as page:
        for key in ("model", "domain", "answer"):
            assert not page.locator(f"#trace-{key}").is_visible()
        for key in ("facts", "asked", "judged", "note"):
            assert not page.locator(f"#trace-{key}").is_visible()
        assert page.locator("#trace-search").is_visible()


def test_keys_walk_through_sentences_and_traces(chromium, files):  # noqa: F811
    def pressed(key):
        page.keyboard.press(key)
        return place(page)

    with shown(chromium, files / "zoo.html") as page:
        assert pressed("n") == "Trace 1 of 16 listed. Sentence 2 of 3: self-verification."
        assert page.evaluate("document.activeElement.textContent") == CHECK
        assert pressed("n") == "Trace 2 of 16 listed. Sentence 1 of 2: backtracking."
        assert pressed("p").startswith("Trace 1 of 16 listed. Sentence 2 of 3")
        assert pressed("p") == "Trace 1 of 16 listed. No tagged sentence before this one."
        assert pressed("j") and name(page) == "anchor/math/turn"
        assert pressed("k") and name(page) == "anchor/math/check"
        assert pressed("k") == "Trace 1 of 16 listed. This is the first trace."
        page.check("input[value=backtracking]")
        assert pressed("n").endswith("Trace 1 of 8 listed. Sentence 1 of 2: backtracking.")
        page.keyboard.press("/")
        page.keyboard.type("njk/")
        assert page.input_value("#trace-search") == "njk/"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "trace-reader"
        assert page.input_value("#trace-search") == "njk/"


def test_a_search_marks_what_it_finds(chromium, files):  # noqa: F811
    with shown(chromium, files / "zoo.html") as page:
        page.fill("#trace-search", "more. let")  # goes on in the next sentence
        page.wait_for_selector("#trace-text mark")
        assert "".join(page.locator("#trace-text mark").all_inner_texts()) == "more. Let"
        page.click("#trace-asked summary")
        page.fill("#trace-search", "Prompt")
        page.wait_for_selector("#trace-prompt mark")
        assert page.locator("#trace-prompt mark").is_visible() and count(page) == 16


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_long_traces_scroll_in_their_box(chromium, files, size):  # noqa: F811
    with shown(chromium, files / "long.html", size=size) as page:
        expect(page.locator("#trace-text span")).to_have_count(3001)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.documentElement.scrollHeight") < 2000
        turn = page.locator("#trace-text .backtracking")
        assert turn.bounding_box()["y"] > size["height"]
        page.keyboard.press("n")
        assert 0 < turn.bounding_box()["y"] < size["height"]
        assert page.evaluate("document.getElementById('trace-reader').scrollTop") > 5000
        page.keyboard.press("j")
        assert page.evaluate("document.getElementById('trace-reader').scrollTop") == 0
        assert page.locator("#trace-text").inner_text() == CHECK


def test_links_open_traces_whatever_the_filters(chromium, files):  # noqa: F811
    with shown(chromium, files / "zoo.html", "#trace=no%such") as page:
        assert place(page) == "Trace 1 of 16 listed. No trace is called no%such."
        page.select_option("#trace-model", "anchor")
        page.evaluate("location.hash = 'trace=mixed/math/both'")
        expect(page.locator("#trace-name")).to_have_text("mixed/math/both")
        assert count(page) == 16 and page.input_value("#trace-model") == ""
        assert page.locator("#trace-link").get_attribute("href") == "#trace=mixed%2Fmath%2Fboth"


def test_hostile_traces_stay_text(chromium, files):  # noqa: F811
    with shown(chromium, files / "hostile.html") as page:
        elements = page.evaluate("document.querySelectorAll('script, img, iframe, body *[onerror]').length")
        for _ in range(page.locator("#trace-list li").count() - 1):
            page.keyboard.press("j")
            assert page.evaluate("document.querySelectorAll('script, img, iframe, body *[onerror]').length") == elements
        assert elements == 2 and page.locator("#trace-text").text_content() == "__proto__"
        assert page.locator("#trace-judged th").last.text_content() == "__proto__"
        page.locator("#trace-list button", has_text="<img src=x").click()
        assert page.locator("#trace-text").inner_text() == "<img src=x onerror=alert(1)>"
        assert page.locator("h1").inner_text() == "</title><script>alert(1)</script>"


def test_a_page_without_traces_says_so(chromium, files):  # noqa: F811
    with shown(chromium, files / "none.html") as page:
        assert count(page) == 0 and place(page) == "No trace passes the filters."
        page.keyboard.press("n"), page.keyboard.press("j"), page.keyboard.press("k")
