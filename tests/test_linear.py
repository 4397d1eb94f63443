"""Linear probes: a label planted from a layer on, controls that see what they should, and nothing that leaks."""

from shutil import copytree
from weakref import ref

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM

from probes.controls import fit, folds_of
from probes.linear import COSINES, SCORES, TRANSFER, LinearProbes, linear_probe
from probes.sources import ProbeError
from tests import tiny
from training import rollouts

PLANTED = 2
"""Blocks before this one move nothing from token to token."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A base of 4 blocks that knows the first token at the last from block PLANTED on; its copy; another; a deeper."""
    folder = tmp_path_factory.mktemp("models")
    made = {name: tiny.save_model(folder / name, seed, layers)
            for name, seed, layers in (("base", 0, 4), ("other", 1, 4), ("deeper", 2, 5))}
    for path in made.values():
        network = AutoModelForCausalLM.from_pretrained(path)
        with torch.no_grad():
            for block in network.model.layers[:PLANTED]:
                block.self_attn.o_proj.weight.zero_()
        network.save_pretrained(path)
    return {**made, "copy": str(copytree(made["base"], folder / "copy"))}


@pytest.fixture(scope="module")
def examples():
    """240 texts of 40 tasks: the label is the first token, 8 or 9; the others say nothing, and the bag starts there."""
    rng = np.random.default_rng(0)
    labels, rest = rng.random(240) < 0.5, rng.integers(0, 8, (240, 7))
    return pd.DataFrame({"text": [f"{8 + label} " + " ".join(map(str, row)) for label, row in zip(labels, rest,
                                                                                                strict=True)],
                         "label": labels, "group": np.arange(240) // 6, "start": 1, "position": 15,
                         "domain": np.where(np.arange(240) < 120, "here", "there")})


@pytest.fixture(scope="module")
def probes(models, examples):
    chosen = {name: models[name] for name in ("base", "copy", "other")}
    return linear_probe(chosen, examples, progress=False, device="cpu")


def test_a_label_is_found_from_the_layer_it_is_planted_at(probes):
    scores = probes.scores
    assert tuple(scores.columns) == SCORES and len(scores) == 12
    assert set(scores["n"]) == {240} and set(scores["n_groups"]) == {40}
    before, after = (scores[scores["layer"] < PLANTED], scores[scores["layer"] >= PLANTED])
    assert before["auroc"].between(before["shuffled_low"], before["shuffled_high"]).all()
    assert (after["ci_low"] > after["shuffled_high"]).all() and (after["auroc"] > 0.95).all()
    assert scores["shuffled"].between(0.4, 0.6).all()
    assert (scores["tokens_low"] < 0.5).all() and (scores["tokens_high"] > 0.5).all()
    assert (scores["ci_low"] <= scores["auroc"]).all() and (scores["auroc"] <= scores["ci_high"]).all()


def test_words_that_hold_the_label_show_in_the_bag_of_tokens(models, examples):
    found = linear_probe({"base": models["base"]}, examples.drop(columns="start"), layers=0, progress=False)
    assert found.scores["tokens"].tolist() == [1.0] and found.scores["auroc"].iloc[0] < 0.7


def test_a_copy_is_the_base(probes):
    scores, transfer, cosines = probes.scores, probes.transfer(), probes.cosines()
    one, other = (scores[scores["model"] == name].drop(columns="model").reset_index(drop=True)
                  for name in ("base", "copy"))
    pd.testing.assert_frame_equal(one, other)
    same = transfer[transfer["source"].isin(["base", "copy"]) & transfer["target"].isin(["base", "copy"])]
    assert len(same) == 16 and (same.groupby("layer")["auroc"].nunique() == 1).all()
    diagonal = transfer[transfer["source"] == transfer["target"]].sort_values(["source", "layer"])
    assert diagonal["auroc"].tolist() == scores.sort_values(["model", "layer"])["auroc"].tolist()
    pair = cosines[(cosines["model_a"] == "base") & (cosines["model_b"] == "copy")]
    np.testing.assert_allclose(pair[["cosine", "shuffled"]], 1, atol=1e-6)
    assert tuple(transfer.columns) == TRANSFER and tuple(cosines.columns) == COSINES


def test_another_model_holds_it_elsewhere(probes):
    transfer, cosines = probes.transfer(), probes.cosines()
    across = transfer[(transfer["source"] == "base") & (transfer["target"] == "other")]
    assert (across["auroc"] < 0.9).all() and len(cosines) == 12
    assert cosines[cosines["model_b"] == "other"]["cosine"].abs().max() < 0.5


def test_features_are_what_transformers_gives(probes, models, examples):
    network = AutoModelForCausalLM.from_pretrained(models["base"]).eval()
    rows, layer = probes.rows["base"], 2
    for place, number in ((0, rows.index[0]), (100, rows.index[100])):
        ids = torch.tensor([tiny.tokenizer()(examples["text"][number])["input_ids"]])
        with torch.no_grad():
            state = network(ids, output_hidden_states=True).hidden_states[layer + 1][0, -1]
        np.testing.assert_allclose(probes.features["base", layer][place], state, atol=1e-5)
        assert rows["label"].iloc[place] == examples["label"][number]


