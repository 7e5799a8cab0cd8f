"""Matrix-free norms, resolvents, sensitivities and exponents against dense twins; faulty loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

from loopstab import (
    FunctionLoop,
    LoopError,
    Outcome,
    check_loop,
    diagnose,
    numeric,
    profile,
    spectral_radius,
)
from loopstab.numerics.spectra.linearisation import Linearisation
from loopstab.numerics.spectra.lyapunov import lyapunov
from loopstab.numerics.spectra.resolvent import Resolvent, kreiss_lower, resolvent_norm
from loopstab.numerics.spectra.sensitivity import adjoint_sensitivity, sensitivity, sensitivity_norm
from loopstab.numerics.spectra.singular import largest_singular_value, transient_growth
from loopstab.support.errors import UsageError


def rotation(r, angle=1.0):
    return r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def ginibre(n, radius, seed=0):
    return radius * np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def disguised(m, seed=0):
    """The same matrix in another orthonormal basis."""
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal(m.shape))[0]
    return q @ m @ q.T


def linear(m, kind="own", k=None):
    """The loop h' = m h + k e with derivatives of the given kind."""
    k = np.eye(len(m)) if k is None else k
    own = (
        {}
        if kind == "difference"
        else {"jvp": lambda h, e, v: m @ v, "input_jvp": lambda h, e, v: k @ v}
    )
    if kind == "vjp":
        own |= {"vjp": lambda h, e, u: m.T @ u, "input_vjp": lambda h, e, w: k.T @ w}
    return FunctionLoop(lambda h, e: m @ h + k @ e, lambda e: np.zeros(len(m)), **own)


def at(m, kind="own", k=None):
    """The Jacobian of `linear` at the fixed point, if the loop has one."""
    e = np.ones(len(m) if k is None else k.shape[1])
    h = np.linalg.lstsq(np.eye(len(m)) - m, e if k is None else k @ e)[0]
    return Linearisation(linear(m, kind, k), h, e)


CASES = {
    "ginibre": ginibre(90, 0.7),
    "rotation blocks": block_diag(
        *(rotation(r, 1 + i) for i, r in enumerate(np.linspace(0.3, 0.9, 35)))
    ),
    "pairs of one modulus": disguised(
        block_diag(*(rotation(0.9, a) for a in (0.5, 1.1, 2.3)), 0.3 * np.eye(80))
    ),
    "non-normal": np.diag(np.linspace(0.1, 0.9, 12)) + np.diag(np.full(11, 2.0), 1),
    "non-normal, large": disguised(
        np.diag(np.linspace(0.1, 0.9, 80)) + np.triu(0.1 * ginibre(80, 1.0), 1)
    ),
    "near-degenerate": disguised(
        np.diag(np.concatenate(([0.95, -0.9499, 0.9498], np.linspace(0, 0.8, 97))))
    ),
    "symmetric": (ginibre(100, 0.5) + ginibre(100, 0.5).T) / 2,
    "nilpotent": np.diag(np.ones(69), 1),
    "rank one": np.outer(np.ones(100), np.linspace(0, 0.01, 100)),
    "zero": np.zeros((70, 70)),
    "one by one": np.array([[-0.7]]),
}
NORM_TWINS = {
    "largest singular value": (largest_singular_value, lambda m: np.linalg.norm(m, 2)),
    "resolvent norm": (
        lambda j: resolvent_norm(j, tol=1e-7),
        lambda m: np.linalg.norm(np.linalg.inv(np.eye(len(m)) - m), 2),
    ),
    "resolvent norm at 1.1i": (
        lambda j: resolvent_norm(j, 1.1j, tol=1e-7),
        lambda m: np.linalg.norm(np.linalg.inv(1.1j * np.eye(len(m)) - m), 2),
    ),
    "sensitivity norm": (
        sensitivity_norm,
        lambda m: np.linalg.norm(np.linalg.inv(np.eye(len(m)) - m), 2),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_norms_against_dense_twins(name):
    m = CASES[name]
    for measure, twin in NORM_TWINS.values():
        found = measure(at(m, "vjp"))
        assert found.value == pytest.approx(twin(m), rel=1e-6)
        assert found.converged
        assert found.residual < 1e-5
        assert found.products > 0 or not m.any()


@pytest.mark.parametrize(
    "name", ["non-normal", "non-normal, large", "rank one", "zero", "one by one"]
)
def test_norms_by_differences_are_right_or_say_so(name):
    m = CASES[name]
    j = at(m, "difference")
    assert j.derivative == "central difference"
    assert j.error < 1e-8
    for measure, twin in NORM_TWINS.values():
        try:
            found = measure(j)
        except LoopError:  # said, not hidden
            continue
        assert found.value == pytest.approx(twin(m), rel=1e-5) or found.residual > 1e-8


@pytest.mark.parametrize("kind", ["own", "difference", "vjp"])
@pytest.mark.parametrize("name", CASES)
def test_transient_growth_against_powers(name, kind):
    m = CASES[name]
    found = transient_growth(at(m, kind), 12, tol=1e-8)
    norms = np.array([np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(150)])
    np.testing.assert_allclose(found.norms, norms[: len(found.norms)], rtol=1e-6)
    assert found.at == int(np.argmax(found.norms))
    assert found.residual < 1e-6
    if found.settled:
        assert found.value == pytest.approx(norms.max(), rel=1e-6)
    else:
        assert len(found.norms) == 13


def test_growth_ends_with_its_budget_and_says_so():
    found = transient_growth(at(disguised(np.diag(np.ones(69), 1)), "vjp"), 60, budget=50)
    assert not found.settled
    assert 2 < len(found.norms) < 30


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.1, 3))
@settings(max_examples=30, deadline=None)
def test_settled_growth_is_the_maximum_over_all_powers(seed, n, size):
    m = ginibre(n, size, seed)
    found = transient_growth(at(m), 8)
    powers = [np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(60)]
    assert found.value <= max(powers) * (1 + 1e-9)
    assert not found.settled or found.value == pytest.approx(max(powers), rel=1e-6)


