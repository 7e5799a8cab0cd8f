"""Attacks on A4: no random start converges to an expanding fixed point.

The maps are c + V F(V^{-1}(h - c)), V integer of determinant 1, with F(y) = g(D y) or D g(y): the
Jacobian at the fixed point c is similar to the drawn block form D. With recall c depends on the
input.
"""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from ....theory.autonomous.falsifiers.reachability import INPUTS, RANDOM_START, Loop
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...strategies.block_forms import PAIRS, SEEDS, Block, expanding, form, unimodular, vector
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import (
    blocks_of,
    failing,
    inverts,
    is_seed,
    length,
    modulus,
    on_grid,
    shaped,
    square_size,
)
from ..shared.exact_orbits import Exact, Number, exact
from ..shared.exact_orbits import identity as unit
from ..shared.predicates import PredicateJudge

LOOPS, STARTS = 600, 16
AT_ZERO = 1e-9
"""The size of a state that has converged to 0: an expanding component of 1e-25 would have outgrown
it, (17/16)^600 = 6e15, if it were not 0.
"""
BLUR = 1e-14
"""Relative noise of every loop. Dyadic slopes are not rounded in float64, so that each loop would
use up digits of the start until the orbit is one of a few coarse numbers, such as the fixed point.
"""
CHANCE = 1e-8
"""A generous bound of the probability that a random start is so near to a set of measure 0."""


def _plateau(y: Array) -> Array:
    """An odd C^1 function of slope 1 at 0 that vanishes beyond 3.

    It is y up to 1, then (|y| - 3)^2 (|y| - 1/2) / 2 from 1 to 3.
    """
    size = np.abs(y)
    return np.sign(y) * np.where(
        size <= 1, size, np.where(size < 3, (size - 3) ** 2 * (size - 0.5) / 2, 0.0)
    )


def _tent(y: Array) -> Array:
    """An odd function with two ReLUs for each sign: y up to 1, then (3 - |y|)/2."""
    size = np.abs(y)
    return np.sign(y) * np.where(size <= 1, size, (3 - size) / 2)


PLATEAU = 16.0
"""The scale of inputs of which some reach the plateau."""
_CURVES = {"linear": lambda y: y, "tanh": np.tanh, "plateau": _plateau, "tent": _tent}
_FIRST = ("plateau", "tent")
"""The curves g that act before D, as D g(y)."""


def _linear_loop(case: Case) -> Loop:
    """The case of the predicates where the curve is linear: its fixed point is the center."""
    v = exact(case["basis"])
    m, encoder, center = v * exact(case["form"]) * v.inv(), exact(case["encoder"]), _center(case)
    size, width = m.nrows(), encoder.ncols()
    ones = Exact(width, 1, [Number(1)] * width)
    bias = (unit(size) - m) * center
    none = Exact(size, 0), Exact(0, size), Exact(0, 1)
    return Loop(m, bias, encoder * 0, encoder, exact(case["offset"]), ones, center, *none)


def _center(case: Case) -> Exact:
    return exact(case["center"])


def _reaches_center(case: Case) -> str | None:
    """No random start converges to the expanding fixed point c of h' = c + V g(D V^{-1}(h - c)).

    With a plateau or tents, the map is c + V D g(V^{-1}(h - c)).
    """
    if case["curve"] == "linear":
        predicate = RANDOM_START if case["recall"] else INPUTS
        found = PredicateJudge(predicate, _linear_loop)(case)
        if found is not None:
            return found
    v, d, curve = case["basis"], case["form"], _CURVES[case["curve"]]
    inverse, center = np.linalg.inv(v).round(), case["center"]
    rng = np.random.default_rng(int(case["seed"]))
    e = case["scale"] * rng.standard_normal((STARTS, case["encoder"].shape[1]))
    h = first = case["offset"] + e @ case["encoder"].T
    for _ in range(LOOPS):
        y = (h - center) @ inverse.T
        y = y * (1 + BLUR * rng.standard_normal(y.shape))
        h = center + (curve(y) @ d.T if case["curve"] in _FIRST else curve(y @ d.T)) @ v.T
    there = np.abs(h - center).max(1) <= AT_ZERO
    if not there.any():
        return None
    radius = np.abs(np.linalg.eigvals(d)).max()
    return (
        f"{there.sum()} of {STARTS} starts converge to {center.tolist()}, where rho ="
        f" {radius:.4g}, e.g. h_0 = {first[there][0].tolist()}"
    )


def is_conjugate(case: Case) -> bool:
    """Whether basis, form and center are those of a map above, of simple blocks.

    The judges use the inverse of the basis in float64, which must be exact.
    """
    d = square_size(case["form"])
    if not d or not shaped(case, basis=(d, d), center=(d,)):
        return False
    blocks = blocks_of(case["form"])
    return (
        blocks is not None
        and all(length(block) == 1 for block in blocks)
        and on_grid(case["form"], 8)
        and on_grid(case["center"], 2)
        and inverts(case["basis"])
    )


