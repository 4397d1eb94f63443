"""TRL's GRPOTrainer, without computing on most of the padding.

A batch of rollouts is as wide as its longest prompt and its longest completion together; in a mixture of domains most
of that is padding. Here log-probabilities are computed for a few rows of like length at a time, each such chunk cut to
the columns that one of its rows uses. The numbers are TRL's, up to rounding; so is the algorithm.
"""

from __future__ import annotations

import torch
from trl import GRPOTrainer

ROWS = 20
"""Rows of a chunk, or a micro batch where that is smaller."""


class UnpaddedGRPOTrainer(GRPOTrainer):
    """GRPOTrainer for language models (images and mixtures of experts are left to TRL's own)."""

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, *,
                                           compute_entropy=False, **_):
        """(log-probabilities, entropies or None, None), (rows, logits_to_keep) each; 0 where a chunk was cut."""
        order, width = attention_mask.sum(dim=1).argsort(stable=True), input_ids.shape[1]
        found = []
        for rows in order.split(min(ROWS, self.args.per_device_train_batch_size)):
            used = attention_mask[rows].any(dim=0).nonzero()
            first, last = int(used[0]), int(used[-1]) + 1
            kept = max(1, last - (width - logits_to_keep))
            logps, entropies, _ = super()._get_per_token_logps_and_entropies(
                model, input_ids[rows, first:last], attention_mask[rows, first:last], kept,
                compute_entropy=compute_entropy)
            parts = [logps, entropies] if compute_entropy else [logps]
            found.append([torch.nn.functional.pad(part, (0, logits_to_keep - kept)) for part in parts])
        back = order.argsort()
        joined = [torch.cat(parts)[back] for parts in zip(*found, strict=True)]
        return joined[0], joined[1] if compute_entropy else None, None
