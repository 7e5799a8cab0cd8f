"""Claim A2: for almost every parameter, all fixed points of a loop are non-degenerate.

Hence they are isolated and countable, and finite in number in every compact set.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from .corners import INVERTIBLE, LEFT, SINGULAR, A, B, K, S, invertible_model, singular_model
from .falsifiers.countability import FALSIFIERS
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


def _bias_chart():
    equations = []
    for d in (1, 2):
        h, b = sp.symbols(f"h:{d}"), sp.symbols(f"b:{d}")
        monomials = [x * y for i, x in enumerate((*h, 1)) for y in (*h, 1)[i:]]
        table = [sp.symbols(f"g{i}_:{len(monomials)}") for i in range(d)]
        g = [sum(c * m for c, m in zip(row, monomials, strict=True)) for row in table]
        # the general quadratic update with an additive bias
        f: Any = sp.Matrix([g[i] + b[i] for i in range(d)])
        chart: Any = sp.Matrix([h[i] - g[i] for i in range(d)])
        by_bias, by_state, slope = f.jacobian(b), f.jacobian(h), chart.jacobian(h)
        for i in range(d):
            equations.append(Equation(f[i].subs(dict(zip(b, chart, strict=True))), h[i]))
            for j in range(d):
                equations += [
                    Equation(by_bias[i, j], int(i == j)),
                    Equation(slope[i, j] + by_state[i, j], int(i == j)),
                ]
    return equations


def _gap():
    c, delta, x, y = sp.symbols("c delta x y")
    # two fixed points h, k: x = |h - k|, y = |(I - J)(h - k)| = |f(h) - f(k) - J(h - k)|
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


def _hadamard():
    equations = []
    for d in (2, 3):
        m: Any = sp.Matrix(d, d, sp.symbols(f"m:{d * d}"))
        gram = m.T * m
        if d == 2:
            equations.append(Equation(gram[0, 0] * gram[1, 1] - m.det() ** 2, gram[0, 1] ** 2))
            continue
        # det = minors . last, so Lagrange's identity applies twice
        minors, last = m[:, 0].cross(m[:, 1]), m[:, 2]
        volume = minors.dot(minors) * last.dot(last)
        equations += [
            Equation(volume - m.det() ** 2, sum(x**2 for x in minors.cross(last))),
            Equation(gram[0, 0] * gram[1, 1] - minors.dot(minors), gram[0, 1] ** 2),
        ]
    return equations


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
    deduced(
        "non_degenerate",
        "outside of that null set det(I - J) != 0 at every fixed point in Omega: a singular I - J"
        " would make the parameter critical",
        "every n",
        ("tangent_of_the_zeros", "critical_parameters", "generic"),
    ),
    identity(
        "additive_bias",
        "f = g(h) + b: D_b f = I, the zeros are the graph b = h - g(h) and the derivative of that"
        " chart is I - J (Sard for h - g)",
        "d in {1, 2}",
        _bias_chart,
    ),
    identity(
        "sphere",
        "f with values in a manifold: I - P J P is I - J on the tangent space and the identity"
        " across it, so the test there is det(I - P J P) != 0, and rank means onto the tangent"
        " space",
        "every d",
        _sphere,
    ),
    cited(
        "isolated",
        "implicit_function",
        "a non-degenerate fixed point is the only one near it",
        "every n",
        {"smooth": ("smooth",), "invertible": ("non_degenerate",)},
    ),
    decided(
        "gap",
        "the same by hand: |(I - J)x| >= c|x|, and |f(h) - f(k) - J(h - k)| <= delta|h - k| with"
        " delta < c near h* (f is C^1), leave no second fixed point there (how far away it is: M6)",
        "every n",
        _gap,
        ("non_degenerate",),
    ),
    deduced(
        "countable",
        "isolated points of R^n are countably many; in a compact subset of Omega the fixed points"
        " form a compact set of isolated points, so a finite one",
        "every n",
        ("isolated", "inside"),
    ),
    cited(
        "differentiable",
        "rademacher",
        "ReLU and every locally Lipschitz g with additive bias: F = h - g(h) is differentiable"
        " outside of a null set",
        "every n",
        {"lipschitz": ("smooth",)},
    ),
    cited(
        "lipschitz_critical_values",
        "area_formula",
        "F sends the points of non-differentiability and those of det DF = 0 to null sets, and"
        " almost every b has finitely many preimages in every bounded set",
        "every n",
        {"lipschitz": ("smooth",), "measurable": ("differentiable",)},
    ),
    identity(
        "count_is_integrable",
        "|det DF| is at most the product of the lengths of its columns, so Int_K |det DF| <="
        " Lip(F)^n vol K: the mean count over b is finite",
        "n in {2, 3}",
        _hadamard,
        ("lipschitz_critical_values",),
    ),
    *WORKED_MAPS,
)

_ALL = frozenset(Regime)

A2 = Claim(
    id="A2",
    title="Fixed points are non-degenerate, isolated and countable for almost every parameter",
    source="paper+extension",
    statement=(
        "f(h, theta) jointly C^1 on an open Omega, D_theta f onto R^n at every zero of F = f - h in"
        " Omega: for almost every theta every fixed point in Omega has det(I - J) != 0; the fixed"
        " points in Omega are isolated and countable, and finitely many in each compact subset of"
        " Omega. With values in a manifold (outer norm, eps = 0): onto its tangent space, and det(I"
        " - P J P) != 0. f = g(h) + b with g locally Lipschitz (ReLU): the same for almost every b,"
        " and g is differentiable at every fixed point."
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
        r" points, and at each of them $g$ is differentiable with $\det(I-Dg)\neq0$."
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
        Assumption("generic", "theta lies outside of the null set of critical parameters"),
        Assumption("inside", "the compact set lies in Omega: no argument of a norm vanishes on it"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
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
            "Finiteness needs the compact set inside Omega: with eps = 0 fixed points may"
            " accumulate where a norm argument vanishes."
        ),
        (
            "Continuity is not enough: a Peano coordinate has uncountably many fixed points for"
            " every bias in (0, 1)."
        ),
    ),
)
