"""Claim N6: the mean-field law of linear loops with recall under outer normalisation.

The loops are N(a h + A h + beta e) with A Ginibre, as d -> infinity.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided, deduced, identity
from .falsifiers.linear_law import FALSIFIERS
from .linear_extensions import EXTENSION_STEPS
from .linear_spectrum import BETA, SIGMA, SPECTRUM_STEPS, A, W, named


def _edge():
    a, sigma, u, v = sp.symbols("a sigma u v")
    square, largest = (a + u) ** 2 + v**2, (a + sigma) ** 2
    return [
        Sentence((a >= 0, sigma > 0, u**2 + v**2 <= sigma**2), square <= largest),
        Sentence((sp.Eq(u, sigma), sp.Eq(v, 0)), sp.Eq(square, largest)),
    ]


def _law():
    finite = formula("mean_field_rho_finite")
    edge = sp.Symbol("r", positive=True)  # the edge of the bulk in units of sigma, 1 in the limit
    return [
        Equation(named(formula("mean_field_rho")(A, SIGMA, BETA)), (A + SIGMA) / (A + W)),
        Equation(named(finite(A, SIGMA, BETA, edge)), (A + edge * SIGMA) / (A + W)),
    ]


def _finite_width():
    b, quarter = sp.symbols("b q", positive=True)  # b = beta/sigma, q = d^{1/4}
    gap = sp.series(sp.sqrt(1 + b**2) - 1, b, 0, 4).removeO()  # w/sigma - 1
    x = formula("scaling_variable")(SIGMA, b * SIGMA, quarter**4)
    return [Equation(quarter**2 * gap, x**2 / 2)]


def _threshold():
    a, sigma, beta, w = sp.symbols("a sigma beta w")
    balance = sp.Eq(w**2, sigma**2 + beta**2)
    return [
        Sentence((w > 0, balance, sp.Ne(beta, 0)), a + sigma < a + w),
        Sentence((w > 0, sigma > 0, balance, sp.Eq(beta, 0)), sp.Eq(a + sigma, a + w)),
    ]


def _levels():
    rho = sp.Symbol("rho", positive=True)
    level = formula("mean_field_level")(A, SIGMA, rho)
    # on the level line beta^2 = w^2 - sigma^2 with a + w = (a + sigma)/rho
    return [
        Equation(level**2, ((A + SIGMA) / rho - A) ** 2 - SIGMA**2),
        Equation((A + SIGMA) / (A + ((A + SIGMA) / rho - A)), rho),
    ]


_STEPS = (
    *SPECTRUM_STEPS,
    decided(
        "edge",
        "max of |a + nu| over |nu| <= sigma is a + sigma, at nu = sigma (a >= 0)",
        "every d",
        _edge,
    ),
    identity(
        "rho_law",
        "J on h^perp has spectrum (a + nu)/(a + w) (M1): rho = (a + sigma)/(a + sqrt(sigma^2 +"
        " beta^2))",
        "d -> infinity",
        _law,
        ("no_outliers", "bulk", "edge", "norm_balance"),
    ),
    identity(
        "finite_width_scale",
        "w/sigma - 1 = (beta/sigma)^2/2 + ... in units of the edge width d^(-1/2) is x^2/2, x ="
        " (beta/sigma) d^(1/4): x must be large",
        "no size",
        _finite_width,
        ("norm_balance",),
    ),
    decided(
        "threshold",
        "rho < 1 for every beta != 0, rho = 1 at beta = 0",
        "d -> infinity",
        _threshold,
        ("rho_law",),
    ),
    identity(
        "level_lines",
        "rho is constant on beta^2 = ((a + sigma)/rho - a)^2 - sigma^2",
        "d -> infinity",
        _levels,
        ("rho_law",),
    ),
    deduced(
        "sensitivity",
        "(1/d) tr of beta^2 (w-A)^{-T}(w-A)^{-1} tends to beta^2/(w^2 - sigma^2) = 1 (the balance);"
        " S = beta (w - P A)^{-1} P differs by a matrix of rank <= 2, bounded because its Woodbury"
        " denominators tend to the outlier function, which is not zero: (1/d) tr S S^T -> 1 in"
        " probability",
        "d -> infinity",
        ("resolvent_moments", "norm_balance", "outlier_function", "zero_free"),
    ),
    deduced(
        "reachable",
        "beta > 0: the fixed point of the largest s is stable with probability -> 1 (other fixed"
        " points, with s inside the bulk, are not it)",
        "d -> infinity",
        ("threshold", "largest"),
    ),
    *EXTENSION_STEPS,
)


def _cell(axis: Axis, answer: str, statement: str) -> Consequence:
    return Consequence(
        axis,
        answer,
        statement,
        recalls=frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
        outer_norm=True,
        residuals=frozenset({Residual.ADD}),
        regimes=frozenset({Regime.CONTRACTIVE}),
        when=(
            "linear update with independent Gaussian weights, d -> infinity at fixed beta/sigma > 0"
        ),
    )


N6 = Claim(
    id="N6",
    title="Mean-field law of normalised linear loops",
    source="extension",
    statement=(
        "f = N(a h + A h + beta e), a >= 0, A Ginibre of variance sigma^2/d independent of e, |e| ="
        " R, beta > 0 fixed, d -> infinity: at the fixed point with the largest s, s = a +"
        " sqrt(sigma^2 + beta^2), rho = (a + sigma)/(a + sqrt(sigma^2 + beta^2)) < 1, (1/d) tr S"
        " S^T -> 1, all in probability. LayerNorm in place of N: the same s and rho with beta^2 (1"
        " - mu^2), mu the mean entry of e. Elementwise gain with a = 0: the same s and rho with"
        " sigma rms(gamma). N((I + A)(W_x h + W_e e)): rho = s_x/sqrt(s_x^2 + s_e^2); N(h + A(W_x h"
        " + W_e e)): a = 1, sigma = s_A s_x, beta = s_A s_e."
    ),
    latex=r"""Let $f(h,e)=N(ah+Ah+\beta e)$ with $a\ge 0$, $A$ a $d\times d$ matrix with independent
