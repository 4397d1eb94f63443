"""Merges are what their definitions say, in float64 and without the streaming; identities; no bit depends on order."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from tests.merge_zoo import EVEN, WEIGHT, assert_model, load
from training.largest import kept
from training.merging import METHODS, merge, sources, stream
from training.merging.average import average
from training.merging.cuts import Kept, largest
from training.merging.dare import dare
from training.merging.sce import sce, shares
from training.merging.task_arithmetic import task_arithmetic
from training.merging.ties import ties
from training.shards import INDEX, SINGLE


def ties_oracle(base, experts, density, per_tensor, weight):
    """TIES in float64 on whole models, straight from its definition."""
    deltas = {m: {n: (t.float() - base[n].float()).double() for n, t in e.items()} for m, e in experts.items()}

    def cut(tensors):
        flat = torch.cat([tensor.flatten().abs() for tensor in tensors])
        return flat.sort(descending=True).values[max(1, math.floor(density * len(flat))) - 1]

    trimmed = {}
    for m, delta in deltas.items():
        limits = {n: cut([t]) if per_tensor else None for n, t in delta.items()}
        shared = cut(list(delta.values()))
        trimmed[m] = {n: t * (t.abs() >= (limits[n] if per_tensor else shared)) for n, t in delta.items()}
    merged = {}
    for n in base:
        stack = torch.stack([trimmed[m][n] for m in experts])
        w = torch.tensor([weight[m] for m in experts], dtype=torch.float64).view(-1, *[1] * base[n].dim())
        sign = torch.where((w * stack).sum(0) >= 0, 1.0, -1.0)
        keep = (stack.sign() == sign) & (stack != 0)
        count = (w * keep).sum(0)
        merged[n] = base[n] + torch.where(count > 0, (w * stack * keep).sum(0) / count.clamp(min=1e-300), 0.0)
    return merged


@pytest.mark.parametrize("weight", [EVEN, WEIGHT])
def test_average(merge_zoo, tmp_path, weight):
    base, models, dtype = merge_zoo
    experts = {name: load(path) for name, path in models.items()}
    total = sum(weight.values())
    expected = {n: sum(weight[m] * experts[m][n] for m in models) / total for n in load(base)}
    assert_model(merge(base, models, tmp_path / "out", "average", weight=weight, progress=False), expected, dtype)


@pytest.mark.parametrize(("weight", "scale"), [(EVEN, 1.0), (WEIGHT, 0.3), ({**EVEN, "math": -1.0}, 1.0)])
def test_task_arithmetic(merge_zoo, tmp_path, weight, scale):
    base, models, dtype = merge_zoo
    start, experts = load(base), {name: load(path) for name, path in models.items()}
    expected = {n: b + scale * sum(weight[m] * (experts[m][n] - b) for m in models) for n, b in start.items()}
    out = merge(base, models, tmp_path / "out", "task_arithmetic", weight=weight, scale=scale, progress=False)
    assert_model(out, expected, dtype)


@pytest.mark.parametrize("trim", ["global", "per_tensor"])
@pytest.mark.parametrize(("density", "weight"), [(0.2, EVEN), (0.05, WEIGHT), (1.0, EVEN), (1e-9, EVEN)])  # 1e-9: k = 1
def test_ties(merge_zoo, tmp_path, density, trim, weight):
    base, models, dtype = merge_zoo
    experts = {name: load(path) for name, path in models.items()}
    expected = ties_oracle(load(base), experts, density, trim == "per_tensor", weight)
    out = merge(base, models, tmp_path / "out", density=density, trim=trim, weight=weight, progress=False)
    assert_model(out, expected, dtype)


def test_global_threshold_in_the_report_is_kthvalue(merge_zoo, tmp_path):
    base, models, _ = merge_zoo
    out = merge(base, models, tmp_path / "out", progress=False)
    report = json.loads((out / "merge_report.json").read_text())
    start = load(base, torch.float32)
    for name, path in models.items():
        flat = torch.cat([(t - start[n]).abs().flatten() for n, t in load(path, torch.float32).items()])
        k = math.floor(0.2 * len(flat))
        assert report["thresholds"][name] == flat.kthvalue(len(flat) - k + 1).values.item()


MAGNITUDES = st.sampled_from([0.0, -0.0, 1e-45, -1e-45, 2**-126, 1e-3, -1e-3, 1.0, -1.0, 1 + 2**-23, 65504.0, -3e38])


@settings(max_examples=60, deadline=None)
@given(st.lists(MAGNITUDES | st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1), st.data())
def test_largest_is_kthvalue(values, data):
    """Ties, zeros of both signs, subnormals and neighbors in the last bit; cut anywhere into slices."""
    vector, n = np.array(values, np.float32), len(values)
    share, cut = data.draw(st.floats(1e-6, 1)), data.draw(st.integers(0, n))
    slices = [("w", start, size) for start, size in ((0, cut), (cut, n - cut)) if size]
    found, = largest(slices, lambda one: vector[None, one[1]:one[1] + one[2]], share, 1)
    expected = torch.tensor(vector).abs().kthvalue(n - kept(share, n) + 1).values.item()
    assert found.threshold == expected
    assert found.count == ((np.abs(vector) >= expected) & (vector != 0)).sum()


def test_largest_of_nothing():
    assert largest([], None, 0.2, 2) == [Kept(0.0, 0)] * 2


@pytest.mark.parametrize(
    ("deltas", "weights", "thresholds", "merged"),
    [
        ([[1.0], [-1.0]], [1, 1], [0, 0], [1.0]),  # a sum of exactly 0 elects +
        ([[1.0], [-1.5]], [1, 1], [0, 0], [-1.5]),  # the disjoint mean leaves the outvoted out
        ([[1.0], [3.0], [-0.5]], [1, 1, 1], [0, 0, 0], [2.0]),
        ([[1.0], [3.0]], [3, 1], [0, 0], [1.5]),  # weighted mean
        ([[1.0], [-1.5]], [2, 1], [0, 0], [1.0]),  # the weight turns the election
        ([[0.0, 0.0], [0.0, -2.0]], [1, 1], [0, 0], [0.0, -2.0]),  # zeros do not dilute the mean
        ([[0.5, 1.0], [2.0, 3.0]], [1, 1], [1.0, 3.0], [0.0, 2.0]),  # at the threshold: kept; below: not
        ([[-1.0], [-2.0]], [0, 0], [0, 0], [0.0]),  # weights of 0 leave the base
    ],
)
def test_ties_entry_by_entry(deltas, weights, thresholds, merged):
    assert ties(np.array(deltas, np.float32), weights, thresholds).tolist() == merged


FINITE = st.floats(-100, 100, width=32)


@settings(max_examples=50, deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=8), st.integers(1, 5), st.floats(0.1, 3))
def test_identities_of_the_pure_functions(values, copies, weight):
    vector, weights = np.array(values, np.float32), np.full(copies, weight)
    same = np.stack([vector] * copies)
    assert np.array_equal(average(vector + 1, same, weights), vector)
    assert np.array_equal(ties(same[:1], [1.0], [0.0]), vector)
    assert np.array_equal(task_arithmetic(same, 0 * weights), np.zeros_like(vector))
    assert np.array_equal(average(vector, same + 1, 0 * weights), vector)
    np.testing.assert_allclose(ties(same, weights, np.zeros(copies)), vector, rtol=1e-6, atol=1e-40)
    np.testing.assert_allclose(sce(same, shares((same.astype(np.float64)**2).sum(1))), vector, rtol=1e-6, atol=1e-40)
    dropped = vector.copy()
    dare(dropped, np.uint64(1), 0, 0.0, np.float32(1))
    assert np.array_equal(dropped, vector)


def test_one_expert_by_average_is_that_expert(merge_zoo, tmp_path):
    base, models, _ = merge_zoo
    out = merge(base, {"math": models["math"]}, tmp_path / "out", "average", progress=False)
    expert = load(models["math"])
    assert all(torch.equal(tensor, expert[name]) for name, tensor in load(out).items())


@pytest.mark.parametrize("trim", ["global", "per_tensor"])
def test_one_expert_by_ties_at_density_1_is_that_expert(merge_zoo, tmp_path, trim):
    base, models, dtype = merge_zoo
    out = merge(base, {"math": models["math"]}, tmp_path / "out", density=1, trim=trim, progress=False)
    assert_model(out, load(models["math"]), dtype)


def test_task_arithmetic_of_weight_0_is_the_base(merge_zoo, tmp_path):
    base, models, _ = merge_zoo
    out = merge(base, models, tmp_path / "out", "task_arithmetic", weight=0.0, progress=False)
    start = load(base)
    assert all(torch.equal(tensor, start[name]) for name, tensor in load(out).items())


@pytest.mark.parametrize("method", METHODS)
def test_order_of_models_changes_no_bit(plain_zoo, tmp_path, method):
    base, models = plain_zoo
    first = load(merge(base, models, tmp_path / "a", method, progress=False))
    other = load(merge(base, dict(reversed(models.items())), tmp_path / "b", method, progress=False))
    assert all(torch.equal(tensor, other[name]) for name, tensor in first.items())


@pytest.mark.parametrize("method", METHODS)
def test_blocks_and_shards_change_no_bit(plain_zoo, tmp_path, monkeypatch, method):
    base, models = plain_zoo
    whole = merge(base, models, tmp_path / "a", method, progress=False)
    monkeypatch.setattr(sources, "SLICE", 100)
    monkeypatch.setattr(stream, "SHARD_BYTES", 20_000)
    cut = merge(base, models, tmp_path / "b", method, progress=False)
    assert (whole / SINGLE).is_file() and (cut / INDEX).is_file() and len(list(cut.glob("*.safetensors"))) > 2
    assert json.loads((cut / INDEX).read_text())["metadata"]["total_size"] == sum(
        tensor.nbytes for tensor in load(whole, torch.float32).values()
    )
    other = load(cut)
    assert all(torch.equal(tensor, other[name]) for name, tensor in load(whole).items())
    assert AutoModelForCausalLM.from_pretrained(cut).num_parameters() > 0


def test_models_equal_to_the_base_leave_it(plain_zoo, tmp_path):
    """All deltas exactly 0: the threshold is 0, and zeros are not kept."""
    base, _ = plain_zoo
    out = merge(base, {"a": base, "b": base}, tmp_path / "out", progress=False)
    report = json.loads((out / "merge_report.json").read_text())
    assert report["thresholds"] == {"a": 0.0, "b": 0.0}
    assert (report["updated"], report["survived"], report["survived_fraction"]) == (0, 0, None)
    assert all(torch.equal(tensor, load(base)[name]) for name, tensor in load(out).items())
