"""Leading eigenvalues of a loop Jacobian within a budget of products: Arnoldi without restarts, every pair with its residual.

A restart throws directions away; where products cost more than memory, one long Krylov space is the better use of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.loop import Array
from numerics.operator import Linearisation
from theory.errors import UsageError


@dataclass(frozen=True)
class Eigenvalues:
    """Largest moduli first; `residuals` = |J v - lambda v| / |v|, recomputed for the first, from the Arnoldi relation for the rest.

    For a non-normal J a small residual bounds the backward error (lambda is an eigenvalue of J + E, |E| = residual), not the
    distance to the spectrum. `converged`: every residual is at most tol times the largest modulus.
    """

    values: Array
    residuals: Array
    products: int
    converged: bool


def leading_eigenvalues(j: Linearisation, k: int = 6, *, tol: float = 1e-8, budget: int = 250, seed: int = 0) -> Eigenvalues:
    """The k eigenvalues of largest modulus from at most `budget` products with J.

    Stops when all k pairs meet `tol`, relative to the largest modulus.
    """
    if not 1 <= k <= j.n or budget < k + 3:
        raise UsageError(f"need 1 <= k <= {j.n} and a budget of at least k + 3 products, not k = {k}, budget = {budget}")
    start, most = j.products, min(j.n, budget - 2)
    basis, hess = np.zeros((most + 1, j.n)), np.zeros((most + 1, most))
    basis[0] = np.random.default_rng(seed).standard_normal(j.n)
    basis[0] /= np.linalg.norm(basis[0])
    values, residuals, vector = np.zeros(k, complex), np.full(k, np.inf), np.zeros(j.n, complex)
    for m in range(most):
        w = j(basis[m])
        size = float(np.linalg.norm(w))
        for _ in range(2):  # twice is enough to keep the basis orthogonal to rounding
            c = basis[: m + 1] @ w
            hess[: m + 1, m] += c
            w = w - c @ basis[: m + 1]
        hess[m + 1, m] = np.linalg.norm(w)
        closed = hess[m + 1, m] <= 1e-14 * max(size, np.finfo(float).tiny)
        if closed or m + 1 == most or (m + 1 >= k and (m + 1) % 10 == 0):
            ritz, vectors = np.linalg.eig(hess[: m + 1, : m + 1])
            order = np.argsort(-np.abs(ritz), kind="stable")[:k]
            values, residuals = ritz[order].astype(complex), np.abs(hess[m + 1, m] * vectors[m, order])
            vector = vectors[:, order[0]].astype(complex) @ basis[: m + 1]
            if closed or (len(order) == k and residuals.max() <= tol * max(abs(values[0]), np.finfo(float).tiny)):
                break
        basis[m + 1] = w / hess[m + 1, m]
    image = j(np.real(vector)) + 1j * j(np.imag(vector))
    residuals = residuals.copy()
    residuals[0] = np.linalg.norm(image - values[0] * vector) / max(np.linalg.norm(vector), np.finfo(float).tiny)
    converged = len(values) == k and bool(residuals.max() <= 10 * tol * max(abs(values[0]), np.finfo(float).tiny))
    return Eigenvalues(values, residuals, j.products - start, converged)
