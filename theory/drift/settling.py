"""R3 c: near a hyperbolic sink of the direction field the direction settles, the norm drifts."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import Span, span


def polar() -> tuple[Span, Span, Any, Any, Any]:
    """The vectors n = h/|h| and v = P_n u, and the numbers r = |h|, a = <n, u>, q = |v|^2."""
    r, a, q = sp.symbols("r a q", positive=True)
    n, v = span("n v", {("n", "n"): 1, ("n", "v"): 0, ("v", "v"): q})
    return n, v, r, a, q


def _polar_step():
    n, v, r, a, q = polar()
    after = sp.Symbol("y", positive=True)  # |h'|
    moved = r * n + (a * n + v)
    rest = (1 / after) * moved - n - (1 / r) * v
    return [
        Equation(moved.dot(moved), (r + a) ** 2 + q),
        Equation(rest["n"], -(after - (r + a)) / after),
        Equation(rest["v"], -(after - r) / (after * r)),
    ]


def _radial():
    s, q, after = sp.symbols("s q y")
    given, gap = (s > 0, after > 0, sp.Eq(after**2, s**2 + q)), after - s
    return [
        # what the two upper bounds leave out: a square, and a square times a positive number
        Sentence(given, sp.Equivalent(after >= s, q >= 0)),
        Sentence(given[2:], sp.Eq(q - 2 * s * gap, gap**2)),
        Sentence(given[2:], sp.Eq(q * after - 2 * s**2 * gap, gap**2 * (after + 2 * s))),
    ]


def _asymptotic():
    r, k, w = sp.symbols("r k w")  # w = sqrt(r^2 + d eps), N(h) = R h/w
    s, low, turn, q, c = sp.symbols("s l x q C")
    return [
        Sentence((sp.Eq(w**2, r**2 + k),), sp.Eq(k - 2 * r * (w - r), (w - r) ** 2)),
        # |n(h + u_1) - n(h)|^2 = 2 (y - s)/y = x^2 <= q/s^2 with q <= C^2, s >= r - C = l
        Sentence((s >= low, low > 0, q <= c**2, turn**2 * s**2 <= q), turn**2 * low**2 <= c**2),
    ]


def _sink_step():
    r, x, y, inner, square, m, k = sp.symbols("r x y p s m k")
    # y = |x + A x/r| in an inner product with <x, A x> = p <= -m x^2, |A x|^2 = s <= k^2 x^2
    given = (
        r > 0,
        x >= 0,
        y >= 0,
        inner <= -m * x**2,
        square <= k**2 * x**2,
        sp.Eq(r**2 * y**2, r**2 * x**2 + 2 * r * inner + square),
    )
    return [Sentence(given, 2 * r**2 * y <= (2 * r**2 - 2 * m * r + k**2) * x)]


def _trapping():
    r, m, k, x, y, edge = sp.symbols("r m K x y delta")
    step = r**2 * y <= (r**2 - m * r) * x + k
    return [Sentence((m > 0, r >= m, x <= edge, k <= m * edge * r, step), y <= edge)]


def _settled():
    a, t, start = sp.symbols("a t r_0", positive=True)
    relative = formula("drift_relative_step")
    n, _, _, _, _ = polar()
    here, there = (start + a * t) * n, (start + a * (t + 1)) * n
    step, size = (there - here)["n"], here["n"]
    return [
        Equation(step / size, relative(t + start / a)),
        Equation(relative(t) * t, sp.Integer(1)),
    ]


def _scaled_flow():
    # p_i = |h_i|/t, a_i + b_i . x the growth
    x1, x2, p1, p2, a1, a2 = sp.symbols("x_1 x_2 p_1 p_2 a_1 a_2")
    slopes, growth = sp.symbols("v:4"), sp.symbols("b:4")
    field = [slopes[0] * x1 + slopes[1] * x2, slopes[2] * x1 + slopes[3] * x2]
    gains = [growth[0] * x1 + growth[1] * x2, growth[2] * x1 + growth[3] * x2]
    flow = sp.Matrix([field[0] / p1, field[1] / p2, a1 + gains[0] - p1, a2 + gains[1] - p2])
    jacobian = flow.jacobian([x1, x2, p1, p2]).subs({x1: 0, x2: 0, p1: a1, p2: a2})
    wanted = sp.zeros(4, 4)
    for i, a in enumerate((a1, a2)):
        wanted[i + 2, i + 2] = sp.Integer(-1)
        for j in range(2):
            wanted[i, j] = slopes[2 * i + j] / a
            wanted[i + 2, j] = growth[2 * i + j]
    return [Equation(left, right) for left, right in zip(jacobian, wanted, strict=True)]


SETTLING_STEPS = (
    identity(
        "polar_step",
        "u = a n + v, v across n = h/r: |h'|^2 = (r + a)^2 + |v|^2 and n' - n = v/r - (1 -"
        " (r+a)/|h'|) n - (1/r - 1/|h'|) v",
        "every d",
        _polar_step,
        ("bounded_update",),
    ),
    decided(
        "radial_bounds",
        "s = r + a > 0: s <= |h'| <= s + |v|^2/(2s) and 1 - s/|h'| <= |v|^2/(2 s^2)",
        "every d",
        _radial,
        ("polar_step",),
    ),
    decided(
        "asymptotic_update",
        "eps > 0 shortens N(h) by d eps/(2 r^2) at most (relative), a first sub-block turns n by"
        " C/(r - C) at most: U(h) = u(n) + O(1/r) with u = u_1 + u_2 on the sphere",
        "every d",
        _asymptotic,
        ("radial_bounds",),
    ),
    deduced(
        "direction_map",
        "so n' = n + V(n)/r + O(1/r^2), |h'| = r + a(n) + O(1/r), with V(n) = P_n u(n), a(n) = <n,"
        " u(n)>",
        "every d",
        ("polar_step", "radial_bounds", "asymptotic_update", "one_token"),
    ),
    cited(
        "adapted_product",
        "lyapunov",
        "an inner product on the tangent space with <x, DV x> <= -m |x|^2 for any m below the"
        " gap mu",
        "every d",
        {"hurwitz": ("sink", "smooth")},
    ),
    decided(
        "sink_step",
        "then |x + DV x/r| <= (1 - m/r + k^2/(2 r^2))|x|, k the norm of DV",
        "every d",
        _sink_step,
        ("adapted_product",),
    ),
    decided(
        "trapping",
        "|x'| <= (1 - m/r)|x| + K/r^2 keeps |x| <= delta as soon as r >= m and r >= K/(m delta)",
        "every d",
        _trapping,
        ("sink_step", "direction_map"),
    ),
    deduced(
        "settles",
        "from the open set |x| < delta, r > r_0: a(n) >= a/2 > 0 makes r grow like t, Sum 1/r = oo"
        " and Sum 1/r^2 < oo, so x -> 0, n_t -> n*, |h_t|/t -> a (Cesaro) and relative step x t ->"
        " |u(n*)|/a = 1",
        "every d",
        ("trapping", "radial_bounds", "outward", "smooth"),
    ),
    identity(
        "settled_direction",
        "on the ray of n*, u = a n*: the relative step is a/(r_0 + a t), 1/t up to a shift of time",
        "every d",
        _settled,
        ("polar_step",),
    ),
    identity(
        "several_tokens",
        "L tokens, p_i = |h_i|/t: the flow (V_i/p_i, a_i - p_i) in log t has the Jacobian"
        " [[diag(1/a_i) DV, 0], [Da, -1]]: what must be a sink is V_i/a_i, not V",
        "L = 2, d = 2",
        _scaled_flow,
        ("direction_map",),
    ),
)
