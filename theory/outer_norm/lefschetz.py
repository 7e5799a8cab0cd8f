"""Claim M2: a continuous self-map of the sphere of R^d has a fixed point, by its degree.

The exception is the degree (-1)^d.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..architecture import Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, both, cited, decided, identity
from ..kernel.vectors import Span, span
from .falsifiers.lefschetz import FALSIFIERS, PREDICATES

R, A, BETA = sp.symbols("R a beta", positive=True)


def _states() -> tuple[Span, Span, sp.Symbol]:
    c = sp.Symbol("c")  # the cosine of the angle between h and F(h)
    h, f = span("h f", {("h", "h"): R**2, ("f", "h"): R**2 * c, ("f", "f"): R**2})
    return h, f, c


def _segment():
    h, f, c = _states()
    t: Any = sp.Symbol("t")
    z: Any = (1 - t) * f - t * h
    half = sp.Rational(1, 2)
    return [
        Equation(z.dot(z), R**2 * (half * (1 - c) + half * (1 + c) * (1 - 2 * t) ** 2)),
        Equation((f - h).dot(f - h), 2 * R**2 * (1 - c)),
    ]


def _never_zero():
    t, c, n, rr, g = sp.symbols("t c n r g")
    # n = |segment|^2, g = |F(h) - h|^2, r = R^2
    opposite: Any = sp.Eq(c, -1)
    half: Any = sp.Eq(2 * t, 1)
    given = (rr > 0, c >= -1, sp.Eq(2 * n, rr * ((1 - c) + (1 + c) * (1 - 2 * t) ** 2)))
    gap = sp.Eq(g, 2 * rr * (1 - c))
    return [
        Sentence((*given, gap), sp.Equivalent(4 * n <= g, sp.Or(opposite, half))),
        Sentence((*given, c <= 1), sp.Equivalent(n <= 0, both(sp.Eq(c, 1), half))),
    ]


def _antipodal():
    # p = det(-I) for d, k = (-1)^d; expansion along the last row multiplies p by its entry, -1
    product, sign, after = sp.symbols("p k q")
    row = (sp.Eq(product, sign), sp.Eq(after, -product))
    return [Sentence((sp.Eq(sign**2, 1), *row), both(sp.Eq(after, -sign), sp.Eq(after**2, 1)))]


def _number():
    degree, half = sp.symbols("degree m", integer=True)
    number = formula("sphere_lefschetz_number")
    # the map acts as 1 on H_0 and contributes (-1)^(d-1) deg on H_{d-1}; d = 2m and d = 2m + 1
    return [
        Equation(number(2 * half, degree), 1 - degree),
        Equation(number(2 * half + 1, degree), 1 + degree),
        Equation(number(2 * half, 1), sp.Integer(0)),
        Equation(number(2 * half + 1, -1), sp.Integer(0)),
    ]


def _zero_iff():
    sign, degree = sp.symbols("sigma k")  # sigma = (-1)^d
    return [
        Sentence((sp.Eq(sign**2, 1),), sp.Equivalent(sp.Eq(sign * degree, 1), sp.Eq(degree, sign)))
    ]


def _example():
    e, h = span("e h", {("e", "e"): R**2, ("e", "h"): R**2 * sp.Symbol("c"), ("h", "h"): R**2})
    t, c = sp.symbols("t c")
    weak, strong = (-A) * h + (t * BETA) * e, (-t * A) * h + BETA * e
    return [
        Equation(weak.dot(weak), R**2 * ((A - t * BETA) ** 2 + 2 * A * t * BETA * (1 - c))),
        Equation(strong.dot(strong), R**2 * ((BETA - t * A) ** 2 + 2 * A * t * BETA * (1 - c))),
        Equation(weak.map(lambda x: x.subs(t, 0))["h"], -A),
        Equation(strong.map(lambda x: x.subs(t, 0))["e"], BETA),
    ]


def _homotopies():
    a, b, t, c, n = sp.symbols("a b t c n")
    common = (t >= 0, t <= 1, c <= 1)
    end = both(sp.Eq(t, 1), sp.Eq(c, 1))
    # the least value of |z|^2/R^2 is (a - b)^2, attained only at the end t = 1
    weak = sp.Eq(n, (a - t * b) ** 2 + 2 * a * t * b * (1 - c))
    strong = sp.Eq(n, (b - t * a) ** 2 + 2 * a * t * b * (1 - c))
    return [
        Sentence((*common, b > 0, b < a, weak), sp.Equivalent(n <= (a - b) ** 2, end)),
        Sentence((*common, a > 0, b > a, strong), sp.Equivalent(n <= (b - a) ** 2, end)),
    ]


def _local_degrees():
    # x -> |x| F(x/|x|) at h = side e, F = N(-a h + beta e), where z = scale e: along h it is F(h) =
    # e = side h, and across h it is DN(z)(-a v) = -(a/scale) v
    scale, q = sp.symbols("s q", positive=True)
    side = sp.Symbol("sigma")
    e, v = span("e v", {("e", "e"): R**2, ("e", "v"): 0, ("v", "v"): q})
    z: Any = scale * e
    moved: Any = (-A) * v
    across: Any = (R / (scale * R)) * (moved - (moved.dot(z) / z.dot(z)) * z)
    h: Any = side * e
    return [
        Equation(across["v"], -A / scale),
        Equation(across["e"], sp.Integer(0)),
        # side^2 = 1: e = side h
        Equation((side * h)["e"].subs(side**2, 1), e["e"]),
    ]


def _local_signs():
    # along: sigma; across: x = -a/scale < 0 in d - 1 directions, whose signs multiply up
    a, scale, x, sign, product = sp.symbols("a s x k p")
    given = (a > 0, scale > 0, sp.Eq(x * scale, -a))
    return [
        Sentence(given, x < 0),
        Sentence((*given, product * sign > 0), (product * x) * (-sign) > 0),
    ]


def _fibre():
    a, b, x, s = sp.symbols("a b x s")
    # the states h = x e with N(-a h + b e) = e are those with s = b - a x > 0
    opposite: Any = sp.Eq(x, -1)
    given = (a > 0, b > 0, sp.Eq(x**2, 1), sp.Eq(s, b - a * x))
    return [Sentence(given, sp.Equivalent(s > 0, sp.Or(opposite, b > a)))]


def _linear():
    x = sp.Symbol("x")
    equations = []
    for d in (1, 2, 3):
        m: Any = sp.Matrix(d, d, sp.symbols(f"m:{d * d}"))
        at_zero = (x * sp.eye(d) - m).det(method="berkowitz").subs(x, 0)
        equations.append(Equation(at_zero, (-1) ** d * m.det(method="berkowitz")))
    return equations


def _linear_plane():
    trace, det, root, p, q = sp.symbols("t D r p q")
    # the degree of N(M h) is the sign of D = det M; for real r the eigenvalues are p >= q
    roots = (sp.Eq(2 * p, trace + root), sp.Eq(2 * q, trace - root))
    given = (root >= 0, sp.Eq(root**2, trace**2 - 4 * det), *roots)
    return [Sentence(given, sp.Equivalent(det < 0, both(p > 0, q < 0)))]


_STEPS = (
    identity(
        "segment",
        "|(1-t) F(h) - t h|^2 = R^2 ((1-c) + (1+c)(1-2t)^2)/2 with <F(h), h> = c R^2, and |F(h) -"
        " h|^2 = 2 R^2 (1 - c)",
        "every d",
        _segment,
        ("on_the_sphere",),
    ),
    decided(
        "never_zero",
        "so the segment from F(h) to -h stays at least |F(h) - h|/2 away from 0, and meets 0 only"
        " at t = 1/2 and F(h) = h",
        "every d",
        _never_zero,
        ("segment",),
    ),
    decided(
        "antipodal_determinant",
        "det(-I) = (-1)^d: it is -1 for d = 1, and one more diagonal entry -1 changes the sign",
        "every d by induction",
        _antipodal,
    ),
    cited(
        "antipodal",
        "degree",
        "without fixed point F is homotopic to h -> -h through N of the segment: deg F = det(-I) ="
        " (-1)^d",
        "every d >= 2",
        {"sphere": ("dimension",), "homotopy": ("never_zero", "continuous")},
        ("antipodal_determinant",),
    ),
    identity(
        "lefschetz_number", "L(F) = 1 + (-1)^(d-1) deg F, 0 at deg F = (-1)^d", "every d", _number
    ),
    decided("zero_iff", "L(F) = 0 iff deg F = (-1)^d", "every d", _zero_iff, ("lefschetz_number",)),
    cited(
        "lefschetz",
        "lefschetz_hopf",
        "the same by the second route: deg F != (-1)^d gives a fixed point",
        "every d >= 2",
        {
            "polyhedron": ("on_the_sphere", "dimension", "one_token"),
            "continuous": ("continuous",),
            "number": ("zero_iff", "degree"),
        },
    ),
    cited(
        "not_onto",
        "degree",
        "F misses a point p: the segment from F(h) to -p never meets 0 (same identity, p for h), F"
        " is homotopic to the constant -p, deg F = 0 != (-1)^d",
        "every d >= 2",
        {"sphere": ("dimension",), "homotopy": ("never_zero", "continuous")},
    ),
    identity(
        "example",
        "|-a h + t beta e|^2 = R^2((a - t beta)^2 + 2 a t beta (1 - c)), |-t a h + beta e|^2"
        " likewise",
        "every d",
        _example,
    ),
    decided(
        "homotopies",
        "beta < a: joined to -a h without meeting 0, degree (-1)^d; beta > a: joined to beta e,"
        " degree 0",
        "every d",
        _homotopies,
        ("example", "antipodal_determinant"),
    ),
    decided(
        "fibre",
        "N(-a h + beta e) = e: only h = -e for beta < a, h = e and h = -e for beta > a",
        "every d",
        _fibre,
    ),
    identity(
        "local_degrees",
        "the derivative of |x| F(x/|x|) at h = side e (side 1 or -1) is side along h and -a/scale"
        " across it, z = scale e",
        "every d",
        _local_degrees,
        ("fibre", "homotopies"),
    ),
    decided(
        "local_signs",
        "so its sign is side (-1)^(d-1), one factor -1 for each direction across: (-1)^d at -e and"
        " (-1)^(d-1) at e, and by counting the degrees are (-1)^d and 0",
        "every d by induction",
        _local_signs,
        ("local_degrees",),
    ),
    identity(
        "linear",
        "N(M h), det M != 0: det(x - M) at x = 0 is (-1)^d det M = (-1)^d |det M| deg",
        "d in {1, 2, 3}",
        _linear,
    ),
    decided(
        "linear_plane",
        "d = 2: det M < 0 iff the eigenvalues are real of both signs (tr^2 - 4 det > 0): N(M h) has"
        " a fixed point, as its degree -1 != (-1)^2 says",
        "d = 2",
        _linear_plane,
        ("linear",),
    ),
)

M2 = Claim(
    id="M2",
    title="Fixed points on the sphere by degree",
    source="extension",
    statement=(
        "Let eps = 0, with one token. For d >= 2 a continuous self-map F of the sphere |h| = R of"
        " R^d has a fixed point unless deg F = (-1)^d. The same holds on the ellipsoid of a gain"
        " without zeros. In particular F has one if it is not onto. Without fixed point F is"
        " homotopic to the antipodal map. N(-a h + beta e) has the degree (-1)^d and no fixed point"
        " for beta < a, and the degree 0 and a fixed point for beta > a."
    ),
    latex=(
        r"Let $d\ge2$ and let $F$ be a continuous self-map of the sphere $\{h\in\mathbb"
        r" R^d:|h|=R\}$. If $F$ has no fixed point, then $|(1-t)F(h)-th|\ge\frac12|F(h)-h|>0$ for"
        r" all $t\in[0,1]$, so $F$ is homotopic to $h\mapsto-h$ and $\deg F=(-1)^d$. Hence $F$ has"
        r" a fixed point whenever $\deg F\ne(-1)^d$, in particular whenever $F$ is not onto. The"
        r" map $N(-ah+\beta e)$ with $|e|=R$, $a>0$ has degree $(-1)^d$ and no fixed point if"
        r" $0\le\beta<a$, and degree $0$ and the fixed point $e$ if $\beta>a$."
    ),
    assumptions=(
        Assumption(
            "on_the_sphere",
            "eps = 0, gamma = 1 (or a gain without zeros: conjugate by diag(gamma)): states on"
            " |h| = R",
        ),
        Assumption("dimension", "d >= 2"),
        Assumption(
            "continuous", "F is continuous: the argument of N does not vanish on the sphere"
        ),
        Assumption("one_token", "L = 1: the state space is one sphere"),
        Assumption("degree", "deg F != (-1)^d"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "'Unless' is one direction: degree (-1)^d does not exclude fixed points.",
        (
            "Several tokens: on a product of spheres the Lefschetz number is not a function of one"
            " degree. F(h_1, h_2) = (h_2, -h_1) has no fixed point although its degree is -1 for d"
            " = 3, where the rule (-1)^{L d} would ask for +1."
        ),
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "an input whose loop map on the sphere has degree other than (-1)^d has a fixed point;"
            " nothing is said about its basin",
            outer_norm=True,
            residuals=frozenset({Residual.ADD}),
            when=(
                "eps = 0, one token, continuous loop map, degree not (-1)^d (for instance not onto)"
            ),
        ),
    ),
)
