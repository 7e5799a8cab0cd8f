"""Attacks on R3, drift: what happens when one assumption is dropped. Planar loops with W_x = I."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from ...kernel.falsifier import Falsifier
from ...recall.planar import (
    IDENTITY,
    Block,
    Loop,
    Matrix,
    Vector,
    add,
    apply,
    rmsnorm,
    run,
    scaled,
    step,
)

ROOT = math.sqrt(2)
"""R for d = 2: a matrix divided by it acts on the unit direction"""


def residual_loop(blocks: tuple[Block, ...], start: Vector) -> Loop:
    """h' = h + updates."""
    return Loop(IDENTITY, (0.0, 0.0), blocks, 1.0, start)


def on_direction(matrix: Matrix) -> Matrix:
    """The matrix to apply to N(h) = R n so that the update is matrix n."""
    return scaled(1 / ROOT, matrix[0]), scaled(1 / ROOT, matrix[1])


def _matrix(rng: random.Random) -> Matrix:
    return (rng.gauss(0, 1), rng.gauss(0, 1)), (rng.gauss(0, 1), rng.gauss(0, 1))


def _direction(rng: random.Random) -> Vector:
    angle = rng.uniform(0, 2 * math.pi)
    return math.cos(angle), math.sin(angle)


def last_step(loop: Loop, loops: int) -> float:
    """|h_{t+1} - h_t| after so many loops from the start."""
    state = run(loop, loop.start, loops)
    return math.dist(state, step(loop, state))


def _biased(rng: random.Random, keep: bool) -> Loop:
    """Started on the direction whose update the bias cancels (keep false), or with a bias that has
    nothing to do with it.
    """
    matrix, n = _matrix(rng), _direction(rng)
    bias = _direction(rng) if keep else scaled(-1, apply(matrix, rmsnorm(n)))
    return residual_loop((Block(matrix, bias),), scaled(rng.uniform(0.5, 3), n))


def _is_generic(loop: Loop) -> bool:
    block = loop.blocks[0]
    return math.hypot(*add(block.bias, apply(block.matrix, rmsnorm(loop.start)))) > 1e-12


def _starts_fixed(loop: Loop) -> str | None:
    if last_step(loop, 20) < 1e-12:
        return (
            f"b = -u(n) at n = ({loop.start[0]:.4g}, {loop.start[1]:.4g})/|.|: the whole ray is"
            " fixed"
        )
    return None


def two_block_sink(rng: random.Random, kick: float) -> Loop:
    """Two sub-blocks with J = 0 at h = n_1, then all weights disturbed by `kick` (R3 e)."""
    n1 = _direction(rng)
    n2 = (-n1[1], n1[0])
    blocks = []
    for here, there in ((n1, n2), (n2, n1)):
        # Du = -(1 - here here^T): on the tangent minus one, on `here` zero
        first, second = on_direction(
            ((-(1 - here[0] ** 2), here[0] * here[1]), (here[0] * here[1], -(1 - here[1] ** 2)))
        )
        noise = _matrix(rng)
        matrix = add(first, scaled(kick, noise[0])), add(second, scaled(kick, noise[1]))
        blocks.append(
            Block(matrix, add(add(there, scaled(-1, here)), scaled(kick, _direction(rng))))
        )
    return residual_loop(tuple(blocks), n1)


def _blocks(rng: random.Random, keep: bool) -> Loop:
    loop = two_block_sink(rng, 0.02)
    return residual_loop(loop.blocks[:1], loop.start) if keep else loop


def _epsilon(rng: random.Random, keep: bool) -> Loop:
    """u = -k N(h) + b with a small bias: fixed at N(h) = b/k when eps > 0 makes the ball
    available.
    """
    k, eps = rng.uniform(0.3, 1), rng.uniform(0.3, 1)
    bias = scaled(rng.uniform(0.1, 0.6) * k, _direction(rng))
    return residual_loop(
        (Block(((-k, 0.0), (0.0, -k)), bias, 0.0 if keep else eps),), _direction(rng)
    )


def _settles(loop: Loop) -> str | None:
    gap = last_step(loop, 2000)
    if gap < 1e-10:
        count, eps = len(loop.blocks), loop.blocks[0].eps
        end = run(loop, loop.start, 2000)
        return (
            f"{count} sub-block(s), eps = {eps:.3g}: the loop is at rest at ({end[0]:.4g},"
            f" {end[1]:.4g}), step {gap:.2g}"
        )
    return None


def _shifted_circle(rng: random.Random, keep: bool) -> Loop:
    """u(n) = -k n + b: its values fill a circle of radius k around b, and 0 is outside its hull iff
    |b| > k.
    """
    k = rng.uniform(0.5, 2)
    bias = scaled(k * (rng.uniform(1.1, 2) if keep else rng.uniform(0.2, 0.9)), _direction(rng))
    return residual_loop((Block(on_direction(((-k, 0.0), (0.0, -k))), bias),), _direction(rng))


def _distance_to_circle(loop: Loop) -> float:
    """|b| - k: the distance of 0 to the hull where positive."""
    return math.hypot(*loop.blocks[0].bias) + ROOT * loop.blocks[0].matrix[0][0]


