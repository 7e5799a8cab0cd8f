"""Attacks on R3, residual streams with a bounded update.

There is no rest, growth is linear, relative steps follow 1/t, and directions settle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...formulas import numeric
from ...strategies import fractions as draws
from ...strategies import matrix_strategies as matrices
from ..shared import assumed_drift as assumed
from ..shared.residual_stream import OFF_LATTICE, Stream, linear_updates, updates

OFF_ONE = 0.03
"""The tolerance of the 1/t law: with gap >= a/2 the direction is x_0 sqrt(t_0/T) <= 0.02 off at T =
500, times its weight w <= 1/2.
"""


def _free(fields: dict[str, Any], start: Array, weight: float = 1.0) -> dict[str, Any]:
    """A stream h' = weight h + updates from `start`."""
    d = len(start)
    return {**fields, "weight": weight * np.eye(d), "drive": np.zeros(d), "start": start}


# --- (a) one sub-block at eps = 0 never rests
@st.composite
def _biased(draw: Any, cancels: bool = False) -> Case:
    """u = A n + b with b = -s A n_0, |n_0| = 1, and a start on the ray of n_0.

    -b is a value of A n on the sphere exactly when s = 1.
    """
    d = draw(draws.sizes(1, 3))
    a, n0 = draw(matrices.invertibles(d)), draw(draws.directions(d))
    s = 1.0 if cancels else draw(st.one_of(draws.fractions(0, 0.875), draws.fractions(1.125, 2)))
    return _free(
        linear_updates((a, -s * (a @ n0))), (draw(draws.fractions(0.25, 4)) + OFF_LATTICE) * n0
    )


@st.composite
def _resting_blocks(draw: Any) -> Case:
    """u_1 = s n_2 - r n, u_2 = r n_1 - s n: fixed point r n_1 with J = <n_1, n_2> n_2 n_1^T.

    r is not s, so that neither bias is minus a value of its update.
    """
    n1, (c, t) = np.array([1.0, 0.0]), draw(draws.turns())
    n2, r = np.array([c, t]), draw(draws.fractions(0.5, 2))
    s = r * draw(st.one_of(draws.fractions(0.25, 0.875), draws.fractions(1.125, 4)))
    return _free(linear_updates((-r * np.eye(2), s * n2), (-s * np.eye(2), r * n1)), r * n1)


@st.composite
def _resting_centre(draw: Any) -> Case:
    """u = -k n + b with |b| < k <= 3/2 and eps = 1: the fixed point within the ball attracts."""
    d, k = draw(draws.sizes(1, 3)), draw(draws.fractions(0.5, 1.5))
    b = draw(draws.fractions(0, 0.75)) * k * draw(draws.directions(d))
    return _free(linear_updates((-k * np.eye(d), b), eps=1.0), draw(draws.vectors(d)))


def _rests(case: Case) -> str | None:
    stream, h = Stream.of(case), case["start"]
    scale = float(np.linalg.norm(stream.outer) + np.linalg.norm(stream.outer_bias))
    for loop in range(200):
        new = stream.step(h)
        if np.linalg.norm(new - h) <= 1e-9 * scale:
            return (
                f"at rest after {loop} loops: |h' - h| = {np.linalg.norm(new - h):.3g} at |h| ="
                f" {np.linalg.norm(h):.4g}"
            )
        h = new
    return None


@st.composite
def _peri(draw: Any, eps: tuple[float, ...] = (0.0,)) -> Case:
    d = draw(draws.sizes(1, 3))
    fields = draw(updates(d, blocks=1, norm="peri", eps=eps))
    if eps != (0.0,):
        fields["gain"] = np.ones(d)
    return _free(fields, draw(draws.fractions(0.25, 4)) * draw(draws.directions(d)))


@st.composite
def _peri_still(draw: Any, blocks: int) -> Case:
    """Two constant updates that cancel, or one along a coordinate whose gain is 0."""
    d = draw(draws.sizes(2, 3))
    axis, gain = np.eye(d)[0], np.ones(d)
    zero = np.zeros((d, d))
    fields = linear_updates(*[(zero, sign * axis) for sign in (1.0, -1.0)[:blocks]], norm="peri")
    if blocks == 1:
        gain[0] = 0.0
    return _free({**fields, "gain": gain}, draw(draws.vectors(d)) + 8.0)


