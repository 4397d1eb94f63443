"""Tasks are pure functions of (split, seed, index), splits share no prompt, and verdicts say why."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.domains import DOMAINS, SPLITS, Domain, Task, TaskError, Verdict, compact, get_domain, split_reasoning

DRAWS = {
    "math": compact.math_task, "coding": compact.coding_task, "science": compact.science_task,
    "instructions": compact.instructions_task, "agent": compact.agent_task,
}


class Drawn(Domain):
    """Any domain's compact tasks, judged by whether the answer text says `right`."""

    def __init__(self, name: str, sharing: float = 1.0):
        self.name, self.factors = name, compact.Factors(sharing)

    def compact(self, rng):
        return DRAWS[self.name](rng, self.factors)

    def check(self, task, answer):
        return answer == "right", "" if answer == "right" else f"{answer!r} is not 'right'"

    def reference(self, task):
        return "right"


def test_every_domain_has_compact_tasks():
    assert set(DRAWS) == set(DOMAINS)


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
def test_a_task_depends_on_split_seed_and_index_alone(name, sharing):
    domain, again = Drawn(name, sharing), Drawn(name, sharing)
    tasks = domain.tasks("test", 20, seed=3)
    random.seed(7)  # the global generator must not matter, nor the order of the calls
    assert [again.task("test", 3, index) for index in reversed(range(20))] == tasks[::-1]
    assert [task.id for task in tasks] == [f"{name}-test-3-{index}" for index in range(20)]
    assert {task.domain for task in tasks} == {name}


@pytest.mark.parametrize("name", DOMAINS)
def test_seeds_and_splits_draw_other_tasks(name):
    domain = Drawn(name)
    prompts = [[task.prompt for task in domain.tasks(split, 20, seed)] for split in SPLITS for seed in (0, 1)]
    assert len({tuple(drawn) for drawn in prompts}) == len(prompts)


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("sharing", [0.0, 1.0])
def test_splits_share_no_prompt(name, sharing):
    domain = Drawn(name, sharing)
    drawn = {split: {task.prompt for task in domain.tasks(split, 700)} for split in SPLITS}
    assert all(drawn.values())
    assert not drawn["train"] & drawn["validation"]
    assert not drawn["train"] & drawn["test"]
    assert not drawn["validation"] & drawn["test"]


@pytest.mark.parametrize("split", ["dev", "Train", "", None])
def test_unknown_split(split):
    with pytest.raises(ValueError, match="unknown split .*choose one of train, validation, test"):
        Drawn("math").task(split, 0, 0)


@pytest.mark.parametrize("name", ["maths", "Math", "", "domains.math", "code"])
def test_unknown_domain(name):
    with pytest.raises(ValueError, match="unknown domain .*choose one of math, coding, science, instructions, agent"):
        get_domain(name)


@pytest.mark.parametrize("sharing", [-0.01, 1.01, float("nan"), float("inf")])
def test_sharing_is_a_probability(sharing):
    with pytest.raises(ValueError, match="sharing is a probability"):
        compact.Factors(sharing)
    with pytest.raises(ValueError, match="sharing is a probability"):
        get_domain("math", sharing=sharing)


@pytest.mark.parametrize("name", ["science", "agent"])
def test_sharing_is_how_often_a_task_is_shared(name):
    for sharing, least, most in ((0.0, 0, 0), (0.5, 70, 130), (1.0, 200, 200)):
        shared = sum(task.metadata["shared"] for task in Drawn(name, sharing).tasks("train", 200))
        assert least <= shared <= most


def test_math_answers_follow_from_the_steps():
    for task in Drawn("math").tasks("train", 300):
        values = task.metadata["values"]
        total = values[task.metadata["start"]]
        for sign, term in task.metadata["steps"]:
            total += values.get(term, term) if sign == "+" else -values.get(term, term)
        assert task.answer == str(total) and 0 <= total <= 99


def test_coding_tests_hold_for_the_solution():
    for sharing in (0.0, 1.0):
        for task in Drawn("coding", sharing).tasks("train", 100):
            scope: dict = {}
            exec(task.metadata["solution"], scope)
            for test in task.metadata["tests"]:
                exec(test["assert"], scope)


def test_science_options_differ_and_the_answer_follows_from_the_law():
    for sharing in (0.0, 1.0):
        for task in Drawn("science", sharing).tasks("train", 300):
            choices, values = task.metadata["choices"], task.metadata["values"]
            assert len(set(choices)) == len(choices) == 4
            operation, first, second = compact.LAWS[task.metadata["quantity"]]
            result = values[first] * values[second] if operation == "*" else values[first] // values[second]
            expected = str(result) if sharing else f"{first} {operation} {second}"
            assert choices["ABCD".index(task.answer)] == expected


# (completion, reasoning, answer text, closed?)
SPLIT = [
    ("<think> x </think> y", "x", "y", True),  # the plain form
    ("x </think> y", "x", "y", True),  # the prompt opened it
    ("<think> x y", "", "x y", False),  # never closed
    ("y", "", "y", False),  # no marks at all
    ("a </think> b </think> c", "a </think> b", "c", True),  # closed twice: the last counts
    ("<think> x </think>", "x", "", True),  # nothing after it
    ("<think></think>y", "", "y", True),  # empty reasoning
    ("</think> y<|im_end|>\n", "", "y", True),  # a stop mark at the end
    ("</think> y<|im_end|><|endoftext|>", "", "y", True),  # two of them
    ("</think> <|im_end|> y", "", "<|im_end|> y", True),  # one in the middle stays
    ("", "", "", False),  # nothing
    ("\ud800</think>\udfff", "\ud800", "\udfff", True),  # lone surrogates
]


@pytest.mark.parametrize(("completion", "reasoning", "answer", "closed"), SPLIT)
def test_split_reasoning(completion, reasoning, answer, closed):
    assert split_reasoning(completion) == (reasoning, answer, closed)


@given(st.text(max_size=100), st.text(st.characters(exclude_characters="<"), max_size=100))
def test_what_follows_the_last_mark_is_the_answer(before, after):
    assert split_reasoning(f"{before}</think>{after}")[1:] == (after.strip(), True)


# (completion, verdict)
VERDICTS = [
    ("<think> x </think> right", Verdict(1.0, True, True, "")),
    ("right", Verdict(0.0, True, False, "the reasoning is not closed by </think>")),
    ("<think> x </think> left", Verdict(0.0, False, True, "'left' is not 'right'")),
    ("left", Verdict(0.0, False, False, "'left' is not 'right'")),
]


@pytest.mark.parametrize(("completion", "verdict"), VERDICTS)
def test_verdict(completion, verdict):
    assert Drawn("math").verify(Task("math", "t", "?", "1"), completion) == verdict


def test_a_task_of_another_domain_is_an_error():
    with pytest.raises(TaskError, match="task 't' belongs to domain 'science', not to 'math'"):
        Drawn("math").verify(Task("science", "t", "?", "A"), "right")
