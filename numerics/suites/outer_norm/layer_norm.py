"""Attacks on N9, loops with LayerNorm.

Jacobians and sensitivities are measured by complex steps through the norm and through the
iteration; other suites evaluate the predicates of the claim at rational cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.layer_norm import (
    BALL,
    CAP,
    DIRECTIONS,
    RANGE,
    SETTLES,
    SHARP,
    LayerLoop,
    LayerPoint,
    centred_loop,
    layer_loop,
    layer_point,
)
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, show, stretched
from ..shared.assumed_spheres import added, at_most, invertible, norm
from ..shared.complex_step import complex_step, normalised
from ..shared.predicates import PredicateJudge
from .exact_contraction import exact_loops, example, loop_of, sharp_of
from .existence_exact import exact_line, lines, loops
from .jacobian import tolerance, torn
from .sensitivity import exact_points, point_of, rounding


@st.composite
def _layer_point(draw: DrawFn, eps: bool = False, centred: bool = True) -> Case:
    """d >= 3; z not constant (or constant)."""
    d = draw(sizes(3, 6))
    z = np.full(d, draw(fractions(-2, 2)))
    if centred:
        z[0] += draw(fractions(1, 3))
        z[1:-1] += draw(arrays(d - 2, -1 / 2, 1 / 2))
    direction = np.array([1.0, *draw(arrays(d - 1, -1, 0))])
    return {"z": z, "eps": draw(fractions(1 / 16, 1)) if eps else 0.0, "direction": direction}


def _layer_broken(case: Case) -> Iterator[str]:
    """The entries of z differ by more than its rounding; the direction is no longer than R."""
    z, direction = case["z"], case["direction"]
    s, size = float(np.std(z)), float(np.abs(z).max())
    if case["eps"] != 0:
        yield "eps_zero"
    along = at_most(float(np.linalg.norm(direction)), len(z) ** 0.5)
    if not (2.0**-64 < s < 2.0**64 and s >= 2.0**-6 * size and along):
        yield "regular"
    if len(z) < 3:
        yield "plane"


def _layer(case: Case) -> str | None:
    """DN 1 = 0, DN Cz = 0, nothing else is null: across both the factor is 1/s."""
    z, eps = case["z"], case["eps"]

    def norm(x: Array) -> Array:
        return normalised(x - np.mean(x), eps)

    centred = z - z.mean()
    s = float(np.sqrt(np.mean(centred * centred) + eps))
    jump = torn(lambda x: np.nan_to_num(norm(x)), z, case["direction"], s, 1.0)
    if jump:
        return jump
    jacobian = complex_step(norm, z)
    both = np.stack(
        (np.full(len(z), 1 / np.sqrt(len(z))), centred / np.linalg.norm(centred)), axis=1
    )
    rest = np.linalg.svd(both.T)[2][2:].T
    allowed = tolerance(len(z), 1 / s, 1 + float(np.abs(z).max()) / s)
    null = float(np.abs(jacobian @ both).max())
    across = float(
        np.abs(jacobian @ rest - numeric("rmsnorm_tangential")(s) * rest).max(initial=0.0)
    )
    if max(null, across) > allowed:
        return (
            f"LayerNorm, z = {show(z)}, eps = {eps:g}: |DN (1, Cz)| = {null:.4g}, across both off"
            f" 1/s = {1 / s:.4g} by {across:.4g}"
        )
    return None


@st.composite
def _limits(draw: DrawFn, lost: bool = False, eps: bool = False, gain: bool = False) -> Case:
    """h' = N(A h + B e + b) with d >= 3, a bias, |A|_2 |gamma|_oo = l and |C drive| >= 9 l R/4.

    `lost`: B = 0. Gains differ, or are 1.
    """
    d, top = draw(sizes(3, 5)), draw(fractions(1 / 4, 2))
    gains = np.append(draw(arrays(d - 1, 1 / 2, 1)), 2.0) if gain else np.ones(d)
    matrix = draw(stretched(d, 0, top, top))
    bias = draw(arrays(d, -1, 1))
    recall = np.zeros((d, d)) if lost else draw(stretched(d, 1 / 2, 2))
    e, along = draw(arrays(d, -1, 1)), draw(arrays(d, 1 / 4, 1)) * np.arange(1, d + 1)
    along[0] -= 1  # at most 0, and the others are positive: not all are equal
    along = along - along.mean()
    size = top * float(gains.max()) * (9 / 4 + draw(fractions(0, 2)))
    drive = size * np.sqrt(d) * along / np.linalg.norm(along)
    return {
        "matrix": matrix,
        "recall": recall,
        "e": e,
        "b": drive - recall @ e - matrix @ bias,
        "gain": gains,
        "bias": bias,
        "eps": draw(fractions(1 / 4, 1)) if eps else 0.0,
    }


def _limits_broken(case: Case) -> Iterator[str]:
    """kappa <= 4/5, so that 120 loops are enough; z is no difference of large numbers.

    B is invertible as far as a derivative shows it; the update is smooth by its form.
    """
    matrix, recall, gain = case["matrix"], case["recall"], case["gain"]
    d = len(case["e"])
    terms = matrix @ case["bias"], recall @ case["e"], case["b"]
    drive = sum(terms, np.zeros(d))
    drive = drive - drive.mean()
    centre = np.eye(d) - 1 / d
    slope, beta = norm(centre @ (matrix * gain) @ centre), float(np.linalg.norm(drive)) / d**0.5
    contracts = at_most(slope, 4 / 5 * np.sqrt(max(beta - slope, 0) ** 2 + max(case["eps"], 0)))
    if not (contracts and added(drive, *terms, norm(matrix) * case["bias"])):
        yield "small"
    if not invertible(recall, beta + slope):
        yield "recall_invertible"
    if case["eps"] != 0:
        yield "eps_zero"
    if not (gain == 1).all():
        yield "gain_one"
    if d < 3:
        yield "plane"


def _limit(case: Case, e: Array) -> tuple[Array, Array]:
    """The state after 120 loops, which contract by 4/5 and more, and its argument z."""
    h = case["bias"] + 0 * e
    z = h
    for _ in range(120):
        z = case["matrix"] @ h + case["recall"] @ e + case["b"]
        h = case["gain"] * normalised(z - np.mean(z), case["eps"]) + case["bias"]
    return h, z


def _rank(case: Case) -> str | None:
    """S has rank d - 2, with 1 and h* - c null from the left at gain 1, B^-1 1 from the right."""
    h, z = _limit(case, case["e"])
    again = case["gain"] * normalised(z - np.mean(z), case["eps"]) + case["bias"]
    where = (
        f"LayerNorm, A = {show(case['matrix'])}, B = {show(case['recall'])}, b = {show(case['b'])},"
        f" gain {show(case['gain'])}, bias {show(case['bias'])}, eps = {case['eps']:g}"
    )
    if float(np.abs(again - h).max()) > 1e-9:
        return f"{where}: the orbit has not settled"
    s = complex_step(lambda e: _limit(case, e)[0], case["e"])
    values = np.linalg.svd(s, compute_uv=False)
    error = rounding(len(h), 4 / 5) * max(float(values[0]), 1e-3)
    k = h - case["bias"]
    if values[len(h) - 3] <= error or values[len(h) - 2] > error:
        return f"{where}: rank S is not d - 2, singular values {show(values)}"
    for normal in (np.ones(len(h)), k):
        left = float(np.abs(normal @ s).max() / np.linalg.norm(normal))
        if left > error:
            return f"{where}: |n^T S| = {left:.4g} |n| for n = {show(normal)}"
    null = np.linalg.solve(case["recall"], np.ones(len(h)))
    gone = float(np.linalg.norm(s @ null) / np.linalg.norm(null))
    if gone > error * np.linalg.cond(case["recall"]):
        return f"{where}: |S B^-1 1| = {gone:.4g} |B^-1 1|"
    return None


@st.composite
def _directions(draw: DrawFn, dropped: str = "") -> Case:
    """z, v, gains and eps, d >= 3, with the assumption `dropped` violated."""
    d = draw(sizes(3, 5))
    z = np.full(d, draw(fractions(-2, 2))) if dropped == "regular" else draw(arrays(d, -2, 2))
    if dropped != "regular":
        z = z + 4 * np.eye(d)[0]  # not all entries are equal
    v = draw(arrays(d, -2, 2)) + (5 * np.eye(d)[0] if dropped == "regular" else 0)
    return {
        "z": z,
        "v": v,
        "gain": 2.0 ** np.arange(d) if dropped == "gain_one" else np.ones(d),
        "eps": draw(fractions(1 / 16, 2)) if dropped == "eps_zero" else 0.0,
        "dropped": dropped,
    }


def _point_of(case: Case) -> LayerPoint:
    z, v, gain = (tuple(map(Fraction, case[name])) for name in ("z", "v", "gain"))
    return layer_point(z, v, gain, Fraction(case["eps"]))


@st.composite
def _states(draw: DrawFn, dropped: str = "") -> Case:
    """The loops of N2's suite with d >= 3 and a drive of mean 0, to which a constant is added."""
    case = draw(loops(dropped, low=3, centred=True))
    return {**case, "drive": case["drive"] + draw(fractions(-2, 2))}


