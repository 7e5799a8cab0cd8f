"""Attacks on M4, directional fixed points, in planar loops with W_x = I.

Each shows what breaks without one of the assumptions.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier
from ...recall.planar import IDENTITY, PlanarBlock, PlanarLoop, Vector, rmsnorm, run, scaled
from .drift import on_direction, residual_loop

LOOPS = 3000
"""iterations after which read-outs are compared"""
APART = 0.05
"""distance of two read-outs, of norm sqrt(2), that counts as different"""
MOVES = 1e-3
"""change of a read-out in one iteration that counts as not convergent"""
SLOWER = 0.2
"""error that is allowed in a measured exponent"""


class Pair(NamedTuple):
    """The loops of two inputs: e enters through the start (h_0 = e), with recall also the bias."""

    loops: tuple[PlanarLoop, PlanarLoop]


def _turned(x: float) -> Vector:
    return math.cos(x), math.sin(x)


def _settled(bias: Vector, pull: float, start: Vector) -> PlanarLoop:
    """u = n + pull bias with |bias| = 1, so V = pull P_n bias: the sink is `bias`."""
    return residual_loop((PlanarBlock(on_direction(IDENTITY), scaled(pull, bias)),), start)


def _no_recall(rng: random.Random, hyperbolic: bool) -> Pair:
    """Two inputs at a small angle; a pull of 0 makes every direction fixed."""
    sink, angle = rng.uniform(-3, 3), rng.uniform(0.2, 0.5)
    pull = rng.uniform(2, 4) if hyperbolic else 0.0
    first, second = (_settled(_turned(sink), pull, _turned(sink + angle + k)) for k in (0.0, 0.3))
    return Pair((first, second))


def _with_recall(rng: random.Random, keep: bool) -> Pair:
    """The bias does not depend on the input (keep), or turns with it."""
    if keep:
        return _no_recall(rng, True)
    sink, turn = rng.uniform(-3, 3), rng.uniform(0.1, 0.3)
    first, second = (_settled(_turned(sink + k), 3.0, _turned(sink + 0.2 + k)) for k in (0.0, turn))
    return Pair((first, second))


def _ends_apart(pair: Pair) -> str | None:
    ends = [rmsnorm(run(loop, loop.start, LOOPS)) for loop in pair.loops]
    gap = math.dist(*ends)
    if gap > APART:
        inputs = math.dist(*(loop.start for loop in pair.loops))
        return (
            f"two inputs {inputs:.3g} apart: normalised read-outs {gap:.3g} apart after"
            f" {LOOPS} loops"
        )
    return None


def _inward(rng: random.Random, keep: bool) -> PlanarLoop:
    """u = -n + b: a sink b/|b| of growth |b| - 1, which is negative without the assumption."""
    size = rng.uniform(1.5, 3) if keep else rng.uniform(0.2, 0.9)
    x, y = _turned(rng.uniform(-3, 3))
    block = PlanarBlock(on_direction(((-1.0, 0.0), (0.0, -1.0))), (size * x, size * y))
    return residual_loop((block,), (2 * size * x + 0.1, 2 * size * y))


def _read_out_moves(loop: PlanarLoop) -> str | None:
    states = [run(loop, loop.start, loops) for loops in (LOOPS, LOOPS + 1)]
    gap = math.dist(*map(rmsnorm, states))
    if gap > MOVES:
        size = math.hypot(*loop.blocks[0].bias)
        return (
            f"|b| = {size:.4g}: the normalised read-out still moves by {gap:.3g} per loop at"
            f" t = {LOOPS}"
        )
    return None


def approach_loop(nu: float, side: float, blocks: int, eps: float) -> PlanarLoop:
    """A loop that approaches n* = (1, 0) with a = 1 and P Du = nu at large norm.

    With two sub-blocks, their updates at n* have opposite components `side` across n*. With one,
    the component across n* depends on the length of N(h), so it appears only for eps > 0.
    """
    start = (20.0, 2.0)
    if blocks == 2:
        first = PlanarBlock(((0.0, 0.0), (0.0, 0.0)), (0.5, side))
        second = PlanarBlock(on_direction(((0.0, 0.0), (0.0, nu))), (0.5, -side))
        return residual_loop((first, second), start)
    matrix = on_direction(((0.0, 0.0), (side, nu)))  # u(N(h)) = (1, side (n_1 - 1) + nu n_2)
    return residual_loop((PlanarBlock(matrix, (1.0, -side), eps),), start)


def approach_exponent(loop: PlanarLoop, loops: int) -> float:
    """-d log(angle)/d log t between `loops` and 2 `loops` iterations of an `approach_loop`."""
    early, late = (run(loop, loop.start, n) for n in (loops, 2 * loops))
    return -math.log2(abs((late[1] / late[0]) / (early[1] / early[0])))


class Approach(NamedTuple):
    """The exponent mu/a of the linearised flow, and the loop."""

    exponent: float
    loop: PlanarLoop


def _approach(rng: random.Random, blocks: int, eps: float) -> Approach:
    nu = -rng.uniform(2, 3)
    return Approach(1 - nu, approach_loop(nu, rng.uniform(0.5, 1), blocks, eps))


def _slower(case: Approach) -> str | None:
    found = approach_exponent(case.loop, 2000)
    if found < case.exponent - SLOWER:
        count, eps = len(case.loop.blocks), case.loop.blocks[0].eps
        where = f"{count} sub-block(s), eps = {eps:.3g}, mu/a = {case.exponent:.4g}"
        return f"{where}: the direction settles like t^-{found:.4g}"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "every_direction_fixed",
        "sink",
        "without recall nearby inputs share the limit direction",
        _no_recall,
        lambda pair: math.hypot(*pair.loops[0].blocks[0].bias) > 0,
        _ends_apart,
        8,
    ),
    RandomFalsifier(
        "recall_turns_the_sink",
        "recall_free",
        "nearby inputs share the limit direction",
        _with_recall,
        lambda pair: pair.loops[0].blocks == pair.loops[1].blocks,
        _ends_apart,
        8,
    ),
    RandomFalsifier(
        "inward_sink",
        "outward",
        "the normalised read-out converges",
        _inward,
        lambda loop: math.hypot(*loop.blocks[0].bias) > 1,
        _read_out_moves,
    ),
    RandomFalsifier(
        "forcing_by_a_second_block",
        "one_sub_block",
        "the direction settles at the rate of the linearised flow",
        lambda rng, keep: _approach(rng, 1 if keep else 2, 0.0),
        lambda case: len(case.loop.blocks) == 1,
        _slower,
        8,
    ),
    RandomFalsifier(
        "forcing_by_epsilon",
        "eps_zero",
        "the direction settles at the rate of the linearised flow",
        lambda rng, keep: _approach(rng, 1, 0.0 if keep else rng.uniform(0.5, 2)),
        lambda case: case.loop.blocks[0].eps == 0,
        _slower,
        8,
    ),
)
