"""Attacks on M4, directional fixed points: what happens when one assumption is dropped. Planar
loops with W_x = I.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from ...kernel.falsifier import Falsifier
from ...recall.planar import Block, Loop, Vector, rmsnorm, run
from .drift import on_direction, residual_loop


class Pair(NamedTuple):
    """The loop of two inputs; e enters through the start (h_0 = e) and, with recall, through the
    bias.
    """

    loops: tuple[Loop, Loop]


def _turned(x: float) -> Vector:
    return math.cos(x), math.sin(x)


def _settled(bias: Vector, pull: float, start: Vector) -> Loop:
    """u = n + bias, V = pull P_n bias: the sink is bias/|bias|, the growth 1 + |bias|."""
    return residual_loop(
        (Block(on_direction(((1.0, 0.0), (0.0, 1.0))), (pull * bias[0], pull * bias[1])),), start
    )


def _no_recall(rng: random.Random, hyperbolic: bool) -> Pair:
    """Two inputs a small angle apart; pull 0 makes every direction fixed."""
    sink, angle = rng.uniform(-3, 3), rng.uniform(0.2, 0.5)
    pull = rng.uniform(2, 4) if hyperbolic else 0.0
    first, second = (_settled(_turned(sink), pull, _turned(sink + angle + k)) for k in (0.0, 0.3))
    return Pair((first, second))


def _with_recall(rng: random.Random, keep: bool) -> Pair:
    """keep: the bias does not know the input; otherwise it turns with it."""
    if keep:
        return _no_recall(rng, True)
    sink, turn = rng.uniform(-3, 3), rng.uniform(0.1, 0.3)
    first, second = (_settled(_turned(sink + k), 3.0, _turned(sink + 0.2 + k)) for k in (0.0, turn))
    return Pair((first, second))


def _ends_apart(pair: Pair) -> str | None:
    ends = [rmsnorm(run(loop, loop.start, 3000)) for loop in pair.loops]
    gap = math.dist(*ends)
    if gap > 0.05:
        return (
            f"two inputs {math.dist(*(loop.start for loop in pair.loops)):.3g} apart: normalised"
            f" read-outs {gap:.3g} apart after 3000 loops"
        )
    return None


def _inward(rng: random.Random, keep: bool) -> Loop:
    """u = -n + b: sink b/|b| of growth |b| - 1."""
    size = rng.uniform(1.5, 3) if keep else rng.uniform(0.2, 0.9)
    x, y = _turned(rng.uniform(-3, 3))
    block = Block(on_direction(((-1.0, 0.0), (0.0, -1.0))), (size * x, size * y))
    return residual_loop((block,), (2 * size * x + 0.1, 2 * size * y))


def _read_out_moves(loop: Loop) -> str | None:
    states = [run(loop, loop.start, loops) for loops in (3000, 3001)]
    gap = math.dist(*map(rmsnorm, states))
    if gap > 1e-3:
        return (
            f"|b| = {math.hypot(*loop.blocks[0].bias):.4g}: the normalised read-out still moves by"
            f" {gap:.3g} per loop at t = 3000"
        )
    return None


def approach_loop(nu: float, side: float, blocks: int, eps: float) -> Loop:
    """n* = (1, 0), a = 1, P Du = nu at large norm; u(n*) is split sideways between two sub-blocks,
    or made by the length of N(h).
    """
    start = (20.0, 2.0)
    if blocks == 2:
        first = Block(((0.0, 0.0), (0.0, 0.0)), (0.5, side))
        second = Block(on_direction(((0.0, 0.0), (0.0, nu))), (0.5, -side))
        return residual_loop((first, second), start)
    matrix = on_direction(((0.0, 0.0), (side, nu)))  # u(N(h)) = (1, side (n_1 - 1) + nu n_2)
    return residual_loop((Block(matrix, (1.0, -side), eps),), start)


def approach_exponent(loop: Loop, loops: int) -> float:
    """-d log(angle)/d log t between `loops` and twice as many; the sink of `approach_loop` is (1,
    0).
    """
    early, late = (run(loop, loop.start, n) for n in (loops, 2 * loops))
    return -math.log2(abs((late[1] / late[0]) / (early[1] / early[0])))


class Approach(NamedTuple):
    """Exponent mu/a wanted by the linearised flow, and the loop."""

    exponent: float
    loop: Loop


def _approach(rng: random.Random, blocks: int, eps: float) -> Approach:
    nu = -rng.uniform(2, 3)
    return Approach(1 - nu, approach_loop(nu, rng.uniform(0.5, 1), blocks, eps))


def _slower(case: Approach) -> str | None:
    found = approach_exponent(case.loop, 2000)
    if found < case.exponent - 0.2:
        where = (
            f"{len(case.loop.blocks)} sub-block(s), eps = {case.loop.blocks[0].eps:.3g}, mu/a ="
            f" {case.exponent:.4g}"
        )
        return f"{where}: the direction settles like t^-{found:.4g}"
    return None


FALSIFIERS = (
    Falsifier(
        "every_direction_fixed",
        "sink",
        "without recall nearby inputs share the limit direction",
        _no_recall,
        lambda pair: math.hypot(*pair.loops[0].blocks[0].bias) > 0,
        _ends_apart,
        8,
    ),
    Falsifier(
        "recall_turns_the_sink",
        "recall_free",
        "nearby inputs share the limit direction",
        _with_recall,
        lambda pair: pair.loops[0].blocks == pair.loops[1].blocks,
        _ends_apart,
        8,
    ),
    Falsifier(
        "inward_sink",
        "outward",
        "the normalised read-out converges",
        _inward,
        lambda loop: math.hypot(*loop.blocks[0].bias) > 1,
        _read_out_moves,
    ),
    Falsifier(
        "forcing_by_a_second_block",
        "one_sub_block",
        "the direction settles at the rate of the linearised flow",
        lambda rng, keep: _approach(rng, 1 if keep else 2, 0.0),
        lambda case: len(case.loop.blocks) == 1,
        _slower,
        8,
    ),
    Falsifier(
        "forcing_by_epsilon",
        "eps_zero",
        "the direction settles at the rate of the linearised flow",
        lambda rng, keep: _approach(rng, 1, 0.0 if keep else rng.uniform(0.5, 2)),
        lambda case: case.loop.blocks[0].eps == 0,
        _slower,
        8,
    ),
)
