"""Attacks on M2, fixed points by degree: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier
from .existence import TURNED, bisect


class Winding(NamedTuple):
    """A self-map of the circle of degree k: the angle x goes to k x + shift + bumps.

    `jump` is added to the image of the angles beyond pi; unless it is 0 the map is discontinuous.
    """

    k: int
    shift: float
    bumps: tuple[tuple[float, int, float], ...]
    jump: float = 0.0

    def lift(self, x: float) -> float:
        """The image of the angle x in [0, 2 pi], not reduced modulo 2 pi."""
        wave = sum(size * math.sin(m * x + phase) for size, m, phase in self.bumps)
        return self.k * x + self.shift + wave + (self.jump if x > math.pi else 0.0)


def _winding(rng: random.Random, keep: bool) -> Winding:
    def bumps(largest: float) -> tuple[tuple[float, int, float], ...]:
        return tuple(
            (rng.uniform(0, largest), rng.randint(1, 4), rng.uniform(0, 6.28)) for _ in range(3)
        )

    if keep:
        waves = bumps(2)
        return Winding(rng.choice((-3, -2, -1, 0, 2, 3)), rng.uniform(0, 6.28), waves)
    # the degree is (-1)^2 = 1, and the bumps are too small to undo the shift
    return Winding(1, rng.uniform(2, 4), bumps(0.5))


def winding_number(case: Winding, nodes: int = 720) -> int:
    """The degree: the number of full turns of the image, from the images of `nodes` states."""
    images = [case.lift(2 * math.pi * i / nodes) for i in range(nodes)] + [case.lift(0)]
    total = sum(math.remainder(b - a, 2 * math.pi) for a, b in pairwise(images))
    return round(total / (2 * math.pi))


def fixed_angle(case: Winding, nodes: int = 720) -> float | None:
    """A fixed point of the map, or None."""

    def gap(x: float) -> float:
        return math.remainder(case.lift(x) - x, 2 * math.pi)

    for low, high in pairwise([2 * math.pi * i / nodes for i in range(nodes + 1)]):
        first, second = gap(low), gap(high)
        if first * second <= 0 and abs(first - second) < 1:
            found = bisect(gap, low, high) if first >= 0 else bisect(lambda x: -gap(x), low, high)
            if min(abs(gap(x)) for x in found) < TURNED:
                return found[0]
    return None


def _nothing_fixed(case: Winding) -> str | None:
    if fixed_angle(case) is not None:
        return None
    angles = [math.pi * i / 360 for i in range(720)]
    least = min(abs(math.remainder(case.lift(x) - x, 2 * math.pi)) for x in angles)
    turn = f"every state is turned, by at least {math.degrees(least):.3g} degrees"
    where = f"d = 2, winding number {case.k}, shift {case.shift:.4g}, jump {case.jump:.3g}"
    return f"{where}: {turn}"


def _torn(rng: random.Random, keep: bool) -> Winding:
    if keep:
        return Winding(0, rng.uniform(0, 6.28), ())
    # a step function that jumps across the diagonal: it maps x < pi above pi, and the others below
    return Winding(0, rng.uniform(3.5, 5), (), -rng.uniform(2.6, 3.1))


class _Tokens(NamedTuple):
    """Every token i takes sign_i times the state of token source_i, in R^d."""

    signs: tuple[int, ...]
    sources: tuple[int, ...]
    d: int


def _tokens(rng: random.Random, keep: bool) -> _Tokens:
    if keep:
        return _Tokens((rng.choice((1, -1)),), (0,), rng.choice((2, 3, 4)))
    return _Tokens((1, -1), (1, 0), 3)


def total_degree(case: _Tokens) -> int:
    """The degree on the product of spheres of R^d.

    It is the degree of the permutation of factors of dimension d - 1, times those of the antipodal
    maps.
    """
    inversions = sum(a > b for i, a in enumerate(case.sources) for b in case.sources[i + 1 :])
    degree = (-1) ** (inversions * (case.d - 1) ** 2)
    for sign in case.signs:
        degree *= 1 if sign > 0 else (-1) ** case.d
    return degree


def _signed_permutation_moves_all(case: _Tokens) -> str | None:
    """A cycle of source tokens with an odd number of minus signs, which forces h = -h.

    Then no state is fixed.
    """
    if total_degree(case) == (-1) ** (case.d * len(case.signs)):
        return None
    for start in range(len(case.signs)):
        sign, at = 1, start
        while True:
            sign, at = sign * case.signs[at], case.sources[at]
            if at == start:
                break
        if sign < 0:
            loop = f"L = {len(case.signs)}, d = {case.d}: F(h_1, h_2) = (h_2, -h_1)"
            return f"{loop} has degree {total_degree(case)} and fixes no state (h_1 = h_2 = -h_1)"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "degree_of_the_antipode",
        "degree",
        "some state is fixed",
        _winding,
        lambda case: winding_number(case) != 1,
        _nothing_fixed,
    ),
    RandomFalsifier(
        "torn_circle",
        "continuous",
        "some state is fixed",
        _torn,
        lambda case: case.jump == 0,
        _nothing_fixed,
    ),
    RandomFalsifier(
        "two_tokens",
        "one_token",
        "degree other than (-1)^(L d) gives a fixed state",
        _tokens,
        lambda case: len(case.signs) == 1,
        _signed_permutation_moves_all,
        trials=8,
    ),
)
