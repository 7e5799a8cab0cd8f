"""Claim M7: internal against external recall under outer normalisation, an honest comparison.

With internal recall the residual path carries the state past the recall: a = 1 in the laws of N6
and N7. With external recall the common scale of block and residual cancels: a = 0.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, decided, deduced, identity
from .falsifiers.recall_comparison import FALSIFIERS, PREDICATES


def _laws():
    k, x, e, w = sp.symbols("k s_x s_e w", positive=True)
    root = sp.sqrt(x**2 + e**2)
    return [
        Equation(formula("external_block_rho")(x, e).subs(root, w), x / w),
        Equation(formula("internal_block_rho")(k, x, e).subs(root, w), (1 + k * x) / (1 + k * w)),
    ]


def _mediant():
    k, x, e, w = sp.symbols("k x e w")
    given = (k > 0, x > 0, e > 0, w > 0, sp.Eq(w**2, x**2 + e**2))
    # x/w < (1 + k x)/(1 + k w) < 1 without denominators
    return [Sentence(given, both(x * (1 + k * w) < (1 + k * x) * w, 1 + k * x < 1 + k * w))]


def _gaps():
    k, x, w = sp.symbols("k x w", positive=True)
    external, internal = x / w, (1 + k * x) / (1 + k * w)
    return [
        Equation(1 - internal, k * w / (1 + k * w) * (1 - external)),
        Equation(sp.limit(k * w / (1 + k * w), k, sp.oo), sp.Integer(1)),
    ]


def _multipliers():
    v, w = sp.symbols("v w")
    internal, external = (1 + v) ** 2 * w**2, v**2 * (1 + w) ** 2  # squared, times w^2 (1 + w)^2
    turning = v * (1 + 2 * w) < -w
    return [
        Sentence((v >= 0, v < w), external < internal),
        Sentence((w > 0, v < w), sp.Equivalent(internal < external, turning)),
    ]


def _stable():
    v, w = sp.symbols("v w")
    internal, external = (1 + v) ** 2 < (1 + w) ** 2, v**2 < w**2
    return [
        Sentence((w > -1,), sp.Equivalent(internal, both(v > -2 - w, v < w))),
        Sentence((w > 0, external), internal),
        Sentence((w > 0, v <= -w, v > -2 - w), both(internal, sp.Not(external))),
    ]


M7 = Claim(
    id="M7",
    title="Internal against external recall",
    source="extension",
    statement=(
        "Linear blocks with Gaussian weights of scales s_A = k, s_x, s_e under outer"
        " normalisation, at the laws of N6 and N7, w = sqrt(s_x^2 + s_e^2). Internal recall is"
        " always slower: rho_ext = s_x/w < rho_int = (1 + k s_x)/(1 + k w) < 1. The gaps obey 1 -"
        " rho_int = (k w/(1 + k w)) (1 - rho_ext). As loops N(a h + A h + beta e), a = 1 and a = 0,"
        " both have the same sensitivity (N6). Eigenvalue by eigenvalue (M1), a real nu of the"
        " update, in units in which k = 1, has the multiplier (1 + nu)/(1 + w) internally (a = 1)"
        " and nu/w externally (a = 0). For 0 <= nu < w the external multiplier is the smaller one."
        " For real nu < -w/(1 + 2 w) the internal multiplier is the smaller one, and internal"
        " recall is stable for every real nu in (-2 - w, w), external recall for nu in (-w, w)"
        " only."
    ),
    assumptions=(
        Assumption("recall", "s_e > 0"),
        Assumption("update", "k > 0 and s_x > 0"),
        Assumption("laws", "the loops obey the laws of N6 (a = 0, a = 1) and N7 (block forms)"),
        Assumption("positive", "nu is real and 0 <= nu < w (the external multiplier is smaller)"),
        Assumption("outward", "w > 0"),
    ),
    steps=(
        identity(
            "closed_forms",
            "rho_ext = s_x/w and rho_int = (1 + k s_x)/(1 + k w)",
            "d -> infinity",
            _laws,
            ("laws",),
        ),
        decided(
            "mediant",
            "s_x/w < (1 + k s_x)/(1 + k w) < 1: the mediant of 1/1 and k s_x/(k w) lies between"
            " them",
            "no size",
            _mediant,
            ("recall", "update"),
        ),
        identity(
            "gaps",
            "1 - rho_int = (k w/(1 + k w)) (1 - rho_ext), and the factor tends to 1 as k grows",
            "no size",
            _gaps,
        ),
        deduced(
            "slower",
            "so at these laws internal recall needs more loops for the same reduction, whatever k,"
            " s_x, s_e > 0, and about (1 + k w)/(k w) times as many where both gaps are small",
            "d -> infinity",
            ("closed_forms", "mediant", "gaps"),
        ),
        deduced(
            "same_sensitivity",
            "as loops N(a h + A h + beta e) both have (1/d) tr S S^T -> 1: N6 says so for every a,"
            " in particular for a = 0 and a = 1; the comparison is at equal sensitivity",
            "d -> infinity",
            ("laws",),
        ),
        decided(
            "multipliers",
            "real nu < w: |1 + nu|/(1 + w) < |nu|/w iff nu < -w/(1 + 2 w); for 0 <= nu < w the"
            " external one is smaller",
            "no size",
            _multipliers,
            ("positive", "outward"),
        ),
        decided(
            "stable_eigenvalues",
            "real nu: |1 + nu| < 1 + w iff -2 - w < nu < w, which contains |nu| < w",
            "no size",
            _stable,
            ("outward",),
        ),
    ),
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    latex=(
        r"For linear blocks with Gaussian weights of scales $s_A=k$, $s_x$, $s_e$ and"
        r" $w=\sqrt{s_x^2+s_e^2}$, the laws of N6 and N7 give"
        r" \[\rho_{\mathrm{ext}}=\frac{s_x}{w}<\rho_{\mathrm{int}}=\frac{1+ks_x}{1+kw}<1,\qquad"
        r" 1-\rho_{\mathrm{int}}=\frac{kw}{1+kw}\,(1-\rho_{\mathrm{ext}}),\] at the same"
        r" sensitivity as loops $N(ah+Ah+\beta e)$. For one real eigenvalue $\nu$ of the update"
        r" ($k=1$) the multipliers are $(1+\nu)/(1+w)$ internally and $\nu/w$ externally; the"
        r" internal one is smaller iff $\nu<-w/(1+2w)$, and it is stable for $-2-w<\nu<w$, the"
        r" external one for $|\nu|<w$."
    ),
    notes=(
        "The laws speak against internal recall; what speaks for it is M1: a residual path damps"
        " negative and complex eigenvalues, so that internal recall is stable at fixed points at"
        " which external recall is not.",
        "The law of the external block, and of the internal one as a block, is measured (N7). As"
        " loops N(a h + A h + beta e) with a = 1 and a = 0 both are proved (N6).",
        "Nothing here is about trained loops: their updates are not Gaussian matrices. What their"
        " multipliers are is measured.",
    ),
    consequences=(
        Consequence(
            Axis.GEOMETRY,
            "slower than external",
            "at the same sensitivity the spectral radius of internal recall is the larger one",
            recalls=frozenset({Recall.INTERNAL}),
            outer_norm=True,
            residuals=frozenset({Residual.ADD}),
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="linear blocks with independent Gaussian weights, at the laws of N6 and N7",
        ),
    ),
)
