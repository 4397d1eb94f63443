"""Merges that cannot be made are refused in one sentence, and leave nothing behind; the command line."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.merge_zoo import WEIGHT, load
from training.merging import MergeError, merge, stream
from training.merging.__main__ import main
from training.shards import SINGLE, CheckpointError


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("slerp", {}, "unknown method 'slerp'; choose one of average, task_arithmetic, ties, sce"),
        ("average", {"density": 0.2}, "'average' takes no parameter 'density'; it takes weight, out_dtype"),
        ("task_arithmetic", {"trim": "global"}, "takes no parameter 'trim'"),
        ("ties", {"lambda_": 1}, "takes no parameter 'lambda_'; it takes weight, scale, density, trim, normalize"),
        ("ties", {"density": 0}, "density must be above 0"),
        ("ties", {"density": 1.01}, "density must be above 0 and at most 1, got 1.01"),
        ("ties", {"density": float("nan")}, "density must be above 0"),
        ("ties", {"density": True}, "density must be above 0"),  # a bool is no number here
        ("ties", {"trim": "layer"}, "unknown trim 'layer'; choose one of global, per_tensor"),
        ("ties", {"scale": float("inf")}, "scale must be a finite number"),
        ("ties", {"weight": -1}, "weight of 'agent' must be a finite number, at least 0, or .*, got -1"),
        ("ties", {"weight": "1"}, "weight of 'agent' must be a finite number"),
        ("ties", {"weight": {"math": 1}}, "weight must name each model once"),
        ("ties", {"weight": {"math": 1, "coding": 1, "agent": 1, "x": 1}}, "weight must name each model once"),
        ("average", {"weight": 0}, "weights of an average must not all be 0"),
        ("ties", {"out_dtype": "int8"}, "unknown out_dtype 'int8'; choose one of float32, bfloat16, float16"),
        ("dare_ties", {"drop": 1}, "drop must be at least 0 and below 1, got 1"),
        ("dare_ties", {"drop": -0.1}, "drop must be at least 0 and below 1"),
        ("dare_ties", {"rescale": "l2"}, "unknown rescale 'l2'; choose one of inverse, l1"),
        ("dare_ties", {"seed": 0.5}, "seed must be a whole number, got 0.5"),
        ("sce", {"select": 0}, "select must be above 0 and at most 1, got 0"),
        ("sce", {"weight": 1}, "'sce' takes no parameter 'weight'; it takes select"),
        ("ties", {"normalize": 1}, "normalize must be True or False"),
        ("ties", {"include": "["}, "is not a regular expression"),
        ("ties", {"include": "no_such"}, "include 'no_such' matches no floating-point tensor"),
        ("task_arithmetic", {"scale": 1e9, "out_dtype": "float16"}, "overflows torch.float16"),
    ],
)
def test_refused(plain_zoo, tmp_path, method, params, says):
    base, models = plain_zoo
    with pytest.raises(MergeError, match=says):
        merge(base, models, tmp_path / "out", method, progress=False, **params)
    assert list(tmp_path.iterdir()) == []


def edited(source, folder, change):
    tensors = load_file(f"{source}/{SINGLE}")
    change(tensors)
    folder.mkdir()
    save_file(tensors, folder / SINGLE)
    return str(folder)


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop(NORM), f"model 'math' .* lacks 1 tensors: {NORM}"),
        (lambda t: t.update(extra=torch.ones(1)), "model 'math' .* has, beyond the base's, 1 tensors: extra"),
        (lambda t: t.update({NORM: torch.ones(33)}), rf"model 'math' .* has {NORM} of shape \(33,\), .* \(32,\)"),
        (lambda t: t[NORM].fill_(float("nan")), f"model 'math' .* has values in {NORM} that are not finite"),
        (lambda t: t[NORM].fill_(float("inf")), f"model 'math' .* has values in {NORM} that are not finite"),
    ],
)
def test_models_that_do_not_fit(plain_zoo, tmp_path, change, says):
    base, models = plain_zoo
    broken = edited(models["math"], tmp_path / "broken", change)
    with pytest.raises(MergeError, match=says):
        merge(base, {**models, "math": broken}, tmp_path / "out", progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize("models", [{}, None, ["a"], {1: "a"}])
def test_models_must_be_a_dict(plain_zoo, tmp_path, models):
    with pytest.raises(MergeError, match="models must be a dict"):
        merge(plain_zoo[0], models, tmp_path / "out")


def test_interrupted_merge_leaves_nothing(plain_zoo, tmp_path, monkeypatch):
    base, models = plain_zoo
    calls, write = iter(range(3)), stream._write

    def write_then_stop(*arguments):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return write(*arguments)

    monkeypatch.setattr(stream, "SHARD_BYTES", 20_000)
    monkeypatch.setattr(stream, "_write", write_then_stop)
    with pytest.raises(KeyboardInterrupt):
        merge(base, models, tmp_path / "new" / "out", progress=False)
    assert list((tmp_path / "new").iterdir()) == []


def test_out_must_be_free(plain_zoo, tmp_path):
    base, models = plain_zoo
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    (tmp_path / "empty").mkdir()
    for taken in ("file", "full"):
        with pytest.raises(MergeError, match="exists and is not empty"):
            merge(base, models, tmp_path / taken, progress=False)
    assert (tmp_path / "full" / "kept").exists()
    assert (merge(base, models, tmp_path / "empty", progress=False) / SINGLE).is_file()


def test_command_line(plain_zoo, tmp_path, capsys):
    base, models = plain_zoo
    arguments = [f"--model={name}={path}" for name, path in models.items()]
    weights = [f"--weight={name}={value}" for name, value in WEIGHT.items()]
    out = main(["--base_model", base, *arguments, *weights, "--density", "0.5", "--trim", "per_tensor",
                "--out", str(tmp_path / "a")])
    assert "updated entries survive the cast" in capsys.readouterr().out
    called = merge(base, models, tmp_path / "b", density=0.5, trim="per_tensor", weight=WEIGHT, progress=False)
    assert all(torch.equal(tensor, load(called)[name]) for name, tensor in load(out).items())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "math"], "--model 'math' must be written NAME=VALUE"),
        (["--model", "a=x", "--model", "a=y"], "--model gives 'a' twice"),
        (["--model", "a=x", "--weight", "a=heavy"], "--weight 'heavy' is neither a number nor a JSON"),
        (["--model", "a=/no/such"], "neither an existing folder nor a hub id"),
        (["--model", "a=x", "--method", "average", "--density", "0.1"], "takes no parameter 'density'"),
    ],
)
def test_command_line_errors_are_one_sentence(plain_zoo, tmp_path, capsys, arguments, says):
    with pytest.raises(SystemExit) as stopped:
        main(["--base_model", plain_zoo[0], "--out", str(tmp_path / "out"), *arguments])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_broken_checkpoint_is_named(plain_zoo, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pytorch_model.bin").touch()
    with pytest.raises(CheckpointError, match="pickle"):
        merge(plain_zoo[0], {"math": tmp_path / "bin"}, tmp_path / "out")
