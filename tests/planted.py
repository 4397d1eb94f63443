"""A tiny base in a folder, and models made of it that differ in known places."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from probes.sites import blocks
from tests.tiny import save_model

LAYERS, PLACE = 4, 2
TEXTS = [
    "Ann has 14 red boxes and 3 blue ones.<think> Take away 9. 14 - 9 = 5.</think> Answer: 5",
    "Add 4.<think> 4 + 4 = 8. Let me check: 8 - 4 = 4.</think> Answer: 8",
    "Bob counts to 21.<think> 21.</think> Answer: 21",
]


def save_base(folder, seed=0):
    return save_model(folder, seed, LAYERS)


def save_changed(base, folder, change):
    """The base after change(its network)."""
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        change(network)
    network.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return str(folder)


def direction(width=64):
    """A direction of norm 1."""
    drawn = torch.randn(width, generator=torch.Generator().manual_seed(7))
    return drawn / drawn.norm()


def write_direction(network):
    """Block PLACE's MLP puts out more along `direction`, and nothing else changes."""
    weight = blocks(network)[PLACE].mlp.down_proj.weight
    generator = torch.Generator().manual_seed(8)
    weight += 3 * direction()[:, None] * torch.randn(weight.shape[1], generator=generator)[None]
