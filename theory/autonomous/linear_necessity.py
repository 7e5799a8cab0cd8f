"""Steps of A1: the conditions for convergence from every start are necessary.

An eigenvalue that violates them leaves states that grow, turn or drift for ever. The identities are
between words, so they hold for every d; lambda may be complex, and then so are the vectors.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..kernel.algebra import Equation, Words, diagonal, fmpq, letters, random_matrix, rational
from ..kernel.proof import Sentence, cited, decided, deduced, identity

LAMBDA, POWER = sp.symbols("lambda L")
"""the eigenvalue, and lambda^{t-1}"""


def _chain_model(rng: random.Random, size: int) -> dict[sp.Symbol, Any]:
    """M with a Jordan block of size 2, the eigenvector v and the next vector u of its chain.

    For size 1 there is only the chain with v = 0.
    """
    m, u, v = letters("M u v")
    eigenvalue = rational(rng)
    form = diagonal([eigenvalue] * min(size, 2) + [rational(rng) for _ in range(size - 2)])
    first, second = diagonal([0] * size), diagonal([1] + [0] * (size - 1))
    if size > 1:
        form[0, 1] = fmpq(1)
        first[0, 0], second = fmpq(1), diagonal([0] * size)
        second[1, 0] = fmpq(1)
    basis = random_matrix(rng, size)
    matrix = basis * form * basis.inv()
    return {m: matrix, u: basis * second, v: basis * first, LAMBDA: eigenvalue}


def _chain():
    m, u, v = letters("M u v")
    t = sp.Symbol("t")
    rules = (((m, v), LAMBDA * v), ((m, u), LAMBDA * u + v))
    now = POWER * LAMBDA * u + t * POWER * v
    later = POWER * LAMBDA**2 * u + (t + 1) * POWER * LAMBDA * v
    return [Words(m * now, later, rules, _chain_model)]


def _chain_growth():
    a, b, x, t = sp.symbols("a b x t")
    # |lambda| = 1, a = |v|, b = |u|: x = |M^t u| >= t a - b passes every bound
    bound = sp.Symbol("c")
    return [Sentence((x >= t * a - b, t * a > b + bound), x > bound)]


def _eigenplane():
    p, q, x, y = sp.symbols("p q x y")
    after = (p * x - q * y, q * x + p * y)
    return [
        Equation(after[0] ** 2 + after[1] ** 2, (p**2 + q**2) * (x**2 + y**2)),
        Equation((after[0] - x) ** 2 + (after[1] - y) ** 2, ((p - 1) ** 2 + q**2) * (x**2 + y**2)),
    ]


def _step_stays():
    p, q, start, now, later, step = sp.symbols("p q n_0 n_t n_u s")
    off_one = (p - 1) ** 2 + q**2 > 0
    outside = p**2 + q**2 >= 1
    return [
        Sentence(
            (outside, start > 0, now >= start, sp.Eq(later, (p**2 + q**2) * now)), later >= start
        ),
        Sentence(
            (off_one, start > 0, now >= start, sp.Eq(step, ((p - 1) ** 2 + q**2) * now)), step > 0
        ),
        Sentence((now >= start,), ((p - 1) ** 2 + q**2) * (now - start) >= 0),
    ]


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


def _mixture():
    m, c, x, y, a = *letters("M c x y"), sp.Symbol("a")
    mixed = a * x + (1 - a) * y
    return [Words(m * mixed + c, a * (m * x + c) + (1 - a) * (m * y + c))]


NECESSITY_STEPS = (
    identity(
        "jordan_chain",
        "a chain M v = lambda v, M u = lambda u + v: M^t u = lambda^t u + t lambda^{t-1} v",
        "every d, every t by induction",
        _chain,
    ),
    decided(
        "chain_growth",
        "|lambda| = 1: |M^t u| >= t |v| - |u| passes every bound",
        "every d, every t",
        _chain_growth,
        ("jordan_chain",),
    ),
    identity(
        "eigenplane",
        "along an eigenvalue p + i q: |M h|^2 = (p^2 + q^2)|h|^2, |M h - h|^2 = ((p - 1)^2 +"
        " q^2)|h|^2 in the coordinates of its plane (its line where q = 0)",
        "every d",
        _eigenplane,
    ),
    decided(
        "step_stays",
        "|lambda| >= 1, lambda != 1: |h_t|^2 never falls below |h_0|^2, so the squared step never"
        " falls below |lambda - 1|^2 |h_0|^2 > 0",
        "every d, every t by induction",
        _step_stays,
        ("eigenplane",),
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
        "every d, every t by induction",
        _outside_range,
        ("annihilator",),
    ),
    identity(
        "mixture",
        "the orbit from a x + (1 - a) y is the same mixture of the orbits from x and y: the h_0"
        " from which h_t converges form an affine subspace, or there are none",
        "every d, every t by induction",
        _mixture,
        ("linear",),
    ),
    deduced(
        "necessity",
        "if c = (I - M) w and an eigenvalue violates the conditions, some h_0 - w has no limit:"
        " the real and the imaginary part of u, or of an eigenvector, cannot both have one. So the"
        " convergent h_0, those whose first step M h_0 + c - h_0 lies in the sum of the eigenspaces"
        " of modulus < 1, form a proper affine subspace; with c outside im(I - M) there are none",
        "every d",
        ("chain_growth", "step_stays", "outside_range", "mixture", "telescoped_sum", "outside"),
    ),
)
