"""N6: the mean-field law of linear loops with recall under outer normalisation, N(a h + A h + beta e) with A Ginibre, as d -> infinity."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from theory.algebra import Equation, Words, rational
from theory.architecture import Recall, Residual
from theory.claim import Assumption, Axis, Claim, Consequence, Regime
from theory.formulas import formula
from theory.mean_field.linear_extensions import EXTENSION_STEPS
from theory.mean_field.linear_law_attacks import FALSIFIERS
from theory.proof import Sentence, cited, decided, deduced, identity

A, SIGMA, BETA, W, NU = sp.symbols("a sigma beta w nu", positive=True)
BALANCE = (W**2 - SIGMA**2 - BETA**2,)


def _triple(rng: random.Random):
    """Rational sigma, beta, w with w^2 = sigma^2 + beta^2."""
    q, size = sp.Rational(rng.randint(1, 9), 10), rational(rng, positive=True)
    return {
        SIGMA: size * (1 - q**2) / (1 + q**2),
        BETA: size * 2 * q / (1 + q**2),
        W: size,
        A: rational(rng, positive=True),
        NU: rational(rng, positive=True) + size,
    }


def _named(expression: Any) -> Any:
    """Write w for sqrt(sigma^2 + beta^2)."""
    return expression.subs(sp.sqrt(SIGMA**2 + BETA**2), W)


def _equation():
    m, e = sp.symbols("A e", commutative=False)
    q = sp.Symbol("Q", commutative=False)  # w - A, invertible
    a, w, beta = sp.symbols("a w beta")
    h = beta * q**-1 * e
    # s h = a h + A h + beta e with s = a + w and A = w - Q
    return [Words((a + w) * h, a * h + (w - q) * h + beta * e), Words(q**-1 * (q * m), m)]


def _series():
    x, product = sp.symbols("X p", positive=True)  # p = w nu; X = (sigma^2/p)^n
    return [
        # (p - sigma^2) Sum_{j<n} sigma^{2j}/p^{j+1} = 1 - X_n: induction over n, then n = 1..6 in full
        Equation((1 - x) + (product - SIGMA**2) * x / product, 1 - x * SIGMA**2 / product),
        *(
            Equation((product - SIGMA**2) * sum(SIGMA ** (2 * j) / product ** (j + 1) for j in range(n)), 1 - (SIGMA**2 / product) ** n)
            for n in range(1, 7)
        ),
    ]


def _balance():
    moment = 1 / (W**2 - SIGMA**2)
    return [
        Equation(BETA**2 * moment, sp.Integer(1), BALANCE, _triple),
        Equation(_named(formula("mean_field_scale")(A, SIGMA, BETA)), A + W),
    ]


def _outside():
    w, v, sigma, beta = sp.symbols("w v sigma beta")
    return [
        Sentence((sigma > 0, beta > 0, w > 0, sp.Eq(w**2, sigma**2 + beta**2)), w > sigma),
        # the balance beta^2 = w^2 - sigma^2 has one root beyond sigma
        Sentence((sigma > 0, w > sigma, v > sigma, sp.Eq(w**2, sigma**2 + beta**2), sp.Eq(v**2, sigma**2 + beta**2)), sp.Eq(w, v)),
    ]


def _projector():
    equations = []
    mu = sp.Symbol("mu")
    for d in (1, 2, 3):
        m = sp.Matrix(d, d, sp.symbols(f"m:{d * d}"))
        h = sp.Matrix(sp.symbols(f"h:{d}"))
        size = h.dot(h)
        shifted = mu * sp.eye(d) - m
        # |h|^2 P = |h|^2 - h h^T; multiply the determinant by |h|^{2d} to stay polynomial
        left = (size * mu * sp.eye(d) - (size * sp.eye(d) - h * h.T) * m).det(method="berkowitz")
        right = size ** (d - 1) * mu * (h.T * shifted.adjugate() * h)[0, 0]
        equations.append(Equation(left, right))
    return equations


def _determinant_every_d():
    q = sp.Symbol("Q", commutative=False)  # mu - M, invertible
    mu = sp.Symbol("mu")
    # M (mu - M)^{-1} = -1 + mu (mu - M)^{-1}; so 1 + (1/d) h^T M (mu - M)^{-1} h = (mu/d) h^T (mu - M)^{-1} h for |h|^2 = d
    return [Words((mu - q) * q**-1, mu * q**-1 - 1)]


def _resolvent_difference():
    x, y = sp.symbols("X Y", commutative=False)  # X = nu - A, Y = w - A
    w, nu = sp.symbols("w nu")
    a = sp.Symbol("A", commutative=False)
    return [Words(x**-1 - y**-1, x**-1 * (y - x) * y**-1), Words((w - a) - (nu - a), w - nu + 0 * a)]


def _outlier_function():
    moment_nu, moment_w = 1 / (W * NU - SIGMA**2), 1 / (W**2 - SIGMA**2)
    return [Equation(BETA**2 * (moment_nu - moment_w) / (W - NU), W / (W * NU - SIGMA**2), BALANCE, _triple)]


def _zero_free():
    w, sigma, u, v = sp.symbols("w sigma u v")
    return [Sentence((sigma > 0, w > sigma, u**2 + v**2 > sigma**2), (w * u - sigma**2) ** 2 + (w * v) ** 2 > 0)]


def _edge():
    a, sigma, u, v = sp.symbols("a sigma u v")
    return [
        Sentence((a >= 0, sigma > 0, u**2 + v**2 <= sigma**2), (a + u) ** 2 + v**2 <= (a + sigma) ** 2),
        Sentence((sp.Eq(u, sigma), sp.Eq(v, 0)), sp.Eq((a + u) ** 2 + v**2, (a + sigma) ** 2)),
    ]


def _law():
    finite = formula("mean_field_rho_finite")
    edge = sp.Symbol("r", positive=True)  # the bulk edge in units of sigma; 1 in the limit
    return [
        Equation(_named(formula("mean_field_rho")(A, SIGMA, BETA)), (A + SIGMA) / (A + W)),
        Equation(_named(finite(A, SIGMA, BETA, edge)), (A + edge * SIGMA) / (A + W)),
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
    # on the level beta^2 = w^2 - sigma^2 with a + w = (a + sigma)/rho
    return [
        Equation(level**2, ((A + SIGMA) / rho - A) ** 2 - SIGMA**2),
        Equation((A + SIGMA) / (A + ((A + SIGMA) / rho - A)), rho),
    ]


_STEPS = (
    identity(
        "fixed_point_equation",
        "s h = a h + A h + beta e with s = a + w gives h = beta (w - A)^{-1} e",
        "every d",
        _equation,
        ("eps_zero_gain_one",),
    ),
    decided("outside_the_disc", "w^2 = sigma^2 + beta^2, beta > 0: w > sigma, one such w", "every d", _outside, ("recall",)),
    identity(
        "moment_series",
        "Sum_j sigma^{2j}/(w nu)^{j+1} = 1/(w nu - sigma^2): partial sums",
        "every d, every n (induction)",
        _series,
    ),
    cited(
        "resolvent_moments",
        "ginibre_resolvent",
        "(1/d) e^T (w-A)^{-T} (nu-A)^{-1} e -> 1/(w nu - sigma^2), and the trace likewise",
        "d -> infinity",
        {"gaussian": ("ginibre",), "independent": ("independent",), "outside": ("outside_the_disc",), "limit": ("limit",)},
        ("moment_series",),
    ),
    identity(
        "norm_balance",
        "|h|^2 = d becomes beta^2/(w^2 - sigma^2) = 1: w = sqrt(sigma^2 + beta^2), s = a + w",
        "d -> infinity",
        _balance,
        ("fixed_point_equation", "resolvent_moments"),
    ),
    identity(
        "projector_determinant",
        "P = I - h h^T/|h|^2: det(mu - P M) = det(mu - M) (mu/|h|^2) h^T (mu - M)^{-1} h",
        "d = 1, 2, 3",
        _projector,
    ),
    identity("resolvent_shift", "M (mu - M)^{-1} = -1 + mu (mu - M)^{-1}", "every d", _determinant_every_d),
    cited(
        "projector_determinant_every_d",
        "determinant_lemma",
        "the same determinant formula for every d",
        "every d",
        {"invertible": ("resolvent_shift",)},
        ("projector_determinant",),
    ),
    identity("resolvent_difference", "(nu-A)^{-1} - (w-A)^{-1} = (w - nu)(nu-A)^{-1}(w-A)^{-1}", "every d", _resolvent_difference),
    identity(
        "outlier_function",
        "(1/d) h^T (nu-A)^{-1} h -> w/(w nu - sigma^2) for the h of the balance",
        "d -> infinity",
        _outlier_function,
        ("resolvent_difference", "resolvent_moments", "norm_balance"),
    ),
    decided("zero_free", "that limit is finite and not zero for complex |nu| > sigma", "every d", _zero_free, ("outlier_function",)),
    cited(
        "bounded_spectrum",
        "ginibre_norm",
        "|A|_2 -> 2 sigma: all nu lie in a compact set",
        "d -> infinity",
        {"gaussian": ("ginibre",), "limit": ("limit",)},
    ),
    cited(
        "no_outliers",
        "hurwitz",
        "for every delta > 0, with probability -> 1 P A has no eigenvalue with |nu| > sigma + delta",
        "d -> infinity",
        {"convergence": ("resolvent_moments", "outlier_function"), "zero_free": ("zero_free",), "compact": ("bounded_spectrum",)},
        ("projector_determinant_every_d",),
    ),
    cited(
        "bulk",
        "circular_law_low_rank",
        "the eigenvalues of P A fill the disc |nu| <= sigma: some come near nu = sigma",
        "d -> infinity",
        {"gaussian": ("ginibre",), "rank": ("bounded_spectrum",), "limit": ("limit",)},
    ),
    decided("edge", "max of |a + nu| over |nu| <= sigma is a + sigma, at nu = sigma (a >= 0)", "every d", _edge),
    identity(
        "rho_law",
        "J on h^perp has spectrum (a + nu)/(a + w) (M1): rho = (a + sigma)/(a + sqrt(sigma^2 + beta^2))",
        "d -> infinity",
        _law,
        ("no_outliers", "bulk", "edge", "norm_balance"),
    ),
    identity(
        "finite_width_scale",
        "w/sigma - 1 = (beta/sigma)^2/2 + ... in units of the edge width d^(-1/2) is x^2/2, x = (beta/sigma) d^(1/4): x must be large",
        "leading order in beta/sigma",
        _finite_width,
        ("norm_balance",),
    ),
    decided("threshold", "rho < 1 for every beta != 0, rho = 1 at beta = 0", "d -> infinity", _threshold, ("rho_law",)),
    identity("level_lines", "rho is constant on beta^2 = ((a + sigma)/rho - a)^2 - sigma^2", "d -> infinity", _levels, ("rho_law",)),
    deduced(
        "sensitivity",
        "(1/d) tr of beta^2 (w-A)^{-T}(w-A)^{-1} tends to beta^2/(w^2 - sigma^2) = 1 (the balance); S = beta (w - P A)^{-1} P differs "
        "by a matrix of rank <= 2, bounded because its Woodbury denominators tend to the outlier function, which is not zero: (1/d) tr "
        "S S^T -> 1 in probability",
        "d -> infinity",
        ("resolvent_moments", "norm_balance", "outlier_function", "zero_free"),
    ),
    deduced(
        "reachable",
        "beta > 0: the fixed point of the largest s is stable with probability -> 1 (other fixed points, with s inside the bulk, are "
        "not it)",
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
        when="linear update with independent Gaussian weights, d -> infinity at fixed beta/sigma > 0",
    )


N6 = Claim(
    id="N6",
    title="Mean-field law of normalised linear loops",
    source="extension",
    statement="f = N(a h + A h + beta e), a >= 0, A Ginibre of variance sigma^2/d independent of e, |e| = R, beta > 0 fixed, d -> "
    "infinity: at the fixed point with the largest s, s = a + sqrt(sigma^2 + beta^2), rho = (a + sigma)/(a + sqrt(sigma^2 + beta^2)) < "
    "1, (1/d) tr S S^T -> 1, all in probability. LayerNorm in place of N: the same s and rho with beta^2 (1 - mu^2), mu the mean entry "
    "of e. Elementwise gain with a = 0: the same s and rho with sigma rms(gamma). N((I + A)(W_x h + W_e e)): rho = s_x/sqrt(s_x^2 + "
    "s_e^2); N(h + A(W_x h + W_e e)): a = 1, sigma = s_A s_x, beta = s_A s_e.",
    latex=r"""Let $f(h,e)=N(ah+Ah+\beta e)$ with $a\ge 0$, $A$ a $d\times d$ matrix with independent $\mathcal N(0,\sigma^2/d)$ entries,
