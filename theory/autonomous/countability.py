"""A2: for almost every parameter the fixed points of a loop are non-degenerate, hence isolated, countable, finite in compact sets."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from theory.algebra import Equation, Words, diagonal, random_matrix, rational
from theory.architecture import Recall
from theory.autonomous.corners import INVERTIBLE, LEFT, SINGULAR, A, B, K, S, invertible_model, singular_model
from theory.autonomous.countability_attacks import FALSIFIERS
from theory.claim import Assumption, Axis, Claim, Consequence, Regime
from theory.proof import Sentence, both, cited, decided, deduced, identity


def _kernel():
    x, y, eta = sp.symbols("x y eta", commutative=False, seq=True)
    change = (1 - S * K) * y - S * A * x  # of the parameters, when the state moves by x along the zeros of F
    return [
        Words(K * change, -A * x, INVERTIBLE, invertible_model),
        # A invertible: x = -B K eta goes with the parameter change eta, whatever eta
        Words(S * A * B * K * eta + (1 - S * K) * eta, eta, INVERTIBLE, invertible_model),
        # l A = 0: l K annihilates every parameter change along the zeros, and is not zero since l K S = l
        Words(LEFT * K * S * K * y, LEFT * K * y, SINGULAR, singular_model),
        Words(LEFT * K * S * (A + 1) * x, LEFT * x, SINGULAR, singular_model),
        Words(LEFT * K * S, LEFT, SINGULAR, singular_model),
    ]


def _bias_chart():
    equations = []
    for d in (1, 2):
        h, b = sp.symbols(f"h:{d}"), sp.symbols(f"b:{d}")
        monomials = [x * y for i, x in enumerate((*h, 1)) for y in (*h, 1)[i:]]
        g = [sum(c * m for c, m in zip(sp.symbols(f"g{i}_:{len(monomials)}"), monomials, strict=True)) for i in range(d)]
        f: Any = sp.Matrix([g[i] + b[i] for i in range(d)])  # the general quadratic update with an additive bias
        chart: Any = sp.Matrix([h[i] - g[i] for i in range(d)])
        by_bias, by_state, slope = f.jacobian(b), f.jacobian(h), chart.jacobian(h)
        for i in range(d):
            equations.append(Equation(f[i].subs(dict(zip(b, chart, strict=True))), h[i]))
            for j in range(d):
                equations += [Equation(by_bias[i, j], int(i == j)), Equation(slope[i, j] + by_state[i, j], int(i == j))]
    return equations


def _gap():
    c, delta, x, y = sp.symbols("c delta x y")
    # x = |h - k|, y = |(I - J)(h - k)| = |f(h) - f(k) - J(h - k)| for two fixed points
    return [Sentence((c > delta, x >= 0, y >= c * x, y <= delta * x), sp.Eq(x, 0))]


def _sphere_model(rng: random.Random, size: int):
    p, j = sp.symbols("p J", commutative=False)
    basis, rank = random_matrix(rng, size), rng.randint(0, size)
    return {p: basis * diagonal([1] * rank + [0] * (size - rank)) * basis.inv(), j: random_matrix(rng, size)}


def _sphere():
    p, j = sp.symbols("p J", commutative=False)  # p projects on the tangent space; J = D_h f maps into it
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
        first, last = m[:, :2], m[:, 2]
        minors = first[:, 0].cross(first[:, 1])  # det = minors . last, so Lagrange twice
        equations.append(Equation(minors.dot(minors) * last.dot(last) - m.det() ** 2, sum(x**2 for x in minors.cross(last))))
        equations.append(Equation(gram[0, 0] * gram[1, 1] - minors.dot(minors), gram[0, 1] ** 2))
    return equations


def _relu():
    a, b, h, k = sp.symbols("a b h k")
    # one side of the kink, slope a: h' = b + a h
    return [
        Sentence((sp.Ne(b, 0), sp.Eq(h, b + a * h)), both(sp.Ne(h, 0), sp.Ne(a, 1), sp.Eq((1 - a) * h, b))),
        Sentence((sp.Eq(h, b + a * h), sp.Eq(k, b + a * k), sp.Ne(h, k)), both(sp.Eq(a, 1), sp.Eq(b, 0))),
    ]


def _cubic(h: sp.Expr, p: sp.Expr, q: sp.Expr) -> sp.Expr:
    """h - f(h) of the worked loop f(h) = h - (h^3 + p h + q)."""
    return h**3 + p * h + q


def _discriminant(p: sp.Expr, q: sp.Expr) -> sp.Expr:
    return 4 * p**3 + 27 * q**2


def _resultant():
    h, p, q = sp.symbols("h p q")
    value = _cubic(h, p, q)
    return [
        Equation((27 * q - 18 * p * h) * value + (6 * p * h**2 - 9 * q * h + 4 * p**2) * sp.diff(value, h), _discriminant(p, q)),
        Equation(_discriminant(-3 * h**2, 2 * h**3) + _cubic(h, -3 * h**2, 2 * h**3) + q, q),  # the double roots
    ]


def _cubic_exceptions():
    h, p, q = sp.symbols("h p q")
    slope = 3 * h**2 + p
    degenerate = both(sp.Eq(_cubic(h, p, q), 0), sp.Eq(slope, 0))
    return [
        Sentence((degenerate,), sp.Eq(_discriminant(p, q), 0)),
        Sentence((sp.Eq(_discriminant(p, q), 0), sp.Eq(2 * p * h, -3 * q), sp.Ne(p, 0)), degenerate),
    ]


def _cubic_pair():
    h, k, p, q = sp.symbols("h k p q")
    zeros = (sp.Eq(_cubic(h, p, q), 0), sp.Eq(_cubic(k, p, q), 0))
    return [Sentence((*zeros, sp.Ne(h, k)), both(sp.Eq(p, -(h**2) - h * k - k**2), sp.Eq(q, h * k * (h + k))))]


def _cubic_count():
    h, k, x = sp.symbols("h k x")
    p, q = -(h**2) - h * k - k**2, h * k * (h + k)
    return [
        Equation(_cubic(x, p, q), (x - h) * (x - k) * (x + h + k)),
        Equation(_discriminant(p, q), -((h - k) ** 2) * (2 * h + k) ** 2 * (h + 2 * k) ** 2),
    ]


def _fold_curve() -> tuple[Any, tuple[sp.Symbol, ...]]:
    """Discriminant in x of x = (x^2 + b)^2 + a, the fixed points of (x, y) -> (y^2 + a, x^2 + b)."""
    x, a, b = sp.symbols("x a b")
    return sp.discriminant((x**2 + b) ** 2 + a - x, x), (x, a, b)


def _fold_point(rng: random.Random):
    x, y, a, b = sp.symbols("x y a b")
    value = rational(rng)
    other = 1 / (4 * value)
    return {x: value, y: other, a: value - other**2, b: other - value**2}


def _planar():
    curve, (x, a, b) = _fold_curve()
    y = sp.Symbol("y")
    f = sp.Matrix([y**2 + a, x**2 + b])
    jacobian = (sp.eye(2) - f.jacobian([x, y])).det()
    degenerate = (f[0] - x, f[1] - y, jacobian)
    return [
        Equation(jacobian, 1 - 4 * x * y),
        Equation(curve + x, x, degenerate, _fold_point),
        Equation(curve.subs({a: 0, b: 0}), -27),
        Equation(curve, 256 * a**3 + 256 * b**3 + 256 * a**2 * b**2 + 288 * a * b - 27),
    ]


_STEPS = (
    identity(
        "tangent_of_the_zeros",
        "F = f - h, A = J - I, K = D_theta f onto with right inverse S: (x, -S A x + (1 - S K) y) are the tangent vectors of F = 0. Their "
        "parameter parts fill the parameter space if A is invertible, and are annihilated by the non-zero row l K if l A = 0",
        "every n and number of parameters (random points: up to 4)",
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
        "the critical values of the projection Z -> parameters are null: C^1 suffices because the dimensions agree",
        "every n",
        {"smooth": ("zeros_are_a_manifold",), "dimensions": ("zeros_are_a_manifold",)},
    ),
    deduced(
        "non_degenerate",
        "outside of that null set det(I - J) != 0 at every fixed point in Omega: a singular I - J would make the parameter critical",
        "every n",
        ("tangent_of_the_zeros", "critical_parameters", "generic"),
    ),
    identity(
        "additive_bias",
        "f = g(h) + b: D_b f = I, the zeros are the graph b = h - g(h) and the derivative of that chart is I - J (Sard for h - g)",
        "d = 1, 2, the general quadratic g (term by term for every C^1 g)",
        _bias_chart,
    ),
    identity(
        "sphere",
        "f with values in a manifold: I - P J P is I - J on the tangent space and the identity across it, so the test there is "
        "det(I - P J P) != 0, and rank means onto the tangent space",
        "every d and every rank of P",
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
        "the same by hand: |(I - J)x| >= c|x|, and |f(h) - f(k) - J(h - k)| <= delta|h - k| with delta < c near h* (f is C^1), leave no "
        "second "
        "fixed point there (how far away it is: M6)",
        "every n",
        _gap,
        ("non_degenerate",),
    ),
    deduced(
        "countable",
        "isolated points of R^n are countably many; in a compact subset of Omega the fixed points form a compact set of isolated points, "
        "so a finite one",
        "every n",
        ("isolated", "inside"),
    ),
    cited(
        "differentiable",
        "rademacher",
        "ReLU and every locally Lipschitz g with additive bias: F = h - g(h) is differentiable outside of a null set",
        "every n",
        {"lipschitz": ("smooth",)},
    ),
    cited(
        "lipschitz_critical_values",
        "area_formula",
        "F sends the points of non-differentiability and those of det DF = 0 to null sets, and almost every b has finitely many preimages "
        "in every bounded set",
        "every n",
        {"lipschitz": ("smooth",), "measurable": ("differentiable",)},
    ),
    identity(
        "count_is_integrable",
        "|det DF| is at most the product of the lengths of its columns, so Int_K |det DF| <= Lip(F)^n vol K: the mean count over b is "
        "finite",
        "n = 2, 3",
        _hadamard,
        ("lipschitz_critical_values",),
    ),
    decided(
        "relu_worked",
        "h' = b + a max(h,0) + c min(h,0): for b != 0 no fixed point is on the kink and none is degenerate; two on one side force slope 1 "
        "there "
        "and b = 0, a ray of them: the exceptional set is {b = 0}",
        "d = 1, every slope and b",
        _relu,
    ),
    identity(
        "cubic_resultant",
        "f(h) = h - (h^3 + p h + q): a combination of h - f and 1 - f' equals 4p^3 + 27q^2; it vanishes on (p, q) = (-3r^2, 2r^3), where r "
        "is a double fixed point",
        "d = 1",
        _resultant,
    ),
    decided(
        "cubic_exceptions",
        "a degenerate fixed point exists iff 4p^3 + 27q^2 = 0: it is h = -3q/2p (p = 0 forces q = 0, and h = 0)",
        "d = 1, every p, q",
        _cubic_exceptions,
        ("cubic_resultant",),
    ),
    decided(
        "cubic_pair",
        "two different fixed points h, k determine the parameters: p = -(h^2 + h k + k^2), q = h k (h + k)",
        "d = 1, every p, q",
        _cubic_pair,
    ),
    identity(
        "cubic_count",
        "the third is then -h - k, and 4p^3 + 27q^2 = -(h - k)^2 (2h + k)^2 (h + 2k)^2: one fixed point if positive, three if negative",
        "d = 1, every h, k",
        _cubic_count,
        ("cubic_pair",),
    ),
    identity(
        "planar_exceptions",
        "(x, y) -> (y^2 + a, x^2 + b): a degenerate fixed point (4xy = 1) forces 256(a^3 + b^3 + a^2 b^2) + 288ab = 27",
        "d = 2, every a, b",
        _planar,
    ),
    cited(
        "exceptions_are_null",
        "analytic_zero_set",
        "these curves of parameters are null sets",
        "d = 1, 2",
        {"analytic": ("cubic_exceptions", "planar_exceptions"), "nonzero": ("cubic_resultant", "planar_exceptions")},
    ),
)

_ALL = frozenset(Regime)

A2 = Claim(
    id="A2",
    title="Fixed points are non-degenerate, isolated and countable for almost every parameter",
    source="paper+extension",
    statement="f(h, theta) jointly C^1 on an open Omega, D_theta f onto R^n at every zero of F = f - h in Omega: for almost every theta "
    "every "
    "fixed point in Omega has det(I - J) != 0; the fixed points in Omega are isolated and countable, and finitely many in each compact "
    "subset of Omega. With values in a manifold (outer norm, eps = 0): onto its tangent space, and det(I - P J P) != 0. f = g(h) + b with "
    "g "
    "locally Lipschitz (ReLU): the same for almost every b, and g is differentiable at every fixed point.",
    latex=r"Let $f(h,\theta)$ be jointly $C^1$ on an open set $\Omega\subset\mathbb{R}^n\times\mathbb{R}^P$ and suppose that "
    r"$D_\theta f(h,\theta)$ is onto $\mathbb{R}^n$ at every $(h,\theta)\in\Omega$ with $f(h,\theta)=h$. Then for almost every $\theta$ "
    r"every "
    r"fixed point $h^*\in\Omega_\theta=\{h:(h,\theta)\in\Omega\}$ satisfies $\det(I-D_hf(h^*,\theta))\neq0$. Hence the fixed points in "
    r"$\Omega_\theta$ are isolated and countable, and each compact subset of $\Omega_\theta$ contains finitely many. If $f$ takes values "
    r"in "
    r"a manifold $M$, the same holds with $T_{h^*}M$ in place of $\mathbb{R}^n$ and $\det(I-D_hf|_{T_{h^*}M})\neq0$. If "
    r"$f(h,b)=g(h)+b$ with $g$ locally Lipschitz, then for almost every $b$ every compact set contains finitely many fixed points, and at "
    r"each of them $g$ is differentiable with $\det(I-Dg)\neq0$.",
    assumptions=(
        Assumption("smooth", "f is C^1 jointly in state and parameters on the open set Omega; or f = g(h) + b with g locally Lipschitz"),
        Assumption("rank", "D_theta f is onto (R^n, or the tangent space) at every fixed point in Omega"),
        Assumption("generic", "theta lies outside of the null set of critical parameters"),
        Assumption("inside", "the compact set lies in Omega: no argument of a norm vanishes on it"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "countable",
            "Without recall the limits of all inputs lie in one countable set of isolated states, for almost every parameter.",
            recalls=frozenset({Recall.NONE}),
            regimes=_ALL,
            when="the parameters reach every direction at the fixed points (A2')",
        ),
        Consequence(
            Axis.GEOMETRY,
            "resolvent exists",
            "For almost every parameter I - J is invertible at every fixed point, so none is lost under a small change of the parameters.",
            regimes=_ALL,
            when="the parameters reach every direction at the fixed points (A2')",
        ),
    ),
    notes=(
        "C^1 is enough: the projection of the zero set is a map between manifolds of equal dimension.",
        "Finiteness needs the compact set inside Omega: with eps = 0 fixed points may accumulate where a norm argument vanishes.",
        "Continuity is not enough: a Peano coordinate has uncountably many fixed points for every bias in (0, 1).",
    ),
)
