"""Claim A2: for almost every parameter, all fixed points of a loop are non-degenerate.

Hence they are isolated and countable, and finite in number in every compact set.
"""

from __future__ import annotations

import random

import sympy as sp

from ..architecture import Recall
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from .corners import INVERTIBLE, LEFT, SINGULAR, A, B, K, S, invertible_model, singular_model
from .falsifiers.countability import FALSIFIERS, FINITE, NON_DEGENERATE, PREDICATES
from .worked_maps import STEPS as WORKED_MAPS


def _kernel():
    x, y, eta = letters("x y eta")
    # the change of the parameters when the state moves by x along the zeros of F
    change = (1 - S * K) * y - S * A * x
    return [
        Words(K * change, -A * x, INVERTIBLE, invertible_model),
        # A invertible: the state moves by x = -B K eta when the parameters change by any eta
        Words(S * A * B * K * eta + (1 - S * K) * eta, eta, INVERTIBLE, invertible_model),
        # l A = 0: l K annihilates every parameter change along the zeros; it is not zero because
        # l K S = l
        Words(LEFT * K * S * K * y, LEFT * K * y, SINGULAR, singular_model),
        Words(LEFT * K * S * (A + 1) * x, LEFT * x, SINGULAR, singular_model),
        Words(LEFT * K * S, LEFT, SINGULAR, singular_model),
    ]


def _gap():
    c, delta, x, y = sp.symbols("c delta x y")
    # fixed points h* and k: x = |h* - k|, y = |(I - J)(h* - k)| = |f(h*) - f(k) - J(h* - k)|
    return [Sentence((c > delta, x >= 0, y >= c * x, y <= delta * x), sp.Eq(x, 0))]


def _sphere_model(rng: random.Random, size: int):
    p, j = letters("p J")
    basis, rank = random_matrix(rng, size), rng.randint(0, size)
    return {
        p: basis * diagonal([1] * rank + [0] * (size - rank)) * basis.inv(),
        j: random_matrix(rng, size),
    }


def _sphere():
    p, j = letters("p J")  # p projects on the tangent space; J = D_h f maps into it
    rules = (((p, p), p),)
    return [
        Words((1 - p * j * p) * p, p - p * j * p, rules, _sphere_model),
        Words(p * (1 - p * j * p), p - p * j * p, rules, _sphere_model),
        Words((1 - p * j * p) * (1 - p), 1 - p, rules, _sphere_model),
    ]


def _chart_model(rng: random.Random, size: int):
    q, r, k, s = letters("Q R K S")  # as in `_chart`
    chart, inverse = random_matrix(rng, size), random_matrix(rng, size)
    return {q: chart, r: chart.inv(), k: inverse.inv(), s: inverse}


def _chart():
    # Q, R: the derivatives of a chart and of its inverse; J, K: those of f on the tangent space,
    # K S = 1
    q, r, j, k, s = letters("Q R J K S")
    rules = (((q, r), sp.Integer(1)), ((k, s), sp.Integer(1)))
    return [
        Words(q * (1 - j) * r, 1 - q * j * r, rules, _chart_model),
        Words(q * k * s * r, sp.Integer(1), rules, _chart_model),
    ]


def _recall_exceptions():
    h, r, q = sp.symbols("h r q")
    p, e = -3 * r**2, 2 * r**3 - q
    return [Equation(h**3 + p * h + q + e, (h - r) ** 2 * (h + 2 * r))]


