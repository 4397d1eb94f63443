"""The path of machines with a GPU, on torch's own CPU device ("cpu:0"): it counts what the compiled loop counts."""

import numpy as np
import pytest
import torch

from tests.weight_oracle import compare, save_family, write


def agree(one, two):
    """Counts are equal, floats to rounding, relative to the norms involved."""
    for name in ("counts", "pairs", "times", "largest"):
        assert np.array_equal(getattr(one.sums, name), getattr(two.sums, name)), name
    assert one.sums.squares == pytest.approx(two.sums.squares, rel=1e-6)
    norms = np.sqrt(two.sums.squares[:, 1:].max(axis=1))
    assert np.abs(one.sums.products - two.sums.products).max(initial=0) <= 1e-6 * norms.max()**2
    assert np.abs(one.sums.sketch - two.sums.sketch).max() <= 1e-6 * norms.max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize(("eta", "dim"), [(0.0, 16), (1e-3, 256), (1 / 128, 4096)])
def test_equals_the_compiled_loop(tmp_path, monkeypatch, dtype, eta, dim):
    monkeypatch.setattr("probes.device.entries", lambda models: 2**12)  # several slices a tensor
    base, models = save_family(tmp_path, "abc", dtype)
    agree(*(compare(base, models, eta=eta, sketch_dim=dim, device=device) for device in ("cpu:0", "cpu")))


@pytest.mark.parametrize("n", [1, 1023, 8191, 8192, 8193, 40_000])
def test_sizes_and_wrong_guesses(tmp_path, monkeypatch, n):
    """Tensors that end within a block, a row of the sketch or a slice; a cut guessed from one block."""
    monkeypatch.setattr("probes.device.entries", lambda models: 2**13)
    monkeypatch.setattr("probes.stream.SAMPLE", 1)
    torch.manual_seed(n)
    base = torch.randn(n)
    write(tmp_path / "base", {"w": base})
    models = {name: write(tmp_path / name, {"w": base + 0.1 * torch.randn(n) * torch.rand(n)}) for name in "ab"}
    agree(*(compare(tmp_path / "base", models, device=device) for device in ("cpu:0", "cpu")))


def test_a_slice_fits_the_device():
    from probes.device import entries

    for models in (1, 5, 255):
        size = entries(models)
        assert size & (size - 1) == 0 and size >= 2**13 and size * (models + 1) <= 2**24


def test_values_that_are_not_finite(tmp_path):
    write(tmp_path / "base", {"w": torch.ones(9)})
    write(tmp_path / "a", {"w": torch.tensor([1.0] * 8 + [float("nan")])})
    with pytest.raises(ValueError, match="model 'a' .* has 1 values in w that are NaN or infinite"):
        compare(tmp_path / "base", {"a": tmp_path / "a"}, device="cpu:0")


@pytest.mark.parametrize(("device", "says"), [
    ("gpu", "device must be auto, cpu, cuda or another torch device, got 'gpu'"),
    ("cuda:0", "device 'cuda:0': torch finds no GPU here; choose cpu or auto"),
])
def test_devices_that_are_not_there(tmp_path, monkeypatch, device, says):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    write(tmp_path / "base", {"w": torch.ones(9)})
    with pytest.raises(ValueError, match=says):
        compare(tmp_path / "base", {"a": tmp_path / "base"}, device=device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu(tmp_path):
    base, models = save_family(tmp_path, "abc")
    agree(*(compare(base, models, device=device) for device in ("cuda", "cpu")))
