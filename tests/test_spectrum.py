"""spectra: planted updates whose spectrum is known, the randomised SVD against the exact one, what must be refused."""

import numpy as np
import pytest
import torch

from probes import spectra
from probes.svd import EXACT, leading
from tests.weight_oracle import save_family, write

PROJ = "model.layers.0.self_attn.q_proj.weight"


def spectrum(kind: str, n: int) -> torch.Tensor:
    steps = torch.arange(n, dtype=torch.float64)
    return {"decaying": 0.8**steps, "slow": 1 / (1 + steps), "flat": torch.ones(n, dtype=torch.float64),
            "low rank": (steps < 5).double(), "step": torch.where(steps < 20, 1.0, 0.1)}[kind]


def matrix(kind: str, rows: int, columns: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    n = min(rows, columns)
    left, right = (torch.linalg.qr(torch.randn(side, n, generator=generator, dtype=torch.float64)).Q
                   for side in (rows, columns))
    return (left * spectrum(kind, n)) @ right.T


@pytest.mark.parametrize("kind", ["decaying", "slow", "flat", "low rank", "step"])
@pytest.mark.parametrize("shape", [(300, 420), (420, 300), (700, 300)])
def test_randomised_within_its_bound_of_the_exact(kind, shape):
    exact = spectrum(kind, min(shape))[:20].sort(descending=True).values
    found = leading(matrix(kind, *shape).float(), 20)
    truth = (exact - found.values.double()).norm() / found.values.norm()
    assert min(shape) > EXACT and found.residual > 0
    assert truth <= found.error + 1e-6
    assert (found.values.double() <= exact + 1e-5).all()
    if kind != "flat":  # the bound is of use wherever the spectrum decays
        assert found.error < 0.02 and truth < 0.002
    for side in (found.left, found.right):
        assert side.T @ side == pytest.approx(torch.eye(20), abs=1e-5)


@pytest.mark.parametrize("kind", ["decaying", "step"])
def test_randomised_subspace_is_the_exact_one(kind):
    one = matrix(kind, 300, 400)
    left, _, right = torch.linalg.svd(one, full_matrices=False)
    found = leading(one.float(), 20)
    for exact, side in ((left[:, :20], found.left), (right[:20].T, found.right)):
        assert torch.linalg.svdvals(exact.float().T @ side).min() > 0.9999


def test_small_matrices_are_exact():
    one = torch.randn(30, 20, generator=torch.Generator().manual_seed(0))
    found = leading(one, 50)
    assert found.error == 0 and len(found.values) == 20
    assert found.values == pytest.approx(torch.linalg.svdvals(one), rel=1e-5)
    assert np.isnan(leading(torch.zeros(30, 20), 4).error)


def planted(folder, updates):
    """A base with singular values 60, 59, ..., 1 along the axes, and the base plus each update: the spectra of both."""
    base = torch.diag(torch.arange(60.0, 0, -1))[:, :50]
    write(folder / "base", {PROJ: base, "model.norm.weight": torch.ones(50)})
    models = {name: write(folder / name, {PROJ: base + update, "model.norm.weight": torch.ones(50)})
              for name, update in updates.items()}
    table = spectra(folder / "base", models, rank=4, progress=False)
    return table.set_index(["model", "other"])


def outer(*places, scale=0.1):
    """An update of `scale` at entries (row, column)."""
    update = torch.zeros(60, 50)
    for row, column in places:
        update[row, column] = scale
    return update


def test_planted_updates(tmp_path):
    table = planted(tmp_path, {"top": outer((0, 0)), "three": outer((7, 8), (9, 10), (11, 12)), "none": outer(),
                               "beside": outer((7, 30))})
    measures = ["stable_rank", "effective_rank", "energy_in_base"]
    assert table.loc[("top", ""), measures].tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    assert table.loc[("three", ""), measures].tolist() == pytest.approx([3, 3, 0], abs=1e-4)
    norm = (60**2 + 59**2 + 58**2 + 57**2)**0.5
    assert table.loc[("top", ""), "spectral_drift"] == pytest.approx(0.1 / norm, rel=1e-3)
    assert table.loc[("three", ""), "angle_left"] == pytest.approx(0, abs=0.1)
    assert table.loc[("top", ""), "energy_chance"] == pytest.approx(16 / 3000)
    none = table.loc[("none", "")]
    assert none.spectral_drift == 0 and np.isnan([none.stable_rank, none.effective_rank, none.energy_in_base]).all()
    assert table.loc[[("top", "none"), ("none", "beside")], "angle_left"].isna().all()
    assert table.loc[("top", ""), ["chance_left", "chance_right"]].tolist() == pytest.approx([4 / 60, 4 / 50])
    assert (table.error.dropna() == 0).all() and len(table) == 4 + 6


def test_angles_of_updates(tmp_path):
    """Updates of rank 4 on the same rows and other columns: 0 degrees on the left, 90 on the right."""
    table = planted(tmp_path, {"a": outer(*((row, row) for row in range(4))),
                               "b": outer(*((row, row + 20) for row in range(4)))})
    pair = table.loc[("a", "b")]
    assert [pair.angle_left, pair.angle_right] == pytest.approx([0, 90], abs=0.1)
    assert [pair.alignment_left, pair.alignment_right] == pytest.approx([1, 0], abs=1e-5)
    assert np.isnan(pair.spectral_drift)


def test_a_turned_base(tmp_path):
    """The leading four columns are swapped for the next four: base and tuned subspaces are orthogonal on the right."""
    base = torch.diag(torch.arange(60.0, 0, -1))[:, :50]
    turned = base.clone()
    turned[:, :8] = base[:, [4, 5, 6, 7, 0, 1, 2, 3]]
    pair = planted(tmp_path, {"a": turned - base}).loc[("a", "")]
    assert [pair.angle_left, pair.angle_right, pair.spectral_drift] == pytest.approx([0, 90, 0], abs=0.1)


def test_a_family(tmp_path):
    base, models = save_family(tmp_path, "ab")
    table = spectra(base, models, rank=8, progress=False)
    assert len(table) == (1 + 3 * 7) * 3  # embedding and seven matrices a layer; two models and their pair
    assert set(table.module) == {"embedding", "q", "k", "v", "o", "gate", "up", "down"}
    single = table[table.other == ""]
    assert single.drop(columns="other").notna().all(axis=None)
    # independent noise has no direction: the base's leading subspaces hold what chance gives them
    assert (single.energy_in_base / single.energy_chance).mean() == pytest.approx(1, abs=0.1)
    pairs = table[table.other != ""]
    assert (pairs.alignment_left / pairs.chance_left).mean() == pytest.approx(1, abs=0.1)
    assert len(spectra(base, models, include="q_proj", progress=False)) == 9


@pytest.mark.parametrize(("options", "says"), [
    ({"rank": 0}, "rank must be a whole number of at least 1, got 0"),
    ({"include": "norm"}, "no matrix among the tensors chosen of .*: model.layers.0.input_layernorm.weight"),
    ({"include": "nothing"}, "matches no tensor"),
])
def test_bad_arguments(tmp_path, options, says):
    base, models = save_family(tmp_path, "a")
    with pytest.raises(ValueError, match=says):
        spectra(base, models, progress=False, **options)


def test_nan_is_named(tmp_path):
    write(tmp_path / "base", {PROJ: torch.ones(4, 4)})
    broken = torch.ones(4, 4)
    broken[1, 2] = float("nan")
    write(tmp_path / "a", {PROJ: broken})
    with pytest.raises(ValueError, match=f"model 'a' .* has 1 values in {PROJ} that are NaN or infinite"):
        spectra(tmp_path / "base", {"a": tmp_path / "a"}, progress=False)
