"""One planted truth for all probes: an expert that moves the first token along a known direction at a known layer.

In the base nothing passes from token to token: attention puts out nothing. In the expert, attention of block PLACE adds
a direction, by as much as what it attends to says. Shift, probe, patch and graft must all name that block.
"""

import numpy as np
import pandas as pd
import pytest
import torch

from probes import activation_shift, graft_layers, linear_probe, patch
from probes.capture import at_tokens, open_reader
from probes.patching import recovered
from probes.sites import blocks
from probes.texts import encode
from tests.planted import LAYERS, PLACE, direction, save_base, save_changed
from training import get_domain
from training.rollouts import load


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(base, expert)."""
    folder = tmp_path_factory.mktemp("planted")

    def mute(network):
        for block in blocks(network):
            block.self_attn.o_proj.weight.zero_()

    def plant(network):
        block, tokenizer = blocks(network)[PLACE], load(base)[1]
        reader = open_reader(network, tokenizer, [("resid", PLACE - 1)])
        stream = at_tokens(reader, encode(tokenizer, ["8", "9"]), [[0], [0]])["resid", PLACE - 1]
        config = network.config
        values = block.self_attn.v_proj(block.input_layernorm(stream)).view(2, config.num_key_value_heads, -1)
        values = values.repeat_interleave(config.num_attention_heads // config.num_key_value_heads, 1).flatten(1)
        told = values[1] - values[0]  # what the heads carry of a 9 and not of an 8
        block.self_attn.o_proj.weight += 200 * direction()[:, None] * (told / told.norm())[None]

    base = save_changed(save_base(folder / "start"), folder / "base", mute)
    return base, save_changed(base, folder / "expert", plant)


@pytest.fixture(scope="module")
def texts():
    """120 texts of 40 tasks whose label is the first token, 8 or 9, read at the last."""
    rng = np.random.default_rng(0)
    labels, rest = rng.random(120) < 0.5, [rng.permutation(5) for _ in range(120)]
    written = [f"{8 + label} " + " ".join(map(str, row)) for label, row in zip(labels, rest, strict=True)]
    return pd.DataFrame({"text": written, "label": labels, "group": np.arange(120) // 3, "start": 1, "position": 11})


def test_shift_names_the_block_and_the_direction(pair, texts):
    chosen = texts["text"].tolist()[:20]
    found = activation_shift(pair[0], {"expert": pair[1]}, chosen, progress=False).set_index("layer")
    assert (found.loc[:PLACE - 1, "relative_l2"] == 0).all() and found.loc[:PLACE - 1, "cka"].tolist() == pytest.approx(
        [1] * PLACE, abs=1e-5)
    assert (found.loc[PLACE:, "relative_l2"] > 0.05).all() and (found.loc[PLACE:, "cka"] < 0.999).all()
    encoded, reader = encode(load(pair[0])[1], chosen), open_reader(*load(pair[1]), [("attn", PLACE)])
    added = at_tokens(reader, encoded, [[len(ids) - 1] for ids in encoded.ids])["attn", PLACE]
    assert torch.cosine_similarity(added, direction()[None]).abs().min() > 0.9999


def test_probe_names_the_block(pair, texts):
    scores = linear_probe(dict(zip(("base", "expert"), pair, strict=True)), texts, progress=False).scores
    known = scores[(scores["model"] == "expert") & (scores["layer"] >= PLACE)]
    rest = scores.drop(known.index)
    assert (known["ci_low"] > known["shuffled_high"]).all()
    assert rest["auroc"].between(rest["shuffled_low"], rest["shuffled_high"]).all()


def test_patch_names_the_block_and_the_site(pair, texts):
    chosen = texts["text"].tolist()[:20]
    last = [(10, 11)] * 20
    found = recovered(patch(*pair, chosen, last, sites=("resid", "attn"), progress=False)).set_index(["site", "layer"])
    assert found.loc["resid"].recovered.tolist() == pytest.approx([0] * PLACE + [1] * (LAYERS - PLACE), abs=1e-3)
    alone = [0] * PLACE + [1] + [0] * (LAYERS - PLACE - 1)
    assert found.loc["attn"].recovered.tolist() == pytest.approx(alone, abs=0.02)


def test_graft_names_the_block_and_the_part(pair):
    tasks = get_domain("math").tasks("test", 3)
    for part, there in ((None, True), ("attn", True), ("mlp", False)):
        table = graft_layers(*pair, tasks, range(LAYERS), part=part, n=1, progress=False)
        texts = table.groupby(["direction", "layer"], dropna=False)["completion"].agg(list)
        ours, theirs = texts["anchor"].iloc[0], texts["expert"].iloc[0]
        assert ours != theirs
        for layer in range(LAYERS):
            carried = there and layer == PLACE
            assert texts["in", layer] == (theirs if carried else ours)
            assert texts["out", layer] == (ours if carried else theirs)
