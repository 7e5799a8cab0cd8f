"""Spectral radius of a shifted rank-one correction of a known spectrum, from its secular equation.

With P = I - h h^T/d, det(mu - P G) is proportional to mu det(mu - G) f(mu), f(mu) = h^T (mu - G)^{-1} h = sum_i g_i/(mu - lambda_i): the
eigenvalues of P G on the complement of h are the d - 1 roots of f. Only the one farthest from -alpha is wanted: simultaneous Newton
iterations (Aberth) start from the outermost poles, and the number of roots outside a circle, counted by the winding of f, says
whether one was missed.
"""

from __future__ import annotations

import numpy as np

from numerics.loop import Array

CANDIDATES = 16
"""outermost poles from which roots are sought, besides one in fifty of all"""
STEPS = 16
"""Aberth steps after which a root counts as not settled"""
POINTS = 64
"""points of a half circle on which the winding is first counted, besides one for every four poles"""
BLOCK = 8
"""columns worked on together: what fits into a cache"""


def farthest_roots(poles: Array, weights: Array, alpha: Array) -> list[complex | None]:
    """For each column of `weights` (d, K) and its alpha (K,), the root of f(mu) = sum weights/(mu - poles) of largest abs(mu + alpha).

    None where it could not be told apart from the rest. `poles` (d,) are the eigenvalues of a real matrix and the weights belong to real
    vectors, so that f(conj mu) = conj f(mu).
    """
    out: list[complex | None] = []
    for i in range(0, len(alpha), BLOCK):
        some = slice(i, i + BLOCK)
        order = np.argsort(-np.abs(poles + alpha[some, None]), axis=1, kind="stable")
        roots = _aberth(poles, weights[:, some].T, poles[order[:, : CANDIDATES + len(poles) // 50]])
        out += [_checked(poles, *row) for row in zip(weights[:, some].T, alpha[some], roots, strict=True)]
    return out


def _checked(poles: Array, weights: Array, alpha: float, roots: Array) -> complex | None:
    """The farthest of the roots that settled, if the winding of f says that none farther out is missing."""
    roots = roots[np.isfinite(roots)]
    if not len(roots):
        return None
    apart = np.abs(roots[:, None] - roots) > 1e-9 * np.abs(roots).max()
    roots = roots[[apart[i, :i].all() for i in range(len(roots))]]
    outside, beyond = np.abs(roots + alpha), np.abs(poles + alpha)
    radius = _gap(outside, beyond)
    winding = None if radius is None else _winding(poles, weights, alpha, radius)
    if winding is None or (beyond > radius).sum() - 1 - winding != (outside > radius).sum():
        return None
    return complex(roots[np.argmax(outside)])


def _aberth(poles: Array, weights: Array, near: Array) -> Array:
    """Roots (K, c) that start at the poles `near` (K, c) and repel each other; NaN for one that does not settle. `weights` (K, d)."""
    scale = np.abs(near[:, :1]) + np.finfo(float).tiny
    index = np.arange(near.shape[1])
    apart = near[..., None] - poles
    own = apart == 0
    rest = np.where(own, 0, weights[:, None] / np.where(own, 1, apart)).sum(axis=2)
    step = 0.1 * scale  # a root is at most about as far as the next pole
    with np.errstate(all="ignore"):  # a root that runs away does not settle
        first = -np.where(own, weights[:, None], 0).sum(axis=2) / rest
        first *= np.minimum(1, step / np.maximum(np.abs(first), np.finfo(float).tiny))
        roots = near + first * (1 + 1e-3j * (1 + index))  # a real pair of poles may own a complex pair of roots: leave the real line
        for _ in range(STEPS):
            terms = 1 / (roots[..., None] - poles)
            push = (1 / (roots[..., None] - near[:, None])).sum(axis=2)
            between = roots[..., None] - roots[:, None]
            between[:, index, index] = np.inf
            push -= (1 / between).sum(axis=2)
            weighted = terms * weights[:, None]
            value, slope = weighted.sum(axis=2), -np.einsum("kcd,kcd->kc", weighted, terms)
            move = value / (slope + value * push)
            length = np.abs(move)
            settled = length < 1e-13 * scale
            if settled.all():
                break
            roots = roots - np.where(settled, 0, move * np.minimum(1, step / np.maximum(length, np.finfo(float).tiny)))
    return np.where(settled, roots, np.nan)


def _gap(roots: Array, poles: Array) -> float | None:
    """A radius below the largest root, in the widest gap between the moduli of the outermost roots and poles."""
    inner = np.sort(roots)[len(roots) // 2]
    moduli = np.sort(np.concatenate((roots, poles)))
    moduli = moduli[(moduli >= inner) & (moduli <= roots.max())]
    if len(moduli) < 2:  # no pole and one root
        return None
    widths = np.diff(moduli)
    best = int(np.argmax(widths))
    return float(moduli[best] + widths[best] / 2) if widths[best] > 0 else None


def _winding(poles: Array, weights: Array, alpha: float, radius: float) -> int | None:
    """How often f turns around 0 along the circle of that radius about -alpha, by its upper half (f is real on the axis).

    Points are added until two neighbours never differ by more than a radian; None if that does not come about.
    """
    angles = np.linspace(0, np.pi, POINTS + len(poles) // 4)  # to be refined, but fine enough to see every pole
    values = _secular(poles, weights, radius * np.exp(1j * angles) - alpha)
    for _ in range(24):
        turns = np.angle(values[1:] / values[:-1])
        coarse = np.flatnonzero(np.abs(turns) > 1.0)
        if not len(coarse):
            return round(float(turns.sum()) / np.pi)
        middle = (angles[coarse] + angles[coarse + 1]) / 2
        angles = np.insert(angles, coarse + 1, middle)
        values = np.insert(values, coarse + 1, _secular(poles, weights, radius * np.exp(1j * middle) - alpha))
    return None


def _secular(poles: Array, weights: Array, mu: Array) -> Array:
    return (1 / (mu[:, None] - poles)) @ weights
