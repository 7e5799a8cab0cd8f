"""Areas and probabilities: independent representations in 30 digits, slow sums, limits."""

import math

import flint
import mpmath
import pytest
import sympy as sp

from loopstab.theory.formulas import formula
from loopstab.theory.geometry.probability_enclosures import (
    external_probability,
    internal_probability,
)

SCALES = ["0.5", "1", "2"]
DIGITS = mpmath.mpf(10) ** -30


def value(name, *arguments):
    with mpmath.workdps(40):
        return mpmath.mpf(sp.N(formula(name)(*map(sp.Rational, arguments)), 40))


@pytest.mark.parametrize("s", SCALES)
def test_internal_probability(s):
    """The integral of K_0, its closed form (DLMF 10.43.2), and conditioning on y."""
    with mpmath.workdps(40):
        scale = mpmath.mpf(s)
        z = 2 / scale**2
        integral = (
            mpmath.quad(lambda u: mpmath.besselk(0, u), [0, z / 64, z / 8, z / 2, z]) / mpmath.pi
        )
        struve = (
            z
            / 2
            * (
                mpmath.besselk(0, z) * mpmath.struvel(-1, z)
                + mpmath.besselk(1, z) * mpmath.struvel(0, z)
            )
        )

        def given(y):
            return mpmath.erf(mpmath.sqrt(2) / (scale * y)) * mpmath.npdf(y, 0, scale)

        conditional = mpmath.quad(
            given, [0, scale / 4, scale, 2 * scale, 4 * scale, 8 * scale, 15 * scale]
        )
        assert abs(struve - conditional) < DIGITS
        assert abs(integral - struve) < DIGITS


@pytest.mark.parametrize("s", SCALES)
def test_external_probability(s):
    """Conditioning on y against conditioning on x."""
    with mpmath.workdps(40):
        scale = mpmath.mpf(s)
        root = mpmath.sqrt(2) * scale

        def given_y(u):
            return mpmath.erf(1 / (root * u)) * (
                mpmath.npdf(u, 1, scale) + mpmath.npdf(u, -1, scale)
            )

        def given_x(x):
            return (mpmath.erf((1 / x - 1) / root) + mpmath.erf((1 / x + 1) / root)) * mpmath.npdf(
                x, 0, scale
            )

        ends = [
            0,
            scale / 8,
            scale / 4,
            scale / 2,
            scale,
            2 * scale,
            4 * scale,
            8 * scale,
            16 * scale,
        ]
        first = mpmath.quad(given_y, sorted({*ends[:-1], mpmath.mpf(1), *(1 + e for e in ends)}))
        second = mpmath.quad(given_x, ends)
        assert abs(first - second) < DIGITS


def test_none_probability():
    with mpmath.workdps(40):
        for s in ("0.5", "3"):
            assert (
                abs(
                    value("none_stable_probability", s)
                    - (mpmath.mpf(1) / 2 - mpmath.ncdf(-2 / mpmath.mpf(s)))
                )
                < DIGITS
            )


WIDTHS = {  # length of the stable set along the line at height y, within [-a, a]
    "none": lambda a, y: 2 * a if -2 < y < 0 else 0,
    "internal": lambda a, y: min(a, 2 / abs(y)) if y else 2 * a,
    "external": lambda a, y: 2 * min(a, 1 / abs(1 + y)) if y != -1 else 2 * a,
}


@pytest.mark.parametrize("recall", WIDTHS)
@pytest.mark.parametrize("a", ["0.4", "0.61", "0.9", "1.3", "1.7", "2.5", "8"])
def test_box_areas(recall, a):
    """Against a midpoint sum of the widths."""
    size, parts = float(a), 40_000
    step = 2 * size / parts
    slow = sum(WIDTHS[recall](size, -size + (k + 0.5) * step) for k in range(parts)) * step
    assert abs(slow - float(value(f"{recall}_stable_area", a))) < 2e-3


def test_areas_grow_without_bound_and_differ_by_a_constant():
    gap = value("external_stable_area", "1000000") - value("internal_stable_area", "1000000")
    assert abs(gap - 4 * mpmath.log(2)) < 1e-10
    assert value("internal_stable_area", "1000000") > 100


def test_small_scales():
    """1/2 - P_int = (1/pi) Int_0^oo e^{-z cosh}/cosh < e^{-z}/2, z = 2/s^2."""
    for s in ("0.4", "0.7"):
        gap = 0.5 - float(internal_probability(s))
        assert -1e-16 < gap < math.exp(-2 / float(s) ** 2) / 2
    assert float(value("none_stable_probability", "0.2")) > 0.5 - 1e-11
    assert float(external_probability("0.1")) > 1 - 1e-12


@pytest.mark.parametrize("s", ["1/2", "1", "2"])
def test_probability_formulas_agree_with_their_enclosures(s):
    """Two routes: the integral in floating point by mpmath, and the ball that the proof uses."""
    for name, enclosure in (
        ("internal_stable_probability", internal_probability),
        ("external_stable_probability", external_probability),
    ):
        expression = formula(name)(sp.Rational(s))
        integral = next(iter(expression.atoms(sp.Integral)))
        variable, low, high = integral.limits[0]
        integrand = sp.lambdify(variable, integral.function, "mpmath")
        end = mpmath.mpf(60) if high is sp.oo else mpmath.mpf(float(high))
        middle = [mpmath.mpf(k) for k in (1, 2, 4, 8, 16) if k < end]
        value = mpmath.quad(integrand, [mpmath.mpf(float(low)), *middle, end]) * float(
            expression / integral
        )
        ball = enclosure(s)
        assert abs(float(value) - float(ball.mid())) < 1e-12
        assert float(ball.rad()) < 1e-12


def test_the_small_ball_is_inside_the_large_one():
    with flint.ctx.workprec(200):
        sharp = external_probability("1")
    assert external_probability("1").overlaps(sharp)
