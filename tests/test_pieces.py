"""Pieces of work: in order, the first exception; on a Ray cluster the same results, also where a machine of it dies."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import ray
from ray.cluster_utils import Cluster

from behaviors.store import TraceStore, traces_of
from studies import expert_gains, harness
from studies.policy_scores import policy_sums
from tests.tiny import save_model
from training.manifest import Manifest
from training.pieces import ClusterError, is_spread, on_ray, run_pieces
from training.zoo import Zoo

ONE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def cluster():
    """A head that does no work and two workers of one CPU; who kills a machine adds one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        cluster = Cluster(initialize_head=True, head_node_args=ONE | {"num_cpus": 0})
        for _ in range(2):
            cluster.add_node(**ONE)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


def make_zoo(folder: Path, seed: int) -> Zoo:
    for k, name in enumerate(("anchor", "mixed")):
        save_model(folder / "models" / name, seed=k)
    zoo = Zoo(folder, Manifest("tiny", "organism", seed, "models/anchor", domains=["math", "agent"],
                               mixed="models/mixed"))
    zoo.save()
    return zoo


def test_results_are_in_the_order_of_jobs():
    assert run_pieces(pow, [(2, 3), (3, 2), (5, 1)], "powers", progress=False) == [8, 9, 5]
    assert run_pieces(pow, [], "powers") == []


def test_the_first_exception_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_pieces(divmod, [(1, 1), (1, 0)], "quotients", progress=False)


@pytest.mark.parametrize(("address", "says"), [
    ("nowhere", ""), ("auto", "Could not find any running Ray instance"), ("127.0.0.1:1", "Connection refused"),
])
def test_a_cluster_that_is_not_there_is_named_by_a_study(address, says, tmp_path, capsys):
    make_zoo(tmp_path / "zoo", 0)
    capsys.readouterr()
    asked = ["--zoo", str(tmp_path / "zoo"), "--out", str(tmp_path / "out"), "--ray", address]
    assert harness.main("expert_gains", "", expert_gains.run, expert_gains.summary, asked) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: no Ray cluster at '{address}': ") and says in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_cluster_gives_what_this_machine_does_and_raises_what_it_does(cluster, tmp_path):
    here, there = ([make_zoo(tmp_path / place / f"seed{seed}", seed) for seed in (0, 1)] for place in ("here", "there"))
    asked = {"models": ["anchor", "mixed"], "domains": ["math", "agent"], "n_tasks": 3, "n": 2}
    expected = traces_of([TraceStore(zoo, progress=False) for zoo in here], **asked)
    with on_ray(cluster.address):
        assert is_spread() and len(TraceStore(there[0]).lacking(**asked)) == 4  # two models on two domains
        found = traces_of([TraceStore(zoo, progress=False) for zoo in there], **asked)
        scored = policy_sums(there, ["anchor", "mixed"], ["math"], (2, 1), progress=False)
        verdicts = TraceStore(there[0], progress=False).verdicts({"mixed": found[found.seed == 0]}, "outcome")
        with pytest.raises(ZeroDivisionError, match="zero"):
            run_pieces(divmod, [(1, 1), (1, 0)], "quotients", progress=False)
    assert not is_spread()
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(scored, policy_sums(here, ["anchor", "mixed"], ["math"], (2, 1), progress=False))
    judged = TraceStore(here[0], progress=False).verdicts({"mixed": expected[expected.seed == 0]}, "outcome")
    pd.testing.assert_frame_equal(verdicts, judged)
    assert not list(tmp_path.glob("**/*.part"))


def test_pieces_of_a_machine_that_dies_are_done_elsewhere(cluster, tmp_path):
    dead = tmp_path / "dead"

    def piece(number):  # notes where it began, and waits there until another machine is dead
        node = ray.get_runtime_context().get_node_id()
        (tmp_path / f"{number}-{node}").touch()
        while not dead.exists() or dead.read_text() == node:
            time.sleep(0.05)
        return number ** 2

    def begun():
        return sorted(tuple(file.name.split("-")) for file in tmp_path.glob("[0-9]*-*"))

    with on_ray(cluster.address), ThreadPoolExecutor() as thread:
        killed = cluster.add_node(**ONE)

        def kill():
            deadline = time.monotonic() + 120
            while killed.node_id not in {node for _, node in begun()} and time.monotonic() < deadline:
                time.sleep(0.05)
            cluster.remove_node(killed, allow_graceful=False)
            (tmp_path / "aside").write_text(killed.node_id)
            (tmp_path / "aside").rename(dead)

        death = thread.submit(kill)
        assert run_pieces(piece, [(number,) for number in range(4)], "squares", progress=False) == [0, 1, 4, 9]
        death.result()
    lost = {number for number, node in begun() if node == killed.node_id}
    assert lost, "nothing had begun on the machine that died"
    assert lost <= {number for number, node in begun() if node != killed.node_id}


def test_a_piece_that_kills_every_worker_is_named_as_lost(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("training.pieces.RETRIES", 1)  # a worker takes seconds to start

    def deadly():
        (tmp_path / str(os.getpid())).touch()
        os._exit(1)

    with on_ray(cluster.address), pytest.raises(ClusterError, match="a piece failed .* 1 retries included"):
        run_pieces(deadly, [()], "deaths", progress=False)
    assert len(list(tmp_path.iterdir())) == 2
