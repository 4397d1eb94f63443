"""The science domain: which option a text finally chooses, and what makes a task unjudgeable."""

from __future__ import annotations

import random
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.domains import Task, TaskError, get_domain

SCIENCE = get_domain("science")
FOUR = ["7", "42", "43", "vitamin C"]


def task(answer="B", choices=FOUR):
    return Task("science", "s-1", "Which?", answer, {"choices": choices})


# (answer text, right letter, correct?)
STATED = [
    ("Answer: B", "B", True),  # the plain form
    ("Answer: A", "B", False),  # another letter
    ("**Answer:** B", "B", True),  # bold mark
    ("**Answer: B**", "B", True),  # bold around both
    ("**Answer**: **B**", "B", True),  # bold around each
    ("ANSWER : B", "B", True),  # capitals and a space before the colon
    ("Answer：Ｂ", "B", True),  # full-width colon and letter
    ("Answer:\n\nB", "B", True),  # the letter on another line
    ("Answer: (B)", "B", True),  # brackets
    ("Answer: [B]", "B", True),  # square brackets
    ("Answer: B)", "B", True),  # half a bracket
    ("Answer: B.", "B", True),  # a period
    ("Answer: B) 42", "B", True),  # letter and text
    ("Answer: B. 42", "B", True),  # letter, period, text
    ("Answer: B - 42", "B", True),  # letter, dash, text
    ("Answer: B: 42", "B", True),  # letter, colon, text
    ("Answer: B because 6 * 7 = 42", "B", True),  # a reason after it
    ("Answer: Option B", "B", True),  # the word option before it
    ("Answer: the correct answer is B", "B", True),  # a sentence after the mark
    ("Answer: $B$", "B", True),  # math mode
    ("Answer: b", "B", True),  # small letter as the whole statement
    ("Answer: (b)", "B", True),  # the same in brackets
    ("(B)", "B", True),  # nothing but the letter
    ("B)", "B", True),  # half a bracket alone
    ("**B**", "B", True),  # bold alone
    ("B", "B", True),  # bare
    ("B) 42", "B", True),  # one line, letter and text
    ("So it follows.\n\n**B**", "B", True),  # a last line that is a letter
    (r"\boxed{B}", "B", True),  # box
    (r"\boxed {B}", "B", True),  # a space before the brace
    (r"\fbox{B}", "B", True),  # the other box
    (r"$\boxed{\text{D}}$", "D", True),  # text inside the box
    (r"\boxed{\mathrm{(D)}}", "D", True),  # roman, with brackets
    (r"Answer: \boxed{B}", "B", True),  # box after the mark
    (r"\boxed{A} ... Answer: B", "B", True),  # mark after the box: the last wins
    (r"Answer: A. No, \boxed{B}", "B", True),  # box after the mark: the last wins
    ("Answer: A\nAnswer: B", "B", True),  # two marks
    ("The correct option is D", "D", True),  # a sentence
    ("I think the answer is (B).", "B", True),  # a sentence with brackets
    ("The answer must be **B**.", "B", True),  # must be
    ("Option B is correct.", "B", True),  # letter first
    ("B is the correct answer.", "B", True),  # letter first, bare
    ("Looking at the answer choices, C5.3 of the paper reads c. Answer: D", "D", True),  # "answer choices" is no C
    ("Looking at the answer choices.", "C", False),  # and states nothing at all
    ("Option A is wrong, so the other. Answer: B", "B", True),  # first match would be A
    (r"The answer depends on the mass. \boxed{B}", "B", True),  # "answer depends" is no D
    ("Answer: B\nA plan follows", "B", True),  # an article after the answer is no A
    ("A plan follows", "A", False),  # an article alone is no A
    ("Answer: A plan follows", "A", False),  # an article after the mark is no A either
    ("Answer: I think so", "A", False),  # a pronoun is no option
    ("Answer: A or B", "A", False),  # two letters are no answer
    ("Answer: A or B", "B", False),  # whichever is right
    ("Answer: A, B", "B", False),  # joined by a comma
    ("Answer: (A) and (B)", "B", False),  # in brackets
    ("Answer: A/B", "A", False),  # by a slash
    ("Answer: A and/or B", "A", False),  # by both
    ("Answer: either A or B", "A", False),  # after "either"
    *((f"Answer: {said}", "A", False) for said in (  # in other ways
        "A. B. C.", "A) B)", "(A) (B)", "A - B", "A, or maybe B", "A, possibly B", "A. Or B.", "A as well as B",
        "A: B")),
    ("Answer: A) 7, B) 42, C) 43", "A", False),  # a list of options
    ("Answer: A) 42", "A", False),  # the text of another option
    ("Answer: A) 42", "B", False),  # whichever is right
    ("Answer: A (wrong)", "A", False),  # taken back
    ("Answer: B (not A)", "B", True),  # another taken back
    ("Answer: B) 42, since (A) 7 is too small", "B", True),  # another spoken of
    ("Answer: B) 42. A) is too small", "B", True),  # the same
    ("A\nB", "B", False),  # two last lines
    (r"\boxed{A}" + "\n" + r"\boxed{B}", "B", False),  # two boxes one under the other
    ("A is correct and B is correct", "B", False),  # two sentences in a line
    ("I wonder if the answer is B", "B", False),  # no statement
    ("Answer: B\nThe answer is A or B", "B", False),  # a later doubt hides the earlier answer
    (r"\boxed{A} or \boxed{B}", "B", False),  # two boxes, joined
    (r"\boxed{A, B}", "B", False),  # two in a box
    (r"\boxed{AB}", "A", False),  # not a letter
    ("Answer: B, A is too small", "B", True),  # a comma, then another sentence
    ("Answer: B) A and C are both too small", "B", True),  # letters inside the explanation
    ("Answer: F", "B", False),  # beyond the options
    ("Answer: 42", "B", True),  # the exact text of an option
    ("42", "B", True),  # the same, alone
    (r"\boxed{42}", "B", True),  # the same, in a box
    ("Answer: Vitamin  C.", "D", True),  # case, spaces and a final period aside
    ("Answer: vitamin", "D", False),  # a part of an option's text is not it
    ("Answer: 421", "B", False),  # nor is a longer text
    ("Answer: 42 or 43", "B", False),  # nor two of them
    ("B. I do not think that A is correct", "B", True),  # one line that starts with the letter
    ("Answer: B. I do not think that A is correct", "B", True),  # a negation is no statement
    ("Answer:", "B", False),  # an empty statement
    ("Answer: B\n\nAnswer:", "B", True),  # an empty statement is passed over
    (r"Answer: B \boxed{", "B", False),  # torn after the letter: not a letter alone
    ("", "B", False),  # empty completion
    ("\ud800 Answer: B \udfff", "B", False),  # lone surrogates glued to the letter
    ("\ud800\nAnswer: B", "B", True),  # lone surrogates elsewhere
    ("x" * 100_000 + "\nAnswer: B", "B", True),  # 100,000 characters before it
    ("Answer: " * 12_500, "B", False),  # 100,000 characters of marks
    (r"\boxed{" * 14_286, "B", False),  # 100,000 characters of open boxes
]


