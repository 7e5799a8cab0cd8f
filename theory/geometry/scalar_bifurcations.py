"""Steps of R4 on the edges of the scalar stable sets: the bifurcations of tanh blocks there."""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Step
from ..kernel.proof import Bound, Sentence, both, cited, decided, enclosed, identity


def _cubics():
    x, y, h = sp.symbols("x y h")
    equations = []
    for recall, own in (("internal", sp.Integer(1)), ("external", x)):
        step = own * h + y * sp.tanh(x * h)
        series = sp.expand(sp.series(step, h, 0, 5).removeO())
        multiplier = formula(f"scalar_jacobian_{recall}")(x, y)
        equations += [
            Equation(series.coeff(h, 1), multiplier),
            Equation(series.coeff(h, 3), -y * x**3 / 3),
            Equation(series.coeff(h, 0) + series.coeff(h, 2) + series.coeff(h, 4), sp.Integer(0)),
        ]
    return equations


def _second_iterate():
    m, c, h, k = sp.symbols("m c h k")
    once = m * h + c * h**3
    twice = sp.Poly(sp.expand(once.subs(h, once, simultaneous=True)), h)
    return [
        Equation(twice.coeff_monomial(h), m**2),
        Equation(twice.coeff_monomial(h**3), (m + m**3) * c),
        Equation((once - h).subs(h, k), k * (m - 1 + c * k**2)),
        Equation((once + h).subs(h, k), k * (m + 1 + c * k**2)),
    ]


def _signs():
    x, y = sp.symbols("x y")
    cubic = -y * x**3  # three times the coefficient of h^3
    outside = sp.Or(y > 0, y < -1)

    def at_edge(edge: int, supercritical: Any, where: Any) -> Sentence:
        iff = (sp.Equivalent(supercritical, where), sp.Equivalent(where, outside))
        return Sentence((sp.Eq((1 + y) * x, edge), sp.Ne(y, 0)), both(*iff, sp.Ne(cubic, 0)))

    return [
        Sentence((sp.Eq(x * y, -2),), cubic > 0),
        at_edge(1, cubic < 0, x * y > 0),
        at_edge(-1, cubic > 0, x * y < 0),
    ]


def _gap(x: flint.arb, y: flint.arb, h: str, external: bool, flip: bool) -> flint.arb:
    """f(h) - h, or f(h) + h for a symmetric 2-cycle."""
    point = flint.arb(h)
    return (x if external else 1) * point + y * (x * point).tanh() + (point if flip else -point)


_BRANCHES = (
    (False, "-1.02", "-2.04", "0.12265", "0.12275"),
    (True, "0.5", "1.03", "0.7875", "0.7885"),
    (True, "0.5", "-1.03", "0.7875", "0.7885"),
    (True, "-2.5", "1.03", "0.3365", "0.3375"),
    (True, "-2.5", "-1.03", "0.3365", "0.3375"),
)
"""new branches: whether the recall is external, y, (1 + y) x or x y, and an interval around h

Where (1 + y) x or x y is negative the branch is a symmetric 2-cycle, otherwise a fixed point.
"""


def _branches():
    bounds = []
    for external, y_text, edge, low, high in _BRANCHES:
        flip = edge.startswith("-")
        branch = "2-cycle" if flip else "fixed point"
        where = f", y = {y_text}, (1+y)x = {edge}" if external else f" at x y = {edge}"
        label = f"{'external' if external else 'internal'} {branch}{where}"
        y, box = flint.arb(y_text), flint.arb(low).union(flint.arb(high))
        x = flint.arb(edge) / (1 + y if external else y)
        product = _gap(x, y, low, external, flip) * _gap(x, y, high, external, flip)
        slope = (x if external else 1) + x * y * (1 - (x * box).tanh() ** 2)
        bounds.append(Bound(f"{label}: product of the signs at {low}, {high}", product, "-1", "0"))
        bounds.append(Bound("multiplier of one step", slope, "-0.99", "0.99"))
    return bounds


def _subcritical():
    y, x = flint.arb("-0.5"), flint.arb("0.97") / flint.arb("0.5")
    inner, outer = _gap(x, y, "0.1", True, False), _gap(x, y, "0.6", True, False)
    return [Bound("f(0.1) - 0.1", inner, "-1", "0"), Bound("f(0.6) - 0.6", outer, "0", "1")]


def _exchange():
    m, c, u = sp.symbols("m c u")  # u = h^2 > 0
    slope = m + 3 * c * u
    pair, cycle = sp.Eq(c * u, 1 - m), sp.Eq(c * u, -1 - m)

    def inside(value: Any):
        return both(value > -1, value < 1)

    return [
        Sentence((pair,), sp.Eq(slope, 3 - 2 * m)),
        Sentence((cycle,), sp.Eq(slope, -3 - 2 * m)),
        # near m = 1 and near m = -1: attracting iff 0 repels, iff the branch is supercritical
        Sentence((pair, m > 0, m < 2), sp.Equivalent(inside(slope), m > 1)),
        Sentence((pair, u > 0), sp.Equivalent(m > 1, c < 0)),
        Sentence((cycle, m > -2, m < 0), sp.Equivalent(inside(slope), m < -1)),
        Sentence((cycle, u > 0), sp.Equivalent(m < -1, c > 0)),
    ]


