"""N5: the exact loops of its predicates against slow twins, and counterexamples to wider forms."""

import math
import random

import pytest
import sympy as sp

from loopstab import formula
from loopstab.theory.outer_norm.falsifiers.exact_states import dot
from loopstab.theory.outer_norm.falsifiers.gradients import (
    GRADIENT,
    MEMORY,
    TRUNCATED,
    linear_loop,
    sphere_loop,
)

HALF = sp.Rational(1, 2)
BOUND, ERROR = formula("gradient_bound"), formula("truncation_bound")


def _end(loop, theta):
    """h_T of h' = M h + theta v from h_0 = theta g, in floats."""
    matrix = [[int(x.p) / int(x.q) for x in row] for row in loop.matrix.tolist()]
    start, direct = ([int(x.p) / int(x.q) for x in v.entries()] for v in (loop.start, loop.direct))
    h = [theta * x for x in start]
    for _ in range(loop.loops):
        h = [
            sum(a * x for a, x in zip(row, h, strict=True)) + theta * v
            for row, v in zip(matrix, direct, strict=True)
        ]
    return h


@pytest.mark.parametrize("seed", range(20))
def test_chain_rule_against_the_loop_itself(seed):
    rng = random.Random(seed)
    d = rng.randint(1, 3)
    matrix = [[f"{rng.randint(-4, 4)}/16" for _ in range(d)] for _ in range(d)]
    vectors = [[rng.randint(-5, 5) for _ in range(d)] for _ in range(2)]
    loop = linear_loop(matrix, vectors[0], "15/16", rng.randint(1, 6), start=vectors[1])
    exact = [int(x.p) / int(x.q) for x in loop.gradient().entries()]
    assert exact == pytest.approx(_end(loop, 1.0))
    assert GRADIENT.broken(loop) == ()
    assert GRADIENT.refute(loop) is None


@pytest.mark.parametrize(("start", "loops"), [(1, 1), (-1, 1), (1, 4), (-1, 3), ("5/2", 1)])
def test_perturbations_across_the_input_against_differences(start, loops):
    """N(-h + 3 e) in the plane, e = (sqrt 2, 0), by central differences in floats."""
    case = sphere_loop(-1, 3, start, loops)
    x0, radius, step = int(case.start.p) / int(case.start.q), math.sqrt(2), 1e-6

    def end(y):
        x, y = x0 * radius, y
        for _ in range(loops):
            z = (3 * radius - x, -y)
            x, y = (radius * c / math.hypot(*z) for c in z)
        return y

    factor = abs(end(step) - end(-step)) / (2 * step)
    assert (factor > 0.5**loops * (1 + 1e-6)) is (MEMORY.refute(case) is not None)


def test_truncation_needs_the_term_of_the_encoder():
    """Without it the bound kappa^k sup|F|/(1 - kappa) = 1 fails: here the error is 25.5.

    h' = h/2 + theta, dh_0/dtheta = 100, T = 2, k = 1.
    """
    kappa, start = 0.5, 100
    full, kept = kappa * (kappa * start + 1) + 1, 1
    assert full - kept == 25.5
    assert ERROR(kappa, 1, 2, 1, start) == 25.5
    assert ERROR(kappa, 1, 2, 1, 0) <= 1
    loop = linear_loop([["1/2"]], [1], "1/2", 2, start=[start])
    error = loop.gradient() - loop.gradient(1)
    assert int(dot(error, error).p) / int(dot(error, error).q) == 25.5**2
    assert TRUNCATED.broken(loop) == ("start_fixed",)


def test_both_bounds_are_attained_in_one_dimension():
    loop = linear_loop([["1/2"]], [1], "1/2", 5, kept=2, start=[3])
    assert str(loop.gradient()[0, 0]) == str(BOUND(HALF, 5, 1, 3))
    assert str((loop.gradient() - loop.gradient(2))[0, 0]) == str(ERROR(HALF, 2, 5, 1, 3))
