"""Attacks on M7, internal against external recall at the laws of linear blocks."""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from ....theory.mean_field.falsifiers.recall_comparison import (
    EXTERNAL_SMALLER,
    SLOWER,
    Eigenvalue,
    Scales,
)
from ...attack.suite import Case, Drop, Suite
from ...strategies.fractions import SIGNS, fractions
from ..shared.predicates import PredicateJudge, dropping


@st.composite
def _scales(draw: Any, dropped: str = "") -> Case:
    positive = fractions(1 / 8, 4)
    scales = {name: draw(positive) for name in ("k", "x", "e")}
    return {**scales, **({"recall": {"e": 0.0}, "update": {"k": 0.0}}.get(dropped, {}))}


def _scales_of(case: Case) -> Scales:
    return Scales(*(sp.Rational(case[name]) for name in ("k", "x", "e")))


@st.composite
def _eigenvalues(draw: Any, dropped: str = "") -> Case:
    """0 <= nu < w; without: nu below -w/(1 + 2 w), or imaginary."""
    w = draw(fractions(1 / 4, 4))
    nu, turned = w * draw(fractions(0, 15 / 16)), draw(st.booleans())
    if dropped == "positive":
        nu = draw(SIGNS) * w if turned else -w / (1 + w)
        return {"re": 0.0 if turned else nu, "im": nu if turned else 0.0, "w": w}
    return {"re": nu, "im": 0.0, "w": w}


def _eigenvalue_of(case: Case) -> Eigenvalue:
    return Eigenvalue(*(sp.Rational(case[name]) for name in ("re", "im", "w")))


def _drop(text: str, assumption: str, cases: Any) -> Drop:
    return Drop(text, assumption=assumption, cases=lambda: dropping(assumption, cases(assumption)))


SUITES = (
    Suite(
        "M7",
        "slower",
        property="at the laws of the block forms rho_ext < rho_int < 1",
        cases=_scales,
        judge=PredicateJudge(SLOWER, _scales_of),
        drops=(_drop("s_e > 0", "recall", _scales), _drop("k > 0 and s_x > 0", "update", _scales)),
        evidence="closed form",
        predicate=SLOWER.name,
    ),
    Suite(
        "M7",
        "eigenvalues",
        property="0 <= nu < w: nu/w is below (1 + nu)/(1 + w)",
        cases=_eigenvalues,
        judge=PredicateJudge(EXTERNAL_SMALLER, _eigenvalue_of),
        drops=(_drop("0 <= nu < w", "positive", _eigenvalues),),
        evidence="closed form",
        predicate=EXTERNAL_SMALLER.name,
    ),
)
