"""The resolvent of J: systems (z - J) x = b by GMRES, its norm, and the Kreiss constant from below (M5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, gmres

from numerics.eigenvalues import Krylov
from numerics.loop import Array, LoopError
from numerics.operator import DENSE, DENSE_ADJOINT, Linearisation, Measurement
from numerics.singular import Norm, start_vector, top_singular
from theory.errors import UsageError


@dataclass(frozen=True)
class KreissBound(Measurement):
    """`value` = (abs(z) - 1) norm((z - J)^{-1})_2, a lower bound of the Kreiss constant, at `z` = [real, imaginary] outside the circle.

    `residual` of the singular pair of the resolvent, as in `Norm`; for a `value` from the Krylov space alone (z too near the spectrum
    for GMRES) it is infinite: still a lower bound, to rounding, but not the norm there.
    """

    z: complex


def solve(j: Linearisation, b: Array, z: complex = 1.0, *, adjoint: bool = False, tol: float = 1e-10) -> Array:
    """(z I - J)^{-1} b, or (z I - J)^{-*} b, by GMRES to a relative residual `tol`, recomputed; `LoopError` if it is missed.

    Up to `DENSE_ADJOINT` dimensions LU of the dense J steps in where GMRES stagnates. Products by differences are noisy: with them a
    residual of 1e-5 passes, and is reported by the callers.
    """
    return solved(j, b, z, adjoint, tol)[0]


def solved(j: Linearisation, b: Array, z: complex, adjoint: bool, tol: float) -> tuple[Array, float]:
    """The solution and its relative residual."""
    z = _plain(z)
    dtype = complex if isinstance(z, complex) or np.iscomplexobj(b) else float
    b = np.asarray(b, dtype).ravel()
    shift, apply = (np.conj(z), j.adjoint) if adjoint else (z, j)
    size = float(np.linalg.norm(b))
    if not size:
        return b, 0.0

    def residual(x: Array) -> float:
        return float(np.linalg.norm(shift * x - apply(x) - b)) / size

    enough = max(10 * tol, 1e-5 if j.error else 1e-12)
    operator = LinearOperator((j.n, j.n), matvec=lambda v: shift * v.ravel() - apply(v.ravel()), dtype=dtype)  # type: ignore[call-arg]
    x = np.asarray(gmres(operator, b, rtol=tol, atol=0, restart=min(j.n, 200), maxiter=1 if j.n <= DENSE_ADJOINT else 10)[0])
    reached = residual(x)
    if not reached <= enough and j.n <= DENSE_ADJOINT:
        matrix = z * np.eye(j.n) - j.dense()
        try:
            x = np.linalg.solve(matrix.conj().T if adjoint else matrix, b)
            reached = residual(x) if np.isfinite(x).all() else np.inf
        except np.linalg.LinAlgError:
            reached = np.inf
    if not reached <= enough:
        raise LoopError(
            f"(z - J) x = b stops at relative residual {reached:.1e}: {z:g} is nearly an eigenvalue of J; give jvp, or another z"
        )
    return x, reached


def _plain(z: complex) -> complex | float:
    """A real number where it is one: real arithmetic takes half the products."""
    return complex(z) if complex(z).imag else complex(z).real


def norm_with_solves(
    forward: Callable[[Callable[..., Array], Array], Array],
    backward: Callable[..., Array],
    j: Linearisation,
    n: int,
    z: complex,
    tol: float,
    seed: int,
) -> Norm:
    """Norm of an operator made of solves: `forward(inverse, v)` and `backward(inverse, u)`; the residual includes those of the systems."""
    before, worst = j.products, [0.0]

    def inverse(b: Array, adjoint: bool) -> Array:
        x, reached = solved(j, b, z, adjoint, tol / 100)
        worst.append(reached)
        return x

    dtype = complex if isinstance(_plain(z), complex) else float
    found = top_singular(lambda v: forward(inverse, v), lambda u: backward(inverse, u), start_vector(n, seed).astype(dtype), tol)
    residual = max(found.residual, *worst)
    return Norm(found.value, residual, j.products - before, residual <= 10 * tol)


def resolvent_norm(j: Linearisation, z: complex = 1.0, *, tol: float = 1e-8, seed: int = 0) -> Norm:
    """norm((z I - J)^{-1})_2. Raises `LoopError` where z is an eigenvalue, or nearly."""
    tol = max(tol, 10 * j.error)
    return norm_with_solves(lambda inverse, v: inverse(v, False), lambda inverse, u: inverse(u, True), j, j.n, z, tol, seed)


def kreiss_lower(j: Linearisation, *, most: int = 60, tol: float = 1e-6, seed: int = 0) -> KreissBound:
    """Lower bound of the Kreiss constant sup (abs(z) - 1) norm((z - J)^{-1})_2 over abs(z) > 1; M5: at most sup_t norm(J^t)_2.

    The point z comes from a Krylov space of `most` products: J V = W H gives norm((z - J)^{-1}) >= 1/sigma_min(z - H), H rectangular
    (Toh and Trefethen 1996); the norm there is then measured. Raises `UsageError` where the powers do not decay (a Ritz value of
    modulus 1 or more: the constant is infinite, if it is an eigenvalue).
    """
    before = j.products
    most = j.n if j.n <= DENSE else min(j.n, most)
    if most < 1:
        raise UsageError("needs at least one product")
    krylov = Krylov(j, most, seed)
    while not krylov.full:
        krylov.grow()
    h = krylov.hessenberg
    radius = float(np.abs(np.linalg.eigvals(h[:-1])).max())
    if radius >= 1:
        raise LoopError(f"an eigenvalue of J has modulus about {radius:.4g}: for 1 or more the Kreiss constant is infinite")
    eye = np.eye(most + 1, most)

    def bound(excess: float, angle: float) -> float:
        least = float(np.linalg.svd((1 + excess) * np.exp(1j * angle) * eye - h, compute_uv=False)[-1])
        return excess / max(least, np.finfo(float).tiny)

    grid = [(excess, angle) for excess in np.geomspace(1e-3, 10, 9) for angle in np.linspace(0, np.pi, 17)]
    best = max(grid, key=lambda point: bound(*point))
    limits = [(np.log(1e-4), np.log(1e3)), (0, np.pi)]  # at infinity the bound is 1
    start = [np.log(best[0]), best[1]]
    fine: Any = minimize(
        lambda p: -bound(float(np.exp(p[0])), float(p[1])), start, method="Nelder-Mead", bounds=limits, options={"maxfev": 80}
    )
    excess, angle = float(np.exp(fine.x[0])), float(fine.x[1])
    z = complex((1 + excess) * np.exp(1j * angle))
    if abs(z.imag) < 1e-6 * abs(z):
        z = complex(np.copysign(1 + excess, z.real))
    try:
        norm = resolvent_norm(j, z, tol=tol, seed=seed)
    except LoopError:
        return KreissBound(bound(excess, angle), np.inf, j.products - before, False, z)
    return KreissBound((abs(z) - 1) * norm.value, norm.residual, j.products - before, norm.converged, z)
