"""Blocks of one or two coordinates in ball arithmetic, with the constants of their bounds.

Entries are rationals; every value is a ball that contains the true one, so that a comparison that
succeeds is a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint

Number = int | Fraction
Vector = tuple[Number, ...]
Matrix = tuple[Vector, ...]
Balls = list[flint.arb]


def ball(x: Number | flint.arb) -> flint.arb:
    """A number as a ball."""
    if isinstance(x, flint.arb):
        return x
    fraction = Fraction(x)
    return flint.arb(flint.fmpq(fraction.numerator, fraction.denominator))


def largest(values: Sequence[flint.arb]) -> flint.arb:
    """The largest of some balls, as a ball."""
    best = values[0]
    for value in values[1:]:
        best = best.max(value)
    return best


def root_of(square: flint.arb) -> flint.arb:
    """The root of a number that is at least 0, though its ball may reach below by rounding."""
    return square.sqrt() if square > 0 else flint.arb(0, abs(square).upper().sqrt().upper())


def length(z: Sequence[flint.arb]) -> flint.arb:
    """The 2-norm."""
    return root_of(sum((x * x for x in z), flint.arb(0)))


def apart(z: Sequence[Any], w: Sequence[Any]) -> flint.arb:
    """The distance of two vectors in the 2-norm."""
    return length([ball(x) - ball(y) for x, y in zip(z, w, strict=True)])


def plus(z: Sequence[Any], w: Sequence[Any]) -> Balls:
    """The sum of two vectors."""
    return [ball(x) + ball(y) for x, y in zip(z, w, strict=True)]


def times(matrix: Matrix, z: Sequence[Any]) -> Balls:
    """The product of a matrix and a vector."""
    return [
        sum((ball(a) * ball(x) for a, x in zip(row, z, strict=True)), flint.arb(0))
        for row in matrix
    ]


def spectral_norm(matrix: Matrix) -> flint.arb:
    """The 2-norm of a matrix with one or two columns, in closed form."""
    squares = sum((ball(a) * ball(a) for row in matrix for a in row), flint.arb(0))
    if len(matrix[0]) == 1:
        return root_of(squares)
    left, right = ([row[i] for row in matrix] for i in (0, 1))
    dot = sum((ball(a) * ball(b) for a, b in zip(left, right, strict=True)), flint.arb(0))
    a, b = (sum((ball(x) * ball(x) for x in column), flint.arb(0)) for column in (left, right))
    return root_of((squares + root_of((a - b) ** 2 + 4 * dot**2)) / 2)


def at_most(matrix: Matrix, bound: Number) -> bool:
    """Whether the 2-norm of a matrix with one or two columns is at most the bound, exactly."""
    columns = list(zip(*matrix, strict=True))
    gram = [
        [sum(Fraction(x) * y for x, y in zip(a, b, strict=True)) for b in columns] for a in columns
    ]
    square = Fraction(bound) ** 2
    rest = [[square * (i == j) - gram[i][j] for j in range(len(gram))] for i in range(len(gram))]
    if bound < 0 or any(rest[i][i] < 0 for i in range(len(rest))):
        return False
    return len(rest) == 1 or rest[0][0] * rest[1][1] >= rest[0][1] ** 2


def rms_norm(z: Sequence[flint.arb], gain: Number, eps: Any) -> Balls:
    """RMSNorm with one gain for all coordinates; 0 at 0, for eps = 0 too."""
    scale = (sum((x * x for x in z), flint.arb(0)) / len(z) + ball(eps)).sqrt()
    if scale == 0:
        return list(z)
    return [ball(gain) * x / scale for x in z]


def softmax(scores: Sequence[flint.arb]) -> Balls:
    """The softmax of scores."""
    weights = [score.exp() for score in scores]
    total = sum(weights, flint.arb(0))
    return [weight / total for weight in weights]


def attend(
    queries: Sequence[Balls],
    keys: Sequence[Balls],
    values: Sequence[Balls],
    seen: Sequence[Sequence[bool]] | None = None,
) -> list[Balls]:
    """One head; `seen` says which keys each query sees, by default all."""
    out = []
    for i, query in enumerate(queries):
        chosen = [j for j in range(len(keys)) if seen is None or seen[i][j]]
        root = ball(len(query)).sqrt()
        dots = [
            sum((a * b for a, b in zip(query, keys[j], strict=True)), flint.arb(0)) for j in chosen
        ]
        weights = softmax([dot / root for dot in dots])
        mean = [flint.arb(0)] * len(values[0])
        for weight, j in zip(weights, chosen, strict=True):
            mean = [m + weight * v for m, v in zip(mean, values[j], strict=True)]
        out.append(mean)
    return out


SLOPES: dict[str, Fraction] = {
    "relu": Fraction(1),
    "tanh": Fraction(1),
    "gelu": Fraction(1129, 1000),
    "silu": Fraction(11, 10),
}
"""bounds of the slopes of activations"""


def activation(name: str, x: flint.arb) -> flint.arb:
    """An activation at a ball."""
    if name == "relu":
        return x.max(flint.arb(0))
    if name == "tanh":
        return x.tanh()
    if name == "gelu":
        return x * (1 + (x / flint.arb(2).sqrt()).erf()) / 2
    return x / (1 + (-x).exp())