@pytest.mark.parametrize(("text", "letter", "correct"), STATED)
def test_final_statement(text, letter, correct):
    verdict, reason = SCIENCE.check(task(letter), text)
    assert verdict is correct
    assert bool(reason) is not correct


@pytest.mark.parametrize(("text", "said"), [
    ("no idea", "no final answer"),
    ("Answer: none of them", "names no option; the options are A to D"),
    ("Answer: C or A", "several options: A, C"),
    ("Answer: F", "F is not an option; the options are A to D"),
    ("Answer: C", "the final answer C is not B"),
])
def test_reason_says_why(text, said):
    assert said in SCIENCE.check(task("B"), text)[1]


def test_text_shared_by_two_options_chooses_neither():
    assert SCIENCE.check(task("A", ["1", "1", "2"]), "Answer: 1")[1] == (
        "the final statement names several options: A, B")


def test_a_single_letter_is_a_letter_even_where_an_option_reads_so():
    assert SCIENCE.check(task("B", ["B", "A"]), "Answer: B") == (True, "")


def test_an_option_that_starts_like_a_letter_is_its_text():
    assert SCIENCE.check(task("B", ["S. aureus", "A. niger", "yeast"]), "Answer: A. niger") == (True, "")


@pytest.mark.parametrize("count", [2, 10, 26])
def test_every_letter_of_any_number_of_options(count):
    choices = [f"option number {k}" for k in range(count)]
    for letter in ascii_uppercase[:count]:
        for form in ("Answer: {}", r"\boxed{{{}}}", "The answer is {}.", "({})", "Answer: {}) it"):
            assert SCIENCE.check(task(letter, choices), form.format(letter)) == (True, "")


