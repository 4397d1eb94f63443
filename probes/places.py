"""Where a tensor sits in a model, read from its name: (layer, module), with no table of architectures.

    model.layers.12.self_attn.q_proj.weight -> (12, "q")       transformer.h.3.mlp.c_fc.weight -> (3, "up")
    model.embed_tokens.weight -> (-1, "embedding")             model.layers.3.mlp.experts.7.up_proj.weight -> (3, "up")

The layer is the first number in the name, -1 where there is none. The module is what the last words of the name say, in
the words of the common families (Llama, Qwen, Mistral, Gemma, Phi, GPT-2, GPT-NeoX, BERT, BLOOM, Falcon); what is not
recognised keeps its own name. Weights and biases, and the experts of a layer, share a module. Where a model has several
stacks of layers (an image encoder beside the text model), modules of all but the largest carry their stack's name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

MODULES = {  # module: what the name ends in; the first that matches counts
    "norm": r"(\w*[nN]orm\w*|ln_\w+|ln\d?)",
    "qkv": r"(qkv_proj|c_attn|query_key_value|qkv|wqkv)",
    "q": r"(q_proj|query|q_lin|wq|q)",
    "k": r"(k_proj|key|k_lin|wk|k)",
    "v": r"(v_proj|value|v_lin|wv|v)",
    "o": r"(o_proj|out_proj|out_lin|wo|(attn|self_attn|attention|self_attention)\.(c_proj|dense|output\.dense|proj|o))",
    "gate_up": r"gate_up_proj",
    "router": r"(router|(mlp|moe|block_sparse_moe)\.gate)",
    "gate": r"(gate_proj|w1)",
    "up": r"(up_proj|w3|c_fc|fc1|fc_in|dense_h_to_4h|intermediate\.dense)",
    "down": r"(down_proj|w2|mlp\.c_proj|fc2|fc_out|dense_4h_to_h|output\.dense)",
    "embedding": r"(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings)",
    "position": r"(wpe|position_embeddings|embed_positions)",
    "lm_head": r"(lm_head|embed_out)",
}
_PATTERNS = {module: re.compile(rf"(^|.*\.){ending}") for module, ending in MODULES.items()}
_NUMBER = re.compile(r"(?:^|\.)(\d+)(?=\.|$)")


def places(names: Iterable[str]) -> dict[str, tuple[int, str]]:
    """name -> (layer, module), for all tensors of a model."""
    parts = {name: split(name) for name in names}
    stacks = Counter(stack for stack, layer, _ in parts.values() if layer >= 0)
    main = stacks.most_common(1)[0][0] if stacks else ""
    return {name: (layer, module if layer < 0 or stack == main else f"{stack}.{module}")
            for name, (stack, layer, module) in parts.items()}


def split(name: str) -> tuple[str, int, str]:
    """(the stack's name, layer, module) of one tensor's name."""
    number = _NUMBER.search(name)
    rest = re.sub(r"\.(weight|bias)$", "", name[number.end():].lstrip(".") if number else name)
    known = (module for module, pattern in _PATTERNS.items() if pattern.fullmatch(rest))
    module = next(known, rest)
    return (name[:number.start()], int(number[1]), module) if number else ("", -1, module)
