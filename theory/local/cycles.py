"""L6: cycles of a loop: how they move with the input, with recall and without."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..architecture import Recall
from ..kernel.algebra import Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, identity
from .falsifiers.cycles import FALSIFIERS, PREDICATES


def _chain():
    product, total, start, jacobian, direct = letters("Pi Sigma X J_i K_i")
    # X_i = Pi X_1 + Sigma, and X_{i+1} = J_i X_i + K_i
    return [
        Words(
            jacobian * (product * start + total) + direct,
            (jacobian * product) * start + (jacobian * total + direct),
        )
    ]


def _around():
    first, rest = letters("J_i B")  # Pi_i = B J_i with B = J_{i+p-1} ... J_{i+1}
    z = sp.Symbol("z")
    exchange = first * (z - rest * first) - (z - first * rest) * first
    return [Words(exchange, sp.Integer(0))]


def _closes_up():
    q, total = letters("Q Sigma")  # Q = I - Pi
    solution = q**-1 * total
    return [
        Words((1 - q) * solution + total, solution),  # X_{p+1} = X_1
        Words(q**-1 * (q * total), total),  # D = Pi D + Sigma has no other solution
        Words((1 - q) * solution + total - solution, total - q * solution),
    ]


def _no_recall():
    jacobian, total, direct = letters("J_i Sigma K_i")
    kicks = sp.Symbol("k")  # K_i = k M for a matrix M: k = 0 is "no recall"
    scaled = jacobian * (kicks * total) + kicks * direct
    return [Words(scaled, kicks * (jacobian * total + direct))]


def _same_period():
    gap, far, moved, other = sp.symbols("g x y z")
    # gap <= the distance of two points of the cycle; each moves by less than gap/2
    given = (far >= gap, 2 * moved < gap, 2 * other < gap)
    return [Sentence(given, far - moved - other > 0)]


def _limit_is_fixed():
    p, x, y, eps = sp.symbols("p x y eps")
    # x = |f^p(l) - f^p(h_{pt})|, y = |h_{p(t+1)} - l|, p = |f^p(l) - l| for the limit l
    return [Sentence((x < eps, y < eps, p <= x + y), p < 2 * eps)]


def _trapped():
    x, r = sp.symbols("x r")
    # every other fixed point is at least r away
    cases: tuple[Any, ...] = (sp.Eq(x, 0), x >= r)
    return [Sentence((x < r, sp.Or(*cases)), sp.Eq(x, 0))]


_STEPS = (
    identity(
        "chain",
        "the derivative of h_{i+1} by the input is J_i times that of h_i, plus K_i; so after p"
        " loops X_{p+1} = J_p ... J_1 X_1 + Sum_j J_p ... J_{j+1} K_j (from i to i + 1)",
        "every d, every p by induction",
        _chain,
        ("differentiable",),
    ),
    identity(
        "around",
        "with B = J_{i+p-1} ... J_{i+1}, Pi_i = B J_i and Pi_{i+1} = J_i B: J_i (z - Pi_i) = (z -"
        " Pi_{i+1}) J_i",
        "every d",
        _around,
        ("cycle",),
    ),
    cited(
        "same_spectrum",
        "charpoly_exchange",
        "B J_i and J_i B have the same characteristic polynomial; so all Pi_i have",
        "every d",
        {"square": ("around",)},
    ),
    cited(
        "limit_of_returns",
        "attracting_limit",
        "f^p has the fixed point h^1 with derivative Pi_1 there, and rho(Pi_1) < 1: the limit of"
        " h_{pt} is C^1, and the derivatives of h_{pt} converge to that of the limit",
        "every d, every p",
        {"smooth": ("differentiable",), "fixed": ("cycle",), "radius": ("contractive", "chain")},
        ("basin",),
    ),
    identity(
        "closes_up",
        "D_1 = (I - Pi_1)^{-1} Sum_j J_p ... J_{j+1} K_j is the only solution of D_1 = Pi_1 D_1 +"
        " Sum, and D_{i+1} = J_i D_i + K_i leads back to it",
        "every d",
        _closes_up,
        ("limit_of_returns", "chain"),
    ),
    decided(
        "same_period",
        "points of the cycle that differ at e_0 differ for e near e_0: the least period stays",
        "every d",
        _same_period,
        ("limit_of_returns",),
    ),
    decided(
        "limit_is_fixed",
        "without recall the limit l of h_{pt} has |f^p(l) - l| < 2 eps for every eps > 0",
        "every d",
        _limit_is_fixed,
        ("autonomous", "continuous_map"),
    ),
    decided(
        "locally_constant",
        "near e_0 the limit is a fixed point of f^p closer to the one at e_0 than any other, so it"
        " equals it",
        "every d",
        _trapped,
        ("limit_is_fixed", "isolated", "continuous_limit"),
    ),
    identity(
        "no_recall",
        "the sum is linear in the K_i, so K_i = 0 yields D_i = 0 (from i to i + 1)",
        "every d",
        _no_recall,
        ("chain",),
    ),
)

L6 = Claim(
    id="L6",
    title="Cycles move like fixed points: with recall smoothly, without recall not at all",
    source="extension",
    statement=(
        "h_{t+1} = f(h_t, e) with a cycle h^1, ..., h^p at e_0, h^{i+1} = f(h^i, e_0), h^{p+1} ="
        " h^1; J_i = D_h f and K_i = D_e f at (h^i, e_0); rho(J_p ... J_1) < 1. "
        + " ".join(item.sentence for item in PREDICATES[:2])
        + " The other points of the cycle move with D_{i+1} = J_i D_i + K_i, its least period"
        " stays, and the derivatives of h_{pt+i} converge. " + PREDICATES[2].sentence
    ),
    assumptions=(
        Assumption("cycle", "h^{i+1} = f(h^i, e_0) for i = 1, ..., p, and h^{p+1} = h^1"),
        Assumption("differentiable", "f is C^1 near the points of the cycle"),
        Assumption("contractive", "rho(J_p ... J_1) < 1"),
        Assumption("basin", "h_{pt} -> h^1 for the orbit of h_0 at e_0"),
        Assumption(
            "autonomous",
            "no recall: f does not see e, which enters through h_0 only (last sentence)",
        ),
        Assumption("continuous_map", "f is continuous (last sentence)"),
        Assumption("isolated", "the fixed points of f^p are isolated (last sentence)"),
        Assumption("continuous_limit", "the limit of h_{pt} is continuous at e_0 (last sentence)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "A cycle without recall can still tell inputs apart by its phase: h_0 and h_1 lead to"
        " different limits of h_{pt}. This is a jump between isolated points, not a derivative.",
        "Fixed points are the case p = 1 (A3 and L1).",
    ),
    latex=(
        r"Let $h_{t+1}=f(h_t,e)$ have a cycle $h^{i+1}=f(h^i,e_0)$, $h^{p+1}=h^1$, with"
        r" $J_i=D_hf(h^i,e_0)$, $K_i=D_ef(h^i,e_0)$ and $\Pi_i=J_{i+p-1}\cdots J_i$, indices"
        r" modulo $p$. All $\Pi_i$ have the same characteristic polynomial. If $f$ is $C^1$ near"
        r" the cycle, $\rho(\Pi_1)<1$ and $h_{pt}\to h^1$, the limit of $h_{pt}$ is $C^1$ in the"
        r" start and the input, with derivative \[D_1=(I-\Pi_1)^{-1}\sum_{j\le p}J_p\cdots"
        r" J_{j+1}K_j,\qquad D_{i+1}=J_iD_i+K_i,\] by the input, and the least period of the cycle"
        r" does not change. Without recall the limit of $h_{pt}$ is constant near every input"
        r" where it is continuous, if $f$ is continuous and $\mathrm{Fix}(f^p)$ is discrete."
    ),
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "no",
            "Without recall isolated cycles do not move either, where the limit along the cycle is"
            " continuous in the input.",
            recalls=frozenset({Recall.NONE}),
            regimes=frozenset(Regime),
            when="the orbit settles on a cycle and Fix(f^p) is discrete",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "yes",
            "An attracting cycle is C^1 in the input.",
            recalls=frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="the orbit settles on an attracting cycle and Sum_j J_p ... J_{j+1} K_j != 0",
        ),
    ),
)
