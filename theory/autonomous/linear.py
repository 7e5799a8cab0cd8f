"""Claim A1: the trichotomy of the linear loop without recall, h' = M h + c."""

from __future__ import annotations

import random

import sympy as sp

from ..architecture import Recall, Residual
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from .falsifiers.linear import FALSIFIERS, PREDICATES
from .linear_necessity import LAMBDA, NECESSITY_STEPS


def _telescoped():
    m, power, h, w = letters("M M_t h_0 w")
    return [
        # induction over t for h_t = M^t h_0 + (I - M^t) w, c = (I - M) w; M_t stands for M^t
        Words(m * (power * h + (1 - power) * w) + (1 - m) * w, m * power * h + (1 - m * power) * w),
        Words(sum((m**k for k in range(6)), sp.Integer(0)) * (1 - m), 1 - m**6),
    ]


def _unique():
    q, h, c = letters("Q h c")  # Q = I - M, invertible
    return [Words((1 - q) * q**-1 * c + c, q**-1 * c), Words(q**-1 * (h - (1 - q) * h), h)]


def _projector_model(rng: random.Random, size: int):
    p, n, nt, m, _, _ = letters("P N N_t M h_0 w")
    basis = random_matrix(rng, size)
    rank = rng.randint(0, size)
    ones = diagonal([1] * rank + [0] * (size - rank))
    inner = [0] * rank + [rational(rng) for _ in range(size - rank)]
    values = {p: basis * ones * basis.inv(), n: basis * diagonal(inner) * basis.inv()}
    values[nt] = values[n] * values[n] * values[n]
    values[m] = values[p] + values[n]
    return values


def _projector():
    p, n, nt, _, h, w = letters("P N N_t M h_0 w")  # N_t stands for N^t; on ker(M - I) it is 0
    zero = sp.Integer(0)
    rules = (((p, p), p), ((p, n), zero), ((n, p), zero), ((p, nt), zero), ((nt, p), zero))
    state, limit = (p + nt) * h + (1 - p - nt) * w, p * h + (1 - p) * w
    return [
        Words((p + n) * (p + nt), p + n * nt, rules, _projector_model),
        Words(state - limit, nt * (h - w), rules, _projector_model),
        Words(p * (1 - p - n), sp.Integer(0), rules, _projector_model),
    ]


def _scalar():
    m, c, h, fixed, other = sp.symbols("m c h f g")
    inside, outside = (m < 1, m > -1), sp.Or(m > 1, m < -1)
    is_fixed, other_fixed = (sp.Eq(x, m * x + c) for x in (fixed, other))
    before, after = (h - fixed) ** 2, (m * h + c - fixed) ** 2
    return [
        Sentence((*inside, is_fixed, sp.Ne(h, fixed)), after < before),
        Sentence((sp.Ne(m, 1), is_fixed, other_fixed), sp.Eq(fixed, other)),
        Sentence((outside, is_fixed, sp.Ne(h, fixed)), after > before),
    ]


def _jury():
    p, q, u, v = sp.symbols("p q u v")

    def jury(trace: sp.Expr, det: sp.Expr):
        return sp.And(det < 1, trace < 1 + det, -trace < 1 + det)

    real_inside = sp.And(p < 1, p > -1, q < 1, q > -1)
    return [
        Sentence((jury(p + q, p * q),), real_inside),
        Sentence((real_inside,), jury(p + q, p * q)),
        Sentence((sp.Ne(v, 0), jury(2 * u, u**2 + v**2)), u**2 + v**2 < 1),
        Sentence((sp.Ne(v, 0), u**2 + v**2 < 1), jury(2 * u, u**2 + v**2)),
    ]


def _scaling():
    m, v, t, inverse = *letters("M v"), sp.Symbol("t"), sp.Symbol("s")
    rules = (((m, v), LAMBDA * v),)
    return [
        Words((t * m) * v, (t * LAMBDA) * v, rules, _eigenvector_model),
        Equation(t * inverse * LAMBDA, LAMBDA, (t * inverse - 1,), _inverse_pair),
    ]


def _eigenvector_model(rng: random.Random, size: int):
    m, v = letters("M v")
    basis, values = random_matrix(rng, size), [rational(rng) for _ in range(size)]
    matrix = basis * diagonal(values) * basis.inv()
    return {m: matrix, v: basis * diagonal([1] + [0] * (size - 1)), LAMBDA: values[0]}


def _inverse_pair(rng: random.Random):
    value = rational(rng)
    return {sp.Symbol("t"): value, sp.Symbol("s"): 1 / value, LAMBDA: rational(rng)}


def _one_per_ray():
    radius, t, s = sp.symbols("r t s")
    return [Sentence((sp.Eq(t * radius, 1), sp.Eq(s * radius, 1)), sp.Eq(t, s))]


