"""N8: the gated residual h' = (1 - z) n + z h keeps every orbit in a box: an implicit outer normaliser, in exact arithmetic."""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from theory.algebra import Equation
from theory.architecture import Residual
from theory.claim import Assumption, Axis, Claim, Consequence
from theory.formulas import formula
from theory.outer_norm.gru_attacks import FALSIFIERS
from theory.proof import Bound, Sentence, both, cited, decided, deduced, enclosed, identity

LIMITS = {24: "float32", 53: "float64"}
"""bits of significand"""


def _step():
    z, n, h = sp.symbols("z n h")
    dz, dn = sp.symbols("zp np")  # derivatives of gate and candidate with respect to h
    x = sp.Symbol("x")
    gate, candidate = z + dz * (x - h), n + dn * (x - h)
    cell = (1 - gate) * candidate + gate * x
    slope = sp.diff(cell, x).subs(x, h)
    return [
        Equation(cell.subs(x, h) - h, (1 - z) * (n - h)),
        Equation(slope, z + (1 - z) * dn + dz * (h - n)),
        Equation(slope.subs(n, h), z + (1 - z) * dn),
    ]


def _gates():
    e = sp.Symbol("E", positive=True)  # e^x
    x = sp.Symbol("x", real=True)
    sigmoid, tanh = 1 / (1 + sp.exp(-x)), (sp.exp(x) - sp.exp(-x)) / (sp.exp(x) + sp.exp(-x))

    def named(expression: Any) -> Any:
        return expression.subs({sp.exp(x): e, sp.exp(-x): 1 / e})

    return [
        Equation(named(1 - sigmoid), 1 / (1 + e)),
        Equation(named(1 - tanh), 2 / (1 + e**2)),
        Equation(named(1 + tanh), 2 * e**2 / (1 + e**2)),
    ]


def _open_gates():
    e, z, n, limit = sp.symbols("E z n Z")
    # z (1 + E) = E, n (1 + E^2) = E^2 - 1, E = e^x
    gate, candidate = sp.Eq(z * (1 + e), e), sp.Eq(n * (1 + e**2), e**2 - 1)
    return [
        Sentence((e > 0, gate), both(z > 0, z < 1)),
        Sentence((e > 0, candidate), both(n > -1, n < 1)),
        Sentence((e > 0, gate, limit > 0, e <= limit), z * (1 + limit) <= limit),
    ]


def _fixed():
    z, n, h = sp.symbols("z n h")
    return [Sentence((z < 1,), sp.Equivalent(sp.Eq((1 - z) * n + z * h, h), sp.Eq(h, n)))]


def _cell(z: Any, n: Any, h: Any) -> Any:
    return (1 - z) * n + z * h


def _inside():
    z, n, h = sp.symbols("z n h")
    after = _cell(z, n, h)
    return [Sentence((z >= 0, z < 1, n > -1, n < 1, h <= 1, h >= -1), both(after > -1, after < 1))]


def _strictly_inside():
    z, n, h, zmax, nmax = sp.symbols("z n h Z m")
    q = formula("gru_box")(zmax, nmax)
    after = _cell(z, n, h)
    given = (z >= 0, z <= zmax, zmax < 1, n >= -nmax, n <= nmax, nmax < 1, h >= -1, h <= 1)
    return [
        Sentence(given, both(after <= q, after >= -q)),
        Sentence((*given, sp.Eq(z, zmax), sp.Eq(n, nmax), sp.Eq(h, 1)), both(sp.Eq(after, q), q < 1)),
    ]


def _row_bound():
    a, b, p, q, x, y, offset, size = sp.symbols("a b p q x y o H")
    # |a| <= p, |b| <= q (row of W_h), |x|, |y| <= H, offset = what u and the bias add
    given = (p >= a, p >= -a, q >= b, q >= -b, x <= size, x >= -size, y <= size, y >= -size)
    return [Sentence(given, both(a * x + b * y + offset <= (p + q) * size + offset, a * x + b * y + offset >= -(p + q) * size + offset))]


