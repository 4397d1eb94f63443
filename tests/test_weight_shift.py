"""The weight-shift study: what was planted in a zoo's weights is found, and what cannot be told is said so."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from studies.dyads import permuted
from studies.estimates import of_sums, ratio
from studies.findings import Measured
from studies.harness import StudyError, main
from studies.weight_shift import STUDY, binomial, chosen_models, run, summary
from tests.weight_oracle import save_family
from training import Zoo
from training.manifest import Manifest
from training.shards import SINGLE

DOMAINS = ("math", "coding", "science", "instructions")


def make_zoo(folder, seed=0, domains=DOMAINS, controls=True, preset="planted") -> Zoo:
    """The reasoning experts and the twin share a direction, which instructions and the shuffled control do not.

    All but the shuffled control move the same half of the weights, in fp32.
    """
    base, _ = save_family(folder / "models", "", torch.float32, shard="1GB")
    weights, generator = load_file(f"{base}/{SINGLE}"), torch.Generator().manual_seed(seed)
    half, shared = ({name: torch.randn(tensor.shape, generator=generator) for name, tensor in weights.items()}
                    for _ in range(2))

    def save(name: str, share: float, moved: bool) -> str:
        tensors = {}
        for key, tensor in weights.items():
            step = share * shared[key] + torch.randn(tensor.shape, generator=generator)
            mask = half[key] > 0 if moved else torch.randn(tensor.shape, generator=generator) > 0
            tensors[key] = tensor + 1e-3 * step * mask
        (folder / "models" / name).mkdir()
        save_file(tensors, folder / "models" / name / SINGLE)
        return f"models/{name}"

    shares = {domain: 0.2 if domain == "instructions" else 1.0 for domain in domains}
    experts = {domain: save(f"expert-{domain}", share, True) for domain, share in shares.items()}
    extra = {"twin-math": save("twin-math", 3.0, True), "shuffled-math": save("shuffled-math", 0.0, False)}
    zoo = Zoo(folder, Manifest("tiny", preset, seed, "models/base", domains=list(domains), experts=experts,
                               mixed=save("mixed", 1.0, True), controls=extra if controls else {}))
    zoo.save()
    return zoo


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    findings = run([make_zoo(folder / "zoo")], folder / "out", progress=False)
    return folder / "out", {one.id: one for one in findings}


def test_what_was_planted_is_found(planted):
    _, found = planted
    for name in ("overlap-above-chance", "cosine-positive", "overlap-above-shuffled", "cosine-above-shuffled",
                 "twin-closest"):
        assert found[name].verdict == "reproduced", found[name]
        assert "bootstrap over (layer, module) cells" in found[name].test and found[name].seeds == 1
    changed = found["changed-a-minority"]  # half of the weights moved, some by less than eta
    assert 0.48 < changed.ci_low < changed.measured < changed.ci_high < 0.5
    assert changed.verdict == "reproduced" and changed.published == 0.3
    assert found["overlap-above-chance"].measured == pytest.approx(1 - 1 / 3, abs=0.02)  # the same half against chance
    assert found["cosine-positive"].measured == pytest.approx(0.2 / (2 * 1.04)**0.5, abs=0.03)
    assert found["overlap-above-shuffled"].measured == pytest.approx(1 - 1 / 3, abs=0.02)
    assert found["cosine-above-shuffled"].measured == pytest.approx((2 / 2 + 0.2 / (2 * 1.04)**0.5) / 3, abs=0.03)


def test_four_domains_are_too_few_to_tell_one_from_the_others(planted):
    _, found = planted
    one = found["reasoning-closer-cosine"]
    assert one.measured == pytest.approx(0.5 - 0.2 / (2 * 1.04)**0.5, abs=0.03) and one.ci_low > 0.2
    assert one.verdict == "inconclusive" and one.p_adjusted >= 0.25 and one.test.startswith("permutation of 4 domains")
    assert found["reasoning-closer-overlap"].verdict == "inconclusive"


def test_tables(planted):
    out, found = planted
    assert {file.name for file in out.iterdir()} == {
        "models.csv", "pairs.csv", "layers.csv", "overlap.csv", "changed_by.csv", "spectra.csv", "findings.json",
        "weight_shift.png", "weight_shift.pdf"}
    pairs = pd.read_csv(out / "pairs.csv").set_index(["model_a", "model_b"])
    both = pairs.loc[("expert-math", "expert-coding")]
    assert both.published == "about 0.45" and both.cosine_low < both.cosine < both.cosine_high
    assert abs(both.cosine - both.sketch_cosine) < 4 * both.sketch_std
    layers = pd.read_csv(out / "overlap.csv")
    assert set(layers.layer) == {-1, 0, 1, 2} and len(layers) == len(pairs) * (3 * 8 + 2)
    models = pd.read_csv(out / "models.csv").set_index("model")
    assert list(models.index) == [*(f"expert-{domain}" for domain in DOMAINS), "mixed", "twin-math", "shuffled-math"]
    assert models.changed_fraction.tolist() == pytest.approx([0.5] * 7, abs=0.02)
    times = pd.read_csv(out / "changed_by.csv")
    assert times.k.tolist() == [0, 1, 2, 3, 4] and times.weights.sum() == models.n_params.iloc[0]
    assert times.fraction[4] > 0.45 and times.expected_fraction[4] == pytest.approx(1 / 16, abs=0.01)
    written = json.loads((out / "findings.json").read_text())
    assert [one["id"] for one in written] == list(found)
    assert 5 < len(summary(out)) < 30


def test_without_controls_and_by_construction(tmp_path):
    zoo = make_zoo(tmp_path / "zoo", controls=False, preset="organism")
    found = {one.id: one for one in run([zoo], tmp_path / "out", quick=True, progress=False)}
    for name in ("overlap-above-shuffled", "cosine-above-shuffled", "twin-closest"):
        assert found[name].verdict == "not_measured" and "It takes a second expert" in found[name].note
    assert found["reasoning-closer-cosine"].by_construction and not found["cosine-positive"].by_construction
    assert not (tmp_path / "out/spectra.csv").exists()
    assert chosen_models(zoo, quick=True) == [f"expert-{domain}" for domain in DOMAINS]


def test_several_seeds_are_crossed(tmp_path):
    zoos = [make_zoo(tmp_path / f"seed{seed}", seed, ("math", "instructions")) for seed in (0, 1, 2)]
    found = {one.id: one for one in run(zoos, tmp_path / "out", quick=True, progress=False)}
    assert found["cosine-positive"].seeds == 3
    assert found["cosine-positive"].test.endswith("t over crossed cells and seeds")
    assert found["reasoning-closer-cosine"].verdict == "not_measured"
    assert pd.read_csv(tmp_path / "out/models.csv").n_seeds.tolist() == [3] * 4


@pytest.mark.parametrize("domains", [(), ("math",)])
def test_fewer_than_two_experts(tmp_path, domains, capsys):
    zoo = make_zoo(tmp_path / "zoo", domains=domains, controls=False)
    with pytest.raises(StudyError, match="has fewer than two experts"):
        run([zoo], tmp_path / "out")
    assert main(STUDY, "about", run, summary, ["--zoo", str(tmp_path / "zoo"), "--out", str(tmp_path / "out")]) == 2
    assert "fewer than two experts" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_broken_expert_is_one_sentence(tmp_path, capsys):
    make_zoo(tmp_path / "zoo", domains=("math", "instructions"), controls=False)
    file = tmp_path / "zoo/models/expert-math" / SINGLE
    tensors = load_file(file)
    tensors["model.norm.weight"][:2] = float("nan")
    for content, says in ((None, "model 'expert-math'"), (b"", "truncated or no safetensors file")):
        save_file(tensors, file) if content is None else file.write_bytes(content)
        assert main(STUDY, "about", run, summary, ["--zoo", str(tmp_path / "zoo"), "--out", str(tmp_path / "out")]) == 2
        assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_an_expert_that_did_not_move(tmp_path):
    zoo = make_zoo(tmp_path / "zoo", domains=("math", "instructions"), controls=False)
    still = tmp_path / "zoo/models/expert-math" / SINGLE
    still.write_bytes((tmp_path / "zoo/models/base" / SINGLE).read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {one.id: one for one in run([zoo], tmp_path / "out", quick=True, progress=False)}
    assert found["cosine-positive"].verdict == "not_measured"
    assert found["cosine-positive"].note == "Nothing changed in one of them."


def test_the_jackknife_of_a_ratio_is_its_linearisation():
    rng = np.random.default_rng(0)
    frames = {seed: pd.DataFrame({"y": rng.random(200), "x": 1 + rng.random(200)}) for seed in (0, 1)}
    ours = of_sums(lambda sums: sums["y"] / sums["x"], frames)
    for seed, frame in frames.items():
        exact = ratio(frame[["y"]].rename(columns={"y": seed}), frame[["x"]].rename(columns={"x": seed}))
        expected = exact.influence[seed].to_numpy() / 2
        assert ours.influence[seed].to_numpy() == pytest.approx(expected, rel=0.03, abs=2e-5)
    assert ours.interval().low < ours.value < ours.interval().high
    assert ours.influence.to_numpy().sum() == pytest.approx(0, abs=1e-12)


def test_permuted_counts_labellings():
    """Of four domains each can be the odd one out: the planted one is the farthest from 0, so p is 1/4."""
    near, far = ["a", "b", "c"], "d"
    values = {frozenset(pair): 0.0 if far in pair else 1.0 for pair in ("ab", "ac", "ad", "bc", "bd", "cd")}
    found = Measured(1.0, 0.9, 1.1, 0.001, 20, 1, "bootstrap")
    assert permuted(found, values, near, far).p == 0.25
    weak = Measured(1.0, -0.9, 1.1, 0.6, 20, 1, "bootstrap")
    assert permuted(weak, values, near, far) == weak


def test_binomial():
    assert binomial([0.5, 0.5]) == [0.25, 0.5, 0.25]
    assert binomial([1.0, 0.25, 0.0]) == [0.0, 0.75, 0.25, 0.0]
