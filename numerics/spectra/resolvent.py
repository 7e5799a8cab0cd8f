"""The resolvent of J: systems (z - J) x = b by GMRES, its norm, and the Kreiss constant from below
(M5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopError
from .eigenvalues import Krylov
from .linearisation import DENSE, DENSE_ADJOINT, Linearisation, Measurement, Product
from .radius import spectral_radius
from .singular import Norm, orthogonal_part, start_vector, top_singular


@dataclass(frozen=True)
class KreissBound(Measurement):
    """`value` = (abs(z) - 1) norm((z - J)^{-1})_2, a lower bound of the Kreiss constant, at `z` =
    [real, imaginary] outside the circle.

    `residual` of the singular pair of the resolvent, as in `Norm`; for a `value` from the Krylov
    space alone (z too near the spectrum for GMRES) it is infinite: still a lower bound, to
    rounding, but not the norm there.
    """

    z: complex


class Resolvent:
    """(z I - J)^{-1} as a product, by GMRES to a relative residual `tol`, recomputed; `worst` is
    the largest met.

    Up to `DENSE_ADJOINT` dimensions LU of the dense J steps in where GMRES stagnates. Products by
    differences are noisy: with them a residual of 1e-5 passes, and is reported by the callers. A
    system that stays unsolved is a `LoopError`.
    """

    def __init__(self, j: Linearisation, z: complex = 1.0, tol: float = 1e-10):
        self.j, self.tol, self.worst = j, tol, 0.0
        self.z = (
            complex(z) if complex(z).imag else complex(z).real
        )  # real arithmetic takes half the products

    def __call__(self, b: Array) -> Array:
        """(z - J)^{-1} b."""
        return self._solve(b, self.j, self.z, adjoint=False)

    def adjoint(self, b: Array) -> Array:
        """(z - J)^{-*} b."""
        return self._solve(b, self.j.adjoint, np.conj(self.z), adjoint=True)

    def start(self, n: int, seed: int) -> Array:
        """A random unit vector of n entries, complex if z is."""
        return start_vector(n, seed).astype(complex if isinstance(self.z, complex) else float)

    def _solve(self, b: Array, product: Product, z: Any, adjoint: bool) -> Array:
        j, size = self.j, float(np.linalg.norm(b))
        b = np.asarray(
            b, complex if isinstance(self.z, complex) or np.iscomplexobj(b) else float
        ).ravel()
        if not size:
            return b

        def apply(v: Array) -> Array:
            return z * v - product(v)

        enough = max(10 * self.tol, 1e-5 if j.error else 1e-12)
        small = j.n <= DENSE_ADJOINT
        x = gmres(apply, b, self.tol, restart=min(j.n, 200), cycles=1 if small else 10)
        reached = float(np.linalg.norm(apply(x) - b)) / size
        if not reached <= enough and small:
            matrix = z * np.eye(j.n) - (j.dense().T if adjoint else j.dense())
            try:
                x = np.linalg.solve(matrix, b)
                reached = (
                    float(np.linalg.norm(apply(x) - b)) / size if np.isfinite(x).all() else np.inf
                )
            except np.linalg.LinAlgError:
                reached = np.inf
        if not reached <= enough:
            advice = "z is nearly an eigenvalue of J; give jvp, or another z"
            raise LoopError(
                f"(z - J) x = b at z = {self.z:g} stops at relative residual {reached:.1e}:"
                f" {advice}"
            )
        self.worst = max(self.worst, reached)
        return x


def gmres(product: Product, b: Array, tol: float, restart: int, cycles: int) -> Array:
    """x with norm(A x - b) <= tol norm(b), if `cycles` of `restart` products reach that (Saad and
    Schultz 1986).

    The least-squares problem is solved every few products only: SciPy's rotations in Python cost
    more than the products of small loops.
    """
    x, size, rest = np.zeros_like(b), float(np.linalg.norm(b)), b
    for cycle in range(cycles):
        if cycle:
            rest = b - product(x)
        beta = float(np.linalg.norm(rest))
        if beta <= tol * size:
            break
        basis, h = (
            np.zeros((restart + 1, b.size), b.dtype),
            np.zeros((restart + 1, restart), b.dtype),
        )
        basis[0], check, y = rest / beta, 0, np.zeros(0)
        for m in range(restart):
            w = orthogonal_part(product(basis[m]), basis[: m + 1], h[: m + 1, m])
            h[m + 1, m] = grown = float(np.linalg.norm(w))
            closed = grown <= 1e-14 * float(np.linalg.norm(h[: m + 1, m]))
            if closed or m >= check or m + 1 == restart:
                check = m + max(1, m // 8)
                right = np.zeros(m + 2)
                right[0] = beta
                y = np.linalg.lstsq(h[: m + 2, : m + 1], right)[0]
                if (
                    closed
                    or float(np.linalg.norm(h[: m + 2, : m + 1] @ y - right)) <= 0.5 * tol * size
                ):
                    break
            basis[m + 1] = w / grown
        x = x + y @ basis[: y.size]
    return x


def resolvent_norm(j: Linearisation, z: complex = 1.0, *, tol: float = 1e-8, seed: int = 0) -> Norm:
    """norm((z I - J)^{-1})_2; the residual includes those of the systems. Raises `LoopError` where
    z is an eigenvalue, or nearly.
    """
    before, tol = j.products, max(tol, 10 * j.error)
    inverse = Resolvent(j, z, tol / 100)
    found = top_singular(inverse, inverse.adjoint, inverse.start(j.n, seed), tol)
    residual = max(found.residual, inverse.worst)
    return Norm(found.value, residual, j.products - before, residual <= 10 * tol)


def kreiss_lower(
    j: Linearisation, *, most: int = 60, tol: float = 1e-6, seed: int = 0
) -> KreissBound:
    """Lower bound of the Kreiss constant sup (abs(z) - 1) norm((z - J)^{-1})_2 over abs(z) > 1; M5:
    at most sup_t norm(J^t)_2.

    The point z comes from a Krylov space of `most` products: J V = W H gives norm((z - J)^{-1}) >=
    1/sigma_min(z - H), H rectangular (Toh and Trefethen 1996); the norm there is then measured. The
    space starts from the right singular vector of J, whose images make the resolvent large far from
    the spectrum, and a little of every direction. Raises `LoopError` where the spectral radius is 1
    or more: the constant is infinite (but for semisimple eigenvalues on the circle).
    """
    before = j.products
    most = j.n if j.n <= DENSE else min(j.n, most)
    if most < 1:
        raise UsageError(f"needs at least one product, not {most}")
    rho = spectral_radius(j, seed=seed).value
    if rho >= 1:
        raise LoopError(
            f"the spectral radius is {rho:.4g}: from 1 on the Kreiss constant is infinite or"
            " unknown"
        )
    noise = start_vector(j.n, seed)
    first = noise if most == j.n else top_singular(j, j.adjoint, noise, 1e-2).vector + 0.1 * noise
    krylov = Krylov(j, most, seed, first)
    while not krylov.full:
        krylov.grow()
    h = krylov.hessenberg
    eye = np.eye(most + 1, most)

    def bound(excess: float, angle: float) -> float:
        least = float(
            np.linalg.svd((1 + excess) * np.exp(1j * angle) * eye - h, compute_uv=False)[-1]
        )
        return excess / max(least, np.finfo(float).tiny)

    grid = [
        (excess, angle)
        for excess in np.geomspace(1e-3, 10, 9)
        for angle in np.linspace(0, np.pi, 17)
    ]
    best = max(grid, key=lambda point: bound(*point))
    limits = [(np.log(1e-4), np.log(1e3)), (0, np.pi)]  # at infinity the bound is 1
    start = [np.log(best[0]), best[1]]
    fine: Any = minimize(
        lambda p: -bound(float(np.exp(p[0])), float(p[1])),
        start,
        method="Nelder-Mead",
        bounds=limits,
        options={"maxfev": 80},
    )
    excess, angle = float(np.exp(fine.x[0])), float(fine.x[1])
    z = complex((1 + excess) * np.exp(1j * angle))
    if abs(z.imag) < 1e-6 * abs(z):
        z = complex(np.copysign(1 + excess, z.real))
    try:
        norm = resolvent_norm(j, z, tol=tol, seed=seed)
    except LoopError:
        return KreissBound(bound(excess, angle), np.inf, j.products - before, False, z)
    return KreissBound(
        (abs(z) - 1) * norm.value, norm.residual, j.products - before, norm.converged, z
    )
