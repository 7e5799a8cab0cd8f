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
STEPS = 20
POINTS = 96


def farthest_root(poles: Array, weights: Array, alpha: float) -> complex | None:
    """The root of f(mu) = sum weights/(mu - poles) of largest abs(mu + alpha); None where it could not be told apart from the rest.

    `poles` are the eigenvalues of a real matrix and `weights` belong to real vectors, so that f(conj mu) = conj f(mu).
    """
    order = np.argsort(-np.abs(poles + alpha), kind="stable")
    near = poles[order[:CANDIDATES]]
    roots = _aberth(poles, weights, near)
    if not len(roots):
        return None
    outside = np.abs(roots + alpha)
    radius = _gap(outside, np.abs(poles + alpha))
    if radius is None:
        return None
    beyond = int((np.abs(poles + alpha) > radius).sum())
    winding = _winding(poles, weights, alpha, radius)
    if winding is None or beyond - 1 - winding != int((outside > radius).sum()):
        return None
    return complex(roots[np.argmax(outside)])


def _aberth(poles: Array, weights: Array, near: Array) -> Array:
    """At most one root per pole of `near`, all different: those that settled."""
    scale = np.abs(near[0]) + np.finfo(float).tiny
    index = np.arange(len(near))
    apart = near[:, None] - poles
    own = apart == 0
    rest = np.where(own, 0, weights / np.where(own, 1, apart)).sum(axis=1)
    first = -np.where(own, weights, 0).sum(axis=1) / rest
    step = 0.1 * scale  # a root is at most about as far as the next pole
    first = np.where(np.abs(first) > step, step * first / np.abs(first), first)
    roots = near + first * (1 + 1e-3j * (1 + index))  # a real pair of poles may own a complex pair of roots: leave the real line
    settled = np.zeros(len(near), bool)
    with np.errstate(all="ignore"):  # a root that runs away does not settle
        for _ in range(STEPS):
            inverse = 1 / (roots[:, None] - poles)
            terms = inverse * weights
            value, slope = terms.sum(axis=1), -(terms * inverse).sum(axis=1)
            between = roots[:, None] - roots
            between[index, index] = np.inf
            push = (1 / (roots[:, None] - near)).sum(axis=1) - (1 / between).sum(axis=1)
            move = value / (slope + value * push)
            length = np.abs(move)
            settled = length < 1e-13 * scale
            if settled.all():
                break
            roots = roots - np.where(settled, 0, move * np.minimum(1, step / np.maximum(length, np.finfo(float).tiny)))
    roots = roots[settled]
    apart = np.abs(roots[:, None] - roots) > 1e-9 * scale
    return roots[[apart[i, :i].all() for i in range(len(roots))]]


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
    angles = np.linspace(0, np.pi, POINTS)
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
