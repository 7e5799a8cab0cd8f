"""Attacks on A2 in exact arithmetic: its predicates at random scalar loops."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import sympy as sp

from ....theory.autonomous.falsifiers.countability import (
    FINITE,
    NON_DEGENERATE,
    H,
    P,
    ScalarFamily,
    Wave,
    cubic,
)
from ...attack.suite import Case, Drop, Suite
from ...strategies.block_forms import sixteenths
from ..shared.predicates import PredicateJudge, dropping


@st.composite
def _cubics(draw: st.DrawFn, drop: str = "") -> Case:
    """p/7 and q/11 with q odd: 4 p^3 7^-3 + 27 q^2 11^-2 is not 0, because 4 p^3 11^2 is even."""
    p, q = draw(st.integers(-99, 99)), 2 * draw(st.integers(-99, 99)) + 1
    return {"kind": drop, "p": p, "q": q}


def _family(case: Case) -> ScalarFamily:
    """The cubic; with a double zero at p/7; or p (h - q)^2, where no parameter acts at q."""
    p, q = Fraction(case["p"], 7), Fraction(case["q"], 11)
    if case["kind"] == "generic":
        return cubic(-3 * p**2, 2 * p**3)
    if case["kind"] == "rank":
        return ScalarFamily(P * (H - sp.Rational(q)) ** 2, ((P, sp.Rational(p) or sp.Integer(1)),))
    return cubic(p, q)


@st.composite
def _waves(draw: st.DrawFn, drop: str = "") -> Case:
    start = draw(sixteenths(0, 15))
    low = start + draw(st.integers(1, 16)) / 256
    return {
        "bias": draw(sixteenths(1, 15)),
        "low": 0.0 if drop else low,
        "start": 0.0 if drop == "inside" else start,
        "everywhere": drop == "smooth",
    }


def _wave(case: Case) -> Wave:
    start = None if case["everywhere"] else Fraction(case["start"])
    return Wave(Fraction(case["bias"]), Fraction(case["low"]), start)


SUITES = (
    Suite(
        "A2",
        "cubic",
        property="h - (h^3 + p h + q): no fixed point is degenerate",
        cases=_cubics,
        judge=PredicateJudge(NON_DEGENERATE, _family),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _cubics(name)), name)
            for name in ("generic", "rank")
        ),
        evidence="exact arithmetic",
        predicate="non_degenerate",
    ),
    Suite(
        "A2",
        "wave",
        property="h - s(1/h) + b, s a triangle wave: finitely many fixed points in a compact set",
        cases=_waves,
        judge=PredicateJudge(FINITE, _wave),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _waves(name)), name)
            for name in ("smooth", "inside")
        ),
        evidence="exact arithmetic",
        predicate="finite",
    ),
)
