"""Contracted balls, proved bounds of matrices, and exact orbits, on maps with known answers."""

from __future__ import annotations

import flint
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from loopstab.numerics.enclosures import verified
from loopstab.numerics.enclosures.adapted import Coordinates
from loopstab.numerics.enclosures.ball_array import BallArray
from loopstab.numerics.enclosures.contraction import NotCertified, contract, radius_estimate
from loopstab.numerics.enclosures.input_derivative import inverse_norm, sensitivity_bounds
from loopstab.numerics.enclosures.jet import Jet
from loopstab.numerics.enclosures.margins import answer_of, margins
from loopstab.numerics.enclosures.orbit import Funnel
from loopstab.numerics.enclosures.rounding import operator_norms
from loopstab.numerics.enclosures.verified import least_eigenvalue, spectral_norm

SEEDS = st.integers(0, 10**6)


def _matrix(seed, m=6, n=4):
    return np.random.default_rng(seed).normal(size=(m, n))


@given(SEEDS)
def test_norms_are_bounded_from_above_and_closely(seed):
    matrix = _matrix(seed)
    true = np.linalg.norm(matrix, 2)
    assert true <= spectral_norm(matrix) * (1 + 1e-15) <= true * (1 + 1e-6)
    assert true <= operator_norms(matrix) <= true * 4 ** (1 / 8) * (1 + 1e-9)
    square = matrix[:4]
    smallest = np.linalg.svd(square, compute_uv=False)[-1]
    assert 1 / smallest * (1 - 1e-9) <= inverse_norm(square, 0.0)


def test_the_spectral_norm_where_lapack_gives_up(monkeypatch):
    """It did on weights of very different sizes, from a file with a single damaged number."""

    def gives_up(*_, **__):
        raise scipy.linalg.LinAlgError("Internal Error.")

    monkeypatch.setattr(verified.scipy.linalg, "eigvalsh", gives_up)
    assert 2 <= spectral_norm(np.diag([1.0, 2.0])) < 2.1


@given(SEEDS)
def test_least_eigenvalues_are_bounded_from_below(seed):
    matrix = _matrix(seed)
    gram = matrix.T @ matrix
    gram = (gram + gram.T) / 2
    assert least_eigenvalue(gram.copy()) <= np.linalg.eigvalsh(gram)[0]
    assert least_eigenvalue(gram - 100 * np.eye(4)) == -np.inf


def test_bad_matrices_have_no_bound():
    assert spectral_norm(np.full((2, 2), np.nan)) == np.inf
    assert inverse_norm(np.zeros((2, 2)), 0.0) == np.inf
    assert inverse_norm(np.eye(2), 2.0) == np.inf
    assert 0 <= spectral_norm(np.zeros((3, 2))) < 1e-140


@given(SEEDS)
def test_adapted_coordinates_contract_every_matrix_of_radius_below_one(seed):
    matrix = _matrix(seed, 5, 5)
    matrix *= 0.9 / np.abs(np.linalg.eigvals(matrix)).max()
    assert radius_estimate(matrix) == pytest.approx(0.9, rel=0.02)
    where = Coordinates.contracting(matrix, 0.95)
    assert where.valid
    assert where.norm_of(matrix @ where.directions) < 0.951
    low, high = where.lengths
    y = np.random.default_rng(seed).normal(size=5)
    assert low * np.linalg.norm(y) <= np.linalg.norm(where.directions @ y)
    assert np.linalg.norm(where.directions @ y) <= high * np.linalg.norm(y)


MATRIX = np.array([[0.6, 2.0], [0.0, 0.5]])
"""Norm above 2, spectral radius 0.6: no contraction in the Euclidean norm."""
DRIVE = np.array([0.3, -0.2])


def _step(h):
    return h.map("tanh").affine(MATRIX, DRIVE)


def _fixed_point(step=lambda h: MATRIX @ np.tanh(h) + DRIVE, start=(0.0, 0.0)):
    h = np.array(start)
    for _ in range(3000):
        h = step(h)
    return h


def test_a_fixed_point_is_proved():
    center = _fixed_point()
    ball = contract(_step, _step, center + 1e-9)
    assert 0 < ball.error < ball.euclidean_radius
    assert np.linalg.norm(center - (center + 1e-9)) <= ball.error * ball.coordinates.lengths[1]
    assert ball.rate < 1
    rng = np.random.default_rng(0)
    for _ in range(200):  # the claim itself, in floating point
        v = rng.normal(size=2)
        h = ball.center + ball.euclidean_radius * v / np.linalg.norm(v)
        first = np.linalg.norm(h - center)
        for t in range(1, 30):
            h = MATRIX @ np.tanh(h) + DRIVE
            bound = ball.condition * ball.rate**t * first
            assert np.linalg.norm(h - center) <= bound * (1 + 1e-9) + 1e-14


