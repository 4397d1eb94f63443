"""Where a tensor sits, read from its name."""

import pytest

from probes.places import places


@pytest.mark.parametrize(("name", "place"), [
    ("model.layers.12.self_attn.q_proj.weight", (12, "q")),
    ("model.layers.3.mlp.experts.7.up_proj.weight", (3, "up")),  # an expert of a mixture
    ("model.layers.3.mlp.gate.weight", (3, "router")),  # not a gate of the feed-forward
    ("model.layers.0.self_attn.q_norm.weight", (0, "norm")),
    ("model.norm.weight", (-1, "norm")), ("lm_head.weight", (-1, "lm_head")),
    ("transformer.h.3.attn.c_attn.bias", (3, "qkv")), ("transformer.h.3.attn.c_proj.weight", (3, "o")),
    ("transformer.h.3.mlp.c_proj.weight", (3, "down")), ("transformer.wte.weight", (-1, "embedding")),
    ("gpt_neox.layers.0.attention.dense.weight", (0, "o")), ("gpt_neox.layers.0.mlp.dense_4h_to_h.bias", (0, "down")),
    ("bert.encoder.layer.0.attention.output.dense.weight", (0, "o")),
    ("bert.encoder.layer.0.output.dense.weight", (0, "down")),
    ("model.layers.5.linear_attn.A_log", (5, "linear_attn.A_log")),  # unknown: its own name
    ("w", (-1, "w")),
])
def test_places(name, place):
    assert places([name]) == {name: place}


def test_a_second_stack_of_layers_keeps_its_name():
    text = [f"model.layers.{layer}.self_attn.q_proj.weight" for layer in range(3)]
    assert places([*text, "visual.blocks.1.attn.q.weight"])["visual.blocks.1.attn.q.weight"] == (1, "visual.blocks.q")
