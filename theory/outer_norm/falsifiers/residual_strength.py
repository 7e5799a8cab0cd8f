"""M1 as programs: fixed points with rational coordinates, exact multipliers, and what breaks them.

Vectors are in units of R = sqrt(d), so that the sphere is |h| = 1.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from ...kernel.exact import Vector, rational_root
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate


class FixedPoint(NamedTuple):
    """h and the update g(h, e) at it, gains, eps, and two residual strengths.

    With `second`, the constant update of a second sub-block with its own norm.
    """

    h: Vector
    update: Vector
    gain: Vector
    eps: Fraction
    strengths: tuple[Fraction, Fraction]
    second: Vector | None = None


def fixed_point(
    h: Any,
    update: Any,
    gain: Any = (1, 1),
    eps: Any = 0,
    strengths: Any = (0, 1),
    second: Any = None,
) -> FixedPoint:
    """A case from numbers or their strings."""
    vectors = [
        [Fraction(x) for x in v] if v is not None else None for v in (h, update, gain, second)
    ]
    weak, strong = (Fraction(a) for a in strengths)
    first, value, gains, other = vectors
    return FixedPoint(first or (), value or (), gains or (), Fraction(eps), (weak, strong), other)


def scale(case: FixedPoint) -> Fraction | None:
    """w with g(h, e) = w h, or None."""
    w = sum((x * y for x, y in zip(case.h, case.update, strict=True)), Fraction(0))
    return w if [w * x for x in case.h] == list(case.update) else None


def is_image(z: Vector, case: FixedPoint, h: Vector) -> bool:
    """Whether h = gain z/sqrt(|z|^2 + eps), by squares and signs."""
    square = sum((x * x for x in z), case.eps)
    pairs = [(g * x, y) for g, x, y in zip(case.gain, z, h, strict=True)]
    return square > 0 and all(p * p == y * y * square and p * y >= 0 for p, y in pairs)


def _moves(case: FixedPoint) -> str | None:
    for a in case.strengths:
        z = [a * x + y for x, y in zip(case.h, case.update, strict=True)]
        if case.second is None:
            fixed = is_image(z, case, case.h)
        else:
            first = _normalised(z)
            fixed = is_image(
                [a * x + y for x, y in zip(first, case.second, strict=True)], case, case.h
            )
        if not fixed:
            return f"h = ({', '.join(map(str, case.h))}) is not fixed at a = {a}"
    return None


def _normalised(z: Vector) -> Vector:
    """z/|z| for a vector with a rational norm."""
    size = rational_root(sum((x * x for x in z), Fraction(0)))
    return [x / size for x in z]


FIXED = Predicate(
    name="fixed",
    sentence="The points |h| = R with g(h, e) = w h are fixed for every a with a + w > 0.",
    concluded_by=("same_fixed_points",),
    assumptions={
        "gain_one": lambda case: all(g == 1 for g in case.gain),
        "eps_zero": lambda case: case.eps == 0,
        "one_norm": lambda case: case.second is None,
        "outward": lambda case: min(case.strengths) + (scale(case) or Fraction(0)) > 0,
    },
    refute=_moves,
    example=lambda: fixed_point(("3/5", "4/5"), ("6/5", "8/5")),
)


class Tokens(NamedTuple):
    """Scales w_i, the matrix P Dg P (2 x 2), and two residual strengths.

    One token at d = 3 (both scales are then the same), or two tokens at d = 2.
    """

    scales: Vector
    update: tuple[Vector, Vector]
    a: Fraction
    larger: Fraction

    def stable(self, a: Fraction) -> bool:
        """Whether both eigenvalues of (a + W)^{-1}(a + P Dg P) lie in the open unit disc (Jury)."""
        (p, q), (r, s) = self.update
        first, second = (a + w for w in self.scales)
        trace = (a + p) / first + (a + s) / second
        det = ((a + p) * (a + s) - q * r) / (first * second)
        return det < 1 and abs(trace) < 1 + det


def tokens(scales: Any, update: Any, a: Any, larger: Any) -> Tokens:
    """A case from numbers or their strings."""
    first, second = ([Fraction(x) for x in row] for row in update)
    return Tokens([Fraction(w) for w in scales], (first, second), Fraction(a), Fraction(larger))


def _loses_stability(case: Tokens) -> str | None:
    if not case.stable(case.a) or case.stable(case.larger):
        return None
    rows = "; ".join(", ".join(map(str, row)) for row in case.update)
    where = f"w = ({', '.join(map(str, case.scales))}), P Dg P = [{rows}]"
    return f"{where}: stable at a = {case.a}, not at a' = {case.larger}"


STABLE = Predicate(
    name="stable",
    sentence="For one token, or tokens of equal w, stable at a implies stable at every a' > a.",
    concluded_by=("spectrum", "monotone_stability"),
    assumptions={
        "one_scale": lambda case: case.scales[0] == case.scales[1],
        "outward": lambda case: all(case.a + w > 0 for w in case.scales),
    },
    refute=_loses_stability,
    example=lambda: tokens((1, 1), (("1/2", 3), (0, "-1/2")), 0, 5),
)


def _unstable_far_out(case: Tokens) -> str | None:
    """Jury's test at a strength beyond which its signs no longer change.

    1 - det is a (2 w - trace) + w^2 - det(P Dg P) over (a + w)^2.
    """
    w, (first, second) = case.scales[0], case.update
    size = 1 + abs(w) + sum(map(abs, (*first, *second)))
    gap = abs(2 * w - first[0] - second[1]) or Fraction(1)
    far = 10 * size + 10 * size**2 / gap
    return None if case.stable(far) else f"w = {w}: not stable at a = {far}"


LARGE = Predicate(
    name="large",
    sentence="If moreover Re nu < w for every nu, it is stable for every large a.",
    concluded_by=("spectrum", "large_residual"),
    assumptions={
        "one_scale": lambda case: case.scales[0] == case.scales[1],
        "left_of_scale": lambda case: (
            2 * case.scales[0] > case.update[0][0] + case.update[1][1] and _left(case)
        ),
    },
    refute=_unstable_far_out,
    example=lambda: tokens((1, 1), (("1/2", -30), (30, "1/2")), 0, 1),
)


def _left(case: Tokens) -> bool:
    """Whether det(w - P Dg P) > 0, which with the trace says Re nu < w."""
    w, ((p, q), (r, s)) = case.scales[0], case.update
    return (w - p) * (w - s) - q * r > 0


PREDICATES = (FIXED, STABLE, LARGE)

FALSIFIERS = (
    Falsifier(
        "unequal_gains",
        "gain_one",
        FIXED,
        lambda: fixed_point(("3/5", "4/5"), ("6/5", "8/5"), gain=(1, 2)),
    ),
    Falsifier(
        "epsilon", "eps_zero", FIXED, lambda: fixed_point(("3/5", "4/5"), ("6/5", "8/5"), eps=16)
    ),
    Falsifier("inward_update", "outward", FIXED, lambda: fixed_point((1, 0), (-2, 0))),
    # g = h here, but a second block adds (0, 1) behind its own norm
    Falsifier("second_norm", "one_norm", FIXED, lambda: fixed_point((1, 0), (1, 0), second=(0, 1))),
    Falsifier("inward_state", "outward", STABLE, lambda: tokens((-3, -3), ((0, 0), (0, 0)), 0, 2)),
    Falsifier(
        "tokens_of_unequal_scale",
        "one_scale",
        STABLE,
        lambda: tokens((1, 4), ((-1, -7), (1, 7)), 0, 5),
    ),
    Falsifier(
        "eigenvalue_beyond_the_scale",
        "left_of_scale",
        LARGE,
        lambda: tokens((1, 1), ((2, 0), (0, 0)), 0, 1),
    ),
)
