"""Checkpoint: what it reads, and one clear sentence for each thing it cannot open."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from training.checkpoints import Checkpoint
from training.shards import INDEX, SINGLE, CheckpointError, natural_key

TENSORS = {
    "model.layers.10.w": torch.arange(12.0).reshape(4, 3),
    "model.layers.2.w": torch.ones(4, 3, dtype=torch.bfloat16),
    "model.norm": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "empty": torch.zeros(0, 3),
    "scalar": torch.tensor(7, dtype=torch.int64),
}


@pytest.fixture
def single(tmp_path):
    folder = tmp_path / "single"
    folder.mkdir()
    save_file(TENSORS, folder / SINGLE)
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    return folder


@pytest.fixture
def sharded(tmp_path):
    folder = tmp_path / "sharded"
    folder.mkdir()
    weight_map = {}
    for number, names in enumerate((list(TENSORS)[:2], list(TENSORS)[2:]), start=1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: TENSORS[name] for name in names}, folder / file)
        weight_map |= dict.fromkeys(names, file)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


@pytest.mark.parametrize("kind", ["single", "sharded"])
def test_reads_what_was_written(kind, request):
    checkpoint = Checkpoint(request.getfixturevalue(kind))
    assert checkpoint.names == ("empty", "model.layers.2.w", "model.layers.10.w", "model.norm", "scalar")
    for name, tensor in TENSORS.items():
        assert checkpoint.shape(name) == tuple(tensor.shape)
        assert checkpoint.dtype(name) == tensor.dtype
        assert torch.equal(checkpoint.tensor(name), tensor)
    assert checkpoint.revision is None


def test_config_and_path(single, sharded):
    assert Checkpoint(str(single)).config == {"model_type": "qwen3"}
    assert Checkpoint(single).path == single
    with pytest.raises(CheckpointError, match="no config.json"):
        assert Checkpoint(sharded).config is None


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (1, 3), (2, 2), (3, 4)])  # (2, 2): no rows
def test_rows(single, start, stop):
    rows = Checkpoint(single).rows("model.layers.10.w", start, stop)
    assert torch.equal(rows, TENSORS["model.layers.10.w"][start:stop])


@pytest.mark.parametrize(
    ("name", "start", "stop"),
    [
        ("model.norm", -1, 1),  # negative
        ("model.norm", 0, 3),  # beyond the end
        ("model.norm", 2, 1),  # backwards
        ("scalar", 0, 1),  # a scalar has no rows
    ],
)
def test_rows_that_are_not_there(single, name, start, stop):
    with pytest.raises(CheckpointError, match=f"no rows {start}..{stop} in {name}"):
        Checkpoint(single).rows(name, start, stop)


def test_unknown_name_suggests_a_close_one(single):
    with pytest.raises(CheckpointError, match=r"no tensor 'model.layer.2.w'; it has model.layers.2.w"):
        Checkpoint(single).tensor("model.layer.2.w")


def test_opening_reads_headers_only(single):
    """The data may be anything: it is not looked at before a tensor is asked for."""
    checkpoint = Checkpoint(single)
    file = single / SINGLE
    content = file.read_bytes()
    file.write_bytes(content[:-8] + bytes(8))
    assert Checkpoint(single).names == checkpoint.names


def test_natural_order():
    names = ["b10", "b2.x", "b2", "a", "2", "10"]
    assert sorted(names, key=natural_key) == ["2", "10", "a", "b2", "b2.x", "b10"]


def _write(content: bytes):
    return lambda folder: (folder / SINGLE).write_bytes(content)


def _header(header: dict, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "holds neither model.safetensors nor"),  # an empty folder
        (lambda folder: (folder / "pytorch_model.bin").touch(), "pickle can run code and is never loaded"),
        (lambda folder: (folder / "adapter_model.safetensors").touch(), "adapter.*merge it into its base"),
        (_write(b""), "truncated or no safetensors file"),
        (_write(b"\x08\0\0"), "truncated or no safetensors file"),  # shorter than the header's length
        (_write(b"\xff" * 64), "truncated or no safetensors file"),  # an absurd header length
        (_write(_header({})[:-1] + b"["), "broken safetensors header"),  # not JSON
        (_write(_header({"w": {"dtype": "F32"}})), "broken safetensors header"),  # no offsets
        (_write(_header({"w": 3})), "broken safetensors header"),  # an entry that is no object
        (_write(_header({"w": ONE}, bytes(3))), "is truncated: .* bytes"),
        (_write(_header({"w": ONE}, bytes(5))), "is too long: .* bytes"),
        (lambda folder: (folder / INDEX).write_text("{"), "not valid JSON"),
        (lambda folder: (folder / INDEX).write_text("[]"), "must hold a JSON object, not a list"),
        (lambda folder: (folder / INDEX).write_text("{}"), "has no weight_map"),
        (lambda folder: (folder / INDEX).write_text('{"weight_map": {"w": "a"}}'), "names a, which is missing"),
        (lambda folder: (folder / INDEX).write_text('{"weight_map": {"w": "../a"}}'), "file in the same folder"),
    ],
)
def test_folders_that_cannot_be_opened(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(CheckpointError, match=says):
        Checkpoint(tmp_path)


def _edit_index(folder, change):
    index = json.loads((folder / INDEX).read_text())
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda names: names.pop("model.norm"), "holds model.norm, but .* does not list it"),
        (lambda names: names.update(ghost=names["model.norm"]), "lacks ghost, but .* puts it there"),
        (lambda names: names.update({"model.norm": names["model.layers.2.w"]}), "model.norm"),  # the wrong shard
    ],
)
def test_index_and_shards_must_agree(sharded, change, says):
    _edit_index(sharded, change)
    with pytest.raises(CheckpointError, match=says):
        Checkpoint(sharded)


def test_stale_single_file_beside_an_index(single, sharded):
    shutil.copy(single / SINGLE, sharded)
    with pytest.raises(CheckpointError, match="holds both"):
        Checkpoint(sharded)


def test_index_of_the_single_file(single):
    (single / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(TENSORS, SINGLE)}))
    assert len(Checkpoint(single).names) == len(TENSORS)


def test_overlapping_tensors_are_rejected_when_read(tmp_path):
    (tmp_path / SINGLE).write_bytes(_header({"a": ONE, "b": ONE}, bytes(4)))
    with pytest.raises(CheckpointError, match="not a valid safetensors file"):
        Checkpoint(tmp_path).tensor("a")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("no_such_folder", "neither an existing folder nor a hub id"),
        ("/no/such/folder", "neither an existing folder nor a hub id"),
        ("no-such-org/no-such-model", "'no-such-org/no-such-model' is no local folder, and the hub did not give it"),
        ("org/a..b", "the hub did not give it"),  # a form the hub forbids
    ],
)
def test_sources_that_are_not_there(source, says, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=says):
        Checkpoint(source)


def test_a_file_and_a_revision_of_a_folder(single):
    with pytest.raises(CheckpointError, match="is a file; give the folder"):
        Checkpoint(single / SINGLE)
    with pytest.raises(CheckpointError, match="revision 'main' only applies to a hub id"):
        Checkpoint(single, revision="main")


def test_hub_id_from_the_cache(single, tmp_path, monkeypatch):
    """A hub id that is in the local cache opens without a network; its commit is the revision."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "cache" / "models--org--model"
    shutil.copytree(single, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    checkpoint = Checkpoint("org/model")
    assert checkpoint.revision == commit
    assert checkpoint.source == "org/model"
    assert torch.equal(checkpoint.tensor("model.norm"), TENSORS["model.norm"])
