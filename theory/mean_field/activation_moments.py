"""Steps of N7 on Gaussian moments of activations: E phi(k g)^2 and E (d/dx phi(k x))^2 at x = g.

The moments are closed forms, except those of tanh, which are given in digits. The closed forms are
derived by integration by parts, E g f(g) = E f'(g), and by differentiating in k; an independent
check integrates in ball arithmetic. Roots are named by symbols: r^2 = 1 + n k^2.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.proof import cited, deduced, enclosed, identity
from .gaussian import ball, digits, gaussian_mean

K, PI, ROOT, ARC = sp.symbols("k p r arcsin", positive=True)
"""the gain k, and names for pi, a square root and arcsin(k^2/(1 + k^2))"""


def _rational_root(n: int) -> Callable[[random.Random], dict[sp.Symbol, Any]]:
    """Draws points with rational r = sqrt(1 + n k^2), by the chord r = 1 + t k."""

    def point(rng: random.Random) -> dict[sp.Symbol, Any]:
        t = sp.Rational(rng.randint(1, 19), 20)
        values = {K: 2 * t / (n - t**2), ROOT: (n + t**2) / (n - t**2)}
        return values | {PI: rational(rng, positive=True), ARC: rational(rng)}

    return point


def _named(expression: Any, roots: dict[sp.Expr, sp.Expr]) -> Any:
    """The expression with names for its irrational parts.

    p stands for pi and ARC for the arcsine of GELU; `roots` gives the square roots of its keys.
    """

    def known(node: Any) -> bool:
        return node.is_Pow and not node.exp.is_Integer and node.base in roots

    named = expression.replace(known, lambda node: roots[node.base] ** (2 * node.exp))
    return named.xreplace({sp.asin(K**2 / (1 + K**2)): ARC, sp.pi: PI})


def _bell():
    # M(s) = E exp(-s g^2) = 1/r with r^2 = 1 + 2 s, so that dr/ds = 1/r; integration by parts gives
    # -M' = E g (g e^{-s g^2}) = M + 2 s M'
    r = sp.Symbol("r", positive=True)
    bell, s = 1 / r, (r**2 - 1) / 2
    slope = sp.diff(bell, r) / r
    return [Equation(-slope, bell + 2 * s * slope), Equation(bell.subs(r, 1), sp.Integer(1))]


def _linear_relu():
    s = sp.Symbol("s", positive=True)
    square = -sp.diff((1 + 2 * s) ** sp.Rational(-1, 2), s).subs(s, 0)  # E g^2 = -M'(0)
    # ReLU(x)^2 + ReLU(-x)^2 = x^2 and g is symmetric, so that each has half of the moment; likewise
    # each slope has half of k^2
    return [
        Equation(formula("linear_moment")(K), K**2 * square),
        Equation(2 * formula("relu_moment")(K), K**2 * square),
    ]


def _erf():
    q, c = formula("erf_moment")(K), formula("erf_slope")(K)
    sine = 2 * K**2 / (1 + 2 * K**2)
    cosine = ROOT / (1 + 2 * K**2)
    on = (ROOT**2 - 1 - 4 * K**2,), _rational_root(4)
    bell = 1 / ROOT  # E exp(-2 k^2 g^2)
    part = 2 * K * bell / (1 + 2 * K**2)  # sqrt(pi) E[g erf(k g) exp(-k^2 g^2)]
    slope = _named(sp.diff(q, K), {1 - sine**2: cosine})
    return [
        Equation(1 - sine**2, cosine**2, *on),
        Equation(part, 2 * K * bell - 2 * K**2 * part, *on),
        Equation(slope, 4 * part / PI, *on),
        Equation(q.subs(K, 0), sp.Integer(0)),
        Equation(_named(c, {1 + 4 * K**2: ROOT}), 4 * K**2 * bell / PI, *on),
    ]


def _sin():
    s, m, e, cos, sin = sp.symbols("s m E C S", positive=True)
    q, c = formula("sin_moment")(K, s, m), formula("sin_slope")(K, s, m)
    bell = sp.exp(-2 * K**2 * s**2)
    # E cos(2 k h) and E sin(2 k h), where h = s g + m
    even, odd = sp.expand(1 - 2 * q), bell * sp.sin(2 * K * m)
    names = {bell: e, sp.cos(2 * K * m): cos, sp.sin(2 * K * m): sin}

    def named(expression: Any) -> Any:
        return sp.expand(expression).xreplace(names)

    return [
        # E g sin(2 k h) = 2 k s E cos(2 k h) and E g cos(2 k h) = -2 k s E sin(2 k h)
        Equation(named(sp.diff(even, K)), -4 * K * s**2 * named(even) - 2 * m * named(odd)),
        Equation(named(sp.diff(odd, K)), -4 * K * s**2 * named(odd) + 2 * m * named(even)),
        Equation(even.subs(K, 0), sp.Integer(1)),
        Equation(odd.subs(K, 0), sp.Integer(0)),
        Equation(named(c), K**2 * (1 + named(even)) / 2),
    ]


def _gelu():
    q, c = formula("gelu_moment")(K), formula("gelu_slope")(K)
    root = sp.sqrt(1 + 2 * K**2)
    sine, cosine = K**2 / (1 + K**2), ROOT / (1 + K**2)
    roots = {1 + 2 * K**2: ROOT, 1 - sine**2: cosine}
    on = (ROOT**2 - 1 - 2 * K**2,), _rational_root(2)
    density = 1 / (2 * PI * ROOT)  # E n(kg)^2, n the Gaussian density
    second = 1 / (2 * PI * ROOT**3)  # E g^2 n(kg)^2
    mixed = K * density / (1 + K**2)  # E g Phi(kg) n(kg)
    # E Phi(kg)^2, from q = k^2 E g (g Phi^2) = k^2 (E Phi^2 + 2 k mixed)
    square = sp.expand(q / K**2 - 2 * K * (K / (2 * sp.pi * root * (1 + K**2))))
    rest = _named(sp.expand(c - K**2 * square), roots)
    return [
        Equation(second, density - 2 * K**2 * second, *on),
        Equation(mixed, K * density - K**2 * mixed, *on),
        Equation(1 - sine**2, cosine**2, *on),
        Equation(_named(sp.diff(square, K), roots), 2 * mixed, *on),
        Equation(square.subs(K, 0), sp.Rational(1, 4)),
        # phi' = k (Phi + k g n) gives c = k^2 (E Phi^2 + 2 k mixed + k^2 second)
        Equation(rest, K**2 * (2 * K * mixed + K**2 * second), *on),
        Equation(_named(sp.expand(c - q), roots), K**4 / (2 * PI * ROOT**3), *on),
    ]


def _cdf(x: flint.acb) -> flint.acb:
    return (1 + (x / flint.arb(2).sqrt()).erf()) / 2


def _density(x: flint.acb) -> flint.acb:
    return (-(x**2) / 2).exp() / (2 * flint.arb.pi()).sqrt()


HALF = sp.Rational(1, 2)
_MOMENTS = {
    "E erf(g)^2": ("erf_moment", (1,), "0.46455905439753997850953240811754"),
    "E erf'(g)^2": ("erf_slope", (1,), "0.56941003473374164678141014112304"),
    "E sin(2g)^2": ("sin_moment", (2, 1, 0), "0.49983226868604874408058930543711"),
    "E (2 cos(2g))^2": ("sin_slope", (2, 1, 0), "2.00067092525580502367764277825156"),
    "E sin(3h)^2, h = g/2 + 1": ("sin_moment", (3, HALF, 1), "0.49466673580473898038173325634728"),
    "E GELU(g)^2": ("gelu_moment", (1,), "0.42522148257029867491855441638549"),
    "E GELU'(g)^2": ("gelu_slope", (1,), "0.45585086564928712211362811073622"),
    "E GELU(2g)^2": ("gelu_moment", (2,), "1.92986501586444314634188966676033"),
}
"""each moment: its formula, the arguments, and its digits"""


def _integrated():
    root_pi = flint.arb.pi().sqrt()
    # each moment once more: the function to be averaged, and its growth
    functions = {
        "E erf(g)^2": (lambda x: x.erf() ** 2, 1),
        "E erf'(g)^2": (lambda x: (2 * (-(x**2)).exp() / root_pi) ** 2, 2),
        "E sin(2g)^2": (lambda x: (2 * x).sin() ** 2, 1),
        "E (2 cos(2g))^2": (lambda x: (2 * (2 * x).cos()) ** 2, 4),
        "E sin(3h)^2, h = g/2 + 1": (lambda x: (3 * (x / 2 + 1)).sin() ** 2, 1),
        "E GELU(g)^2": (lambda x: (x * _cdf(x)) ** 2, 1),
        "E GELU'(g)^2": (lambda x: (_cdf(x) + x * _density(x)) ** 2, 2),
        "E GELU(2g)^2": (lambda x: (2 * x * _cdf(2 * x)) ** 2, 4),
    }
    bounds = []
    for label, (name, values, decimal) in _MOMENTS.items():
        closed = ball(formula(name)(*values)).real
        bounds += [
            digits(f"{label}, closed form", closed, decimal),
            digits(f"{label}, integral", gaussian_mean(*functions[label]), decimal),
        ]
    return bounds


TANH = (
    # gain k, spread s and mean m of h = s g + m, then E tanh(k h)^2 and E (d tanh(k h)/dh)^2
    ("1", "1", "0", "0.39429449039784117441645977244412", "0.46440290244826824197202146111565"),
    ("3", "1", "0", "0.74516670799342298343727733810970", "1.56806392869170175815671690675346"),
    (
        "3",
        "2/5",
        "9/10",
        "0.89770829652289482391111744571612",
        "0.45406726563770965668046363337677",
    ),
)


def _tanh():
    bounds = []
    for gain, spread, mean, moment, slope in TANH:
        exact = [sp.Rational(value) for value in (gain, spread, mean)]
        k, s, m = (ball(value) for value in exact)
        growth = (k**2).real
        label = f"k = {gain}, h = {spread} g + {mean}"
        # an independent computation: sech^2 = 1 - tanh^2, from exponential functions
        square = gaussian_mean(lambda x, k=k, s=s, m=m: 1 - 1 / (k * (s * x + m)).cosh() ** 2, 1)
        steep = gaussian_mean(lambda x, k=k, s=s, m=m: k**2 / (k * (s * x + m)).cosh() ** 4, growth)
        closed_square = ball(formula("tanh_moment")(*exact))
        closed_steep = ball(formula("tanh_slope")(*exact), growth=growth)
        bounds += [
            digits(f"E tanh(k h)^2, {label}, formula", closed_square, moment),
            digits(f"E tanh(k h)^2, {label}, by sech", square, moment),
            digits(f"E (tanh(k h)')^2, {label}, formula", closed_steep, slope),
            digits(f"E (tanh(k h)')^2, {label}, by sech", steep, slope),
        ]
    return bounds


def _thresholds():
    edge = formula("mean_field_threshold")
    q, c = sp.symbols("q c")
    # label, name of the formulas, their arguments, beta_c/sigma
    rows = (
        ("tanh x", "tanh", (1, 1, 0), "0.26477993135890617863094020447507"),
        ("tanh 3x", "tanh", (3, 1, 0), "0.90713682578664988002257627172408"),
        ("erf x", "erf", (1,), "0.32380701094355827469821532778743"),
        ("sin x (= 1/e)", "sin", (1, 1, 0), "0.36787944117144232159552377016146"),
        ("sin 2x", "sin", (2, 1, 0), "1.22508720365929717746075448337155"),
        ("GELU", "gelu", (1,), "0.17501252263477732979624005397590"),
    )
    bounds = []
    for label, name, values, decimal in rows:
        moment = ball(formula(f"{name}_moment")(*values))
        slope = ball(formula(f"{name}_slope")(*values), growth=values[0] ** 2)
        measured = {q: moment, c: slope}
        bounds.append(digits(f"beta_c/sigma, {label}", ball(edge(1, q, c), measured), decimal))
    return bounds


MOMENT_STEPS = (
    cited(
        "by_parts",
        "gaussian_by_parts",
        "f smooth, of at most exponential growth: E g f(g) = E f'(g), used for f = g, g e^{-s"
        " g^2}, sin, cos, erf and Phi times bells",
        "no size",
        {"regular": ("activation",)},
    ),
    deduced(
        "under_the_integral",
        "derivatives in k pass under E: the integrands and their k-derivatives are bounded by"
        " polynomials, locally uniformly in k",
        "no size",
        ("activation",),
    ),
    identity(
        "bell_moment",
        "M(s) = E e^{-s g^2} solves (1 + 2s) M' = -M, M(0) = 1: M = (1 + 2s)^{-1/2}",
        "no size",
        _bell,
        ("by_parts",),
    ),
    identity(
        "linear_relu_moments",
        "k > 0; k x: q = c = k^2; ReLU(k x): q = c = k^2/2",
        "no size",
        _linear_relu,
        ("bell_moment",),
    ),
    identity(
        "erf_moments",
        "erf(k x): q = (2/pi) arcsin(2k^2/(1 + 2k^2)) (equal derivative, both 0 at k = 0), c ="
        " 4k^2/(pi sqrt(1 + 4k^2))",
        "no size",
        _erf,
        ("by_parts", "bell_moment", "under_the_integral"),
    ),
    identity(
        "sin_moments",
        "sin(k x) at h = s g + m: E cos(2kh), E sin(2kh) solve a linear system in k: q = (1 - e^{-2"
        " k^2 s^2} cos 2km)/2, c likewise",
        "no size",
        _sin,
        ("by_parts", "under_the_integral"),
    ),
    identity(
        "gelu_moments",
        "GELU(k x) = k x Phi(k x): q and c in closed form, c - q = k^4/(2 pi (1 + 2k^2)^{3/2}); k ="
        " 1: q = 1/3 + 1/(2 sqrt3 pi)",
        "no size",
        _gelu,
        ("by_parts", "bell_moment", "under_the_integral"),
    ),
    enclosed(
        "moments_integrated",
        "at gains 1, 2 and 3 each closed form and the integral it stands for share 32 digits",
        "no size",
        _integrated,
        ("erf_moments", "sin_moments", "gelu_moments"),
    ),
    enclosed(
        "tanh_moments",
        "tanh, gains 1 and 3: q and c to 32 digits, by the formula and by sech = 1/cosh",
        "no size",
        _tanh,
    ),
    enclosed(
        "thresholds",
        "beta_c/sigma: tanh .2648, tanh 3x .9071, erf .3238, sin 1/e, sin 2x 1.2251, GELU .1750,"
        " each to 32 digits",
        "no size",
        _thresholds,
        ("moments_integrated", "tanh_moments", "edge_identity"),
    ),
)
