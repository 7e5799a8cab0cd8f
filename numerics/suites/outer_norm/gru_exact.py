"""Attack on N8 by its own predicate: cells of width 1 with constant gates, in rationals."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.gru import ENTERS, Gated
from ...attack.suite import Case, Drop, Suite
from ...strategies.fractions import fractions
from ..shared.predicates import PredicateJudge


@st.composite
def _exact_cells(draw: DrawFn, dropped: str = "") -> Case:
    """One cell of width 1 with a constant gate and candidate, and a start in [-box, box]."""
    box = draw(fractions(1, 8))
    case = {
        "z": draw(fractions(1 / 16, 3 / 4)),
        "n": draw(fractions(-15 / 16, 15 / 16)),
        "start": box * draw(fractions(-1, 1)),
        "box": box,
        "hidden": 1.0,
        "added": False,
        "dropped": dropped,
    }
    if dropped == "hidden":
        case |= {"hidden": 4.0, "z": draw(fractions(1 / 2, 3 / 4)), "start": box}
    elif dropped == "cell":
        case |= {"added": True, "n": draw(fractions(1 / 2, 15 / 16))}
    elif dropped == "bounded_start":
        case |= {"start": 2.0**20 * box, "z": draw(fractions(1 / 4, 3 / 4))}
    elif dropped == "exact":
        case |= {"z": 1.0, "start": box}
    return case


def _gated(case: Case) -> Gated:
    numbers = (Fraction(case[name]) for name in ("hidden", "start", "box"))
    cell = (Fraction(case["z"]), Fraction(case["n"]))
    return Gated((cell,), *numbers, added=case["added"])


SUITES = (
    Suite(
        "N8",
        "enters-exact",
        property="constant gates: |h| < 1 from the entry time of the box on, in rationals",
        cases=_exact_cells,
        judge=PredicateJudge(ENTERS, _gated),
        drops=tuple(
            Drop(text, assumption=name, cases=lambda name=name: _exact_cells(name))
            for name, text in (
                ("hidden", "the hidden argument is 4 h"),
                ("cell", "the residual is h + (1 - z) n"),
                ("bounded_start", "the start lies beyond the box"),
                ("exact", "the gate is rounded to 1"),
            )
        ),
        evidence="closed form",
        cost=0.2,
        predicate=ENTERS.name,
    ),
)
