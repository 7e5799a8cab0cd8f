"""Attacks on M4, directional fixed points.

The direction has a limit, whose derivative by the input and whose rate of approach are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.drift.falsifiers.direction import RATE, Approach
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...formulas import numeric
from ...strategies import fractions as draws
from ..shared import assumed_drift as assumed
from ..shared.predicates import PredicateJudge
from ..shared.residual_stream import Stream, linear_updates

LOOPS = 1500
NEAR = 0.02
"""The inputs of the difference quotient differ by twice this: |E| <= 2 makes its relative error (E
NEAR)^2 < 0.2 %.
"""


@dataclass(frozen=True)
class Turner:
    """h' = h + u(h/|h|, e) with a directional fixed point that is known; states are rows.

    u(n, e) = slope n + W_2 tanh(W_1 n + E e) + b, with b such that u(n*, e_0) = growth n*.
    """

    slope: float
    w1: Array
    w2: Array
    recall: Array
    growth: float
    sink: Array
    e0: Array

    @classmethod
    def of(cls, case: Case) -> Turner:
        """The map of a case that has its fields."""
        return cls(**{name: case[name] for name in cls.__dataclass_fields__})

    def update(self, n: Array, e: Array) -> Array:
        """u at directions n and inputs e, which are rows."""
        return self._free(n, e) - self._free(self.sink, self.e0) + self.growth * self.sink

    def _free(self, n: Array, e: Array) -> Array:
        return self.slope * n + np.tanh(n @ self.w1.T + e @ self.recall.T) @ self.w2.T

    def directions(self, start: Array, e: Array, loops: int = LOOPS) -> Array:
        """h_t/|h_t| after this many iterations of h' = h + u(h/|h|, e)."""
        h = start
        for _ in range(loops):
            h = h + self.update(h / np.linalg.norm(h, axis=1, keepdims=True), e)
        return h / np.linalg.norm(h, axis=1, keepdims=True)

    def derivative(self) -> Array:
        """-(DV)^{-1} D_e V at the sink, DV = P Du - a (M4), (d, m)."""
        kept = (1 - np.tanh(self.w1 @ self.sink + self.recall @ self.e0) ** 2)[:, None]
        basis = np.linalg.svd(self.sink[None])[2][1:].T  # of the tangent space
        dv = basis.T @ (
            self.slope * np.eye(len(basis)) + self.w2 @ (kept * self.w1)
        ) @ basis - self.growth * np.eye(basis.shape[1])
        return -basis @ np.linalg.solve(dv, basis.T @ self.w2 @ (kept * self.recall))


@st.composite
def _turners(draw: Any, kind: str = "sink", recall: bool = True) -> Case:
    """A map with a directional fixed point of a given kind.

    sink: slope <= -2a - |W_2||W_1|, so that mu/a >= 3; unstable: slope >= 2a + |W_2||W_1|; inward:
    growth -a; flat: u = a n.
    """
    d, m, a = draw(draws.sizes(2, 3)), draw(draws.sizes(1, 2)), draw(draws.fractions(1, 2))
    w1, w2 = draw(draws.entries(d, d, 1)), draw(draws.entries(d, d, 1))
    if kind == "flat":
        w1, w2 = w1 * 0, w2 * 0
    pull = 2 * a + float(np.linalg.norm(w1, 2) * np.linalg.norm(w2, 2))
    slope = {"unstable": pull, "flat": a}.get(kind, -pull)
    e_weight = draw(draws.entries(d, m)) if recall else np.zeros((d, m))
    tilt = np.concatenate(([1.0], draw(draws.SIGNS) * np.full(d - 1, 0.125)))
    q = draw(draws.orthogonals(d))
    return {
        "slope": slope,
        "w1": w1,
        "w2": w2,
        "recall": e_weight,
        "growth": -a if kind == "inward" else a,
        "sink": q[:, 0],
        "e0": draw(draws.vectors(m, 1)),
        "start": 2 * (pull + a) * (q @ tilt),
    }