def _short_step(case: Case) -> str | None:
    """|h' - h| >= R min |gain|, and not 0, at each of 20 iterations."""
    stream, h = Stream.of(case), case["start"]
    least = float(np.sqrt(len(h)) * np.abs(stream.gain).min())
    for loop in range(20):
        new = stream.step(h)
        size = float(np.linalg.norm(new - h))
        # the subtraction h' - h loses a few u |h|
        if size < least - 1e-14 * (np.linalg.norm(new) + 10) or size == 0:
            return f"step {size:.6g} after {loop} loops, R min|gamma| = {least:.6g}"
        h = new
    return None


# --- (b) 0 outside the hull of the updates
@st.composite
def _hull(
    draw: Any, *, outside: bool = True, weight: float = 1.0, outer_norm: bool = False
) -> Case:
    """Updates k_i Q_i n + b_i, whose sum lies in the ball of radius Sum k_i around b = Sum b_i.

    With `outside` 0 is not in that ball; otherwise there is one block, -k n + b, with 0 in it.
    """
    d, count = draw(draws.sizes(1, 3)), draw(st.integers(1, 2)) if outside else 1
    radii = [draw(draws.fractions(0.25, 2)) for _ in range(count)]
    turns = [
        -np.eye(d) if not outside or draw(st.booleans()) else draw(draws.orthogonals(d))
        for _ in range(count)
    ]
    ratio = draw(draws.fractions(1.0625, 3) if outside else draws.fractions(0.125, 0.875))
    b = ratio * sum(radii) * draw(draws.directions(d))
    parts = [(k * q, b / count) for k, q in zip(radii, turns, strict=True)]
    fields = linear_updates(*parts, eps=draw(st.sampled_from((1.0, 0.0625))), outer_norm=outer_norm)
    return _free(fields, draw(draws.vectors(d)), weight)


def _leaves_the_cone(case: Case) -> str | None:
    """c_0 t - |h_0| <= |h_t| <= |h_0| + C t.

    c_0 is the distance of 0 from the sphere of values, which is that from their hull where 0 is
    outside.
    """
    stream, h = Stream.of(case), case["start"]
    start, loops = float(np.linalg.norm(h)), 200
    radius = sum(
        float(np.linalg.norm(a, 2)) * np.linalg.norm(w, 2) * np.sqrt(len(h))
        for a, w in zip(stream.outer, stream.inner, strict=True)
    )
    size = float(np.linalg.norm(stream.outer_bias.sum(0)))
    for t in range(1, loops + 1):
        h = stream.step(h)
        low = abs(size - radius) * t - start
        high = start + (size + radius) * t
        now = float(np.linalg.norm(h))
        if not low - 1e-12 * (high + 1) <= now <= high + 1e-12 * (high + 1):
            return (
                f"|h_{t}| = {now:.6g} is not between c_0 t - |h_0| = {low:.6g} and |h_0| + C t ="
                f" {high:.6g}"
            )
    return None


# --- (c) the 1/t law
@st.composite
def _sink(draw: Any, weight: float = 1.0, outer_norm: bool = False) -> Case:
    """u = A n, A = Q [[a, w], [0, N]] Q^T, and a start near the sink Q e_1 of growth a.

    N is normal with spectral radius at most a/2.
    """
    d, a = draw(draws.sizes(2, 3)), draw(draws.fractions(0.5, 2))
    slopes = draw(matrices.normals(draws.bulk(d - 1, a / 2)))
    across, tilt = draw(draws.vectors(d - 1, 0.5)), draw(draws.vectors(d - 1, 0.125))
    q = draw(draws.orthogonals(d))
    form = np.block([[np.array([[a]]), across[None]], [np.zeros((d - 1, 1)), slopes]])
    fields = linear_updates((q @ form @ q.T, np.zeros(d)), outer_norm=outer_norm)
    return _free(fields, 4 * a * (q @ np.array([1.0, *tilt])), weight)


