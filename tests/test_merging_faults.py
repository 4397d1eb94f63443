"""Merges that are killed, that meet a full disk or a taken name; models whose tokens or architectures differ."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.merge_zoo import load
from training.merging import MergeError, merge, stream
from training.merging.journal import JOURNAL
from training.shards import INDEX, SINGLE

KILLED = """
import os, signal, sys
from training.merging import merge, stream
write, left = stream._write, [int(sys.argv[3])]
def write_then_die(*arguments):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return write(*arguments)
stream.SHARD_BYTES, stream._write = 20_000, write_then_die
merge(sys.argv[1], {"math": sys.argv[2]}, sys.argv[4], "dare_ties", progress=False)
"""


def killed(base, model, shards, out):
    """A merge in another process, killed after so many shards."""
    ended = subprocess.run([sys.executable, "-c", KILLED, base, model, str(shards), str(out)], cwd=Path.cwd())
    assert ended.returncode == -signal.SIGKILL


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(stream, "SHARD_BYTES", 20_000)


@pytest.mark.parametrize("shards", [0, 2])
def test_killed_and_resumed(plain_zoo, tmp_path, shards, small_shards, monkeypatch):
    base, models = plain_zoo
    models, out = {"math": models["math"]}, tmp_path / "out"
    whole = merge(base, models, tmp_path / "whole", "dare_ties", progress=False)
    killed(base, models["math"], shards, out)
    assert not out.exists() and (tmp_path / ".out.incomplete" / JOURNAL).is_file()
    written, write = [], stream._write
    monkeypatch.setattr(stream, "_write", lambda *args: (written.append(args[2].file.name), write(*args))[1])
    merge(base, models, out, "dare_ties", resume=True, progress=False)
    index = json.loads((out / INDEX).read_text())
    assert len(written) == len(set(index["weight_map"].values())) - shards
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "whole"]
    for file in whole.iterdir():
        assert (out / file.name).read_bytes() == file.read_bytes()


def test_what_was_killed_is_begun_anew_without_resume(plain_zoo, tmp_path, small_shards):
    base, models = plain_zoo
    killed(base, models["math"], 1, tmp_path / "out")
    merge(base, {"math": models["math"]}, tmp_path / "out", "average", progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("method", "params", "says"), [
    ("ties", {}, "holds an unfinished merge with another method"),
    ("dare_ties", {"seed": 1}, "holds an unfinished merge with another seed"),
])
def test_resumed_with_other_settings(plain_zoo, tmp_path, method, params, says):
    base, models = plain_zoo
    killed(base, models["math"], 1, tmp_path / "out")
    with pytest.raises(MergeError, match=says):
        merge(base, {"math": models["math"]}, tmp_path / "out", method, resume=True, progress=False, **params)
    assert (tmp_path / ".out.incomplete" / JOURNAL).is_file()


def test_resumed_with_another_model(plain_zoo, tmp_path):
    base, models = plain_zoo
    shutil.copytree(models["math"], tmp_path / "math")
    killed(base, str(tmp_path / "math"), 1, tmp_path / "out")
    file = next((tmp_path / "math").glob("*.safetensors"))
    os.utime(file, ns=(0, 0))
    with pytest.raises(MergeError, match="holds an unfinished merge with another model math"):
        merge(base, {"math": str(tmp_path / "math")}, tmp_path / "out", "dare_ties", resume=True, progress=False)


def test_overwrite(plain_zoo, tmp_path):
    base, models = plain_zoo
    out = merge(base, models, tmp_path / "out", "average", progress=False)
    (out / "stale").touch()
    with pytest.raises(MergeError, match=r"exists and is not empty; .* overwrite it \(overwrite=True, --overwrite\)"):
        merge(base, models, out, "ties", progress=False)
    before = load(out)
    with pytest.raises(MergeError, match="overflows"):
        merge(base, models, out, "task_arithmetic", scale=1e9, out_dtype="float16", overwrite=True, progress=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in load(out).items())  # only once complete
    merge(base, models, out, "ties", overwrite=True, progress=False)
    assert not (out / "stale").exists() and [file.name for file in tmp_path.iterdir()] == ["out"]
    (tmp_path / "file").touch()
    with pytest.raises(MergeError, match="exists and is not empty"):
        merge(base, models, tmp_path / "file", overwrite=True, progress=False)


def test_a_disk_that_is_too_small(plain_zoo, tmp_path, monkeypatch):
    base, models = plain_zoo
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(MergeError, match="the merge needs 0.00 GB, and the disk of .* has 0.00 GB left"):
        merge(base, models, tmp_path / "out", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up(plain_zoo, tmp_path, monkeypatch):
    base, models = plain_zoo

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(MergeError, match="the disk of .*out is full"):
        merge(base, models, tmp_path / "out", progress=False)
    assert not list(tmp_path.iterdir())


def test_writes_that_the_system_cuts_short(plain_zoo, tmp_path, monkeypatch):
    base, models = plain_zoo
    whole, write = merge(base, models, tmp_path / "whole", progress=False), os.pwrite
    monkeypatch.setattr("os.pwrite", lambda descriptor, data, position: write(descriptor, data[:1000], position))
    cut = merge(base, models, tmp_path / "cut", progress=False)
    assert (cut / SINGLE).read_bytes() == (whole / SINGLE).read_bytes()


def test_an_error_of_the_disk_that_comes_late(plain_zoo, tmp_path, monkeypatch):
    """The first flush of weights fails, as when delayed writes find the disk full; later ones would not tell."""
    base, models = plain_zoo
    flush, failed = os.fsync, []

    def first_fails(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("model.partial") and not failed:
            failed.append(descriptor)
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr("os.fsync", first_fails)
    with pytest.raises(MergeError, match="the disk of .*out is full"):
        merge(base, models, tmp_path / "out", progress=False)
    assert not list(tmp_path.iterdir())


def tokenizer(folder, vocabulary, added=()):
    added = [{"content": token, "id": number} for token, number in added]
    (Path(folder) / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": added}))


@pytest.mark.parametrize(("theirs", "added", "says"), [
    ({"a": 0, "b": 1, "c": 2}, (), "1 tokens differ, as 'c' \\(absent in the base, 2 there\\)"),
    ({"a": 1, "b": 0}, (), "2 tokens differ, as 'a' \\(0 in the base, 1 there\\), 'b' \\(1 in the base, 0 there\\)"),
    ({"a": 0, "b": 1}, [("<think>", 2)], "1 tokens differ, as '<think>' \\(absent in the base, 2 there\\)"),
    ([["a", -1.0], ["x", -2.0]], (), "2 tokens differ, as 'b' \\(1 in the base, absent there\\), 'x' .*"),
])
def test_other_tokens(plain_zoo, tmp_path, theirs, added, says):
    base, models = (shutil.copytree(plain_zoo[0], tmp_path / "base"), shutil.copytree(plain_zoo[1]["math"],
                                                                                    tmp_path / "math"))
    tokenizer(base, {"a": 0, "b": 1})
    tokenizer(models, theirs, added)
    with pytest.raises(MergeError, match=f"model 'math' .* has another vocabulary: {says}; train all models"):
        merge(base, {"math": models}, tmp_path / "out", progress=False)


def test_the_same_tokens_in_another_file(plain_zoo, tmp_path):
    """vocab.json and added_tokens.json say what a tokenizer.json says; a folder without any is taken at its word."""
    base, math = shutil.copytree(plain_zoo[0], tmp_path / "base"), shutil.copytree(plain_zoo[1]["math"], tmp_path / "m")
    tokenizer(base, {"a": 0}, [("b", 1)])
    (math / "vocab.json").write_text('{"a": 0}')
    (math / "added_tokens.json").write_text('{"b": 1}')
    merge(base, {"math": math, "agent": plain_zoo[1]["agent"]}, tmp_path / "out", progress=False)
    (math / "added_tokens.json").write_text('{"b": 7}')
    with pytest.raises(MergeError, match="'b' \\(1 in the base, 7 there\\)"):
        merge(base, {"math": math}, tmp_path / "other", progress=False)


@pytest.mark.parametrize(("config", "says"), [
    ({"architectures": ["LlamaForCausalLM"]}, "is a LlamaForCausalLM, the base a Qwen3ForCausalLM"),
    ({"model_type": "llama"}, "is a llama, the base a Qwen3ForCausalLM"),
])
def test_other_architectures(plain_zoo, tmp_path, config, says):
    math = shutil.copytree(plain_zoo[1]["math"], tmp_path / "math")
    (math / "config.json").write_text(json.dumps(config))
    with pytest.raises(MergeError, match=f"model 'math' .* {says}: only models of one architecture"):
        merge(plain_zoo[0], {"math": math}, tmp_path / "out", progress=False)


def test_a_base_that_is_not_there(plain_zoo, tmp_path):
    with pytest.raises(ValueError, match="neither an existing folder nor a hub id"):
        merge(tmp_path / "none", plain_zoo[1], tmp_path / "out")
