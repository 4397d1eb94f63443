"""What a linear probe reads off the residual stream: is the answer right, is this sentence a check, was the step wrong.

One logistic regression a (model, layer), on the activation at one token of each example, tested on tasks it has not
seen (Alain and Bengio 2016, arXiv 1610.01644; fit, folds and controls: `probes.controls`; AUROC and its interval:
`probes.auroc`).

    >>> examples = pd.DataFrame({"text": texts, "position": ends, "label": right, "group": tasks})
    >>> probes = linear_probe({"sft": "sft", "math": "rl-math"}, examples)
    >>> probes.scores                                   # AUROC by layer, beside shuffled labels and a bag of tokens
    >>> probes.transfer()                               # trained on one model, tested on another; by="domain" as well
    >>> probes.cosines()                                # do two models hold it in one direction
    >>> probes.directions["math", 5]                    # (width,), to steer along

An AUROC is read against two others. Outside of shuffled_low to shuffled_high it is more than noise: one more AUROC of
shuffled labels falls inside in 95 %. Above `tokens` it is more than the words up to the token tell: what can be counted
is decodable from any model, and domains of unlike shares of True, pooled, are told by their words. And what a probe
finds, the model need not use: ask `probes.steer`.

A cosine of two models' directions is read against `shuffled`, that of directions fitted to the same shuffled labels:
any two probes of near-equal activations agree.

Departures: (1) C is 1 / width, not tuned; (2) one token an example, no pooling; (3) no claim is tested that one AUROC
exceeds another: intervals are of each by itself, and two models on the same examples vary together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from probes.auroc import Auroc, one_more
from probes.capture import at_tokens, context, open_reader
from probes.controls import bag_of_tokens, check_labels, cross_validated, fit, fold_probes, folds_of, shuffled, tested
from probes.examples import checked_examples, picks_of
from probes.sites import chosen_layers, chosen_sites, depth
from probes.sources import ProbeError
from probes.texts import Encoded, check_tokens, encode
from training.display import html

NEEDED = ("text", "position", "label", "group")
SCORES = ("model", "layer", "n", "n_groups", "n_positive", "auroc", "ci_low", "ci_high", "shuffled", "shuffled_low",
          "shuffled_high", "tokens", "tokens_low", "tokens_high")
TRANSFER = ("source", "target", "layer", "n", "auroc", "ci_low", "ci_high", "tokens", "tokens_low", "tokens_high")
COSINES = ("model_a", "model_b", "layer", "cosine", "shuffled")


@dataclass(frozen=True, eq=False)
class LinearProbes:
    """What `linear_probe` found. It holds the features: 4 bytes * examples * width a (model, layer)."""

    scores: pd.DataFrame
    """SCORES, a row a (model, layer)."""
    directions: dict[tuple[str, int], torch.Tensor]
    """(model, layer) -> (width,): the weights on raw activations, fitted on all rows, as a vector of length 1. It
    points to True; zeros where nothing varies."""
    rows: dict[str, pd.DataFrame]
    """Of each model, the examples that it read, sorted by text (`number`); `group` and `fold` are numbers, the index is
    the examples' own."""
    features: dict[tuple[str, int], np.ndarray]
    """(model, layer) -> (its rows, width)."""
    tokens: dict[str, np.ndarray]
    """model -> its bag of tokens, (its rows, distinct ids)."""
    seed: int

    def _repr_html_(self) -> str:
        return html("linear probes", self.scores)

    def transfer(self, by: str = "model") -> pd.DataFrame:
        """Probes trained on one model and tested on another, at the layers that both have: columns TRANSFER.

        A target's row is scored by the probe of the source's rows outside of that row's fold, so that no task both
        trains and tests; on the diagonal that is the cross-validated AUROC. n counts the target's rows; `tokens` is the
        bag of tokens, transferred alike. by="domain": from domain to domain within each model, which a first column
        `model` names. Raises ProbeError for models of other widths, examples without domains, a domain with too few
        groups of a label.
        """
        if by not in ("model", "domain"):
            raise ProbeError(f"cannot transfer by {by!r}; choose model or domain")
        if by == "model":
            self._check_widths()
            return self._crossed({name: (name, np.full(len(rows), True)) for name, rows in self.rows.items()})
        tables = {name: self._crossed(self._domains(name)) for name in self.rows}
        return pd.concat(tables, names=["model"]).reset_index("model").reset_index(drop=True)

    def cosines(self) -> pd.DataFrame:
        """The cosine of two models' directions, of every pair and layer that both have: columns COSINES.

        Raises ProbeError for models of other widths.
        """
        self._check_widths()
        mixed = {key: self._mixed(*key) for key in self.features}
        rows = [(a, b, layer, torch.cosine_similarity(self.directions[a, layer], self.directions[b, layer], 0).item(),
                 (mixed[a, layer] * mixed[b, layer]).sum(axis=1).mean())
                for a, b in combinations(self.rows, 2) for layer in self._layers(a) if (b, layer) in self.features]
        return pd.DataFrame(rows, columns=COSINES)

    def _mixed(self, model: str, layer: int) -> np.ndarray:
        """(shuffles, width): directions fitted to shuffled labels."""
        labels, groups, _ = _arrays(self.rows[model])
        return np.stack([fit(self.features[model, layer], mixed).direction
                         for mixed in shuffled(labels, groups, self.seed)])

    def _layers(self, model: str) -> list[int]:
        return [layer for name, layer in self.features if name == model]

    def _folds(self) -> range:
        return range(max(rows["fold"].max() for rows in self.rows.values()) + 1)

    def _domains(self, model: str) -> dict[str, tuple[str, np.ndarray]]:
        rows = self.rows[model]
        if "domain" not in rows:
            raise ProbeError("the examples have no column domain to transfer by")
        for domain, part in rows.groupby("domain"):
            check_labels(*_arrays(part)[:2], len(self._folds()), f"model {model!r} in domain {domain!r}")
        return {domain: (model, (rows["domain"] == domain).to_numpy()) for domain in rows["domain"].unique()}

    def _crossed(self, parts: dict[str, tuple[str, np.ndarray]]) -> pd.DataFrame:
        """TRANSFER from every part to every other; a part: (model, which of its rows). Layer None: bag of tokens."""
        read, found = {**self.features, **{(name, None): bag for name, bag in self.tokens.items()}}, {}
        for source, (model, chosen) in parts.items():
            labels, _, folds = _arrays(self.rows[model][chosen])
            for layer in (None, *self._layers(model)):
                probes = fold_probes(read[model, layer][chosen], labels, folds, self._folds())
                for target, (other, there) in parts.items():
                    if (other, layer) in read:
                        found[source, target, layer] = tested(probes, read[other, layer][there],
                                                              *_arrays(self.rows[other][there]))
        rows = [(source, target, layer, parts[target][1].sum(), *_ends(one), *_ends(found[source, target, None]))
                for (source, target, layer), one in found.items() if layer is not None]
        return pd.DataFrame(rows, columns=TRANSFER)

    def _check_widths(self) -> None:
        widths = {name: found.shape[1] for (name, _), found in self.features.items()}
        if len(set(widths.values())) > 1:
            raise ProbeError("models of other widths have no directions in common: "
                             + ", ".join(f"{name} has {width}" for name, width in widths.items()))


