"""The attacks by load and by restarts, in small: they measure what is there, and see what goes wrong."""

import json

import pandas as pd
import pytest

from attacks import load, restarts
from attacks.processes import watched
from training.domains import DOMAINS


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """200 traces of ten models, one seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "SEEDS", 1)
        patch.setattr(load, "run_pieces", lambda work, jobs, *_, **__: [work(*job) for job in jobs])
        load.make(folder := tmp_path_factory.mktemp("load"), tasks=1)
        yield folder


def test_traces_are_long_judged_and_counted(small):
    assert load.store(small, tasks=1) == 200
    traces = pd.read_parquet(small / "traces.parquet")
    assert traces["completion"].str.len().min() >= load.CHARACTERS
    assert traces["completion"].nunique() == 200
    assert set(traces["domain"]) == set(DOMAINS) and traces["correct"].nunique() == 2
    assert load.tagger(small, tasks=1) == 200


def test_a_step_that_gives_less_goes_through(small, monkeypatch):
    asked = []
    monkeypatch.setattr(load, "watched", lambda *command: asked.append(command) or (0, 1 << 30, "199\n"))
    row = load._row_of("store", 200, 1, small)
    assert row["through"] == 1 and "199 of 200 traces" in row["note"]
    monkeypatch.setattr(load, "watched", lambda *_: (0, 5 << 30, "200\n"))
    assert load._row_of("store", 200, 1, small)["through"] == 1
    monkeypatch.setattr(load, "watched", lambda *_: (0, 1 << 30, "200\n"))
    assert load._row_of("store", 200, 1, small)["through"] == 0
    assert asked[0][:3] == ("attacks.load", "--step", "store")


def test_memory_is_that_of_a_program_and_all_that_it_started():
    status, most, _ = watched("timeit", "-n1", "-r1", "-s", "import subprocess, sys", "subprocess.run([sys.executable, "
                              "'-c', 'import time; x = bytearray(200 << 20); time.sleep(1)'])")
    assert status == 0
    assert 200 << 20 < most < 400 << 20


def traces(n=40):
    """What a sampling of `n` completions should give."""
    asked = [(task, k) for task in restarts.tasks_of(n) for k in range(restarts.SAMPLES)]
    rows = [(task.domain, task.id, k, f"</think> {k}") for task, k in asked]
    frame = pd.DataFrame(rows, columns=[*restarts.KEY, "completion"])
    verdicts = restarts.verify([task for task, _ in asked], frame["completion"].tolist())
    return frame.assign(correct=[verdict.correct for verdict in verdicts], reason=[one.reason for one in verdicts])


def test_what_a_restart_may_do_to_a_sampling_is_seen(tmp_path):
    found = traces()
    key = (*found.loc[3, ["domain", "task_id"]], 3)
    assert not any(restarts.wrong(40, found, [{key: found.loc[3, "completion"]}]).values())
    assert restarts.wrong(40, found.drop(index=3), [])["lacking"] == 1
    assert restarts.wrong(40, pd.concat([found, found[:2]]), [])["twice"] == 2
    assert restarts.wrong(40, found.replace({"sample": {7: 8}}), [])["not asked for"] == 5
    assert restarts.wrong(40, found, [{key: "other"}])["other than before a kill"] == 1
    assert restarts.wrong(40, found.assign(correct=~found["correct"]), [])["verdicts wrong"] == 40
    row = ["anchor", *key, "a prompt", "a completion"]
    (tmp_path / "part").write_text(f"{{}}\n{json.dumps(row)}\n[\"anchor\", \"ma")
    assert restarts.kept(tmp_path) == {key: "a completion"} and restarts.there(tmp_path) == 1
