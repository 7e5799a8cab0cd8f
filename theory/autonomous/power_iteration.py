"""Claim A5: the normalised linear loop without recall, h' = N(M h), is power iteration.

The claim says when it converges, how fast, and what the limit remembers of the start.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall, Residual
from ..kernel.algebra import Equation, Words, diagonal, fmpq, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import Span, span
from .falsifiers.power_iteration import FALSIFIERS, PREDICATES
from .ginibre_two import GINIBRE_STEPS
from .jordan_powers import JORDAN_STEPS

R = sp.Symbol("R", positive=True)
"""the radius sqrt(d) of the sphere"""


def _homogeneous():
    c, length = sp.symbols("c n", positive=True)  # |z| = n
    (z,) = span("z", {("z", "z"): length**2})
    normal, scaled = (R / length) * z, (R / (c * length)) * (c * z)
    return [
        Equation(scaled["z"], normal["z"]),
        Equation((c * z).dot(c * z), (c * length) ** 2),
        Equation(normal.dot(normal), R**2),
    ]


def _split_model(rng: random.Random, size: int):
    p, n, nt, left, m = letters("P N N_t l M")
    first = sp.Symbol("lambda")
    basis = random_matrix(rng, size)
    inverse = basis.inv()
    corner = diagonal([1] + [0] * (size - 1))
    values: dict[sp.Symbol, Any] = {first: rational(rng)}
    others = diagonal([0] + [rational(rng) for _ in range(size - 1)])
    values |= {p: basis * corner * inverse, n: basis * others * inverse}
    values |= {nt: values[n] * values[n], left: corner * inverse}
    values[m] = values[p] * fmpq(values[first]) + values[n]
    return values


def _split():
    p, n, nt, left, m = letters("P N N_t l M")
    first, power = sp.symbols("lambda L")
    zero = sp.Integer(0)
    rules = (((p, p), p), ((p, n), zero), ((p, nt), zero), ((n, p), zero))
    return [
        # induction over t: M = lambda P + N has M^t = lambda^t P + N^t
        Words((first * p + n) * (power * p + nt), first * power * p + n * nt, rules, _split_model),
        Words(left * m**4, first**4 * left, (((left, m), first * left),), _split_model),
    ]


def _signs():
    x, first, after = sp.symbols("x lambda y")
    # x = l h_t; l h_{t+1} is a positive multiple of lambda x
    return [
        Sentence(
            (first > 0, sp.Eq(after, first * x)),
            both(sp.Equivalent(after > 0, x > 0), sp.Equivalent(after < 0, x < 0)),
        )
    ]


def _quotient_model(rng: random.Random, size: int):
    """M with the projector q on the line of its eigenvector h, across it, and some other v."""
    m, q, v = letters("M q v")
    basis = random_matrix(rng, size)
    values = [rational(rng) for _ in range(size)]
    h = [basis[i, 0] for i in range(size)]
    square = sum((x * x for x in h), fmpq(0))
    line = diagonal([0] * size)
    for i in range(size):
        for j in range(size):
            line[i, j] = h[i] * h[j] / square
    other = size - 1
    chosen = basis * diagonal([0] * other + [1])
    named = dict(zip(sp.symbols("lambda mu"), (values[0], values[other]), strict=True))
    return named | {m: basis * diagonal(values) * basis.inv(), q: line, v: chosen}


def _multipliers():
    """The Jacobian (1/lambda)(1 - q) M at h = +-R v/|v|, q = h h^T/R^2, on h^perp."""
    m, q, v = letters("M q v")
    first, other = sp.symbols("lambda mu")
    rules = (((q, q), q), ((m, q), first * q), ((m, v), other * v))
    tangent = (1 - q) * m
    lam, x = sp.symbols("l x", positive=True)
    z, u = span("z u", {("z", "z"): (lam * R) ** 2, ("u", "z"): x, ("u", "u"): 1})
    along = _derivative(z, u)
    return [
        Equation(along["u"], 1 / lam),
        Equation(along["z"], -x / (lam * (lam * R) ** 2)),
        Words(tangent * (1 - q), (1 - q) * m, rules, _quotient_model),
        Words(tangent * (1 - q) * v, other * (1 - q) * v, rules, _quotient_model),
    ]


def _derivative(p: Span, direction: Span) -> Span:
    """The derivative of N at p along a direction."""
    tau: Any = sp.Symbol("tau")
    moved: Span = p + tau * direction
    return moved.map(lambda x: sp.diff(R * x / sp.sqrt(moved.dot(moved)), tau).subs(tau, 0))


def _sensitivity():
    size, pu, uu, c = sp.symbols("n pu uu c", positive=True)  # |p| = n
    p, u = span("p u", {("p", "p"): size**2, ("p", "u"): pu, ("u", "u"): uu})
    across, along = _derivative(p, u), _derivative(p, c * p)
    return [
        Equation(across.dot(across), R**2 * (size**2 * uu - pu**2) / size**4),
        Equation(across["u"], R / size),
        Equation(along["p"], sp.Integer(0)),
    ]


def _distinct():
    i, j = sp.symbols("i j")
    return [Sentence((sp.Or(i - j >= 1, j - i >= 1),), (i - j) ** 2 >= 1)]


_STEPS = (
    identity(
        "homogeneous",
        "N(c z) = N(z) for c > 0 and |N(z)| = R, so h_t = N(M^t h_0)",
        "every d, every t by induction",
        _homogeneous,
        ("power",),
    ),
    *JORDAN_STEPS,
    identity(
        "splitting",
        "simple real eigenvalue lambda > 0 of largest modulus: M^t = lambda^t P + N^t, l M = lambda"
        " l for its left eigenvector l",
        "every d, every t >= 1 by induction",
        _split,
        ("simple",),
    ),
    identity(
        "multipliers",
        "at h = +-R v/|v| the Jacobian on h^perp is (1/lambda) Pi M, Pi the projector across h; Pi"
        " M Pi = Pi M: it is the map that M/lambda induces on R^d/(h), with the eigenvalues"
        " l_j/lambda of the other l_j",
        "every d",
        _multipliers,
        ("splitting",),
    ),
    deduced(
        "rate",
        "h_t = N(P h_0 + N^t h_0/lambda^t): |h_t - h_inf|^{1/t} -> |l_2|/|lambda|, as |N^t"
        " h_0|^{1/t} -> |l_2| by the powers of the blocks of N at modulus |l_2|, which h_0 feels",
        "every d",
        ("splitting", "homogeneous", "block_power", "second"),
    ),
    decided(
        "one_bit",
        "sign(l h_t) never changes, and N(x v) = sign(x) R v/|v|: the limit is one bit of h_0",
        "every d",
        _signs,
        ("splitting",),
    ),
    identity(
        "sensitivity",
        "|D_u N(p)|^2 = R^2 (|p|^2 |u|^2 - <p, u>^2)/|p|^4 and D_p N(p) = 0, p = W h_0, u = W k",
        "every d",
        _sensitivity,
        ("convergence",),
    ),
    deduced(
        "rank_of_the_memory",
        "rank W = number of Jordan blocks of the largest size at +rho. Rank 1: two limits,"
        " derivative 0. Rank >= 2: some u is not parallel to p, so the limit has derivative != 0"
        " (Cauchy-Schwarz): strong input-dependence, at multipliers l_2/l_1 = 1",
        "every d",
        ("sensitivity", "one_bit"),
    ),
    cited(
        "discriminant_polynomial",
        "discriminant",
        "Prod (l_i - l_j)^2 over the pairs of eigenvalues is a polynomial in the entries of M",
        "every d",
        {"monic": ("power",)},
    ),
    decided(
        "distinct",
        "it is not 0 at diag(1, ..., d): (i - j)^2 >= 1 for different whole numbers",
        "every d",
        _distinct,
    ),
    cited(
        "simple_almost_surely",
        "polynomial_null_set",
        "almost every M has d distinct eigenvalues: all blocks have size 1 and the criterion says"
        " 'simple, real, positive'",
        "every d",
        {"polynomial": ("discriminant_polynomial",), "not_zero": ("distinct",)},
    ),
    *GINIBRE_STEPS,
)

_LOOPS = {
    "recalls": frozenset({Recall.NONE}),
    "outer_norm": True,
    "residuals": frozenset({Residual.ADD}),
}

A5 = Claim(
    id="A5",
    title="Power iteration: the normalised linear loop without recall",
    source="extension",
    statement=(
        "The loop is h' = N(M h) with eps = 0, gamma = 1, M not nilpotent; k is the size of the"
        " largest Jordan block among the eigenvalues of modulus rho(M). If every eigenvalue of"
        " modulus rho(M) with a block of size k equals +rho(M), h_t -> N(W h_0) from every h_0 with"
        " W h_0 != 0, W = (M - rho)^{k-1} P_rho. Otherwise h_t converges from no h_0 outside a"
        " proper subspace. The rank of W is the number of those blocks: with rank >= 2 (a double"
        " semisimple dominant eigenvalue) the limit depends strongly on the input. If the dominant"
        " eigenvalue is simple, all limits are +-v for one vector v, one bit of the input. Then"
        " |h_t - h_inf|^{1/t} -> |l_2|/|l_1| if h_0 has a component on l_2. The error of a Jordan"
        " block at rho falls like 1/t. For almost every M the criterion reads: dominant eigenvalue"
        " simple, real, positive. For independent N(0, 1) entries and d = 2 this has probability"
        " 1/(2 sqrt 2)."
    ),
    latex=(
        r"Let $M\in\mathbb R^{d\times d}$ have $\rho=\rho(M)>0$ and let $h_{t+1}=N(Mh_t)$ with"
        r" $N(z)=\sqrt d\,z/|z|$. Let $k$ be the size of the largest Jordan block among the"
        r" eigenvalues of modulus $\rho$. If every eigenvalue of modulus $\rho$ with a block of"
        r" size $k$ equals $+\rho$, then $h_t\to N(Wh_0)$ for every $h_0$ with $Wh_0\ne0$, where"
        r" $W=(M-\rho)^{k-1}P_\rho$ and $P_\rho$ is the spectral projector; otherwise $h_t$"
        r" converges for almost no $h_0$. The rank of $W$ is the number of blocks of size $k$ at"
        r" $\rho$: if it is $1$, the limit takes two values $\pm v$; if it is at least $2$,"
        r" $D_{h_0}N(Wh_0)\ne0$. The error is $O((|\lambda_2|/|\lambda_1|+\delta)^t)$ for every"
        r" $\delta>0$ if $\lambda_1$ is simple, and of order $1/t$ if $k\ge2$. For almost every $M$"
        r" convergence from almost every $h_0$ means that the dominant eigenvalue is simple, real"
        r" and positive; for independent $N(0,1)$ entries and $d=2$ this has probability"
        r" $1/(2\sqrt2)$."
    ),
    assumptions=(
        Assumption(
            "power", "h' = N(M h), eps = 0, gamma = 1, M a real d x d matrix that is not nilpotent"
        ),
        Assumption(
            "positive",
            "every eigenvalue of modulus rho(M) with the largest Jordan block equals +rho(M)",
        ),
        Assumption("almost_every", "W h_0 != 0"),
        Assumption("simple", "the dominant eigenvalue is simple (one bit, geometric rate)"),
        Assumption(
            "outside",
            "W h_0 has a component on an eigenvalue other than +rho(M), W = N^{k-1} times the"
            " projector on the eigenvalues of modulus rho(M) (converse only)",
        ),
        Assumption("second", "h_0 has a component on an eigenvalue of modulus |l_2| (rate only)"),
        Assumption("ginibre", "M has independent N(0, 1) entries (probability only)"),
    ),
    steps=_STEPS,
    predicates=PREDICATES,
    falsifiers=FALSIFIERS,
    notes=(
        (
            "'Iff the dominant eigenvalue is simple, real, positive' holds for almost every M only:"
            " a double semisimple dominant eigenvalue converges (and depends strongly on the"
            " input), a dominant Jordan block converges at rate 1/t, and so does diag(J_2(1), -1),"
            " where -1 has the same modulus but a smaller block."
        ),
        (
            "The probabilities for d > 2 are measured elsewhere and not part of this claim; by M ->"
            " -M they are half of P(dominant real)."
        ),
        "The bit is the sign of l h_0, l the left eigenvector; eigenvectors are scaled to norm R.",
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes",
            "each of the two fixed points +-v attracts an open half space of initial states",
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="linear update whose dominant eigenvalue is simple, real, positive",
            **_LOOPS,
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "one bit",
            "the limit is +-v, the sign of one linear functional of the initial state: weak, never"
            " strong",
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="linear update whose dominant eigenvalue is simple, real, positive",
            **_LOOPS,
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "yes",
            "a dominant eigenvalue with two or more largest Jordan blocks makes the limit depend"
            " smoothly on the initial state; a null set of M",
            regimes=frozenset({Regime.CRITICAL}),
            when="linear update, at least two largest Jordan blocks, all at +rho",
            **_LOOPS,
        ),
    ),
)
