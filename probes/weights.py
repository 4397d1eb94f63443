"""What moved in the weights: how many changed, how far, and how alike the changes of any number of models are.

The paper's "Weight Shift" (M2RL, arXiv 2602.12566, Table 5 and Figure 3; its release holds no code for it, and its
definitions reach us second-hand [N1]): a weight is changed when |w - w_base| > eta max(|w|, |w_base|), eta = 1e-3, the
base being the model after SFT; two models' changes overlap by Jaccard's ratio, and agree by the cosine of their
projections to 256 dimensions.

    >>> shift = compare_weights("sft", {"math": "rl-math", "coding": "rl-coding"})
    >>> shift.aggregate("model").overlap            # Jaccard beside its chance level, cosine, sign agreement, ...
    >>> shift.save("shift.npz"); WeightShift.load("shift.npz").with_model("science", "rl-science")

One pass over the stored tensors gives all of it (`probes.stream`, `probes.kernel`); counts are exact integers. Timings:
`python benchmarks/weights.py`.

Departures: (1) the cosine is exact, over every entry; the projection is there beside it, with its standard error, for
models compared later; (2) the projection is a count sketch and not an orthogonal one, unbiased all the same, and never
held in memory; (3) every stored tensor counts, embeddings and norms included (which the paper counts: not found), a
tied pair once; `include` restricts; (4) differences are fp32, the test for changed is fp64 where eta can matter.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from probes.shift import Settings, WeightShift
from probes.sources import ProbeError, Sources, open_sources
from probes.sums import DIFFERS, Sums

SKETCH_DIMS = tuple(2**power for power in range(4, 13))


def compare_weights(base: str | Path, models: dict[str, str | Path], eta: float = 1e-3, sketch_dim: int = 256,
                    seed: int = 0, include: str | None = None, progress: bool = True, keep: bool = False,
                    device: str = "auto") -> WeightShift:
    """Compare models with the one they were trained from, entry by entry.

    Args:
        base, models: folders or hub ids; the models by name, with the base's tensor names, shapes and dtypes.
        eta: relative change from which a weight counts as changed, in the stored dtype (a warning says where bf16 makes
            this "differs at all").
        sketch_dim, seed: of the sketches, a power of two from 16 to 4096. Sketches compare only if both are the same.
        include: a regular expression (re.search) on tensor names: all others are left out.
        progress: a bar on stderr.
        keep: put hub ids whole into the hub's cache. Otherwise a shard a model is on disk at a time.
        device: "cpu", the compiled loop; a torch device such as "cuda:1"; "auto": cuda where there is one. Counts are
            the same.

    Memory: a few MB a core and one row of numbers a (layer, module); not the models.
    Raises ProbeError (a ValueError) for models that cannot be compared or hold NaN, CheckpointError for a broken one.
    """
    _check(models, eta, sketch_dim, seed)
    device = _checked(device)
    sources = open_sources(base, models, include, keep)
    settings = Settings(str(base), {name: str(model) for name, model in models.items()}, float(eta), sketch_dim, seed,
                        include)
    shift = _measured(sources, settings, progress, device)
    for name in _unchanged(shift):
        warnings.warn(f"model {name!r} has the weights of the base: is it the base itself?", stacklevel=2)
    return shift


def add_model(shift: WeightShift, name: str, model: str | Path, **how) -> WeightShift:
    """See `WeightShift.with_model`."""
    old = shift.settings
    if name in old.models:
        raise ProbeError(f"there is a model {name!r} already; the models are {', '.join(old.models)}")
    new = compare_weights(old.base, {name: model}, old.eta, old.sketch_dim, old.seed, old.include, **how)
    if not new.cells.equals(shift.cells):
        raise ProbeError(f"{old.base} has other tensors than when it was compared, or this comparison is an aggregate; "
                         "add models before aggregating")
    if not np.allclose(new.sums.squares[:, 0], shift.sums.squares[:, 0], rtol=1e-5):
        raise ProbeError(f"{old.base} has other weights than when it was compared with {', '.join(old.models)}")
    settings = replace(old, models={**old.models, name: str(model)})
    return WeightShift(settings, shift.cells, _one_more(shift.sums, new.sums))


def _one_more(old: Sums, new: Sums) -> Sums:
    """The sums of M models and one more; NaN for the pairs of the new one."""
    models = old.largest.shape[1]
    pairs = [(a, b) for a in range(models + 1) for b in range(a + 1, models + 1)]
    known = [place for place, (_, b) in enumerate(pairs) if b < models]
    both, products = np.full((len(old.largest), len(pairs), 3), np.nan), np.full((len(old.largest), len(pairs)), np.nan)
    both[:, known], products[:, known] = old.pairs, old.products
    return Sums(np.concatenate([old.counts, new.counts], axis=1),
                np.concatenate([old.squares, new.squares[:, 1:]], axis=1),
                np.concatenate([old.largest, new.largest], axis=1), both, products, old.times,
                np.concatenate([old.sketch, new.sketch], axis=1))


def _measured(sources: Sources, settings: Settings, progress: bool, device: str) -> WeightShift:
    from probes.stream import Plan, measure_all

    tensors = pd.DataFrame([(*sources.places[name], sources.size(name), str(sources.base.dtype(name))[6:])
                            for name in sources.names], columns=["layer", "module", "n_params", "dtype"])
    groups = tensors.groupby(["layer", "module"], sort=True)
    cells = groups.agg(n_params=("n_params", "sum"), dtype=("dtype", lambda kinds: ", ".join(sorted(set(kinds)))))
    cell_of = dict(zip(sources.names, groups.ngroup(), strict=True))
    etas = {name: _kernel_eta(settings.eta, sources.base.dtype(name)) for name in sources.names}
    if DIFFERS in etas.values():
        warnings.warn(f"bf16 keeps 8 bits, so two weights that differ do so by more than eta = {settings.eta:g} of the "
                      "larger: in bfloat16 tensors changed means that the stored value differs at all", stacklevel=3)
    sums = measure_all(Plan(sources, cell_of, etas, settings.sketch_dim, settings.seed, device), progress)
    return WeightShift(settings, cells.reset_index(), sums)


def _kernel_eta(eta: float, dtype: torch.dtype) -> float:
    """`DIFFERS` where a dtype leaves no room between equal and changed: its finest relative step exceeds eta."""
    finest = torch.finfo(dtype).eps / 2  # the step below a power of two, relative to it
    return DIFFERS if dtype == torch.bfloat16 and eta < finest else eta


def _unchanged(shift: WeightShift) -> list[str]:
    moved = shift.sums.largest.max(axis=0)
    return [name for name, most in zip(shift.models, moved, strict=True) if most == 0]


def _check(models: dict, eta: float, sketch_dim: int, seed: int) -> None:
    from probes.stream import MODELS

    if isinstance(models, dict) and len(models) > MODELS:
        raise ProbeError(f"{len(models)} models are too many for one comparison; {MODELS} is the limit")
    if not isinstance(eta, Real) or isinstance(eta, bool) or not math.isfinite(eta) or eta < 0:
        raise ProbeError(f"eta must be a finite number of at least 0, got {eta!r}")
    if sketch_dim not in SKETCH_DIMS:
        raise ProbeError(f"sketch_dim must be a power of two from {SKETCH_DIMS[0]} to {SKETCH_DIMS[-1]}, "
                         f"got {sketch_dim!r}")
    if not isinstance(seed, int):
        raise ProbeError(f"seed must be a whole number, got {seed!r}")


def _checked(device: str) -> str:
    """The device, "auto" resolved."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ProbeError(f"device must be auto, cpu, cuda or another torch device, got {device!r}") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ProbeError(f"device {device!r}: torch finds no GPU here; choose cpu or auto")
    return device
