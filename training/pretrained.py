"""A folder's model and tokenizer as transformers opens them: weights from safetensors alone, and nobody's code.

A model that brings Python code of its own (`auto_map`) is opened as what its `model_type` says, or refused, where
transformers would ask at the terminal whether to run it. Chat templates are programs, too: they run in Jinja's sandbox,
and what it forbids is a TemplateError here. (It does not limit their time and memory.)
"""

from __future__ import annotations

from pathlib import Path


class TemplateError(ValueError):
    """A chat template does what it may not, or is none."""


def open_model(path: str | Path, dtype):
    """The causal language model of a folder; dtype: a torch dtype, or "auto" for that of its config."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(path, dtype=dtype, trust_remote_code=False, use_safetensors=True)


def open_tokenizer(path: str | Path):
    """The tokenizer of a folder, or of a hub id."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, trust_remote_code=False)


def open_config(path: str | Path):
    """The configuration of a folder's language model."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(path, trust_remote_code=False).get_text_config()


def in_template(tokenizer, messages: list[dict]) -> str:
    """Messages in the tokenizer's chat template, with what precedes the assistant's next words. Raises TemplateError.
    """
    from jinja2.exceptions import TemplateError as Refused

    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (Refused, RecursionError, OverflowError) as error:
        raise TemplateError(f"the chat template of {tokenizer.name_or_path} cannot be used: {error}") from error
