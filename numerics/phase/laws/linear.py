"""The linear law (N6, M1) at one matrix: everything from the resolvent.

h = t (w - G)^{-1} e with |h| = sqrt(d) is a fixed point of N(alpha h + G h + t e) for every alpha,
with s = alpha + w; the one of largest s is measured. The other eigenvalues of its Jacobian are
(alpha + mu)/(alpha + w), mu in spec(P G). S = t (R - (R h)(R^T h)^T/(h^T R h)), R = (w - G)^{-1},
does not depend on alpha (M1, Sherman-Morrison).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...arrays import Array
from .draw import RandomDraw
from .secular import farthest_roots

DENSE = 64
"""The width up to which all eigenvalues by LAPACK are cheaper than one secular root."""
SCAN = np.geomspace(1e-12, 10, 400)
"""Distances above the largest real eigenvalue at which the norm is tabulated."""
DIGITS = 1e-9
"""The relative correction of a root above which the eigenbasis is not trusted and the dense routine
is used.
"""
CANCELLED = 1e-6
"""The share of its terms below which a sensitivity has lost too many digits by cancellation; the
dense routine then computes it.
"""


def scales(draw: RandomDraw, t: Array) -> Array:
    """The largest w > 0 with |t (w - G)^{-1} e| = sqrt(d) for each t (K,); NaN if there is none.

    Above the largest real eigenvalue the norm falls to 0 without poles. It is tabulated there, with
    points at the peaks that complex pairs near the axis make, and the last crossing is refined.
    """
    r = draw.resolvent
    along, off = np.real(r.values), np.imag(r.values)
    base = float(np.max(along[np.abs(off) < 1e-12], initial=0.0))
    pairs = (off > 0) & (along > base)
    peaks = (along[pairs] + off[pairs] * np.array([[-1.0], [-0.3], [0.0], [0.3], [1.0]])).ravel()
    table = np.unique(np.concatenate((base + SCAN, peaks[peaks > base + SCAN[0]])))
    tops = np.maximum.accumulate(_norms(draw, table)[::-1])[::-1]  # largest norm from here on
    t = np.asarray(t, dtype=float)
    # tops fall, so the crossing is right of the last point above 1
    count = (tops[None, :] * t[:, None] >= 1).sum(axis=1)
    low = table[np.maximum(count - 1, 0)] - base
    high = np.where(count < len(table), table[np.minimum(count, len(table) - 1)], r.norm + t) - base
    above = _crossing(lambda x: t * _norms(draw, base + x), low, np.maximum(high, low))
    return np.where(count > 0, base + above, np.nan)


def _norms(draw: RandomDraw, w: Array) -> Array:
    """|(w - G)^{-1} e|/sqrt(d) for each w."""
    x = draw.resolvent.apply(w, draw.e)
    return np.sqrt(np.einsum("ik,ik->k", x, x) / draw.width)


def _crossing(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where f falls through 1 between low and high, elementwise.

    By regula falsi (Illinois) on log f against log x.
    """
    a, b = np.log(low), np.log(high)
    fa, fb = np.log(f(low)), np.log(f(high))
    best, error, last = a, np.abs(fa), np.zeros(len(a))
    for _ in range(60):
        fall = fa - fb
        c = np.where(fall > 0, a + (b - a) * fa / np.where(fall > 0, fall, 1), (a + b) / 2)
        fc = np.log(f(np.exp(c)))
        better = np.abs(fc) < error
        best, error = np.where(better, c, best), np.where(better, np.abs(fc), error)
        if ((error < 1e-15) | (b - a < 1e-15 * (1 + np.abs(a)))).all():
            break
        side = np.where(fc > 0, 1.0, -1.0)
        again = side == last
        fa = np.where(fc > 0, fc, np.where(again, fa / 2, fa))
        fb = np.where(fc > 0, np.where(again, fb / 2, fb), fc)
        a, b, last = np.where(fc > 0, c, a), np.where(fc > 0, b, c), side
    return np.exp(best)


class Linear(NamedTuple):
    """The fixed points of K loops; NaN for a loop without one.

    Fixed points `h` (d, K), their scales `w`, spectral radii `rho`, and `sensitivity` (1/d) tr S
    S^T. `dense` counts the fallbacks to the dense routine.
    """

    h: Array
    w: Array
    rho: Array
    sensitivity: Array
    dense: int


