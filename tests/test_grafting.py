"""Grafting layers: planted gains come out where they were put, restoring is bitwise, and all grafts together are the
expert."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from probes import grafting
from probes.grafting import chosen_grafts, graft_gains, graft_layers, grafted
from probes.places import places
from probes.sources import ProbeError
from tests import tiny
from tests.families import CONFIGS, new_network
from training.checkpoints import Checkpoint
from training.domains import get_domain
from training.intervals import interval
from training.organism.anchor import ANCHOR
from training.rollouts import load

TASKS = get_domain("science").tasks("test", 4)


def saved(folder, network, tokenizer=None):
    network.save_pretrained(folder)
    (tokenizer or tiny.tokenizer()).save_pretrained(folder)
    return str(folder)


def family(root, kind):
    """(anchor, expert): two untrained models of a family, stored in bf16."""
    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = new_network(kind).to(torch.bfloat16)
        models.append(saved(root / f"{kind}-{seed}", network))
    return models


def changed_in_layers(folder, source, layers, change):
    """A model whose weights of some layers went through `change`, the seed of torch's generator being fixed."""
    network, tokenizer = load(str(source))
    torch.manual_seed(5)
    with torch.no_grad():
        for layer in layers:
            for name, weight in network.model.layers[layer].named_parameters():
                weight.copy_(change(name, weight))
    return saved(folder, network, tokenizer)


@pytest.fixture(scope="module")
def anchor(tmp_path_factory):
    return tiny.save_model(tmp_path_factory.mktemp("anchor"), layers=3)


def moved(_, weight):
    return weight + 0.2 * torch.randn_like(weight)


def test_a_layer_that_alone_differs_is_the_expert(anchor, tmp_path, monkeypatch):
    """Completion by completion: put in, it makes the expert of the anchor; taken out, the anchor of the expert."""
    expert = changed_in_layers(tmp_path, anchor, [1], moved)
    written, real = [], grafting.write_traces

    def spy(*args, **kwargs):
        written.append(real(*args, **kwargs))
        return written[-1]

    monkeypatch.setattr(grafting, "write_traces", spy)
    table = graft_layers(anchor, expert, TASKS, n=2, progress=False)
    runs = list(table.groupby(["direction", "layer"], sort=False, dropna=False).groups)
    texts = dict(zip(runs, (traces["completion"].tolist() for traces in written), strict=True))
    (_, ours), (_, theirs) = ((key, text) for key, text in texts.items() if key[0] in ("anchor", "expert"))
    assert ours != theirs
    for layer in (-1, 0, 1, 2):
        assert texts["in", layer] == (theirs if layer == 1 else ours)
        assert texts["out", layer] == (ours if layer == 1 else theirs)
    assert list(table.columns) == [*grafting.KEYS, *grafting.MEASURED]
    assert table["completion"].tolist() == [text for run in texts.values() for text in run]
    assert len(table) == 10 * 2 * len(TASKS) and set(table["part"]) == {"all"}
    assert table["layer"].isna().sum() == table["window"].isna().sum() == 2 * 2 * len(TASKS)


def test_a_broken_layer_of_the_organism_is_where_its_skill_is(tmp_path):
    """The organism's own anchor as the expert; the anchor is one whose MLP of layer 0 puts out nothing."""
    broken = changed_in_layers(tmp_path, ANCHOR, [0], lambda name, w: w * 0 if name == "mlp.down_proj.weight" else w)
    tasks = get_domain("math").tasks("test", 6)
    tables = [graft_layers(broken, ANCHOR, tasks, layers=layers, part=part, directions=direction, n=1, temperature=0,
                           progress=False)
              for layers, part, direction in (([0, 2], None, "in"), (0, "attn", "in"), (0, "mlp", "out"))]
    gains = graft_gains(pd.concat(tables)).set_index(["direction", "layer", "part"])["share"]
    assert gains["in", 0, "all"] == gains["out", 0, "mlp"] == 1
    assert gains["in", 2, "all"] == gains["in", 0, "attn"] == 0


def marks(network, *_, tasks, **__):
    """Traces of a model in which what is correct depends on which of its layers are the expert's, by a mark there.

    math: two of ten tasks for each of layers 0 and 2, two for none; science: layers 0 and 1 are needed together.
    """
    theirs = [bool((layer.input_layernorm.weight == 2).all()) for layer in network.model.layers]
    solved = {"math": lambda k: k < 2 or (theirs[0] and k < 4) or (theirs[2] and 4 <= k < 8),
              "science": lambda _: theirs[0] and theirs[1]}
    return pd.DataFrame([(domain, f"{domain}/{k}", sample, right(k), float(right(k)), 5, "")
                         for domain, right in solved.items() for k in range(10) for sample in range(2)],
                        columns=grafting.MEASURED)


