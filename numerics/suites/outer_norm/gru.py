"""Attacks on N8, the gated residual as an implicit outer normaliser.

Orbits are tested against entry times, boxes against their images. Gates and candidates are bounded
over a box by the row sums of the weights, so the entry time is that of N8 with those bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import certify
from ...certificates.maps import TanhMap
from ...formulas import numeric
from ...loops.gru_cell import GRUCell
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, show, spheres
from ..shared.assumed_cells import (
    broken_at_saturation,
    broken_in_a_box,
    broken_on_a_line,
    broken_outside,
    broken_with_frozen_reset,
)
from ..shared.bisection import BOXES, bisect
from ..shared.complex_step import complex_step, normalised

LONGEST = 4000
"""The longest entry time that is iterated."""
STAYS = 50
"""Iterations after the entry time in which the orbit must stay in the box."""
SETTLES = 300
"""Iterations after which the state of an orbit is compared with the proved fixed points."""


@st.composite
def _loop(draw: DrawFn, kind: str = "") -> Case:
    """A cell of width 1 to 3 and its input, or one hypothesis dropped.

    The input is u = A n(h) (none), A n(W_x h + W_e e) (external) or A (W_x n(h) + W_e e)
    (internal). `hidden`: the cell's hidden argument is 2 h, and its update gates are open; `add`:
    h' = h + (1 - z) n with candidates of one sign; `outside`: the start is 4 times the box or more,
    and its gate is open there.
    """
    d = draw(sizes(1, 3))
    box = draw(fractions(1, 4))
    signs = np.array([draw(st.sampled_from((1.0, -1.0))) for _ in range(d)])
    start = box * signs * draw(arrays(d, 1 / 4, 1))
    case = {
        "recall": draw(st.sampled_from(("none", "external", "internal"))),
        "u": draw(arrays((3 * d, d), -1 / 4, 1 / 4)),
        "v": draw(arrays((3 * d, d), -1 / 4, 1 / 4)),
        "c": draw(arrays(3 * d, -1, 1)),
        "block": draw(arrays((d, d), -1, 1)),
        "w_x": draw(arrays((d, d), -1, 1)),
        "w_e": draw(arrays((d, d), -1, 1)),
        "e": draw(spheres(d)),
        "eps": draw(fractions(1 / 16, 1)),
        "start": start,
        "box": box,
        "hidden": 1.0,
        "residual": "gru",
        "corners": draw(arrays((3, d), -1, 1)),
    }
    gate, candidate = slice(d, 2 * d), slice(2 * d, None)
    if kind in ("hidden", "add", "outside"):
        case["u"] = 0 * case["u"]
    if kind == "hidden":
        case |= {"hidden": 2.0, "v": 0 * case["v"], "start": np.sign(start) * box}
        case["c"][gate] = draw(arrays(d, 2, 4))
        case["c"][candidate] = 0.0
    elif kind == "add":
        case |= {"residual": "add", "v": 0 * case["v"], "c": np.abs(case["c"]) + 1 / 4}
    elif kind == "outside":
        case |= {"v": np.zeros((3 * d, d)), "c": np.zeros(3 * d)}
        case["v"][gate] = np.eye(d)
        case["start"] = np.full(d, 4 * box + draw(fractions(4, 8)))
    return case


def _input(case: Case, h: Array) -> Array:
    """The cell's input u(h, e)."""
    recalled = case["w_e"] @ case["e"]
    if case["recall"] == "external":
        return case["block"] @ normalised(case["w_x"] @ h + recalled, case["eps"])
    n = normalised(h, case["eps"])
    return case["block"] @ (case["w_x"] @ n + recalled if case["recall"] == "internal" else n)


def _orbit(case: Case, h: Array) -> Iterator[Array]:
    """The states after h."""
    cell = GRUCell(case["u"], case["v"], case["c"])
    while True:
        if case["residual"] == "gru":
            h = cell(_input(case, h), case["hidden"] * h)
        else:
            _, z, n, _ = cell.gates(_input(case, h), h)
            h = h + (1 - z) * n
        yield h


