"""R1: the linear loop with recall, h' = M h + B e + c, its resolvent and its input sensitivity."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from .falsifiers.resolvent import FALSIFIERS, PREDICATES


def _resolvent():
    q, b, e, c, h = letters("Q B e c h")  # Q = I - M, invertible
    fixed = q**-1 * (b * e + c)
    return [
        Words((1 - q) * fixed + b * e + c, fixed),
        Words(q**-1 * (h - (1 - q) * h), h),
        Words((1 - q) * q**-1 * b + b, q**-1 * b),
    ]


def _unrolled():
    q, power, start, b = letters("Q M_t D B")  # M_t stands for M^t, D for Dh_0
    m = 1 - q
    return [
        # induction: D_{t+1} = M D_t + B, with D_t = M^t D + (I - M^t) Q^{-1} B
        Words(
            m * (power * start + (1 - power) * q**-1 * b) + b,
            m * power * start + (1 - m * power) * q**-1 * b,
        ),
        # the sum gains M^t B in every loop, and is 0 at t = 0
        Words((1 - power * m) * q**-1 * b, (1 - power) * q**-1 * b + power * b),
        Words(power * start + (1 - power) * q**-1 * b - q**-1 * b, power * (start - q**-1 * b)),
    ]


def _components():
    equations = []
    for size in (1, 2, 3):
        m = sp.Matrix(size, size, sp.symbols(f"m:{size * size}"))
        b = sp.Matrix(size, size, sp.symbols(f"b:{size * size}"))
        gap = sp.eye(size) - m
        # S = numerator / det(I - M): the derivative of h* entry by entry
        numerator = gap.adjugate() * b
        residual = m * numerator + gap.det() * b - numerator
        equations += [Equation(entry, sp.Integer(0)) for entry in residual]
    return equations


def _rank():
    q, b, s, x = letters("Q B S x")  # Q = I - M; with B = Q S the kernels agree
    return [Words(q * (q**-1 * b) * x, b * x), Words(q**-1 * (q * s) * x, s * x)]


def _bound():
    # sigma |l| <= |l B| = x, x = |1 - lambda| y with y = |l S| <= |l||S|
    sigma, left, x, gap, y, size = sp.symbols("sigma l x g y S")
    chain = (sigma * left <= x, sp.Eq(x, gap * y), y <= left * size)
    return [Sentence((left > 0, gap >= 0, *chain), sigma <= gap * size)]


def _eigen_model(rng: random.Random, size: int):
    left, q = letters("l Q")
    eigenvalue = sp.Symbol("lambda")
    basis = random_matrix(rng, size)
    value = rational(rng)
    while value == 1:
        value = rational(rng)
    others = [rational(rng) for _ in range(size - 1)]
    return {
        left: diagonal([1] + [0] * (size - 1)) * basis.inv(),
        q: basis * diagonal([1 - value, *others]) * basis.inv(),
        eigenvalue: value,
    }


def _blow_up():
    left, q, s, b, eigenvalue = *letters("l Q S B"), sp.Symbol("lambda")
    # l M = lambda l, so l Q = (1 - lambda) l; with S = Q^{-1} B: l B = l Q S = (1 - lambda) l S
    rules = (((left, q), (1 - eigenvalue) * left),)
    return [
        Words(left * q * s, (1 - eigenvalue) * left * s, rules, _eigen_model),
        Words(q * (q**-1 * b), b),
    ]


def _eigenplane():
    p, q, x, y = sp.symbols("p q x y")
    return [Equation((p * x - q * y) ** 2 + (q * x + p * y) ** 2, (p**2 + q**2) * (x**2 + y**2))]


def _scalar():
    m, b, s, h, e, fixed = sp.symbols("m b s h e f")
    inside = (m < 1, m > -1)
    at_fixed = sp.Eq(fixed, m * fixed + b * e)
    before, after = (h - fixed) ** 2, (m * h + b * e - fixed) ** 2
    return [
        Sentence((*inside, at_fixed, sp.Ne(h, fixed)), after < before),
        Sentence(
            (sp.Eq(s, m * s + b), sp.Ne(b, 0)),
            both(sp.Ne(s, 0), sp.Equivalent(4 * s**2 > b**2, both(m > -1, m < 3))),
        ),
        Sentence((sp.Or(m >= 1, m <= -1), at_fixed), after >= before),
    ]


def _planar():
    trace, det = sp.symbols("tr det")
    jury = (det < 1, trace < 1 + det, -trace < 1 + det)
    return [Sentence(jury, sp.And(1 - trace + det > 0, 1 - trace + det < 4))]


def _determinant():
    a, b, c, d = sp.symbols("a b c d")
    m = sp.Matrix([[a, b], [c, d]])
    return [Equation((sp.eye(2) - m).det(), 1 - (a + d) + (a * d - b * c))]


def _iterations():
    rho, tol, scale = sp.symbols("rho tol C", positive=True)
    loops = formula("iterations_to_tolerance")(rho, tol, scale)
    names: Any = {sp.log(x): sp.Symbol(f"log_{x}") for x in (rho, tol, scale)}
    # log(C rho^t) = log tol
    return [Equation((sp.log(scale) + loops * sp.log(rho)).subs(names), names[sp.log(tol)])]


_STEPS = (
    identity(
        "resolvent",
        "1 not an eigenvalue: h* = (I - M)^{-1}(B e + c) is the only fixed point, and S = (I -"
        " M)^{-1} B solves S = M S + B",
        "every d",
        _resolvent,
        ("linear",),
    ),
    identity(
        "components",
        "the same, entry by entry: (I - M) adj(I - M) B = det(I - M) B",
        "d in {1, 2, 3}",
        _components,
        ("linear",),
    ),
    identity(
        "unrolled_sensitivity",
        "dh_t/de = M^t Dh_0 + (I - M^t)(I - M)^{-1} B, and (I - M^t)(I - M)^{-1} B = Sum_{k<t} M^k"
        " B, finite at every finite t",
        "every d, every t by induction",
        _unrolled,
        ("linear",),
    ),
    cited("decay", "gelfand", "M^t -> 0", "every d", {"radius": ("contractive",)}),
    deduced(
        "reachable",
        "h_t -> h*(e) from every h_0, and dh_t/de -> S whatever Dh_0",
        "every d",
        ("resolvent", "unrolled_sensitivity", "decay"),
    ),
    identity(
        "eigenplane",
        "along an eigenvalue p + i q the squared distance of two orbits is multiplied by p^2 + q^2"
        " in every loop",
        "every d, every t",
        _eigenplane,
        ("linear",),
    ),
    deduced(
        "not_reachable",
        "rho(M) >= 1: the orbits of an open set of starts keep their distance along that"
        " eigenvector, so they do not share a limit",
        "every d",
        ("eigenplane",),
    ),
    identity(
        "rank",
        "(I - M) S = B and S = (I - M)^{-1} B: S x = 0 iff B x = 0, so S has the rank of B",
        "every d",
        _rank,
        ("resolvent", "recall"),
    ),
    identity(
        "left_eigenvector",
        "l M = lambda l gives l B = (1 - lambda) l S",
        "every d",
        _blow_up,
        ("resolvent",),
    ),
    decided(
        "blow_up",
        "invertible B: sigma_min(B)|l| <= |l B| = |1 - lambda||l S| <= |1 - lambda||l||S| for every"
        " eigenvalue lambda, so |S| >= sigma_min(B)/|1 - lambda|",
        "every d",
        _bound,
        ("left_eigenvector", "invertible"),
    ),
    cited(
        "one_rate",
        "normal_form",
        "M normal, all eigenvalues of modulus rho: on every orthogonal block |h' - h*| = rho |h -"
        " h*|, so |h_t - h*| = rho^t |h_0 - h*|",
        "every d, every t",
        {"normal": ("one_modulus",)},
        ("eigenplane",),
    ),
    identity(
        "iterations", "C rho^t = tol at t = (log tol - log C)/log rho", "no size", _iterations
    ),
    decided(
        "scalar_loop",
        "d = 1: reachable iff |m| < 1; then S != 0 and |S| > |b|/2 when b != 0",
        "d = 1",
        _scalar,
    ),
    identity("planar_determinant", "det(I - M) = 1 - tr M + det M", "d = 2", _determinant),
    decided(
        "planar_resolvent",
        "d = 2: on the triangle of stability (Jury) 0 < det(I - M) < 4, so S exists and is smooth",
        "d = 2",
        _planar,
        ("planar_determinant",),
    ),
)


_CELL: Any = {
    "recalls": frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
    "outer_norm": False,
    "residuals": frozenset({Residual.ADD}),
}
_CONTRACTIVE = frozenset({Regime.CONTRACTIVE})

R1 = Claim(
    id="R1",
    title="Resolvent law of linear loops with recall",
    source="paper+extension",
    statement=(
        "Let h' = M h + B e + c. If 1 is not an eigenvalue there is one fixed point h*(e) = (I -"
        " M)^{-1}(B e + c), with S = Dh* = (I - M)^{-1} B, and dh_t/de = M^t Dh_0 + (I - M^t)(I -"
        " M)^{-1} B. If rho(M) < 1, h_t -> h*(e) from every start. If moreover B != 0, then S !="
        " 0, and S has the rank of B. If rho(M) >= 1, the fixed point is not reachable, so that"
        " reachable, smooth and input-dependent hold together iff rho(M) < 1 and B != 0. If B is"
        " invertible, |S| >= sigma/|1 - lambda| for every eigenvalue lambda of M, where sigma is"
        " the least non-zero singular value of B."
    ),
    assumptions=(
        Assumption("linear", "h' = M h + B e + c, real d x d matrices (M^t is the t-th power)"),
        Assumption("contractive", "rho(M) < 1"),
        Assumption("recall", "B != 0"),
        Assumption("invertible", "B is invertible (blow-up bound only)"),
        Assumption(
            "one_modulus",
            "M is normal and its eigenvalues have the modulus rho (number of iterations only)",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "The term M^t Dh_0 was missing at first; it does not vanish at finite t when h_0 = e.",
        (
            "At finite t the sensitivity is a finite sum of powers and does not blow up as an"
            " eigenvalue tends to 1; only the limit does, and only along left eigenvectors that B"
            " does not kill."
        ),
    ),
    latex=(
        r"Let $h_{t+1} = M h_t + B e + c$ with real matrices $M \in \mathbb{R}^{d \times d}$ and"
        r" $B$. If $1$ is not an eigenvalue of "
        r"$M$, there is exactly one fixed point $h^*(e) = (I - M)^{-1}(B e + c)$; it is reachable"
        r" if and only if $\rho(M) < 1$. Its input "
        r"sensitivity $S = (I - M)^{-1} B$ has the rank of $B$, and with $M^t$ the $t$-th power"
        r" $$\frac{d h_t}{d e} = M^t\,\frac{d h_0}{d e} "
        r"+ (I - M^t)(I - M)^{-1} B, \qquad (I - M^t)(I - M)^{-1} B = \sum_{k<t} M^k B.$$ A fixed"
        r" point that is reachable and depends on the "
        r"input, with gradients that converge, exists if and only if $\rho(M) < 1$ and $B \ne 0$."
        r" For invertible $B$ and every eigenvalue "
        r"$\lambda$ of $M$, $\|S\| \ge \sigma_{\min}(B)/|1 - \lambda|$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes",
            "Every orbit reaches the one fixed point.",
            regimes=_CONTRACTIVE,
            when="linear loop",
            **_CELL,
        ),
        Consequence(
            Axis.REACHABILITY,
            "no",
            "An open set of starts does not reach a common limit.",
            regimes=frozenset({Regime.CRITICAL, Regime.EXPANSIVE}),
            when="linear loop",
            **_CELL,
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "yes",
            "The limit is affine in the input, with the rank of B.",
            regimes=_CONTRACTIVE,
            when="linear loop, B != 0",
            **_CELL,
        ),
        Consequence(
            Axis.GEOMETRY,
            "yes",
            "dh_t/de converges to the resolvent S, whatever the start.",
            regimes=_CONTRACTIVE,
            when="linear loop",
            **_CELL,
        ),
        Consequence(
            Axis.GEOMETRY,
            "no",
            "|S| grows like 1/|1 - lambda| as an eigenvalue lambda tends to 1.",
            regimes=frozenset({Regime.CRITICAL}),
            when="linear loop, B invertible, the critical eigenvalue is 1",
            **_CELL,
        ),
    ),
)
