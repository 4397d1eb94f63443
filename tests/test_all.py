"""All studies by one command: what is there is kept, a failed study is named, the rest go on, the time is estimated."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from behaviors.store import TraceStore
from studies import all as every
from studies import duration, provenance
from studies.harness import StudyError, main
from studies.index import index, number, place_of
from studies.index import main as write_index
from tests.tiny import save_model
from training import Zoo
from training.manifest import Manifest

ROOT = Path(__file__).parents[1]
FINDING = {"id": "a-claim", "claim": "a beats b", "source": "M2RL v1, Table 4 [R]", "published": 1.5, "measured": 2.345,
           "ci_low": 0.0123, "ci_high": 4.0, "n": 60, "seeds": 5, "test": "t", "p_adjusted": 0.012,
           "by_construction": False, "verdict": "reproduced", "note": ""}
UNKNOWN = FINDING | {"id": "other", "source": "M2RL, Figure 5, in words [N1]", "published": "higher", "measured": None,
                     "verdict": "not_measured", "note": "There is no mixed model."}


def make_zoo(folder: Path, domains=("math",), preset="organism", seed=0) -> Zoo:
    """A zoo of untrained models, with no mixed model."""
    for name in ("anchor", *(f"expert-{domain}" for domain in domains)):
        save_model(folder / "models" / name, seed=len(name))
    zoo = Zoo(folder, Manifest("tiny", preset, seed, "models/anchor", domains=list(domains),
                               experts={domain: f"models/expert-{domain}" for domain in domains}))
    zoo.save()
    return zoo


def results(root: Path, study: str, *findings: dict) -> Path:
    (root / study).mkdir(parents=True)
    (root / study / "findings.json").write_text(json.dumps(findings))
    return root / study


def test_results_hold_until_zoo_code_or_size_change(tmp_path, monkeypatch):
    zoo, out = make_zoo(tmp_path / "zoo"), results(tmp_path, "synergy", FINDING)
    assert not provenance.holds(out, [zoo], False)
    provenance.write_made(out, [zoo], False, ["python", "studies/synergy.py"], 1.26)
    assert provenance.holds(out, [zoo], False) and not provenance.holds(out, [zoo], True)
    assert json.loads((out / "made.json").read_text())["seconds"] == 1.3
    zoo.manifest.merged["ties"] = "models/merged-ties"  # made when first asked for: no other zoo
    assert provenance.holds(out, [zoo], False)
    zoo.manifest.runs["mixed"] = {"tokens": 1}
    assert not provenance.holds(out, [zoo], False)
    del zoo.manifest.runs["mixed"]
    monkeypatch.setattr(provenance, "code_digest", lambda: "other code")
    assert not provenance.holds(out, [zoo], False)


def test_code_is_all_python_files(tmp_path):
    for package in provenance.PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "a.py").write_text("1")
    first = provenance.code_digest(tmp_path)
    (tmp_path / "studies/notes.md").write_text("no code")
    provenance.code_digest.cache_clear()
    assert provenance.code_digest(tmp_path) == first
    (tmp_path / "probes/a.py").write_text("2")
    provenance.code_digest.cache_clear()
    assert provenance.code_digest(tmp_path) != first


def test_a_failed_study_is_named_and_the_rest_go_on(tmp_path, monkeypatch, capsys):
    zoo, asked = make_zoo(tmp_path / "zoo"), []

    def run_study(study, options):
        asked.append((study, options))
        if study == "b":
            return "status 2: zoo has no mixed model"
        results(tmp_path / "out", study, FINDING, UNKNOWN)
        return ""

    monkeypatch.setattr(every, "STUDIES", ("a", "b", "c"))
    monkeypatch.setattr(every, "run_study", run_study)
    monkeypatch.setattr(every, "estimate", lambda *given: "soon")
    given = ["--zoo", str(zoo.folder), "--out", str(tmp_path / "out"), "--quick"]
    assert every.main(given) == 1
    said = capsys.readouterr().out
    assert [study for study, _ in asked] == ["a", "b", "c"]
    assert asked[0][1] == ["--zoo", str(zoo.folder), "--quick", "--out", str(tmp_path / "out/a")]
    assert "status 2: zoo has no mixed model" in said and "failed: b" in said
    assert said.count("1 reproduced, 1 not measured") == 2
    assert "| a beats b | 1.5 [R] | 2.35 [0.0123, 4] | 60, 5 |" in (tmp_path / "out/INDEX.md").read_text()
    monkeypatch.setattr(every, "holds", lambda out, *_: out.name != "b")  # again: only what failed is run
    asked.clear()
    every.main(given)
    assert [study for study, _ in asked] == ["b"] and "kept" in capsys.readouterr().out


@pytest.mark.parametrize(("script", "error"), [
    ("print('fine')", ""),
    ("import sys; print('error: no mixed model', file=sys.stderr); sys.exit(2)", "status 2: no mixed model"),
    ("raise RuntimeError('broken')", "status 1: RuntimeError: broken"),
    ("import os; os.kill(os.getpid(), 9)", "status -9: it wrote nothing"),
    ("import sys; sys.stderr.write('50 %\\r60 %\\r'); sys.exit(3)", "status 3: 60 %"),
    ("import sys; sys.stderr.write('error: no\\r60 %\\r'); sys.exit(2)", "status 2: no"),
])
def test_what_a_study_said_last(tmp_path, monkeypatch, script, error):
    (tmp_path / "s.py").write_text(script)
    monkeypatch.setattr(every, "HERE", tmp_path)
    assert every.run_study("s", []) == error


def test_no_zoo_is_one_sentence(capsys):
    assert every.main(["--zoo", "no/such/zoo"]) == 2
    assert capsys.readouterr().err.startswith("error: 'no/such/zoo' is no folder")


def test_an_estimate_is_of_what_is_left(tmp_path, monkeypatch):
    costs = pd.DataFrame([{"study": "synergy", "quick": False, "cold": 100.0, "warm": 10.0, "pace": 2.0, "cores": 2}])
    assert duration.seconds(costs, "synergy", False, [1.0, 0.0], pace_now=2.0, cores=2) == pytest.approx(110)
    assert duration.seconds(costs, "synergy", False, [0.5], pace_now=4.0, cores=2) == pytest.approx(110)
    assert duration.seconds(costs, "synergy", False, [0.5], pace_now=4.0, cores=8) == pytest.approx(27.5)
    zoo = make_zoo(tmp_path / "zoo", preset="smollm2")
    assert duration.estimate([zoo], False, ["synergy"]).startswith("1 studies to run; no estimate of the time")
    assert [duration.minutes(s) for s in (45, 89.6, 1500, 3900)] == ["45 s", "90 s", "25 min", "1 h 05 min"]


def test_every_study_has_a_cost_and_says_what_is_left(tmp_path, monkeypatch):
    costs = pd.read_csv(duration.COSTS)
    assert {study for study, quick in costs[["study", "quick"]].values if quick} == set(every.STUDIES)
    assert (costs["cold"] > 0).all() and (costs["warm"] > 0).all() and (costs["pace"] > 0).all()
    zoo = make_zoo(tmp_path / "zoo", domains=("math", "agent", "science"))
    found = duration.estimates([zoo], True, list(every.STUDIES))
    assert list(found) == list(every.STUDIES) and min(found.values()) > 0
    no_experts = Zoo(zoo.folder, Manifest("tiny", "organism", 0, "models/anchor", domains=["math"]))
    assert len(duration.estimates([no_experts], True, list(every.STUDIES))) == len(every.STUDIES)
    monkeypatch.setattr(duration, "COSTS", tmp_path / "costs.csv")
    costs[costs["study"] != "synergy"].to_csv(tmp_path / "costs.csv", index=False)
    assert "quick runs of 1 of them were not timed" in duration.estimate([zoo], True, ["synergy"])


def test_the_index_lines_claims_up_by_place(tmp_path, capsys):
    results(tmp_path, "gains", FINDING, FINDING | {"id": "ours", "source": "none: a comparison of ours",
                                                   "published": "not found", "by_construction": True})
    results(tmp_path, "other", UNKNOWN)
    text = index(tmp_path)
    assert text.index("## Table 4") < text.index("## Figure 5") < text.index("## Beyond the paper")
    assert "| a beats b | higher [N1] |  |  |  | not measured: There is no mixed model. | `other.py`, `other` |" in text
    assert "| reproduced (by construction) | `gains.py`, `ours` |" in text
    assert [number(value) for value in (0.012345, -3.456, 988.65)] == ["0.0123", "-3.46", "988.6"]
    with pytest.raises(StudyError, match="'hearsay' names no place of the paper; known are Table 2"):
        place_of("hearsay")
    assert write_index(["--results", str(tmp_path / "none")]) == 2
    assert "holds no study's results" in capsys.readouterr().err


@pytest.mark.parametrize(("source", "place"), [
    ("M2RL v1, Tables 3 and 4 [R]", "Table 3"), ("AIME'24, M2RL v1 Table 3 [R]", "Table 3"),
    ("M2RL, Table 2: v1 [R]; v3, second-hand [N3]", "Table 2"), ("none: a comparison of ours", "none"),
    ('M2RL, Table 7, "Locus of Error", second-hand [N1]', "Table 7"),
    ("M2RL, Information constraints: named in its abstract alone; a comparison of ours", "Information constraints")])
def test_places(source, place):
    assert place_of(source) == place


def test_the_index_is_that_of_the_committed_results():
    assert (ROOT / "studies/INDEX.md").read_text(encoding="utf-8") == index(ROOT / "paper/results/organism")


def test_a_study_says_how_it_was_made(tmp_path):
    zoo = make_zoo(tmp_path / "zoo")
    given = ["--zoo", str(zoo.folder), "--out", str(tmp_path / "out")]

    def run(zoos, out, quick):
        results(out.parent, out.name, FINDING)

    assert main("synergy", "about", run, lambda out: ["done"], given) == 0
    made = json.loads((tmp_path / "out/made.json").read_text())
    assert made["command"] == " ".join(["python", "studies/synergy.py", *given]) and made["zoos"][0]["seed"] == 0
    assert provenance.holds(tmp_path / "out", [zoo], False)


def test_one_command_on_a_zoo_of_one_untrained_expert(tmp_path):
    """Studies that can run do; the others say in a sentence what is missing; an index is written all the same."""
    zoo = make_zoo(tmp_path / "zoo")
    done = subprocess.run([sys.executable, str(ROOT / "studies/all.py"), "--zoo", str(zoo.folder), "--quick", "--out",
                           str(tmp_path / "out")], capture_output=True, text=True, cwd=tmp_path, timeout=900,
                          env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith(every.STUDIES)}
    assert list(lines) == list(every.STUDIES)
    for study, says in {"merging_methods": "has fewer than two experts", "guided_merging": "at least three",
                        "weight_shift": "has fewer than two experts", "layer_probes": "there are no examples"}.items():
        assert "status 2: " in lines[study] and says in lines[study]
    ran = [study for study in every.STUDIES if "status" not in lines[study]]
    assert {file.parent.name for file in (tmp_path / "out").glob("*/findings.json")} == set(ran) and len(ran) == 6
    assert "not measured: The zoo lacks a mixed run." in (tmp_path / "out/INDEX.md").read_text()
    assert all(provenance.holds(tmp_path / "out" / study, [zoo], True) for study in ran)
    asked = {study: import_module(f"studies.{study}").asked(zoo, True) for study in ran}  # is what was sampled
    assert all(TraceStore(zoo).left(some) == 0 for some in asked.values())
    sampled = {(file.parent.name, file.stem.removesuffix("-0")) for file in zoo.folder.glob("traces/*/*.parquet")}
    assert sampled == {(one.model, one.domain) for some in asked.values() for one in some}
