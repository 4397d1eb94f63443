"""A folder's model and tokenizer as transformers opens them: weights from safetensors alone, and nobody's code.

A model that brings Python code of its own (`auto_map`) is opened as what its `model_type` says, or refused, where
transformers would ask at the terminal whether to run it. Chat templates are programs, too: they run in Jinja's sandbox,
and what it forbids is a TemplateError here. (It does not limit their time and memory.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TemplateError(ValueError):
    """A chat template does what it may not, or is none."""


class CodeError(ValueError):
    """A model that cannot be opened without running its code."""


@contextmanager
def _without_code(path: str | Path) -> Iterator[None]:
    """CodeError, in a sentence, where transformers says that a model needs its own code."""
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise CodeError(f"{path} needs Python code of its own, which is never run; convert it to a model type that "
                        "transformers knows") from error


def open_model(path: str | Path, dtype):
    """The causal language model of a folder; dtype: a torch dtype, or "auto" for that of its config. CodeError."""
    from transformers import AutoModelForCausalLM

    with _without_code(path):
        return AutoModelForCausalLM.from_pretrained(path, dtype=dtype, trust_remote_code=False, use_safetensors=True)


def open_tokenizer(path: str | Path):
    """The tokenizer of a folder, or of a hub id. CodeError."""
    from transformers import AutoTokenizer

    with _without_code(path):
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)


def open_config(path: str | Path):
    """The configuration of a folder's language model. CodeError."""
    from transformers import AutoConfig

    with _without_code(path):
        return AutoConfig.from_pretrained(path, trust_remote_code=False).get_text_config()


def in_template(tokenizer, messages: list[dict]) -> str:
    """Messages in the tokenizer's chat template, with what precedes the assistant's next words. Raises TemplateError.
    """
    from jinja2.exceptions import TemplateError as Refused

    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (Refused, RecursionError, OverflowError) as error:
        raise TemplateError(f"the chat template of {tokenizer.name_or_path} cannot be used: {error}") from error
