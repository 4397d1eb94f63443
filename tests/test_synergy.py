"""The synergy study: planted synergy, none, and interference; pairing; published cells; costs; what a zoo may lack."""

import json
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from studies.estimates import Estimate, ratio
from studies.findings import NOT_FOUND, measure, settle
from studies.harness import StudyError, main
from studies.synergy import STUDY, chosen_models, halves, left, run, summary
from studies.synergy_claims import all_above, claims, seen
from studies.synergy_figure import curve, draw, headline
from studies.synergy_tables import (
    Gains,
    accuracy_table,
    cost_table,
    mixing_table,
    prompt_ratios,
    published_mean,
    tokens_sampled,
    transfer_table,
)
from studies.training_logs import cost, logs, routes
from training import Zoo, get_domain
from training.manifest import Manifest

DOMAINS = ["math", "coding", "science", "instructions", "agent"]
REASONING = {"math", "coding", "science"}
TABLES = {"accuracy", "transfer", "mixing", "costs", "learning"}


def truth(domains=DOMAINS, transfer=lambda a, b: 0.0, own=0.3, **routes) -> dict[tuple[str, str], float]:
    """{(model, domain): gain over the anchor}; routes: model -> gain, or a function of the domain."""
    gains = {("anchor", domain): 0.0 for domain in domains}
    gains |= {(f"expert-{a}", b): own if a == b else transfer(a, b) for a in domains for b in domains}
    for name, gain in {"mixed": own, "mixed-paper": own, "distilled": own, "merged-ties": own, "twin-math": None,
                       "shuffled-math": 0.0, "steps-math": own, **routes}.items():
        for domain in domains:
            same = gains["expert-math", domain] if gain is None else gain
            gains[name.replace("_", "-", 1), domain] = same(domain) if callable(same) else same
    return gains


def traces(gains, tasks=60, samples=4, seeds=(0,), spread=0.1, world=0) -> pd.DataFrame:
    """Traces of models that are right at the anchor's rate of a task, .4 or so by its difficulty, plus their gain."""
    rng, parts = np.random.default_rng(world), []
    hard = {domain: rng.normal(0.4, spread, tasks) for domain in dict.fromkeys(domain for _, domain in gains)}
    for seed in seeds:
        for (model, domain), gain in gains.items():
            correct = rng.random((tasks, samples)) < np.clip(hard[domain] + gain, 0, 1)[:, None]
            parts.append(pd.DataFrame({
                "model": model, "domain": domain, "task_id": np.repeat([f"test-{k}" for k in range(tasks)], samples),
                "sample": np.tile(np.arange(samples), tasks), "seed": seed, "correct": correct.ravel()}))
    return pd.concat(parts, ignore_index=True)


def gains_of(planted, domains=DOMAINS, experts=None, preset="planted", **fields) -> Gains:
    return Gains(traces(planted, **fields), domains, domains if experts is None else experts, preset)


def settled(gains: Gains, prompts=None, tokens=None) -> dict:
    return {one.id: one for one in settle(claims(gains, prompts or {}, tokens))}


@pytest.fixture(scope="module")
def synergy():
    """Reasoning domains help each other by 15 points; mixing brings 10 more, at half of the steps 10 less."""
    return gains_of(truth(transfer=lambda a, b: 0.15 if {a, b} <= REASONING else 0.0, mixed=0.4, mixed_paper=0.2,
                          distilled=0.42, merged_ties=0.05, shuffled_math=-0.1), samples=8)


@pytest.fixture(scope="module")
def found(synergy):
    return settled(synergy)


@pytest.fixture(scope="module")
def transfer(synergy):
    again = Gains(halves(traces({("anchor", domain): 0.0 for domain in DOMAINS})), DOMAINS, [], "")
    return transfer_table(synergy, ["twin-math", "shuffled-math"], again)


@pytest.fixture(scope="module")
def mixing(synergy):
    return mixing_table(synergy, {"mixed": dict.fromkeys(DOMAINS, 1.0)})