@pytest.mark.parametrize("kind", ["own", "vjp", "difference"])
def test_sensitivity_and_its_adjoint(kind):
    m, k, rng = (
        ginibre(60, 0.7),
        np.random.default_rng(1).standard_normal((60, 9)),
        np.random.default_rng(2),
    )
    s = np.linalg.solve(np.eye(60) - m, k)
    j = at(m, kind, k)
    v, u = rng.standard_normal(9), rng.standard_normal(60)
    forward, backward = sensitivity(j, v), adjoint_sensitivity(j, u)
    np.testing.assert_allclose(forward.value, s @ v, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(backward.value, s.T @ u, rtol=1e-6, atol=1e-6)
    assert forward.value @ u == pytest.approx(v @ backward.value, rel=1e-6)
    assert sensitivity_norm(j).value == pytest.approx(np.linalg.norm(s, 2), rel=1e-6)
    assert max(forward.residual, backward.residual) < (1e-5 if kind == "difference" else 1e-9)
    assert forward.fixed_point < 1e-12


def test_sensitivity_says_how_far_the_state_is_from_fixed():
    m = ginibre(20, 0.5)
    assert (
        sensitivity(Linearisation(linear(m), np.ones(20), np.ones(20)), np.ones(20)).fixed_point
        > 0.1
    )


def kreiss_twin(m):
    """The supremum over a grid of z, by dense matrices."""
    z = [
        (1 + x) * np.exp(1j * a)
        for x in np.geomspace(1e-2, 10, 15)
        for a in np.linspace(0, np.pi, 15)
    ]
    return max(
        (abs(zi) - 1) / np.linalg.svd(zi * np.eye(len(m)) - m, compute_uv=False)[-1] for zi in z
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [2, 5, 100])
def test_kreiss_bound_is_below_the_powers_and_near_the_supremum(n, seed):
    m = np.triu(ginibre(n, 3 / np.sqrt(n), seed), 1) + np.diag(
        np.random.default_rng(seed).uniform(-0.9, 0.9, n)
    )
    found = kreiss_lower(at(m, "vjp"))
    exact = (abs(found.z) - 1) * np.linalg.norm(np.linalg.inv(found.z * np.eye(n) - m), 2)
    assert found.value == pytest.approx(exact, rel=1e-5)
    assert found.value <= max(
        np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(200)
    ) * (1 + 1e-9)
    assert found.value >= kreiss_twin(m) * (1 - 1e-3)


def test_kreiss_bound_sees_complex_pairs():
    """For [[r, c], [0, r]] times a rotation the worst z is complex: a real z does not find it."""
    pair = np.kron(np.array([[0.9, 5.0], [0, 0.9]]), rotation(1.0, 1.3))
    exact = float(numeric("kreiss_jordan")(0.9, 5.0))
    assert kreiss_lower(at(pair)).value == pytest.approx(exact, rel=1e-4)
    on_the_line = max(
        (r - 1) * resolvent_norm(at(pair), s * r, tol=1e-6).value
        for r in (1.003, 1.03, 1.1, 1.3, 2.0)
        for s in (1, -1)
    )
    assert on_the_line < 0.6 * exact
    growth = transient_growth(at(pair), 200)
    assert exact <= growth.value <= float(numeric("kreiss_upper")(4, exact))


def test_no_kreiss_constant_where_powers_grow():
    with pytest.raises(LoopError, match="infinite"):
        kreiss_lower(at(rotation(1.2)))


def test_resolvent_at_an_eigenvalue_is_an_error():
    for m in (np.diag([1.0, 0.5]), np.diag(np.concatenate(([1.0], np.linspace(0, 0.9, 99))))):
        j = Linearisation(linear(m), np.ones(len(m)), np.ones(len(m)))
        with pytest.raises(LoopError, match="eigenvalue"):
            Resolvent(j)(np.ones(len(m)))


@pytest.mark.parametrize(
    "measure", [largest_singular_value, transient_growth, resolvent_norm, sensitivity_norm]
)
def test_no_adjoint_beyond_the_dense_limit(measure):
    n = 2001
    loop = FunctionLoop(lambda h, e: 0.5 * h + e, lambda e: np.zeros(n), lambda h, e, v: 0.5 * v)
    with pytest.raises(LoopError, match="vjp"):
        measure(Linearisation(loop, np.zeros(n), np.zeros(n)))


def test_products_are_counted():
    j = at(ginibre(20, 0.5), "vjp")
    v = np.ones(20)
    j(v), j(v + 1j * v), j.adjoint(v), j.input_product(v), j.input_adjoint(v)
    assert j.products == 6
    j.dense(), j.dense()
    assert j.products == 26


def test_the_transposed_operator_where_only_the_adjoint_is_exact():
    m = ginibre(70, 0.8)
    j = Linearisation(
        FunctionLoop(lambda h, e: m @ h, lambda e: e, vjp=lambda h, e, u: m.T @ u),
        np.ones(70),
        np.ones(70),
    )
    assert j.error > 0
    t, v = j.transposed(), np.linspace(-1, 1, 70)
    assert (t.derivative, t.adjoint_of, t.error, t.products) == ("vjp", "columns", 0.0, 0)
    np.testing.assert_allclose(t(v), m.T @ v, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(t.adjoint(v), m @ v, rtol=1e-12, atol=1e-12)
    assert spectral_radius(t).value == pytest.approx(np.abs(np.linalg.eigvals(m)).max(), rel=1e-7)


def test_lyapunov_exponents():
    henon = FunctionLoop(
        lambda h, e: np.array([1 - 1.4 * h[0] ** 2 + h[1], 0.3 * h[0]]),
        lambda e: np.zeros(2),
        lambda h, e, v: np.array([-2.8 * h[0] * v[0] + v[1], 0.3 * v[0]]),
    )
    found = lyapunov(henon, np.zeros(2), np.zeros(1), 2, loops=2000)
    assert found.exponents.sum() == pytest.approx(
        np.log(0.3), abs=1e-10
    )  # the determinant is -0.3 everywhere
    assert found.value == pytest.approx(0.419, abs=0.03)
    assert found.converged
    m = block_diag(rotation(0.9), [[0.5]])
    exact = lyapunov(linear(m), np.ones(3), np.zeros(3), 3, loops=300)
    np.testing.assert_allclose(
        exact.exponents, np.log([0.9, 0.9, 0.5]), atol=1e-12
    )  # normal: exact once aligned
    chebyshev = FunctionLoop(lambda h, e: np.cos(3 * np.arccos(np.clip(h, -1, 1))), lambda e: e)
    assert lyapunov(chebyshev, np.array([0.3]), np.zeros(1), loops=1000).value == pytest.approx(
        np.log(3), abs=0.05
    )


def test_lyapunov_against_a_dense_twin():
    rng = np.random.default_rng(0)
    w = 1.5 * rng.standard_normal((8, 8)) / np.sqrt(8)
    loop = FunctionLoop(
        lambda h, e: np.tanh(w @ h + e),
        lambda e: e,
        lambda h, e, v: (1 - np.tanh(w @ h + e) ** 2) * (w @ v),
    )
    e, h = rng.standard_normal((2, 8)) * 0.1
    found = lyapunov(loop, h, e, 3, loops=50, skip=20, seed=1)
    q, logs = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 3)))[0], []
    for t in range(70):
        if t >= 10:
            q, r = np.linalg.qr((1 - np.tanh(w @ h + e) ** 2)[:, None] * w @ q)
            logs.append(np.log(np.abs(np.diag(r))))
        h = np.tanh(w @ h + e)
    np.testing.assert_allclose(
        found.exponents, np.sort(np.mean(logs[10:], axis=0))[::-1], rtol=1e-12
    )


