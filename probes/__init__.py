"""What changed inside: probes of a model's weights, against the model it was trained from."""

from importlib import import_module

_HOME = {"compare_weights": "probes.weights", "WeightShift": "probes.shift", "spectra": "probes.spectrum"}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'probes' has no attribute {name!r}; it has {', '.join(_HOME)}")
    return getattr(import_module(_HOME[name]), name)
