"""merge: against float64 oracles, identities, and everything that must be refused."""

import copy
import json
import math
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen3Config

from training.checkpoints import INDEX, SINGLE, Checkpoint, CheckpointError
from training.merging import MergeError, merge, sources, stream
from training.merging.__main__ import main
from training.merging.average import average
from training.merging.task_arithmetic import task_arithmetic
from training.merging.ties import ties
from training.merging.trim import kept, kth_largest

CONFIG = Qwen3Config(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, head_dim=16, tie_word_embeddings=True,
)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TOLERANCE = {"float32": 1e-6, "bfloat16": 2**-8}  # relative, of the cast


def save_model(model, folder, dtype=torch.float32, shards=False):
    model.to(dtype).save_pretrained(folder, max_shard_size="20KB" if shards else "1GB")
    return folder


def make_zoo(root, dtype, shards, seed=0):
    """A base and three experts: most deltas exactly 0, the others of both signs, one expert cut into shards."""
    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIG), dtype=torch.float32)
    base = AutoModelForCausalLM.from_pretrained(save_model(base, root / "base", dtype, shards), dtype=torch.float32)
    (root / "base" / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    (root / "base" / "chat_template.jinja").write_text("{{ messages }}")
    (root / "base" / "trainer_state.json").write_text("{}")
    models = {}
    for number, name in enumerate(("math", "coding", "agent")):
        expert = AutoModelForCausalLM.from_pretrained(root / "base", dtype=torch.float32)
        with torch.no_grad():
            for parameter in expert.parameters():
                moved = torch.rand(parameter.shape) < 0.3
                parameter += moved * torch.randn(parameter.shape) * 0.05
        models[name] = str(save_model(expert, root / name, dtype, shards=number == 1))
    return str(root / "base"), models


@pytest.fixture(scope="module", params=[("float32", False), ("float32", True), ("bfloat16", False), ("bfloat16", True)])
def zoo(request, tmp_path_factory):
    dtype, shards = request.param
    root = tmp_path_factory.mktemp(f"zoo-{dtype}-{shards}")
    return (*make_zoo(root, DTYPES[dtype], shards), dtype)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make_zoo(tmp_path_factory.mktemp("plain"), torch.float32, False)


def load(folder, dtype=torch.float64):
    checkpoint = Checkpoint(folder)
    return {name: checkpoint.tensor(name).to(dtype) for name in checkpoint.names}


def ties_oracle(base, experts, density, per_tensor, weight):
    """TIES in float64 on whole models, straight from its definition."""
    deltas = {m: {n: (t.float() - base[n].float()).double() for n, t in e.items()} for m, e in experts.items()}

    def cut(tensors):
        flat = torch.cat([tensor.flatten().abs() for tensor in tensors])
        return flat.sort(descending=True).values[max(1, math.floor(density * len(flat))) - 1]

    trimmed = {}
    for m, delta in deltas.items():
        limits = {n: cut([t]) if per_tensor else None for n, t in delta.items()}
        shared = cut(list(delta.values()))
        trimmed[m] = {n: t * (t.abs() >= (limits[n] if per_tensor else shared)) for n, t in delta.items()}
    merged = {}
    for n in base:
        stack = torch.stack([trimmed[m][n] for m in experts])
        w = torch.tensor([weight[m] for m in experts], dtype=torch.float64).view(-1, *[1] * base[n].dim())
        sign = torch.where((w * stack).sum(0) >= 0, 1.0, -1.0)
        keep = (stack.sign() == sign) & (stack != 0)
        count = (w * keep).sum(0)
        merged[n] = base[n] + torch.where(count > 0, (w * stack * keep).sum(0) / count.clamp(min=1e-300), 0.0)
    return merged


def assert_model(folder, expected, dtype):
    got = load(folder)
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert Checkpoint(folder).dtype(name) == DTYPES[dtype]
        torch.testing.assert_close(got[name], tensor, rtol=TOLERANCE[dtype], atol=1e-7)


WEIGHT = {"math": 1.0, "coding": 0.5, "agent": 2.0}
EVEN = dict.fromkeys(WEIGHT, 1.0)


@pytest.mark.parametrize("weight", [EVEN, WEIGHT])
def test_average(zoo, tmp_path, weight):
    base, models, dtype = zoo
    experts = {name: load(path) for name, path in models.items()}
    total = sum(weight.values())
    expected = {n: sum(weight[m] * experts[m][n] for m in models) / total for n in load(base)}
    assert_model(merge(base, models, tmp_path / "out", "average", weight=weight, progress=False), expected, dtype)


@pytest.mark.parametrize(("weight", "scale"), [(EVEN, 1.0), (WEIGHT, 0.3), ({**EVEN, "math": -1.0}, 1.0)])
def test_task_arithmetic(zoo, tmp_path, weight, scale):
    base, models, dtype = zoo
    start, experts = load(base), {name: load(path) for name, path in models.items()}
    expected = {n: b + scale * sum(weight[m] * (experts[m][n] - b) for m in models) for n, b in start.items()}
    out = merge(base, models, tmp_path / "out", "task_arithmetic", weight=weight, scale=scale, progress=False)
    assert_model(out, expected, dtype)


@pytest.mark.parametrize("trim", ["global", "per_tensor"])
@pytest.mark.parametrize(("density", "weight"), [(0.2, EVEN), (0.05, WEIGHT), (1.0, EVEN), (1e-9, EVEN)])  # 1e-9: k = 1
def test_ties(zoo, tmp_path, density, trim, weight):
    base, models, dtype = zoo
    experts = {name: load(path) for name, path in models.items()}
    expected = ties_oracle(load(base), experts, density, trim == "per_tensor", weight)
    out = merge(base, models, tmp_path / "out", density=density, trim=trim, weight=weight, progress=False)
    assert_model(out, expected, dtype)


def test_global_threshold_in_the_report_is_kthvalue(zoo, tmp_path):
    base, models, _ = zoo
    out = merge(base, models, tmp_path / "out", progress=False)
    report = json.loads((out / "merge_report.json").read_text())
    start = load(base, torch.float32)
    for name, path in models.items():
        flat = torch.cat([(t - start[n]).abs().flatten() for n, t in load(path, torch.float32).items()])
        k = math.floor(0.2 * len(flat))
        assert report["thresholds"][name] == flat.kthvalue(len(flat) - k + 1).values.item()


MAGNITUDES = st.sampled_from([0.0, -0.0, 1e-45, -1e-45, 2**-126, 1e-3, -1e-3, 1.0, -1.0, 1 + 2**-23, 65504.0, -3e38])


@settings(max_examples=60, deadline=None)
@given(st.lists(MAGNITUDES | st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1), st.data())
def test_kth_largest_is_kthvalue(values, data):
    """Ties, zeros of both signs, subnormals and neighbors in the last bit; cut anywhere into tensors."""
    vector = torch.tensor(values, dtype=torch.float32)
    k = data.draw(st.integers(1, len(values)))
    cut = data.draw(st.integers(0, len(values)))
    got = kth_largest(lambda: iter([vector[:cut], vector[cut:]]), k)
    assert got == vector.abs().kthvalue(len(values) - k + 1).values.item()


def test_kth_largest_of_nothing():
    assert kth_largest(lambda: iter([torch.zeros(0, 3)]), 1) == 0.0


@pytest.mark.parametrize(("density", "n", "k"), [(0.2, 10, 2), (0.2, 4, 1), (0.19, 10, 1), (1.0, 7, 7), (0.5, 0, 1)])
def test_kept(density, n, k):
    assert kept(density, n) == k


@pytest.mark.parametrize(
    ("deltas", "weights", "thresholds", "merged"),
    [
        ([[1.0], [-1.0]], [1, 1], [0, 0], [1.0]),  # a sum of exactly 0 elects +
        ([[1.0], [-1.5]], [1, 1], [0, 0], [-1.5]),  # the disjoint mean leaves the outvoted out
        ([[1.0], [3.0], [-0.5]], [1, 1, 1], [0, 0, 0], [2.0]),
        ([[1.0], [3.0]], [3, 1], [0, 0], [1.5]),  # weighted mean
        ([[1.0], [-1.5]], [2, 1], [0, 0], [1.0]),  # the weight turns the election
        ([[0.0, 0.0], [0.0, -2.0]], [1, 1], [0, 0], [0.0, -2.0]),  # zeros do not dilute the mean
        ([[0.5, 1.0], [2.0, 3.0]], [1, 1], [1.0, 3.0], [0.0, 2.0]),  # at the threshold: kept; below: not
        ([[-1.0], [-2.0]], [0, 0], [0, 0], [0.0]),  # weights of 0 leave the base
    ],
)
def test_ties_entry_by_entry(deltas, weights, thresholds, merged):
    assert ties([torch.tensor(delta) for delta in deltas], weights, thresholds).tolist() == merged


FINITE = st.floats(-100, 100, width=32)


@settings(max_examples=50, deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=8), st.integers(1, 5), st.floats(0.1, 3))
def test_identities_of_the_pure_functions(values, copies, weight):
    vector = torch.tensor(values, dtype=torch.float32)
    assert torch.equal(average([vector] * copies, [weight] * copies), vector)
    assert torch.equal(ties([vector], [1.0], [0.0]), vector)
    assert torch.equal(task_arithmetic([vector] * copies, [0.0] * copies), torch.zeros_like(vector))
    torch.testing.assert_close(ties([vector] * copies, [weight] * copies, [0.0] * copies), vector)