def _bounds(case: Case, box: float) -> tuple[float, float]:
    """(Z, m): bounds of update gates and of |candidates| where |h_i| <= box.

    They are those of the cell of the claim, whatever hypothesis the case drops.
    """
    d, block = len(case["e"]), case["block"]
    root = math.sqrt(d)
    size = float(np.linalg.norm(block, 2)) * root  # of the input u
    if case["recall"] == "internal":
        recalled = block @ case["w_e"] @ case["e"]
        size = float(np.linalg.norm(block @ case["w_x"], 2)) * root
        size += float(np.linalg.norm(recalled))
    rows = size * np.linalg.norm(case["u"], axis=1) + box * np.abs(case["v"]).sum(1)
    reach = rows + np.abs(case["c"])  # of the arguments of gates and candidates
    gate, candidate = float(reach[d : 2 * d].max()), float(reach[2 * d :].max())
    return 1 / (1 + math.exp(-gate)), math.tanh(candidate)


def _enters(case: Case) -> str | None:
    """The box [-1, 1]^d is mapped into [-q, q]^d, and orbits enter it in time.

    After the entry time of its box the orbit is in (-1, 1)^d, and stays for 50 iterations.
    """
    where = (
        f"recall {case['recall']}, residual {case['residual']}, hidden argument {case['hidden']:g}"
        f" h, U = {show(case['u'])}, V = {show(case['v'])}, c = {show(case['c'])}, h_0 ="
        f" {show(case['start'])}"
    )
    q = float(numeric("gru_box")(*_bounds(case, 1.0)))
    d = len(case["start"])
    for h in (*case["corners"], np.ones(d), -np.ones(d)):
        image = float(np.abs(next(_orbit(case, h))).max())
        if image > q * (1 + 1e-12):
            return f"{where}: {show(h)} in the box goes to {image:.6g} > q = {q:.6g}"
    box = max(case["box"], 1.0)
    entry = float(numeric("gru_entry_time")(box, *_bounds(case, box)))
    if not entry < LONGEST:
        raise Undecided(f"{where}: the entry time {entry:.3g} is too long to iterate")
    orbit = _orbit(case, case["start"])
    for loop in range(math.ceil(entry) + STAYS):
        size = float(np.abs(next(orbit)).max())
        if loop + 1 >= entry and size > 1 + 1e-12:
            return (
                f"{where}: |h| = {size:.6g} after {loop + 1} loops, the entry time of |h| <="
                f" {box:g} is {entry:.4g}"
            )
    return None


@st.composite
def _outer_state(draw: DrawFn, single: bool = False) -> Case:
    """h' = (1 - z) n + z h, z = sigmoid(h), n = tanh(c/2), from outside the box.

    |h| is in [17/16, 12], or (float32) in [17, 30].
    """
    start = draw(fractions(17, 30) if single else fractions(17 / 16, 12))
    return {
        "start": start,
        "c": draw(fractions(-1, 1)),
        "precision": "float32" if single else "float64",
    }


def _moves_inwards(case: Case) -> str | None:
    """|h'| < |h|."""
    dtype = np.dtype(case["precision"])
    zeros, one = np.zeros((1, 1), dtype), np.ones((1, 1), dtype)
    u, v, c = np.zeros((3, 1)), np.concatenate((zeros, one, zeros)), [0, 0, case["c"]]
    cell = GRUCell(u.astype(dtype), v, np.array(c, dtype))
    none, h = np.zeros(1, dtype), np.array([case["start"]], dtype)
    after = cell(none, h)
    if not abs(float(after[0])) < abs(float(h[0])):
        z = cell.gates(none, h)[1][0]
        return f"{case['precision']}: h = {h[0]:.6g} goes to {after[0]:.6g}, z = {z:.9g}"
    return None