$\mathcal N(0,\sigma^2/d)$ entries, $e$ independent of $A$ with $|e|=\sqrt d$, $\beta>0$,
$\gamma=1$, $\varepsilon=0$. As $d\to\infty$ with $a,\sigma,\beta$ fixed, at the fixed point with
the largest $s=|z|/\sqrt d$, in probability,
$$ s\to a+\sqrt{\sigma^2+\beta^2},\qquad \rho\to\frac{a+\sigma}{a+\sqrt{\sigma^2+\beta^2}}<1,\qquad
\tfrac1d\operatorname{tr}SS^{\top}\to 1, $$
so that, with $w=\sqrt{\sigma^2+\beta^2}$, $1-\rho=\beta^2/((a+w)(w+\sigma))$, and $\rho$ is
constant on $\beta^2=\bigl((a+\sigma)/\rho-a\bigr)^2-\sigma^2$. In $s$ and $\rho$: with LayerNorm in
place of $N$, $\beta^2$ becomes $\beta^2(1-\mu^2)$, $\mu$ the mean entry of $e$; with a gain
$\gamma$ independent of $A$ and $e$ and $a=0$, $\sigma$ becomes $\sigma\operatorname{rms}(\gamma)$.
For Ginibre $A,W_x,W_e$ of scales $s_A,s_x,s_e$, $N((I+A)(W_xh+W_ee))$ has
$\rho=s_x/\sqrt{s_x^2+s_e^2}$ and $N(h+A(W_xh+W_ee))$ has
$\rho=(1+s_As_x)/(1+s_A\sqrt{s_x^2+s_e^2})$.""",
    assumptions=(
        Assumption(
            "ginibre",
            "A (in the block forms also W_x and W_e, independent of it) has independent N(0,"
            " sigma^2/d) entries",
        ),
        Assumption(
            "independent",
            "e is independent of A, |e| = sqrt(d) (LayerNorm: of mean entry mu, |mu| < 1)",
        ),
        Assumption("recall", "beta > 0"),
        Assumption("limit", "d -> infinity at fixed a >= 0 and beta/sigma"),
        Assumption("largest", "h* is the fixed point with the largest s"),
        Assumption(
            "eps_zero_gain_one", "eps = 0, gamma = 1 (gain: where said, and only with a = 0)"
        ),
        Assumption(
            "gain_independent",
            "gamma, where it is not 1, is bounded and independent of A and e: the mean of gamma^2"
            " e^2 tends to rms(gamma)^2",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        (
            "At finite d the law needs x = (beta/sigma) d^(1/4) of about 3 or more; for beta <<"
            " sigma d^(-1/4) reachability fails with high probability."
        ),
        "(1/d) tr S S^T has a heavy tail at finite d: use medians.",
        (
            "The width-d radius r = E rho(Ginibre_d) in the numerator is right for a = 0 only: for"
            " a > 0 the extreme eigenvalue of A is usually not real, |a + nu| < a + |nu|, and the"
            " corrected law is an upper bound (step finite_width_radius). r is 1.053, 1.032, 1.023"
            " at d = 100, 400, 1600 (measured); complex Ginibre matrices have 1.0597, 1.0376,"
            " 1.0224 by Kostlan's product of Gamma laws."
        ),
        (
            "The common scale sqrt(1 + s_A^2) of the external block cancels: its residual update"
            " does not change rho in the mean field."
        ),
        (
            "(1/d) tr S S^T tends to 1/(1 - mu^2) for LayerNorm and to rms(gamma)^2 with gain (h ="
            " Gamma k), to 1 for both block forms."
        ),
        (
            "With gain and a > 0 the fixed point depends on a (step gain_moves_the_point); its"
            " cavity law is in N7."
        ),
    ),
    consequences=(
        _cell(
            Axis.REACHABILITY,
            "yes",
            "the fixed point is stable with probability -> 1 for every sigma, however expansive the"
            " bare loop",
        ),
        _cell(
            Axis.INPUT_DEPENDENCE,
            "strong",
            "h* is smooth in e with (1/d) tr S S^T -> 1: a unit change of the input moves it by"
            " about 1",
        ),
        _cell(
            Axis.GEOMETRY,
            "smooth",
            "rho = (a + sigma)/(a + sqrt(sigma^2 + beta^2)) < 1: the set of stable parameters is"
            " every beta > 0",
        ),
    ),
)