$e$ independent of $A$ with $|e|=\sqrt d$, $\beta>0$, $\gamma=1$, $\varepsilon=0$. As $d\to\infty$ with $a,\sigma,\beta$ fixed, at the
fixed point with the largest $s=|z|/\sqrt d$, in probability,
$$ s\to a+\sqrt{\sigma^2+\beta^2},\qquad \rho\to\frac{a+\sigma}{a+\sqrt{\sigma^2+\beta^2}}<1,\qquad
\tfrac1d\operatorname{tr}SS^{\top}\to 1, $$
so that, with $w=\sqrt{\sigma^2+\beta^2}$, $1-\rho=\beta^2/((a+w)(w+\sigma))$, and $\rho$ is constant on
$\beta^2=\bigl((a+\sigma)/\rho-a\bigr)^2-\sigma^2$. In $s$ and $\rho$: with LayerNorm in place of $N$, $\beta^2$ becomes
$\beta^2(1-\mu^2)$, $\mu$ the mean entry of $e$; with a gain $\gamma$ independent of $A$ and $e$ and $a=0$,
$\sigma$ becomes $\sigma\operatorname{rms}(\gamma)$. For Ginibre $A,W_x,W_e$ of scales $s_A,s_x,s_e$,
$N((I+A)(W_xh+W_ee))$ has $\rho=s_x/\sqrt{s_x^2+s_e^2}$ and $N(h+A(W_xh+W_ee))$ has
$\rho=(1+s_As_x)/(1+s_A\sqrt{s_x^2+s_e^2})$.""",
    assumptions=(
        Assumption("ginibre", "A (in the block forms also W_x and W_e, independent of it) has independent N(0, sigma^2/d) entries"),
        Assumption("independent", "e is independent of A, |e| = sqrt(d) (LayerNorm: of mean entry mu, |mu| < 1)"),
        Assumption("recall", "beta > 0"),
        Assumption("limit", "d -> infinity at fixed a >= 0 and beta/sigma"),
        Assumption("largest", "h* is the fixed point with the largest s"),
        Assumption("eps_zero_gain_one", "eps = 0, gamma = 1 (gain: where said, and only with a = 0)"),
        Assumption(
            "gain_independent",
            "gamma, where it is not 1, is bounded and independent of A and e: the mean of gamma^2 e^2 tends to rms(gamma)^2",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        "At finite d the law needs x = (beta/sigma) d^(1/4) of about 3 or more; for beta << sigma d^(-1/4) reachability fails with high "
        "probability.",
        "(1/d) tr S S^T has a heavy tail at finite d: use medians.",
        "The width-d radius r = E rho(Ginibre_d) in the numerator is right for a = 0 only: for a > 0 the extreme eigenvalue of A is "
        "usually not real, |a + nu| < a + |nu|, and the corrected law is an upper bound (step finite_width_radius). r is 1.053, 1.032, "
        "1.023 at d = 100, 400, 1600 (measured); complex Ginibre matrices have 1.0597, 1.0376, 1.0224 by Kostlan's product of "
        "Gamma laws.",
        "The common scale sqrt(1 + s_A^2) of the external block cancels: its residual update does not change rho in the mean field.",
        "(1/d) tr S S^T tends to 1/(1 - mu^2) for LayerNorm and to rms(gamma)^2 with gain (h = Gamma k), to 1 for both block forms.",
        "With gain and a > 0 the fixed point depends on a (step gain_moves_the_point); its cavity law is in N7.",
    ),
    consequences=(
        _cell(Axis.REACHABILITY, "yes", "the fixed point is stable with probability -> 1 for every sigma, however expansive the bare loop"),
        _cell(
            Axis.INPUT_DEPENDENCE, "strong", "h* is smooth in e with (1/d) tr S S^T -> 1: a unit change of the input moves it by about 1"
        ),
        _cell(
            Axis.GEOMETRY, "smooth", "rho = (a + sigma)/(a + sqrt(sigma^2 + beta^2)) < 1: the set of stable parameters is every beta > 0"
        ),
    ),
)
