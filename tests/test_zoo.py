"""Zoo: what a manifest may leave out, what must be refused, and merges made when first asked for."""

import json
import sys
import types

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.manifest import MANIFEST, Manifest, ZooError
from training.merging import MergeError
from training.shards import SINGLE
from training.zoo import MERGES, Zoo


def write_model(folder, value):
    folder.mkdir(parents=True)
    save_file({"w": torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0 + value])}, folder / SINGLE)
    (folder / "config.json").write_text("{}")
    return f"models/{folder.name}"


@pytest.fixture
def folder(tmp_path):
    """A zoo of an anchor, two experts, a mixed run and a twin."""
    models = tmp_path / "zoo" / "models"
    manifest = Manifest(
        "tiny", "organism", 3, write_model(models / "anchor", 0.0), domains=["math", "science"],
        experts={name: write_model(models / f"expert-{name}", v) for name, v in (("science", 1.0), ("math", 2.0))},
        mixed=write_model(models / "mixed", 9.0), controls={"twin-math": write_model(models / "twin-math", 2.5)},
        runs={"expert-math": {"tokens": 10, "optimizer_steps": 2, "seconds": 0.5}},
    )
    Zoo(tmp_path / "zoo", manifest).save()
    return tmp_path / "zoo"


def last(model):
    return load_file(f"{model}/{SINGLE}")["w"][-1].item()


def test_attributes(folder):
    zoo = Zoo.load(str(folder))
    assert (zoo.name, zoo.preset, zoo.seed, zoo.folder) == ("tiny", "organism", 3, folder)
    assert zoo.anchor == str(folder / "models/anchor")
    assert list(zoo.experts) == ["science", "math"]  # the manifest's order
    assert (last(zoo.experts["math"]), last(zoo.mixed), last(zoo.controls["twin-math"])) == (7.0, 14.0, 7.5)
    assert zoo.mixed_paper is None
    assert zoo.runs["expert-math"]["optimizer_steps"] == 2


def test_merges_are_made_when_asked_for_and_recorded(folder):
    zoo = Zoo.load(folder)
    assert tuple(zoo.merged) == MERGES and len(zoo.models) == 8
    assert not list(folder.glob("models/merged-*"))  # naming them makes nothing
    assert last(zoo.merged["task_arithmetic"]) == 8.0
    recorded = json.loads((folder / MANIFEST).read_text())["merged"]
    assert recorded == {"task_arithmetic": "models/merged-task_arithmetic"}
    before = (folder / "models/merged-task_arithmetic" / SINGLE).stat().st_mtime_ns
    assert Zoo.load(folder).merged["task_arithmetic"] == zoo.merged["task_arithmetic"]
    assert (folder / "models/merged-task_arithmetic" / SINGLE).stat().st_mtime_ns == before


def test_models_in_order_making_all_merges(folder):
    zoo = Zoo.load(folder)
    values = {name: last(model) for name, model in zoo.models.items()}
    assert list(values) == [
        "anchor", "expert-science", "expert-math", "mixed", "merged-average", "merged-task_arithmetic", "merged-ties",
        "twin-math",
    ]
    assert values["merged-average"] == 6.5
    assert values["merged-ties"] == 6.5  # k = 1: the one entry that moved, mean of 1 and 2
    assert "merged-ties" in zoo.models and "merged-sce" not in zoo.models
    assert list(dict(zoo.models)) == list(values)


def test_one_expert_and_nothing_else(tmp_path):
    models = tmp_path / "models"
    content = {"name": "one", "preset": "organism", "seed": 0, "anchor": write_model(models / "anchor", 0.0),
               "experts": {"math": write_model(models / "expert-math", 1.0)}}
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    zoo = Zoo.load(tmp_path)
    assert zoo.mixed is None and len(zoo.controls) == 0 and zoo.runs == {}
    assert list(zoo.models) == ["anchor", "expert-math", "merged-average", "merged-task_arithmetic", "merged-ties"]
    assert last(zoo.merged["average"]) == 6.0


def test_no_expert_no_merge(tmp_path):
    zoo = Zoo(tmp_path, Manifest("none", "organism", 0, write_model(tmp_path / "models" / "anchor", 0.0)))
    assert list(zoo.merged) == [] and list(zoo.models) == ["anchor"]


def test_other_recorded_merges_come_after(folder):
    zoo = Zoo.load(folder)
    zoo.manifest.merged["dare_ties"] = write_model(folder / "models" / "merged-dare_ties", 0.0)
    assert tuple(zoo.merged) == (*MERGES, "dare_ties")
    assert last(zoo.models["merged-dare_ties"]) == 5.0


@pytest.mark.parametrize("group", ["experts", "merged", "controls", "models"])
def test_unknown_name(folder, group):
    zoo = Zoo.load(folder)
    groups = {"experts": zoo.experts, "merged": zoo.merged, "controls": zoo.controls, "models": zoo.models}
    with pytest.raises(KeyError, match="no 'sce' in this zoo; it has "):
        groups[group]["sce"]


