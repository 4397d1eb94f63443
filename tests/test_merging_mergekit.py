"""Against mergekit, where our definitions are its own; and its configurations, read."""

import copy
import json

import pytest
import torch
import yaml
from transformers import AutoConfig, AutoModelForCausalLM

from tests.merge_zoo import load
from training.merging import MergeError, merge
from training.merging.__main__ import main
from training.merging.mergekit_yaml import read_mergekit

SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1,
         "intermediate_size": 48, "vocab_size": 64}
FAMILIES = {
    "qwen3": SMALL | {"head_dim": 16, "tie_word_embeddings": True}, "llama": SMALL,
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 2, "vocab_size": 64, "n_positions": 32},
}
MERGES = {
    "linear": ({}, {}), "task_arithmetic": ({}, {}), "ties": ({"density": 0.3}, {}), "sce": ({}, {}),
    "sce, select": ({}, {"select_topk": 0.3}), "ties, lambda": ({"density": 0.5}, {"lambda": 0.4}),
    "ties, normalize": ({"density": 0.5}, {"normalize": False}),
}
WEIGHTS = {"a": 1.0, "b": 0.5, "c": 2.0}


def family(folder, name, noise=0.05, dtype=torch.float32):
    """A base and three experts, cut into shards."""
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **FAMILIES[name])).to(dtype)
    base.save_pretrained(folder / "base", max_shard_size="20KB")
    for model in WEIGHTS:
        expert = copy.deepcopy(base)
        with torch.no_grad():
            for parameter in expert.parameters():
                parameter += (torch.rand(parameter.shape) < 0.4) * (noise * torch.randn(parameter.shape)).to(dtype)
        expert.save_pretrained(folder / model, max_shard_size="20KB")
    return str(folder / "base"), {model: str(folder / model) for model in WEIGHTS}


def configuration(base, models, case, **more):
    """A mergekit configuration of one of MERGES."""
    method = case.split(",")[0]
    own, shared = MERGES[case]
    weighted = [{"model": path, "parameters": own | ({} if method == "sce" else {"weight": WEIGHTS[name]})}
                for name, path in models.items()]
    asked = {"merge_method": method, "models": weighted, "parameters": shared, "dtype": "float32"}
    return asked | ({} if method == "linear" else {"base_model": base}) | more


def mergekit(asked, out):
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    run_merge(MergeConfiguration.model_validate(asked), str(out), MergeOptions(copy_tokenizer=False, quiet=True))
    return load(out)


def ours(asked, folder):
    (folder / "merge.yml").write_text(yaml.safe_dump(asked))
    return main(["--config", str(folder / "merge.yml"), "--out", str(folder / "ours")])


@pytest.fixture(scope="module", params=FAMILIES)
def zoo(request, tmp_path_factory):
    return family(tmp_path_factory.mktemp(request.param), request.param)


@pytest.mark.parametrize("case", MERGES)
def test_equals_mergekit(zoo, tmp_path, case):
    asked = configuration(*zoo, case)
    expected, got = mergekit(asked, tmp_path / "theirs"), load(ours(asked, tmp_path))
    scale = {name: max(tensor.abs().max().item(), 1e-3) for name, tensor in expected.items()}
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(got[name], tensor, rtol=1e-6, atol=1e-6 * scale[name])


def test_bf16_ties_differ_where_entries_are_tied_alone(tmp_path):
    """bf16 leaves few distinct deltas: mergekit keeps some of those at the threshold, we all, and say how many."""
    base, models = family(tmp_path, "qwen3", 0.01, torch.bfloat16)
    asked = configuration(base, models, "ties")
    expected, out = mergekit(asked, tmp_path / "theirs"), ours(asked, tmp_path)
    report, got, start = json.loads((out / "merge_report.json").read_text()), load(out), load(base)
    assert all(share > 0.299 for share in report["kept_density"].values())
    deltas = {name: load(path) for name, path in models.items()}
    compared = 0
    for name, tensor in expected.items():
        cuts = report["thresholds"][name]
        tied = sum(((deltas[model][name] - start[name]).abs() == cuts[model]).int() for model in models) > 0
        torch.testing.assert_close(got[name][~tied], tensor[~tied], rtol=1e-6, atol=1e-6)
        compared += int((~tied).sum())
    assert compared > 0.5 * sum(tensor.numel() for tensor in expected.values())


