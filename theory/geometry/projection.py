"""The nearest points of the closure of a stable set to one point, exactly.

The boundary x y = -2 or (1 + y) x = +-1 gives one quartic per branch (R4, nearest_points), and the
axes give further candidates. The real roots of the quartics are isolated by flint, and the
distances of all critical points are compared as balls whose precision grows until the order is
certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from ...support.errors import LoopstabError, UsageError
from ..architecture import Recall

PRECISIONS = (128, 256, 512, 1024)
"""the numbers of bits that are tried, in this order"""


@dataclass(frozen=True)
class Nearest:
    """The nearest points of the closed stable set.

    Args:
        points: the nearest points (x, y) as balls; there are two only on the cut locus.
        distance: their distance, as a ball.
        critical: the number of critical points of the distance on the boundary.
    """

    points: tuple[tuple[flint.arb, flint.arb], ...]
    distance: flint.arb
    critical: int


def nearest(recall: Recall, x: Fraction, y: Fraction) -> Nearest:
    """The points of a closed stable set that are nearest to (x, y).

    The set is -2 <= y <= 0 without recall, |(1 + y) x| <= 1 with external and -2 <= x y <= 0 with
    internal recall. Ties are decided exactly: they occur only on |x| = |y| (internal) and on
    |x| = |1 + y| (external), by R4, step cut_locus.

    Args:
        recall: the kind of recall.
        x: the state weight, rational; a float is taken exactly.
        y: the update, likewise.

    Returns:
        The nearest points and their distance.

    Raises:
        UsageError: x or y is not a finite number.
        LoopstabError: 1024 bits do not separate the critical points.
    """
    x, y = _fraction(x), _fraction(y)
    if recall is Recall.NONE:
        inside = min(max(y, Fraction(-2)), Fraction(0))
        return Nearest(((_ball(x), _ball(inside)),), _ball(abs(y - inside)), 1)
    if _inside(recall, x, y):
        return Nearest(((_ball(x), _ball(y)),), flint.arb(0), 0)
    tied = abs(x) == abs(y if recall is Recall.INTERNAL else 1 + y)
    for bits in PRECISIONS:
        with flint.ctx.workprec(bits):
            ranked = sorted(_critical(recall, x, y), key=lambda item: item[0].mid())
            best, rest = [ranked[0]], ranked[1:]
            if tied:
                best += [item for item in rest if item[0].overlaps(ranked[0][0])]
                rest = [item for item in rest if item not in best]
            if len(best) <= 2 and all(best[0][0] < item[0] for item in rest):
                return Nearest(tuple((p, q) for _, p, q in best), best[0][0].sqrt(), len(ranked))
    raise LoopstabError(
        f"the critical points for ({x}, {y}) cannot be separated with {PRECISIONS[-1]} bits; report"
        " the point"
    )


def _inside(recall: Recall, x: Fraction, y: Fraction) -> bool:
    return -2 <= x * y <= 0 if recall is Recall.INTERNAL else abs(x * (1 + y)) <= 1


def _critical(
    recall: Recall, x: Fraction, y: Fraction
) -> list[tuple[flint.arb, flint.arb, flint.arb]]:
    """The critical points of the distance on the boundary, as (squared distance, x, y)."""
    found = []
    if recall is Recall.INTERNAL:
        branches = ((-2, Fraction(0)),)
        found += [(_ball(y) ** 2, _ball(x), flint.arb(0)), (_ball(x) ** 2, flint.arb(0), _ball(y))]
    else:
        branches = ((1, Fraction(1)), (-1, Fraction(1)))
    for product, shift in branches:
        # on t (s + shift) = product: t^4 - x t^3 + product (y + shift) t - product^2 = 0
        height = y + shift
        common = x.denominator * height.denominator
        coefficients = [-(product**2) * common, product * height * common, 0, -x * common, common]
        roots: Any = flint.fmpz_poly([int(c) for c in coefficients]).complex_roots()
        for root, _ in roots:
            # flint returns real roots with an imaginary part that is exactly zero
            if root.imag == 0:
                t = root.real
                s = product / t - _ball(shift)
                found.append(((t - _ball(x)) ** 2 + (s - _ball(y)) ** 2, t, s))
    return found


def _fraction(value: Fraction) -> Fraction:
    try:
        return Fraction(value)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"{value!r} is not a finite number: give a Fraction, an int, or a finite float, which"
            " is taken exactly"
        ) from None


def _ball(value: Fraction) -> flint.arb:
    return flint.arb(value.numerator) / value.denominator
