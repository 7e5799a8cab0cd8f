"""Attacks on M3, the expected number of fixed points: piecewise linear maps on a line, counted and
integrated with fractions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ...kernel.falsifier import Falsifier


class PiecewiseLinear(NamedTuple):
    """F = h - g(h), continuous and linear between the knots, on K = [first knot, last knot]."""

    knots: Sequence[Fraction]
    values: Sequence[Fraction]


def random_map(rng: random.Random) -> PiecewiseLinear:
    """A one-dimensional ReLU network seen as its knots."""
    knots = [Fraction(rng.randint(-6, 0))]
    for _ in range(rng.randint(2, 6)):
        knots.append(knots[-1] + Fraction(rng.randint(1, 8), 4))
    values = [Fraction(rng.randint(-12, 12), 3)]
    for _ in knots[1:]:
        # flat pieces are allowed: they carry no weight
        values.append(values[-1] + Fraction(rng.randint(-9, 9), 2))
    return PiecewiseLinear(knots, values)


def count(case: PiecewiseLinear, b: Fraction) -> int:
    """Number of h in K with F(h) = b, for b that is no value at a knot."""
    return sum(min(u, v) < b < max(u, v) for u, v in pairwise(case.values))


def mean_count(case: PiecewiseLinear, low: Fraction, high: Fraction) -> Fraction:
    """E # for b uniform on [low, high]: the count is constant between the values at the knots."""
    cuts = sorted({low, high, *(v for v in case.values if low < v < high)})
    return sum(((b - a) * count(case, (a + b) / 2) for a, b in pairwise(cuts)), Fraction(0)) / (
        high - low
    )


def integral(case: PiecewiseLinear, low: Fraction, high: Fraction) -> Fraction:
    """Int_K |F'| 1{low < F < high}/(high - low) dh: slope times the length of the part of each
    piece whose image is inside.
    """
    total = Fraction(0)
    for (h, k), (u, v) in zip(pairwise(case.knots), pairwise(case.values), strict=True):
        if u != v:
            slope = (v - u) / (k - h)
            ends = sorted(h + (edge - u) / slope for edge in (low, high))
            total += abs(slope) * max(Fraction(0), min(k, ends[1]) - max(h, ends[0]))
    return total / (high - low)


class _Law(NamedTuple):
    map: PiecewiseLinear
    low: Fraction
    high: Fraction
    atoms: tuple[Fraction, ...]


def _law(rng: random.Random, keep: bool) -> _Law:
    while True:
        case = random_map(rng)
        low = min(case.values) - Fraction(rng.randint(0, 3), 5)
        high = max(case.values) + Fraction(rng.randint(1, 3), 5)
        # without a density: the same interval, but all mass on three points
        atoms = (
            ()
            if keep
            else tuple(low + (high - low) * Fraction(rng.randint(1, 96), 97) for _ in range(3))
        )
        if not set(atoms) & set(case.values):
            return _Law(case, low, high, atoms)


def _law_differs(case: _Law) -> str | None:
    if case.atoms:
        mean = Fraction(sum(count(case.map, b) for b in case.atoms), len(case.atoms))
    else:
        mean = mean_count(case.map, case.low, case.high)
    wanted = integral(case.map, case.low, case.high)
    if mean != wanted:
        atoms = ", ".join(map(str, case.atoms))
        return (
            f"knots {_row(case.map.knots)}, values {_row(case.map.values)}: mean count {mean},"
            f" integral {wanted}; b on {{{atoms}}}"
        )
    return None


class _Staircase(NamedTuple):
    """F on [0, 1]: the n-th stage of the Cantor function, or the function itself (n None); b is
    drawn from (0, 1).
    """

    stage: int | None
    b: Fraction


def cantor(h: Fraction, digits: int) -> Fraction:
    """The Cantor function to `digits` ternary digits: error below 2^-digits."""
    value, weight = Fraction(0), Fraction(1, 2)
    for _ in range(digits):
        h *= 3
        digit = min(int(h), 2)
        h -= digit
        if digit == 1:
            return value + weight
        value += weight * (digit // 2)
        weight /= 2
    return value


def _stage(n: int) -> PiecewiseLinear:
    """Slope (3/2)^n on the 2^n intervals of length 3^-n that are left, flat elsewhere."""
    knots, values = [Fraction(0), Fraction(1)], [Fraction(0), Fraction(1)]
    for _ in range(n):
        left = ([h / 3 for h in knots], [v / 2 for v in values])
        knots = left[0] + [Fraction(2, 3) + h for h in left[0]]
        values = left[1] + [Fraction(1, 2) + v for v in left[1]]
    return PiecewiseLinear(knots, values)


def _preimage(b: Fraction, digits: int) -> Fraction:
    """A point where the Cantor function is b: the binary digits of b, doubled, in base 3."""
    h, weight = Fraction(0), Fraction(1, 3)
    for _ in range(digits):
        b *= 2
        digit = int(b)
        b -= digit
        h += 2 * digit * weight
        weight /= 3
    return h


def _staircase(rng: random.Random, keep: bool) -> _Staircase:
    return _Staircase(rng.randint(0, 5) if keep else None, Fraction(rng.randint(1, 96), 97))


def _steps_uncounted(case: _Staircase) -> str | None:
    if case.stage is not None:
        stage = _stage(case.stage)
        wanted = integral(stage, Fraction(0), Fraction(1))
        found = mean_count(stage, Fraction(0), Fraction(1))
        return (
            None
            if found == wanted
            else f"stage {case.stage}: mean count {found}, integral {wanted}"
        )
    # F' = 0 off the Cantor set, which is null: the integral is 0
    h = _preimage(case.b, 60)
    gap = abs(cantor(h, 60) - case.b)
    if gap <= Fraction(1, 2**59):
        return (
            f"F the Cantor function: the integral is 0, but h = {float(h):.12g} solves h = g(h) +"
            f" {case.b} (and so for every b in (0, 1))"
        )
    return None


def _row(items: Sequence[Fraction]) -> str:
    return "(" + ", ".join(map(str, items)) + ")"


FALSIFIERS = (
    Falsifier(
        "bias_on_three_points",
        "density",
        "the mean count is the integral",
        _law,
        lambda case: not case.atoms,
        _law_differs,
        40,
    ),
    Falsifier(
        "cantor_staircase",
        "lipschitz",
        "the mean count is the integral",
        _staircase,
        lambda case: case.stage is not None,
        _steps_uncounted,
        12,
    ),
)