def test_one_expert_by_average_is_that_expert(zoo, tmp_path):
    base, models, _ = zoo
    out = merge(base, {"math": models["math"]}, tmp_path / "out", "average", progress=False)
    expert = load(models["math"])
    assert all(torch.equal(tensor, expert[name]) for name, tensor in load(out).items())


@pytest.mark.parametrize("trim", ["global", "per_tensor"])
def test_one_expert_by_ties_at_density_1_is_that_expert(zoo, tmp_path, trim):
    base, models, dtype = zoo
    out = merge(base, {"math": models["math"]}, tmp_path / "out", density=1, trim=trim, progress=False)
    assert_model(out, load(models["math"]), dtype)


def test_task_arithmetic_of_weight_0_is_the_base(zoo, tmp_path):
    base, models, _ = zoo
    out = merge(base, models, tmp_path / "out", "task_arithmetic", weight=0.0, progress=False)
    start = load(base)
    assert all(torch.equal(tensor, start[name]) for name, tensor in load(out).items())


@pytest.mark.parametrize("method", ["average", "task_arithmetic", "ties"])
def test_order_of_models_changes_no_bit(plain, tmp_path, method):
    base, models = plain
    first = load(merge(base, models, tmp_path / "a", method, progress=False))
    other = load(merge(base, dict(reversed(models.items())), tmp_path / "b", method, progress=False))
    assert all(torch.equal(tensor, other[name]) for name, tensor in first.items())


