"""Claim M6: what a loop without recall can transmit in the limit, on finite sets of inputs.

Through m reachable fixed points it transmits at most log2 m bits; m may grow exponentially.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall
from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, decided, deduced, identity
from .falsifiers.capacity import EQUAL_TOKENS, FALSIFIERS, PREDICATES, SEPARATION, TELLS_APART
from .input_dependence import limit_is_fixed


def _entropy():
    p, m, total = sp.symbols("p m S")
    # H - log m = Sum p_i log(1/(m p_i)) <= Sum p_i (1/(m p_i) - 1), from log x <= x - 1: one term,
    # and the sum of m of them, where S = Sum p_i is 1, so that S/m is the mean of the p_i
    return [
        Equation(p * (1 / (m * p) - 1), 1 / m - p),
        Equation(m * (1 / m - total / m), 1 - total),
    ]


def _bernoulli():
    n, t, power = sp.symbols("n t u")
    # (1 + t)^n >= 1 + n t by induction over n (the step leaves n t^2 >= 0 over); with t = y/n,
    # e^y = lim (1 + y/n)^n >= 1 + y, that is log x <= x - 1
    return [Sentence((t >= -1, power >= 1 + n * t), power * (1 + t) >= 1 + (n + 1) * t + n * t**2)]


def _accuracy():
    right, m, classes, hits, p = sp.symbols("a m K c p")
    # at most m answers ever occur; each is right for one class, of probability at most p
    return [
        Sentence((p > 0, hits <= m, right <= hits * p), right <= m * p),
        Sentence((classes > 0, sp.Eq(classes * p, 1), right <= m * p), classes * right <= m),
    ]


def _separation():
    x, y, gap, curvature = sp.symbols("x y g M")
    # x = |h - k|, y = |(I - J)(h - k)| = |f(h) - f(k) - J(h - k)|, as both are fixed
    return [Sentence((x > 0, y >= gap * x, 2 * y <= curvature * x**2), curvature * x >= 2 * gap)]


def _packing():
    d, r, curvature, gap = sp.symbols("d r M g", positive=True)
    bound = formula("fixed_point_packing")
    # balls of half the distance 2 gap/curvature are disjoint, in the ball of radius r + half
    # whose volume is theirs times the d-th power of this ratio
    half = gap / curvature
    ratio = (r + half) / half
    return [
        Equation(bound(1, r, curvature, gap), ratio),
        Equation(
            bound(d + 1, r, curvature, gap) / bound(d, r, curvature, gap), ratio, point=_whole_size
        ),
    ]


def _whole_size(rng: random.Random):
    """A random point with a whole d, for powers are rational there."""
    r, curvature, gap = (rational(rng, positive=True) for _ in range(3))
    names = sp.symbols("d r M g", positive=True)
    return dict(zip(names, (sp.Integer(rng.randint(1, 9)), r, curvature, gap), strict=True))


def _clamped(h: sp.Symbol, z: sp.Symbol) -> Any:
    """z = clamp(2h, -1, 1)."""
    inside = both(2 * h > -1, 2 * h < 1, sp.Eq(z, 2 * h))
    return sp.Or(both(2 * h >= 1, sp.Eq(z, 1)), both(2 * h <= -1, sp.Eq(z, -1)), inside)


def _latch():
    h, z, p, q = sp.symbols("h z p q")
    clamped = _clamped(h, z)

    def relu(x: Any, y: sp.Symbol) -> Any:
        return sp.Or(both(x >= 0, sp.Eq(y, x)), both(x < 0, sp.Eq(y, 0)))

    signs: tuple[Any, ...] = (sp.Eq(h, -1), sp.Eq(h, 0), sp.Eq(h, 1))
    return [
        Sentence((clamped,), sp.Equivalent(sp.Eq(z, h), sp.Or(*signs))),
        Sentence((clamped, 2 * h >= 1), sp.Eq(z, 1)),
        Sentence((clamped, h > 0, 2 * h < 1), sp.Eq(z, 2 * h)),
        Sentence((clamped, h < 0), z < 0),
        Sentence((relu(2 * h + 1, p), relu(2 * h - 1, q), sp.Eq(z, p - q - 1)), clamped),
    ]


def _latch_on_the_sphere():
    h, z, d, q, s = sp.symbols("h z d q s")
    # q = Sum z_i^2 over the d coordinates of a token, N(z) = s z with s^2 q = d
    return [
        Sentence((d > 0, q > 0, q <= d, s > 0, sp.Eq(s**2 * q, d)), s >= 1),
        Sentence((d > 0, s > 0, sp.Eq(q, d), sp.Eq(s**2 * q, d)), sp.Eq(s, 1)),
        Sentence((_clamped(h, z), h > 0, s >= 1), sp.Or(s * z >= 2 * h, s * z >= 1)),
    ]


def _attention(tokens: list[sp.Symbol], visible, others: bool = False) -> list[sp.Expr]:
    """The output of one attention head, token by token, without a positional signal.

    The weight k(x, y) > 0 depends on the pair of contents, the value v(y) on one of them;
    `visible(i, j)` is the mask. `others` adds further tokens that all see: for the content x, m(x)
    is the sum of their weights and n(x) that of their weighted values.
    """
    out = []
    for i, x in enumerate(tokens):
        keys = [y for j, y in enumerate(tokens) if visible(i, j)]
        weights = [sp.Symbol(f"k_{x}{y}", positive=True) for y in keys]
        values = [sp.Symbol(f"v_{y}") for y in keys]
        rest, share = (
            (sp.Symbol(f"n_{x}"), sp.Symbol(f"m_{x}", positive=True)) if others else (0, 0)
        )
        total = sum(w * v for w, v in zip(weights, values, strict=True)) + rest
        out.append(total / (sum(weights) + share))
    return out


def _everything(_i: int, _j: int) -> bool:
    return True


def _equivariance():
    a, b, c = sp.symbols("a b c")
    plain = _attention([a, b, c], _everything, others=True)
    moved = _attention([b, a, c], _everything, others=True)
    return [Equation(moved[k], plain[i]) for k, i in enumerate((1, 0, 2))]


def _equal_tokens():
    a, b = sp.symbols("a b")
    v_a, v_b, n = sp.symbols("v_a v_b n_a")
    k_aa, k_ab, m = sp.symbols("k_aa k_ab m_a", positive=True)
    first, second, _ = _attention([a, a, b], _everything, others=True)
    return [
        Equation(first, second),
        Equation(first, (2 * k_aa * v_a + k_ab * v_b + n) / (2 * k_aa + k_ab + m)),
    ]


def _causal_mask():
    a, b = sp.symbols("a b")
    v_a, v_b = sp.symbols("v_a v_b")
    k_aa, k_ab = sp.symbols("k_aa k_ab", positive=True)
    causal = _attention([a, b, a], lambda i, j: j <= i)
    return [Equation(causal[2] - causal[0], k_ab * (v_b - v_a) / (2 * k_aa + k_ab))]


_STEPS = (
    decided(
        "fixed_points_reached",
        "|f(h_inf) - h_inf| <= |f(h_inf) - f(h_t)| + |h_{t+1} - h_inf| < 2 eps for every eps > 0:"
        " h_inf(e) is one of the m fixed points of f that the inputs reach, so e -> h_inf(e) takes"
        " at most m values",
        "every d",
        limit_is_fixed,
        ("autonomous", "limit", "reachable"),
    ),
    decided(
        "logarithm",
        "(1 + y/n)^n >= 1 + y for y >= -n (Bernoulli), so e^y >= 1 + y and log x <= x - 1",
        "every n by induction",
        _bernoulli,
    ),
    identity(
        "entropy",
        "p log(1/(m p)) <= p (1/(m p) - 1) = 1/m - p for each value; the sum over m values is m/m -"
        " 1 = 0: H(h_inf) <= log m, at most log2 m bits; h_inf is a function of e, so I(e; h_inf) ="
        " H(h_inf)",
        "every m",
        _entropy,
        ("fixed_points_reached", "logarithm"),
    ),
    decided(
        "accuracy",
        "any read-out of h_inf gives at most m answers: with K equally likely answers it is right"
        " with probability at most m/K, and with answers of probability at most p at most m p",
        "every m, every K",
        _accuracy,
        ("fixed_points_reached",),
    ),
    decided(
        "separation",
        "|(I - J)x| >= g|x|, and by Taylor's formula on the segment between the two, which lies in"
        " C, |(I - J)x| <= M|x|^2/2: fixed points are at least 2g/M apart",
        "every d",
        _separation,
        ("gap", "curvature"),
    ),
    identity(
        "packing",
        "balls of radius g/M about them are disjoint in the ball of radius r + g/M: m <= (1 + r"
        " M/g)^d, at most d log2(1 + r M/g) bits",
        "every d by induction",
        _packing,
        ("separation",),
    ),
    decided(
        "latch",
        "in each coordinate z = clamp(2h, -1, 1) = relu(2h + 1) - relu(2h - 1) - 1 has the fixed"
        " points -1, 0, 1; it doubles |h| until |h| >= 1/2, then z is the sign of h, and it never"
        " changes the sign",
        "every d",
        _latch,
    ),
    decided(
        "latch_on_the_sphere",
        "N(z) = s z with s >= 1, because |z|^2 <= d, and s = 1 where all |z_i| = 1: with an outer"
        " norm (gain 1, eps = 0) coordinates still double at least, until all are the signs",
        "every d",
        _latch_on_the_sphere,
    ),
    deduced(
        "many_fixed_points",
        "coordinate by coordinate, for L tokens of width d: each of the 2^(L d) sign vectors s is"
        " fixed, and from |h_i - s_i| <= 1/2 for all i the next state is s: J = 0, s is isolated"
        " and attracts. From h_0 without zeros the limit is the sign of h_0, L d bits of it, after"
        " finitely many loops",
        "every d, every L",
        ("latch", "latch_on_the_sphere"),
    ),
    deduced(
        "per_token",
        "the m fixed points lie in the product of the sets of their m_i different i-th tokens: m <="
        " m_1 ... m_L, so log2 m <= Sum log2 m_i; equality for the clamp, d bits per token",
        "every d, every L",
        ("fixed_points_reached",),
    ),
    identity(
        "equivariance",
        "attention without positional signal commutes with the exchange of two tokens, so with"
        " every permutation, for any weights k(x, y) and values v(y); norms, residuals and MLPs act"
        " on each token",
        "every d, every L >= 2",
        _equivariance,
        ("positionless",),
    ),
    identity(
        "equal_tokens",
        "equal tokens get equal updates",
        "every d, every L >= 2",
        _equal_tokens,
        ("equivariance",),
    ),
    identity(
        "causal_mask",
        "under a causal mask they do not: of the tokens a, b, a the third and the first differ by"
        " k_ab (v_b - v_a)/(2 k_aa + k_ab), not zero unless v_a = v_b: a causal mask is a"
        " positional signal",
        "every d, L = 3",
        _causal_mask,
    ),
    deduced(
        "partition",
        "by induction over t tokens that start equal stay equal: the number of different tokens"
        " never grows, and m counts fixed points of the loop on that invariant subspace",
        "every d, every L >= 2, every t",
        ("equivariance", "equal_tokens"),
    ),
)

_NONE = frozenset({Recall.NONE})

M6 = Claim(
    id="M6",
    title="Capacity of the limit without recall",
    source="extension",
    statement=(
        f"{TELLS_APART.sentence} Any read-out of the limit is right on K equally likely answers"
        f" with probability at most m/K. {SEPARATION.sentence}, and those in a ball of radius r"
        " are at most (1 + r M/g)^d. They can be many: h' = clamp(2h, -1, 1), and N of it on each"
        " token (gain 1, eps = 0), has 2^(L d) isolated fixed points that attract, and from h_0"
        " without zeros its limit is the sign of every coordinate. The limit of L tokens carries"
        " at most the sum of"
        f" what its tokens carry, log2 m <= Sum log2 m_i. {EQUAL_TOKENS.sentence}"
    ),
    latex=(
        r"Let $h_{t+1}=f(h_t)$ with $f$ continuous, and let the limits $h_\infty(e)$ of the inputs"
        r" $e$ lie in a set of $m$ fixed points. Then for every distribution of the input"
        r" $I(e;h_\infty)=H(h_\infty)\leq\log_2m$, and any read-out of $h_\infty$ is right on $K$"
        r" equally likely answers with probability at most $m/K$. If $|D^2f|\leq M$ on a convex set"
        r" $C$, two fixed points in $C$ at which $|(I-J)x|\geq g|x|$ for all $x$, $g>0$, are at"
        r" least $2g/M$ apart, and those in a ball of radius $r$ are at most $(1+rM/g)^d$. They can"
        r" be many: $h\mapsto\mathrm{clamp}(2h,-1,1)$, coordinate by coordinate on $L$ tokens of"
        r" width $d$, has $2^{Ld}$ isolated fixed points with $J=0$, and $h_\infty$ is the sign of"
        r" every coordinate of $h_0$ (no coordinate of $h_0$ being zero); the same with an outer"
        r" norm, $\gamma=1$, $\varepsilon=0$. If the $m$ fixed points have $m_i$ different $i$-th"
        r" tokens, $\log_2m\leq\sum_i\log_2m_i$. If the loop has no positional signal (no position"
        r" encoding, no causal mask), tokens that are equal at $t=0$ are equal for all $t$."
    ),
    assumptions=(
        Assumption("autonomous", "no recall: the input enters through h_0 only"),
        Assumption(
            "limit",
            "the read-out sees h_inf = lim h_t, f continuous there; at a finite t nothing is"
            " bounded",
        ),
        Assumption("reachable", "the limits of the inputs are at most m fixed points"),
        Assumption(
            "gap", "for the packing bound: g > 0 and |(I - J)x| >= g|x| at the fixed points"
        ),
        Assumption(
            "curvature",
            "for the packing bound: |D^2 f| <= M on a convex set that holds the fixed points, not"
            " only at them",
        ),
        Assumption(
            "positionless", "for the last part: no positional signal inside the loop, and no mask"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "at most log2 m bits",
            "In the limit a loop without recall tells apart at most as many inputs as it has"
            " reachable fixed points; they can be 2^d per token.",
            recalls=_NONE,
            regimes=frozenset(Regime),
        ),
    ),
    notes=(
        "On a finite set of inputs A3 is vacuous; this is what remains of it.",
        (
            "Countable does not mean few. What the limit cannot carry is a difference of inputs"
            " within one basin: there it is constant (A3). What it can carry is the basin: of the"
            " clamp, d bits per token."
        ),
        (
            "A bound of D^2 f at the fixed points alone is not enough: f = h - delta sin(h/delta)"
            " has |1 - J| >= 1 and D^2 f = 0 at its infinitely many fixed points, pi delta apart."
        ),
        (
            "Measured (loopstab.models.measure.limits, not part of the proof): the trained"
            " none/post loop prefix-sums-16-none-post-s1 has 127 different limits for the 127 of"
            " 128 inputs that settle, and each moves by 8e-12 (rounding) per unit of the embedding;"
            " it is 0.44 with external recall (external-post-s1) and 0.27 with internal"
            " (internal-post-s1)."
        ),
        (
            "A causal mask counts as a positional signal: of the tokens a, b, a the first and the"
            " third separate after one loop."
        ),
    ),
)
