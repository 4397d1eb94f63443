"""Where a model's activations are read and changed: three sites a layer, found in the loaded model itself.

    resid   the residual stream after block k: its output
    attn    what the attention of block k puts out (in most families, what it adds to the stream)
    mlp     what the MLP of block k puts out

Blocks are the list of modules as long as the config says the model is deep, the attention and MLP of a block its
children of those names, so that any Hugging Face decoder works without a table of architectures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from probes.sources import ProbeError

SITES = ("resid", "attn", "mlp")
PARTS = {"attn": r"(self_)?attn|(self_)?attention|linear_attn", "mlp": r"mlp|feed_forward|ffn|moe|block_sparse_moe"}
"""Site -> how its module is called in a block."""
_LAST_NORMS = r"norm|ln_f|final_layer_?norm"

Site = tuple[str, int]
"""(one of SITES, layer)."""


def depth(network) -> int:
    """The number of blocks of a model."""
    return network.config.get_text_config().num_hidden_layers


def blocks(network) -> list[nn.Module]:
    """The blocks of a model, in order. Raises ProbeError where they cannot be told."""
    found = [module for module in network.modules() if isinstance(module, nn.ModuleList)
             and len(module) == depth(network)]
    if not found:
        raise ProbeError(f"{type(network).__name__} has no list of {depth(network)} blocks, as its config says")
    return list(max(found, key=lambda module: sum(p.numel() for p in module.parameters())))


def path(network, site: Site) -> str:
    """The dotted name of the module of a site inside a model, as in `model.layers.3.self_attn`."""
    module = module_of(network, site)
    return next(name for name, other in network.named_modules() if other is module)


def module_of(network, site: Site) -> nn.Module:
    """The module whose output a site is."""
    kind, layer = site
    block = blocks(network)[layer]
    if kind == "resid":
        return block
    names = [name for name, _ in block.named_children() if re.fullmatch(PARTS[kind], name)]
    if len(names) != 1:
        children = ", ".join(name for name, _ in block.named_children())
        raise ProbeError(f"{type(network).__name__}: block {layer} has no single {kind}; its parts are {children}")
    return block.get_submodule(names[0])


def last_norm(network) -> nn.Module:
    """The norm between the last block and the output head."""
    found = [module for name, module in network.base_model.named_children() if re.fullmatch(_LAST_NORMS, name)]
    if len(found) != 1:
        raise ProbeError(f"{type(network).__name__} has no single norm after its blocks")
    return found[0]


def chosen_layers(layers, n: int) -> list[int]:
    """The layers asked for (None: all), each once; -1 is the last. Raises ProbeError for one that is not there."""
    wanted = range(n) if layers is None else [layers] if isinstance(layers, int) else list(layers)
    for layer in wanted:
        if not isinstance(layer, int) or isinstance(layer, bool) or not -n <= layer < n:
            raise ProbeError(f"there is no layer {layer!r}; the model has layers 0 to {n - 1}")
    if not wanted:
        raise ProbeError(f"no layers to look at; choose among 0 to {n - 1}, or None for all")
    return list(dict.fromkeys(layer % n for layer in wanted))


def chosen_sites(sites) -> list[str]:
    """The kinds of site asked for, each once. Raises ProbeError for an unknown one."""
    return chosen_names(sites, SITES, "site", "look at")


def chosen_names(given: str | Iterable[str], names: Iterable[str], what: str, purpose: str) -> list[str]:
    """One name or several, each once. Raises ProbeError for none, or one that is not among `names`."""
    wanted = [given] if isinstance(given, str) else list(given)
    for one in wanted:
        if one not in names:
            raise ProbeError(f"unknown {what} {one!r}; choose among {', '.join(names)}")
    if not wanted:
        raise ProbeError(f"no {what}s to {purpose}; choose among {', '.join(names)}")
    return list(dict.fromkeys(wanted))


def hidden(output) -> torch.Tensor:
    """The hidden states of what a module returned: itself, or the first of a tuple."""
    return output if isinstance(output, torch.Tensor) else output[0]


@contextmanager
def changed(network, site: Site, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """While the block runs, the model goes on with change(x) wherever a site puts out x, (batch, tokens, width)."""
    def replace(_, __, output):
        new = change(hidden(output))
        return new if isinstance(output, torch.Tensor) else (new, *output[1:])

    handle = module_of(network, site).register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
