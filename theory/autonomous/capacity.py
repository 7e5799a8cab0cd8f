"""Claim M6: what a loop without recall can transmit in the limit, on finite sets of inputs.

Through m reachable fixed points it transmits at most log2 m bits.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided, deduced, identity
from .falsifiers.capacity import FALSIFIERS


def _entropy():
    equations = []
    for m in (2, 3, 5):
        p = sp.symbols(f"p:{m}")
        # H - log m = Sum p_i log(1/(m p_i)) <= Sum p_i (1/(m p_i) - 1), from log x <= x - 1
        equations.append(Equation(sum(x * (1 / (m * x) - 1) for x in p), 1 - sum(p)))
    return equations


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
    # x = |h - k|, y = |(I - J)(h - k)|, both fixed
    return [Sentence((x > 0, y >= gap * x, 2 * y <= curvature * x**2), curvature * x >= 2 * gap)]


def _packing():
    r, curvature, gap = sp.symbols("r M g", positive=True)
    bound = formula("fixed_point_packing")
    # balls of half the distance 2 gap/curvature are disjoint and lie in the ball of radius r + half
    half = gap / curvature
    return [Equation(bound(d, r, curvature, gap), (r + half) ** d / half**d) for d in (1, 2, 3, 4)]


def _attention(tokens: list[sp.Symbol], visible) -> list[sp.Expr]:
    """The output of one attention head, token by token, without a positional signal.

    The weight k(x, y) > 0 depends on the pair of contents, the value v(y) on one of them;
    `visible(i, j)` is the mask.
    """
    out = []
    for i, x in enumerate(tokens):
        keys = [y for j, y in enumerate(tokens) if visible(i, j)]
        weights = [sp.Symbol(f"k_{x}{y}", positive=True) for y in keys]
        values = [sp.Symbol(f"v_{y}") for y in keys]
        out.append(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
    return out


def _everything(_i: int, _j: int) -> bool:
    return True


def _equivariance():
    a, b, c = sp.symbols("a b c")
    equations = []
    for order in ((1, 0, 2), (1, 2, 0), (2, 1, 0)):
        plain = _attention([a, b, c], _everything)
        moved = _attention([[a, b, c][i] for i in order], _everything)
        equations += [Equation(moved[k], plain[i]) for k, i in enumerate(order)]
    return equations


def _equal_tokens():
    a, b = sp.symbols("a b")
    v_a, v_b = sp.symbols("v_a v_b")
    k_aa, k_ab = sp.symbols("k_aa k_ab", positive=True)
    first, second, _ = _attention([a, a, b], _everything)
    causal = _attention([a, b, a], lambda i, j: j <= i)
    return [
        Equation(first, second),
        Equation(first, (2 * k_aa * v_a + k_ab * v_b) / (2 * k_aa + k_ab)),
        # a causal mask is a positional signal: it makes the two tokens a differ
        Equation(causal[2] - causal[0], k_ab * (v_b - v_a) / (2 * k_aa + k_ab)),
    ]


_STEPS = (
    deduced(
        "finitely_many_values",
        "h_inf(e) is one of the m fixed points that the inputs reach (A3: the limit is fixed), so e"
        " -> h_inf(e) takes at most m values",
        "every d",
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
        "H(h_inf) - log m <= Sum p_i (1/(m p_i) - 1) = 1 - Sum p_i = 0: at most log2 m bits; h_inf"
        " is a function of e, so I(e; h_inf) = H(h_inf)",
        "m in {2, 3, 5}",
        _entropy,
        ("finitely_many_values", "logarithm"),
    ),
    decided(
        "accuracy",
        "any read-out of h_inf gives at most m answers: with K equally likely answers it is right"
        " with probability at most m/K, and with answers of probability at most p at most m p",
        "every m, every K",
        _accuracy,
        ("finitely_many_values",),
    ),
    decided(
        "separation",
        "|(I - J)x| >= g|x| and |D^2 f| <= M: fixed points are at least 2g/M apart",
        "every d",
        _separation,
        ("non_degenerate",),
    ),
    identity(
        "packing",
        "balls of radius g/M about them are disjoint in the ball of radius r + g/M: m <= (1 + r"
        " M/g)^d, at most d log2(1 + r M/g) bits",
        "d in {1..4}",
        _packing,
        ("separation",),
    ),
    identity(
        "equivariance",
        "attention without positional signal commutes with permutations of the tokens; norms,"
        " residuals and MLPs act on each token",
        "L = 3, every d",
        _equivariance,
        ("positionless",),
    ),
    identity(
        "equal_tokens",
        "equal tokens get equal updates, under a causal mask they do not: the difference is k_ab"
        " (v_b - v_a)/(2 k_aa + k_ab), not zero unless v_a = v_b: a causal mask is a positional"
        " signal",
        "L = 3, every d",
        _equal_tokens,
        ("equivariance",),
    ),
    deduced(
        "partition",
        "by induction over t tokens that start equal stay equal: the number of different tokens"
        " never grows, and m counts fixed points of the loop on that invariant subspace",
        "every d, every L, every t",
        ("equivariance", "equal_tokens"),
    ),
)

_NONE = frozenset({Recall.NONE})

M6 = Claim(
    id="M6",
    title="Capacity of the limit without recall",
    source="extension",
    statement=(
        "A loop without recall whose inputs reach m fixed points transmits at most log2 m bits in"
        " the limit: I(e; h_inf) = H(h_inf) <= log2 m, and any read-out is right on K equally"
        " likely answers with probability at most m/K. If |(I - J)x| >= g|x| and |D^2 f| <= M at"
        " the fixed points in a ball of radius r, m <= (1 + r M/g)^d. Without positional signal (a"
        " causal mask is one) tokens that start equal stay equal."
    ),
    latex=(
        r"Let $h_{t+1}=f(h_t)$ with $f$ continuous, and let the limits $h_\infty(e)$ of the inputs"
        r" $e$ lie in a set of $m$ fixed points. Then for every distribution of the input"
        r" $I(e;h_\infty)=H(h_\infty)\leq\log_2m$, and any read-out of $h_\infty$ is right on $K$"
        r" equally likely answers with probability at most $m/K$. If the fixed points lie in a ball"
        r" of radius $r$, and at each of them $|(I-J)x|\geq g|x|$ for all $x$ and $|D^2f|\leq M$ on"
        r" the ball, then $m\leq(1+rM/g)^d$. If the loop has no positional signal (no position"
        r" encoding, no causal mask), tokens that are equal at $t=0$, with equal inputs, are equal"
        r" for all $t$."
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
            "non_degenerate",
            "for the packing bound: |(I - J)x| >= g|x| at the fixed points and |D^2 f| <= M on the"
            " ball",
        ),
        Assumption(
            "positionless",
            "for the last part: no positional signal inside the loop, no mask, equal inputs on"
            " equal tokens",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "at most log2 m bits",
            "In the limit a loop without recall tells apart at most as many inputs as it has"
            " reachable fixed points.",
            recalls=_NONE,
            regimes=frozenset(Regime),
        ),
    ),
    notes=(
        "On a finite set of inputs A3 is vacuous; this is what remains of it.",
        (
            "A causal mask counts as a positional signal: of the tokens a, b, a the first and the"
            " third separate after one loop."
        ),
    ),
)
