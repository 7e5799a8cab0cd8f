"""Attack on A2: all fixed points of random ReLU maps, by exact rational arithmetic.

None may be degenerate, and none on a kink.
"""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from scipy.optimize import linprog

from ...attack.suite import Case, Drop, Suite
from ...certificates.relu import ReluMap, certify_relu
from ...strategies.block_forms import (
    SEEDS,
    contracting,
    form,
    matrix,
    nonzero_vector,
    unimodular,
    vector,
)
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import failing, on_grid, shaped, square_size
from ..shared.exact_orbits import exact
from ..shared.tanh_loops import is_drawn
from .countability import CHANCE


def _relu(case: Case) -> str | None:
    """All fixed points of A relu(h) + b, exactly: none on a kink, none with det(I - J) = 0."""
    a, d = case["matrix"], len(case["bias"])
    b = case["bias"] + case["noise"] * np.random.default_rng(int(case["seed"])).standard_normal(d)
    for active, reason in certify_relu(ReluMap.of(a, b)).undecided:
        on = np.array(active)
        system = np.eye(d) - a * on
        if exact(np.column_stack((system, b))).rank() > exact(system).rank():
            continue  # exactly without solution, however close it comes to one
        # a point of the closed region that solves the system: it exists, or the singular system has
        # none there
        bounds = [(0, None) if x else (None, 0) for x in active]
        if linprog(np.zeros(d), A_eq=system, b_eq=b, bounds=bounds).status == 0:
            return (
                f"with the units {on.astype(int).tolist()} on: {reason}, and there is a fixed point"
            )
    return None


def _broken_for_relu(case: Case) -> tuple[str, ...]:
    d = square_size(case["matrix"])
    size = 2 if case["noise"] else 64
    loop = 1 <= d <= 4 and shaped(case, bias=(d,)) and on_grid(case["matrix"], size)
    return failing(smooth=loop, generic=is_drawn(case))


@st.composite
def _relu_case(draw: st.DrawFn) -> Case:
    d = draw(st.integers(1, 4))
    return {
        "matrix": draw(matrix(d, d)),
        "bias": draw(vector(d)),
        "noise": 1.0,
        "seed": draw(SEEDS),
    }


@st.composite
def _relu_exception(draw: st.DrawFn) -> Case:
    """b = 0, or b = (I - A) h_0 with h_0 > 0 where A has the eigenvalue 1.

    In the first case the fixed point 0 is on the kink, in the second there is a line of fixed
    points.
    """
    d = draw(st.integers(1, 3))
    if draw(st.booleans()):
        return {"matrix": draw(matrix(d, d)), "bias": np.zeros(d), "noise": 0.0, "seed": 0}
    v = draw(unimodular(d))
    a = v @ form([("real", 1.0, 1), *draw(contracting(d - 1))]) @ np.linalg.inv(v).round()
    h = np.abs(draw(nonzero_vector(d)))
    return {"matrix": a, "bias": h - a @ h, "noise": 0.0, "seed": 0}


SUITES = (
    Suite(
        "A2",
        "relu",
        property="A relu(h) + b, b random: no fixed point is on a kink or degenerate",
        cases=_relu_case,
        judge=Confirmed(_relu, CHANCE),
        broken=_broken_for_relu,
        drops=(Drop("generic: the bias is not critical", _relu_exception, "generic"),),
        evidence="exact arithmetic",
        predicate="non_degenerate",
    ),
)
