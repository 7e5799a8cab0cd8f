"""Attacks on A4: exact orbits that reach an expanding fixed point once an assumption is dropped.

The fixed point is always 0.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier

LOOPS = 40
"""iterations of the diagonal loops"""
CONVERGED = Fraction(1, 10**9)
"""a state below this has converged to 0: 45 (1/2)^40 is smaller, and no expanding orbit is"""


class _Bump(NamedTuple):
    """h' = 2h up to 1, then (h - 3)^2 (h - 1/2), which may end in a plateau at 0 beyond 3; C^1."""

    plateau: bool
    starts: tuple[Fraction, ...]

    def step(self, h: Fraction) -> Fraction:
        if h <= 1:
            return 2 * h
        return Fraction(0) if self.plateau and h >= 3 else (h - 3) ** 2 * (h - Fraction(1, 2))


def _bump(rng: random.Random, keep: bool) -> _Bump:
    # the orbit of a proper seventh never meets the null set of preimages of 0: its denominators
    # remain products of powers of 7 and 2
    starts = [Fraction(7 * rng.randint(3, 9) + rng.randint(1, 6), 7) for _ in range(3)]
    return _Bump(not keep, tuple(starts))


def _all_land_on_zero(case: _Bump) -> str | None:
    ends = []
    for h in case.starts:
        for _ in range(5):  # few, because each iteration triples the number of digits
            h = case.step(h)
        ends.append(h)
    if any(ends):
        return None
    inputs = ", ".join(map(str, case.starts))
    return f"f'(0) = 2, and the inputs {inputs} land on 0: so do all in an open set"


class _Diagonal(NamedTuple):
    """h' = diag(slopes) h."""

    slopes: tuple[Fraction, Fraction]
    starts: tuple[tuple[Fraction, Fraction], ...]


def _diagonal(slopes: tuple[Fraction, Fraction], line: bool):
    def draw(rng: random.Random) -> _Diagonal:
        numbers = [
            Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), rng.randint(1, 5)) for _ in range(6)
        ]
        second = [Fraction(0)] * 3 if line else numbers[3:]
        return _Diagonal(slopes, tuple(zip(numbers[:3], second, strict=True)))

    return draw


_SADDLE = (Fraction(1, 2), Fraction(2))
_saddle, _saddle_line = _diagonal(_SADDLE, line=False), _diagonal(_SADDLE, line=True)
_sink = _diagonal((Fraction(1, 2), Fraction(-1, 3)), line=False)


def _all_converge(case: _Diagonal) -> str | None:
    a, b = case.slopes
    size = max(max(abs(a**LOOPS * x), abs(b**LOOPS * y)) for x, y in case.starts)
    if size >= CONVERGED:
        return None
    starts = ", ".join(f"({x}, {y})" for x, y in case.starts)
    return f"h' = diag({a}, {b}) h: from h_0 = {starts} h_t -> 0"


class _Cubic(NamedTuple):
    """h' = slope h + h^3, from starts near 0."""

    slope: Fraction
    start: float


def _leaves(case: _Cubic) -> str | None:
    h = case.start
    for t in range(20_000):
        h = float(case.slope) * h + h**3
        if abs(h) > 1:
            where = f"h' = {case.slope} h + h^3: from {case.start:.4g}"
            return f"{where} the orbit leaves the ball of radius 1 after {t + 1} loops"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "plateau",
        "nonsingular",
        "almost no input converges to 0, where rho = 2",
        _bump,
        lambda case: not case.plateau,
        _all_land_on_zero,
    ),
    RandomFalsifier(
        "line_of_inputs",
        "encoder",
        "almost no input converges to 0, where rho = 2",
        lambda rng, keep: _saddle(rng) if keep else _saddle_line(rng),
        lambda case: len({y for _, y in case.starts}) > 1 or case.starts[0][1] != 0,
        _all_converge,
    ),
    RandomFalsifier(
        "contracting_point",
        "expanding",
        "almost no input converges to 0",
        lambda rng, keep: _saddle(rng) if keep else _sink(rng),
        lambda case: max(map(abs, case.slopes)) > 1,
        _all_converge,
    ),
    RandomFalsifier(
        "critical_point",
        "contractive",
        "orbits that start near 0 stay near and converge",
        lambda rng, keep: _Cubic(
            rng.choice((-1, 1)) * (Fraction(rng.randint(0, 9), 10) if keep else Fraction(1)),
            rng.choice((-1, 1)) * rng.uniform(0.01, 0.1),
        ),
        lambda case: abs(case.slope) < 1,
        _leaves,
        trials=10,
    ),
)
