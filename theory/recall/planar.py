"""Planar loops in floats, for the attacks on loops with a bounded update: h' = z + updates, z =
weight h + offset, d = 2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

Vector = tuple[float, float]
Matrix = tuple[Vector, Vector]
IDENTITY: Matrix = ((1.0, 0.0), (0.0, 1.0))


class Block(NamedTuple):
    """Update n -> matrix n + bias of a sub-block; without normalisation it reads its stream as it
    is.
    """

    matrix: Matrix
    bias: Vector
    eps: float = 0.0
    normalised: bool = True


class Loop(NamedTuple):
    """h' = z + updates, z = weight h + offset; `rho` is the spectral radius of the weight by
    construction.
    """

    weight: Matrix
    offset: Vector
    blocks: tuple[Block, ...]
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
    """factor x."""
    return factor * x[0], factor * x[1]


def rmsnorm(z: Vector, eps: float = 0.0) -> Vector:
    """N(z) for gain 1, d = 2."""
    return scaled(1 / math.sqrt((z[0] ** 2 + z[1] ** 2) / 2 + eps), z)


def update(block: Block, stream: Vector) -> Vector:
    """What the sub-block adds to the stream."""
    return add(
        apply(block.matrix, rmsnorm(stream, block.eps) if block.normalised else stream), block.bias
    )


def step(loop: Loop, state: Vector) -> Vector:
    """One loop."""
    stream = add(apply(loop.weight, state), loop.offset)
    for block in loop.blocks:
        stream = add(stream, update(block, stream))
    return stream


def run(loop: Loop, state: Vector, loops: int) -> Vector:
    """The state after so many loops, or the first one of norm above 1e100."""
    for _ in range(loops):
        if math.hypot(*state) > 1e100:
            break
        state = step(loop, state)
    return state
