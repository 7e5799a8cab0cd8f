"""N4: exact fixed points with gains and eps, and finite differences of a nonlinear loop."""

import math
import random
from fractions import Fraction

import mpmath
import pytest
import sympy as sp

from loopstab import formula
from loopstab.theory.kernel.algebra import diagonal, fmpq, random_matrix
from loopstab.theory.outer_norm.falsifiers.exact_states import norm_between, sphere_point, unit
from loopstab.theory.outer_norm.falsifiers.sensitivity import FixedPointData, out_of_bounds

LOWER, UPPER, LOWER_EPS = (
    formula(f"sensitivity_{name}") for name in ("lower", "upper", "lower_epsilon")
)
TOLERANCE = 1e-9


def real(x):
    return int(x.p) / int(x.q)


def singular_values(matrix):
    entries = [[real(x) for x in row] for row in matrix.tolist()]
    values = mpmath.svd_r(mpmath.matrix(entries), compute_uv=False)
    return sorted((float(x) for x in values), reverse=True)


def norm(matrix):
    return singular_values(matrix)[0]


def draw(rng, eps_zero=True, gain_one=True):
    """A random fixed point with d = 2, 3 or 4 and |D Gamma|_F < s, and an invertible B."""
    d = rng.choice((2, 3, 4))
    shrink = Fraction(1) if eps_zero else Fraction(rng.randint(2, 5), 6)
    gains = [rng.choice((-1, 1)) * Fraction(rng.randint(2, 9), 5) for _ in range(d)]
    gain = unit(d) if gain_one else diagonal(gains)
    update = random_matrix(rng, d)
    size = sum(real(x) ** 2 for x in (update * gain).entries())
    s = fmpq(rng.choice((1, Fraction(3, 2), 3)) * (math.isqrt(math.ceil(size)) + 1))
    axis = [rng.randint(1, 4), *(rng.randint(-4, 4) for _ in range(d - 1))]
    eps = s**2 * fmpq(1 - shrink**2)
    state = fmpq(shrink) * sphere_point(axis)
    return FixedPointData(state, s, eps, gain, update, random_matrix(rng, d))


@pytest.mark.parametrize("seed", range(20))
def test_norms_are_enclosed_and_bounds_hold(seed):
    case = draw(random.Random(seed))
    low, high = (real(x) for x in norm_between(case.recall))
    assert low * (1 - TOLERANCE) < norm(case.recall) < high * (1 + TOLERANCE)
    assert high - low < 1e-5 * high
    assert out_of_bounds(case) is None
    assert out_of_bounds(case._replace(update=fmpq(3) * case.s * unit(case.size))) is not None


@pytest.mark.parametrize("seed", range(100))
def test_bounds_rank_and_null_direction_with_gains(seed):
    case = draw(random.Random(seed), gain_one=seed % 2 == 0)
    unit_gain = case._replace(gain=unit(case.size), update=case.update * case.gain)  # h = Gamma k
    sensitivity = case.sensitivity
    assert sensitivity == case.gain * unit_gain.sensitivity
    assert sensitivity.rank() == case.size - 1
    assert not any((sensitivity * case.recall.inv() * case.state).entries())
    assert not any(
        ((case.gain.inv() * case.state).transpose() * sensitivity).entries()
    )  # Gamma^{-2} h* = Gamma^{-1} k*
    gains = [abs(real(case.gain[i, i])) for i in range(case.size)]
    s, k, sizes, recall = (
        real(case.s),
        norm(unit_gain.tangential) / real(case.s),
        singular_values(sensitivity),
        singular_values(case.recall),
    )
    assert k < 1
    assert sizes[-2] >= min(gains) * LOWER(recall[-1], s, k) * (1 - TOLERANCE)
    assert sizes[0] <= max(gains) * UPPER(recall[0], s, k) * (1 + TOLERANCE)


@pytest.mark.parametrize("seed", range(30))
def test_bounds_with_epsilon(seed):
    case = draw(random.Random(seed), eps_zero=False)
    s, eps, k = real(case.s), real(case.eps), norm(case.jacobian)
    sizes, recall = singular_values(case.sensitivity), singular_values(case.recall)
    assert case.sensitivity.rank() == case.size
    assert sizes[-1] >= LOWER_EPS(recall[-1], s, eps, k) * (1 - TOLERANCE)
    assert sizes[0] <= UPPER(recall[0], s, k) * (1 + TOLERANCE)


def test_the_input_itself_is_null_though_the_update_is_not_zero():
    """Counterexample to 'e is null only if g = 0': g = -2 h, e = h*, beta = 5, S e = 0."""
    state = draw(random.Random(1)).state
    case = FixedPointData(
        state,
        fmpq(3),
        fmpq(0),
        unit(state.nrows()),
        fmpq(-2) * unit(state.nrows()),
        fmpq(5) * unit(state.nrows()),
    )
    assert not any((case.sensitivity * state).entries())
    # S = P, k = 2/3: the lower bound is attained
    assert singular_values(case.sensitivity)[0] == pytest.approx(1)
    assert LOWER(5, 3, sp.Rational(2, 3)) == 1
    assert UPPER(5, 3, sp.Rational(2, 3)) == 5


def _loop(a, b, e, h):
    """N(A tanh(h) + B e), eps = 0, and its pre-norm state."""
    d = len(h)
    z = [sum(a[i][j] * math.tanh(h[j]) + b[i][j] * e[j] for j in range(d)) for i in range(d)]
    size = math.sqrt(sum(x * x for x in z) / d)
    return [x / size for x in z], z, size


def _fixed_point(a, b, e):
    h = [1.0] * len(e)
    for _ in range(200):
        h = _loop(a, b, e, h)[0]
    return h


@pytest.mark.parametrize("seed", range(12))
def test_finite_differences_of_a_nonlinear_loop(seed):
    rng = random.Random(seed)
    d = rng.choice((2, 3, 4))
    a = [[rng.gauss(0, 0.3) for _ in range(d)] for _ in range(d)]
    b = [[rng.gauss(0, 0.3) + 2 * (i == j) for j in range(d)] for i in range(d)]
    e = [rng.uniform(1, 2) * rng.choice((-1, 1)) for _ in range(d)]
    h = _fixed_point(a, b, e)
    _, z, s = _loop(a, b, e, h)
    norm_derivative = mpmath.matrix(
        [[((i == j) - z[i] * z[j] / (d * s * s)) / s for j in range(d)] for i in range(d)]
    )
    update = mpmath.matrix(
        [[a[i][j] * (1 - math.tanh(h[j]) ** 2) for j in range(d)] for i in range(d)]
    )
    formula_value = (
        mpmath.inverse(mpmath.eye(d) - norm_derivative * update)
        * norm_derivative
        * mpmath.matrix(b)
    )
    step = 1e-5
    for j in range(d):
        ends = [
            _fixed_point(a, b, [x + sign * step * (i == j) for i, x in enumerate(e)])
            for sign in (1, -1)
        ]
        for i in range(d):
            assert (ends[0][i] - ends[1][i]) / (2 * step) == pytest.approx(
                float(formula_value[i, j]), abs=1e-7
            )
