"""Steps on softmax: its derivative as a covariance, the bound 1/2, and one attention head."""

from __future__ import annotations

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Step
from ..kernel.proof import Sentence, both, decided, identity


def _derivative():
    # p = E/Z with E' = a E and Z' = m Z, where a is the derivative of the score of E and m is
    # Sum_k p_k a_k; then the quadratic form of diag(p) - p p^T
    weight, total, slope, mean = sp.symbols("E Z a m", positive=True)
    p = weight / total
    quotient = (slope * weight * total - weight * mean * total) / total**2
    row, diagonal, column, line, vector = letters("u_t D p p_t u")
    return [
        Equation(quotient, p * (slope - mean)),
        Words(
            row * (diagonal - column * line) * vector,
            row * diagonal * vector - (row * column) * (line * vector),
        ),
    ]


def _variance():
    # E u = m, E u^2 = s, low <= u <= high: E (high - u)(u - low) >= 0
    mean, square, low, high, size = sp.symbols("m s l h n")
    product = (high + low) * mean - square - low * high >= 0
    return [
        Sentence((product,), 4 * (square - mean**2) <= (high - low) ** 2),
        Sentence((high**2 + low**2 <= size,), (high - low) ** 2 <= 2 * size),
        Sentence((product, high**2 + low**2 <= size), 2 * (square - mean**2) <= size),
    ]


def _cauchy_schwarz():
    # the form a + 2 t c + t^2 b >= 0 at one well-chosen t; a, b >= 0 are forms at v and w
    a, b, c, t, gap = sp.symbols("a b c t g")
    form = a + 2 * t * c + t**2 * b
    return [
        Sentence((a >= 0, b > 0, form >= 0, sp.Eq(t * b, -c)), c**2 <= a * b),
        Sentence((gap > 0, sp.Eq(b, 0), sp.Eq(2 * t * c, -(a + gap))), form < 0),
    ]


def _half():
    # w = S v: |w|^2 = <v, S w> = x, <v, S v> = a <= |v|^2/2, <w, S w> = b <= |w|^2/2
    x, a, b, size = sp.symbols("x a b n")
    given = (x >= 0, a >= 0, b >= 0, x**2 <= a * b, 2 * a <= size, 2 * b <= x)
    return [Sentence(given, 4 * x <= size)]


def _covariance():
    # along a unit vector w: cov^2 <= var(w v) var(s), var(w v) <= E (w v)^2 <= V^2, var <= E s^2
    cov, values, scores, size, square, mean = sp.symbols("c a b V s m")
    return [
        Sentence((sp.Eq(values, square - mean**2),), values <= square),
        Sentence(
            (cov**2 <= values * scores, values <= size**2, scores >= 0, scores <= square),
            cov**2 <= size**2 * square,
        ),
    ]


def _bilinear():
    q, k, q2, k2 = sp.symbols("q k q_2 k_2")  # one coordinate; the sum over coordinates is linear
    return [Equation(q2 * k2 - q * k, (q2 - q) * k2 + q * (k2 - k))]


def _scores():
    # x = |<q' - q, k'>|, y = |<q, k' - k>|, |q|, |k'| <= r times a gain, r s <= x + y
    root, gain_q, gain_k, first, second, dq, dk, change = sp.symbols("r g_q g_k x y a b s")
    return [
        Sentence(
            (
                root > 0,
                both(first <= dq * root * gain_k, second <= root * gain_q * dk),
                root * change <= first + second,
            ),
            change <= gain_k * dq + gain_q * dk,
        )
    ]


def chain(nonnegative, steps, bound):
    """Inequalities bound the last of some values, and equalities attain the bound."""
    given = tuple(factor >= 0 for factor in nonnegative)
    last = steps[-1][0]
    return [
        Sentence((*given, *(value <= most for value, most in steps)), last <= bound),
        Sentence(tuple(sp.Eq(value, most) for value, most in steps), sp.Eq(last, bound)),
    ]


def _head_sum():
    values, size, gain_q, gain_k, queries, keys, root = sp.symbols("n V g_q g_k l_q l_k root")
    moved, mean, score, out, delta = sp.symbols("a m s o x")
    constant = formula("head_lipschitz")(values, size, gain_q, gain_k, queries, keys, root)
    # x is the norm of the change of the tokens, m = root x bounds that of the p-weighted changes
    steps = (
        (mean, root * delta),
        (moved, values * mean),
        (score, gain_k * queries * delta + gain_q * keys * mean),
        (out, moved + size * score),
    )
    return chain((size, gain_q, values, keys), steps, constant * delta)


