"""R3 and M4 against orbits: counterexamples with known numbers, and the approach to a sink."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planar_loops import IDENTITY, PlanarBlock, PlanarLoop, add, rmsnorm, run, scaled, step

from loopstab import formula
from loopstab.theory.drift.falsifiers.drift import peri

ZERO = ((0.0, 0.0), (0.0, 0.0))
ROOT = math.sqrt(2)


def residual_loop(blocks, start):
    """The loop h' = h + updates."""
    return PlanarLoop(IDENTITY, (0.0, 0.0), blocks, 1.0, start)


def on_direction(matrix):
    """The matrix which, applied to N(h) = R n, gives matrix n."""
    return scaled(1 / ROOT, matrix[0]), scaled(1 / ROOT, matrix[1])


def two_block_sink(rng, kick):
    """Two sub-blocks with J = 0 at h = n_1, with all weights disturbed by `kick` (R3 e)."""
    angle = rng.uniform(0, 2 * math.pi)
    n1 = math.cos(angle), math.sin(angle)
    n2 = (-n1[1], n1[0])
    blocks = []
    for here, there in ((n1, n2), (n2, n1)):
        # Du = -(1 - here here^T): on the tangent minus one, on `here` zero
        (x, y), noise = here, [(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(3)]
        first, second = on_direction(((-(1 - x**2), x * y), (x * y, -(1 - y**2))))
        matrix = add(first, scaled(kick, noise[0])), add(second, scaled(kick, noise[1]))
        bias = add(add(there, scaled(-1, here)), scaled(kick, noise[2]))
        blocks.append(PlanarBlock(matrix, bias))
    return residual_loop(tuple(blocks), n1)


def approach_loop(nu, side, blocks, eps):
    """A loop that approaches n* = (1, 0) with a = 1 and P Du = nu at large norm.

    With two sub-blocks, their updates at n* have opposite components `side` across n*. With one,
    the component across n* depends on the length of N(h), so it appears only for eps > 0.
    """
    start = (20.0, 2.0)
    if blocks == 2:
        first = PlanarBlock(ZERO, (0.5, side))
        second = PlanarBlock(on_direction(((0.0, 0.0), (0.0, nu))), (0.5, -side))
        return residual_loop((first, second), start)
    matrix = on_direction(((0.0, 0.0), (side, nu)))  # u(N(h)) = (1, side (n_1 - 1) + nu n_2)
    return residual_loop((PlanarBlock(matrix, (1.0, -side), eps),), start)


def approach_exponent(loop, loops):
    """-d log(angle)/d log t between `loops` and 2 `loops` iterations of an `approach_loop`."""
    early, late = (run(loop, loop.start, n) for n in (loops, 2 * loops))
    return -math.log2(abs((late[1] / late[0]) / (early[1] / early[0])))


def last_step(loop, loops):
    """|h_{t+1} - h_t| after t = `loops` iterations from the start."""
    state = run(loop, loop.start, loops)
    return math.dist(state, step(loop, state))


def relative_step(loop, loops):
    """|h_{t+1} - h_t|/|h_t| x t."""
    state = run(loop, loop.start, loops)
    return math.dist(state, step(loop, state)) / math.hypot(*state) * loops


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_bounded_for_ever_without_fixed_point(share):
    """u(n) = -R n + b, d = 16: |h| <= R + |b|, every step is R - |b| at least."""
    d, rng = 16, random.Random(0)
    root = math.sqrt(d)
    noise = [rng.gauss(0, 1) for _ in range(d)]
    bias = [share * root * x / math.hypot(*noise) for x in noise]
    state = [rng.gauss(0, 3) for _ in range(d)]
    for t in range(5000):
        size = math.hypot(*state)
        after = [x - root * x / size + b for x, b in zip(state, bias, strict=True)]
        assert math.dist(state, after) >= root * (1 - share) - 1e-9
        assert t < 100 or size <= root * (1 + share) + 1e-9
        state = after


def test_the_norm_over_time_oscillates():
    """u = (1 + 0.8 n_1) n + 3 J n: |h_t|/t swings between less than 0.8 and more than 1.25."""
    x, y = 1.0, 0.0
    ratios = {}
    for t in range(1, 40001):
        r = math.hypot(x, y)
        c, s = x / r, y / r
        gain = 1 + 0.8 * c
        x, y = x + gain * c - 3 * s, y + gain * s + 3 * c
        ratios[t] = math.hypot(x, y) / t
    for start in (500, 1000, 2000, 4000):
        window = [ratios[t] for t in range(start, 10 * start, start // 20)]
        assert max(window) > 1.25
        assert min(window) < 0.8


@pytest.mark.parametrize("omega", [0.3, 1.0, 2.0])
def test_a_direction_that_turns_for_ever(omega):
    loop = residual_loop(
        (PlanarBlock(on_direction(((1.0, -omega), (omega, 1.0))), (0.0, 0.0)),), (1.0, 0.0)
    )
    assert relative_step(loop, 20000) == pytest.approx(math.hypot(1, omega), rel=5e-3)
    assert math.hypot(*run(loop, loop.start, 20000)) / 20000 == pytest.approx(1, rel=5e-3)
    turns = [math.atan2(*reversed(run(loop, loop.start, n))) for n in (1000, 4000, 16000)]
    assert all(abs(a - b) > 0.1 for a, b in itertools.pairwise(turns))


@pytest.mark.parametrize("nu", [-1.0, 0.0, 0.5])
def test_a_settled_direction_gives_one_over_t(nu):
    loop = residual_loop(
        (PlanarBlock(on_direction(((1.0, 0.0), (0.0, nu))), (0.0, 0.0)),), (3.0, 1.0)
    )
    assert relative_step(loop, 5000) == pytest.approx(
        5000 * float(formula("drift_relative_step")(5000)), rel=0.02
    )


@pytest.mark.parametrize("seed", range(5))
def test_two_sub_blocks_can_rest(seed):
    """Superstable without disturbance, still attracting with one; within the radius of R3 e."""
    exact, disturbed = (two_block_sink(random.Random(seed), kick) for kick in (0.0, 0.05))
    assert math.dist(step(exact, exact.start), exact.start) < 1e-12
    near = (exact.start[0] + 1e-4, exact.start[1] - 1e-4)
    assert math.dist(run(exact, near, 2), exact.start) < 1e-7
    assert last_step(disturbed, 200) < 1e-12


@pytest.mark.parametrize("push", [0.3, 1.0, 3.0])
def test_the_radius_of_fixed_points(push):
    """No step vanishes beyond the radius, for |u_1| = push and u_2 of slope 1.

    u_1 = (push, 0), u_2 = -N(h + u_1)/R + (0, 1.9).
    """
    blocks = (
        PlanarBlock(ZERO, (push, 0.0)),
        PlanarBlock(on_direction(((-1.0, 0.0), (0.0, -1.0))), (0.0, 1.9)),
    )
    loop = residual_loop(blocks, (1.0, 0.0))
    circle = [(math.cos(k / 50), math.sin(k / 50)) for k in range(315)]
    delta = min(math.dist((push - c, 1.9 - s), (0, 0)) for c, s in circle)
    radius = float(formula("fixed_point_radius")(push, 1.0, delta))
    for scale in (1.0001, 2.0, 10.0):
        states = [(scale * radius * c, scale * radius * s) for c, s in circle]
        assert min(math.dist(state, step(loop, state)) for state in states) > 0


@pytest.mark.parametrize(
    ("nu", "blocks", "eps", "wanted"),
    [
        (0.5, 1, 0.0, 0.5),
        (-1.0, 1, 0.0, 2.0),
        (-2.5, 1, 0.0, 3.5),
        (-2.5, 1, 1.0, 2.0),
        (-2.5, 2, 0.0, 1.0),
        (0.5, 2, 0.0, 0.5),
    ],
)
def test_the_direction_settles_algebraically(nu, blocks, eps, wanted):
    """t^-min(j, mu/a) with j = oo, 2, 1 for one sub-block, one with eps > 0, two."""
    assert float(formula("direction_exponent")(nu, 1)) >= wanted
    assert approach_exponent(approach_loop(nu, 0.7, blocks, eps), 4000) == pytest.approx(
        wanted, abs=0.06
    )


def test_the_coefficient_of_the_forced_response():
    """Two sub-blocks, mu/a = 2: y_t ~ kappa/t with kappa = -side.

    In general kappa (mu/a - 1) = w/a^2 with w = nu side.
    """
    loops, side = 20000, 0.7
    state = run(approach_loop(-1.0, side, 2, 0.0), (20.0, 2.0), loops)
    assert state[1] / state[0] * loops == pytest.approx(-side, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.0, 0.6))
def test_the_limit_direction_moves_by_the_implicit_derivative(first, second, nu):
    """Internal recall, u = M n + e with M = diag(2, nu): D n_inf = -(DV)^{-1} D_e V."""

    def limit(e):
        n = (1.0, 0.0)
        # n -> (2 n + u(n))/|.|: the direction map at residual strength 2 has the same fixed points
        for _ in range(400):
            z = (4 * n[0] + e[0], (2 + nu) * n[1] + e[1])
            n = tuple(x / math.hypot(*z) for x in z)
        return n

    e, step_size = (first, second), 1e-5
    n = limit(e)
    tangent = (-n[1], n[0])
    growth = n[0] * (2 * n[0] + e[0]) + n[1] * (nu * n[1] + e[1])
    slope = 2 * tangent[0] ** 2 + nu * tangent[1] ** 2 - growth  # P Du - a
    for k in range(2):
        ends = [
            limit(tuple(x + sign * step_size * (i == k) for i, x in enumerate(e)))
            for sign in (1, -1)
        ]
        found = sum(t * (a - b) for t, a, b in zip(tangent, *ends, strict=True)) / (2 * step_size)
        assert found == pytest.approx(-tangent[k] / slope, rel=1e-5, abs=1e-7)


def test_the_normalised_read_out_follows_the_input_only_with_recall():
    def end(e, recall, start):
        turn = (2 * math.cos(e), 2 * math.sin(e)) if recall else (2.0, 0.0)
        block = PlanarBlock(on_direction(((0.5, 0.0), (0.0, 0.5))), turn)
        return rmsnorm(run(residual_loop((block,), start), start, 4000))

    apart = {
        recall: math.dist(end(0.0, recall, (1.0, 0.3)), end(0.4, recall, (1.0, 0.5)))
        for recall in (False, True)
    }
    assert apart[False] < 1e-2
    assert apart[True] == pytest.approx(math.sqrt(2) * 2 * math.sin(0.2), rel=0.05)


def test_a_gain_with_a_zero_lets_a_peri_loop_rest():
    """R3 (a) said 'none for any parameter': gamma = (0, 1), u = (1, 0) gives h' = h."""
    gain, update = peri((0, 1), (1, 0))[:2]
    added = [g * x for g, x in zip(gain, rmsnorm(tuple(map(float, update[0]))), strict=True)]
    assert added == [0, 0]
