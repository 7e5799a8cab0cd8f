"""Attacks on R4, the scalar stable sets: areas, Gaussian probabilities, nearest points."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.integrate import quad

from ....theory.architecture import Recall
from ....theory.geometry.falsifiers.stable_sets import CONVERGES, NEAREST, Weights
from ....theory.geometry.projection import nearest
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...formulas import numeric
from ...strategies import fractions as draws
from ..shared.confirmation import Confirmed
from ..shared.predicates import PredicateJudge, dropping

RECALLS = tuple(map(str, Recall))
SIGMAS = 5.5
"""Standard errors of the test of a probability."""
CHANCE = 4e-8
"""The probability that a normal variable is `SIGMAS` off."""


DRAWS = 200_000
"""Draws of which the share that contracts is compared with a probability."""


# --- areas in a box
@st.composite
def _boxes(draw: Any, centred: bool = True) -> Case:
    shift = 0.0 if centred else draw(draws.fractions(0.25, 1))
    return {
        "recall": draw(st.sampled_from(RECALLS)),
        "a": draw(draws.fractions(0.25, 8)),
        "shift": shift,
    }


def _boxes_broken(case: Case) -> Iterator[str]:
    """The box is not empty, nor so large that the quadrature of slices misses the tolerance."""
    known = case["recall"] in RECALLS
    if not (known and case["shift"] == 0 and 2.0**-6 <= case["a"] <= 2.0**6):
        yield "centred"


def _slice(recall: str, x: float) -> tuple[float, float]:
    """The interval of y of the stable set at x."""
    if recall == "none":
        return -2.0, 0.0
    if recall == "internal":
        return (-2 / x, 0.0) if x > 0 else (0.0, -2 / x)
    return -1 - 1 / abs(x), -1 + 1 / abs(x)


def _area(case: Case) -> str | None:
    """Integral of the lengths of slices, split where a slice meets an edge of the box."""
    a, shift, recall = case["a"], case["shift"], case["recall"]
    low, high = shift - a, shift + a

    def length(x: float) -> float:
        ends = _slice(recall, x)
        return max(0.0, min(high, ends[1]) - max(low, ends[0]))

    edges = [abs(y + s) for y in (low, high) for s in (0, 1)]
    kinks = {0.0, *(sign * c / e for e in edges if e > 0 for c in (1, 2) for sign in (1, -1))}
    cuts = [low, *sorted(x for x in kinks if low < x < high), high]
    measured = sum(quad(length, p, q, epsabs=1e-11, epsrel=1e-11)[0] for p, q in pairwise(cuts))
    # every branch of the formula is evaluated, also where it does not apply
    with np.errstate(divide="ignore", invalid="ignore"):
        formula = float(numeric(f"{recall}_stable_area")(a))
    if abs(measured - formula) > 1e-8 * (1 + formula):
        return f"{recall}: area {measured:.9g} by slices, formula {formula:.9g}"
    return None


# --- probabilities
@st.composite
def _weights(draw: Any, correlation: float = 0.0) -> Case:
    recall = draw(st.sampled_from(RECALLS[1:] if correlation else RECALLS))
    mixing = draw(draws.SIGNS) * correlation
    modes = 1 if correlation else draw(draws.sizes(1, 3))
    return {
        "recall": recall,
        "s": draw(draws.fractions(0.25, 4)),
        "modes": modes,
        "mixing": mixing,
        "seed": draw(draws.seeds()),
        "n": DRAWS,
    }


def _weights_broken(case: Case) -> Iterator[str]:
    """The judge itself draws the weights from the seed; independent ones are not mixed."""
    counts = case["n"] == DRAWS and 1 <= case["modes"] <= 3
    known = case["recall"] in RECALLS and 0 <= case["seed"] < 2**31
    if not (known and counts and case["mixing"] == 0 and 1 / 16 <= case["s"] <= 16):
        yield "gaussian"


def _share(case: Case) -> str | None:
    """The share of draws whose loop contracts: |step(1) - step(0)| < 1 in each independent mode."""
    rng, n, recall, s = np.random.default_rng(case["seed"]), case["n"], case["recall"], case["s"]
    x, fresh = s * rng.standard_normal((2, n, case["modes"]))
    y = case["mixing"] * x + np.sqrt(1 - case["mixing"] ** 2) * fresh

    def step(h: float) -> Array:
        z = x * h if recall == "external" else h
        return z + y * (x * h if recall == "internal" else z)

    share = float(np.mean((np.abs(step(1.0) - step(0.0)) < 1).all(1)))
    expected = float(numeric(f"{recall}_stable_probability")(s)) ** case["modes"]
    slack = SIGMAS * np.sqrt(expected * (1 - expected) / n) + 20 / n
    if abs(share - expected) > slack:
        return (
            f"{recall}, s = {s:g}, {case['modes']} modes: {share:.5f} of {n} draws contract,"
            f" formula {expected:.5f} (slack {slack:.5f})"
        )
    return None


# --- nearest points
@st.composite
def _points(draw: Any, tied: bool = False) -> Case:
    """Points off the cut locus |x| = |u| by at least 1/16.

    u = y (internal) or 1 + y (external). With `tied` they are on it, where two points are nearest.
    """
    recall = draw(st.sampled_from(("internal", "external")))
    if tied:
        p = q = draw(draws.fractions(2.0625, 4))
    else:
        q = draw(draws.fractions(0, 3.75))
        p = q + draw(draws.fractions(0.0625, 4))
        if draw(st.booleans()):
            p, q = q, p
    x, u = draw(draws.SIGNS) * p, draw(draws.SIGNS) * q
    if tied and recall == "internal":
        u = x  # in the quadrants outside, where the axes are nearest
    return {"recall": recall, "x": x, "y": u if recall == "internal" else u - 1}


def _points_broken(case: Case) -> Iterator[str]:
    """|x| and |u|, at most 16, differ by at least 1/32: the grid tells apart what is nearest."""
    x, u = abs(case["x"]), abs(case["y"] + (case["recall"] == "external"))
    known = case["recall"] in ("internal", "external")
    if not (known and abs(x - u) >= 1 / 32 and max(x, u) <= 16):
        yield "off_cut_locus"


def _nearest_by_grid(recall: str, x: float, y: float) -> list[tuple[float, float, float]]:
    """(distance, x, y) of every local minimum of the distance on the boundary.

    Each branch is refined on ever finer grids.
    """
    if recall == "internal":
        found, curves = [(abs(y), x, 0.0), (abs(x), 0.0, y)], [(-2.0, 0.0)]
    else:
        found, curves = [], [(1.0, 1.0), (-1.0, 1.0)]
    for constant, down in curves:
        for sign in (1.0, -1.0):

            def distance(
                s: Array, c: float = constant, down: float = down, sign: float = sign
            ) -> Array:
                t = sign * np.exp(s)
                return np.hypot(t - x, c / t - down - y)

            grid = np.linspace(-7, 7, 4001)
            values = distance(grid)
            for i in (
                np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:])) + 1
            ):
                low, high, best = grid[i - 1], grid[i + 1], grid[i]
                for _ in range(5):
                    fine = np.linspace(low, high, 101)
                    k = int(np.clip(np.argmin(distance(fine)), 1, 99))
                    low, high, best = fine[k - 1], fine[k + 1], fine[k]
                t = sign * float(np.exp(best))
                found.append((float(distance(np.array(best))), t, constant / t - down))
    return sorted(found)


def _projects(case: Case) -> str | None:
    """The exact nearest point agrees with the grid, and is the only one."""
    recall, x, y = case["recall"], case["x"], case["y"]
    exact = nearest(Recall(recall), Fraction(x), Fraction(y))
    if float(exact.distance.mid()) == 0:
        inside = -2 <= x * y <= 0 if recall == "internal" else abs((1 + y) * x) <= 1
        return None if inside else f"({x}, {y}) is outside, but its distance is given as 0"
    first, *others = _nearest_by_grid(recall, x, y)
    # the last grid is 1e-9 fine: the distance is right to its square, the place to the square root
    # of rounding
    if abs(first[0] - float(exact.distance.mid())) > 1e-9:
        return (
            f"{recall} ({x}, {y}): distance {first[0]:.10g} by grid, exactly"
            f" {float(exact.distance.mid()):.10g}"
        )
    gaps = [
        float(np.hypot(other[1] - first[1], other[2] - first[2]))
        for other in others
        if other[0] - first[0] < 1e-9
    ]
    if any(gap > 1e-3 for gap in gaps):
        return (
            f"{recall} ({x}, {y}): two nearest points {max(gaps):.4g} apart, at distance"
            f" {first[0]:.6g}"
        )
    off = min(
        float(np.hypot(float(p.mid()) - first[1], float(q.mid()) - first[2]))
        for p, q in exact.points
    )
    if off > 1e-3:
        return f"{recall} ({x}, {y}): nearest point off by {off:.4g}"
    if off > 1e-5:
        raise Undecided(f"places {off:.3g} apart at equal distance")
    return None


# --- sentences of R4 at exact weights
@st.composite
def _loops(draw: Any, inside: bool = True) -> Case:
    """Weights inside the stable set of a recall, or on its edge or outside of the closure."""
    recall, reach = draw(st.sampled_from(RECALLS)), draw(draws.fractions(0, 0.9375))
    slope = draw(draws.SIGNS) * (reach if inside else 1 + reach)
    x = draw(draws.SIGNS) * 2.0 ** draw(st.integers(-3, 3))
    y = {"none": slope - 1, "internal": (slope - 1) / x, "external": slope / x - 1}[recall]
    return {"recall": recall, "x": x, "y": y}


def _weights_of(case: Case) -> Weights:
    return Weights(Recall(case["recall"]), Fraction(case["x"]), Fraction(case["y"]))


SUITES: tuple[Suite, ...] = (
    Suite(
        "R4",
        "convergence",
        property="inside the stable sets the multiplier of the affine loop is inside (-1, 1)",
        cases=_loops,
        judge=PredicateJudge(CONVERGES, _weights_of),
        drops=(
            Drop(
                "the inequalities are strict",
                assumption="open",
                cases=lambda: dropping("open", _loops(False)),
            ),
        ),
        evidence="closed form",
        predicate=CONVERGES.name,
    ),
    Suite(
        "R4",
        "unique nearest point",
        property="off the cut locus the nearest point of the closed stable set is unique",
        cases=_points,
        judge=PredicateJudge(NEAREST, _weights_of),
        drops=(
            Drop(
                "not on the cut locus",
                assumption="off_cut_locus",
                cases=lambda: dropping("off_cut_locus", _points(True)),
            ),
        ),
        evidence="certificate",
        predicate=NEAREST.name,
    ),
    Suite(
        "R4",
        "area",
        property="areas of the stable sets in [-a, a]^2",
        cases=_boxes,
        judge=_area,
        broken=_boxes_broken,
        drops=(
            Drop(
                "the box is centred at the origin",
                assumption="centred",
                cases=lambda: _boxes(False),
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "R4",
        "probability",
        property=(
            "independent N(0, s^2) weights: probability that a scalar loop, or all of d"
            " independent modes, contract"
        ),
        cases=_weights,
        judge=Confirmed(_share, CHANCE),
        broken=_weights_broken,
        drops=(
            Drop("x and y are independent", assumption="gaussian", cases=lambda: _weights(0.75)),
        ),
        evidence="sample",
        cost=3,
    ),
    Suite(
        "R4",
        "nearest",
        property=(
            "off the cut locus there is one nearest point of the closed stable set, and the"
            " projection finds it"
        ),
        cases=_points,
        judge=_projects,
        broken=_points_broken,
        drops=(Drop("off the cut locus", assumption="off_cut_locus", cases=lambda: _points(True)),),
        cost=2,
    ),
)