def _columns():
    # Sum_i p_ij <= n as p_ij <= 1 on the n queries that see key j: one key, its square of change
    total, count, square, weighted = sp.symbols("c n a w")
    p, seen = sp.symbols("p t")
    return [
        Sentence((p <= 1, total <= count - 1, sp.Eq(seen, total + p)), seen <= count),
        Sentence(
            (square >= 0, total <= count, sp.Eq(weighted, total * square)),
            weighted <= count * square,
        ),
    ]


def _heads():
    # two heads side by side, then W_o: the square of the norm is a sum, by induction over heads
    a, b, first, second, delta, out, weight, joint = sp.symbols("a b l_1 l_2 x y w s")
    given = (a >= 0, b >= 0)
    return [
        Sentence(
            (*given, a <= first * delta, b <= second * delta),
            a**2 + b**2 <= (first**2 + second**2) * delta**2,
        ),
        Sentence(
            (out >= 0, out <= weight * joint, joint**2 <= first * delta**2),
            out**2 <= weight**2 * first * delta**2,
        ),
    ]


SOFTMAX_STEPS = (
    identity(
        "softmax_derivative",
        "p' = p (s' - Sum_k p_k s'_k) for the derivative s' of the scores, so the derivative of"
        " softmax is S = diag(p) - p p^T, and <u, S u> = Sum p u^2 - (Sum p u)^2 is the variance"
        " of u under p",
        "every L",
        _derivative,
    ),
    decided(
        "variance",
        "var(u) <= (max u - min u)^2/4 <= |u|^2/2, from E (max - u)(u - min) >= 0 and max^2 +"
        " min^2 <= |u|^2 (two different entries; one alone has variance 0)",
        "every L",
        _variance,
        ("softmax_derivative", "probabilities"),
    ),
    decided(
        "cauchy_schwarz",
        "a form that is never negative satisfies <v, S w>^2 <= <v, S v> <w, S w>, from its value at"
        " v + t w; if <w, S w> = 0 and <v, S w> were not, it would be negative at some t",
        "every L",
        _cauchy_schwarz,
    ),
    decided(
        "half", "so |S v| <= |v|/2: take w = S v", "every L", _half, ("variance", "cauchy_schwarz")
    ),
)
"""The 2-norm of the derivative of softmax is at most 1/2."""


def head_steps(norm: str) -> tuple[Step, ...]:
    """The Lipschitz constant of an attention head with QK-norm, and of several heads.

    Args:
        norm: name of the step that bounds the Lipschitz constant of QK-norm.
    """
    return (
        decided(
            "covariance",
            "Sum_j p'_j v_j is the covariance of v and s' under p; along every unit vector its"
            " square is at most V^2 Sum p s'^2, as |v_j| <= V",
            "every L",
            _covariance,
            ("softmax_derivative", "cauchy_schwarz", "values"),
        ),
        identity(
            "bilinear",
            "<q', k'> - <q, k> = <q' - q, k'> + <q, k' - k>, coordinate by coordinate",
            "every d",
            _bilinear,
        ),
        decided(
            "scores",
            "a score <q, k>/sqrt(d) with |q| <= sqrt(d) g_q and |k| <= sqrt(d) g_k, which QK-norm"
            " gives and rotary phases (isometries) keep, moves by at most g_k |q' - q| + g_q |k' -"
            " k|; a bias of the window cancels",
            "every d",
            _scores,
            ("bilinear", "qk_norm"),
        ),
        decided(
            "columns",
            "Sum_ij p_ij a_j^2 <= n Sum_j a_j^2 if at most n queries see each key, so that weighted"
            " root mean squares have the factor sqrt(n) in the 2-norm, and 1 in the largest norm of"
            " a token",
            "every L, every n by induction",
            _columns,
            ("probabilities", "visible"),
        ),
        decided(
            "head_sum",
            "on the straight path in scores and values, |o'| <= sqrt(Sum p v'^2) + V sqrt(Sum p"
            " s'^2), and by Minkowski's inequality over the tokens the head has the"
            " constant root n_v + V (g_k l_q + root g_q l_k)",
            "every d, every L",
            _head_sum,
            ("covariance", "scores", "columns", "weights", norm),
        ),
        decided(
            "heads",
            "heads side by side: the squares of their constants add up, and |W_o| multiplies; two"
            " heads, then the sum of all before and one more",
            "every m by induction",
            _heads,
            ("head_sum",),
        ),
    )