def test_a_model_that_is_gone_is_named_when_used(folder):
    (folder / "models/expert-math").rename(folder / "models/elsewhere")
    zoo = Zoo.load(folder)
    assert last(zoo.experts["science"]) == 6.0
    for use in (lambda: zoo.experts["math"], lambda: zoo.models["expert-math"], lambda: zoo.merged["ties"]):
        with pytest.raises(ZooError, match="puts 'expert-math' in models/expert-math, but .* is no folder"):
            use()


def test_an_unrecorded_merge_in_the_way_is_not_used(folder):
    write_model(folder / "models" / "merged-ties", 0.0)
    with pytest.raises(MergeError, match="exists and is not empty"):
        Zoo.load(folder).merged["ties"]


def test_save_and_load_give_the_same(folder):
    zoo = Zoo.load(folder)
    text = (folder / MANIFEST).read_text()
    zoo.manifest.runs["mixed"] = {"seconds": 1.5}
    zoo.save()
    assert Zoo.load(folder).manifest == zoo.manifest and (folder / MANIFEST).read_text() != text
    assert [file.name for file in folder.iterdir() if file.is_file()] == [MANIFEST]


def test_failed_save_keeps_the_old_manifest(folder):
    zoo, text = Zoo.load(folder), (folder / MANIFEST).read_text()
    zoo.manifest.runs["mixed"] = {"seconds": torch.tensor(1.0)}  # no JSON
    with pytest.raises(TypeError):
        zoo.save()
    assert (folder / MANIFEST).read_text() == text
    assert [file.name for file in folder.iterdir() if file.is_file()] == [MANIFEST]


GOOD = {"name": "n", "preset": "organism", "seed": 0, "anchor": "a"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must hold a JSON object, not a list"),
        ('{"name": "n", "seed": 0}', "lacks preset, anchor; its fields are anchor, controls"),
        (json.dumps({**GOOD, "expert": {}}), "has unknown fields expert; its fields are"),
        (json.dumps({**GOOD, "experts": ["math"]}), "experts must map names to paths"),
        (json.dumps({**GOOD, "merged": {"ties": None}}), "merged must map names to paths"),
        (json.dumps({**GOOD, "anchor": None}), "anchor must be a path or a hub: id, got None"),
        (json.dumps({**GOOD, "mixed": 3}), "mixed must be a path or a hub: id, got 3"),
        (json.dumps({**GOOD, "seed": "../0"}), "seed must be a whole number, got '../0'"),
        (json.dumps({**GOOD, "seed": True}), "seed must be a whole number, got True"),
        (json.dumps({**GOOD, "domains": "math"}), "domains must be a list, got 'math'"),
        (json.dumps({**GOOD, "experts": {"../math": "a"}}), r"'\.\./math' is no name of a model or domain"),
        (json.dumps({**GOOD, "controls": {".hidden": "a"}}), r"'\.hidden' is no name"),
        (json.dumps({**GOOD, "domains": ["math\n"]}), r"'math\\n' is no name"),
        ('{"name":' * 100_000, "is not valid JSON"),
    ],
)
def test_manifests_that_cannot_be_read(tmp_path, content, says):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(ZooError, match=says):
        Zoo.load(tmp_path)


@pytest.mark.parametrize("name", ["no_such_zoo", "", "m2rl", "/no/such/folder"])
def test_neither_folder_nor_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZooError, match="is no folder with a zoo.json, nor a built-in zoo: organism, m2rl-4b"):
        Zoo.load(name)


def test_released_checkpoints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    zoo = Zoo.load("m2rl-4b")
    assert zoo.anchor == "Jackwang111/M2RL-SFT" and zoo.mixed == "Jackwang111/M2RL-RL_Multi"
    assert dict(zoo.experts) == {
        "math": "Jackwang111/M2RL-RL_Math", "coding": "Jackwang111/M2RL-RL_Coding",
        "science": "Jackwang111/M2RL-RL_Science", "instructions": "Jackwang111/M2RL-RL_IF",
        "agent": "Jackwang111/M2RL-RL_Agent",
    }
    assert list(tmp_path.iterdir()) == []  # loading writes nothing
    zoo.manifest.merged["ties"] = write_model(tmp_path / "runs/m2rl-4b/models/merged-ties", 0.0)
    zoo.save()
    assert last(Zoo.load("m2rl-4b").merged["ties"]) == 5.0


def test_organism_is_built_once(tmp_path, monkeypatch):
    """On first use the builder is asked for it; afterwards its manifest is read."""
    monkeypatch.chdir(tmp_path)
    asked = []

    def build_zoo(preset, out, seed):
        asked.append((preset, out, seed))
        zoo = Zoo(out, Manifest("organism", preset, seed, "models/anchor"))
        zoo.save()
        return zoo

    monkeypatch.setitem(sys.modules, "training.build", types.SimpleNamespace(build_zoo=build_zoo))
    first, again = Zoo.load("organism"), Zoo.load("organism")
    assert asked == [("organism", "runs/organism/seed0", 0)]
    assert first.manifest == again.manifest and again.name == "organism"


def test_names_that_lead_elsewhere_are_not_saved(tmp_path):
    zoo = Zoo(tmp_path / "zoo", Manifest("n", "own", 0, "a", experts={"my lab/sums": "a"}))
    with pytest.raises(ZooError, match="'my lab/sums' is no name of a model or domain"):
        zoo.save()
    assert not (tmp_path / "zoo").exists()
