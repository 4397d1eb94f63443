"""Tiny real models for tests: a Qwen3 made from a config, with a tokenizer trained on a few corpus examples."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from training.presets import PRESETS, Preset


@cache
def tokenizer():
    """A byte-level tokenizer in the organism's chat form."""
    from training.organism.corpus import Corpus
    from training.organism.tokenizer import train_tokenizer

    corpus = Corpus()
    return train_tokenizer("".join(text for text, _ in corpus.example(i)) for i in range(200))


def save_model(folder: Path, seed: int = 0, layers: int = 2, max_new_tokens: int = 24) -> str:
    """An untrained Qwen3 of width 64 in `folder`, with its tokenizer."""
    from training.organism.anchor import Recipe, new_model

    model = new_model(Recipe(seed=seed, width=64, layers=layers), tokenizer())
    model.generation_config.max_new_tokens = max_new_tokens
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


def preset(**changes) -> Preset:
    """The organism's preset, small enough for a test."""
    return replace(PRESETS["organism"], **{"steps": 2, "prompts": 2, "generations": 2, "max_new_tokens": 24, **changes})
