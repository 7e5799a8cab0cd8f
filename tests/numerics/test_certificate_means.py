"""Mean counts of certified fixed points against the integrals of Kac and Rice (M3)."""

import numpy as np
import pytest
from plain_maps import plain, scalar

from loopstab import certify, numeric
from loopstab.numerics.certificates.maps import NormMap, TanhMap


def lattice(size, half):
    x = np.linspace(-half, half, size)
    return np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2), (x[1] - x[0]) ** 2


def gaussian(x):
    return np.exp(-(x * x).sum(1) / 2) / (2 * np.pi)


@pytest.mark.parametrize("seed", [0, 1])
def test_mean_count_is_the_kac_rice_integral_tanh(seed):
    """M3 with the bias outside: Int |det(I - Dg)| p(h - g(h)) dh for one W, against certified
    counts over 400 biases.
    """
    rng = np.random.default_rng((8, seed))
    w = np.array([[2.0, 0.5], [-0.3, 1.7]]) + 0.3 * rng.standard_normal((2, 2))
    image, jacobian = plain(TanhMap.of(np.eye(2), w, [0, 0]))
    h, cell = lattice(600, 7.0)
    expected = (
        np.abs(np.linalg.det(np.eye(2) - jacobian(h))) * gaussian(h - image(h))
    ).sum() * cell
    counts = [certify(TanhMap.of(np.eye(2), w, rng.standard_normal(2))).count for _ in range(300)]
    assert None not in counts
    assert expected > 1.2
    assert np.mean(counts) == pytest.approx(expected, abs=4 * np.std(counts) / np.sqrt(300))


def test_mean_count_is_the_kac_rice_integral_under_the_norm():
    """h = N(g(h) + c) iff z = g(N(z)) + c: Int |det(I - D(g o N)(z))| p(z - g(N(z))) dz."""
    rng = np.random.default_rng(11)
    a, eps = np.array([[1.0, 0.8], [-0.6, 1.2]]), 0.1
    z, cell = lattice(800, 9.0)
    s = np.sqrt((z * z).mean(1) + eps)
    h = z / s[:, None]
    g = h + np.tanh(h) @ a.T
    dn = (np.eye(2) - h[:, :, None] * h[:, None, :] / 2) / s[:, None, None]
    dg = np.eye(2) + a[None] * (1 - np.tanh(h) ** 2)[:, None, :]
    expected = (np.abs(np.linalg.det(np.eye(2) - dg @ dn)) * gaussian(z - g)).sum() * cell
    counts = [certify(NormMap.of(1.0, a, rng.standard_normal(2), eps)).count for _ in range(150)]
    assert None not in counts
    assert expected > 1.2
    assert np.mean(counts) == pytest.approx(expected, abs=4 * np.std(counts) / np.sqrt(150))


def test_expected_count_of_the_scalar_map():
    rng = np.random.default_rng(0)
    counts = [certify(scalar(2.0, b)).count for b in rng.standard_normal(500)]
    expected = float(numeric("tanh_expected_count")(2.0, 1.0))
    assert np.mean(counts) == pytest.approx(
        expected, abs=4 * np.sqrt((expected - 1) * (3 - expected) / 500)
    )
