"""Leading eigenvalues of a loop Jacobian within a budget of products, every pair with its residual.

Arnoldi without restarts as long as the basis fits `SPACE`: a restart throws directions away, and
products cost more than memory. Beyond, thick restarts (Krylov-Schur, Stewart 2001). A real power
iteration does not converge on the complex pairs that dominate most loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eig, schur

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopError
from .linearisation import DENSE, Linearisation, Measurement

SPACE = 2**25
"""numbers that a Krylov basis may hold (256 MB)"""
RELIABLE = 1e-3
"""stated error, relative, beyond which an eigenvalue counts as not found: its condition is beyond
first order
"""
TINY = np.finfo(float).tiny
EPS = np.finfo(float).eps


class Krylov:
    """J V = W H: V the first `size` rows of an orthonormal basis, W one row more, H (size + 1,
    size); one product per row.

    The first row is `start`, or random. An invariant subspace is left by a fresh random row, so
    that eigenvalues of any multiplicity are met.
    """

    def __init__(self, j: Linearisation, most: int, seed: int, start: Array | None = None):
        self.j, self.size = j, 0
        self._rng = np.random.default_rng(seed)
        self._basis, self._h = np.zeros((most + 1, j.n)), np.zeros((most + 1, most))
        self._basis[0] = self._fresh(0) if start is None else start / np.linalg.norm(start)

    @property
    def hessenberg(self) -> Array:
        """H."""
        return self._h[: self.size + 1, : self.size]

    @property
    def full(self) -> bool:
        """No room for another row."""
        return self.size == self._h.shape[1]

    def grow(self) -> None:
        """One product."""
        m = self.size
        w, known = self.j(self._basis[m]), self._basis[: m + 1]
        size = float(np.linalg.norm(w))
        for _ in range(2):  # twice is enough to keep the basis orthogonal to rounding
            c = known @ w
            self._h[: m + 1, m] += c
            w = w - c @ known
        rest = float(np.linalg.norm(w))
        if rest <= 1e-14 * max(size, TINY):
            rest, w = 0.0, self._fresh(m + 1)
        self._h[m + 1, m] = rest
        self._basis[m + 1] = w / max(float(np.linalg.norm(w)), TINY)
        self.size += 1

    def restart(self, keep: int) -> None:
        """Keep the Schur vectors of about `keep` Ritz values of largest modulus: cut at the widest
        gap of the moduli near there.
        """
        m = self.size
        moduli = np.sort(np.abs(np.linalg.eigvals(self._h[:m, :m])))[::-1]
        cut = keep + int(np.argmax(-np.diff(moduli[keep - 1 : (3 * keep) // 2 + 1])))
        least = (moduli[cut - 1] + moduli[cut]) / 2
        sort: Any = lambda re, im=0.0: np.hypot(abs(re), im) >= least  # noqa: E731
        try:
            found: Any = schur(self._h[:m, :m], output="real", sort=sort)
        except np.linalg.LinAlgError as error:
            raise LoopError(
                f"LAPACK cannot order the Schur form of a restart ({error}): give another seed or a"
                " larger space"
            ) from None
        t, q, p = found
        last = self._h[m, :m] @ q[:, :p]
        self._basis[:p], self._basis[p] = q[:, :p].T @ self._basis[:m], self._basis[m].copy()
        self._h[:] = 0
        self._h[:p, :p], self._h[p, :p] = t[:p, :p], last
        self.size = p

    def ritz(self) -> tuple[Array, Array, Array]:
        """Ritz values, largest modulus first, their vectors in the basis (columns), and the
        residuals.
        """
        m = self.size
        values, vectors = np.linalg.eig(self._h[:m, :m])
        order = np.argsort(-np.abs(values), kind="stable")
        values, vectors = values[order].astype(complex), vectors[:, order].astype(complex)
        return values, vectors, np.abs(self._h[m, :m] @ vectors)

    def vector(self, y: Array) -> Array:
        """The vector with those coordinates."""
        return y @ self._basis[: self.size]

    def _fresh(self, known: int) -> Array:
        """A random unit vector orthogonal to the first rows; zero if they span everything."""
        if known >= self.j.n:
            return np.zeros(self.j.n)
        w = self._rng.standard_normal(self.j.n)
        for _ in range(2):
            w = w - (self._basis[:known] @ w) @ self._basis[:known]
        return w / np.linalg.norm(w)


@dataclass(frozen=True)
class Eigenvalues(Measurement):
    """`value`: eigenvalues, largest modulus first; `residuals`: norm(J v - l v) for unit v;
    `residual`: that of the first, recomputed.

    A residual is a backward error (l is an eigenvalue of J + E, norm(E) = residual). `condition` of
    the first eigenvalue, 1/abs(y* v) for its unit left and right vectors (within the Krylov space:
    a lower bound), turns it into `error`, the distance from an eigenvalue of J to first order: at a
    defective eigenvalue that is large, however small the residual, and at long Jordan blocks still
    too small (a nilpotent J of 2,000 dimensions: value 0.98, error 0.04). `converged`: `error` is
    at most `RELIABLE` of the modulus, every residual at most tol times the largest modulus, and the
    first is not a stage on the way to a larger one: no other Ritz value plus its residual is
    larger, or only such below 0.99 of it that twice the products have not brought nearer.
    """

    residuals: Array
    condition: float
    error: float


def leading_eigenvalues(
    j: Linearisation,
    k: int = 6,
    *,
    tol: float = 1e-8,
    budget: int = 1000,
    seed: int = 0,
    space: int = SPACE,
) -> Eigenvalues:
    """The k eigenvalues of largest modulus from at most `budget` products with J; `tol` is raised
    to the noise of differences.

    LAPACK up to `DENSE` dimensions, if the budget allows. Raises `UsageError` for k or a budget
    that cannot be, `LoopError` where LAPACK fails in a restart.
    """
    if not 1 <= k <= j.n or budget < k + 4:
        raise UsageError(
            f"need 1 <= k <= {j.n} and a budget of at least k + 4 products, not k = {k}, budget ="
            f" {budget}"
        )
    before, tol = j.products, max(tol, 10 * j.error)
    if j.n <= min(DENSE, budget - 2):
        matrix = j.dense()
        values, vectors = np.linalg.eig(matrix)
        order = np.argsort(-np.abs(values), kind="stable")[:k]
        value, vector = values[order].astype(complex), vectors[:, order[0]].astype(complex)
        residuals = np.linalg.norm(matrix @ vectors[:, order] - value * vectors[:, order], axis=0)
        final = True
    else:
        krylov = Krylov(j, min(j.n, budget - 2, max(space // j.n, 2 * k + 20)), seed)
        value, vector, residuals, final = _search(krylov, k, tol, budget - 2)
        matrix = krylov.hessenberg[:-1]
    residuals[0] = np.linalg.norm(j(vector) - value[0] * vector) / max(
        float(np.linalg.norm(vector)), TINY
    )
    size = float(np.linalg.norm(matrix))
    floor = 10 * EPS * size + tol * abs(value[0])
    condition = _condition(matrix, value[0])
    error = condition * float(residuals[0] + EPS * size)
    converged = final and bool(residuals.max() <= floor) and error <= RELIABLE * abs(value[0])
    return Eigenvalues(
        value, float(residuals[0]), j.products - before, converged, residuals, condition, error
    )


def _search(krylov: Krylov, k: int, tol: float, budget: int) -> tuple[Array, Array, Array, bool]:
    """Grow until k pairs converge and none larger is in sight: values, first vector, residuals,
    whether the first is final.
    """
    spent = check = 0
    seen: tuple[int, float] | None = None
    while True:
        krylov.grow()
        spent += 1
        whole = krylov.size >= krylov.j.n
        if not (whole or spent >= budget or krylov.full or (krylov.size > k and spent >= check)):
            continue
        check = spent + max(5, spent // 8)
        values, vectors, residuals = krylov.ritz()
        moduli, size = np.abs(values), float(np.linalg.norm(krylov.hessenberg))
        top = moduli[0]
        floor = tol * top + 10 * EPS * size
        if (
            len(values) < k
            or residuals[:k].max() > floor
            or not _accurate(krylov, values[0], residuals[0], floor)
        ):
            seen = None
        elif seen is None or abs(seen[1] - top) > 10 * floor:
            seen = spent, top
        rivals = (residuals > floor) & (moduli + residuals > top)
        waited = seen is not None and spent >= 2 * seen[0] + 20
        final = whole or not rivals.any() or (waited and not (moduli[rivals] > 0.99 * top).any())
        if whole or spent >= budget or (seen is not None and final):
            return values[:k], krylov.vector(vectors[:, 0]), residuals[:k].copy(), bool(final)
        if krylov.full:
            krylov.restart(max(k + 2, krylov.size // 2))


def _accurate(krylov: Krylov, value: complex, residual: float, floor: float) -> bool:
    """The stated error of the eigenvalue meets ten times the tolerance, or its residual is near the
    noise of the products.
    """
    noise = max(EPS, krylov.j.error) * float(np.linalg.norm(krylov.hessenberg))
    return (
        residual <= 100 * noise
        or residual * _condition(krylov.hessenberg[:-1], value) <= 10 * floor
    )


def _condition(matrix: Array, value: complex) -> float:
    """1/abs(y* x) of the eigenvalue nearest to `value`, y and x unit left and right vectors."""
    found: Any = eig(matrix, left=True, right=True)
    values, left, right = found
    i = int(np.argmin(np.abs(values - value)))
    return 1 / max(float(abs(np.vdot(left[:, i], right[:, i]))), EPS)
