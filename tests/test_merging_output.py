"""What a merge writes: what is copied, what survives the cast, and that everything loads it."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from probes.capture import open_reader
from tests.merge_zoo import DTYPES, load
from tests.planted import save_changed
from training import rollouts
from training.checkpoints import Checkpoint
from training.merging import MergeError, merge
from training.organism.anchor import ANCHOR
from training.shards import SINGLE


def test_include_copies_the_rest(plain_zoo, tmp_path):
    base, models = plain_zoo
    out = merge(base, models, tmp_path / "out", "average", include=r"mlp\.", progress=False)
    start, merged = load(base), load(out)
    changed = {name for name, tensor in merged.items() if not torch.equal(tensor, start[name])}
    assert changed == {name for name in start if "mlp." in name}
    report = json.loads((out / "merge_report.json").read_text())
    assert report["entries"] == sum(start[name].numel() for name in changed)
    assert sorted(report["copied_from_base"]) == sorted(set(start) - changed)


@pytest.mark.parametrize("written", ["bfloat16", torch.float16])
def test_out_dtype_and_what_survives_it(plain_zoo, tmp_path, written):
    base, models = plain_zoo
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


def test_output_loads_ties_stay_tied_and_assets_follow(merge_zoo, tmp_path):
    base, models, dtype = merge_zoo
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
    for said in ("`ties`", *models, *models.values(), base, '"density": 0.2', f"numpy {np.__version__}"):
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


def test_hub_ids_are_cited_with_their_commit(plain_zoo, tmp_path, monkeypatch):
    commit, repository = "0123456789abcdef0123456789abcdef01234567", tmp_path / "cache" / "models--org--sft"
    shutil.copytree(plain_zoo[0], repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    out = merge("org/sft", {"math": plain_zoo[1]["math"]}, tmp_path / "out", progress=False)
    assert "base_model:\n- org/sft\n---" in (out / "README.md").read_text()
    report = json.loads((out / "merge_report.json").read_text())
    assert report["base"] == {"source": "org/sft", "revision": commit, "dtypes": ["float32"]}
    assert report["models"]["math"]["revision"] is None


def test_transformer_lens_opens_a_merge_at_once(tmp_path):
    """From its folder, tokenizer included, and with the logits that transformers gives (checked by `open_reader`)."""
    noisy = save_changed(str(ANCHOR), tmp_path / "noisy", lambda network: [
        parameter.mul_(1 + 1e-3 * torch.randn(parameter.shape)) for parameter in network.parameters()])
    out = merge(ANCHOR, {"noisy": noisy}, tmp_path / "out", "average", progress=False)
    found = []
    for backend in ("hooks", "transformer_lens"):
        network, tokenizer = rollouts.load(str(out))
        ids = torch.tensor([rollouts.render(tokenizer, "Add 4 to 9.")])
        found.append(next(open_reader(network, tokenizer, [("resid", 7)], backend).windows(ids, torch.ones_like(ids))))
    torch.testing.assert_close(found[0]["resid", 7], found[1]["resid", 7], atol=1e-4, rtol=1e-4)
