"""N1 to N3 and N9: exact linear algebra against slow twins, and the counterexamples kept."""

import math
import random

import mpmath
import pytest
import sympy as sp

from loopstab.theory.outer_norm.falsifiers import contraction, existence, jacobian, layer_norm
from loopstab.theory.outer_norm.falsifiers.exact_states import (
    centring,
    column,
    dot,
    has_fixed_state,
    is_semidefinite,
    norm_at_most,
    rows,
    sphere_point,
    unit,
)


def _floats(matrix):
    return [[int(x.p) / int(x.q) for x in row] for row in matrix.tolist()]


def _random(rng, d):
    return [[f"{rng.randint(-9, 9)}/4" for _ in range(d)] for _ in range(d)]


@pytest.mark.parametrize("seed", range(30))
def test_semidefinite_and_norms_against_eigenvalues(seed):
    rng = random.Random(seed)
    d = rng.randint(1, 4)
    matrix = rows(_random(rng, d))
    gram = matrix.transpose() * matrix
    assert is_semidefinite(gram)
    values = mpmath.eigsy(mpmath.matrix(_floats(matrix + matrix.transpose())), eigvals_only=True)
    if min(abs(x) for x in values) > 1e-9:
        assert is_semidefinite(matrix + matrix.transpose()) is (min(values) > 0)
    top = math.sqrt(max(mpmath.eigsy(mpmath.matrix(_floats(gram)), eigvals_only=True)))
    assert norm_at_most(matrix, sp.Rational(top) + sp.Rational(1, 10**9))
    assert not norm_at_most(matrix, sp.Rational(top) - sp.Rational(1, 10**9))


@pytest.mark.parametrize("seed", range(40))
def test_fixed_states_against_a_scan_of_the_circle(seed):
    """In the plane a state is fixed where its image turns by 0: the turn changes sign there."""
    rng = random.Random(seed)
    matrix, drive = _random(rng, 2), [f"{rng.randint(-9, 9)}/4" for _ in range(2)]
    (a, b), (c, d) = _floats(rows(matrix))
    u, v = (x for (x,) in _floats(column(drive)))

    def image(angle):
        x, y = math.sqrt(2) * math.cos(angle), math.sqrt(2) * math.sin(angle)
        return x, y, a * x + b * y + u, c * x + d * y + v

    found = False
    for k in range(20000):
        x, y, z, w = image(2 * math.pi * k / 20000)
        x2, y2, z2, w2 = image(2 * math.pi * (k + 1) / 20000)
        found |= (x * w - y * z) * (x2 * w2 - y2 * z2) <= 0 and x * z + y * w > 0
    assert has_fixed_state(rows(matrix), column(drive)) is found


@pytest.mark.parametrize(
    ("matrix", "drive", "fixed"),
    [
        ([[-1]], ["1/2"], False),
        ([[-1]], [2], True),
        ([[0, -1], [1, 0]], [0, 0], False),
        ([[1, 0], [0, -3]], [0, 0], True),
        ([[1, 0], [0, -3]], [0, "1/2"], True),
        ([[-2, 0], [0, -2]], [1, 1], False),
    ],
)
def test_fixed_states_with_known_answers(matrix, drive, fixed):
    assert has_fixed_state(rows(matrix), column(drive)) is fixed


@pytest.mark.parametrize("axis", [[1], [1, -1], [2, 3, -4], [1, 0, 0, 4]])
def test_points_of_the_sphere_and_the_projector_on_mean_zero(axis):
    point = sphere_point(axis)
    assert dot(point, point) == len(axis)
    centre = centring(len(axis))
    assert centre * centre == centre
    assert sum((centre * point).entries()) == 0


@pytest.mark.parametrize("start", [1, -1])
def test_at_d_1_a_loop_below_the_threshold_settles_in_one_step(start):
    """N3 needs d >= 2: N(-h + 3e/2) maps both states to e, though beta < 2 a."""
    z = -start + 1.5
    assert z / abs(z) == 1
    assert contraction.not_sharp(contraction.sharp(1, 1, "3/2")) is not None
    assert contraction.not_sharp(contraction.sharp(2, 1, "3/2")) is None


@pytest.mark.parametrize("start", [(1, -1), (-1, 1)])
def test_at_d_2_layer_norm_settles_below_the_threshold(start):
    """N9 needs d >= 3, for the same reason: the states of mean 0 are +-(1, -1)."""
    z = [-x + 1.5 * e for x, e in zip(start, (1, -1), strict=True)]
    mean = sum(z) / 2
    size = math.sqrt(sum((x - mean) ** 2 for x in z) / 2)
    assert [(x - mean) / size for x in z] == [1, -1]


@pytest.mark.parametrize(("beta", "cycles"), [("1/2", True), ("3/2", True), (2, False), (3, False)])
def test_the_sharp_example_has_cycles_below_the_threshold_only(beta, cycles):
    case = contraction.sharp(3, 1, beta)
    assert contraction._has_cycle(case) is cycles
    assert contraction.not_sharp(case) is None


def test_an_inner_norm_without_epsilon_breaks_continuity_and_nothing_else():
    """N(e/2 - n(h)): the outer eps is 1, so only the jump of n at 0 is to blame."""
    assert existence.BALL.broken(existence.line(1, "1/2", 1, 0)) == ("continuous",)
    assert existence.BALL.broken(existence.line(1, "1/2", 0)) == ("epsilon",)


@pytest.mark.parametrize("w", [-3, "-1/2", "1/7", 2])
@pytest.mark.parametrize("inner", [None, "1/3"])
def test_fixed_points_on_the_line_by_bisection(w, inner):
    case = existence.line(2, w, "1/5", inner)
    assert existence.BALL.refute(case) is None

    def gap(x):
        y = x if inner is None else x / math.sqrt(x * x + 1 / 3)
        z = float(sp.Rational(w)) - 2 * y
        return z / math.sqrt(z * z + 0.2) - x

    assert gap(-1) > 0 > gap(1)


@pytest.mark.parametrize("predicate", [*jacobian.PREDICATES, *layer_norm.PREDICATES])
def test_examples_of_predicates_hold(predicate):
    predicate.require_example()


@pytest.mark.parametrize("d", [3, 4, 5])
def test_layer_norm_hides_a_constant_of_the_input(d):
    """z + 1 has the same norm as z, so the rank of the sensitivity is at most d - 1."""
    z = column([k * k for k in range(d)])
    shifted = z + column([7] * d)
    assert centring(d) * z == centring(d) * shifted
    assert (unit(d) - centring(d)).rank() == 1