_STEPS = (
    identity(
        "telescoped_sum",
        "with c = (I - M) w: h_t = M^t h_0 + (I - M^t) w",
        "every d, every t by induction",
        _telescoped,
    ),
    identity(
        "unique_fixed_point",
        "1 not an eigenvalue: (I - M)^{-1} c is fixed, and every fixed point equals it, whatever"
        " the input",
        "every d",
        _unique,
        ("linear", "regular", "no_recall"),
    ),
    cited(
        "splitting",
        "riesz_projection",
        "M = P + N, P the projector on ker(M - I) along im(M - I)",
        "every d",
        {"semisimple": ("semisimple",)},
    ),
    identity(
        "projector_limit",
        "M^t = P + N^t, and h_t - (P h_0 + (I - P) w) = N^t (h_0 - w); P(I - M) = 0, so P c = 0 iff"
        " c is in the range",
        "every d, every t >= 1 by induction",
        _projector,
        ("splitting", "telescoped_sum"),
    ),
    cited("decay", "gelfand", "N^t -> 0", "every d", {"radius": ("modulus", "splitting")}),
    deduced(
        "limit",
        "h_t -> h_inf = P h_0 + (I - P) w for every h_0; it depends on h_0 only through P, so only"
        " when 1 is an eigenvalue",
        "every d",
        ("linear", "range", "projector_limit", "decay"),
    ),
    *NECESSITY_STEPS,
    decided(
        "scalar_loop",
        "d = 1: contraction iff |m| < 1, one fixed point iff m != 1, expansion iff |m| > 1",
        "d = 1",
        _scalar,
    ),
    decided(
        "jury_criterion",
        "d = 2: |det| < 1, |tr| < 1 + det iff both eigenvalues lie in the open unit disc",
        "d = 2",
        _jury,
    ),
    identity(
        "homogeneity",
        "t M v = (t lambda) v where M v = lambda v, and back with 1/t: the eigenvalues of t M are t"
        " times those of M, so rho(t M) = t rho(M) for t > 0",
        "every d",
        _scaling,
    ),
    decided(
        "one_per_ray",
        "so each ray from 0 meets {rho(M) = 1} in one matrix at most",
        "every d",
        _one_per_ray,
        ("homogeneity",),
    ),
    cited(
        "critical_is_null",
        "polar_fubini",
        "{rho(M) = 1} is Lebesgue-null; it is closed because the eigenvalues, hence rho, are"
        " continuous in M",
        "every d",
        {"measurable": ("linear",), "rays": ("one_per_ray",)},
    ),
)


def _cell(
    axis: Axis, answer: str, statement: str, regime: Regime, when: str = "linear loop"
) -> Consequence:
    """A cell of the table for the linear loop: no recall, additive residual, no outer norm."""
    return Consequence(
        axis,
        answer,
        statement,
        recalls=frozenset({Recall.NONE}),
        outer_norm=False,
        residuals=frozenset({Residual.ADD}),
        regimes=frozenset({regime}),
        when=when,
    )


A1 = Claim(
    id="A1",
    title="Linear trichotomy of autonomous loops",
    source="paper+extension",
    statement=(
        "The loop is h' = M h + c with a real d x d matrix M, and the input sets h_0. If 1 is not"
        " an eigenvalue, every orbit that converges ends at (I - M)^{-1} c, whatever the input. If"
        " c = (I - M) w and every eigenvalue of M has modulus < 1 or equals 1 and is semisimple,"
        " h_t -> P h_0 + (I - P) w from every h_0, P the projector on ker(M - I) along im(M - I)."
        " Otherwise h_t converges from no h_0 outside a proper affine subspace. So the limit"
        " depends on the input only if 1 is an eigenvalue, and the matrices with rho(M) = 1 are a"
        " null set."
    ),
    latex=(
        r"Let $h_{t+1}=Mh_t+c$ with a real $d\times d$ matrix $M$. If $1$ is not an eigenvalue of"
        r" $M$, the only fixed point is $(I-M)^{-1}c$, whatever the input. $h_t$ converges for"
        r" every $h_0$ if and only if $c\in\mathrm{im}(I-M)$ and every eigenvalue of $M$ has"
        r" modulus $<1$ or equals $1$ and is semisimple. Then, with $c=(I-M)w$ and $P$ the"
        r" projector on $\ker(M-I)$ along $\mathrm{im}(M-I)$, $h_\infty=Ph_0+(I-P)w$. So the limit"
        r" depends on $h_0$ only if $1$ is an eigenvalue, and $\{M:\rho(M)=1\}$ is Lebesgue-null."
        r" If the condition fails, the set of $h_0$ from which $h_t$ converges is contained in a"
        r" proper affine subspace."
    ),
    assumptions=(
        Assumption("linear", "h' = M h + c, M a real d x d matrix"),
        Assumption("no_recall", "c does not depend on the input; h_0 may"),
        Assumption("range", "c is in im(I - M)"),
        Assumption("modulus", "every eigenvalue other than 1 has modulus < 1"),
        Assumption("semisimple", "the eigenvalue 1, if present, is semisimple"),
        Assumption("regular", "1 is not an eigenvalue (uniqueness only)"),
        Assumption(
            "outside",
            "M h_0 + c - h_0 has a component on the eigenvalues of modulus >= 1 (last part only)",
        ),
    ),
    steps=_STEPS,
    predicates=PREDICATES,
    falsifiers=FALSIFIERS,
    consequences=(
        _cell(
            Axis.REACHABILITY,
            "yes",
            "The one fixed point attracts every state.",
            Regime.CONTRACTIVE,
        ),
        _cell(
            Axis.REACHABILITY,
            "almost never",
            "Orbits converge from a proper affine subspace of states at most.",
            Regime.EXPANSIVE,
        ),
        _cell(
            Axis.INPUT_DEPENDENCE,
            "no",
            "The limit (I - M)^{-1} c is the same for every input.",
            Regime.CONTRACTIVE,
        ),
        _cell(
            Axis.INPUT_DEPENDENCE,
            "null set only",
            "The limit depends on h_0 through the projector on ker(M - I); such matrices are a null"
            " set.",
            Regime.CRITICAL,
            "linear loop, 1 is a semisimple eigenvalue, the others have modulus < 1, c in im(I"
            " - M)",
        ),
    ),
    notes=(
        (
            "The condition on c was missing at first: M = I, c != 0 has only semisimple eigenvalues"
            " 1 and diverges."
        ),
        (
            "Earlier versions said growth like t^{k-1} for a Jordan block of size k from finitely"
            " many k; a chain of two vectors is enough, for every d."
        ),
    ),
)
