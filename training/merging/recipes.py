"""From options to the function that merges one block, with what a method must know of the whole model beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from tqdm import tqdm

from training.merging.average import average
from training.merging.options import Options
from training.merging.sources import Sources
from training.merging.stream import Combine
from training.merging.task_arithmetic import task_arithmetic
from training.merging.ties import ties
from training.merging.trim import kept, kth_largest

Thresholds = dict[str, list[float]]
"""Tensor name -> the trimming threshold of each expert, in the order of the sources."""


def recipe(sources: Sources, options: Options) -> tuple[Combine, Thresholds | None]:
    """The function that merges a block of `sources` as `options` ask, and the thresholds it uses (TIES)."""
    weights = [options.weight[name] for name in sources.experts]
    if options.method == "average":
        return _averaging(weights), None
    if options.method == "task_arithmetic":
        return _adding(lambda name, deltas: task_arithmetic(deltas, weights, options.scale)), None
    cut = thresholds(sources, options)
    return _adding(lambda name, deltas: ties(deltas, weights, cut[name], options.scale)), cut


def thresholds(sources: Sources, options: Options) -> Thresholds:
    """The k-th largest magnitude of each expert's delta, over all merged tensors or (`per_tensor`) over each."""
    if options.trim == "global":
        steps = tqdm(sources.experts, desc="thresholds", unit="model", disable=not options.progress)
        shared = [_threshold(sources, expert, sources.names, options.density) for expert in steps]
        return dict.fromkeys(sources.names, shared)
    steps = tqdm(sources.names, desc="thresholds", unit="tensor", disable=not options.progress)
    return {name: [_threshold(sources, expert, [name], options.density) for expert in sources.experts]
            for name in steps}


def _threshold(sources: Sources, expert: str, names: Sequence[str], density: float) -> float:
    return kth_largest(lambda: sources.deltas(expert, names), kept(density, sources.n_entries(names)))


def _averaging(weights: list[float]) -> Combine:
    def combine(name, base, experts):
        merged = average(experts, weights)
        return merged, merged - base

    return combine


def _adding(merged_delta: Callable[[str, list[torch.Tensor]], torch.Tensor]) -> Combine:
    def combine(name, base, experts):
        delta = merged_delta(name, [expert - base for expert in experts])
        return base + delta, delta

    return combine
