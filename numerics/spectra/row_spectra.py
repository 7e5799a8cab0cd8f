"""Spectral radii of the rows of a batch together: one product serves all rows.

The step of a batch treats its rows independently, so that its Jacobian is block diagonal and a
product with it is one product with the Jacobian of every row. Arnoldi's method runs on all of them
at once; its small eigenvalue problems are solved row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from .agreement import DIRECTIONS, Agreement
from .eigenvalues import CLOSE, EPS, MOST_ERROR, RELIABLE, ROUNDED
from .linearisation import DENSE, TINY, Linearisation
from .radius import SpectralRadius

FIRST = 12
"""Size of the Krylov spaces at which the rows are looked at first."""
GROWTH = (1.1, 2.0)
"""Least and largest ratio of the sizes of two looks; between them the residuals decide."""
READY = 0.75
"""Share of the rows that are expected to have converged at the next look."""
ROOM = 48
"""Basis vectors that are allotted at first; their number is doubled when they are used up."""
SPACE = 2**26
"""Numbers that all Krylov bases together may hold (512 MB)."""


def row_radii(
    j: Linearisation, *, tol: float = 1e-8, budget: int = 1000, seed: int = 0
) -> list[SpectralRadius]:
    """Measure the spectral radius of every row of a batch.

    Args:
        j: the linearisation of a loop on rows, at states of the shape (rows, n).
        tol: as in `spectral_radius`.
        budget: largest number of products for each row.
        seed: seed of the start vectors.

    Returns:
        One radius for each row, as `spectral_radius` gives it.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation
        >>> from loopstab.numerics.spectra.row_spectra import row_radii
        >>> loop = FunctionLoop(lambda h, e: e * h, np.ones_like).rowwise()
        >>> e = np.array([[0.5, -0.9], [0.1, 0.2]])
        >>> [round(found.value, 6) for found in row_radii(Linearisation(loop, 0 * e, e))]
        [0.9, 0.2]
    """
    j = j.spectral
    tol = max(tol, 10 * j.error)
    rows, n = j.h.shape
    found: dict[int, _Leading] = {}
    krylov = _RowKrylov(j, min(n, budget - 2, max(SPACE // (rows * n), FIRST)), seed)
    seen: dict[int, tuple[int, float]] = {}
    sizes: list[int] = []
    look = min(FIRST, krylov.most) if n > DENSE else krylov.most
    while len(found) < rows:
        while krylov.size < look:
            krylov.grow()
        last = krylov.size == krylov.most
        sizes.append(krylov.size)
        krylov.missing.append({})
        for i in set(range(rows)) - set(found):
            pair = _leading(krylov, i, tol, seen, last)
            if pair is not None:
                found[i] = pair
        look = min(_next_look(krylov, sizes, set(range(rows)) - set(found)), krylov.most)
    pairs = [found[i] for i in range(rows)]
    vectors = np.array([pair.vector for pair in pairs])
    images = krylov.product(np.real(vectors)) + 1j * krylov.product(np.imag(vectors))
    return [
        pair.radius(float(np.linalg.norm(image - pair.value * pair.vector)), j, tol)
        for pair, image in zip(pairs, images, strict=True)
    ]


def row_agreement(j: Linearisation, seed: int = 0) -> list[Agreement]:
    """The agreement of products and difference quotients of every row, as in `agreement`."""
    rows, n = j.h.shape
    vectors = np.random.default_rng(seed).standard_normal((DIRECTIONS, rows, n))
    found = np.zeros((3, DIRECTIONS, rows))
    for k, v in enumerate(vectors):
        ahead, behind = (quotient.reshape(rows, n) for quotient in j.quotients(v))
        slope = (ahead + behind) / 2
        wide = np.mean(j.quotients(v, factor=2.0), axis=0).reshape(rows, n)
        own = j.spectral(v.ravel()).reshape(rows, n) if j.spectral is j else slope
        size = np.maximum(np.linalg.norm(slope, axis=1), TINY)
        largest = np.maximum(size, np.linalg.norm(own, axis=1))
        found[0, k] = np.linalg.norm(own - slope, axis=1) / largest
        found[1, k] = np.linalg.norm(wide - slope, axis=1) / size
        found[2, k] = np.linalg.norm(ahead - behind, axis=1) / size
    given = j.derivative != "central difference"
    return [
        Agreement(float(gap) if given else None, float(error), float(kink))
        for gap, error, kink in found.max(axis=1).T
    ]


class _RowKrylov:
    """A Krylov space for every row: V (rows, room + 1, n), H (rows, room + 1, room)."""

    def __init__(self, j: Linearisation, most: int, seed: int):
        self.j, self.most, self.size = j, most, 0
        self.rows, self.n = j.h.shape
        self.rng = np.random.default_rng(seed)
        room = min(most, ROOM)
        self.basis = np.zeros((self.rows, room + 1, self.n))
        self.h = np.zeros((self.rows, room + 1, room))
        self.missing: list[dict[int, float]] = []
        self.basis[:, 0] = _unit(self.rng.standard_normal((self.rows, self.n)))

    def product(self, v: Array) -> Array:
        return self.j(v.ravel()).reshape(self.rows, self.n)

    def grow(self) -> None:
        m = self.size
        room = self.h.shape[2]
        if m == room:
            more = min(room, self.most - room)
            self.basis = np.pad(self.basis, ((0, 0), (0, more), (0, 0)))
            self.h = np.pad(self.h, ((0, 0), (0, more), (0, more)))
        w, known = self.product(self.basis[:, m]), self.basis[:, : m + 1]
        size = np.linalg.norm(w, axis=1)
        for _ in range(2):  # twice is enough to keep the bases orthogonal to rounding
            c = (known @ w[:, :, None])[:, :, 0]
            self.h[:, : m + 1, m] += c
            w = w - (c[:, None] @ known)[:, 0]
        rest = np.linalg.norm(w, axis=1)
        invariant = rest <= 1e-14 * np.maximum(size, TINY)
        self.h[:, m + 1, m] = np.where(invariant, 0.0, rest)
        if invariant.any() and m + 1 < self.n:
            fresh = self.rng.standard_normal((self.rows, self.n))
            for _ in range(2):
                fresh = fresh - ((known @ fresh[:, :, None])[:, None, :, 0] @ known)[:, 0]
            w[invariant] = fresh[invariant]
        self.basis[:, m + 1] = _unit(w)
        self.size += 1


def _unit(rows: Array) -> Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)


def _next_look(krylov: _RowKrylov, sizes: list[int], rows: set[int]) -> int:
    """The size at which most of the rows have converged, if their residuals go on to fall."""
    m, (least, most) = krylov.size, GROWTH
    if len(sizes) < 2 or not rows:
        return int(most * m)
    before, now = krylov.missing[-2], krylov.missing[-1]
    rates = [(before[i] - now[i]) / (m - sizes[-2]) for i in rows]
    expected = [now[i] / rate if rate > 0 else m for i, rate in zip(rows, rates, strict=True)]
    ahead = int(np.quantile(expected, READY)) + 2
    return min(max(m + ahead, int(least * m) + 1), int(most * m))


@dataclass(frozen=True)
class _Leading:
    """The leading eigenvalue of a row, its unit vector, and how it was found."""

    value: complex
    vector: Array
    condition: float
    size: float
    products: int
    final: bool

    def radius(self, residual: float, j: Linearisation, tol: float) -> SpectralRadius:
        """The spectral radius, with the recomputed residual."""
        error = self.condition * (residual + j.rounding * self.size)
        floor = tol * abs(self.value) + 10 * j.rounding * self.size
        reliable = max(RELIABLE, min(ROUNDED * j.rounding, MOST_ERROR))
        return SpectralRadius(
            value=abs(self.value),
            residual=residual,
            products=self.products,
            converged=bool(
                self.final and residual <= floor and error <= reliable * abs(self.value)
            ),
            eigenvalue=self.value,
            condition=self.condition,
            error=error,
            spread=None,
            derivative=j.derivative,
            derivative_error=j.error,
        )


def _leading(
    krylov: _RowKrylov, i: int, tol: float, seen: dict[int, tuple[int, float]], last: bool
) -> _Leading | None:
    """The leading pair of a row, or None where its space must still grow."""
    m, j = krylov.size, krylov.j
    h = krylov.h[i, : m + 1, :m]
    values, vectors = np.linalg.eig(h[:m])
    moduli = np.abs(values)
    k = int(np.argmax(moduli))
    value, size = complex(values[k]), float(np.linalg.norm(h))
    whole = m == krylov.n
    residuals = np.zeros(m) if whole else np.abs(h[m] @ vectors)
    floor = tol * abs(value) + 10 * j.rounding * size
    condition = _condition(h[:m], value, vectors[:, k])
    krylov.missing[-1][i] = max(float(np.log((residuals[k] + TINY) / (floor + TINY))), 0.0)
    noise = 100 * max(j.rounding, j.error) * size
    accurate = residuals[k] <= noise or residuals[k] * condition <= 10 * floor
    if not (residuals[k] <= floor and accurate):
        seen.pop(i, None)
    elif i not in seen or abs(seen[i][1] - abs(value)) > 10 * floor:
        seen[i] = m, abs(value)
    rivals = (residuals > floor) & (moduli + residuals > abs(value))
    waited = i in seen and m >= 2 * seen[i][0] + 20
    near = bool((moduli[rivals] > CLOSE * abs(value)).any())
    final = whole or not rivals.any() or (waited and not near)
    if not (last or (i in seen and final)):
        return None
    vector = vectors[:, k] @ krylov.basis[i, :m]
    vector = vector / max(float(np.linalg.norm(vector)), TINY)
    return _Leading(value, vector, condition, size, m, i in seen and final)


def _condition(h: Array, value: complex, right: Array) -> float:
    """1/abs(y* x) of an eigenvalue: the left vector comes from one step of inverse iteration."""
    shifted = h.conj().T - (np.conj(value) + EPS * np.linalg.norm(h)) * np.eye(len(h))
    try:
        left = np.linalg.solve(shifted, right)
        left = np.linalg.solve(shifted, left / np.linalg.norm(left))
    except np.linalg.LinAlgError:
        return 1 / EPS
    overlap = abs(np.vdot(left, right)) / (np.linalg.norm(left) * np.linalg.norm(right))
    return 1 / max(float(overlap), float(EPS))