def test_synergy_that_was_planted_is_found(synergy, found):
    for name, value in {"transfer-positive": 15 * 6 / 20, "reasoning-synergy": 15, "mixing-gains": 10,
                        "few-interferences": 10, "mixed-beats-ties": 35, "paper-budget-beats-ties": 15,
                        "distilled-within-two-points": 2, "transfer-above-shuffled": 17.5}.items():
        assert found[name].measured == pytest.approx(value, abs=4), name
        assert found[name].verdict == "reproduced", name
    assert found["merging-within-two-points"].verdict == "not_reproduced"
    for control in ("twin", "steps"):
        assert found[f"mixing-above-{control}"].measured == pytest.approx(10, abs=5)
    alike = synergy.between("steps-math", "expert-math", ["math"]).value
    assert f"in as many steps, of fewer prompts each, the expert comes out {alike:+.1f} points" in (
        found["mixing-above-steps"].note)
    moved = synergy.between("shuffled-math", "anchor", DOMAINS[1:]).value
    assert f"its control itself moves the other domains by {moved:+.1f} points" in found["transfer-above-shuffled"].note


def test_five_domains_are_too_few_to_tell_reasoning_apart(synergy, found):
    """20 labellings, so that p is at least 1/20, however far apart."""
    one = found["reasoning-above-instructions"]
    assert one.measured == pytest.approx(15, abs=4) and one.ci_low > 5
    assert one.verdict == "inconclusive" and one.test.startswith("permutation of 5 domains")
    both = {(a, b): synergy.transfer(a, b).value for a, b in permutations(DOMAINS, 2)}
    near = np.mean([both[pair] for pair in permutations(("math", "coding", "science"), 2)])
    far = np.mean([both[pair] for pair in both if "instructions" in pair and set(pair) - {"instructions"} <= REASONING])
    assert one.measured == pytest.approx(near - far)


def test_what_the_corpus_decides_is_not_counted_as_found():
    planted = truth(DOMAINS[:4], transfer=lambda a, b: 0.25)
    found = settled(gains_of(planted, DOMAINS[:4], tasks=30, preset="organism"))
    assert found["reasoning-synergy"].by_construction and found["reasoning-synergy"].verdict == "inconclusive"
    assert found["reasoning-above-instructions"].by_construction and not found["transfer-positive"].by_construction
    assert found["transfer-positive"].verdict == "reproduced"


def test_where_there_is_nothing_hardly_anything_is_found():
    """All models alike, tasks of very unlike difficulty: any claim about a difference that is decided is false."""
    domains, false = ["math", "coding", "instructions"], 0
    for world in range(6):
        found = settled(gains_of(truth(domains, own=0.0), domains, tasks=30, spread=0.3, world=world))
        false += any(one.verdict in ("reproduced", "not_reproduced") for name, one in found.items()
                     if not name.endswith("within-two-points") and name != "few-interferences")
    assert false <= 2  # 5 % of 6 is .3


def test_margins_are_two_points(synergy):
    all_claims = claims(synergy, {}, None)
    margins = {"few-interferences", "merging-within-two-points", "distilled-within-two-points"}
    assert {one.id for one in all_claims if one.null == -2} == margins
    assert {one.id for one in all_claims if one.null not in (0, -2)} == {"paper-cost"}
    assert {one.id for one in all_claims if one.direction == -1} == {"paper-cost"}


def test_interference_is_said_as_plainly():
    planted = truth(transfer=lambda a, b: -0.1, mixed=lambda domain: 0.1 if domain == "agent" else 0.32)
    found = settled(gains_of(planted, samples=8))
    assert found["transfer-positive"].verdict == "not_reproduced"
    assert found["transfer-positive"].measured == pytest.approx(-10, abs=2)
    few = found["few-interferences"]
    assert few.verdict == "not_reproduced" and "of 5 domains, agent." in few.note
    assert few.measured == pytest.approx(-20, abs=5) and few.ci_low < few.measured < few.ci_high < -2


