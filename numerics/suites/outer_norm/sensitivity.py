"""Attacks on N4, the sensitivity of the limit, by complex steps through the iteration itself.

No resolvent and no Jacobian enters the measurement. Every iteration rounds by a few ulps and
contracts what was rounded before, so derivatives are known to `rounding`, relative to the largest
of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.exact_states import sphere_point
from ....theory.outer_norm.falsifiers.sensitivity import BOUNDS, RANGE, FixedPointData, data
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, matrices, show, spheres, stretched
from ..shared.assumed_spheres import RESOLVED, added, at_most, invertible, norm
from ..shared.complex_step import UNIT, complex_step, normalised, tangent
from ..shared.predicates import PredicateJudge


def rounding(d: int, kappa: float) -> float:
    """The relative error of a derivative through iterations that contract by kappa.

    A few dozen ulps at each iteration, summed geometrically.
    """
    return 64 * (d + 2) * UNIT / (1 - kappa)


@st.composite
def _loop(draw: DrawFn, low: int = 2, lost: int = 0, eps: bool = False, gain: bool = False) -> Case:
    """h' = N(A tanh h + B e + c) (or A h), with kappa <= 4/5.

    The norm of A is l, and B e + c = beta R x unit, beta >= (2 + 1/4) l. `lost`: the number of
    singular values of B that are 0 (0: none, all in [1/2, 2]); c makes the drive independent of
    that. Gains in [1/2, 2], not all equal, count in beta.
    """
    d = draw(sizes(low, 4))
    top, gains = draw(fractions(1 / 4, 2)), np.ones(d)
    if gain:
        gains = draw(arrays(d, 1 / 2, 1))
        gains[0] += 1
    recall = draw(stretched(d, 1 / 2, 2))
    if lost:
        u, s, v = np.linalg.svd(recall)
        recall = (u * np.where(np.arange(d) < max(d - lost, 0), s, 0.0)) @ v
    e = draw(spheres(d))
    drive = top * float(gains.max()) * (9 / 4 + draw(fractions(0, 2))) * draw(spheres(d))
    return {
        "matrix": draw(stretched(d, 0, top, top)),
        "recall": recall,
        "e": e,
        "c": drive - recall @ e,
        "gain": gains,
        "saturates": draw(st.booleans()),
        "eps": draw(fractions(1 / 4, 1)) if eps else 0.0,
        "start": draw(spheres(d)),
        "slope": top,
    }


@st.composite
def _weak(draw: DrawFn) -> Case:
    """A = -a I and beta < 2a: N3 fails, orbits end in 2-cycles."""
    d, a = draw(sizes(2, 4)), draw(fractions(1 / 2, 2))
    e = draw(spheres(d))
    return {
        "matrix": -a * np.eye(d),
        "recall": a * draw(fractions(1 / 4, 7 / 4)) * np.eye(d),
        "e": e,
        "c": np.zeros(d),
        "gain": np.ones(d),
        "saturates": False,
        "eps": 0.0,
        "start": normalised(e + np.sqrt(d) / 2 * tangent(e)[:, 0]),
        "slope": a,
    }


def _kappa(case: Case) -> float:
    """N3's constant with r = (beta - l) R, l times the largest gain; infinite if r <= 0."""
    d = len(case["e"])
    slope = case["slope"] * float(case["gain"].max())
    r = float(np.linalg.norm(case["recall"] @ case["e"] + case["c"])) - slope * np.sqrt(d)
    return float(numeric("contraction_constant")(d, slope, r, case["eps"])) if r > 0 else math.inf


