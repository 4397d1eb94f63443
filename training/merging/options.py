"""What may be asked of a merge: each method's parameters, their defaults (the paper's) and their limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import torch

from training.merging.dare import RESCALES
from training.merging.errors import MergeError
from training.merging.weights import check_weight, is_number

_TIES, _DARE = ("density", "trim", "normalize"), ("drop", "rescale", "seed")
METHODS = {
    "average": ("weight",),
    "task_arithmetic": ("weight", "scale"),
    "ties": ("weight", "scale", *_TIES),
    "sce": ("select",),
    "dare_task_arithmetic": ("weight", "scale", *_DARE),
    "dare_ties": ("weight", "scale", *_TIES, *_DARE),
}
"""Method -> the parameters it takes beside those that all take."""
COMMON = ("out_dtype", "include", "progress")
TRIMS = ("global", "per_tensor")
OUT_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Options:
    """The checked parameters of one merge."""

    method: str
    weight: dict
    """Model -> weight (`training.merging.weights`)."""
    scale: float = 1.0
    """Multiplies what is added to the base."""
    density: float = 0.2
    """The share of entries TIES keeps of each expert, in (0, 1]."""
    trim: str = "global"
    """Where TIES ranks magnitudes: over the whole expert, or within each tensor."""
    normalize: bool = True
    """Whether TIES divides by the weights that agree, or sums."""
    select: float = 1.0
    """The share of entries with the highest variance over experts that SCE merges, in (0, 1]."""
    drop: float = 0.2
    """The probability with which DARE drops an entry, in [0, 1)."""
    rescale: str = "inverse"
    """What DARE multiplies the others by: 1 / (1 - drop), or what keeps the tensor's sum of magnitudes."""
    seed: int = 0
    """Of DARE's masks."""
    out_dtype: torch.dtype | None = None
    """The dtype of the floating-point tensors written; None: the base's, tensor by tensor."""
    include: str | None = None
    """A regular expression (re.search) on tensor names; what it does not match is copied from the base."""
    progress: bool = True

    def asked(self) -> dict:
        """The parameters that bear on this method's result, ready for JSON."""
        names = [field.name for field in fields(self) if field.name in (*METHODS[self.method], "include")]
        written = str(self.out_dtype).removeprefix("torch.") if self.out_dtype else None
        return {name: getattr(self, name) for name in names} | {"out_dtype": written}


def read_options(method: str, models: dict, params: dict) -> Options:
    """The options of `merge(base, models, out, method, **params)`; MergeError names what cannot be."""
    if not isinstance(models, dict) or not models or not all(isinstance(name, str) for name in models):
        raise MergeError(f"models must be a dict of at least one name to a path or hub id, got {models!r}")
    if method not in METHODS:
        raise MergeError(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
    allowed = (*METHODS[method], *COMMON)
    for name in params:
        if name not in allowed:
            raise MergeError(f"method {method!r} takes no parameter {name!r}; it takes {', '.join(allowed)}")
    read = dict(params, weight=_weights(method, sorted(models), params.get("weight", 1.0)))
    read["out_dtype"] = _dtype(params.get("out_dtype"))
    options = Options(method, **read)
    _check(options)
    return options


def _check(options: Options) -> None:
    if not is_number(options.scale):
        raise MergeError(f"scale must be a finite number, got {options.scale!r}")
    for name in ("density", "select"):
        value = getattr(options, name)
        if not is_number(value) or not 0 < value <= 1:
            raise MergeError(f"{name} must be above 0 and at most 1, got {value!r}")
    if not is_number(options.drop) or not 0 <= options.drop < 1:
        raise MergeError(f"drop must be at least 0 and below 1, got {options.drop!r}")
    if not isinstance(options.seed, int) or isinstance(options.seed, bool):
        raise MergeError(f"seed must be a whole number, got {options.seed!r}")
    if not isinstance(options.normalize, bool):
        raise MergeError(f"normalize must be True or False, got {options.normalize!r}")
    for name, choices in (("trim", TRIMS), ("rescale", RESCALES)):
        if getattr(options, name) not in choices:
            raise MergeError(f"unknown {name} {getattr(options, name)!r}; choose one of {', '.join(choices)}")
    if options.include is not None:
        try:
            re.compile(options.include)
        except re.error as error:
            raise MergeError(f"include {options.include!r} is not a regular expression: {error}") from error


def _weights(method: str, models: list[str], weight) -> dict:
    """Model -> weight, from one weight or from a weight a model."""
    given = weight if isinstance(weight, dict) else dict.fromkeys(models, weight)
    if sorted(given) != models:
        raise MergeError(f"weight must name each model once: the models are {models}, it names {sorted(given)}")
    for name, value in given.items():
        check_weight(name, value, signed=method.endswith("task_arithmetic"))
    if method == "average" and all(value == 0 for value in given.values()):
        raise MergeError("the weights of an average must not all be 0")
    return {name: given[name] for name in models}


def _dtype(dtype) -> torch.dtype | None:
    if dtype is None or dtype in OUT_DTYPES.values():
        return dtype
    if dtype not in OUT_DTYPES:
        raise MergeError(f"unknown out_dtype {dtype!r}; choose one of {', '.join(OUT_DTYPES)}, or None for the base's")
    return OUT_DTYPES[dtype]