def test_an_orbit_that_leaves_has_no_exponent():
    with pytest.raises(LoopError, match="leaves the finite range"):
        lyapunov(FunctionLoop(lambda h, e: h**3, lambda e: e), np.full(2, 3.0), np.zeros(1))


def counting():
    calls = iter(range(10**9))
    return lambda h, e: 0.5 * h + 1e-3 * next(calls)


def grows(h, e):
    h += 1
    return h


def good(h, e):
    return 0.5 * h + e


BAD = {
    "random": (counting(), {}, "switch off dropout"),
    "shape": (lambda h, e: h[:-1], {}, "keep the shape"),
    "dtype": (lambda h, e: h.astype(np.float32), {}, "cast inside the step"),
    "nan": (lambda h, e: h * np.nan, {}, "NaN or infinity"),
    "infinity": (lambda h, e: h + np.inf, {}, "NaN or infinity"),
    "in place": (grows, {}, "in place"),
    "list": (lambda h, e: [1.0], {}, "not a NumPy array"),
    "jvp of another shape": (good, {"jvp": lambda h, e, v: v[:-1]}, "jvp returned shape"),
    "jvp nan": (good, {"jvp": lambda h, e, v: v * np.nan}, "jvp is NaN"),
    "nan beside the state": (lambda h, e: np.where(h == 1, h, np.nan), {}, "difference is NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_loops_are_errors_not_numbers(name):
    step, own, words = BAD[name]
    loop = FunctionLoop(step, lambda e: e, **own)
    with pytest.raises(LoopError, match=words):
        spectral_radius(Linearisation(loop, np.ones(5), np.ones(5)))


ADJOINTS = {
    "vjp of another shape": (
        {"vjp": lambda h, e, u: u[:-1]},
        lambda j: j.adjoint(j.h),
        "vjp returned shape",
    ),
    "vjp nan": ({"vjp": lambda h, e, u: u * np.inf}, lambda j: j.adjoint(j.h), "vjp is NaN"),
    "input_vjp of another shape": (
        {"input_vjp": lambda h, e, u: u[:-1]},
        lambda j: j.input_adjoint(j.h),
        "input_vjp returned",
    ),
    "input_jvp nan": (
        {"input_jvp": lambda h, e, u: u * np.nan},
        lambda j: j.input_product(j.e),
        "input_jvp is NaN",
    ),
    "no adjoint": ({}, lambda j: j.transposed(), "measure J"),
}


@pytest.mark.parametrize("name", ADJOINTS)
def test_bad_products_are_errors(name):
    own, use, words = ADJOINTS[name]
    with pytest.raises(LoopError, match=words):
        use(Linearisation(FunctionLoop(good, lambda e: e, **own), np.ones(5), np.ones(5)))


def test_an_input_of_whole_numbers_has_no_sensitivity():
    j = Linearisation(
        FunctionLoop(lambda h, e: 0.5 * h + e, lambda e: e * 1.0), np.ones(3), np.ones(3, dtype=int)
    )
    with pytest.raises(LoopError, match="embedding"):
        sensitivity(j, np.ones(3))


WRONG = {
    "wrong jvp": {"jvp": lambda h, e, v: 0.6 * v + v.sum()},
    "wrong vjp": {"vjp": lambda h, e, u: np.roll(u, 1)},
    "jvp of a detached residual": {"jvp": lambda h, e, v: good(0 * h, 0 * e) + 0 * v},
}


@pytest.mark.parametrize("name", WRONG)
def test_conformance_compares_derivatives_with_differences(name):
    with pytest.raises(LoopError, match="gradient of the step is not the derivative"):
        check_loop(FunctionLoop(good, lambda e: e, **WRONG[name]), np.ones(5))
    check_loop(linear(ginibre(5, 0.5), "vjp"), np.ones(5))


DIAGNOSES = {
    "random": (counting(), "switch off dropout"),
    "dtype": (lambda h, e: h.astype(np.float32), "cast inside the step"),
    "shape": (lambda h, e: h[:-1], "keep the shape"),
}


@pytest.mark.parametrize("name", DIAGNOSES)
def test_diagnosis_of_a_bad_loop_is_an_error(name):
    step, words = DIAGNOSES[name]
    with pytest.raises(LoopError, match=words):
        diagnose(FunctionLoop(step, lambda e: e), np.ones(5))


def test_diagnosis_of_nan_is_an_outcome_with_advice():
    found = diagnose(FunctionLoop(lambda h, e: h * np.nan, lambda e: e), np.ones(5))
    assert found.outcome is Outcome.NON_FINITE
    assert "eps > 0" in found.advice


def test_a_solve_that_does_not_converge_is_said_and_does_not_confirm():
    m = ginibre(100, 0.7)
    found = diagnose(linear(m), np.ones(100), products=8)
    assert found.outcome is Outcome.FIXED_POINT
    assert not found.rho.converged
    assert "did not converge" in found.advice
    assert found.confirmed == "perturbed restart returned"


def test_profile_measures_what_it_can_and_says_why_not():
    m = ginibre(70, 0.6)
    found = profile(
        linear(m, "vjp"), np.linalg.solve(np.eye(70) - m, np.ones(70)), np.ones(70), loops=60
    )
    assert not found.failed
    assert found.fixed_point < 1e-12
    measured = {name: f.value for name, f in found.found.items()}
    assert measured["spectral_radius"] == pytest.approx(
        np.abs(np.linalg.eigvals(m)).max(), rel=1e-6
    )
    assert measured["sensitivity_norm"] == pytest.approx(measured["resolvent_norm"], rel=1e-4)
    assert found.to_json()["measurements"]["lyapunov"]["residual"] >= 0
    assert any("spectral radius" in line and "residual" in line for line in found.lines())
    critical = profile(linear(np.diag([1.0, 0.5])), np.zeros(2), np.zeros(2), loops=10)
    assert set(critical.failed) == {"kreiss_lower", "resolvent_norm", "sensitivity_norm"}
    assert any("not measured" in line for line in critical.lines())


def test_bad_requests():
    j = at(CASES["one by one"])
    with pytest.raises(UsageError, match="10 loops"):
        lyapunov(j.loop, j.h, j.e, loops=3)
    with pytest.raises(UsageError, match="one power"):
        transient_growth(j, 0)
    with pytest.raises(UsageError, match="unknown derivative"):
        FunctionLoop(good, lambda e: e, hvp=good)
