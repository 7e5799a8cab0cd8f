"""Attacks on L5: stacks of two to four quadratic or affine blocks, exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.local.falsifiers.blocks import CONTRACTION, MOTION, ROTATIONS, Block, Stack
from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge, dropping


@st.composite
def _stacks(draw: Any, drop: str = "", small: bool = False) -> Case:
    """Blocks whose offsets lead from each of k drawn states to the next; or one is dropped.

    `small`: |J_i|_2 < 1; `regular`: the blocks are 2 h, h/2 and identities, with an input in the
    first one.
    """
    d, k = draw(draws.sizes(1, 2)), draw(st.integers(2, 4))
    matrices = np.array([draw(draws.entries(d, d)) for _ in range(k)])
    squares = np.array([draw(draws.fractions(-1, 1)) for _ in range(k)])
    if small:  # |J_i|_2 <= 1/2 + 1/4
        matrices, squares = matrices / 8, squares / 16
    states = np.array([draw(draws.vectors(d, 2.0)) for _ in range(k)])
    recalls = np.array([draw(draws.vectors(d)) for _ in range(k)])
    if drop == "regular":
        matrices = np.array([2 * np.eye(d), np.eye(d) / 2, *[np.eye(d)] * (k - 2)])
        squares, recalls = np.zeros(k), np.zeros((k, d))
        recalls[0] = 1
    offsets = np.array(
        [
            states[(i + 1) % k] - matrices[i] @ states[i] - squares[i] * states[i] ** 2
            for i in range(k)
        ]
    )
    if drop == "closed":
        offsets[-1] = offsets[-1] + draw(draws.fractions(1 / 4, 2))
    return {
        "matrices": matrices,
        "squares": squares,
        "offsets": offsets,
        "recalls": recalls,
        "constants": np.ones(k),
        "start": states[0],
    }


@st.composite
def _contractions(draw: Any, drop: str = "") -> Case:
    """Affine blocks with their constants, whose product is below 1; or one is dropped."""
    d, k = draw(draws.sizes(1, 3)), draw(st.integers(2, 3))
    matrices = np.array([draw(draws.entries(d, d)) for _ in range(k)])
    # the Frobenius norm, rounded up to a power of 2
    constants = np.array([2.0 ** math.ceil(math.log2(np.linalg.norm(m) + 2**-8)) for m in matrices])
    if drop == "small":
        matrices = np.array([2 * np.eye(d), np.eye(d) / 2, *[np.eye(d)] * (k - 2)])
        constants = np.array([2.0, 1 / 2, *[1.0] * (k - 2)])
    elif drop == "lipschitz":
        d, scale = 2, draw(draws.fractions(1, 4))
        one, other = np.array([[0, scale], [0, 0]]), np.array([[0, 0], [scale, 0]])
        matrices, constants = np.array([one, other]), np.array([1 / 2, 1 / 2])
        k = 2
    else:
        scale = 2.0 ** -math.ceil(math.log2(np.prod(constants)) + 1)
        matrices[0], constants[0] = matrices[0] * scale, constants[0] * scale
    return {
        "matrices": matrices,
        "squares": np.zeros(k),
        "offsets": np.array([draw(draws.vectors(d)) for _ in range(k)]),
        "recalls": np.zeros((k, d)),
        "constants": constants,
        "start": np.zeros(d),
    }


def _stack(case: Case) -> Stack:
    names = ("matrices", "offsets", "recalls", "squares", "constants")
    blocks = [
        Block(
            [[Fraction(x) for x in row] for row in matrix],
            [Fraction(x) for x in offset],
            [Fraction(x) for x in recall],
            Fraction(square),
            Fraction(constant),
        )
        for matrix, offset, recall, square, constant in zip(
            *(case[name] for name in names), strict=True
        )
    ]
    return Stack(blocks, [Fraction(x) for x in case["start"]])


SUITES: tuple[Suite, ...] = (
    Suite(
        "L5",
        "rotations",
        property="every layer has its fixed point, and all rotations have one spectrum",
        cases=_stacks,
        judge=PredicateJudge(ROTATIONS, _stack),
        drops=(Drop("closed", lambda: dropping("closed", _stacks("closed")), "closed"),),
        evidence="exact arithmetic",
        predicate="rotations",
    ),
    Suite(
        "L5",
        "contraction",
        property="the constants of the blocks multiply",
        cases=_contractions,
        judge=PredicateJudge(CONTRACTION, _stack),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _contractions(name)), name)
            for name in ("small", "lipschitz")
        ),
        evidence="exact arithmetic",
        predicate="contraction",
    ),
    Suite(
        "L5",
        "motion",
        property="the fixed points of all layers together move as the formula says",
        cases=lambda: _stacks(small=True),
        judge=PredicateJudge(MOTION, _stack),
        drops=(Drop("regular", lambda: dropping("regular", _stacks("regular")), "regular"),),
        evidence="exact arithmetic",
        predicate="motion",
    ),
)
