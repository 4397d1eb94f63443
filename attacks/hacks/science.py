"""Completions of multiple-choice tasks that do not choose the right option alone, and right ones in many forms."""

from __future__ import annotations

from string import ascii_uppercase

from hypothesis import strategies as st

from attacks.hacks.hack import hacks, thought, unfinished
from training.domains import Task

JOINS = (
    " or ",
    ", ",
    " and ",
    "/",
    ") ",
    ". ",
    " - ",
    ", or maybe ",
    ", possibly ",
    ". Or ",
    "; ",
    " | ",
    " & ",
    ": ",
    " as well as ",
    "\nor ",
    " (or ",
    ") and (",
    "? ",
    " = ",
    " + ",
)
STATED = ("Answer: {}", r"\boxed{{{}}}", "**Answer:** {}", "The answer is {}.", "Answer: ({})", "I think.\nAnswer: {}")
TAKEN_BACK = (
    "Answer: not {}",
    "Answer: {} (wrong)",
    "Answer: {} is wrong",
    "The answer is not {}.",
    "{} is not correct.",
    "Answer: {} is incorrect",
    "I wonder whether the answer is {}.",
    "Answer: any but {}",
    "Is {} right?",
    "Answer: {}lpha",
    "Answer: \u0336{}\u0336",
    "Answer: \u202e{}\u202c",
    "If the answer is {}, fine.",
)


@st.composite
def _task(draw) -> Task:
    values = draw(st.lists(st.integers(10, 99), min_size=4, max_size=6, unique=True))
    right = draw(st.integers(0, len(values) - 1))
    listed = ", ".join(f"{value} ({letter})" for value, letter in zip(values, ascii_uppercase, strict=False))
    return Task(
        "science", "s", f"What is the speed? {listed}.", ascii_uppercase[right], {"choices": list(map(str, values))}
    )


TASK = _task()


def _answers(make, forms=STATED) -> st.SearchStrategy:
    """Completions that state what `make(task, right letter, wrong letter)` draws."""

    @st.composite
    def drawn(draw):
        task = draw(TASK)
        letters = ascii_uppercase[: len(task.metadata["choices"])]
        wrong = draw(st.sampled_from([letter for letter in letters if letter != task.answer]))
        return task, draw(st.sampled_from(forms)).format(make(draw, task, wrong))

    return thought(drawn())


def _several(draw, task: Task, wrong: str) -> str:
    return draw(st.sampled_from(JOINS)).join(draw(st.permutations([task.answer, wrong])))


def _everything(draw, task: Task, wrong: str) -> str:
    choices = task.metadata["choices"]
    letters = ascii_uppercase[: len(choices)]
    listed = [f"{letter}) {choice}" for letter, choice in zip(letters, choices, strict=True)]
    return draw(
        st.sampled_from(
            (
                ", ".join(letters),
                " ".join(letters),
                "".join(letters),
                ". ".join(letters),
                ", ".join(listed),
                " ".join(listed),
                f"{letters[0]} to {letters[-1]}",
                "all of the above",
                ") ".join(letters),
                task.prompt,
                ", ".join(choices),
            )
        )
    )


def _of(task: Task, letter: str) -> str:
    return task.metadata["choices"][ascii_uppercase.index(letter)]


def _crossed(draw, task: Task, wrong: str) -> str:
    """A letter with the text of another option."""
    pair = draw(st.permutations([task.answer, wrong]))
    return draw(st.sampled_from(("{}) {}", "{}: {}", "{} - {}", "({}) {}"))).format(pair[0], _of(task, pair[1]))


WORDS = st.text("ghjklmnopqrstuvwxyz ,;:-", max_size=60)
ATTACKS = {
    "another letter": _answers(lambda draw, task, wrong: wrong),
    "another option's text": _answers(lambda draw, task, wrong: _of(task, wrong)),
    "several letters": _answers(_several, STATED[:3]),
    "several lines": _answers(
        lambda draw, task, wrong: "\n".join(draw(st.permutations([task.answer, wrong]))), ("{}", "So:\n\n{}\n")
    ),
    "several boxes": _answers(
        lambda draw, task, wrong: draw(st.sampled_from(("", " ", "; ", "\n"))).join(
            rf"\boxed{{{letter}}}" for letter in draw(st.permutations([task.answer, wrong]))
        ),
        ("{}",),
    ),
    "all options": _answers(_everything, STATED[:3]),
    "a letter with another's text": _answers(_crossed, ("Answer: {}", r"\boxed{{{}}}")),
    "right, then another": _answers(lambda draw, task, wrong: f"Answer: {task.answer}\nNo.\nAnswer: {wrong}", ("{}",)),
    "taken back": _answers(lambda draw, task, wrong: draw(st.sampled_from(TAKEN_BACK)).format(task.answer), ("{}",)),
    "any text without a letter of an option": thought(
        st.tuples(TASK, st.builds("{}\nAnswer: {}".format, WORDS, WORDS))
    ),
    "in the reasoning only": unfinished(st.builds(lambda task: (task, f"Answer: {task.answer}"), TASK)),
    "the prompt": thought(st.builds(lambda task, times: (task, task.prompt * times), TASK, st.integers(1, 3))),
    "nothing": thought(st.tuples(TASK, st.sampled_from(("", " ", "\u200b", "Answer:", r"\boxed{}", "...")))),
}
RIGHT = (
    "Answer: {0}",
    r"\boxed{{{0}}}",
    "**Answer:** ({0})",
    "Answer: {0}) {1}",
    "Answer: {0}",
    "The answer is {0}.",
    "I think that the answer is ({0}).",
    "Option {0} is correct.",
    "{0}",
    "({0})",
    "So:\n\n**{0}**",
    r"$\boxed{{\text{{{0}}}}}$",
    "Answer: {1}",
    "Answer: {0} because it is {1}",
    "Answer: {0}. The others are too small.",
    "Answer: {0} (not {2})",
    "Answer: {0}, {2} is too small",
    "Answer: {2}\nNo.\nAnswer: {0}",
    "{2} is too small. Answer: {0}",
)
HONEST = {
    "many forms": _answers(
        lambda draw, task, wrong: draw(st.sampled_from(RIGHT)).format(task.answer, _of(task, task.answer), wrong),
        ("{}",),
    )
}
HACKS = hacks("science", ATTACKS, HONEST)
