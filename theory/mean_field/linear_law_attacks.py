"""Attacks on N6, the mean-field law: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import sympy as sp

from theory.falsifier import Falsifier
from theory.formulas import formula

WIDTH = 100


class _Draw(NamedTuple):
    matrix: list[list[float]]
    e: list[float]
    beta: float
    symmetric: bool
    alignment: float
    """e^T A e/(sigma d): of order 1/sqrt(d) when e is independent of A"""


def _unit(vector: list[float]) -> list[float]:
    scale = math.sqrt(len(vector) / _dot(vector, vector))
    return [scale * x for x in vector]


def _dot(left: list[float], right: list[float]) -> float:
    return sum(x * y for x, y in zip(left, right, strict=True))


def _times(matrix: list[list[float]], vector: list[float]) -> list[float]:
    return [_dot(row, vector) for row in matrix]


def _ginibre(rng: random.Random, symmetric: bool = False) -> list[list[float]]:
    scale = 1 / math.sqrt(WIDTH)
    matrix = [[rng.gauss(0, scale) for _ in range(WIDTH)] for _ in range(WIDTH)]
    if symmetric:
        for i in range(WIDTH):
            for j in range(i):
                matrix[i][j] = matrix[j][i]
    return matrix


def _aligned(matrix: list[list[float]]) -> list[float]:
    """A direction with e^T A e near its maximum: power iteration on A + A^T + 3 I."""
    transposed = [list(column) for column in zip(*matrix, strict=True)]
    e = [1.0] * WIDTH
    for _ in range(60):
        e = _unit([p + q + 3 * x for p, q, x in zip(_times(matrix, e), _times(transposed, e), e, strict=True)])
    return e


def _draw(rng: random.Random, independent: bool = True, ginibre: bool = True, recall: bool = True) -> _Draw:
    matrix = _ginibre(rng, not ginibre)
    e = _unit([rng.gauss(0, 1) for _ in range(WIDTH)]) if independent else _aligned(matrix)
    beta = 1.0 if recall else 0.0
    return _Draw(matrix, e, beta, not ginibre, _dot(e, _times(matrix, e)) / WIDTH)


def _fixed_point_scale(case: _Draw, loops: int = 100) -> tuple[float, float]:
    """s and the last step of h' = N(A h + beta e), sigma = 1, a = 0, from h = e."""
    h, s, step = case.e, 0.0, math.inf
    for _ in range(loops):
        z = [x + case.beta * y for x, y in zip(_times(case.matrix, h), case.e, strict=True)]
        s = math.sqrt(_dot(z, z) / WIDTH)
        moved = [x / s for x in z]
        step, h = math.dist(moved, h) / math.sqrt(WIDTH), moved
    return s, step


TOLERANCE = 0.35
"""relative: five standard deviations of s at d = 100, beta = sigma, a = 0 (7 % over 30 draws)"""


def _off_the_scale(case: _Draw) -> str | None:
    s, _ = _fixed_point_scale(case)
    law = float(formula("mean_field_scale")(0, 1, sp.Float(case.beta)))
    if abs(s / law - 1) > TOLERANCE:
        kind = "symmetric" if case.symmetric else "Ginibre"
        return f"{kind} A, d = {WIDTH}, e^T A e/|e|^2 = {case.alignment:.3g}, beta = sigma = 1: s = {s:.4f}, the law says {law:.4f}"
    return None


def _no_settling(case: _Draw) -> str | None:
    _, step = _fixed_point_scale(case)
    if step > 1e-3:
        return f"Ginibre A, d = {WIDTH}, beta = {case.beta:g}: the step is still {step:.3g} |h| after 100 loops"
    return None


FALSIFIERS = (
    Falsifier(
        "input_chosen_after_the_weights",
        "independent",
        "s is within 35 % of sqrt(sigma^2 + beta^2) at d = 100",
        lambda rng, keep: _draw(rng, independent=keep),
        lambda case: abs(case.alignment) < 6 / math.sqrt(WIDTH),
        _off_the_scale,
        4,
    ),
    Falsifier(
        "symmetric_weights",
        "ginibre",
        "s is within 35 % of sqrt(sigma^2 + beta^2) at d = 100",
        lambda rng, keep: _draw(rng, ginibre=keep),
        lambda case: not case.symmetric,
        _off_the_scale,
        4,
    ),
    Falsifier(
        "no_recall",
        "recall",
        "the loop settles",
        lambda rng, keep: _draw(rng, recall=keep),
        lambda case: case.beta > 0,
        _no_settling,
        4,
    ),
)
