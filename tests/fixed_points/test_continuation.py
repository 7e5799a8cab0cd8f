"""Branches of fixed points: bifurcations whose parameters are known, and laws."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from loopstab import FunctionLoop, LoopError, UsageError, continuation

ROOT = Path(__file__).resolve().parents[2]
FOLD = 2 / (3 * np.sqrt(3))


def follow(step, values, h0, **options):
    def of(p):
        return FunctionLoop(lambda h, e: step(p, h), np.copy)

    return continuation(of, values, np.zeros(1), np.asarray(h0, float), **options)


def delayed(a, h):
    return np.array([a * h[0] * (1 - h[1]), h[0]])


# step, values, start, crossings (kind, parameter), precision, unstable directions at both ends
TABLE = {
    "flip": (lambda r, h: r * h * (1 - h), (2, 4), [0.5], [("flip", 3)], 1e-9, (0, 1)),
    "transcritical": (
        lambda r, h: r * h * (1 - h),
        (0.5, 1.5),
        [0.0],
        [("branch point", 1)],
        1e-9,
        (0, 1),
    ),
    "transcritical, from above": (
        lambda r, h: r * h * (1 - h),
        (2, 0.5),
        [0.5],
        [("branch point", 1)],
        1e-8,  # where two curves cross, nearby points are ill-conditioned
        (0, 1),
    ),
    "saddle-node": (lambda r, h: r + h - h * h, (1, -0.5), [1.0], [("fold", 0)], 1e-9, (0, 1)),
    "pitchfork": (
        lambda a, h: np.tanh(a * h),
        (0.5, 1.5),
        [0.0],
        [("branch point", 1)],
        1e-9,
        (0, 1),
    ),
    "pitchfork, curved": (
        lambda a, h: np.tanh(a * h),
        (2, 0.5),
        [0.95],
        [("branch point", 1)],
        1e-9,
        (0, 0),
    ),
    "Neimark-Sacker": (delayed, (1.5, 2.5), [0.33, 0.33], [("Neimark-Sacker", 2)], 1e-9, (0, 2)),
    "two folds": (
        lambda p, h: h + 0.2 * (p + h - h**3),
        (-1, 1),
        [-1.3],
        [("fold", FOLD), ("fold", -FOLD)],
        1e-9,
        (0, 0),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_known_bifurcations(name):
    step, ends, h0, expected, precision, unstable = TABLE[name]
    values = np.linspace(*ends, 13)
    branch = follow(step, values, h0)
    assert branch.complete
    assert [c.kind for c in branch.crossings] == [kind for kind, _ in expected]
    for crossing, (_, parameter) in zip(branch.crossings, expected, strict=True):
        assert crossing.parameter == pytest.approx(parameter, abs=precision)
        assert abs(crossing.eigenvalue) == pytest.approx(1, abs=1e-5)
        assert np.abs(step(crossing.parameter, crossing.state) - crossing.state).max() < 1e-9
    for p, h in zip(branch.parameters, branch.states, strict=True):
        assert np.abs(step(p, h) - h).max() < 1e-13
    assert (branch.unstable[0], branch.unstable[-1]) == unstable
    json.dumps(branch.to_json(), allow_nan=False)


def test_radii_are_those_of_the_closed_form():
    branch = follow(lambda r, h: r * h * (1 - h), np.linspace(1.5, 3.5, 9), [0.3])
    np.testing.assert_allclose(branch.radii, np.abs(2 - branch.parameters), atol=1e-8)
    np.testing.assert_allclose(branch.states[:, 0], 1 - 1 / branch.parameters, atol=1e-13)
    for value in np.linspace(1.5, 3.5, 9):
        assert np.abs(branch.parameters - value).min() < 1e-12


def test_the_parameter_at_the_eigenvalue_of_a_pair():
    """At a = 2 the delayed logistic map has the eigenvalues exp(i pi/3) (period 6)."""
    branch = follow(delayed, np.linspace(1.9, 2.1, 3), [0.47, 0.47])
    (crossing,) = branch.crossings
    assert abs(np.angle(crossing.eigenvalue)) == pytest.approx(np.pi / 3, abs=1e-8)
    np.testing.assert_allclose(crossing.state, [0.5, 0.5], atol=1e-9)


def test_shapes_and_precision():
    branch = follow(lambda a, h: np.tanh(a * h) + 0.1, [0.1, 0.5, 0.9], np.full((2, 3), 0.1))
    assert branch.complete
    assert branch.states.shape[1:] == (2, 3)
    assert branch.radii.shape == branch.unstable.shape == branch.parameters.shape


@pytest.mark.parametrize("n", [600])
def test_many_dimensions(n):
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((n, n)) / np.sqrt(n)
    bias = rng.standard_normal(n)

    def of(g):
        return FunctionLoop(
            lambda h, e: np.tanh(g * (matrix @ h) + bias),
            np.copy,
            jvp=lambda h, e, v: (1 - np.tanh(g * (matrix @ h) + bias) ** 2) * g * (matrix @ v),
        )

    branch = continuation(of, [0.1, 0.3, 0.5], np.zeros(1), np.zeros(n))
    assert branch.complete
    last = np.tanh(0.5 * (matrix @ branch.states[-1]) + bias)
    assert np.abs(last - branch.states[-1]).max() < 1e-13


def test_a_branch_that_ends_says_so():
    branch = follow(lambda p, h: np.sqrt(p - h) if p > 0.5 else h * np.nan, [2.0, 0.1], [1.0])
    assert not branch.complete
    assert branch.advice
    short = follow(lambda r, h: r * h * (1 - h), np.linspace(2, 4, 9), [0.5], most=3)
    assert not short.complete
    assert "`most`" in short.advice
    assert len(short.parameters) == 3


def test_bad_input_is_refused():
    with pytest.raises(UsageError, match="rising"):
        follow(lambda r, h: h / 2, [1.0], [0.0])
    with pytest.raises(UsageError, match="rising"):
        follow(lambda r, h: h / 2, [1.0, 2.0, 1.5], [0.0])
    with pytest.raises(LoopError, match="no fixed point found"):
        follow(lambda r, h: h + r, [1.0, 2.0], [0.0])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
def test_linear_branches_do_not_depend_on_the_basis(seed, n):
    """h' = p A h + b crosses the circle where p times a modulus of A is 1, in every basis."""
    rng = np.random.default_rng(seed)
    matrix, bias = rng.standard_normal((n, n)), rng.standard_normal(n)
    turn = expm(matrix - matrix.T)
    values = np.linspace(0.01, 0.4, 14)
    moduli = np.abs(np.linalg.eigvals(matrix))
    if np.abs(np.linalg.eigvals(matrix).real - 1 / 0.4).min() < 0.1:
        return
    if any(abs(x - 1) < 0.05 for x in 0.4 * moduli):
        return
    real = [v for v in np.linalg.eigvals(matrix) if abs(v.imag) < 1e-9 and 0.4 * v.real > 0.95]
    if real:  # the branch goes to infinity there
        return
    expected = sum(0.4 * moduli > 1)
    for basis in (np.eye(n), turn):
        turned = basis @ matrix @ basis.T
        branch = follow(lambda p, h, m=turned, b=basis: p * (m @ h) + b @ bias, values, np.zeros(n))
        assert branch.complete
        assert branch.unstable[-1] == expected
        for crossing in branch.crossings:
            assert np.abs(crossing.parameter * moduli - 1).min() < 1e-8


def test_the_examples_of_the_guide_run(tmp_path):
    guide = (ROOT / "docs" / "howto" / "fixed_points.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 stable, 4 unstable\n")
    assert "\nfold " in done.stdout
