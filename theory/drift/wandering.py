"""R3 d: bounded updates that neither settle at a fixed point nor drift in a settled direction.

The examples persist on open sets of parameters.
"""

from __future__ import annotations

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Bound, Sentence, decided, deduced, enclosed, identity
from .settling import polar


def _inward():
    r, radius, b, c, after, move = sp.symbols("r R b c y m")
    # u = -R n + b: h' = (r - R) n + b with c = <n, b>, |c| <= |b| < R
    step = (c <= b, b >= 0, sp.Eq(after**2, (r - radius) ** 2 + 2 * (r - radius) * c + b**2))
    return [
        Sentence(
            (radius > b, b >= 0, c <= b, sp.Eq(move, radius**2 - 2 * radius * c + b**2)),
            move >= (radius - b) ** 2,
        ),
        Sentence(
            (*step, c >= -b, radius > b, r >= 0, r <= radius + b), after**2 <= (radius + b) ** 2
        ),
        Sentence((*step, r >= radius), after <= r - (radius - b)),
    ]


def _turning():
    n, v, r, _, q = polar()
    t = sp.Symbol("t", positive=True)
    update = n + v  # q = omega^2 = |Omega n|^2
    moved = r * n + update
    relative = formula("drift_relative_step")(t)
    return [
        Equation(update.dot(n), sp.Integer(1)),
        Equation(moved.dot(moved), (r + 1) ** 2 + q),
        Equation(update.dot(update) / t**2, (1 + q) * relative**2),
        Equation((n.dot(n) * moved.dot(v) / moved.dot(n)) ** 2 / q, q / (1 + r) ** 2),
    ]


def _windows():
    limit, off, ratio, low, high = sp.symbols("kappa eta lambda l u")
    s, first, second, t, third, fourth = sp.symbols("s a b t c d")
    fast = (
        first >= (limit - off) * s,
        second <= (limit + off) * ratio * s,
        second - first >= high * (ratio - 1) * s,
    )
    slow = (
        third <= (limit + off) * t,
        fourth >= (limit - off) * ratio * t,
        fourth - third <= low * (ratio - 1) * t,
    )
    return [
        Sentence((s > 0, t > 0, *fast, *slow), 2 * off * (ratio + 1) >= (high - low) * (ratio - 1))
    ]


def _values():
    x, y, gain, turn = flint.arb(1), flint.arb(0), flint.arb(4) / 5, flint.arb(3)
    bounds = []
    wanted = {
        2000: ("0.7866", "0.7867"),
        4000: ("1.2176", "1.2178"),
        8000: ("1.1199", "1.1201"),
        16000: ("0.7711", "0.7713"),
    }
    for t in range(1, 16001):
        r = (x * x + y * y).sqrt()
        c, s = x / r, y / r
        out = 1 + gain * c
        x, y = x + out * c - turn * s, y + out * s + turn * c
        if t in wanted:
            bounds.append(Bound(f"|h_t|/t at t = {t}", (x * x + y * y).sqrt() / t, *wanted[t]))
    return bounds


WANDERING_STEPS = (
    decided(
        "bounded_for_ever",
        "u(n) = -R n + b, |b| < R: the step is R - |b| > 0 at least, |h| <= R + |b| is invariant,"
        " and |h| falls by R - |b| in every loop from beyond R: bounded, no fixed point",
        "every d",
        _inward,
    ),
    identity(
        "turning",
        "u = n + Omega n, Omega skew with |Omega n| = omega (d even): a = 1, |h'|^2 = (r + 1)^2 +"
        " omega^2, the direction turns by arctan(omega/(r + 1)), and the relative step at r = t is"
        " sqrt(1 + omega^2)/t",
        "every m",
        _turning,
        ("polar_step",),
    ),
    deduced(
        "turns_for_ever",
        "r + 1 <= |h'| <= r + 1 + omega^2/(2(r + 1)) gives |h_t|/t -> 1, Sum arctan(omega/(r_t +"
        " 1)) = oo: the direction has no limit and relative step x t -> sqrt(1 + omega^2) > 1",
        "every m",
        ("turning", "radial_bounds"),
    ),
    decided(
        "windows",
        "| |h_t|/t - kappa | <= eta at the ends of [s, lambda s], where the norm gains u per loop"
        " at least, and of [t, lambda t], where it gains l at most: 2 eta (lambda + 1) >= (u -"
        " l)(lambda - 1)",
        "every d",
        _windows,
    ),
    deduced(
        "no_limit",
        "u = (1 + 0.8 n_1) n + 3 J n: the norm gains 0.2 at least, the direction turns one way by"
        " arctan(3/(r + 1 + 0.8 n_1)), so it passes n_1 = 1 and n_1 = -1 for ever and moves by 15"
        " log lambda + o(1) at most while t grows by lambda: u near 1.8, l near 0.2, and |h_t|/t"
        " has no limit",
        "d = 2",
        ("windows", "polar_step", "radial_bounds"),
    ),
    enclosed(
        "log_periodic",
        "that orbit from (1, 0): |h_t|/t = 0.7866, 1.2177, 1.1200, 0.7712 at t = 2000, 4000, 8000,"
        " 16000",
        "d = 2",
        _values,
    ),
    deduced(
        "open_sets",
        "in the plane each survives a small change of u: a <= -delta on the circle and no zero of"
        " u (bounded, no fixed point), V without zero on the circle and a > 0 (turning), and"
        " besides a gain a that is not constant (oscillation)",
        "d = 2",
        ("bounded_for_ever", "turns_for_ever", "no_limit"),
    ),
)
