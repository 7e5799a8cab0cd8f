"""Random matrices with a prescribed property.

The property is the spectrum, the departure from normality, the rank, orthogonality or the Jordan
structure.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import schur

from ...support.errors import UsageError
from ..arrays import Array
from .prescribed_spectra import Spectrum


def ginibre(
    rng: np.random.Generator, size: int, scale: float | Array = 1.0, columns: int | None = None
) -> Array:
    """A matrix (size, columns) of independent N(0, scale^2/columns) entries.

    By default it is square; its spectral radius is then near `scale`. Scales of shape (K, 1, 1)
    give K multiples of one draw, of shape (K, size, columns).
    """
    columns = size if columns is None else columns
    return scale * rng.standard_normal((size, columns)) / np.sqrt(columns)


def haar(rng: np.random.Generator, size: int) -> Array:
    """An orthogonal matrix from Haar measure.

    It is the factor Q of a Gaussian matrix, with the signs of R's diagonal moved into Q
    (Mezzadri 2007).
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.where(np.diag(r) < 0, -1.0, 1.0)


def rotation(angle: float, radius: float = 1.0) -> Array:
    """The rotation of the plane by `angle` (in radians), times `radius`."""
    c, s = radius * np.cos(angle), radius * np.sin(angle)
    return np.array([[c, -s], [s, c]])


def normal(rng: np.random.Generator, spectrum: Spectrum) -> Array:
    """A normal matrix Q D Q^T, with D the real form of the spectrum and Q from Haar measure."""
    return non_normal(rng, spectrum, 0.0)


def non_normal(rng: np.random.Generator, spectrum: Spectrum, departure: float) -> Array:
    """A matrix of given spectrum and departure from normality.

    It is Q (D + N) Q^T with the real form D of the spectrum, Q from Haar measure, and N strictly
    above the blocks of D. |N|_F = `departure` is exactly Henrici's number of the result. Raises
    `UsageError` for a spectrum of one eigenvalue or one pair, where N has no place.
    """
    form = spectrum.form()
    upper = np.triu(rng.standard_normal(form.shape), 1)
    upper[form != 0] = 0
    size = np.linalg.norm(upper)
    if departure and not size:
        raise UsageError(
            "a matrix of one eigenvalue or one pair is normal in this form: give a larger spectrum"
            " or departure 0"
        )
    q = haar(rng, spectrum.size)
    return q @ (form + (departure / size * upper if departure else 0.0)) @ q.T


def departure(m: Array) -> float:
    """Henrici's departure from normality, sqrt(|M|_F^2 - Sum |lambda|^2).

    It is computed from the complex Schur form, without cancellation.
    """
    triangle = schur(m, output="complex")[0]
    return float(np.linalg.norm(np.triu(triangle, 1)))


def symmetric(rng: np.random.Generator, values: Array) -> Array:
    """Q diag(values) Q^T with Q from Haar measure; exactly symmetric."""
    q = haar(rng, len(values))
    m = (q * np.asarray(values, dtype=float)) @ q.T
    return (m + m.T) / 2


def low_rank(
    rng: np.random.Generator, size: int, rank: int, low: float = 0.5, high: float = 2.0
) -> Array:
    """U diag(s) V^T with `rank` singular values that are log-uniform in [low, high].

    The other singular values are 0 up to rounding.
    """
    if not 0 <= rank <= size:
        raise UsageError(f"a {size} x {size} matrix has a rank between 0 and {size}, not {rank}")
    values = np.exp(rng.uniform(np.log(low), np.log(high), rank))
    return (haar(rng, size)[:, :rank] * values) @ haar(rng, size)[:rank]


def unimodular(rng: np.random.Generator, size: int, factors: int = 4) -> tuple[Array, Array]:
    """(V, V^{-1}), both of small integers.

    V is a product of `factors` elementary matrices I + k E_ij with k = +-1, +-2.
    """
    v, inverse = np.eye(size), np.eye(size)
    for _ in range(factors if size > 1 else 0):
        i, j = rng.permutation(size)[:2]
        k = float(rng.choice((-2, -1, 1, 2)))
        v[:, j] += k * v[:, i]
        inverse[i] -= k * inverse[j]
    return v, inverse


def jordan(rng: np.random.Generator, *blocks: tuple[float, int]) -> Array:
    """V J V^{-1} with the Jordan blocks (eigenvalue, size) and a unimodular V.

    The result is exact if the eigenvalues are short binary fractions.
    """
    form = jordan_form(*blocks)
    v, inverse = unimodular(rng, len(form))
    return v @ form @ inverse


def jordan_form(*blocks: tuple[float, int]) -> Array:
    """The direct sum of Jordan blocks (eigenvalue, size)."""
    if not blocks or any(size < 1 for _, size in blocks):
        raise UsageError(f"Jordan blocks are pairs (eigenvalue, size >= 1), not {blocks}")
    out = np.diag(np.repeat([float(value) for value, _ in blocks], [size for _, size in blocks]))
    at = 0
    for _, size in blocks:
        out[range(at, at + size - 1), range(at + 1, at + size)] = 1.0
        at += size
    return out


def near_jordan(rng: np.random.Generator, value: float, size: int, gap: float) -> Array:
    """A Jordan block, perturbed in its lower left corner by gap^size and rotated.

    The eigenvalues are value + gap w for the roots of unity w of order `size`.
    """
    form = jordan_form((value, size))
    form[-1, 0] += gap**size
    q = haar(rng, size)
    return q @ form @ q.T
