"""Steps of N2 at eps = 0: a cap of the sphere where the recall dominates is mapped into itself.

An example shows that the condition on the recall is sharp.
"""

from __future__ import annotations

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Sentence, both, cited, decided, identity
from ..kernel.vectors import span

R, A, BETA = sp.symbols("R a beta", positive=True)


def _cap():
    bound, size, x, y = sp.symbols("G B x y", positive=True)
    b, g = span("b g", {("b", "b"): size**2, ("b", "g"): x, ("g", "g"): y})
    z = g + b
    angle = formula("image_cap_angle")(bound, size)
    gap = size**2 - bound**2
    return [
        # the difference is a sum of two terms that are not negative
        Equation(z.dot(b) ** 2 - gap * z.dot(z), (x + bound**2) ** 2 + gap * (bound**2 - y)),
        Equation(sp.sin(angle), bound / size),
        Equation(sp.cos(angle) ** 2, gap / size**2),
    ]


def _in_the_cap():
    bound, size, x, y, c, n = sp.symbols("G B x y c n")
    # |g|^2 = y <= G^2, <g, b> = x, n = |z|^2, c = <z, b>; each bound is attained in one case only
    given = (bound >= 0, size > bound, y <= bound**2, sp.Eq(c, x + size**2))
    largest = sp.Eq(y, bound**2)
    ahead = sp.Equivalent(c <= size * (size - bound), both(largest, sp.Eq(x, -bound * size)))
    on_edge = both(largest, sp.Eq(x, -(bound**2)))
    inside = sp.Equivalent(c**2 <= (size**2 - bound**2) * n, on_edge)
    return [
        Sentence((*given, x**2 <= y * size**2), ahead),
        Sentence((*given, sp.Eq(n, y + 2 * x + size**2)), inside),
    ]


def _flat_cap():
    c, size = sp.symbols("c B", positive=True)  # <h, b> = c |b|, b of length B
    b, h = span("b h", {("b", "b"): size**2, ("b", "h"): c * size, ("h", "h"): R**2})
    # the central projection on the tangent plane at R b/|b|
    flat = (R / c) * h - (R / size) * b
    back = (R / size) * b + flat
    return [
        Equation(flat.dot(b), sp.Integer(0)),
        Equation(flat.dot(flat), R**2 * (R**2 - c**2) / c**2),
        Equation(((c / R) * back)["h"], sp.Integer(1)),
        Equation(((c / R) * back)["b"], sp.Integer(0)),
        Equation(back.dot(back), (R**2 / c) ** 2),
    ]


def _round_cap():
    c, w, rr, q = sp.symbols("c w r q")
    # with q = tan^2 of the angle: c^2 >= r^2/(1 + q) iff w = r^2 (r^2 - c^2)/c^2, the square of the
    # length of the flat image, is at most r^2 q
    given = (rr > 0, sp.Eq(w * c**2, rr**2 * (rr**2 - c**2)))
    return [Sentence(given, sp.Equivalent((1 + q) * c**2 >= rr**2, w <= rr**2 * q))]


def _example():
    c = sp.Symbol("c")
    e, h = span("e h", {("e", "e"): R**2, ("e", "h"): c * R**2, ("h", "h"): R**2})
    z = (-A) * h + BETA * e
    return [Equation(z.dot(z), R**2 * ((A - BETA) ** 2 + 2 * A * BETA * (1 - c)))]


def _sharp():
    a, beta, s, x = sp.symbols("a b s x")
    # a fixed point is parallel to e: h = x e with x^2 = 1 and s x = beta - a x, s > 0
    given = (a > 0, beta >= 0, s > 0, sp.Eq(x**2, 1), sp.Eq(s * x, beta - a * x))
    return [Sentence(given, both(sp.Eq(x, 1), sp.Eq(s, beta - a)))]


CAP_GEOMETRY = (
    identity(
        "cap",
        "|g| <= G < |b|, z = g + b: <z, b>^2 - (|b|^2 - G^2)|z|^2 = (<g, b> + G^2)^2 + (|b|^2 -"
        " G^2)(G^2 - |g|^2); sin angle = G/|b|",
        "every d",
        _cap,
        ("dominates",),
    ),
    decided(
        "in_the_cap",
        "<z, b> >= |b|(|b| - G) > 0 and <z, b>^2 >= (|b|^2 - G^2)|z|^2: z lies within arcsin(G/|b|)"
        " < 90 degrees of b; both bounds attained",
        "every d",
        _in_the_cap,
        ("cap", "dominates"),
    ),
    identity(
        "flat_cap",
        "central projection h -> R h/<h, b^> - R b^ maps the open half sphere onto the plane across"
        " b, with inverse N",
        "every d",
        _flat_cap,
    ),
    decided(
        "round_cap",
        "it maps the closed cap of angle theta onto the closed disc of radius R tan theta",
        "every d",
        _round_cap,
        ("flat_cap",),
    ),
)
"""the steps that hold in every Euclidean space"""

CAP_STEPS = (
    *CAP_GEOMETRY,
    cited(
        "brouwer_cap",
        "brouwer",
        "eps = 0, |B e| > sup|g| on the sphere (every token): a fixed point, inside the cap",
        "every d, every L",
        {
            "convex": ("round_cap", "flat_cap", "convex"),
            "continuous": ("in_the_cap", "continuous"),
            "self_map": ("in_the_cap",),
        },
        ("state_space",),
    ),
    identity(
        "example",
        "|-a h + beta e|^2 = R^2((a - beta)^2 + 2 a beta (1 - c)) > 0 for beta != a",
        "every d",
        _example,
    ),
    decided(
        "sharp",
        "N(-a h + beta e), eps = 0: a fixed point is h = e with s = beta - a > 0; for beta < a the"
        " map is continuous and has none",
        "every d",
        _sharp,
        ("example", "dominates"),
    ),
)
