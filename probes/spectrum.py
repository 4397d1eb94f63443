"""What moved in the spectrum: of every matrix, where its update lies and how far its singular subspaces turned.

    >>> spectra("sft", {"math": "rl-math", "coding": "rl-coding"}, rank=32)

For a matrix W of m rows and n columns, W' after training, D = W' - W, and the r leading singular triplets (U, s, V):

spectral_drift    |s(W') - s(W)| / |s(W)|, over the r values ("The path not taken", arXiv 2511.08567, section 4)
stable_rank       |D|_F^2 / |D|_2^2
effective_rank    (sum s^2)^2 / sum s^4 of all of D's values: the participation ratio, |D|_F^4 / |D^T D|_F^2
energy_in_base    |U^T D V|_F^2 / |D|_F^2 with W's U, V; energy_chance: r^2 / (m n), that of a random direction
angle_*           mean principal angle in degrees between two r-dimensional left (right) singular subspaces;
alignment_*       their mean squared cosine, |U_a^T U_b|_F^2 / r; chance_*: that of random subspaces, r / m (r / n)

In the rows of one model (`other` is "") the two subspaces are those of W and W'; in the rows of a pair, those of the
two updates. `error` bounds the relative error of the singular values behind the row (`probes.svd`; 0: exact).

Departures: (1) only the r leading values enter the drift; (2) the effective rank of Roy and Vetterli (2007) is the
exponential of Shannon's entropy and needs every singular value; the participation ratio needs none; (3) subspaces are
of one r for all matrices, so alignment is to be read beside its chance.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from probes.sources import ProbeError, Sources, check_finite, open_sources
from probes.svd import Leading, leading
from training.checkpoints import at_hand, windows

COLUMNS = ("model", "other", "layer", "module", "tensor", "rows", "columns", "rank", "spectral_drift", "stable_rank",
           "effective_rank", "energy_in_base", "energy_chance", "angle_left", "angle_right", "alignment_left",
           "alignment_right", "chance_left", "chance_right", "error")


def spectra(base: str | Path, models: dict[str, str | Path], rank: int = 32, include: str | None = None,
            progress: bool = True, keep: bool = False) -> pd.DataFrame:
    """The columns above: one row a (matrix, model), then one a (matrix, pair of models), for every matrix.

    Args: as of `compare_weights`; rank: of the subspaces, at least 1 (at most a matrix's smaller side is used).
    Tensors of other than two dimensions, and single rows or columns, have no spectrum and no row. What a row does not
    have, and ratios of an update that is 0, are NaN. Memory: one matrix of two models. Raises as `compare_weights`.
    """
    if not isinstance(rank, int) or rank < 1:
        raise ProbeError(f"rank must be a whole number of at least 1, got {rank!r}")
    sources = open_sources(base, models, include, keep)
    names = [name for name in sources.names if len(sources.base.shape(name)) == 2 and min(sources.base.shape(name)) > 1]
    if not names:
        raise ProbeError(f"there is no matrix among the tensors chosen of {base}: {', '.join(sources.names[:3])}")
    rows = {}
    with tqdm(total=len(names), desc="spectra", unit="matrix", disable=not progress) as bar:
        for window in windows(sources.all, names):
            with at_hand(sources.all, window, progress):
                for name in window:
                    rows[name] = _matrix(sources, name, rank)
                    bar.update()
    return pd.DataFrame([row for name in names for row in rows[name]], columns=list(COLUMNS))


def _matrix(sources: Sources, name: str, rank: int) -> list[dict]:
    """All rows of one matrix."""
    before = sources.base.tensor(name).float()
    first, updates, rows = leading(before, rank), {}, []
    (layer, module), (m, n) = sources.places[name], before.shape
    place = {"layer": layer, "module": module, "tensor": name, "rows": m, "columns": n, "rank": len(first.values)}
    for model, checkpoint in sources.models.items():
        after = checkpoint.tensor(name).float()
        delta = after - before
        if not torch.isfinite(delta).all():
            check_finite(sources, name)
        last, updates[model] = leading(after, rank), leading(delta, rank)
        rows.append({"model": model, "other": "", **place, **_drift(first, last), **_ranks(delta, updates[model]),
                     **_energy(delta, first), **_turned(first, last),
                     "error": max(first.error, last.error, updates[model].error)})
    for a, b in combinations(updates, 2):
        one, two = updates[a], updates[b]
        if one.values.any() and two.values.any():
            rows.append({"model": a, "other": b, **place, **_turned(one, two), "error": max(one.error, two.error)})
        else:
            rows.append({"model": a, "other": b, **place})
    return rows


def _drift(before: Leading, after: Leading) -> dict[str, float]:
    return {"spectral_drift": _ratio((after.values - before.values).norm(), before.values.norm())}


def _ranks(delta: torch.Tensor, update: Leading) -> dict[str, float]:
    """Stable and effective rank, of the update as a whole."""
    tall = delta if delta.shape[0] >= delta.shape[1] else delta.T
    energy = (delta**2).sum()
    return {"stable_rank": _ratio(energy, update.values[0]**2),
            "effective_rank": _ratio(energy**2, ((tall.T @ tall)**2).sum())}


def _energy(delta: torch.Tensor, base: Leading) -> dict[str, float]:
    inside = (base.left.T @ delta @ base.right).norm()
    return {"energy_in_base": _ratio(inside**2, (delta**2).sum()),
            "energy_chance": len(base.values)**2 / delta.numel()}


def _turned(one: Leading, two: Leading) -> dict[str, float]:
    """Angles and alignment of two pairs of subspaces, beside chance."""
    found, rank = {}, len(one.values)
    for side in ("left", "right"):
        a, b = getattr(one, side), getattr(two, side)
        cosines = torch.linalg.svdvals(a.T @ b).double().clamp(0, 1)
        found |= {f"angle_{side}": torch.rad2deg(torch.arccos(cosines)).mean().item(),
                  f"alignment_{side}": (cosines**2).mean().item(), f"chance_{side}": rank / a.shape[0]}
    return found


def _ratio(part: torch.Tensor, whole: torch.Tensor) -> float:
    return (part / whole).item() if whole else np.nan