@st.composite
def _turning(draw: Any) -> Case:
    """u = a n + omega J n: the direction turns forever."""
    a, ratio = draw(draws.fractions(0.5, 2)), draw(draws.SIGNS) * draw(draws.fractions(1, 3))
    return _free(
        linear_updates((a * np.array([[1.0, -ratio], [ratio, 1.0]]), np.zeros(2))),
        4 * a * draw(draws.directions(2)),
    )


@st.composite
def _inward(draw: Any) -> Case:
    """u = -k n + b, |b| < k: the sink b/|b| has growth |b| - k < 0."""
    d, k = draw(draws.sizes(2, 3)), draw(draws.fractions(0.5, 2))
    b = draw(draws.fractions(0.25, 0.875)) * k * draw(draws.directions(d))
    return _free(linear_updates((-k * np.eye(d), b)), 2 * b + 0.125)


def _not_one_over_t(case: Case) -> str | None:
    """The relative step is 1/(t + t_0), with t_0 from the step at T; tested at 2 T."""
    stream, h, loops = Stream.of(case), case["start"], 500
    relative = []
    for t in range(2 * loops + 1):
        new = stream.step(h)
        if t in (loops, 2 * loops):
            relative.append(float(np.linalg.norm(new - h) / np.linalg.norm(h)))
        h = new
    if min(relative) < 1e-14:
        return (
            f"at rest after {2 * loops} loops: relative steps {relative[0]:.3g} and"
            f" {relative[1]:.3g}"
        )
    predicted = float(numeric("drift_relative_step")(1 / relative[0] + loops))
    if abs(relative[1] / predicted - 1) > OFF_ONE:
        return (
            f"relative steps {relative[0]:.6g} at t = {loops} and {relative[1]:.6g} at {2 * loops}:"
            f" 1/(t + t_0) says {predicted:.6g}"
        )
    return None


# --- (e) where two sub-blocks can have fixed points
@st.composite
def _fixed(draw: Any, recall: bool = False) -> Case:
    """u_i = A_i n + b_i in the plane, with b_i such that h = r n_1 is fixed and u_1 turns it.

    With `recall`, z = h/2 + c instead.
    """
    (a1, a2), n1 = [draw(matrices.invertibles(2)) for _ in range(2)], draw(draws.directions(2))
    r = draw(draws.fractions(0.25, 4)) + OFF_LATTICE
    if recall:  # u_1 = (1, 0), u_2 = 0: |u_1 + u_2| = 1
        fields = linear_updates(
            (np.zeros((2, 2)), np.array([1.0, 0.0])), (np.zeros((2, 2)), np.zeros(2))
        )
        return {**_free(fields, 64 * r * n1, 0.5), "drive": 32 * r * n1 - np.array([1.0, 0.0])}
    along, across = draw(draws.fractions(-2, 2)), draw(draws.SIGNS) * draw(draws.fractions(0.5, 2))
    first = along * n1 + across * np.array([-n1[1], n1[0]])
    n2 = (r * n1 + first) / np.linalg.norm(r * n1 + first)
    return _free(linear_updates((a1, first - a1 @ n1), (a2, -first - a2 @ n2)), r * n1)


def _fixed_too_far(case: Case) -> str | None:
    """|h| <= C (1 + l/delta) at the fixed point h.

    C, l and delta are read from a grid on the circle, and each is widened by what may lie between
    grid points.
    """
    stream, h = Stream.of(case), case["start"]
    rest = float(np.linalg.norm(stream.step(h) - h))
    if rest > 1e-9 * (1 + np.linalg.norm(h)):
        raise Undecided(f"the state moves by {rest:.3g}: it is not fixed")
    angle = np.linspace(0, 2 * np.pi, 16385)
    circle = np.stack((np.cos(angle), np.sin(angle)), 1)
    linear = [o @ i * stream.radius() for o, i in zip(stream.outer, stream.inner, strict=True)]
    u1, u2 = (circle @ a.T + b for a, b in zip(linear, stream.outer_bias, strict=True))
    between = float(angle[1]) / 2
    top = float(np.linalg.norm(u1, axis=1).max() + between * np.linalg.norm(linear[0], 2))
    # a state that moves by `rest` has |u_2(n) - u_2(n')| >= delta - rest, n' the second direction
    least = (
        float(
            np.linalg.norm(u1 + u2, axis=1).min()
            - between * np.linalg.norm(linear[0] + linear[1], 2)
        )
        - rest
    )
    if least <= 0:
        raise Undecided("u_1 + u_2 may vanish on the circle")
    radius = float(numeric("fixed_point_radius")(top, np.linalg.norm(linear[1], 2), least))
    if np.linalg.norm(h) > radius:
        return (
            f"fixed point at |h| = {np.linalg.norm(h):.6g}, C (1 + l/delta) = {radius:.6g} (C ="
            f" {top:.4g}, delta = {least:.4g})"
        )
    return None


