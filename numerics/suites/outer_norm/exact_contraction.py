"""Attacks on N3 by its predicates, at rational loops h' = gain N(a h + beta e)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.contraction import (
    LIPSCHITZ,
    SETTLES,
    SHARP,
    Loop,
    Sharp,
    loop,
    sharp,
)
from ...attack.suite import Case, Drop, Suite
from ...strategies.fractions import fractions, sizes
from ..shared.predicates import PredicateJudge


@st.composite
def exact_loops(draw: DrawFn, dropped: str = "", low: int = 1) -> Case:
    """a, beta and a gain with the true bounds, or with one of them understated or overstated.

    Without anything dropped beta > 2 |a|; with something dropped a < 0, and the second state is
    close to the first, which is e.
    """
    d, a = draw(sizes(2 if dropped else low, 4)), draw(fractions(1 / 2, 2))
    ratio = {"small": fractions(9 / 8, 15 / 8), "gain_one": fractions(13 / 4, 15 / 4)}
    ratios = ratio.get(dropped, fractions(17 / 8, 4))
    case = {
        "slope": -a if dropped or draw(st.booleans()) else a,
        "beta": a * draw(ratios),
        "gain": 2.0 if dropped == "gain_one" else 1.0,
        "understated": 4.0 if dropped == "lipschitz_update" else 1.0,
        "overstated": 4.0 if dropped == "lower_bound" else 1.0,
        "dropped": dropped,
    }
    axis = np.array([draw(st.integers(1, 4)), *(draw(st.integers(-4, 4)) for _ in range(d - 1))])
    far = [np.array([1, *(draw(st.integers(-4, 4)) for _ in range(d - 1))]) for _ in range(2)]
    if dropped:
        # the hyperplane across (8, -7, 0, ...) moves (1, ..., 1) by a small angle
        axis, near = np.eye(d)[0] - np.eye(d)[1], 8 * np.eye(d)[0] - 7 * np.eye(d)[1]
        far = [axis, near]
    return {**case, "axes": np.array([axis, *far], dtype=float)}


def loop_of(case: Case, make: Callable[..., Loop] = loop) -> Loop:
    """The exact loop of a case of `exact_loops`; `make` is `loop`, or that of another norm."""
    slope, beta, gain = (Fraction(case[name]) for name in ("slope", "beta", "gain"))
    return make(
        slope,
        beta,
        gain=gain,
        lipschitz=abs(slope) / Fraction(case["understated"]),
        lower=abs(beta - abs(slope) * gain) * Fraction(case["overstated"]),
        axes=[[Fraction(x) for x in axis] for axis in case["axes"]],
    )


@st.composite
def example(draw: DrawFn, dropped: str = "") -> Case:
    """a, beta in [0, 4 a] and d; at d = 1, a < beta < 2 a."""
    a = draw(fractions(1 / 2, 2))
    ratio = draw(fractions(17 / 16, 31 / 16) if dropped else fractions(0, 4))
    return {
        "dimension": 1 if dropped else draw(sizes(2, 6)),
        "a": a,
        "beta": a * ratio,
        "dropped": dropped,
    }


def sharp_of(case: Case) -> Sharp:
    """The exact example of a case of `example`."""
    return sharp(case["dimension"], Fraction(case["a"]), Fraction(case["beta"]))


SUITES = (
    Suite(
        "N3",
        "exact pairs",
        property=LIPSCHITZ.sentence,
        predicate=LIPSCHITZ.name,
        cases=exact_loops,
        judge=PredicateJudge(LIPSCHITZ, loop_of),
        drops=tuple(
            Drop(f"{name}: {words}", cases=partial(exact_loops, name), assumption=name)
            for name, words in (
                ("lower_bound", "r overstated fourfold"),
                ("lipschitz_update", "l understated fourfold"),
                ("gain_one", "gain 2"),
            )
        ),
        evidence="closed form",
    ),
    Suite(
        "N3",
        "exact orbits",
        property=SETTLES.sentence,
        predicate=SETTLES.name,
        cases=exact_loops,
        judge=PredicateJudge(SETTLES, loop_of),
        drops=tuple(
            Drop(f"{name}: {words}", cases=partial(exact_loops, name), assumption=name)
            for name, words in (("small", "beta < 2a"), ("gain_one", "gain 2"))
        ),
        evidence="closed form",
    ),
    Suite(
        "N3",
        "exact example",
        property=SHARP.sentence,
        predicate=SHARP.name,
        cases=example,
        judge=PredicateJudge(SHARP, sharp_of),
        drops=(Drop("plane: d = 1", cases=lambda: example("plane"), assumption="plane"),),
        evidence="closed form",
    ),
)
