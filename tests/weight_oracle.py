"""Models to compare, and every statistic of `compare_weights` as its definition reads, in fp64 on whole tensors."""

from __future__ import annotations

import json
import warnings
from itertools import combinations
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

from probes import WeightShift, compare_weights
from training import Checkpoint
from training.largest import kept
from training.shards import SINGLE


def save_family(folder: Path, names: str, dtype: torch.dtype = torch.bfloat16, noise: float = 5e-3,
                shard: str = "60KB") -> tuple[str, dict[str, str]]:
    """A tiny untrained Qwen3 in several shards, and one model a letter of `names` with noise added to its weights.

    `noise` is relative to the mean magnitude of a tensor.
    """
    torch.manual_seed(0)
    config = Qwen3Config(vocab_size=96, hidden_size=48, intermediate_size=80, num_hidden_layers=3, head_dim=32,
                         num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True)
    anchor = Qwen3ForCausalLM(config).to(dtype)
    anchor.save_pretrained(folder / "base", max_shard_size=shard)
    weights = {name: tensor.clone() for name, tensor in anchor.state_dict().items()}
    for seed, name in enumerate(names, 1):
        generator = torch.Generator().manual_seed(seed)
        moved = {key: _noisy(tensor.float(), noise, generator).to(dtype)
                 for key, tensor in weights.items()}
        moved["lm_head.weight"] = moved["model.embed_tokens.weight"]
        anchor.load_state_dict(moved)
        anchor.save_pretrained(folder / name, max_shard_size=shard)
    return str(folder / "base"), {name: str(folder / name) for name in names}


def _noisy(tensor: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    return tensor + noise * tensor.abs().mean() * torch.randn(tensor.shape, generator=generator)


def write(folder, tensors, config=None):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / SINGLE)
    (folder / "config.json").write_text(json.dumps(config or {}))
    return folder


def compare(base, models, **options) -> WeightShift:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compare_weights(base, models, progress=False, **options)


class Oracle:
    """Over the tensors whose names `among` holds true of."""

    def __init__(self, base: str, models: dict[str, str], eta: float = 1e-3, among=lambda name: True):
        anchor = Checkpoint(base)
        sizes = [torch.Size(anchor.shape(name)).numel() for name in anchor.names]
        here = torch.tensor([bool(among(name)) for name in anchor.names]).repeat_interleave(torch.tensor(sizes))
        base, models = flat(base), {name: flat(model) for name, model in models.items()}
        self.base, self.weights = base[here], {name: weights[here] for name, weights in models.items()}
        self.deltas = {name: weights - self.base for name, weights in self.weights.items()}
        self.changed = {name: (self.deltas[name].abs() > eta * torch.maximum(weights.abs(), self.base.abs()))
                        for name, weights in self.weights.items()}
        self.top = {name: self.deltas[name].float().abs() >= cut(weights - base) for name, weights in models.items()}

    def change(self, name: str) -> dict[str, float]:
        delta = self.deltas[name]
        return {"n_params": len(delta), "changed": int(self.changed[name].sum()), "l2": delta.norm().item(),
                "changed_fraction": self.changed[name].double().mean().item(),
                "relative_l2": (delta.norm() / self.base.norm()).item(), "max_abs": delta.abs().max().item()}

    def pair(self, a: str, b: str) -> dict[str, float]:
        both, p, q = self.changed[a] & self.changed[b], *(self.changed[m].double().mean().item() for m in (a, b))
        agree = (self.deltas[a].sign() == self.deltas[b].sign()) & both
        return {"jaccard": jaccard(self.changed[a], self.changed[b]), "jaccard_chance": p * q / (p + q - p * q),
                "jaccard_top": jaccard(self.top[a], self.top[b]),
                "cosine": torch.cosine_similarity(self.deltas[a], self.deltas[b], dim=0, eps=0.0).item(),
                "sign_agreement": (agree.sum() / both.sum()).item()}

    def pairs(self) -> dict[tuple[str, str], dict[str, float]]:
        return {(a, b): self.pair(a, b) for a, b in combinations(self.deltas, 2)}

    def times(self) -> list[int]:
        count = sum(mask.long() for mask in self.changed.values())
        return [int((count == k).sum()) for k in range(len(self.changed) + 1)]


def flat(model: str) -> torch.Tensor:
    checkpoint = Checkpoint(model)
    return torch.cat([checkpoint.tensor(name).double().reshape(-1) for name in checkpoint.names])


def cut(delta: torch.Tensor) -> float:
    """The smallest magnitude (fp32) of the largest 20 %, ties kept, zeros never."""
    magnitudes = delta.float().abs()
    k = kept(0.2, len(magnitudes))
    return max(magnitudes.sort(descending=True).values[k - 1].item(), torch.finfo(torch.float32).smallest_normal)


def jaccard(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a & b).sum() / (a | b).sum()).item()