@pytest.mark.parametrize("method", ["average", "task_arithmetic", "ties"])
def test_blocks_and_shards_change_no_bit(plain, tmp_path, monkeypatch, method):
    base, models = plain
    whole = merge(base, models, tmp_path / "a", method, progress=False)
    monkeypatch.setattr(sources, "BLOCK", 100)  # three rows of 32 at once; a row of 48 or 64 alone
    monkeypatch.setattr(stream, "SHARD_BYTES", 20_000)
    cut = merge(base, models, tmp_path / "b", method, progress=False)
    assert (whole / SINGLE).is_file() and (cut / INDEX).is_file() and len(list(cut.glob("*.safetensors"))) > 2
    assert json.loads((cut / INDEX).read_text())["metadata"]["total_size"] == sum(
        tensor.nbytes for tensor in load(whole, torch.float32).values()
    )
    other = load(cut)
    assert all(torch.equal(tensor, other[name]) for name, tensor in load(whole).items())
    assert AutoModelForCausalLM.from_pretrained(cut).num_parameters() > 0


def test_models_equal_to_the_base_leave_it(plain, tmp_path):
    """All deltas exactly 0: the threshold is 0, and zeros are not kept."""
    base, _ = plain
    out = merge(base, {"a": base, "b": base}, tmp_path / "out", progress=False)
    report = json.loads((out / "merge_report.json").read_text())
    assert report["thresholds"] == {"a": 0.0, "b": 0.0}
    assert (report["updated"], report["survived"], report["survived_fraction"]) == (0, 0, None)
    assert all(torch.equal(tensor, load(base)[name]) for name, tensor in load(out).items())


def test_include_copies_the_rest(plain, tmp_path):
    base, models = plain
    out = merge(base, models, tmp_path / "out", "average", include=r"mlp\.", progress=False)
    start, merged = load(base), load(out)
    changed = {name for name, tensor in merged.items() if not torch.equal(tensor, start[name])}
    assert changed == {name for name in start if "mlp." in name}
    report = json.loads((out / "merge_report.json").read_text())
    assert report["entries"] == sum(start[name].numel() for name in changed)
    assert sorted(report["copied_from_base"]) == sorted(set(start) - changed)


