"""The nearest points of the closure of a stable set, exactly, for one point: every branch and axis,
roots isolated and ranked by balls.

The boundary x y = -2 or (1 + y) x = +-1 gives a quartic per branch (R4, nearest_points); its real
roots are isolated by flint, and the distances of all critical points are compared as balls whose
precision grows until the order is certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from ...support.errors import LoopstabError, UsageError
from ..architecture import Recall

PRECISIONS = (128, 256, 512, 1024)
"""bits tried, in this order"""


@dataclass(frozen=True)
class Nearest:
    """The nearest points of the closed stable set; more than one only on the cut locus.

    `points`: (x, y) as balls; `distance`: a ball; `critical`: the number of critical points of the
    distance on the boundary.
    """

    points: tuple[tuple[flint.arb, flint.arb], ...]
    distance: flint.arb
    critical: int


def nearest(recall: Recall, x: Fraction, y: Fraction) -> Nearest:
    """Nearest points to (x, y) in -2 <= y <= 0 (none), |(1 + y) x| <= 1 (external), -2 <= x y <= 0
    (internal).

    Exact for rational x and y: `Fraction(value)` of a float is exact too. Ties are decided exactly:
    they occur on |x| = |y| (internal) and |x| = |1 + y| (external) only (R4, cut_locus). Raises
    `UsageError` for what is not rational, `LoopstabError` if 1024 bits do not rank the critical
    points.
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
        f"the critical points for ({x}, {y}) are not told apart with {PRECISIONS[-1]} bits; report"
        " the point"
    )


def _inside(recall: Recall, x: Fraction, y: Fraction) -> bool:
    return -2 <= x * y <= 0 if recall is Recall.INTERNAL else abs(x * (1 + y)) <= 1


def _critical(
    recall: Recall, x: Fraction, y: Fraction
) -> list[tuple[flint.arb, flint.arb, flint.arb]]:
    """(squared distance, x, y) of every critical point of the distance on the boundary."""
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
            if (
                root.imag == 0
            ):  # flint returns real roots with an imaginary part that is exactly zero
                t = root.real
                s = product / t - _ball(shift)
                found.append(((t - _ball(x)) ** 2 + (s - _ball(y)) ** 2, t, s))
    return found


def _fraction(value: Fraction) -> Fraction:
    try:
        return Fraction(value)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"{value!r} is no finite number: give a Fraction, an int, or a finite float (taken"
            " exactly)"
        ) from None


def _ball(value: Fraction) -> flint.arb:
    return flint.arb(value.numerator) / value.denominator
