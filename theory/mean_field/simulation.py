"""Small loops N(a h + A phi(h) + beta e) in plain Python.

The measured steps of the mean-field laws use them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

from ..activations import ACTIVATIONS, Activation

Vector = Sequence[float]


def dot(left: Vector, right: Vector) -> float:
    """The inner product of two vectors."""
    return sum(map(mul, left, right))


def times(matrix: Sequence[Vector], vector: Vector) -> list[float]:
    """The product of a matrix and a vector."""
    return [dot(row, vector) for row in matrix]


def unit(vector: Vector) -> list[float]:
    """The vector scaled to norm sqrt(d)."""
    scale = math.sqrt(len(vector) / dot(vector, vector))
    return [scale * x for x in vector]


def ginibre(rng: random.Random, width: int) -> list[list[float]]:
    """A matrix of independent N(0, 1/width) entries."""
    scale = 1 / math.sqrt(width)
    return [[rng.gauss(0, scale) for _ in range(width)] for _ in range(width)]


def gaussian_input(rng: random.Random, width: int) -> list[float]:
    """A vector of independent Gaussian entries, scaled to norm sqrt(width)."""
    return unit([rng.gauss(0, 1) for _ in range(width)])


def sparse_input(rng: random.Random, width: int, density: float = 1.0) -> list[float]:
    """A vector with entries +-1 in a share `density` of the coordinates and 0 elsewhere.

    It is scaled to norm sqrt(width).
    """
    count = max(1, round(density * width))
    entries = [rng.choice((-1.0, 1.0)) for _ in range(count)] + [0.0] * (width - count)
    rng.shuffle(entries)
    return unit(entries)


SQUARE = Activation("square", lambda x: x * x, lambda x: 2 * x)
"""An activation outside the table, whose mean-field law has an outlier (N7)."""


class SettledLoop(NamedTuple):
    """A state after some iterations, and how far it has settled.

    Args:
        h: the state.
        s: its scale |z|/sqrt(d).
        step: the length of the last step over sqrt(d).
    """

    h: list[float]
    s: float
    step: float


def settle(
    matrix: Sequence[Vector],
    e: Vector,
    beta: float,
    activation: Activation = ACTIVATIONS["identity"],
    a: float = 0.0,
    loops: int = 100,
    tol: float = 0.0,
) -> SettledLoop:
    """Iterate h' = N(a h + A phi(h) + beta e) from h = e.

    It stops after `loops` iterations, or when a step is shorter than tol sqrt(d).
    """
    h, s, step, root = list(e), 0.0, math.inf, math.sqrt(len(e))
    for _ in range(loops):
        image = times(matrix, [activation.value(x) for x in h])
        z = [a * x + y + beta * v for x, y, v in zip(h, image, e, strict=True)]
        s = math.sqrt(dot(z, z)) / root
        moved = [x / s for x in z]
        step, h = math.dist(moved, h) / root, moved
        if step < tol:
            break
    return SettledLoop(h, s, step)


def spectral_radius(
    matrix: Sequence[Vector],
    at: SettledLoop,
    activation: Activation,
    a: float,
    rng: random.Random,
    skip: int = 30,
    loops: int = 80,
) -> float:
    """The spectral radius of J = P (a + A phi'(h))/s, up to O(1/loops), also for complex pairs.

    It is the exponential of the mean logarithmic growth of a tangent vector under J, over `loops`
    iterations after the first `skip`.
    """
    slopes, size = [activation.derivative(x) for x in at.h], dot(at.h, at.h)
    vector, total = [rng.gauss(0, 1) for _ in at.h], 0.0
    for loop in range(skip + loops):
        image = times(matrix, list(map(mul, slopes, vector)))
        moved = [(a * x + y) / at.s for x, y in zip(vector, image, strict=True)]
        along = dot(at.h, moved) / size
        moved = [x - along * y for x, y in zip(moved, at.h, strict=True)]
        length = math.sqrt(dot(moved, moved))
        vector = [x / length for x in moved]
        if loop >= skip:
            total += math.log(length)
    return math.exp(total / loops)
