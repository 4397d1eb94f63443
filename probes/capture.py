"""Read the activations of a loaded model on given tokens: at the sites asked for, a window of tokens at a time.

Three backends read the same numbers: `hooks`, plain forward hooks (the default: nothing is wrapped, and attention stays
as fast as it was); `transformer_lens`, TransformerLens' bridge around the loaded model (which switches it to eager
attention); `nnsight`, its tracing. A wrapped model must give the bare model's logits: it is checked when it is opened.

    reader = open_reader(network, tokenizer, [("resid", 3)])
    for window in reader.windows(ids, mask): window["resid", 3]       # (batch, at most WINDOW tokens, width)

Only the sites asked for are kept, of one window: long texts go through the model WINDOW tokens at a time with a cache
of keys and values, so that memory does not grow with them but for that cache. The output head never runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy

import torch

from probes.sites import Site, hidden, module_of, path
from probes.sources import ProbeError
from probes.texts import Encoded

WINDOW = 1024
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
"""How far the wrapped model's logits may be from the bare one's, of the largest."""
_HALF = 5e-2


class Reader(ABC):
    """Reads the sites of one model."""

    def __init__(self, network, tokenizer, sites: list[Site]):
        self.network, self.tokenizer, self.sites = network, tokenizer, sites

    @abstractmethod
    def forward(self, **inputs) -> dict[Site, torch.Tensor]:
        """The activations of one pass of the model without its head; inputs as its base model takes them."""

    @torch.no_grad()
    def windows(self, ids: torch.Tensor, mask: torch.Tensor) -> Iterator[dict[Site, torch.Tensor]]:
        """ids and mask, (batch, tokens), padded on the right: the activations window by window, (batch, ., width)."""
        from transformers import DynamicCache

        ids, mask = ids.to(self.network.device), mask.to(self.network.device)
        if ids.shape[1] <= WINDOW:
            yield self.forward(input_ids=ids, attention_mask=mask, use_cache=False)
            return
        cache = DynamicCache(config=self.network.config)
        for start in range(0, ids.shape[1], WINDOW):
            stop = min(start + WINDOW, ids.shape[1])
            yield self.forward(input_ids=ids[:, start:stop], attention_mask=mask[:, :stop], past_key_values=cache,
                               use_cache=True)


class HookReader(Reader):
    """Plain forward hooks."""

    def __init__(self, network, tokenizer, sites: list[Site]):
        super().__init__(network, tokenizer, sites)
        self._modules = {site: module_of(network, site) for site in sites}

    def forward(self, **inputs) -> dict[Site, torch.Tensor]:
        found = {}
        with ExitStack() as stack:
            for site, module in self._modules.items():
                keep = lambda _, __, output, site=site: found.__setitem__(site, hidden(output))  # noqa: E731
                stack.callback(module.register_forward_hook(keep).remove)
            self.network.base_model(**inputs)
        return found


class LensReader(Reader):
    """TransformerLens' bridge. It replaces the parts of the model it is given, for good."""

    _HOOKS = {"resid": "blocks.{}.hook_out", "attn": "blocks.{}.attn.hook_out", "mlp": "blocks.{}.mlp.hook_out"}

    def __init__(self, network, tokenizer, sites: list[Site]):
        from transformer_lens.model_bridge import TransformerBridge

        super().__init__(network, tokenizer, sites)
        self._bridge = TransformerBridge.boot_transformers(network.config.name_or_path, hf_model=network,
                                                           tokenizer=deepcopy(tokenizer), device=network.device)

    def forward(self, **inputs) -> dict[Site, torch.Tensor]:
        found = {}
        hooks = [(self._HOOKS[kind].format(layer), lambda x, hook, site=(kind, layer): found.__setitem__(site, x))
                 for kind, layer in self.sites]
        with self._bridge.hooks(fwd_hooks=hooks):
            self._bridge.original_model.base_model(**inputs)
        return found


