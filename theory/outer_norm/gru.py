"""Claim N8: the gated residual h' = (1 - z) n + z h keeps every orbit in a box.

It acts as an implicit outer normaliser, in exact arithmetic.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..architecture import Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, both, cited, decided, identity
from .falsifiers.gru import FALSIFIERS, PREDICATES
from .gru_time import TIME_STEPS


def _step():
    z, n, h = sp.symbols("z n h")
    dz, dn = sp.symbols("zp np")  # the derivatives of gate and candidate with respect to h
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
        Equation(named(sigmoid), e / (1 + e)),
        Equation(named(1 - sigmoid), 1 / (1 + e)),
        Equation(named(1 - tanh), 2 / (1 + e**2)),
        Equation(named(1 + tanh), 2 * e**2 / (1 + e**2)),
    ]


def _open_gates():
    e, z, n, limit = sp.symbols("E z n F")
    # z = E/(1 + E) and n = (E^2 - 1)/(E^2 + 1) with E = e^x; F = e^X for a bound X on x
    gate, candidate = sp.Eq(z * (1 + e), e), sp.Eq(n * (1 + e**2), e**2 - 1)
    return [
        Sentence((gate,), sp.Equivalent(both(z > 0, z < 1), e > 0)),
        Sentence((gate, e > 0), sp.Equivalent(z * (1 + limit) <= limit, e <= limit)),
        Sentence(
            (candidate, e > 0, limit > 0),
            sp.Equivalent(n * (1 + limit**2) <= limit**2 - 1, e <= limit),
        ),
    ]


def _fixed():
    z, n, h = sp.symbols("z n h")
    return [Sentence((z < 1,), sp.Equivalent(sp.Eq((1 - z) * n + z * h, h), sp.Eq(h, n)))]


def _cell(z: Any, n: Any, h: Any) -> Any:
    """One step of the gated residual."""
    return (1 - z) * n + z * h


def _gap():
    z, n, h, c = sp.symbols("z n h c")
    return [
        Equation(c - _cell(z, n, h), (1 - z) * (c - n) + z * (c - h)),
        Equation(c + _cell(z, n, h), (1 - z) * (c + n) + z * (c + h)),
    ]


def _level():
    z, n, h, c, after = sp.symbols("z n h c y")
    given = (z >= 0, z < 1, n <= c, h <= c, sp.Eq(after, _cell(z, n, h)))
    stuck: Any = (sp.Eq(z, 0), sp.Eq(h, c))
    return [Sentence(given, sp.Equivalent(after >= c, both(sp.Eq(n, c), sp.Or(*stuck))))]


def _strictly_inside():
    z, n, h, zmax, nmax, after = sp.symbols("z n h Z m y")
    q = formula("gru_box")(zmax, nmax)
    limits = (zmax > 0, zmax < 1, nmax < 1)
    given = (*limits, z >= 0, z <= zmax, n <= nmax, h <= 1, sp.Eq(after, _cell(z, n, h)))
    attained = both(sp.Eq(z, zmax), sp.Eq(n, nmax), sp.Eq(h, 1))
    return [
        Sentence(given, sp.Equivalent(after >= q, attained)),
        Sentence((zmax < 1,), sp.Equivalent(q < 1, nmax < 1)),
    ]


def _wrong_hidden():
    z, n, h, w, after = sp.symbols("z n h w y")
    here = sp.Eq(after, _cell(z, n, w * h))  # the hidden argument is W_x h with W_x = w I
    return [
        # the least candidate is n = -1; there the state grows iff h (z w - 1) > 1 - z
        Sentence((here, sp.Eq(n, -1)), sp.Equivalent(after > h, h * (z * w - 1) > 1 - z)),
        Sentence((here, sp.Eq(w, 2), sp.Eq(4 * z, 3)), sp.Equivalent(4 * after >= 5 * h, h >= -n)),
    ]


_STEPS = (
    identity(
        "step",
        "h' - h = (1 - z)(n - h), and where h = n the multiplier is z + (1 - z) n': the gate moves"
        " the multiplier, not the point",
        "every d",
        _step,
        ("cell",),
    ),
    identity(
        "gates",
        "sigma = E/(1 + E), 1 - sigma = 1/(1 + E), 1 -+ tanh = 2/(1 + E^2), 2 E^2/(1 + E^2), E"
        " = e^x",
        "no size",
        _gates,
    ),
    decided(
        "open_gates",
        "0 < z < 1 and -1 < n < 1 in exact arithmetic; both grow with x, so they are bounded away"
        " from 1 where x is bounded",
        "every d",
        _open_gates,
        ("gates", "exact"),
    ),
    decided(
        "fixed_points",
        "one cell, z < 1: h is fixed iff h = n(h)",
        "every d",
        _fixed,
        ("step", "open_gates", "one_cell"),
    ),
    identity(
        "gap",
        "c -+ h' = (1 - z)(c -+ n) + z (c -+ h) for every level c: h' is a convex combination",
        "every d",
        _gap,
        ("cell",),
    ),
    decided(
        "level",
        "z < 1, n, h <= c: h' < c but for n = c and (z = 0 or h = c). With |n| < 1 the box [-1,"
        " 1]^d goes into (-1, 1)^d, and so it does through several cells in a row; the box of"
        " radius H >= 1 goes into itself",
        "every d",
        _level,
        ("gap", "open_gates"),
    ),
    decided(
        "strictly_inside",
        "z <= Z < 1, n <= m < 1 on [-1, 1]^d: h' <= q = 1 - (1 - Z)(1 - m) < 1, attained at z = Z,"
        " n = m, h = 1 only",
        "every d",
        _strictly_inside,
        ("gap", "open_gates"),
    ),
    cited(
        "brouwer",
        "brouwer",
        "u continuous on the box: the step, also of several cells in a row, maps [-1, 1]^d into"
        " itself, so there is a fixed point for every e (for one cell inside [-q, q]^d)",
        "every d, every L",
        {
            "convex": ("gap",),
            "continuous": ("inner_epsilon",),
            "self_map": ("level", "strictly_inside", "hidden"),
        },
    ),
    *TIME_STEPS,
    decided(
        "hidden_must_be_h",
        "hidden argument w h instead of h: with n >= -1 the state grows where h (z w - 1) > 1 - z;"
        " w = 2, z = 3/4: h' >= 5h/4 from h = 1 on",
        "d = 1",
        _wrong_hidden,
        ("cell",),
    ),
)

N8 = Claim(
    id="N8",
    title="The gated residual is an implicit outer normaliser",
    source="extension",
    statement=(
        "Let h' = (1 - z) n + z h, z = sigma(.), n = tanh(.) (GRU cell, input u(h, e), hidden"
        " argument h), inner norms with eps > 0. The box [-1, 1]^d is mapped into [-q, q]^d, q = 1"
        " - (1 - Z)(1 - m) < 1. Every orbit enters (-1, 1)^d, in a time that is bounded for starts"
        " in a bounded set. No bound is uniform for all starts. Every input has a fixed point,"
        " also for several cells in a row. For one cell the fixed points are those of n. This is"
        " false for the hidden argument W_x h + W_e e + b, and in floating point: a saturated gate"
        " freezes the state."
    ),
    latex=(
        r"Let $h'=(1-z)\circ n+z\circ h$ with $z=\sigma(\cdot)$ and $n=\tanh(\cdot)$ continuous"
        r" functions of $(h,e)$. Then $h'=h$ iff $n=h$ (for one cell per loop). For every $e$"
        r" there are $Z,m<1$ with $z_i\le Z$ and $|n_i|\le m$ on $[-1,1]^d$, and $[-1,1]^d$ is"
        r" mapped into $[-q,q]^d$ with $q=1-(1-Z)(1-m)<1$; so there is a fixed point. For $H>1$"
        r" let $Z_H,m_H<1$ be such bounds on $[-H,H]^d$: every orbit that starts there is in"
        r" $(-1,1)^d$ for all $t>\log\frac{H-m_H}{1-m_H}/\log\frac1{Z_H}$. No bound is uniform in"
        r" $H$: for $h'=\sigma(h)h$ the time from $H$ to $H-1$ is at least $(1+e^{H-1})/H$. With"
        r" $p$ bits of significand $1/(1+e^{-x})$ is computed as $1$ for $x>p\log2$ ($16.7$ for"
        r" float32), and then $h'=h$."
    ),
    assumptions=(
        Assumption(
            "cell", "h' = (1 - z) n + z h in each coordinate, z = sigma(...), n = tanh(...)"
        ),
        Assumption(
            "hidden",
            "the hidden argument of the cell is the state h (external recall enters u only)",
        ),
        Assumption("inner_epsilon", "u is continuous: inner norms have eps > 0"),
        Assumption(
            "bounded_start", "the initial states lie in a bounded set (bounded entry time only)"
        ),
        Assumption("exact", "exact arithmetic: gates are not rounded to 1"),
        Assumption("one_cell", "one cell per loop (the fixed points are those of n)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "That the fixed points are those of n is said of one cell: two cells in a row with"
            " constant n = 0 and n = 1/2 fix neither. Existence holds for several cells."
        ),
        (
            "That sigma(17) is 1 in float32 is a property of the formula 1/(1 + e^-x) (limit 24 log"
            " 2 = 16.64), not of rounding: correctly rounded, sigma(17) = 1 - 2^-24, and the limit"
            " is 25 log 2 = 17.33."
        ),
        (
            "Frozen means exactly frozen for the form (1 - z) n + z h; the common form n + z (h -"
            " n) can move the state by an ulp first."
        ),
        (
            "Norm post and sandwich apply N after the cell: then N2 and N3, not this box, say where"
            " the state lives."
        ),
        (
            "Entry times 6, 55, 2826 from 2, 5, 10 were given for z = sigma(h) without naming the"
            " candidate; for candidate 0 they are 4, 41, 2496."
        ),
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "every input has a fixed point in (-1, 1)^d and every orbit ends up in that box;"
            " nothing is said about the basin of the point",
            outer_norm=False,
            residuals=frozenset({Residual.GRU}),
            when="inner norms with eps > 0, exact arithmetic",
        ),
    ),
)