@pytest.fixture(scope="module")
def marked(anchor, tmp_path_factory):
    return changed_in_layers(tmp_path_factory.mktemp("marked"), anchor, [0, 1, 2],
                             lambda name, w: w * 0 + 2 if name == "input_layernorm.weight" else w)


@pytest.mark.parametrize(("window", "expected"), [
    (1, {"math": ([0, 0.2, 0, 0.4], [0, 0.2, 0, 0.4]), "science": ([0, 0, 0, 0], [0, 1, 1, 0])}),
    (2, {"math": ([0, 0.2, 0.4], [0, 0.2, 0.4]), "science": ([0, 1, 0], [0, 1, 1])}),
    (3, {"math": ([0, 0.6], [0, 0.6]), "science": ([0, 1], [0, 1])}),
])
def test_planted_gains(window, expected, anchor, marked, monkeypatch):
    """A gain in two places is shared by them; what takes two layers is enough in neither and needed in both."""
    monkeypatch.setattr(grafting, "write_traces", marks)
    gains = graft_gains(graft_layers(anchor, marked, TASKS, window=window, progress=False))
    for domain, directions in expected.items():
        whole = 0.6 if domain == "math" else 1
        for direction, planted in zip(("in", "out"), directions, strict=True):
            rows = gains[(gains["domain"] == domain) & (gains["direction"] == direction)]
            assert rows["layer"].tolist() == list(range(-1, 3 - window + 1))
            assert rows["gain"].tolist() == pytest.approx(planted)
            assert rows["share"].tolist() == pytest.approx([gain / whole for gain in planted])
            assert (rows["n_tasks"] == 10).all()
        top = gains[(gains["domain"] == domain) & (gains["direction"] == "expert")].iloc[0]
        assert (top["gain"], top["share"]) == (pytest.approx(whole), 1) and top["layer"] is pd.NA
    assert not (gains["direction"] == "anchor").any()


def by_hand(**accuracies):
    """A table of one domain from (tasks, samples) arrays of 0 and 1 by direction; rows in another order each time."""
    rows = [(direction, None if direction in ("anchor", "expert") else 0, None, "all", "math", f"t{task:02}", sample,
             bool(right), float(right), 3, "") for direction, cells in accuracies.items()
            for task, samples in enumerate(cells) for sample, right in enumerate(samples)]
    table = pd.DataFrame(rows, columns=[*grafting.KEYS, *grafting.MEASURED]).astype({"layer": "Int64"})
    return table.sample(frac=1, random_state=0)


def test_gains_against_numpy():
    rng = np.random.default_rng(0)
    cells = {name: rng.random((40, 3)) < p for name, p in
             {"anchor": 0.3, "expert": 0.8, "in": 0.5, "out": 0.6}.items()}
    gains = graft_gains(by_hand(**cells)).set_index("direction")
    means = {name: values.mean(axis=1) for name, values in cells.items()}
    for direction, by_task in (("in", means["in"] - means["anchor"]), ("out", means["expert"] - means["out"]),
                               ("expert", means["expert"] - means["anchor"])):
        row, oracle = gains.loc[direction], interval(by_task[:, None])
        assert row["accuracy"] == pytest.approx(means[direction].mean())
        assert row[["gain", "ci_low", "ci_high"]].tolist() == pytest.approx([oracle.value, oracle.low, oracle.high])
        assert row["share"] == pytest.approx(by_task.mean() / (means["expert"] - means["anchor"]).mean())


@pytest.mark.parametrize("expert", [[[1], [0]], [[0], [0]]])
def test_no_whole_gain_has_no_shares(expert):
    gains = graft_gains(by_hand(anchor=[[1], [0]], expert=expert, out=[[1], [1]]))
    assert gains["share"].isna().all()


@pytest.mark.parametrize(("cells", "says"), [
    ({"expert": [[1]], "in": [[1]]}, "the table has no rows of direction 'anchor' in math"),
    ({"anchor": [[1]], "in": [[1]]}, "the table has no rows of direction 'expert' in math"),
    ({"anchor": [[1]], "expert": [[1]], "in": [[1], [0]]}, "direction 'in' has other tasks than the anchor and"),
])
def test_tables_without_gains(cells, says):
    with pytest.raises(ProbeError, match=says):
        graft_gains(by_hand(**cells))


