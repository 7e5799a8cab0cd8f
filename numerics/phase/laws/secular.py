"""Spectral radius of a shifted rank-one correction of a known spectrum, from its secular equation.

With P = I - h h^T/d, det(mu - P G) is proportional to mu det(mu - G) f(mu), f(mu) = h^T (mu -
G)^{-1} h = sum_i g_i/(mu - lambda_i): the eigenvalues of P G on the complement of h are the d - 1
roots of f. Only the one farthest from -alpha is wanted: simultaneous Newton iterations (Aberth)
start from the outermost poles, and the number of roots outside a circle, counted by the winding of
f, says whether one was missed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...arrays import Array

CANDIDATES = 16
"""outermost poles from which roots are sought, besides one in fifty of all"""
SHARES = (0.5, 1.0)
"""shares of these candidates that are tried: fewer are mostly enough, and the winding says where
not
"""
STEPS = 16
"""Aberth steps after which a root counts as not settled"""
SETTLED = 1e-6
"""last step, relative to the outermost pole, of a root that settled: the error of a step is of the
order of its square
"""
POINTS = 64
"""points on which the winding is first counted on a half circle as long as that around the poles,
besides one for every four poles
"""
AWAY = 12
"""points on the part of the half circle that passes no pole"""
BLOCK = 16
"""columns worked on together: what fits into a cache"""


def farthest_roots(poles: Array, weights: Array, alpha: Array) -> list[complex | None]:
    """For each column of `weights` (d, K) and its alpha (K,), the root of f(mu) = sum weights/(mu -
    poles) of largest abs(mu + alpha).

    None where it could not be told apart from the rest. `poles` (d,) are the eigenvalues of a real
    matrix and the weights belong to real vectors, so that f(conj mu) = conj f(mu).
    """
    out: list[complex | None] = [None] * len(alpha)
    own = poles[:, None] == poles
    shared = np.where(own, 0, 1 / np.where(own, 1, poles[:, None] - poles)) @ weights
    with np.errstate(all="ignore"):
        first = poles[:, None] - own @ weights / shared  # each root as if its own pole moved alone
    alike = np.argsort(
        alpha, kind="stable"
    )  # circles about neighbouring points need equally many points
    for share in SHARES:
        count = int(share * CANDIDATES) + len(poles) // 50
        left = [k for k in alike.tolist() if out[k] is None]
        for some in (left[i : i + BLOCK] for i in range(0, len(left), BLOCK)):
            beyond = np.abs(poles + alpha[some, None])
            near = np.argsort(-beyond, axis=1, kind="stable")[:, :count]
            roots = _aberth(
                poles,
                weights[:, some].T,
                poles[near],
                np.take_along_axis(first.T[some], near, axis=1),
            )
            for k, root in zip(
                some, _checked(poles, weights[:, some].T, alpha[some], roots, beyond), strict=True
            ):
                out[k] = root
    return out


def _checked(
    poles: Array, weights: Array, alpha: Array, roots: Array, beyond: Array
) -> list[complex | None]:
    """The farthest of the roots (K, c) that settled, if the winding of f says that none farther out
    is missing.

    `beyond` (K, d): distances of the poles from -alpha.
    """
    size, index = np.abs(roots), np.arange(roots.shape[1])
    near = (
        np.abs(roots[:, :, None] - roots[:, None])
        <= 1e-9 * np.nanmax(size, axis=1, initial=0)[:, None, None]
    )
    roots = np.where((near & (index < index[:, None])).any(axis=2), np.nan, roots)  # found twice
    outside = np.abs(roots + alpha[:, None])
    radius = _gaps(outside, beyond)
    missing = (beyond > radius[:, None]).sum(axis=1) - 1 - (outside > radius[:, None]).sum(axis=1)
    found = np.isfinite(radius)
    right = np.zeros(len(alpha), bool)
    right[found] = _windings(poles, weights[found], alpha[found], radius[found]) == missing[found]
    best = np.argmax(np.nan_to_num(outside, nan=-1.0), axis=1)
    return [
        complex(row[i]) if good else None for row, i, good in zip(roots, best, right, strict=True)
    ]


def _aberth(poles: Array, weights: Array, near: Array, first: Array) -> Array:
    """Roots (K, c) that start towards `first` from the poles `near` (K, c) and repel each other;
    NaN for one that does not settle.

    `weights` (K, d).
    """
    tiny, count = np.finfo(float).tiny, near.shape[1]
    scale = np.abs(near[:, 0]) + tiny
    step = 0.1 * scale  # a root is at most about as far as the next pole
    of, at = (
        x.ravel() for x in np.indices(near.shape)
    )  # column and place of the roots that have not settled
    with np.errstate(all="ignore"):  # a root that runs away does not settle
        move = first - near
        move *= np.minimum(1, step[:, None] / np.maximum(np.abs(move), tiny))
        roots = near + move * (
            1 + 1e-3j * np.arange(1, count + 1)
        )  # a real pair of poles may own a complex pair of roots: leave the real line
        for _ in range(STEPS):
            here = roots[of, at]
            between = here[:, None] - roots[of]
            between[np.arange(len(of)), at] = np.inf
            push = (1 / (here[:, None] - near[of])).sum(axis=1) - (1 / between).sum(axis=1)
            terms, weight = (
                np.conj(1 / (here[:, None] - poles)),
                weights[of],
            )  # vecdot conjugates them back
            value, slope = np.vecdot(terms, weight), -np.vecdot(np.square(terms, out=terms), weight)
            move = value / (slope + value * push)
            length = np.abs(move)
            roots[of, at] = here - move * np.minimum(1, step[of] / np.maximum(length, tiny))
            on = ~(length < SETTLED * scale[of])
            of, at = of[on], at[on]
            if not len(of):
                break
    roots[of, at] = np.nan
    return roots


def _gaps(roots: Array, poles: Array) -> Array:
    """A radius (K,) below the largest root, in the widest gap between the moduli of the outermost
    roots (K, c) and poles (K, d).

    NaN roots count as none; NaN where there is no gap.
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
    """How often f turns around 0 along the circles of these radii (K,) about -alpha, by their upper
    halves (f is real on the axis).

    Points are added until two neighbours never differ by more than a radian; NaN if that does not
    come about.
    """
    angles = _angles(float(np.abs(poles).max()), len(poles), alpha, radius)
    points = radius[:, None] * np.exp(1j * angles) - alpha[:, None]
    values = np.array(
        [_secular(poles, *pair) for pair in zip(weights, points, strict=True)]
    ).reshape(points.shape)
    turns = np.angle(values[:, 1:] / values[:, :-1])
    out = np.rint(turns.sum(axis=1) / np.pi)
    for k in np.flatnonzero((np.abs(turns) > 1.0).any(axis=1)):
        out[k] = _refined(
            angles[k],
            values[k],
            lambda some, k=k: _secular(poles, weights[k], radius[k] * np.exp(1j * some) - alpha[k]),
        )
    return out