@pytest.mark.parametrize("written", ["bfloat16", torch.float16])
def test_out_dtype_and_what_survives_it(plain, tmp_path, written):
    base, models = plain
    out = merge(base, models, tmp_path / "out", "task_arithmetic", scale=0.01, out_dtype=written, progress=False)
    dtype = DTYPES.get(written, written)
    model = AutoModelForCausalLM.from_pretrained(out, dtype="auto")
    assert model.dtype == dtype
    config = json.loads((out / "config.json").read_text())
    assert config["dtype"] == str(dtype).removeprefix("torch.")
    start, updated, survived = load(base, torch.float32), 0, 0
    experts = {name: load(models[name], torch.float32) for name in sorted(models)}
    for name, tensor in start.items():
        delta = 0.01 * sum(expert[name] - tensor for expert in experts.values())
        updated += int((delta != 0).sum())
        survived += int(((delta != 0) & ((tensor + delta).to(dtype) != tensor.to(dtype))).sum())
    report = json.loads((out / "merge_report.json").read_text())
    assert (report["updated"], report["survived"]) == (updated, survived)
    assert 0 < survived < updated


def test_deltas_lost_in_fp32_count_as_updated(tmp_path):
    """0.1 of the last bit of 1.0 is a delta other than 0, and no fp32 sum shows it; next to 0.0 it survives."""
    for name, step in (("base", 0.0), ("a", 2**-23)):
        (tmp_path / name).mkdir()
        save_file({"w": torch.tensor([1.0 + step, step, 2.0])}, tmp_path / name / SINGLE)
        (tmp_path / name / "config.json").write_text("{}")
    base, models = tmp_path / "base", {"a": tmp_path / "a"}
    out = merge(base, models, tmp_path / "out", "task_arithmetic", scale=0.1, progress=False)
    report = json.loads((out / "merge_report.json").read_text())
    assert (report["entries"], report["updated"], report["survived"]) == (3, 2, 1)


def test_output_loads_ties_stay_tied_and_assets_follow(zoo, tmp_path):
    base, models, dtype = zoo
    out = merge(base, models, tmp_path / "out", progress=False)
    model = AutoModelForCausalLM.from_pretrained(out, dtype="auto")
    assert model.dtype == DTYPES[dtype]
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert "lm_head.weight" not in Checkpoint(out).names
    assert torch.isfinite(model(torch.tensor([[1, 2, 3]])).logits).all()
    names = {file.name for file in out.iterdir()}
    assert {"config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja"} <= names
    assert "trainer_state.json" not in names
    card = (out / "README.md").read_text()
    for said in ("`ties`", *models, *models.values(), base, '"density": 0.2', f"torch {torch.__version__}"):
        assert said in card
    assert "base_model" not in card  # the hub rejects a local path there


def test_scalars_and_integers(tmp_path):
    """A 0-d tensor and an empty one merge; an integer that agrees is copied."""
    folders = {}
    for name, value in (("base", 1.0), ("a", 2.0), ("b", 4.0)):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        tensors = {"s": torch.tensor(value), "e": torch.zeros(0, 2), "i": torch.tensor([3]), "f": torch.tensor(True)}
        save_file(tensors, folders[name] / SINGLE)
        (folders[name] / "config.json").write_text("{}")
    base = folders.pop("base")
    for trim in ("global", "per_tensor"):
        out = load_file(merge(base, folders, tmp_path / trim, trim=trim, out_dtype="bfloat16", progress=False) / SINGLE)
        assert out["s"].item() == 3.0 and out["s"].dtype == torch.bfloat16  # 1 + mean(1, 3): k = 1 of 1 entry
        assert out["i"].tolist() == [3] and out["i"].dtype == torch.int64 and out["f"].item() is True
    save_file({"s": torch.tensor(2.0), "e": torch.zeros(0, 2), "i": torch.tensor([4]), "f": torch.tensor(True)},
              folders["a"] / SINGLE)
    with pytest.raises(MergeError, match="i .torch.int64. differs in model 'a', and cannot be merged"):
        merge(base, folders, tmp_path / "out", progress=False)


