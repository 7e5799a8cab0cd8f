"""Claim A1: the trichotomy of the linear loop without recall, h' = M h + c."""

from __future__ import annotations

import random

import sympy as sp

from ..architecture import Recall, Residual
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from .falsifiers.linear import FALSIFIERS


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


def _block_power(size: int, time: sp.Expr, power: sp.Expr) -> sp.Matrix:
    """The power J_size(lambda)^time of a Jordan block, where `power` stands for lambda^time."""
    eigenvalue = sp.Symbol("lambda")

    def entry(i: int, j: int) -> sp.Expr:
        return power * _binomial(time, j - i) * eigenvalue ** (i - j) if j >= i else sp.Integer(0)

    return sp.Matrix(size, size, entry)


def _jordan():
    t, eigenvalue, power = sp.symbols("t lambda L")  # L stands for lambda^t
    equations = []
    for size in (2, 3, 4, 5):
        block = sp.Matrix(size, size, lambda i, j: eigenvalue if i == j else int(j == i + 1))
        gap = block * _block_power(size, t, power) - _block_power(size, t + 1, eigenvalue * power)
        start = _block_power(size, sp.Integer(0), sp.Integer(1))
        equations += [Equation(entry, sp.Integer(0)) for entry in gap]
        equations += [
            Equation(start[i, j], sp.Integer(int(i == j))) for i in range(size) for j in range(size)
        ]
    return equations


def _binomial(time: sp.Expr, k: int) -> sp.Expr:
    return sp.Mul(*[time - i for i in range(k)]) / sp.factorial(k)


def _circle(rng: random.Random):
    c, s, x, y = sp.symbols("c s x y")
    q = rational(rng)
    return {c: (1 - q**2) / (1 + q**2), s: 2 * q / (1 + q**2), x: rational(rng), y: rational(rng)}


def _rotation():
    c, s, x, y = sp.symbols("c s x y")
    step = ((c - 1) * x - s * y) ** 2 + (s * x + (c - 1) * y) ** 2
    circle = (c**2 + s**2 - 1,)
    return [
        Equation(step, (2 - 2 * c) * (x**2 + y**2), circle, _circle),
        Equation((c * x - s * y) ** 2 + (s * x + c * y) ** 2, x**2 + y**2, circle, _circle),
    ]


def _expansion():
    p, q, x, y = sp.symbols("p q x y")
    return [Equation((p * x - q * y) ** 2 + (q * x + p * y) ** 2, (p**2 + q**2) * (x**2 + y**2))]


def _left_model(rng: random.Random, size: int):
    left, m = letters("l M")
    basis = random_matrix(rng, size)
    first = diagonal([1] + [0] * (size - 1))
    values = diagonal([1] + [rational(rng) for _ in range(size - 1)])
    return {left: first * basis.inv(), m: basis * values * basis.inv()}


def _outside_range():
    left, m, h, c, t = *letters("l M h c"), sp.Symbol("t")
    # l (I - M) = 0: each iteration moves the state by l c along l, so that l h_t = l h_0 + t l c
    before, after = left * (m * h + c) + t * left * c, left * h + (t + 1) * left * c
    return [Words(before, after, (((left, m), left),), _left_model)]


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
    equations = []
    t, x = sp.symbols("t x")
    for size in (1, 2, 3, 4):
        m = sp.Matrix(size, size, sp.symbols(f"m:{size * size}"))
        scaled = (t * x * sp.eye(size) - t * m).det(method="berkowitz")
        plain = (x * sp.eye(size) - m).det(method="berkowitz")
        equations.append(Equation(scaled, t**size * plain))
    return equations


