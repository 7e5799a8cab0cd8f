"""Attacks on R2 by its own predicates: loops of width 1 and attention heads, in rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.recall.falsifiers.bounded_update import ABSORBED, BOUND, ESCAPE, Heads
from ....theory.recall.scalar_loop import ScalarBlock, ScalarLoop
from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge
from ..shared.residual_stream import OFF_LATTICE


@st.composite
def _scalars(draw: Any, dropped: str = "") -> Case:
    """A loop of width 1 with one sub-block at eps = 0."""
    radius = draws.fractions(1, 2) if dropped == "contractive" else draws.fractions(0, 0.9375)
    numbers = {name: draw(draws.fractions(-4, 4)) for name in ("drive", "slope", "bias", "start")}
    weight = draw(draws.SIGNS) * draw(radius)
    return {**numbers, "weight": weight, "dropped": dropped}


def _scalar(case: Case) -> ScalarLoop:
    block = ScalarBlock(
        Fraction(case["slope"]),
        Fraction(case["bias"]),
        normalised=case["dropped"] != "normalisation",
    )
    weight, drive, start = (Fraction(case[name]) for name in ("weight", "drive", "start"))
    return ScalarLoop(weight, drive, (block,), start)


@st.composite
def _escapes(draw: Any, dropped: str = "") -> Case:
    """A start beyond the escape radius, or the 2-cycle k/(w + 1) of h' = w h - k sign(h)."""
    weight = draw(draws.fractions(9 / 8, 3))
    slope, bias, drive = (draw(draws.fractions(-4, 4)) for _ in range(3))
    if dropped == "escaping":
        slope = -draw(draws.fractions(1 / 16, 4))
        numbers = {
            "slope": slope,
            "bias": 0.0,
            "drive": 0.0,
            "weight": 2.0 ** draw(st.integers(1, 3)),
        }
        return {**numbers, "start": "cycle", "dropped": dropped}
    if dropped == "normalisation":
        slope = draw(draws.fractions(1, 4))
    beyond = draw(draws.SIGNS) * draw(draws.fractions(17 / 16, 4))
    numbers = {"slope": slope, "bias": bias, "drive": drive, "weight": weight}
    return {**numbers, "start": beyond, "dropped": dropped}


def _escaping_loop(case: Case) -> ScalarLoop:
    """The start is in units of the escape radius, from the centre -drive/(w - 1)."""
    made = _scalar({**case, "start": 0.0})
    if case["start"] == "cycle":
        return made._replace(start=-made.blocks[0].slope / (made.weight + 1))
    radius = (made.bound + Fraction(1, 16)) / (made.weight - 1)
    return made._replace(start=Fraction(case["start"]) * radius - made.drive / (made.weight - 1))


@st.composite
def _heads(draw: Any, dropped: str = "") -> Case:
    """One to three heads of width 1 that average one to three tokens of norm sqrt(d) at most."""
    d, heads, tokens = (draw(draws.sizes(1, 3)) for _ in range(3))
    largest = draw(draws.fractions(2, 4)) if dropped else 1.0
    counts = st.lists(st.integers(0, 4), min_size=tokens - 1, max_size=tokens - 1)
    return {
        "out": draw(draws.fractions(-2, 2)),
        "values": draw(draws.entries(heads, d)),
        "tokens": largest * np.sign(draw(draws.entries(tokens, d)) + OFF_LATTICE),
        "counts": np.array([[1, *draw(counts)] for _ in range(heads)], float),
        "dropped": dropped,
    }


def _attention(case: Case) -> Heads:
    values, tokens, counts = (
        tuple(tuple(map(Fraction, row)) for row in case[name].tolist())
        for name in ("values", "tokens", "counts")
    )
    weights = tuple(tuple(x / sum(row) for x in row) for row in counts)
    return Heads(Fraction(case["out"]), values, tokens, weights)


SUITES: tuple[Suite, ...] = (
    Suite(
        "R2",
        "absorbing-exact",
        property="d = 1, eps = 0: |h_t| <= r + |W_x|^t |h_0|, in rationals",
        cases=_scalars,
        judge=PredicateJudge(ABSORBED, _scalar),
        drops=(
            Drop("rho(W_x) < 1", assumption="contractive", cases=lambda: _scalars("contractive")),
            Drop(
                "the update is bounded",
                assumption="normalisation",
                cases=lambda: _scalars("normalisation"),
            ),
        ),
        evidence="closed form",
        predicate=ABSORBED.name,
    ),
    Suite(
        "R2",
        "escape-exact",
        property="d = 1: beyond C/(w - 1), |g| grows like w^t between two bounds, in rationals",
        cases=_escapes,
        judge=PredicateJudge(ESCAPE, _escaping_loop),
        drops=(
            Drop(
                "the start is in the escape set",
                assumption="escaping",
                cases=lambda: _escapes("escaping"),
            ),
            Drop(
                "the update is bounded",
                assumption="normalisation",
                cases=lambda: _escapes("normalisation"),
            ),
        ),
        evidence="closed form",
        predicate=ESCAPE.name,
    ),
    Suite(
        "R2",
        "heads",
        property="attention with several heads: |u| <= update_bound, in rationals",
        cases=_heads,
        judge=PredicateJudge(BOUND, _attention),
        drops=(
            Drop(
                "the tokens are normalised",
                assumption="normalisation",
                cases=lambda: _heads("normalisation"),
            ),
        ),
        evidence="closed form",
        predicate=BOUND.name,
    ),
)
