"""Attacks on N6, the linear mean-field law: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from ...formulas import formula
from ...kernel.random_falsifier import RandomFalsifier
from ..simulation import dot, gaussian_input, ginibre, settle, times, unit

WIDTH = 100
"""the dimension d of the simulated loops"""


class _Draw(NamedTuple):
    """A loop with sigma = 1.

    `alignment` is e^T A e/(sigma d), which is of order 1/sqrt(d) if e is independent of A.
    """

    matrix: list[list[float]]
    e: list[float]
    beta: float
    symmetric: bool
    alignment: float


def _aligned(matrix: list[list[float]]) -> list[float]:
    """A direction with e^T A e near its maximum, by power iteration on A + A^T + 3 I."""
    transposed = [list(column) for column in zip(*matrix, strict=True)]
    e = [1.0] * WIDTH
    for _ in range(60):
        images = zip(times(matrix, e), times(transposed, e), e, strict=True)
        e = unit([p + q + 3 * x for p, q, x in images])
    return e


def _draw(
    rng: random.Random, independent: bool = True, symmetric: bool = False, recall: bool = True
) -> _Draw:
    matrix = ginibre(rng, WIDTH, symmetric)
    e = gaussian_input(rng, WIDTH) if independent else _aligned(matrix)
    return _Draw(matrix, e, 1.0 if recall else 0.0, symmetric, dot(e, times(matrix, e)) / WIDTH)


TOLERANCE = 0.35
"""relative error of s that is allowed: five standard deviations at d = 100, beta = sigma, a = 0

One standard deviation was 7 % over 30 draws.
"""
SETTLED = 1e-3
"""a last step shorter than this fraction of |h| counts as settled"""


def _off_the_scale(case: _Draw) -> str | None:
    s = settle(case.matrix, case.e, case.beta).s
    law = float(formula("mean_field_scale")(0, 1, sp.Float(case.beta)))
    if abs(s / law - 1) <= TOLERANCE:
        return None
    kind = "symmetric" if case.symmetric else "Ginibre"
    where = f"{kind} A, d = {WIDTH}, e^T A e/|e|^2 = {case.alignment:.3g}, beta = sigma = 1"
    return f"{where}: s = {s:.4f}, the law says {law:.4f}"


def _no_settling(case: _Draw) -> str | None:
    step = settle(case.matrix, case.e, case.beta).step
    if step <= SETTLED:
        return None
    where = f"Ginibre A, d = {WIDTH}, beta = {case.beta:g}"
    return f"{where}: the step is still {step:.3g} |h| after 100 loops"


class _Gain(NamedTuple):
    """A fixed point of N(a Gamma k + A Gamma k + beta e) at a = 0, for d = 2.

    Args:
        gain: the gain gamma of the two coordinates.
        k: the fixed point, up to its length.
        w: its scale.
        a: a residual strength.
    """

    gain: tuple[Fraction, Fraction]
    k: tuple[Fraction, Fraction]
    w: Fraction
    a: Fraction


def _gain(rng: random.Random, keep: bool) -> _Gain:
    def draw() -> Fraction:
        return Fraction(rng.randint(1, 9), rng.randint(1, 5))

    first = draw()
    gain = (Fraction(1), Fraction(1)) if keep else (first, first + draw())
    return _Gain(gain, (draw(), draw()), draw(), draw())


def _moves(case: _Gain) -> str | None:
    # A Gamma k + beta e = w k, and the pre-norm state a Gamma k + w k has to be parallel to k
    x, y = ((case.a * g + case.w) * entry for g, entry in zip(case.gain, case.k, strict=True))
    if x * case.k[1] == y * case.k[0]:
        return None
    gain, k = (f"({p}, {q})" for p, q in (case.gain, case.k))
    fixed = f"N fixes k = {k} at a = 0 with s = {case.w}"
    return f"d = 2, gamma = {gain}: {fixed}, but turns it to ({x}, {y}) at a = {case.a}"


FALSIFIERS = (
    RandomFalsifier(
        "input_chosen_after_the_weights",
        "independent",
        "s is within 35 % of sqrt(sigma^2 + beta^2) at d = 100",
        lambda rng, keep: _draw(rng, independent=keep),
        lambda case: abs(case.alignment) < 6 / math.sqrt(WIDTH),
        _off_the_scale,
        trials=4,
    ),
    RandomFalsifier(
        "symmetric_weights",
        "ginibre",
        "s is within 35 % of sqrt(sigma^2 + beta^2) at d = 100",
        lambda rng, keep: _draw(rng, symmetric=not keep),
        lambda case: not case.symmetric,
        _off_the_scale,
        trials=4,
    ),
    RandomFalsifier(
        "no_recall",
        "recall",
        "the loop settles",
        lambda rng, keep: _draw(rng, recall=keep),
        lambda case: case.beta > 0,
        _no_settling,
        trials=4,
    ),
    RandomFalsifier(
        "gain_with_residual",
        "eps_zero_gain_one",
        "the fixed point of a = 0 is fixed at every a",
        _gain,
        lambda case: case.gain == (1, 1),
        _moves,
    ),
)