def _excess():
    z, n, h, zmax, nmax, size = sp.symbols("z n h Z m H")
    after = _cell(z, n, h)
    given = (z >= 0, z <= zmax, zmax < 1, n >= -nmax, n <= nmax)
    return [
        Sentence((*given, h >= nmax), both(after <= nmax + zmax * (h - nmax), after >= -nmax)),
        Sentence((*given, h >= nmax, sp.Eq(z, zmax), sp.Eq(n, nmax)), sp.Eq(after, nmax + zmax * (h - nmax))),
        Sentence((*given, h <= nmax, h >= -nmax), both(after <= nmax, after >= -nmax)),
        # the box of radius H >= m is kept, and left inwards when m < H
        Sentence((*given, h <= size, h >= -size, nmax < size), both(after < size, after > -size)),
    ]


def _entry_time():
    size, z, n = sp.symbols("H z n", positive=True)
    time = formula("gru_entry_time")(size, z, n)
    # z^time (H - n) = 1 - n: logarithms of both sides
    return [Equation(sp.expand_log(-time * sp.log(1 / z) / sp.log((size - n) / (1 - n)), force=True), sp.Integer(-1))]


def _two_loops():
    first, second, third, zmax = sp.symbols("x y w Z")  # excesses |h_t| - m of three states in a row
    given = (zmax > 0, zmax < 1, first > 0)
    return [
        Sentence((*given, second <= zmax * first, third <= zmax * second), third <= zmax**2 * first),
        Sentence((*given, sp.Eq(second, zmax * first), sp.Eq(third, zmax * second)), sp.Eq(third, zmax**2 * first)),
    ]


def _slow_entry():
    """h' = sigma(h) h (candidate 0): exact number of loops from H to below 1, and what one unit costs at H = 20."""
    bounds = []
    for start, wanted in ((2, 4), (5, 41), (10, 2496)):
        h, loops = flint.arb(start), 0
        while not h < 1:
            if not h > 1:  # the ball meets 1: undecided
                return [Bound(f"loops from {start}", flint.arb("nan"), "0", "1")]
            h, loops = h / (1 + (-h).exp()), loops + 1
        bounds.append(Bound(f"loops from {start}", flint.arb(loops), f"{wanted - 0.5}", f"{wanted + 0.5}"))
    bounds.append(Bound("loops from 20 to 19, at least", (1 + flint.arb(19).exp()) / 20, "8924115", "8924116"))
    return bounds


def _unit_cost():
    e, h, size, after = sp.symbols("E h H k")
    # E <= e^h on [H - 1, H]: one loop of h' = h E'/(1 + E') with E' = e^h >= E takes at most H/(1 + E)
    grown = sp.Symbol("F")
    given = (size > 1, h > 0, h <= size, e > 0, grown >= e, sp.Eq(after * (1 + grown), h * grown))
    return [Sentence(given, both((h - after) * (1 + e) <= size, after < h))]


def _box_convex():
    t, h, k = sp.symbols("t h k")
    return [Sentence((t >= 0, t <= 1, h >= -1, h <= 1, k >= -1, k <= 1), both(t * h + (1 - t) * k <= 1, t * h + (1 - t) * k >= -1))]


def _wrong_hidden():
    z, n, h, w = sp.symbols("z n h w")
    after = _cell(z, n, w * h)  # hidden argument W_x h, W_x = w I
    half = sp.Rational(3, 4)
    return [
        Sentence((z >= half, z <= 1, n > -1, n < 1, h >= 1, sp.Eq(w, 2)), 4 * after >= 5 * h),
        # any gate with z w > 1: growth beyond (1 - z)/(z w - 1)
        Sentence((z > 0, z < 1, n > -1, n < 1, z * w > 1, h * (z * w - 1) >= 1 - z), after > h),
    ]


def _composition():
    z, n, h, y, m, w = sp.symbols("z n h y m w")
    first = _cell(z, n, h)
    given = (z >= 0, z < 1, w >= 0, w < 1, n > -1, n < 1, m > -1, m < 1, h >= -1, h <= 1, sp.Eq(y, first))
    second = _cell(w, m, y)
    return [Sentence(given, both(second > -1, second < 1))]


def _saturation():
    threshold = formula("sigmoid_saturation")
    return [Equation(sp.exp(-threshold(bits)), sp.Rational(1, 2**bits)) for bits in LIMITS]


