"""A zoo of models that were trained elsewhere: folders are checked, other trainers' formats are recognised."""

import json
import shutil

import pytest

from tests.tiny import save_model
from training import Zoo
from training.manifest import HUB, ZooError, read_manifest
from training.shards import CheckpointError


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    return {name: save_model(folder / name, seed=k) for k, name in enumerate(("sft", "math", "code", "mixed"))}


@pytest.fixture
def given(models, tmp_path):
    return {"anchor": models["sft"], "experts": {"math": models["math"], "coding": models["code"]},
            "mixed": models["mixed"], "out": tmp_path / "zoo"}


def test_a_zoo_of_own_models_is_written_and_loads(given, models):
    zoo = Zoo.from_models(**given, controls={"twin-math": models["code"]}, seed=3)
    again = Zoo.load(given["out"])
    assert again.manifest == zoo.manifest and again.seed == 3 and again.preset == "own"
    assert list(again.models)[:4] == ["anchor", "expert-math", "expert-coding", "mixed"]
    assert again.models["expert-math"] == models["math"] and again.controls["twin-math"] == models["code"]
    assert (given["out"] / "models/merged-ties").is_dir() == ("ties" in again.manifest.merged)
    assert again.merged["average"].startswith(str(given["out"]))  # merges lie in the zoo's folder


def test_relative_folders_become_absolute(given, models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(models["math"], "here")
    zoo = Zoo.from_models(models["sft"], {"math": "here"})
    assert zoo.folder.name == "own" and zoo.manifest.experts["math"] == str(tmp_path / "here")


def test_asked_again_it_is_the_same_zoo_and_other_models_are_refused(given, models):
    Zoo.from_models(**given)
    merged = Zoo.load(given["out"]).merged["average"]
    assert Zoo.from_models(**given).manifest.merged == {"average": "models/merged-average"} and merged
    with pytest.raises(ZooError, match="holds another zoo .zoo, seed 0.; choose another folder"):
        Zoo.from_models(**{**given, "mixed": models["code"]})


def test_hub_ids_are_kept_as_such(given, models, monkeypatch):
    import training.assembled as assembled

    kept = assembled.Checkpoint
    monkeypatch.setattr(assembled, "Checkpoint", lambda model: kept(models["code"] if model == "me/code" else model))
    Zoo.from_models(**{**given, "experts": {"coding": "me/code"}})
    assert read_manifest(given["out"] / "zoo.json").experts == {"coding": f"{HUB}me/code"}


@pytest.mark.parametrize(("files", "says"), [
    (["model_world_size_8_rank_0.pt", "config.json"],
     "expert-math: .* is verl's FSDP shards, .*; python -m verl.model_merger merge --backend fsdp --local_dir"),
    (["__0_0.distcp"], "is a distributed checkpoint .*convert_torch_dist_to_hf.py"),
    (["zero_to_fp32.py", "latest"], "is a DeepSpeed checkpoint, .* python zero_to_fp32.py . OUT --safe_serialization"),
    (["adapter_config.json"], "is an adapter without its model, .* merge it into its base with peft"),
    (["pytorch_model-00001-of-00002.bin"], "is pickled weights, which are never loaded, .*save_pretrained"),
    ([], "expert-math: .*odd holds neither model.safetensors nor"),
])
def test_other_trainers_formats_are_named_with_what_to_do(given, tmp_path, files, says):
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("{}")
    with pytest.raises(CheckpointError, match=says):
        Zoo.from_models(**{**given, "experts": {"math": folder}})
    assert not given["out"].exists()


def test_an_adapters_weights_do_not_pass_for_a_model(given, models, tmp_path):
    folder = tmp_path / "adapter"
    shutil.copytree(models["math"], folder)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(CheckpointError, match="expert-math"):
        Zoo.from_models(**{**given, "experts": {"math": folder}})


def test_another_architecture_is_named(given, tmp_path):
    other = save_model(tmp_path / "deeper", layers=3)
    with pytest.raises(CheckpointError, match=r"mixed: .*deeper has, beyond the anchor's, \d+ tensors: .*layers.2"):
        Zoo.from_models(**{**given, "mixed": other})