def _broken(case: Case, eps: bool = False, gain: bool = False) -> Iterator[str]:
    """What fails of kappa < 1, invertible B, and of eps and the gains as they are asked for.

    B e + c is no difference of large numbers, the slope bounds |A|_2, and kappa leaves room for the
    loops of `_limit`. B is invertible as far as a derivative shows it, d >= 2. With `gain` gains
    are positive, of comparable size; the update is smooth by its form.
    """
    e, gains, slope = case["e"], case["gain"], case["slope"]
    matrix, recall, driven = case["matrix"], case["recall"], case["recall"] @ case["e"]
    d, drive = len(e), driven + case["c"]
    bounded = slope > 0 and at_most(norm(matrix), slope) and gains.max() == np.abs(gains).max()
    start = at_most(float(np.linalg.norm(case["start"])), math.sqrt(d))
    sound = bounded and start and added(drive, driven, case["c"]) and d > 1
    if not (sound and case["eps"] >= 0 and _kappa(case) <= 1 - 2.0**-6):
        yield "small"
    scale = float(np.linalg.norm(drive)) / math.sqrt(d) + norm(matrix) * float(np.abs(gains).max())
    if not invertible(recall, scale):
        yield "recall_invertible"
    if not eps and case["eps"] != 0:
        yield "eps_zero"
    if eps and not case["eps"] >= 2.0**-12 * scale**2:
        yield "eps_positive"
    if not (0 < gains.min() >= RESOLVED * gains.max() if gain else (gains == 1).all()):
        yield "gain_one"


def _inside(case: Case, h: Array, e: Array) -> Array:
    return (
        case["matrix"] @ (np.tanh(h) if case["saturates"] else h) + case["recall"] @ e + case["c"]
    )


def _limit(case: Case, e: Array) -> tuple[Array, Array]:
    """The state after enough iterations, and the one before."""
    kappa = _kappa(case)
    loops = 1 + math.ceil(math.log(1e-18) / math.log(kappa)) if kappa < 1 else 300
    h = before = case["gain"] * case["start"] + 0 * e
    for _ in range(loops):
        before, h = h, case["gain"] * normalised(_inside(case, h, e), case["eps"])
    return h, before


def _measured(case: Case) -> tuple[Array, Array] | str:
    """h* and S = dh_inf/de; in words if the orbit does not settle."""
    h, before = _limit(case, case["e"])
    if float(np.linalg.norm(h - before)) > 1e-9:
        return (
            f"{_describe(case)}: the orbit from {show(case['start'])} still moves by"
            f" {np.linalg.norm(h - before):.4g}"
        )
    return h, complex_step(lambda e: _limit(case, e)[0], case["e"])


def _describe(case: Case) -> str:
    kind = "A tanh h" if case["saturates"] else "A h"
    drive = show(case["recall"] @ case["e"] + case["c"])
    return (
        f"N({kind} + B e + c), A = {show(case['matrix'])}, B = {show(case['recall'])}, B e + c ="
        f" {drive}, gain {show(case['gain'])}, eps = {case['eps']:g}"
    )


def _range(case: Case) -> str | None:
    """eps = 0, gain 1: h*^T S = 0, S B^{-1} z = 0.

    The other d - 1 singular values lie between the bounds.
    """
    found = _measured(case)
    if isinstance(found, str):
        return found
    h, s = found
    d, kappa = len(h), _kappa(case)
    sizes_of_s = np.linalg.svd(s, compute_uv=False)
    error = rounding(d, kappa) * max(float(sizes_of_s[0]), 1e-3)
    left = float(np.abs(h @ s).max() / np.linalg.norm(h))
    if left > error:
        return f"{_describe(case)}: |h*^T S|/|h*| = {left:.4g}"
    if sizes_of_s[d - 2] <= error:
        return f"{_describe(case)}: rank S < d - 1, singular values {show(sizes_of_s)}"
    z = _inside(case, h, case["e"])
    null = np.linalg.solve(case["recall"], z)
    gone = float(np.linalg.norm(s @ null) / np.linalg.norm(null))
    if gone > error * np.linalg.cond(case["recall"]):
        return f"{_describe(case)}: |S B^-1 z| = {gone:.4g} |B^-1 z|"
    basis, scale = tangent(h), float(np.linalg.norm(z) / np.sqrt(d))
    inner = complex_step(lambda x: _inside(case, x, case["e"]), h)
    k = float(np.linalg.norm(basis.T @ inner @ basis, 2)) / scale
    recall = np.linalg.svd(case["recall"], compute_uv=False)
    low = numeric("sensitivity_lower")(recall[-1], scale, k)
    high = numeric("sensitivity_upper")(recall[0], scale, k)
    if k > kappa * (1 + 1e-12) or sizes_of_s[d - 2] < low - error or sizes_of_s[0] > high + error:
        return (
            f"{_describe(case)}: k = {k:.6g} (kappa {kappa:.6g}), singular values"
            f" {show(sizes_of_s)} outside [{low:.6g}, {high:.6g}]"
        )
    return None


