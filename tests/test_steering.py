"""Steering: the direction is the difference of means, drives what it stands for, touches of prompts the end only."""

import numpy as np
import pandas as pd
import pytest
import torch

from probes import steering
from probes.sites import blocks
from probes.sources import ProbeError
from probes.steering import Direction, adder, contrast, difference_of_means, random_directions, steer
from tests import tiny
from training.domains import get_domain
from training.rollouts import load, render
from training.traces import COLUMNS, write_traces

TASKS = get_domain("math").tasks("test", 3) + get_domain("agent").tasks("test", 2)
QUIET = {"max_new_tokens": 12, "progress": False}
WIDTH = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.save_model(tmp_path_factory.mktemp("tiny"), layers=3)


@pytest.fixture(scope="module")
def network(model):
    return load(model)[0]


def vector(seed=0):
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))


LONG, SHORT = "Ann has 14 red boxes and 3 blue ones. Check: 14 + 3 = 17.", "Add 4. Check: 4."
EXAMPLES = pd.DataFrame([(LONG, 38, True), (SHORT, 3, False), (LONG, 10, False), (SHORT, 16, True), (LONG, 5, True)],
                        columns=["text", "position", "label"])


@pytest.mark.parametrize("backend", ["hooks", "nnsight"])
def test_difference_of_means_against_numpy(model, network, backend):
    """Read by transformers itself, one text after the other."""
    read = []
    for row in EXAMPLES.itertuples():
        encoded = tiny.tokenizer()(row.text, return_offsets_mapping=True)
        token = max(k for k, (start, _) in enumerate(encoded["offset_mapping"]) if start < row.position)
        with torch.no_grad():
            states = network(torch.tensor([encoded["input_ids"]]), output_hidden_states=True).hidden_states
        read.append(states[2][0, token].numpy())
    read, label = np.stack(read), EXAMPLES["label"].to_numpy()
    found = difference_of_means(model, EXAMPLES, layer=1, backend=backend)
    assert found.vector.numpy() == pytest.approx(read[label].mean(0) - read[~label].mean(0), abs=1e-5)
    assert (found.layer, found.site, found.n_positive, found.n_negative) == (1, "resid", 3, 2)
    assert found.mean_norm == pytest.approx(np.linalg.norm(read, axis=1).mean(), rel=1e-5)
    assert found.norm == pytest.approx(float(np.linalg.norm(found.vector)))


def test_contrast_finds_a_planted_direction():
    planted, labels = vector(), torch.arange(400) % 3 == 0
    noise = torch.randn(400, WIDTH, generator=torch.Generator().manual_seed(1))
    found = contrast(noise + labels[:, None] * planted, labels, "resid", 4)
    assert torch.cosine_similarity(found.vector, planted, dim=0) > 0.98
    assert found.norm == pytest.approx(planted.norm().item(), rel=0.05)


def test_dose_zero_is_the_untouched_model(model):
    table = steer(model, TASKS, Direction(vector(), 1), doses=(0, 8), random=2, seed=3, **QUIET)
    plain = write_traces(*load(model), model, TASKS, seed=3, max_new_tokens=12)
    assert list(table.columns) == [*COLUMNS, "direction", "layer", "dose"] and set(table["layer"]) == {1}
    for name in ("given", "random-0", "random-1"):
        rows = table[table["direction"] == name]
        pd.testing.assert_frame_equal(rows[rows["dose"] == 0][list(COLUMNS)].reset_index(drop=True), plain)
        assert rows[rows["dose"] == 8]["completion"].tolist() != plain["completion"].tolist()


def token_direction(network, token):
    """What raises a token's logit above the mean of all, at the last layer."""
    rows = network.get_output_embeddings().weight.detach()
    return Direction(rows[token] - rows.mean(0), layer=-1)


def test_the_direction_of_a_token_makes_the_model_write_it(model, network):
    words = tiny.tokenizer()
    token = words(" boxes", add_special_tokens=False)["input_ids"][0]
    direction = token_direction(network, token)
    table = steer(model, TASKS, direction, doses=(-200, 200), random=1, temperature=0, **QUIET)
    texts = {key: rows["completion"].tolist() for key, rows in table.groupby(["direction", "dose"])}
    alone = words.decode([token] * 12)
    assert texts["given", 200] == [alone] * len(TASKS)
    for other in (("given", -200), ("random-0", -200), ("random-0", 200)):
        assert alone not in texts[other] and words.decode([token]) not in "".join(texts[other])


def test_the_response_rises_with_the_dose(model, network):
    words = tiny.tokenizer()
    token = words(" boxes", add_special_tokens=False)["input_ids"][0]
    table = steer(model, TASKS, token_direction(network, token), doses=(-10, 0, 2, 5, 40), random=0, n=4,
                  temperature=0.3, **QUIET)
    found = table["completion"].str.count(words.decode([token])).groupby(table["dose"]).sum()
    assert found[40] > 1.2 * found[5] > 1.2 * 1.2 * found[2] > 20 > found[0]


