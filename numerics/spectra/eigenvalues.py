"""Leading eigenvalues of the Jacobian of a loop, within a budget of products.

The method is Arnoldi's. It runs without restarts as long as the basis fits `SPACE`, because a
restart discards directions and products cost more than memory; beyond that it uses thick restarts
(Krylov-Schur, Stewart 2001). A real power iteration would not converge on the complex pairs that
dominate most loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eig, schur

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopError
from .linearisation import DENSE, INVARIANT, TINY, Linearisation, Measurement
from .of_loop import of_loop

SPACE = 2**25
"""Numbers that a Krylov basis may hold (256 MB)."""
RELIABLE = 1e-3
"""Largest relative error of an eigenvalue that counts as found.

Beyond it the first-order estimate of the error cannot be trusted.
"""
ROUNDED, MOST_ERROR = 16.0, 0.1
"""The same in roundings of a product, where those are coarser, and its largest value."""
CLOSE = 0.99
"""Modulus relative to the leading one from which a candidate for a larger eigenvalue is awaited."""
EPS = np.finfo(float).eps


class Krylov:
    """A Krylov space of J: J V = W H, with one product for each basis vector.

    V has the first `size` vectors of an orthonormal basis, W has one more, and H has the shape
    (size + 1, size). When the space becomes invariant, it is extended by a random vector, so that
    eigenvalues of any multiplicity are found.

    Args:
        j: the linearisation.
        most: the largest number of basis vectors.
        seed: seed of the random vectors.
        start: the first basis vector, up to its length; default random.
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
        """Whether the basis has no room for another vector."""
        return self.size == self._h.shape[1]

    def grow(self) -> None:
        """Extend the space by one vector, with one product."""
        m = self.size
        w, known = self.j(self._basis[m]), self._basis[: m + 1]
        size = float(np.linalg.norm(w))
        for _ in range(2):  # twice is enough to keep the basis orthogonal to rounding
            c = known @ w
            self._h[: m + 1, m] += c
            w = w - c @ known
        rest = float(np.linalg.norm(w))
        if rest <= INVARIANT * max(size, TINY):
            rest, w = 0.0, self._fresh(m + 1)
        self._h[m + 1, m] = rest
        self._basis[m + 1] = w / max(float(np.linalg.norm(w)), TINY)
        self.size += 1

    def restart(self, keep: int) -> None:
        """Keep the Schur vectors of about `keep` Ritz values of largest modulus.

        The cut is made at the widest gap between the moduli from there on.
        """
        m = self.size
        moduli = np.sort(np.abs(np.linalg.eigvals(self._h[:m, :m])))[::-1]
        cut = keep + int(np.argmax(-np.diff(moduli[keep - 1 : (3 * keep) // 2 + 1])))
        least = (moduli[cut - 1] + moduli[cut]) / 2

        def is_large(re: float, im: float = 0.0) -> bool:
            return bool(np.hypot(abs(re), im) >= least)

        large: Any = is_large
        try:
            found: Any = schur(self._h[:m, :m], output="real", sort=large)
        except np.linalg.LinAlgError as error:
            raise LoopError(
                f"LAPACK cannot order the Schur form at a restart ({error}): give another seed or a"
                " larger space"
            ) from None
        t, q, p = found
        last = self._h[m, :m] @ q[:, :p]
        self._basis[:p], self._basis[p] = q[:, :p].T @ self._basis[:m], self._basis[m].copy()
        self._h[:] = 0
        self._h[:p, :p], self._h[p, :p] = t[:p, :p], last
        self.size = p

    def ritz(self) -> tuple[Array, Array, Array]:
        """Ritz values, largest modulus first, with their coordinates (columns) and residuals."""
        m = self.size
        values, vectors = np.linalg.eig(self._h[:m, :m])
        order = np.argsort(-np.abs(values), kind="stable")
        values, vectors = values[order].astype(complex), vectors[:, order].astype(complex)
        return values, vectors, np.abs(self._h[m, :m] @ vectors)

    def vector(self, y: Array) -> Array:
        """The vector with the coordinates y in the basis."""
        return y @ self._basis[: self.size]

    def _fresh(self, known: int) -> Array:
        """A random unit vector orthogonal to the first `known` vectors; 0 if they span all."""
        if known >= self.j.n:
            return np.zeros(self.j.n)
        w = self._rng.standard_normal(self.j.n)
        for _ in range(2):
            w = w - (self._basis[:known] @ w) @ self._basis[:known]
        return w / np.linalg.norm(w)


@dataclass(frozen=True)
class Eigenvalues(Measurement):
    """The leading eigenvalues of J, largest modulus first.

    A residual norm(J v - l v) for a unit vector v is a backward error: l is an eigenvalue of
    J + E with norm(E) equal to the residual. The condition of the eigenvalue turns it into an
    error to first order. At a defective eigenvalue the error is large, however small the
    residual; at long Jordan blocks it is still too small (a nilpotent J of 2000 dimensions gives
    the value 0.98 with the error 0.04).

    Args:
        value: the eigenvalues, complex, of shape (k,).
        residual: the residual of the first eigenvalue, recomputed.
        products: number of products with J.
        converged: whether `error` is at most 1e-3 of the modulus (in half precision 16 roundings),
            every residual is at most `tol`
            times the largest modulus, and the first eigenvalue is final. It is final if no other
            Ritz value plus its residual is larger, or only values below 0.99 of it, which twice
            the products have not brought nearer.
        residuals: norm(J v - l v) for each eigenvalue l and its unit vector v.
        condition: the condition 1/abs(y* v) of the first eigenvalue, for its unit left and right
            vectors; a lower bound where it is computed in a Krylov space.
        error: estimated distance of the first value from an eigenvalue of J, to first order.

    Example:
        >>> import numpy as np
        >>> from loopstab import Eigenvalues, FunctionLoop, Linearisation, leading_eigenvalues
        >>> loop = FunctionLoop(lambda h, e: np.array([0.5, -0.9]) * h + e, np.copy)
        >>> found = leading_eigenvalues(Linearisation(loop, np.zeros(2), np.zeros(2)), k=2)
        >>> isinstance(found, Eigenvalues), found.converged, round(found.condition, 6)
        (True, True, 1.0)
    """

    residuals: Array
    condition: float
    error: float


@of_loop
def leading_eigenvalues(
    j: Linearisation,
    k: int = 6,
    *,
    tol: float = 1e-8,
    budget: int = 1000,
    seed: int = 0,
    space: int = SPACE,
) -> Eigenvalues:
    """Find the k eigenvalues of J of largest modulus.

    Up to 64 dimensions, if the budget allows, J is assembled and given to LAPACK; beyond, the
    method is Arnoldi's.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        k: number of eigenvalues; default 6.
        tol: largest residual relative to the largest modulus; default 1e-8. It is raised to ten
            times the error of the products where these are differences.
        budget: largest number of products with J; default 1000.
        seed: seed of the random vectors; default 0.
        space: numbers that the Krylov basis may hold before it is restarted; default 2^25
            (256 MB).

    Returns:
        The eigenvalues with their residuals, and the condition and error of the first.

    Raises:
        UsageError: k is not between 1 and the dimension, or the budget is below k + 4.
        LoopError: a product has the wrong shape or is not finite, or LAPACK fails at a restart.

    Example:
        A rotation by a right angle, shrunk by one half:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, leading_eigenvalues
        >>> turn = np.array([[0.0, -0.5], [0.5, 0.0]])
        >>> loop = FunctionLoop(lambda h, e: turn @ h + e, np.copy)
        >>> found = leading_eigenvalues(Linearisation(loop, np.zeros(2), np.zeros(2)), k=2)
        >>> np.sort(np.round(found.value.imag, 6))
        array([-0.5,  0.5])
    """
    if not 1 <= k <= j.n or budget < k + 4:
        raise UsageError(
            f"leading_eigenvalues needs 1 <= k <= {j.n} and a budget of at least k + 4 products,"
            f" not k = {k} and budget = {budget}"
        )
    j = j.spectral
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
    length = max(float(np.linalg.norm(vector)), TINY)
    residuals[0] = np.linalg.norm(j(vector) - value[0] * vector) / length
    size = float(np.linalg.norm(matrix))
    floor = 10 * j.rounding * size + tol * abs(value[0])
    condition = _condition(matrix, value[0])
    error = condition * float(residuals[0] + j.rounding * size)
    reliable = max(RELIABLE, min(ROUNDED * j.rounding, MOST_ERROR))
    converged = final and residuals.max() <= floor and error <= reliable * abs(value[0])
    return Eigenvalues(
        value=value,
        residual=float(residuals[0]),
        products=j.products - before,
        converged=bool(converged),
        residuals=residuals,
        condition=condition,
        error=error,
    )


def _search(krylov: Krylov, k: int, tol: float, budget: int) -> tuple[Array, Array, Array, bool]:
    """Grow the space until k pairs have converged and no larger eigenvalue is in sight.

    Returns the values, the first vector, the residuals, and whether the first value is final.
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
        floor = tol * top + 10 * krylov.j.rounding * size
        met = len(values) >= k and residuals[:k].max() <= floor
        if not (met and _accurate(krylov, values[0], residuals[0], floor)):
            seen = None
        elif seen is None or abs(seen[1] - top) > 10 * floor:
            seen = spent, top
        rivals = (residuals > floor) & (moduli + residuals > top)
        waited = seen is not None and spent >= 2 * seen[0] + 20
        final = whole or not rivals.any() or (waited and not (moduli[rivals] > CLOSE * top).any())
        if whole or spent >= budget or (seen is not None and final):
            return values[:k], krylov.vector(vectors[:, 0]), residuals[:k].copy(), bool(final)
        if krylov.full:
            krylov.restart(max(k + 2, krylov.size // 2))


def _accurate(krylov: Krylov, value: complex, residual: float, floor: float) -> bool:
    """Whether the error of the eigenvalue meets ten times the tolerance.

    A residual near the noise of the products is accepted as well.
    """
    noise = max(krylov.j.rounding, krylov.j.error) * float(np.linalg.norm(krylov.hessenberg))
    if residual <= 100 * noise:
        return True
    return residual * _condition(krylov.hessenberg[:-1], value) <= 10 * floor


def _condition(matrix: Array, value: complex) -> float:
    """1/abs(y* x) of the eigenvalue nearest to `value`, for its unit left and right vectors."""
    found: Any = eig(matrix, left=True, right=True)
    values, left, right = found
    i = int(np.argmin(np.abs(values - value)))
    return 1 / max(float(abs(np.vdot(left[:, i], right[:, i]))), EPS)
