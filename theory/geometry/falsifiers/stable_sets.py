"""Attacks on R4, the scalar stable sets: what happens when one assumption is dropped."""

from __future__ import annotations

import itertools
import math
import random
from typing import NamedTuple

from ...formulas import formula
from ...kernel.algebra import rational
from ...kernel.random_falsifier import RandomFalsifier
from ..probability_enclosures import internal_probability

SETTLED = 1e-9
"""a step below this has settled: 0.95^2000 is far smaller"""
DEVIATIONS = 5
"""standard deviations of the sample mean that are allowed"""


class _Affine(NamedTuple):
    """The affine scalar loop with the slope J = dh'/dh of its recall, x and y."""

    recall: str
    x: float
    y: float
    offset: float
    slope: float


def _affine(rng: random.Random, keep: bool) -> _Affine:
    recall = rng.choice(("none", "external", "internal"))
    expression = formula(f"scalar_jacobian_{recall}")
    while True:
        x, y = float(rational(rng)), float(rational(rng))
        if not keep:
            # on the edge of the closed set J is 1 or -1
            edge = rng.choice((1, -1))
            at_edge = {"none": edge - 1.0, "external": edge / x - 1.0, "internal": (edge - 1.0) / x}
            y = at_edge[recall]
        slope = float(expression(x, y))
        if not keep or abs(slope) < 0.95:
            return _Affine(recall, x, y, rng.uniform(0.5, 1), slope)


def _never_settles(case: _Affine) -> str | None:
    state = 0.0
    for _ in range(2000):
        before, state = state, case.slope * state + case.offset
    step = abs(state - before)
    if step <= SETTLED:
        return None
    where = f"recall {case.recall}, x = {case.x:.4g}, y = {case.y:.4g}, offset {case.offset:.3g}"
    return f"{where}: J = {case.slope:.4g}, still steps of {step:.3g} after 2000 loops"


class _Sample(NamedTuple):
    """Draws of correlated weights: the fraction that is stable, and the law for correlation 0."""

    scale: float
    mixing: float
    fraction: float
    expected: float
    draws: int


def _sample(rng: random.Random, keep: bool) -> _Sample:
    scale = rng.choice((0.5, 1.0, 2.0))
    mixing = 0.0 if keep else rng.choice((-0.9, 0.9))
    draws, stable = 4000, 0
    for _ in range(draws):
        x, fresh = rng.gauss(0, scale), rng.gauss(0, scale)
        y = mixing * x + math.sqrt(1 - mixing**2) * fresh
        stable += -2 < x * y < 0
    expected = float(internal_probability(str(scale)))
    return _Sample(scale, mixing, stable / draws, expected, draws)


def _off_the_law(case: _Sample) -> str | None:
    error = math.sqrt(case.expected * (1 - case.expected) / case.draws)
    if abs(case.fraction - case.expected) <= DEVIATIONS * error:
        return None
    where = f"s = {case.scale:g}, correlation {case.mixing:g}"
    stable = f"{case.fraction:.4f} of {case.draws} draws are stable"
    return f"{where}: {stable}, the formula says {case.expected:.4f}"


class _Offset(NamedTuple):
    """The external tanh map h' = x h + k + y tanh(x h + k) with the offset k."""

    x: float
    y: float
    offset: float


def _offset(rng: random.Random, keep: bool) -> _Offset:
    y = rng.uniform(0.3, 2)
    return _Offset(1.03 / (1 + y), y, 0.0 if keep else rng.choice((-1, 1)) * rng.uniform(0.02, 0.1))


def _one_fixed_point(case: _Offset) -> str | None:
    """f(h) - h changes its sign fewer than three times.

    The grid separates the three fixed points of the symmetric map.
    """
    grid = [k / 500 + 1e-4 for k in range(-5000, 5001)]
    arguments = [case.x * h + case.offset for h in grid]
    gaps = [z + case.y * math.tanh(z) - h for z, h in zip(arguments, grid, strict=True)]
    count = sum(a * b < 0 for a, b in itertools.pairwise(gaps))
    if count >= 3:
        return None
    where = f"x = {case.x:.4g}, y = {case.y:.4g}, offset {case.offset:.3g}"
    return f"{where}: (1 + y) x = 1.03 and still {count} fixed point"


FALSIFIERS = (
    RandomFalsifier(
        "on_the_edge",
        "open",
        "the affine scalar loop converges",
        _affine,
        lambda case: abs(case.slope) < 1 - 1e-12,
        _never_settles,
        trials=20,
    ),
    RandomFalsifier(
        "correlated_weights",
        "gaussian",
        "P(-2 < x y < 0) follows the K_0 law",
        _sample,
        lambda case: case.mixing == 0,
        _off_the_law,
        trials=4,
    ),
    RandomFalsifier(
        "offset_unfolds_the_pitchfork",
        "odd",
        "just above (1 + y) x = 1, x y > 0, there are three fixed points",
        _offset,
        lambda case: case.offset == 0,
        _one_fixed_point,
        trials=4,
    ),
)
