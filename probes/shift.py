"""WeightShift: what moved between a base and the models made from it, as tables of ratios over sums.

Definitions (M2RL, arXiv 2602.12566, second-hand [N1], see `compare_weights`), for a model's difference d = w - w_base
over a cell, a (layer, module) or more:

changed_fraction  |C| / n, C = {i: |d_i| > eta max(|w_i|, |w_base,i|)}
relative_l2       |d| / |w_base|
jaccard           |C_a and C_b| / |C_a or C_b|; jaccard_chance: p q / (p + q - p q), what independent C of the same
                  densities p and q would have; jaccard_top: the same ratio of each model's largest 20 % by |d|
cosine            d_a . d_b / (|d_a| |d_b|)
sketch_cosine     the same of two sketches of dim numbers; sketch_std: (1 - c^2) / sqrt(dim), its standard error
sign_agreement    of the entries that both changed, the share that moved in the same direction

A ratio of nothing to nothing is NaN.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from probes.sums import Sums
from training.display import html
from training.durable import whole_file

LEVELS = {"layer": ["layer"], "module": ["module"], "model": []}


@dataclass(frozen=True)
class Settings:
    """What was compared, and how."""

    base: str
    models: dict[str, str]
    """Name -> path or hub id."""
    eta: float
    sketch_dim: int
    seed: int
    include: str | None


@dataclass(frozen=True, eq=False)
class WeightShift:
    """What `compare_weights` found. The tables are computed when asked for; order: models, or pairs, then cells.

    `cells`: a frame of layer, module (as far as they are told apart), n_params, dtype; `sums`: one row a cell.
    """

    settings: Settings
    cells: pd.DataFrame
    sums: Sums

    models = property(lambda self: tuple(self.settings.models))

    @property
    def changes(self) -> pd.DataFrame:
        """model, layer, module, n_params, changed, changed_fraction, l2, relative_l2, max_abs, dtype."""
        return pd.concat([self._changes(m, name) for m, name in enumerate(self.models)], ignore_index=True)

    @property
    def overlap(self) -> pd.DataFrame:
        """One row a pair and cell: model_a, model_b, layer, module, jaccard, jaccard_chance, jaccard_top, cosine,
        sketch_cosine, sketch_std, sign_agreement. Empty for one model."""
        columns = ["model_a", "model_b", *self._keys, "jaccard", "jaccard_chance", "jaccard_top", "cosine",
                   "sketch_cosine", "sketch_std", "sign_agreement"]
        rows = [self._overlap(*pair) for pair in combinations(self.models, 2)]
        return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)

    @property
    def changed_by(self) -> pd.DataFrame:
        """How many weights exactly k of the models changed: layer, module, k, weights, fraction; k from 0.

        Of the models that were compared together, without those added later.
        """
        times = np.column_stack([self.cells["n_params"] - self.sums.times.sum(axis=1), self.sums.times])
        return pd.concat([self.cells[self._keys].assign(k=k, weights=times[:, k],
                                                        fraction=times[:, k] / self.cells["n_params"])
                          for k in range(times.shape[1])], ignore_index=True)

    def pair_sums(self, model_a: str, model_b: str) -> pd.DataFrame:
        """What the ratios of a pair are made of, one row a cell: n_params, changed_a, changed_b, changed_both,
        same_sign, top_a, top_b, top_both, squares_a, squares_b, product. NaN where the two were not compared together.
        """
        a, b = (self.models.index(name) for name in (model_a, model_b))
        sums, pair = self.sums, list(combinations(range(len(self.models)), 2)).index((min(a, b), max(a, b)))
        table = self.cells[[*self._keys, "n_params"]].copy()
        for name, which in (("changed", 0), ("top", 1)):
            table[f"{name}_a"], table[f"{name}_b"] = sums.counts[:, a, which], sums.counts[:, b, which]
        table[["changed_both", "same_sign", "top_both"]] = sums.pairs[:, pair]
        table["squares_a"], table["squares_b"] = sums.squares[:, a + 1], sums.squares[:, b + 1]
        return table.assign(product=sums.products[:, pair])

    def aggregate(self, level: str) -> WeightShift:
        """Over the layers' or modules' sums, or all: "layer", "module" or "model". What is summed over is no column."""
        if level not in LEVELS:
            raise ValueError(f"unknown level {level!r}; choose one of {', '.join(LEVELS)}")
        keys = [key for key in LEVELS[level] if key in self._keys]
        if keys != LEVELS[level]:
            raise ValueError(f"this comparison is already summed over {level}s; aggregate the one it was made from")
        groups = self.cells.groupby(keys, sort=False).ngroup().to_numpy() if keys else np.zeros(len(self.cells), int)
        cells = self.cells.assign(group=groups).groupby("group").agg(
            **{key: (key, "first") for key in keys}, n_params=("n_params", "sum"), dtype=("dtype", _joined))
        return replace(self, cells=cells.reset_index(drop=True), sums=self.sums.merged(groups))

    def with_model(self, name: str, model: str | Path, progress: bool = True, keep: bool = False,
                   device: str = "auto") -> WeightShift:
        """With one more model, for which the base is read again, but not the other models.

        Against these only the sketches and the densities are known: jaccard, jaccard_top, cosine and sign_agreement of
        the new pairs are NaN. Other arguments as of `compare_weights`. ValueError where that cannot be.
        """
        from probes.weights import add_model

        return add_model(self, name, model, progress=progress, keep=keep, device=device)

    def save(self, path: str | Path) -> Path:
        """Write all of it to one file (.npz, without pickle), whole or not at all."""
        path = Path(path)
        text = json.dumps({"settings": asdict(self.settings), "cells": self.cells.to_dict("list")})
        with whole_file(path) as aside, aside.open("wb") as stream:
            np.savez(stream, about=np.array(text), **self.sums.arrays())
        return path

    @classmethod
    def load(cls, path: str | Path) -> WeightShift:
        """What `save` wrote. ValueError for another file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                sums = Sums(**{name: file[name] for name in file.files if name != "about"})
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} holds no whole comparison written by WeightShift.save ({error})") from error
        return cls(Settings(**about["settings"]), pd.DataFrame(about["cells"]), sums)

    def __repr__(self) -> str:
        return f"WeightShift({', '.join(self.models)} against {self.settings.base}, {len(self.cells)} cells)"

    def _repr_html_(self) -> str:
        """What changed in each model and how each two overlap, over all cells."""
        whole = self.aggregate("model")
        tables = [whole.changes, whole.overlap] if len(self.models) > 1 else [whole.changes]
        return html(f"{len(self.models)} compared with {self.settings.base}: a weight changed where it moved by more "
                    f"than {self.settings.eta:g} of its size", *tables)

    @property
    def _keys(self) -> list[str]:
        return [key for key in ("layer", "module") if key in self.cells]

    def _changes(self, m: int, name: str) -> pd.DataFrame:
        sums, n = self.sums, self.cells["n_params"].to_numpy()
        l2 = np.sqrt(sums.squares[:, m + 1])
        table = self.cells[self._keys].assign(
            n_params=n, changed=sums.counts[:, m, 0], changed_fraction=_ratio(sums.counts[:, m, 0], n), l2=l2,
            relative_l2=_ratio(l2, np.sqrt(sums.squares[:, 0])), max_abs=sums.largest[:, m].view(np.float32),
            dtype=self.cells["dtype"])
        table.insert(0, "model", name)
        return table

    def _overlap(self, a: str, b: str) -> pd.DataFrame:
        found, n = self.pair_sums(a, b), self.cells["n_params"]
        x, y = (self.sums.sketch[:, self.models.index(name)] for name in (a, b))
        sketched = cosine((x * y).sum(axis=1), (x * x).sum(axis=1), (y * y).sum(axis=1))
        return self.cells[self._keys].assign(
            model_a=a, model_b=b, jaccard=jaccard(found["changed_a"], found["changed_b"], found["changed_both"]),
            jaccard_chance=chance(found["changed_a"] / n, found["changed_b"] / n),
            jaccard_top=jaccard(found["top_a"], found["top_b"], found["top_both"]),
            cosine=cosine(found["product"], found["squares_a"], found["squares_b"]), sketch_cosine=sketched,
            sketch_std=(1 - sketched**2) / np.sqrt(self.settings.sketch_dim),
            sign_agreement=_ratio(found["same_sign"], found["changed_both"]))


def jaccard(a, b, both):
    """|A and B| / |A or B| from the counts of A, B and both; NaN where both are empty."""
    return _ratio(both, a + b - both)


def chance(p, q):
    """The Jaccard ratio that independent sets of these densities would have: p q / (p + q - p q)."""
    return _ratio(p * q, p + q - p * q)


def cosine(product, squares_a, squares_b):
    """a.b / (|a| |b|) from a.b, |a|^2 and |b|^2; NaN where one of them is 0."""
    return _ratio(product, np.sqrt(squares_a * squares_b))


def _ratio(part, whole) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part, float) / np.asarray(whole, float)


def _joined(dtypes: pd.Series) -> str:
    return ", ".join(sorted(set(", ".join(dtypes).split(", "))))
