"""Information constraints: planted bits and gains, quotients of estimates, the resampling, and a tiny real zoo."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies import policy_scores
from studies.estimates import average, ratio
from studies.findings import settle
from studies.harness import StudyError
from studies.information_claims import Moves, cells_of, claims, quotient, within
from studies.information_constraints import bits_table, left, route_of, run, summary
from studies.information_figure import draw, headline
from studies.policy_scores import COLUMNS, Nats, Sizes
from studies.scores import Scores
from tests.test_policy_neighborhoods import answers_of, zoo_in

DOMAINS = ["math", "science", "agent"]
EXPERTS = {domain: f"expert-{domain}" for domain in DOMAINS}
MODELS = ["anchor", *EXPERTS.values(), "mixed", "merged-average", "merged-ties", "twin-math", "shuffled-math"]
LENGTH = {"math": 1.0, "science": 5.0, "agent": 0.2}
"""How many times as many bits a completion has on a domain, whoever writes it."""
BITS = {"anchor": 0.0, "mixed": 8.0, "merged-average": 0.5, "merged-ties": 2.0, "twin-math": 1.0, "shuffled-math": 3.0}
GAIN = {"anchor": 0.0, "mixed": 0.32, "merged-average": 0.08, "merged-ties": 0.2, "twin-math": 0.1,
        "shuffled-math": -0.1}
TASKS, SEEDS = 12, (0, 1, 2)


def bits_of(model, domain):
    """An expert moves 4 bits at home and 1 elsewhere, on a domain of length 1."""
    home = model.removeprefix("expert-")
    return LENGTH[domain] * (BITS.get(model, 4.0 if home == domain else 1.0))


def gain_of(model, domain):
    return GAIN.get(model, 0.24 if model.removeprefix("expert-") == domain else 0.1)


def planted(seeds=SEEDS, models=MODELS, bits=bits_of, gain=gain_of, noise=0.1):
    """(sums, answers): KL to the anchor in bits as planted, the other way round half as much; 20 tokens each."""
    rng, sums, answers = np.random.default_rng(0), [], []
    for seed in seeds:
        for model in models:
            for domain in DOMAINS:
                for task in range(TASKS):
                    nats = np.log(2) * bits(model, domain) * np.exp(noise * rng.normal())
                    pairs = {(model, "anchor"): nats, ("anchor", model): nats / 2}
                    sums += [(seed, *pair, domain, f"t{task}", 0, 20, one, one, True) for pair, one in pairs.items()]
                    right = 0.5 + gain(model, domain) + 0.02 * rng.normal()
                    answers.append((seed, model, domain, f"t{task}", right))
    sums = pd.DataFrame(sums, columns=COLUMNS).drop_duplicates(["seed", "sampler", "scored_by", "domain", "task_id"])
    return sums, pd.DataFrame(answers, columns=["seed", "model", "domain", "task_id", "correct"])


def moves_of(sums, answers, models=MODELS, experts=EXPERTS):
    controls = [name for name in models if name.startswith(("twin", "shuffled"))]
    return Moves(Nats(sums), Scores(answers), models, DOMAINS, experts, controls)


def found_in(sums, answers, models=MODELS, experts=EXPERTS):
    moves = moves_of(sums, answers, models, experts)
    return {one.id: one for one in settle(claims(moves, cells_of(sums, answers, moves)))}


def test_what_was_planted_is_found():
    found = found_in(*planted())
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(found, "reproduced")
    assert found["experts-move-most-at-home"].measured == pytest.approx(3 * np.mean(list(LENGTH.values())), rel=0.05)
    lengths = np.mean(list(LENGTH.values()))
    assert found["merged-moves-fewer"].measured == pytest.approx(-6 * lengths, rel=0.05)
    assert found["merged-buys-more-per-bit"].measured == pytest.approx((20 / 2 - 32 / 8) / lengths, rel=0.1)
    assert found["shuffled-buys-nothing"].measured == pytest.approx(24 / 4 - -10 / 3, rel=0.1)
    assert found["gain-follows-bits"].n == 3 * TASKS and found["gain-follows-bits"].seeds == 3
    assert "on math; the control moves 2.9 bits, and -10.3 points" in found["shuffled-buys-nothing"].note


def test_bits_that_only_follow_the_length_of_answers_are_no_home():
    """Every expert moves 2 bits everywhere; answers are 25 times as long on one domain as on another."""
    found = found_in(*planted(bits=lambda model, domain: LENGTH[domain] * BITS.get(model, 2.0)))
    assert found["experts-move-most-at-home"].verdict == "inconclusive"
    assert abs(found["experts-move-most-at-home"].measured) < 0.3


def test_gains_that_do_not_follow_bits():
    rng = np.random.default_rng(1)
    table = {(model, domain): rng.normal() for model in MODELS for domain in DOMAINS}
    found = found_in(*planted(gain=lambda model, domain: table[model, domain]))
    assert found["gain-follows-bits"].verdict != "reproduced"
    against = found_in(*planted(gain=lambda model, domain: -gain_of(model, domain)))
    assert against["gain-follows-bits"].verdict == "not_reproduced"
    assert "One zoo: nothing is said" in found_in(*planted((0,)))["gain-follows-bits"].note


def test_the_correlation_is_spearmans_within_domains_of_routes_alone():
    sums, answers = planted((0, 1), noise=1.0)
    moves = moves_of(sums, answers)
    cells = cells_of(sums, answers, moves)
    assert cells.shape == (2, 2, 6, 3, TASKS)  # no anchor, no controls
    names = [name for name in MODELS if name != "anchor" and name not in moves.controls]
    values = []
    for seed in (0, 1):
        by = sums[(sums.seed == seed) & (sums.scored_by == "anchor")].groupby(["sampler", "domain"]).full.mean()
        right = answers[answers.seed == seed].groupby(["model", "domain"]).correct.mean()
        values += [stats.spearmanr([by[name, domain] for name in names],
                                   [right[name, domain] - right["anchor", domain] for name in names])[0]
                   for domain in DOMAINS]
    assert within(cells[:, 0].mean(-1), cells[:, 1].mean(-1)).mean() == pytest.approx(np.mean(values))
    claim = next(one for one in claims(moves, cells) if one.id == "gain-follows-bits")
    assert claim.measured.value == pytest.approx(np.mean(values))


def cells(values, n_domains=1):
    """A frame of (task, seed) cells, the tasks in so many domains."""
    domains = np.arange(len(values)) % n_domains
    return pd.DataFrame(values, pd.MultiIndex.from_arrays([domains, range(len(values))], names=["domain", "task_id"]))


def test_a_quotient_of_estimates_is_that_of_its_sums_and_paired():
    rng = np.random.default_rng(2)
    bits = cells(rng.gamma(4, size=(200, 1)))
    gain = 3 * bits + 0.1 * rng.normal(size=(200, 1))
    found = quotient(ratio(gain), ratio(bits))
    assert found.value == pytest.approx(gain.to_numpy().sum() / bits.to_numpy().sum())
    pd.testing.assert_frame_equal(found.influence, ratio(gain, bits).influence)
    assert found.interval().high - found.interval().low < 0.05  # gain and bits rise together, task by task
    for high, known in ((1.2, False), (1.5, True)):  # 1.3 and 2.8 standard errors above 0
        assert quotient(ratio(gain), ratio(cells(np.array([[high], [-1.0]] * 100)))).known == known
    assert not quotient(ratio(gain), ratio(0 * bits)).known


def test_a_quotient_over_seeds_is_the_mean_of_those_of_the_runs():
    rng = np.random.default_rng(3)
    bits, gain = (cells(rng.gamma(4, size=(50, 3)) * scale) for scale in ([1, 2, 9], [5, 1, 1]))
    found = quotient(ratio(gain), ratio(bits))
    runs = [quotient(ratio(gain[[seed]]), ratio(bits[[seed]])) for seed in bits]
    assert found.value == pytest.approx(np.mean([run.value for run in runs]))
    for seed, one in enumerate(runs):  # within a run as of one seed, and between them as of a mean of runs
        own = found.influence[seed] - found.influence[seed].mean()
        np.testing.assert_allclose(own, one.influence[seed] / 3)
        assert found.influence[seed].sum() == pytest.approx((one.value - found.value) / 3)


def test_how_runs_differ_between_domains_is_no_error_of_their_tasks():
    """A run that moves a hundred times the bits of others on one of two domains; tasks hardly differ."""
    bits = cells(np.array([[1.0, 1, 100], [1, 1, 1]] * 20) * np.linspace(0.99, 1.01, 40)[:, None], 2)
    by_domain = [ratio(part) for _, part in bits.groupby(level="domain")]
    found = quotient(average(by_domain), average(by_domain))
    assert found.value == pytest.approx(1) and found.influence.abs().max(axis=None) < 1e-9


def test_the_table_of_bits_and_the_figure():
    sums, answers = planted()
    moves = moves_of(sums, answers)
    table = bits_table(moves)
    assert len(table) == len(MODELS) * 4
    row = table.set_index(["model", "domain"])
    assert row.bits["mixed", "agent"] == pytest.approx(1.6, rel=0.05)
    assert row.bits_per_token["mixed", "agent"] == pytest.approx(row.bits["mixed", "agent"] / 20)
    assert row.back["mixed", "agent"] == pytest.approx(row.bits["mixed", "agent"] / 2)
    assert row.bits["mixed", "all"] == pytest.approx(np.mean([row.bits["mixed", domain] for domain in DOMAINS]))
    assert row.gain["mixed", "all"] == pytest.approx(32, abs=1)
    assert row.points_per_bit["mixed", "all"] == pytest.approx(row.gain["mixed", "all"] / row.bits["mixed", "all"],
                                                               rel=0.05)
    anchor = row.loc["anchor"]
    assert anchor[["bits", "back", "gain"]].eq(0).all(axis=None) and anchor.points_per_bit.isna().all()
    assert table.home.sum() == 3 and row.home["expert-agent", "agent"]
    assert [route_of(name, moves) for name in MODELS] == ["anchor", *["expert"] * 3, "mixed", "merged", "merged",
                                                          "control", "control"]
    findings = settle(claims(moves, cells_of(sums, answers, moves)))
    figure = draw({"bits": table}, findings, "planted")
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["What bits buy", "Where they are moved"]
    assert [text.get_text() for text in figure.axes[1].get_yticklabels()][-1] == "mixed"
    assert headline(table, findings).startswith("Mixed: ") and "+1.00 (reproduced)" not in headline(table, findings)


@pytest.mark.parametrize(("models", "experts", "said"), [
    (["anchor", "expert-math"], {"math": "expert-math"}, {
        "experts-move-most-at-home": "The zoo has no second expert.",
        "merged-moves-fewer": "The zoo has no merge by TIES and no mixed run.",
        "gain-follows-bits": "The zoo has fewer than 3 models besides anchor and controls.",
        "shuffled-buys-nothing": "The zoo has no control on permuted rewards (controls=('shuffled',))."}),
    (["anchor", "mixed", "shuffled-math"], {}, {
        "merged-buys-more-per-bit": "The zoo has no merge by TIES.",
        "shuffled-buys-nothing": "The zoo has no control on permuted rewards (controls=('shuffled',))."}),
])
def test_what_a_zoo_lacks_is_said(models, experts, said):
    found = found_in(*planted(models=models), models, experts)
    for name, note in said.items():
        assert (found[name].verdict, found[name].note) == ("not_measured", note)


def test_bits_near_0_are_not_divided_by():
    noisy = {"merged-ties": 0.0}
    found = found_in(*planted(bits=lambda model, domain: noisy.get(model, bits_of(model, domain))))
    assert found["merged-buys-more-per-bit"].note == "Too few tasks, or bits too near 0 to divide by."
    assert found["merged-moves-fewer"].verdict == "reproduced"


def test_a_tiny_real_zoo_from_models_to_results(tmp_path, monkeypatch):
    monkeypatch.setattr(policy_scores, "run_pieces", lambda work, jobs, *_: [work(*job) for job in jobs])
    zoo = zoo_in(tmp_path / "zoo", ["anchor", "mixed", "twin-math"])
    assert left(zoo, quick=True) > 0.5
    findings = run([zoo], tmp_path / "out", progress=False, sizes=Sizes((3, 1), (4, 2)))
    assert {one.verdict for one in findings} == {"not_measured"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "bits.csv", "findings.json", "information_constraints.png", "information_constraints.pdf"}
    bits = pd.read_csv(tmp_path / "out/bits.csv").set_index(["model", "domain"])
    assert bits.bits["anchor", "all"] == pytest.approx(0, abs=1e-9) and bits.bits["mixed", "math"] > 0
    right = [answers_of(name, "math", 3, 2, 0).correct.mean() for name in ("mixed", "anchor")]
    assert bits.gain["mixed", "math"] == pytest.approx(100 * (right[0] - right[1]))
    assert len(json.loads((tmp_path / "out/findings.json").read_text())) == 5
    assert summary(tmp_path / "out")[1].startswith("mixed: ")
    with pytest.raises(StudyError, match="has the anchor alone"):
        run([zoo_in(tmp_path / "one", ["anchor"])], tmp_path / "none", progress=False)
