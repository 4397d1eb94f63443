"""SCE and DARE against their definitions in float64 on whole models; weights by layer; what DARE's masks are."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.merge_zoo import EVEN, WEIGHT, assert_model, load
from tests.test_merging import ties_oracle
from tests.weight_oracle import write
from training.merging import MergeError, merge
from training.merging.dare import dare, mask_seed
from training.merging.sce import sce, select, shares, variance
from training.merging.weights import weights_of


def deltas_of(base, models):
    """{model: {tensor: fp64 delta}}, models in order of their names."""
    start = load(base)
    return start, {m: {n: (t.float() - start[n].float()).double() for n, t in load(models[m]).items()}
                   for m in sorted(models)}


def sce_oracle(base, models, share):
    start, deltas = deltas_of(base, models)
    merged = {}
    for n, b in start.items():
        stack = torch.stack([delta[n] for delta in deltas.values()])
        spread = stack.float().var(0, unbiased=False)
        k = int(share * int((spread > 0).sum()))
        if share < 1:
            cut = spread.flatten().sort(descending=True).values[k - 1] if k else np.inf
            stack = stack * ((spread >= cut) & (spread > 0))
        weight = (stack**2).flatten(1).sum(1)
        weight = (weight / weight.sum() if weight.sum() else torch.ones(3) / 3).view(-1, *[1] * b.dim())
        keep = (stack != 0) & ((stack > 0) == (stack.sum(0) >= 0))
        total = (weight * keep).sum(0)
        merged[n] = b + torch.where(total > 0, (weight * stack * keep).sum(0) / total.clamp(min=1e-300), 0.0)
    return merged


@pytest.mark.parametrize("share", [1.0, 0.3, 1e-9])  # 1e-9: nothing is selected
def test_sce(merge_zoo, tmp_path, share):
    base, models, dtype = merge_zoo
    out = merge(base, models, tmp_path / "out", "sce", select=share, progress=False)
    assert_model(out, sce_oracle(base, models, share), dtype)


def dared(models, base, drop, rescale, seed=0):
    """Experts (fp64) after DARE, with the masks that the function says."""
    start, deltas = deltas_of(base, models)
    experts = {}
    for m, delta in deltas.items():
        experts[m] = {}
        for n, d in delta.items():
            flat = d.flatten().numpy().astype(np.float32)
            kept = flat.copy()
            dare(kept, mask_seed(seed, m, n), 0, drop, np.float32(1))
            before, after = (np.abs(x).sum(dtype=np.float64) for x in (flat, kept))
            factor = 1 / (1 - drop) if rescale == "inverse" else before / after if min(before, after) > 1e-7 else 1
            scaled = torch.from_numpy(kept * np.float32(factor)).double().reshape(d.shape)
            experts[m][n] = start[n] + scaled
    return start, experts


@pytest.mark.parametrize("rescale", ["inverse", "l1"])
@pytest.mark.parametrize("drop", [0.2, 0.9])
def test_dare_task_arithmetic(plain_zoo, tmp_path, drop, rescale):
    base, models = plain_zoo
    start, experts = dared(models, base, drop, rescale)
    expected = {n: b + 0.5 * sum(WEIGHT[m] * (experts[m][n] - b) for m in experts) for n, b in start.items()}
    out = merge(base, models, tmp_path / "out", "dare_task_arithmetic", weight=WEIGHT, scale=0.5, drop=drop,
                rescale=rescale, progress=False)
    assert_model(out, expected, "float32")


@pytest.mark.parametrize("trim", ["global", "per_tensor"])
@pytest.mark.parametrize("rescale", ["inverse", "l1"])
def test_dare_goes_before_ties(plain_zoo, tmp_path, trim, rescale):
    base, models = plain_zoo
    start, experts = dared(models, base, 0.5, rescale)
    exact = {m: {n: t.float() for n, t in expert.items()} for m, expert in experts.items()}
    expected = ties_oracle(start, exact, 0.1, trim == "per_tensor", EVEN)
    out = merge(base, models, tmp_path / "out", "dare_ties", density=0.1, drop=0.5, rescale=rescale, trim=trim,
                progress=False)
    got = load(out)
    wrong = sum(int(((got[n] - expected[n]).abs() > 1e-6).sum()) for n in got)
    assert wrong <= 6  # base + delta - base rounds, so a few entries beside a cut may fall on the other side


@pytest.mark.parametrize("method", ["task_arithmetic", "ties"])
def test_dropping_nothing_is_the_method_itself(plain_zoo, tmp_path, method):
    base, models = plain_zoo
    plain = load(merge(base, models, tmp_path / "a", method, progress=False))
    for rescale in ("inverse", "l1"):
        other = load(merge(base, models, tmp_path / rescale, f"dare_{method}", drop=0, rescale=rescale, progress=False))
        assert all(torch.equal(tensor, other[name]) for name, tensor in plain.items())


def test_masks_are_of_the_seed_the_expert_and_the_tensor(plain_zoo, tmp_path):
    base, models = plain_zoo
    merged = {}
    for name, which, seed in (("one", models, 0), ("same", models, 0), ("other", models, 1),
                              ("alone", {"math": models["math"]}, 0), ("twin", {"twin": models["math"]}, 0)):
        merged[name] = load(merge(base, which, tmp_path / name, "dare_task_arithmetic", drop=0.5, seed=seed,
                                  progress=False))
    tensor = "model.embed_tokens.weight"
    assert torch.equal(merged["one"][tensor], merged["same"][tensor])
    assert not torch.equal(merged["one"][tensor], merged["other"][tensor])
    assert not torch.equal(merged["alone"][tensor], merged["twin"][tensor])


@pytest.mark.parametrize("drop", [0.1, 0.5, 0.9])
def test_drops_are_as_frequent_as_asked_and_the_mean_stays(drop):
    """Over 200,000 entries: 5 standard errors; neighbors and other seeds are independent."""
    n, masks = 200_000, []
    for seed in range(4):
        delta = np.ones(n, np.float32)
        dare(delta, np.uint64(seed), 0, drop, np.float32(1 / (1 - drop)))
        masks.append(delta != 0)
        assert abs(masks[-1].mean() - (1 - drop)) < 5 * (drop * (1 - drop) / n)**0.5
        assert delta.mean() == pytest.approx(1, abs=5 * (drop / (1 - drop) / n)**0.5)
    assert abs(np.corrcoef(masks[0], masks[1])[0, 1]) < 5 / n**0.5
    assert abs(np.corrcoef(masks[0][1:], masks[0][:-1])[0, 1]) < 5 / n**0.5


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.integers(0, 2**40), st.floats(0, 0.99), st.data())
def test_masks_do_not_depend_on_blocks(n, seed, drop, data):
    cut = data.draw(st.integers(0, n))
    whole, first, second = (np.arange(1, size + 1, dtype=np.float32) for size in (n, n, n))
    dare(whole, np.uint64(seed), 0, drop, np.float32(1))
    dare(first[:cut], np.uint64(seed), 0, drop, np.float32(1))
    dare(second[cut:], np.uint64(seed), cut, drop, np.float32(1))
    assert np.array_equal(whole, np.concatenate([first[:cut], second[cut:]]))


@pytest.mark.parametrize(("deltas", "cut", "merged"), [
    ([[1.0], [3.0]], 0.0, [(1 * 1 + 9 * 3) / 10]),  # weights by mean square
    ([[1.0], [-1.0]], 0.0, [1.0]),  # a sum of 0 counts as +
    ([[2.0, 2.0], [2.0, -2.0]], 0.0, [0.0, 2.0]),  # no variance: not selected
    ([[0.0], [0.0]], 0.0, [0.0]),
    ([[1e-5, 2e-5], [3e-5, 0.0]], 0.0, [(5e-10 * 1e-5 + 9e-10 * 3e-5) / 14e-10, 2e-5]),  # small: as the formula says
])
def test_sce_entry_by_entry(deltas, cut, merged):
    chosen = select(np.array(deltas, np.float32), cut)
    weights = shares((chosen.astype(np.float64)**2).sum(axis=1))
    assert sce(chosen, weights).tolist() == pytest.approx(merged, rel=1e-6)


def test_variance_of_equals_is_zero():
    assert variance(np.full((3, 4), 0.1, np.float32)).tolist() == [0.0] * 4


NAMES = ["model.embed_tokens.weight", *(f"model.layers.{k}.mlp.w" for k in range(5)), "model.norm.weight"]


@pytest.mark.parametrize(("weight", "expected"), [
    (0.5, [0.5] * 7), ([1, 2, 3, 4, 5], [1, 1, 2, 3, 4, 5, 1]), ([0, 1], [0, 0, 0.25, 0.5, 0.75, 1, 0]),
    ([7], [7] * 7), ({r"layers\.[23]\.": 1, ".*": 0}, [0, 0, 0, 1, 1, 0, 0]),
    ({"mlp": 2, "layers.1": 9, "": 3}, [3, 2, 2, 2, 2, 2, 3]),  # the first that matches
])
def test_weights_along_layers_and_by_pattern(weight, expected):
    assert [one[0] for one in weights_of({"a": weight}, NAMES).values()] == pytest.approx(expected)


def test_only_the_layers_that_carry_a_gain(plain_zoo, tmp_path):
    base, models = plain_zoo
    start = load(base)
    for method in ("average", "task_arithmetic", "ties"):
        weight = dict.fromkeys(models, {r"layers\.1\.": 1.0, ".*": 0.0})
        out = merge(base, models, tmp_path / method, method, weight=weight, progress=False)
        changed = {name for name, tensor in load(out).items() if not torch.equal(tensor, start[name])}
        assert changed == {name for name in start if "layers.1." in name}
        report = json.loads((out / "merge_report.json").read_text())
        assert report["params"]["weight"]["math"] == {r"layers\.1\.": 1.0, ".*": 0.0}


@pytest.mark.parametrize(("weight", "says"), [
    ([], "the weight of 'math' must be a finite number"), ([1, "x"], "the weight of 'math' must be"),
    ({"mlp": 1}, "no pattern in the weight of 'math' matches .*; end with '.\\*' for all others"),
    ({"[": 1}, "the weight of 'math': '\\[' is not a regular expression"), ({"a": -1}, "at least 0"),
])
def test_weights_that_cannot_be(plain_zoo, tmp_path, weight, says):
    base, models = plain_zoo
    with pytest.raises(MergeError, match=says):
        merge(base, {"math": models["math"]}, tmp_path / "out", weight={"math": weight}, progress=False)
    assert not list(tmp_path.iterdir())


VALUES = st.floats(-8, 8, width=32).map(lambda x: x if abs(x) > 1e-3 or x == 0 else 0.0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(VALUES, min_size=7, max_size=7), min_size=2, max_size=5), st.integers(1, 9),
       st.sampled_from([("average", {}), ("task_arithmetic", {}), ("ties", {}), ("ties", {"trim": "per_tensor"}),
                        ("sce", {}), ("sce", {"select": 0.4}), ("dare_task_arithmetic", {"drop": 0.5}),
                        ("dare_ties", {"drop": 0.5, "rescale": "l1"})]), st.randoms(use_true_random=False))
def test_identities_of_whole_merges(tmp_path_factory, rows, block, how, random):
    """Generated models, cut anywhere: neither order nor blocks change a bit; one expert comes back; equals stay."""
    folder, (method, params) = tmp_path_factory.mktemp("models"), how
    models = {}
    for number, row in enumerate(rows):
        values = torch.tensor(row, dtype=torch.float32)
        models[f"m{number}"] = write(folder / f"m{number}", {"a": values[:5], "layers.0.b": values[5:].reshape(2, 1)})
    base = models.pop("m0")
    names = list(models)
    random.shuffle(names)

    def merged(which, method=method, params=params, name="out"):
        return load(merge(base, which, folder / name, method, overwrite=True, progress=False, **params), torch.float32)

    whole = merged(models)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.merging.sources.SLICE", block)
        cut = merged({name: models[name] for name in names})
    assert all(torch.equal(tensor, cut[name]) for name, tensor in whole.items())
    one, expert = {names[0]: models[names[0]]}, load(models[names[0]], torch.float32)
    for same, options in (("average", {}), ("task_arithmetic", {}), ("ties", {"density": 1.0})):
        for name, tensor in merged(one, same, options).items():
            torch.testing.assert_close(tensor, expert[name], rtol=1e-6, atol=2e-6)  # base + (expert - base) rounds
    twins = merged({"x": models[names[0]], "y": models[names[0]]}, "average", {})
    assert all(torch.equal(tensor, expert[name]) for name, tensor in twins.items())
    for dared in ("task_arithmetic", "ties"):
        plain = merged(models, dared, {})
        assert all(torch.equal(tensor, plain[name])
                   for name, tensor in merged(models, f"dare_{dared}", {"drop": 0.0}).items())
