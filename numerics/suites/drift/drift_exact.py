"""Attacks on R3 by its own predicates: loops of width 1 and gains in the plane, in rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.drift.falsifiers.drift import GROWTH, PERI, Peri, residual
from ....theory.recall.scalar_loop import ScalarLoop
from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge


@st.composite
def _exact(draw: Any, dropped: str = "") -> Case:
    """d = 1: h' = weight h + slope sign(h) + bias, 0 outside [bias - slope, bias + slope]."""
    slope, least = draw(draws.fractions(-4, 4)), draw(draws.fractions(1 / 16, 4))
    if dropped == "outside_hull":  # the larger slope turns the state back
        slope, size = -least - draw(draws.fractions(0, 2)), draw(draws.fractions(0, 1)) * least
    else:
        size = abs(slope) + least
    weight = draw(draws.fractions(1 / 16, 3 / 4)) if dropped == "bounded_update" else 1.0
    numbers = {"bias": draw(draws.SIGNS) * size, "start": draw(draws.fractions(-4, 4))}
    return {**numbers, "slope": slope, "weight": weight, "dropped": dropped}


def _residual(case: Case) -> ScalarLoop:
    return residual(case["slope"], case["bias"], case["start"], case["weight"])


@st.composite
def _gains(draw: Any, dropped: str = "") -> Case:
    """One update along a Pythagorean direction, or as many as the dropped assumption needs."""
    gain = [draw(draws.SIGNS) * draw(draws.fractions(1 / 16, 4)) for _ in range(2)]
    x, y = draw(st.sampled_from(((3.0, 4.0), (4.0, -3.0), (5.0, 12.0), (-8.0, 15.0))))
    updates = [[x, y]]
    if dropped == "gain_without_zeros":
        gain[0], updates = 0.0, [[x, 0.0]]
    if dropped == "one_sub_block":
        updates.append([-x, -y])
    k = draw(st.sampled_from((9.0, 16.0))) if dropped == "eps_zero" else 0.0
    if k:  # 3^2 + 4^2 is a square
        updates = [[7 - np.sqrt(k), 0.0]]
        gain[1] = gain[0]
    return {"gain": np.array(gain), "updates": np.array(updates), "k": k, "dropped": dropped}


def _peri_case(case: Case) -> Peri:
    gain, *updates = (
        tuple(map(Fraction, row.tolist())) for row in (case["gain"], *case["updates"])
    )
    return Peri(gain, tuple(updates), Fraction(case["k"]))


SUITES: tuple[Suite, ...] = (
    Suite(
        "R3",
        "growth-exact",
        property="d = 1, 0 outside the hull: c_0 t - |h_0| <= |h_t| <= |h_0| + C t, in rationals",
        cases=_exact,
        judge=PredicateJudge(GROWTH, _residual),
        drops=(
            Drop(
                "0 is outside the convex hull of the updates",
                assumption="outside_hull",
                cases=lambda: _exact("outside_hull"),
            ),
            Drop(
                "recall is not external (W_x = I)",
                assumption="bounded_update",
                cases=lambda: _exact("bounded_update"),
            ),
        ),
        evidence="closed form",
        predicate=GROWTH.name,
    ),
    Suite(
        "R3",
        "peri-exact",
        property="one peri sub-block, eps = 0, no gain 0: |h' - h| >= R min|gamma|, in rationals",
        cases=_gains,
        judge=PredicateJudge(PERI, _peri_case),
        drops=tuple(
            Drop(text, assumption=name, cases=lambda name=name: _gains(name))
            for text, name in (
                ("one sub-block", "one_sub_block"),
                ("eps = 0", "eps_zero"),
                ("gamma without zeros", "gain_without_zeros"),
            )
        ),
        evidence="closed form",
        predicate=PERI.name,
    ),
)