def _grows_slower(loop: Loop) -> str | None:
    loops, rate = 500, abs(_distance_to_circle(loop))
    size = math.hypot(*run(loop, loop.start, loops))
    if size < rate * loops - math.hypot(*loop.start) - 1e-6:
        k, b = -ROOT * loop.blocks[0].matrix[0][0], math.hypot(*loop.blocks[0].bias)
        return (
            f"u(n) = -{k:.4g} n + b, |b| = {b:.4g}: |h| = {size:.4g} after {loops} loops, and every"
            f" step is {rate:.3g} at least"
        )
    return None


def _near_ray(rng: random.Random, keep: bool) -> Loop:
    """u = M n with the sink n = (1, 0) of growth a = 1, or a turn of the plane added to n."""
    nu, omega = rng.uniform(-1.5, 0.3), rng.choice((-1, 1)) * rng.uniform(0.5, 2)
    matrix = ((1.0, 0.0), (0.0, nu)) if keep else ((1.0, -omega), (omega, 1.0))
    return residual_loop(
        (Block(on_direction(matrix), (0.0, 0.0)),), (rng.uniform(2, 4), rng.uniform(-0.5, 0.5))
    )


def _inward(rng: random.Random, keep: bool) -> Loop:
    """u = -n + b: sink b/|b| of growth |b| - 1."""
    size = rng.uniform(1.5, 3) if keep else rng.uniform(0.2, 0.9)
    bias = scaled(size, _direction(rng))
    return residual_loop(
        (Block(on_direction(((-1.0, 0.0), (0.0, -1.0))), bias),), scaled(2.0, bias)
    )


def _not_one_over_t(loop: Loop) -> str | None:
    loops = 3000
    state = run(loop, loop.start, loops)
    value = math.dist(state, step(loop, state)) / math.hypot(*state) * loops
    if abs(value - 1) > 0.05:
        return (
            f"relative step x t = {value:.4g} at t = {loops}, |h|/t ="
            f" {math.hypot(*state) / loops:.4g}"
        )
    return None


class Tokens(NamedTuple):
    """Planar tokens with directions at angle x_i: u_i = a_i n_i + (Sum_j v_ij sin x_j) J n_i; V has
    the Jacobian (v_ij) at x = 0.
    """

    growths: tuple[float, ...]
    slopes: tuple[tuple[float, ...], ...]
    angles: tuple[float, ...]


def _tokens(rng: random.Random, keep: bool) -> Tokens:
    """One token, or two whose V has a sink (trace -2, determinant 5) that V_i/a_i has not (trace
    1).
    """
    if keep:
        return Tokens((rng.uniform(0.5, 2),), ((-rng.uniform(0.5, 2),),), (rng.uniform(-0.3, 0.3),))
    return Tokens(
        (0.25, 1.0), ((1.0, -4.0), (2.0, -3.0)), (rng.uniform(0.01, 0.1), rng.uniform(-0.1, 0.1))
    )


def _unsettled(case: Tokens) -> str | None:
    """Polar steps: r' e^{i x'} = (r + a + i v) e^{i x}, from r = 10 a."""
    radii, angles = [10 * a for a in case.growths], list(case.angles)
    for _ in range(20000):
        turns = [
            sum(v * math.sin(x) for v, x in zip(row, angles, strict=True)) for row in case.slopes
        ]
        outs = [r + a for r, a in zip(radii, case.growths, strict=True)]
        radii = [math.hypot(s, v) for s, v in zip(outs, turns, strict=True)]
        angles = [x + math.atan2(v, s) for x, v, s in zip(angles, turns, outs, strict=True)]
    if max(abs(x) for x in angles) > 0.05:
        return (
            f"growths {case.growths}, DV = {case.slopes}: after 20000 loops the directions are"
            f" {', '.join(f'{x:.3g}' for x in angles)} off"
        )
    return None


FALSIFIERS = (
    Falsifier(
        "cancelling_bias",
        "generic_bias",
        "the start is not fixed",
        _biased,
        _is_generic,
        _starts_fixed,
    ),
    Falsifier(
        "second_sub_block",
        "one_sub_block",
        "the loop never rests",
        _blocks,
        lambda loop: len(loop.blocks) == 1,
        _settles,
    ),
    Falsifier(
        "epsilon_opens_the_ball",
        "eps_zero",
        "the loop never rests",
        _epsilon,
        lambda loop: loop.blocks[0].eps == 0,
        _settles,
    ),
    Falsifier(
        "zero_in_the_hull",
        "outside_hull",
        "|h_t| >= c_0 t - |h_0|, c_0 the distance of the values of u from 0",
        _shifted_circle,
        lambda loop: _distance_to_circle(loop) > 0,
        _grows_slower,
    ),
    Falsifier(
        "turning_direction",
        "sink",
        "relative step x t -> 1",
        _near_ray,
        lambda loop: loop.blocks[0].matrix[0][1] == 0,
        _not_one_over_t,
    ),
    Falsifier(
        "inward_sink",
        "outward",
        "relative step x t -> 1",
        _inward,
        lambda loop: math.hypot(*loop.blocks[0].bias) > 1,
        _not_one_over_t,
    ),
    Falsifier(
        "tokens_of_unequal_growth",
        "one_token",
        "near a sink of V the directions settle",
        _tokens,
        lambda case: len(case.growths) == 1,
        _unsettled,
        4,
    ),
)
