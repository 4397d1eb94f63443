"""The numbers that decide a run's tokens: a function of (seed, step, row), however many processes there are.

They are those that TRL 1.16's GRPOTrainer left to torch's global generator when it ran in one process: after the seed,
one number that the data loader takes, then for every step a row of numbers for each rollout, and a permutation of the
rows. So a run in one process has the numbers it always had, and each of several processes takes its rows of the same.
"""

from __future__ import annotations

import torch


class Draws:
    """Draws of a run of that seed, `rows` rollouts a step of at most `width` tokens; `of` is called once for a step."""

    def __init__(self, seed: int, rows: int, width: int):
        self._seed, self._rows, self._width = seed, rows, width
        self._restart()

    def of(self, step: int) -> torch.Tensor:
        """(rows, width) numbers in [0, 1) of a step, counted from 0. The global generator goes on from behind them."""
        if step < self._step:
            self._restart()
        while self._step < step:
            self._next()
            torch.randperm(self._rows, generator=self._generator)
        draws = self._next()
        torch.set_rng_state(self._generator.get_state())
        torch.randperm(self._rows, generator=self._generator)
        return draws

    def _restart(self) -> None:
        self._generator, self._step = torch.Generator().manual_seed(self._seed), 0
        torch.empty((), dtype=torch.int64).random_(generator=self._generator)

    def _next(self) -> torch.Tensor:
        self._step += 1
        return torch.rand(self._rows, self._width, generator=self._generator)
