r"""The math domain: which answer a text states, and what makes a task unjudgeable (equality: test_equivalence.py)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.domains import Task, TaskError, get_domain

MATH = get_domain("math")


def check(reference, text):
    return MATH.check(Task("math", "m-1", "What?", reference), text)


# (answer text, reference, correct?): which statement counts
STATED = [
    ("Answer: 42", "42", True),  # the form the training prompt asks for
    (r"\boxed{42}", "42", True),  # the form the evaluation prompt asks for
    (r"\boxed{42}" + "\n\nAnswer: 42", "42", True),  # both, the mark last
    (r"Answer: \boxed{42}", "42", True),  # both, the box last
    (r"\boxed {42}", "42", True),  # a space before the brace
    (r"\fbox{42}", "42", True),  # the other box
    (r"\boxed{41}" + "\nAnswer: 42", "42", True),  # they differ: the last wins
    ("Answer: 41\n" + r"so \boxed{42}", "42", True),  # the other way round
    (r"\boxed{42} no, \boxed{41}", "42", False),  # the last box wins
    ("Answer: 42\nAnswer: 41", "42", False),  # the last mark wins
    ("**Answer:** 42", "42", True),  # bold mark
    ("**Answer: 42**", "42", True),  # bold around both
    ("**Answer**: **42**", "42", True),  # bold around each
    ("**Answer:** **42**.", "42", True),  # and a period
    (r"\textbf{Answer: } 42", "42", True),  # bold in LaTeX
    ("Answer: $42$", "42", True),  # math mode
    (r"Answer: \(42\).", "42", True),  # the other math mode, a period
    ("Answer:\n$$\n42\n$$\nDone.", "42", True),  # display math on lines of its own
    ("Answer:\n\\[\n42\n\\]", "42", True),  # the other display math
    ("answer : 42", "42", True),  # small letter, space before the colon
    ("Answer：４２", "42", True),  # full-width colon and digits
    ("Final Answer: The final answer is $42$. I hope it is correct.", "42", True),  # a sentence around it
    ("Answer: 42. Hence the claim.", "42", True),  # a sentence after it
    (r"\boxed{\frac{1}{\sqrt{4}}}", r"\frac{1}{2}", True),  # nested braces
    (r"\boxed{\boxed{42}}", "42", True),  # a box in a box
    (r"\boxed{\{1, 2\}}", r"\{1,2\}", True),  # escaped braces inside
    (r"\boxed{41} or \boxed{42}", "42", False),  # two candidates are not an answer
    (r"\boxed{1} and \boxed{2}", "1,2", True),  # two parts of one answer are
    ("Answer: 41 or 42", "42", False),  # two candidates after the mark
    ("Answer: 42. 41.", "42", False),  # two sentences of a number each
    ("Answer: 42. Or 41.", "42", False),  # a second thought
    ("Answer: 42\nor 41", "42", False),  # on the next line
    ("Answer: 42\nOr so it seems to me, at least from what was given.", "42", True),  # which may also explain
    ("Answer: 42. So 42 it is.", "42", True),  # said again
    (r"\boxed{42}\boxed{41}", "42", False),  # two boxes side by side
    (r"\boxed{41}" + "\n" + r"\boxed{42}", "42", False),  # one under the other
    (r"\boxed{42}\boxed{42}", "42", True),  # the same twice
    (r"\boxed{42}" + "\nAnswer:", "42", True),  # an empty mark is passed over
    (r"Answer: 42. Or \boxed{}", "42", True),  # an empty box is passed over
    (r"\boxed{42", "42", False),  # a box never closed states nothing
    (r"Answer: \boxed{42", "42", False),  # nor is it an answer after the mark
    ("42", "42", False),  # a bare number states nothing
    ("The answer is 42", "42", False),  # no mark, no box
    ("", "42", False),  # empty completion
    ("Answer: see above", "42", False),  # words
    ("\ud800\nAnswer: 42", "42", True),  # lone surrogate before it
    ("Answer: \udfff", "42", False),  # lone surrogate as the answer
    ("Answer: 42\x00", "42", False),  # a null byte in the answer
    ("x" * 100_000 + "Answer: 42", "42", False),  # 100,000 characters, the mark glued to a word
    ("x " * 50_000 + "Answer: 42", "42", True),  # 100,000 characters before the mark
    ("Answer: " + "4" * 100_000, "42", False),  # 100,000 digits
    ("Answer:" + " " * 100_000, "42", False),  # 100,000 spaces
    ("Answer: " * 12_500, "42", False),  # 100,000 characters of marks
    (r"\boxed{" * 14_286, "42", False),  # 100,000 characters of open boxes
    (r"\boxed{" * 10_000 + "42" + "}" * 10_000, "42", True),  # 10,000 boxes in each other
]

@pytest.mark.parametrize(("text", "reference", "correct"), STATED)
def test_final_statement(text, reference, correct):
    verdict, reason = check(reference, text)
    assert verdict is correct
    assert bool(reason) is not correct


def test_matrix_on_several_lines():
    text = "Answer:\n\\begin{pmatrix}\n1 & 2 \\\\\n3 & 4\n\\end{pmatrix}\nDone."
    assert check(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", text) == (True, "")


@pytest.mark.parametrize(("text", "said"), [
    ("no idea", "no final answer"),
    ("Answer: 41", "the final answer '41' is not '42'"),
    ("Answer: " + "4" * 1500, "too long to compare"),
    ("Answer: 42 cm^2", "the units differ"),
])
def test_reason_says_why(text, said):
    assert said in check("42 cm" if "cm" in text else "42", text)[1]


@pytest.mark.parametrize("answer", [None, "", "  ", ["42"], 42, "4" * 2000])
def test_unjudgeable_task(answer):
    bad = Task("math", "m-bad", "What?", answer)
    for judge in (lambda: MATH.check(bad, "Answer: 42"), lambda: MATH.reference(bad)):
        with pytest.raises(TaskError, match="m-bad"):
            judge()


def test_references_of_compact_tasks_score():
    for one in MATH.tasks("train", 200):
        said = MATH.reference(one)
        assert MATH.verify(one, f"<think> x </think> {said}").reward == 1.0
        torn = MATH.verify(one, f"<think> x {said}")
        assert (torn.reward, torn.correct, torn.formatted) == (0.0, True, False)
        assert "</think>" in torn.reason
        for off in (-1, 1, 10):
            wrong = MATH.verify(one, f"<think> x </think> Answer: {int(one.answer) + off}")
            assert wrong.reward == 0.0 and not wrong.correct and wrong.reason


def test_answers_inside_the_reasoning_do_not_count():
    one = Task("math", "m-1", "What?", "42")
    assert MATH.verify(one, "<think> Answer: 42 </think> Hello.").reason.startswith("no final answer")


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_any_text_may_come_before_the_answer(before):
    assert check("42", f"{before}\n\\boxed{{42}}") == (True, "")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=40))
def test_any_answer_gets_a_verdict(answer):
    verdict, reason = check("42", f"Answer: {answer}")
    assert bool(reason) is not verdict
