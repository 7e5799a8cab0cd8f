"""Attacks on A3: the limit of a loop without recall as the input moves along a segment."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import SEEDS, matrix, nonzero_vector, sixteenths, vector

LOOPS, LOOK = 3000, 250
"""Iterations, and after how many of them it is checked whether all orbits have settled."""
SETTLED = 1e-14
"""Largest step, relative to the state, of an orbit that has settled: after 3000 iterations the
contraction is then below 0.99, so the limit is known to 1e-12.
"""
SAME, CONTINUOUS, JUMP = 1e-9, 1e-4, 1e-3
"""Distances of two limits: rounding, too small for a jump, and a jump. Generic fixed points within
1e-4 of each other have probability 1e-8.
"""
PARTS, ROUNDS = 16, 7
WELLS = 1200
"""Iterations of `constant`, whose roots attract at the rate 1 - (b - a)/2(c - a) <= 1 - 1/18."""


def loop_of(case: Case) -> Callable[[Array, Array], Array]:
    """One iteration on rows h, e: h + r (A tanh(h) + b - l h) + B e.

    `torn`: (x, y/2), but (x + 1, 0) where y = 0.
    """

    def torn(h: Array, e: Array) -> Array:
        x, y = h[:, 0], h[:, 1]
        return np.stack((np.where(y == 0, x + 1, x), y / 2), 1)

    bias = case["bias"] + case["noise"] * np.random.default_rng(int(case["seed"])).standard_normal(
        len(case["bias"])
    )

    def smooth(h: Array, e: Array) -> Array:
        return (
            h
            + case["relax"] * (np.tanh(h) @ case["matrix"].T + bias - case["leak"] * h)
            + e @ case["recall"].T
        )

    return torn if case["torn"] else smooth


def limits(case: Case, e: Array) -> tuple[Array, Array]:
    """Last states of the orbits from h_0 = e (n, d), and which of them settled."""
    step, h = loop_of(case), e
    for t in range(LOOPS):
        new = step(h, e)
        if t % LOOK == LOOK - 1 or t == LOOPS - 1:
            settled = np.abs(new - h).max(1) <= SETTLED * (1 + np.abs(h).max(1))
            if settled.all():
                return new, settled
        h = new
    return h, settled


def _moves(case: Case) -> str | None:
    """Between two inputs with different limits there is a jump.

    Halving the distance of the inputs again and again does not bring the limits closer.
    """
    start, end = case["start"], case["end"]
    for _ in range(ROUNDS):
        e = start + np.linspace(0, 1, PARTS + 1)[:, None] * (end - start)
        h, settled = limits(case, e)
        pairs = settled[1:] & settled[:-1]
        if not pairs.any():
            raise Undecided
        gaps = np.where(pairs, np.abs(h[1:] - h[:-1]).max(1), 0.0)
        if gaps.max() <= SAME:
            if pairs.all():
                return None
            raise Undecided  # the change, if any, is where nothing settled
        i = int(np.where(gaps > SAME, gaps, np.inf).argmin())
        start, end, gap, width = e[i], e[i + 1], gaps[i], float(np.abs(e[i + 1] - e[i]).max())
        if gap <= CONTINUOUS:
            return (
                f"h_inf moves by {gap:.3g} between inputs {width:.3g} apart, near e ="
                f" {np.round(start, 6).tolist()}"
            )
    if gap >= JUMP:
        return None
    raise Undecided


def _constant(case: Case) -> str | None:
    """All inputs have one limit under h' = h - k (h - a)(h - b)(h - c), k = 1 / 2(c - a)^2."""
    a, b, c = np.sort(case["roots"])
    h, rate = np.array(case["inputs"]), 0.5 / (c - a) ** 2
    for _ in range(WELLS):
        h = h - rate * (h - a) * (h - b) * (h - c)
    if not np.abs(rate * (h - a) * (h - b) * (h - c)).max() <= SETTLED * (1 + abs(c) + abs(a)):
        raise Undecided
    return None if np.ptp(h) <= SAME else f"the limits spread from {h.min():.6g} to {h.max():.6g}"


@st.composite
def _segment(draw: st.DrawFn, most: int = 3, drop: str = "") -> Case:
    """A segment of inputs h_0 = e for a generic tanh loop, or one hypothesis dropped."""
    d = draw(st.integers(1 if drop in ("", "recall") else 2, most if drop in ("", "recall") else 2))
    start = draw(vector(d))
    end = start + draw(nonzero_vector(d))
    weights = draw(matrix(d, d))
    if draw(st.integers(0, 3)):
        weights = (
            weights + weights.T
        ) / 2  # has an energy (Hopfield): in larger dimensions most others never settle
    case = {
        "matrix": weights,
        "bias": np.zeros(d),
        "noise": 1.0,
        "relax": draw(st.sampled_from((0.25, 0.5))),
        "leak": 1.0,
        "recall": np.zeros((d, d)),
        "torn": False,
        "seed": draw(SEEDS),
        "start": start,
        "end": end,
    }
    if drop == "recall":
        # every loop adds a multiple of e
        case["recall"] = draw(st.integers(1, 8)) / 16 * np.eye(d)
    elif drop == "discrete":
        # h - r u <u, tanh h> has the fixed points <u, tanh h> = 0
        u = np.array(draw(st.lists(st.integers(8, 16), min_size=d, max_size=d))) / 16
        case.update(matrix=-np.outer(u, u), leak=0.0, noise=0.0)
    elif drop == "torn":
        case.update(torn=True, start=np.abs(start) + 1, end=np.abs(end) + 1)
        case["end"][0] = case["start"][0] + draw(st.integers(1, 16)) / 16
    return case


@st.composite
def _islands(draw: st.DrawFn, kind: str = "") -> Case:
    """Inputs between two neighbouring fixed points, on one side of the repelling one.

    Or `two` islands, one on each side, or an interval `across` it.
    """
    low = draw(sixteenths(-32, 32))
    b = low + draw(st.integers(4, 32)) / 16
    c = b + draw(st.integers(4, 32)) / 16
    left = low + (b - low) * np.linspace(0.25, 0.75, 5)
    right = b + (c - b) * np.linspace(0.25, 0.75, 5)
    if kind == "":
        inputs = left if draw(st.booleans()) else right
    else:
        inputs = (
            np.concatenate((left, right)) if kind == "two" else np.linspace(left[0], right[-1], 16)
        )
    return {"roots": np.array([low, b, c]), "inputs": inputs}


SUITES = (
    Suite(
        "A3",
        "segment",
        property=(
            "no recall, f continuous, Fix(f) discrete (random bias): along a segment of inputs the"
            " limit stays or jumps, and never moves continuously"
        ),
        cases=_segment,
        judge=_moves,
        drops=(
            Drop("autonomous: no recall", cases=lambda: _segment(drop="recall")),
            Drop("discrete fixed points", cases=lambda: _segment(drop="discrete")),
            Drop("continuous map", cases=lambda: _segment(drop="torn")),
        ),
        cost=8,
        larger=_segment,
    ),
    Suite(
        "A3",
        "constant",
        property="on a connected set of inputs where the limit is continuous it is constant",
        cases=_islands,
        judge=_constant,
        drops=(
            Drop("connected", cases=lambda: _islands("two")),
            Drop("continuous limit", cases=lambda: _islands("across")),
        ),
    ),
)