def _broken_for_starts(case: Case) -> tuple[str, ...]:
    """What fails of the statement about inputs, or with recall about random starts."""
    start = "random_start" if case["recall"] else "encoder"
    e, size = case["encoder"], len(case["center"])
    if not is_conjugate(case) or case["curve"] not in _CURVES:
        return ("smooth",)
    moduli = [modulus(block) for block in blocks_of(case["form"]) or []]
    drawn = (
        is_seed(case["seed"])
        and case["scale"] in (1.0, PLATEAU)
        and e.shape in [(size, width) for width in range(size + 2)]
        and on_grid(e, 4**size)
        and shaped(case, offset=(size,))
        and on_grid(case["offset"], 2)
    )
    found = failing(
        no_recall=bool(case["recall"]) or not case["center"].any(),
        expanding=max(moduli) >= 17 / 16,
        nonsingular=min(moduli) > 0 and case["curve"] != "plateau",
    )
    onto = drawn and exact(e).rank() == size
    return found if onto else (*found, start)


def simple_blocks(draw: st.DrawFn, d: int) -> list[Block]:
    """Simple non-zero eigenvalues inside the circle, of total size d."""
    blocks: list[Block] = []
    while d > 0:
        if d > 1 and draw(st.booleans()):
            blocks.append(("pair", *draw(st.sampled_from(PAIRS))))
            d -= 2
        else:
            blocks.append(
                ("real", draw(st.sampled_from((1, -1))) * draw(st.integers(1, 14)) / 16, 1)
            )
            d -= 1
    return blocks


@st.composite
def _saddle(draw: st.DrawFn, most: int = 4, drop: str = "", *, recall: bool = False) -> Case:
    """The fixed point is 0 without recall, and c with it. h_0 is an offset and E e, e random."""
    first = ("real", draw(st.integers(1, 14)) / 16, 1) if drop == "expanding" else draw(expanding())
    size = len(form([first]))
    d = form([first, *simple_blocks(draw, draw(st.integers(drop == "encoder", most - size)))])
    v = np.eye(len(d)) if drop == "encoder" else draw(unimodular(len(d)))
    encoder = draw(unimodular(len(d)))
    if drop == "encoder":
        encoder = np.eye(len(d))[:, size:]
    elif draw(st.booleans()):
        encoder = np.column_stack((encoder, draw(vector(len(d)))))  # more inputs than states
    if drop == "random_start":
        encoder = np.zeros_like(encoder)
    curves = ("plateau",) if drop == "nonsingular" else ("linear", "tanh", "tent")
    curve = draw(st.sampled_from(curves))
    center = draw(vector(len(d))) if recall else np.zeros(len(d))
    return {
        "basis": v,
        "form": d,
        "curve": curve,
        "encoder": encoder,
        "scale": PLATEAU if drop == "nonsingular" else 1.0,
        "seed": draw(SEEDS),
        "center": center,
        "offset": center if drop == "random_start" else np.zeros(len(d)),
        "recall": recall,
    }


SUITES = (
    Suite(
        "A4",
        "saddle",
        property=(
            "rho > 1 at 0, det Df != 0 almost everywhere, h_0 = E e with E of full rank: no random"
            " input converges to 0"
        ),
        cases=_saddle,
        judge=Confirmed(_reaches_center, CHANCE),
        broken=_broken_for_starts,
        drops=(
            Drop(
                "nonsingular: no plateau",
                cases=lambda: _saddle(drop="nonsingular"),
                assumption="nonsingular",
            ),
            Drop(
                "encoder: onto the state space",
                cases=lambda: _saddle(drop="encoder"),
                assumption="encoder",
            ),
            Drop("expanding", cases=lambda: _saddle(drop="expanding"), assumption="expanding"),
        ),
        predicate="inputs",
        larger=_saddle,
    ),
    Suite(
        "A4",
        "recall",
        property=(
            "f(., e) has a fixed point that moves with e, rho > 1 there, smooth or piecewise"
            " linear: no random start converges to it"
        ),
        cases=lambda: _saddle(recall=True),
        judge=Confirmed(_reaches_center, CHANCE),
        broken=_broken_for_starts,
        drops=(
            Drop(
                "the start has a density given the input",
                cases=lambda: _saddle(drop="random_start", recall=True),
                assumption="random_start",
            ),
            Drop(
                "expanding",
                cases=lambda: _saddle(drop="expanding", recall=True),
                assumption="expanding",
            ),
        ),
        predicate="random_start",
        larger=lambda d: _saddle(d, recall=True),
    ),
)
