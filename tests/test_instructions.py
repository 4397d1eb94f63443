"""The instructions domain: its reasons, tasks that cannot be checked, references, sentences, and any text at all."""

from __future__ import annotations

import os

import langdetect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_instruction_checks import AT_LEAST, GERMAN, LESS_THAN, TABLE, task
from training.domains import Task, TaskError, get_domain
from training.domains.instruction_checks import CHECKS, INSTRUCTION_IDS, why_not
from training.domains.instruction_checks.arguments import LANGUAGES
from training.domains.instruction_checks.language import UNKNOWN, identify
from training.domains.instruction_checks.text import sentences, words

DOMAIN = get_domain("instructions")


@pytest.mark.parametrize(
    ("identifier", "kwargs", "text", "reason"),
    [
        ("keywords:existence", {"keywords": ["sea", "sky"]}, "The sea.", "missing 'sky'"),
        ("length_constraints:number_words", {"num_words": 8, "relation": AT_LEAST}, "a b", "2 words, not at least 8"),
        ("punctuation:no_comma", {}, "a, b", "a comma at character 1"),
        (
            "copy:repeat_phrase", {"phrase": "a b c", "small_n": 1},
            "a b c", "the phrase is repeated without replacing a word",
        ),
        ("count:count_unique", {}, "The \ud800 the", "'the' is repeated"),  # half a surrogate pair in the answer
        ("language:response_language", {"language": "en"}, "hi", UNKNOWN),
        ("language:response_language", {"language": "en"}, GERMAN, "the language is de, not en"),
        ("change_case:english_capital", {}, "HI", UNKNOWN),
        ("punctuation:no_comma", {}, "", "the answer is empty"),
    ],
)
def test_the_reason_says_what_is_wrong(identifier, kwargs, text, reason):
    assert why_not(identifier, kwargs, text) == reason


NTH = "length_constraints:nth_paragraph_first_word"


@pytest.mark.parametrize(
    ("ids", "kwargs", "message"),
    [
        (["keywords:exists"], [{}], r"unknown instruction 'keywords:exists'; choose one of keywords:existence, "),
        ([["keywords:existence"]], [{}], "unknown instruction"),  # a list in the list
        (["punctuation:no_comma"] * 2, [{}], "2 instruction ids but 1 kwargs"),
        ([], [], r"metadata\['instruction_id_list'\] must be a list"),
        ("punctuation:no_comma", [{}], r"metadata\['instruction_id_list'\] must be a list"),
        (["punctuation:no_comma"], None, r"metadata\['kwargs'\] must be a list"),
        (["punctuation:no_comma"], ["{}"], "its kwargs must be a dict, got '{}'"),  # JSON that nobody read
        (["punctuation:no_comma"], [{"n": 1}], "punctuation:no_comma: unknown argument 'n'; it takes no arguments"),
        (["keywords:existence"], [None], "keywords:existence: the argument 'keywords' is missing"),
        (["keywords:existence"], [{"keywords": None}], "'keywords' is missing; it takes keywords"),
        (["keywords:existence"], [{"keywords": "sea"}], "expected a list of one or more words"),  # letters
        (["keywords:existence"], [{"keywords": []}], "expected a list of one or more words"),
        (["keywords:existence"], [{"keywords": ["sea", " "]}], "expected a text that is not blank"),
        (["keywords:word_once"], [{"keyword": ["a", "b"]}], "expected a text that is not blank"),
        (["first_word:first_word_sent"], [{"first_word": "!"}], "expected a word with a letter or digit"),
        (["count:lowercase_counting"], [{"N": "2"}], "'N' is '2'; expected a whole number"),
        (["count:lowercase_counting"], [{"N": True}], "'N' is True; expected a whole number"),
        (["count:lowercase_counting"], [{"N": 2.5}], "expected a whole number"),
        (["count:lowercase_counting"], [{"N": float("nan")}], "'N' is nan; expected a whole number"),
        (["count:lowercase_counting"], [{"N": -1}], "'N' is -1; expected a whole number, 0 or more"),
        (["letters:letter_counting"], [{"N": 2, "relation": "at most"}], "choose one of 'at least', 'less than'"),
        (["letters:letter_counting"], [{"N": 2, "relation": ["at least"]}], "choose one of 'at least', 'less than'"),
        (["letters:letter_counting2"], [{"letter": "ab", "let_frequency": 1, "let_relation": AT_LEAST}], "one char"),
        (["language:response_language"], [{"language": "zh"}], "'zh'; choose one of af, .*, zh-cn, zh-tw"),
        (["copy:repeat_phrase"], [{"phrase": "a b c", "small_n": 0}], "'small_n' is 0; expected a whole number, 1 or"),
        (["copy:repeat_phrase"], [{"phrase": "a - b", "small_n": 1}], "a phrase of at least three words"),  # no center
        (["new:copy_span_idx"], [{"prompt_to_repeat": "abc", "n_start": 2, "n_end": 9}], "whose length is 3"),
        (["new:copy_span_idx"], [{"prompt_to_repeat": "abc", "n_start": 2, "n_end": 2}], "choose a span"),
        ([NTH], [{"num_paragraphs": 1, "nth_paragraph": 2, "first_word": "a"}], "from 1 to num_paragraphs, 1"),
    ],
)
@pytest.mark.parametrize("answer", ["The sea.", ""])
def test_a_task_that_cannot_be_checked_is_an_error(ids, kwargs, message, answer):
    with pytest.raises(TaskError, match=message):
        DOMAIN.check(task(ids, kwargs), answer)