def _full_rank(case: Case) -> str | None:
    """eps > 0: rank d, singular values between the bounds with k = |J|_2."""
    found = _measured(case)
    if isinstance(found, str):
        return found
    h, s = found
    d, kappa, eps = len(h), _kappa(case), case["eps"]
    sizes_of_s = np.linalg.svd(s, compute_uv=False)
    error = rounding(d, kappa) * max(float(sizes_of_s[0]), 1e-3)
    if sizes_of_s[-1] <= error:
        return f"{_describe(case)}: rank S < d, singular values {show(sizes_of_s)}"
    z = _inside(case, h, case["e"])
    scale = float(np.sqrt(np.mean(z * z) + eps))
    k = float(
        np.linalg.norm(complex_step(lambda x: normalised(_inside(case, x, case["e"]), eps), h), 2)
    )
    recall = np.linalg.svd(case["recall"], compute_uv=False)
    low = numeric("sensitivity_lower_epsilon")(recall[-1], scale, eps, k)
    high = numeric("sensitivity_upper")(recall[0], scale, k)
    if k > kappa * (1 + 1e-12) or sizes_of_s[-1] < low - error or sizes_of_s[0] > high + error:
        return (
            f"{_describe(case)}: k = {k:.6g} (kappa {kappa:.6g}), singular values"
            f" {show(sizes_of_s)} outside [{low:.6g}, {high:.6g}]"
        )
    return None


def _gain_range(case: Case) -> str | None:
    """eps = 0: (gamma^{-2} o h*)^T S = 0."""
    found = _measured(case)
    if isinstance(found, str):
        return found
    h, s = found
    normal = h / case["gain"] ** 2
    left = float(np.abs(normal @ s).max() / np.linalg.norm(normal))
    error = (
        rounding(len(h), _kappa(case))
        * max(float(np.abs(s).max()), 1e-3)
        * float(case["gain"].max() / case["gain"].min()) ** 2
    )
    if left > error:
        return f"{_describe(case)}: |(h*/gain^2)^T S| = {left:.4g} |h*/gain^2|"
    return None


@st.composite
def exact_points(draw: DrawFn, dropped: str = "", layer: bool = False) -> Case:
    """The data of a fixed point with |D Gamma|_F < s, and an invertible B.

    The state is a rational point of the sphere, with mean 0 for LayerNorm. Without recall B = 0;
    without `small` D = s I; without eps = 0 the state is half as long.
    """
    # the reflected sum of unit vectors is a state; with mean 0 it is (v, -v)
    half = draw(sizes(1 if dropped in ("", "eps_zero") else 2, 3))
    axis = np.array([draw(st.integers(1, 4)), *(draw(st.integers(-4, 4)) for _ in range(half - 1))])
    d = 2 * half if layer else half
    update = draw(matrices(d, 1))
    scale = math.ceil(4 * float(np.linalg.norm(update))) + draw(st.integers(1, 8))
    recall = np.triu(draw(matrices(d, 1)), 1) + np.diag(draw(arrays(d, 1 / 2, 2)))
    return {
        "axis": axis.astype(float),
        "s": float(scale),
        "half": dropped == "eps_zero",
        "gain": 2.0 ** -np.arange(d) if dropped == "gain_one" else np.ones(d),
        "update": scale * np.eye(d) if dropped == "small" else update,
        "recall": 0 * recall if dropped == "recall_invertible" else recall,
        "layer": layer,
        "dropped": dropped,
    }


