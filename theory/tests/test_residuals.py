"""S1, S2 and L5 against orbits and slow twins, and the counterexamples that they name."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import Architecture, Norm, Outcome, Recall, Residual, Weights, formula, predict
from loopstab.theory.local.falsifiers.blocks import Block, Stack
from loopstab.theory.prediction import conceivable
from loopstab.theory.residuals.falsifiers.damping import EXISTS, LIMIT, Damped, attracts

Z = sp.Symbol("z")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=4), st.integers(1, 8))
def test_schur_and_cohn_against_the_roots(rest, scale):
    polynomial = sp.Poly(Z ** len(rest), Z) + sp.Poly([sp.Rational(x, 2 * scale) for x in rest], Z)
    largest = max(abs(complex(x)) for x in np.roots([float(c) for c in polynomial.all_coeffs()]))
    if abs(largest - 1) > 1e-6:
        assert attracts(polynomial) == (largest < 1)


# eigenvalues of G; the least w at which damping fails, worked out by hand
LIMITS = [
    (((0, 0),), 2),
    (((-3, 0),), Fraction(1, 2)),
    (((0, 2), (0, -2)), Fraction(2, 5)),
    (((-1, 0), (0, 1), (0, -1)), 1),
    (((1, 0),), 0),
    (((2, 0),), -2),
    (((1, 5), (1, -5)), 0),
]


@pytest.mark.parametrize(("eigenvalues", "limit"), LIMITS)
def test_limits_of_damping(eigenvalues, limit):
    assert min(Damped([[0]], 1, eigenvalues=eigenvalues).limits()) == limit


@settings(deadline=None, max_examples=60)
@given(st.floats(-4, 4), st.floats(0, 4), st.floats(0.01, 2))
def test_the_limit_against_the_modulus(p, q, w):
    far = (1 - p) ** 2 + q**2
    if far > 1e-6:
        limit = 2 * (1 - p) / far
        assert float(formula("damping_limit")(p, q)) == pytest.approx(limit, rel=1e-9)
        if abs(w - limit) > 1e-6:
            assert (abs(1 - w + w * complex(p, q)) < 1) == (w < limit)


def test_one_step_beyond_and_one_below_the_limit():
    skew = [[-3, 5], [0, sp.Rational(1, 2)]]
    for w, contracts in ((sp.Rational(49, 100), True), (sp.Rational(1, 2), False)):
        case = Damped(skew, w, eigenvalues=((-3, 0), (sp.Rational(1, 2), 0)))
        assert LIMIT.broken(case) == ()
        assert LIMIT.refute(case) is None
        assert attracts(case.damped(w)) is contracts


def test_a_saddle_that_no_damping_repairs():
    case = Damped(
        [[sp.Rational(3, 2), 0], [0, -2]], 1, eigenvalues=((sp.Rational(3, 2), 0), (-2, 0))
    )
    assert EXISTS.broken(case) == ("left",)
    assert EXISTS.refute(case) is not None


def post_norm(a, e):
    """h' = a h + e on the unit circle, for a complex number a."""
    return lambda h: (a * h + e) / abs(a * h + e)


def last_move(step, w, loops=2000, start=0.6 + 0.8j):
    h = start
    for _ in range(loops):
        before, h = h, (1 - w) * h + w * step(h)
    return abs(h - before), h


def test_a_post_norm_loop_that_damping_repairs():
    c, r = 3.0, 1.0  # the eigenvalue is -3; damping with w < 2 r/(r + c) = 1/2 repairs it
    step = post_norm(-c, r + c)
    assert last_move(step, 1.0)[0] > 0.1
    moved, h = last_move(step, 0.45)
    assert moved < 1e-12
    assert h == pytest.approx(1.0, abs=1e-10)
    assert last_move(step, 0.55)[0] > 0.01


@pytest.mark.parametrize("w", [0.01, 0.3, 1.0])
def test_a_quarter_turn_is_repaired_by_no_damping(w):
    assert last_move(post_norm(1j, 0), w)[0] > 1e-3


@pytest.mark.parametrize("w", [0.01, 0.3, 1.0])
def test_a_point_that_repels_along_a_real_eigenvalue_is_not_reached_by_damping(w):
    step = post_norm(3.0, -2.0)  # r = 1, c = 3: the fixed point 1 has the eigenvalue 3
    assert step(1.0 + 0j) == 1
    _, h = last_move(step, w, start=np.exp(1e-3j))
    assert abs(h - 1) > 0.5


def test_the_box_of_stable_injection_is_reached_and_sharp():
    rng = np.random.default_rng(0)
    a = rng.uniform(0.1, 0.95, 5)
    width = np.array([float(formula("decay_box")(x, 2)) for x in a])
    h, top = np.full(5, 1000.0), np.full(5, 1000.0)
    for _ in range(500):
        h, top = a * h + 2 * np.sin(7 * h), a * top + 2
    assert np.all(np.abs(h) <= width + 1e-6)
    np.testing.assert_allclose(top, width, rtol=1e-6)


def test_radii_below_one_do_not_add():
    a, d = np.diag([0.9, 0.0]), np.array([[2.0, -4.0], [1.0, -2.0]])
    assert np.abs(np.linalg.eigvals(d)).max() < 1e-6
    assert np.abs(np.linalg.eigvals(a + d)).max() > 1.8


def test_a_stack_of_blocks_against_one_loop():
    rng = np.random.default_rng(1)
    maps = [(rng.standard_normal((3, 3)) / 4, rng.standard_normal(3)) for _ in range(4)]
    layers = [np.zeros(3)] * 4
    h = np.zeros(3)
    for _ in range(200):
        for i, (m, c) in enumerate(maps):
            h = np.tanh(m @ h) + c
            layers[i] = h
    for i in range(4):  # each layer's state is a fixed point of its own rotation
        g = layers[i]
        for m, c in (*maps[i + 1 :], *maps[: i + 1]):
            g = np.tanh(m @ g) + c
        np.testing.assert_allclose(g, layers[i], atol=1e-12)


def test_rotations_of_a_stack():
    stack = Stack((Block([[2]], (1,)), Block([["1/2"]], (3,)), Block([[-1]], (0,))), (5,))
    assert [str(s[0, 0]) for s in stack.states()] == ["5", "11", "17/2", "-17/2"]
    assert str(stack.rotated(2).states()[0][0, 0]) == "17/2"
    assert str(stack.product()[0, 0]) == "-1"


FREE = [a for a in Architecture.all() if not a.outer_norm]


@pytest.mark.parametrize("architecture", FREE, ids=str)
def test_what_residuals_say_about_boundedness(architecture):
    bounded = frozenset(o for o in Outcome if o.bounded)
    unmeasured = predict(architecture).allowed <= bounded
    contracting = predict(architecture, Weights(rho_wx=0.5)).allowed <= bounded
    external = architecture.recall is Recall.EXTERNAL
    expected = {
        Residual.ADD: (False, external),
        Residual.GRU: (True, True),
        Residual.SCALED: (not external, True),
        Residual.DECAY: (True, True),
    }
    assert (unmeasured, contracting) == expected[architecture.residual]
    if architecture.residual in (Residual.SCALED, Residual.DECAY):
        assert Outcome.EXPLOSION in conceivable(architecture)


def test_the_old_family_comes_first():
    assert [str(a) for a in Architecture.all()[:2]] == ["none/pre", "none/peri"]
    assert Architecture.all()[12] == Architecture(Recall.NONE, Norm.PRE, Residual.GRU)
    assert {a.residual for a in Architecture.all()[:24]} == {Residual.ADD, Residual.GRU}