@st.composite
def _near_saturation(draw: DrawFn, rounded: bool = False) -> Case:
    """x = p log 2 + offset, p = 24 or 53 bits.

    `rounded`: sigmoid(x) is computed in double precision, then rounded to 24 bits; the offset is in
    (0, 1/2].
    """
    if rounded:
        return {"bits": 24, "offset": draw(fractions(1 / 16, 1 / 2)), "rounded": True}
    offset = draw(fractions(1 / 16, 2)) * draw(st.sampled_from((1.0, -1.0)))
    return {"bits": draw(st.sampled_from((24, 53))), "offset": offset, "rounded": False}


def _saturates(case: Case) -> str | None:
    """1/(1 + exp(-x)) is 1 iff x is above the closed form, to 1/16."""
    dtype = np.float32 if case["bits"] == 24 else np.float64
    x = float(numeric("sigmoid_saturation")(case["bits"])) + case["offset"]
    one = np.float64(1) if case["rounded"] else dtype(1)
    gate = dtype(one / (one + np.exp(-type(one)(x))))
    if (gate == 1) != (case["offset"] > 0):
        return (
            f"{case['bits']} bits, rounded at the end {case['rounded']}: sigmoid({x:.6g}) ="
            f" {gate!r}"
        )
    return None


@st.composite
def _frozen_reset(draw: DrawFn, hidden: float = 1.0) -> Case:
    """No input, and reset gates at 1/2: n = tanh((V_n h + c_n)/2).

    Update gates are anything below sigmoid(3).
    """
    d = draw(sizes(1, 2))
    v, c = np.zeros((3 * d, d)), np.zeros(3 * d)
    v[d:], c[d:] = draw(arrays((2 * d, d), -1, 1)), draw(arrays(2 * d, -1, 1))
    v[2 * d :] *= 4
    if hidden != 1:  # keep the fixed points of n away from 0, which both cells have in common
        c[2 * d :] += 2 + 4 * d
    return {"v": v, "c": c, "hidden": hidden, "start": draw(arrays(d, -1, 1))}


def _fixed_points_of_the_candidate(case: Case) -> str | None:
    """The fixed points of the cell are those of the candidate n.

    Those of n are all proved, with indices that add up to 1. The cell fixes each of them, and
    orbits that settle end at one of them.
    """
    v, c, d = case["v"], case["c"], len(case["start"])
    cell, none = GRUCell(np.zeros((3 * d, d)), v, c), np.zeros(d)

    def step(h: Array) -> Array:
        return cell(none, case["hidden"] * h)

    candidate = TanhMap.of(np.eye(d), v[2 * d :] / 2, np.zeros(d), c[2 * d :] / 2)
    found = certify(candidate, max_boxes=BOXES)
    where = f"V = {show(v)}, c = {show(c)}, hidden argument {case['hidden']:g} h"
    if found.count == 0:
        return f"{where}: the candidate is proved to have no fixed point"
    if found.count is None:
        raise Undecided(f"{where}: {len(found.undecided)} boxes undecided")
    if found.index_sum != 1:
        return f"{where}: {found.count} fixed points, indices add up to {found.index_sum}"
    points = [point.center for point in found.points]
    for h in points:
        moved = float(np.abs(step(h) - h).max())
        if moved > 1e-14 * (1 + float(np.abs(v).sum())):
            fixed = f"{where}: h = {show(h)} is fixed by the candidate"
            return f"{fixed}, the cell moves it by {moved:.4g}"
    h = case["start"]
    for _ in range(SETTLES):
        h = step(h)
    # the other way: a state that is fixed up to a Newton step of 1e-9 is one of the proved ones
    gap = np.eye(d) - complex_step(step, h)
    if np.linalg.cond(gap) < 1e6:
        newton = np.linalg.solve(gap, step(h) - h)
        nearest = min(float(np.abs(h - point).max()) for point in points)
        if float(np.abs(newton).max()) < 1e-9 and nearest > 1e-6:
            return (
                f"{where}: the cell fixes {show(h)}, {nearest:.3g} from the nearest fixed point of"
                " the candidate"
            )
    return None


