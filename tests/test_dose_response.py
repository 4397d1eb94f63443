"""The dose-response study: planted responses are found, flat ones are not claimed, doses are independent."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probes import compare_weights
from studies.dose_claims import LOCUS, SHARING, claims
from studies.dose_measures import Dose, apart, dose_of, doses_of, judging, overlaps, routes, slope, transfers
from studies.dose_response import STUDY, main, run, summary
from studies.estimates import Estimate, quotient
from studies.findings import settle
from studies.harness import StudyError
from studies.self_verification import Sizes
from studies.verification_judging import Judging
from studies.weight_claims import Shifts
from tests.test_synergy import gains_of, truth
from tests.test_weight_shift import make_zoo as planted_zoo
from tests.tiny import save_model
from training import Zoo, get_domain
from training.manifest import Manifest
from training.organism.corpus import Corpus
from training.organism.worked.trace import Habits
from training.rollouts import load
from training.traces import write_traces

ANCHORS = Path(__file__).parents[1] / "paper/anchors"
IDS = [one[0] for one in (*SHARING, *LOCUS)]


def estimate(value, rng, rows=60, seeds=3, spread=0.0) -> Estimate:
    """A mean of noisy cells, centred as `ratio` centres it, with a spread of its own for every seed."""
    cells = value + rng.normal(0, 1, (rows, seeds)) + spread * rng.normal(0, 1, seeds)
    return Estimate(cells.mean(), pd.DataFrame((cells - cells.mean()) / cells.size))


def make_zoo(folder, corpus: Corpus | None, seed=0, domains=("math", "instructions")) -> Zoo:
    """Untrained models whose anchor learned, it says, from a corpus."""
    for name in ("anchor", "mixed", *(f"expert-{domain}" for domain in domains)):
        save_model(folder / "models" / name, seed=seed + len(name))
    if corpus:
        corpus.save(folder / "models/anchor")
    zoo = Zoo(folder, Manifest(f"tiny/{folder.name}", "tiny", seed, "models/anchor", domains=list(domains),
                               experts={domain: f"models/expert-{domain}" for domain in domains},
                               mixed="models/mixed", factors={"sharing": corpus.sharing} if corpus else {}))
    zoo.save()
    return zoo


@pytest.mark.parametrize("doses", [[0.0, 1.0], [0.0, 0.5, 1.0], [0.0, 0.25, 0.5, 1.0]])
def test_a_response_is_the_least_squares_slope(doses):
    rng = np.random.default_rng(0)
    found = [estimate(value, rng) for value in rng.normal(0, 5, len(doses))]
    assert slope(doses, found).value == pytest.approx(np.polyfit(doses, [one.value for one in found], 1)[0])


def test_doses_are_independent():
    rng = np.random.default_rng(1)
    one, other = (estimate(value, rng, seeds=1) for value in (0.0, 0.2))
    rise = slope([0.0, 1.0], [one, other])
    expected = 1.96 * np.sqrt((one.influence**2).to_numpy().sum() + (other.influence**2).to_numpy().sum())
    found = rise.interval()
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.1)
    same = slope([0.0, 1.0], [one, one])  # the same numbers twice are no difference, and not known any better
    assert same.value == 0 and same.interval().high == pytest.approx(1.96 * np.sqrt(2 * (one.influence**2).sum().sum()),
                                                                     rel=0.1)
    assert apart(one, 3).influence.index[0] == "3/0" and apart(one, 3).value == one.value


def test_a_quotient_is_what_its_parts_say():
    rng = np.random.default_rng(2)
    part, whole = rng.normal(2, 1, (200, 1)), rng.normal(4, 1, (200, 1))
    known = [Estimate(cells.mean(), pd.DataFrame((cells - cells.mean()) / cells.size)) for cells in (part, whole)]
    found = quotient(*known)
    draws = rng.integers(0, 200, (4000, 200))
    spread = (part[draws, 0].mean(axis=1) / whole[draws, 0].mean(axis=1)).std()
    assert found.value == pytest.approx(part.mean() / whole.mean())
    assert np.sqrt((found.influence**2).to_numpy().sum()) == pytest.approx(spread, rel=0.05)
    for nothing in (0.0, -1.0):
        assert not quotient(known[0], Estimate(nothing, known[1].influence)).known


def test_transfer_is_a_share_of_what_the_own_expert_gains():
    reasoning = {"math", "coding", "science"}
    for share in (0.0, 0.5):
        gains = gains_of(truth(transfer=lambda a, b, share=share: 0.3 * share * ({a, b} <= reasoning)))
        found = transfers(gains)
        pairs = [(a, b) for a in reasoning for b in reasoning if a != b]
        means = np.mean([[gains.transfer(a, b).value, gains.transfer(b, b).value] for a, b in pairs], axis=0)
        assert found["transfer", "reasoning"].value == pytest.approx(100 * means[0] / means[1])
        assert found["transfer", "reasoning"].value == pytest.approx(100 * share, abs=12)
        assert found["transfer", "instructions"].value == pytest.approx(0, abs=12)
        assert found["transfer", "shuffled"].value == pytest.approx(0, abs=20)
    assert set(routes(gains)) == {("routes", "mixed"), ("routes", "merged")}
    assert transfers(gains_of(truth(["math", "agent"]), ["math", "agent"])) == {}


def test_overlaps_are_means_over_pairs(tmp_path):
    zoo = planted_zoo(tmp_path)
    shift = compare_weights(zoo.anchor, {name: zoo.models[name] for name in zoo.models if name.startswith(
        ("expert-", "shuffled-"))}, progress=False)
    found = overlaps(Shifts({0: shift}, {domain: f"expert-{domain}" for domain in zoo.experts}, zoo.preset))
    whole = shift.aggregate("model").overlap.set_index(["model_a", "model_b"])
    near = [whole.loc[(f"expert-{a}", f"expert-{b}")] for a, b in
            (("math", "coding"), ("math", "science"), ("coding", "science"))]
    assert found["cosine", "reasoning"].value == pytest.approx(np.mean([row.cosine for row in near]))
    assert found["overlap", "reasoning"].value == pytest.approx(
        np.mean([row.jaccard - row.jaccard_chance for row in near]))
    assert found["cosine", "reasoning"].value > found["cosine", "instructions"].value > 0.05
    assert abs(found["cosine", "shuffled"].value) < 0.05


def test_judging_is_process_minus_outcome_of_the_judges_named():
    rows = [{"pool": "common", "mode": mode, "judge": judge, "domain": domain, "task_id": f"t{task}", "seed": 0,
             "correct": task % 2 == 0, "parsed": True,
             "agrees": not (mode == "outcome" and domain == "math" and judge == "expert-math" and task < 4)}
            for mode in ("process", "outcome") for judge in ("anchor", "expert-math", "mixed")
            for domain in ("math", "instructions") for task in range(8)]
    found = judging(Judging(pd.DataFrame(rows)), ["expert-math", "mixed"])
    assert found["judging", "reasoning"].value == pytest.approx(25)  # one of two judges misses half, on math alone
    assert found["judging", "instructions"].value == 0
    assert judging(Judging(pd.DataFrame(rows)[lambda table: table.domain == "agent"]), ["mixed"]) == {}


def planted(response: float, rng, seeds=5) -> list[tuple[Dose, dict]]:
    """Three doses of sharing and three of locus, each measure rising (or not) with what is varied."""
    places = [("transfer", "reasoning"), ("transfer", "instructions"), ("overlap", "reasoning"),
              ("cosine", "reasoning"), ("cosine", "instructions"), ("routes", "mixed")]
    found = []
    for sharing in (0.0, 0.5, 1.0):
        found.append((Dose(sharing, None, ()), {
            place: estimate(response * sharing * (place[1] != "instructions"), rng, seeds=seeds, spread=0.1)
            for place in places}))
    for locus in ("derivation", "answer"):
        found.append((Dose(1.0, locus, ()), {}))
    for dose, of in found:
        if dose.sharing == 1:
            for group in ("reasoning", "instructions"):
                lies = response if dose.where(group) == "derivation" else 0.0
                of["judging", group] = estimate(lies, rng, seeds=seeds, spread=0.1)
    return found


def test_planted_responses_are_found_and_flat_ones_are_not():
    rng, shown = np.random.default_rng(3), {0.0: 0, 2.0: 0, -2.0: 0}
    for response in shown:
        for _ in range(20):
            verdicts = [one.verdict for one in settle(claims(planted(response, rng)))]
            wanted = "not_reproduced" if response < 0 else "reproduced"
            shown[response] += verdicts.count(wanted) if response else sum(one != "inconclusive" for one in verdicts)
    assert shown[2.0] >= 150 and shown[-2.0] >= 150 and shown[0.0] <= 3  # of 20 times 8


def test_what_is_not_there_is_said():
    found = planted(2.0, np.random.default_rng(4))
    base = [pair for pair in found if pair[0].locus is None and pair[0].sharing == 1]
    notes = {one.id: one.note for one in settle(claims(base))}
    assert notes["cosine-follows-beyond"] == ("It takes zoos of two corpora that share differently, each with cosine "
                                              "of reasoning and instructions; there are 1.")
    assert notes["locus-reasoning-follows"] == "It takes a zoo whose domains slip in the answer."
    assert notes["locus-instructions-follows"] == "It takes a zoo whose domains slip in the derivation."
    for _, of in found:
        of.pop(("transfer", "instructions"), None)
    by_id = {one.id: one for one in settle(claims(found))}
    assert by_id["transfer-follows-beyond"].verdict == "not_measured"
    assert by_id["transfer-follows-sharing"].note == "3 doses, one anchor each."
    assert by_id["locus-reasoning-follows"].note == "3 doses, one anchor each."


@pytest.fixture(scope="module")
def zoos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doses")
    corpora = {"whole": Corpus(), "less": Corpus(sharing=0.0), "answer": Corpus(habits=Habits(locus="answer"))}
    return {name: make_zoo(folder / name, corpus) for name, corpus in corpora.items()}


def test_a_dose_is_what_the_anchor_learned_from(zoos, tmp_path):
    doses = doses_of([[zoos["answer"]], [zoos["whole"]], [zoos["less"]]])
    assert [(dose.sharing, dose.locus) for dose in doses] == [(0, None), (1, None), (1, "answer")]
    assert [doses[1].where(group) for group in ("reasoning", "instructions")] == ["derivation", "answer"]
    unknown, both = make_zoo(tmp_path / "a", None), make_zoo(tmp_path / "b", Corpus(habits=Habits(locus="answer"),
                                                                                    sharing=0.5))
    for group, says in (([unknown], r"does not say what its anchor learned from \(.*/corpus.json\)"),
                        ([both], "differs in sharing and in locus; one of them is varied at a time"),
                        ([zoos["whole"], zoos["less"]], r"different corpora: .* is \(1.0, None\) and \(0.0, None\)")):
        with pytest.raises(StudyError, match=says):
            dose_of(group)
    with pytest.raises(StudyError, match="have the same dose, sharing 1 and locus None; give each once"):
        doses_of([[zoos["whole"]], [zoos["whole"]]])
    with pytest.raises(StudyError, match="have 2 and 1 seeds; doses need as many each"):
        doses_of([[zoos["whole"]], [zoos["less"], make_zoo(tmp_path / "c", Corpus(sharing=0.0), 1)]])


def test_real_zoos_go_all_the_way(zoos, tmp_path, capsys):
    findings = run([[zoo] for zoo in zoos.values()], tmp_path / "out", progress=False, sizes=Sizes(3, 2, 3))
    assert [one.id for one in findings] == IDS
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files == {"doses.csv", "accuracy.csv", "findings.json", "dose_response.png", "dose_response.pdf"}
    doses = pd.read_csv(tmp_path / "out/doses.csv")
    assert set(doses[doses.measure == "routes"].sharing) == {0.0, 1.0}
    assert set(doses.query("sharing == 0").measure) <= {"routes", "transfer", "overlap", "cosine"}
    accuracy = pd.read_csv(tmp_path / "out/accuracy.csv")
    assert set(accuracy.model) >= {"anchor", "expert-math", "mixed", "merged-ties"}
    assert set(accuracy[accuracy.locus == "answer"].model) == {"anchor", "expert-math", "expert-instructions", "mixed"}
    assert len(summary(tmp_path / "out")) == 1 + len(IDS) + 2
    given = [str(zoos["whole"].folder), "--out", str(tmp_path / "alone"), "--quick"]
    assert main(given) == 2 and "alone is one dose; give zoos of at least two anchors" in capsys.readouterr().err
    assert not (tmp_path / "alone").exists()


@pytest.mark.parametrize(("name", "sharing", "locus"), [("sharing0", 0.0, None), ("sharing50", 0.5, None),
                                                        ("answer", 1.0, "answer")])
def test_trained_anchors_are_doses_and_open(name, sharing, locus):
    folder = ANCHORS / name
    corpus = Corpus.of(folder)
    assert (corpus.sharing, corpus.habits.locus) == (sharing, locus)
    traces = write_traces(*load(str(folder)), "anchor", get_domain("math", sharing=sharing).tasks("test", 20))
    assert traces.correct.mean() > 0.1 and traces.completion.str.contains("</think>").mean() > 0.9


def test_the_command_says_how_it_was_made(zoos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(f"studies.{STUDY}.FEW", Sizes(3, 2, 3))
    given = [str(zoos["whole"].folder), str(zoos["less"].folder), "--quick", "--out", str(tmp_path / "out")]
    assert main(given) == 0
    made = json.loads((tmp_path / "out/made.json").read_text())
    assert [one["name"] for one in made["zoos"]] == ["tiny/whole", "tiny/less"]
    assert made["command"].startswith("python studies/dose_response.py ")
    assert "responses measured" in capsys.readouterr().out
