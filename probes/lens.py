"""The logit lens: what every layer of a model already makes of its final answer, and from which layer on it is settled.

The residual stream after block k goes through the model's own final norm and output head, as if no block came after it
(nostalgebraist, "interpreting GPT: the logit lens", LessWrong 2020). Of the logits that this gives, the rank, the
probability and the log-probability of one token are kept: the token of the answer that comes next.

    report = logit_lens({"sft": "sft", "math": "rl-math"}, texts, answers, positions=["reasoning"], domains=domains)
    report.settled                  # of every token of an answer: the layer from which on the model puts it first
    report.summary()                # model, domain, position, layer: share settled, log-probability, rank
    seaborn.relplot(report.tokens, x="layer", y="log_prob", hue="model", col="domain", kind="line")

The last layer under the lens is the model itself: it is checked, on the first text, that it gives the model's own
logits, and a model whose head does more (soft-capped or scaled logits) is refused.

Departures: (1) norm and head compute in fp32, whatever the model's dtype, ROWS tokens at a time; (2) the rank is the
number of tokens with a strictly larger logit, so that those tied for the first place all have rank 0; (3) one token is
followed, not the layer's whole distribution. What the lens does not say: a token it cannot read in an early layer may
be there in another basis; nothing is trained to find it (as the tuned lens is: Belrose et al. 2023, arXiv 2303.08112).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from probes.capture import Reader, at_tokens, context, open_reader
from probes.sites import chosen_layers, depth, last_norm
from probes.sources import ProbeError
from probes.texts import Encoded, Span, check_length, check_tokens, chosen_spans, encode
from training.display import html
from training.rollouts import load

ANSWER = "answer"
"""The position of the tokens that the answer's own tokens are predicted at."""
ROWS = 256
"""Tokens whose logits are in memory at once."""
CHECKED = 64
"""Tokens of the first text on which the last layer is compared with the model."""
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
"""How far the lens at the last layer may be from the model's own logits, of the largest."""
_HALF = 5e-2


@dataclass(frozen=True)
class LensReport:
    """What the lens read; DataFrames that plot as they are."""

    tokens: pd.DataFrame
    """One row a (model, token read, layer): model, domain, text (its number), token (the number, in the text, of the
    token that the stream is read at), position ("answer", or a class), layer, target (token id), piece (the target's
    text), rank (0 is the most probable), probability, log_prob, settled (rank 0 here and at all later layers read)."""

    def _repr_html_(self) -> str:
        return html("logit lens", self.summary())

    @cached_property
    def settled(self) -> pd.DataFrame:
        """One row a token of an answer: model, domain, text, token (as in `tokens`: the one before it), target, piece,
        layer (the first one read from which on the rank is 0 up to the last; <NA> where the model itself puts another
        token first), n_layers (how deep the model is)."""
        answers = self.tokens[self.tokens["position"] == ANSWER]
        by = ["model", "domain", "text", "token", "target", "piece"]
        groups = answers.assign(first=answers["layer"].where(answers["settled"])).groupby(by, sort=False)
        found = groups.agg(layer=("first", "min"), n_layers=("layer", "max")).reset_index()
        return found.astype({"layer": "Int64"}).assign(n_layers=found["n_layers"] + 1)  # the last layer is always read

    def summary(self) -> pd.DataFrame:
        """By model, domain, position and layer: settled (the share that is by this layer), log_prob (mean), rank
        (median), n (tokens), n_texts. Every token counts alike, so a long answer counts for more."""
        groups = self.tokens.groupby(["model", "domain", "position", "layer"], sort=False)
        return groups.agg(settled=("settled", "mean"), log_prob=("log_prob", "mean"), rank=("rank", "median"),
                          n=("rank", "size"), n_texts=("text", "nunique")).reset_index()


@dataclass(frozen=True)
class Lens:
    """A loaded model's stream after its blocks, and what makes logits of it."""

    reader: Reader
    unembed: nn.Module
    """The final norm, then the output head, in fp32."""
    layers: list[int]
    """Ascending, the model's last among them."""


