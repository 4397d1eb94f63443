"""The leading singular triplets of a matrix: exact where it is small, randomised and with a bound where it is large.

Randomised subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4): Q spans A's action on rank + 32 random
vectors after four rounds of multiplication by A and its transpose, and the triplets are those of Q Q^T A. Its singular
values s_j never exceed the true ones, and since A^T A = (Q^T A)^T (Q^T A) + E^T E with E = A - Q Q^T A,

    s_j <= sigma_j <= sqrt(s_j^2 + |E|_2^2).

|E|_2 is bounded by the power method from a random start (Kuczynski and Wozniakowski 1992, theorem 4.1): after T steps
the Rayleigh quotient is at least (1 - EPSILON) of the largest eigenvalue of E^T E but for a probability of at most
0.354 sqrt(n / (EPSILON (T - 1))) (1 - EPSILON)^(T - 1/2), 1e-4 for n = 4,096.

The bound is near the truth where the spectrum decays. Where it is flat, the leading subspace is hardly determined by
the matrix, and the bound says so: it stays large.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

EXACT = 256
"""A matrix with a side of at most this is decomposed exactly, in fp64."""
_EXTRA, _ROUNDS, STEPS, EPSILON = 32, 4, 32, 0.3


@dataclass(frozen=True)
class Leading:
    """Singular triplets, the largest first, in fp32."""

    left: torch.Tensor
    """(rows, r), orthonormal columns."""
    values: torch.Tensor
    """(r,)."""
    right: torch.Tensor
    """(columns, r), orthonormal columns."""
    residual: float
    """Bound of |A - Q Q^T A|_2; 0 where the decomposition is exact."""

    @property
    def error(self) -> float:
        """Bound of |sigma - s| / |s| over the r values; 0 where exact, NaN for a matrix of zeros."""
        if not self.values.any():
            return float("nan")
        gap = (self.values**2 + self.residual**2).sqrt() - self.values
        return (gap.norm() / self.values.norm()).item()


def leading(matrix: torch.Tensor, rank: int, seed: int = 0) -> Leading:
    """The min(rank, rows, columns) largest singular triplets of an fp32 matrix."""
    rank = min(rank, *matrix.shape)
    if min(matrix.shape) <= max(EXACT, rank + _EXTRA):
        left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
        return Leading(left[:, :rank].float(), values[:rank].float(), right[:rank].T.float(), 0.0)
    return _randomised(matrix, rank, torch.Generator().manual_seed(seed))


def _randomised(matrix: torch.Tensor, rank: int, generator: torch.Generator) -> Leading:
    basis = torch.linalg.qr(matrix @ torch.randn(matrix.shape[1], rank + _EXTRA, generator=generator)).Q
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(matrix @ torch.linalg.qr(matrix.T @ basis).Q).Q
    small = basis.T @ matrix
    left, values, right = torch.linalg.svd(small, full_matrices=False)
    residual = _residual_norm(matrix, basis, generator)
    return Leading(basis @ left[:, :rank], values[:rank], right[:rank].T, residual)


def _residual_norm(matrix: torch.Tensor, basis: torch.Tensor, generator: torch.Generator) -> float:
    """An upper bound of |A - Q Q^T A|_2, by the power method on E^T E."""
    vector, norm = torch.randn(matrix.shape[1], generator=generator), torch.zeros(())
    for _ in range(STEPS):
        image = matrix @ (vector / vector.norm())
        image -= basis @ (basis.T @ image)
        norm = image.norm()
        vector = matrix.T @ image
        if norm == 0 or vector.norm() == 0:
            break
    return norm.item() / (1 - EPSILON) ** 0.5
