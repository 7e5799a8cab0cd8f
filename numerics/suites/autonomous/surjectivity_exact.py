"""Attacks on A2' in exact arithmetic: its predicates at random rational networks."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from ....theory.autonomous.falsifiers.surjectivity import (
    BIAS_AND_GAIN,
    LAST_MAP,
    ONE_SUB_BLOCK,
    LastLayer,
    OneSubBlock,
)
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...strategies.block_forms import matrix, nonzero_vector, vector
from ..shared.predicates import PredicateJudge, dropping


@st.composite
def _layers(draw: st.DrawFn, drop: str = "") -> Case:
    """Random activations whose (a_i, 1) are independent: a_ij is small but for a_ii."""
    d, count = draw(st.integers(1, 3)), draw(st.integers(2 if drop == "whole_map" else 1, 3))
    if drop == "independent":
        count = 2
    hidden = draw(matrix(count, count, 2)) / 16 + 2 * np.eye(count)
    if drop == "independent":
        hidden[1] = hidden[0]
    gain = draw(nonzero_vector(d))
    if drop == "gains":
        gain[draw(st.integers(0, d - 1))] = 0
    norm = drop in ("gains", "epsilon") or draw(st.booleans())
    return {
        "hidden": hidden,
        "z": np.array([draw(nonzero_vector(d)) for _ in range(count)])
        if norm
        else np.zeros((0, 0)),
        "gain": gain,
        "eps": 0.0 if drop == "epsilon" else draw(st.integers(1, 16)) / 16,
        "learned": "bias" if drop == "whole_map" else "map",
    }


@st.composite
def _gained(draw: st.DrawFn, learned: str = "bias and gain") -> Case:
    d = draw(st.integers(1, 4))
    z, gain = draw(nonzero_vector(d)), draw(nonzero_vector(d))
    return {
        "hidden": np.zeros((1, 0)),
        "z": z[None, :],
        "gain": gain,
        "eps": 0.0,
        "learned": learned,
    }


def _layer(case: Case) -> LastLayer:
    def rows(values: Array) -> list[list[Fraction]]:
        return [[Fraction(float(x)) for x in row] for row in values]

    z = rows(case["z"]) if len(case["z"]) else None
    gain = rows(case["gain"][None, :])[0]
    return LastLayer(rows(case["hidden"]), z, gain, Fraction(case["eps"]), case["learned"])


@st.composite
def _signs(draw: st.DrawFn, drop: str = "") -> Case:
    """An update of entries +-a, or of 0; with external recall the stream that fixes the state."""
    d = draw(st.integers(1, 4))
    gain = draw(nonzero_vector(d))
    if drop == "gains":
        gain = np.zeros(d)
    u = np.where(draw(vector(d)) < 0, -1.0, 1.0) * draw(st.integers(1, 16)) / 8
    h = draw(vector(d))
    z = h - gain * np.sign(u) if drop == "direct" else h
    eps = 1.0 if drop == "epsilon" else 0.0
    return {"h": h, "z": z, "u": np.zeros(d) if drop == "epsilon" else u, "gain": gain, "eps": eps}


def _sub_block(case: Case) -> OneSubBlock:
    h, z, u, gain = ([Fraction(float(x)) for x in case[name]] for name in ("h", "z", "u", "gain"))
    return OneSubBlock(h, z, u, gain, Fraction(case["eps"]))


SUITES = (
    Suite(
        "A2'",
        "ranks",
        property="the last linear map (W2, b2) of L tokens has rank L d, after any norm, eps > 0",
        cases=_layers,
        judge=PredicateJudge(LAST_MAP, _layer),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _layers(name)), name)
            for name in ("independent", "whole_map", "gains", "epsilon")
        ),
        evidence="exact arithmetic",
        predicate="last_map",
    ),
    Suite(
        "A2'",
        "gain-ranks",
        property="one token, eps = 0: bias and gain have rank d",
        cases=_gained,
        judge=PredicateJudge(BIAS_AND_GAIN, _layer),
        drops=(
            Drop(
                "learned_gains", lambda: dropping("learned_gains", _gained("bias")), "learned_gains"
            ),
        ),
        evidence="exact arithmetic",
        predicate="bias_and_gain",
    ),
    Suite(
        "A2'",
        "peri-recall",
        property="peri with one sub-block, eps = 0, no external recall: |h' - h| is bounded below",
        cases=_signs,
        judge=PredicateJudge(ONE_SUB_BLOCK, _sub_block),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _signs(name)), name)
            for name in ("direct", "epsilon", "gains")
        ),
        evidence="exact arithmetic",
        predicate="one_sub_block",
    ),
)
