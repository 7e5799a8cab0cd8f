"""Attacks on A2': exact ranks of derivatives by parameters, and peri loops with a constructed fixed
point. Rational throughout.

The factor 1/s of DN does not change a rank, so ranks are taken of s DN(z) = diag(gamma)(I - z
z^T/(d s^2)), rational at rational z.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

import flint

from ...kernel.algebra import diagonal, fmpq
from ...kernel.falsifier import Falsifier

Matrix = flint.fmpq_mat


def norm_slope(z: list[Fraction], gain: list[Fraction], eps: Fraction) -> Matrix:
    """s DN(z), a d x d matrix."""
    d = len(z)
    ds2 = sum((x * x for x in z), Fraction(0)) + d * eps
    return Matrix(
        [[fmpq(gain[i] * (int(i == j) - z[i] * z[j] / ds2)) for j in range(d)] for i in range(d)]
    )


def side_by_side(*blocks: Matrix) -> Matrix:
    """[X Y ..]."""
    return Matrix(
        [[x for block in blocks for x in block.table()[i]] for i in range(blocks[0].nrows())]
    )


def stacked(*blocks: Matrix) -> Matrix:
    """[X; Y; ..]."""
    return Matrix([row for block in blocks for row in block.table()])


class Tokens(NamedTuple):
    """Hidden activations a_i, and per token the argument z_i of the last norm (None: no norm after
    the last map).
    """

    hidden: list[list[Fraction]]
    z: list[list[Fraction]] | None
    gain: list[Fraction]
    eps: Fraction

    def after(self, i: int) -> Matrix:
        """What acts on token i after the last linear map, up to a factor."""
        return (
            diagonal([1] * len(self.gain))
            if self.z is None
            else norm_slope(self.z[i], self.gain, self.eps)
        )

    def bias(self) -> Matrix:
        """Derivative by the shared bias, L d x d."""
        return stacked(*(self.after(i) for i in range(len(self.hidden))))

    def output_layer(self) -> Matrix:
        """Derivative by (W2, b2), L d x d (hidden + 1)."""
        rows = []
        for i, a in enumerate(self.hidden):
            slope = self.after(i)
            rows.append(side_by_side(*(slope * fmpq(x) for x in (*a, Fraction(1)))))
        return stacked(*rows)

    def bias_and_gain(self) -> Matrix:
        """Derivative by (b, gamma), up to the factor 1/s_i per token; needs a norm after the last
        map.
        """
        assert self.z is not None
        return stacked(*(side_by_side(self.after(i), diagonal(z)) for i, z in enumerate(self.z)))

    def extended_rank(self) -> int:
        """Rank of the vectors (a_i, 1)."""
        return Matrix([[fmpq(x) for x in (*a, Fraction(1))] for a in self.hidden]).rank()


def random_vector(rng: random.Random, size: int) -> list[Fraction]:
    """Non-zero entries with denominator up to 7."""
    return [
        Fraction(rng.choice((-1, 1)) * rng.randint(1, 19), rng.randint(1, 7)) for _ in range(size)
    ]


def tokens(
    rng: random.Random, count: int, d: int, hidden: int, norm: bool, eps: Fraction
) -> Tokens:
    """Random activations and norm arguments."""
    z = [random_vector(rng, d) for _ in range(count)] if norm else None
    return Tokens([random_vector(rng, hidden) for _ in range(count)], z, random_vector(rng, d), eps)


def _activations(rng: random.Random, keep: bool) -> Tokens:
    d, hidden = rng.choice((2, 3)), rng.choice((2, 3))
    count = rng.randint(2, hidden + 1)
    case = tokens(rng, count, d, hidden, rng.random() < 0.5, Fraction(1, 10))
    if keep:
        return case if case.extended_rank() == count else _activations(rng, keep)
    if rng.random() < 0.5:  # equal tokens
        return case._replace(hidden=[case.hidden[0], *case.hidden[:-1]])
    return tokens(rng, hidden + 2, d, hidden, case.z is not None, case.eps)


def _output_layer_falls_short(case: Tokens) -> str | None:
    rank, wanted = case.output_layer().rank(), len(case.hidden) * len(case.gain)
    if rank < wanted:
        return (
            f"L = {len(case.hidden)}, d = {len(case.gain)}, hidden {len(case.hidden[0])}: rank"
            f" {rank} of {wanted}"
        )
    return None


def _one_token(rng: random.Random, keep: bool) -> Tokens:
    case = tokens(rng, 1, rng.choice((2, 3, 4)), 2, True, Fraction(1, 10))
    return case if keep else case._replace(gain=[Fraction(0), *case.gain[1:]])


def _bias_falls_short(case: Tokens) -> str | None:
    rank, d = case.bias().rank(), len(case.gain)
    return (
        f"d = {d}, gamma = {', '.join(map(str, case.gain))}: the last bias has rank {rank}"
        if rank < d
        else None
    )


class PeriLoop(NamedTuple):
    """h' = h + g1 o n1 + g2 o n2, n1 = N(A1 N(h) + b1), n2 = N(A2 N(h + g1 o n1) + b2), d = 4, eps
    = 0; every norm is rational.

    `middle` is h + g1 o n1, z1 and z2 the arguments of the outer norms. Parameters: (b1, b2), with
    `learned` the gains too.
    """

    h: list[Fraction]
    middle: list[Fraction]
    z1: list[Fraction]
    z2: list[Fraction]
    a1: Matrix
    a2: Matrix
    gains: tuple[list[Fraction], list[Fraction]]
    learned: bool

    def slopes(self) -> tuple[Matrix, Matrix, Matrix]:
        """DN at (N(h) -> z1), at middle -> z2 with the chain through A2, and at z2: exact."""
        return _slope(self.z1), _slope(self.z2) * self.a2 * _slope(self.middle), _slope(self.z2)

    def jacobian_gap(self) -> Matrix:
        """J - I."""
        first, second, _ = self.slopes()
        inner = diagonal(self.gains[0]) * first * self.a1 * _slope(self.h)
        return inner + diagonal(self.gains[1]) * second * (diagonal([1] * 4) + inner)

    def by_parameters(self) -> Matrix:
        """D_theta f."""
        first, second, last = self.slopes()
        g1, g2 = (diagonal(gain) for gain in self.gains)
        through = diagonal([1] * 4) + g2 * second
        blocks = [through * g1 * first, g2 * last]
        if self.learned:
            blocks += [through * diagonal(_normed(self.z1)), diagonal(_normed(self.z2))]
        return side_by_side(*blocks)

    def update(self) -> list[Fraction]:
        """f(h) - h."""
        first, second = (
            [g * x for g, x in zip(gain, _normed(z), strict=True)]
            for gain, z in zip(self.gains, (self.z1, self.z2), strict=True)
        )
        return [x + y for x, y in zip(first, second, strict=True)]


def _length(z: list[Fraction]) -> Fraction:
    square = sum((x * x for x in z), Fraction(0))
    root = Fraction(math.isqrt(square.numerator), math.isqrt(square.denominator))
    assert root * root == square, "the norm is not rational"
    return root


def _normed(z: list[Fraction]) -> list[Fraction]:
    scale = 2 / _length(z)  # R = sqrt(d) = 2
    return [scale * x for x in z]


def _slope(z: list[Fraction]) -> Matrix:
    return norm_slope(z, [Fraction(1)] * 4, Fraction(0)) * fmpq(2 / _length(z))


def _direction(rng: random.Random) -> list[Fraction]:
    """A rational point of the sphere of radius 2 with non-zero entries, by stereographic
    projection.
    """
    u = [Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), 10) for _ in range(3)]
    square = sum((x * x for x in u), Fraction(0))
    if square == 1:
        return _direction(rng)
    return [4 * x / (1 + square) for x in u] + [2 * (1 - square) / (1 + square)]


def peri_fixed_point(rng: random.Random, gains: bool) -> PeriLoop:
    """A fixed point: with learned gains g1 = (middle - h)/n1 and g2 = -g1 o n1/n2; without, n2 =
    -n1 and h parallel to n1.
    """
    n1, a1, a2 = (
        _direction(rng),
        *(Matrix([[fmpq(x) for x in random_vector(rng, 4)] for _ in range(4)]) for _ in range(2)),
    )
    s1, s2, t = (Fraction(rng.randint(1, 9), rng.randint(1, 5)) for _ in range(3))
    if gains:
        h, middle, n2 = ([t * x for x in _direction(rng)] for _ in range(3))
        n2 = _normed(n2)
        g1 = [(m - x) / n for m, x, n in zip(middle, h, n1, strict=True)]
        if not all(g1):  # a gain of zero would freeze an entry of the state
            return peri_fixed_point(rng, gains)
        g2 = [-g * x / y for g, x, y in zip(g1, n1, n2, strict=True)]
    else:
        h, middle, n2 = [t * x for x in n1], [(t + 1) * x for x in n1], [-x for x in n1]
        g1 = g2 = [Fraction(1)] * 4
    return PeriLoop(h, middle, [s1 * x for x in n1], [s2 * x for x in n2], a1, a2, (g1, g2), gains)


def _degenerate(case: PeriLoop) -> str | None:
    assert not any(case.update()), "not a fixed point"
    if case.jacobian_gap().det() == 0:
        n1, rank = ", ".join(map(str, _normed(case.z1))), case.by_parameters().rank()
        return f"gamma = 1, d = 4, n1 = ({n1}) = -n2: D_theta f has rank {rank}, det(I - J) = 0"
    return None


FALSIFIERS = (
    Falsifier(
        "dependent_activations",
        "independent",
        "the last linear map has rank L d",
        _activations,
        lambda case: case.extended_rank() == len(case.hidden),
        _output_layer_falls_short,
    ),
    Falsifier(
        "a_gain_of_zero",
        "gains",
        "the last bias has rank d (peri, post, sandwich, eps > 0)",
        _one_token,
        lambda case: all(case.gain),
        _bias_falls_short,
    ),
    Falsifier(
        "gain_free_peri",
        "at_fixed_points",
        "no fixed point is degenerate for a generic parameter",
        peri_fixed_point,
        lambda case: case.by_parameters().rank() == 4,
        _degenerate,
        trials=8,
    ),
)
