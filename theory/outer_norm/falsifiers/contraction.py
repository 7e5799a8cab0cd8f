"""Attacks on N3, contraction by the outer norm: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier

SETTLED = 1e-6
"""after 300 iterations a contracting loop drawn here has settled, and its starts agree, to this"""
ROUNDING = 1e-9
"""relative margin for rounding in a comparison with a bound"""


class _Loop(NamedTuple):
    """h' = gain N(A h + beta e) on the sphere, and two starts."""

    matrix: list[list[float]]
    beta: float
    gain: float
    e: list[float]
    starts: tuple[list[float], list[float]]


def _dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _sphere(rng: random.Random, d: int) -> list[float]:
    return _on_sphere([rng.gauss(0, 1) for _ in range(d)])


def _on_sphere(z: list[float]) -> list[float]:
    scale = math.sqrt(len(z) / sum(x * x for x in z))
    return [scale * x for x in z]


def _frobenius(matrix: list[list[float]]) -> float:
    """An upper bound of the 2-norm; on -a I it is too large by the factor sqrt(d)."""
    return math.sqrt(sum(x * x for row in matrix for x in row))


def _norm2(matrix: list[list[float]]) -> float:
    """The 2-norm of a multiple of the identity; of other matrices, the Frobenius bound."""
    scale = matrix[0][0]
    is_scalar = all(
        x == (scale if i == j else 0.0) for i, row in enumerate(matrix) for j, x in enumerate(row)
    )
    return abs(scale) if is_scalar else _frobenius(matrix)


def _loop(rng: random.Random, margin: bool, gain_one: bool) -> _Loop:
    d = rng.choice((2, 3, 5))
    if margin and gain_one and rng.random() < 0.7:
        matrix = [[rng.gauss(0, 1) for _ in range(d)] for _ in range(d)]
    else:
        a = rng.uniform(0.5, 2)
        matrix = [[-a if i == j else 0.0 for j in range(d)] for i in range(d)]
    beta = _norm2(matrix) * (rng.uniform(2.2, 4) if margin else rng.uniform(0.2, 1.9))
    gain = 1.0 if gain_one else rng.uniform(2.5, 5)
    e, first, second = (_sphere(rng, d) for _ in range(3))
    return _Loop(matrix, beta, gain, e, (first, second))


def _iterate(loop: _Loop, state: list[float], steps: int) -> list[float]:
    for _ in range(steps):
        update = [_dot(row, state) for row in loop.matrix]
        z = [x + loop.beta * e for x, e in zip(update, loop.e, strict=True)]
        state = [loop.gain * x for x in _on_sphere(z)]
    return state


def _two_ends(loop: _Loop) -> str | None:
    ends = [_iterate(loop, [loop.gain * x for x in start], 300) for start in loop.starts]
    gap = math.dist(*ends)
    step = math.dist(ends[0], _iterate(loop, ends[0], 1))
    if max(gap, step) <= SETTLED:
        return None
    d = len(loop.e)
    cosine = _dot(ends[0], loop.e) / (loop.gain * d)
    ratio = loop.beta / (2 * _norm2(loop.matrix))
    case = f"A = {loop.matrix[0][0]:.4g} I, beta = {loop.beta:.4g}, gamma = {loop.gain:.3g}"
    angle = f"cos(h, e) = {cosine:.4f}, beta/2|A| = {ratio:.4f}"
    return (
        f"d = {d}, {case}: after 300 loops the step is {step:.3g} ({angle}), two starts are"
        f" {gap:.3g} apart"
    )


class _Pair(NamedTuple):
    """Two arguments of the norm, and the bound r on their lengths that is assumed."""

    first: list[float]
    second: list[float]
    r: float


def _states(rng: random.Random, keep: bool) -> _Pair:
    d, r = rng.choice((1, 2, 3, 6)), rng.uniform(0.5, 2)
    length = rng.uniform(1.01, 3) * r if keep else rng.uniform(0.05, 0.6) * r
    first = [x * length / math.sqrt(d) for x in _sphere(rng, d)]
    if not keep:
        near = zip(first, _sphere(rng, d), strict=True)
        return _Pair(first, [x + 0.05 * length * y for x, y in near], r)
    second = [x * rng.uniform(1, 3) for x in _sphere(rng, d)]
    scale = max(1.0, r / math.hypot(*second))
    return _Pair(first, [x * scale for x in second], r)


def _too_far(case: _Pair) -> str | None:
    d = len(case.first)
    images = [_on_sphere(z) for z in (case.first, case.second)]
    ratio, bound = math.dist(*images) / math.dist(case.first, case.second), math.sqrt(d) / case.r
    if ratio > bound * (1 + ROUNDING):
        lengths = ", ".join(f"{math.hypot(*z):.3g}" for z in (case.first, case.second))
        where = f"d = {d}, |z| = {lengths} below r = {case.r:.3g}"
        return f"{where}: N stretches by {ratio:.4g} > R/r = {bound:.4g}"
    return None


class _Update(NamedTuple):
    """G = slope h + beta e on R^2, and the Lipschitz constant that is assumed."""

    slope: float
    bound: float
    beta: float


def _update(rng: random.Random, keep: bool) -> _Update:
    """An update with the Lipschitz constant |slope|; without the assumption the bound is less."""
    slope = -rng.uniform(1, 2)
    bound = abs(slope) if keep else abs(slope) / 3
    return _Update(slope, bound, rng.uniform(1.2, 1.9) * abs(slope))


def _beats_kappa(case: _Update) -> str | None:
    """The multiplier across e at the fixed point h = e exceeds kappa = R l/r.

    Here l is the assumed bound, and r = (beta - |slope|) R.
    """
    scale = case.beta + case.slope
    multiplier, kappa = abs(case.slope) / scale, case.bound / scale
    if multiplier > kappa * (1 + ROUNDING):
        where = f"G = {case.slope:.4g} h + {case.beta:.4g} e with l taken as {case.bound:.4g}"
        return f"{where}: multiplier {multiplier:.4g} > kappa = {kappa:.4g}"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "recall_too_weak",
        "small",
        "every orbit settles at one fixed point",
        lambda rng, keep: _loop(rng, keep, True),
        lambda loop: loop.beta > 2 * _norm2(loop.matrix),
        _two_ends,
        trials=15,
    ),
    RandomFalsifier(
        "gain_ignored",
        "gain_one",
        "beta > 2 |A|_2 suffices",
        lambda rng, keep: _loop(rng, True, keep),
        lambda loop: loop.gain == 1,
        _two_ends,
        trials=15,
    ),
    RandomFalsifier(
        "inside_the_radius",
        "lower_bound",
        "N is (R/r)-Lipschitz between the two states",
        _states,
        lambda case: min(math.hypot(*case.first), math.hypot(*case.second)) >= case.r * (1 - 1e-12),
        _too_far,
        trials=60,
    ),
    RandomFalsifier(
        "slope_understated",
        "lipschitz_update",
        "no multiplier exceeds kappa",
        _update,
        lambda case: abs(case.slope) <= case.bound,
        _beats_kappa,
    ),
)
