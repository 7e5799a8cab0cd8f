"""Claim N4: under outer normalisation, the limit depends smoothly on the input.

It varies over all of the sphere; the claim bounds the singular values of the sensitivity S.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import span
from .falsifiers.sensitivity import FALSIFIERS, PREDICATES
from .sensitivity_resolvent import RESOLVENT_STEPS
from .sensitivity_variants import VARIANT_STEPS, is_formula


def _input_itself():
    radius, s, gg, gh = sp.symbols("R s gg gh", positive=True)
    h, g = span("h g", {("h", "h"): radius**2, ("g", "h"): gh, ("g", "g"): gg})
    recalled = s * h - g  # B e = z - g(h*), where z = s h* at the fixed point
    tangential = recalled - (recalled.dot(h) / radius**2) * h
    minus = (gh / radius**2) * h - g  # -P g
    a = sp.Symbol("a", real=True)  # for the example g = a h
    return [
        *(Equation(tangential[n], minus[n]) for n in ("h", "g")),
        Equation((a * h - (a * h.dot(h) / radius**2) * h)["h"], sp.Integer(0)),
    ]


def singular_values() -> list[Sentence]:
    """The bounds of |S x| and |S^T y|, from those of T, B and the scales."""
    x, y, v, s, n, k, t, p, b, bound = sp.symbols("x y v s n k t p b c")
    # M = s^{-1} P D P with |M| <= k; y = |S x|, v = |(1 - M) S x| = |s^{-1} P B x|, n = |B|, and s
    # is the smallest scale
    is_bound = is_formula(bound, "sensitivity_upper", x, n, s, k)
    upper = Sentence((s > 0, k < 1, v >= (1 - k) * y, s * v <= n * x, is_bound), y <= bound)
    # t = |S^T y|, p = |(1 - M^T)^{-1} y|, v = |s^{-1} p|, b = sigma_min(B), and s is the largest
    # scale
    given = (s > 0, 1 + k > 0, b >= 0, y <= (1 + k) * p, s * v >= p, t >= b * v)
    lower = Sentence((*given, is_formula(bound, "sensitivity_lower", y, b, s, k)), t >= bound)
    return [upper, lower]


def attained() -> list[Equation]:
    """The two bounds at G = +-a h + beta e."""
    a, beta, gap = sp.symbols("a beta g", positive=True)
    upper, lower = formula("sensitivity_upper"), formula("sensitivity_lower")
    # at h = e with k = a/s and T = s -+ a: G = a h + beta e has s = beta + a, and
    # G = -a h + (a + g) e has s = g
    return [
        Equation(upper(beta, beta + a, a / (beta + a)), beta / ((beta + a) - a)),
        Equation(lower(a + gap, gap, a / gap), (a + gap) / (gap + a)),
    ]


_STEPS = (
    *RESOLVENT_STEPS,
    decided(
        "singular_values",
        "|S x| <= |B||x|/(s_min(1-k)); |S^T y| >= sigma_min(B)|y|/(s_max(1+k)) for y in the tangent"
        " space; one token: s = |z|/R",
        "every d, every L",
        singular_values,
        ("triangle", "resolvent", "rank"),
    ),
    identity(
        "bounds_attained",
        "both are attained: G = +-a h + beta e has h* = e, k = a/s and S = P, upper bound 1 for +a,"
        " lower bound 1 for -a",
        "every d >= 2",
        attained,
        ("singular_values",),
    ),
    identity(
        "input_itself",
        "G = g(h) + B e: P B e = -P g(h*), so e itself is null iff g(h*) is a multiple of h*, as"
        " for g = a h",
        "every d",
        _input_itself,
        ("resolvent", "projector"),
    ),
    cited(
        "smooth",
        "implicit_function",
        "h*(e) is C^1 on the sphere (as smooth as G), with derivative S",
        "every d, every L",
        {"smooth": ("differentiable",), "invertible": ("resolvent", "triangle", "k_below_kappa")},
    ),
    deduced(
        "strong_dependence",
        "kappa < 1 (N3): h_inf(e) = h*(e) from every h_0, so the limit is C^1 in e with derivative"
        " S, of rank L(d-1) everywhere",
        "every d, every L",
        ("small", "smooth", "rank"),
    ),
    *VARIANT_STEPS,
)

N4 = Claim(
    id="N4",
    title="Strong and smooth input-dependence under outer normalisation",
    source="paper+extension",
    statement=(
        "Let f = N(G(h, e)), B = D_e G and h* the fixed point of N3 (kappa < 1). Then I - J is"
        " invertible, and the limit h_inf(e) is C^1 with the derivative S = (I - J)^{-1} K. For"
        " gain 1, eps = 0, z = G(h*, e), s = |z|/R, k = |P D_h G P|_2/s <= kappa and invertible B,"
        " S has the range h*^perp, of dimension d - 1, and the null direction B^{-1} z; with L"
        " tokens its rank is L(d - 1). Its singular values satisfy sigma_min(B)/(s(1 + k)) <="
        " sigma_{d-1}(S) and sigma_1(S) <= |B|_2/(s(1 - k)), and both bounds are attained. For eps"
        " > 0, S has rank d, and eps sigma_min(B)/(s^3 (1 + k)) <= sigma_d(S), sigma_1(S) <="
        " |B|_2/(s(1 - k)) with k = |J|_2 <= kappa. With a gain gamma without zeros, S ="
        " diag(gamma) S_k has the range (gamma^{-2} o h*)^perp, and the bounds take the factors"
        " min|gamma| and max|gamma|."
    ),
    assumptions=(
        Assumption("differentiable", "G is C^1 near (h*, e)"),
        Assumption(
            "small",
            "N3 holds with kappa = R l/r < 1: one fixed point, reached from every state (several"
            " tokens: k < 1 as well)",
        ),
        Assumption("recall_invertible", "B = D_e G(h*, e) is invertible (rank and lower bounds)"),
        Assumption("eps_zero", "eps = 0; the statements for eps > 0 say so"),
        Assumption("eps_positive", "eps > 0 (full rank only)"),
        Assumption("gain_one", "gamma = 1; other gains by h = Gamma k"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "The null direction is B^{-1} z. 'e itself is null only if the update vanishes' is too"
            " narrow: e is null iff g(h*) is a multiple of h*; g = -a h, a < beta/2, has h* = e and"
            " S e = 0 with g(h*) = -a e."
        ),
        (
            "|J|_2 on R^d may exceed 1 while its restriction to h*^perp is at most kappa: I - J is"
            " inverted through T on the tangent space."
        ),
        (
            "Several tokens: kappa is a constant of the max norm and does not bound k = |s^{-1} P"
            " D_h G P|_2; the bounds take s_min and s_max."
        ),
    ),
    latex=(
        r"Let $f(h,e)=N(G(h,e))$ satisfy N3 with $\kappa<1$, let $G$ be $C^1$, $h^*=f(h^*,e)$,"
        r" $z=G(h^*,e)$, $D=D_hG$, $B=D_eG$, $J=DN(z)D$, $K=DN(z)B$. Then $I-J$ is invertible and"
        r" $h_\infty(e)=h^*(e)$ is $C^1$ with derivative $S=(I-J)^{-1}K$. For $\gamma=1$,"
        r" $\varepsilon=0$, $s=|z|/R$, $P=I-h^*{h^*}^{\top}/R^2$, $k=|PDP|_2/s\le\kappa$ and"
        r" invertible $B$: $\operatorname{range}S=(h^*)^{\perp}$, $SB^{-1}z=0$ and"
        r" \[\frac{\sigma_{\min}(B)}{s(1+k)}\le\sigma_{d-1}(S),\qquad"
        r" \sigma_1(S)\le\frac{|B|_2}{s(1-k)},\] both attained; with $L$ tokens the rank is"
        r" $L(d-1)$. For $\varepsilon>0$, $k=|J|_2\le\kappa$: $\operatorname{rank}S=d$,"
        r" $\frac{\varepsilon\,\sigma_{\min}(B)}{s^3(1+k)}\le\sigma_d(S)$ and"
        r" $\sigma_1(S)\le\frac{|B|_2}{s(1-k)}$. For a gain $\Gamma=\operatorname{diag}(\gamma)$"
        r" without zeros $S=\Gamma S_k$, where $S_k$ belongs to $k\mapsto N_1(G(\Gamma k,e))$, and"
        r" $\operatorname{range}S=(\Gamma^{-2}h^*)^{\perp}$."
    ),
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "yes, if small gain",
            "The limit is C^1 in the input with a derivative of rank d - 1 per token (d if eps > 0)"
            " wherever D_e G is invertible.",
            frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "kappa < 1 (N3) and D_e G invertible",
        ),
        Consequence(
            Axis.GEOMETRY,
            "smooth, if small gain",
            "The limit is as smooth in the input as the update, and its derivative is bounded by"
            " |D_e G|/(s(1-k)).",
            frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "kappa < 1 (N3)",
        ),
    ),
)
