"""Attacks on N8, the gated residual: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier
from .existence import FIXED, bisect

Vector = Sequence[float]


def sigmoid(x: float) -> float:
    """1/(1 + e^-x) in double precision, without overflow."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


class GatedCell(NamedTuple):
    """A GRU cell without a reset gate, and a start.

    Args:
        gate: weights of the update gate, which reads the state.
        gate_bias: its bias, the input included.
        candidate: weights of the candidate, which reads the state.
        candidate_bias: its bias, the input included.
        hidden_scale: the hidden argument is hidden_scale h; 1 for the state itself.
        start: the first state.
    """

    gate: Sequence[Vector]
    gate_bias: Vector
    candidate: Sequence[Vector]
    candidate_bias: Vector
    hidden_scale: float
    start: Vector

    def step(self, h: Vector) -> list[float]:
        """One iteration."""
        z = [sigmoid(x) for x in _affine(self.gate, self.gate_bias, h)]
        n = [math.tanh(x) for x in _affine(self.candidate, self.candidate_bias, h)]
        return [(1 - a) * b + a * self.hidden_scale * x for a, b, x in zip(z, n, h, strict=True)]


def _affine(rows: Sequence[Vector], bias: Vector, h: Vector) -> list[float]:
    products = [sum(w * x for w, x in zip(row, h, strict=True)) for row in rows]
    return [x + b for x, b in zip(products, bias, strict=True)]


def random_cell(
    rng: random.Random, scale: float = 1.0, hidden_scale: float = 1.0, gate_bias: float = 0.0
) -> GatedCell:
    """A cell with d = 1, 2 or 3, Gaussian weights, and a start with entries of modulus 1 to 3."""
    d = rng.choice((1, 2, 3))

    def rows() -> list[list[float]]:
        return [[scale * rng.gauss(0, 1) for _ in range(d)] for _ in range(d)]

    def bias() -> list[float]:
        return [rng.gauss(0, 1) for _ in range(d)]

    start = [rng.choice((-1, 1)) * rng.uniform(1, 3) for _ in range(d)]
    gate, shifted = rows(), [b + gate_bias for b in bias()]
    return GatedCell(gate, shifted, rows(), bias(), hidden_scale, start)


def _hidden(rng: random.Random, keep: bool) -> GatedCell:
    if keep:
        return random_cell(rng, scale=0.3)
    # update gates that are near 1 whatever the state
    return random_cell(rng, scale=0.0, hidden_scale=2.0, gate_bias=4.0)


def _outside(case: GatedCell) -> str | None:
    h = list(case.start)
    for _ in range(600):
        h = case.step(h)
    size = max(map(abs, h))
    if size < 1:
        return None
    gates = _row([sigmoid(x) for x in case.gate_bias])
    cell = f"d = {len(h)}, hidden argument {case.hidden_scale:g} h, update gates {gates}"
    return f"{cell}: |h| = {size:.3g} after 600 loops"


class _Norm(NamedTuple):
    """The candidate n = tanh(w - c h/sqrt(h^2 + inner)) at d = 1, with any gate."""

    c: float
    w: float
    inner: float


def _norm(rng: random.Random, keep: bool) -> _Norm:
    c = rng.uniform(0.5, 3)
    return _Norm(c, rng.uniform(-0.9, 0.9) * c, 10 ** rng.uniform(-8, -1) if keep else 0.0)


def _no_fixed_point(case: _Norm) -> str | None:
    def gap(h: float) -> float:
        # n - h, a multiple of h' - h = (1 - z)(n - h)
        size = math.sqrt(h * h + case.inner)
        return math.tanh(case.w - case.c * (h / size if size else 0.0)) - h

    residual = min(abs(gap(h)) for h in bisect(gap, -1.0, 1.0) if h or case.inner)
    if residual <= FIXED:
        return None
    where = "n - h changes sign only at h = 0, where the norm is undefined"
    candidate = f"d = 1, n = tanh({case.w:.4g} - {case.c:.4g} h/|h|)"
    return f"{candidate}: {where}, |n - h| >= {residual:.3g}"


class _Entry(NamedTuple):
    """h' = sigma(h) h from `start`; the time allowed is that for a start of modulus `box`."""

    start: float
    box: float


def _entry(rng: random.Random, keep: bool) -> _Entry:
    box = rng.uniform(1.5, 4)
    return _Entry(rng.uniform(1.1, box) if keep else box + rng.uniform(3, 6), box)


def _late(case: _Entry) -> str | None:
    # the entry time for the candidate 0 is log H / log(1/Z) with Z = sigma(H)
    bound = math.ceil(math.log(case.box) / -math.log(sigmoid(case.box))) + 1
    h = case.start
    for _ in range(bound):
        h *= sigmoid(h)
    if h < 1:
        return None
    time = f"the {bound} loops that suffice for |h| <= {case.box:.3g}"
    return f"h' = sigma(h) h: {time} leave {case.start:.4g} at {h:.4g}"


def float32(x: float) -> float:
    """The number rounded to single precision, to nearest with ties to even."""
    return struct.unpack("f", struct.pack("f", x))[0]


def sigmoid32(x: float) -> float:
    """1/(1 + e^-x) with every operation rounded to single precision."""
    return float32(1 / float32(1 + float32(math.exp(-float32(x)))))


class _Rounded(NamedTuple):
    """h' = (1 - z)/2 + z h with z = sigma(h), in the arithmetic of `rounding` and `gate`."""

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


def _row(items: Vector) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in items) + ")"


FALSIFIERS = (
    RandomFalsifier(
        "hidden_argument_is_the_mix",
        "hidden",
        "the orbit enters (-1, 1)^d",
        _hidden,
        lambda case: case.hidden_scale == 1,
        _outside,
        trials=12,
    ),
    RandomFalsifier(
        "inner_norm_without_epsilon",
        "inner_epsilon",
        "some h has n(h) = h",
        _norm,
        lambda case: case.inner > 0,
        _no_fixed_point,
    ),
    RandomFalsifier(
        "start_outside_the_box",
        "bounded_start",
        "the orbit is in (-1, 1) after the entry time of the box",
        _entry,
        lambda case: case.start <= case.box,
        _late,
    ),
    RandomFalsifier(
        "gate_rounded_to_one",
        "exact",
        "a state outside the box moves inwards",
        _rounded,
        lambda case: case.gate(case.start) < 1,
        _frozen,
    ),
)