def _loop_of(case: Case) -> LayerLoop:
    return layer_loop(
        [[Fraction(x) for x in row] for row in case["matrix"]],
        [Fraction(x) for x in case["drive"]],
        [Fraction(x) for x in case["gain"]],
        Fraction(case["bound"]),
    )


SUITES = (
    Suite(
        "N9",
        "null directions",
        property="eps = 0, d >= 3: null directions 1 and Cz, 1/s across both",
        cases=_layer_point,
        judge=_layer,
        broken=_layer_broken,
        drops=(
            Drop("eps_zero: eps > 0", cases=lambda: _layer_point(eps=True), assumption="eps_zero"),
            Drop(
                "regular: Cz = 0 at eps = 0",
                cases=lambda: _layer_point(centred=False),
                assumption="regular",
            ),
        ),
        evidence="closed form",
        cost=0.5,
    ),
    Suite(
        "N9",
        "rank of the sensitivity",
        property="S has rank d - 2, range across 1 and h* - c, and the null direction B^-1 1",
        cases=_limits,
        judge=_rank,
        broken=_limits_broken,
        drops=(
            Drop(
                "recall_invertible: B = 0",
                cases=lambda: _limits(lost=True),
                assumption="recall_invertible",
            ),
            Drop("eps_zero: eps > 0", cases=lambda: _limits(eps=True), assumption="eps_zero"),
            Drop(
                "gain_one: unequal gains", cases=lambda: _limits(gain=True), assumption="gain_one"
            ),
        ),
        cost=4,
    ),
    Suite(
        "N9",
        "exact directions",
        property=DIRECTIONS.sentence,
        predicate=DIRECTIONS.name,
        cases=_directions,
        judge=PredicateJudge(DIRECTIONS, _point_of),
        drops=(
            Drop(
                "regular: equal entries", cases=lambda: _directions("regular"), assumption="regular"
            ),
            Drop(
                "gain_one: unequal gains",
                cases=lambda: _directions("gain_one"),
                assumption="gain_one",
            ),
            Drop("eps_zero: eps > 0", cases=lambda: _directions("eps_zero"), assumption="eps_zero"),
        ),
        evidence="closed form",
    ),
    Suite(
        "N9",
        "line",
        property=BALL.sentence,
        predicate=BALL.name,
        cases=lines,
        judge=PredicateJudge(BALL, exact_line),
        drops=(
            Drop(
                "epsilon: eps = 0 in the norm", cases=lambda: lines("epsilon"), assumption="epsilon"
            ),
            Drop(
                "continuous: an inner norm with eps = 0",
                cases=lambda: lines("continuous"),
                assumption="continuous",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N9",
        "exact states",
        property=CAP.sentence,
        predicate=CAP.name,
        cases=_states,
        judge=PredicateJudge(CAP, _loop_of),
        drops=(
            Drop(
                "dominates: |C b| below sup|g|",
                cases=lambda: _states("dominates"),
                assumption="dominates",
            ),
            Drop(
                "state_space: sup|g| taken at gain 1, gain 3 and more",
                cases=lambda: _states("state_space"),
                assumption="state_space",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N9",
        "exact orbits",
        property=SETTLES.sentence,
        predicate=SETTLES.name,
        cases=lambda: exact_loops(low=2),
        judge=PredicateJudge(SETTLES, partial(loop_of, make=centred_loop)),
        drops=(
            Drop("small: beta < 2a", cases=lambda: exact_loops("small"), assumption="small"),
            Drop(
                "lower_bound: r overstated fourfold",
                cases=lambda: exact_loops("lower_bound"),
                assumption="lower_bound",
            ),
            Drop(
                "lipschitz_update: l understated fourfold",
                cases=lambda: exact_loops("lipschitz_update"),
                assumption="lipschitz_update",
            ),
            Drop("gain_one: gain 2", cases=lambda: exact_loops("gain_one"), assumption="gain_one"),
        ),
        evidence="closed form",
    ),
    Suite(
        "N9",
        "exact example",
        property=SHARP.sentence,
        predicate=SHARP.name,
        cases=example,
        judge=PredicateJudge(SHARP, sharp_of),
        drops=(Drop("plane: d = 2", cases=lambda: example("plane"), assumption="plane"),),
        evidence="closed form",
    ),
    Suite(
        "N9",
        "exact range",
        property=RANGE.sentence,
        predicate=RANGE.name,
        cases=lambda: exact_points(layer=True),
        judge=PredicateJudge(RANGE, point_of),
        drops=(
            Drop(
                "recall_invertible: B = 0",
                cases=lambda: exact_points("recall_invertible", layer=True),
                assumption="recall_invertible",
            ),
            Drop(
                "small: D = s I",
                cases=lambda: exact_points("small", layer=True),
                assumption="small",
            ),
            Drop(
                "eps_zero: eps > 0",
                cases=lambda: exact_points("eps_zero", layer=True),
                assumption="eps_zero",
            ),
            Drop(
                "gain_one: unequal gains",
                cases=lambda: exact_points("gain_one", layer=True),
                assumption="gain_one",
            ),
        ),
        evidence="closed form",
        cost=3,
    ),
)
