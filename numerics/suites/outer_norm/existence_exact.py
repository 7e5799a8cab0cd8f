"""Attacks on N2 in exact arithmetic: its predicates at random rational loops."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.existence import BALL, CAP, Line, Loop, line, loop
from ...attack.suite import Case, Drop, Suite
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, matrices
from ..shared.predicates import PredicateJudge


@st.composite
def lines(draw: DrawFn, dropped: str = "") -> Case:
    """N_eps(w - c h), or with an inner norm n(h) in place of h; |w| < c if something is dropped."""
    c = draw(fractions(1 / 2, 3))
    share = draw(fractions(1 / 16, 15 / 16)) * (1 if dropped else draw(fractions(1, 3)))
    return {
        "c": c,
        "w": c * share * draw(st.sampled_from((1.0, -1.0))),
        "eps": 0.0 if dropped == "epsilon" else draw(fractions(1 / 16, 1)),
        "inner_norm": dropped == "continuous" or draw(st.booleans()),
        "inner": 0.0 if dropped == "continuous" else draw(fractions(1 / 16, 1)),
        "dropped": dropped,
    }


def exact_line(case: Case) -> Line:
    """The exact loop of a case of `lines`."""
    inner = Fraction(case["inner"]) if case["inner_norm"] else None
    c, w, eps = (Fraction(case[name]) for name in ("c", "w", "eps"))
    return line(c, w, eps, inner)


@st.composite
def loops(draw: DrawFn, dropped: str = "", low: int = 1, centred: bool = False) -> Case:
    """A h + b with gains, and G a bound of |A diag(gamma)|_2: the Frobenius norm, rounded up.

    Where something is dropped A = -a I, and |b| is too small, or G ignores a gain of 3 and more.
    With `centred` the mean of b is 0.
    """
    d = draw(sizes(low, max(low, 4)))
    matrix, gain = draw(matrices(d, 2)), draw(arrays(d, -1, 2))
    bound = math.ceil(16 * float(np.linalg.norm(matrix * gain))) / 16 + 1 / 16
    direction = draw(arrays(d, 1 / 4, 1)) * np.where(draw(arrays(d, -1, 1)) < 0, -1, 1)
    if centred:
        direction = np.eye(d)[0] - np.eye(d)[1]
    size = float(np.linalg.norm(direction)) / np.sqrt(d)
    if dropped:
        # |b| = a R share, rounded to multiples of 1/16: below a, or between a and 3 a
        low_share, high = (2, 5 / 2) if dropped == "state_space" else (1 / 16, 7 / 8)
        bound = draw(fractions(1 / 2, 2))
        direction = direction * math.floor(1024 * draw(fractions(low_share, high)) / size) / 1024
        gain = draw(fractions(3, 4)) * np.ones(d) if dropped == "state_space" else np.ones(d)
        matrix, drive = -bound * np.eye(d), bound * direction
    else:
        factor = math.ceil(16 * bound / size) / 16 + 1 / 16
        drive = draw(fractions(1, 2)) * factor * direction
    return {"matrix": matrix, "drive": drive, "gain": gain, "bound": bound, "dropped": dropped}


def _loop_of(case: Case) -> Loop:
    return loop(
        [[Fraction(x) for x in row] for row in case["matrix"]],
        [Fraction(x) for x in case["drive"]],
        [Fraction(x) for x in case["gain"]],
        Fraction(case["bound"]),
    )


SUITES = (
    Suite(
        "N2",
        "line",
        property=BALL.sentence,
        predicate=BALL.name,
        cases=lines,
        judge=PredicateJudge(BALL, exact_line),
        drops=(
            Drop(
                "epsilon: eps = 0 in the norm", cases=lambda: lines("epsilon"), assumption="epsilon"
            ),
            Drop(
                "continuous: an inner norm with eps = 0",
                cases=lambda: lines("continuous"),
                assumption="continuous",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N2",
        "exact states",
        property=CAP.sentence,
        predicate=CAP.name,
        cases=loops,
        judge=PredicateJudge(CAP, _loop_of),
        drops=(
            Drop(
                "dominates: |b| below sup|g|",
                cases=lambda: loops("dominates"),
                assumption="dominates",
            ),
            Drop(
                "state_space: sup|g| taken at gain 1, gain 3 and more",
                cases=lambda: loops("state_space"),
                assumption="state_space",
            ),
        ),
        evidence="closed form",
    ),
)
