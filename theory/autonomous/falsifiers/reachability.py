"""Attacks on A4: exact orbits of loops whose expanding fixed point 0 is reached once an assumption
is dropped.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.falsifier import Falsifier

LOOPS = 40


class _Bump(NamedTuple):
    """h' = 2h up to 1, then (h - 3)^2 (h - 1/2), with or without a plateau 0 beyond 3; C^1."""

    plateau: bool
    starts: tuple[Fraction, ...]

    def step(self, h: Fraction) -> Fraction:
        if h <= 1:
            return 2 * h
        return Fraction(0) if self.plateau and h >= 3 else (h - 3) ** 2 * (h - Fraction(1, 2))


def _bump(rng: random.Random, keep: bool) -> _Bump:
    # sevenths stay fractions with denominators that are powers of 7 and 2: none of the null set of
    # preimages of 0 is drawn
    return _Bump(
        not keep, tuple(Fraction(7 * rng.randint(3, 9) + rng.randint(1, 6), 7) for _ in range(3))
    )


def _all_land_on_zero(case: _Bump) -> str | None:
    ends = []
    for h in case.starts:
        for _ in range(5):  # the digits triple in each loop
            h = case.step(h)
        ends.append(h)
    if not any(ends):
        return (
            f"f'(0) = 2, and the inputs {', '.join(map(str, case.starts))} land on 0: so do all in"
            " an open set"
        )
    return None


class _Diagonal(NamedTuple):
    """h' = diag(slopes) h."""

    slopes: tuple[Fraction, Fraction]
    starts: tuple[tuple[Fraction, Fraction], ...]


def _diagonal(slopes: tuple[Fraction, Fraction], line: bool):
    def draw(rng: random.Random) -> _Diagonal:
        inputs = [
            Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), rng.randint(1, 5)) for _ in range(6)
        ]
        return _Diagonal(
            slopes,
            tuple(
                (e, Fraction(0) if line else k) for e, k in zip(inputs[:3], inputs[3:], strict=True)
            ),
        )

    return draw


_SADDLE = (Fraction(1, 2), Fraction(2))
_saddle, _saddle_line, _sink = (
    _diagonal(_SADDLE, False),
    _diagonal(_SADDLE, True),
    _diagonal((Fraction(1, 2), Fraction(-1, 3)), False),
)


def _all_converge(case: _Diagonal) -> str | None:
    sizes = [
        max(abs(a**LOOPS * x) for a, x in zip(case.slopes, start, strict=True))
        for start in case.starts
    ]
    if max(sizes) < Fraction(1, 10**9):
        return (
            f"h' = diag({case.slopes[0]}, {case.slopes[1]}) h: from h_0 ="
            f" {', '.join(f'({x}, {y})' for x, y in case.starts)} h_t -> 0"
        )
    return None


class _Cubic(NamedTuple):
    """h' = slope h + h^3, from starts near 0."""

    slope: Fraction
    start: float


def _leaves(case: _Cubic) -> str | None:
    h = case.start
    for t in range(20_000):
        h = float(case.slope) * h + h**3
        if abs(h) > 1:
            return (
                f"h' = {case.slope} h + h^3: from {case.start:.4g} the orbit leaves the ball of"
                f" radius 1 after {t + 1} loops"
            )
    return None


FALSIFIERS = (
    Falsifier(
        "plateau",
        "nonsingular",
        "almost no input converges to 0, where rho = 2",
        _bump,
        lambda case: not case.plateau,
        _all_land_on_zero,
    ),
    Falsifier(
        "line_of_inputs",
        "encoder",
        "almost no input converges to 0, where rho = 2",
        lambda rng, keep: _saddle(rng) if keep else _saddle_line(rng),
        lambda case: len({y for _, y in case.starts}) > 1 or case.starts[0][1] != 0,
        _all_converge,
    ),
    Falsifier(
        "contracting_point",
        "expanding",
        "almost no input converges to 0",
        lambda rng, keep: _saddle(rng) if keep else _sink(rng),
        lambda case: max(map(abs, case.slopes)) > 1,
        _all_converge,
    ),
    Falsifier(
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
