"""Attacks on L1: loops near an attracting fixed point.

The explicit bounds and the smooth limit of scalar loops are judged in exact arithmetic by the
claim's predicates, and the limit of tanh loops by complex steps through the iteration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.local.falsifiers import quadratic_loop as quadratic
from ....theory.local.falsifiers import scalar_loop as scalar
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies import fractions as draws
from ...strategies import matrix_strategies as matrices
from ..shared.complex_step import complex_step
from ..shared.predicates import PredicateJudge, dropping

LONGEST = 96
"""Powers of J that are tried for |J^n|_2 <= q^n; q is far enough from rho(J) for one of them."""
ROOM = 1 - 2.0**-30
"""Factor by which rounded constants are moved to the safe side."""
LOOPS = 3000
"""Iterations of a tanh loop: with rho <= 15/16 the error falls below rounding."""
SETTLED, SAME = 1e-13, 1e-7
"""Largest last step of an orbit that has settled, and relative distance of equal derivatives."""


def _power(jacobian: Array, q: float) -> int:
    """The least n with |J^n|_2 <= q^n, with room for rounding."""
    power = np.eye(len(jacobian))
    for n in range(1, LONGEST + 1):
        power = power @ jacobian / q
        if np.linalg.norm(power, 2) <= ROOM:
            return n
    raise AssertionError("the spectral radius is too close to q")


@st.composite
def _adapted(draw: Any, drop: str = "", most: int = 3) -> Case:
    """J with q and n; `contractive`: rho(J) >= 1."""
    d = draw(draws.sizes(1, most))
    radius = draws.fractions(1, 2) if drop else draws.fractions(0, 7 / 8)
    jacobian = draw(matrices.of_radius(d, radius))
    if drop:
        return {"jacobian": jacobian, "q": 15 / 16, "power": 1, "kick": np.ones(d)}
    return {
        "jacobian": jacobian,
        "q": 31 / 32,
        "power": _power(jacobian, 31 / 32),
        "kick": draw(draws.vectors(d)),
    }


def _linear(case: Case) -> quadratic.QuadraticLoop:
    zero = [0] * len(case["kick"])
    return quadratic.QuadraticLoop(
        jacobian=case["jacobian"].tolist(),
        q=case["q"],
        power=int(case["power"]),
        start=zero,
        ridge=zero,
        push=zero,
        kick=case["kick"].tolist(),
        offset=zero,
        bound=0,
        radius=1,
        slope=zero,
        twist=zero,
    )


@st.composite
def _loops(draw: Any, drop: str = "") -> Case:
    """A quadratic loop with its constants; or one hypothesis dropped, then with d = 1."""
    d = 1 if drop else draw(draws.sizes(1, 2))
    jacobian = np.array([[draw(draws.fractions(0, 3 / 4))]])
    if not drop:
        jacobian = draw(matrices.of_radius(d, draws.fractions(0, 3 / 4)))
    case = {
        "jacobian": jacobian,
        "q": 7 / 8,
        "power": _power(jacobian, 7 / 8),
        "ridge": draw(draws.vectors(d)),
        "push": draw(draws.vectors(d)),
        "kick": draw(draws.vectors(d)),
        "slope": draw(draws.vectors(d)),
        "twist": draw(draws.vectors(d)) if not drop else np.zeros(d),
        "offset": np.zeros(d),
    }
    if drop:
        case |= {"ridge": np.ones(1), "push": np.array([draw(draws.fractions(1, 4))])}
    norm = np.linalg.cholesky(_norm_matrix(case)).T  # |x|_* = |norm x|_2
    dual = np.linalg.solve(norm.T, case["ridge"])
    bound = float(2 * np.linalg.norm(norm @ case["push"]) * (dual @ dual) / ROOM)
    case["bound"] = bound
    case["radius"] = draw(draws.fractions(1 / 16, 15 / 16)) / 8 / max(bound, 1 / 8) * ROOM
    along = draw(draws.vectors(d))
    size = max(float(np.linalg.norm(norm @ along)), 1e-9)
    case["start"] = along * (case["radius"] * ROOM / max(size, case["radius"]))
    if drop == "fixed_point":
        case |= {"offset": np.array([draw(draws.fractions(1, 4))]), "start": np.zeros(1)}
    elif drop == "contractive":
        case |= {"jacobian": np.array([[draw(draws.fractions(2, 4))]]), "slope": np.full(1, 8.0)}
    elif drop == "lipschitz":
        case |= {"bound": 0.0, "radius": 4.0, "start": np.full(1, 4.0)}
    elif drop == "in_ball":
        case["start"] = np.full(1, 4 + draw(draws.fractions(0, 4)))
    return case


def _norm_matrix(case: Case) -> Array:
    power, total = np.eye(len(case["jacobian"])), np.zeros_like(case["jacobian"])
    for _ in range(int(case["power"])):
        total = total + power.T @ power
        power = power @ case["jacobian"] / case["q"]
    return total


def _quadratic(case: Case) -> quadratic.QuadraticLoop:
    names = ("jacobian", "start", "ridge", "push", "kick", "offset", "slope", "twist")
    constants = {name: case[name] for name in ("q", "bound", "radius")}
    vectors = {name: case[name].tolist() for name in names}
    return quadratic.QuadraticLoop(power=int(case["power"]), **constants, **vectors)


@st.composite
def _pieces(draw: Any, drop: str = "") -> Case:
    """A scalar loop of two cubic pieces, whose orbit reaches 0; or one hypothesis dropped."""
    gain = draw(draws.fractions(1 / 4, 4)) * draw(draws.SIGNS)
    if drop == "basin":  # h - k h (h - m)(h - w), and the orbit reaches w
        w = draw(draws.fractions(1, 4))
        m, k = w / 4, draw(draws.fractions(1 / 8, 1 / 2)) / 16
        piece = np.array([1 - k * m * w, k * (m + w), -k])
        start = w + draw(draws.fractions(0, 1)) / 4
        return {"left": piece, "right": piece, "gain": gain, "start": start}
    if drop == "contractive":  # h - k h^3
        piece = np.array([1, 0, -draw(draws.fractions(1 / 4, 2))])
        start = draw(draws.fractions(1 / 16, 1 / 2))
        return {"left": piece, "right": piece, "gain": gain, "start": start}
    left, right = (draw(draws.vectors(3, 1.0)) for _ in range(2))
    left[0] = right[0] = draw(draws.fractions(-7 / 8, 7 / 8))
    if drop == "differentiable":
        left[0] = right[0] - 1 / 16
    size = float(max(np.abs(left[1:]).sum(), np.abs(right[1:]).sum(), 1))
    far = (1 - float(max(abs(left[0]), abs(right[0])))) / size * ROOM
    return {
        "left": left,
        "right": right,
        "gain": 0.0 if drop == "recall" else gain,
        "start": far * draw(draws.fractions(-1, 1, inside=True)),
    }


def _scalar(case: Case) -> scalar.ScalarLoop:
    left, right = (tuple(map(float, case[name])) for name in ("left", "right"))
    return scalar.ScalarLoop(left, right, float(case["gain"]), float(case["start"]))


@st.composite
def _tanh(draw: Any, drop: str = "", most: int = 3) -> Case:
    """h' = tanh(A h + B e + c) with a given fixed point h* at e = 0 and a given J there.

    The orbit starts near h*; `contractive`: rho(J) > 1, and it starts at h*.
    """
    d = draw(draws.sizes(1, most))
    radius = draws.fractions(17 / 16, 2) if drop else draws.fractions(0, 15 / 16)
    jacobian = draw(matrices.of_radius(d, radius))
    point = draw(draws.vectors(d, 0.875))
    return {
        "jacobian": jacobian,
        "fixed": point,
        "recall": draw(draws.entries(d, d)),
        "encoder": draw(draws.entries(d, d)),
        "away": np.zeros(d) if drop else draw(draws.vectors(d, 1.0)) * 2.0**-14,
    }


def _tanh_broken(case: Case) -> Iterator[str]:
    """|J^n|_2 <= q^n with q = 31/32 and some n <= 512, so that `LOOPS` iterations are enough.

    h* is fixed by the form of the loop, where its entries are below 1. Whether the orbit converges
    to it is for the judge to see, who is undecided where it does not.
    """
    if not np.abs(case["fixed"]).max() <= 15 / 16:
        yield "fixed_point"
    power = case["jacobian"] * 32 / 31
    shrinks = any(
        np.linalg.norm(power, 2) <= ROOM
        for power in (np.linalg.matrix_power(power, 2**k) for k in range(10))
    )
    if not shrinks:
        yield "contractive"


def _differentiated(case: Case) -> str | None:
    """dh_t/de by complex steps through the loop, against S = (I - J)^{-1} K."""
    fixed, jacobian = case["fixed"], case["jacobian"]
    slope = 1 - fixed**2
    matrix, recall = jacobian / slope[:, None], case["recall"]
    offset = np.arctanh(fixed) - matrix @ fixed
    d = len(fixed)

    def limit(e: Array) -> Array:
        h = fixed + case["away"] + case["encoder"] @ e
        for _ in range(LOOPS):
            h = np.tanh(matrix @ h + recall @ e + offset)
        return h

    end = limit(np.zeros(d))
    step = np.tanh(matrix @ end + offset) - end
    if not np.abs(end - fixed).max() <= 1e-6 or not np.abs(step).max() <= SETTLED:
        raise Undecided("the orbit does not reach h*")
    wanted = np.linalg.solve(np.eye(d) - jacobian, slope[:, None] * recall)
    found = complex_step(limit, np.zeros(d))
    error = float(np.abs(found - wanted).max())
    if error <= SAME * (1 + float(np.abs(wanted).max())) * np.linalg.cond(np.eye(d) - jacobian):
        return None
    return f"after {LOOPS} loops dh_t/de differs from S by {error:.4g}"


SUITES: tuple[Suite, ...] = (
    Suite(
        "L1",
        "norm",
        property="|J^n|_2 <= q^n: the adapted norm has |J x|_* <= q |x|_*",
        cases=_adapted,
        judge=PredicateJudge(quadratic.NORM, _linear),
        drops=(
            Drop(
                "rho(J) < 1",
                cases=lambda: dropping("contractive", _adapted("contractive")),
                assumption="contractive",
            ),
        ),
        evidence="exact arithmetic",
        cost=2,
        predicate="norm",
    ),
    Suite(
        "L1",
        "truncation",
        property="k terms of Sum J^j K err by at most q^k |S|_* in the adapted norm",
        cases=_adapted,
        judge=PredicateJudge(quadratic.TRUNCATION, _linear),
        drops=(
            Drop(
                "rho(J) < 1",
                cases=lambda: dropping("contractive", _adapted("contractive")),
                assumption="contractive",
            ),
        ),
        evidence="exact arithmetic",
        cost=2,
        predicate="truncation",
    ),
    *(
        Suite(
            "L1",
            predicate.name,
            property=words,
            cases=_loops,
            judge=PredicateJudge(predicate, _quadratic),
            drops=tuple(
                Drop(name, lambda name=name: dropping(name, _loops(name)), name) for name in names
            ),
            evidence="exact arithmetic",
            cost=2,
            predicate=predicate.name,
        )
        for predicate, words, names in (
            (
                quadratic.BALL,
                "orbits from the explicit ball converge at the rate s",
                ("fixed_point", "contractive", "lipschitz", "in_ball"),
            ),
            (
                quadratic.GRADIENT,
                "in the explicit ball dh_t/de tends to S within the explicit bound",
                ("contractive", "lipschitz", "in_ball"),
            ),
        )
    ),
    Suite(
        "L1",
        "scalar-limit",
        property="scalar loops of two cubic pieces: the limit is C^1 in the input, with slope S",
        cases=_pieces,
        judge=PredicateJudge(scalar.LIMIT, _scalar),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _pieces(name)), name)
            for name in ("differentiable", "contractive", "basin")
        ),
        evidence="exact arithmetic",
        predicate="limit",
    ),
    Suite(
        "L1",
        "dependence",
        property="with recall the limit of a scalar loop has a derivative that is not 0",
        cases=_pieces,
        judge=PredicateJudge(scalar.DEPENDENCE, _scalar),
        drops=(Drop("recall", lambda: dropping("recall", _pieces("recall")), "recall"),),
        evidence="exact arithmetic",
        predicate="dependence",
    ),
    Suite(
        "L1",
        "tanh",
        property="rho(J) < 1: dh_t/de of tanh loops tends to (I - J)^{-1} K, whatever dh_0/de",
        cases=_tanh,
        judge=_differentiated,
        broken=_tanh_broken,
        drops=(Drop("rho(J) < 1", lambda: _tanh("contractive"), "contractive"),),
        cost=8,
        predicate="limit",
    ),
)