_STEPS = (
    identity(
        "tangent_of_the_zeros",
        "F = f - h, A = J - I, K = D_theta f onto with right inverse S: (x, -S A x + (1 - S K) y)"
        " are the tangent vectors of F = 0. Their parameter parts fill the parameter space if A is"
        " invertible, and are annihilated by the non-zero row l K if l A = 0",
        "every n, every p",
        _kernel,
        ("smooth", "rank"),
    ),
    cited(
        "zeros_are_a_manifold",
        "regular_value",
        "Z = {F = 0} in Omega is a C^1 manifold of the dimension of the parameter space",
        "every n",
        {"smooth": ("smooth",), "regular": ("rank",)},
    ),
    cited(
        "critical_parameters",
        "sard_equal_dimensions",
        "the critical values of the projection Z -> parameters are null: C^1 suffices because the"
        " dimensions agree",
        "every n",
        {"smooth": ("zeros_are_a_manifold",), "dimensions": ("zeros_are_a_manifold",)},
    ),
    cited(
        "differentiable",
        "rademacher",
        "f = g(h) + b, g locally Lipschitz (ReLU): F = h - g(h) is differentiable outside of a"
        " null set",
        "every n",
        {"lipschitz": ("smooth",)},
    ),
    cited(
        "lipschitz_critical_values",
        "area_formula",
        "F sends the points of non-differentiability and those of det DF = 0 to null sets: for"
        " almost every b, g is differentiable at every fixed point, and det(I - Dg) != 0 there",
        "every n",
        {"lipschitz": ("smooth",), "measurable": ("differentiable",)},
    ),
    deduced(
        "non_degenerate",
        "outside of these null sets det(I - J) != 0 at every fixed point in Omega: in the C^1 case"
        " a singular I - J would make the parameter critical",
        "every n",
        ("tangent_of_the_zeros", "critical_parameters", "lipschitz_critical_values", "generic"),
    ),
    decided(
        "gap",
        "a non-degenerate fixed point h* is the only one near it, if f is merely differentiable at"
        " h*: |(I - J)x| >= c|x| with c > 0, and |f(h*) - f(k) - J(h* - k)| <= delta|h* - k| with"
        " delta < c for k near h*; this covers C^1 and Lipschitz maps (how far away the next is:"
        " M6)",
        "every n",
        _gap,
        ("non_degenerate",),
    ),
    deduced(
        "countable",
        "isolated points of R^n are countably many; in a compact subset of Omega the fixed points"
        " form a compact set of isolated points, so a finite one",
        "every n",
        ("gap", "inside", "smooth"),
    ),
    identity(
        "sphere",
        "f with values in a manifold: I - P J P is I - J on the tangent space and the identity"
        " across it, so the test there is det(I - P J P) != 0, and rank means onto the tangent"
        " space",
        "every n",
        _sphere,
    ),
    identity(
        "chart",
        "in a chart of the manifold (Q and R = Q^-1 its derivatives on tangent spaces) the map has"
        " the derivative Q J R, I - Q J R = Q (I - J) R, and Q K is onto if K is",
        "every n",
        _chart,
    ),
    deduced(
        "manifold",
        "fixed points of f lie in the manifold; near each, f is a C^1 map of an open subset of R^n"
        " in a chart, with the same rank and the same degenerate fixed points. Countably many"
        " charts cover a manifold, and countably many null sets of parameters make a null set",
        "every n",
        ("sphere", "chart", "non_degenerate", "countable"),
    ),
    deduced(
        "degenerate_pairs",
        "recall, f(h, theta, e), C^1: the degenerate fixed points {f = h, det(I - J) = 0} are a"
        " closed subset of Omega, so a countable union of compact sets, and so is the set of their"
        " (theta, e), which is therefore measurable",
        "every n",
        ("smooth",),
    ),
    cited(
        "recall_almost_every_input",
        "tonelli",
        "if the rank condition holds for almost every e, each of these e has a null set of"
        " degenerate theta, so the pairs are null, and almost every theta has a null set of"
        " degenerate inputs e",
        "every n",
        {"measurable": ("degenerate_pairs",), "sections": ("non_degenerate", "rank")},
    ),
    identity(
        "recall_exceptions",
        "not an empty one: f = h - (h^3 + p h + q + e) with p = -3r^2 has, for e = 2r^3 - q, the"
        " double fixed point h = r, with f' = 1: for every q and every p <= 0, an open set of"
        " parameters with p < 0",
        "n = 1",
        _recall_exceptions,
    ),
    *WORKED_MAPS,
)

_ALL = frozenset(Regime)

