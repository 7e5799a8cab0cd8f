"""Steps of N8: how long an orbit of the gated residual takes to enter the box.

They also show from where rounding freezes the orbit.
"""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Bound, Sentence, both, decided, enclosed, identity

LIMITS = {24: "float32", 53: "float64"}
"""the number formats by the bits of their significand"""


def _row_bound():
    # s: the sum of the first products of a row, P: the sum of their bounds
    a, p, x, size, total, row = sp.symbols("a p x H s P")
    given = (p > 0, a <= p, a >= -p, size > 0, x <= size, x >= -size)
    largest = sp.Or(both(sp.Eq(a, p), sp.Eq(x, size)), both(sp.Eq(a, -p), sp.Eq(x, -size)))
    return [
        Sentence(given, sp.Equivalent(a * x >= p * size, largest)),
        Sentence((*given, total <= row * size), total + a * x <= (row + p) * size),
    ]


def _bounded_gates():
    # E = e^x at the argument x of a gate, F = e^X at its bound; a reset gate r scales the row y
    e, bound, z, top, r, y, row = sp.symbols("E F z Z r y b")
    gates = (sp.Eq(z * (1 + e), e), sp.Eq(top * (1 + bound), bound))
    n, largest = sp.symbols("n m")
    candidates = (sp.Eq(n * (1 + e), e - 1), sp.Eq(largest * (1 + bound), bound - 1))
    given = (e > 0, e <= bound)
    return [
        Sentence((*given, *gates), both(z <= top, top < 1)),
        # the same for n = tanh(x) with E = e^{2 x}
        Sentence((*given, *candidates), both(n <= largest, largest < 1)),
        Sentence(
            (r >= 0, r <= 1, row >= 0, y <= row, y >= -row), both(r * y <= row, r * y >= -row)
        ),
    ]


def _excess():
    z, n, h, zmax, nmax, after = sp.symbols("z n h Z m y")
    given = (z <= zmax, zmax < 1, n <= nmax, h >= nmax, sp.Eq(after, (1 - z) * n + z * h))
    slowest: Any = (sp.Eq(z, zmax), sp.Eq(h, nmax))
    attained = both(sp.Eq(n, nmax), sp.Or(*slowest))
    return [Sentence(given, sp.Equivalent(after >= nmax + zmax * (h - nmax), attained))]


def _powers():
    # x: the excess |h_t| - m, w the next one, L = Z^t, E the first excess; attained
    x, after, zmax, power, first = sp.symbols("x w Z L E")
    given = (zmax > 0, after <= zmax * x, x <= power * first)
    attained = both(sp.Eq(after, zmax * x), sp.Eq(x, power * first))
    return [Sentence(given, sp.Equivalent(after >= zmax * power * first, attained))]


def _inside():
    # L = Z^t; |h_t| - m <= L (H - m) < 1 - m
    size, n, power, top = sp.symbols("h m L H")
    given = (size - n <= power * (top - n), power * (top - n) < 1 - n)
    return [Sentence(given, size < 1)]


def _entry_time():
    size, z, n = sp.symbols("H z n", positive=True)
    time = formula("gru_entry_time")(size, z, n)
    # z^time (H - n) = 1 - n, after taking logarithms
    ratio = -time * sp.log(1 / z) / sp.log((size - n) / (1 - n))
    return [Equation(sp.expand_log(ratio, force=True), sp.Integer(-1))]


def _slow_step():
    h, e = sp.symbols("h E")  # E = e^h
    return [Equation(h - h * e / (1 + e), h / (1 + e))]


def _unit_cost():
    h, size, e, f = sp.symbols("h H E F")
    # h/(1 + F) <= H/(1 + E) for h <= H and F = e^h >= E = e^(H-1)
    given = (h > 0, h <= size, e > 0, f >= e)
    attained = both(sp.Eq(h, size), sp.Eq(f, e))
    return [Sentence(given, sp.Equivalent(h * (1 + e) >= size * (1 + f), attained))]


def _slow_entry():
    """The number of iterations of h' = sigma(h) h (the candidate is 0) from H to below 1.

    The last bound is the number that one unit costs at H = 20.
    """
    bounds = []
    for start, wanted in ((2, 4), (5, 41), (10, 2496)):
        label, h, loops = f"loops from {start}", flint.arb(start), 0
        while not h < 1:
            if not h > 1:  # the ball contains 1, so the comparison is undecided
                return [Bound(label, flint.arb("nan"), "0", "1")]
            h, loops = h / (1 + (-h).exp()), loops + 1
        bounds.append(Bound(label, flint.arb(loops), f"{wanted - 0.5}", f"{wanted + 0.5}"))
    unit = (1 + flint.arb(19).exp()) / 20
    return [*bounds, Bound("loops from 20 to 19, at least", unit, "8924115", "8924116")]