class NNsightReader(Reader):
    """nnsight's tracing."""

    def __init__(self, network, tokenizer, sites: list[Site]):
        from nnsight import TransformersModel

        super().__init__(network, tokenizer, sites)
        self._traced = TransformersModel(network, tokenizer=tokenizer, task="text-generation")
        in_order = sorted(sites, key=lambda site: (site[1], ("attn", "mlp", "resid").index(site[0])))
        self._paths = {site: path(network, site) for site in in_order}  # tracing reads in the order of computation

    def forward(self, **inputs) -> dict[Site, torch.Tensor]:
        import nnsight

        with self._traced.trace(**inputs, logits_to_keep=1):
            found = nnsight.save({site: self._traced.get(name).output for site, name in self._paths.items()})
        return {site: hidden(output) for site, output in found.items()}


BACKENDS = {"hooks": HookReader, "transformer_lens": LensReader, "nnsight": NNsightReader}


def open_reader(network, tokenizer, sites: list[Site], backend: str = "hooks") -> Reader:
    """A reader of a loaded model. Raises ProbeError for an unknown backend, or one that changes the model's logits."""
    if backend not in BACKENDS:
        raise ProbeError(f"unknown backend {backend!r}; choose among {', '.join(BACKENDS)}")
    some = min(16, network.config.get_text_config().vocab_size, context(network))
    ids = torch.arange(some, device=network.device)[None]
    with torch.no_grad():
        before = network(input_ids=ids).logits.float()
        reader = BACKENDS[backend](network, tokenizer, sites)
        after = network(input_ids=ids).logits.float()
    if not before.isfinite().all():
        raise ProbeError(f"{network.config.name_or_path} does not give finite logits in {network.dtype}; read it with "
                         "dtype=torch.bfloat16 or torch.float32")
    apart, scale = (after - before).abs().max().item(), before.abs().max().item()
    if not apart <= _TOLERANCE.get(network.dtype, _HALF) * scale:
        raise ProbeError(f"{backend} changes the logits of {network.config.name_or_path} by up to {apart:.2g} (the "
                         f"largest is {scale:.2g}); choose another backend: {', '.join(set(BACKENDS) - {backend})}")
    return reader


def context(network) -> int:
    """How many tokens a model's context holds."""
    return network.config.get_text_config().max_position_embeddings


def at_tokens(reader: Reader, encoded: Encoded, picks: list[list[int]], batch_size: int = 8,
              ) -> dict[Site, torch.Tensor]:
    """The activations at chosen tokens alone: (all picks, width) a site, fp32 on the CPU, in the order of the picks.

    picks: of every text, the numbers of its tokens. Raises ProbeError where an activation is not finite.
    """
    found = {site: [None] * len(picks) for site in reader.sites}
    wanted = [number for number, chosen in enumerate(picks) if chosen]
    part = Encoded(*([every[number] for number in wanted] for every in (encoded.texts, encoded.ids, encoded.offsets)))
    for rows, ids, mask in part.batches(batch_size):
        pieces = {site: [[] for _ in rows] for site in reader.sites}
        start = 0
        for window in reader.windows(ids, mask):
            length = next(iter(window.values())).shape[1]
            for k, row in enumerate(rows):
                here = [token - start for token in picks[wanted[row]] if start <= token < start + length]
                for site, values in window.items():
                    pieces[site][k].append(values[k, here].float().cpu())
            start += length
        for site, texts in pieces.items():
            for row, parts in zip(rows, texts, strict=True):
                as_read = torch.tensor(picks[wanted[row]]).div(WINDOW, rounding_mode="floor").argsort(stable=True)
                found[site][wanted[row]] = finite(torch.cat(parts)[as_read.argsort()], site, reader)
    return {site: torch.cat([values for values in texts if values is not None]) for site, texts in found.items()}


def finite(values: torch.Tensor, site: Site, reader: Reader) -> torch.Tensor:
    """The values. Raises ProbeError where one is not a finite number."""
    if not values.isfinite().all():
        raise ProbeError(f"{reader.network.config.name_or_path}: {site[0]} of layer {site[1]} is not finite in "
                         f"{reader.network.dtype}; read it with dtype=torch.bfloat16 or torch.float32")
    return values
