"""Batches: every row as if it were alone, in one run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import FunctionLoop, Linearisation, LoopError, diagnose, diagnose_batch
from loopstab.numerics.spectra.radius import spectral_radius
from loopstab.numerics.spectra.row_spectra import row_agreement, row_radii

R = np.array([[2.5], [2.9], [3.2], [3.5], [3.9], [2.8], [2.7]])
LOGISTIC = FunctionLoop(lambda h, r: r * h * (1 - h), lambda r: np.full_like(r, 0.3))


def linear(a):
    """Rows h' = A_i h + e, whose matrix comes with the input, (rows, n, n + 1)."""

    def step(h, e):
        return np.einsum("rij,rj->ri", e[..., :-1], h) + e[..., -1]

    def product(h, e, v):
        return np.einsum("rij,rj->ri", e[..., :-1], v)

    return FunctionLoop(step, lambda e: np.zeros_like(e[..., -1]), jvp=product), np.concatenate(
        (a, np.ones((*a.shape[:2], 1))), axis=-1
    )


def test_each_row_has_the_verdict_of_its_own_run():
    found = diagnose_batch(LOGISTIC, R)
    alone = [diagnose(LOGISTIC, r[None]) for r in R]
    assert [(str(row.outcome), row.period) for row in found.rows] == [
        (str(row.outcome), row.period) for row in alone
    ]
    assert found.outcomes == {"fixed-point": 4, "cycle": 2, "aperiodic": 1}
    for row, single in zip(found.rows[:4], alone[:4], strict=True):
        assert row.rho.value == pytest.approx(single.rho.value, abs=1e-7)
        assert row.state.shape == (1,)
    assert found.rows[0].rate == pytest.approx(0.5, abs=1e-3)
    assert "mixed outcomes" in found.lines()[0]
    assert len(found.to_json()["rows"]) == len(R)


@given(st.integers(2, 90), st.integers(2, 5), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_row_radii_are_those_of_each_matrix(n, rows, seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((rows, n, n)) / np.sqrt(n) * rng.uniform(0.1, 1.2, (rows, 1, 1))
    loop, e = linear(a)
    j = Linearisation(loop.rowwise(), np.zeros((rows, n)), e)
    for i, found in enumerate(row_radii(j)):
        true = np.abs(np.linalg.eigvals(a[i])).max()
        assert abs(found.value - true) <= max(10 * found.error, 1e-7 * true)
        one = Linearisation(loop, np.zeros((1, n)), e[i : i + 1])
        assert found.value == pytest.approx(spectral_radius(one).value, rel=1e-6)
    assert all(found.agrees for found in row_agreement(j))


def test_a_row_whose_derivative_is_wrong_is_found_beside_rows_that_are_right():
    loop, e = linear(0.5 * np.stack([np.eye(3)] * 3))
    wrong = FunctionLoop(
        loop.step,
        lambda e: np.zeros_like(e[..., -1]),
        jvp=lambda h, e, v: np.where(e[..., -1:, -1] > 1, 2, 1) * loop.jvp(h, e, v),
    )
    e[1, :, -1] = 2
    found = diagnose_batch(wrong, e)
    assert [bool(row.contradiction) for row in found.rows] == [False, True, False]
    assert found.rows[1].rho.value == pytest.approx(0.5, abs=1e-6)


def test_rows_that_leave_the_finite_range_do_not_disturb_the_others():
    loop = FunctionLoop(
        lambda h, e: np.where(e > 5, np.nan * h, np.where(e > 2, 2 * h + 1, 0.5 * h + e)),
        np.zeros_like,
    )
    found = diagnose_batch(loop, np.array([[1.0], [3.0], [9.0], [0.5]]))
    assert [str(row.outcome) for row in found.rows] == [
        "fixed-point",
        "explosion",
        "non-finite",
        "fixed-point",
    ]


def test_rows_that_influence_each_other_are_refused():
    loop = FunctionLoop(lambda h, e: 0.5 * (h - h.mean(axis=0)) + e, np.zeros_like)
    with pytest.raises(LoopError, match="rows of the batch influence each other"):
        diagnose_batch(loop, R)


def test_nested_states_keep_their_structure_in_each_row():
    loop = FunctionLoop(
        lambda s, e: {"h": 0.5 * s["h"] + e, "c": 0.3 * s["c"] + 1j},
        lambda e: {"h": np.zeros_like(e), "c": np.zeros((len(e), 2), complex)},
    )
    found = diagnose_batch(loop, R)
    for row, r in zip(found.rows, R, strict=True):
        np.testing.assert_allclose(row.state["h"], 2 * r, atol=1e-12)
        np.testing.assert_allclose(row.state["c"], 1j / 0.7, atol=1e-12)
        assert row.rho.value == pytest.approx(0.5, abs=1e-6)


def test_a_state_without_rows_is_refused():
    loop = FunctionLoop(lambda h, e: 0.5 * h, {"a": np.zeros(3), "b": np.zeros(2)})
    with pytest.raises(LoopError, match="no rows"):
        diagnose_batch(loop, R)


def test_rows_with_a_time_dependent_step():
    loop = FunctionLoop(lambda h, e, t: 0.5 * h + e / (1 + t), np.zeros_like)
    found = diagnose_batch(loop, R, limit=4000)
    assert len(found.rows) == len(R)
    assert all(row.time is not None for row in found.rows)


@pytest.mark.parametrize("partner", [1, 2, 3])
def test_two_coupled_rows_anywhere_in_the_batch_are_found(partner):
    def step(h, e):
        out = 0.5 * h + e
        if len(h) == 7:
            out[3] += 0.1 * h[3 - partner]
        return out

    with pytest.raises(LoopError, match="influence each other"):
        diagnose_batch(FunctionLoop(step, lambda e: e.copy()), R)