A2 = Claim(
    id="A2",
    title="Fixed points are non-degenerate, isolated and countable for almost every parameter",
    source="paper+extension",
    statement=(
        "f(h, theta) is jointly C^1 on an open Omega with D_theta f onto R^n at every zero of f - h"
        " in Omega; or f = g(h) + b, theta = b and g locally Lipschitz (ReLU)."
        f" {NON_DEGENERATE.sentence} {FINITE.sentence} In the Lipschitz case g is differentiable at"
        " every fixed point. With values in a manifold (outer norm, eps = 0) the same holds: onto"
        " its tangent space, and det(I - P J P) != 0. With recall, f(h, theta, e), it holds for"
        " each e; for almost every theta the inputs e with a degenerate fixed point are a null set,"
        " and need not be absent."
    ),
    latex=(
        r"Let $f(h,\theta)$ be jointly $C^1$ on an open set"
        r" $\Omega\subset\mathbb{R}^n\times\mathbb{R}^P$ and suppose that $D_\theta f(h,\theta)$ is"
        r" onto $\mathbb{R}^n$ at every $(h,\theta)\in\Omega$ with $f(h,\theta)=h$. Then for almost"
        r" every $\theta$ every fixed point $h^*\in\Omega_\theta=\{h:(h,\theta)\in\Omega\}$"
        r" satisfies $\det(I-D_hf(h^*,\theta))\neq0$. Hence the fixed points in $\Omega_\theta$ are"
        r" isolated and countable, and each compact subset of $\Omega_\theta$ contains finitely"
        r" many. If $f$ takes values in a manifold $M$, the same holds with $T_{h^*}M$ in place of"
        r" $\mathbb{R}^n$ and $\det(I-D_hf|_{T_{h^*}M})\neq0$. If $f(h,b)=g(h)+b$ with $g$ locally"
        r" Lipschitz, then for almost every $b$ every compact set contains finitely many fixed"
        r" points, and at each of them $g$ is differentiable with $\det(I-Dg)\neq0$. If $f$ also"
        r" depends on an input $e$, is $C^1$ in $(h,\theta,e)$, and satisfies the condition for"
        r" almost every $e$, then for almost every $\theta$ the set of inputs with a degenerate"
        r" fixed point is null; it need not be empty: $f=h-(h^3+ph+q+e)$ has one for every $p<0$"
        r" and every $q$."
    ),
    assumptions=(
        Assumption(
            "smooth",
            "f is C^1 jointly in state and parameters on the open set Omega; or f = g(h) + b with g"
            " locally Lipschitz",
        ),
        Assumption(
            "rank", "D_theta f is onto (R^n, or the tangent space) at every fixed point in Omega"
        ),
        Assumption("generic", "theta lies outside of a null set, that of the critical parameters"),
        Assumption("inside", "the compact set lies in Omega: no argument of a norm vanishes on it"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "countably many values",
            "Without recall the limits of all inputs lie in one countable set of isolated states,"
            " for almost every parameter.",
            recalls=frozenset({Recall.NONE}),
            regimes=_ALL,
            when="the rank condition holds at the fixed points",
        ),
        Consequence(
            Axis.GEOMETRY,
            "resolvent exists",
            "For almost every parameter I - J is invertible at every fixed point, so none is lost"
            " under a small change of the parameters.",
            recalls=frozenset({Recall.NONE}),
            regimes=_ALL,
            when="the rank condition holds at the fixed points",
        ),
        Consequence(
            Axis.GEOMETRY,
            "resolvent exists at almost every input",
            "For almost every parameter I - J is invertible at every fixed point, for all inputs"
            " outside of a null set.",
            recalls=frozenset({Recall.INTERNAL, Recall.EXTERNAL}),
            regimes=_ALL,
            when="the rank condition holds at the fixed points",
        ),
    ),
    notes=(
        (
            "C^1 is enough: the projection of the zero set is a map between manifolds of equal"
            " dimension."
        ),
        (
            "With recall the null set depends on the input: f = h - (h^3 - 3h + e) has 1 - f' = 0"
            " at h = 1 for e = 2, and every loop with p < 0 nearby has such an input."
        ),
        (
            "Finiteness needs the compact set inside Omega: with eps = 0 fixed points may"
            " accumulate where a norm argument vanishes."
        ),
        (
            "Continuity is not enough: a Peano coordinate has uncountably many fixed points for"
            " every bias in (0, 1)."
        ),
    ),
)
