"""Models on a hub: read shard by shard and by ranges, over connections that break, and nothing left on the disk."""

import gc
import json
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
import torch

from probes import compare_weights, spectra
from tests.hub_server import COMMIT, Hub, serving
from tests.weight_oracle import compare, save_family
from training import Checkpoint
from training.checkpoints import at_hand, windows
from training.shards import INDEX, SINGLE, CheckpointError

NORM, UP = "model.norm.weight", "model.layers.1.mlp.up_proj.weight"
SHARD = "model-00002-of-00003.safetensors"


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """(base, models) in a folder org; `b` is cut into other shards than the rest."""
    folder = tmp_path_factory.mktemp("family") / "org"
    base, models = save_family(folder, "abd")
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(models["b"], dtype="auto")
    shutil.rmtree(models["b"])
    model.save_pretrained(models["b"], max_shard_size="35KB")
    return base, models


@pytest.fixture
def server(family, tmp_path, monkeypatch):
    shutil.copytree(Path(family[0]).parent, tmp_path / "served" / "org")
    with serving(Hub(tmp_path / "served")) as hub:
        use(hub, tmp_path / "home", monkeypatch)
        yield hub


def use(hub, home, monkeypatch):
    """Make it the hub of this process."""
    constants = "huggingface_hub.constants."
    monkeypatch.setattr(constants + "ENDPOINT", hub.url)
    monkeypatch.setattr(constants + "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants + "HF_HOME", str(home))
    monkeypatch.setattr(constants + "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr("training.ranges.PAUSE", 0.001)
    monkeypatch.setattr("training.ranges.TIMEOUT", 0.3)


def disk(folder) -> int:
    """Bytes on disk of the shards of a folder."""
    return sum(512 * file.stat().st_blocks for file in Path(folder).glob("*.safetensors"))


def same(found, expected):
    """Two comparisons agree: counts are equal."""
    for name in ("counts", "pairs", "times", "largest"):
        assert (getattr(found.sums, name) == getattr(expected.sums, name)).all(), name
    pd.testing.assert_frame_equal(found.overlap, expected.overlap)


@pytest.mark.parametrize("ranges", [True, False])
def test_compares_as_local_models_do(server, family, ranges, monkeypatch, tmp_path):
    import probes.stream

    base, models = family
    server.ranges, most, measure = ranges, {}, probes.stream._measure

    def watched(plan, *rest):
        for model in plan.sources.all:
            most[model.source] = max(most.get(model.source, 0), disk(model.path))
        measure(plan, *rest)

    monkeypatch.setattr("probes.stream._measure", watched)
    found = compare("org/base", {"a": "org/a", "b": "org/b", "local": models["d"]})
    same(found, compare(base, {"a": models["a"], "b": models["b"], "local": models["d"]}))
    largest = max(file.stat().st_size for file in Path(base).glob("*.safetensors"))
    assert all(most[f"org/{name}"] < largest + 60_000 for name in ("base", "a"))  # and the headers, to whole blocks
    assert most["org/a"] < disk(models["a"]) * 0.75
    gc.collect()
    assert not list((tmp_path / "home" / "mix-or-merge").iterdir())


def test_each_byte_is_asked_for_once_beside_headers_and_sample(server, family, monkeypatch):
    monkeypatch.setattr("training.hub._HEAD", 8)
    monkeypatch.setattr("probes.stream.REMOTE_SAMPLE", 4)
    compare("org/base", {"a": "org/a"})
    shards = [file for folder in (family[0], family[1]["a"]) for file in Path(folder).glob("*.safetensors")]
    total = sum(file.stat().st_size for file in shards)
    assert total <= sum(last + 1 - first for _, first, last in server.asked) <= total + 2 * 4 * 2048
    assert len(server.asked) == 2 * (3 * 3 + 4)  # of each of 3 shards: length, header, tensors; and 4 blocks


def test_include_asks_for_no_more(server, monkeypatch):
    monkeypatch.setattr("training.hub._HEAD", 8)
    monkeypatch.setattr("training.hub._GAP", 0)
    compare("org/base", {"a": "org/a"}, include="q_norm")
    assert sum(last + 1 - first for _, first, last in server.asked) < 30_000  # headers; a model has 137,000


def test_a_checkpoint_reads_ranges_and_fetches(server, family):
    remote, local = Checkpoint("org/a"), Checkpoint(family[1]["a"])
    assert (remote.remote, remote.revision, remote.names) == (True, COMMIT, local.names)
    assert remote.config == local.config
    hollow = disk(remote.path)
    for name in local.names:
        assert torch.equal(remote.tensor(name), local.tensor(name))
    assert torch.equal(remote.rows(UP, 3, 7), local.rows(UP, 3, 7))
    assert disk(remote.path) == hollow
    with at_hand([remote, local], [UP]):
        before = len(server.asked)
        assert torch.equal(remote.tensor(UP), local.tensor(UP))
        assert len(server.asked) == before and disk(remote.path) > hollow
    assert disk(remote.path) == hollow
    assert windows([local], local.names) == [list(local.names)]
    assert [{local.shard(name) for name in run} for run in windows([local, remote], local.names)] == [
        {f"model-0000{k}-of-00003.safetensors"} for k in (1, 2, 3)]


@pytest.mark.parametrize("faults", [["cut"], ["cut"] * 5, ["stall"], [500], [503, "cut", 429, "stall", 502]])
def test_breaks_are_mended(server, family, faults):
    remote, local = Checkpoint("org/a"), Checkpoint(family[1]["a"])
    server.faults = {SHARD: list(faults)}
    with at_hand([remote], remote.names):
        assert all(torch.equal(remote.tensor(name), local.tensor(name)) for name in local.names)
    server.faults = {SHARD: list(faults)}
    name = next(name for name in local.names if local.shard(name) == SHARD)
    assert torch.equal(remote.tensor(name), local.tensor(name))


@pytest.mark.parametrize(("faults", "says"), [
    ([503] * 6, f"org/(a|base)/resolve/{COMMIT}/{SHARD} gave no byte .* in 6 tries: HTTP 503"),
    (["stall"] + ["elsewhere"], "the server gave 'bytes"),
    (["elsewhere"], "asked for bytes=.*, the server gave 'bytes"),
    (["replaced"], "had .* bytes and now has .*: it was replaced meanwhile"),
    (["no length"], "does not say how long the file is"),
    ([404], "is refused: HTTP 404"), ([401], "is refused: HTTP 401"), ([416], "is refused: HTTP 416"),
])
def test_what_cannot_be_mended(server, faults, says):
    remote = Checkpoint("org/a")
    hollow = disk(remote.path)
    server.faults = {SHARD: faults}
    with pytest.raises(CheckpointError, match=says), at_hand([Checkpoint("org/base"), remote], remote.names):
        raise AssertionError("was not fetched")
    assert disk(remote.path) == hollow


def _cut(folder):
    (folder / SHARD).write_bytes((folder / SHARD).read_bytes()[:-1])


def _lie(folder):
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"][NORM] = SHARD if index["weight_map"][NORM] != SHARD else "model-00001-of-00003.safetensors"
    (folder / INDEX).write_text(json.dumps(index))


def _pickle(folder):
    for file in folder.glob("*.safetensors*"):
        file.unlink()
    (folder / "pytorch_model.bin").touch()


@pytest.mark.parametrize(("spoil", "says"), [
    (_cut, f"{SHARD} is truncated"), (_lie, NORM), (_pickle, "org/a holds pytorch_model.bin .* pickle can run code"),
    (lambda folder: (folder / SHARD).unlink(), f"{SHARD} is refused: HTTP 404"),
    (lambda folder: (folder / SHARD).write_bytes(b"\xff" * 64), f"{SHARD} is truncated or no safetensors file"),
    (lambda folder: (folder / SHARD).write_bytes(b"\0" * 64), f"{SHARD} has a broken safetensors header"),
    (shutil.rmtree, "'org/a' is no local folder, and the hub did not give it"),
])
def test_broken_models_on_the_hub(server, spoil, says, tmp_path):
    spoil(server.folder / "org" / "a")
    with pytest.raises(CheckpointError, match=says):
        compare("org/base", {"a": "org/a"})
    gc.collect()
    assert not list((tmp_path / "home" / "mix-or-merge").iterdir())


def test_keep_and_what_is_in_the_cache(server, tmp_path, family):
    kept = Checkpoint("org/a", keep=True)
    assert not kept.remote and (kept.path / SHARD).is_file() and kept.revision == COMMIT
    server.asked.clear()
    assert not Checkpoint("org/a").remote  # all of it is in the cache
    expected = compare(family[0], {"a": family[1]["a"]})
    same(compare("org/base", {"a": "org/a"}, keep=True), expected)
    assert {name for name, _, _ in server.asked} and not Checkpoint("org/base").remote


def test_credentials_stay_with_the_hub(server, tmp_path, monkeypatch, family):
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token_to_send", lambda token: "secret")
    with serving(Hub(server.folder)) as elsewhere:
        server.elsewhere, local = elsewhere, Checkpoint(family[1]["a"])
        remote = Checkpoint("org/a")
        assert server.seen == {"Bearer secret"} and elsewhere.seen == {None}
        elsewhere.expired_after = 0  # the address behind the redirect no longer works; the hub gives a new one
        with serving(Hub(server.folder)) as new:
            server.elsewhere = new
            assert torch.equal(remote.tensor(UP), local.tensor(UP)) and new.asked and new.seen == {None}


def test_no_room_on_the_disk(server, monkeypatch):
    remote = Checkpoint("org/a")
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(CheckpointError, match="needs 0.0 GB, and .* has 0.0 GB left; set HF_HOME to a larger disk"):
        remote.fetch(remote.names)


def test_what_killed_processes_left_is_removed(server, tmp_path):
    first = Checkpoint("org/a")
    parts = first.path.name.split("@")
    dead = first.path.with_name("@".join([*parts[:2], "4194999", "left"]))
    other = first.path.with_name("@".join([parts[0], "another-host", "4194999", "left"]))
    for folder in (dead, other):
        folder.mkdir()
    second = Checkpoint("org/base")
    assert not dead.exists() and other.exists() and first.path.exists() and second.path.exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_spectra_and_a_model_added_later(server, family, ranges):
    server.ranges = ranges
    base, models = family
    found = spectra("org/base", {"a": "org/a"}, 4, progress=False)
    pd.testing.assert_frame_equal(found, spectra(base, {"a": models["a"]}, 4, progress=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        later = compare_weights("org/base", {"a": "org/a"}, progress=False).with_model("b", "org/b", progress=False)
    pd.testing.assert_frame_equal(later.changes, compare(base, {name: models[name] for name in "ab"}).changes)


def test_tied_pairs_stored_twice(server, tmp_path):
    from safetensors.torch import save_file

    for name in ("one", "two"):
        folder = server.folder / "org" / name
        folder.mkdir()
        embedding = torch.randn(6, 4)
        save_file({"model.embed_tokens.weight": embedding, "lm_head.weight": embedding.clone()}, folder / SINGLE)
        (folder / "config.json").write_text('{"tie_word_embeddings": true}')
    assert compare("org/one", {"two": "org/two"}).cells.n_params.sum() == 24


@pytest.mark.parametrize("keep", [[], ["--keep"]])
def test_a_study_of_a_zoo_on_the_hub(server, family, tmp_path, keep, capsys):
    from studies.harness import main
    from studies.weight_shift import FLAGS, STUDY, run, summary

    experts = {"math": "a", "coding": "b", "instructions": "d"}
    manifest = {"name": "released", "preset": "other", "seed": 0, "anchor": "hub:org/base",
                "experts": {domain: f"hub:org/{name}" for domain, name in experts.items()}}
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "zoo.json").write_text(json.dumps(manifest))
    argv = ["--zoo", str(tmp_path / "zoo"), "--out", str(tmp_path / "out"), "--quick", *keep]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(STUDY, "about", run, summary, argv, FLAGS) == 0
    assert "expert-math and expert-coding: Jaccard" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "out" / "pairs.csv")
    local = compare(family[0], {domain: family[1][name] for domain, name in experts.items()}).aggregate("model")
    assert found.cosine.tolist() == pytest.approx(local.overlap.cosine.tolist())
    weights = list((tmp_path / "home" / "hub").rglob("*.safetensors"))
    assert bool(weights) == bool(keep)
