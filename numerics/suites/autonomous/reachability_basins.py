"""Attack on A4: every start in a ball around a contracting fixed point converges to it.

The maps are h* + V(D y + k y o y), y = V^{-1}(h - h*), V integer of determinant 1: the Jacobian at
h* is similar to the drawn block form D.
"""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from ...attack.suite import Case, Drop, Suite
from ...strategies.block_forms import form, sixteenths, unimodular, vector
from ..shared.drawn_values import blocks_of, failing, modulus, on_grid, shaped
from .reachability import AT_ZERO, LOOPS, is_conjugate, simple_blocks

RATE = 15 / 16
"""The contraction of the maps in the ball of their starts; RATE^600 < 2e-17."""


def _basin(case: Case) -> str | None:
    """Every start in the ball converges to the contractive fixed point h*.

    The map is h* + V(D y + k y o y), y = V^{-1}(h - h*).
    """
    v, d, center = case["basis"], case["form"], case["center"]
    inverse = np.linalg.inv(v).round()
    h = center + v @ case["start"]
    for _ in range(LOOPS):
        y = inverse @ (h - center)
        h = center + v @ (d @ y + case["curvature"] * y * y)
    left = np.abs(inverse @ (h - center)).max()
    # each loop rounds h, and V^{-1} magnifies that; what was there before shrinks by RATE
    rounding = (
        1e-15
        * (1 + np.abs(center).max())
        * np.abs(inverse).sum(1).max()
        * np.abs(v).sum(1).max()
        / (1 - RATE)
    )
    if left <= AT_ZERO + rounding:
        return None
    return f"after {LOOPS} loops the orbit is {left:.3g} from h*, in the coordinates V^-1"


def _broken_in_ball(case: Case) -> tuple[str, ...]:
    """The ball has |y| <= 1/32, where the map shrinks by 15/16 if D shrinks by 7/8."""
    if not is_conjugate(case) or not shaped(case, start=(len(case["center"]),)):
        return ("smooth",)
    inside = bool(np.linalg.norm(case["start"]) <= 1 / 32) and on_grid(case["start"], 1, part=1024)
    moduli = [modulus(block) for block in blocks_of(case["form"]) or []]
    return failing(
        smooth=inside and on_grid(case["curvature"], 2), contractive=max(moduli) <= 7 / 8
    )


@st.composite
def _ball(draw: st.DrawFn, contractive: bool = True) -> Case:
    """Starts of size <= 1/32 with curvature <= 2: |y'| <= (7/8 + 2/32)|y|."""
    d = draw(st.integers(1, 4))
    blocks = simple_blocks(draw, d)
    start = draw(vector(d, 16)) / 64
    if not contractive:
        blocks = [("real", draw(st.sampled_from((1.0, 1.25, 2.0))), 1), *simple_blocks(draw, d - 1)]
        start[0] = draw(st.integers(1, 16)) / 1024
    return {
        "basis": draw(unimodular(d)),
        "form": form(blocks),
        "center": draw(vector(d)),
        "curvature": draw(sixteenths(-32, 32)) if contractive else draw(sixteenths(1, 32)),
        "start": start,
    }


SUITES = (
    Suite(
        "A4",
        "basin",
        property="rho < 1 at h*: every start in a ball around it converges to h*",
        cases=_ball,
        judge=_basin,
        broken=_broken_in_ball,
        drops=(
            Drop("contractive", cases=lambda: _ball(contractive=False), assumption="contractive"),
        ),
        predicate="attracts",
    ),
)