def logit_lens(models: dict[str, str | Path], texts: list[str], answers: list[Span], positions=None,
               domains: list[str] | None = None, layers=None, backend: str = "hooks", batch_size: int = 8,
               device: str = "auto", dtype=None, progress: bool = True) -> LensReport:
    """Read the final answers of texts at every layer of models.

    Args:
        models: folders or hub ids by name; one is in memory at a time. All read the same tokens: tokenizer(text).
        answers: of every text the characters (start, end) of its final answer. A token that shares one with it is a
            token of the answer, read where the model predicts it: at the token before.
        positions: where else to read, as in probes.texts.chosen_spans: names ("prompt", "reasoning") or {class: spans
            of every text}. There the target is the first token of the answer, whatever comes next in the text, and
            tokens are left out from the answer on: they, or what they see, hold it.
        domains: of every text (None: all are of one, "all").
        layers: to read (None: all); -1 is the last, which is always read. Settled is about the layers read.
        backend: of probes.capture, "hooks", "transformer_lens" or "nnsight". batch_size: texts at a time.
        device, dtype: as for training.rollouts.load. progress: a bar a model on stderr.

    Raises ProbeError for spans that no token of the text predicts, for lists of other lengths, for models that cut a
    text otherwise, and for one whose logits are not its head on its final norm.
    """
    _check(models, texts, answers, domains, batch_size)
    classes, encoded, frames = _classes(texts, positions), None, []
    for name, model in models.items():
        lens = open_lens(model, layers, backend, device, dtype)
        encoded = encoded or encode(lens.reader.tokenizer, texts)
        check_length(encoded, context(lens.reader.network))
        check_tokens(encoded, lens.reader.tokenizer, name)
        check_lens(lens, encoded.ids[0], name)
        wanted = targets(encoded, answers, classes)
        frames.append(_long(wanted, lens, *read(lens, encoded, wanted, batch_size, name if progress else None), name))
        del lens  # before the next model is loaded
    found = pd.concat(frames, ignore_index=True)
    found.insert(1, "domain", "all" if domains is None else found["text"].map(dict(enumerate(domains))))
    return LensReport(found)


