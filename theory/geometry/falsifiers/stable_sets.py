"""R4 as programs, and for each of its assumptions an exact case in which R4 fails without it.

Weights are rational numbers, angles are given by their cosines.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import flint
import sympy as sp

from ...architecture import Recall
from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..balls import evaluate
from ..probability_enclosures import (
    external_given_x,
    external_probability,
    internal_given_y,
    internal_probability,
)
from ..projection import nearest


class Weights(NamedTuple):
    """The weights of a scalar loop."""

    recall: Recall
    x: Any
    y: Any

    @property
    def slope(self) -> Any:
        """J = dh'/dh."""
        return formula(f"scalar_jacobian_{self.recall}")(*map(sp.Rational, (self.x, self.y)))


def _strict(case: Weights) -> bool:
    x, y = case.x, case.y
    if case.recall is Recall.EXTERNAL:
        return -1 < (1 + y) * x < 1
    return -2 < (y if case.recall is Recall.NONE else x * y) < 0


def _never_settles(case: Weights) -> str | None:
    return None if abs(case.slope) < 1 else f"{case}: h_t - h* = ({case.slope})^t (h_0 - h*)"


CONVERGES = Predicate(
    name="converges",
    sentence="Inside them the affine loop h' = J h + c converges from every start.",
    concluded_by=("stable_sets",),
    assumptions={"open": _strict},
    refute=_never_settles,
    example=lambda: Weights(Recall.INTERNAL, 1, -1),
)


class Pair(NamedTuple):
    """The law of x and y: N(0, s^2) each, with correlation -1, 0 or 1."""

    recall: Recall
    s: str
    correlation: int


def _probability(case: Pair) -> flint.arb:
    """The probability of the stable set, without the formula of R4."""
    s, root = evaluate(sp.Rational(case.s)), flint.arb(2).sqrt()
    if case.recall is Recall.NONE:
        return (root / s).erf() / 2
    if case.correlation == 0:
        given = internal_given_y if case.recall is Recall.INTERNAL else external_given_x
        return given(case.s)
    if case.recall is Recall.INTERNAL:  # x y = x^2 is never negative, -x^2 > -2 is |x| < sqrt2
        return flint.arb(0) if case.correlation == 1 else (1 / s).erf()
    # |(1 + x) x| < 1, and likewise |(1 - x) x| < 1 with the sign of x reversed
    golden = (flint.arb(5).sqrt() - 1) / 2
    return ((golden / (root * s)).erf() + ((golden + 1) / (root * s)).erf()) / 2


def _strip(s: str) -> flint.arb:
    """The formula for the probability of -2 < y < 0."""
    return evaluate(formula("none_stable_probability")(sp.Rational(s)))


_LAWS = {
    Recall.NONE: _strip,
    Recall.INTERNAL: internal_probability,
    Recall.EXTERNAL: external_probability,
}
"""the integrals of the sentence"""


def _off_the_law(case: Pair) -> str | None:
    found, law = _probability(case), _LAWS[case.recall](case.s)
    if found.overlaps(law):
        return None
    return f"{case}: the loop contracts with probability {found.str(8)}, not {law.str(8)}"


PROBABILITY = Predicate(
    name="probability",
    sentence=(
        "Under independent N(0, s^2) weights their probabilities are erf(sqrt2/s)/2, E erf(1/(sqrt2"
        " s |1 + y|)), (1/pi) Int_0^{2/s^2} K_0."
    ),
    concluded_by=("none_probability", "external_probability", "product_density"),
    assumptions={"gaussian": lambda case: case.correlation == 0},
    refute=_off_the_law,
    example=lambda: Pair(Recall.INTERNAL, "1", 0),
)


def _tied(case: Weights) -> bool:
    return abs(case.x) == abs(case.y if case.recall is Recall.INTERNAL else 1 + case.y)


def _several_nearest(case: Weights) -> str | None:
    points = nearest(case.recall, Fraction(case.x), Fraction(case.y)).points
    return None if len(points) == 1 else f"{case}: {len(points)} nearest points"


NEAREST = Predicate(
    name="nearest",
    sentence=(
        "The nearest point of the closed set is unique off |x| = |y| (internal), |x| = |1 + y|"
        " (external): the nearer axis or the one root beyond 1 of a quartic."
    ),
    concluded_by=("cut_locus",),
    assumptions={"off_cut_locus": lambda case: not _tied(case)},
    refute=_several_nearest,
    example=lambda: Weights(Recall.INTERNAL, 3, 1),
)


class Pitchfork(NamedTuple):
    """h' = x h + y tanh(x h + k) with (1 + y) x = 1, and t = tanh(k)."""

    y: Any
    t: Any


def _no_pitchfork(case: Pitchfork) -> str | None:
    y, t, x = case.y, case.t, 1 / (1 + sp.Rational(case.y))
    jet = (y * t, x + x * y * (1 - t**2), -2 * x**2 * y * t * (1 - t**2))
    cubic = -2 * x**3 * y * (1 - t**2) * (1 - 3 * t**2) / 6
    if jet == (0, 1, 0) and cubic != 0 and (cubic < 0) == (x * y > 0):
        return None
    return f"{case}: f(0), f'(0), f''(0), f'''(0)/6 = {jet}, {cubic}: not a pitchfork at h = 0"


PITCHFORK = Predicate(
    name="pitchfork",
    sentence=(
        "For h' = x h + y tanh(x h + k), k = 0 and y != 0 there is a pitchfork at (1 + y) x = 1,"
        " supercritical iff x y > 0, and a flip at -1, supercritical iff x y < 0."
    ),
    concluded_by=("normal_forms",),
    assumptions={"odd": lambda case: case.t == 0, "nondegenerate": lambda case: case.y != 0},
    refute=_no_pitchfork,
    example=lambda: Pitchfork(1, 0),
)


