"""Attacks on L6: products of matrices around cycles, and cycles of scalar polynomial loops.

Everything is exact: the limit of an orbit is found by Sturm sequences.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.local.falsifiers.cycles import MOTION, SPECTRUM, STILL, CycleMatrices, ScalarCycle
from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge, dropping


@st.composite
def _matrices(draw: Any, drop: bool = False) -> Case:
    """The Jacobians of p loops, and of the p - 1 after them; with `drop` the last is another."""
    d, p = draw(draws.sizes(1, 3)), draw(st.integers(2, 4))
    around = [draw(draws.entries(d, d)) for _ in range(p)]
    after = [*around[: p - 1]]
    if drop:
        after[-1] = after[-1] + np.eye(d)
    return {"period": p, "jacobians": np.array([*around, *after])}


def _windows(case: Case) -> CycleMatrices:
    return CycleMatrices(int(case["period"]), case["jacobians"].tolist())


@st.composite
def _cycles(draw: Any, drop: str = "") -> Case:
    """Points of a fixed point or a 2-cycle with given slopes, and a start on it or close to it.

    `contractive`: the multiplier is 1; `basin`: the start is at the other point of the cycle.
    """
    period = 2 if drop else draw(st.integers(1, 2))
    first = draw(draws.fractions(-2, 2))
    points = [first, first + draw(draws.fractions(1 / 2, 2))][:period]
    slopes = [draw(draws.fractions(-7 / 8, 7 / 8)) for _ in points]
    if drop == "contractive":
        slopes = [2.0, 1 / 2]
    elif drop == "basin":
        slopes[1] = slopes[0] + 1 / 16
    near = 0.0 if drop else draw(st.sampled_from((0.0, 2.0**-24, -(2.0**-24))))
    return {
        "points": np.array(points),
        "slopes": np.array(slopes),
        "start": points[-1] if drop == "basin" else first + near,
        "gain": draw(draws.fractions(1 / 4, 4)) * draw(draws.SIGNS),
    }


def _hermite(case: Case) -> ScalarCycle:
    """The polynomial with these images and slopes at the points."""
    points, slopes = ([Fraction(x) for x in case[name]] for name in ("points", "slopes"))
    h, images = points[0], [*points[1:], points[0]]
    if len(points) == 1:
        coefficients = (h - slopes[0] * h, slopes[0])
    else:
        gap = points[1] - h
        chord = (images[1] - images[0]) / gap
        # images[0] + chord y + y (y - gap) (u + v y), y = h - points[0]
        u = (chord - slopes[0]) / gap
        v = ((slopes[1] - chord) / gap - u) / gap
        in_y = (images[0], chord - gap * u, u - gap * v, v)
        coefficients = _shifted(in_y, h)
    return ScalarCycle(coefficients, Fraction(case["gain"]), tuple(points), Fraction(case["start"]))


def _shifted(coefficients: tuple[Fraction, ...], by: Fraction) -> tuple[Fraction, ...]:
    """The coefficients of c(h - by), from those of c."""
    total = [Fraction(0)]
    for x in coefficients[::-1]:  # total = total (h - by) + x
        raised, lowered = [Fraction(0), *total], [*(-by * y for y in total), Fraction(0)]
        total = [a + b for a, b in zip(raised, lowered, strict=True)]
        total[0] += x
    return tuple(total)


@st.composite
def _still(draw: Any, drop: str = "") -> Case:
    """A loop without recall whose start moves with the input; or one hypothesis dropped."""
    # powers of 2, by which floats divide exactly
    scale, shift = 2.0 ** draw(st.integers(0, 2)), draw(draws.fractions(-7 / 8, 7 / 8))
    if drop == "isolated":  # a reflection: every state has period 2
        return _line((scale, -1), (shift, scale - shift), shift)
    if drop == "autonomous":
        return _line((0, shift), (0,), 0, gain=1)
    if drop == "continuous_limit":  # at the border 0 of the basins of -scale and scale
        small = 2.0 ** -draw(st.integers(2, 4)) / scale**2
        return _line((0, 1 + small * scale**2, 0, -small), (0,), 0)
    if draw(st.booleans()):  # h^2/scale - scale has the cycle 0, -scale
        return _line((-scale, 0, 1 / scale), (0, -scale), draw(draws.fractions(-1, 1)) / 16)
    return _line((0, shift / 2, 1 / 8, -1 / 8), (0,), shift)


def _line(coefficients: Any, points: Any, start: float, gain: float = 0) -> Case:
    return {
        "coefficients": np.array(coefficients, float),
        "points": np.array(points, float),
        "start": start,
        "gain": gain,
    }


def _moving(case: Case) -> ScalarCycle:
    coefficients, points = (tuple(map(float, case[x])) for x in ("coefficients", "points"))
    return ScalarCycle(coefficients, Fraction(case["gain"]), points, Fraction(case["start"]), 1)


SUITES: tuple[Suite, ...] = (
    Suite(
        "L6",
        "spectrum",
        property="the products around a cycle have one characteristic polynomial",
        cases=_matrices,
        judge=PredicateJudge(SPECTRUM, _windows),
        drops=(Drop("cycle", lambda: dropping("cycle", _matrices(True)), "cycle"),),
        evidence="exact arithmetic",
        predicate="spectrum",
    ),
    Suite(
        "L6",
        "motion",
        property="cycles of period 1 and 2 move with the input at the rate of the formula",
        cases=_cycles,
        judge=PredicateJudge(MOTION, _hermite),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _cycles(name)), name)
            for name in ("contractive", "basin")
        ),
        evidence="exact arithmetic",
        cost=4,
        predicate="motion",
    ),
    Suite(
        "L6",
        "still",
        property="without recall the limit of h_{pt} is constant where it is continuous",
        cases=_still,
        judge=PredicateJudge(STILL, _moving),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _still(name)), name)
            for name in ("autonomous", "isolated", "continuous_limit")
        ),
        evidence="exact arithmetic",
        cost=4,
        predicate="still",
    ),
)
