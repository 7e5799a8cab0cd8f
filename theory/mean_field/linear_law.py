"""Claim N6: the mean-field law of linear loops with recall under outer normalisation.

The loops are N(a h + A h + beta e) with A Ginibre, as d -> infinity.
"""

from __future__ import annotations

import random

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided, deduced, identity
from .falsifiers.linear_law import FALSIFIERS, PREDICATES
from .linear_edge import EDGE_STEPS
from .linear_extensions import EXTENSION_STEPS
from .linear_spectrum import BETA, SIGMA, SPECTRUM_STEPS, A, W, named


def _edge():
    a, sigma, u, v = sp.symbols("a sigma u v")
    square, largest = (a + u) ** 2 + v**2, (a + sigma) ** 2
    return [
        Sentence((a >= 0, sigma > 0, u**2 + v**2 <= sigma**2), square <= largest),
        Sentence((sp.Eq(u, sigma), sp.Eq(v, 0)), sp.Eq(square, largest)),
    ]


def _rank_one_change():
    y, q, h, r = letters("Y Q h r")  # Q = Y^{-1}, h a column and r a row
    t = sp.Symbol("t")  # the number r Q h
    # (Y + h r) (Q - Q h r Q/(1 + t)) = 1, with h (r Q h) r = t h r
    rules = (((y, q), sp.Integer(1)), ((h, r, q, h, r), t * h * r))

    def model(rng: random.Random, size: int):
        basis, column, row = (random_matrix(rng, size) for _ in range(3))
        first = diagonal([1] + [0] * (size - 1))
        column, row = column * first, first * row  # one column and one row, the rest zero
        number = sp.Rational(str((row * basis.inv() * column)[0, 0]))
        return {y: basis, q: basis.inv(), h: column, r: row, t: number}

    product = (y + h * r) * (q * (1 + t) - q * h * r * q)
    return [Words(product, (1 + t) + 0 * h, rules, model)]


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
    return [Equation(sp.sqrt(2 * quarter**2 * gap), x)]


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
    *EDGE_STEPS,
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
        ("no_outliers", "bulk", "edge", "largest_root"),
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
    identity(
        "rank_one_change",
        "Y = w - A, r a row: (Y + h r)^{-1} = Y^{-1} - Y^{-1} h r Y^{-1}/(1 + r Y^{-1} h)",
        "every d",
        _rank_one_change,
    ),
    deduced(
        "sensitivity",
        "(1/d) tr (w-A)^{-T}(w-A)^{-1} is the mean of (1/d) |(w-A)^{-1} v|^2 over a Gaussian v"
        " independent of A and e, up to O(d^{-1/2}) in probability (the resolvent is bounded), so"
        " beta^2 times it tends to beta^2/(w^2 - sigma^2) = 1. S = beta (w - P A)^{-1} P differs"
        " from beta (w - A)^{-1} by a matrix of rank <= 2, bounded because the denominator 1 +"
        " (1/d) h^T A (w-A)^{-1} h = (w/d) h^T (w-A)^{-1} h tends to a number that is not zero:"
        " (1/d) tr S S^T -> 1 in probability",
        "d -> infinity",
        (
            "resolvent_moments",
            "resolvent_series",
            "norm_balance",
            "outlier_function",
            "zero_free",
            "rank_one_change",
            "resolvent_shift",
            "largest_root",
        ),
    ),
    deduced(
        "reachable",
        "beta > 0: the fixed point of the largest s is stable with probability -> 1 (other fixed"
        " points, with s inside the bulk, are not it)",
        "d -> infinity",
        ("threshold", "largest_root"),
    ),
    *EXTENSION_STEPS,
)


def _cell(axis: Axis, answer: str, statement: str) -> Consequence:
    return Consequence(
        axis,
        answer,
        statement,
        recalls=frozenset({Recall.INTERNAL}),
        outer_norm=True,
        residuals=frozenset({Residual.ADD}),
        regimes=frozenset({Regime.CONTRACTIVE}),
        when=(
            "additive recall, linear update with independent Gaussian weights, d -> infinity at"
            " fixed beta/sigma > 0"
        ),
    )


N6 = Claim(
    id="N6",
    title="Mean-field law of normalised linear loops",
    source="extension",
    statement=(
        "The loop is f = N(a h + A h + beta e), a >= 0, beta > 0, gain 1, eps = 0, with A Ginibre"
        " of variance sigma^2/d, e independent of A, |e| = R, and d -> infinity; limits are in"
        " probability. At the fixed point with the largest s, s tends to a + sqrt(sigma^2 +"
        " beta^2). At that fixed point rho tends to (a + sigma)/(a + sqrt(sigma^2 + beta^2)),"
        " which is below 1 for beta > 0. At that fixed point (1/d) tr S S^T tends to 1. With"
        " LayerNorm in place of N, s and rho are those with beta^2 (1 - mu^2) in place of beta^2,"
        " where mu is the mean entry of e."
    ),
    latex=r"""Let $f(h,e)=N(ah+Ah+\beta e)$ with $a\ge 0$, $A$ a $d\times d$ matrix with independent
$\mathcal N(0,\sigma^2/d)$ entries, $e$ independent of $A$ with $|e|=\sqrt d$, $\beta>0$,
$\gamma=1$, $\varepsilon=0$. As $d\to\infty$ with $a,\sigma,\beta$ fixed, at the fixed point with
the largest $s=|z|/\sqrt d$, in probability,
$$ s\to a+\sqrt{\sigma^2+\beta^2},\qquad \rho\to\frac{a+\sigma}{a+\sqrt{\sigma^2+\beta^2}}<1,\qquad
\tfrac1d\operatorname{tr}SS^{\top}\to 1, $$
so that, with $w=\sqrt{\sigma^2+\beta^2}$, $1-\rho=\beta^2/((a+w)(w+\sigma))$, and $\rho$ is
constant on $\beta^2=\bigl((a+\sigma)/\rho-a\bigr)^2-\sigma^2$. With LayerNorm in place of $N$, $s$
and $\rho$ are those with $\beta^2(1-\mu^2)$ in place of $\beta^2$, $\mu$ the mean entry of $e$,
$|\mu|<1$.""",
    assumptions=(
        Assumption("ginibre", "A has independent N(0, sigma^2/d) entries"),
        Assumption(
            "independent",
            "e is independent of A, |e| = sqrt(d) (LayerNorm: of mean entry mu, |mu| < 1)",
        ),
        Assumption("recall", "beta > 0"),
        Assumption("limit", "d -> infinity at fixed a >= 0 and beta/sigma"),
        Assumption("largest", "h* is the fixed point with the largest s"),
        Assumption("eps_zero_gain_one", "eps = 0, gamma = 1"),
        Assumption(
            "layer_normalised", "the norm is LayerNorm in place of N (LayerNorm's sentence only)"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
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
        "(1/d) tr S S^T tends to 1/(1 - mu^2) for LayerNorm.",
        (
            "An earlier proof of the step bulk cited the circular law for perturbations of low rank"
            " that do not depend on A; P A does. Independence matters there: a rank-one E(A) of"
            " norm below sqrt(d) can send a quarter of the spectrum of A to 0."
        ),
        (
            "The forms with an elementwise gain, and the two block forms, are in N7: the edge of"
            " their spectrum is measured, not proved."
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
