"""Solvers for the equations of a fixed point: h = step(h) and (I - A) u = g."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]

MEMORY = 5
"""Earlier iterates that Anderson acceleration combines."""
WORSE = 1e3
"""Growth of the residual over its best value at which Anderson acceleration starts anew."""
BASIS = 40
"""Krylov vectors before GMRES restarts."""
KNOWN = 0.05
"""Largest relative residual of a Ritz pair that says something about an eigenvalue."""


@dataclass(frozen=True)
class EquilibriumSolution:
    """An approximate solution.

    Args:
        value: the solution.
        residual: the relative residual of its equation.
        evaluations: evaluations of the map.
        rho: largest modulus of an eigenvalue of A, as far as the solver saw it; None if it did not.
    """

    value: Tensor
    residual: float
    evaluations: int
    rho: float | None = None


@torch.no_grad()
def iterate(
    step: Map, h: Tensor, tol: float, limit: int, memory: int = MEMORY
) -> EquilibriumSolution:
    """Solve h = step(h) by Anderson acceleration (Walker and Ni 2011), type II, without damping.

    Args:
        step: the map on flat tensors.
        h: the start.
        tol: the relative residual norm(step(h) - h) / norm(step(h)) at which it stops.
        limit: the largest number of evaluations.
        memory: earlier iterates that are combined; 0 for plain iteration.

    Returns:
        The iterate of the smallest residual.
    """
    best, values, gaps = EquilibriumSolution(h, float("inf"), 0), [], []
    for count in range(1, limit + 1):
        image = step(h)
        gap = image - h
        residual = float(gap.norm() / max(float(image.norm()), torch.finfo(h.dtype).tiny))
        if residual < best.residual:
            best = EquilibriumSolution(h, residual, count)
        if residual <= tol:
            return best
        if not residual < WORSE * best.residual:  # also where it is not finite
            if not memory or best.residual == float("inf"):
                break
            values, gaps, h = [], [], best.value
            image = step(h)
            gap = image - h
        values, gaps = [*values, image][-memory - 1 :], [*gaps, gap][-memory - 1 :]
        h = image
        if memory and len(gaps) > 1:
            changes = torch.stack([b - a for a, b in pairwise(gaps)], dim=1)
            moves = torch.stack([b - a for a, b in pairwise(values)], dim=1)
            h = image - moves @ _least_squares(changes, gap)
    return EquilibriumSolution(best.value, best.residual, limit)


def solve_adjoint(product: Map, g: Tensor, tol: float, limit: int) -> EquilibriumSolution:
    """Solve (I - A) u = g by restarted GMRES (Saad and Schultz 1986), for A given by products.

    The Krylov space is that of A, so its Ritz values estimate the eigenvalues of A at no cost.

    Args:
        product: A u on flat tensors.
        g: the right-hand side.
        tol: the relative residual at which it stops.
        limit: the largest number of products.
    """
    u, size, used, rho = torch.zeros_like(g), float(g.norm()), 0, None
    if size == 0:
        return EquilibriumSolution(u, 0.0, 0)
    rest = g
    while True:
        beta = float(rest.norm())
        if beta <= tol * size or used >= limit:
            return EquilibriumSolution(u, beta / size, used, rho)
        most = min(BASIS, limit - used)
        basis, h = [rest / beta], torch.zeros(most + 1, most, dtype=torch.float64)
        y, grown = torch.zeros(0, dtype=torch.float64), 0.0
        for m in range(most):
            w, used = product(basis[m]), used + 1
            for _ in range(2):  # the second sweep keeps the basis orthogonal
                inner = torch.stack([torch.dot(v, w) for v in basis])
                w = w - torch.stack(basis, dim=1) @ inner
                h[: m + 1, m] += inner.cpu().double()
            grown = float(w.norm())
            h[m + 1, m] = grown
            unit = torch.eye(m + 2, m + 1, dtype=torch.float64)
            right = beta * unit[:, 0]
            y = torch.linalg.lstsq(unit - h[: m + 2, : m + 1], right).solution
            left = float((right - (unit - h[: m + 2, : m + 1]) @ y).norm())
            closed = grown <= torch.finfo(g.dtype).eps * float(h[: m + 1, m].norm())
            if left <= 0.5 * tol * size or closed or not grown < float("inf"):
                break
            basis.append(w / grown)
        u = u + torch.stack(basis[: len(y)], dim=1) @ y.to(g)
        rho = _ritz_radius(h[: len(y), : len(y)], grown) or rho
        before, rest = beta, g - u + product(u)
        used += 1
        if not float(rest.norm()) < 0.99 * before:
            return EquilibriumSolution(u, float(rest.norm()) / size, used, rho)


def _least_squares(matrix: Tensor, right: Tensor) -> Tensor:
    """The solution of smallest norm; the rank is found by a singular value decomposition."""
    scale = matrix.norm(dim=0).clamp_min(torch.finfo(matrix.dtype).tiny)
    u, s, vh = torch.linalg.svd(matrix / scale, full_matrices=False)
    kept = s > torch.finfo(matrix.dtype).eps * max(matrix.shape) * s[0]
    inverse = torch.where(kept, 1 / torch.where(kept, s, 1), 0)
    return (vh.mT @ (inverse * (u.mT @ right))) / scale


def _ritz_radius(h: Tensor, grown: float) -> float | None:
    """The largest modulus of a Ritz value whose residual is small."""
    if not torch.isfinite(h).all():
        return None
    values, vectors = torch.linalg.eig(h)
    known = grown * vectors[-1].abs() <= KNOWN * values.abs()
    return float(values.abs()[known].max()) if known.any() else None
