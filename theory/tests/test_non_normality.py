"""M5 against brute force: the Kreiss constant on a grid, powers one by one."""

import cmath
import math
import random

import pytest

from loopstab import formula

SPIJKER, PLANAR = formula("kreiss_upper"), formula("kreiss_jordan")


def norm(m):
    """2-norm of a 2 x 2 complex matrix."""
    (a, b), (c, d) = m
    square, det = sum(abs(x) ** 2 for x in (a, b, c, d)), abs(a * d - b * c)
    return math.sqrt((square + math.sqrt(max(square**2 - 4 * det**2, 0.0))) / 2)


def resolvent(m, z):
    (a, b), (c, d) = m
    det = (z - a) * (z - d) - b * c
    return ((z - d) / det, b / det), (c / det, (z - a) / det)


def kreiss(m, angles=64):
    """Lower bound of the Kreiss constant: its definition on a grid of radii and angles."""
    radii = [1 + 10 ** (k / 16 - 3) for k in range(72)]
    return max(
        (x - 1) * norm(resolvent(m, x * cmath.exp(2j * math.pi * k / angles)))
        for x in radii
        for k in range(angles)
    )


def peak(m, loops=400):
    """max over t <= loops of |J^t|."""
    power, top = ((1.0, 0.0), (0.0, 1.0)), 1.0
    for _ in range(loops):
        power = tuple(
            tuple(sum(row[k] * m[k][j] for k in range(2)) for j in range(2)) for row in power
        )
        top = max(top, norm(power))
    return top


@pytest.mark.parametrize("seed", range(25))
def test_kreiss_and_spijker(seed):
    rng = random.Random(seed)
    p, q, size = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6), 10 ** rng.uniform(-1, 2)
    m = ((p, size), (-q * q / size, p))  # eigenvalues p +- i q
    low, top = kreiss(m), peak(m)
    assert low <= top * (1 + 1e-9)
    assert top <= SPIJKER(2, low)


@pytest.mark.parametrize(("r", "c"), [(0.5, 8), (0.9, 0.2), (0.9, 1), (0.1, 50), (0.3, 1.4)])
def test_kreiss_constant_of_a_jordan_block(r, c):
    m = ((r, c), (0.0, r))
    assert kreiss(m, angles=8) == pytest.approx(float(PLANAR(r, c)), rel=2e-3)
    assert float(PLANAR(r, 2 * (1 - r))) == pytest.approx(1)


def test_the_ratio_tends_to_four_in_the_plane():
    """The shift, r = 0: |J| = c against K = c/4 + 1/c; Spijker allows 2 e."""
    ratios = [c / float(PLANAR(0, c)) for c in (2, 10, 100, 1000)]
    assert ratios == sorted(ratios)
    assert 3.9999 < ratios[-1] < 4 < SPIJKER(2, 1)


def test_no_constant_serves_at_the_rate_of_the_spectral_radius():
    """[[r, 1], [0, r]]: |J^t|/r^t grows like t/r, against 'C rho^t, C the Kreiss constant'."""
    r = 0.5
    m = ((r, 1.0), (0.0, r))
    constant = float(SPIJKER(2, kreiss(m)))
    t = math.ceil(constant * r) + 1
    assert t * r ** (t - 1) > constant * r**t