def test_the_order_of_the_rows_does_not_matter_to_what_is_read(probes, models, examples):
    mixed = examples.sample(frac=1, random_state=0)
    again = linear_probe({"base": models["base"]}, mixed, layers=[3], progress=False)
    places = again.rows["base"].index.get_indexer(probes.rows["base"].index)
    np.testing.assert_allclose(again.features["base", 3][places], probes.features["base", 3], atol=1e-5)
    np.testing.assert_array_equal(again.tokens["base"][places], probes.tokens["base"])


def test_a_text_is_read_at_several_places(models, examples):
    """Rows that share texts, at the last token and in the middle, are as rows by themselves."""
    both = pd.concat([examples, examples.assign(position=8)], ignore_index=True)
    alone = linear_probe({"base": models["base"]}, examples.assign(position=8), layers=[3], progress=False)
    found = linear_probe({"base": models["base"]}, both, layers=[3], progress=False)
    middle = (found.rows["base"]["position"] == 8).to_numpy()
    np.testing.assert_allclose(found.features["base", 3][middle], alone.features["base", 3], atol=1e-5)


def test_each_model_on_traces_of_its_own(models, examples):
    own = examples.assign(model=np.where(np.arange(240) % 2 == 0, "base", "deeper"))
    found = linear_probe({name: models[name] for name in ("base", "deeper")}, own, progress=False)
    assert set(found.scores["n"]) == {120} and len(found.scores) == 9
    assert found.rows["base"].index.tolist() == list(range(0, 240, 2))
    folds = pd.concat(found.rows.values()).groupby("group")["fold"].nunique()
    transfer = found.transfer()
    assert (folds == 1).all() and len(transfer) == 4 * 4 + 1  # the deeper model's last layer is its own
    across = transfer[(transfer["source"] == "deeper") & (transfer["target"] == "base")]
    assert across["layer"].tolist() == [0, 1, 2, 3] and (across["tokens"] != across["auroc"]).all()


def test_one_model_is_in_memory_at_a_time(models, examples, monkeypatch):
    alive, load = [], rollouts.load

    def watched(*args):
        assert not any(network() is not None for network in alive)
        network, tokenizer = load(*args)
        alive.append(ref(network))
        return network, tokenizer

    monkeypatch.setattr(rollouts, "load", watched)
    linear_probe({name: models[name] for name in ("base", "copy")}, examples, layers=0, progress=False)
    assert len(alive) == 2


def test_shuffled_labels_are_within_the_control(models, examples):
    mixed = examples.assign(label=np.random.default_rng(1).permutation(examples["label"]))
    scores = linear_probe({"base": models["base"]}, mixed, progress=False).scores
    assert scores["auroc"].between(scores["shuffled_low"], scores["shuffled_high"]).all()


def planted(turn: float, rng=None):
    """A LinearProbes of two models and domains: where b, and the second domain, hold the label turned by an angle."""
    rng = rng or np.random.default_rng(0)
    labels, groups = rng.random(400) < 0.5, np.arange(400) // 5
    second = groups >= 40
    rows = pd.DataFrame({"label": labels, "group": groups, "fold": folds_of(labels, groups, 5, 0),
                         "domain": np.where(second, "y", "x")})
    features = {}
    for name, angle in (("a", 0.0), ("b", turn)):
        noise = rng.standard_normal((400, 16))
        angles = angle + second * turn
        noise[:, 0] += 2 * labels * np.cos(angles)
        noise[:, 1] += 2 * labels * np.sin(angles)
        features[name, 0] = noise
    bag = rng.poisson(1, (400, 5))
    directions = {key: torch.tensor(fit(values[~second], labels[~second]).direction)
                  for key, values in features.items()}
    return LinearProbes(pd.DataFrame(), directions, {"a": rows, "b": rows}, features, {"a": bag, "b": bag}, 0)


@pytest.mark.parametrize("turn", [0.0, np.pi / 2, np.pi])
def test_transfer_and_cosine_follow_the_angle(turn):
    found = planted(turn)
    assert found.cosines()["cosine"].item() == pytest.approx(np.cos(turn), abs=0.2)
    assert abs(found.cosines()["shuffled"].item()) < 0.6
    table = found.transfer("domain")
    assert table["model"].tolist() == ["a"] * 4 + ["b"] * 4 and table["n"].tolist() == [200] * 8
    diagonal = table["source"] == table["target"]
    assert (table[diagonal]["auroc"] > 0.85).all()
    expected = {0.0: (0.85, 1), np.pi / 2: (0.35, 0.65), np.pi: (0, 0.15)}[turn]
    assert table[~diagonal]["auroc"].between(*expected).all()
    assert table["tokens"].between(0.3, 0.7).all()


