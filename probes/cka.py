"""Centered kernel alignment of two sets of activations of the same tokens: debiased, linear, in minibatches.

For Gram matrices K = X X^T and L = Y Y^T of n tokens, their diagonals set to 0, the unbiased estimator of HSIC is
(Song, Smola, Gretton, Bedo and Borgwardt 2012, equation 5)

    HSIC(K, L) = [tr(K L) + 1'K1 1'L1 / ((n - 1)(n - 2)) - 2 1'K L 1 / (n - 2)] / (n (n - 3)),

and CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) (Kornblith et al. 2019, arXiv 1905.00414; debiased, Nguyen, Raghu and
Kornblith 2021, arXiv 2010.15327, who average each HSIC over minibatches). Memory: a minibatch of activations and one
Gram matrix of BATCH x BATCH a set, whatever the number of tokens.

    cka = MinibatchCKA(12, 12)
    for xs, ys in minibatches: cka.add(xs, ys)          # 12 tensors (n, width) on each side, the rows the same tokens
    cka.value()                                         # (12, 12), the first index of X's sets

Of a single minibatch with all tokens, it is the full-matrix formula. Departures: (1) minibatches weigh by their n, so a
smaller last one counts for less; (2) a set is centered before its Gram matrix is formed, which changes only rounding.
"""

from __future__ import annotations

import torch

BATCH = 256
"""Tokens a minibatch."""
LEAST = 4
"""HSIC is not defined for fewer tokens."""


def centered_gram(x: torch.Tensor) -> torch.Tensor:
    """The U-centered Gram matrix of (n, width) activations, (n, n) fp32 with a diagonal of 0.

    The formula above is the inner product of two such matrices over n (n - 3) (Szekely and Rizzo 2014, definition 2).
    """
    x = x.float()
    x = x - x.mean(0)
    gram = x @ x.T
    gram.fill_diagonal_(0)
    n, rows = len(gram), gram.sum(1)
    gram = gram - (rows[:, None] + rows[None, :]) / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    return gram.fill_diagonal_(0)


def hsic(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Unbiased HSIC of every U-centered Gram matrix of a, (p, n, n), and of b, (q, n, n): (p, q), fp64."""
    n = a.shape[-1]
    return (a.flatten(1) @ b.flatten(1).T).double() / (n * (n - 3))


class MinibatchCKA:
    """The CKA of p sets of activations with q sets, from minibatches of the same tokens."""

    def __init__(self, p: int, q: int):
        self._cross = torch.zeros(p, q, dtype=torch.float64)
        self._own = [torch.zeros(n, dtype=torch.float64) for n in (p, q)]

    def add(self, xs: list[torch.Tensor], ys: list[torch.Tensor]) -> None:
        """Add one minibatch: p and q tensors, (n, width) each. Raises ValueError for fewer than LEAST tokens."""
        n = len(xs[0])
        if n < LEAST:
            raise ValueError(f"CKA needs at least {LEAST} tokens a minibatch, got {n}")
        a, b = (torch.stack([centered_gram(x) for x in side]) for side in (xs, ys))
        self._cross += n * hsic(a, b).cpu()
        for own, grams in zip(self._own, (a, b), strict=True):
            own += n * torch.cat([hsic(gram[None], gram[None])[0] for gram in grams]).cpu()

    def value(self) -> torch.Tensor:
        """CKA, (p, q); NaN where a set does not vary."""
        a, b = self._own
        return self._cross / (a[:, None] * b[None, :]).sqrt()


def minibatches(n: int, generator: torch.Generator) -> list[torch.Tensor]:
    """n tokens in random order, cut into minibatches of BATCH; what is left joins the last one when it is too small."""
    order = torch.randperm(n, generator=generator)
    parts = list(order.split(BATCH))
    if len(parts) > 1 and len(parts[-1]) < BATCH // 2:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