@st.composite
def _line(draw: DrawFn, inner: bool = True) -> Case:
    """d = 1, n(h) = tanh(w - c h/sqrt(h^2 + inner)), 0 < |w| < c."""
    c = draw(fractions(1 / 2, 3))
    w = c * draw(fractions(1 / 16, 15 / 16)) * draw(st.sampled_from((1.0, -1.0)))
    return {"c": c, "w": w, "inner": draw(fractions(1 / 16, 1)) if inner else 0.0}


def _crosses(case: Case) -> str | None:
    """h' - h = (1 - z)(n - h), and n - h falls from h = -1 to 1 without a jump.

    It is bisected to neighbouring doubles; its slope is at most 13.
    """

    def gap(h: float) -> float:
        size = math.hypot(h, math.sqrt(case["inner"]))
        return math.tanh(case["w"] - case["c"] * (h / size if size else 0.0)) - h

    low, high = bisect(gap, -1.0, 1.0)
    residual = min(abs(gap(low)), abs(gap(high)))
    if residual > 1e-9:
        return (
            f"n = tanh({case['w']:g} - {case['c']:g} n(h)), inner eps = {case['inner']:g}: n - h"
            f" jumps at h = {low:.6g}, from {gap(low):.4g} to {gap(high):.4g}"
        )
    return None


SUITES = (
    Suite(
        "N8",
        "box",
        property=(
            "[-1, 1]^d goes into [-q, q]^d; every orbit is in (-1, 1)^d from its entry time on"
        ),
        cases=_loop,
        judge=_enters,
        broken=broken_in_a_box,
        drops=(
            Drop(
                "hidden: the hidden argument is 2 h",
                assumption="hidden",
                cases=lambda: _loop("hidden"),
            ),
            Drop("cell: residual addition", assumption="cell", cases=lambda: _loop("add")),
            Drop(
                "bounded_start: the start lies beyond the box of the entry time",
                assumption="bounded_start",
                cases=lambda: _loop("outside"),
            ),
        ),
        evidence="sample",
        cost=1,
    ),
    Suite(
        "N8",
        "inwards",
        property="a state outside the box moves inwards",
        cases=_outer_state,
        judge=_moves_inwards,
        broken=broken_outside,
        drops=(
            Drop(
                "exact: float32, gate rounded to 1",
                assumption="exact",
                cases=lambda: _outer_state(single=True),
            ),
        ),
        evidence="sample",
        cost=0.2,
    ),
    Suite(
        "N8",
        "saturation",
        property="1/(1 + exp(-x)) is computed as 1 iff x > p log 2",
        cases=_near_saturation,
        judge=_saturates,
        broken=broken_at_saturation,
        drops=(
            Drop(
                "every operation in p bits: rounded once, at the end",
                assumption="exact",
                cases=lambda: _near_saturation(rounded=True),
            ),
        ),
        evidence="closed form",
        cost=0.2,
    ),
    Suite(
        "N8",
        "fixed points of the candidate",
        property="the fixed points are those of n, and there is one",
        cases=_frozen_reset,
        judge=_fixed_points_of_the_candidate,
        broken=broken_with_frozen_reset,
        drops=(
            Drop(
                "hidden: the hidden argument is 2 h",
                assumption="hidden",
                cases=lambda: _frozen_reset(2.0),
            ),
        ),
        evidence="certificate",
        cost=3,
    ),
    Suite(
        "N8",
        "line",
        property="inner eps > 0: h' - h has a zero",
        cases=_line,
        judge=_crosses,
        broken=broken_on_a_line,
        drops=(
            Drop(
                "inner_epsilon: eps = 0 in the inner norm",
                assumption="inner_epsilon",
                cases=lambda: _line(inner=False),
            ),
        ),
        evidence="certificate",
        cost=0.3,
    ),
)