_STEPS = (
    identity(
        "telescoped_sum",
        "with c = (I - M) w: h_t = M^t h_0 + (I - M^t) w",
        "every d, every t (induction)",
        _telescoped,
    ),
    identity(
        "unique_fixed_point",
        "1 not an eigenvalue: (I - M)^{-1} c is fixed, and every fixed point equals it, whatever"
        " the input",
        "every d",
        _unique,
        ("linear", "regular"),
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
        "every d, every t >= 1 (induction)",
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
    identity(
        "jordan_blocks",
        "entries of J_k(lambda)^t are binom(t, j) lambda^(t-j)",
        "blocks k = 2..5, every t (induction)",
        _jordan,
    ),
    deduced(
        "growth",
        "a Jordan block of size k >= 2 at an eigenvalue of modulus 1: |h_t| grows like t^(k-1) from"
        " almost every h_0, so semisimplicity is necessary",
        "every d, blocks k = 2..5",
        ("jordan_blocks",),
    ),
    identity(
        "unit_circle_steps",
        "along e^{i phi}, phi != 0: |h_{t+1} - h_t|^2 = (2 - 2 cos phi)|h_t|^2 with |h_t| constant;"
        " phi = pi is -1",
        "every plane (d = 2), every t",
        _rotation,
    ),
    cited(
        "annihilator",
        "fredholm_alternative",
        "c not in im(I - M): some row l has l M = l and l c != 0",
        "every d",
        {"square": ("linear",)},
    ),
    identity(
        "outside_range",
        "then l h_t = l h_0 + t l c: divergence for every h_0",
        "every d, every t (induction)",
        _outside_range,
        ("annihilator",),
    ),
    identity(
        "expansion",
        "along an eigenvalue p + i q (real or complex) |h_{t+1}|^2 = (p^2 + q^2)|h_t|^2: no"
        " convergence when p^2 + q^2 > 1",
        "every eigenvector or plane (d = 1, 2), every t",
        _expansion,
    ),
    deduced(
        "necessity",
        "convergence for every h_0 forces c in im(I - M) and every eigenvalue to have modulus < 1"
        " or to equal 1 and be semisimple; with rho(M) > 1 the convergent h_0 fill at most a proper"
        " affine subspace",
        "every d",
        ("growth", "unit_circle_steps", "outside_range", "expansion"),
    ),
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
        "det(t x - t M) = t^d det(x - M), so rho(t M) = t rho(M)",
        "d = 1..4",
        _scaling,
    ),
    cited(
        "critical_is_null",
        "polar_fubini",
        "{rho(M) = 1} is Lebesgue-null",
        "every d",
        {"measurable": ("linear",), "rays": ("homogeneity",)},
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
        "h' = M h + c. If 1 is not an eigenvalue, the only fixed point is (I - M)^{-1} c, the same"
        " for every input. h_t converges for every h_0 iff c is in im(I - M) and every eigenvalue"
        " has modulus < 1 or equals 1 and is semisimple; then h_inf = P h_0 + (I - P) w, c = (I -"
        " M) w: the limit depends on the input only in the critical regime, which is a null set."
    ),
    latex=(
        r"Let $h_{t+1}=Mh_t+c$ with a real $d\times d$ matrix $M$. If $1$ is not an eigenvalue of"
        r" $M$, the only fixed point is $(I-M)^{-1}c$, whatever the input. $h_t$ converges for"
        r" every $h_0$ if and only if $c\in\mathrm{im}(I-M)$ and every eigenvalue of $M$ has"
        r" modulus $<1$ or equals $1$ and is semisimple. Then, with $c=(I-M)w$ and $P$ the"
        r" projector on $\ker(M-I)$ along $\mathrm{im}(M-I)$, $h_\infty=Ph_0+(I-P)w$. So the limit"
        r" depends on $h_0$ only if $1$ is an eigenvalue, and $\{M:\rho(M)=1\}$ is Lebesgue-null."
        r" If $\rho(M)>1$, the set of $h_0$ from which $h_t$ converges is contained in a proper"
        r" affine subspace."
    ),
    assumptions=(
        Assumption(
            "linear", "h' = M h + c, M a real d x d matrix, h_0 the only carrier of the input"
        ),
        Assumption("range", "c is in im(I - M)"),
        Assumption("modulus", "every eigenvalue other than 1 has modulus < 1"),
        Assumption("semisimple", "the eigenvalue 1, if present, is semisimple"),
        Assumption("regular", "1 is not an eigenvalue (uniqueness only)"),
    ),
    steps=_STEPS,
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
    ),
)