def test_pairing_by_task_matters():
    """Tasks are very unlike in difficulty: with another order of the anchor's tasks the interval is far wider."""
    domains = DOMAINS[:2]
    table = traces(truth(domains, transfer=lambda a, b: 0.05), spread=0.4)
    broken, anchor = table.copy(), table["model"] == "anchor"
    broken.loc[anchor, "task_id"] = "test-" + (59 - table[anchor].task_id.str[5:].astype(int)).astype(str)
    paired, unpaired = (transfer_table(Gains(one, domains, domains, "planted"), [], Gains(halves(one), domains, [], ""))
                        for one in (table, broken))
    widths = [(one.ci_high - one.ci_low)[one.kind == "expert"] for one in (paired, unpaired)]
    assert paired.gain.tolist() == pytest.approx(unpaired.gain.tolist())
    assert widths[0].mean() < 0.75 * widths[1].mean()


def test_domains_are_strata():
    """Every task of a domain gains the same, domains do not: nothing is left to chance."""
    table = traces({("anchor", domain): -9.0 for domain in DOMAINS} | {
        ("expert-math", domain): 9.0 if domain in REASONING else -9.0 for domain in DOMAINS}, tasks=12)
    found = Gains(table, DOMAINS, ["math"], "planted").between("expert-math", "anchor", DOMAINS).interval()
    assert (found.value, found.low, found.high) == pytest.approx((60, 60, 60))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bound_at_0_does_not_miss_it(sign):
    """Two of twelve tasks change: many a resample draws neither, and rounding must not put it beyond 0."""
    table = traces({("anchor", "math"): -9.0, ("expert-math", "math"): -9.0}, tasks=12)
    more = table["model"] == ("expert-math" if sign == 1 else "anchor")
    table.loc[more & table.task_id.isin(["test-3", "test-7"]) & (table["sample"] == 1), "correct"] = True
    table.loc[(table["sample"] > 1) & (table.task_id > "test-5"), "correct"] = True
    gains = Gains(table, ["math"], ["math"], "planted")
    one = transfer_table(gains, [], Gains(halves(table), ["math"], [], "")).iloc[0]
    assert one.gain == pytest.approx(sign * 100 * 2 / 48)
    assert (one.ci_low if sign == 1 else one.ci_high) == 0


def cells(mean: float, rng, tasks: int = 40, seeds: int = 12) -> Estimate:
    return ratio(pd.DataFrame(rng.normal(mean, 40, (tasks, seeds)), index=[f"{rng.random()}" for _ in range(tasks)]))


@pytest.mark.parametrize(("means", "lowest", "most"), [
    ((-2, 20, 20, 20), 0, 0.07),  # at the border: hardly ever
    ((-2, -2, -2, -2), 0, 0.03),  # and with more domains there no more often
    ((8, 8, 8, 8), 0.9, 1),
    ((2, 30, 30, 30), 0.2, 0.9),
])
def test_all_above_keeps_its_level_and_has_power(means, lowest, most):
    rng = np.random.default_rng(1)
    found = [all_above([cells(mean, rng) for mean in means], -2) for _ in range(100)]
    assert lowest <= np.mean([one.p < 0.05 and one.value > -2 for one in found]) <= most


def test_all_above_is_as_sure_as_the_least_sure():
    rng = np.random.default_rng(2)
    low, vague, high = cells(5, rng), 4 * cells(3, rng), cells(30, rng)
    alone = [measure(one, -2.0) for one in (low, vague, high)]
    found = all_above([low, vague, high], -2)
    assert vague.value > low.value > -2 and alone[1].p > alone[0].p  # the vague one lies higher, and is less sure
    assert found.p == pytest.approx(alone[1].p) and "intersection-union" in found.test
    assert (found.value, found.low, found.high) == pytest.approx((alone[0].value, alone[0].low, alone[0].high))
    lost = cells(-9, rng)
    below = all_above([lost, vague, high], -2)
    assert below.p == pytest.approx(3 * measure(lost, -2.0).p) and below.value == pytest.approx(lost.value)
    assert below.p < 1 and "Bonferroni" in below.test
    assert all_above([low, ratio(pd.DataFrame([[1.0]]))], -2) is None


