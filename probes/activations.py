"""What changed for a given text: how far activations moved from the base's, layer by layer, on the same tokens.

    >>> activation_shift("sft", {"math": "rl-math"}, texts)                      # one row a (model, layer)
    >>> activation_shift("sft", {"math": "rl-math"}, texts, sites=("resid", "attn", "mlp"),
    ...                  positions={"prompt": [[(0, 40)], ...], "answer": ...})   # rows by site and position class

Of A, the base's activations at a site, and B, the model's, tokens x width:

cosine       mean over tokens of cos(a_t, b_t)
relative_l2  ||A - B||_F / ||A||_F
cka          debiased linear CKA in minibatches (`probes.cka`): 1 when B is A but for rotation, shift and scale

M2RL (arXiv 2602.12566) compares weights alone; this is ours. Two models are in memory at a time, and of their
activations what one window of tokens holds (`probes.capture`), so that neither layers nor long texts add up.
Timings: `python benchmarks/activations.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from probes.capture import Reader, context, finite, open_reader
from probes.cka import BATCH, LEAST, MinibatchCKA, minibatches
from probes.sites import Site, chosen_layers, chosen_sites, depth
from probes.sources import ProbeError
from probes.texts import Encoded, Span, check_length, check_tokens, chosen_spans, encode

COLUMNS = ("model", "layer", "site", "position", "n_tokens", "cosine", "relative_l2", "cka")
POOL = 2 * BATCH
"""Tokens, of several texts, that are mixed before they are cut into minibatches."""


@dataclass
class Shift:
    """Sums over the tokens of one place, and what they come to."""

    n: int = 0
    cosines: float = 0.0
    apart: float = 0.0
    squares: float = 0.0
    cka: MinibatchCKA = field(default_factory=lambda: MinibatchCKA(1, 1))
    pool: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def add(self, a: torch.Tensor, b: torch.Tensor) -> None:
        """Activations of the same tokens, (n, width) fp32."""
        self.n += len(a)
        self.cosines += torch.nn.functional.cosine_similarity(a.double(), b.double()).sum().item()
        self.apart += (a - b).double().square().sum().item()
        self.squares += a.double().square().sum().item()
        self.pool.append((a, b))
        if sum(len(part) for part, _ in self.pool) >= POOL:
            self._empty()

    def _empty(self) -> None:
        a, b = (torch.cat(side) for side in zip(*self.pool, strict=True))
        self.pool = []
        for chosen in minibatches(len(a), self.generator) if len(a) >= LEAST else ():
            self.cka.add([a[chosen]], [b[chosen]])

    def row(self) -> dict:
        """The columns; NaN where there were no tokens, or too few for CKA."""
        if self.pool:
            self._empty()
        if not self.n:
            return {"n_tokens": 0, "cosine": float("nan"), "relative_l2": float("nan"), "cka": float("nan")}
        return {"n_tokens": self.n, "cosine": self.cosines / self.n, "relative_l2": (self.apart / self.squares) ** 0.5,
                "cka": self.cka.value().item()}


@torch.no_grad()
def activation_shift(base: str | Path, models: dict[str, str | Path], prompts: list[str], backend: str = "hooks",
                     positions=None, sites=("resid",), batch_size: int = 8, layers=None, device: str = "auto",
                     dtype: torch.dtype | None = None, progress: bool = True) -> pd.DataFrame:
    """How far the models' activations are from the base's, on the same tokens.

    Args:
        base, models: folders or hub ids; the models by name.
        prompts: texts; tokens are tokenizer(text), the same for all models (`probes.texts.trace_texts` makes texts, and
            positions, of traces).
        backend: "hooks", "transformer_lens" or "nnsight".
        positions: None, all tokens; names among prompt, reasoning, answer, told by <think> and </think>; or spans of
            characters, {class: for every text a list of (start, end)}.
        sites: any of "resid", "attn", "mlp". layers: numbers, -1 the last; None, all.
        dtype: None, that of the checkpoints (fp32 on a CPU).

    Returns: COLUMNS, a row a (model, layer, site, position class); layer k is the output of block k.
    Raises ProbeError for texts, layers or models that cannot be compared, and for activations that are not finite.
    """
    from tqdm.auto import tqdm

    from training.rollouts import load

    if not models:
        raise ProbeError("no models to compare with the base; give at least one")
    network, tokenizer = load(str(base), device, dtype)
    encoded, spans = encode(tokenizer, prompts, context(network)), chosen_spans(prompts, positions)
    wanted = [(kind, layer) for layer in chosen_layers(layers, depth(network)) for kind in chosen_sites(sites)]
    start, found = open_reader(network, tokenizer, wanted, backend), []
    with tqdm(total=len(models) * len(prompts), desc="comparing", unit="text", disable=not progress) as bar:
        for name, model in models.items():
            other = opened(name, model, start, encoded, backend, device, dtype)
            found += rows_of(name, measured(start, other, encoded, spans, batch_size, bar.update))
    return pd.DataFrame(found, columns=COLUMNS)


def opened(name: str, model: str | Path, base: Reader, encoded: Encoded, backend: str, device: str,
           dtype: torch.dtype | None) -> Reader:
    """A reader of a model that can be compared with the base, text for text and layer for layer; else ProbeError."""
    from training.rollouts import load

    network, tokenizer = load(str(model), device, dtype)
    check_tokens(encoded, tokenizer, name)
    check_length(encoded, context(network))
    for what, of in (("layers", depth), ("numbers a token", lambda one: one.config.get_text_config().hidden_size)):
        if of(network) != of(base.network):
            raise ProbeError(f"{name} has {of(network)} {what}, the base {of(base.network)}; they cannot be compared")
    return open_reader(network, tokenizer, base.sites, backend)


def measured(base: Reader, other: Reader, encoded: Encoded, spans: dict[str, list[list[Span]]], batch_size: int,
             advance=lambda n: None) -> dict[tuple[Site, str], Shift]:
    """(site, position class) -> the shift of one model from another over all texts."""
    sums = {(site, name): Shift() for site in base.sites for name in spans}
    for rows, ids, mask in encoded.batches(batch_size):
        inside = {name: encoded.mask(rows, wanted, mask.shape[1]) for name, wanted in spans.items()}
        start = 0
        for a, b in zip(base.windows(ids, mask), other.windows(ids, mask), strict=True):
            length = next(iter(a.values())).shape[1]
            for (site, name), shift in sums.items():
                picks = inside[name][:, start:start + length].to(a[site].device)
                if picks.any():
                    shift.add(*(finite(one[site][picks].float(), site, reader)
                                for one, reader in ((a, base), (b, other))))
            start += length
        advance(len(rows))
    return sums


def rows_of(name: str, sums: dict[tuple[Site, str], Shift]) -> list[dict]:
    """The rows of one model."""
    return [{"model": name, "layer": layer, "site": kind, "position": position, **shift.row()}
            for ((kind, layer), position), shift in sums.items()]