def bits(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_grafts_together_are_the_expert_and_leave_no_trace(kind, dtype, tmp_path):
    models = family(tmp_path, kind)
    (network, _), (expert, _) = (load(model, "cpu", dtype) for model in models)
    own, donor = map(Checkpoint, models)
    before, grafts = bits(network), chosen_grafts(own.names)
    assert sorted(name for graft in grafts for name in graft.names) == sorted(own.names)
    with grafted(network, own, donor, own.names):
        assert same(bits(network), bits(expert)) and not same(bits(network), before)
    assert same(bits(network), before)
    for graft in grafts:
        with pytest.raises(KeyboardInterrupt), grafted(network, own, donor, graft.names):
            moved = {name for name, tensor in bits(network).items() if not torch.equal(tensor, before[name])}
            assert moved - {"lm_head.weight"} <= set(graft.names)
            raise KeyboardInterrupt
        assert same(bits(network), before)


@pytest.mark.parametrize(("kind", "attention", "mlp"), [
    ("qwen3", {"q", "k", "v", "o", "norm"}, {"gate", "up", "down"}),
    ("llama", {"q", "k", "v", "o"}, {"gate", "up", "down"}),
    ("gpt2", {"qkv", "o"}, {"up", "down"}),
])
def test_parts(kind, attention, mlp, tmp_path):
    """With the norms of queries and keys, which only Qwen3 has; without those before attention and MLP."""
    names = Checkpoint(family(tmp_path, kind)[0]).names
    where = places(names)
    for part, expected in (("attn", attention), ("mlp", mlp)):
        grafts = chosen_grafts(names, part=part, window=2)
        assert [graft.layer for graft in grafts] == [0, 1] and {graft.part for graft in grafts} == {part}
        assert {where[name] for name in grafts[1].names} == {(k, module) for k in (1, 2) for module in expected}
        assert not any("layernorm" in name or "ln_" in name for name in grafts[0].names)


def test_router_and_experts_are_of_the_mlp():
    names = [f"model.layers.0.{rest}.weight" for rest in
             ("self_attn.q_proj", "mlp.gate", "mlp.experts.0.up_proj", "input_layernorm")]
    assert chosen_grafts(names, part="mlp")[0].names == tuple(names[1:3])


def test_outside_of_the_blocks(anchor):
    graft, = chosen_grafts(Checkpoint(anchor).names, [-1, -1], window=2)
    assert graft.names == ("model.embed_tokens.weight", "model.norm.weight") and graft.window == 1


@pytest.mark.parametrize(("arguments", "says"), [
    ({"tasks": []}, "no tasks to measure a gain on"),
    ({"layers": 3}, r"no graft of all, 1 layers wide, begins at 3; choose among -1 to 2 \(-1: outside the blocks\)"),
    ({"layers": [0, 2], "window": 2}, "no graft of all, 2 layers wide, begins at 2; choose among -1 to 1"),
    ({"layers": -1, "part": "attn"}, "no graft of attn, 1 layers wide, begins at -1; choose among 0 to 2$"),
    ({"layers": [True]}, "no graft of all, 1 layers wide, begins at True"),
    ({"layers": []}, "no layers to graft; choose among -1 to 2"),
    ({"window": 0}, "window is 0; choose 1 to 3 layers"),
    ({"window": 4}, "window is 4; choose 1 to 3 layers"),
    ({"window": 1.5}, "window is 1.5"),
    ({"part": "norm"}, "unknown part 'norm'; choose attn or mlp, or None for all of a layer"),
    ({"directions": ("in", "up")}, "unknown direction 'up'; choose among in, out"),
    ({"directions": ()}, "no directions to graft in; choose among in, out"),
])
def test_what_is_refused(arguments, says, anchor):
    with pytest.raises(ProbeError, match=says):
        graft_layers(anchor, anchor, **{"tasks": TASKS, **arguments})


def test_a_part_that_a_layer_lacks():
    with pytest.raises(ProbeError, match="no tensor of layer 1 belongs to attn; its tensors are model.layers.1.mlp.up"):
        chosen_grafts(["model.layers.0.attn.q.weight", "model.layers.1.mlp.up.weight"], part="attn")


def test_models_that_do_not_fit_together(anchor, tmp_path):
    deeper = tiny.save_model(tmp_path, layers=4)
    with pytest.raises(ProbeError, match=r"the expert \(.*\) has, beyond the base's, 11 tensors: model.layers.3"):
        graft_layers(anchor, deeper, TASKS)


def test_models_that_read_the_tasks_otherwise(anchor, tmp_path):
    network, tokenizer = load(anchor)
    tokenizer.chat_template = f"{tokenizer.chat_template} "
    other = saved(tmp_path, network, tokenizer)
    with pytest.raises(ProbeError, match=f"read task {TASKS[0].id} as other tokens; save both"):
        graft_layers(anchor, other, TASKS)


def test_tensors_that_the_loaded_model_lacks(anchor, tmp_path):
    load(anchor)[0].save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({**tensors, "model.layers.0.mlp.extra.weight": torch.ones(2)}, tmp_path / "model.safetensors",
              {"format": "pt"})
    tiny.tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ProbeError, match="holds 1 tensors that Qwen3ForCausalLM lacks under these names: model"):
        graft_layers(tmp_path, tmp_path, TASKS, progress=False)
