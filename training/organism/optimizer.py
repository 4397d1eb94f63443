"""Muon for the weight matrices, AdamW for the rest (embedding, norms): one optimizer, as a trainer wants it.

Muon (K. Jordan et al., 2024) orthogonalises the momentum of every matrix, so that rare features move as far as common
ones; here the ones that tell two numbers apart or find an option in a list. torch.optim.Muon takes matrices only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class MuonAdamW(torch.optim.Optimizer):
    """Steps both; `param_groups` are theirs (the same dicts), so that one schedule drives both rates."""

    def __init__(self, model: PreTrainedModel, lr: float, weight_decay: float = 0.01):
        embedding = model.get_input_embeddings().weight
        matrices = [p for p in model.parameters() if p.ndim == 2 and p is not embedding]
        others = [p for p in model.parameters() if p.ndim != 2 or p is embedding]
        super().__init__([*matrices, *others], {"lr": lr})
        self.parts = (
            torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=weight_decay),
        )
        self._link()

    def _link(self) -> None:
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure=None):
        """One step of both; a closure, as torch's optimizers take it, is called once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict:
        """Both states."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict) -> None:
        """Both states, as `state_dict` gave them."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._link()
