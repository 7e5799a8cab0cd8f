"""Attacks on R2, external recall with a bounded update, in planar loops (d = 2).

Each shows what breaks without one of the assumptions.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier
from ..planar import Matrix, PlanarBlock, PlanarLoop, Vector, add, apply, rmsnorm, run, scaled, step

FAR = 1e4
"""norm of a start from which an orbit should come in: to a tenth of it at least"""
SMALLEST_STEP = 1e-6
"""a step that stays above this on the axis does not vanish there"""


def _matrix(rng: random.Random) -> Matrix:
    return (rng.gauss(0, 1), rng.gauss(0, 1)), (rng.gauss(0, 1), rng.gauss(0, 1))


def _vector(rng: random.Random) -> Vector:
    return rng.gauss(0, 1), rng.gauss(0, 1)


def _weight(rng: random.Random, rho: float) -> Matrix:
    """A triangular matrix that is not normal, with an eigenvalue +-rho and a smaller one."""
    return (rng.choice((-1, 1)) * rho, rng.uniform(-1, 1)), (0.0, rng.uniform(-0.8, 0.8) * rho)


def _far(rng: random.Random, rho: float, normalised: bool = True) -> PlanarLoop:
    """A loop that starts far out; its update is normalised, or linear of slope 2/rho."""
    if normalised:
        block = PlanarBlock(_matrix(rng), _vector(rng), 0.01)
    else:
        block = PlanarBlock(((2 / rho, 0.0), (0.0, 2 / rho)), _vector(rng), 0.0, False)
    return PlanarLoop(
        _weight(rng, rho), _vector(rng), (block,), rho, scaled(FAR, rmsnorm(_vector(rng)))
    )


def _stays_far(loop: PlanarLoop) -> str | None:
    size = math.hypot(*run(loop, loop.start, 500))
    if size > FAR / 10:
        where = "normalised update" if loop.blocks[0].normalised else "update of slope 2/rho"
        return (
            f"rho(W_x) = {loop.rho:.4g}, {where}: from |h_0| = {math.hypot(*loop.start):.3g}, |h| ="
            f" {size:.3g} after 500 loops"
        )
    return None


def _line(rng: random.Random, keep: bool) -> PlanarLoop:
    """W_x = x I, u(n) = -k n, an offset b < x k R along the first axis.

    Every fixed point lies on that axis.
    """
    x, k = rng.uniform(0.2, 0.9), rng.uniform(0.5, 2)
    offset = (rng.uniform(0.1, 0.9) * x * k * math.sqrt(2), 0.0)
    block = PlanarBlock(((-k, 0.0), (0.0, -k)), (0.0, 0.0), rng.uniform(1e-4, 0.1) if keep else 0.0)
    return PlanarLoop(((x, 0.0), (0.0, x)), offset, (block,), x, (0.0, 0.0))


def _no_fixed_point(loop: PlanarLoop) -> str | None:
    """Bisection on the axis, where the step changes sign: does it become small?"""

    def gap(h: float) -> float:
        return step(loop, (h, 0.0))[0] - h

    low, high = -100.0, 100.0
    for _ in range(45):
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) > 0 else (low, middle)
    smallest = min(abs(gap(low)), abs(gap(high)))
    if smallest > SMALLEST_STEP:
        return (
            f"x = {loop.rho:.4g}, eps = {loop.blocks[0].eps:g}: the step jumps across 0 and is"
            f" never below {smallest:.4g} on the axis"
        )
    return None


def threshold_example(start: Vector) -> PlanarLoop:
    """The loop of R2 with rho(W_x) = 1.05 and a stable fixed point (0, 10/9)."""
    return PlanarLoop(
        ((1.05, 0.0), (0.0, 0.1)),
        (0.0, 1.0),
        (PlanarBlock(((-0.5, 0.0), (0.0, 0.0)), (0.0, 0.0)),),
        1.05,
        start,
    )


def _around(rng: random.Random, keep: bool) -> PlanarLoop:
    """A start outside the escape radius 10 sqrt(2), or well inside it."""
    side = rng.choice((-1, 1))
    size = rng.uniform(14.2, 40) if keep else rng.uniform(0, 13)
    return threshold_example((side * size, rng.uniform(0, 5)))


def _comes_back(loop: PlanarLoop) -> str | None:
    # just beyond the escape radius 14.14 the orbit leaves slowly: in 800 iterations the rate 1.05
    # turns a distance of 0.05 into 1e15
    end = run(loop, loop.start, 800)
    if math.hypot(*end) < 100:
        return (
            f"W_x = diag(1.05, 0.1), h_0 = ({loop.start[0]:.4g}, {loop.start[1]:.4g}): h_800 ="
            f" ({end[0]:.4g}, {end[1]:.4g})"
        )
    return None


class Fixed(NamedTuple):
    """A loop with a known fixed point; its start is the direction in which it is displaced."""

    loop: PlanarLoop
    point: Vector


def _one_block(rng: random.Random, eps: float) -> Fixed:
    """W_x = omega I with one sub-block; for eps > 0 its slope makes the fixed point stable."""
    omega = rng.uniform(1.05, 1.15)
    z = scaled(rng.uniform(0.5, 2), rmsnorm(_vector(rng)))
    matrix = _matrix(rng)
    if eps > 0:
        s = math.sqrt(math.hypot(*z) ** 2 / 2 + eps)
        matrix = ((-s, 0.0), (0.0, -s))  # multipliers omega (1 - 1) and omega (1 - eps/s^2)
    bias = scaled(-1, apply(matrix, rmsnorm(z, eps)))  # u(N(z)) = 0, so h* = z
    offset = scaled(1 - omega, z)
    return _fixed(omega, offset, (PlanarBlock(matrix, bias, eps),), z)


def _fixed(omega: float, offset: Vector, blocks: tuple[PlanarBlock, ...], z: Vector) -> Fixed:
    return Fixed(PlanarLoop(((omega, 0.0), (0.0, omega)), offset, blocks, omega, z), z)


def _two_blocks(rng: random.Random) -> Fixed:
    """W_x = omega I with two sub-blocks that read streams at an angle.

    Their slopes cancel both tangential directions, so that rho(J) = omega cos^2(angle).
    """
    omega, angle, turn = rng.uniform(1.05, 1.15), rng.uniform(0, 2 * math.pi), rng.uniform(1.0, 1.4)
    z = scaled(rng.uniform(0.5, 2), (math.cos(angle), math.sin(angle)))
    z1 = math.cos(angle + turn), math.sin(angle + turn)
    blocks = []
    for stream, target in ((z, z1), (z1, z)):
        size = math.hypot(*stream) / math.sqrt(2)  # DN = (1/size) on the tangent
        matrix = ((-size, 0.0), (0.0, -size))
        bias = add(add(target, scaled(-1, stream)), scaled(-1, apply(matrix, rmsnorm(stream))))
        blocks.append(PlanarBlock(matrix, bias))
    return _fixed(omega, scaled(1 - omega, z), tuple(blocks), z)


def _scalar_weight(rng: random.Random, keep: bool) -> Fixed:
    """W_x = omega I, or the example of rho(W_x) = 1.05 with its stable fixed point."""
    return _one_block(rng, 0.0) if keep else Fixed(threshold_example((0.0, 10 / 9)), (0.0, 10 / 9))


def _is_scalar(case: Fixed) -> bool:
    (a, b), (c, d) = case.loop.weight
    return a == d and b == c == 0


def _attracts(case: Fixed) -> str | None:
    """Displace the state from the fixed point by 1e-6 along `start`, and see if it returns."""
    start = add(case.point, scaled(1e-6, case.loop.start))
    before, after = (math.dist(x, case.point) for x in (start, run(case.loop, start, 60)))
    if after < before / 2:
        count, eps = len(case.loop.blocks), case.loop.blocks[0].eps
        where = f"rho(W_x) = {case.loop.rho:.4g}, {count} sub-block(s), eps = {eps:.3g}"
        return (
            f"{where}: a displacement of {before:.3g} along the state falls to {after:.3g} in 60"
            " loops"
        )
    return None


class Critical(NamedTuple):
    """W_x = J_k(rho), a Jordan block of size k = `size`, and a constant push."""

    size: int
    rho: float


def _critical(rng: random.Random, keep: bool) -> Critical:
    return Critical(rng.randint(1, 4), 1.0 if keep else rng.uniform(1.02, 1.2))


def _outgrows(case: Critical) -> str | None:
    state = [0.0] * case.size
    loops = 1000
    for _ in range(loops):
        state = [case.rho * x + y for x, y in zip(state, [*state[1:], 1.0], strict=True)]
    if state[0] > loops**case.size:
        return (
            f"a Jordan block of size {case.size} at {case.rho:.4g}: |h| = {state[0]:.3g} >"
            f" t^{case.size} at t = {loops}"
        )
    return None


FALSIFIERS = (
    RandomFalsifier(
        "expanding_state_weight",
        "contractive",
        "from afar the orbit comes in",
        lambda rng, keep: _far(rng, rng.uniform(0.3, 0.9) if keep else rng.uniform(1.02, 1.3)),
        lambda loop: loop.rho < 1,
        _stays_far,
    ),
    RandomFalsifier(
        "unbounded_update",
        "normalisation",
        "from afar the orbit comes in",
        lambda rng, keep: _far(rng, rng.uniform(0.3, 0.9), keep),
        lambda loop: loop.blocks[0].normalised,
        _stays_far,
    ),
    RandomFalsifier(
        "jump_at_zero",
        "eps_positive",
        "there is a fixed point",
        _line,
        lambda loop: loop.blocks[0].eps > 0,
        _no_fixed_point,
    ),
    RandomFalsifier(
        "start_inside",
        "escaping",
        "rho(W_x) > 1: the orbit diverges",
        _around,
        lambda loop: abs(loop.start[0]) > 10 * math.sqrt(2),
        _comes_back,
    ),
    RandomFalsifier(
        "not_critical",
        "critical",
        "|h_t| <= t^k for a Jordan block of size k and a push of size 1",
        _critical,
        lambda case: case.rho == 1,
        _outgrows,
    ),
    RandomFalsifier(
        "second_sub_block",
        "one_sub_block",
        "|omega| > 1: no fixed point attracts along its own ray",
        lambda rng, keep: _one_block(rng, 0.0) if keep else _two_blocks(rng),
        lambda case: len(case.loop.blocks) == 1,
        _attracts,
    ),
    RandomFalsifier(
        "epsilon_at_the_state",
        "eps_zero",
        "|omega| > 1: no fixed point attracts along its own ray",
        lambda rng, keep: _one_block(rng, 0.0 if keep else rng.uniform(0.5, 2)),
        lambda case: case.loop.blocks[0].eps == 0,
        _attracts,
    ),
    RandomFalsifier(
        "anisotropic_weight",
        "scalar_weight",
        "rho(W_x) > 1: no fixed point attracts along its own ray",
        _scalar_weight,
        _is_scalar,
        _attracts,
    ),
)