def measure(draw: RandomDraw, alpha: Array, t: Array) -> Linear:
    """Spectral radius and sensitivity at the fixed points of K loops that share the matrix.

    Each loop is a pair (alpha, t); equal t are computed once.
    """
    different, where = np.unique(t, return_inverse=True)
    w = scales(draw, different)
    good = np.isfinite(w)
    h, sensitivity = np.full((draw.width, len(w)), np.nan), np.full(len(w), np.nan)
    if good.any():
        h[:, good], sensitivity[good] = _states(draw, w[good], different[good])
    columns = np.flatnonzero(good[where])
    roots: list[complex | None] = [None] * len(columns)
    if draw.width > DENSE:
        roots = _roots(draw, h[:, where[columns]], alpha[columns])
    rho, fallbacks = np.full(len(t), np.nan), 0
    for k, mu in zip(columns, roots, strict=True):
        if mu is None:
            fallbacks += 1
            mu = dense_root(draw.matrix, h[:, where[k]], alpha[k])
        rho[k] = np.abs(alpha[k] + mu) / (alpha[k] + w[where[k]])
    return Linear(h[:, where], w[where], rho, sensitivity[where], fallbacks)


def _states(draw: RandomDraw, w: Array, t: Array) -> tuple[Array, Array]:
    """Fixed points as columns (d, K), and (1/d) tr S S^T for each.

    The dense routine is used where the eigenbasis loses the digits.
    """
    r, d = draw.resolvent, draw.width
    h = t * r.apply(w, draw.e)
    for _ in range(2):  # iterative refinement with G itself
        h += r.apply(w, t * draw.e[:, None] - w * h + draw.matrix @ h)
    p, q = r.apply(w, h), r.adjoint(w, h)
    eta = np.einsum("ik,ik->k", h, p)
    whole = r.frobenius2(w)
    cross = np.einsum("ik,ik->k", p, r.apply(w, q))
    corner = np.einsum("ik,ik->k", p, p) * np.einsum("ik,ik->k", q, q)
    total = t**2 / d * (whole - 2 * cross / eta + corner / eta**2)
    # what is left of a difference of large terms
    doubtful = ~(total > CANCELLED * t**2 / d * (whole + corner / eta**2))
    for k in np.flatnonzero(doubtful):
        total[k] = dense_sensitivity(draw.matrix, h[:, k], w[k], t[k])
    return h, total


def _roots(draw: RandomDraw, h: Array, alpha: Array) -> list[complex | None]:
    """The farthest roots for the fixed points h (d, K), corrected by a Rayleigh quotient.

    It is the two-sided quotient of P G. The result is None where it moves a root.
    """
    r = draw.resolvent
    left, right = r.left @ h, r.right.T @ h
    out = farthest_roots(r.values, right * left, alpha)
    found = [k for k, root in enumerate(out) if root is not None]
    mu = np.array([out[k] for k in found], complex)
    x = r.right @ (left[:, found] / (mu - r.values[:, None]))
    y = r.left.T @ (right[:, found] / (mu - r.values[:, None]))
    image = draw.matrix @ x
    image -= h[:, found] * (np.einsum("ik,ik->k", h[:, found], image) / draw.width)
    corrected = np.einsum("ik,ik->k", y, image) / np.einsum("ik,ik->k", y, x)
    for k, root, better in zip(found, mu, corrected, strict=True):
        out[k] = complex(better) if abs(better - root) <= DIGITS * abs(root) else None
    return out


def dense_root(matrix: Array, h: Array, alpha: float) -> complex:
    """The eigenvalue of P G on the complement of h that lies farthest from -alpha, by LAPACK."""
    values = np.linalg.eigvals(matrix - np.outer(h, h @ matrix) / (h @ h))
    values = np.delete(values, np.argmin(np.abs(values)))  # the one that belongs to h itself
    return complex(values[np.argmax(np.abs(values + alpha))])


def dense_sensitivity(matrix: Array, h: Array, w: float, t: float) -> float:
    """(1/d) tr S S^T, S = t (w - P G)^{-1} P."""
    d = len(h)
    s = np.linalg.inv(w * np.eye(d) - matrix + np.outer(h, h @ matrix) / d)
    return float(t**2 / d * np.sum((s - np.outer(s @ h, h) / d) ** 2))
