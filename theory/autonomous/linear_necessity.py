"""Steps of A1: the conditions for convergence from every start are necessary.

An eigenvalue that violates them leaves states that grow, turn or drift for ever.
"""

from __future__ import annotations

import random

import sympy as sp

from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import cited, deduced, identity


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


NECESSITY_STEPS = (
    identity(
        "jordan_blocks",
        "entries of J_k(lambda)^t are binom(t, j) lambda^(t-j)",
        "k in {2..5}, every t by induction",
        _jordan,
    ),
    deduced(
        "growth",
        "a Jordan block of size k >= 2 at an eigenvalue of modulus 1: |h_t| grows like t^(k-1) from"
        " almost every h_0, so semisimplicity is necessary",
        "every d, k in {2..5}",
        ("jordan_blocks",),
    ),
    identity(
        "unit_circle_steps",
        "along e^{i phi}, phi != 0: |h_{t+1} - h_t|^2 = (2 - 2 cos phi)|h_t|^2 with |h_t| constant;"
        " phi = pi is -1",
        "every d, every t",
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
        "every d, every t by induction",
        _outside_range,
        ("annihilator",),
    ),
    identity(
        "expansion",
        "along an eigenvalue p + i q (real or complex) |h_{t+1}|^2 = (p^2 + q^2)|h_t|^2: no"
        " convergence when p^2 + q^2 > 1",
        "every d, every t",
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
)
