"""Attacks on L2: post-norm blocks whose recall is scaled, planar ones exactly and larger ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from hypothesis import strategies as st

from ....theory.architecture import Architecture
from ....theory.bounds import strength_predicates as exact
from ....theory.bounds.small_blocks import length
from ....theory.bounds.strength import Strength
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...bounds.recall import strength, threshold
from ...bounds.weights import of_loop
from ...loops.block_loop import BlockLoop, random_loop
from ...loops.dual import Dual
from ...loops.sub_blocks import DualAttention
from ...strategies.fractions import entries, fractions, seeds, sizes
from ..shared.exact_numbers import below, rows
from ..shared.predicates import PredicateJudge, dropping

TINY = 1e-200
"""The constant of a norm that stands for 0, which attention does not take."""
EYE = np.eye(2)
ACROSS = np.diag([0.0, 1.0])
WEIGHTS = ("mix", "q", "k", "v", "o", "inner", "out")


@st.composite
def _planar(draw: Any) -> Case:
    """A planar block with one to three tokens, two states of the unit disc, and a strength."""
    tokens = draw(sizes(1, 3))
    first = draw(entries(tokens, 2, 0.75))
    step = draw(entries(tokens, 2, 0.25)) * 2.0 ** -draw(st.integers(0, 8))
    return {
        "internal": draw(st.booleans()),
        "tau": 2.0 ** draw(st.integers(2, 24)),
        "tokens": draw(entries(tokens, 2)),
        "first": first,
        "second": first + step,
        **{name: draw(entries(2, 2)) for name in WEIGHTS},
        "name": draw(st.sampled_from(("relu", "gelu"))),
        "eps": 2.0 ** -draw(st.integers(2, 16)),
    }


def _strict(case: Mapping[str, Any]) -> exact.StrengthCase:
    """The exact case with the limits that its weights have, rounded down."""
    made = exact.StrengthCase(
        case["internal"],
        Fraction(case["tau"]),
        *(rows(case[name]) for name in ("tokens", "first", "second")),
        mix=rows(case["mix"]),
        attention=tuple(rows(case[name]) for name in ("q", "k", "v", "o")),  # pyright: ignore
        mlp=(rows(case["inner"]), rows(case["out"])),
        name=case["name"],
        eps=Fraction(case["eps"]),
        normalised=case.get("dropped") != "qk_norm",
    )
    directions = [
        np.linalg.norm(case["tokens"] @ case[name].T, axis=1).min() for name in ("q", "k")
    ]
    with flint.ctx.workprec(128):
        limits = [min(float(length(z).lower()) for z in part) for part in made.limit_updates()]
    numbers = [
        below(x) if np.isfinite(x) else Fraction(0) for x in (*map(float, directions), *limits)
    ]
    overstated = {"directions": (0, 1), "limit": (2, 3)}.get(case.get("dropped", ""), ())
    for i in overstated:
        numbers[i] = max(numbers[i], Fraction(1))
    return made._replace(limits=(numbers[0], numbers[1], numbers[2], numbers[3]))


@st.composite
def _one_token(draw: Any, dropped: str) -> Case:
    """c = (x, 0), and an update that has no part in the second coordinate of the state."""
    x, internal = draw(fractions(1, 2)), dropped == "homogeneous"
    y = draw(fractions(1 / 16, 1 / 4))
    far = -(2.0**20) if dropped == "states" else 1.0
    height = 1.0 if dropped == "states" else y
    cancelled = np.diag([-1.0, 0.0]) if dropped == "limit" else np.zeros((2, 2))
    return {
        "internal": internal,
        "tau": 2.0**20,
        "tokens": np.array([[1.0 if dropped == "states" else x, 0.0]]),
        "first": np.array([[far, height]]),
        "second": np.array([[far, -height]]),
        **dict.fromkeys(WEIGHTS, EYE),
        "o": cancelled,
        "out": EYE if internal else np.zeros((2, 2)),
        "name": "tanh" if internal else "relu",
        "eps": 2.0**-14,
    }


@st.composite
def _three_tokens(draw: Any, dropped: str) -> Case:
    """The first token sees two others, which differ across it; the state chooses between them."""
    x, short = draw(fractions(1 / 2, 1)), draw(fractions(1 / 16, 1 / 8))
    by_state = dropped == "directions"
    key = ACROSS if by_state else np.diag([1.0, 0.0])
    side = 0.0 if by_state else x
    return {
        "internal": False,
        "tau": 2.0**20,
        "tokens": np.array([[1.0, 0.0], [1.0, 1.0], [1.0, -1.0]]),
        "first": np.array([[x, short if by_state else 0.0], [side, 0.0], [-side, 0.0]]),
        "second": np.array([[x, -short if by_state else 0.0], [-side, 0.0], [side, 0.0]]),
        **dict.fromkeys(WEIGHTS, EYE),
        "q": key,
        "k": key,
        "out": np.zeros((2, 2)),
        "name": "relu",
        "eps": 2.0**-14,
    }


@st.composite
def _loops(draw: Any, without: str = "") -> Case:
    return {
        "recall": draw(st.sampled_from(("external", "internal"))),
        "activation": draw(st.sampled_from(("relu", "gelu"))),
        "tokens": draw(sizes(1, 3)),
        "eps": 2.0 ** -draw(st.integers(0, 20)),
        "seed": draw(seeds()),
        "dropped": without,
    }


def _loops_broken(case: Case) -> Iterator[str]:
    """The judge draws weights and inputs from the seed, and a strength beyond tau_0 or 0.

    External recall takes any activation with a known slope, internal recall ReLU or GELU.
    """
    if case["dropped"]:  # the recall is then multiplied by 0
        yield "beyond"
    if case["recall"] not in ("external", "internal"):
        yield "limit"
    if case["recall"] == "internal" and case["activation"] not in ("relu", "gelu"):
        yield "homogeneous"
    if not 2.0**-20 <= case["eps"] <= 1:
        yield "qk_norm"


def scaled(loop: BlockLoop, tau: float) -> BlockLoop:
    """The loop with recall tau W_e e."""
    return replace(loop, w_e=tau * loop.w_e)


def loop_strength(loop: BlockLoop, e: Array) -> Strength:
    """The numbers of L2 of a post-norm loop with recall, for one input."""
    weights, c = of_loop(loop), e @ loop.w_e.T
    none = np.empty((0, *e.shape))
    attention, mlp = loop.blocks
    assert isinstance(attention, DualAttention)
    attended = replace(attention, eps=TINY)(Dual(c, none)).value
    if loop.architecture.recall.in_update:
        inner, out = weights.mlp.inner.matrix, weights.mlp.out.matrix
        update = np.maximum(c @ inner.T, 0) @ out.T
    else:
        total = c + attended
        y = loop.gain * total / np.sqrt(np.mean(total**2, axis=-1, keepdims=True))
        update = y + mlp(Dual(y, none)).value
    return strength(weights, c, attended, update)


def _contracts(case: Case) -> str | None:
    """Beyond tau_0: J is below kappa(tau), and all starts reach one state at that rate."""
    rng = np.random.default_rng(case["seed"])
    loop = random_loop(
        Architecture.parse(f"{case['recall']}/post"),
        4,
        activation=case["activation"],
        eps=case["eps"],
        seed=rng,
    )
    e = rng.standard_normal((case["tokens"], 4))
    numbers = loop_strength(loop, e)
    start = threshold(numbers)
    if not np.isfinite(start):
        return None  # the bound says nothing of this loop
    tau = 1.01 * start
    kappa = numbers.kappa(tau)
    strong = scaled(loop, 0.0 if case["dropped"] else tau)
    states = [strong.step(3 * rng.standard_normal(e.shape), e) for _ in range(4)]
    for _ in range(3):
        before = _spread(states)
        states = [strong.step(h, e) for h in states]
        after = _spread(states)
        if after > kappa * before + 1e-9:
            return (
                f"{case['recall']}, tau = {tau:.4g}: states {before:.4g} apart are {after:.4g}"
                f" apart after a loop, kappa(tau) = {kappa:.4g}"
            )
    return None


def _spread(states: list[Array]) -> float:
    return max(float(np.linalg.norm(h - states[0], axis=1).max()) for h in states)


def _pair(case: Case) -> exact.TwoStrengths:
    block = _strict(case)
    return exact.TwoStrengths(block, block.tau, block.tau * Fraction(case["factor"]))


@st.composite
def _strengths(draw: Any, low: int, high: int) -> Case:
    """The block with identities whose kappa falls below 1 at 2^20."""
    case = draw(_one_token("limit"))
    return {**case, "o": EYE, "factor": 2.0 ** draw(st.integers(low, high))}


SUITES = (
    Suite(
        "L2",
        "planar blocks",
        property="kappa(tau) bounds the stretch of every pair of states",
        cases=_planar,
        judge=PredicateJudge(exact.contraction, _strict),
        drops=(
            Drop(
                "dot products",
                cases=lambda: dropping("qk_norm", _three_tokens("qk_norm")),
                assumption="qk_norm",
            ),
            Drop(
                "queries of the state alone",
                cases=lambda: dropping("directions", _three_tokens("directions")),
                assumption="directions",
            ),
            Drop(
                "attention cancels the input",
                cases=lambda: dropping("limit", _one_token("limit")),
                assumption="limit",
            ),
            Drop(
                "states against the input",
                cases=lambda: dropping("states", _one_token("states")),
                assumption="states",
            ),
            Drop(
                "tanh in the MLP",
                cases=lambda: dropping("homogeneous", _one_token("homogeneous")),
                assumption="homogeneous",
            ),
        ),
        evidence="certificate",
        cost=3,
        predicate="contraction",
    ),
    Suite(
        "L2",
        "threshold",
        property="kappa stays below 1 beyond a strength at which it is below 1",
        cases=lambda: _strengths(0, 20),
        judge=PredicateJudge(exact.monotone, _pair),
        drops=(
            Drop(
                "weaker recall",
                cases=lambda: dropping("beyond", _strengths(-19, -14)),
                assumption="beyond",
            ),
        ),
        evidence="certificate",
        cost=2,
        predicate="monotone",
    ),
    Suite(
        "L2",
        "random blocks",
        property="beyond tau_0 all states approach each other at the rate kappa(tau)",
        cases=_loops,
        judge=_contracts,
        broken=_loops_broken,
        drops=(
            Drop("recall without the input", cases=lambda: _loops("beyond"), assumption="beyond"),
        ),
        evidence="sample",
        cost=3,
    ),
)