def linear_probe(models: dict[str, str | Path], examples: pd.DataFrame, layers=None, folds: int = 5, seed: int = 0,
                 site: str = "resid", backend: str = "hooks", batch_size: int = 8, device: str = "auto",
                 dtype: torch.dtype | None = None, progress: bool = True) -> LinearProbes:
    """Train and test a linear probe a (model, layer).

    Args:
        models: folders or hub ids, by name. One is in memory at a time; their tokenizers must cut the texts alike.
        examples: a row each, as `probes.examples` says. Groups are never both in training and in test; with a column
            model, models are probed on rows of their own; `transfer(by="domain")` takes a column domain.
        layers: numbers, -1 the last; None, all. Layer k is the output of block k.
        folds, seed: groups are dealt to folds by seed, once for all models; labels are shuffled by it.
        site, backend: as of `probes.activation_shift`, one site.

    Raises ProbeError for examples that cannot be read or not be dealt to folds, layers that a model lacks, activations
    that are not finite.
    """
    from training.rollouts import load

    chosen_sites([site])
    _check(models, batch_size)
    examples = checked_examples(examples, NEEDED, models)
    examples["group"] = pd.factorize(examples["group"])[0]
    examples["fold"] = folds_of(examples["label"].to_numpy(), examples["group"].to_numpy(), folds, seed)
    rows = {name: _own(examples, name) for name in models}
    for name, own in rows.items():
        check_labels(*_arrays(own)[:2], folds, f"model {name!r}")
    encoded, features = None, {}
    for name, model in tqdm(models.items(), desc="reading", unit="model", disable=not progress):
        network, tokenizer = load(str(model), device, dtype)
        encoded = encoded or encode(tokenizer, examples["text"].drop_duplicates().tolist())
        check_tokens(encoded, tokenizer, name)
        reader = open_reader(network, tokenizer, [(site, layer) for layer in chosen_layers(layers, depth(network))],
                             backend)
        features |= _features(name, reader, encoded, rows[name], batch_size)
        del network, reader  # before the next is loaded
    bag = bag_of_tokens(encoded, examples["number"], zip(examples["start"], examples["position"], strict=True))
    tokens = {name: bag if len(own) == len(bag) else bag[own["row"]] for name, own in rows.items()}
    return LinearProbes(*_scored(rows, features, tokens, seed, progress), rows, features, tokens, seed)