def _no_fold(case: Weights) -> str | None:
    square = 1 - (1 - case.x) / sp.Rational(case.x * case.y)
    return None if 0 < square < 1 else f"{case}: f' = 1 needs T^2 = {square}"


FOLD = Predicate(
    name="fold",
    sentence="An offset unfolds the pitchfork into folds where |x| < 1, x y > 0, (1 + y) x > 1.",
    concluded_by=("external_folds", "offset_signs"),
    assumptions={
        "folds": lambda case: abs(case.x) < 1 and case.x * case.y > 0 and (1 + case.y) * case.x > 1
    },
    refute=_no_fold,
    example=lambda: Weights(Recall.EXTERNAL, Fraction(3, 5), 1),
)


class Turn(NamedTuple):
    """A planar loop at its crossing, whose update is turned by phi.

    Args:
        recall: internal or external.
        x: the state weight, positive.
        y: the update, positive.
        cosine: cos phi.
    """

    recall: Recall
    x: Any
    y: Any
    cosine: Any

    @property
    def multiplier(self) -> Any:
        """The multiplier mu, of modulus 1."""
        turn = self.y * (self.cosine + sp.I * sp.sqrt(1 - sp.sympify(self.cosine) ** 2))
        internal = self.recall is Recall.INTERNAL
        return sp.nsimplify(1 + self.x * turn if internal else self.x * (1 + turn))

    def growth(self, angle: Any) -> Any:
        """|z|^2 times this is the relative change of |z| by the cubic terms, for z at the angle.

        It is the average over the orbit z, mu z, mu^2 z, mu^3 z of the linear part. The term
        conj(z)^3 turns by mu^-4 from one state to the next, and averages out unless mu^4 = 1.
        """
        turn = self.cosine + sp.I * sp.sqrt(1 - sp.sympify(self.cosine) ** 2)
        third = -sp.sympify(self.y) * self.x**3 * turn / 4
        resonant = sp.expand(self.multiplier**4) == 1
        terms = 1 + (sp.exp(-4 * sp.I * angle) / 3 if resonant else 0)
        return sp.simplify(sp.re(sp.expand(sp.conjugate(self.multiplier) * third * terms)))


def _no_curve(case: Turn) -> str | None:
    axis, diagonal = (case.growth(angle) for angle in (0, sp.pi / 4))
    if axis == diagonal and axis != 0:
        below = axis < 0
        if below == (case.recall is Recall.INTERNAL or case.y > -case.cosine):
            return None
    return f"{case}: cubic growth {axis} on the axes, {diagonal} on the diagonals"


CURVE = Predicate(
    name="curve",
    sentence=(
        "In the plane, with an update rotated by phi, a closed curve with |z|^2 = (1 - |mu|)/a is"
        " born at the crossing: supercritical internally, and externally iff y > -cos phi (y > 0)."
    ),
    concluded_by=("neimark_sacker_internal", "neimark_sacker_external"),
    assumptions={
        "nonresonant": lambda case: all(sp.expand(case.multiplier**n) != 1 for n in (1, 2, 3, 4)),
        "nondegenerate": lambda case: (
            case.recall is Recall.INTERNAL or case.y != -sp.sympify(case.cosine)
        ),
    },
    refute=_no_curve,
    example=lambda: Turn(Recall.INTERNAL, 1, 1, -sp.Rational(1, 2)),
)


class Box(NamedTuple):
    """The box [shift - a, shift + a]^2, a >= 2 and 0 <= shift, for the loop without recall."""

    a: Any
    shift: Any


def _area(case: Box) -> str | None:
    # the stable set is the strip -2 < y < 0
    low, high = max(-2, case.shift - case.a), min(0, case.shift + case.a)
    found, law = 2 * case.a * max(0, high - low), formula("none_stable_area")(case.a)
    return None if found == law else f"{case}: the area is {found}, not {law}"


AREA = Predicate(
    name="area",
    sentence="In a box [-a, a]^2 their areas are elementary functions of a, and unbounded.",
    concluded_by=("box_area_none", "infinite_area"),
    assumptions={"centred": lambda case: case.shift == 0},
    refute=_area,
    example=lambda: Box(3, 0),
)

PREDICATES = (CONVERGES, AREA, PROBABILITY, NEAREST, PITCHFORK, FOLD, CURVE)

FALSIFIERS = (
    Falsifier("on_the_edge", "open", CONVERGES, lambda: Weights(Recall.NONE, 1, -2)),
    Falsifier("shifted_box", "centred", AREA, lambda: Box(2, 1)),
    Falsifier("equal_weights", "gaussian", PROBABILITY, lambda: Pair(Recall.INTERNAL, "1", 1)),
    Falsifier("tie", "off_cut_locus", NEAREST, lambda: Weights(Recall.INTERNAL, 1, 1)),
    Falsifier("offset", "odd", PITCHFORK, lambda: Pitchfork(1, sp.Rational(1, 2))),
    Falsifier("linear_update", "nondegenerate", PITCHFORK, lambda: Pitchfork(0, 0)),
    Falsifier(
        "before_the_pitchfork",
        "folds",
        FOLD,
        lambda: Weights(Recall.EXTERNAL, Fraction(1, 2), Fraction(1, 2)),
    ),
    Falsifier(
        "strong_resonance",
        "nonresonant",
        CURVE,
        lambda: Turn(Recall.INTERNAL, 1, sp.sqrt(2), -sp.sqrt(2) / 2),
    ),
    Falsifier(
        "vanishing_coefficient",
        "nondegenerate",
        CURVE,
        lambda: Turn(Recall.EXTERNAL, sp.Rational(5, 4), sp.Rational(3, 5), -sp.Rational(3, 5)),
    ),
)