PUBLISHED = {  # trained on -> math, coding, science, instructions; by hand from Table 3
    "math": (14.425, 3.0, 5.71, 2.7), "coding": (5.075, 5.065, 1.905, 1.605),
    "science": (7.32, 4.31, 5.07, 0.845), "instructions": (9.765, 4.91, 2.15, 13.185)}


def test_published_cells(transfer, found):
    cell = transfer.set_index(["trained_on", "measured_on"]).published
    for trained, row in PUBLISHED.items():
        assert [cell[trained, domain] for domain in DOMAINS[:4]] == pytest.approx(row)
    assert cell["math", "agent"] == cell["agent", "math"] == cell["agent", "agent"] == NOT_FOUND
    assert cell["twin-math", "math"] == cell["anchor again", "math"] == cell["agent", "others"] == NOT_FOUND
    assert cell["math", "others"] == pytest.approx((3.0 + 5.71 + 2.7) / 3, abs=1e-3)
    apart = [value for a, row in PUBLISHED.items() for b, value in zip(DOMAINS, row, strict=False) if a != b]
    assert found["transfer-positive"].published == pytest.approx(np.mean(apart), abs=0.005) and len(apart) == 12
    assert found["reasoning-synergy"].published == pytest.approx(
        np.mean([3.0, 5.71, 5.075, 1.905, 7.32, 4.31]), abs=0.005)
    assert found["reasoning-above-instructions"].published == pytest.approx(
        np.mean([3.0, 5.71, 5.075, 1.905, 7.32, 4.31]) - np.mean([2.7, 1.605, 0.845, 9.765, 4.91, 2.15]), abs=0.005)


@pytest.mark.parametrize(("model", "domain", "value", "where"), [
    ("mixed-paper", "math", 1.455, "v1, Table 3 [R]"), ("mixed-paper", "coding", 0.755, "v1, Table 3 [R]"),
    ("mixed-paper", "science", -0.985, "v1, Table 3 [R]"), ("mixed-paper", "instructions", 0.915, "v1, Table 3 [R]"),
    ("mixed-paper", "agent", 1.6, "[N3]"), ("merged-ties", "agent", 2.59, "[N3]"),
    ("merged-ties", "math", 1.67, "Tables 3 and 4 [R]"), ("distilled", "instructions", 0.275, "Tables 3 and 4 [R]"),
    ("mixed", "math", NOT_FOUND, ""), ("merged-sce", "math", NOT_FOUND, ""), ("distilled", "agent", NOT_FOUND, ""),
])
def test_published_mixing(model, domain, value, where):
    found = published_mean([(model, f"expert-{domain}", domain)])
    assert found[0] == (value if value == NOT_FOUND else pytest.approx(value)) and found[1].endswith(where)


def test_published_claims(found):
    assert found["paper-budget-beats-ties"].published == 0.54
    assert found["mixing-gains"].published.startswith("+0.54, at half") or found["mixing-gains"].published.startswith(
        "+0.53, at half")  # .535, the mean of four domains
    assert found["mixed-beats-ties"].published == "+0.54, at half of the experts' steps"
    assert found["merging-within-two-points"].published.startswith("-0.54")
    assert found["distilled-within-two-points"].published.startswith("-0.73")
    assert found["few-interferences"].published.split(",")[0] in ("-0.98 (science)", "-0.99 (science)")


