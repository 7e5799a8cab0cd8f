"""Attacks on A2', by exact ranks of derivatives with respect to the parameters.

Some cases are peri loops with a constructed fixed point. Everything is rational: the factor 1/s of
DN does not change a rank, so ranks are taken of s DN(z) = diag(gamma)(I - z z^T/(d s^2)), which is
rational where z is.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

from flint import fmpq_mat

from ...kernel.algebra import diagonal, fmpq
from ...kernel.random_falsifier import RandomFalsifier

Vector = list[Fraction]


def norm_slope(z: Vector, gain: Vector, eps: Fraction) -> fmpq_mat:
    """The d x d matrix s DN(z)."""
    d = len(z)
    ds2 = _dot(z, z) + d * eps
    return _matrix(
        [[gain[i] * (int(i == j) - z[i] * z[j] / ds2) for j in range(d)] for i in range(d)]
    )


def side_by_side(*blocks: fmpq_mat) -> fmpq_mat:
    """The matrix [X Y ...]."""
    tables = [block.table() for block in blocks]
    return fmpq_mat([[x for row in rows for x in row] for rows in zip(*tables, strict=True)])


def stacked(*blocks: fmpq_mat) -> fmpq_mat:
    """The matrix [X; Y; ...]."""
    return fmpq_mat([row for block in blocks for row in block.table()])


def _matrix(rows: list[Vector]) -> fmpq_mat:
    return fmpq_mat([[fmpq(x) for x in row] for row in rows])


def _dot(left: Vector, right: Vector) -> Fraction:
    return sum((x * y for x, y in zip(left, right, strict=True)), Fraction(0))


class LastLayer(NamedTuple):
    """The last layer of an update, at L tokens.

    Args:
        hidden: the hidden activations a_i of each token.
        z: the argument z_i of the norm after the last map for each token; None without a norm.
        gain: the gain gamma of that norm.
        eps: the epsilon of that norm.
    """

    hidden: list[Vector]
    z: list[Vector] | None
    gain: Vector
    eps: Fraction

    def after(self, i: int) -> fmpq_mat:
        """The derivative of all that follows the last linear map at token i, up to a factor."""
        if self.z is None:
            return diagonal([1] * len(self.gain))
        return norm_slope(self.z[i], self.gain, self.eps)

    def bias(self) -> fmpq_mat:
        """The derivative with respect to the shared bias, L d x d."""
        return stacked(*(self.after(i) for i in range(len(self.hidden))))

    def output_layer(self) -> fmpq_mat:
        """The derivative with respect to (W2, b2), L d x d (hidden + 1)."""
        rows = []
        for i, a in enumerate(self.hidden):
            slope = self.after(i)
            rows.append(side_by_side(*(slope * fmpq(x) for x in (*a, Fraction(1)))))
        return stacked(*rows)

    def bias_and_gain(self) -> fmpq_mat:
        """The derivative with respect to (b, gamma), up to the factor 1/s_i of each token.

        It needs a norm after the last map.
        """
        assert self.z is not None
        return stacked(*(side_by_side(self.after(i), diagonal(z)) for i, z in enumerate(self.z)))

    def extended_rank(self) -> int:
        """The rank of the vectors (a_i, 1)."""
        return _matrix([[*a, Fraction(1)] for a in self.hidden]).rank()


def random_vector(rng: random.Random, size: int) -> Vector:
    """A vector of non-zero entries with denominators up to 7."""
    return [
        Fraction(rng.choice((-1, 1)) * rng.randint(1, 19), rng.randint(1, 7)) for _ in range(size)
    ]


def random_last_layer(
    rng: random.Random, count: int, d: int, hidden: int, norm: bool, eps: Fraction
) -> LastLayer:
    """A last layer at `count` tokens with random activations, norm arguments and gain."""
    z = [random_vector(rng, d) for _ in range(count)] if norm else None
    activations = [random_vector(rng, hidden) for _ in range(count)]
    return LastLayer(activations, z, random_vector(rng, d), eps)


def _activations(rng: random.Random, keep: bool) -> LastLayer:
    d, hidden = rng.choice((2, 3)), rng.choice((2, 3))
    count = rng.randint(2, hidden + 1)
    case = random_last_layer(rng, count, d, hidden, rng.random() < 0.5, Fraction(1, 10))
    if keep:
        return case if case.extended_rank() == count else _activations(rng, keep)
    if rng.random() < 0.5:  # two equal tokens
        return case._replace(hidden=[case.hidden[0], *case.hidden[:-1]])
    return random_last_layer(rng, hidden + 2, d, hidden, case.z is not None, case.eps)


def _output_layer_falls_short(case: LastLayer) -> str | None:
    count, d = len(case.hidden), len(case.gain)
    rank = case.output_layer().rank()
    if rank < count * d:
        size = f"L = {count}, d = {d}, hidden {len(case.hidden[0])}"
        return f"{size}: rank {rank} of {count * d}"
    return None


def _one_token(rng: random.Random, keep: bool) -> LastLayer:
    case = random_last_layer(rng, 1, rng.choice((2, 3, 4)), 2, True, Fraction(1, 10))
    return case if keep else case._replace(gain=[Fraction(0), *case.gain[1:]])


def _bias_falls_short(case: LastLayer) -> str | None:
    rank, d = case.bias().rank(), len(case.gain)
    if rank == d:
        return None
    gain = ", ".join(map(str, case.gain))
    return f"d = {d}, gamma = {gain}: the last bias has rank {rank}"


class PeriLoop(NamedTuple):
    """h' = h + g1 o n1 + g2 o n2 with d = 4, eps = 0, at a point where every norm is rational.

    n1 = N(A1 N(h) + b1) and n2 = N(A2 N(h + g1 o n1) + b2). The parameters are (b1, b2) and, where
    `learned` is true, the gains. `middle` is h + g1 o n1; z1 and z2 are the arguments of the outer
    norms.
    """

    h: Vector
    middle: Vector
    z1: Vector
    z2: Vector
    a1: fmpq_mat
    a2: fmpq_mat
    gains: tuple[Vector, Vector]
    learned: bool

    def slopes(self) -> tuple[fmpq_mat, fmpq_mat, fmpq_mat]:
        """DN(z1), the derivative DN(z2) A2 DN(middle) of n2 by the middle state, and DN(z2)."""
        last = _slope(self.z2)
        return _slope(self.z1), last * self.a2 * _slope(self.middle), last

    def jacobian_gap(self) -> fmpq_mat:
        """J - I."""
        first, second, _ = self.slopes()
        inner = diagonal(self.gains[0]) * first * self.a1 * _slope(self.h)
        return inner + diagonal(self.gains[1]) * second * (diagonal([1] * 4) + inner)

    def by_parameters(self) -> fmpq_mat:
        """The derivative D_theta f with respect to the parameters."""
        first, second, last = self.slopes()
        g1, g2 = (diagonal(gain) for gain in self.gains)
        through = diagonal([1] * 4) + g2 * second
        blocks = [through * g1 * first, g2 * last]
        if self.learned:
            blocks += [through * diagonal(_normed(self.z1)), diagonal(_normed(self.z2))]
        return side_by_side(*blocks)

    def update(self) -> Vector:
        """f(h) - h."""
        rows = zip(*self.gains, _normed(self.z1), _normed(self.z2), strict=True)
        return [g1 * n1 + g2 * n2 for g1, g2, n1, n2 in rows]


def _length(z: Vector) -> Fraction:
    square = _dot(z, z)
    root = Fraction(math.isqrt(square.numerator), math.isqrt(square.denominator))
    assert root * root == square, "the norm is not rational"
    return root


def _normed(z: Vector) -> Vector:
    scale = 2 / _length(z)  # R = sqrt(d) = 2
    return [scale * x for x in z]


def _slope(z: Vector) -> fmpq_mat:
    return norm_slope(z, [Fraction(1)] * 4, Fraction(0)) * fmpq(2 / _length(z))


def _direction(rng: random.Random) -> Vector:
    """A rational point with non-zero entries on the sphere of radius 2, in R^4.

    It is found by stereographic projection.
    """
    u = [Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), 10) for _ in range(3)]
    square = _dot(u, u)
    if square == 1:
        return _direction(rng)
    return [4 * x / (1 + square) for x in u] + [2 * (1 - square) / (1 + square)]


def peri_fixed_point(rng: random.Random, gains: bool) -> PeriLoop:
    """A random peri loop at a fixed point, with learned gains or with gain 1.

    With learned gains g1 = (middle - h)/n1 and g2 = -g1 o n1/n2; without, n2 = -n1 and h is
    parallel to n1.
    """
    n1 = _direction(rng)
    a1, a2 = (_matrix([random_vector(rng, 4) for _ in range(4)]) for _ in range(2))
    s1, s2, t = (Fraction(rng.randint(1, 9), rng.randint(1, 5)) for _ in range(3))
    if gains:
        h, middle, n2 = ([t * x for x in _direction(rng)] for _ in range(3))
        n2 = _normed(n2)
        g1 = [(m - x) / n for m, x, n in zip(middle, h, n1, strict=True)]
        if not all(g1):  # a gain of zero would fix an entry of the state
            return peri_fixed_point(rng, gains)
        g2 = [-g * x / y for g, x, y in zip(g1, n1, n2, strict=True)]
    else:
        h, middle, n2 = [t * x for x in n1], [(t + 1) * x for x in n1], [-x for x in n1]
        g1 = g2 = [Fraction(1)] * 4
    return PeriLoop(h, middle, [s1 * x for x in n1], [s2 * x for x in n2], a1, a2, (g1, g2), gains)


def _degenerate(case: PeriLoop) -> str | None:
    assert not any(case.update()), "not a fixed point"
    if case.jacobian_gap().det() != 0:
        return None
    n1, rank = ", ".join(map(str, _normed(case.z1))), case.by_parameters().rank()
    return f"gamma = 1, d = 4, n1 = ({n1}) = -n2: D_theta f has rank {rank}, det(I - J) = 0"


FALSIFIERS = (
    RandomFalsifier(
        "dependent_activations",
        "independent",
        "the last linear map has rank L d",
        _activations,
        lambda case: case.extended_rank() == len(case.hidden),
        _output_layer_falls_short,
    ),
    RandomFalsifier(
        "a_gain_of_zero",
        "gains",
        "the last bias has rank d (peri, post, sandwich, eps > 0)",
        _one_token,
        lambda case: all(case.gain),
        _bias_falls_short,
    ),
    RandomFalsifier(
        "gain_free_peri",
        "at_fixed_points",
        "no fixed point is degenerate for a generic parameter",
        peri_fixed_point,
        lambda case: case.by_parameters().rank() == 4,
        _degenerate,
        trials=8,
    ),
)
