"""The mixture: a pure function of (seed, step) that holds its weights in every batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.domains import DOMAINS
from training.mixture import counts, normalized, step_tasks

WEIGHTS = st.dictionaries(st.sampled_from(DOMAINS), st.floats(0.01, 10), min_size=1)


@given(WEIGHTS, st.integers(0, 5), st.integers(0, 1000), st.integers(1, 64))
def test_every_batch_is_full_and_within_one_prompt_of_its_share(mixture, seed, step, n):
    got, shares = counts(mixture, seed, step, n), normalized(mixture)
    assert sum(got.values()) == n
    assert all(abs(got[name] - n * shares[name]) < 1 + 1e-6 for name in got)


def test_shares_hold_on_average():
    mixture, total = {"math": 3.0, "coding": 1.3, "agent": 0.2}, dict.fromkeys(("math", "coding", "agent"), 0)
    for step in range(4000):
        for name, count in counts(mixture, 7, step, 10).items():
            total[name] += count
    for name, share in normalized(mixture).items():
        assert total[name] / 40_000 == pytest.approx(share, abs=0.003)


def test_equal_weights_stratify_exactly_and_tasks_repeat_for_no_step():
    equal = dict.fromkeys(DOMAINS, 1.0)
    assert counts(equal, 0, 3, 10) == dict.fromkeys(DOMAINS, 2)
    first, again, other = step_tasks(equal, 0, 3, 10), step_tasks(equal, 0, 3, 10), step_tasks(equal, 0, 4, 10)
    assert first == again
    assert not {task.id for task in first} & {task.id for task in other}


@pytest.mark.parametrize(("mixture", "message"), [
    ({"maths": 1.0}, "unknown domain 'maths' in the mixture; choose among math, coding"),
    ({}, "an empty mixture; give a weight to at least one of math"),
    ({"math": 0.0}, "the weight of 'math' in the mixture is 0.0; it must be a positive number"),
    ({"math": float("nan")}, "the weight of 'math' in the mixture is nan"),
    ({"math": float("inf")}, "the weight of 'math' in the mixture is inf"),
])
def test_bad_mixtures_are_named(mixture, message):
    with pytest.raises(ValueError, match=message):
        normalized(mixture)
