"""From options to what merges one slice, with what a method must have seen of a tensor, or of all, beforehand.

A recipe's `survey(names)` looks at tensors before they are merged: `whole` says whether at all of them at once (the
global threshold of TIES) or at a few that are still in the page cache. `recipe(one, models)` then gives a slice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.merging.average import average
from training.merging.cuts import Kept, largest, largest_of_nonzero
from training.merging.dare import dare, mask_seed
from training.merging.options import Options
from training.merging.sce import sce, select, shares, variance
from training.merging.sources import Slice, Sources
from training.merging.task_arithmetic import task_arithmetic
from training.merging.ties import ties
from training.merging.weights import weights_of
from training.workers import CORES, side_by_side

EPSILON = 1e-7
"""A sum of magnitudes below this is not rescaled (as in mergekit)."""


@dataclass
class Recipe(ABC):
    """What all methods share: weights, and deltas, after DARE where it is asked for."""

    sources: Sources
    options: Options
    weights: dict[str, np.ndarray] = field(init=False)
    factors: dict[str, np.ndarray] = field(init=False, default_factory=dict)
    """Tensor -> what DARE multiplies each expert's remaining entries by."""
    kept: dict[str, list[Kept]] = field(init=False, default_factory=dict)
    """Tensor -> what the trim of TIES keeps of each expert (global: of the whole expert, the same for all tensors)."""
    whole = False

    def __post_init__(self):
        self.weights = weights_of(self.options.weight, self.sources.names)

    def survey(self, names: Sequence[str]) -> None:
        """Learn what must be known of these tensors before they are merged."""
        for name in names if self.dares and self.options.rescale == "l1" else ():
            self.factors[name] = self._l1_factors(name)

    @abstractmethod
    def __call__(self, one: Slice, models: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(the merged values, what was added to the base) of a slice, (n,) fp32; models: (M + 1, n), the base first."""

    @property
    def dares(self) -> bool:
        """Does the method drop entries."""
        return self.options.method.startswith("dare_") and self.options.drop > 0

    def deltas(self, one: Slice, models: np.ndarray) -> np.ndarray:
        """What each expert differs from the base by, dropped and rescaled where asked: (M, n) fp32."""
        deltas = models[1:] - models[0]
        if self.dares:
            inverse = np.full(len(deltas), 1 / (1 - self.options.drop), np.float32)
            self._drop(one, deltas, self.factors.get(one[0], inverse))
        return deltas

    def _drop(self, one: Slice, deltas: np.ndarray, factors: np.ndarray) -> None:
        for expert, delta, factor in zip(self.sources.experts, deltas, factors, strict=True):
            dare(delta, mask_seed(self.options.seed, expert, one[0]), one[1], self.options.drop, np.float32(factor))

    def _l1_factors(self, name: str) -> np.ndarray:
        """What keeps the sum of magnitudes of a tensor's deltas."""
        def sums(slices):
            total = np.zeros((2, len(self.sources.experts)))
            for one in slices:
                models = self.sources.read(one)
                deltas = models[1:] - models[0]
                total[0] += np.abs(deltas).sum(axis=1, dtype=np.float64)
                self._drop(one, deltas, np.ones(len(deltas), np.float32))
                total[1] += np.abs(deltas).sum(axis=1, dtype=np.float64)
            return total

        before, after = sum(side_by_side(sums, self.sources.slices([name]), CORES))
        small = (before < EPSILON) | (after < EPSILON)
        return np.where(small, 1.0, before / np.where(small, 1.0, after)).astype(np.float32)


class Average(Recipe):
    def __call__(self, one: Slice, models: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        merged = average(models[0], models[1:], self.weights[one[0]])
        return merged, merged - models[0]


class Adding(Recipe):
    """What methods share that add to the base."""

    def __call__(self, one: Slice, models: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        added = self.added(one, self.deltas(one, models))
        return models[0] + added, added

    @abstractmethod
    def added(self, one: Slice, deltas: np.ndarray) -> np.ndarray:
        """What a method adds to the base."""


class TaskArithmetic(Adding):
    def added(self, one: Slice, deltas: np.ndarray) -> np.ndarray:
        return task_arithmetic(deltas, self.weights[one[0]], self.options.scale)


class Ties(Adding):
    @property
    def whole(self) -> bool:
        return self.options.trim == "global"

    def survey(self, names: Sequence[str]) -> None:
        super().survey(names)
        for group in [names] if self.whole else [[name] for name in names]:
            found = largest(self.sources.slices(group), lambda one: self.deltas(one, self.sources.read(one)),
                            self.options.density, len(self.sources.experts))
            self.kept |= dict.fromkeys(group, found)

    def added(self, one: Slice, deltas: np.ndarray) -> np.ndarray:
        thresholds = [kept.threshold for kept in self.kept[one[0]]]
        return ties(deltas, self.weights[one[0]], thresholds, self.options.scale, self.options.normalize)


class Sce(Adding):
    def __post_init__(self):
        super().__post_init__()
        self.cuts: dict[str, float] = {}

    def survey(self, names: Sequence[str]) -> None:
        for name in names:
            slices = self.sources.slices([name])
            if self.options.select < 1:
                self.cuts[name] = largest_of_nonzero(slices, self._variance, self.options.select).threshold
            squares = sum(side_by_side(lambda part: sum(map(self._squares, part)), slices, CORES))
            self.weights[name] = shares(np.broadcast_to(squares, len(self.sources.experts)))

    def added(self, one: Slice, deltas: np.ndarray) -> np.ndarray:
        return sce(self._selected(one, deltas), self.weights[one[0]])

    def _selected(self, one: Slice, deltas: np.ndarray) -> np.ndarray:
        return select(deltas, self.cuts[one[0]]) if one[0] in self.cuts else deltas

    def _variance(self, one: Slice) -> np.ndarray:
        return variance(self.deltas(one, self.sources.read(one)))[None]

    def _squares(self, one: Slice) -> np.ndarray:
        deltas = self._selected(one, self.deltas(one, self.sources.read(one)))
        return (deltas.astype(np.float64)**2).sum(axis=1)


RECIPES = {"average": Average, "task_arithmetic": TaskArithmetic, "ties": Ties, "sce": Sce,
           "dare_task_arithmetic": TaskArithmetic, "dare_ties": Ties}


def recipe(sources: Sources, options: Options) -> Recipe:
    """What merges `sources` as `options` ask."""
    return RECIPES[options.method](sources, options)
