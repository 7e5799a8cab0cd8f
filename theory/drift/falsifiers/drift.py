"""Attacks on R3, drift, in planar loops with W_x = I: what breaks without an assumption."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier
from ...recall.planar import (
    IDENTITY,
    Matrix,
    PlanarBlock,
    PlanarLoop,
    Vector,
    add,
    apply,
    rmsnorm,
    run,
    scaled,
    step,
)

ROOT = math.sqrt(2)
"""R = sqrt(d) for d = 2: a matrix divided by it, applied to N(h) = R n, acts on n"""
SETTLED = 1e-10
"""step below which a loop counts as being at rest"""
ROUNDING = 1e-6
"""rounding that is allowed in a norm after 500 iterations"""
SHARE = 0.05
"""deviation of relative step x t from 1 that counts as another limit"""
UNSETTLED = 0.05
"""angle from the sink, in radians, that counts as not settled"""
STARTED = 1e-12
"""the same for a start that is fixed up to rounding"""


def residual_loop(blocks: tuple[PlanarBlock, ...], start: Vector) -> PlanarLoop:
    """The loop h' = h + updates."""
    return PlanarLoop(IDENTITY, (0.0, 0.0), blocks, 1.0, start)


def on_direction(matrix: Matrix) -> Matrix:
    """The matrix which, applied to N(h) = R n, gives matrix n."""
    return scaled(1 / ROOT, matrix[0]), scaled(1 / ROOT, matrix[1])


def _matrix(rng: random.Random) -> Matrix:
    return (rng.gauss(0, 1), rng.gauss(0, 1)), (rng.gauss(0, 1), rng.gauss(0, 1))


def _direction(rng: random.Random) -> Vector:
    angle = rng.uniform(0, 2 * math.pi)
    return math.cos(angle), math.sin(angle)


def last_step(loop: PlanarLoop, loops: int) -> float:
    """|h_{t+1} - h_t| after t = `loops` iterations from the start."""
    state = run(loop, loop.start, loops)
    return math.dist(state, step(loop, state))


def _biased(rng: random.Random, keep: bool) -> PlanarLoop:
    """A start on a direction whose update the bias cancels, or with an unrelated bias (keep)."""
    matrix, n = _matrix(rng), _direction(rng)
    bias = _direction(rng) if keep else scaled(-1, apply(matrix, rmsnorm(n)))
    return residual_loop((PlanarBlock(matrix, bias),), scaled(rng.uniform(0.5, 3), n))


def _is_generic(loop: PlanarLoop) -> bool:
    block = loop.blocks[0]
    return math.hypot(*add(block.bias, apply(block.matrix, rmsnorm(loop.start)))) > STARTED


def _starts_fixed(loop: PlanarLoop) -> str | None:
    if last_step(loop, 20) < STARTED:
        x, y = loop.start
        return f"b = -u(n) at n = ({x:.4g}, {y:.4g})/|.|: the whole ray is fixed"
    return None


def two_block_sink(rng: random.Random, kick: float) -> PlanarLoop:
    """Two sub-blocks with J = 0 at h = n_1, with all weights disturbed by `kick` (R3 e)."""
    n1 = _direction(rng)
    n2 = (-n1[1], n1[0])
    blocks = []
    for here, there in ((n1, n2), (n2, n1)):
        # Du = -(1 - here here^T): on the tangent minus one, on `here` zero
        (x, y), noise = here, _matrix(rng)
        first, second = on_direction(((-(1 - x**2), x * y), (x * y, -(1 - y**2))))
        matrix = add(first, scaled(kick, noise[0])), add(second, scaled(kick, noise[1]))
        bias = add(there, scaled(-1, here))
        blocks.append(PlanarBlock(matrix, add(bias, scaled(kick, _direction(rng)))))
    return residual_loop(tuple(blocks), n1)


def _blocks(rng: random.Random, keep: bool) -> PlanarLoop:
    loop = two_block_sink(rng, 0.02)
    return residual_loop(loop.blocks[:1], loop.start) if keep else loop


def _epsilon(rng: random.Random, keep: bool) -> PlanarLoop:
    """u = -k N(h) + b with a small bias: for eps > 0 there is a fixed point, N(h) = b/k."""
    k, eps = rng.uniform(0.3, 1), rng.uniform(0.3, 1)
    bias = scaled(rng.uniform(0.1, 0.6) * k, _direction(rng))
    return residual_loop(
        (PlanarBlock(((-k, 0.0), (0.0, -k)), bias, 0.0 if keep else eps),), _direction(rng)
    )


def _settles(loop: PlanarLoop) -> str | None:
    gap = last_step(loop, 2000)
    if gap < SETTLED:
        count, eps = len(loop.blocks), loop.blocks[0].eps
        end = run(loop, loop.start, 2000)
        return (
            f"{count} sub-block(s), eps = {eps:.3g}: the loop is at rest at ({end[0]:.4g},"
            f" {end[1]:.4g}), step {gap:.2g}"
        )
    return None


def _shifted_circle(rng: random.Random, keep: bool) -> PlanarLoop:
    """u(n) = -k n + b: its values are a circle around b, and 0 is outside its hull iff |b| > k."""
    k = rng.uniform(0.5, 2)
    bias = scaled(k * (rng.uniform(1.1, 2) if keep else rng.uniform(0.2, 0.9)), _direction(rng))
    return residual_loop(
        (PlanarBlock(on_direction(((-k, 0.0), (0.0, -k))), bias),), _direction(rng)
    )


def _distance_to_circle(loop: PlanarLoop) -> float:
    """|b| - k: where it is positive, the distance of 0 from the hull."""
    return math.hypot(*loop.blocks[0].bias) + ROOT * loop.blocks[0].matrix[0][0]