def _half_ulps():
    """Distances in units of the half ulp that decides: 2^-p above 1, 2^-(p+1) below 1."""
    bounds = []
    for bits, frozen, free in ((24, "17", "16"), (53, "37", "36")):
        up = flint.arb(2) ** bits
        bounds.append(Bound(f"e^-{frozen} 2^{bits}", (-flint.arb(frozen)).exp() * up, "0", "1"))
        bounds.append(Bound(f"e^-{free} 2^{bits}", (-flint.arb(free)).exp() * up, "1", "3"))
    # sigma itself, correctly rounded, is 1 only later: the spacing below 1 is half as wide
    below = flint.arb(2) ** 25
    bounds.append(Bound("(1 - sigma(17)) 2^25", below / (1 + flint.arb(17).exp()), "1.38", "1.40"))
    bounds.append(Bound("(1 - sigma(18)) 2^25", below / (1 + flint.arb(18).exp()), "0.51", "0.52"))
    bounds.append(Bound("(1 - tanh(10)) 2^25", below * 2 / (1 + flint.arb(20).exp()), "0.13", "0.14"))
    bounds.append(Bound("(1 - tanh(9)) 2^25", below * 2 / (1 + flint.arb(18).exp()), "1.02", "1.03"))
    return bounds


_STEPS = (
    identity(
        "step",
        "h' - h = (1 - z)(n - h), and where h = n the multiplier is z + (1 - z) n': the gate moves the multiplier, not the point",
        "each coordinate of every d (the multiplier: d = 1)",
        _step,
        ("cell",),
    ),
    identity("gates", "1 - sigma(x) = 1/(1 + e^x), 1 - tanh x = 2/(1 + e^2x)", "d = 1, every x", _gates),
    decided("open_gates", "0 < z < 1 and |n| < 1 in exact arithmetic, bounded away from 1 where x is bounded", "every d", _open_gates, ("gates", "exact")),
    decided("fixed_points", "z < 1: h is fixed iff h = n(h)", "every d", _fixed, ("step", "open_gates")),
    decided("into_the_open_box", "|h| <= 1 gives |h'| < 1", "every d", _inside, ("open_gates",)),
    decided(
        "strictly_inside",
        "z <= Z < 1, |n| <= m < 1: |h'| <= q = 1 - (1 - Z)(1 - m) < 1, attained",
        "every d",
        _strictly_inside,
        ("open_gates",),
    ),
    decided("row_bound", "|h_i| <= H: a gate's argument is at most its row sum of |W_h| times H plus what u and the bias add", "rows of length 2, then by induction", _row_bound),
    deduced(
        "bounded_gates",
        "u is bounded on bounded sets (inner norms with eps > 0, or bounded updates), so on the box of radius H there are Z_H < 1 and m_H < 1",
        "every d",
        ("row_bound", "open_gates", "inner_epsilon"),
    ),
    decided(
        "excess",
        "|h'| - m <= Z (|h| - m) while |h| >= m, attained; |h'| <= m once |h| <= m; the box of radius H > m is mapped inside itself",
        "every d",
        _excess,
        ("bounded_gates",),
    ),
    decided("two_loops", "after two loops the excess is at most Z^2 of what it was", "every d, then by induction", _two_loops, ("excess",)),
    identity(
        "entry_time",
        "Z^t (H - m) = 1 - m at t = log((H - m)/(1 - m))/log(1/Z)",
        "every H > 1",
        _entry_time,
        ("excess", "two_loops"),
    ),
    deduced(
        "absorbing",
        "every orbit enters (-1, 1)^d after finitely many loops, at most that t (and one more) for all states of a bounded set, and stays",
        "every d, every L",
        ("entry_time", "excess", "into_the_open_box", "bounded_start", "hidden"),
    ),
    decided(
        "unit_cost",
        "h' = sigma(h) h: on [H - 1, H] one loop takes away at most H/(1 + e^(H-1)), so a unit costs (1 + e^(H-1))/H loops or more",
        "d = 1",
        _unit_cost,
        ("gates",),
    ),
    enclosed("not_uniform", "4, 41, 2496 loops from 2, 5, 10 to below 1, more than 8.9 million from 20 to 19", "d = 1", _slow_entry, ("unit_cost",)),
    decided("box_convex", "the box is convex (and compact)", "every d", _box_convex),
    cited(
        "brouwer",
        "brouwer",
        "u continuous on the box: a fixed point for every e, inside [-q, q]^d",
        "every d, every L",
        {"convex": ("box_convex",), "continuous": ("inner_epsilon",), "self_map": ("strictly_inside", "hidden")},
    ),
    decided("two_cells", "one cell per sub-block: two in a row map the box into the open box", "every d, two cells (then by induction)", _composition, ("into_the_open_box",)),
    decided(
        "hidden_must_be_h",
        "hidden argument w h instead of h: w = 2 and z >= 3/4 give h' >= 5h/4 for h >= 1; in general growth where z w > 1",
        "d = 1 (W_x = w I: every d)",
        _wrong_hidden,
        ("cell",),
    ),
    identity(
        "saturation_formula",
        "e^-x = 2^-p at x = p log 2: beyond it 1 + e^-x rounds to 1 with p bits, so 1/(1 + e^-x) = 1 and h' = 0 n + 1 h = h",
        "p = 24, 53",
        _saturation,
        ("exact",),
    ),
    enclosed(
        "saturation",
        "e^-17 < 2^-24 < e^-16 (float32), e^-37 < 2^-53 < e^-36 (float64): computed as 1/(1 + e^-x), sigma(17) and sigma(37) are 1; correctly "
        "rounded, sigma(17) is not and sigma(18) is; tanh(10) is 1 in float32, tanh(9) is not",
        "p = 24, 53",
        _half_ulps,
        ("saturation_formula", "gates"),
    ),
)