def _features(name: str, reader, encoded: Encoded, rows: pd.DataFrame, batch_size: int,
              ) -> dict[tuple[str, int], np.ndarray]:
    """(model, layer) -> (rows, width), for rows in the order of their texts."""
    picks = picks_of(rows, encoded)
    holds = context(reader.network)
    for number, ids in enumerate(encoded.ids):
        if picks[number] and len(ids) > holds:
            raise ProbeError(f"text {number} has {len(ids)} tokens, the context of model {name!r} holds {holds}; cut "
                             "it, or leave it out")
    found = at_tokens(reader, encoded, picks, batch_size)
    return {(name, layer): values.numpy() for (_, layer), values in found.items()}


def _scored(rows: dict[str, pd.DataFrame], features: dict[tuple[str, int], np.ndarray], tokens: dict[str, np.ndarray],
            seed: int, progress: bool) -> tuple[pd.DataFrame, dict[tuple[str, int], torch.Tensor]]:
    """(SCORES, directions)."""
    found, directions, words, mixed = [], {}, {}, {}
    for name in rows:
        labels, groups, folds = _arrays(rows[name])
        words[name] = cross_validated(tokens[name], labels, groups, folds)
        mixed[name] = shuffled(labels, groups, seed)
    for (name, layer), values in tqdm(features.items(), desc="probing", unit="layer", disable=not progress):
        labels, groups, folds = _arrays(rows[name])
        noise = one_more([cross_validated(values, other, groups, folds) for other in mixed[name]])
        found.append((name, layer, len(labels), len(np.unique(groups)), labels.sum(),
                      *_ends(cross_validated(values, labels, groups, folds)), *_ends(noise), *_ends(words[name])))
        directions[name, layer] = torch.from_numpy(fit(values, labels).direction).float()
    return pd.DataFrame(found, columns=SCORES), directions


def _arrays(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rows["label"].to_numpy(), rows["group"].to_numpy(), rows["fold"].to_numpy()


def _ends(one: Auroc) -> tuple[float, float, float]:
    return one.value, one.low, one.high


def _own(examples: pd.DataFrame, model: str) -> pd.DataFrame:
    """The examples that a model reads."""
    return examples[examples["model"] == model] if "model" in examples else examples


def _check(models: dict, batch_size: int) -> None:
    if not isinstance(models, dict) or not models or not all(isinstance(name, str) for name in models):
        raise ProbeError(f"models must be a dict of at least one name to a path or hub id, got {models!r}")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ProbeError(f"batch_size is {batch_size!r}; choose at least 1 text at a time")