def _grows_slower(loop: PlanarLoop) -> str | None:
    loops, rate = 500, abs(_distance_to_circle(loop))
    size = math.hypot(*run(loop, loop.start, loops))
    if size < rate * loops - math.hypot(*loop.start) - ROUNDING:
        k, b = -ROOT * loop.blocks[0].matrix[0][0], math.hypot(*loop.blocks[0].bias)
        return (
            f"u(n) = -{k:.4g} n + b, |b| = {b:.4g}: |h| = {size:.4g} after {loops} loops, and every"
            f" step is {rate:.3g} at least"
        )
    return None


def _near_ray(rng: random.Random, keep: bool) -> PlanarLoop:
    """u = M n with the sink (1, 0) of growth a = 1 (keep), or n plus a turn of the plane."""
    nu, omega = rng.uniform(-1.5, 0.3), rng.choice((-1, 1)) * rng.uniform(0.5, 2)
    matrix = ((1.0, 0.0), (0.0, nu)) if keep else ((1.0, -omega), (omega, 1.0))
    return residual_loop(
        (PlanarBlock(on_direction(matrix), (0.0, 0.0)),),
        (rng.uniform(2, 4), rng.uniform(-0.5, 0.5)),
    )


def _inward(rng: random.Random, keep: bool) -> PlanarLoop:
    """u = -n + b: a sink b/|b| of growth |b| - 1, which is negative without the assumption."""
    size = rng.uniform(1.5, 3) if keep else rng.uniform(0.2, 0.9)
    bias = scaled(size, _direction(rng))
    return residual_loop(
        (PlanarBlock(on_direction(((-1.0, 0.0), (0.0, -1.0))), bias),), scaled(2.0, bias)
    )


def _not_one_over_t(loop: PlanarLoop) -> str | None:
    loops = 3000
    state = run(loop, loop.start, loops)
    value = math.dist(state, step(loop, state)) / math.hypot(*state) * loops
    if abs(value - 1) > SHARE:
        growth = math.hypot(*state) / loops
        return f"relative step x t = {value:.4g} at t = {loops}, |h|/t = {growth:.4g}"
    return None


class Tokens(NamedTuple):
    """Planar tokens with directions at the angles x_i.

    u_i = a_i n_i + (Sum_j v_ij sin x_j) J n_i, so V has the Jacobian (v_ij) at x = 0.
    """

    growths: tuple[float, ...]
    slopes: tuple[tuple[float, ...], ...]
    angles: tuple[float, ...]


def _tokens(rng: random.Random, keep: bool) -> Tokens:
    """One token, or two with a sink of V (trace -2, determinant 5), not of V_i/a_i (trace 1)."""
    if keep:
        return Tokens((rng.uniform(0.5, 2),), ((-rng.uniform(0.5, 2),),), (rng.uniform(-0.3, 0.3),))
    return Tokens(
        (0.25, 1.0), ((1.0, -4.0), (2.0, -3.0)), (rng.uniform(0.01, 0.1), rng.uniform(-0.1, 0.1))
    )


def _unsettled(case: Tokens) -> str | None:
    """Iterate in polar coordinates, r' e^{i x'} = (r + a + i v) e^{i x}, from r = 10 a."""
    radii, angles = [10 * a for a in case.growths], list(case.angles)
    loops = 20000
    for _ in range(loops):
        turns = [
            sum(v * math.sin(x) for v, x in zip(row, angles, strict=True)) for row in case.slopes
        ]
        outs = [r + a for r, a in zip(radii, case.growths, strict=True)]
        radii = [math.hypot(s, v) for s, v in zip(outs, turns, strict=True)]
        angles = [x + math.atan2(v, s) for x, v, s in zip(angles, turns, outs, strict=True)]
    if max(abs(x) for x in angles) > UNSETTLED:
        off = ", ".join(f"{x:.3g}" for x in angles)
        where = f"growths {case.growths}, DV = {case.slopes}"
        return f"{where}: after {loops} loops the directions are {off} off"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "cancelling_bias",
        "generic_bias",
        "the start is not fixed",
        _biased,
        _is_generic,
        _starts_fixed,
    ),
    RandomFalsifier(
        "second_sub_block",
        "one_sub_block",
        "the loop never rests",
        _blocks,
        lambda loop: len(loop.blocks) == 1,
        _settles,
    ),
    RandomFalsifier(
        "epsilon_opens_the_ball",
        "eps_zero",
        "the loop never rests",
        _epsilon,
        lambda loop: loop.blocks[0].eps == 0,
        _settles,
    ),
    RandomFalsifier(
        "zero_in_the_hull",
        "outside_hull",
        "|h_t| >= c_0 t - |h_0|, c_0 the distance of the values of u from 0",
        _shifted_circle,
        lambda loop: _distance_to_circle(loop) > 0,
        _grows_slower,
    ),
    RandomFalsifier(
        "turning_direction",
        "sink",
        "relative step x t -> 1",
        _near_ray,
        lambda loop: loop.blocks[0].matrix[0][1] == 0,
        _not_one_over_t,
    ),
    RandomFalsifier(
        "inward_sink",
        "outward",
        "relative step x t -> 1",
        _inward,
        lambda loop: math.hypot(*loop.blocks[0].bias) > 1,
        _not_one_over_t,
    ),
    RandomFalsifier(
        "tokens_of_unequal_growth",
        "one_token",
        "near a sink of V the directions settle",
        _tokens,
        lambda case: len(case.growths) == 1,
        _unsettled,
        4,
    ),
)