@pytest.mark.parametrize("weight", [
    [0.0, 0.5, 1.0], [0.2, 1.0],  # gradients
    [{"filter": "mlp", "value": 0.5}, {"value": 1.0}],
    [{"filter": "layers.1.", "value": 0.1}, {"filter": "*", "value": 1}],
])
def test_weights_along_layers_and_by_filter_equal_mergekit(tmp_path, weight):
    base, models = family(tmp_path, "llama")
    asked = configuration(base, models, "task_arithmetic")
    asked["models"][0]["parameters"]["weight"] = weight
    expected, got = mergekit(asked, tmp_path / "theirs"), load(ours(asked, tmp_path))
    for name, tensor in expected.items():
        torch.testing.assert_close(got[name], tensor, rtol=1e-6, atol=1e-6)


def test_what_a_configuration_becomes(tmp_path):
    asked = {"merge_method": "dare_ties", "base_model": "org/sft", "dtype": "bfloat16", "tokenizer_source": "base",
             "models": [{"model": "org/sft"}, {"model": "org/math", "parameters": {"weight": 1}},
                        {"model": "other/math", "parameters": {"weight": 2}}],
             "parameters": {"density": 0.7, "lambda": 0.5, "int8_mask": True}}
    (tmp_path / "merge.yml").write_text(yaml.safe_dump(asked))
    assert read_mergekit(tmp_path / "merge.yml") == {
        "base": "org/sft", "models": {"math": "org/math", "math-1": "other/math"}, "method": "dare_ties",
        "weight": {"math": 1, "math-1": 2}, "scale": 0.5, "trim": "per_tensor", "normalize": False,
        "drop": pytest.approx(0.3), "rescale": "l1", "density": 1.0, "out_dtype": "bfloat16"}


def _set(path, value):
    def change(asked):
        for key in path[:-1]:
            asked = asked[key]
        asked[path[-1]] = value
    return change


PARAMETERS = ("models", 0, "parameters")


@pytest.mark.parametrize(("case", "change", "says"), [
    ("ties", _set(["merge_method"], "slerp"), "merge_method 'slerp' is not read here; choose one of linear"),
    ("ties", _set(["slices"], []), "'slices' is not read here; whole models are merged"),
    ("ties", _set(["tokenizer_source"], "union"), "tokenizer_source must be base"),
    ("ties", _set(["base_model"], None), "ties needs a base_model"),
    ("ties", _set(["models"], ["x"]), "models must be a list of entries with a model"),
    ("ties", _set(["models", 0, "layer_range"], [0, 1]), "'layer_range' of model .* is not read here"),
    ("ties", _set(["models", 0, "model"], "org/a+lora"), "org/a\\+lora: adapters .* are not read here"),
    ("ties", _set([*PARAMETERS, "gamma"], 1), "parameter 'gamma' of ties is not read here; read are density"),
    ("ties", _set(PARAMETERS, {}), "has no weight"),
    ("ties", _set([*PARAMETERS, "density"], 0.9), "density must be one value for all models and layers here"),
    ("ties", _set(["parameters", "rescale"], True), "rescale: true of ties is not read here"),
    ("linear", _set(["parameters", "normalize"], False), "normalize: false of linear is not read here"),
    ("task_arithmetic", _set(["parameters", "normalize"], True), "normalize: true of task_arithmetic is not read"),
    ("ties", _set([*PARAMETERS, "weight"], [{"value": [0, 1]}]), "a weight must be a number, a list of numbers"),
])
def test_configurations_that_are_not_read(tmp_path, case, change, says):
    asked = configuration("org/base", {name: f"org/{name}" for name in WEIGHTS}, case)
    change(asked)
    (tmp_path / "merge.yml").write_text(yaml.safe_dump(asked))
    with pytest.raises(MergeError, match=says):
        read_mergekit(tmp_path / "merge.yml")


@pytest.mark.parametrize(("text", "says"), [("a: [", "cannot be read as YAML"), ("- a", "holds no merge"),
                                            (None, "cannot be read")])
def test_files_that_are_no_configuration(tmp_path, text, says, capsys):
    if text is not None:
        (tmp_path / "merge.yml").write_text(text)
    with pytest.raises(SystemExit):
        main(["--config", str(tmp_path / "merge.yml"), "--out", str(tmp_path / "out")])
    assert says in capsys.readouterr().err


def test_a_configuration_and_options_are_too_much(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--config", "merge.yml", "--density", "0.1", "--out", str(tmp_path / "out")])
    assert "--config says all but --out; leave out --density" in capsys.readouterr().err


def test_python_and_yaml_agree(zoo, tmp_path):
    base, models = zoo
    out = ours(configuration(base, models, "ties"), tmp_path)
    called = merge(base, models, tmp_path / "called", weight=WEIGHTS, density=0.3, trim="per_tensor", progress=False)
    assert all(torch.equal(tensor, load(called)[name]) for name, tensor in load(out).items())
