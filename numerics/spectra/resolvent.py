"""The resolvent (z - J)^{-1}: its products, its norm, and the Kreiss constant from below (M5).

The linear systems (z - J) x = b are solved by GMRES.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopError
from .eigenvalues import Krylov
from .linearisation import (
    DENSE,
    DENSE_ADJOINT,
    INVARIANT,
    TINY,
    Linearisation,
    Measurement,
    Product,
)
from .of_loop import of_loop
from .radius import spectral_radius
from .singular import OperatorNorm, orthogonal_part, start_vector, top_singular

EXACT = 1e-12
"""Relative residual that is always accepted: rounding alone may prevent a smaller one."""
NOISY = 1e-5
"""Relative residual that is accepted where the products are differences, which are noisy."""


@dataclass(frozen=True)
class KreissBound(Measurement):
    """A lower bound of the Kreiss constant sup (abs(z) - 1) norm((z - J)^{-1})_2 over abs(z) > 1.

    Args:
        value: (abs(z) - 1) norm((z - J)^{-1})_2.
        residual: the residual of the singular pair of the resolvent. It is infinite where z is
            too near the spectrum for GMRES and the value comes from the Krylov space alone. The
            value is then still a lower bound, up to rounding, but not the norm at z.
        products: number of products with J and J^T.
        converged: whether the residual meets the tolerance.
        z: the point outside the unit circle; [real, imaginary] in JSON.
    """

    z: complex


class Resolvent:
    """(z I - J)^{-1} as an operator: each product solves one linear system by GMRES.

    Where GMRES stagnates, up to `DENSE_ADJOINT` dimensions, the system is solved by LU
    factorisation of the dense J. Residuals are recomputed; `worst` is the largest so far.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        z: the point of the complex plane; default 1.
        tol: the relative residual at which GMRES stops; default 1e-10. A system fails with
            `LoopError` if its residual stays above ten times that (and above `EXACT`, or `NOISY`
            for products by differences).
    """

    def __init__(self, j: Linearisation, z: complex = 1.0, tol: float = 1e-10):
        self.j, self.tol, self.worst = j, tol, 0.0
        # a real z keeps the arithmetic real, which takes half the products
        self.z = complex(z) if complex(z).imag else complex(z).real

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
        is_complex = isinstance(self.z, complex) or np.iscomplexobj(b)
        b = np.asarray(b, complex if is_complex else float).ravel()
        if not size:
            return b

        def apply(v: Array) -> Array:
            return z * v - product(v)

        def residual(x: Array) -> float:
            return float(np.linalg.norm(apply(x) - b)) / size

        enough = max(10 * self.tol, NOISY if j.error else EXACT)
        small = j.n <= DENSE_ADJOINT
        x = gmres(apply, b, self.tol, restart=min(j.n, 200), cycles=1 if small else 10)
        reached = residual(x)
        if not reached <= enough and small:
            matrix = z * np.eye(j.n) - (j.dense().T if adjoint else j.dense())
            try:
                x = np.linalg.solve(matrix, b)
                reached = residual(x) if np.isfinite(x).all() else np.inf
            except np.linalg.LinAlgError:
                reached = np.inf
        if not reached <= enough:
            raise LoopError(
                f"the system (z - J) x = b at z = {self.z:g} stops at the relative residual"
                f" {reached:.1e}: z is nearly an eigenvalue of J; give the loop an exact jvp, or"
                " choose another z"
            )
        self.worst = max(self.worst, reached)
        return x


def gmres(product: Product, b: Array, tol: float, restart: int, cycles: int) -> Array:
    """Solve A x = b by restarted GMRES (Saad and Schultz 1986).

    The result satisfies norm(A x - b) <= tol norm(b) if `cycles` cycles of `restart` products
    are enough. The least-squares problem is solved only every few products, because SciPy's
    Givens rotations in Python cost more than the products of small loops.
    """
    x, size, rest = np.zeros_like(b), float(np.linalg.norm(b)), b
    for cycle in range(cycles):
        if cycle:
            rest = b - product(x)
        beta = float(np.linalg.norm(rest))
        if beta <= tol * size:
            break
        basis = np.zeros((restart + 1, b.size), b.dtype)
        h = np.zeros((restart + 1, restart), b.dtype)
        basis[0], check, y = rest / beta, 0, np.zeros(0)
        for m in range(restart):
            w = orthogonal_part(product(basis[m]), basis[: m + 1], h[: m + 1, m])
            h[m + 1, m] = grown = float(np.linalg.norm(w))
            closed = grown <= INVARIANT * float(np.linalg.norm(h[: m + 1, m]))
            if closed or m >= check or m + 1 == restart:
                check = m + max(1, m // 8)
                right = np.zeros(m + 2)
                right[0] = beta
                y = np.linalg.lstsq(h[: m + 2, : m + 1], right)[0]
                rest_norm = float(np.linalg.norm(h[: m + 2, : m + 1] @ y - right))
                if closed or rest_norm <= 0.5 * tol * size:
                    break
            basis[m + 1] = w / grown
        x = x + y @ basis[: y.size]
    return x


@of_loop
def resolvent_norm(
    j: Linearisation, z: complex = 1.0, *, tol: float = 1e-8, seed: int = 0
) -> OperatorNorm:
    """Measure norm((z I - J)^{-1})_2; at z = 1 it says how far a fixed point moves at most.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        z: a point of the complex plane that is not an eigenvalue of J; default 1.
        tol: largest relative residual of the singular pair; default 1e-8. It is raised to ten
            times the error of the products where these are differences.
        seed: seed of the start vector; default 0.

    Returns:
        The norm; its residual is the largest of the singular pair's and the linear systems'.

    Raises:
        LoopError: z is an eigenvalue of J, or nearly, or J^T is needed in more dimensions than
            can be assembled column by column.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, resolvent_norm
        >>> loop = FunctionLoop(lambda h, e: np.array([0.5, -0.5]) * h + e, np.copy)
        >>> j = Linearisation(loop, np.zeros(2), np.zeros(2))
        >>> round(resolvent_norm(j).value, 6)
        2.0
    """
    before, tol = j.products, max(tol, 10 * j.error)
    inverse = Resolvent(j, z, tol / 100)
    found = top_singular(inverse, inverse.adjoint, inverse.start(j.n, seed), tol)
    residual = max(found.residual, inverse.worst)
    return OperatorNorm(found.value, residual, j.products - before, residual <= 10 * tol)


@of_loop
def kreiss_lower(
    j: Linearisation, *, most: int = 60, tol: float = 1e-6, seed: int = 0
) -> KreissBound:
    """Bound the Kreiss constant sup (abs(z) - 1) norm((z - J)^{-1})_2 over abs(z) > 1 from below.

    The Kreiss constant is at most sup_t norm(J^t)_2 (M5), so the result also bounds transient
    growth from below. The point z comes from a Krylov space: J V = W H with a rectangular H gives
    norm((z - J)^{-1}) >= 1/sigma_min(z - H) (Toh and Trefethen 1996). The norm at z is then
    measured. The space starts from the right singular vector of J, whose images make the
    resolvent large far from the spectrum, plus a small component in every direction.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        most: dimension of the Krylov space; default 60. Up to 64 dimensions, the whole space.
        tol: largest relative residual of the singular pair at z; default 1e-6.
        seed: seed of the start vectors; default 0.

    Returns:
        The bound, with the point z where it is reached.

    Raises:
        UsageError: `most` is below 1.
        LoopError: the spectral radius is 1 or more. The constant is then infinite, except for
            semisimple eigenvalues on the unit circle, where it is unknown here.

    Example:
        The constant of this nilpotent matrix is near 12/4; the largest norm of a power is 12:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, kreiss_lower
        >>> a = np.array([[0.0, 12.0], [0.0, 0.0]])
        >>> loop = FunctionLoop(lambda h, e: a @ h + e, np.copy)
        >>> bound = kreiss_lower(Linearisation(loop, np.zeros(2), np.zeros(2)))
        >>> round(bound.value, 2), bound.converged
        (3.08, True)
    """
    before = j.products
    most = j.n if j.n <= DENSE else min(j.n, most)
    if most < 1:
        raise UsageError(f"kreiss_lower needs a Krylov space of at least 1 dimension, not {most}")
    rho = spectral_radius(j, seed=seed).value
    if rho >= 1:
        raise LoopError(
            f"the spectral radius is {rho:.4g}: from 1 upwards the Kreiss constant is infinite or"
            " unknown; measure a contractive state"
        )
    noise = start_vector(j.n, seed)
    first = noise if most == j.n else top_singular(j, j.adjoint, noise, 1e-2).vector + 0.1 * noise
    krylov = Krylov(j, most, seed, first)
    while not krylov.full:
        krylov.grow()
    h = krylov.hessenberg
    eye = np.eye(most + 1, most)

    def bound(excess: float, angle: float) -> float:
        shifted = (1 + excess) * np.exp(1j * angle) * eye - h
        least = float(np.linalg.svd(shifted, compute_uv=False)[-1])
        return excess / max(least, TINY)

    grid = itertools.product(np.geomspace(1e-3, 10, 9), np.linspace(0, np.pi, 17))
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
