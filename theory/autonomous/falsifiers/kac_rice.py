"""Attacks on M3, the expected number of fixed points: what happens when one assumption is dropped.

The cases are piecewise linear maps on a line, counted and integrated with fractions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier


class PiecewiseLinear(NamedTuple):
    """F = h - g(h), continuous and linear between the knots, on K = [first knot, last knot]."""

    knots: Sequence[Fraction]
    values: Sequence[Fraction]


def random_map(rng: random.Random) -> PiecewiseLinear:
    """A random one-dimensional ReLU network, given by its knots."""
    knots = [Fraction(rng.randint(-6, 0))]
    for _ in range(rng.randint(2, 6)):
        knots.append(knots[-1] + Fraction(rng.randint(1, 8), 4))
    values = [Fraction(rng.randint(-12, 12), 3)]
    for _ in knots[1:]:
        # flat pieces are allowed, because they contribute nothing
        values.append(values[-1] + Fraction(rng.randint(-9, 9), 2))
    return PiecewiseLinear(knots, values)


def count(case: PiecewiseLinear, b: Fraction) -> int:
    """The number of h in K with F(h) = b, for b that is not the value at a knot."""
    return sum(min(u, v) < b < max(u, v) for u, v in pairwise(case.values))


def mean_count(case: PiecewiseLinear, low: Fraction, high: Fraction) -> Fraction:
    """The expected count for b uniform on [low, high].

    The count is constant between neighbouring values at the knots.
    """
    cuts = sorted({low, high, *(v for v in case.values if low < v < high)})
    parts = [(b - a) * count(case, (a + b) / 2) for a, b in pairwise(cuts)]
    return sum(parts, Fraction(0)) / (high - low)


def integral(case: PiecewiseLinear, low: Fraction, high: Fraction) -> Fraction:
    """The integral of |F'| 1{low < F < high}/(high - low) over K.

    Each piece adds its slope times the length of the part whose image lies inside.
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
        # without a density all the mass lies on three points of the same interval
        places = [] if keep else [Fraction(rng.randint(1, 96), 97) for _ in range(3)]
        atoms = tuple(low + (high - low) * place for place in places)
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
        line = f"knots {_row(case.map.knots)}, values {_row(case.map.values)}"
        return f"{line}: mean count {mean}, integral {wanted}; b on {{{atoms}}}"
    return None


DIGITS = 60
"""digits of the points of the Cantor set; more than a double can show"""


class _Staircase(NamedTuple):
    """F on [0, 1]: a stage of the Cantor function or, where `stage` is None, the function itself.

    b lies in (0, 1).
    """

    stage: int | None
    b: Fraction


def cantor(h: Fraction, digits: int) -> Fraction:
    """The Cantor function from `digits` ternary digits of h, with an error below 2^-digits."""
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
    """The n-th stage: slope (3/2)^n on the 2^n intervals of length 3^-n that remain, else flat."""
    knots, values = [Fraction(0), Fraction(1)], [Fraction(0), Fraction(1)]
    for _ in range(n):
        left = ([h / 3 for h in knots], [v / 2 for v in values])
        knots = left[0] + [Fraction(2, 3) + h for h in left[0]]
        values = left[1] + [Fraction(1, 2) + v for v in left[1]]
    return PiecewiseLinear(knots, values)


def _preimage(b: Fraction, digits: int) -> Fraction:
    """A point where the Cantor function is b: the binary digits of b, doubled, read in base 3."""
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
        if found == wanted:
            return None
        return f"stage {case.stage}: mean count {found}, integral {wanted}"
    # F' = 0 outside the Cantor set, which is null, so the integral is 0
    h = _preimage(case.b, DIGITS)
    gap = abs(cantor(h, DIGITS) - case.b)
    if gap > Fraction(1, 2 ** (DIGITS - 1)):
        return None
    solution = f"h = {float(h):.12g} solves h = g(h) + {case.b} (and so for every b in (0, 1))"
    return f"F the Cantor function: the integral is 0, but {solution}"


def _row(items: Sequence[Fraction]) -> str:
    return "(" + ", ".join(map(str, items)) + ")"


FALSIFIERS = (
    RandomFalsifier(
        "bias_on_three_points",
        "density",
        "the mean count is the integral",
        _law,
        lambda case: not case.atoms,
        _law_differs,
        trials=40,
    ),
    RandomFalsifier(
        "cantor_staircase",
        "lipschitz",
        "the mean count is the integral",
        _staircase,
        lambda case: case.stage is not None,
        _steps_uncounted,
        trials=12,
    ),
)
