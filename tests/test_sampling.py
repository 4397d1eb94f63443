"""sample and the trace store: repeatable traces, sampled once, and clear words for bad input."""

import json

import pandas as pd
import pytest

from behaviors import judge, sample
from behaviors.store import TraceError, TraceStore
from tests.tiny import save_model
from training.domains import DOMAINS, Task, TaskError, get_domain
from training.manifest import Manifest
from training.shards import CheckpointError
from training.traces import COLUMNS
from training.zoo import Zoo


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def zoo(tmp_path):
    for k, name in enumerate(("anchor", "mixed")):
        save_model(tmp_path / "models" / name, seed=k)
    zoo = Zoo(tmp_path, Manifest("tiny", "organism", 5, "models/anchor", domains=["math", "agent"],
                                 mixed="models/mixed"))
    zoo.save()
    return zoo


def test_rows_are_whole_and_repeatable(tiny):
    tasks = [task for name in DOMAINS for task in get_domain(name).tasks("test", 2)]
    first, again, other = (sample(tiny, tasks, n=2, seed=seed, progress=False) for seed in (1, 1, 2))
    assert tuple(first.columns) == COLUMNS
    assert first.task_id.tolist() == [task.id for task in tasks for _ in range(2)]
    pd.testing.assert_frame_equal(first, again)
    assert not first.completion.equals(other.completion)
    assert (first.n_tokens.between(1, 24)).all()
    assert (first.reason[first.reward == 0] != "").all()


@pytest.mark.parametrize(("changes", "error", "message"), [
    ({"engine": "tgi"}, ValueError, "unknown engine 'tgi'; choose transformers"),
    ({"tasks": []}, ValueError, "no tasks to sample"),
    ({"n": 0}, ValueError, "n is 0; choose at least 1"),
    ({"temperature": -1.0}, ValueError, "temperature is -1.0"),
    ({"tasks": [Task("cooking", "1", "Boil an egg.")]}, ValueError, "unknown domain 'cooking'; choose one of math"),
    ({"tasks": [Task("math", "1", "What is 1 + 1?")]}, TaskError, "answer"),
    ({"model": "no/such/folder"}, CheckpointError, "no/such/folder"),
])
def test_bad_input_is_named(tiny, changes, error, message):
    arguments = {"model": tiny, "tasks": get_domain("math").tasks("test", 1), "n": 1, "progress": False, **changes}
    with pytest.raises(error, match=message):
        sample(**arguments)


def test_store_samples_once_and_gives_parts(zoo):
    store = TraceStore(zoo, progress=False)
    traces = store.traces(n_tasks=3, n=2, models=["anchor", "mixed"])
    assert traces.groupby(["model", "domain"]).size().to_dict() == {
        (model, domain): 6 for model in ("anchor", "mixed") for domain in ("math", "agent")}
    assert set(traces.seed) == {5}
    files = {file: file.stat().st_mtime_ns for file in zoo.folder.glob("traces/*/*.parquet")}
    fewer = TraceStore(Zoo.load(zoo.folder), progress=False).traces(n_tasks=2, n=1, models=["mixed"], domains=["math"])
    assert len(fewer) == 2
    mixed = traces[traces.model.eq("mixed") & traces.domain.eq("math")]
    assert fewer.completion.tolist() == mixed.completion.tolist()[:4:2]
    assert files == {file: file.stat().st_mtime_ns for file in zoo.folder.glob("traces/*/*.parquet")}


def test_store_adds_what_it_lacks(zoo):
    store = TraceStore(zoo, progress=False)
    asked = {"models": ["anchor"], "domains": ["math"]}
    few = store.traces(n_tasks=2, n=1, **asked)
    more = store.traces(n_tasks=3, n=2, **asked)
    assert more["sample"].tolist() == [0, 1] * 3
    kept = more[more.task_id.isin(few.task_id) & more["sample"].eq(0)]
    assert kept.completion.tolist() == few.completion.tolist()
    afresh = sample(zoo.anchor, get_domain("math").tasks("test", 3), n=2, seed=5, progress=False)
    assert more.completion.tolist() == afresh.completion.tolist()
    assert store.held("anchor", "math") == (3, 2)


def test_store_goes_on_where_a_sampling_was_killed(zoo):
    """What was written before is in a part file: one answer of it is marked here, and so known again."""
    part = zoo.folder / "traces/anchor/math-5.part"
    sample(zoo.anchor, get_domain("math").tasks("test", 2), n=2, seed=5, progress=False, part=part)
    first, *rows = part.read_text().splitlines()
    marked = [json.loads(row) for row in rows]
    marked[1][COLUMNS.index("completion")] += " marked"
    part.write_text("\n".join([first, *map(json.dumps, marked), '["cut o']))
    traces = TraceStore(zoo, progress=False).traces(["anchor"], ["math"], n_tasks=3, n=2)
    assert traces.completion.str.endswith(" marked").tolist() == [False, True, False, False, False, False]
    assert not list(zoo.folder.glob("traces/**/*.part"))


def test_store_asks_tasks_of_the_zoos_sharing(zoo):
    zoo.manifest.domains, zoo.manifest.factors = ["agent"], {"sharing": 0.0}
    traces = TraceStore(zoo, progress=False).traces(["anchor"], n_tasks=4, n=1)
    assert traces.prompt.tolist() == [task.prompt for task in get_domain("agent", sharing=0.0).tasks("test", 4)]
    zoo.manifest.factors = {}
    with pytest.raises(TraceError, match="answers another version of task agent-test-0-"):
        TraceStore(zoo, progress=False).traces(["anchor"], n_tasks=4, n=1)


def test_store_asks_a_judge_once(zoo, monkeypatch):
    store = TraceStore(zoo, progress=False)
    pool = store.traces(n_tasks=3, n=2, models=["anchor"], domains=["math"])
    part = pool.iloc[[1, 3, 1]]
    first = store.verdicts({"mixed": part, "anchor": part}, "outcome")
    assert first["judge"].tolist() == ["mixed"] * 3 + ["anchor"] * 3
    assert set(first["mode"]) == {"outcome"}
    assert first.task_id.tolist() == part.task_id.tolist() * 2
    whole = store.verdicts({"mixed": pool}, "outcome")
    assert whole["sample"].tolist() == pool["sample"].tolist()
    assert whole.reply.tolist()[1::2][:2] == first.reply.tolist()[:2]
    asked_at_once = judge(zoo.mixed, pool, mode="outcome", seed=5)
    columns = ["model", "task_id", "sample", "correct", "mode", "reply", "verdict", "agrees", "parsed"]
    pd.testing.assert_frame_equal(whole[columns], asked_at_once[columns].assign(model="anchor"), check_dtype=False)
    monkeypatch.setattr("behaviors.store.run_pieces", lambda work, jobs, *rest: jobs and pytest.fail("asked again"))
    pd.testing.assert_frame_equal(whole, store.verdicts({"mixed": pool}, "outcome"))