def test_all_instructions_must_hold_each_at_its_place():
    ids = ["keywords:word_once", "punctuation:no_comma", "keywords:word_once"]
    mine = task(ids, [{"keyword": "sea"}, None, {"keyword": "sky"}])
    assert DOMAIN.check(mine, "The sea and the sky") == (True, "")
    assert DOMAIN.check(mine, "The sea") == (False, "keywords:word_once: 0 times 'sky', not 1")
    assert DOMAIN.check(mine, "The sky, the sky")[1] == (
        "keywords:word_once: 0 times 'sea', not 1; punctuation:no_comma: a comma at character 7; "
        "keywords:word_once: 2 times 'sky', not 1"
    )


def test_only_the_answer_after_the_reasoning_is_judged():
    mine = task(["punctuation:no_comma"], [{}])
    assert DOMAIN.verify(mine, "Well, I think, so.</think>The sea.").reward == 1.0
    assert DOMAIN.verify(mine, "Hm.</think>The sea, the sky.").reward == 0.0
    unclosed = DOMAIN.verify(mine, "The sea.")
    assert (unclosed.correct, unclosed.formatted, unclosed.reward) == (True, False, 0.0)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_references_of_compact_tasks_score_one(split):
    tasks = DOMAIN.tasks(split, 100, seed=7)
    verdicts = [DOMAIN.verify(mine, f"I think.</think>{DOMAIN.reference(mine)}") for mine in tasks]
    assert [verdict.reward for verdict in verdicts] == [1.0] * 100
    assert [DOMAIN.reference(mine) for mine in tasks] == [DOMAIN.reference(mine) for mine in tasks]
    assert {i for mine in tasks for i in mine.metadata["instruction_id_list"]} <= set(INSTRUCTION_IDS)
    assert not any(DOMAIN.verify(mine, "I think.</think>Pink,").reward for mine in tasks)


def test_references_of_other_tasks():
    comma = (["punctuation:no_comma"], [{}])
    assert DOMAIN.reference(task(*comma, reference="A sky.")) == "A sky."
    with pytest.raises(TaskError, match="no metadata\\['reference'\\] and its topic is None; .* bird"):
        DOMAIN.reference(task(*comma))
    with pytest.raises(TaskError, match="no plain text about the sea follows startend:quotation"):
        DOMAIN.reference(task(["startend:quotation"], [{}], topic="sea"))
    with pytest.raises(TaskError, match="'keywords' is 'old'"):  # found before anything is written
        DOMAIN.reference(task(["keywords:existence"], [{"keywords": "old"}], topic="sea"))


def test_sharing_must_be_a_probability():
    assert get_domain("instructions", sharing=0.5).factors.sharing == 0.5
    with pytest.raises(ValueError, match="sharing is a probability"):
        get_domain("instructions", sharing=2)


