"""Attacks on N6, the mean-field law: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ..simulation import dot, gaussian_input, ginibre, settle, times, unit

WIDTH = 100


class _Draw(NamedTuple):
    matrix: list[list[float]]
    e: list[float]
    beta: float
    symmetric: bool
    alignment: float
    """e^T A e/(sigma d): of order 1/sqrt(d) when e is independent of A"""


def _aligned(matrix: list[list[float]]) -> list[float]:
    """A direction with e^T A e near its maximum: power iteration on A + A^T + 3 I."""
    transposed = [list(column) for column in zip(*matrix, strict=True)]
    e = [1.0] * WIDTH
    for _ in range(60):
        e = unit(
            [
                p + q + 3 * x
                for p, q, x in zip(times(matrix, e), times(transposed, e), e, strict=True)
            ]
        )
    return e


def _draw(
    rng: random.Random, independent: bool = True, symmetric: bool = False, recall: bool = True
) -> _Draw:
    matrix = ginibre(rng, WIDTH, symmetric)
    e = gaussian_input(rng, WIDTH) if independent else _aligned(matrix)
    return _Draw(matrix, e, 1.0 if recall else 0.0, symmetric, dot(e, times(matrix, e)) / WIDTH)


TOLERANCE = 0.35
"""relative: five standard deviations of s at d = 100, beta = sigma, a = 0 (7 % over 30 draws)"""


def _off_the_scale(case: _Draw) -> str | None:
    s = settle(case.matrix, case.e, case.beta).s
    law = float(formula("mean_field_scale")(0, 1, sp.Float(case.beta)))
    if abs(s / law - 1) > TOLERANCE:
        kind = "symmetric" if case.symmetric else "Ginibre"
        return (
            f"{kind} A, d = {WIDTH}, e^T A e/|e|^2 = {case.alignment:.3g}, beta = sigma = 1: s ="
            f" {s:.4f}, the law says {law:.4f}"
        )
    return None


def _no_settling(case: _Draw) -> str | None:
    step = settle(case.matrix, case.e, case.beta).step
    if step > 1e-3:
        return (
            f"Ginibre A, d = {WIDTH}, beta = {case.beta:g}: the step is still {step:.3g} |h| after"
            " 100 loops"
        )
    return None


class _Gain(NamedTuple):
    gain: tuple[Fraction, Fraction]
    """gamma of the two coordinates"""
    k: tuple[Fraction, Fraction]
    """fixed point of N(a Gamma k + A Gamma k + beta e) at a = 0, up to its length"""
    w: Fraction
    a: Fraction


def _gain(rng: random.Random, keep: bool) -> _Gain:
    def draw() -> Fraction:
        return Fraction(rng.randint(1, 9), rng.randint(1, 5))

    first = draw()
    return _Gain(
        (Fraction(1), Fraction(1)) if keep else (first, first + draw()),
        (draw(), draw()),
        draw(),
        draw(),
    )


def _moves(case: _Gain) -> str | None:
    # A Gamma k + beta e = w k; the pre-norm state a Gamma k + w k must stay parallel to k
    z = [(case.a * g + case.w) * x for g, x in zip(case.gain, case.k, strict=True)]
    if z[0] * case.k[1] != z[1] * case.k[0]:
        gain, k = (f"({x}, {y})" for x, y in (case.gain, case.k))
        return (
            f"d = 2, gamma = {gain}: N fixes k = {k} at a = 0 with s = {case.w}, but turns it to"
            f" ({z[0]}, {z[1]}) at a = {case.a}"
        )
    return None


FALSIFIERS = (
    Falsifier(
        "input_chosen_after_the_weights",
        "independent",
        "s is within 35 % of sqrt(sigma^2 + beta^2) at d = 100",
        lambda rng, keep: _draw(rng, independent=keep),
        lambda case: abs(case.alignment) < 6 / math.sqrt(WIDTH),
        _off_the_scale,
        trials=4,
    ),
    Falsifier(
        "symmetric_weights",
        "ginibre",
        "s is within 35 % of sqrt(sigma^2 + beta^2) at d = 100",
        lambda rng, keep: _draw(rng, symmetric=not keep),
        lambda case: not case.symmetric,
        _off_the_scale,
        trials=4,
    ),
    Falsifier(
        "no_recall",
        "recall",
        "the loop settles",
        lambda rng, keep: _draw(rng, recall=keep),
        lambda case: case.beta > 0,
        _no_settling,
        trials=4,
    ),
    Falsifier(
        "gain_with_residual",
        "eps_zero_gain_one",
        "the fixed point of a = 0 is fixed at every a",
        _gain,
        lambda case: case.gain == (1, 1),
        _moves,
    ),
)