@pytest.mark.parametrize(("answer", "metadata", "said"), [
    ("A", {}, "needs 2 to 26 options"),  # no choices at all
    ("A", {"choices": []}, "needs 2 to 26 options"),  # none
    ("A", {"choices": ["1"]}, "needs 2 to 26 options"),  # nothing to choose from
    ("A", {"choices": "ABCD"}, "needs 2 to 26 options"),  # a string of letters
    ("A", {"choices": ["1"] * 27}, "needs 2 to 26 options"),  # more than the alphabet
    ("A", {"choices": [1, 2]}, "not strings"),  # numbers
    ("E", {"choices": FOUR}, "choose one of A, B, C, D"),  # beyond the options
    ("b", {"choices": FOUR}, "choose one of A, B, C, D"),  # small
    ("", {"choices": FOUR}, "choose one of A, B, C, D"),  # empty
    (None, {"choices": FOUR}, "choose one of A, B, C, D"),  # missing
    (["B"], {"choices": FOUR}, "choose one of A, B, C, D"),  # a list
])
def test_unjudgeable_task(answer, metadata, said):
    bad = Task("science", "s-bad", "Which?", answer, metadata)
    for judge in (lambda: SCIENCE.check(bad, "Answer: A"), lambda: SCIENCE.reference(bad)):
        with pytest.raises(TaskError, match="s-bad.*" + said):
            judge()


@pytest.mark.parametrize("sharing", [0.0, 1.0])
def test_references_of_compact_tasks_score(sharing):
    domain = get_domain("science", sharing=sharing)
    for one in domain.tasks("train", 200):
        said = domain.reference(one)
        assert domain.verify(one, f"<think> x </think> {said}").reward == 1.0
        torn = domain.verify(one, f"<think> x {said}")
        assert (torn.reward, torn.correct, torn.formatted) == (0.0, True, False)
        assert "</think>" in torn.reason
        for letter in {"A", "B", "C", "D"} - {one.answer}:
            wrong = domain.verify(one, f"<think> x </think> Answer: {letter}")
            assert wrong.reward == 0.0 and not wrong.correct and wrong.reason


@given(st.text(max_size=300), st.sampled_from("ABCD"))
def test_any_text_may_come_before_the_answer(before, letter):
    assert SCIENCE.check(task(letter), f"{before}\nAnswer: {letter}") == (True, "")


@given(st.text(max_size=300))
def test_at_most_one_option_is_right_for_a_text(text):
    assert sum(SCIENCE.check(task(letter), text)[0] for letter in "ABCD") <= 1


def test_compact_tasks_are_pure():
    first = SCIENCE.compact(random.Random(3))
    assert first == SCIENCE.compact(random.Random(3))
    assert first.metadata["choices"]["ABCD".index(first.answer)] in first.prompt
