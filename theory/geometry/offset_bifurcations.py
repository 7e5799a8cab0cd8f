"""Steps of R4 on the bifurcations of the scalar maps with any offset k.

They are folds and flips, with their normal-form coefficients.
"""

from __future__ import annotations

import random

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.claim import Step
from ..kernel.proof import Bound, Sentence, both, cited, decided, enclosed, identity
from .balls import evaluate

X, Y, H, T = sp.symbols("x y h T")
"""T = tanh(x h + k), so that dT/dh = x (1 - T^2) and dT/dk = 1 - T^2"""
MAPS = {"internal": H + Y * T, "external": X * H + Y * T}
"""the scalar loop h' for each kind of recall"""


def _along(expression: sp.Expr) -> sp.Expr:
    """The derivative d/dh along the map."""
    return sp.diff(expression, H) + X * (1 - T**2) * sp.diff(expression, T)


def _derivatives():
    u = sp.Symbol("u")
    slope = 1 - sp.tanh(u) ** 2
    equations = [Equation(sp.expand(sp.diff(sp.tanh(u), u) - slope), sp.Integer(0))]
    for recall, step in MAPS.items():
        first, second, third = _along(step), _along(_along(step)), _along(_along(_along(step)))
        at_rest = formula(f"scalar_jacobian_{recall}")(X, Y)
        equations += [
            Equation(first, at_rest - X * Y * T**2),
            Equation(second, -2 * X**2 * Y * T * (1 - T**2)),
            Equation(third, -2 * X**3 * Y * (1 - T**2) * (1 - 3 * T**2)),
        ]
    return equations


def _on(edge: int, recall: str = "external"):
    """The relation that the multiplier is `edge`, and random rational points that satisfy it."""
    own = X if recall == "external" else sp.Integer(1)
    relation = own + X * Y * (1 - T**2) - edge

    def point(rng: random.Random):
        t, x = rational(rng) / 20, rational(rng)
        return {X: x, T: t, Y: (edge - own.subs(X, x)) / (x * (1 - t**2))}

    return (relation,), point


def _fold():
    relations, point = _on(1)
    second = _along(_along(MAPS["external"])) / 2
    by_offset = sp.diff(MAPS["external"], T) * (1 - T**2)
    return [
        Equation(second, formula("fold_coefficient")(X, T), relations, point),
        Equation(X * by_offset, 1 - X, relations, point),
    ]


def _flips():
    equations = []
    for recall, step in MAPS.items():
        second, third = _along(_along(step)), _along(_along(_along(step)))
        wanted = formula(f"flip_coefficient_{recall}")(X, T)
        equations.append(Equation(second**2 / 4 + third / 6, wanted, *_on(-1, recall)))
    return equations


def _speeds():
    relations, point = _on(-1)
    step = MAPS["external"]
    by_offset = Y * (1 - T**2)  # df/dk; the fixed point moves by half of it because 1 - f' = 2
    of_slope = (1 - T**2) * sp.diff(_along(step), T)
    return [
        Equation(of_slope + _along(_along(step)) * by_offset / 2, T * (1 - X**2), relations, point),
        # internal recall with an output bias c: T = -c/y at the fixed point, whatever x, so that f'
        # is linear in x
        Equation(X * sp.diff(_along(MAPS["internal"]), X), _along(MAPS["internal"]) - 1),
    ]


def _signs():
    x, y, t = sp.symbols("x y T")
    inside, update = t**2 < 1, x * y * (1 - t**2)
    internal = 3 * formula("flip_coefficient_internal")(x, t)
    external = 3 * formula("flip_coefficient_external")(x, t)
    fold = formula("fold_coefficient")(x, t)
    at_fold = (inside, sp.Eq(x + update, 1), sp.Ne(x * y, 0))
    at_flip = (inside, sp.Eq(x + update, -1))
    bracket = 1 + 3 * x * t**2
    supercritical = sp.Or(both(x > -1, bracket > 0), both(x < -1, bracket < 0))
    return [
        # internal recall has no fold at any offset, and every flip is supercritical
        Sentence((inside, sp.Eq(1 + update, 1)), sp.Eq(x * y, 0)),
        Sentence((inside, sp.Eq(1 + update, -1)), both(x * y <= -2, internal > 0)),
        # with external recall a fold is degenerate only at T = 0, where it is the pitchfork
        Sentence(at_fold, sp.Equivalent(sp.Eq(fold, 0), sp.Eq(t, 0))),
        Sentence((*at_fold, sp.Ne(t, 0)), sp.Equivalent((1 + y) * x > 1, x * y > 0)),
        Sentence((*at_flip, sp.Ne(x * y, 0)), sp.Equivalent(external > 0, supercritical)),
        Sentence((*at_flip, x > 0), both(external > 0, x * y < -1)),
    ]


