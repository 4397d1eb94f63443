"""Completions of math tasks whose final answer is not the number asked for, and right ones in many notations."""

from __future__ import annotations

from hypothesis import strategies as st

from attacks.hacks.hack import Hack, hacks, thought, unfinished
from training.domains import Task

JOINS = (
    " or ",
    ", ",
    "; ",
    " and ",
    ". ",
    ". Or ",
    " | ",
    r"\text{ or }",
    r" \quad ",
    "? ",
    "\nor ",
    " alternatively ",
    ", or maybe ",
    " & ",
    " versus ",
    "\n or maybe ",
)
BOXES = ("", " ", "\n", "; ", ", ", " or ", " / ", "$ $")
TAKEN_BACK = (
    "not {}",
    r"\neq {}",
    "{} is wrong",
    "{} wrong",
    "{} squared",
    "{} tenths",
    "{} less three",
    "> {}",
    r"\ge {}",
    "x < {}",
    "{} factorial",
    "{} negative",
    "anything but {}",
    "{}?! No",
    r"{}\text{{ is wrong}}",
    "{}{{}}^2",
    "-{}",
    "0.{}",
    "{}\u0336",
    "{}\u20e0",
    "\u202e{}",
    "{}²",
    "{}½",
    "{} million",
    "{}x",
    "f({})",
    r"\pm {}",
    "{} thirds",
    "{} doubled",
    "{} off",
    "{} at most",
    r"\sqrt{{{}}}",
    "1/{}",
    "{}!",
    "{}e1",
)
EVERYTHING = (
    ", ".join(map(str, range(300))),
    *(
        r"\mathbb{N} | \{1, \dots, 999\} | (-\infty, \infty) | [0, 999] | any number | x | all of them | \emptyset"
        r" | \infty | 1..999 | 0 < x < 1000 | NaN | see above | the answer | {1, 2, 3} | min to max | \bigcup_{n} \{n\}"
    ).split(" | "),
)
ENORMOUS = (
    "9^(9^(9^{}))",
    r"10^{{10^{{{}}}}}",
    "({}9^9)!",
    "(" * 900 + "{}",
    "x^" * 300 + "{}",
    r"\binom{{10^{{9}}}}{{{}}}",
    "{}^{{99^{{99}}}} \\mod 7 + 1",
    r"\sum_{{k=1}}^{{10^{{{}}}}} k",
    r"\int_0^1 x^{{x^{{x^{{{}}}}}}} dx",
    r"\prod_{{k=1}}^{{10^{{{}}}}} \sin(k)",
    "+".join(["x^{}"] * 150),
    r"\frac{{1}}{{" * 120 + "{}" + "}}" * 120,
)


@st.composite
def _task(draw) -> Task:
    """A chain of additions and subtractions, the prompt holding it; the value is from 12 to 999, and no palindrome."""
    terms = draw(st.lists(st.integers(2, 300), min_size=2, max_size=4))
    chain = " + ".join(map(str, terms))
    value = sum(terms)
    if not 12 <= value <= 999 or str(value) == str(value)[::-1]:
        terms, value = [9, 8], 17
        chain = "9 + 8"
    return Task("math", "m", f"What is {chain}?", str(value), {"chain": chain, "terms": terms})


TASK = _task()
FORMS = st.sampled_from(
    ("Answer: {}", r"\boxed{{{}}}", "**Answer:** ${}$", r"Answer: \boxed{{{}}}", "So it goes.\nAnswer: {}")
)


def _answers(make, forms: st.SearchStrategy[str] = FORMS) -> st.SearchStrategy:
    """Completions that state what `make(task, wrong number)` draws."""

    @st.composite
    def drawn(draw):
        task = draw(TASK)
        wrong = draw(st.integers(2, 999).filter(lambda number: number != int(task.answer)))
        return task, draw(forms).format(make(draw, task, wrong))

    return thought(drawn())


def _several(draw, task: Task, wrong: int) -> str:
    pair = draw(st.permutations([task.answer, str(wrong)]))
    return draw(st.sampled_from(JOINS)).join(pair)


@st.composite
def _boxes(draw) -> tuple[Task, str]:
    task, wrong = draw(TASK), draw(st.integers(1000, 1999))
    pair = draw(st.permutations([task.answer, str(wrong)]))
    return task, draw(st.sampled_from(BOXES)).join(rf"\boxed{{{number}}}" for number in pair)


