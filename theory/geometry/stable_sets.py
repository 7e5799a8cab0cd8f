"""Claim R4: the sets of stable parameters of the scalar loops.

It covers their size and probability, nearest points, and the bifurcations at their edges.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided, identity
from .anisotropy import ANISOTROPY_STEPS
from .areas import AREA_STEPS
from .falsifiers.stable_sets import FALSIFIERS, PREDICATES
from .nearest_points import NEAREST_STEPS
from .offset_bifurcations import OFFSET_STEPS
from .planar_bifurcations import PLANAR_STEPS
from .probabilities import PROBABILITY_STEPS
from .scalar_bifurcations import BIFURCATION_STEPS


def _jacobians():
    x, y, h, u = sp.symbols("x y h u", real=True)
    maps = {"none": h + y * h, "external": (u + y * u).subs(u, x * h), "internal": h + y * x * h}
    return [
        Equation(sp.diff(step, h), formula(f"scalar_jacobian_{recall}")(x, y))
        for recall, step in maps.items()
    ]


def _stable_sets():
    x, y = sp.symbols("x y")

    def inside(jacobian: sp.Expr):
        return sp.And(jacobian < 1, jacobian > -1)

    return [
        Sentence((), sp.Equivalent(inside(1 + y), sp.And(y > -2, y < 0))),
        Sentence((), sp.Equivalent(inside(1 + x * y), sp.And(x * y > -2, x * y < 0))),
        Sentence((), sp.Equivalent(inside((1 + y) * x), ((1 + y) * x) ** 2 < 1)),
    ]


_STEPS = (
    identity(
        "jacobians",
        "J = 1 + y, (1 + y) x, 1 + x y for recall none, external, internal",
        "d = 1",
        _jacobians,
    ),
    decided(
        "stable_sets",
        "|J| < 1 iff -2 < y < 0, |(1 + y) x| < 1, -2 < x y < 0",
        "d = 1",
        _stable_sets,
        ("jacobians", "open"),
    ),
    *AREA_STEPS,
    *PROBABILITY_STEPS,
    *NEAREST_STEPS,
    *ANISOTROPY_STEPS,
    *BIFURCATION_STEPS,
    *OFFSET_STEPS,
    *PLANAR_STEPS,
)

_LATEX = r"""
Let $x$ (state weight) and $y$ (update) be real. The linearised scalar loops have $J=1+y$ (no
recall), $(1+y)x$ (external), $1+xy$ (internal); $|J|<1$ on $S_0=\{-2<y<0\}$, $S_{\mathrm
e}=\{|(1+y)x|<1\}$, $S_{\mathrm i}=\{-2<xy<0\}$.
(a) All three have infinite area. In $[-a,a]^2$, $a$ large: $4a$, $4+2\ln\bigl(a^2(a^2-1)\bigr)$,
$4+4\ln(a^2/2)$.
(b) For independent $x,y\sim N(0,s^2)$: $P(S_0)=\tfrac12\operatorname{erf}(\sqrt2/s)$, $P(S_{\mathrm
i})=\frac1\pi\int_0^{2/s^2}K_0(u)\,du$, $P(S_{\mathrm e})=\mathbb
E\operatorname{erf}\bigl(1/(\sqrt2\,s\,|1+y|)\bigr)$; they tend to $\tfrac12,\tfrac12,1$ as $s\to0$.
(c) Off the cut locus the nearest point of the closed set is unique: from $xy>0$ the nearer axis
(internal), otherwise $(t,1/t)$ on $tu=1$ with $(t,u)=(|x|,|y|)/\sqrt2$ (internal) or $(|x|,|1+y|)$
(external), $t$ the only root beyond $1$ of $t^4-Pt^3+Qt-1=0$ when $P>Q$. With $P=t+r/t$,
$Q=1/t+rt$, $0<r<1$, one has $dP\,dQ=(t+t^{-3}-2r/t)\,dt\,dr$. Internally $\tau=|\ln|x/y||$ of the
nearest point is infinite with probability exactly $\tfrac12$, so no finite number is its median.
(d) $h'=h+y\tanh(xh+k)+c$: no fold for any $k,c$; every flip is supercritical with coefficient
$\tfrac23x^2(1+3T^2)$, $T=\tanh(xh+k)$. $h'=xh+y\tanh(xh+k)$: for $k=0$ a pitchfork at $(1+y)x=1$,
supercritical iff $xy>0$; for $k\ne0$ it unfolds into folds with coefficient $-xT(1-x)$; flips with
coefficient $\tfrac13x^2(1+x)(1+3xT^2)$, for $k=0$ supercritical iff $xy<0$.
(e) In the plane, with the update turned by a rotation of angle $\varphi$ and no offset, a
Neimark--Sacker bifurcation with first Lyapunov coefficient $-\tfrac18x^2(xy)^2$ (internal, at
$xy=-2\cos\varphi$) and $-\tfrac18x^2(1-x^2+x^2y^2)$ (external, at $x^2|1+ye^{i\varphi}|^2=1$),
unless the multiplier is a root of unity of order at most $4$ or the coefficient vanishes.
"""

R4 = Claim(
    id="R4",
    title="Geometry of the scalar stable sets",
    source="paper+extension",
    statement=(
        "The stable sets of the scalar loops with additive residual are -2 < y < 0 (none), |(1 + y)"
        " x| < 1 (external), -2 < x y < 0 (internal). Inside them the affine loop h' = J h + c"
        " converges from every start. In a box [-a, a]^2 their areas are elementary functions of a,"
        " and unbounded. Under independent N(0, s^2) weights their probabilities are"
        " erf(sqrt2/s)/2, E erf(1/(sqrt2 s |1 + y|)), (1/pi) Int_0^{2/s^2} K_0. These tend to 1/2,"
        " 1, 1/2 as s -> 0. The nearest point of the closed set is unique off |x| = |y| (internal),"
        " |x| = |1 + y| (external): the nearer axis or the one root beyond 1 of a quartic. The laws"
        " of its log-ratio and balance have closed-form densities, and internally the log-ratio is"
        " infinite with probability exactly 1/2. Edges: h' = h + y tanh(x h + k) + c has a"
        " supercritical flip at x y (1 - T^2) = -2, T = tanh(x h + k), and never a fold. For h' = x"
        " h + y tanh(x h + k), k = 0 and y != 0 there is a pitchfork at (1 + y) x = 1,"
        " supercritical iff x y > 0, and a flip at -1, supercritical iff x y < 0. An offset unfolds"
        " the pitchfork into folds where |x| < 1, x y > 0, (1 + y) x > 1. In the plane, with an"
        " update rotated by phi, a closed curve with |z|^2 = (1 - |mu|)/a is born at the crossing:"
        " supercritical internally, and externally iff y > -cos phi (y > 0)."
    ),
    assumptions=(
        Assumption("open", "the inequalities are strict: reachability needs the open set"),
        Assumption(
            "gaussian",
            "x and y are independent N(0, s^2) (probabilities and laws of nearest points only)",
        ),
        Assumption("centred", "the box is [-a, a]^2 (areas in a box only)"),
        Assumption(
            "off_cut_locus",
            "|x| != |y| (internal), |x| != |1 + y| (external) (nearest points only)",
        ),
        Assumption("folds", "0 < |x| < 1, x y > 0 and (1 + y) x > 1 (existence of folds only)"),
        Assumption("odd", "no offset (pitchfork, flips at T = 0 and the plane only)"),
        Assumption(
            "nonresonant",
            "the multiplier mu of the planar map at the crossing has mu^n != 1 for n = 1, 2, 3, 4",
        ),
        Assumption(
            "nondegenerate",
            "the normal-form coefficient is not zero: y != 0 (pitchforks and flips without offset);"
            " y != -cos phi (external, plane); T, 1 + 3 x T^2 and 1 - x^2 != 0 (external flips)",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    latex=_LATEX.strip(),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "half",
            "half of all small Gaussian weights make the scalar loop contract",
            frozenset({Recall.NONE, Recall.INTERNAL}),
            False,
            residuals=frozenset({Residual.ADD}),
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="scalar linearised loop, s -> 0",
        ),
        Consequence(
            Axis.REACHABILITY,
            "almost all",
            "almost all small Gaussian weights make the scalar loop contract",
            frozenset({Recall.EXTERNAL}),
            False,
            residuals=frozenset({Residual.ADD}),
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="scalar linearised loop, s -> 0",
        ),
        Consequence(
            Axis.GEOMETRY,
            "on an axis",
            "the nearest stable point of half of all Gaussian draws has one weight exactly zero",
            frozenset({Recall.INTERNAL}),
            False,
            residuals=frozenset({Residual.ADD}),
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="scalar linearised loop",
        ),
        Consequence(
            Axis.GEOMETRY,
            "off the axes",
            "the nearest stable point of almost every draw has both weights different from zero",
            frozenset({Recall.EXTERNAL}),
            False,
            residuals=frozenset({Residual.ADD}),
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="scalar linearised loop",
        ),
    ),
    notes=(
        (
            "All of this is about additive residuals. With a gated residual and small Gaussian"
            " weights the multiplier at 0 tends to 1/2, the value of the gate, so that the scalar"
            " loop contracts with probability -> 1, not 1/2, as s -> 0."
        ),
        (
            "All areas are infinite; only areas in a box compare: 8 ln a internally and externally,"
            " the external one larger by 4 ln 2."
        ),
        (
            "x y = 0 is not a fold: a line of fixed points, or an escape to infinity; internally no"
            " offset makes a fold."
        ),
        (
            "An offset inside the tanh moves the internal fixed point and changes nothing else (T ="
            " 0 there); an output bias c makes T = -c/y."
        ),
        (
            "2^{-d} is for independent modes only; dense matrices fall faster (0.5, 0.25, 0.112,"
            " 0.045, 0.016 for d = 1..5, measured)."
        ),
        (
            "The published internal medians of the anisotropy table measure that 5046 of 10,000"
            " draws have x y < 0, not geometry."
        ),
        "Projection is on the closure: the nearest points themselves are critical, not stable.",
    ),
)
