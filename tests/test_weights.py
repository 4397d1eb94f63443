"""compare_weights: every number against a plain fp64 oracle, identities, sketches, and models added later."""

import re
import shutil
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import WeightShift
from probes.stream import tensor_seed
from tests.weight_oracle import Oracle, compare, save_family, write
from training.largest import kept

DTYPES = (torch.bfloat16, torch.float16, torch.float32)


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    return save_family(tmp_path_factory.mktemp("family"), "abc")


@pytest.fixture(scope="module")
def shift(family):
    return compare(*family)


@pytest.fixture(scope="module", params=DTYPES)
def families(request, tmp_path_factory):
    return *save_family(tmp_path_factory.mktemp("families"), "abcd", request.param), request.param


@pytest.mark.parametrize("eta", [0.0, 1e-3, 0.01, 1 / 128])  # 1/128: equality happens in bf16
def test_equals_the_oracle(families, eta):
    base, models, dtype = families
    found, oracle = compare(base, models, eta=eta), Oracle(base, models, eta)
    whole = found.aggregate("model")
    for row in whole.changes.to_dict("records"):
        assert row["dtype"] == str(dtype).removeprefix("torch.")
        for name, value in oracle.change(row["model"]).items():
            assert row[name] == value if isinstance(value, int) else row[name] == pytest.approx(value, rel=1e-6)
    for row in whole.overlap.to_dict("records"):
        expected = oracle.pair(row["model_a"], row["model_b"])
        assert row == {**row, **{name: pytest.approx(value, abs=1e-6) for name, value in expected.items()}}
    assert whole.changed_by["weights"].tolist() == oracle.times()


def test_every_cell_equals_the_oracle(family, shift):
    base, models = family
    cells = {(0, "q"): "layers.0.self_attn.q_proj", (2, "down"): "layers.2.mlp.down_proj", (-1, "embedding"): "embed",
             (1, "norm"): r"layers\.1.*norm"}
    for (layer, module), pattern in cells.items():
        oracle = Oracle(base, models, among=lambda name, pattern=pattern: re.search(pattern, name))
        changes, overlap = (table[(table.layer == layer) & (table.module == module)]
                            for table in (shift.changes, shift.overlap))
        for row in changes.to_dict("records"):
            assert row["changed"] == oracle.change(row["model"])["changed"]
            assert row["l2"] == pytest.approx(oracle.change(row["model"])["l2"], rel=1e-6)
        for row in overlap.to_dict("records"):
            expected = oracle.pair(row["model_a"], row["model_b"])
            assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_tables_have_the_columns_of_the_contract(shift):
    changes = ["model", "layer", "module", "n_params", "changed", "changed_fraction", "l2", "relative_l2", "max_abs",
               "dtype"]
    overlap = ["model_a", "model_b", "layer", "module", "jaccard", "jaccard_chance", "jaccard_top", "cosine",
               "sketch_cosine", "sketch_std", "sign_agreement"]
    assert list(shift.changes) == changes and list(shift.overlap) == overlap
    for level, gone in (("layer", {"module"}), ("module", {"layer"}), ("model", {"layer", "module"})):
        assert list(shift.aggregate(level).changes) == [name for name in changes if name not in gone]
        assert list(shift.aggregate(level).overlap) == [name for name in overlap if name not in gone]
    assert shift.changes.layer.min() == -1 and shift.changes.changed.dtype == np.int64
    assert set(shift.changes.module) == {"q", "k", "v", "o", "gate", "up", "down", "norm", "embedding"}
    assert len(shift.overlap) == 3 * len(shift.cells) and compare_one(shift).overlap.empty


def compare_one(shift):
    return compare(shift.settings.base, {"a": shift.settings.models["a"]})


@pytest.mark.parametrize("level", ["layer", "module", "model"])
def test_aggregates_are_of_sums_in_any_order(shift, level):
    direct = shift.aggregate(level)
    assert direct.changes.n_params.sum() == shift.changes.n_params.sum()
    if level != "model":
        through, whole = direct.aggregate("model"), shift.aggregate("model")
        pd.testing.assert_frame_equal(through.overlap, whole.overlap)
        pd.testing.assert_frame_equal(through.changed_by, whole.changed_by)
        other = "module" if level == "layer" else "layer"
        with pytest.raises(ValueError, match=f"already summed over {other}s|already summed"):
            direct.aggregate(other)
    with pytest.raises(ValueError, match="unknown level 'head'; choose one of layer, module, model"):
        shift.aggregate("head")


