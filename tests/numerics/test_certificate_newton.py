"""Certificates against Newton's method from a dense grid."""

import numpy as np
import pytest
from plain_maps import plain

from loopstab import certify
from loopstab.numerics.certificates.maps import NormMap, TanhMap


def twin(f, per_side=60):
    """Damping-free Newton from a dense grid; what converges, once each."""
    image, jacobian = plain(f)
    low, high = f.bounds()
    h = np.stack(
        np.meshgrid(*(np.linspace(a, b, per_side) for a, b in zip(low, high, strict=True))), -1
    ).reshape(-1, f.size)
    with np.errstate(all="ignore"):
        for _ in range(40):
            matrix = np.eye(f.size) - jacobian(h)
            good = np.isfinite(matrix).all((1, 2)) & np.isfinite(h).all(1)
            good[good] = np.abs(np.linalg.det(matrix[good])) > 1e-12
            h, matrix = h[good], matrix[good]
            h = h - np.linalg.solve(matrix, (h - image(h))[..., None])[..., 0]
        h = h[np.abs(h - image(h)).max(1) < 1e-11]
    found = []
    for x in h:
        if all(np.abs(x - y).max() > 1e-7 for y in found):
            found.append(x)
    return np.array(sorted(map(tuple, found)))


@pytest.mark.parametrize("family", ["tanh", "norm"])
@pytest.mark.parametrize("seed", range(12))
def test_against_dense_newton(family, seed):
    rng = np.random.default_rng((5, seed))
    w, b = 3.5 * rng.standard_normal((2, 2)) / np.sqrt(2), 0.4 * rng.standard_normal(2)
    f = TanhMap.of(np.eye(2), w, b) if family == "tanh" else NormMap.of(1.0, w, b, 1e-2)
    c = certify(f)
    slow = twin(f)
    assert c.count == len(slow)
    assert c.index_sum == 1
    centers = np.array(sorted(tuple(p.center) for p in c.points))
    np.testing.assert_allclose(centers, slow, atol=1e-8)
    for p in c.points:
        assert p.radius.max() < 1e-12
        assert (p.region[0] < p.center).all()
        assert (p.center < p.region[1]).all()
        jacobian = plain(f)[1](p.center[None])[0]
        assert (
            p.determinant[0] - 1e-9
            <= np.linalg.det(np.eye(2) - jacobian)
            <= p.determinant[1] + 1e-9
        )
        if p.radius_of_spectrum is not None:
            assert p.radius_of_spectrum[0] == pytest.approx(
                np.abs(np.linalg.eigvals(jacobian)).max(), abs=1e-7
            )


def test_twelve_random_maps_are_not_all_of_one_kind():
    """Power of the comparison above: the twin meets several counts."""
    counts = {
        certify(
            NormMap.of(
                1.0,
                3.5 * np.random.default_rng((5, s)).standard_normal((2, 2)) / 2**0.5,
                [0.1, 0.2],
                1e-2,
            )
        ).count
        for s in range(12)
    }
    assert len(counts) > 1
