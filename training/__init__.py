"""Makes the models: domains of verifiable rewards, the organism, SFT and RLVR runs, merges, and the zoo of them all."""

from importlib import import_module

_HOME = {
    "Checkpoint": "training.checkpoints", "Zoo": "training.zoo", "build_zoo": "training.build",
    "merge": "training.merging", "get_domain": "training.domains", "DOMAINS": "training.domains",
    "Task": "training.domains",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'training' has no attribute {name!r}; it has {', '.join(_HOME)}")
    return getattr(import_module(_HOME[name]), name)
