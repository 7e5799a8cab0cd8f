"""Newton's method: against closed forms, SciPy's solver, and loops that have no fixed point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, fsolve

from loopstab import FunctionLoop, LoopError, UsageError, newton

ZERO = np.zeros(1)


def loop(step, **products):
    return FunctionLoop(step, np.copy, **products)


def root(f, low, high):
    return brentq(f, low, high, xtol=1e-16, rtol=1e-15)


COSINE = root(lambda h: np.cos(h) - h, 0, 1)
TANH_3 = root(lambda h: np.tanh(3 * h) - h, 0.1, 2)
CASES = {
    "cosine": (np.cos, 1.0, COSINE),
    "far away": (np.cos, 1e6, COSINE),
    "unstable": (lambda h: 3.8 * h * (1 - h), 0.6, 1 - 1 / 3.8),
    "zero": (lambda h: np.tanh(3 * h), 0.1, 0.0),
    "upper": (lambda h: np.tanh(3 * h), 0.8, TANH_3),
    "at once": (lambda h: h / 2, 0.0, 0.0),
}


@pytest.mark.parametrize("name", CASES)
def test_known_fixed_points(name):
    step, begin, exact = CASES[name]
    found = newton(loop(lambda h, e: step(h)), np.array([begin]), ZERO)
    assert found.converged
    assert found.residual <= 1e-15
    assert found.state[0] == pytest.approx(exact, rel=4e-16, abs=4e-16)
    assert found.advice == ""
    assert found.order == (None if name == "at once" else "quadratic")


def random_step(n, seed, gain):
    rng = np.random.default_rng(seed)
    matrix, bias = gain * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)
    return matrix, lambda h, e: np.tanh(matrix @ h + bias)


@pytest.mark.parametrize("n", [1, 5, 40, 64, 65, 150])
def test_against_fsolve(n):
    _, step = random_step(n, n, 0.9)
    found = newton(loop(step), np.zeros(n), ZERO)
    twin = fsolve(lambda h: step(h, None) - h, np.zeros(n), xtol=1e-13)
    assert found.converged
    np.testing.assert_allclose(found.state, twin, atol=1e-10)
    assert found.residual <= 4e-16


@pytest.mark.parametrize("n", [30, 120])
def test_shape_and_exact_products(n):
    matrix, step = random_step(n, 3, 0.9)

    def jvp(h, e, v):
        return ((1 - step(h.ravel(), e) ** 2) * (matrix @ v.ravel())).reshape(h.shape)

    shaped = loop(lambda h, e: step(h.ravel(), e).reshape(h.shape), jvp=jvp)
    found = newton(shaped, np.zeros((2, n // 2)), ZERO)
    assert found.converged
    assert found.state.shape == (2, n // 2)
    assert np.abs(step(found.state.ravel(), None) - found.state.ravel()).max() < 1e-14


@pytest.mark.parametrize(
    ("name", "step", "point", "rate"),
    [
        ("fold", lambda h: h - (h - 1) ** 2, 1.0, 1 / 2),
        ("pitchfork", np.tanh, 0.0, 2 / 3),
        ("multiplicity 4", lambda h: h - h**4, 0.0, 3 / 4),
    ],
)
def test_a_critical_point_is_approached_linearly(name, step, point, rate):
    """The order m of the zero of f(h) - h shows in the ratio 1 - 1/m of the steps."""

    def jvp(h, e, v):
        return {
            "fold": 1 - 2 * (h - 1),
            "pitchfork": 1 - np.tanh(h) ** 2,
            "multiplicity 4": 1 - 4 * h**3,
        }[name] * v

    found = newton(loop(lambda h, e: step(h), jvp=jvp), np.array([0.6]), ZERO)
    assert found.converged
    assert found.order == "linear"
    assert found.rate == pytest.approx(rate, abs=0.02)
    assert abs(found.state[0] - point) < 1e-3


def test_the_step_is_the_shortest_where_the_solution_is_not_unique():
    """From a state off the line of fixed points, a linear loop moves to the nearest of them."""
    swap = np.array([[0.5, 0.5], [0.5, 0.5]])
    found = newton(
        loop(lambda h, e: swap @ h, jvp=lambda h, e, v: swap @ v), np.array([3.0, 1.0]), ZERO
    )
    np.testing.assert_allclose(found.state, [2.0, 2.0], rtol=1e-15)
    assert found.converged


@pytest.mark.parametrize("n", [20, 100])
def test_a_markov_chain(n):
    rng = np.random.default_rng(n)
    chain = rng.random((n, n))
    chain /= chain.sum(0)
    values, vectors = np.linalg.eig(chain)
    stationary = np.real(vectors[:, np.argmax(values.real)])
    found = newton(loop(lambda h, e: chain @ h), rng.random(n), ZERO)
    assert found.converged
    np.testing.assert_allclose(
        found.state / found.state.sum(), stationary / stationary.sum(), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("step", "begin"),
    [
        (lambda h: h + 1, 0.5),
        (lambda h: h + 1 / (1 + h * h), 0.5),  # the residual falls, and the state runs away
        (lambda h: np.exp(h), 1.0),
        (lambda h: h**2 + 1, 0.3),
        (lambda h: np.sqrt(h) - 5, 30.0),  # it leaves the domain
    ],
)
def test_without_a_fixed_point_it_says_so(step, begin):
    found = newton(loop(lambda h, e: step(h)), np.array([begin]), ZERO)
    assert not found.converged
    assert found.order is None
    assert found.advice
    assert np.isfinite(found.state).all()


def test_float32():
    found = newton(loop(lambda h, e: np.cos(h)), np.ones(3, np.float32), np.zeros(1, np.float32))
    assert found.converged
    assert found.state.dtype == np.float32
    assert np.abs(found.state - 0.7390851332151607).max() < 2e-7


def test_a_close_state_costs_little():
    _, step = random_step(50, 0, 0.9)
    calls = []

    def counted(h, e):
        calls.append(1)
        return step(h, e)

    point = newton(loop(step), np.zeros(50), ZERO).state
    again = newton(loop(counted), point, ZERO)
    assert again.iterations <= 1
    near = newton(loop(step), point + 1e-8, ZERO)
    assert near.iterations <= 2
    assert near.residual <= 4e-16
    if again.iterations == 0:
        assert again.products == 0
        assert len(calls) < 10


def test_bad_input_is_refused():
    halve = loop(lambda h, e: h / 2)
    with pytest.raises(UsageError, match="tol"):
        newton(halve, np.ones(1), ZERO, tol=-1.0)
    with pytest.raises(LoopError, match="NaN or infinity"):
        newton(loop(lambda h, e: h * np.nan), np.ones(1), ZERO)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 90), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_linear_loops_are_solved_and_scale(seed, n, scale):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, n)) / np.sqrt(n)
    e = scale * rng.standard_normal(n)
    linear = loop(lambda h, e: matrix @ h + e, jvp=lambda h, e, v: matrix @ v)
    found = newton(linear, np.zeros(n), e)
    exact = np.linalg.solve(np.eye(n) - matrix, e)
    condition = np.linalg.cond(np.eye(n) - matrix)
    assert found.converged
    assert np.linalg.norm(found.state - exact) <= 1e-13 * condition * np.linalg.norm(exact)
