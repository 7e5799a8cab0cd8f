"""Attack on R3 c: whether directions settle at a sink, for one token and for several."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.assumed_drift import settling


@st.composite
def _tokens(draw: Any, kind: str) -> Case:
    """Planar tokens u_i = a_i n_i + (Sum_j v_ij n_j2) J n_i near n_i = e_1.

    V has the Jacobian v there. one: a sink; unstable: a source; two: a sink of V (trace -2,
    determinant 5), but not of V_i/a_i (trace 1).
    """
    if kind == "two":
        growths, slopes = np.array([0.25, 1.0]), np.array([[1.0, -4.0], [2.0, -3.0]])
    else:
        growths = np.array([draw(draws.fractions(0.5, 2))])
        slopes = growths[:, None] * draw(draws.fractions(0.5, 1.5)) * (-1 if kind == "one" else 1)
    angles = np.array([draw(draws.SIGNS) * draw(draws.fractions(0.0625, 0.125)) for _ in growths])
    return {"growths": growths, "slopes": slopes, "angles": angles}


def _unsettled(case: Case) -> str | None:
    """From radius 10 a, the directions come to half their distance from e_1 in 2000 iterations."""
    a, v = case["growths"], case["slopes"]
    h = 10 * a[:, None] * np.stack((np.cos(case["angles"]), np.sin(case["angles"])), 1)
    for _ in range(2000):
        n = h / np.linalg.norm(h, axis=1, keepdims=True)
        turn = np.stack((-n[:, 1], n[:, 0]), 1)
        h = h + a[:, None] * n + (v @ n[:, 1])[:, None] * turn
    off = np.abs(np.arctan2(h[:, 1], h[:, 0]))
    if off.max() > np.abs(case["angles"]).max() / 2:
        return (
            f"the directions start {np.abs(case['angles']).max():.4g} off and are {off.max():.4g}"
            " off after 2000 loops"
        )
    return None


SUITES: tuple[Suite, ...] = (
    Suite(
        "R3",
        "settling",
        property="one token near an outward sink of V: the direction settles there",
        cases=lambda: _tokens("one"),
        judge=_unsettled,
        broken=settling,
        drops=(
            Drop("a sink of V", assumption="sink", cases=lambda: _tokens("unstable")),
            Drop("one token", assumption="one_token", cases=lambda: _tokens("two")),
        ),
        cost=4,
    ),
)