def _differs(case: Case) -> str | None:
    """Difference quotients of the direction after many iterations, against the formula."""
    turner, m = Turner.of(case), len(case["e0"])
    e = np.concatenate([case["e0"] + sign * NEAR * np.eye(m) for sign in (1, -1)])
    ends = turner.directions(np.tile(case["start"], (2 * m, 1)), e)
    measured = (ends[:m] - ends[m:]).T / (2 * NEAR)
    predicted = turner.derivative()
    gap, size = float(np.abs(measured - predicted).max()), float(np.abs(predicted).max())
    # the directions are (t_0/t)^3 < 1e-4 short of their limits, of the tilt 1/8 that both starts
    # share
    if gap > 0.02 * size + 1e-3:
        return (
            f"D n_inf by differences {np.round(measured, 4).tolist()}, the formula says"
            f" {np.round(predicted, 4).tolist()}"
        )
    return None


@st.composite
def _two_inputs(draw: Any, kind: str = "sink", recall: bool = False) -> Case:
    """Two inputs that enter through the start, h_0 = e, and with recall also through the update."""
    case = draw(_turners(kind, recall))
    if recall:  # an update whose sink certainly turns
        d, m = case["recall"].shape
        case = {
            **case,
            "w2": np.eye(d),
            "w1": np.zeros((d, d)),
            "recall": 2 * np.ones((d, m)),
            "e0": np.zeros(m),
        }
        case["slope"] = -2 * case["growth"]
    other = case["start"] - 1.5 * (case["start"] - case["sink"] * (case["sink"] @ case["start"]))
    return {**case, "other": other, "e1": case["e0"] + 1.0}


def _ends_apart(case: Case) -> str | None:
    turner = Turner.of(case)
    starts = np.stack((case["start"], case["other"]))
    first, second = turner.directions(starts, np.stack((case["e0"], case["e1"])))
    gap = float(np.linalg.norm(first - second))
    if gap > 1e-3:
        before = float(
            np.linalg.norm(np.diff(starts / np.linalg.norm(starts, axis=1, keepdims=True), axis=0))
        )
        return f"start directions {before:.4g} apart, limits {gap:.4g} apart after {LOOPS} loops"
    return None


@st.composite
def _approaching(draw: Any, high: float = 0.5, low: float = -3.0) -> Case:
    """u = A n, A = Q diag(a, N) Q^T, with N normal.

    The largest real part nu of the eigenvalues of N is in [low, high] a, and they all lie within a
    of it.
    """
    d, a = draw(draws.sizes(2, 3)), draw(draws.fractions(0.5, 2))
    ratio = draw(draws.fractions(low, high))
    q = draw(draws.orthogonals(d))
    if d == 3 and draw(st.booleans()):
        c = draw(draws.fractions(0.25, 1))
        slopes = a * np.array([[ratio, -c], [c, ratio]])
    else:
        slopes = a * np.diag([ratio, ratio - draw(draws.fractions(0, 1))][: d - 1])
    form = np.block([[np.array([[a]]), np.zeros((1, d - 1))], [np.zeros((d - 1, 1)), slopes]])
    fields = linear_updates((q @ form @ q.T, np.zeros(d)))
    start = 10 * a * (q @ np.array([1.0, *np.full(d - 1, 0.0625)]))
    return {
        **fields,
        "weight": np.eye(d),
        "drive": np.zeros(d),
        "start": start,
        "sink": q[:, 0],
        "a": a,
    }


@st.composite
def _forced(draw: Any, blocks: int) -> Case:
    """mu/a in [3, 4] in the plane, with one hypothesis dropped.

    u(n*) is split sideways between two sub-blocks, or made by the length of N(h) at eps > 0.
    """
    nu, side = -draw(draws.fractions(2, 3)), draw(draws.fractions(0.5, 1))
    if blocks == 2:
        parts = (
            (np.zeros((2, 2)), np.array([0.5, side])),
            (np.diag([0.0, nu]), np.array([0.5, -side])),
        )
        fields = linear_updates(*parts)
    else:  # u = (1, side (|N|/R - 1) + nu n_2)
        fields = linear_updates(
            (np.array([[0.0, 0.0], [side, nu]]), np.array([1.0, -side])), eps=1.0
        )
    return {
        **fields,
        "weight": np.eye(2),
        "drive": np.zeros(2),
        "start": np.array([10.0, 0.625]),
        "sink": np.array([1.0, 0.0]),
        "a": 1.0,
    }


