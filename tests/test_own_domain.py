"""A domain of the user's own is trained, sampled, merged, distilled and studied by its dotted name."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from itertools import count

import numpy as np
import pandas as pd
import pytest

from behaviors import avg_at_k
from behaviors.store import TraceStore
from paper.tables.rows import in_order, ranked
from studies import expert_gains, synergy
from studies.figures import shown
from studies.harness import StudyError
from tests.tiny import preset, save_model
from training import Zoo, build_zoo, get_domain, merge, run
from training.__main__ import main
from training.checkpoints import Checkpoint
from training.data import read_prepared
from training.dealing import steps_of
from training.domains import DomainError, TaskError
from training.manifest import Manifest
from training.mixture import counts, normalized
from training.rlvr import Run, check_references, train_run, verify

NAME = "my_lab.sorting"
SORTING = '''
from training.domains import Domain, Task


class Sorting(Domain):
    name = __name__

    def compact(self, rng):
        numbers = [rng.randint(1, 40) for _ in range(3)]
        prompt = f"Boxes: red {numbers[0]}, blue {numbers[1]}, gold {numbers[2]}. Sort them."
        return Task(self.name, "", prompt, " ".join(map(str, sorted(numbers))))

    def check(self, task, answer):
        return answer.split() == task.answer.split(), f"{answer!r} is not {task.answer!r}"

    def reference(self, task):
        return task.answer


DOMAIN = Sorting
'''
FEW = ("--set", "prompts=2", "--set", "generations=2", "--set", "max_new_tokens=24")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder on the path with the package my_lab, of which `sorting` is a domain."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "my_lab").mkdir()
    (folder / "my_lab/sorting.py").write_text(SORTING)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


@pytest.fixture(scope="module")
def zoo(lab, tmp_path_factory) -> Zoo:
    """What `python -m training --domains my_lab.sorting,math` trains: a step an expert, of a tiny anchor."""
    folder = tmp_path_factory.mktemp("zoo")
    done = subprocess.run(
        [sys.executable, "-m", "training", "--out", "seed0", "--domains", f"{NAME},math", "--steps", "1", "--mixture",
         f"{NAME}=1,math=1", "--controls", "shuffled", "--anchor", save_model(folder / "anchor"), *FEW],
        cwd=folder, capture_output=True, text=True, timeout=400, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    return Zoo.load(folder / "seed0")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that writes a module of a new name on the path, and gives that name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    numbers = count()

    def written(source: str) -> str:
        name = f"{tmp_path.name}_{next(numbers)}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.py").write_text(source)
        return f"{name}.own"

    return written


def test_tasks_and_verdicts_are_the_modules(lab):
    domain = get_domain(NAME)
    task = domain.tasks("test", 3)[2]
    assert (domain.name, task.domain, task.id) == (NAME, NAME, "my_lab.sorting-test-0-2")
    assert task == domain.tasks("test", 3)[2] and task.prompt not in {one.prompt for one in domain.tasks("train", 50)}
    right, wrong, bare = (verify([task], [text])[0] for text in (
        f"<think> so </think> {task.answer}", "<think> so </think> 1 2", task.answer))
    assert (right.reward, right.reason) == (1.0, "")
    assert (wrong.reward, wrong.reason) == (0.0, f"'1 2' is not {task.answer!r}")
    assert (bare.reward, bare.correct, bare.reason) == (0.0, True, "the reasoning is not closed by </think>")
    with pytest.raises(TaskError, match="belongs to domain 'my_lab.sorting', not to 'math'"):
        get_domain("math").verify(task, "")
    check_references([NAME], n=5, factors={"sharing": 0.5})  # what the built-in domains share is none of its business


def test_a_zoo_of_it_is_whole(zoo):
    assert list(zoo.models) == ["anchor", f"expert-{NAME}", "expert-math", "mixed", "mixed-paper", "merged-average",
                                "merged-task_arithmetic", "merged-ties", f"shuffled-{NAME}"]
    assert zoo.manifest.domains == [NAME, "math"] and list(zoo.experts) == [NAME, "math"]
    assert zoo.experts[NAME] == str(zoo.folder / f"models/expert-{NAME}")
    assert zoo.runs["mixed"]["mixture"] == {"math": 0.5, NAME: 0.5}
    log = pd.read_csv(zoo.folder / "models/mixed/log.csv")
    assert set(log.domain) == {NAME, "math"} and log.prompts.sum() == 4
    same = build_zoo(preset(steps=24), zoo.folder, domains=[NAME, "math"], steps=1, mixture={"math": 1, NAME: 1},
                     controls=("shuffled",), anchor=zoo.folder.parent / "anchor")
    assert same.manifest == zoo.manifest


def test_it_is_sampled_stored_and_read_again(zoo):
    store = TraceStore(zoo, progress=False)
    traces = store.traces(["anchor", f"expert-{NAME}"], n_tasks=3, n=2)
    assert list(traces.domain.unique()) == [NAME, "math"] and len(traces) == 2 * 2 * 3 * 2
    file = zoo.folder / "traces" / f"expert-{NAME}" / f"{NAME}-0.parquet"
    assert file.is_file() and store.held(f"expert-{NAME}", NAME) == (3, 2)
    own = traces[traces.domain == NAME]
    assert set(own.task_id) == {f"{NAME}-test-0-{k}" for k in range(3)} and (own.reason != "").all()
    assert not list(zoo.folder.rglob("*.part"))
    assert set(avg_at_k(traces).domain) == {NAME, "math"}


def test_it_is_merged_by_its_name(zoo, tmp_path):
    ties = zoo.merged["ties"]
    assert Zoo.load(zoo.folder).manifest.merged == {"ties": "models/merged-ties"}
    base, weighed = Checkpoint(zoo.anchor), tmp_path / "weighed"
    merge(zoo.anchor, dict(zoo.experts), weighed, "task_arithmetic", weight={NAME: {"layers\\.0\\.": 1.0, "": 0.0},
                                                                             "math": 0.0}, progress=False)
    moved = {name for name in base.names if not base.tensor(name).equal(Checkpoint(weighed).tensor(name))}
    assert moved and all("layers.0." in name for name in moved)
    assert Checkpoint(ties).names == base.names


def test_a_run_of_it_is_trained_by_itself_and_found(zoo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ["--out", "zoo", "--domains", NAME, "--steps", "1", "--anchor", zoo.anchor, *FEW]
    this = ["--run", f"expert-{NAME}"]
    assert run.main([*asked, *this, "--dry-run", "--gpus", "1"]) == 0 and f"expert-{NAME}" in capsys.readouterr().out
    assert run.main([*asked, *this]) == 0
    assert main([*asked, "--collect"]) == 0
    assert list(Zoo.load(tmp_path / "zoo").experts) == [NAME]


def test_its_expert_is_a_teacher(zoo, tmp_path):
    student = Run("distilled", zoo.anchor, normalized(dict.fromkeys(zoo.experts, 1.0)), 1, 0, preset().distilling(),
                  teachers=dict(zoo.experts), routing={domain: domain for domain in zoo.experts})
    cost = train_run(student, tmp_path / "distilled")
    log = pd.read_csv(tmp_path / "distilled/distill.csv")
    assert set(log.teacher) <= {NAME, "math"} and cost["mixture"] == {"math": 0.5, NAME: 0.5}


def test_studies_of_a_zoo_that_has_it(zoo, tmp_path):
    found = expert_gains.run([Zoo.load(zoo.folder)], tmp_path / "gains", sizes=(3, 2), progress=False)
    assert [one.id for one in found] == [f"expert-gains-{NAME}", "expert-gains-math"]
    assert found[0].published == "not found" and pd.read_csv(tmp_path / "gains/gains.csv").domain[0] == NAME


def planted(folder, rates: dict[str, dict[str, float]]) -> Zoo:
    """A zoo of experts on the own domain and on math whose store holds traces right at these rates, model by domain."""
    domains, rng = [NAME, "math"], np.random.default_rng(0)
    zoo = Zoo(folder, Manifest("planted", "own", 0, "models/anchor", domains=domains, mixed="models/mixed",
                               experts={domain: f"models/expert-{domain}" for domain in domains}))
    zoo.save()
    for model in ("anchor", "mixed", "merged-ties", *(f"expert-{domain}" for domain in domains)):
        for domain in domains:
            rows = [{"model": model, "domain": domain, "task_id": task.id, "sample": k, "prompt": task.prompt,
                     "completion": "", "correct": rng.random() < rates.get(model, {}).get(domain, 0.3), "n_tokens": 9,
                     "seed": 0} for task in get_domain(domain).tasks("test", 12) for k in range(4)]
            (folder / "traces" / model).mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_parquet(folder / "traces" / model / f"{domain}-0.parquet")
    return zoo


def test_synergy_measures_what_it_can_and_says_what_is_missing(lab, tmp_path):
    zoo = planted(tmp_path / "zoo", {"expert-math": {"math": 0.9, NAME: 0.8}, f"expert-{NAME}": {NAME: 0.9}})
    found = {one.id: one for one in synergy.run([zoo], tmp_path / "out", quick=True, progress=False)}
    transfer = pd.read_csv(tmp_path / "out/transfer.csv").set_index(["trained_on", "measured_on"]).gain
    assert transfer["math", NAME] > 25 and transfer[NAME, NAME] > 40
    assert found["transfer-positive"].measured == pytest.approx((transfer["math", NAME] + transfer[NAME, "math"]) / 2)
    assert found["reasoning-synergy"].note.startswith("It takes an expert of math, coding or science, and another")
    assert (tmp_path / "out/synergy.png").stat().st_size > 10_000


def test_a_zoo_is_loaded_without_the_module_and_not_sampled(tmp_path):
    zoo = Zoo(tmp_path, Manifest("far", "organism", 0, "models/anchor", domains=["far_lab.away"],
                                 experts={"far_lab.away": "models/expert-far_lab.away"}))
    zoo.save()
    assert Zoo.load(tmp_path).manifest.domains == ["far_lab.away"]
    for study in (expert_gains, synergy):
        with pytest.raises((DomainError, StudyError), match="unknown domain 'far_lab.away' .No module named 'far_lab'"):
            study.run([zoo], tmp_path / "out", progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["zoo.json"]


def test_the_mixture_puts_own_domains_last_whatever_order_they_are_given_in():
    mixed = {"b_lab.x": 1, "a_lab.y": 2, "math": 1}
    assert list(normalized(mixed)) == ["math", "a_lab.y", "b_lab.x"]
    for step in range(20):
        again = dict(reversed(mixed.items()))
        assert list(counts(mixed, 0, step, 7).items()) == list(counts(again, 0, step, 7).items())
    with pytest.raises(ValueError, match="unknown domain 'sorting' in the mixture; .* modules of your own"):
        normalized({"sorting": 1.0, NAME: 1.0})


def test_prepared_tasks_of_it_are_dealt_and_their_lack_is_said(lab, tmp_path):
    tasks = get_domain(NAME).tasks("train", 3)
    (tmp_path / f"{NAME}.jsonl").write_text("".join(json.dumps(asdict(task)) + "\n" for task in tasks))
    report = {"format": "mix-or-merge tasks", "version": 1, "kept": {NAME: 3}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert read_prepared(tmp_path) == {NAME: tasks}
    own = Run("expert", "-", {NAME: 1.0}, 2, 0, preset(data=str(tmp_path)))
    assert {task.id for step in steps_of(own) for task in step} <= {task.id for task in tasks}
    with pytest.raises(ValueError, match="no prepared tasks in .*: math; prepare some, or leave the domain out"):
        list(steps_of(Run("expert", "-", {"math": 1.0}, 2, 0, preset(data=str(tmp_path)))))


def test_names_in_figures_and_tables():
    assert [shown(f"{kind}-{NAME}") for kind in ("expert", "shuffled")] == [f"{NAME} expert", f"shuffled, {NAME}"]
    assert in_order(pd.Series(["all", "z_lab.b", NAME, "coding", "math"])) == ["math", "coding", "z_lab.b", NAME, "all"]
    table = ranked(pd.DataFrame({"model": ["mixed", f"expert-{NAME}", "expert-agent", "anchor"]}), "model")
    assert table.model.tolist() == ["anchor", "expert-agent", f"expert-{NAME}", "mixed"]


BODY = SORTING.rpartition("DOMAIN")[0]
COMPACT = BODY + "class DOMAIN(Sorting):\n    def compact(self, rng):\n        return "


@pytest.mark.parametrize(("source", "message"), [
    ("", "module 'NAME' defines no DOMAIN; set DOMAIN to your subclass of training.domains.Domain"),
    ("DOMAIN = 3", "NAME.DOMAIN is 3; it must be a subclass of training.domains.Domain"),
    (BODY + "DOMAIN = Sorting()", "NAME.DOMAIN is <NAME.Sorting object at .*>; it must be a subclass"),
    (BODY + "Sorting.name = 'sorting'\nDOMAIN = Sorting",
     "NAME.DOMAIN has the name 'sorting', not its module's; write name = __name__"),
    (BODY.replace("name = __name__", "") + "DOMAIN = Sorting", "NAME.DOMAIN has the name None, not its module's"),
    ("from training.domains import Domain\nclass DOMAIN(Domain):\n    name = __name__\n    def check(self, *_): ...",
     "NAME.DOMAIN lacks compact, reference; a domain defines check, compact, reference"),
    (BODY + "class DOMAIN(Sorting):\n    def __init__(self, most): ...",
     "NAME.DOMAIN cannot be made without arguments .*most.*; give them defaults"),
    (COMPACT + "Task('math', '', 'What is 1 + 1?', '2')",
     "NAME.DOMAIN.compact draws a task of 'math'; draw Task.'NAME', ..."),
    (COMPACT + "'What is 1 + 1?'",
     "NAME.DOMAIN.compact draws 'What is 1 . 1.'; draw Task"),
    ("import random\n" + COMPACT + "super().compact(random)",
     "NAME.DOMAIN.compact draws other tasks from the same rng; draw with rng alone"),
    (COMPACT + "Task(self.name, '', 'Sort 2 1.', '1 2')",
     "NAME.DOMAIN.compact draws no prompt of the split .* in 1000 tries; .*draw from more prompts"),
    ("import no_such_library",
     "the module of domain 'NAME' is there, but cannot be imported: No module named 'no_such_library'"),
    ("from math import cosh, kosh", "the module of domain 'NAME' is there, but cannot be imported: cannot import name"),
])
def test_what_is_wrong_with_a_module_is_one_sentence(module, capsys, tmp_path, source, message):
    name = module(source)
    with pytest.raises(DomainError, match=message.replace("NAME", name)) as raised:
        get_domain(name)
    assert "\n" not in str(raised.value)
    assert main(["--domains", f"math,{name}", "--out", str(tmp_path / "zoo")]) == 2
    assert capsys.readouterr().err == f"error: {raised.value}\n" and not (tmp_path / "zoo").exists()


@pytest.mark.parametrize(("name", "message"), [
    ("sorting", "unknown domain 'sorting'; choose one of math, coding, science, instructions, agent, or a module of "
                "your own by its dotted path, as my_lab.sorting"),
    ("no_lab.sorting", "unknown domain 'no_lab.sorting' .No module named 'no_lab'.; choose one of math, coding, .*, or "
                       "put the folder that holds your module on PYTHONPATH"),
    ("my_lab.merging", "unknown domain 'my_lab.merging' .No module named 'my_lab.merging'.; choose one of"),
    ("my_lab.sorting.more", "unknown domain .*my_lab.sorting' is not a package"),
    ("../my_lab.sorting", "unknown domain '../my_lab.sorting'; choose one of math"),
    (".my_lab.sorting", "unknown domain '.my_lab.sorting'; choose one of math"),
    ("training.domains.math", "training.domains.math.DOMAIN has the name 'math', not its module's"),
])
def test_what_names_no_domain_is_one_sentence(lab, name, message):
    with pytest.raises(DomainError, match=message):
        get_domain(name)


def test_what_else_goes_wrong_in_a_module_is_raised_as_it_is(module):
    with pytest.raises(ZeroDivisionError):
        get_domain(module("1 / 0"))
    with pytest.raises(SyntaxError):
        get_domain(module("def"))
