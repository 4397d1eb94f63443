"""What compare_weights must refuse, warn of, or count once: one clear sentence each."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from probes import compare_weights
from tests.weight_oracle import compare, cut, save_family, write
from training import Checkpoint
from training.shards import INDEX, SINGLE, CheckpointError


def edit(folder, change):
    """Rewrite the one file of a model with its tensors changed."""
    tensors = load_file(f"{folder}/{SINGLE}")
    change(tensors)
    save_file(tensors, f"{folder}/{SINGLE}")


Q, NORM = "model.layers.0.self_attn.q_proj.weight", "model.norm.weight"


@pytest.mark.parametrize(("change", "says"), [
    (lambda t: t.pop(NORM), f"model 'a' .* lacks 1 tensors: {NORM}; .*include= restricts"),
    (lambda t: t.update(extra=torch.ones(1)), "model 'a' .* has, beyond the base's, 1 tensors: extra"),
    (lambda t: t.update({NORM: torch.ones(3)}), rf"model 'a' .* has {NORM} of shape \(3,\), the base of shape \(48,\)"),
    (lambda t: t.update({NORM: t[NORM].float()}), f"{NORM} is float32 in model 'a' .* and bfloat16 in the base"),
    (lambda t: t[Q][0, :3].fill_(float("nan")), f"model 'a' .* has 3 values in {Q} that are NaN or infinite"),
    (lambda t: t[NORM][5].fill_(float("-inf")), f"model 'a' .* has 1 values in {NORM} that are NaN or infinite"),
    (lambda t: t[NORM][5].fill_(3e38), f"{NORM} are too large: sums of their squares overflow"),
])
def test_models_that_cannot_be_compared(tmp_path, change, says):
    base, models = save_family(tmp_path, "a", shard="1GB")
    edit(models["a"], change)
    with pytest.raises(ValueError, match=says):
        compare(base, models)


@pytest.mark.parametrize(("dtype", "says"), [
    (torch.float8_e4m3fn, f"{Q} of .* is stored as float8_e4m3fn; compared are bfloat16, float16, float32: dequantise"),
    (torch.int8, f"{Q} of .* is stored as int8"), (torch.float64, f"{Q} of .* is stored as float64"),
])
def test_quantised_and_other_dtypes(tmp_path, dtype, says):
    base, models = save_family(tmp_path, "a", shard="1GB")
    for folder in (base, models["a"]):
        edit(folder, lambda t: t.update({Q: t[Q].to(dtype)}))
    with pytest.raises(ValueError, match=says):
        compare(base, models)
    assert len(compare(base, models, include=r"^(?!.*q_proj)").cells) > 10  # what include leaves out may be anything


def test_broken_files(tmp_path):
    base, models = save_family(tmp_path, "a")
    shard = sorted((tmp_path / "a").glob("*.safetensors"))[1]
    content = shard.read_bytes()
    for broken, says in ((content[:-1], "is truncated"), (b"\xff" * 64, "truncated or no safetensors file"),
                         (content[:8] + b"{" * 20 + content[28:], "broken safetensors header")):
        shard.write_bytes(broken)
        with pytest.raises(CheckpointError, match=says):
            compare(base, models)
    shard.unlink()
    with pytest.raises(CheckpointError, match=f"names {shard.name}, which is missing"):
        compare(base, models)
    shard.write_bytes(content)
    index = json.loads((tmp_path / "a" / INDEX).read_text())
    index["weight_map"][NORM] = next(file for file in index["weight_map"].values() if file != index["weight_map"][NORM])
    (tmp_path / "a" / INDEX).write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=NORM):
        compare(base, models)


def test_a_shard_cut_while_it_is_read(tmp_path):
    base, _ = save_family(tmp_path, "", shard="1GB")
    checkpoint, out = Checkpoint(base), np.empty(48, np.uint16)
    checkpoint.read_into(NORM, 0, out)
    assert torch.equal(torch.from_numpy(out).view(torch.bfloat16), checkpoint.tensor(NORM))
    (tmp_path / "base" / SINGLE).write_bytes((tmp_path / "base" / SINGLE).read_bytes()[:200])
    with pytest.raises(CheckpointError, match=f"{NORM}: .*{SINGLE} was cut after it was opened"):
        checkpoint.read_into(NORM, 0, out)


def test_pickles_are_refused(tmp_path):
    base, models = save_family(tmp_path, "a", shard="1GB")
    (tmp_path / "a" / SINGLE).rename(tmp_path / "a" / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickle can run code and is never loaded"):
        compare(base, models)


@pytest.mark.parametrize(("models", "options", "says"), [
    ({}, {}, "models must be a dict of at least one name"),
    (["a"], {}, "models must be a dict"),
    ({"a": "base"}, {"eta": -1}, "eta must be a finite number of at least 0, got -1"),
    ({"a": "base"}, {"eta": float("nan")}, "eta must be a finite number"),
    ({"a": "base"}, {"sketch_dim": 100}, "sketch_dim must be a power of two from 16 to 4096, got 100"),
    ({"a": "base"}, {"seed": 0.5}, "seed must be a whole number, got 0.5"),
    ({"a": "base"}, {"include": "["}, "include '\\[' is not a regular expression"),
    ({"a": "base"}, {"include": "nothing"}, "include 'nothing' matches no tensor of .*; names are like w"),
    ({"a": "no/such/model/here"}, {}, "is neither an existing folder nor a hub id"),
])
def test_bad_arguments(tmp_path, monkeypatch, models, options, says):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "base", {"w": torch.ones(3)})
    with pytest.raises(ValueError, match=says):
        compare("base", models, **options)


def test_warnings(tmp_path):
    base, models = save_family(tmp_path, "a")
    shutil.copytree(base, tmp_path / "copy")
    with pytest.warns(UserWarning, match="changed means that the stored value differs at all"):
        compare_weights(base, models, progress=False)
    for same in (base, tmp_path / "copy"):
        with pytest.warns(UserWarning, match="model 'same' has the weights of the base: is it the base itself"):
            compare_weights(base, {**models, "same": same}, eta=0.01, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # 0.01 is coarser than bf16's steps: nothing to warn of
        compare_weights(base, models, eta=0.01, progress=False)


@pytest.mark.parametrize(("tied", "same", "counted"), [(True, True, 1), (True, False, 2), (False, True, 2)])
def test_tied_weights_count_once(tmp_path, tied, same, counted):
    """Both halves of the pair are stored: one is left out only where config and bits say that they are one."""
    torch.manual_seed(0)
    config = {"tie_word_embeddings": tied}
    for name, shift in (("base", 0.0), ("a", 1.0)):
        embedding = torch.randn(6, 4) + shift
        head = embedding.clone() if same else embedding + 1
        write(tmp_path / name, {"model.embed_tokens.weight": embedding, "lm_head.weight": head}, config)
    found = compare(tmp_path / "base", {"a": tmp_path / "a"})
    assert found.cells.n_params.sum() == 24 * counted


def test_scalars_and_empty_tensors(tmp_path):
    for name, value in (("base", 1.0), ("a", 2.0)):
        write(tmp_path / name, {"scale": torch.tensor(value), "none": torch.zeros(0, 3)})
    found = compare(tmp_path / "base", {"a": tmp_path / "a"})
    assert dict(zip(found.changes.module, found.changes.changed, strict=True)) == {"none": 0, "scale": 1}
    assert np.isnan(found.changes.changed_fraction[0]) and cut(torch.ones(3)) == 1
