"""L4: the answer of a loop that settles, and its accuracy, are constant from a computable loop."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, decided, identity
from .falsifiers.answers import FALSIFIERS, PREDICATES


def _loop_count():
    c, lip, m, q = sp.symbols("C Lambda m q", positive=True)
    loops = sp.expand_log(formula("answer_loop")(c, lip, m, q), force=True)
    logs: Any = {sp.log(x): sp.Symbol(f"log_{x}") for x in (c, lip, m, q)}
    # log(C Lambda q^t) = log m at t = log(C Lambda/m)/log(1/q)
    left = sum((logs[sp.log(x)] for x in (c, lip)), loops.subs(logs) * logs[sp.log(q)])
    return [Equation(left, logs[sp.log(m)])]


def _beyond():
    # a = log(C Lambda/m), u = log(1/q), b = log(C Lambda q^t/m) = a - t u
    a, u, t, b = sp.symbols("a u t b")
    return [Sentence((t * u > a, sp.Eq(b, a - t * u)), b < 0)]


def _margin_left():
    # x = |h_t - h*|, power = q^t, change = |D(h_t) - D(h*)| for a difference D of logits
    x, c, lip, m, power, now, limit = sp.symbols("x C Lambda m p D_t D")
    moved = both(now - limit <= lip * x, limit - now <= lip * x)
    return [Sentence((lip >= 0, x <= c * power, lip * c * power < m, moved, limit >= m), now > 0)]


def _later():
    c, lip, m, q, power = sp.symbols("C Lambda m q p")
    left = lip * c * power
    return [Sentence((lip >= 0, c >= 0, power >= 0, q < 1, left < m), lip * c * q * power < m)]


def _finite_set():
    first, last, t, count, following, right = sp.symbols("T T_max t a b r")
    return [
        # t > T_max >= T for each input
        Sentence((first <= last, t > last), t > first),
        # from n to n + 1 inputs: a sum of numbers that no longer change does not change
        Sentence((sp.Eq(count, following),), sp.Eq(count + right, following + right)),
    ]


def _attained():
    # h' = q h from C with the difference D = m - Lambda h: D(h_t) <= 0 while C Lambda q^t >= m
    c, lip, m, power, now = sp.symbols("C Lambda m p D_t")
    exact = (sp.Eq(now, m - lip * c * power),)
    return [Sentence(exact, sp.Equivalent(now > 0, lip * c * power < m))]


_STEPS = (
    identity(
        "loop_count",
        "log(C Lambda q^t) = log m at t = log(C Lambda/m)/log(1/q)",
        "no size",
        _loop_count,
    ),
    decided(
        "beyond",
        "log(C Lambda q^t/m) < 0 for every larger t, so C Lambda q^t < m",
        "every t",
        _beyond,
        ("loop_count",),
    ),
    decided(
        "margin_left",
        "each difference D of the logit of the answer at h* and another has D(h_t) >= m - Lambda C"
        " q^t > 0",
        "every d, every t",
        _margin_left,
        ("settles", "lipschitz", "margin", "beyond"),
    ),
    decided(
        "later",
        "Lambda C q^t < m passes from t to t + 1, so the answer stays",
        "every t by induction",
        _later,
        ("margin_left",),
    ),
    decided(
        "finite_set",
        "beyond the largest of finitely many loops no answer changes, and neither does a sum over"
        " the inputs (from n to n + 1 inputs)",
        "every n by induction",
        _finite_set,
        ("later",),
    ),
    decided(
        "attained",
        "no earlier loop serves for all such orbits: for h' = q h from C and D = m - Lambda h the"
        " answer is that of h* only where C Lambda q^t < m",
        "d = 1, every t",
        _attained,
    ),
)

L4 = Claim(
    id="L4",
    title="The answer is constant from a computable loop on",
    source="extension",
    statement=(
        "|h_t - h*| <= C q^t for t >= t_0 with 0 < q < 1 (L1, N3), the differences of two logits"
        " have the Lipschitz constant Lambda on the ball |h - h*| <= C q^(t_0), and in every cell"
        " the logit of the answer at h* exceeds every other by at least m > 0. "
        + " ".join(item.sentence for item in PREDICATES)
        + " For h' = q h with a linear read-out no earlier loop serves."
    ),
    assumptions=(
        Assumption("settles", "|h_t - h*| <= C q^t for all t >= t_0, and 0 < q < 1"),
        Assumption(
            "lipschitz",
            "the difference of any two logits is Lambda-Lipschitz on the ball |h - h*| <= C"
            " q^(t_0)",
        ),
        Assumption("margin", "in every cell the answer at h* leads by at least m > 0"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "Without a margin the answer may change for ever: h' = -h/2 read out by its sign. On a"
        " cycle it may change for ever with any margin.",
        "The statement is about each finite test set. Over infinitely many inputs margins may tend"
        " to 0, and then no loop serves for all of them.",
    ),
    latex=(
        r"Let $|h_t-h^*|\le Cq^t$ for all $t\ge t_0$, with $0<q<1$; let the difference of any two"
        r" logits be $\Lambda$-Lipschitz on the ball $|h-h^*|\le Cq^{t_0}$, and let the logit of"
        r" the answer at $h^*$ exceed every other logit of its cell by at least $m>0$. Then the"
        r" answer at every loop $t\ge t_0$ with \[t>\frac{\log(C\Lambda/m)}{\log(1/q)}\] is the"
        r" one at $h^*$. So every accuracy over a finite test set of such inputs is constant"
        r" beyond the largest of these loops. For $h'=qh$, $h_0=C$ and the difference of logits"
        r" $m-\Lambda h$ the answer is that of $h^*=0$ only at these loops."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes",
            "The answer is that of the fixed point from a computable loop on, so accuracies over"
            " finite test sets stop changing.",
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="the orbit converges to the fixed point, and the read-out has a margin there",
        ),
    ),
)
