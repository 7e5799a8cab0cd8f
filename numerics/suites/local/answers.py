"""Attacks on L4: the answers of linear orbits with affine read-outs, in exact arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.local.falsifiers.answers import ACCURACY, ANSWER, AnswerCase
from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge, dropping

SPLITS = ((1, 0, 0), (1 / 2, 1 / 2, 0), (1 / 2, 1 / 4, 1 / 4), (1 / 4, 0, 1 / 4))
"""Shares of a row sum among the entries of the row."""
INPUTS = 3
"""Inputs of a test set."""


@st.composite
def _answers(draw: Any, drop: str = "") -> Case:
    """One input with d = 3 and its constants; or one hypothesis dropped."""
    rate = draw(st.integers(4, 14)) / 16
    rows = [np.array(draw(st.permutations(draw(st.sampled_from(SPLITS))))) for _ in range(3)]
    signs = np.array([[draw(draws.SIGNS) for _ in range(3)] for _ in range(3)])
    start, read = draw(draws.vectors(3)), draw(draws.entries(2, 3, 4.0))
    margin = draw(draws.fractions(1 / 16, 2))
    case = {
        "matrix": rate * signs * np.array(rows),
        "start": start,
        "scale": float(np.abs(start).max()),
        "rate": rate,
        "rows": read,
        "gaps": margin + np.abs(draw(draws.vectors(2))),
        "lipschitz": float(np.abs(read).sum(1).max()),
        "margin": margin,
        "right": draw(st.booleans()),
    }
    if not drop:
        return case
    # one coordinate, and a difference of logits that begins beyond the margin
    case |= {"start": np.array([8.0, 0, 0]), "scale": 8.0, "gaps": np.full(2, margin)}
    case |= {"rows": np.array([[-1.0, 0, 0], [0, 0, 0]]), "lipschitz": 1.0}
    if drop == "settles":
        case["matrix"] = -np.eye(3)
    elif drop == "lipschitz":
        case |= {"matrix": rate * np.eye(3), "rows": 64 * case["rows"]}
    elif drop == "margin":
        case |= {"matrix": -rate * np.eye(3), "gaps": np.zeros(2)}
    return case


def _one(case: Case) -> AnswerCase:
    return AnswerCase(
        matrix=case["matrix"].tolist(),
        start=case["start"].tolist(),
        rows=case["rows"].tolist(),
        gaps=case["gaps"].tolist(),
        **{name: float(case[name]) for name in ("scale", "rate", "lipschitz", "margin")},
        right=bool(case["right"]),
    )


@st.composite
def _sets(draw: Any, drop: str = "") -> Case:
    """Several inputs; with a hypothesis dropped for one of them."""
    drawn = [draw(_answers(drop if i == 0 else "")) for i in range(INPUTS)]
    return {name: np.array([case[name] for case in drawn]) for name in drawn[0]}


def _several(case: Case) -> tuple[AnswerCase, ...]:
    fields = AnswerCase.__dataclass_fields__
    return tuple(_one({name: case[name][i] for name in fields}) for i in range(INPUTS))


_NAMES = ("settles", "lipschitz", "margin")
SUITES: tuple[Suite, ...] = (
    Suite(
        "L4",
        "answer",
        property="beyond log(C Lambda/m)/log(1/q) loops the answer is that of the fixed point",
        cases=_answers,
        judge=PredicateJudge(ANSWER, _one),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _answers(name)), name) for name in _NAMES
        ),
        evidence="exact arithmetic",
        predicate="answer",
    ),
    Suite(
        "L4",
        "accuracy",
        property="the accuracy over three inputs is constant beyond the largest of these loops",
        cases=_sets,
        judge=PredicateJudge(ACCURACY, _several),
        drops=(Drop("settles", lambda: dropping("settles", _sets("settles")), "settles"),),
        evidence="exact arithmetic",
        cost=2,
        predicate="accuracy",
    ),
)