def test_order_of_models_and_shards_do_not_matter(family, shift, tmp_path):
    base, models = family
    turned = compare(base, dict(reversed(models.items()))).aggregate("model").overlap
    there = shift.aggregate("model").overlap.set_index(["model_a", "model_b"])
    for row in turned.to_dict("records"):
        assert row["cosine"] == pytest.approx(there.loc[(row["model_b"], row["model_a"]), "cosine"], rel=1e-9)
        assert row["jaccard"] == there.loc[(row["model_b"], row["model_a"]), "jaccard"]
    whole = save_family(tmp_path, "abc", shard="1GB")
    pd.testing.assert_frame_equal(compare(*whole).changes, shift.changes)


def test_include_and_memory_of_it(family):
    base, models = family
    found = compare(base, models, include=r"layers\.[01]\..*q_proj")
    assert list(zip(found.cells.layer, found.cells.module, strict=True)) == [(0, "q"), (1, "q")]
    # the largest 20 % are those of what is included
    top = found.sums.counts[:, 0, 1].sum()
    assert kept(0.2, found.cells.n_params.sum()) <= top < found.cells.n_params.sum()


TENSORS = st.lists(st.integers(-40, 40), min_size=1, max_size=60)


@settings(deadline=None, max_examples=40)
@given(TENSORS, st.integers(1, 9), st.randoms(use_true_random=False))
def test_identities(tmp_path_factory, values, count, random):
    """Integer weights: Jaccard and cosine of a model with itself, its opposite, and what k models changed."""
    folder = tmp_path_factory.mktemp("models")
    base = torch.tensor(values, dtype=torch.float32)
    moves = [torch.tensor([random.choice([0, 0, 1, -2]) for _ in values], dtype=torch.float32) for _ in range(count)]
    write(folder / "base", {"w": base})
    for m, move in enumerate(moves):
        write(folder / f"m{m}", {"w": base + move})
    write(folder / "opposite", {"w": base - moves[0]})
    models = {f"m{m}": folder / f"m{m}" for m in range(count)}
    models |= {"twin": folder / "m0", "opposite": folder / "opposite"}
    found = compare(folder / "base", models, eta=0.0)
    by_pair = found.overlap.set_index(["model_a", "model_b"])
    twin, opposite = by_pair.loc[("m0", "twin")], by_pair.loc[("m0", "opposite")]
    if moves[0].any():
        assert (twin.jaccard, twin.jaccard_top, twin.sign_agreement) == (1, 1, 1)
        assert twin.cosine == pytest.approx(1) and twin.sketch_cosine == pytest.approx(1)
        assert (opposite.jaccard, opposite.sign_agreement) == (1, 0)
        assert opposite.cosine == pytest.approx(-1) and opposite.sketch_cosine == pytest.approx(-1)
    else:
        assert twin[["jaccard", "cosine", "sketch_cosine", "sign_agreement"]].isna().all()
    masks = torch.stack([*moves, moves[0], -moves[0]]) != 0
    assert found.changed_by["weights"].tolist() == np.bincount(masks.sum(0), minlength=count + 3).tolist()
    for (a, one), (b, two) in combinations(enumerate([*moves, moves[0], -moves[0]]), 2):
        name = (list(models)[a], list(models)[b])
        expected = float(one @ two) / (float(one.norm() * two.norm()) or np.nan)
        assert by_pair.loc[name, "cosine"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("n", [1, 1023, 1024, 1025, 131_072, 131_073, 300_000])  # around blocks and slices
def test_sizes(tmp_path, n):
    torch.manual_seed(n)
    base = torch.randn(n)
    write(tmp_path / "base", {"model.layers.0.mlp.up_proj.weight": base})
    models = {name: write(tmp_path / name, {"model.layers.0.mlp.up_proj.weight": base + 0.1 * torch.randn(n)})
              for name in "ab"}
    found, oracle = compare(tmp_path / "base", models), Oracle(str(tmp_path / "base"), models)
    assert found.changes.changed.tolist() == [oracle.change(name)["changed"] for name in "ab"]
    assert found.changed_by["weights"].tolist() == oracle.times()
    expected = oracle.pair("a", "b")
    assert {name: found.overlap[name][0] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_a_cut_guessed_from_a_sample_is_made_exact(tmp_path, monkeypatch):
    monkeypatch.setattr("probes.stream.SAMPLE", 3)
    torch.manual_seed(0)
    base = torch.randn(40, 1024)
    tensors = [base + 0.1 * torch.randn(base.shape) * scale for scale in (1, torch.rand(40, 1))]
    write(tmp_path / "base", {"w": base})
    models = {str(m): write(tmp_path / str(m), {"w": tensor}) for m, tensor in enumerate(tensors)}
    found = compare(tmp_path / "base", models)
    assert found.sums.counts[0, :, 1].tolist() == [kept(0.2, 40 * 1024)] * 2
    oracle = Oracle(str(tmp_path / "base"), models)
    assert found.overlap.jaccard_top[0] == pytest.approx(oracle.pair("0", "1")["jaccard_top"])


def test_sketches_are_linear_and_seeded_by_name(tmp_path):
    torch.manual_seed(0)
    base, a, b = torch.zeros(5000), torch.randint(-9, 9, (5000,)).float(), torch.randint(-9, 9, (5000,)).float()
    write(tmp_path / "base", {"w": base, "v": base})
    for name, (w, v) in {"a": (a, base), "b": (b, base), "sum": (a + b, base), "elsewhere": (base, a)}.items():
        write(tmp_path / name, {"w": w, "v": v})
    shift = compare(tmp_path / "base", {name: tmp_path / name for name in ("a", "b", "sum", "elsewhere")})
    one, two, both, elsewhere = shift.sums.sketch.sum(axis=0)
    assert both == pytest.approx(one + two) and np.abs(elsewhere - one).max() > 10
    again = compare(tmp_path / "base", {"a": tmp_path / "a"})
    assert np.array_equal(again.sums.sketch[:, 0], shift.sums.sketch[:, 0])
    other = compare(tmp_path / "base", {"a": tmp_path / "a"}, seed=1)
    assert np.abs(other.sums.sketch - again.sums.sketch).max() > 10
    assert tensor_seed(0, "w") != tensor_seed(0, "v") != tensor_seed(1, "v")


@pytest.mark.parametrize("dim", [16, 256, 2048])
def test_sketch_cosine_errs_as_its_standard_error_says(tmp_path, dim):
    """Over 60 seeds, also where all of a difference lies in one column of a matrix as wide as the sketch."""
    torch.manual_seed(0)
    base, column = torch.zeros(64, 256), torch.zeros(64, 256)
    column[:, 7] = 1
    shared = torch.randn(64, 256)
    pairs = {"spread": (shared + torch.randn(64, 256), shared + torch.randn(64, 256)),
             "column": (column * torch.randn(64, 1), column * torch.randn(64, 1))}
    write(tmp_path / "base", {"w": base})
    for name, (a, b) in pairs.items():
        models = {which: write(tmp_path / name / which, {"w": w}) for which, w in (("a", a), ("b", b))}
        found = pd.concat([compare(tmp_path / "base", models, sketch_dim=dim, seed=seed).overlap for seed in range(60)])
        std = (1 - found.cosine**2) / dim**0.5
        assert dim == 16 or found.sketch_std.to_numpy() == pytest.approx(std.to_numpy(), rel=0.35)  # of 16: poor
        errors = (found.sketch_cosine - found.cosine) / std
        assert abs(errors.mean()) < 0.5  # 4 standard errors of a mean of 60
        assert errors.std() < 1.35 and (name == "column" or errors.std() > 0.7)


def test_saved_and_a_model_added_later(family, shift, tmp_path):
    base, models = family
    first = compare(base, {name: models[name] for name in "ab"})
    loaded = WeightShift.load(first.save(tmp_path / "folder" / "shift.npz"))
    assert loaded.settings == first.settings
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["shift.npz"]
    for table in ("changes", "overlap", "changed_by"):
        pd.testing.assert_frame_equal(getattr(loaded, table), getattr(first, table))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        later = loaded.with_model("c", models["c"], progress=False)
    pd.testing.assert_frame_equal(later.changes, shift.changes)
    known = ["model_a", "model_b", "layer", "module", "jaccard_chance", "sketch_cosine", "sketch_std"]
    pd.testing.assert_frame_equal(later.overlap[known], shift.overlap[known])
    pd.testing.assert_frame_equal(*(table.overlap.query("model_b == 'b'") for table in (later, shift)))
    new = later.aggregate("model").overlap.query("model_b == 'c'")
    assert new[["jaccard", "cosine", "jaccard_top", "sign_agreement"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(later.changed_by, first.changed_by)
    with pytest.raises(ValueError, match="there is a model 'c' already; the models are a, b, c"):
        later.with_model("c", models["c"])
    with pytest.raises(ValueError, match="this comparison is an aggregate"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first.aggregate("layer").with_model("c", models["c"], progress=False)


def test_a_base_that_changed_since(tmp_path):
    base, models = save_family(tmp_path, "ab")
    first = compare(base, {"a": models["a"]})
    shutil.rmtree(base)
    shutil.copytree(models["b"], base)
    says = "has other weights than when it was compared with a"
    with pytest.raises(ValueError, match=says), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first.with_model("b", models["b"], progress=False)


def test_files_that_are_no_comparison(shift, tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "cut.npz").write_bytes(shift.save(tmp_path / "whole.npz").read_bytes()[:-50])
    (tmp_path / "empty.npz").touch()
    for name in ("other", "cut", "empty"):
        with pytest.raises(ValueError, match=f"{name}.npz holds no whole comparison written by WeightShift.save"):
            WeightShift.load(tmp_path / f"{name}.npz")
