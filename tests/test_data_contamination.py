"""Contamination: exact shared n-grams against a slow count, short questions, boilerplate, and time in proportion."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.contamination import COMMON, FEWEST, Hit, N, Overlap, questions_of, words
from training.domains import Task

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"


def hits(questions, prompts, **metadata):
    overlap = Overlap(questions)
    for number, prompt in enumerate(prompts):
        overlap.look(Task("math", f"t{number}", prompt, "1", metadata))
    return overlap.hits()


WRITTEN = {
    "case and punctuation": ("Find x, y: the SUM!", "find x y the sum"),
    "LaTeX": (r"\frac{1}{2}+x_1^{10}", "frac 1 2 x 1 10"),
    "apostrophes": ("don't", "don t"),
    "full width and ligatures": ("Ｆｉｎｄ ﬁve", "find five"),
    "sharp s": ("Straße", "strasse"),
    "ideographs one by one": ("求x的值かな", "求 x 的 值 か な"),
    "letters and digits apart": ("a1b22", "a 1 b 22"),
    "nothing": ("?!", ""),
    "accents": ("École naïve", "école naïve"),
}


@pytest.mark.parametrize(("text", "found"), WRITTEN.values(), ids=WRITTEN)
def test_words_are_what_is_left_of_a_text(text, found):
    assert words(text) == found.split()


def test_a_question_inside_a_longer_prompt_is_found_whatever_surrounds_it():
    assert hits({"e": LONG}, [f"Solve this. {LONG.upper()}, please!", "Something else. " * 9, LONG[:60]]) == [
        Hit("t0", "e", 3, 3)]


def test_a_part_of_thirteen_words_is_a_hit_and_one_of_twelve_is_not():
    parts = [" ".join(LONG.split()[1:1 + size]) for size in (12, 13, 14)]
    assert hits({"e": LONG}, parts) == [Hit("t1", "e", 1, 3), Hit("t2", "e", 2, 3)]


@pytest.mark.parametrize("size", range(FEWEST, N))
def test_a_question_shorter_than_thirteen_words_is_one_ngram(size):
    question = " ".join(LONG.split()[:size])
    assert hits({"e": question}, [f"so {question} it is", question, " ".join(LONG.split()[1:])]) == [
        Hit("t0", "e", 1, 1), Hit("t1", "e", 1, 1)]


def test_a_question_of_fewer_than_eight_words_must_be_the_whole_prompt_or_question():
    overlap = Overlap({"e": "What is 2 + 2?", "empty": "?"})
    assert overlap.short == 2
    for name, prompt, metadata in (("inside", "Well, what is 2 + 2?", {}), ("whole", "what is 2+2", {}),
                                   ("none", "!", {}),
                                   ("question", "Think. What is 2 + 2?", {"question": "What is 2 + 2?"})):
        overlap.look(Task("math", name, prompt, "4", metadata))
    assert overlap.hits() == [Hit("whole", "e", 1, 1), Hit("question", "e", 1, 1)]


def test_ngrams_of_more_than_ten_prompts_are_boilerplate_unless_the_whole_question_is_there():
    boilerplate = " ".join(f"b{k}" for k in range(N))
    questions = {"e": f"{LONG} {boilerplate}"}
    prompts = [f"problem number {k} says {boilerplate}" for k in range(COMMON)]
    assert len(hits(questions, prompts)) == COMMON
    assert hits(questions, [*prompts, f"and one more {boilerplate}"]) == []
    copies = [f"{k}: {questions['e']}" for k in range(COMMON + 1)]
    assert len(hits(questions, copies)) == COMMON + 1
    assert [hit.task for hit in hits(questions, [*prompts, f"{LONG} {boilerplate}"])] == [f"t{COMMON}"]


def test_one_prompt_may_hit_several_questions():
    shared = " ".join(LONG.split()[:N])
    assert hits({"b": LONG, "a": f"{shared} and more"}, [LONG]) == [Hit("t0", "a", 1, 3), Hit("t0", "b", 3, 3)]


def test_questions_of_tasks_leave_out_what_asks_for_a_form():
    tasks = [Task("math", "a", "Think. Why?", "1", {"question": "Why?"}), Task("math", "b", "How?", "1")]
    assert questions_of(tasks) == {"a": "Why?", "b": "How?"}


TEXTS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=40).map(" ".join)


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, max_size=4))
def test_counts_are_those_of_comparing_every_pair(questions, prompts):
    """With at most ten prompts nothing is boilerplate, so a hit is a shared n-gram, and no more."""
    expected = []
    for number, prompt in enumerate(prompts):
        for place, question in enumerate(questions):
            own, theirs = question.split(), prompt.split()
            if len(own) < FEWEST:
                shared, of = [own] if own and own == theirs else [], 1
            else:
                n = min(N, len(own))
                parts = {tuple(own[k:k + n]) for k in range(len(own) - n + 1)}
                shared = parts & {tuple(theirs[k:k + n]) for k in range(len(theirs) - n + 1)}
                of = len(parts)
            if shared:
                expected.append(Hit(f"t{number}", str(place), len(shared), of))
    assert hits({str(place): question for place, question in enumerate(questions)}, prompts) == expected


def test_time_is_in_proportion_to_the_words_and_not_to_the_pairs():
    rng = random.Random(0)
    vocabulary = [f"w{k}" for k in range(5000)]
    questions = {f"e{k}": " ".join(rng.choices(vocabulary, k=60)) for k in range(1000)}
    prompts = [" ".join(rng.choices(vocabulary, k=100)) for _ in range(4000)]
    prompts[77] += " " + questions["e5"]
    start = time.process_time()
    assert hits(questions, prompts) == [Hit("t77", "e5", 108, 108)]  # w12 is two words
    assert time.process_time() - start < 10  # 800,000 words; comparing 4 million pairs takes minutes
