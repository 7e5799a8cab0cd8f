"""Attacks on M1, the residual-strength lemma: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.exact import unimodular
from ...kernel.falsifier import Falsifier


class _Multiplier(NamedTuple):
    a: Fraction
    larger: Fraction
    w: Fraction
    u: Fraction
    v: Fraction


def _multiplier(rng: random.Random, keep: bool) -> _Multiplier:
    while True:
        a, w, u, v = (Fraction(rng.randint(-12, 12), 3) for _ in range(4))
        larger = a + Fraction(rng.randint(1, 12), 3)
        # stable at a in the sense |a + nu| < |a + w|
        if (a + w > 0) is keep and (a + u) ** 2 + v**2 < (a + w) ** 2:
            return _Multiplier(a, larger, w, u, v)


def _loses_stability(case: _Multiplier) -> str | None:
    if (case.larger + case.u) ** 2 + case.v**2 >= (case.larger + case.w) ** 2:
        return (
            f"w = {case.w}, nu = {case.u} + {case.v} i: |a + nu| < |a + w| at a = {case.a} but not"
            f" at a' = {case.larger}"
        )
    return None


class _Map(NamedTuple):
    matrix: list[list[float]]
    recall: list[float]
    gain: list[float]
    eps: float
    strengths: tuple[float, float]


def _map(rng: random.Random, gain_one: bool, eps_zero: bool) -> _Map:
    while True:  # only maps whose orbit settles at the smaller strength test anything
        case = _draw_map(rng, gain_one, eps_zero)
        h = _settle(case)
        if math.dist(h, _apply(case, case.strengths[0], h)) < 1e-12:
            return case


def _draw_map(rng: random.Random, gain_one: bool, eps_zero: bool) -> _Map:
    d = 3
    basis, inverse = unimodular(rng, d)
    matrix = [
        [0.1 * float(x + y) for x, y in zip(p, q, strict=True)]
        for p, q in zip(basis, inverse, strict=True)
    ]
    recall = [rng.uniform(1.5, 3) * rng.choice((-1, 1)) for _ in range(d)]
    gain = [1.0] * d if gain_one else [rng.uniform(0.4, 2.5) for _ in range(d)]
    return _Map(matrix, recall, gain, 0.0 if eps_zero else 1.0, (0.2, 2.0))


def _apply(case: _Map, a: float, h: list[float]) -> list[float]:
    """N(a h + tanh(A h) + b): g(h, e) = tanh(A h) + b."""
    z = [
        a * x + math.tanh(sum(m * y for m, y in zip(row, h, strict=True))) + b
        for x, row, b in zip(h, case.matrix, case.recall, strict=True)
    ]
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
    if moved > 1e-9:
        point = ", ".join(f"{x:.4f}" for x in h)
        gain = ", ".join(f"{x:.3g}" for x in case.gain)
        where = f"gamma = ({gain}), eps = {case.eps:g}: h = ({point})"
        return (
            f"{where} is fixed at a = {case.strengths[0]} and moves by {moved:.3g} at a ="
            f" {case.strengths[1]}"
        )
    return None


class _Tokens(NamedTuple):
    scales: tuple[Fraction, Fraction]
    update: tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]
    a: Fraction
    larger: Fraction

    def stable(self, a: Fraction) -> bool:
        """Both multipliers of (a + W)^{-1}(a + P Dg P) in the open unit disc (Jury's test)."""
        (p, q), (r, s) = self.update
        first, second = (a + w for w in self.scales)
        trace = (a + p) / first + (a + s) / second
        det = ((a + p) * (a + s) - q * r) / (first * second)
        return det < 1 and abs(trace) < 1 + det


def _tokens(rng: random.Random, keep: bool) -> _Tokens:
    """Two tokens at d = 2 (tangent spaces of dimension 1) at a fixed point that is stable at the
    smaller strength.

    With unequal scales W - P Dg P has a positive determinant and a negative trace: stable only
    thanks to the weights 1/(a + w_i).
    """
    while True:
        a, w = Fraction(rng.randint(0, 2)), Fraction(rng.randint(1, 4))
        if keep:
            scales, update = (
                (w, w),
                tuple(tuple(Fraction(rng.randint(-8, 8)) for _ in range(2)) for _ in range(2)),
            )
        else:
            scales = (w, w + rng.randint(2, 9))
            first, det, corner = (Fraction(rng.randint(1, 3)) for _ in range(3))
            second = first + rng.randint(1, 2)
            update = (
                (scales[0] - first, corner),
                (-(first * second + det) / corner, scales[1] + second),
            )
        case = _Tokens(scales, update, a, a + rng.randint(1, 40))  # type: ignore[arg-type]
        if case.stable(a):
            return case


def _token_destabilised(case: _Tokens) -> str | None:
    if not case.stable(case.larger):
        rows = "; ".join("(" + ", ".join(map(str, row)) + ")" for row in case.update)
        return (
            f"w = {case.scales[0]}, {case.scales[1]}, P Dg P = [{rows}]: stable at a = {case.a},"
            f" not at a' = {case.larger}"
        )
    return None


FALSIFIERS = (
    Falsifier(
        "tokens_of_unequal_scale",
        "one_scale",
        "stable at a implies stable at a larger a'",
        _tokens,
        lambda case: case.scales[0] == case.scales[1],
        _token_destabilised,
        trials=100,
    ),
    Falsifier(
        "inward_state",
        "outward",
        "|a + nu| < |a + w| survives a larger a",
        _multiplier,
        lambda case: case.a + case.w > 0,
        _loses_stability,
        trials=200,
    ),
    Falsifier(
        "unequal_gains",
        "gain_one",
        "the fixed point is the same for all a",
        lambda rng, keep: _map(rng, keep, True),
        lambda case: all(g == 1 for g in case.gain),
        _moves,
        trials=10,
    ),
    Falsifier(
        "epsilon",
        "eps_zero",
        "the fixed point is the same for all a",
        lambda rng, keep: _map(rng, True, keep),
        lambda case: case.eps == 0,
        _moves,
        trials=10,
    ),
)
