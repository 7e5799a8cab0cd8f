"""A modern Hopfield network: its rate in closed form."""

import numpy as np
import pytest
from scipy.special import softmax

from loopstab import diagnose

PAGE = "hopfield"


@pytest.mark.parametrize("beta", [1, 8, 100])
@pytest.mark.parametrize("i", range(5))
def test_the_radius_has_a_closed_form(page, beta, i):
    found = diagnose(page.network(beta, page.X[:, i] + page.noise[:, i]))
    p = softmax(beta * page.X.T @ found.state)
    jacobian = beta * page.X @ (np.diag(p) - np.outer(p, p)) @ page.X.T
    wanted = np.abs(np.linalg.eigvals(jacobian)).max()
    assert str(found.outcome) == "fixed-point"
    assert found.rho.value == pytest.approx(wanted, rel=1e-5, abs=1e-7)
    assert found.action.startswith("nothing to change")
    np.testing.assert_allclose(page.X @ p, found.state, atol=1e-12)


def test_retrieval_is_within_the_bound_of_the_separation(page):
    """At beta = 100 every pattern is retrieved, to the softmax weight of the others."""
    for i in range(5):
        found = diagnose(page.network(100, page.X[:, i] + page.noise[:, i]))
        p = softmax(100 * page.X.T @ found.state)
        assert p.argmax() == i
        assert np.linalg.norm(found.state - page.X[:, i]) <= 2 * (1 - p[i]) + 1e-12


def test_there_are_as_many_stable_points_as_memories(page):
    assert len(page.points.stable) == 4  # patterns 3 and 4 share one
    for point in page.points.points:
        p = softmax(8 * page.X.T @ point.state)
        jacobian = 8 * page.X @ (np.diag(p) - np.outer(p, p)) @ page.X.T
        values = np.linalg.eigvalsh((jacobian + jacobian.T) / 2)
        assert point.unstable == (values > 1).sum()
