"""Lyapunov exponents: known values, a dense twin, and an orbit that leaves."""

import numpy as np
import pytest
from matrix_loops import linear, rotation
from scipy.linalg import block_diag

from loopstab import FunctionLoop, LoopError
from loopstab.numerics.spectra.lyapunov import lyapunov


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
