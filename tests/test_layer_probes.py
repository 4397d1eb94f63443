"""The layer study: what is asked of sentences, planted relations of weights and gains, and a small zoo throughout."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from probes import compare_weights
from studies.estimates import ratio
from studies.harness import StudyError
from studies.layer_claims import Layers, claims, left_out, products, steered
from studies.layer_measures import Sizes, falsities, questions, stated
from studies.layer_probes import STUDY, run, summary
from studies.layer_tables import weight_table
from tests.planted import save_changed
from training import Zoo
from training.manifest import Manifest
from training.organism.anchor import ANCHOR

TINY = Sizes(4, 2, 1, 2, (None,), (0.0, 0.5), 1, (1,))


@pytest.mark.parametrize(("sentence", "said"), [
    ("So 14 + 9 = 23.", [False]), ("14 + 9 = 22.", [True]), ("63 / 7 = 9.", [False]), ("5 / 0 = 9.", [True]),
    ("2 * 4 + 2 = 8.", []), ("f(4) = 2 * 4 + 2 = 8 + 2 = 12.", []), ("1 + 1 = 2 and 2 + 2 = 5.", []), ("Good.", []),
    ("It is 114 + 9 = 123, then.", [False]), ("3 - 5 = 2.", [True]), ("7 - 5 = 2 + 0.", []),
])
def test_which_equations_are_false(sentence, said):
    assert falsities(sentence) == said


@pytest.mark.parametrize(("answer", "said"), [
    (" Answer: 42", "42"), (" Answer: B ", "B"), ("Done.", "Done."),
    ("def f(x):\n    return x\n", "def f(x):\n    return x"),
])
def test_where_the_final_answer_stands(answer, said):
    text = f"Add.<think> 8.</think>{answer}"
    start, end = stated(text, (text.index(answer), len(text)))
    assert text[start:end] == said and stated(text + "  ", (len(text), len(text) + 2)) is None


def test_questions_of_a_trace():
    text = "Add.<think> 4 + 4 = 9. Let me check: 9 - 4 = 5. Wait.</think> Answer: 8"
    places = {label: text.index(label) for label in ("4 + 4", "Let me", "Wait")}
    spans = {"prompt": [[(0, 4)]], "reasoning": [[(11, 48)]], "answer": [[(text.index(" Answer"), len(text))]],
             "other": [[(places["4 + 4"], places["4 + 4"] + 10), (text.index(" Answer"), len(text))]],
             "self_verification": [[(places["Let me"], places["Let me"] + 24)]],
             "backtracking": [[(places["Wait"], places["Wait"] + 5)]]}
    traces = pd.DataFrame([{"task_id": "math/1", "correct": False}])
    found = {name: rows.drop(columns="text").values.tolist() for name, rows in questions(traces, [text], spans).items()}
    assert found == {
        "right": [[text.index(" Answer"), False, "math/1", 0]],
        "verification": [[places["4 + 4"] + 10, False, "math/1", places["4 + 4"]],
                         [places["Let me"] + 24, True, "math/1", places["Let me"]],
                         [places["Wait"] + 5, False, "math/1", places["Wait"]]],
        "next": [[places["4 + 4"] + 10, True, "math/1", places["4 + 4"]],
                 [places["Let me"] + 24, False, "math/1", places["Let me"]]],
        "slip": [[places["4 + 4"] + 10, True, "math/1", places["4 + 4"]],
                 [places["Let me"] + 24, False, "math/1", places["Let me"]]],
    }


def planted_layers(follow=1.0, seeds=(0, 1, 2), control=0.0, n_layers=8):
    """Tables in which gains follow the weights of the expert (and of its control) by so much, beside noise."""
    rng, rows, grafts, steering = np.random.default_rng(0), [], [], []
    for seed in seeds:
        for domain in ("math", "coding"):
            moved, other = rng.permutation(n_layers), rng.permutation(n_layers)
            for name, sizes in ((f"expert-{domain}", moved), ("shuffled-math", other))[:1 + (domain == "math")]:
                rows += [{"seed": seed, "domain": domain, "model": name, "layer": layer, "part": "all",
                          "relative_l2": float(sizes[layer])} for layer in range(n_layers)]
            gain = follow * moved + control * other + rng.normal(0, 0.5, n_layers)
            levels = {("in", layer): 0.5 + value / 20 for layer, value in enumerate(gain)}
            grafts += [{"seed": seed, "domain": domain, "direction": kind, "layer": layer, "part": "all", "window": 1,
                        "task_id": f"t{k}", "correct": right, "self_verification": 1, "sentences": 10}
                       for (kind, layer), right in {**levels, ("anchor", None): 0.2, ("expert", None): 0.9}.items()
                       for k in range(6)]
            for kind, rate in (("given", 3), ("random-0", 1)) if domain == "math" else ():
                steering += [{"seed": seed, "domain": domain, "layer": 1, "direction": kind, "dose": 0.5,
                              "task_id": f"t{k}", "correct": k % 2, "self_verification": rate + k % 2, "sentences": 10}
                             for k in range(20)]
    grafts = pd.DataFrame(grafts).astype({"layer": "Int64", "window": "Int64"})
    empty = pd.DataFrame(columns=["question", "domain", "model", "seed", "auroc", "tokens"])
    none = pd.DataFrame()
    return Layers(pd.DataFrame(rows), none, empty, none, none, grafts, pd.DataFrame(steering),
                  {"math": "shuffled-math"})


def test_a_planted_relation_is_found_and_chance_is_not():
    by_id = {one.id: one.measured for one in claims(with_out(planted_layers()))}
    found = by_id["weights-predict-gain-in"]
    assert found.value > 0.9 and found.low > 0 and (found.n, found.seeds) == (16, 3)
    assert by_id["weights-predict-gain-in-above-shuffled"].value > 0.5
    chance = {one.id: one.measured for one in claims(with_out(planted_layers(follow=0.0)))}["weights-predict-gain-in"]
    assert abs(chance.value) < 0.5 and chance.low < 0 < chance.high


def test_a_control_that_predicts_as_well_leaves_no_difference():
    by_id = {one.id: one.measured for one in claims(with_out(planted_layers(follow=1.0, control=1.0)))}
    assert by_id["weights-predict-gain-in-above-shuffled"].low < 0


def with_out(layers):
    """The same grafts in the other direction, too."""
    taken = layers.grafts[layers.grafts["direction"] == "in"].assign(
        direction="out", correct=lambda table: 1.4 - table["correct"])
    return Layers(**{**vars(layers), "grafts": pd.concat([layers.grafts, taken])})


def test_a_rank_correlation_is_spearmans():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(1)
    cells = pd.DataFrame({"seed": 0, "domain": "math", "layer": range(12), "part": "all",
                          "relative_l2": rng.normal(size=12), "gain": rng.normal(size=12).round(0)})
    weights, gains = cells.drop(columns="gain"), cells.drop(columns="relative_l2")
    expected = spearmanr(cells["relative_l2"], cells["gain"]).statistic
    assert products(weights, gains).value == pytest.approx(expected)
    assert products(weights, gains.assign(gain=1.0)).value == 0


def test_steering_is_measured_against_random_directions():
    traces = planted_layers().steering
    assert steered(traces, "self_verification", 0.5).value == pytest.approx(20)
    by_id = {one.id: one.measured for one in claims(with_out(planted_layers()))}
    assert by_id["steering-raises-checks"].value == pytest.approx(20) and by_id["steering-raises-accuracy"].value == 0


def test_one_layer_is_chosen_by_the_other_domains():
    """Layer 2 brings 4 more in two domains and nothing in the third, whose own best layer does not count."""
    def brings(*values):
        cells = [pd.DataFrame({0: value + np.array([0.5, -0.5, 0.25, -0.25])}) for value in values]
        return dict(enumerate(map(ratio, cells)))

    found, layers = left_out({"math": brings(0, 1, 5, 1), "coding": brings(1, 0, 5, 0), "agent": brings(3, 0, 0, 0)})
    assert layers == {"math": 2, "coding": 2, "agent": 2}
    assert found.value == pytest.approx(((5 - 2 / 3) + (5 - 1 / 3) + (0 - 1)) / 3)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Experts made of the shipped anchor by noise: math in layer 3, science everywhere; and a control."""
    folder, anchor = tmp_path_factory.mktemp("zoo"), str(ANCHOR)

    def noisy(layers, seed):
        def change(network):
            generator = torch.Generator().manual_seed(seed)
            for layer in layers:
                for parameter in network.model.layers[layer].parameters():
                    parameter += 0.2 * parameter.std() * torch.randn(parameter.shape, generator=generator)
        return change

    for name, layers, seed in (("anchor", (), 0), ("math", (3,), 1), ("science", range(8), 2), ("control", (5,), 3)):
        save_changed(anchor, folder / "models" / name, noisy(layers, seed))
    made = Zoo(folder, Manifest("noisy", "planted", 0, "models/anchor", domains=["math", "science"],
                                experts={"math": "models/math", "science": "models/science"},
                                controls={"shuffled-math": "models/control"}))
    made.save()
    return made


