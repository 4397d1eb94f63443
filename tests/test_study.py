"""From nothing to findings, through the commands a user types: a very short real zoo, then the studies on it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from studies import expert_gains, guided_merging, merging_methods, self_verification, synergy
from studies.harness import StudyError
from tests.tiny import save_model
from training import DOMAINS, Zoo, build_zoo
from training.build import plan
from training.mixture import step_tasks
from training.organism.corpus import Corpus
from training.presets import get_preset

ROOT = Path(__file__).parents[1]
SHORT = {"preset": replace(get_preset("organism"), prompts=4), "domains": ["math", "agent"], "steps": 1,
         "mixture": {"math": 3, "agent": 1}}


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=400,
                          env={**os.environ, "HF_HUB_OFFLINE": "1"})


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> Zoo:
    """Two experts and a mixed model of the shipped anchor, one step an expert, two for the mixed model."""
    folder = tmp_path_factory.mktemp("zoo")
    done = command("-m", "training", "--out", str(folder / "seed0"), "--domains", "math,agent", "--steps", "1",
                   "--mixture", "math=3,agent=1", "--controls", "shuffled", "--set", "prompts=4", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "untrusted programs" not in done.stderr  # no coding, no sandbox
    return Zoo.load(folder / "seed0")


def test_the_zoo_is_whole_and_says_what_it_cost(zoo):
    assert list(zoo.models) == ["anchor", "expert-math", "expert-agent", "mixed", "mixed-paper", "merged-average",
                                "merged-task_arithmetic", "merged-ties", "shuffled-math"]
    assert zoo.runs["mixed"]["optimizer_steps"] == 2
    assert zoo.runs["mixed-paper"]["optimizer_steps"] == 1
    assert zoo.runs["mixed"]["mixture"] == {"math": 0.75, "agent": 0.25}
    assert all(zoo.runs[name]["tokens"] > 0 and zoo.runs[name]["seconds"] > 0 for name in ("mixed", "expert-math"))
    log = pd.read_csv(zoo.folder / "models/mixed/log.csv")
    assert log.groupby("step").prompts.sum().tolist() == [4, 4]
    assert log[log.domain == "agent"].turns.max() > 1  # agents take turns in GRPO too
    assert 0 < zoo.runs["expert-math"]["changed"] < 1


def test_a_whole_zoo_is_returned_only_for_what_it_is(zoo):
    same = {**SHORT, "out": zoo.folder}
    assert build_zoo(**same).manifest == zoo.manifest
    with pytest.raises(ValueError, match="holds 'mixed' with optimizer_steps 2, asked for is 4; choose another folder"):
        build_zoo(**{**same, "steps": 2})
    with pytest.raises(ValueError, match="holds 'mixed' with mixture"):
        build_zoo(**{**same, "mixture": None})


def test_another_anchor_or_sharing_is_another_zoo(zoo, tmp_path):
    same = {**SHORT, "out": zoo.folder}
    shutil.copytree(zoo.anchor, tmp_path / "less")
    Corpus(sharing=0.5).save(tmp_path / "less")
    with pytest.raises(ValueError, match=r"was built with factors \{\}; choose another folder"):
        build_zoo(**same, anchor=tmp_path / "less")
    with pytest.raises(ValueError, match="was built with another anchor; choose another folder"):
        build_zoo(**same, anchor=save_model(tmp_path / "other"))


def test_an_expert_in_as_many_steps_asks_the_same_prompts():
    preset = get_preset("organism")
    runs = {run.name: run for run in plan(preset, list(DOMAINS), 3, 24, dict.fromkeys(DOMAINS, 1.0), ("steps",))}
    expert, steps = runs["expert-math"], runs["steps-math"]
    assert steps.steps == runs["mixed"].steps == 120 and steps.preset.prompts == 2 and steps.seed == expert.seed
    asked = [[task.id for step in range(run.steps)
              for task in step_tasks(run.mixture, run.seed, step, run.preset.prompts)] for run in (expert, steps)]
    assert asked[0] == asked[1] and len(asked[0]) == 240
    with pytest.raises(ValueError, match="'steps' takes as many steps as the mixed run, and one domain has none"):
        plan(preset, ["math"], 0, 2, {"math": 1.0}, ("steps",))


def test_a_control_is_added_and_merges_stay(zoo):
    merged = dict(zoo.merged)
    more = build_zoo(**SHORT, out=zoo.folder, controls=("shuffled", "twin", "steps"), progress=False)
    assert set(more.controls) == {"shuffled-math", "twin-math", "steps-math"}
    assert more.runs["steps-math"]["optimizer_steps"] == more.runs["mixed"]["optimizer_steps"] == 2
    assert more.runs["steps-math"]["rollouts"] == more.runs["expert-math"]["rollouts"]
    assert more.manifest.merged == dict.fromkeys(merged) | {name: f"models/merged-{name}" for name in merged}
    assert zoo.runs["expert-math"]["tokens"] == more.runs["expert-math"]["tokens"]


def test_a_zoo_is_distilled_and_stays_so(zoo):
    done = command("-m", "training.distill", "--zoo", str(zoo.folder), "--steps", "1", "--set", "prompts=4",
                   cwd=zoo.folder)
    assert done.returncode == 0, done.stderr
    more = Zoo.load(zoo.folder)
    assert more.models["distilled"] == more.distilled == str(zoo.folder / "models/distilled")
    assert more.runs["distilled"]["optimizer_steps"] == 1 and more.runs["distilled"]["rollouts"] == 32
    log = pd.read_csv(zoo.folder / "models/distilled/distill.csv")
    assert set(log.teacher) == {"math", "agent"} and (log.kl.abs() < 1).all()
    again = build_zoo(**SHORT, out=zoo.folder, controls=("shuffled", "twin", "steps"), progress=False)
    assert again.distilled == more.distilled and again.runs["distilled"] == more.runs["distilled"]


def test_merging_methods_and_guided_merging_of_a_short_zoo(zoo, tmp_path):
    zoo = Zoo.load(zoo.folder)
    findings = merging_methods.run([zoo], tmp_path / "merging", quick=True, progress=False, sizes=(2, 1))
    assert {one.verdict for one in findings} <= {"inconclusive", "not_measured"}  # 4 tasks decide nothing
    assert {file.name for file in (tmp_path / "merging").iterdir()} == {
        "methods.csv", "pairs.csv", "sweeps.csv", "masks.csv", "costs.csv", "findings.json", "merging_methods.png",
        "merging_methods.pdf"}
    methods = pd.read_csv(tmp_path / "merging/methods.csv")
    assert set(methods.model) >= {"anchor", "mixed", "distilled", "merged-sce", "merged-dare_ties"}
    costs = pd.read_csv(tmp_path / "merging/costs.csv").set_index("route")
    assert costs.tokens["distilled"] > costs.tokens["ties"] == sum(
        zoo.runs[f"expert-{name}"]["tokens"] for name in ("math", "agent"))
    assert costs.merging_seconds["ties"] > 0
    with pytest.raises(StudyError, match="has 2 experts; choosing among others takes at least three"):
        guided_merging.run([zoo], tmp_path / "guided", progress=False)


def test_synergy_of_a_short_zoo(zoo, tmp_path):
    zoo = Zoo.load(zoo.folder)
    findings = synergy.run([zoo], tmp_path / "synergy", quick=True, progress=False, sizes=(2, 2))
    assert {one.verdict for one in findings} <= {"inconclusive", "not_measured"}  # 4 tasks decide nothing
    transfer = pd.read_csv(tmp_path / "synergy/transfer.csv")
    assert list(transfer.trained_on.unique()) == ["math", "agent", *zoo.controls, "anchor again"]
    costs = pd.read_csv(tmp_path / "synergy/costs.csv").set_index("route")
    log = pd.read_csv(zoo.folder / "models/mixed/log.csv")
    sampled = (log.tokens * log.rollouts).groupby(log.step).sum()  # the log rounds tokens a rollout
    assert costs.tokens["mixed"] == pytest.approx(sampled.sum(), abs=1)
    assert costs.tokens["mixed-paper"] == pytest.approx(sampled[0], abs=1)
    mixing = pd.read_csv(tmp_path / "synergy/mixing.csv").set_index(["model", "domain"])
    asked = log.groupby("domain").prompts.sum() / 4  # an expert took one step of four prompts
    assert mixing.prompts_ratio["mixed", "math"] == asked["math"] and asked.sum() == 2
    learning = pd.read_csv(tmp_path / "synergy/learning.csv")
    assert set(learning.run) >= {"mixed", "expert-math", "expert-agent", "shuffled-math"}
    shares = learning.groupby(["run", "step"]).share.sum()
    assert len(shares) >= 5 and shares.tolist() == pytest.approx([1.0] * len(shares))


def test_the_study_writes_findings_a_figure_and_a_summary(zoo, tmp_path):
    sizes = self_verification.Sizes(tasks=3, samples=2, judged=3)
    findings = self_verification.run([zoo], tmp_path / "out", sizes=sizes, progress=False)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "accuracy.csv", "behavior.csv", "judge.csv", "corrections.csv", "findings.json", "tagger_audit.csv",
        "tagger_same_error.csv", "self_verification.png", "self_verification.pdf", "traces.parquet"}
    written = json.loads((tmp_path / "out/findings.json").read_text())
    assert [one["id"] for one in written] == [one.id for one in findings]
    assert {one["verdict"] for one in written} <= {"inconclusive", "not_measured"}  # 3 tasks decide nothing
    accuracy = pd.read_csv(tmp_path / "out/accuracy.csv")
    assert set(accuracy.model) == set(zoo.models)
    assert set(accuracy.domain) == {"math", "agent"}


def test_gains_are_differences_of_the_traces(zoo, tmp_path):
    expert_gains.run([zoo], tmp_path / "gains", sizes=(4, 2), progress=False)
    gains = pd.read_csv(tmp_path / "gains/gains.csv")
    assert gains.domain.tolist() == ["math", "agent"]
    assert (gains.ci_low <= gains.gain).all() and (gains.gain <= gains.ci_high).all()
    row = gains.set_index("domain").loc["math"]
    traces = {name: pd.read_parquet(zoo.folder / "traces" / name / "math-0.parquet")
              for name in ("anchor", "expert-math")}
    kept = {name: frame[frame.task_id.isin(frame.task_id.unique()[:4]) & (frame["sample"] < 2)]
            for name, frame in traces.items()}
    assert row.gain == pytest.approx(100 * (kept["expert-math"].correct.mean() - kept["anchor"].correct.mean()))


@pytest.mark.parametrize(("arguments", "message"), [
    (("-m", "training", "--preset", "gpt"), "unknown preset 'gpt'; choose one of organism"),
    (("-m", "training", "--domains", "math,cooking"), "unknown domain 'cooking'; choose one of math"),
    (("-m", "training", "--steps", "0"), "steps is 0"),
    (("-m", "training", "--mixture", "math"), "--mixture is 'math'; write domain=weight pairs"),
    (("-m", "training", "--controls", "twins"), "unknown control 'twins'; choose among twin, shuffled, steps"),
    ((str(ROOT / "studies/self_verification.py"), "--zoo", "no/such/zoo"), "'no/such/zoo'"),
    ((str(ROOT / "studies/expert_gains.py"), "--zoo", "no/such/zoo"), "'no/such/zoo'"),
])
def test_bad_input_is_one_sentence_and_writes_nothing(tmp_path, arguments, message):
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
