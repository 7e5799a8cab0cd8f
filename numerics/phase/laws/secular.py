"""Spectral radius of a shifted rank-one correction of a known spectrum, from its secular equation.

With P = I - h h^T/d, det(mu - P G) is proportional to mu det(mu - G) f(mu), where
f(mu) = h^T (mu - G)^{-1} h = sum_i g_i/(mu - lambda_i). The eigenvalues of P G on the complement of
h are therefore the d - 1 roots of f, whose poles are the eigenvalues lambda_i of G.

Only the root farthest from -alpha is wanted, and few roots compete for it:

1. the poles farthest from -alpha are the candidates (`farthest_roots`), because roots lie near
   poles;
2. simultaneous Newton iterations, which keep the roots apart, start from all of them (`_aberth`);
3. the number of roots outside a circle about -alpha, which the winding of f around 0 counts
   (`_windings`), says whether a root was missed (`_checked`). If so, more candidates are tried.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...arrays import Array

CANDIDATES = 16
"""The outermost poles from which roots are sought, besides one in fifty of all."""
SHARES = (0.5, 1.0)
"""The shares of these candidates that are tried in turn: half of them mostly suffice, and the
winding says where they do not.
"""
STEPS = 16
"""The Aberth steps after which a root counts as not settled."""
SETTLED = 1e-6
"""The last step of a root that settled, relative to the outermost pole: its error is of the order
of the square of the step.
"""
SAME = 1e-9
"""Two settled roots closer than this, relative to the largest root, are one root found twice."""
POINTS = 64
"""The points on which the winding is first counted along a half circle as long as that around the
poles, besides one for every four poles.
"""
AWAY = 12
"""The points on the part of the half circle that passes no pole."""
COARSE = 1.0
"""Radians between the values of f at neighbouring points above which points are added between
them.
"""
REFINEMENTS = 24
"""How often the points of a half circle are refined before the winding is given up."""
BLOCK = 16
"""Columns that are worked on together, as many as fit into a cache."""


def farthest_roots(poles: Array, weights: Array, alpha: Array) -> list[complex | None]:
    """For each column of weights, the root of f of largest |mu + alpha|.

    f(mu) = sum weights/(mu - poles), where `poles` (d,) are the eigenvalues of a real matrix. Each
    column of `weights` (d, K), with its own `alpha` (K,), belongs to real vectors, so that f(conj
    mu) = conj f(mu). The result is None where the farthest root could not be told from the others.
    """
    out: list[complex | None] = [None] * len(alpha)
    first = _alone(poles, weights)
    # circles about neighbouring points need equally many points: work on them together
    alike = np.argsort(alpha, kind="stable")
    for share in SHARES:
        count = int(share * CANDIDATES) + len(poles) // 50
        left = [k for k in alike.tolist() if out[k] is None]
        for some in (left[i : i + BLOCK] for i in range(0, len(left), BLOCK)):
            own = weights[:, some].T
            distances = np.abs(poles + alpha[some, None])
            near = np.argsort(-distances, axis=1, kind="stable")[:, :count]
            guesses = np.take_along_axis(first.T[some], near, axis=1)
            roots = _aberth(poles, own, poles[near], guesses)
            checked = _checked(poles, own, alpha[some], roots, distances)
            for k, root in zip(some, checked, strict=True):
                out[k] = root
    return out


def _alone(poles: Array, weights: Array) -> Array:
    """First guesses (d, K): where each root would be if it left its own pole and all others stayed.

    Equal poles count as one.
    """
    own = poles[:, None] == poles
    others = np.where(own, 0, 1 / np.where(own, 1, poles[:, None] - poles)) @ weights
    with np.errstate(all="ignore"):
        return poles[:, None] - own @ weights / others


def _checked(
    poles: Array, weights: Array, alpha: Array, roots: Array, distances: Array
) -> list[complex | None]:
    """The farthest of the roots (K, c) that settled; None where one farther out may be missing.

    A radius in a gap between roots and poles separates the outermost roots from the rest. Outside
    of it f has one root less than poles, corrected by the winding of f; that number must be the
    number of roots found there. `distances` (K, d) are those of the poles from -alpha.
    """
    size, index = np.abs(roots), np.arange(roots.shape[1])
    apart = np.abs(roots[:, :, None] - roots[:, None])
    same = apart <= SAME * np.nanmax(size, axis=1, initial=0)[:, None, None]
    roots = np.where((same & (index < index[:, None])).any(axis=2), np.nan, roots)
    outside = np.abs(roots + alpha[:, None])
    radius = _gaps(outside, distances)
    poles_out = (distances > radius[:, None]).sum(axis=1)
    roots_out = (outside > radius[:, None]).sum(axis=1)
    found = np.isfinite(radius)
    complete = np.zeros(len(alpha), bool)
    winding = _windings(poles, weights[found], alpha[found], radius[found])
    complete[found] = winding == (poles_out - 1 - roots_out)[found]
    best = np.argmax(np.nan_to_num(outside, nan=-1.0), axis=1)
    return [
        complex(row[i]) if good else None
        for row, i, good in zip(roots, best, complete, strict=True)
    ]


def _aberth(poles: Array, weights: Array, near: Array, guesses: Array) -> Array:
    """Roots (K, c), one from each of the poles `near` (K, c); NaN for those that do not settle.

    Aberth's method: Newton steps for f without the pole that a root starts from, and without the
    other roots, which repel it. The first step goes towards `guesses` (K, c); `weights` is (K, d).
    """
    tiny, count = np.finfo(float).tiny, near.shape[1]
    scale = np.abs(near[:, 0]) + tiny
    longest = 0.1 * scale  # a root is at most about as far away as the next pole
    of, at = (x.ravel() for x in np.indices(near.shape))  # column and place of the unsettled roots
    with np.errstate(all="ignore"):  # a root that runs away does not settle
        move = guesses - near
        move *= np.minimum(1, longest[:, None] / np.maximum(np.abs(move), tiny))
        # off the real line, because two real poles may share a complex pair of roots
        roots = near + move * (1 + 1e-3j * np.arange(1, count + 1))
        for _ in range(STEPS):
            here = roots[of, at]
            between = here[:, None] - roots[of]
            between[np.arange(len(of)), at] = np.inf
            push = (1 / (here[:, None] - near[of])).sum(axis=1) - (1 / between).sum(axis=1)
            terms = np.conj(1 / (here[:, None] - poles))  # vecdot conjugates them back
            weight = weights[of]
            value = np.vecdot(terms, weight)
            slope = -np.vecdot(np.square(terms, out=terms), weight)
            move = value / (slope + value * push)
            length = np.abs(move)
            roots[of, at] = here - move * np.minimum(1, longest[of] / np.maximum(length, tiny))
            unsettled = ~(length < SETTLED * scale[of])
            of, at = of[unsettled], at[unsettled]
            if not len(of):
                break
    roots[of, at] = np.nan
    return roots


def _gaps(roots: Array, poles: Array) -> Array:
    """A radius (K,) below the largest root, in the widest gap between roots and poles.

    The gap is between distances of the outermost half of the roots (K, c) and of the poles (K, d).
    Roots that are NaN do not count; the radius is NaN where there is no gap.
    """
    found = np.isfinite(roots).sum(axis=1)
    inner = np.take_along_axis(np.sort(roots, axis=1), (found // 2)[:, None], axis=1)
    moduli = np.sort(np.concatenate((roots, poles), axis=1), axis=1)
    inside = (moduli >= inner) & (moduli <= np.nanmax(roots, axis=1, initial=0)[:, None])
    widths = np.where(inside[:, 1:] & inside[:, :-1], np.diff(moduli, axis=1), 0)
    best = np.argmax(widths, axis=1)[:, None]
    low, width = (np.take_along_axis(x, best, axis=1)[:, 0] for x in (moduli, widths))
    return np.where(width > 0, low + width / 2, np.nan)


def _windings(poles: Array, weights: Array, alpha: Array, radius: Array) -> Array:
    """How often f turns around 0 along the circles of these radii (K,) about -alpha.

    The upper halves suffice, because f is real on the axis. Points are added until the values at
    neighbours differ by at most `COARSE` radians; NaN where they still do after `REFINEMENTS`.
    """
    angles = _angles(float(np.abs(poles).max()), len(poles), alpha, radius)
    points = radius[:, None] * np.exp(1j * angles) - alpha[:, None]
    rows = [_secular(poles, *pair) for pair in zip(weights, points, strict=True)]
    values = np.array(rows).reshape(points.shape)
    turns = np.angle(values[:, 1:] / values[:, :-1])
    out = np.rint(turns.sum(axis=1) / np.pi)
    for k in np.flatnonzero((np.abs(turns) > COARSE).any(axis=1)):

        def on_circle(some: Array, k: int = int(k)) -> Array:
            return _secular(poles, weights[k], radius[k] * np.exp(1j * some) - alpha[k])

        out[k] = _refined(angles[k], values[k], on_circle)
    return out


def _refined(angles: Array, values: Array, f: Callable[[Array], Array]) -> float:
    """Half turns of f from the first to the last angle; adds angles where f turns fast."""
    for _ in range(REFINEMENTS):
        turns = np.angle(values[1:] / values[:-1])
        coarse = np.flatnonzero(np.abs(turns) > COARSE)
        if not len(coarse):
            return float(np.rint(turns.sum() / np.pi))
        middle = (angles[coarse] + angles[coarse + 1]) / 2
        angles = np.insert(angles, coarse + 1, middle)
        values = np.insert(values, coarse + 1, f(middle))
    return float("nan")


def _angles(edge: float, count: int, alpha: Array, radius: Array) -> Array:
    """First angles (K, n) in [0, pi] of circles about -alpha.

    They are fine enough to see each of `count` poles, which lie within `edge` of 0; where the
    circle has left that disc (widened by a fifth) there are `AWAY` angles.
    """
    wide = 1.2 * edge
    cosine = (alpha**2 + radius**2 - wide**2) / (2 * np.maximum(alpha * radius, 1e-100))
    leaves = np.arccos(np.clip(cosine, -1, 1))
    length = (leaves / np.pi * np.maximum(radius / edge, 1)).max(initial=0)
    points = 1 + int((POINTS + count // 4) * length)
    within = leaves[:, None] * np.arange(points) / points
    return np.concatenate((within, np.linspace(leaves, np.pi, AWAY, axis=1)), axis=1)


def _secular(poles: Array, weights: Array, mu: Array) -> Array:
    """f(mu) for mu (n,), in real numbers: complex division is several times slower."""
    x = np.real(mu)[:, None] - np.real(poles)
    y = np.imag(mu)[:, None] - np.imag(poles)
    size = np.square(x)
    size += np.square(y)
    x /= size
    y /= size
    u, v = np.real(weights), np.imag(weights)
    return x @ u + y @ v + 1j * (x @ v - y @ u)