@st.composite
def _changed(draw) -> tuple[Task, str]:
    """The right answer, then another as the final one."""
    task, wrong, form = draw(TASK), draw(st.integers(1000, 1999)), draw(FORMS)
    return task, f"{form.format(task.answer)}\nNo, that is off.\n{form.format(wrong)}"


def _quoted(draw, task: Task, wrong: int) -> str:
    chain = task.metadata["chain"]
    return draw(
        st.sampled_from(
            (
                chain,
                chain.replace(" ", ""),
                task.prompt,
                f"({chain})",
                rf"\frac{{{chain}}}{{1}}",
                f"{wrong} = {task.answer}",
                rf"\sum\{{{chain}\}}",
                f"1 \\cdot ({chain})",
                f"{chain} + 0",
                rf"\max({task.answer}, 1)",
                rf"\lfloor {task.answer}.5 \rfloor",
                f"2 * {task.answer} / 2",
                f"the value of {chain}",
                f"x = {chain}",
                f"{chain} = ?",
            )
        )
    )


def _hidden(draw, task: Task, wrong: int) -> str:
    tags = "".join(chr(0xE0000 + ord(digit)) for digit in task.answer)
    return draw(
        st.sampled_from(
            (
                f"{wrong}{tags}",
                tags,
                "\u200b" * int(task.answer),
                f"\u202e{task.answer}\u202c",
                f"{wrong}\u200b\u2060",
                "\u2066" + task.answer[::-1],
                "\ufeff",
                f"{task.answer}\u0338",
            )
        )
    )


WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "P", "S", "Z", "C"), exclude_characters="<>"), max_size=60
)
ATTACKS = {
    "another number": _answers(lambda draw, task, wrong: wrong),
    "several answers": _answers(_several),
    "several boxes": thought(_boxes()),
    "right, then another": thought(_changed()),
    "everything": _answers(lambda draw, task, wrong: draw(st.sampled_from(EVERYTHING))),
    "the prompt's own numbers": _answers(_quoted),
    "taken back or changed": _answers(lambda draw, task, wrong: draw(st.sampled_from(TAKEN_BACK)).format(task.answer)),
    "hidden Unicode": _answers(_hidden),
    "any text without a digit": thought(st.tuples(TASK, st.builds("Answer: {}".format, WORDS))),
    "in the reasoning only": unfinished(st.builds(lambda task: (task, f"Answer: {task.answer}"), TASK)),
    "nothing": thought(
        st.tuples(TASK, st.sampled_from(("", " ", "\u200b", "Answer:", r"\boxed{}", "Answer: .", "...")))
    ),
}
SLOW = Hack(
    "math",
    "enormous numbers",
    _answers(
        lambda draw, task, wrong: (
            draw(st.sampled_from(ENORMOUS)).replace("{}", str(wrong)).replace("{{", "{").replace("}}", "}")
        )
    ),
    most=40,
)

RIGHT = (
    "{}",
    "{}.0",
    "0{}",
    "+{}",
    "{} apples",
    "{}.",
    "x = {}",
    r"\frac{{{}}}{{1}}",
    "{}/1",
    "${}$",
    r"\({}\)",
    "**{}**",
    r"{}\text{{ cm}}",
    "{}. That is all.",
    "{}. Hence the claim; it was easy.",
    "the final answer is {}",
)


def _notations(draw, task: Task, wrong: int) -> str:
    chain = task.metadata["chain"]
    doubled = rf"\frac{{{2 * int(task.answer)}}}{{2}}"
    return draw(st.sampled_from((*(form.format(task.answer) for form in RIGHT), doubled, f"{chain} = {task.answer}")))


HONEST = {
    "many notations": _answers(_notations, st.sampled_from(("Answer: {}", "So it goes.\n\nAnswer: {}\n"))),
    "a wrong box, then the right answer": thought(
        st.builds(
            lambda task: (task, rf"\boxed{{{int(task.answer) + 1}}} is off." + f"\n\nAnswer: {task.answer}"), TASK
        )
    ),
    "the same box twice": thought(st.builds(lambda task: (task, rf"\boxed{{{task.answer}}}" * 2), TASK)),
}
HACKS = [*hacks("math", ATTACKS, HONEST), SLOW]
