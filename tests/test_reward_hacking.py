"""Reward hacking: no completion without a right answer earns anything, no honest one is refused, and none raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.completions import HACKS, drawn, run
from training.domains import Domain, Task, Verdict, get_domain

SIZES = {"math": 400, "science": 400, "instructions": 400, "agent": 400, "coding": 60}
SLOW = "math: enormous numbers"


@pytest.mark.parametrize("domain", SIZES)
def test_nothing_goes_through_nothing_right_is_refused_and_nothing_raises(domain, monkeypatch):
    monkeypatch.setitem(HACKS, domain, [way for way in HACKS[domain] if f"{domain}: {way.attack}" != SLOW])
    found = run(SIZES[domain], 1, {domain: 1.0})
    assert set(found.columns) == {"row", "attack", "tried", "through", "refused", "raised", "slowest_s"}
    assert set(found["row"]) == {"reward hacking", "honest completions"}
    assert (found["tried"] > 0).all() and not found[["through", "refused", "raised"]].to_numpy().any()


@pytest.mark.parametrize(("reward", "column", "row"), [
    (1.0, "through", "reward hacking"), (0.0, "refused", "honest completions")])
def test_a_verifier_that_says_the_same_of_everything_is_found(reward, column, row, monkeypatch):
    monkeypatch.setattr(Domain, "verify", lambda *_: Verdict(reward, bool(reward), True, ""))
    found = run(60, 0, {"math": 1.0})
    blamed = found[found[column] > 0]
    assert set(blamed["row"]) == {row} and (blamed[column] == blamed["tried"]).all()
    assert len(blamed) == (found["row"] == row).sum()


def test_a_verifier_that_raises_is_counted(monkeypatch):
    def broken(*_):
        raise RuntimeError("no verdict")

    monkeypatch.setattr(Domain, "verify", broken)
    found = run(20, 0, {"science": 1.0})
    assert (found["raised"] == found["tried"]).all() and not found[["through", "refused"]].to_numpy().any()


def test_the_same_seed_draws_the_same_completions():
    for way in (HACKS["math"][0], HACKS["agent"][0]):
        assert drawn(way, 5, 3) == drawn(way, 5, 3) != drawn(way, 5, 4)


TASKS = {domain: get_domain(domain).task("train", 0, 0) for domain in ("math", "science", "instructions", "agent")}


@settings(max_examples=60, deadline=None)
@given(domain=st.sampled_from(sorted(TASKS)), text=st.text(st.characters(codec="utf-8", exclude_categories=["N"])))
def test_any_text_at_all_gets_a_verdict_and_none_without_reasoning_is_rewarded(domain, text):
    verdict = get_domain(domain).verify(TASKS[domain], text.replace("</think>", ""))
    assert verdict.reward == 0.0 and verdict.reason


@pytest.mark.parametrize("form", ["<think>a</think><think>Answer: 42", "<think>a</think>\n<think>\n\\boxed{42}"])
def test_reasoning_that_is_opened_again_is_not_closed(form):
    verdict = get_domain("math").verify(Task("math", "m", "What?", "42"), form)
    assert (verdict.reward, verdict.formatted) == (0.0, False)