def scores(logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(rank, log-probability), both (rows,), of the target (rows,) of every row of logits (rows, vocabulary)."""
    own = logits.gather(1, target[:, None])
    return (logits > own).sum(1), own[:, 0] - logits.logsumexp(1)


@torch.no_grad()
def scored(unembed: Callable, stream: torch.Tensor, target: torch.Tensor, device) -> tuple[np.ndarray, np.ndarray]:
    """`scores` of a stream (rows, width) under the lens, with the logits of ROWS of them in memory."""
    parts = [scores(unembed(rows.to(device)), ids.to(device))
             for rows, ids in zip(stream.split(ROWS), target.split(ROWS), strict=True)]
    return tuple(torch.cat(values).cpu().numpy() for values in zip(*parts, strict=True))


def open_lens(model: str | Path, layers, backend: str, device: str, dtype) -> Lens:
    """The lens of a folder or hub id."""
    network, tokenizer = load(model, device, dtype)
    wanted = sorted({*chosen_layers(layers, depth(network)), depth(network) - 1})
    # a copy: some backends replace the parts of the model that they read
    unembed = deepcopy(nn.Sequential(last_norm(network), network.get_output_embeddings())).float()
    return Lens(open_reader(network, tokenizer, [("resid", layer) for layer in wanted], backend), unembed, wanted)


@torch.no_grad()
def check_lens(lens: Lens, ids: list[int], name: str) -> None:
    """ProbeError unless the last layer under the lens is the model, on the first tokens of a text."""
    network, here = lens.reader.network, torch.tensor([ids[:CHECKED]])
    last = ("resid", lens.layers[-1])
    stream = torch.cat([window[last] for window in lens.reader.windows(here, torch.ones_like(here))], dim=1)
    own = network(input_ids=here.to(network.device)).logits.float()
    apart, scale = (lens.unembed(stream.float()) - own).abs().max().item(), own.abs().max().item()
    if not apart <= _TOLERANCE.get(network.dtype, _HALF) * scale:
        raise ProbeError(f"the logits of {name} are not its output head on its final norm (they differ by up to "
                         f"{apart:.2g}, the largest is {scale:.2g}): they are soft-capped or scaled, or more lies "
                         "between its blocks and its head; the logit lens would not be this model's")


def targets(encoded: Encoded, answers: list[Span], classes: dict[str, list[list[Span]]]) -> pd.DataFrame:
    """What is read where: text, token, position, target; text by text, in order of the tokens.

    Raises ProbeError for an answer that has no token, or none before it.
    """
    rows = []
    for text, answer in enumerate(answers):
        own = encoded.tokens(text, [answer])
        if not own:
            raise ProbeError(f"the answer of text {text}, characters {answer[0]} to {answer[1]}, has no token")
        if own[0] == 0:
            raise ProbeError(f"the answer of text {text} begins at its first token, which nothing before it predicts")
        found = [(text, token - 1, ANSWER, encoded.ids[text][token]) for token in own]
        for name, spans in classes.items():
            found += [(text, token, name, encoded.ids[text][own[0]]) for token in encoded.tokens(text, spans[text])
                      if token < own[0]]
        rows += sorted(found, key=lambda row: row[1])
    return pd.DataFrame(rows, columns=["text", "token", "position", "target"])


def read(lens: Lens, encoded: Encoded, wanted: pd.DataFrame, batch_size: int, label: str | None = None,
         ) -> tuple[np.ndarray, np.ndarray]:
    """(ranks, log-probabilities), (rows of wanted, layers): the streams of `batch_size` texts are in memory at once."""
    from tqdm.auto import trange

    ranks = np.empty((len(wanted), len(lens.layers)), np.int64)
    log_probs = np.empty(ranks.shape, np.float32)
    target, picks = torch.tensor(wanted["target"].to_numpy()), wanted.groupby("text")["token"].agg(list)
    order = sorted(range(len(encoded.ids)), key=lambda text: len(encoded.ids[text]))  # like lengths together
    for start in trange(0, len(order), batch_size, desc=label, unit="batch", disable=label is None):
        batch = set(order[start:start + batch_size])
        rows = np.flatnonzero(wanted["text"].isin(batch))
        streams = at_tokens(lens.reader, encoded, [picks[text] if text in batch else [] for text in range(len(order))],
                            batch_size)
        for column, layer in enumerate(lens.layers):
            ranks[rows, column], log_probs[rows, column] = scored(lens.unembed, streams["resid", layer], target[rows],
                                                                  lens.reader.network.device)
    return ranks, log_probs


def settled(ranks: np.ndarray) -> np.ndarray:
    """(rows, layers) ranks -> where the rank is 0 and stays so up to the last column, bool."""
    return np.logical_and.accumulate(ranks[:, ::-1] == 0, axis=1)[:, ::-1]


def _long(wanted: pd.DataFrame, lens: Lens, ranks: np.ndarray, log_probs: np.ndarray, name: str) -> pd.DataFrame:
    """One row a (token read, layer)."""
    pieces = {token: lens.reader.tokenizer.decode([token]) for token in wanted["target"].unique().tolist()}
    found = wanted.loc[wanted.index.repeat(len(lens.layers))]
    found.insert(0, "model", name)
    found.insert(4, "layer", np.tile(lens.layers, len(wanted)))
    return found.assign(piece=found["target"].map(pieces), rank=ranks.ravel(), probability=np.exp(log_probs).ravel(),
                        log_prob=log_probs.ravel(), settled=settled(ranks).ravel())


def _classes(texts: list[str], positions) -> dict[str, list[list[Span]]]:
    """The classes of positions to read beside the answer's own."""
    classes = {} if positions is None else chosen_spans(texts, positions)
    if ANSWER in classes:
        raise ProbeError(f"positions may not be called {ANSWER!r}, as those are where the answer's own tokens are "
                         "predicted; leave the class out, or rename it")
    return classes


def _check(models: dict, texts: list[str], answers: list[Span], domains: list[str] | None, batch_size: int) -> None:
    if not isinstance(models, dict) or not models or not all(isinstance(name, str) for name in models):
        raise ProbeError(f"models must be a dict of at least one name to a path or hub id, got {models!r}")
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ProbeError("texts must be a list of str")
    for what, given in (("answers", answers), ("domains", texts if domains is None else domains)):
        if len(given) != len(texts):
            raise ProbeError(f"{what} are of {len(given)} texts; there are {len(texts)}")
    for number, (text, span) in enumerate(zip(texts, answers, strict=True)):
        if not isinstance(span, tuple | list) or len(span) != 2 or not all(isinstance(k, Integral) for k in span):
            raise ProbeError(f"the answer of text {number} must be its characters, (start, end), got {span!r}")
        if not 0 <= span[0] < span[1] <= len(text):
            raise ProbeError(f"the answer of text {number}, characters {span[0]} to {span[1]}, is empty or outside the "
                             f"text, which has {len(text)}")
    if batch_size < 1:
        raise ProbeError(f"batch_size is {batch_size}; choose at least 1 text at a time")