def test_weight_tables_sum_over_the_tensors_of_a_layer(zoo):
    table = weight_table(compare_weights(zoo.anchor, {"science": zoo.experts["science"]}, progress=False))
    before, after = (load_file(f"{folder}/model.safetensors") for folder in (zoo.anchor, zoo.experts["science"]))
    for part, words in (("all", ""), ("attn", "self_attn"), ("mlp", "mlp.")):
        names = [name for name in before if name.startswith("model.layers.2.") and words in name
                 and not (words == "self_attn" and "norm" in name)]
        moved = sum((after[name] - before[name]).double().square().sum() for name in names)
        base = sum(before[name].double().square().sum() for name in names)
        row = table[(table["layer"] == 2) & (table["part"] == part)].iloc[0]
        assert row.l2 == pytest.approx(moved.sqrt().item(), rel=1e-4)
        assert row.relative_l2 == pytest.approx((moved / base).sqrt().item(), rel=1e-4)


def test_a_zoo_throughout(zoo, tmp_path):
    findings = run([zoo], tmp_path / "out", progress=False, sizes=TINY)
    out = tmp_path / "out"
    shift = pd.read_csv(out / "shift.csv")
    math = shift[(shift["domain"] == "math") & (shift["position"] == "all")].set_index("layer")["relative_l2"]
    assert (math[:2] == 0).all() and (math[3:] > 0).all()  # planted in layer 3
    grafts = pd.read_csv(out / "grafts.csv")
    here = grafts[(grafts["domain"] == "math") & (grafts["direction"] == "in") & (grafts["layer"] != 3)]
    assert len(here) == 16 and (here["change"] == 0).all()
    whole, third = (grafts[(grafts["domain"] == "math") & rows].set_index("measure")["change"] for rows in (
        grafts["direction"] == "expert", (grafts["direction"] == "in") & (grafts["layer"] == 3)))
    assert third.to_dict() == pytest.approx(whole.to_dict())
    layers = pd.read_csv(out / "layers.csv")
    assert layers["layer"].tolist() == [*range(-1, 8), *range(-1, 8)]
    assert json.loads((out / "findings.json").read_text())[0]["id"] == findings[0].id == "weights-predict-gain-in"
    assert {file.name for file in out.iterdir()} == {
        "layer_probes.png", "layer_probes.pdf", "findings.json",
        *(f"{name}.csv" for name in ("weights", "shift", "probes", "lens", "patching", "grafts", "steering", "layers"))}
    assert [line.partition(",")[0] for line in summary(out)[:3]] == ["all", "math", "science"]


def test_what_was_measured_is_not_measured_again(zoo, tmp_path, monkeypatch):
    run([zoo], tmp_path / "once", progress=False, sizes=TINY)
    monkeypatch.setattr("studies.layer_measures.write", None)
    run([zoo], tmp_path / "twice", progress=False, sizes=TINY)
    assert (tmp_path / "twice/grafts.csv").read_bytes() == (tmp_path / "once/grafts.csv").read_bytes()


def test_a_zoo_without_experts_is_refused(zoo, tmp_path):
    bare = Zoo(zoo.folder, Manifest("bare", "planted", 0, "models/anchor"))
    with pytest.raises(StudyError, match="has no experts"):
        run([bare], tmp_path / STUDY, progress=False)