def point_of(case: Case) -> FixedPointData:
    """The exact data of a case of `exact_points`."""
    half = sphere_point([Fraction(x) for x in case["axis"]]).entries()
    state = [Fraction(int(x.p), int(x.q)) for x in half]
    state = [*state, *(-x for x in state)] if case["layer"] else state
    s, shrink = Fraction(case["s"]), Fraction(1, 2) if case["half"] else Fraction(1)
    return data(
        [shrink * x for x in state],
        s,
        s**2 * (1 - shrink**2),
        [Fraction(x) for x in case["gain"]],
        [[Fraction(x) for x in row] for row in case["update"]],
        [[Fraction(x) for x in row] for row in case["recall"]],
        case["layer"],
    )


SUITES = (
    Suite(
        "N4",
        "exact range",
        property=RANGE.sentence,
        predicate=RANGE.name,
        cases=exact_points,
        judge=PredicateJudge(RANGE, point_of),
        drops=tuple(
            Drop(f"{name}: {words}", cases=partial(exact_points, name), assumption=name)
            for name, words in (
                ("recall_invertible", "B = 0"),
                ("small", "D = s I"),
                ("eps_zero", "eps > 0"),
                ("gain_one", "unequal gains"),
            )
        ),
        evidence="closed form",
        cost=2,
    ),
    Suite(
        "N4",
        "exact bounds",
        property=BOUNDS.sentence,
        predicate=BOUNDS.name,
        cases=exact_points,
        judge=PredicateJudge(BOUNDS, point_of),
        drops=(Drop("small: D = s I", cases=lambda: exact_points("small"), assumption="small"),),
        evidence="closed form",
        cost=3,
    ),
    Suite(
        "N4",
        "range and rank",
        property=(
            "eps = 0: S has range h*^perp, null direction B^-1 z, rank d - 1 and the two-sided"
            " bounds"
        ),
        cases=_loop,
        judge=_range,
        broken=_broken,
        drops=(
            Drop(
                "recall_invertible: two singular values of B are 0",
                cases=lambda: _loop(low=3, lost=2),
                assumption="recall_invertible",
            ),
            Drop(
                "recall_invertible: B = 0, a constant drive",
                cases=lambda: _loop(lost=4),
                assumption="recall_invertible",
            ),
            Drop("small: A = -a I with beta < 2a", cases=_weak, assumption="small"),
            Drop("eps_zero: eps > 0", cases=lambda: _loop(eps=True), assumption="eps_zero"),
            Drop("gain_one: unequal gains", cases=lambda: _loop(gain=True), assumption="gain_one"),
        ),
        evidence="sample",
        cost=4,
    ),
    Suite(
        "N4",
        "full rank",
        property="eps > 0: S has rank d and the two-sided bounds",
        cases=lambda: _loop(eps=True),
        judge=_full_rank,
        broken=partial(_broken, eps=True),
        drops=(
            Drop("eps > 0: eps = 0", cases=_loop, assumption="eps_positive"),
            Drop(
                "recall_invertible: one singular value of B is 0",
                cases=lambda: _loop(lost=1, eps=True),
                assumption="recall_invertible",
            ),
        ),
        evidence="sample",
        cost=4,
    ),
    Suite(
        "N4",
        "range with gains",
        property="eps = 0: S has range (gamma^-2 o h*)^perp",
        cases=lambda: _loop(gain=True),
        judge=_gain_range,
        broken=partial(_broken, gain=True),
        drops=(
            Drop("small: A = -a I with beta < 2a", cases=_weak, assumption="small"),
            Drop(
                "eps_zero: eps > 0", cases=lambda: _loop(eps=True, gain=True), assumption="eps_zero"
            ),
        ),
        evidence="sample",
        cost=4,
    ),
)
