"""Planar loops with a bounded update in floats, for the tests of R2, R3 and M4.

h' = z + updates with z = weight h + offset, in dimension d = 2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

Vector = tuple[float, float]
Matrix = tuple[Vector, Vector]
IDENTITY: Matrix = ((1.0, 0.0), (0.0, 1.0))
DIVERGED = 1e100
"""norm above which a run stops, so that squares of coordinates stay finite"""


class PlanarBlock(NamedTuple):
    """The update n -> matrix n + bias of a sub-block.

    n is the normalised stream, or the stream itself without normalisation.
    """

    matrix: Matrix
    bias: Vector
    eps: float = 0.0
    normalised: bool = True


class PlanarLoop(NamedTuple):
    """h' = z + updates with z = weight h + offset, and a start.

    `rho` is the spectral radius of the weight, known from its construction.
    """

    weight: Matrix
    offset: Vector
    blocks: tuple[PlanarBlock, ...]
    rho: float
    start: Vector


def apply(matrix: Matrix, x: Vector) -> Vector:
    """Matrix times vector."""
    (a, b), (c, d) = matrix
    return a * x[0] + b * x[1], c * x[0] + d * x[1]


def add(x: Vector, y: Vector) -> Vector:
    """x + y."""
    return x[0] + y[0], x[1] + y[1]


def scaled(factor: float, x: Vector) -> Vector:
    """factor * x."""
    return factor * x[0], factor * x[1]


def rmsnorm(z: Vector, eps: float = 0.0) -> Vector:
    """N(z) for gain 1, d = 2."""
    return scaled(1 / math.sqrt((z[0] ** 2 + z[1] ** 2) / 2 + eps), z)


def update(block: PlanarBlock, stream: Vector) -> Vector:
    """What the sub-block adds to the stream."""
    read = rmsnorm(stream, block.eps) if block.normalised else stream
    return add(apply(block.matrix, read), block.bias)


def step(loop: PlanarLoop, state: Vector) -> Vector:
    """One iteration of the loop."""
    stream = add(apply(loop.weight, state), loop.offset)
    for block in loop.blocks:
        stream = add(stream, update(block, stream))
    return stream


def run(loop: PlanarLoop, state: Vector, loops: int) -> Vector:
    """The state after that many iterations, or the first one of norm above `DIVERGED`."""
    for _ in range(loops):
        if math.hypot(*state) > DIVERGED:
            break
        state = step(loop, state)
    return state