def _refined(angles: Array, values: Array, f: Callable[[Array], Array]) -> float:
    """Half turns of f from the first to the last angle, from its values at these angles and at as
    many more as it takes.
    """
    for _ in range(24):
        turns = np.angle(values[1:] / values[:-1])
        coarse = np.flatnonzero(np.abs(turns) > 1.0)
        if not len(coarse):
            return float(np.rint(turns.sum() / np.pi))
        middle = (angles[coarse] + angles[coarse + 1]) / 2
        angles, values = (
            np.insert(angles, coarse + 1, middle),
            np.insert(values, coarse + 1, f(middle)),
        )
    return float("nan")


def _angles(edge: float, count: int, alpha: Array, radius: Array) -> Array:
    """Angles (K, n) in [0, pi], to be refined: fine enough to see each of `count` poles within
    `edge` of 0, `AWAY` where there is none.
    """
    wide = 1.2 * edge
    cosine = (alpha**2 + radius**2 - wide**2) / (2 * np.maximum(alpha * radius, 1e-100))
    leaves = np.arccos(np.clip(cosine, -1, 1))
    length = (leaves / np.pi * np.maximum(radius / edge, 1)).max(initial=0)
    points = 1 + int((POINTS + count // 4) * length)
    return np.concatenate(
        (leaves[:, None] * np.arange(points) / points, np.linspace(leaves, np.pi, AWAY, axis=1)),
        axis=1,
    )


def _secular(poles: Array, weights: Array, mu: Array) -> Array:
    """f(mu) for mu (n,), in real numbers: complex division is several times slower."""
    x, y = np.real(mu)[:, None] - np.real(poles), np.imag(mu)[:, None] - np.imag(poles)
    size = np.square(x)
    size += np.square(y)
    x /= size
    y /= size
    u, v = np.real(weights), np.imag(weights)
    return x @ u + y @ v + 1j * (x @ v - y @ u)
