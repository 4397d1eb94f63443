"""The sums that every ratio of `compare_weights` is made of: one row a cell, a cell being a (layer, module) or more.

Sums add up over cells, slices and threads; ratios do not. So cells are merged here, and ratios are taken last.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

BLOCK = 1024
"""Entries that the kernel works through at once; slices begin at multiples of it."""
DIFFERS = -1.0
"""The eta under which an entry is changed when it differs at all."""


@dataclass
class Sums:
    """Of C cells, M models and P = M (M - 1) / 2 pairs, in the order (0, 1), (0, 2), ..., (1, 2), ..."""

    counts: np.ndarray
    """(C, M, 2) int64: entries changed; entries among the model's largest by magnitude."""
    squares: np.ndarray
    """(C, M + 1) float64: sums of squares, of the base's weights and of each model's differences."""
    largest: np.ndarray
    """(C, M) uint32: the fp32 bits of the largest magnitude of a difference."""
    pairs: np.ndarray
    """(C, P, 3) int64: entries changed by both; of these, by both in the same direction; among the largest of both."""
    products: np.ndarray
    """(C, P) float64: inner products of the differences."""
    times: np.ndarray
    """(C, M) int64: entries changed by exactly 1, 2, ..., M models."""
    sketch: np.ndarray
    """(C, M, dim) float64: the sketches of the differences."""

    @classmethod
    def zeros(cls, cells: int, models: int, dim: int) -> Sums:
        pairs = models * (models - 1) // 2
        return cls(np.zeros((cells, models, 2), np.int64), np.zeros((cells, models + 1)),
                   np.zeros((cells, models), np.uint32), np.zeros((cells, pairs, 3), np.int64),
                   np.zeros((cells, pairs)), np.zeros((cells, models), np.int64), np.zeros((cells, models, dim)))

    def arrays(self) -> dict[str, np.ndarray]:
        """Field -> array."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def cell(self, index: int) -> tuple[np.ndarray, ...]:
        """Views of one cell, for `probes.kernel.measure` to add to."""
        return tuple(array[index] for array in self.arrays().values())

    def merged(self, groups: np.ndarray) -> Sums:
        """Cells of the same group added up; `groups` has the number, from 0, of each cell's group."""
        merged = {}
        for name, array in self.arrays().items():
            merged[name] = np.zeros((groups.max() + 1, *array.shape[1:]), array.dtype)
            add = np.maximum if name == "largest" else np.add
            add.at(merged[name], groups, array)
        return Sums(**merged)


def total(parts: list[Sums]) -> Sums:
    """Sums of the same cells, made by several threads, added up."""
    joined = Sums(**{name: np.concatenate([part.arrays()[name] for part in parts]) for name in parts[0].arrays()})
    cells = len(parts[0].largest)
    return joined.merged(np.tile(np.arange(cells), len(parts)))