def _fold_example():
    step, half = flint.arb(3) / 5, flint.arb(1) / 2
    offset, gap, slope = _folded(sp.Rational(3, 5), sp.Integer(1), step)
    _, other_gap, other_slope = _folded(sp.Rational(1, 2), sp.Integer(3), half)

    def lift(h: str, k: str) -> flint.arb:
        return step * flint.arb(h) + (step * flint.arb(h) + flint.arb(k)).tanh() - flint.arb(h)

    cells = range(30)
    return [
        Bound("k at the fold", offset, "-0.20755", "-0.20754"),
        Bound("f(h) - h there", gap, "-1e-40", "1e-40"),
        Bound("f'(h) - 1 there", slope - 1, "-1e-40", "1e-40"),
        Bound("f(h) - h at x = 1/2, y = 3", other_gap, "-1e-40", "1e-40"),
        Bound("f'(h) - 1 at x = 1/2, y = 3", other_slope - 1, "-1e-40", "1e-40"),
        # just inside the fold, at |k| = 0.20, a pair of fixed points surrounds h = 1.44; just
        # outside, at |k| = 0.21, f(h) < h on that side
        Bound("k = -0.20: f(1.44) - 1.44", lift("1.44", "-0.20"), "0", "1"),
        Bound("k = -0.20: f(0.9) - 0.9", lift("0.9", "-0.20"), "-1", "0"),
        Bound("k = -0.20: f(2.2) - 2.2", lift("2.2", "-0.20"), "-1", "0"),
        *(
            Bound(f"k = -0.21: f(h) - h on {_interval(h)}", _cell(step, h), "-3", "0")
            for h in cells
        ),
    ]


def _folded(x: sp.Expr, y: sp.Expr, step: flint.arb) -> tuple[flint.arb, ...]:
    """The offset of the fold, and f(h) - h and f'(h) at its state; `step` is a ball of x."""
    offset, update = evaluate(formula("fold_offset")(x, y)), flint.arb(int(y))
    tangent = (1 - (1 - step) / (step * update)).sqrt()  # T^2 = 1 - (1 - x)/(x y)
    state = update * tangent / (1 - step)  # h* = y T/(1 - x)
    image = (step * state + offset).tanh()
    return offset, step * state + update * image - state, step * (1 + update * (1 - image**2))


def _interval(tenth: int) -> str:
    return f"[{tenth / 10}, {tenth / 10 + 0.1:.1f}]"


def _cell(step: flint.arb, tenth: int) -> flint.arb:
    """f(h) - h at k = -0.21 over [tenth, tenth + 1]/10.

    The centred form, with the derivative, keeps the ball tight.
    """
    low, high = flint.arb(tenth) / 10, flint.arb(tenth + 1) / 10
    middle, box = (low + high) / 2, low.union(high)
    offset = flint.arb("-0.21")
    value = step * middle + (step * middle + offset).tanh() - middle
    slope = step - 1 + step / (step * box + offset).cosh() ** 2
    return value + slope * (box - middle)


OFFSET_STEPS: tuple[Step, ...] = (
    identity(
        "derivatives",
        "at h, with T = tanh(x h + k): f' = J(0) - x y T^2, f'' = -2 x^2 y T (1 - T^2), f''' = -2"
        " x^3 y (1 - T^2)(1 - 3 T^2), for both recalls",
        "d = 1",
        _derivatives,
        ("jacobians",),
    ),
    identity(
        "fold_coefficient",
        "external, f' = 1: f''/2 = -x T (1 - x), and df/dk = (1 - x)/x",
        "d = 1",
        _fold,
        ("derivatives",),
    ),
    identity(
        "flip_coefficient",
        "f' = -1: f''^2/4 + f'''/6 = (2/3) x^2 (1 + 3 T^2) (internal), x^2 (1 + x)(1 + 3 x T^2)/3"
        " (external)",
        "d = 1",
        _flips,
        ("derivatives",),
    ),
    identity(
        "flip_speed",
        "at f' = -1 the multiplier of the fixed point moves at the speed T (1 - x^2) in k"
        " (external), and at -2/x in x with y and an output bias c fixed (internal: T = -c/y"
        " there)",
        "d = 1",
        _speeds,
        ("derivatives",),
    ),
    decided(
        "offset_signs",
        "internal: f' = 1 only if x y = 0 (no fold at any offset), and every flip has a positive"
        " coefficient. External: a fold is degenerate only at T = 0, the pitchfork, and exists only"
        " if (1+y)x > 1 iff x y > 0; a flip is supercritical iff (1 + x)(1 + 3 x T^2) > 0",
        "d = 1",
        _signs,
        ("fold_coefficient", "flip_coefficient"),
    ),
    cited(
        "external_folds",
        "fold_map",
        "external, T != 0, x != 1: two fixed points merge and vanish at f' = 1 as k varies",
        "d = 1",
        {
            "multiplier": ("derivatives",),
            "quadratic": ("fold_coefficient", "offset_signs", "folds"),
            "transversal": ("fold_coefficient",),
        },
    ),
    cited(
        "internal_flips",
        "flip_map",
        "internal: every flip is supercritical, also with an output bias: a stable 2-cycle is born"
        " as x y (1 - T^2) falls through -2",
        "d = 1",
        {
            "multiplier": ("derivatives",),
            "cubic": ("flip_coefficient", "offset_signs"),
            "transversal": ("flip_speed",),
        },
    ),
    cited(
        "external_flips",
        "flip_map",
        "external, T != 0, |x| != 1: a 2-cycle is born at f' = -1 as k varies, stable iff (1 + x)(1"
        " + 3 x T^2) > 0",
        "d = 1",
        {
            "multiplier": ("derivatives",),
            "cubic": ("offset_signs", "nondegenerate"),
            "transversal": ("flip_speed", "nondegenerate"),
        },
    ),
    enclosed(
        "fold_example",
        "x = 3/5, y = 1: the folds lie at k = -+0.20755; at k = -0.20 a pair of positive fixed"
        " points exists, at k = -0.21 none",
        "d = 1",
        _fold_example,
        ("external_folds",),
    ),
)