SUITES: tuple[Suite, ...] = (
    Suite(
        "R3",
        "no-rest",
        property=(
            "one sub-block, one token, eps = 0, pre: -b is no value of u on the sphere, and no"
            " state rests"
        ),
        cases=_biased,
        judge=_rests,
        broken=assumed.no_rest,
        drops=(
            Drop(
                "-b is not a value of u on the sphere",
                assumption="generic_bias",
                cases=lambda: _biased(True),
            ),
            Drop("one sub-block", assumption="one_sub_block", cases=_resting_blocks),
            Drop("eps = 0", assumption="eps_zero", cases=_resting_centre),
        ),
    ),
    Suite(
        "R3",
        "peri-step",
        property="one sub-block, eps = 0, peri, gamma without zeros: |h' - h| >= R min|gamma|",
        cases=_peri,
        judge=_short_step,
        broken=assumed.peri_step,
        drops=(
            Drop("one sub-block", assumption="one_sub_block", cases=lambda: _peri_still(2)),
            Drop("eps = 0", assumption="eps_zero", cases=lambda: _peri((0.25, 1.0))),
            Drop(
                "gamma without zeros", assumption="gain_without_zeros", cases=lambda: _peri_still(1)
            ),
        ),
    ),
    Suite(
        "R3",
        "linear-growth",
        property=(
            "0 at distance c_0 outside the hull of the updates: c_0 t - |h_0| <= |h_t| <= |h_0| +"
            " C t"
        ),
        cases=_hull,
        judge=_leaves_the_cone,
        broken=assumed.linear_growth,
        drops=(
            Drop(
                "0 is outside the convex hull of the updates",
                assumption="outside_hull",
                cases=lambda: _hull(outside=False),
            ),
            Drop(
                "recall is not external (W_x = I)",
                assumption="bounded_update",
                cases=lambda: _hull(weight=0.5),
            ),
            Drop(
                "no outer normalisation",
                assumption="bounded_update",
                cases=lambda: _hull(outer_norm=True),
            ),
        ),
        cost=2,
    ),
    Suite(
        "R3",
        "region",
        property=(
            "two sub-blocks, |u_1 + u_2| >= delta on the sphere: fixed points lie within C (1 +"
            " l/delta)"
        ),
        cases=_fixed,
        judge=_fixed_too_far,
        broken=assumed.region,
        drops=(
            Drop(
                "recall is not external (W_x = I)",
                assumption="bounded_update",
                cases=lambda: _fixed(True),
            ),
        ),
    ),
    Suite(
        "R3",
        "one-over-t",
        property="near an outward sink of the direction the relative step is 1/(t + t_0)",
        cases=_sink,
        judge=_not_one_over_t,
        broken=assumed.one_over_t,
        drops=(
            Drop("the direction settles at a sink", assumption="sink", cases=_turning),
            Drop("the sink is outward (a > 0)", assumption="outward", cases=_inward),
            Drop(
                "recall is not external (W_x = I)",
                assumption="bounded_update",
                cases=lambda: _sink(weight=0.5),
            ),
            Drop(
                "no outer normalisation",
                assumption="bounded_update",
                cases=lambda: _sink(outer_norm=True),
            ),
        ),
        cost=4,
    ),
)