def test_hub_ids_are_cited_with_their_commit(plain, tmp_path, monkeypatch):
    commit, repository = "0123456789abcdef0123456789abcdef01234567", tmp_path / "cache" / "models--org--sft"
    shutil.copytree(plain[0], repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    out = merge("org/sft", {"math": plain[1]["math"]}, tmp_path / "out", progress=False)
    assert "base_model:\n- org/sft\n---" in (out / "README.md").read_text()
    report = json.loads((out / "merge_report.json").read_text())
    assert report["base"] == {"source": "org/sft", "revision": commit, "dtypes": ["float32"]}
    assert report["models"]["math"]["revision"] is None


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("slerp", {}, "unknown method 'slerp'; choose one of average, task_arithmetic, ties"),
        ("average", {"density": 0.2}, "'average' takes no parameter 'density'; it takes weight, out_dtype"),
        ("task_arithmetic", {"trim": "global"}, "takes no parameter 'trim'"),
        ("ties", {"lambda_": 1}, "takes no parameter 'lambda_'; it takes weight, scale, density, trim"),
        ("ties", {"density": 0}, "density must be above 0"),
        ("ties", {"density": 1.01}, "density must be above 0 and at most 1, got 1.01"),
        ("ties", {"density": float("nan")}, "density must be above 0"),
        ("ties", {"density": True}, "density must be above 0"),  # a bool is no number here
        ("ties", {"trim": "layer"}, "unknown trim 'layer'; choose one of global, per_tensor"),
        ("ties", {"scale": float("inf")}, "scale must be a finite number"),
        ("ties", {"weight": -1}, "weight of 'agent' must be a finite number, at least 0, got -1"),
        ("ties", {"weight": "1"}, "weight of 'agent' must be a finite number"),
        ("ties", {"weight": {"math": 1}}, "weight must name each model once"),
        ("ties", {"weight": {"math": 1, "coding": 1, "agent": 1, "x": 1}}, "weight must name each model once"),
        ("average", {"weight": 0}, "weights of an average must not all be 0"),
        ("ties", {"out_dtype": "int8"}, "unknown out_dtype 'int8'; choose one of float32, bfloat16, float16"),
        ("ties", {"include": "["}, "is not a regular expression"),
        ("ties", {"include": "no_such"}, "include 'no_such' matches no floating-point tensor"),
        ("task_arithmetic", {"scale": 1e9, "out_dtype": "float16"}, "overflows torch.float16"),
    ],
)
def test_refused(plain, tmp_path, method, params, says):
    base, models = plain
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
def test_models_that_do_not_fit(plain, tmp_path, change, says):
    base, models = plain
    broken = edited(models["math"], tmp_path / "broken", change)
    with pytest.raises(MergeError, match=says):
        merge(base, {**models, "math": broken}, tmp_path / "out", progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize("models", [{}, None, ["a"], {1: "a"}])
def test_models_must_be_a_dict(plain, tmp_path, models):
    with pytest.raises(MergeError, match="models must be a dict"):
        merge(plain[0], models, tmp_path / "out")


def test_interrupted_merge_leaves_nothing(plain, tmp_path, monkeypatch):
    base, models = plain
    calls = iter(range(3))

    def save_then_stop(tensors, file, metadata):
        if next(calls) == 2:
            raise KeyboardInterrupt
        save_file(tensors, file, metadata=metadata)

    monkeypatch.setattr(stream, "SHARD_BYTES", 20_000)
    monkeypatch.setattr(stream, "save_file", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        merge(base, models, tmp_path / "new" / "out", progress=False)
    assert list((tmp_path / "new").iterdir()) == []


def test_out_must_be_free(plain, tmp_path):
    base, models = plain
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    (tmp_path / "empty").mkdir()
    for taken in ("file", "full"):
        with pytest.raises(MergeError, match="exists and is not empty"):
            merge(base, models, tmp_path / taken, progress=False)
    assert (tmp_path / "full" / "kept").exists()
    assert (merge(base, models, tmp_path / "empty", progress=False) / SINGLE).is_file()


def test_command_line(plain, tmp_path, capsys):
    base, models = plain
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
        (["--model", "a=x", "--weight", "a=heavy"], "--weight 'heavy' is not a number"),
        (["--model", "a=/no/such"], "neither an existing folder nor a hub id"),
        (["--model", "a=x", "--method", "average", "--density", "0.1"], "takes no parameter 'density'"),
    ],
)
def test_command_line_errors_are_one_sentence(plain, tmp_path, capsys, arguments, says):
    with pytest.raises(SystemExit) as stopped:
        main(["--base_model", plain[0], "--out", str(tmp_path / "out"), *arguments])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_broken_checkpoint_is_named(plain, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pytorch_model.bin").touch()
    with pytest.raises(CheckpointError, match="pickle"):
        merge(plain[0], {"math": tmp_path / "bin"}, tmp_path / "out")
