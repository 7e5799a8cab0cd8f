"""Claim A3: without recall, the limit of a loop is locally constant in its input.

This holds wherever the limit is continuous in the input, in every spectral regime.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..architecture import Recall
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, identity
from .falsifiers.input_dependence import FALSIFIERS, GLOBAL, LOCAL, PREDICATES


def limit_is_fixed() -> list[Sentence]:
    """The limit of an orbit is a fixed point where the map is continuous."""
    p, x, y, eps = sp.symbols("p x y eps")
    # x = |f(h_inf) - f(h_t)|, y = |h_{t+1} - h_inf|, p = |f(h_inf) - h_inf|
    return [Sentence((x < eps, y < eps, p <= x + y), p < 2 * eps)]


def _trapped():
    x, r, slope, gap = sp.symbols("x r n delta")
    # x = |h_inf(e) - h_inf(e0)|; both limits are fixed points, and every fixed point other than
    # h_inf(e0) is at least r away from it
    cases: tuple[Any, ...] = (sp.Eq(x, 0), x >= r)
    isolated = sp.Or(*cases)
    return [
        Sentence((x < r, isolated), sp.Eq(x, 0)),
        # a limit that is differentiable at e0, with norm n, is continuous there:
        # |h_inf(e) - h_inf(e0)| <= (n + 1)|e - e0| near e0
        Sentence((x <= (slope + 1) * gap, (slope + 1) * gap < r, isolated), sp.Eq(x, 0)),
    ]


def _derivative():
    x, y, eps = sp.symbols("x y eps")
    # x = |v|, y = |D v|: h_inf(e0 + v) = h_inf(e0) makes y <= eps x near 0 for every eps > 0
    return [Sentence((x > 0, y >= 0, sp.Eq(2 * eps * x, y), y <= eps * x), sp.Eq(y, 0))]


def _implicit():
    q, k, change, resolvent = letters("Q K D S")  # Q = I - J, S = Q^{-1} K
    return [
        # the derivative of h = f(h, e): D = (I - Q) D + K, that is Q D = K
        Words(q * change, change - (1 - q) * change),
        Words((1 - q) * q**-1 * k + k, q**-1 * k),
        # without recall K = 0, so Q D = 0, and Q^{-1} Q D = D
        Words(q**-1 * (change - (1 - q) * change) + resolvent, change + resolvent),
    ]


def _cone():
    x, y, c, eps = sp.symbols("x y c eps")
    # y = |D v| >= c|v| for v in a cone about a direction that D does not annihilate, while
    # h_inf(e0 + v) = h_inf(e0) makes y <= eps |v|
    return [Sentence((c > eps, x >= 0, y >= c * x, y <= eps * x), sp.Eq(x, 0))]


def _staircase():
    n, h, phi = sp.symbols("n h phi")
    at_most = sp.Equivalent(n * h <= 1, phi >= h)
    beyond = sp.Equivalent((n + 1) * h > 1, n * (n + 1) * (phi - h) < 1)
    return [
        # h <= 1/n and h > 1/(n+1), expressed with phi = 1/n
        Sentence((n > 0, sp.Eq(n * phi, 1)), both(at_most, beyond)),
        Sentence((n > 0, (n + 1) * h > 1, n * (n + 1) * (phi - h) < 1), n * (phi - h) < h),
    ]


def _loop(h: sp.Expr, p: sp.Expr, q: sp.Expr) -> sp.Expr:
    """The loop of the counterexample on [q, p] = [1/(n+1), 1/n]."""
    return h + (p - h) ** 2 * (h - q) ** 2


def _staircase_loop():
    g, u, w = sp.symbols("g u w")
    # u = 1/n - h, w = h - 1/(n+1), u + w = 1/n - 1/(n+1) < 1, g = f(h) - h
    step = sp.Eq(g, u**2 * w**2)
    return [
        Sentence((u > 0, w > 0, u + w < 1, step), both(g > 0, 27 * g < 4 * u)),
        Sentence((u >= 0, w >= 0, step), 16 * g <= (u + w) ** 4),
        # beyond 1 the loop maps x = h - 1 to x - g
        Sentence((u > 0, sp.Eq(g * (1 + u**2), u**2)), both(g > 0, 2 * g <= u)),
    ]


def _staircase_slope():
    h, p, q, x = sp.symbols("h p q x")
    slope = sp.diff(_loop(h, p, q), h)
    beyond = sp.diff(x - x**2 / (1 + x**2), x)
    return [
        Equation(slope.subs(h, p), 1),
        Equation(slope.subs(h, q), 1),
        Equation(slope, 1 + 2 * (p - h) * (h - q) * (p + q - 2 * h)),
        Equation(beyond.subs(x, 0), 1),
        Equation(beyond, 1 - 2 * x / (1 + x**2) ** 2),
    ]


def _staircase_smooth():
    n, h, u, w, change = sp.symbols("n h u w s")
    # u = 1/n - h, w = h - 1/(n+1), s = f'(h) - 1 = 2 u w (u - w)
    small = both(change <= (u + w) ** 3, change >= -((u + w) ** 3))
    return [
        Sentence((u >= 0, w >= 0, sp.Eq(change, 2 * u * w * (u - w))), small),
        # u + w = 1/n - 1/(n+1) <= h
        Sentence((n >= 1, (n + 1) * h >= 1, sp.Eq(n * (n + 1) * (u + w), 1)), u + w <= h),
    ]


_STEPS = (
    decided(
        "limit_is_fixed",
        "|f(h_inf) - h_inf| <= |f(h_inf) - f(h_t)| + |h_{t+1} - h_inf| < 2 eps for every eps > 0:"
        " h_inf(e) is a fixed point of f",
        "every d",
        limit_is_fixed,
        ("autonomous", "continuous_map"),
    ),
    decided(
        "locally_constant",
        "near e0 h_inf(e) is a fixed point closer to h_inf(e0) than any other: it equals h_inf(e0);"
        " differentiability at e0 is enough",
        "every d",
        _trapped,
        ("limit_is_fixed", "discrete", "continuous_limit"),
    ),
    decided(
        "derivative_zero",
        "a function constant near e0 has derivative 0 there, as |D v| <= eps|v| for every eps: D"
        " h_inf(e0) = 0 wherever it exists, in every spectral regime",
        "every d",
        _derivative,
        ("locally_constant",),
    ),
    identity(
        "implicit_derivative",
        "a second proof at non-degenerate fixed points: (I - J) D h_inf = K, and K = 0 without"
        " recall, so D h_inf = 0; with recall it is (I - J)^{-1} K",
        "every d",
        _implicit,
        ("autonomous",),
    ),
    cited(
        "connected_inputs",
        "connected_image",
        "on a connected set of inputs where h_inf is continuous it is constant",
        "every d",
        {
            "connected": ("connected",),
            "continuous": ("continuous_limit",),
            "discrete": ("discrete", "limit_is_fixed"),
        },
    ),
    cited(
        "density_points",
        "lebesgue_density",
        "merely countable Fix: h_inf is a limit of the maps f^t(h_0(e)), f continuous and h_0"
        " measurable, so measurable; its level sets cover the inputs, and almost every input is a"
        " density point of its own",
        "every d",
        {"measurable": ("continuous_map", "measurable_start")},
    ),
    decided(
        "zero_at_density_points",
        "there the derivative, if it exists, is 0: on a cone where |D v| >= c|v| the level set"
        " would force |D v| <= eps|v|, eps < c",
        "every d",
        _cone,
        ("density_points",),
    ),
    decided(
        "staircase",
        "almost everywhere is best possible: phi = 1/n on (1/(n+1), 1/n], extended oddly, has 0 <="
        " phi(h)/h - 1 < 1/n, so phi'(0) = 1",
        "d = 1, every n",
        _staircase,
    ),
    decided(
        "staircase_is_a_limit",
        "it is the limit of a loop: f(h) = h + (1/n - h)^2 (h - 1/(n+1))^2 between, fixed at 0 and"
        " every +-1/n only, h < f(h) < 1/n: the orbit of e increases to phi(e); f(h) - h <= (1/n -"
        " 1/(n+1))^4/16, so f'(0) = 1; beyond 1 f(h) = h - x^2/(1 + x^2), x = h - 1, decreases"
        " to 1",
        "d = 1, every n",
        _staircase_loop,
        ("staircase",),
    ),
    identity(
        "staircase_slope",
        "the one-sided slopes of f at 1/n and 1/(n+1) are 1, and so is the slope from the right at"
        " 1; between, f' = 1 + 2 (1/n - h)(h - 1/(n+1))(1/n + 1/(n+1) - 2h)",
        "d = 1, every n",
        _staircase_slope,
        ("staircase_is_a_limit",),
    ),
    decided(
        "staircase_is_smooth",
        "|f'(h) - 1| <= (1/n - 1/(n+1))^3 <= h^3 for h > 0 (f' is even), and f'(0) = 1: f' is"
        " continuous at 0 too, so f is C^1",
        "d = 1, every n",
        _staircase_smooth,
        ("staircase_slope", "staircase_is_a_limit"),
    ),
)

_NONE = frozenset({Recall.NONE})

A3 = Claim(
    id="A3",
    title="Without recall no strong input-dependence, in any spectral regime",
    source="paper+extension",
    statement=(
        "h_{t+1} = f(h_t), h_0 = h_0(e), f continuous with discrete Fix(f)."
        f" {LOCAL.sentence} {GLOBAL.sentence} If Fix(f) is merely countable and h_0 measurable, D"
        " h_inf = 0 at almost every point of differentiability, and not at all: a C^1 loop on R has"
        " D h_inf(0) = 1."
    ),
    latex=(
        r"Let $f:\mathbb{R}^d\to\mathbb{R}^d$ be continuous with discrete fixed-point set,"
        r" $h_{t+1}=f(h_t)$, $h_0=h_0(e)$, and suppose that $h_\infty(e)=\lim_t h_t$ exists for all"
        r" $e$ near $e_0$ and is continuous at $e_0$. Then $h_\infty$ is constant near $e_0$; in"
        r" particular $Dh_\infty(e_0)=0$ at every $e_0$ where $h_\infty$ is differentiable. If"
        r" $h_\infty$ is continuous on a connected set of inputs, it is constant on it. If"
        r" $\mathrm{Fix}(f)$ is only countable, $h_0$ is measurable and $h_\infty$ is defined on an"
        r" open set, then"
        r" $Dh_\infty=0$ at almost every point of differentiability; this is best possible: for"
        r" $f(h)=h+(\frac1n-h)^2(h-\frac1{n+1})^2$ on $[\frac1{n+1},\frac1n]$, extended oddly and"
        r" by $f(1+x)=1+x-\frac{x^2}{1+x^2}$ for $x>0$, $h_\infty(e)=\frac1n$ on"
        r" $(\frac1{n+1},\frac1n]$ and $Dh_\infty(0)=1$."
    ),
    assumptions=(
        Assumption("autonomous", "no recall: f does not see e; the input enters through h_0 only"),
        Assumption(
            "continuous_map", "f is continuous (at h_inf(e) is enough for the local statement)"
        ),
        Assumption(
            "discrete", "every fixed point of f is isolated (A2: for almost every parameter)"
        ),
        Assumption("continuous_limit", "h_inf is defined near e_0 and continuous at e_0"),
        Assumption("connected", "the set of inputs is connected (for the global statement)"),
        Assumption(
            "measurable_start",
            "h_0 is a measurable function of e (for the statement about a countable Fix(f))",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "no",
            "Without recall the limit is locally constant wherever it is continuous in the input,"
            " whatever the spectral radius.",
            recalls=_NONE,
            regimes=frozenset(Regime),
            when="Fix(f) is discrete",
        ),
    ),
    notes=(
        (
            "Countable Fix is not enough for D h_inf = 0 everywhere: the staircase 1/n has"
            " derivative 1 at 0, and it is the limit of a C^1 loop."
        ),
        (
            "h_inf must be defined near e_0, and f continuous at the limit: otherwise the limit"
            " need not be fixed."
        ),
        "On finite input sets the claim is vacuous; what remains is the bound of log2 m bits (M6).",
    ),
)