@pytest.mark.parametrize("layer", [0, 1])
def test_positions_before_the_last_prompt_token_are_untouched(layer, model, monkeypatch):
    """What a block puts out, and what the next one is given, in every pass over prompts of several lengths."""
    network, tokenizer = load(model)
    lengths = [len(render(tokenizer, task.prompt)) for task in TASKS]
    assert len(set(lengths)) == len(lengths)
    out, given = [], []
    blocks(network)[layer].register_forward_hook(lambda _, __, x: out.append(x))
    blocks(network)[layer + 1].register_forward_pre_hook(lambda _, x: given.append(x[0]))
    monkeypatch.setattr(steering, "load", lambda *_: (network, tokenizer))
    direction = Direction(vector(), layer)
    steer(model, TASKS, direction, doses=(0, 2), random=0, **QUIET)
    first, second = (k for k, x in enumerate(out) if x.shape[1] > 1)
    assert out[first].shape[1] == max(lengths) and len(out) > second + 5
    torch.testing.assert_close(given[first], out[first], rtol=0, atol=0)
    for x, y in zip(out[second:], given[second:], strict=True):
        assert torch.equal(y[:, :-1], x[:, :-1])
        torch.testing.assert_close(y[:, -1] - x[:, -1], 2 * direction.vector.expand(len(x), -1), rtol=1e-4, atol=1e-5)
    for row, length in enumerate(lengths):
        assert torch.equal(given[second][row, -length:-1], given[first][row, -length:-1])
        assert not torch.equal(given[second][row, -1], given[first][row, -1])


def test_the_site_is_the_directions_own(model):
    """What is added to a block's MLP is added to the stream behind it."""
    by_site = [steer(model, TASKS, Direction(vector(), 0, site), layer=1, doses=[3], **QUIET)
               for site in ("mlp", "resid", "attn")]
    assert by_site[0]["completion"].tolist() == by_site[1]["completion"].tolist() != by_site[2]["completion"].tolist()


def test_random_directions_are_as_long_and_seeded():
    given, few, many, other = vector(), *(random_directions(vector(), n, seed) for n, seed in ((1, 0), (3, 0), (1, 1)))
    assert list(many) == ["random-0", "random-1", "random-2"]
    assert torch.equal(few["random-0"], many["random-0"]) and not torch.equal(few["random-0"], other["random-0"])
    for one in many.values():
        assert one.norm().item() == pytest.approx(given.norm().item(), rel=1e-6)
        assert torch.cosine_similarity(one, given, dim=0).abs() < 0.5


def test_adder_keeps_dtype_and_what_it_is_given():
    x = torch.zeros(2, 3, 4, dtype=torch.bfloat16)
    changed = adder(torch.ones(4))(x)
    assert changed.dtype == torch.bfloat16 and not x.any()
    assert changed.sum(-1).tolist() == [[0, 0, 4]] * 2


@pytest.mark.parametrize(("arguments", "says"), [
    ({"tasks": []}, "no tasks to steer on"),
    ({"doses": []}, "no doses to give; 0 is the untouched model"),
    ({"doses": [1, float("nan")]}, "a dose must be a finite number, got nan"),
    ({"doses": [float("inf")]}, "a dose must be a finite number, got inf"),
    ({"random": -1}, "random is -1; choose how many random directions to try"),
    ({"layer": 3}, "there is no layer 3; the model has layers 0 to 2"),
    ({"direction": Direction(torch.ones(8), 0)}, "the direction has 8 entries, .* has width 64"),
    ({"direction": Direction(torch.ones(WIDTH), 0, "z")}, "unknown site 'z'; choose among resid, attn, mlp"),
])
def test_steering_that_is_refused(arguments, says, model):
    with pytest.raises(ProbeError, match=says):
        steer(model, **{"tasks": TASKS, "direction": Direction(vector(), 0), "progress": False, **arguments})


@pytest.mark.parametrize("bad", [torch.zeros(4), torch.tensor([1, torch.nan]), torch.ones(2, 2)])
def test_directions_that_are_refused(bad):
    with pytest.raises(ProbeError, match="a direction is a vector of finite numbers, not all 0; got one of shape"):
        Direction(bad, 0)


@pytest.mark.parametrize(("examples", "arguments", "says"), [
    (EXAMPLES.drop(columns="position"), {}, "examples lack position; they need text, position, label"),
    (EXAMPLES[:0], {}, "there are no examples; give some of each label"),
    (EXAMPLES[EXAMPLES["label"]], {}, "all 3 examples have label True; give both"),
    (EXAMPLES.assign(label="yes"), {}, "row 0 of the examples has label 'yes'; it must be True or False"),
    (EXAMPLES.assign(position=0), {}, "row 0 of the examples has position 0; it must be a whole number, 1 to"),
    (EXAMPLES.assign(text=""), {}, "row 0 of the examples has text ''; it must be a str, and not empty"),
    (EXAMPLES, {"layer": 5}, "there is no layer 5; the model has layers 0 to 2"),
    (EXAMPLES, {"site": "z"}, "unknown site 'z'"),
    (EXAMPLES, {"backend": "jax"}, "unknown backend 'jax'"),
    (EXAMPLES.assign(text=LONG, position=4), {}, "a direction is a vector of finite numbers, not all 0"),
])
def test_examples_that_are_refused(examples, arguments, says, model):
    with pytest.raises(ProbeError, match=says):
        difference_of_means(model, examples, **{"layer": 1, **arguments})
