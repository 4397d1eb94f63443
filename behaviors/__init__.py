"""What the models do: sample completions, tag behaviors in them, judge them, and measure all of it.

Names are loaded on first use (PEP 562): `from behaviors import tag, summarize`. `judge` alone is bound here, because
its module has the same name and would replace the function when first imported; `from behaviors.judge import` works.
"""

from importlib import import_module

from behaviors.judge import judge

_HOMES = {
    "sample": "sampling", "tag": "tagger", "BehaviorTagger": "tagger", "judge_scores": "judge",
    "summarize": "metrics", "avg_at_k": "metrics", "pass_at_k": "metrics", "paired_bootstrap": "metrics",
}
__all__ = ["BehaviorTagger", "avg_at_k", "judge", "judge_scores", "paired_bootstrap", "pass_at_k", "sample",
           "summarize", "tag"]


def __getattr__(name):
    """The public function `name`, from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; choose one of {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return sorted([*globals(), *_HOMES])
