"""Checkpoints of Qwen3's shapes for benchmarks: an anchor and experts that differ from it in about 30 % of the entries.

Untrained weights, bf16, four shards each; an expert is the anchor with noise, rounded to bf16 as in training.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from training.shards import INDEX

QWEN = {  # hidden size, layers, heads, key-value heads, feed-forward size, vocabulary
    "0.1 B": (384, 16, 8, 4, 1536, 151_936), "0.6 B": (1024, 28, 16, 8, 3072, 151_936),
    "4 B": (2560, 36, 32, 8, 9728, 151_936),
}
EXPERTS = ("math", "coding", "science", "instructions", "agent")
SHARDS, HEAD, NOISE, POOL = 4, 128, 2.8e-5, 2**22 - 1


def parameters(size: str) -> int:
    """How many weights a model has."""
    return sum(torch.Size(shape).numel() for shape in shapes(*QWEN[size]).values())


def shapes(hidden: int, layers: int, heads: int, kv: int, feed: int, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of a Qwen3's tensors; the output head is tied to the embedding."""
    found = {"model.embed_tokens.weight": (vocabulary, hidden), "model.norm.weight": (hidden,)}
    for layer in range(layers):
        block = {"self_attn.q_proj": (heads * HEAD, hidden), "self_attn.k_proj": (kv * HEAD, hidden),
                 "self_attn.v_proj": (kv * HEAD, hidden), "self_attn.o_proj": (hidden, heads * HEAD),
                 "self_attn.q_norm": (HEAD,), "self_attn.k_norm": (HEAD,), "mlp.gate_proj": (feed, hidden),
                 "mlp.up_proj": (feed, hidden), "mlp.down_proj": (hidden, feed), "input_layernorm": (hidden,),
                 "post_attention_layernorm": (hidden,)}
        found |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in block.items()}
    return found


def make(folder: Path, size: str, experts: int = len(EXPERTS)) -> tuple[Path, dict[str, Path]]:
    """The anchor and so many experts of a size, written to a new folder."""
    places = {name: folder / size.replace(" ", "") / name for name in ("anchor", *EXPERTS[:experts])}
    parts = [list(shapes(*QWEN[size]).items())[start::SHARDS] for start in range(SHARDS)]
    pools = [torch.from_numpy(np.random.default_rng(seed).standard_normal(POOL, np.float32))
             for seed in range(len(places))]
    for seed, place in enumerate(places.values()):
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps(_config(*QWEN[size])))
        weight_map = {}
        for number, part in enumerate(parts, 1):
            file = f"model-{number:05d}-of-{SHARDS:05d}.safetensors"
            save_file({name: _weights(shape, pools[0], pools[seed] if seed else None) for name, shape in part},
                      place / file, metadata={"format": "pt"})
            weight_map |= {name: file for name, _ in part}
        (place / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    return places.pop("anchor"), places


def _config(hidden: int, layers: int, heads: int, kv: int, feed: int, vocabulary: int) -> dict:
    return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "dtype": "bfloat16", "head_dim": HEAD,
            "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv, "intermediate_size": feed, "vocab_size": vocabulary,
            "tie_word_embeddings": True}


def _weights(shape: tuple[int, ...], anchor: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
    """The anchor's weights in bf16, or these with an expert's noise; both repeat a pool of random numbers."""
    n = torch.Size(shape).numel()
    base = (0.02 * anchor).repeat(-(-n // POOL))[:n].bfloat16()
    if noise is not None:
        base = (base.float() + NOISE * noise.repeat(-(-n // POOL))[:n]).bfloat16()
    return base.reshape(shape)
