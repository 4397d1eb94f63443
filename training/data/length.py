"""How many tokens a prompt has for a model: with its chat template, as training and sampling ask it."""

from __future__ import annotations

from training import pretrained


def token_counts(tokenizer, prompts: list[str]) -> list[int]:
    """Tokens of each prompt, rendered as `training.rollouts.render` does; many at once are faster than one by one."""
    from training.rollouts import asked

    texts = [asked(tokenizer, prompt) for prompt in prompts]
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]] if texts else []


def open_tokenizer(source: str):
    """The tokenizer of a folder or hub id. Raises ValueError where there is none, or none with a chat template."""
    try:
        tokenizer = pretrained.open_tokenizer(source)
    except (OSError, ValueError) as error:
        raise ValueError(f"no tokenizer at {source!r} ({' '.join(str(error).split())[:200]})") from error
    if not tokenizer.chat_template:
        raise ValueError(f"the tokenizer of {source!r} has no chat template, which prompts are asked with")
    return tokenizer
