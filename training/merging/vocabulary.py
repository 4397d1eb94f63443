"""Are two models of one kind: the same architecture, and the same token behind every number.

Rows of an embedding are added up by their number, so a token that has another number in an expert would be merged with
a stranger, without an error. So tokenizers are compared token by token; a folder without tokenizer files says nothing
about its tokens, and is taken at its word.
"""

from __future__ import annotations

from training.checkpoints import Checkpoint
from training.shards import read_json


def differing(base: Checkpoint, other: Checkpoint) -> str | None:
    """How another model's architecture or tokens differ from the base's, as in "is a LlamaForCausalLM ..."; or None."""
    ours, theirs = (architecture(model) for model in (base, other))
    if ours and theirs and ours != theirs:
        return f"is a {theirs}, the base a {ours}: only models of one architecture can be merged"
    ours, theirs = (tokens(model) for model in (base, other))
    if not ours or not theirs or ours == theirs:
        return None
    odd = sorted(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
    shown = ", ".join(f"{token!r} ({_number(ours, token)} in the base, {_number(theirs, token)} there)"
                      for token in odd[:5])
    return f"has another vocabulary: {len(odd)} tokens differ, as {shown}; train all models with the base's tokenizer"


def architecture(model: Checkpoint) -> str:
    """The class that config.json names, else its model type; empty where there is no config.json."""
    if not (model.path / "config.json").is_file():
        return ""
    return ", ".join(model.config.get("architectures") or [model.config.get("model_type", "")])


def tokens(model: Checkpoint) -> dict[str, int]:
    """Token -> number, of tokenizer.json, else of vocab.json and added_tokens.json; empty where there is none."""
    file = model.path / "tokenizer.json"
    if file.is_file():
        content = read_json(file)
        vocabulary = (content.get("model") or {}).get("vocab", {})
        if isinstance(vocabulary, list):  # unigram models: pairs of token and score
            vocabulary = {entry[0]: number for number, entry in enumerate(vocabulary)}
        return vocabulary | {entry["content"]: entry["id"] for entry in content.get("added_tokens", [])}
    files = [model.path / name for name in ("vocab.json", "added_tokens.json")]
    return {token: number for file in files if file.is_file() for token, number in read_json(file).items()}


def _number(vocabulary: dict[str, int], token: str) -> str:
    return str(vocabulary.get(token, "absent"))
