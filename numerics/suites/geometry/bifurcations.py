"""Attacks on R4, the edges of the scalar stable sets.

They say on which side a pair is born (certified counts), where folds are, and which curves are born
in the plane.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import certify
from ...certificates.coordinates import Coordinate, Vector, squared, tanh
from ...certificates.maps import FunctionMap
from ...formulas import numeric
from ...strategies import fractions as draws
from ..shared.assumed_spheres import RESOLVED, ROUNDING

BEYOND = 1 / 128
"""The relative distance from the edge, on either side."""


def _scalar(x: float, y: float, offset: float, external: bool, sign: float) -> FunctionMap:
    """sign (s h + y tanh(x h + k)), s = x (external) or 1 (internal).

    Its fixed points at sign -1 are the 2-cycles h -> -h of an odd map.
    """
    s = x if external else 1.0

    def image(h: Vector) -> list[Coordinate]:
        return [(h[0] * s + tanh(h[0] * x + offset) * y) * sign]

    def derivative(h: Vector) -> list[list[Coordinate]]:
        return [[((1 - squared(tanh(h[0] * x + offset))) * x * y + s) * sign]]

    return FunctionMap(1, image, derivative)


def _count(f: FunctionMap, reach: float) -> int:
    # the ends are not symmetric: a fixed point at 0 must not lie on the first cut
    count = certify(f, (-reach, 1.01 * reach), max_boxes=2000).count
    if count is None:
        raise Undecided("a certificate is incomplete")
    return count


# --- pitchforks and flips
@st.composite
def _edges(draw: Any, kind: str = "") -> Case:
    """Weights on an edge, with |y|, |1 + y| >= 1/4.

    Internal x y = -2 (flip), external (1 + y) x = 1 (pitchfork) or -1 (flip).
    """
    edge = (
        draw(st.sampled_from(("internal flip", "external pitchfork", "external flip")))
        if not kind
        else "external pitchfork"
    )
    y = draw(
        st.one_of(
            draws.fractions(0.25, 4), draws.fractions(-0.75, -0.25), draws.fractions(-4, -1.25)
        )
    )
    if kind == "flat":
        y = 0.0
    offset = draw(draws.SIGNS) * draw(draws.fractions(0.0625, 0.5)) if kind == "offset" else 0.0
    x = -2 / y if edge == "internal flip" else (1 if edge == "external pitchfork" else -1) / (1 + y)
    return {"edge": edge, "x": x, "y": y, "offset": offset}


def _edges_broken(case: Case) -> Iterator[str]:
    """The weights are on the edge that is named, and |x y| is not so small that the pair is far."""
    x, y = case["x"], case["y"]
    at = {
        "internal flip": (x * y, -2.0),
        "external pitchfork": ((1 + y) * x, 1.0),
        "external flip": ((1 + y) * x, -1.0),
    }
    found, wanted = at.get(case["edge"], (0.0, math.inf))
    on_edge = abs(found - wanted) <= 16 * ROUNDING
    if not (on_edge and 0.15 <= abs(x * y) <= 16 and 1 / 16 <= abs(y) <= 16):
        yield "nondegenerate"
    if case["offset"] != 0:
        yield "odd"


def _born(case: Case) -> str | None:
    """Certified counts near 0 a little inside and outside of the edge.

    They are 1, then 3, if the bifurcation is supercritical, and 3, then 1, if it is not.
    """
    edge, x, y = case["edge"], case["x"], case["y"]
    flip = edge.endswith("flip")
    supercritical = edge == "internal flip" or x * y * (-1 if flip else 1) > 0
    # the pair lies at h^2 = (m - 1)/c, c = -y x^3/3, to leading order; (x h)^2 < 0.2 there
    cubic = abs(y * x**3) / 3
    reach = (
        1.6 * float(np.sqrt(2 * BEYOND / cubic if edge == "internal flip" else BEYOND / cubic))
        if cubic
        else 1.0
    )
    counts = []
    for factor in (1 - BEYOND, 1 + BEYOND):
        f = _scalar(factor * x, y, case["offset"], edge != "internal flip", -1.0 if flip else 1.0)
        counts.append(_count(f, reach))
    expected = [1, 3] if supercritical else [3, 1]
    if counts != expected:
        where = f"{edge}, x = {x:.6g}, y = {y:.6g}, offset {case['offset']:g}, |h| <= {reach:.4g}"
        return (
            f"{where}: {counts[0]} and {counts[1]} symmetric points inside and outside of the edge,"
            f" not {expected[0]} and {expected[1]}"
        )
    return None


@st.composite
def _folds(draw: Any, exists: bool = True) -> Case:
    """External recall, 0 < |x| < 1, x y > 0 and (1 + y) x > 1; without: y > 0 and (1 + y) x < 1."""
    x = (
        draw(draws.SIGNS) * draw(draws.fractions(0.25, 0.75))
        if exists
        else draw(draws.fractions(0.25, 0.75))
    )
    more = (
        draw(draws.fractions(0.25, 3))
        if exists
        else -draw(draws.fractions(0.25, 0.75)) * (1 / x - 1)
    )
    y = 1 / x - 1 + np.sign(x) * more
    return {"x": x, "y": float(y)}


def _folds_broken(case: Case) -> Iterator[str]:
    x, y = case["x"], case["y"]
    moderate = RESOLVED <= abs(x) <= 1 - RESOLVED and abs(y) <= 1 / RESOLVED
    if not (moderate and x * y > 0 and (1 + y) * x >= 1 + RESOLVED):
        yield "folds"


def _folds_there(case: Case) -> str | None:
    """Certified numbers of all fixed points a sixty-fourth below and above the fold offset."""
    x, y = case["x"], case["y"]
    with np.errstate(invalid="ignore"):
        fold = float(numeric("fold_offset")(x, y))
    fold = fold if np.isfinite(fold) else 0.0  # no fold by the formula
    reach = 1.01 * (abs(y) + 0.01) / (1 - abs(x))
    counts = [
        _count(_scalar(x, y, factor * fold, True, 1.0), reach)
        for factor in (1 - 1 / 64, 1 + 1 / 64)
    ]
    if counts != [3, 1]:
        return (
            f"x = {x:g}, y = {y:g}: {counts[0]} and {counts[1]} fixed points just below and above"
            f" the offset {fold:.6g}, not 3 and 1"
        )
    return None


# --- Neimark-Sacker
@st.composite
def _planar(draw: Any, kind: str = "") -> Case:
    """Parameters at the crossing of h' = h + y Q tanh(x h) or x h + y Q tanh(x h).

    Q is a turn by phi. resonant: mu = i; flat: the Lyapunov coefficient is 0.
    """
    if kind != "flat" and (kind == "resonant" or draw(st.booleans())):
        square = 2.0 if kind == "resonant" else draw(st.sampled_from((0.75, 1.0, 1.5, 2.5, 3.5)))
        product, x = float(np.sqrt(square)), draw(draws.fractions(0.5, 1.5))
        return {
            "recall": "internal",
            "x": x,
            "y": product / x,
            "phi": float(np.arccos(-product / 2)),
        }
    phi = draw(st.sampled_from((1.875, 2.0, 2.125, 2.25, 2.375)))
    y = float(-np.cos(phi)) + (0.0 if kind == "flat" else draw(draws.fractions(0.3125, 0.5625)))
    return {
        "recall": "external",
        "x": float(1 / abs(1 + y * cmath.exp(1j * phi))),
        "y": y,
        "phi": phi,
    }


def _planar_broken(case: Case) -> Iterator[str]:
    """|mu| = 1, mu^n is away from 1 for n <= 4, and the curve is born where it can be seen.

    The coefficient is positive and not small: x y internally, y + cos phi externally; x and phi are
    where one per cent beyond the crossing |z|^2 is given by the leading order.
    """
    x, y, phi = case["x"], case["y"], case["phi"]
    turn = cmath.exp(1j * phi)
    if case["recall"] == "internal":
        mu = 1 + x * y * turn
        positive = 1 / 2 <= x <= 3 / 2 and x * y >= math.sqrt(3 / 4) - ROUNDING
    else:
        mu = x * (1 + y * turn)
        gap = y + math.cos(phi) - 7 / 16
        positive = abs(gap) <= 1 / 8 + ROUNDING and 15 / 8 <= phi <= 19 / 8
    away = min(abs(mu**n - 1) for n in range(1, 5))
    if not (abs(abs(mu) - 1) <= 16 * ROUNDING and away >= 1 / 4):
        yield "nonresonant"
    if not (positive and case["recall"] in ("internal", "external")):
        yield "nondegenerate"


def _no_curve(case: Case) -> str | None:
    """1 % beyond the crossing the last 500 of 6000 states lie on a closed curve.

    They are many different states, whose mean |z|^2 is within 15 % of (1 - |mu|)/a.
    """
    x, y, recall = case["x"], case["y"], case["recall"]
    coefficient = float(
        numeric(f"planar_lyapunov_{recall}")(x, x * y if recall == "internal" else y)
    )
    x, y, carried = (1.01 * x, y, 1.01 * x) if recall == "external" else (x, 1.01 * y, 1.0)
    turn, state, states = y * cmath.exp(1j * case["phi"]), 0.2 + 0.1j, []
    for loop in range(6000):
        state = carried * state + turn * complex(
            math.tanh(x * state.real), math.tanh(x * state.imag)
        )
        if abs(state) > 100:
            return f"the orbit escapes, |z| > 100 after {loop} loops"
        states.append(state)
    last = np.array(states[-500:])
    different = len(np.unique(np.round(last, 6)))
    expected, found = (1 - abs(carried + turn * x)) / coefficient, float(np.mean(np.abs(last) ** 2))
    if different < 100 or abs(found / expected - 1) > 0.15:
        return (
            f"{different} different states, mean |z|^2 = {found:.4g}, the closed curve has"
            f" {expected:.4g}"
        )
    return None


SUITES: tuple[Suite, ...] = (
    Suite(
        "R4",
        "edges",
        property=(
            "a pair is born outside of the edge (supercritical): x y = -2 always, (1 + y) x = 1"
            " iff x y > 0, = -1 iff x y < 0"
        ),
        cases=_edges,
        judge=_born,
        broken=_edges_broken,
        drops=(
            Drop("no offset", assumption="odd", cases=lambda: _edges("offset")),
            Drop("y != 0", assumption="nondegenerate", cases=lambda: _edges("flat")),
        ),
        evidence="certificate",
        cost=2,
    ),
    Suite(
        "R4",
        "folds",
        property=(
            "h' = x h + y tanh(x h + k), x y > 0, (1 + y) x > 1: three fixed points below the fold"
            " offset, one above"
        ),
        cases=_folds,
        judge=_folds_there,
        broken=_folds_broken,
        drops=(Drop("x y > 0 and (1 + y) x > 1", assumption="folds", cases=lambda: _folds(False)),),
        evidence="certificate",
        cost=3,
    ),
    Suite(
        "R4",
        "curves",
        property=(
            "in the plane a stable closed curve with |z|^2 = (1 - |mu|)/a is born at the crossing"
        ),
        cases=_planar,
        judge=_no_curve,
        broken=_planar_broken,
        drops=(
            Drop(
                "mu is no root of unity of order 1 to 4",
                assumption="nonresonant",
                cases=lambda: _planar("resonant"),
            ),
            Drop(
                "the Lyapunov coefficient is not 0",
                assumption="nondegenerate",
                cases=lambda: _planar("flat"),
            ),
        ),
        cost=3,
    ),
)