def test_tables_add_up(synergy, transfer, mixing):
    accuracy = accuracy_table(synergy).set_index(["model", "domain"]).accuracy
    gain = transfer.set_index(["trained_on", "measured_on"]).gain
    assert gain["coding", "math"] == pytest.approx(accuracy["expert-coding", "math"] - accuracy["anchor", "math"])
    for trained in ("coding", "shuffled-math"):
        others = [domain for domain in DOMAINS if domain != trained.rpartition("-")[2]]
        assert gain[trained, "others"] == pytest.approx(gain[trained][others].mean())
    assert gain["anchor again", "others"] == pytest.approx(gain["anchor again"][DOMAINS].mean())
    assert transfer[transfer.own].trained_on.tolist() == [*DOMAINS, "twin-math", "shuffled-math"]
    mixing = mixing.set_index(["model", "domain"])
    difference = mixing.difference
    assert difference["mixed", "math"] == pytest.approx(accuracy["mixed", "math"] - accuracy["expert-math", "math"])
    assert difference["mixed", "all"] == pytest.approx(difference["mixed"][DOMAINS].mean())
    assert difference["twin-math", "math"] == pytest.approx(
        accuracy["twin-math", "math"] - accuracy["expert-math", "math"])
    assert list(mixing.loc["twin-math"].index) == list(mixing.loc["steps-math"].index) == ["math"]
    assert mixing.prompts_ratio["mixed", "all"] == 1 and np.isnan(mixing.prompts_ratio["distilled", "all"])


def test_the_anchor_again_is_its_second_half_minus_its_first():
    table = traces({("anchor", "math"): 0.0, ("expert-math", "math"): 0.0}, samples=5, tasks=12)
    table["correct"] = table["sample"] >= 3
    parts = halves(table)
    assert set(parts[parts.model == "anchor again"]["sample"]) == {3, 4} and set(parts["sample"]) == {0, 1, 3, 4}
    gains = Gains(table, ["math"], ["math"], "planted")
    again = transfer_table(gains, [], Gains(parts, ["math"], [], "")).set_index("trained_on").loc["anchor again"]
    assert again.gain.tolist() == [100, 100]
    alike = Gains(halves(traces({("anchor", "math"): 0.0})), ["math"], [], "")
    same = alike.between("anchor again", "anchor", ["math"])
    assert same.interval().low < 0 < same.interval().high and abs(same.value) < 15


RUNS = {"expert-math": [("math", 4, 40)] * 3, "expert-agent": [("agent", 4, 100)] * 3,
        "mixed": [("math", 2, 50), ("agent", 2, 60)] * 6}


