"""Certificates of ReLU maps, in exact rational arithmetic, against maps with known counts."""

import numpy as np
import pytest

from loopstab.numerics.certificates.relu import ReluMap, certify_relu
from loopstab.theory.autonomous.kac_rice_cases import MUTUAL


def mutual(b):
    return certify_relu(ReluMap.of(np.eye(2) - np.array(MUTUAL), b))


def test_planar_relu_has_three_fixed_points_in_the_third_quadrant_and_one_elsewhere():
    biases = np.random.default_rng(0).standard_normal((400, 2))
    for b in biases:
        assert mutual(b).count == (3 if (b < 0).all() else 1)
    counts = [mutual(b).count for b in biases]
    assert np.mean(counts) == pytest.approx(1.5, abs=4 * np.sqrt(0.75 / 400))


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [(2.0, -1.0, 2), (2.0, 1.0, 0), (0.5, 1.0, 1), (0.5, -1.0, 1), (-3.0, 1.0, 1)],
)
def test_scalar_relu(a, b, count):
    c = certify_relu(ReluMap.of([[a]], [b]))
    assert c.count == count
    for point in c.points:
        (h,) = point.center
        assert a * max(h, 0) + b == h


def test_relu_with_hidden_units_against_sign_changes():
    """d = 1, six units: sign changes of h - f(h) on a fine lattice."""
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(20):
        a, w, c, b = (
            rng.standard_normal((1, 6)) * 2,
            rng.standard_normal((6, 1)),
            rng.standard_normal(6),
            rng.standard_normal(1),
        )
        found = certify_relu(ReluMap.of(a, b, w, c))
        h = np.linspace(-200, 200, 400_001)
        changes = np.sum(
            np.diff(np.sign(h - np.maximum(np.outer(h, w[:, 0]) + c, 0) @ a[0] - b[0])) != 0
        )
        assert found.count == changes
        seen.add(int(changes))
    assert len(seen) > 1


def test_relu_degenerate_maps_are_undecided():
    assert certify_relu(ReluMap.of([[1.0]], [0.0])).count is None  # a half-line of fixed points
    border = certify_relu(ReluMap.of([[0.5]], [0.0]))  # the fixed point is the kink
    assert border.count is None
    assert "border" in border.undecided[0][1]
    assert certify_relu(ReluMap.of([[1.0]], [1.0])).count == 0  # singular, but no solution
