"""M3: the formula as a program for piecewise maps of the line, and cases where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate


class PiecewiseMap(NamedTuple):
    """F = h - g(h) on K = [first knot, last knot]: continuous, and monotone between the knots.

    Args:
        knots: the knots, in order.
        values: the values of F at the knots.
        cantor: whether F follows the Cantor function between the knots, instead of a line.
    """

    knots: Sequence[Fraction]
    values: Sequence[Fraction]
    cantor: bool = False

    def pieces(self) -> Iterator[tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]]:
        """The ends of each piece, and the values there."""
        return zip(pairwise(self.knots), pairwise(self.values), strict=True)

    def count(self, b: Fraction) -> int:
        """The number of h in K with F(h) = b, for b that is not the value at a knot."""
        return sum(min(u, v) < b < max(u, v) for u, v in pairwise(self.values))


class Law(NamedTuple):
    """A map and the law of the bias b, which has the density 1/(high - low) on [low, high].

    Args:
        map: the map F.
        low: the lower end.
        high: the upper end.
        atoms: if there are any, b takes these values equally often instead, and has no density.
    """

    map: PiecewiseMap
    low: Fraction
    high: Fraction
    atoms: tuple[Fraction, ...] = ()

    def mean_count(self) -> Fraction:
        """The expected number of fixed points; it is constant between values at the knots."""
        if self.atoms:
            return Fraction(sum(self.map.count(b) for b in self.atoms), len(self.atoms))
        cuts = sorted({self.low, self.high, *self._inside(self.map.values)})
        parts = ((b - a) * self.map.count((a + b) / 2) for a, b in pairwise(cuts))
        return sum(parts, Fraction(0)) / (self.high - self.low)

    def integral(self) -> Fraction:
        """The integral over K of |F'| 1{low < F < high}/(high - low).

        Each piece adds its slope times the length of the part whose image lies inside. A piece of
        the Cantor function adds 0: F' = 0 outside of a null set.
        """
        total = Fraction(0)
        for (h, k), (u, v) in self.map.pieces():
            if u != v and not self.map.cantor:
                slope = (v - u) / (k - h)
                ends = sorted(h + (edge - u) / slope for edge in (self.low, self.high))
                total += abs(slope) * max(Fraction(0), min(k, ends[1]) - max(h, ends[0]))
        return total / (self.high - self.low)

    def _inside(self, values: Sequence[Fraction]) -> Iterator[Fraction]:
        return (v for v in values if self.low < v < self.high)


def _differs(case: Law) -> str | None:
    mean, integral = case.mean_count(), case.integral()
    if mean == integral:
        return None
    knots, values = (", ".join(map(str, x)) for x in (case.map.knots, case.map.values))
    return f"F with the knots {knots} and values {values}: mean {mean}, integral {integral}"


EXPECTATION = Predicate[Law](
    name="expectation",
    sentence="E #{fixed points in K} = Int_K |det(I - Dg(h))| p(h - g(h)) dh",
    concluded_by=("expectation",),
    assumptions={
        "density": lambda case: not case.atoms,
        "lipschitz": lambda case: not case.map.cantor,
    },
    refute=_differs,
    example=lambda: Law(TENT, Fraction(0), Fraction(2)),
)

PREDICATES = (EXPECTATION,)

_ZERO, _ONE = Fraction(0), Fraction(1)
TENT = PiecewiseMap((_ZERO, _ONE, Fraction(2)), (_ZERO, _ONE, _ZERO))
"""F rises from 0 to 1 and falls to 0: two fixed points for b in (0, 1)"""
FALSIFIERS = (
    Falsifier(
        "bias_at_one_point",
        "density",
        EXPECTATION,
        lambda: Law(TENT, _ZERO, Fraction(2), (Fraction(1, 2),)),
    ),
    Falsifier(
        "cantor_function",
        "lipschitz",
        EXPECTATION,
        lambda: Law(PiecewiseMap((_ZERO, _ONE), (_ZERO, _ONE), cantor=True), _ZERO, _ONE),
    ),
)
