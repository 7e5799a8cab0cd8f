"""N5 against finite differences through the loop, and the counterexamples to its wider forms."""

import math
import random

import pytest

from loopstab import formula
from loopstab.theory.outer_norm.falsifiers.gradients import NormalisedLoop, draw, on_sphere

BOUND, ERROR = formula("gradient_bound"), formula("truncation_bound")


def _end(loop: NormalisedLoop, theta: float) -> list[float]:
    h = on_sphere([x + theta * y for x, y in zip(loop.start, loop.start_gradient, strict=True)])
    for _ in range(loop.loops):
        h = on_sphere([z + theta * b for z, b in zip(loop.update(h), loop.direct, strict=True)])
    return h


@pytest.mark.parametrize("seed", range(20))
def test_chain_rule_against_finite_differences(seed):
    loop = draw(random.Random(seed), start_gradient=1.0)
    step = 1e-5
    ends = [_end(loop, sign * step) for sign in (1, -1)]
    twin = [(x - y) / (2 * step) for x, y in zip(*ends, strict=True)]
    assert loop.gradients()[0] == pytest.approx(twin, abs=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_bounds_hold_with_a_trained_encoder(seed):
    length = 10.0 ** (seed % 4 - 1)
    loop = draw(random.Random(seed), start_gradient=length)
    full, top, _ = loop.gradients()
    assert math.hypot(*full) <= BOUND(loop.kappa, loop.loops, top, length) * (1 + 1e-9)
    for cut in (1, loop.loops - 1):
        assert math.dist(full, loop.gradients(cut)[0]) <= ERROR(
            loop.kappa, cut, loop.loops, top, length
        ) * (1 + 1e-9)


def test_gradient_converges_to_the_derivative_of_the_fixed_point():
    loop = draw(random.Random(7), start_gradient=5.0)._replace(loops=200)
    assert loop.gradients()[0] == pytest.approx(loop._replace(loops=400).gradients()[0], abs=1e-9)


def test_truncation_needs_the_term_of_the_encoder():
    """Without it the bound kappa^k sup|F|/(1 - kappa) = 1 fails: here the error is 25.5.

    h' = h/2 + theta, dh_0/dtheta = 100, T = 2, k = 1.
    """
    kappa, start = 0.5, 100
    full, kept = kappa * (kappa * start + 1) + 1, 1
    assert full - kept == 25.5
    assert ERROR(kappa, 1, 2, 1, start) == 25.5
    assert ERROR(kappa, 1, 2, 1, 0) <= 1
