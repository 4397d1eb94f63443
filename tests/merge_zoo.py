"""What the tests of merging share: a tiny base, three experts of it, and how a merge is read."""

import copy

import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from training.checkpoints import Checkpoint

CONFIG = Qwen3Config(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, head_dim=16, tie_word_embeddings=True,
)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TOLERANCE = {"float32": 1e-6, "bfloat16": 2**-8}  # relative, of the cast
WEIGHT = {"math": 1.0, "coding": 0.5, "agent": 2.0}
EVEN = dict.fromkeys(WEIGHT, 1.0)


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


def load(folder, dtype=torch.float64):
    checkpoint = Checkpoint(folder)
    return {name: checkpoint.tensor(name).to(dtype) for name in checkpoint.names}


def assert_model(folder, expected, dtype):
    got = load(folder)
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert Checkpoint(folder).dtype(name) == DTYPES[dtype]
        torch.testing.assert_close(got[name], tensor, rtol=TOLERANCE[dtype], atol=1e-7)
