"""How much each expert counts in each tensor: a number, a number a layer, or a number for what a pattern matches.

    1.0                                        the same everywhere
    [0.0, 0.5, 1.0]                            along the layers: first, middle, last, and in between in proportion; as
                                               many numbers as layers are one a layer. Tensors outside the layers
                                               (embeddings, the last norm, the head) take the first, as in mergekit.
    {"layers.(20|21).": 1.0, ".*": 0.0}        the first pattern that matches the tensor's name (re.search) counts
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from numbers import Real

import numpy as np

from training.merging.errors import MergeError

Weight = float | list[float] | dict[str, float]
_LAYER = re.compile(r"(?:^|\.)(\d+)(?=\.|$)")


def check_weight(model: str, weight: Weight, signed: bool) -> None:
    """MergeError unless this is a weight, and of at least 0 unless `signed`."""
    numbers = weight.values() if isinstance(weight, dict) else weight if isinstance(weight, list) else [weight]
    wrong = [number for number in numbers if not is_number(number) or (number < 0 and not signed)]
    if wrong or not list(numbers):
        limit = "a finite number" + ("" if signed else ", at least 0")
        raise MergeError(f"the weight of {model!r} must be {limit}, or a list of them, or a dict of pattern to number, "
                         f"got {weight!r}")
    for pattern in weight if isinstance(weight, dict) else ():
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise MergeError(f"the weight of {model!r}: {pattern!r} is not a regular expression: {error}") from error


def weights_of(weight: dict[str, Weight], names: Iterable[str]) -> dict[str, np.ndarray]:
    """Tensor name -> the weight of each model there, (M,) fp64 in the order of the models."""
    names = list(names)
    layers = 1 + max((layer_of(name) for name in names), default=-1)
    return {name: np.array([_at(model, one, name, layers) for model, one in weight.items()]) for name in names}


def layer_of(name: str) -> int:
    """The first number in a tensor's name, -1 where there is none."""
    found = _LAYER.search(name)
    return int(found[1]) if found else -1


def _at(model: str, weight: Weight, name: str, layers: int) -> float:
    if isinstance(weight, dict):
        for pattern, number in weight.items():
            if re.search(pattern, name):
                return float(number)
        raise MergeError(f"no pattern in the weight of {model!r} matches {name}; end with '.*' for all others")
    if isinstance(weight, list):
        return _along(weight, name, layers)
    return float(weight)


def _along(weight: list[float], name: str, layers: int) -> float:
    """A list's value at a tensor's depth."""
    depth = max(0, layer_of(name)) / max(1, layers - 1) * (len(weight) - 1)
    return float(np.interp(depth, range(len(weight)), weight))


def is_number(value) -> bool:
    """A finite real number, and no bool."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
