"""Attacks on L3, the Lipschitz bounds of softmax, attention heads, norms and MLPs."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.bounds import lipschitz_predicates as exact
from ....theory.bounds.small_blocks import SLOPES
from ...attack.suite import Case, Drop, Suite
from ...strategies.fractions import entries, fractions, sizes
from ..shared.exact_numbers import above, below, rows
from ..shared.predicates import PredicateJudge, dropping


@st.composite
def _weights(draw: Any, share: float = 1.0) -> Case:
    """Weights that are p after a division by their sum, or by a share of it."""
    size = draw(sizes(1, 5))
    w = np.array([draw(st.integers(0, 8)) for _ in range(5)][:size]) + (np.arange(size) == 0)
    return {"weights": w, "total": float(w.sum()) * share}


def _probabilities(case: Case) -> tuple[Fraction, ...]:
    return tuple(Fraction(float(w)) / Fraction(case["total"]) for w in case["weights"])


@st.composite
def _pairs(draw: Any, factor: float = 1.0) -> Case:
    d = draw(sizes(1, 3))
    first, second = draw(entries(1, d))[0], draw(entries(1, d))[0]
    first[0] = first[0] or 1.0
    second = second if second.any() else -first
    return {
        "first": first,
        "second": second if factor == 1 else -first,
        "gain": draw(fractions(1, 3)),
        "eps": draw(fractions(0, 1)),
        "factor": factor,
    }


def _norm_case(case: Case) -> exact.NormCase:
    floor = min(float(np.linalg.norm(case[name])) for name in ("first", "second"))
    first, second = (tuple(map(Fraction, case[name].tolist())) for name in ("first", "second"))
    return exact.NormCase(
        first,
        second,
        Fraction(case["gain"]),
        Fraction(case["eps"]),
        below(floor) * Fraction(case["factor"]),
    )


@st.composite
def _heads(draw: Any) -> Case:
    """A planar head and two states that differ by a short step."""
    tokens = draw(sizes(1, 3))
    first = draw(entries(tokens, 2))
    step = draw(entries(tokens, 2)) * 2.0 ** -draw(st.integers(0, 6))
    return {
        "first": first,
        "second": first + step,
        **{name: draw(entries(2, 2)) for name in ("q", "k", "v")},
        "gain_q": draw(fractions(1 / 2, 2)),
        "gain_k": draw(fractions(1 / 2, 2)),
        "eps": draw(fractions(1 / 16, 1)),
        "tokens": tokens,
        "dropped": "",
    }


@st.composite
def _turns(draw: Any, dropped: str) -> Case:
    """A short query between two far keys and values, whose output turns with it; or queries that
    all see the first key.
    """
    if dropped == "visible":
        tokens = draw(sizes(4, 8))
        first = np.zeros((tokens, 1))
        first[0] = 1 / 16
        far = 1.0
    else:
        far, tokens = draw(fractions(32, 64)), 3
        first = np.array([[1 / 64], [far], [-far]])
    second = first.copy()
    second[0] = 0 if dropped == "visible" else -second[0]
    one = np.ones((1, 1))
    return {
        "first": first,
        "second": second,
        "q": one,
        "k": one,
        "v": one,
        "gain_q": 1.0,
        "gain_k": 1.0,
        "eps": 1.0,
        "tokens": tokens,
        "dropped": dropped,
    }


def head_case(case: Mapping[str, Any]) -> exact.HeadCase:
    """The exact case, with numbers that bound what they must; one of them does not if dropped."""
    dropped = case["dropped"]
    weights = case["q"], case["k"], case["v"]
    states = np.concatenate([case["first"], case["second"]])
    norms = [above(float(np.linalg.norm(w, 2))) for w in weights]
    images = [np.linalg.norm(states @ w.T, axis=1) for w in weights]
    floors = [below(float(size.min())) for size in images[:2]]
    size = above(float(images[2].max()))
    if dropped == "weights":
        norms[:2] = [Fraction(0), Fraction(0)]
    if dropped == "floor":
        floors = [Fraction(1000), Fraction(1000)]
    tokens = case["tokens"]
    seen = tuple(tuple(j == 0 for j in range(tokens)) for _ in range(tokens))
    visible = dropped == "visible"
    return exact.HeadCase(
        rows(case["first"]),
        rows(case["second"]),
        (rows(weights[0]), rows(weights[1]), rows(weights[2])),
        (norms[0], norms[1], norms[2]),
        (Fraction(case["gain_q"]), Fraction(case["gain_k"])),
        Fraction(case["eps"]),
        (floors[0], floors[1]),
        Fraction(0) if dropped == "values" else size,
        1 if visible else tokens,
        seen if visible else None,
        dropped != "qk_norm",
    )


@st.composite
def _mlps(draw: Any) -> Case:
    d, hidden = draw(sizes(1, 2)), draw(sizes(1, 2))
    first = draw(entries(1, d, 3))[0]
    return {
        "first": first,
        "second": first + draw(entries(1, d))[0] * 2.0 ** -draw(st.integers(0, 8)),
        "inner": draw(entries(hidden, d)),
        "out": draw(entries(d, hidden)),
        "name": draw(st.sampled_from(sorted(SLOPES))),
        "slope": 0.0,
    }


@st.composite
def _steep(draw: Any, dropped: str) -> Case:
    """GELU near sqrt(2), with the slope 1 or with weights understated."""
    x, one = draw(fractions(11 / 8, 23 / 16)), np.ones((1, 1))
    return {
        "first": np.array([x]),
        "second": np.array([x + 1 / 64]),
        "inner": one,
        "out": one,
        "name": "gelu",
        "slope": 1.0 if dropped == "slope" else 0.0,
    }


def _mlp_case(case: Case) -> exact.MLPCase:
    """The exact case; the slope 0 stands for that of the activation."""
    share = Fraction(1, 2) if case.get("dropped") == "weights" else 1
    return exact.MLPCase(
        rows(case["first"][None])[0],
        rows(case["second"][None])[0],
        (rows(case["inner"]), rows(case["out"])),
        (
            share * above(float(np.linalg.norm(case["inner"], 2))),
            above(float(np.linalg.norm(case["out"], 2))),
        ),
        case["name"],
        Fraction(case["slope"]) or SLOPES[case["name"]],
    )


SUITES = (
    Suite(
        "L3",
        "softmax",
        property="the derivative of softmax has the norm 1/2 at most",
        cases=_weights,
        judge=PredicateJudge(exact.softmax, _probabilities),
        drops=(
            Drop(
                "weights of sum 2",
                cases=lambda: dropping("probabilities", _weights(1 / 2)),
                assumption="probabilities",
            ),
        ),
        evidence="closed form",
        predicate="softmax",
    ),
    Suite(
        "L3",
        "norm",
        property="RMSNorm stretches no pair by more than its constant",
        cases=_pairs,
        judge=PredicateJudge(exact.norm, _norm_case),
        drops=(
            Drop(
                "smallest norm overstated",
                cases=lambda: dropping("floor", _pairs(64.0)),
                assumption="floor",
            ),
        ),
        evidence="certificate",
        predicate="norm",
    ),
    Suite(
        "L3",
        "head",
        property="a head with QK-norm stretches no pair by more than its constant",
        cases=_heads,
        judge=PredicateJudge(exact.head, head_case),
        drops=tuple(
            Drop(words, cases=lambda name=name: _turns(name), assumption=name)
            for name, words in (
                ("qk_norm", "dot products"),
                ("values", "values understated"),
                ("floor", "queries overstated"),
                ("weights", "weights understated"),
                ("visible", "one key for all queries"),
            )
        ),
        evidence="certificate",
        cost=2,
        predicate="head",
    ),
    Suite(
        "L3",
        "MLP",
        property="an MLP stretches no pair by more than n_2 s n_1",
        cases=_mlps,
        judge=PredicateJudge(exact.mlp, _mlp_case),
        drops=(
            Drop("slope 1", cases=lambda: dropping("slope", _steep("slope")), assumption="slope"),
            Drop(
                "weights understated",
                cases=lambda: dropping("weights", _steep("weights")),
                assumption="weights",
            ),
        ),
        evidence="certificate",
        predicate="mlp",
    ),
)
