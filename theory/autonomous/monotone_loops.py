"""Scalar loops h' = g(h) + r e, g non-decreasing and piecewise linear, with their exact limits.

Such an orbit is monotone, so that its limit is the next fixed point in its direction. States and
inputs are pairs (a, b) that stand for a + b times an infinitely small positive number; they are
ordered as pairs are. With them the limits just above and just below an input are exact too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

Number = Fraction | int
Near = tuple[Fraction, Fraction]
"""a + b times an infinitely small positive number"""


class MonotoneLoop(NamedTuple):
    """h' = g(h) + r e with g(h) = slope h + constant between neighbouring knots.

    Args:
        lines: slope, which is not negative, and constant of each piece, from left to right.
        knots: where one piece ends and the next begins.
        recall: the coefficient r of the input.

    Example:
        >>> from fractions import Fraction
        >>> from loopstab.theory.autonomous.monotone_loops import clamp
        >>> [str(h) for h in clamp(2).fixed_points()]
        ['-1', '0', '1']
        >>> clamp(2).limit(Fraction(1, 100)), clamp(2).limit(0, side=-1)
        ((Fraction(1, 1), Fraction(0, 1)), (Fraction(-1, 1), Fraction(0, 1)))
    """

    lines: tuple[tuple[Number, Number], ...]
    knots: tuple[Fraction, ...] = ()
    recall: Number = 0

    def continuous(self) -> bool:
        """Whether neighbouring pieces meet."""
        meetings = zip(pairwise(self.lines), self.knots, strict=True)
        return all(s * k + c == t * k + d for ((s, c), (t, d)), k in meetings)

    def step(self, h: Fraction, e: Fraction) -> Fraction:
        """The next state."""
        return self._image((h, Fraction(0)), (e, Fraction(0)))[0]

    def fixed_points(self, e: Number = 0) -> list[Fraction] | None:
        """All fixed points for one input; None if they fill an interval."""
        points = set()
        for low, high, slope, constant in self._pieces():
            drive = constant + self.recall * e
            if slope == 1 and drive == 0:
                return None
            if slope != 1 and low <= Fraction(drive) / (1 - slope) <= high:
                points.add(Fraction(drive) / (1 - slope))
        return sorted(points)

    def limit(self, start: Number, side: int = 0, e: Number | None = None) -> Near | None:
        """The limit of a continuous loop from a start, or from just above (`side` 1) or below (-1).

        The input is the start itself, or `e`. None if the orbit is unbounded.
        """
        h = (Fraction(start), Fraction(side))
        given = h if e is None else (Fraction(e), Fraction(0))
        image = self._image(h, given)
        if image == h:
            return h
        ahead = [x for x in self._stops(given) if (x > h) == (image > h) and x != h]
        return (min if image > h else max)(ahead, default=None)

    def _pieces(self) -> Iterator[tuple[Fraction | float, Fraction | float, Number, Number]]:
        ends = (-math.inf, *self.knots, math.inf)
        for (low, high), (slope, constant) in zip(pairwise(ends), self.lines, strict=True):
            yield low, high, slope, constant

    def _image(self, h: Near, e: Near) -> Near:
        piece = sum((knot, 0) < h for knot in self.knots)
        slope, constant = self.lines[piece]
        return slope * h[0] + constant + self.recall * e[0], slope * h[1] + self.recall * e[1]

    def _stops(self, e: Near) -> Iterator[Near]:
        """Fixed points: all isolated ones, and the ends of the intervals of them."""
        for low, high, slope, constant in self._pieces():
            drive = (constant + self.recall * e[0], self.recall * e[1])
            ends = [(Fraction(x), Fraction(0)) for x in (low, high) if math.isfinite(x)]
            if slope == 1 and drive == (0, 0):
                yield from ends
            elif slope != 1:
                x = Fraction(drive[0]) / (1 - slope), Fraction(drive[1]) / (1 - slope)
                if (low, 0) <= x <= (high, 0):
                    yield x


def clamp(slope: Number, recall: Number = 0) -> MonotoneLoop:
    """The loop h' = slope h + recall e, of which slope h is clamped to [-1, 1]."""
    end = Fraction(1) / slope
    return MonotoneLoop(((0, -1), (slope, 0), (0, 1)), (-end, end), recall)
