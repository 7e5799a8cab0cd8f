"""Random matrices with a prescribed property: spectrum, departure from normality, rank,
orthogonality or Jordan structure.
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
    """Independent N(0, scale^2/columns) entries, (size, columns); square ones have a spectral
    radius near `scale`.

    Scales (K, 1, 1) give K multiples of one draw, (K, size, columns).
    """
    columns = size if columns is None else columns
    return scale * rng.standard_normal((size, columns)) / np.sqrt(columns)


def haar(rng: np.random.Generator, size: int) -> Array:
    """An orthogonal matrix from Haar measure: QR of a Ginibre matrix with the signs of R's diagonal
    moved into Q (Mezzadri 2007).
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.where(np.diag(r) < 0, -1.0, 1.0)


def rotation(angle: float, radius: float = 1.0) -> Array:
    """radius times the rotation of the plane by `angle` (radians)."""
    c, s = radius * np.cos(angle), radius * np.sin(angle)
    return np.array([[c, -s], [s, c]])


def normal(rng: np.random.Generator, spectrum: Spectrum) -> Array:
    """Q D Q^T, D the real form of the spectrum, Q Haar: M M^T = M^T M."""
    return non_normal(rng, spectrum, 0.0)


def non_normal(rng: np.random.Generator, spectrum: Spectrum, departure: float) -> Array:
    """Q (D + N) Q^T with N strictly above the blocks of D, |N|_F = `departure`: Henrici's number of
    the result, exactly.

    `UsageError` if N has no place: one eigenvalue or one pair.
    """
    form = spectrum.form()
    upper = np.triu(rng.standard_normal(form.shape), 1)
    upper[form != 0] = 0
    size = np.linalg.norm(upper)
    if departure and not size:
        raise UsageError(
            "one eigenvalue or one pair in this form is normal: give a larger spectrum or"
            " departure 0"
        )
    q = haar(rng, spectrum.size)
    return q @ (form + (departure / size * upper if departure else 0.0)) @ q.T


def departure(m: Array) -> float:
    """Henrici's departure from normality sqrt(|M|_F^2 - Sum |lambda|^2), from the complex Schur
    form (no cancellation).
    """
    triangle = schur(m, output="complex")[0]
    return float(np.linalg.norm(np.triu(triangle, 1)))


def symmetric(rng: np.random.Generator, values: Array) -> Array:
    """Q diag(values) Q^T, exactly symmetric."""
    q = haar(rng, len(values))
    m = (q * np.asarray(values, dtype=float)) @ q.T
    return (m + m.T) / 2


def low_rank(
    rng: np.random.Generator, size: int, rank: int, low: float = 0.5, high: float = 2.0
) -> Array:
    """U diag(s) V^T with `rank` singular values log-uniform in [low, high], the others 0 up to
    rounding.
    """
    if not 0 <= rank <= size:
        raise UsageError(f"a {size} x {size} matrix has a rank between 0 and {size}, not {rank}")
    values = np.exp(rng.uniform(np.log(low), np.log(high), rank))
    return (haar(rng, size)[:, :rank] * values) @ haar(rng, size)[:rank]


def unimodular(rng: np.random.Generator, size: int, factors: int = 4) -> tuple[Array, Array]:
    """(V, V^{-1}), both of small integers: a product of elementary matrices I + k E_ij, k = +-1,
    +-2.
    """
    v, inverse = np.eye(size), np.eye(size)
    for _ in range(factors if size > 1 else 0):
        i, j = rng.permutation(size)[:2]
        k = float(rng.choice((-2, -1, 1, 2)))
        v[:, j] += k * v[:, i]
        inverse[i] -= k * inverse[j]
    return v, inverse


def jordan(rng: np.random.Generator, *blocks: tuple[float, int]) -> Array:
    """V J V^{-1} with Jordan blocks (eigenvalue, size) and V unimodular: exact as long as the
    eigenvalues are short binary fractions.
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
    """Q (J + gap^size E) Q^T, E the lower left corner: the eigenvalues are value + gap w, w the
    roots of unity of order `size`.
    """
    form = jordan_form((value, size))
    form[-1, 0] += gap**size
    q = haar(rng, size)
    return q @ form @ q.T
