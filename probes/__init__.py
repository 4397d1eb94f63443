"""What changed inside: probes of weights and activations, and interventions that say what matters."""

from importlib import import_module

_HOME = {"compare_weights": "probes.weights", "WeightShift": "probes.shift", "spectra": "probes.spectrum",
         "activation_shift": "probes.activations", "patch": "probes.patching",
         "logit_lens": "probes.lens", "LensReport": "probes.lens",
         "linear_probe": "probes.linear", "steer": "probes.steering", "difference_of_means": "probes.steering",
         "Direction": "probes.steering", "graft_layers": "probes.grafting", "graft_gains": "probes.grafting",
         "policy_divergence": "probes.policy", "policy_neighbors": "probes.policy", "kl_matrix": "probes.policy",
         "gain_consistency": "probes.skills", "emergent_tasks": "probes.emergent"}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'probes' has no attribute {name!r}; it has {', '.join(_HOME)}")
    return getattr(import_module(_HOME[name]), name)
