"""Attacks on N8, the gated residual: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...kernel.falsifier import Falsifier
from .existence import bisect


def sigmoid(x: float) -> float:
    """1/(1 + e^-x) in double precision, without overflow."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


class Cell(NamedTuple):
    """A GRU cell without reset gate: rows of the update gate and of the candidate, read at the
    state, and their constant parts.
    """

    gate: Sequence[Sequence[float]]
    gate_bias: Sequence[float]
    candidate: Sequence[Sequence[float]]
    candidate_bias: Sequence[float]
    hidden_scale: float
    """the hidden argument is hidden_scale h; 1 is the state itself"""
    start: Sequence[float]

    def step(self, h: Sequence[float]) -> list[float]:
        """One loop."""
        z = [sigmoid(x) for x in _affine(self.gate, self.gate_bias, h)]
        n = [math.tanh(x) for x in _affine(self.candidate, self.candidate_bias, h)]
        return [(1 - a) * b + a * self.hidden_scale * x for a, b, x in zip(z, n, h, strict=True)]


def _affine(
    rows: Sequence[Sequence[float]], bias: Sequence[float], h: Sequence[float]
) -> list[float]:
    return [
        sum(w * x for w, x in zip(row, h, strict=True)) + b
        for row, b in zip(rows, bias, strict=True)
    ]


def random_cell(
    rng: random.Random, scale: float = 1.0, hidden_scale: float = 1.0, gate_bias: float = 0.0
) -> Cell:
    """d in 1..3, Gaussian weights, a start with entries up to 3."""
    d = rng.choice((1, 2, 3))

    def rows() -> list[list[float]]:
        return [[scale * rng.gauss(0, 1) for _ in range(d)] for _ in range(d)]

    def bias() -> list[float]:
        return [rng.gauss(0, 1) for _ in range(d)]

    start = [rng.choice((-1, 1)) * rng.uniform(1, 3) for _ in range(d)]
    return Cell(rows(), [b + gate_bias for b in bias()], rows(), bias(), hidden_scale, start)


def _hidden(rng: random.Random, keep: bool) -> Cell:
    # without the assumption: update gates open (bias 4) whatever the state
    return random_cell(rng, 0.3, 1.0, 0.0) if keep else random_cell(rng, 0.0, 2.0, 4.0)


def _outside(case: Cell) -> str | None:
    h = list(case.start)
    for _ in range(600):
        h = case.step(h)
    size = max(map(abs, h))
    if size >= 1:
        return (
            f"d = {len(h)}, hidden argument {case.hidden_scale:g} h, update gates"
            f" {_row(map(sigmoid, case.gate_bias))}: |h| = {size:.3g} after 600 loops"
        )
    return None


class _Norm(NamedTuple):
    """d = 1: n = tanh(w - c h/sqrt(h^2 + inner)), any gate."""

    c: float
    w: float
    inner: float


def _norm(rng: random.Random, keep: bool) -> _Norm:
    c = rng.uniform(0.5, 3)
    return _Norm(c, rng.uniform(-0.9, 0.9) * c, 10 ** rng.uniform(-8, -1) if keep else 0.0)


def _no_fixed_point(case: _Norm) -> str | None:
    def gap(h: float) -> float:
        size = math.sqrt(h * h + case.inner)
        return math.tanh(case.w - case.c * (h / size if size else 0.0)) - h  # h' - h = (1 - z) gap

    residual = min(abs(gap(h)) for h in bisect(gap, -1.0, 1.0) if h or case.inner)
    if residual > 1e-6:
        return (
            f"d = 1, n = tanh({case.w:.4g} - {case.c:.4g} h/|h|): n - h changes sign only at h = 0,"
            f" where the norm is undefined, |n - h| >= {residual:.3g}"
        )
    return None


class _Entry(NamedTuple):
    """h' = sigma(h) h from `start`; the bound is that of the box of radius `box`."""

    start: float
    box: float


def _entry(rng: random.Random, keep: bool) -> _Entry:
    box = rng.uniform(1.5, 4)
    return _Entry(rng.uniform(1.1, box) if keep else box + rng.uniform(3, 6), box)


def _late(case: _Entry) -> str | None:
    # candidate 0: t = log H / log(1/Z) with Z = sigma(H)
    bound = math.ceil(math.log(case.box) / -math.log(sigmoid(case.box))) + 1
    h = case.start
    for _ in range(bound):
        h *= sigmoid(h)
    if h >= 1:
        return (
            f"h' = sigma(h) h: the {bound} loops that suffice for |h| <= {case.box:.3g} leave"
            f" {case.start:.4g} at {h:.4g}"
        )
    return None


def float32(x: float) -> float:
    """Rounded to single precision (nearest, ties to even)."""
    return struct.unpack("f", struct.pack("f", x))[0]


def sigmoid32(x: float) -> float:
    """1/(1 + e^-x) with every operation rounded to single precision."""
    return float32(1 / float32(1 + float32(math.exp(-float32(x)))))


class _Rounded(NamedTuple):
    start: float
    rounding: Callable[[float], float]
    gate: Callable[[float], float]


def _rounded(rng: random.Random, keep: bool) -> _Rounded:
    start = float32(rng.uniform(17, 30))
    return _Rounded(start, float, sigmoid) if keep else _Rounded(start, float32, sigmoid32)


def _frozen(case: _Rounded) -> str | None:
    h = case.start
    z = case.gate(h)
    after = case.rounding(case.rounding((1 - z) * 0.5) + case.rounding(z * h))
    if abs(after) >= abs(h):
        return f"h' = (1 - z)/2 + z h, z = sigma(h) in float32: z = {z} at h = {h:.6g}, and h' = h"
    return None


def _row(items: Sequence[float] | map[float]) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in items) + ")"


FALSIFIERS = (
    Falsifier(
        "hidden_argument_is_the_mix",
        "hidden",
        "the orbit enters (-1, 1)^d",
        _hidden,
        lambda case: case.hidden_scale == 1,
        _outside,
        trials=12,
    ),
    Falsifier(
        "inner_norm_without_epsilon",
        "inner_epsilon",
        "some h has n(h) = h",
        _norm,
        lambda case: case.inner > 0,
        _no_fixed_point,
    ),
    Falsifier(
        "start_outside_the_box",
        "bounded_start",
        "the orbit is in (-1, 1) after the entry time of the box",
        _entry,
        lambda case: case.start <= case.box,
        _late,
    ),
    Falsifier(
        "gate_rounded_to_one",
        "exact",
        "a state outside the box moves inwards",
        _rounded,
        lambda case: case.gate(case.start) < 1,
        _frozen,
    ),
)
