"""Attack on N2 at eps = 0: the drive dominates the update, so images stay in a cap about it.

All fixed points are proved by branch and bound. "None" is a certificate too: every box of the
sphere and the scale is proved empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, rotations, show, spheres, stretched
from ..shared.assumed_spheres import RESOLVED, at_most, norm, on_sphere
from ..shared.bisection import BOXES
from ..shared.complex_step import normalised, tangent
from ..shared.sphere_states import proved_states


@st.composite
def _cap(draw: DrawFn, dominates: bool = True, over_states: bool = True) -> Case:
    """N(A phi(h) + b) with gains at eps = 0, |A Gamma|_2 <= G < |b|/R.

    Otherwise A = -Q diag Q^T reaches beyond b. `dominates` false: every singular value of A is
    above |b|/R; `over_states` false: only those of A Gamma are, not those of A.
    """
    d = draw(sizes(2, 3))
    top = draw(fractions(1 / 4, 2))
    gain = np.ones(d)
    if dominates and over_states:
        kind = draw(st.sampled_from(("linear", "tanh", "gain")))
        saturates = kind == "tanh"
        gain = draw(arrays(d, 1 / 2, 2)) if kind == "gain" else gain
        low = draw(st.sampled_from((0.0, top)))  # at equal singular values the cap is filled
        matrix, bound = draw(stretched(d, low, top)), top * float(gain.max())
        beta = bound * draw(fractions(17 / 16, 3))
    else:
        q, saturates = draw(rotations(d)), False
        matrix = -(q * draw(arrays(d, top, top + 1))) @ q.T
        bound = top + 1
        beta = (
            bound * draw(fractions(17 / 16, 2))
            if dominates
            else top * draw(fractions(1 / 8, 15 / 16))
        )
        gain = gain if over_states else gain * draw(fractions(3, 4)) * (top + 1) / top
    return {
        "matrix": matrix,
        "gain": gain,
        "drive": beta * draw(spheres(d)),
        "saturates": saturates,
        "bound": bound,
        "probes": np.stack([draw(spheres(d)) for _ in range(3)]),
    }


def _cap_broken(case: Case) -> Iterator[str]:
    """|A Gamma|_2 R bounds the update, as |tanh x| <= |x|; the probes are states k.

    |b| exceeds G by more than rounding, so that it also exceeds what G may miss.
    """
    drive, bound = case["drive"], case["bound"]
    if not float(np.linalg.norm(drive)) > bound * np.sqrt(len(drive)) * (1 + RESOLVED):
        yield "dominates"
    within = at_most(norm(case["matrix"] * case["gain"]), bound)
    if not (bound > 0 and within and on_sphere(case["probes"])):
        yield "state_space"


def _in_the_cap(case: Case) -> str | None:
    """Images are within arcsin(G/|b|) of b, and there is a proved state k = N(A Gamma k + b).

    The images are also taken of states that map close to the rim of the cap.
    """
    matrix, drive, d = case["matrix"] * case["gain"], case["drive"], len(case["drive"])
    size, bound = float(np.linalg.norm(drive)), case["bound"] * np.sqrt(d)
    where = (
        f"A = {show(case['matrix'])}, gain {show(case['gain'])}, b = {show(drive)}, sup|g| taken as"
        f" {case['bound']:g} R"
    )
    if bound < size:
        share = bound / size  # the rim: g = -share^2 b + share sqrt(1 - share^2) |b| n, n across b
        rim = -(share**2) * drive[:, None] + share * math.sqrt(1 - share**2) * size * tangent(drive)
        worst = normalised(np.linalg.lstsq(matrix, rim)[0].T + 1e-12)
        for h in (*case["probes"], *worst, *-worst):
            z = matrix @ (np.tanh(h) if case["saturates"] else h) + drive
            cosine = float(z @ drive / np.linalg.norm(z) / size)
            # an angle near 0 is known to sqrt(rounding) only: compare sines there
            sine = float(np.linalg.norm(z / np.linalg.norm(z) - cosine * drive / size))
            if math.atan2(sine, cosine) > numeric("image_cap_angle")(bound, size) + 1e-13 * size / (
                size - bound
            ):
                return (
                    f"{where}: the image of h = {show(h)} is"
                    f" {math.degrees(math.atan2(sine, cosine)):.4g} degrees from b"
                )
    states = proved_states(matrix, drive, case["saturates"], BOXES)
    return None if states else f"{where}: no state is fixed (every box proved empty)"


SUITES = (
    Suite(
        "N2",
        "cap",
        property="eps = 0, |b| > sup|g|: images within arcsin(sup|g|/|b|) of b, and a fixed state",
        cases=_cap,
        judge=_in_the_cap,
        broken=_cap_broken,
        drops=(
            Drop(
                "dominates: |b| below sup|g|",
                cases=lambda: _cap(dominates=False),
                assumption="dominates",
            ),
            Drop(
                "state_space: sup|g| taken over the unit sphere, gain 3 and more",
                cases=lambda: _cap(over_states=False),
                assumption="state_space",
            ),
        ),
        evidence="certificate",
        cost=5,
    ),
)