def _slower(case: Case) -> str | None:
    """-d log |n_t - n*|/d log t between T and 2T (t from the start of the ray) against mu/a."""
    stream, h, loops, sink = Stream.of(case), case["start"], 1000, case["sink"]
    # the linear part at large norm, on unit directions, all sub-blocks together
    du = sum(o @ w for o, w in zip(stream.outer, stream.inner, strict=True)) * np.sqrt(len(sink))
    basis = np.linalg.svd(sink[None])[2][1:].T
    nu = float(np.linalg.eigvals(basis.T @ du @ basis).real.max())
    exponent = float(numeric("direction_exponent")(nu, case["a"]))
    offs, times = [], []
    for t in range(2 * loops + 1):
        if t in (loops, 2 * loops):
            offs.append(float(np.linalg.norm(h / np.linalg.norm(h) - sink)))
            times.append(float(np.linalg.norm(h)))
        h = stream.step(h)
    if offs[0] < 1e-12:
        raise Undecided("the direction is at its limit up to rounding")
    found = np.inf if offs[1] == 0 else -np.log(offs[1] / offs[0]) / np.log(times[1] / times[0])
    if found < max(exponent, 0.25) - 0.2:
        return f"the distance to the sink goes like t^{-found:.4g}, mu/a = {exponent:.4g}"
    return None


@st.composite
def _deviations(draw: Any, dropped: str = "") -> Case:
    """mu/a in 1..6, with the forcing that a second sub-block or eps > 0 makes."""
    return {
        "ratio": draw(st.integers(1 if not dropped else 4, 6)),
        "side": draw(draws.fractions(1 / 16, 2)),
        "blocks": 2 if dropped == "one_sub_block" else 1,
        "eps": draw(draws.fractions(1, 2)) if dropped == "eps_zero" else 0.0,
        "dropped": dropped,
    }


def _approach(case: Case) -> Approach:
    return Approach(case["ratio"], Fraction(case["side"]), case["blocks"], Fraction(case["eps"]))


SUITES: tuple[Suite, ...] = (
    Suite(
        "M4",
        "derivative",
        property="D n_inf = -(DV)^{-1} D_e V at an outward sink of the direction",
        cases=_turners,
        judge=_differs,
        broken=assumed.derivative,
        drops=(
            Drop("a sink of V", assumption="sink", cases=lambda: _turners("unstable")),
            Drop(
                "the sink is outward (a > 0)",
                assumption="outward",
                cases=lambda: _turners("inward"),
            ),
        ),
        cost=5,
    ),
    Suite(
        "M4",
        "constancy",
        property="without recall nearby inputs share the limit direction",
        cases=_two_inputs,
        judge=_ends_apart,
        broken=assumed.constancy,
        drops=(
            Drop("a sink of V", assumption="sink", cases=lambda: _two_inputs("flat")),
            Drop("recall none", assumption="recall_free", cases=lambda: _two_inputs(recall=True)),
        ),
        cost=5,
    ),
    Suite(
        "M4",
        "rate",
        property="one sub-block, eps = 0, near an outward sink: |n_t - n*| falls like t^{-mu/a}",
        cases=_approaching,
        judge=_slower,
        broken=assumed.rate,
        drops=(
            Drop("a sink of V", assumption="sink", cases=lambda: _approaching(3.0, 1.25)),
            Drop("one sub-block", assumption="one_sub_block", cases=lambda: _forced(2)),
            Drop("eps = 0", assumption="eps_zero", cases=lambda: _forced(1)),
        ),
        cost=5,
    ),
    Suite(
        "M4",
        "rate-exact",
        property="the deviation x' = (1 - (mu/a)/t) x of one sub-block at eps = 0 is O(t^{-mu/a})",
        cases=_deviations,
        judge=PredicateJudge(RATE, _approach),
        drops=(
            Drop(
                "one sub-block",
                assumption="one_sub_block",
                cases=lambda: _deviations("one_sub_block"),
            ),
            Drop("eps = 0", assumption="eps_zero", cases=lambda: _deviations("eps_zero")),
        ),
        evidence="closed form",
        predicate=RATE.name,
    ),
)