def _flat_edge():
    y, c, t = sp.symbols("y c t")  # t = tanh(x h + w e) lies in (-1, 1)
    inside = t**2 < 1
    return [
        Sentence((inside, sp.Eq(y * t + c, 0), sp.Ne(y, 0)), c**2 < y**2),
        Sentence((c**2 < y**2, sp.Eq(y * t, -c)), inside),
        Sentence((inside, sp.Eq(y, 0), sp.Eq(c, 0)), sp.Eq(y * t + c, 0)),
        Sentence((inside, sp.Eq(y, 0), sp.Ne(c, 0)), sp.Ne(y * t + c, 0)),
    ]


def _unfolded():
    m, c, k, p, q = sp.symbols("m c k p q")
    at_p, at_q = (sp.Eq(c * h**3 + (m - 1) * h + k, 0) for h in (p, q))
    flat_at_p = sp.Eq(3 * c * p**2 + m - 1, 0)
    return [
        Sentence((sp.Eq(m, 1), sp.Ne(c, 0), at_p, at_q), sp.Eq(p, q)),
        # at a fold the value and the slope vanish together; with k != 0 this needs m != 1
        Sentence((sp.Ne(c, 0), sp.Ne(k, 0), at_p, flat_at_p), sp.Ne(m, 1)),
    ]


def _folds():
    m, c, k, h = sp.symbols("m c k h")
    cubic = c * h**3 + (m - 1) * h + k
    return [Equation(sp.discriminant(cubic, h), -4 * c * (m - 1) ** 3 - 27 * c**2 * k**2)]


BIFURCATION_STEPS: tuple[Step, ...] = (
    identity(
        "cubic_coefficients",
        "h + y tanh(x h) and x h + y tanh(x h) are m h - (y x^3/3) h^3 + O(h^5), m the Jacobian at"
        " 0, no even terms",
        "d = 1",
        _cubics,
        ("jacobians", "odd"),
    ),
    identity(
        "second_iterate",
        "g = m h + c h^3: g(g(h)) = m^2 h + (m + m^3) c h^3 + O(h^5); g(h) = h at h^2 = (1 - m)/c,"
        " g(h) = -h at h^2 = -(1 + m)/c",
        "d = 1",
        _second_iterate,
    ),
    decided(
        "criticality_signs",
        "x y = -2: c > 0; (1+y)x = 1: c < 0 iff x y > 0 iff y > 0 or y < -1; (1+y)x = -1: c > 0 iff"
        " x y < 0 iff y > 0 or y < -1",
        "d = 1",
        _signs,
        ("cubic_coefficients",),
    ),
    cited(
        "normal_forms",
        "period_doubling",
        "internal: supercritical flip at x y = -2; external: pitchfork at (1+y)x = 1, supercritical"
        " iff x y > 0; flip at -1, supercritical iff x y < 0",
        "d = 1",
        {
            "odd": ("odd",),
            "multiplier": ("cubic_coefficients",),
            "cubic": ("criticality_signs", "nondegenerate"),
        },
        ("second_iterate",),
    ),
    enclosed(
        "branches",
        "the branches exist and attract at 3 % beyond the edge: +-0.1227 (x = 2, y = -1.02),"
        " +-0.788 (y = 0.5), +-0.337 (y = -2.5)",
        "d = 1",
        _branches,
        ("odd",),
    ),
    enclosed(
        "subcritical_case",
        "y = -0.5, (1+y)x = 0.97: f(h) < h at 0.1 and f(h) > h at 0.6, so an unstable pair"
        " surrounds the stable 0",
        "d = 1",
        _subcritical,
        ("odd",),
    ),
    decided(
        "no_fold_at_zero",
        "internal, output bias c: a fixed point needs |y| > |c| (or y = c = 0, then every h is"
        " fixed): at x y = 0 nothing is born, it leaves through infinity",
        "d = 1",
        _flat_edge,
    ),
    identity(
        "cubic_discriminant",
        "folds of m h + c h^3 + k lie at (m - 1)^3 = -27 c k^2/4",
        "d = 1",
        _folds,
    ),
    decided(
        "unfolding",
        "with an offset k != 0 the truncated map has one fixed point at m = 1 and its folds lie at"
        " m != 1: no bifurcation on (1+y)x = 1",
        "d = 1",
        _unfolded,
        ("cubic_discriminant",),
    ),
    decided(
        "edges",
        "normal form g = m h + c h^3: where its pair c h^2 = 1 - m exists the slope there is 3 - 2"
        " m, on its 2-cycle c h^2 = -(1 + m) it is -3 - 2 m; so just beyond the edge the new pair"
        " or 2-cycle attracts iff it lies on the side where 0 repels, as at x y = -2 and (1 + y) x"
        " = +-1; at x y = 0 there is none",
        "d = 1",
        _exchange,
        ("normal_forms", "no_fold_at_zero", "unfolding"),
    ),
)