def _saturation():
    threshold = formula("sigmoid_saturation")
    return [Equation(sp.exp(-threshold(bits)), sp.Rational(1, 2**bits)) for bits in LIMITS]


def _half_ulps():
    """Distances to 1 in units of the half ulp that decides the rounding.

    It is 2^-p above 1 and 2^-(p+1) below 1.
    """
    bounds = []
    for bits, frozen, free in ((24, "17", "16"), (53, "37", "36")):
        up = flint.arb(2) ** bits
        bounds.append(Bound(f"e^-{frozen} 2^{bits}", (-flint.arb(frozen)).exp() * up, "0", "1"))
        bounds.append(Bound(f"e^-{free} 2^{bits}", (-flint.arb(free)).exp() * up, "1", "3"))
    # the gate itself rounds to 1 only further out, because the spacing below 1 is half as wide
    below = flint.arb(2) ** 25
    at_17, at_18, at_20 = (below / (1 + flint.arb(x).exp()) for x in (17, 18, 20))
    return [
        *bounds,
        Bound("(1 - sigma(17)) 2^25", at_17, "1.38", "1.40"),
        Bound("(1 - sigma(18)) 2^25", at_18, "0.51", "0.52"),
        Bound("(1 - tanh(10)) 2^25", 2 * at_20, "0.13", "0.14"),
        Bound("(1 - tanh(9)) 2^25", 2 * at_18, "1.02", "1.03"),
    ]


TIME_STEPS = (
    decided(
        "row_bound",
        "|a| <= p, |x| <= H: a x <= p H, and the products of a row add up, so a gate's argument is"
        " at most its row sum of |W_h| times H plus what u and the bias add",
        "every d by induction",
        _row_bound,
    ),
    decided(
        "bounded_gates",
        "u is bounded on bounded sets (inner norms with eps > 0), and a reset gate in (0, 1) only"
        " shrinks the candidate's row, so on the box of radius H the arguments have a bound X, and"
        " z <= Z_H = sigma(X) < 1 and n <= m_H = tanh(X) < 1",
        "every d",
        _bounded_gates,
        ("row_bound", "open_gates", "inner_epsilon"),
    ),
    decided(
        "excess",
        "h >= m: h' - m <= Z (h - m), attained; together with `level` at c = m the excess (|h| -"
        " m)_+ shrinks by Z in every loop",
        "every d",
        _excess,
        ("gap", "level", "bounded_gates"),
    ),
    decided(
        "powers",
        "after t loops the excess is at most Z^t of what it was, attained",
        "every d, every t by induction",
        _powers,
        ("excess",),
    ),
    identity(
        "entry_time",
        "Z^t (H - m) = 1 - m at t = log((H - m)/(1 - m))/log(1/Z)",
        "no size",
        _entry_time,
        ("excess", "powers"),
    ),
    decided(
        "absorbing",
        "after more loops than that t, Z^t (H - m) < 1 - m, so that all states of the box of radius"
        " H are in (-1, 1)^d; by `level` they stay",
        "every d, every L",
        _inside,
        ("entry_time", "powers", "level", "bounded_start", "hidden"),
    ),
    identity(
        "slow_step",
        "h' = sigma(h) h (candidate 0): one loop takes away h/(1 + e^h)",
        "d = 1",
        _slow_step,
        ("gates",),
    ),
    decided(
        "unit_cost",
        "on [H - 1, H] that is at most H/(1 + e^(H-1)): the way from H to H - 1 takes (1 +"
        " e^(H-1))/H loops or more",
        "d = 1",
        _unit_cost,
        ("slow_step",),
    ),
    enclosed(
        "not_uniform",
        "4, 41, 2496 loops from 2, 5, 10 to below 1, more than 8.9 million from 20 to 19",
        "d = 1",
        _slow_entry,
        ("unit_cost",),
    ),
    identity(
        "saturation_formula",
        "e^-x = 2^-p at x = p log 2: beyond it 1 + e^-x rounds to 1 with p bits, so 1/(1 + e^-x) ="
        " 1 and h' = 0 n + 1 h = h",
        "p in {24, 53}",
        _saturation,
        ("exact",),
    ),
    enclosed(
        "saturation",
        "e^-17 < 2^-24 < e^-16 (float32), e^-37 < 2^-53 < e^-36 (float64): computed as 1/(1 +"
        " e^-x), sigma(17) and sigma(37) are 1; correctly rounded, sigma(17) is not and sigma(18)"
        " is; tanh(10) is 1 in float32, tanh(9) is not",
        "p in {24, 53}",
        _half_ulps,
        ("saturation_formula", "gates"),
    ),
)
