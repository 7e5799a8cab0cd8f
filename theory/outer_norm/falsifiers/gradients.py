"""Attacks on N5, gradients through the loop: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import sympy as sp

from ...formulas import formula
from ...kernel.exact import Matrix, add, apply
from ...kernel.random_falsifier import RandomFalsifier
from .non_normality import corner, norm_at_most

Row = Sequence[float]

ROUNDING = 1e-9
"""relative margin for rounding in a comparison with a bound"""


@cache
def _value(name: str) -> Callable[..., Any]:
    """The formula as a function of numbers; it is exact for fractions."""
    closed = formula(name)
    return sp.lambdify(closed.symbols, closed.expression, "math")


class LinearLoop(NamedTuple):
    """h' = M h + theta v in the plane, with |v| = 1 and a start that does not depend on theta.

    `kappa` is the Lipschitz constant that is assumed.
    """

    matrix: Matrix
    direct: Sequence[Fraction]
    kappa: Fraction
    loops: int


def _linear(rng: random.Random, keep: bool) -> LinearLoop:
    r, c = Fraction(rng.randint(1, 8), 10), Fraction(rng.randint(2, 6))
    c = c if not keep else (1 - r) * Fraction(rng.randint(1, 9), 10)
    # |M|_2 <= r + |c|, while rho = r
    kappa, direct = r + c if keep else r, (Fraction(0), Fraction(1))
    return LinearLoop(corner(r, c), direct, kappa, rng.randint(2, 8))


def _contracts(loop: LinearLoop) -> bool:
    """|M|_2 <= kappa < 1."""
    return loop.kappa < 1 and norm_at_most(loop.matrix, loop.kappa**2)


def _exceeds_bound(loop: LinearLoop) -> str | None:
    gradient: Sequence[Fraction] = (Fraction(0), Fraction(0))
    for _ in range(loop.loops):
        gradient = add(apply(loop.matrix, gradient), loop.direct)
    bound = _value("gradient_bound")(loop.kappa, loop.loops, 1, 0)
    size = sum((x * x for x in gradient), Fraction(0))
    if size > bound**2:
        (a, b), _ = loop.matrix
        where = f"M = [({a}, {b}); (0, {a})], rho = {a} taken for kappa"
        return f"{where}: |dh_{loop.loops}/dtheta| = {math.sqrt(size):.4g} > {float(bound):.4g}"
    return None


class NormalisedLoop(NamedTuple):
    """h' = N(A h + beta e + theta b) at theta = 0, eps = 0, |e| = R.

    `recall` is beta e, `direct` is b, and `kappa` the Lipschitz constant that is assumed. Gradients
    follow from the exact chain rule.
    """

    matrix: Sequence[Row]
    recall: Row
    direct: Row
    start: Row
    start_gradient: Row
    kappa: float
    loops: int

    def update(self, h: Row) -> list[float]:
        """The argument z = A h + beta e of the norm."""
        return [_dot(row, h) + b for row, b in zip(self.matrix, self.recall, strict=True)]

    def push(self, z: Row, v: Row) -> list[float]:
        """DN(z) v, by N1."""
        square, radius = _dot(z, z), math.sqrt(len(z))
        inner = _dot(z, v) / square
        return [radius / math.sqrt(square) * (y - inner * x) for x, y in zip(z, v, strict=True)]

    def gradients(self, keep_last: int | None = None) -> tuple[list[float], float, list[float]]:
        """dh_T/dtheta, the largest |D_theta f| on the way, and h_T.

        The gradient counts the last `keep_last` iterations only; by default all, and the start.
        """
        h, top = list(self.start), 0.0
        gradient = list(self.start_gradient) if keep_last is None else [0.0] * len(h)
        for t in range(self.loops):
            z = self.update(h)
            direct = self.push(z, self.direct)
            top = max(top, math.hypot(*direct))
            carried = self.push(z, [_dot(row, gradient) for row in self.matrix])
            fresh = keep_last is None or t >= self.loops - keep_last
            gradient = [x + (y if fresh else 0.0) for x, y in zip(carried, direct, strict=True)]
            h = on_sphere(z)
        return gradient, top, h


def _dot(a: Row, b: Row) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def on_sphere(z: Row) -> list[float]:
    """N(z) at eps = 0 and gain 1."""
    scale = math.sqrt(len(z) / _dot(z, z))
    return [scale * x for x in z]


def draw(rng: random.Random, start_gradient: float = 0.0) -> NormalisedLoop:
    """A random loop with beta > 2 |A| (N3) and a start on the sphere.

    `start_gradient` is the length of the gradient of the start, which is a tangent vector.
    """
    d = rng.choice((2, 3, 4))

    def normal() -> list[float]:
        return [rng.gauss(0, 1) for _ in range(d)]

    a = rng.uniform(0.5, 1.5)
    if rng.random() < 0.5:
        matrix, size = _scalar_matrix(-a, d), a
    else:
        matrix = [normal() for _ in range(d)]
        size = math.sqrt(sum(_dot(row, row) for row in matrix))
    beta = size * rng.uniform(2.1, 3)
    start, v = on_sphere(normal()), normal()
    inner = _dot(v, start) / d
    tangent = [x - inner * y for x, y in zip(v, start, strict=True)]
    length = math.hypot(*tangent)
    gradient = [start_gradient * x / length for x in tangent]
    recall = [beta * x for x in on_sphere(normal())]
    kappa = size / (beta - size)
    return NormalisedLoop(matrix, recall, normal(), start, gradient, kappa, rng.randint(3, 8))


def _scalar_matrix(a: float, d: int) -> list[list[float]]:
    return [[a if i == j else 0.0 for j in range(d)] for i in range(d)]


def _trained_encoder(rng: random.Random, keep: bool) -> NormalisedLoop:
    return draw(rng, 0.0 if keep else 1000.0)


def _truncation_fails(loop: NormalisedLoop) -> str | None:
    full, top, _ = loop.gradients()
    for cut in range(1, loop.loops):
        error = math.dist(full, loop.gradients(cut)[0])
        bound = _value("truncation_bound")(loop.kappa, cut, loop.loops, top, 0)
        if error > bound * (1 + ROUNDING) + 1e-12:
            start = math.hypot(*loop.start_gradient)
            where = f"kappa = {loop.kappa:.3g}, T = {loop.loops}, |dh_0/dtheta| = {start:.4g}"
            return f"{where}: the last {cut} loops err by {error:.4g} > {bound:.4g}"
    return None


def _off_sphere(rng: random.Random, keep: bool) -> NormalisedLoop:
    """A random loop, or A = -a I with a start near (beta/a) e, where z_0 almost vanishes."""
    loop = draw(rng, 1.0)
    if keep:
        return loop
    d, a = len(loop.start), rng.uniform(0.5, 1.5)
    matrix = _scalar_matrix(-a, d)
    recall = [2.5 * a * x for x in on_sphere(loop.recall)]
    start = [x / a + 1e-4 * y for x, y in zip(recall, loop.direct, strict=True)]
    return loop._replace(matrix=matrix, recall=recall, start=start, kappa=1 / 1.5)


def _start_remembered(loop: NormalisedLoop) -> str | None:
    size = math.hypot(*loop._replace(direct=[0.0] * len(loop.start)).gradients()[0])
    bound = loop.kappa**loop.loops * math.hypot(*loop.start_gradient)
    if size > bound * (1 + ROUNDING):
        ratio = math.hypot(*loop.start) / math.sqrt(len(loop.start))
        where = f"|h_0| = {ratio:.3g} R, kappa = {loop.kappa:.3g}"
        return f"{where}: |dh_{loop.loops}/dh_0 v| = {size:.4g} > kappa^T |v| = {bound:.4g}"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "spectral_radius_only",
        "uniform",
        "|dh_T/dtheta| <= sup|F|(1 - kappa^T)/(1 - kappa)",
        _linear,
        _contracts,
        _exceeds_bound,
        trials=40,
    ),
    RandomFalsifier(
        "trained_encoder",
        "start_fixed",
        "the last k loops err by at most sup|F|(kappa^k - kappa^T)/(1 - kappa)",
        _trained_encoder,
        lambda loop: not any(loop.start_gradient),
        _truncation_fails,
        trials=40,
    ),
    RandomFalsifier(
        "start_off_the_sphere",
        "on_sphere",
        "|dh_T/dh_0 v| <= kappa^T |v|",
        _off_sphere,
        lambda loop: math.isclose(
            math.hypot(*loop.start), math.sqrt(len(loop.start)), rel_tol=1e-9
        ),
        _start_remembered,
        trials=40,
    ),
)
