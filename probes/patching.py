"""Activation patching: put one model's activations into another while it reads a text, and see whose answer comes out.

The donor and the receiver read the same tokens; at one layer and one class of positions the receiver goes on with the
donor's activations (interchange, as in Vig et al. 2020, arXiv 2004.12265, and Meng et al. 2022, arXiv 2202.05262;
between models: Prakash et al. 2024, arXiv 2402.14811). What is looked at are the tokens of a target, such as the final
answer: with p the donor's distribution where it predicts them, q the receiver's and r the patched receiver's,

    recovered = 1 - sum KL(p || r) / sum KL(p || q)

over texts and target tokens: 1 where the patched receiver predicts as the donor does, 0 where nothing changed, below 0
where it is farther away than before.

    >>> table = patch("anchor", "expert-math", texts, answers, positions=("prompt", "reasoning"))
    >>> recovered(table)                                  # a row a (layer, site, position class), with its interval
    >>> patch("expert-math", "anchor", texts, answers)    # and back

Texts are read whole: unlike in `probes.activations`, memory grows with the longest one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from probes.activations import opened
from probes.capture import Reader, context, finite, open_reader
from probes.sites import Site, changed, chosen_layers, chosen_sites, depth
from probes.sources import ProbeError
from probes.texts import Encoded, Span, chosen_spans, encode
from training.intervals import interval

COLUMNS = ("layer", "site", "position", "text", "n_patched", "n_target", "logp_receiver", "logp_donor", "logp_patched",
           "kl_receiver", "kl_patched")


@torch.no_grad()
def patch(receiver: str | Path, donor: str | Path, texts: list[str], targets: list[Span], positions=None,
          layers=None, sites=("resid",), batch_size: int = 8, device: str = "auto", dtype: torch.dtype | None = None,
          progress: bool = True) -> pd.DataFrame:
    """Replace the receiver's activations by the donor's, one layer, site and class of positions at a time.

    Args: receiver, donor, folders or hub ids with the same tokens, depth and width; targets, of every text the span of
    characters that is predicted; positions, which tokens are replaced (None: all), layers and sites as for
    `activation_shift`. Returns: COLUMNS, a row a (layer, site, position class, text): n_patched tokens were replaced;
    log-probabilities and KL(donor || ...) in nats, sums over the n_target tokens of the target.
    Raises ProbeError for models or texts that do not fit, and for a target that nothing predicts.
    """
    from tqdm.auto import tqdm

    from training.rollouts import load

    network, tokenizer = load(str(receiver), device, dtype)
    encoded, spans = encode(tokenizer, texts, context(network)), chosen_spans(texts, positions)
    wanted = [(kind, layer) for layer in chosen_layers(layers, depth(network)) for kind in chosen_sites(sites)]
    goals = target_tokens(encoded, targets)
    into = open_reader(network, tokenizer, wanted)
    giver = opened("the donor", donor, into, encoded, "hooks", device, dtype)
    rows = []
    with tqdm(total=len(texts), desc="patching", unit="text", disable=not progress) as bar:
        for numbers, ids, mask in encoded.batches(batch_size):
            batch = Batch(numbers, ids.to(network.device), mask.to(network.device), [goals[k] for k in numbers])
            rows += batch.rows(into, giver, encoded, spans)
            bar.update(len(numbers))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(list(COLUMNS[:4]), kind="stable", ignore_index=True)


def recovered(table: pd.DataFrame) -> pd.DataFrame:
    """What `patch` recovered, by layer, site and position class, with a 95 % interval over texts; NaN without KL."""
    rows = []
    for key, part in table.groupby(list(COLUMNS[:3]), sort=True):
        before, after = (part[name].to_numpy()[:, None] for name in ("kl_receiver", "kl_patched"))
        found = interval(before - after, before)
        rows.append((*key, found.value, found.low, found.high, len(part), int(part["n_target"].sum())))
    return pd.DataFrame(rows, columns=[*COLUMNS[:3], "recovered", "ci_low", "ci_high", "n_texts", "n_tokens"])


def target_tokens(encoded: Encoded, targets: list[Span]) -> list[list[int]]:
    """The tokens of every text's target. Raises ProbeError for one that is empty, or has nothing before it."""
    if len(targets) != len(encoded.texts):
        raise ProbeError(f"there are {len(targets)} targets for {len(encoded.texts)} texts")
    found = [encoded.tokens(k, [span]) for k, span in enumerate(targets)]
    for k, tokens in enumerate(found):
        if not tokens or tokens[0] == 0:
            why = "no token" if not tokens else "the first token of the text, which nothing predicts"
            raise ProbeError(f"the target of text {k}, characters {targets[k][0]} to {targets[k][1]}, has {why}")
    return found


class Batch:
    """Some texts, and where their targets are predicted."""

    def __init__(self, numbers: list[int], ids: torch.Tensor, mask: torch.Tensor, goals: list[list[int]]):
        self.numbers, self.ids, self.mask = numbers, ids, mask
        self.text = torch.tensor([k for k, tokens in enumerate(goals) for _ in tokens])
        self.token = torch.tensor([token for tokens in goals for token in tokens])

    def log_probs(self, network) -> torch.Tensor:
        """(target tokens, vocabulary) log-probabilities where the target tokens are predicted, fp32."""
        states = network.base_model(input_ids=self.ids, attention_mask=self.mask, use_cache=False).last_hidden_state
        return network.get_output_embeddings()(states[self.text, self.token - 1]).float().log_softmax(-1)

    def rows(self, into: Reader, giver: Reader, encoded: Encoded, spans: dict[str, list[list[Span]]]) -> list[tuple]:
        """Every place patched, one after the other."""
        windows = list(giver.windows(self.ids, self.mask))
        given = {site: finite(torch.cat([part[site] for part in windows], 1), site, giver) for site in giver.sites}
        before, goal = self.log_probs(into.network), self.log_probs(giver.network)
        found = []
        for name, wanted in spans.items():
            picks = encoded.mask(self.numbers, wanted, self.mask.shape[1]).to(self.ids.device)
            for site, values in given.items():
                with changed(into.network, site, lambda x, v=values, p=picks: torch.where(p[..., None], v.to(x), x)):
                    after = self.log_probs(into.network)
                found += self._compared(site, name, picks.sum(1).tolist(), before, goal, after)
        return found

    def _compared(self, site: Site, name: str, n_patched: list[int], before: torch.Tensor, goal: torch.Tensor,
                  after: torch.Tensor) -> list[tuple]:
        """The rows of one place, sums by text."""
        chosen = self.ids[self.text, self.token][:, None]
        per_token = [one.gather(1, chosen)[:, 0] for one in (before, goal, after)]
        per_token += [(goal.exp() * (goal - one)).sum(1) for one in (before, after)]
        sums = torch.zeros(len(self.numbers), 5, dtype=torch.float64)
        sums.index_add_(0, self.text, torch.stack(per_token, 1).double().cpu())
        n = np.bincount(self.text, minlength=len(self.numbers))
        kind, layer = site
        return [(layer, kind, name, number, n_patched[k], int(n[k]), *sums[k].tolist())
                for k, number in enumerate(self.numbers)]
