"""The mean-field laws checked independently of their proofs.

Averages against quadrature, known spectra, counterexamples to wider statements.
"""

import math
import random
from fractions import Fraction

import flint
import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import UsageError, formula
from loopstab.theory.activations import ACTIVATIONS as TABLE
from loopstab.theory.mean_field.activation_moments import TANH
from loopstab.theory.mean_field.gaussian import ball, digits, gaussian_mean
from loopstab.theory.mean_field.simulation import (
    SettledLoop,
    dot,
    ginibre,
    settle,
    sparse_input,
    spectral_radius,
    unit,
)

LINEAR = TABLE["identity"]


def average(function, digits=20):
    """E function(g) by mpmath's tanh-sinh quadrature."""
    with mpmath.workdps(digits + 10):
        return mpmath.quad(lambda x: function(x) * mpmath.npdf(x), [-16, -6, -2, 0, 2, 6, 16])


def gelu(x):
    return x * mpmath.ncdf(x)


def gelu_slope(x):
    return mpmath.ncdf(x) + x * mpmath.npdf(x)


ACTIVATIONS = {
    # formula, its values at gain k, phi, phi'
    "linear": (("linear_moment", "linear_moment"), (), lambda x: x, lambda x: mpmath.mpf(1)),
    "relu": (("relu_moment", "relu_moment"), (), lambda x: max(x, 0), lambda x: mpmath.mpf(x > 0)),
    "erf": (
        ("erf_moment", "erf_slope"),
        (),
        mpmath.erf,
        lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(x**2)),
    ),
    "sin": (("sin_moment", "sin_slope"), (1, 0), mpmath.sin, mpmath.cos),
    "gelu": (("gelu_moment", "gelu_slope"), (), gelu, gelu_slope),
}


