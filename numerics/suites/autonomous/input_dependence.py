"""Attacks on A3: the limit of a loop without recall as the input moves along a segment."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from ....theory.autonomous.falsifiers.input_dependence import GLOBAL, LOCAL, Basins, TornLoop
from ....theory.autonomous.monotone_loops import MonotoneLoop
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import SEEDS, matrix, nonzero_vector, sixteenths, vector
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import failing, is_seed, on_grid, shaped, square_size
from ..shared.predicates import PredicateJudge, dropping

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
CHANCE = 1e-7
"""The same for any of the few limits along a segment."""
PARTS, ROUNDS = 16, 7
RELAXATIONS = (0.25, 0.5)


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


def _broken_on_segment(case: Case) -> tuple[str, ...]:
    """A random bias makes the fixed points discrete; the torn map has none.

    Where steps are too short, an orbit seems to settle: then no limit is known.
    """
    d = square_size(case["matrix"])
    shapes = {"bias": (d,), "recall": (d, d), "start": (d,), "end": (d,)}
    ends = [case["start"], case["end"]]
    if not d or not shaped(case, **shapes) or (case["torn"] and d != 2):
        return ("continuous_limit",)
    steady = case["relax"] in RELAXATIONS and on_grid(case["matrix"], 2, part=256)
    drawn = case["noise"] == 1 and is_seed(case["seed"]) and not case["bias"].any()
    return failing(
        autonomous=not case["recall"].any(),
        continuous_map=not case["torn"],
        discrete=drawn and case["leak"] == 1,
        continuous_limit=steady and all(on_grid(x, 8) for x in ends),
    )


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
        "relax": draw(st.sampled_from(RELAXATIONS)),
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


def _line(case: Case) -> MonotoneLoop:
    """Continuous pieces of the given slopes; the first line is given by its value at 0."""
    slopes = [Fraction(x) for x in case["slopes"]]
    knots = [Fraction(x) for x in case["knots"]]
    lines = [(slopes[0], Fraction(case["level"]))]
    for slope, knot in zip(slopes[1:], knots, strict=True):
        before, constant = lines[-1]
        lines.append((slope, constant + (before - slope) * knot))
    return MonotoneLoop(tuple(lines), tuple(knots), Fraction(case.get("recall", 0)))


@st.composite
def _pieces(draw: st.DrawFn, slopes: tuple[int, ...] = (0, 4, 8, 24, 32, 48)) -> Case:
    """Slopes k/16, never 1, and no slope above 1 at the ends: every orbit is bounded."""
    count = draw(st.integers(0, 3))
    ends, inner = st.sampled_from([k for k in slopes if k < 16]), st.sampled_from(slopes)
    chosen = [draw(ends), *(draw(inner) for _ in range(count)), draw(ends)]
    gaps = draw(st.lists(st.integers(1, 16), min_size=count + 1, max_size=count + 1))
    return {
        "slopes": np.array(chosen) / 16,
        "knots": draw(sixteenths(-32, 0)) + np.cumsum(gaps) / 16,
        "level": draw(sixteenths(-32, 32)),
    }


@st.composite
def _point(draw: st.DrawFn, drop: str = "") -> Case:
    """An input that is no fixed point, as 1031 divides no denominator of one; or one dropped."""
    if drop in ("discrete", "continuous_map"):
        tear = draw(st.integers(1, 16)) / 16 if drop == "continuous_map" else 0.0
        case = {"slopes": np.ones(1), "knots": np.zeros(0), "level": 0.0, "tear": tear}
        return {**case, "e0": draw(sixteenths(-32, 32))}
    if drop == "continuous_limit":  # an input on the repelling fixed point 0
        slope = draw(st.integers(17, 64)) / 16
        case = {"slopes": np.array([0, slope, 0]), "knots": np.array([-1.0, 1.0]) / 4}
        return {**case, "level": -slope / 4, "e0": 0.0, "tear": 0.0}
    recall = draw(st.integers(1, 16)) / 16 if drop else 0.0
    case = draw(_pieces((0, 4, 8) if drop else (0, 4, 8, 24, 32, 48)))
    return {**case, "recall": recall, "e0": draw(sixteenths(-32, 32)) + 1 / 1031, "tear": 0.0}


def _torn(case: Case) -> TornLoop:
    return TornLoop(_line(case), Fraction(case["e0"]), Fraction(case["tear"]))


@st.composite
def _sets(draw: st.DrawFn, drop: str = "") -> Case:
    """The clamp at `knots` with its repelling fixed point `middle`, and inputs on one side of it.

    Or inputs on both sides, `connected` or not.
    """
    slope, reach = draw(st.integers(17, 64)) / 16, draw(st.integers(1, 32)) / 16
    middle = draw(sixteenths(-32, 32))
    right = middle + np.array([draw(st.integers(1, 16)), 0]) / 16
    right[1] = right[0] + draw(st.integers(0, 16)) / 16
    left = 2 * middle - right[::-1]
    ends = [right, left][draw(st.integers(0, 1))]
    if drop == "connected":
        ends = np.concatenate((left, right))
    elif drop == "continuous_limit":
        ends = np.array([left[0], right[1]])
    level = middle - slope * reach
    knots = np.array([middle - reach, middle + reach])
    return {"slopes": np.array([0, slope, 0]), "knots": knots, "level": level, "ends": ends}


def _basins(case: Case) -> Basins:
    ends = [Fraction(x) for x in case["ends"]]
    return Basins(_line(case), tuple(zip(ends[::2], ends[1::2], strict=True)))


SUITES = (
    Suite(
        "A3",
        "segment",
        property=(
            "no recall, f continuous, Fix(f) discrete (random bias): along a segment of inputs the"
            " limit stays or jumps, and never moves continuously"
        ),
        cases=_segment,
        judge=Confirmed(_moves, CHANCE),
        broken=_broken_on_segment,
        drops=(
            Drop("autonomous: no recall", lambda: _segment(drop="recall"), "autonomous"),
            Drop("discrete fixed points", lambda: _segment(drop="discrete"), "discrete"),
            Drop("continuous map", lambda: _segment(drop="torn"), "continuous_map"),
        ),
        cost=8,
        larger=_segment,
        predicate="locally_constant",
    ),
    Suite(
        "A3",
        "monotone",
        property=(
            "scalar piecewise linear loops: where the limit is continuous in the input it is"
            " constant near it"
        ),
        cases=_point,
        judge=PredicateJudge(LOCAL, _torn),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _point(name)), name)
            for name in ("autonomous", "continuous_map", "discrete", "continuous_limit")
        ),
        evidence="exact arithmetic",
        predicate="locally_constant",
    ),
    Suite(
        "A3",
        "constant",
        property="the clamp: on an interval of inputs where the limit is continuous it is constant",
        cases=_sets,
        judge=PredicateJudge(GLOBAL, _basins),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _sets(name)), name)
            for name in ("connected", "continuous_limit")
        ),
        evidence="exact arithmetic",
        predicate="constant",
    ),
)
