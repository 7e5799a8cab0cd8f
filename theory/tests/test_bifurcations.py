"""R4: the counterexamples and numbers behind the bifurcations, in floating point."""

import cmath
import itertools
import math
import random

import pytest
import sympy as sp

from loopstab.theory.architecture import Recall
from loopstab.theory.formulas import formula
from loopstab.theory.geometry.falsifiers.stable_sets import Pair, Turn, _probability


def iterate(step, state, loops=20_000):
    for _ in range(loops):
        state = step(state)
        if abs(state) > 1e6:
            return math.inf
    return state


def internal(x, y, c=0.0):
    return lambda h: h + y * math.tanh(x * h) + c


def external(x, y, k=0.0):
    return lambda h: x * h + y * math.tanh(x * h + k)


def fixed_points(step, reach=20.0, parts=40_000):
    grid = [-reach + (2 * k + 1) * reach / parts for k in range(parts)]
    gaps = [step(h) - h for h in grid]
    return sum(a * b < 0 for a, b in itertools.pairwise(gaps))


CYCLES = [  # map, period, distance from 0
    (internal(2, -1.02), 2, 0.1227),
    (internal(2, -0.98), 1, 0.0),
    (external(1.03 / 1.5, 0.5), 1, 0.788),
    (external(-1.03 / 1.5, 0.5), 2, 0.788),
    (external(-1.03 / 1.5, -2.5), 1, 0.337),
    (external(1.03 / 1.5, -2.5), 2, 0.337),
]


@pytest.mark.parametrize(("step", "period", "size"), CYCLES)
def test_branches(step, period, size):
    state = iterate(step, 0.2)
    assert abs(abs(state) - size) < 6e-4
    assert abs(step(state) - (-1) ** (period - 1) * state) < 1e-9


def test_subcritical_pitchfork_diverges():
    assert iterate(external(1.03 / 0.5, -0.5), 0.01) == math.inf
    assert iterate(external(0.97 / 0.5, -0.5), 0.6) == math.inf
    assert abs(iterate(external(0.97 / 0.5, -0.5), 0.1)) < 1e-9


def test_no_fold_at_zero():
    """x y = 0: a line of fixed points, or none.

    With an output bias the fixed point leaves through infinity at |y| = |c|.
    """
    assert all(internal(2, 0)(h) == h for h in (-3.0, 0.5, 7.0))
    assert fixed_points(internal(1, 0, c=0.1)) == 0
    for y, count in ((0.11, 1), (0.1001, 1), (0.0999, 0), (-0.0999, 0), (-0.11, 1)):
        assert fixed_points(internal(1, y, c=0.1)) == count


def test_offset_unfolds_the_pitchfork():
    """Nothing happens on (1 + y) x = 1: one fixed point below, on and above."""
    for product in (0.97, 1.0, 1.03):
        assert fixed_points(external(product / 1.5, 0.5, k=0.02)) == 1


def test_folds_lie_where_the_formula_says():
    for x, y in ((0.6, 1.0), (0.8, 0.6), (0.3, 4.0)):
        edge = abs(float(formula("fold_offset")(x, y)))
        assert fixed_points(external(x, y, k=0.99 * edge)) == 3
        assert fixed_points(external(x, y, k=1.01 * edge)) == 1


def test_affine_maps_create_nothing():
    """h' = J h + c: one fixed point c/(1 - J) on both sides of J = 1, gone to infinity on it."""
    places = [1 / (1 - slope) for slope in (0.99, 0.9999, 1.0001, 1.01)]
    assert places == sorted(places, key=lambda v: -1 / v)
    assert min(map(abs, places)) > 99


@pytest.mark.parametrize("c", [0.0, 0.3, 0.8])
def test_internal_flip_is_supercritical_with_an_output_bias(c):
    """T = -c/y at the fixed point; just beyond x y (1 - T^2) = -2 a 2-cycle attracts.

    Its size squared is -(1 + mu)/b.
    """
    y = -1.5
    tangent = -c / y
    x = -2.01 / (y * (1 - tangent**2))
    step = internal(x, y, c)
    state = iterate(step, math.atanh(tangent) / x + 0.05)
    other = step(state)
    assert abs(step(other) - state) < 1e-9
    size = abs(state - other) / 2
    coefficient = float(formula("flip_coefficient_internal")(x, tangent))
    assert abs(size / math.sqrt(0.01 / coefficient) - 1) < 0.05


def test_external_flip_can_be_subcritical():
    """x < -1, T = 0: coefficient x^2 (1 + x)/3 < 0, as y lies in (-1, 0)."""
    assert float(formula("flip_coefficient_external")(-2, 0)) < 0
    assert iterate(external(-2, -0.49), 0.05) == math.inf
    assert iterate(external(-2, -0.51), 0.6) == math.inf


@pytest.mark.parametrize("scale", [0.3, 0.1])
def test_a_gated_residual_contracts_almost_always(scale):
    """R4 says 1/2 for small Gaussian weights; this is about additive residuals only.

    h' = (1 - z) tanh(w y x h) + z h, z = sigmoid(v h), at h = 0: J = 1/2 + w y x/2.
    """
    rng = random.Random(0)
    draws = [math.prod(rng.gauss(0, scale) for _ in range(3)) for _ in range(20_000)]
    assert all(abs(0.5 + weight / 2) < 1 for weight in draws)


@pytest.mark.parametrize("beyond", [1.01, 1.2])
def test_two_four_cycles_at_the_strong_resonance(beyond):
    """mu = i, internal, phi = 3 pi/4, y tanh(x h) = sqrt2 h: f(z) = i z for z = h and z = h + i h.

    So on a closed curve |z|^2 would be h^2 on the axes and 2 h^2 on the diagonals.
    """
    x, y, turn = 1.0, math.sqrt(2) * beyond, cmath.exp(0.75j * math.pi)

    def step(z):
        return z + y * turn * complex(math.tanh(x * z.real), math.tanh(x * z.imag))

    low, high = 1e-6, 5.0
    for _ in range(80):
        h = (low + high) / 2
        low, high = (h, high) if y * math.tanh(x * h) > math.sqrt(2) * h else (low, h)
    for start in (complex(h), complex(h, h)):
        assert abs(step(start) - 1j * start) < 1e-12
        assert abs(step(step(step(step(start)))) - start) < 1e-11


@pytest.mark.parametrize(
    ("recall", "x", "product"), [("internal", 1, 1), ("internal", sp.Rational(3, 2), 1)]
)
def test_the_growth_is_the_lyapunov_coefficient(recall, x, product):
    case = Turn(Recall(recall), x, sp.sympify(product) / x, -sp.Rational(1, 2) * product)
    law = formula(f"planar_lyapunov_{recall}")(x, product)
    assert case.growth(0) == case.growth(sp.pi / 4) == law


@pytest.mark.parametrize("recall", [Recall.INTERNAL, Recall.EXTERNAL])
@pytest.mark.parametrize("correlation", [-1, 0, 1])
def test_probabilities_of_correlated_weights(recall, correlation):
    rng, n = random.Random(1), 40_000
    hits = 0
    for _ in range(n):
        x, fresh = rng.gauss(0, 1), rng.gauss(0, 1)
        y = correlation * x if correlation else fresh
        hits += abs((1 + y) * x) < 1 if recall is Recall.EXTERNAL else -2 < x * y < 0
    assert hits / n == pytest.approx(float(_probability(Pair(recall, "1", correlation))), abs=0.01)