@pytest.mark.parametrize("gain", [sp.Rational(1, 2), 1, sp.Rational(5, 2)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_closed_forms_against_quadrature(name, gain):
    (moment, slope), rest, phi, derivative = ACTIVATIONS[name]
    with mpmath.workdps(30):
        k = mpmath.mpf(sp.Rational(gain).p) / sp.Rational(gain).q
        assert (
            abs(
                average(lambda x: phi(k * x) ** 2)
                - mpmath.mpf(str(formula(moment)(gain, *rest).evalf(25)))
            )
            < 1e-18
        )
        assert (
            abs(
                average(lambda x: (k * derivative(k * x)) ** 2)
                - mpmath.mpf(str(formula(slope)(gain, *rest).evalf(25)))
            )
            < 1e-18
        )


@pytest.mark.parametrize(("gain", "spread", "mean", "moment", "slope"), TANH)
def test_tanh_digits_against_quadrature(gain, spread, mean, moment, slope):
    """A third route to the digits: tanh-sinh quadrature in decimal arithmetic."""
    with mpmath.workdps(40):
        k, s, m = (
            mpmath.mpf(sp.Rational(value).p) / sp.Rational(value).q
            for value in (gain, spread, mean)
        )
        assert abs(
            average(lambda x: mpmath.tanh(k * (s * x + m)) ** 2, 32) - mpmath.mpf(moment)
        ) < mpmath.mpf("2e-32")
        assert abs(
            average(lambda x: (k * mpmath.sech(k * (s * x + m)) ** 2) ** 2, 32) - mpmath.mpf(slope)
        ) < mpmath.mpf("2e-32")


@given(st.fractions(Fraction(1, 20), 6, max_denominator=50))
@settings(max_examples=15, deadline=None)
def test_gelu_always_has_a_threshold(gain):
    k = sp.Rational(gain.numerator, gain.denominator)
    gap = ball(formula("gelu_slope")(k)).real - ball(formula("gelu_moment")(k)).real
    assert gap > 0
    assert abs(gap - ball(k**4 / (2 * sp.pi * (1 + 2 * k**2) ** sp.Rational(3, 2))).real) < 1e-12


def test_a_mean_removes_the_threshold():
    """phi = x + 1: c = 1 < q = 2, and the law is contractive for every beta > 0."""
    rho = formula("mean_field_rho_nonlinear")(0, 1, sp.Rational(1, 100), 2, 1)
    assert float(rho) < 0.71


def test_balls_agree_with_sympy():
    x = sp.Symbol("x")
    text = (
        sp.exp(-(x**2)) * sp.sin(x) / sp.sqrt(1 + x)
        + sp.asin(x) * sp.tanh(x)
        - sp.erf(x) * sp.pi / 3
        + sp.log(x)
        + sp.cos(x)
    )
    assert (
        abs(
            ball(text, {x: flint.acb("0.3")}).real
            - flint.arb(str(text.subs(x, sp.Rational(3, 10)).evalf(20)))
        )
        < 1e-12
    )


def test_gaussian_mean_of_polynomials_and_its_tail():
    with flint.ctx.workprec(160):
        assert gaussian_mean(lambda x: x**2, 1).contains(1)
        assert gaussian_mean(lambda x: x**2, 1).rad() < 1e-44
        wide = gaussian_mean(lambda x: x**2, 10**60)
        assert wide.rad() > 1


def test_digits_refuse_a_wrong_last_place():
    bound = digits("pi", flint.arb.pi(), "3.14159")
    assert flint.arb(bound.low) < bound.value < flint.arb(bound.high)
    assert not flint.arb(digits("pi", flint.arb.pi(), "3.14161").low) < bound.value


@pytest.mark.parametrize(
    "text",
    [sp.gamma(sp.Symbol("x")), sp.Integral(sp.exp(-sp.Symbol("x")), (sp.Symbol("x"), 0, sp.oo))],
)
def test_unknown_functions_are_named(text):
    with pytest.raises(UsageError, match=r"ball arithmetic|real line"):
        ball(text, {sp.Symbol("x"): flint.acb(1)})


def test_radius_of_a_complex_pair():
    """Block of rotations: J on h^perp has the modulus 0.6 and no real eigenvalue."""
    turn, size = 1.1, 0.6
    matrix = [[0.0] * 5 for _ in range(5)]
    for i, scale in ((0, size), (2, size / 3)):
        c, s = scale * math.cos(turn), scale * math.sin(turn)
        matrix[i][i], matrix[i][i + 1], matrix[i + 1][i], matrix[i + 1][i + 1] = c, -s, s, c
    at = SettledLoop([0.0, 0.0, 0.0, 0.0, math.sqrt(5)], 1.0, 0.0)
    assert spectral_radius(matrix, at, LINEAR, 0.0, random.Random(1), loops=400) == pytest.approx(
        size, rel=1e-3
    )


def test_settled_point_is_a_fixed_point():
    rng = random.Random(3)
    matrix, e = ginibre(rng, 40), sparse_input(rng, 40, 0.25)
    assert sum(x != 0 for x in e) == 10
    assert dot(e, e) == pytest.approx(40)
    at = settle(matrix, e, 3.0, TABLE["tanh"].steepened(2), a=0.5, loops=300, tol=1e-13)
    image = [
        0.5 * x + sum(w * math.tanh(2 * y) for w, y in zip(row, at.h, strict=True)) + 3 * v
        for row, x, v in zip(matrix, at.h, e, strict=True)
    ]
    assert max(abs(x - y) for x, y in zip(unit(image), at.h, strict=True)) < 1e-11


def test_exact_fixed_point_of_a_sine():
    """phi = sin(pi x), e = +-1: phi(e) = 0, so h = e is fixed for every A.

    As d -> infinity it is stable iff beta > pi sigma.
    """
    rng = random.Random(5)
    sine = TABLE["sin"].steepened(math.pi)
    matrix, e = ginibre(rng, 60), sparse_input(rng, 60)
    assert settle(matrix, e, 1.0, sine, loops=1).step < 1e-13
    rates = [
        spectral_radius(matrix, SettledLoop(e, beta, 0.0), sine, 0.0, rng) for beta in (6.0, 1.5)
    ]
    assert rates[0] < 1 < rates[1]


def test_relu_does_not_see_signs():
    """The law is 1/3; one simulation at d = 800 gave 0.346."""
    rng = random.Random(7)
    matrix, e = ginibre(rng, 150), sparse_input(rng, 150)
    relu = TABLE["relu"]
    at = settle(matrix, e, 2.0, relu, tol=1e-9)
    assert 0.29 < spectral_radius(matrix, at, relu, 0.0, rng) < 0.42


def edge_radius(d):
    """E rho of a complex Ginibre matrix of size d and variance 1/d, exactly.

    The |nu|^2 d are independent Gamma(1), ..., Gamma(d) (Kostlan).
    """

    def below(x):
        y = d * x * x
        term, tail, log_product = math.exp(-y), 0.0, 0.0
        for k in range(1, d + 1):
            tail += term  # P(Gamma(k) > y)
            term *= y / k
            log_product += math.log(max(1 - tail, 1e-300))
        return math.exp(log_product)

    low, high, count = 0.8, 1.6, 400
    step = (high - low) / count
    return low + step * sum(1 - below(low + (i + 0.5) * step) for i in range(count))


@pytest.mark.parametrize(("d", "real", "exact"), [(100, 1.053, 1.0597), (400, 1.032, 1.0376)])
def test_width_of_the_bulk(d, real, exact):
    """Complex Ginibre matrices are a little wider than real ones, whose width is measured.

    This is the correction to sigma in N6.
    """
    radius = edge_radius(d)
    assert radius == pytest.approx(exact, abs=2e-4)
    assert 1 < real < radius
