"""Spectral radii with known answers, against a dense twin, and where the usual power iteration fails."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from numerics import FunctionLoop, LoopError, linear_loop, numeric, spectral_radius
from numerics.maps import MeanFieldLoop
from theory.architecture import Architecture


def rotation(r, angle=1.0):
    return r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def loop_of(m, own=False):
    return FunctionLoop(lambda h, e: m @ h + e, lambda e: e, (lambda h, e, v: m @ v) if own else None)


def power_iteration(m, steps=200):
    v = np.random.default_rng(0).standard_normal(len(m))
    for _ in range(steps):
        w = m @ v
        rho, v = abs(v @ w / (v @ v)), w / np.linalg.norm(w)
    return rho


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("radius", [0.95, 1.20, 1.05])
@pytest.mark.parametrize("copies", [1, 60])
def test_rotation_blocks(radius, own, copies):
    m = block_diag(rotation(radius), *(rotation(0.5 * radius, 2.0) for _ in range(copies - 1)))
    found = spectral_radius(loop_of(m, own), np.ones(2 * copies), np.ones(2 * copies))
    assert found.value == pytest.approx(radius, abs=1e-8)
    assert found.residual < 1e-8
    assert found.derivative == ("jvp" if own else "central difference")


def test_power_iteration_is_wrong_where_arnoldi_is_right():
    assert abs(power_iteration(rotation(0.95)) - 0.95) > 0.1


MATRICES = {
    "zero": np.zeros((80, 80)),
    "one-by-one": np.array([[-0.7]]),
    "jordan": np.diag(np.full(79, 0.8)) + np.diag(np.full(78, 0.3), 1),
    "near-degenerate": np.diag(np.concatenate(([1.0, 0.999, -0.998], np.linspace(0, 0.9, 97)))),
    "nilpotent": np.diag(np.ones(29), 1),
}


@pytest.mark.parametrize("name", [n for n in MATRICES if n not in ("jordan", "nilpotent")])
def test_table(name):
    m = MATRICES[name]
    found = spectral_radius(loop_of(m, own=True), np.ones(len(m)), np.ones(len(m)))
    assert found.value == pytest.approx(np.abs(np.linalg.eigvals(m)).max(), abs=1e-8)


@pytest.mark.parametrize("name", ["jordan", "nilpotent"])
def test_defective_matrices_are_right_or_say_so(name):
    """A Jordan block of size n moves its eigenvalue by eps^(1/n): the eigen-residual, not the value, is what can be trusted."""
    m = MATRICES[name]
    found = spectral_radius(loop_of(m, own=True), np.ones(len(m)), np.ones(len(m)))
    assert found.residual < 1e-6 or not found.converged


def test_against_dense_twin():
    n = 300
    m = np.random.default_rng(0).standard_normal((n, n)) / np.sqrt(n)
    found = spectral_radius(loop_of(m, own=True), np.ones(n), np.ones(n))
    assert found.value == pytest.approx(np.abs(np.linalg.eigvals(m)).max(), abs=1e-8)
    assert found.products < 3 * n


def test_no_jacobian_where_the_step_is_not_finite():
    with pytest.raises(LoopError, match="domain"):
        spectral_radius(FunctionLoop(lambda h, e: h * np.nan, lambda e: e), np.ones(3), np.ones(3))


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
@pytest.mark.parametrize("sub_blocks", [1, 2])
def test_linear_loops_have_exact_jacobians(architecture, sub_blocks):
    loop = linear_loop(architecture, 5, sub_blocks=sub_blocks, seed=1)
    rng = np.random.default_rng(2)
    h, e, v = rng.standard_normal((3, 5))
    difference = (loop.step(h + 1e-6 * v, e) - loop.step(h - 1e-6 * v, e)) / 2e-6
    np.testing.assert_allclose(loop.jvp(h, e, v), difference, rtol=2e-5, atol=1e-8)
    np.testing.assert_allclose(loop.jacobian(h, e) @ v, loop.jvp(h, e, v), atol=1e-12)


def test_linearised_external_recall_is_the_product_of_the_table():
    """THEORY.md section 2: two sub-blocks, external recall, J = (I + A2)(I + A1) W_x where the update reads z itself."""
    loop = linear_loop(Architecture("external", "post"), 4, seed=3)
    rng = np.random.default_rng(0)
    h, e = rng.standard_normal((2, 4))
    a1, a2 = loop.blocks
    z1 = (np.eye(4) + a1) @ (loop.w_x @ h + loop.w_e @ e + loop.b)
    z2 = (np.eye(4) + a2) @ loop.norm(z1)
    product = loop.norm.jacobian(z2) @ (np.eye(4) + a2) @ loop.norm.jacobian(z1) @ (np.eye(4) + a1) @ loop.w_x
    np.testing.assert_allclose(loop.jacobian(h, e), product, atol=1e-12)


def test_gru_keeps_states_in_the_cube():
    loop = linear_loop(Architecture("external", "pre", "gru"), 6, scale=3, recall=3, seed=0)
    h = np.full(6, 3.0)
    for _ in range(300):
        h = loop.step(h, np.ones(6))
    assert np.abs(h).max() < 1


def test_mean_field_loop_jacobian():
    rng = np.random.default_rng(0)
    loop = MeanFieldLoop(0.7, rng.standard_normal((6, 6)), 0.9)
    h, e, v = rng.standard_normal((3, 6))
    difference = (loop.step(h + 1e-6 * v, e) - loop.step(h - 1e-6 * v, e)) / 2e-6
    np.testing.assert_allclose(loop.jvp(h, e, v), difference, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(loop.jacobian(h, e) @ v, loop.jvp(h, e, v), atol=1e-13)


@pytest.mark.parametrize(("name", "s", "value"), [("internal_stable_probability", 1.0, 0.46909), ("external_stable_probability", 1.0, 0.67295),
                                                  ("internal_stable_probability", 2.0, 0.29511), ("external_stable_probability", 2.0, 0.37141)])  # fmt: skip
def test_stable_probability_against_sampling(name, s, value):
    x, y = s * np.random.default_rng(0).standard_normal((2, 400_000))
    jacobian = numeric(f"scalar_jacobian_{name.split('_')[0]}")(x, y)
    sampled = np.mean(np.abs(jacobian) < 1)
    assert numeric(name)(s) == pytest.approx(value, abs=1e-5)
    assert sampled == pytest.approx(value, abs=4 * 0.5 / np.sqrt(400_000))