def test_the_language_detector_is_seeded_and_knows_the_languages_listed():
    mixed = "Hallo the sea und der bird, oui et non, la mer."  # several languages: unseeded, the verdict changes
    assert len({identify(mixed) for _ in range(5)}) == 1
    assert set(LANGUAGES) == set(os.listdir(langdetect.PROFILES_DIRECTORY))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("I saw fig. 3 vs. Bob etc. Then I left.", ["I saw fig. 3 vs. Bob etc.", "Then I left."]),
        ("apples, etc. and more.", ["apples, etc. and more."]),
        ("1. One.\n2. Two. In 1990. Yes", ["1. One.", "2. Two.", "In 1990.", "Yes"]),  # list items; a year
        ('She said "Go!" Then he (too.) left', ['She said "Go!"', "Then he (too.) left"]),
        ("Well... no. Wait... No?! Yes…", ["Well... no.", "Wait...", "No?!", "Yes…"]),
        ("你好。“再见！”走吧", ["你好。", "“再见！”", "走吧"]),  # no spaces
        ("*** ... !", []),  # nothing to say
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_words():
    assert words("Don't, the well-known -- A1 isn’t 'so'.") == ["Don't", "the", "well-known", "A1", "isn’t", "so"]


ODD = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),  # lone surrogates too
    st.text("aA .!?*-<>[]\"'\n\t_1。#`{}`:", max_size=60),
    st.sampled_from([
        "", "\ud800", "\x00", "a" * 100_000, " " * 100_000, "*" * 100_000, "* " * 50_000, "[" * 100_000, "\n" * 100_000,
        "\"'" * 50_000, "<<" * 50_000, "a. " * 33_334, "*a" * 50_000, "The sea! " * 11_112, "*" + " " * 99_999,
        "```" + " " * 99_997, "a-" * 50_000, "-" * 100_000, "\n " * 50_000, "1" * 100_000, "." * 100_000, "_" * 100_000,
        "@a" * 50_000, "." * 99_999 + "x", "\"" * 99_999 + "x",
    ]),
)  # fmt: skip


@pytest.mark.parametrize(("identifier", "kwargs"), [row[:2] for row in TABLE], ids=[row[0] for row in TABLE])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=ODD)
def test_any_text_gets_a_reason_or_passes(identifier, kwargs, text):
    reason = why_not(identifier, kwargs, text)
    assert isinstance(reason, str) and len(reason) < 200
    assert reason == why_not(identifier, kwargs, text)
    assert reason.encode("utf-8") is not None  # a reason can always be saved
    assert text.strip() or reason


@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=ODD, bound=st.integers(0, 5), row=st.sampled_from([row[:2] for row in TABLE if "relation" in str(row[1])]))
def test_at_least_and_less_than_are_opposites(text, bound, row):
    identifier, kwargs = row
    count_name = next(n for n in CHECKS[identifier].readers if n in (
        "frequency", "let_frequency", "num_sentences", "num_words", "capital_frequency", "N"))
    relation = next(n for n in CHECKS[identifier].readers if n.endswith("relation"))
    reasons = [why_not(identifier, {**kwargs, count_name: bound, relation: r}, text) for r in (AT_LEAST, LESS_THAN)]
    assert bool(reasons[0]) != bool(reasons[1]) or not text.strip()


@pytest.mark.parametrize("answer", [
    "", "...", "\u200b", "sea sea sea", "Sea, sea! *sea*", "Write a note. Write a note.", "write A note",
])
def test_an_answer_that_says_nothing_follows_no_instruction(answer):
    one = Task("instructions", "mine", "Write a note.", None, {
        "instruction_id_list": ["punctuation:no_comma", "keywords:forbidden_words"],
        "kwargs": [{}, {"forbidden_words": ["wind"]}]})
    correct, reason = DOMAIN.check(one, answer)
    assert not correct and reason.count("the answer") == 2
    assert DOMAIN.check(one, "The sea is wide.") == (True, "")


def test_a_sentence_may_be_repeated():
    assert DOMAIN.check(task(["keywords:frequency"], [
        {"keyword": "sea", "frequency": 3, "relation": AT_LEAST}]), "The sea is wide. " * 3) == (True, "")
