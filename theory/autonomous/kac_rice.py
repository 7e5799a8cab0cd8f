"""Claim M3: the expected number of fixed points under a random bias.

It is the Kac-Rice formula, derived from the area formula; maps with kinks such as ReLU are covered.
"""

from __future__ import annotations

from ..architecture import Residual
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import cited, deduced
from .falsifiers.kac_rice import EXPECTATION, FALSIFIERS, PREDICATES
from .kac_rice_cases import WORKED_STEPS

_STEPS = (
    cited(
        "differentiable",
        "rademacher",
        "F = h - g(h) is differentiable almost everywhere on a ball where it is Lipschitz",
        "every d",
        {"lipschitz": ("lipschitz",)},
    ),
    cited(
        "area",
        "area_formula",
        "Int_K p(F(h)) |det DF(h)| dh = Int p(b) #{h in K: F(h) = b} db",
        "every d",
        {"lipschitz": ("lipschitz", "differentiable"), "measurable": ("measurable",)},
    ),
    deduced(
        "expectation",
        "F(h) = b means h = g(h) + b; p is the density of b, so the right side is E #{fixed points"
        " in K}. For g locally Lipschitz cut K into countably many bounded pieces and add (monotone"
        " convergence)",
        "every d",
        ("area", "density"),
    ),
    deduced(
        "finite",
        "K bounded, p and Dg bounded on K: the expectation is finite, so almost every bias leaves"
        " finitely many fixed points in K",
        "every d",
        ("expectation",),
    ),
    *WORKED_STEPS,
)

M3 = Claim(
    id="M3",
    title="Expected number of fixed points (Kac-Rice)",
    source="extension",
    statement=(
        "h = g(h) + b, g locally Lipschitz on an open set (ReLU included), b with density p and"
        f" independent of g, K a measurable subset: {EXPECTATION.sentence}, both sides possibly"
        " infinite. Bounded K, p and Dg: almost surely finite."
    ),
    latex=(
        r"Let $g:\Omega\to\mathbb R^d$ be locally Lipschitz on an open $\Omega\subseteq\mathbb R^d$"
        r" and let $b$ have the density $p$, independent of $g$. For every measurable"
        r" $K\subseteq\Omega$, $\mathbb E\,\#\{h\in K:"
        r" h=g(h)+b\}=\int_K|\det(I-Dg(h))|\,p(h-g(h))\,dh\in[0,\infty]$. Exact cases: $h=a\tanh"
        r" h+b$ with $a>1$ and $b\sim\mathcal N(0,s^2)$ has $1+2\,\mathrm{erf}(b_a/(\sqrt2s))$"
        r" fixed points on average, $b_a=a\sqrt{1-1/a}-\mathrm{artanh}\sqrt{1-1/a}$;"
        r" $h=W\,\mathrm{relu}(h)+b$ with"
        r" $W=\left(\begin{smallmatrix}2&-2\\-2&2\end{smallmatrix}\right)$ and $b\sim\mathcal"
        r" N(0,I)$ has $3/2$."
    ),
    assumptions=(
        Assumption("lipschitz", "g is locally Lipschitz"),
        Assumption("measurable", "K is measurable"),
        Assumption("density", "b has the density p given g"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "The formula counts fixed points of every regime; it says nothing about stability.",
        (
            "Almost everywhere differentiable is not enough: for F the Cantor function the integral"
            " is 0 and every b in [0, 1] has a fixed point."
        ),
        (
            "Several tokens with one shared bias: b has no density on R^(L d), so the formula needs"
            " one token or a bias per position."
        ),
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "finitely many",
            "for almost every output bias each bounded set of states holds finitely many fixed"
            " points, on average the integral of M3",
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when=(
                "locally Lipschitz update with an additive output bias that has a bounded density,"
                " one token"
            ),
        ),
    ),
)
