"""Attacks on M2, fixed points on the sphere by degree.

The maps are linear, maps of the circle, and maps that exchange tokens. Their fixed states are
proved (linear maps) or bracketed on a grid with a Lipschitz bound (circle), and their indices added
up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.lefschetz import FIXED, SphereMap, sphere_map
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, rotations, show, spheres
from ..shared.assumed_spheres import RESOLVED, invertible, norm
from ..shared.bisection import BOXES, bisect
from ..shared.predicates import PredicateJudge
from ..shared.sphere_states import proved_states

NODES = 4096
"""Angles at which the turn of a map of the circle is taken."""


@st.composite
def _linear(draw: DrawFn, wrong: bool = False) -> Case:
    """N(M h + b) on the sphere, of a degree other than (-1)^d.

    The degree is +-1 (|b| below every singular value of M) or 0 (above). With `wrong` it is (-1)^d,
    M = -Q diag Q^T.
    """
    d = draw(sizes(2, 4))
    q, s = draw(rotations(d)), draw(arrays(d, 1 / 2, 2))
    if wrong:
        return {
            "matrix": -(q * s) @ q.T,
            "drive": draw(spheres(d)) * draw(fractions(1 / 16, 7 / 16)),
            "degree": (-1) ** d,
        }
    large = draw(st.booleans())
    signs = np.array([draw(st.sampled_from((1.0, -1.0))) for _ in range(d)])
    signs[0] *= -((-1) ** d) * np.prod(signs)
    drive = draw(spheres(d)) * (
        draw(fractions(33 / 16, 4)) if large else draw(fractions(1 / 16, 7 / 16))
    )
    return {
        "matrix": (q * s * signs) @ draw(rotations(d)).T,
        "drive": drive,
        "degree": 0 if large else -((-1) ** d),
    }


def _linear_degree(matrix: Array, drive: Array) -> int | None:
    """The degree of N(M h + b); None where the argument of N may vanish on the sphere.

    It vanishes in R^d at -M^{-1} b alone. If that lies inside of the sphere the degree is the sign
    of det M, otherwise 0.
    """
    radius, size = np.sqrt(len(drive)), float(np.linalg.norm(drive))
    if size > norm(matrix) * radius * (1 + RESOLVED):
        return 0
    if not invertible(matrix):
        return None
    where = float(np.linalg.norm(np.linalg.solve(matrix, drive))) / radius
    if abs(where - 1) <= RESOLVED:
        return None
    return int(np.sign(np.linalg.det(matrix))) if where < 1 else 0


def _linear_broken(case: Case) -> Iterator[str]:
    d, degree = len(case["drive"]), _linear_degree(case["matrix"], case["drive"])
    if degree is None:
        yield "continuous"
    elif case["degree"] != degree or degree == (-1) ** d:
        yield "degree"
    if d < 2:
        yield "dimension"


def _lefschetz(case: Case) -> str | None:
    """Proved states; their indices add up to the Lefschetz number, and there is one at least."""
    d = len(case["drive"])
    where = (
        f"N(M h + b), M = {show(case['matrix'])}, b = {show(case['drive'])}, degree"
        f" {case['degree']}"
    )
    states = proved_states(case["matrix"], case["drive"], max_boxes=BOXES)
    total = sum(s.index for s in states)
    number = int(numeric("sphere_lefschetz_number")(d, case["degree"]))
    if not states:
        return f"{where}: no state is fixed (every box proved empty)"
    if total != number:
        return (
            f"{where}: {len(states)} states, indices add up to {total}, the Lefschetz number is"
            f" {number}"
        )
    return None


@st.composite
def _circle(draw: DrawFn, degree_one: bool = False, torn: bool = False) -> Case:
    """d = 2, z = h_1 + i h_2: F = e^{i shift} Prod (z - a)/|z - a|, times e^{i tear arg z}.

    Factors are conjugated where `mirrored`. Zeros inside the circle count 1 (mirrored -1) to the
    degree, those outside 0.
    """
    if degree_one:
        zeros = np.array([[0.0, 0.0], [draw(fractions(4, 8)), 0.0]])
        return {
            "zeros": zeros,
            "mirrored": np.zeros(2),
            "shift": draw(fractions(-1, 1)),
            "tear": 0.0,
        }
    if torn:
        shift, tear = 3.125 + draw(fractions(-1, 1)), draw(fractions(1 / 2, 15 / 16))
        return {"zeros": np.zeros((0, 2)), "mirrored": np.zeros(0), "shift": shift, "tear": tear}
    count = draw(st.integers(0, 4))
    zeros, mirrored = [], []
    for _ in range(count):
        r = draw(st.one_of(fractions(0, 3 / 4), fractions(3 / 2, 3)))
        zeros.append(r * draw(rotations(2))[:, 0])
        mirrored.append(float(draw(st.booleans())))
    case = {
        "zeros": np.array(zeros).reshape(-1, 2),
        "mirrored": np.array(mirrored),
        "shift": draw(fractions(-3, 3)),
        "tear": 0.0,
    }
    if _winding(case) == 1:  # one more zero, at the centre, changes the degree
        case["zeros"] = np.vstack((case["zeros"], [0.0, 0.0]))
        case["mirrored"] = np.append(case["mirrored"], 0.0)
    return case


def _winding(case: Case) -> int:
    inside = np.linalg.norm(case["zeros"], axis=1) < 1
    return int(np.sum(np.where(case["mirrored"] > 0, -1, 1)[inside]))


def _circle_broken(case: Case) -> Iterator[str]:
    """No zero is close to the circle: between two nodes the map turns by far less than a half."""
    sizes_of_zeros, mirrored = np.linalg.norm(case["zeros"], axis=1), case["mirrored"]
    torn = case["tear"] != 0 or not (sizes_of_zeros < 1 / RESOLVED).all()
    if torn or not np.sum(1 / np.abs(1 - sizes_of_zeros)) < NODES / 8:
        yield "continuous"
    if _winding(case) == 1 or not np.isin(mirrored, (0, 1)).all():
        yield "degree"


def _turned(case: Case) -> str | None:
    """Fixed states of the circle, as zeros of the turn from z to F(z).

    Between `NODES` angles brackets of a change of sign are bisected; none are missed beyond the
    Lipschitz bound.
    """

    def turn(angle: Any) -> Any:
        z = np.exp(1j * np.asarray(angle))
        out = np.exp(1j * (case["shift"] + case["tear"] * np.angle(z)))
        for (x, y), mirrored in zip(case["zeros"], case["mirrored"], strict=True):
            factor = z - (x + 1j * y)
            out = out * (factor.conj() if mirrored else factor) / np.abs(factor)
        return np.angle(out / z)

    nodes = -np.pi + 2 * np.pi * (np.arange(NODES + 1) + 0.3819) / NODES
    turns = turn(nodes)
    fixed, indices = 0, 0
    for i in np.flatnonzero(
        ((turns[:-1] > 0) != (turns[1:] > 0)) & (np.abs(turns[:-1] - turns[1:]) < np.pi)
    ):
        ends = (nodes[i], nodes[i + 1]) if turns[i] > 0 else (nodes[i + 1], nodes[i])
        if abs(turn(bisect(lambda angle: float(turn(angle)), *ends)[0])) < 1e-9:
            fixed += 1
            indices += 1 if turns[i] > 0 else -1  # the sign of 1 - dF
    degree = _winding(case)
    where = (
        f"d = 2, zeros {show(case['zeros'])}, mirrored {show(case['mirrored'])}, shift"
        f" {case['shift']:g}, tear {case['tear']:g}"
    )
    if not fixed:
        slope = (
            1 + case["tear"] + float(np.sum(1 / np.abs(1 - np.linalg.norm(case["zeros"], axis=1))))
        )
        if np.abs(turns).min() <= slope * np.pi / NODES:
            raise Undecided(
                f"{where}: least turn {np.abs(turns).min():.3g} is within reach of one node"
            )
        return (
            f"{where}, degree {degree}: every state is turned, by at least"
            f" {np.degrees(np.abs(turns).min()):.4g} degrees"
        )
    if indices != int(numeric("sphere_lefschetz_number")(2, degree)):
        return f"{where}: {fixed} fixed states, indices add up to {indices} at degree {degree}"
    return None


@st.composite
def _tokens(draw: DrawFn, tokens: int = 1) -> Case:
    """F(h_1, ..., h_L) = (O_1 h_2, ..., O_L h_1), O signed permutations.

    L = 1: of determinant other than (-1)^d; L = 2, d = 3: the product of both is minus a cyclic
    shift.
    """
    d = draw(sizes(2, 5)) if tokens == 1 else 3
    maps = []
    for _ in range(1 if tokens == 1 else tokens - 1):
        order = np.eye(d)[draw(st.permutations(range(d)))]
        maps.append(
            order * np.array([draw(st.sampled_from((1.0, -1.0))) for _ in range(d)])[:, None]
        )
    if tokens == 1:
        maps[0][0] *= -((-1) ** d) * round(float(np.linalg.det(maps[0])))
    # the product of all is minus a cyclic shift: no eigenvalue 1, degree -1 at d = 3, while (-1)^{L
    # d} = 1
    else:
        maps.append(np.linalg.inv(maps[0]) @ -np.roll(np.eye(d), draw(st.integers(0, 2)), axis=0))
    return {"maps": np.stack(maps), "dropped": "" if tokens == 1 else "one_token"}


def _sphere_map(case: Case) -> SphereMap:
    return sphere_map(*case["maps"].astype(int).tolist())


SUITES = (
    Suite(
        "M2",
        "linear maps",
        property=(
            "degree other than (-1)^d gives a fixed state; indices add up to the Lefschetz number"
        ),
        cases=_linear,
        judge=_lefschetz,
        broken=_linear_broken,
        drops=(
            Drop(
                "degree: (-1)^d, opposing update",
                assumption="degree",
                cases=lambda: _linear(wrong=True),
            ),
        ),
        evidence="certificate",
        cost=8,
    ),
    Suite(
        "M2",
        "circle maps",
        property=(
            "d = 2: degree other than 1 gives a fixed state; indices add up to the Lefschetz number"
        ),
        cases=_circle,
        judge=_turned,
        broken=_circle_broken,
        drops=(
            Drop(
                "degree: 1, near the antipodal map",
                assumption="degree",
                cases=lambda: _circle(degree_one=True),
            ),
            Drop(
                "continuous: torn at one state",
                assumption="continuous",
                cases=lambda: _circle(torn=True),
            ),
        ),
        evidence="certificate",
        cost=1,
    ),
    Suite(
        "M2",
        "signed permutations",
        property="L = 1: degree other than (-1)^d gives a fixed state",
        cases=_tokens,
        judge=PredicateJudge(FIXED, _sphere_map),
        drops=(
            Drop("one_token: two tokens", assumption="one_token", cases=lambda: _tokens(tokens=2)),
        ),
        evidence="closed form",
        cost=0.3,
        predicate=FIXED.name,
    ),
)
