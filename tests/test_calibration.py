"""Simulated zoos with known effects: intervals cover them as often as they say, and nothing is claimed of no effect.

Rates of a task differ by model and task (sd .1) and by model and seed (sd .03), as differences between an organism's
models were found to; accuracy is the mean of 4 samples. Effects: none, 3 points (small) and 25 points (large).
"""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from studies.findings import settle
from studies.synergy_claims import claims
from studies.synergy_tables import Gains

DOMAINS = ["math", "coding", "agent"]
EXPERTS = [f"expert-{domain}" for domain in DOMAINS]
MODELS = ["anchor", *EXPERTS, "mixed", "mixed-paper", "merged-ties", "twin-math", "shuffled-math"]
TASKS, SEEDS, SAMPLES, ZOOS = 40, 5, 4, 80
NULL = {"transfer-positive", "mixing-gains", "mixed-beats-ties", "paper-budget-beats-ties", "transfer-above-shuffled",
        "mixing-above-twin"}
"""Claims that are false where no model differs; the others ask whether something is within two points."""


def simulated(world: int, effects: dict[tuple[str, str], float], seeds: int = SEEDS) -> Gains:
    """The scores of a zoo, (model, domain) -> effect over the anchor; a row a (model, domain, task, seed)."""
    rng, rows = np.random.default_rng(world), []
    for domain in DOMAINS:
        base = rng.uniform(0.3, 0.5, (TASKS, 1))
        for model in MODELS:
            rate = base + effects.get((model, domain), 0.0)
            if model != "anchor":
                rate = rate + rng.uniform(-0.17, 0.17, (TASKS, 1)) + rng.normal(0, 0.03, (1, seeds))
            correct = rng.binomial(SAMPLES, np.broadcast_to(np.clip(rate, 0, 1), (TASKS, seeds))) / SAMPLES
            rows += [(model, domain, f"test-{task}", seed, correct[task, seed])
                     for task, seed in product(range(TASKS), range(seeds))]
    return Gains(pd.DataFrame(rows, columns=["model", "domain", "task_id", "seed", "correct"]), DOMAINS, DOMAINS, "")


@pytest.fixture(scope="module")
def covered() -> pd.DataFrame:
    """A row an interval: the effect that it is of, whether it covers it, and on which side it lies."""
    effects = {(f"expert-{domain}", domain): 0.25 for domain in DOMAINS}
    effects |= {("expert-math", "coding"): 0.03, ("expert-coding", "math"): 0.03, ("expert-agent", "math"): 0.03}
    rows = []
    for world in range(ZOOS):
        gains = simulated(world, effects)
        for trained, domain in product(DOMAINS, DOMAINS):
            effect = 100 * effects.get((f"expert-{trained}", domain), 0.0)
            found = gains.transfer(trained, domain).interval()
            rows.append((effect, found.low <= effect <= found.high, found.low > effect, found.high < effect))
    return pd.DataFrame(rows, columns=["effect", "covers", "above", "below"])


def test_intervals_cover_the_effect_in_92_to_98_of_100(covered):
    assert 0.92 <= covered["covers"].mean() <= 0.98
    by_effect = covered.groupby("effect")["covers"].mean()
    assert list(by_effect.index) == [0, 3, 25] and by_effect.between(0.92, 0.985).all(), by_effect
    assert covered[["above", "below"]].mean().max() < 0.04  # they miss on both sides alike


def test_a_large_effect_is_found_and_a_small_one_does_not_hide_it():
    effects = {(f"expert-{domain}", other): 0.25 for domain in DOMAINS for other in DOMAINS}
    found = {one.id: one for one in settle(claims(simulated(0, effects), {}, None))}
    assert found["transfer-positive"].verdict == found["transfer-above-shuffled"].verdict == "reproduced"
    assert found["mixing-gains"].verdict == "not_reproduced"  # mixed is as the anchor
    assert found["transfer-positive"].ci_low < 25 < found["transfer-positive"].ci_high


def test_no_effect_is_claimed_in_at_most_5_of_100_zoos():
    decided = [[one.id for one in settle(claims(simulated(1000 + world, {}), {}, None))
                if one.id in NULL and one.verdict in ("reproduced", "not_reproduced")] for world in range(ZOOS)]
    assert np.mean([bool(names) for names in decided]) <= 0.05, decided
    assert NULL == {one.id for one in claims(simulated(0, {}), {}, None) if one.id in NULL and one.measured is not None}