def logged_zoo(folder, seed=0, runs=RUNS, **changes) -> Zoo:
    """A zoo of logs alone: 10 rollouts a prompt, each step 1 s longer than the one before."""
    costs = {"mixed-paper": {"optimizer_steps": 3, "part_of": "mixed"},
             "distilled": {"tokens": 1000, "optimizer_steps": 5, "seconds": 7.5}}
    for name, rows in runs.items():
        domains = len({domain for domain, _, _ in rows})
        log = pd.DataFrame([{"step": k // domains, "domain": domain, "prompts": prompts, "rollouts": 10 * prompts,
                             "reward": 0.5, "accuracy": 0.5, "tokens": tokens, "seconds": 1.0 + k // domains}
                            for k, (domain, prompts, tokens) in enumerate(rows)])
        (folder / "models" / name).mkdir(parents=True)
        log.to_csv(folder / "models" / name / "log.csv", index=False)
        costs[name] = {"optimizer_steps": len(rows) // domains, "tokens": int((log.tokens * log.rollouts).sum()),
                       "seconds": float(log.groupby("step").seconds.max().sum())}
    fields = {"experts": {name: f"models/expert-{name}" for name in ("math", "agent")}, "mixed": "models/mixed",
              "mixed_paper": "models/mixed-paper", "distilled": "models/distilled", "runs": costs} | changes
    return Zoo(folder, Manifest("tiny", "planted", seed, "models/anchor", domains=["math", "agent"], **fields))


def test_costs_of_routes(tmp_path):
    zoo = logged_zoo(tmp_path)
    experts = {"tokens": 3 * 40 * 40 + 3 * 40 * 100, "optimizer_steps": 6, "seconds": 12.0}
    assert routes(zoo) == {
        "experts": experts, "merged": experts,
        "mixed": {"tokens": 6 * 20 * 110, "optimizer_steps": 6, "seconds": 21.0},
        "mixed-paper": {"tokens": 3 * 20 * 110, "optimizer_steps": 3, "seconds": 6.0},
        "distilled": {"tokens": experts["tokens"] + 1000, "optimizer_steps": 11, "seconds": 19.5}}
    table = cost_table([zoo]).set_index("route")
    assert table.tokens_ratio["mixed-paper"] == pytest.approx(6600 / 16800)
    assert table.seconds_ratio["mixed"] == pytest.approx(21 / 12)
    assert table.published_ratio["mixed-paper"] == 0.332 and table.published_gpu_hours["distilled"] == 7340.8
    assert table.published_ratio["mixed"] == NOT_FOUND and table.published_ratio["experts"] == 1
    mixed, own = tokens_sampled([zoo])
    assert mixed.to_dict() == {0: {"math": 3000, "agent": 3600}}
    assert own.to_dict() == {0: {"math": 4800, "agent": 12000}}
    assert prompt_ratios([zoo], "mixed") == {"math": 1, "agent": 1}
    assert prompt_ratios([zoo], "mixed-paper") == {"math": 0.5, "agent": 0.5}


def test_costs_that_were_not_recorded(tmp_path):
    zoo = logged_zoo(tmp_path, runs={"expert-math": RUNS["expert-math"]}, distilled=None)
    assert np.isnan(list(cost(zoo, "mixed").values())).all()
    half = cost(zoo, "mixed-paper")
    assert half["optimizer_steps"] == 3 and np.isnan(half["tokens"]) and np.isnan(half["seconds"])
    assert "distilled" not in routes(zoo) and np.isnan(cost_table([zoo]).tokens_ratio).all()
    assert tokens_sampled([zoo]) is None and prompt_ratios([zoo], "mixed") == {}


def test_the_logs_say_what_the_mixture_came_to(tmp_path):
    uneven = {**RUNS, "mixed": [("math", 3, 50), ("agent", 1, 60)] * 2}
    table = logs([logged_zoo(tmp_path / str(seed), seed, uneven) for seed in (0, 1)])
    mixed = table[(table.run == "mixed") & (table.seed == 1)]
    assert mixed.share.tolist() == [0.75, 0.25, 0.75, 0.25] and mixed.prompts_seen.tolist() == [3, 1, 6, 2]
    assert list(table)[:4] == ["seed", "run", "step", "domain"] and len(table) == 2 * 10
    ratios = prompt_ratios([logged_zoo(tmp_path / "more", 0, uneven)], "mixed")
    assert ratios == {"math": 0.5, "agent": pytest.approx(1 / 6)}
    assert seen(ratios) == "The mixed run saw 0.17 to 0.50 times as many prompts of a domain as its expert."
    assert seen({"math": 1.0, "agent": 1.02}).startswith("The mixed run saw as many prompts of each domain as its")
    assert "not known" in seen({}) and logs([]).empty


def test_the_papers_budget_costs_half_by_protocol(tmp_path, found):
    zoos = [logged_zoo(tmp_path / str(seed), seed) for seed in (0, 1, 2)]
    gains = gains_of(truth(["math", "agent"]), ["math", "agent"], tasks=2)
    one = settled(gains, tokens=tokens_sampled(zoos))["paper-cost"]
    assert one.measured == pytest.approx(100 * 6600 / 16800) and one.seeds == 3 and one.n == 2
    assert one.by_construction and one.verdict == "inconclusive" and "33.2 %" in one.published
    own = tokens_sampled(zoos)[1]
    assert settled(gains, tokens=(own, own))["paper-cost"].p_adjusted == 1  # as dear as the experts together
    assert found["paper-cost"].verdict == "not_measured"


@pytest.mark.parametrize(("gone", "lost", "says"), [
    ("mixed", {"few-interferences", "mixing-gains", "mixed-beats-ties", "merging-within-two-points",
               "distilled-within-two-points", "mixing-above-twin", "mixing-above-steps"}, "The zoo lacks a mixed run."),
    ("mixed-paper", {"paper-budget-beats-ties"}, "the mixed run's state at the paper's budget"),
    ("merged-ties", {"mixed-beats-ties", "paper-budget-beats-ties", "merging-within-two-points"},
     "The zoo lacks two experts to merge."),
    ("distilled", {"distilled-within-two-points"}, "The zoo lacks a distilled model (python -m training.distill)."),
    ("twin-math", {"mixing-above-twin"}, "The zoo lacks an expert's twin (controls=('twin',))."),
    ("steps-math", {"mixing-above-steps"}, "as many steps as the mixed run (controls=('steps',))."),
    ("shuffled-math", {"transfer-above-shuffled"}, "control on permuted rewards (controls=('shuffled',))."),
    ("expert-instructions", {"reasoning-above-instructions"}, "one of instructions."),
])
def test_what_a_zoo_lacks_is_not_measured(gone, lost, says):
    planted = {key: gain for key, gain in truth().items() if key[0] != gone}
    experts = [domain for domain in DOMAINS if gone != f"expert-{domain}"]
    found = settled(gains_of(planted, experts=experts, tasks=12))
    unmeasured = {name: one for name, one in found.items() if one.verdict == "not_measured"}
    assert set(unmeasured) == lost | {"paper-cost", "mixed-beats-official"}
    assert all(says in unmeasured[name].note and unmeasured[name].note.endswith(".") for name in lost)


def test_one_expert_and_one_domain():
    one = settled(gains_of({key: gain for key, gain in truth(["math"]).items()
                            if key[0] in ("anchor", "expert-math")}, ["math"], tasks=12))
    assert {name.verdict for name in one.values()} == {"not_measured"} and all(name.note for name in one.values())
    few = settled(gains_of(truth(), tasks=1))
    assert few["mixing-gains"].verdict == "inconclusive"  # five tasks, one a domain
    assert few["mixing-above-twin"].note == few["few-interferences"].note == "Too few tasks to measure it."


def test_learning_curves_are_means_over_pieces():
    learning = pd.DataFrame({"run": "mixed", "domain": "math", "seed": [0] * 4 + [1] * 4,
                             "prompts_seen": [2, 4, 6, 8] * 2, "accuracy": [0.1, 0.3, 0.5, 0.7, 0, 0, 1, 1],
                             "rollouts": [10, 30, 10, 10] * 2})
    found = curve(learning, "mixed", "math", 4.0)
    assert found.index.tolist() == [4, 8]
    assert found[0].tolist() == pytest.approx([0.25, 0.6]) and found[1].tolist() == [0, 1]
    assert curve(learning, "expert-math", "math", 4.0).empty


def test_the_figure_says_what_was_found(tmp_path, synergy, found, transfer, mixing):
    zoo = logged_zoo(tmp_path)
    accuracy = pd.DataFrame([{"n_tasks": 60, "n_seeds": 1, "interval": "bootstrap"}])
    tables = {"accuracy": accuracy, "transfer": transfer, "mixing": mixing, "learning": logs([zoo])}
    figure = draw(tables, list(found.values()), "planted")
    assert [axis.get_title(loc="left") for axis in figure.axes][:3] == ["Transfer", "One model for all", "Learning"]
    first = figure.axes[0].texts[0]
    assert first.get_text() == f"{transfer.gain[0]:+.1f}" and first.get_fontweight() == "bold"
    said, apart = headline(transfer, mixing), transfer[(transfer.kind == "expert") & ~transfer.own]
    assert f"of 20 pairs {(apart[apart.measured_on != 'others'].ci_low > 0).sum()} rise" in said
    assert f"mixed {synergy.mixing('mixed', DOMAINS).value:+.1f}, mixed at the paper's budget" in said


def filled_zoo(folder, seed=0, domains=("math", "instructions"), planted=None, tasks=12, **changes) -> Zoo:
    """A zoo whose store holds planted traces, and whose models are not there: whoever samples fails."""
    planted = truth(domains, mixed=0.32, merged_average=0.1, merged_task_arithmetic=0.0) if planted is None else planted
    fields = {"experts": {domain: f"models/expert-{domain}" for domain in domains}, "mixed": "models/mixed",
              "mixed_paper": "models/mixed-paper", "distilled": "models/distilled",
              "controls": {name: f"models/{name}" for name in ("twin-math", "shuffled-math", "steps-math")}} | changes
    zoo = Zoo(folder, Manifest("tiny", "planted", seed, "models/anchor", domains=list(domains), **fields))
    zoo.save()
    for (model, domain), held in traces(planted, tasks, world=seed).groupby(["model", "domain"]):
        real = get_domain(domain).tasks("test", tasks, seed=0)
        asked = [real[int(name.removeprefix("test-"))] for name in held.task_id]
        held = held.assign(prompt=[task.prompt for task in asked], task_id=[task.id for task in asked], seed=seed)
        (folder / "traces" / model).mkdir(parents=True, exist_ok=True)
        held.to_parquet(folder / "traces" / model / f"{domain}-{seed}.parquet")
    return zoo


def test_a_whole_run_samples_nothing_that_is_held(tmp_path):
    zoos = [filled_zoo(tmp_path / f"seed{seed}", seed) for seed in (0, 1)]
    assert main(STUDY, "about", run, summary, ["--zoo", str(tmp_path), "--seeds", "0,1", "--quick", "--out",
                                        str(tmp_path / "out")]) == 0
    assert {file.stem for file in (tmp_path / "out").glob("*.csv")} == TABLES
    assert {"synergy.png", "synergy.pdf", "findings.json"} <= {file.name for file in (tmp_path / "out").iterdir()}
    written = json.loads((tmp_path / "out/findings.json").read_text())
    assert len(written) == 14 and {one["seeds"] for one in written if one["measured"] is not None} == {2}
    accuracy = pd.read_csv(tmp_path / "out/accuracy.csv")
    assert set(accuracy.model) == set(zoos[0].models) - {"merged-average", "merged-task_arithmetic"}
    assert 5 < len(summary(tmp_path / "out")) < 15 and left(zoos[0], True) == 0 < left(zoos[0], False)
    assert chosen_models(zoos[0], quick=False) == list(zoos[0].models)


def test_a_zoo_of_one_expert(tmp_path):
    bare = {"mixed": None, "mixed_paper": None, "distilled": None, "controls": {}}
    zoo = filled_zoo(tmp_path / "zoo", domains=("math",), planted=truth(["math"]), **bare)
    found = run([zoo], tmp_path / "out", quick=True, progress=False)
    assert {one.verdict for one in found} == {"not_measured"}
    assert summary(tmp_path / "out")[0].startswith("One domain, math: its expert gains +")
    wide = filled_zoo(tmp_path / "wide", experts={"math": "models/expert-math"}, **bare)
    found = {one.id: one for one in run([wide], tmp_path / "wide-out", quick=True, progress=False)}
    assert found["transfer-positive"].measured is not None and "1 ordered pairs" in found["transfer-positive"].note
    assert set(pd.read_csv(tmp_path / "wide-out/accuracy.csv").model) == {"anchor", "expert-math"}


@pytest.mark.parametrize(("changes", "sizes", "says"), [
    ({"experts": {}}, None, "has no experts; this study asks what each brings"),
    ({"experts": {"cooking": "models/expert-cooking"}}, None, "a domain 'cooking', of which there are no tasks; known"),
    ({}, (12, 1), "1 sample a task cannot be halved"),
])
def test_what_cannot_be_studied_is_one_sentence(tmp_path, changes, sizes, says):
    zoo = filled_zoo(tmp_path / "zoo", planted={("anchor", "math"): 0.0}, **changes)
    with pytest.raises(StudyError, match=says):
        run([zoo], tmp_path / "out", progress=False, sizes=sizes)
    assert not (tmp_path / "out").exists()
