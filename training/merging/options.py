"""What may be asked of a merge: each method's parameters, their defaults (the paper's) and their limits."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from numbers import Real

import torch

METHODS = {
    "average": ("weight",),
    "task_arithmetic": ("weight", "scale"),
    "ties": ("weight", "scale", "density", "trim"),
}
"""Method -> the parameters it takes beside out_dtype, include and progress."""
COMMON = ("out_dtype", "include", "progress")
TRIMS = ("global", "per_tensor")
OUT_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class MergeError(ValueError):
    """A merge that cannot be done as asked."""


@dataclass(frozen=True)
class Options:
    """The checked parameters of one merge."""

    method: str
    weight: dict[str, float]
    """Model -> weight."""
    scale: float = 1.0
    """Multiplies what is added to the base (task_arithmetic, ties)."""
    density: float = 0.2
    """The share of entries TIES keeps of each expert, in (0, 1]."""
    trim: str = "global"
    """Where TIES ranks magnitudes: over the whole expert, or within each tensor."""
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
    if not _is_number(options.scale):
        raise MergeError(f"scale must be a finite number, got {options.scale!r}")
    if not _is_number(options.density) or not 0 < options.density <= 1:
        raise MergeError(f"density must be above 0 and at most 1, got {options.density!r}")
    if options.trim not in TRIMS:
        raise MergeError(f"unknown trim {options.trim!r}; choose one of {', '.join(TRIMS)}")
    if options.include is not None:
        try:
            re.compile(options.include)
        except re.error as error:
            raise MergeError(f"include {options.include!r} is not a regular expression: {error}") from error


def _weights(method: str, models: list[str], weight) -> dict[str, float]:
    """Model -> weight, from one number or from a number a model."""
    given = weight if isinstance(weight, dict) else dict.fromkeys(models, weight)
    if sorted(given) != models:
        raise MergeError(f"weight must name each model once: the models are {models}, it names {sorted(given)}")
    for name, value in given.items():
        if not _is_number(value) or (value < 0 and method != "task_arithmetic"):
            limit = "a finite number" if method == "task_arithmetic" else "a finite number, at least 0"
            raise MergeError(f"the weight of {name!r} must be {limit}, got {value!r}")
    if method == "average" and sum(given.values()) == 0:
        raise MergeError("the weights of an average must not all be 0")
    return {name: float(given[name]) for name in models}


def _dtype(dtype) -> torch.dtype | None:
    if dtype is None or dtype in OUT_DTYPES.values():
        return dtype
    if dtype not in OUT_DTYPES:
        raise MergeError(f"unknown out_dtype {dtype!r}; choose one of {', '.join(OUT_DTYPES)}, or None for the base's")
    return OUT_DTYPES[dtype]


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