@pytest.mark.parametrize(
    ("gain", "center", "reason"),
    [
        (1.0, _fixed_point() + 0.3, "not near an attracting fixed point"),
        (3.0, np.zeros(2), "spectral radius"),
        (np.nan, np.zeros(2), "not finite"),
    ],
    ids=["off the fixed point", "unstable", "not a number"],
)
def test_a_wrong_point_is_refused(gain, center, reason):
    def step(h):
        drive = DRIVE if gain == 1 else np.zeros(2)
        return h.map("tanh").affine(gain * MATRIX, drive)

    with pytest.raises(NotCertified, match=reason), np.errstate(invalid="ignore"):
        contract(step, step, center)


def test_the_orbit_is_enclosed_until_it_has_entered():
    center = _fixed_point()
    ball = contract(_step, _step, center)
    funnel = Funnel.around(_step, ball)
    assert [s.radius for s in funnel.all] == sorted(s.radius for s in funnel.all)
    states, h = [np.array([2.0, -3.0])], np.array([2.0, -3.0])
    for _ in range(200):
        h = MATRIX @ np.tanh(h) + DRIVE
        states.append(h)
    distances = [np.linalg.norm(ball.coordinates.inverse @ (s - center)) for s in states]
    seen = list(funnel.orbit(_step, lambda: BallArray.exact(states[0]), distances, 300))
    assert [at.time for at in seen] == list(range(len(seen)))
    assert seen[-1].ball == 0
    for at in seen:
        assert at.state.mid == pytest.approx(states[at.time], abs=1e-12)
        if at.tube is not None:
            assert at.tube < 1e-8
    with pytest.raises(NotCertified, match="did not enter"):
        list(funnel.orbit(_step, lambda: BallArray.exact(states[0]), distances[:3], 300))


def test_an_orbit_that_is_enclosed_too_coarsely_is_refused():
    center = _fixed_point()
    funnel = Funnel(contract(_step, _step, center), ())

    def widening(h):
        return _step(h) + BallArray.exact(np.zeros(2), 1e-3)

    with pytest.raises(NotCertified, match=r"too wide|did not enter"):
        list(
            funnel.orbit(widening, lambda: BallArray.exact(np.array([2.0, -3.0])), [1.0] * 99, 300)
        )


def test_margins_hold_on_the_ball():
    weight = _matrix(3, 4, 2)
    jet = Jet.coordinates(np.array([[0.3, -1.0]]), np.eye(2), 0.05).map("tanh").affine(weight)
    answer = jet.mid.argmax(-1)
    proved = margins(jet, answer)[0]
    angles = np.linspace(0, 2 * np.pi, 400)
    points = np.array([0.3, -1.0]) + 0.05 * np.stack((np.cos(angles), np.sin(angles)), -1)
    logits = np.tanh(points) @ weight.T
    others = np.delete(logits, answer[0], axis=1)
    sampled = (logits[:, answer[0]] - others.max(1)).min()
    assert proved <= sampled
    assert proved > 0.8 * sampled
    assert margins(jet, (answer + 1) % 4)[0] < 0


def test_an_answer_is_only_given_where_it_is_proved():
    logits = BallArray.exact(np.array([[1.0, 2.0], [0.0, -1.0]]))
    assert answer_of(logits).tolist() == [1, 0]
    assert answer_of(logits, 0.4).tolist() == [1, 0]
    assert answer_of(logits, 0.6) is None
    assert answer_of(BallArray.exact(np.array([[1.0, 1.0]]))) is None


def test_the_sensitivity_of_a_linear_loop_is_enclosed():
    n = 3
    jacobian = np.diag([0.5, -0.5, 0.0])
    recall = np.diag([1.0, 2.0, 1e-3])
    with flint.ctx.workprec(128):
        image = Jet.coordinates(np.zeros((1, n)), np.concatenate((jacobian, recall), 1), 0.0)
        found = sensitivity_bounds(image, 3)
    true = np.linalg.svd(np.linalg.solve(np.eye(n) - jacobian, recall), compute_uv=False)
    assert found.least <= true[-1] * (1 + 1e-12)
    assert found.least == pytest.approx(true[-1], rel=1e-6)
    assert found.largest == pytest.approx(true[0], rel=1e-6)
    assert sensitivity_bounds(image, 1).least == pytest.approx(true[0], rel=1e-6)
