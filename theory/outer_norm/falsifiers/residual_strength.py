"""Attacks on M1, the residual strength: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.exact import add, unimodular
from ...kernel.random_falsifier import RandomFalsifier


class _Multiplier(NamedTuple):
    """A multiplier (a + nu)/(a + w) with nu = u + i v, and a larger residual strength."""

    a: Fraction
    larger: Fraction
    w: Fraction
    u: Fraction
    v: Fraction


def _multiplier(rng: random.Random, keep: bool) -> _Multiplier:
    while True:
        a, w, u, v = (Fraction(rng.randint(-12, 12), 3) for _ in range(4))
        larger = a + Fraction(rng.randint(1, 12), 3)
        # stable at a means |a + nu| < |a + w|
        if (a + w > 0) is keep and (a + u) ** 2 + v**2 < (a + w) ** 2:
            return _Multiplier(a, larger, w, u, v)


def _loses_stability(case: _Multiplier) -> str | None:
    if (case.larger + case.u) ** 2 + case.v**2 >= (case.larger + case.w) ** 2:
        numbers = f"w = {case.w}, nu = {case.u} + {case.v} i"
        return f"{numbers}: |a + nu| < |a + w| at a = {case.a} but not at a' = {case.larger}"
    return None


SETTLED, MOVED = 1e-12, 1e-9
"""a settled state moves by less than the first; one that is not fixed moves by more than the other
"""


class _Map(NamedTuple):
    """h' = N(a h + tanh(A h) + recall), and two residual strengths a."""

    matrix: list[list[float]]
    recall: list[float]
    gain: list[float]
    eps: float
    strengths: tuple[float, float]


def _map(rng: random.Random, gain_one: bool, eps_zero: bool) -> _Map:
    # a map is of use only if its orbit settles at the smaller strength
    while True:
        case = _draw_map(rng, gain_one, eps_zero)
        h = _settle(case)
        if math.dist(h, _apply(case, case.strengths[0], h)) < SETTLED:
            return case


def _draw_map(rng: random.Random, gain_one: bool, eps_zero: bool) -> _Map:
    d = 3
    basis, inverse = unimodular(rng, d)
    total = [add(p, q) for p, q in zip(basis, inverse, strict=True)]
    matrix = [[0.1 * float(x) for x in row] for row in total]
    recall = [rng.uniform(1.5, 3) * rng.choice((-1, 1)) for _ in range(d)]
    gain = [1.0] * d if gain_one else [rng.uniform(0.4, 2.5) for _ in range(d)]
    return _Map(matrix, recall, gain, 0.0 if eps_zero else 1.0, (0.2, 2.0))


def _apply(case: _Map, a: float, h: list[float]) -> list[float]:
    """N(a h + g(h, e)), where g(h, e) = tanh(A h) + b."""
    update = [math.tanh(sum(m * y for m, y in zip(row, h, strict=True))) for row in case.matrix]
    z = [a * x + y + b for x, y, b in zip(h, update, case.recall, strict=True)]
    s = math.sqrt(sum(x * x for x in z) / len(z) + case.eps)
    return [g * x / s for g, x in zip(case.gain, z, strict=True)]


def _settle(case: _Map) -> list[float]:
    h = [1.0, 1.0, 1.0]
    for _ in range(400):
        h = _apply(case, case.strengths[0], h)
    return h


def _moves(case: _Map) -> str | None:
    h = _settle(case)
    moved = math.dist(h, _apply(case, case.strengths[1], h))
    if moved > MOVED:
        point = ", ".join(f"{x:.4f}" for x in h)
        gain = ", ".join(f"{x:.3g}" for x in case.gain)
        weak, strong = case.strengths
        where = f"gamma = ({gain}), eps = {case.eps:g}: h = ({point})"
        return f"{where} is fixed at a = {weak} and moves by {moved:.3g} at a = {strong}"
    return None


Pair = tuple[Fraction, Fraction]


class _Tokens(NamedTuple):
    """Two tokens at d = 2: the scales w_i, the matrix P Dg P, and two residual strengths."""

    scales: Pair
    update: tuple[Pair, Pair]
    a: Fraction
    larger: Fraction

    def stable(self, a: Fraction) -> bool:
        """Whether both multipliers lie in the open unit disc, by Jury's test.

        They are the eigenvalues of (a + W)^{-1}(a + P Dg P).
        """
        (p, q), (r, s) = self.update
        first, second = (a + w for w in self.scales)
        trace = (a + p) / first + (a + s) / second
        det = ((a + p) * (a + s) - q * r) / (first * second)
        return det < 1 and abs(trace) < 1 + det


def _tokens(rng: random.Random, keep: bool) -> _Tokens:
    """Two tokens at a fixed point that is stable at the smaller strength.

    The tangent spaces have dimension 1. With unequal scales W - P Dg P has a positive determinant
    and a negative trace, so that only the weights 1/(a + w_i) make the point stable.
    """
    while True:
        a, w = Fraction(rng.randint(0, 2)), Fraction(rng.randint(1, 4))
        if keep:
            p, q, r, s = (Fraction(rng.randint(-8, 8)) for _ in range(4))
            scales = (w, w)
        else:
            scales = (w, w + rng.randint(2, 9))
            first, det, q = (Fraction(rng.randint(1, 3)) for _ in range(3))
            second = first + rng.randint(1, 2)
            p, r, s = w - first, -(first * second + det) / q, scales[1] + second
        case = _Tokens(scales, ((p, q), (r, s)), a, a + rng.randint(1, 40))
        if case.stable(a):
            return case


def _token_destabilised(case: _Tokens) -> str | None:
    if case.stable(case.larger):
        return None
    rows = "; ".join("(" + ", ".join(map(str, row)) + ")" for row in case.update)
    where = f"w = {case.scales[0]}, {case.scales[1]}, P Dg P = [{rows}]"
    return f"{where}: stable at a = {case.a}, not at a' = {case.larger}"


FALSIFIERS = (
    RandomFalsifier(
        "tokens_of_unequal_scale",
        "one_scale",
        "stable at a implies stable at a larger a'",
        _tokens,
        lambda case: case.scales[0] == case.scales[1],
        _token_destabilised,
        trials=100,
    ),
    RandomFalsifier(
        "inward_state",
        "outward",
        "|a + nu| < |a + w| survives a larger a",
        _multiplier,
        lambda case: case.a + case.w > 0,
        _loses_stability,
        trials=200,
    ),
    RandomFalsifier(
        "unequal_gains",
        "gain_one",
        "the fixed point is the same for all a",
        lambda rng, keep: _map(rng, keep, True),
        lambda case: all(g == 1 for g in case.gain),
        _moves,
        trials=10,
    ),
    RandomFalsifier(
        "epsilon",
        "eps_zero",
        "the fixed point is the same for all a",
        lambda rng, keep: _map(rng, True, keep),
        lambda case: case.eps == 0,
        _moves,
        trials=10,
    ),
)