def test_no_task_trains_and_tests():
    """Also not across domains or models: features that name the group are of no use."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 6)
    labels = (rng.random(40) < 0.5)[groups]
    rows = pd.DataFrame({"label": labels, "group": groups, "fold": folds_of(labels, groups, 5, 0)})
    features = {(name, 0): np.eye(40)[groups] + 1e-3 * rng.standard_normal((240, 40)) for name in "ab"}
    bag = np.ones((240, 1))
    found = LinearProbes(pd.DataFrame(), {}, {"a": rows, "b": rows}, features, {"a": bag, "b": bag}, 0).transfer()
    assert len(found) == 4 and found["auroc"].between(0.2, 0.8).all() and (found["tokens"] == 0.5).all()


CASES = [
    ({"models": {}}, "models must be a dict of at least one name to a path or hub id, got {}"),
    ({"examples": lambda t: t.drop(columns=["label", "group"])},
     "examples lack label, group; they need text, position, label, group"),
    ({"examples": lambda t: t[:0]}, "there are no examples; give some of each label"),
    ({"examples": lambda t: t.assign(label=[None, *t["label"][1:]])},
     "row 0 of the examples has label None; it must be True or False"),
    ({"examples": lambda t: t.assign(label="yes")}, "row 0 of the examples has label 'yes'; it must be True or False"),
    ({"examples": lambda t: t.assign(position=16)},
     "row 0 of the examples has position 16; it must be a whole number, 1 to the text's length"),
    ({"examples": lambda t: t.assign(position=float("nan"))}, "row 0 of the examples has position nan"),
    ({"examples": lambda t: t.assign(start=15)},
     "row 0 of the examples has start 15; it must be a whole number, 0 or more, below position"),
    ({"examples": lambda t: t.assign(text=[*t["text"][:-1], ""])}, "row 239 of the examples has text ''"),
    ({"examples": lambda t: t.assign(group=[*t["group"][:-1], None])},
     "row 239 of the examples has group nan; it must be something to tell groups by"),
    ({"examples": lambda t: t.assign(model="who")}, "row 0 of the examples has model 'who'; it must be one of base"),
    ({"examples": lambda t: t.assign(domain=None)}, "row 0 of the examples has domain None"),
    ({"examples": lambda t: t.assign(label=True)},
     "the examples: 0 groups have a row labelled False; 5 folds need 5 of them"),
    ({"examples": lambda t: t[:24]}, "the examples: 4 groups have a row labelled True; 5 folds need 5 of them"),
    ({"folds": 1}, "folds is 1; choose at least 2"),
    ({"seed": -1}, r"seed must be a whole number from 0 to 2\*\*32 - 1, got -1"),
    ({"site": "head"}, "unknown site 'head'; choose among resid, attn, mlp"),
    ({"batch_size": 0}, "batch_size is 0; choose at least 1 text at a time"),
    ({"layers": [0, 7]}, "there is no layer 7; the model has layers 0 to 3"),
    ({"backend": "jax"}, "unknown backend 'jax'"),
    ({"examples": lambda t: t.assign(text=t["text"] + " 1" * 2048)},
     "text 0 has 2056 tokens, the context of model 'base' holds 2048; cut it, or leave it out"),
]


@pytest.mark.parametrize(("changes", "says"), CASES)
def test_what_is_refused(changes, says, models, examples):
    wanted = {"models": {"base": models["base"]}, "examples": lambda table: table, "progress": False, **changes}
    with pytest.raises(ProbeError, match=says):
        linear_probe(**{**wanted, "examples": wanted["examples"](examples)})


def test_what_a_table_cannot_be_made_of(models, examples, probes):
    own = examples.assign(model=["base"] * 230 + ["copy"] * 10)
    with pytest.raises(ProbeError, match="model 'copy': 2 groups have a row labelled True; 5 folds need 5 of them"):
        linear_probe({name: models[name] for name in ("base", "copy")}, own, progress=False)
    with pytest.raises(ProbeError, match="cannot transfer by 'task'; choose model or domain"):
        probes.transfer("task")
    plain = linear_probe({"base": models["base"]}, examples.drop(columns="domain"), layers=0, progress=False)
    with pytest.raises(ProbeError, match="the examples have no column domain to transfer by"):
        plain.transfer("domain")
    wider = LinearProbes(plain.scores, {}, {**plain.rows, "wide": plain.rows["base"]},
                         {**plain.features, ("wide", 0): np.ones((240, 3))}, plain.tokens, 0)
    for table in (wider.transfer, wider.cosines):
        with pytest.raises(ProbeError, match="models of other widths have no .*: base has 64, wide has 3"):
            table()
    few = LinearProbes(plain.scores, {}, {"base": plain.rows["base"].assign(domain=["x"] * 236 + ["y"] * 4)},
                       plain.features, plain.tokens, 0)
    with pytest.raises(ProbeError, match="model 'base' in domain 'y': "):
        few.transfer("domain")