N8 = Claim(
    id="N8",
    title="The gated residual is an implicit outer normaliser",
    source="extension",
    statement="h' = (1 - z) n + z h, z = sigma(.), n = tanh(.) (GRU cell, input u(h, e), hidden argument h), inner norms with eps > 0: "
    "[-1, 1]^d is mapped into [-q, q]^d, q = 1 - (1 - Z)(1 - m) < 1; every orbit enters (-1, 1)^d, in a time bounded on bounded sets "
    "but not uniformly; every e has a fixed point, and the fixed points are those of n. False for the hidden argument W_x h + W_e e + b, and "
    "in floating point: a saturated gate freezes the state.",
    latex=r"Let $h'=(1-z)\circ n+z\circ h$ with $z=\sigma(\cdot)$ and $n=\tanh(\cdot)$ continuous functions of $(h,e)$. Then $h'=h$ iff $n=h$. For "
    r"every $e$ there are $Z,m<1$ with $z_i\le Z$ and $|n_i|\le m$ on $[-1,1]^d$, and $[-1,1]^d$ is mapped into $[-q,q]^d$ with "
    r"$q=1-(1-Z)(1-m)<1$; so there is a fixed point. For $H>1$ let $Z_H,m_H<1$ be such bounds on $[-H,H]^d$: every orbit that starts there is "
    r"in $(-1,1)^d$ for all $t>\log\frac{H-m_H}{1-m_H}/\log\frac1{Z_H}$. No bound is uniform in $H$: for $h'=\sigma(h)h$ the time from $H$ to $H-1$ is at "
    r"least $(1+e^{H-1})/H$. With $p$ bits of significand $1/(1+e^{-x})$ is computed as $1$ for $x>p\log2$ ($16.7$ for float32), and then $h'=h$.",
    assumptions=(
        Assumption("cell", "h' = (1 - z) n + z h in each coordinate, z = sigma(...), n = tanh(...)"),
        Assumption("hidden", "the hidden argument of the cell is the state h (external recall enters u only)"),
        Assumption("inner_epsilon", "u is continuous: inner norms have eps > 0"),
        Assumption("bounded_start", "the initial states lie in a bounded set (bounded entry time only)"),
        Assumption("exact", "exact arithmetic: gates are not rounded to 1"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        "That sigma(17) is 1 in float32 is a property of the formula 1/(1 + e^-x) (limit 24 log 2 = 16.64), not of rounding: correctly rounded, "
        "sigma(17) = 1 - 2^-24, and the limit is 25 log 2 = 17.33.",
        "Frozen means exactly frozen for the form (1 - z) n + z h; the common form n + z (h - n) can move the state by an ulp first.",
        "Norm post and sandwich apply N after the cell: then N2 and N3, not this box, say where the state lives.",
        "Entry times 6, 55, 2826 from 2, 5, 10 were given for z = sigma(h) without naming the candidate; for candidate 0 they are 4, 41, 2496.",
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "every input has a fixed point in (-1, 1)^d and every orbit ends up in that box; nothing is said about the basin of the point",
            outer_norm=False,
            residuals=frozenset({Residual.GRU}),
            when="inner norms with eps > 0, exact arithmetic",
        ),
    ),
)
