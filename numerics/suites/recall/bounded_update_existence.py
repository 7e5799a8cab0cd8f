"""Attack on R2, existence: rho(W_x) < 1 and eps > 0 give a fixed point.

It is certified by branch and bound, at d = 1 and 2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import certify
from ...certificates.coordinates import Coordinate, Vector, product, rms_norm, squared, total
from ...certificates.maps import FunctionMap
from ...formulas import numeric
from ...strategies import fractions as draws
from ...strategies import matrix_strategies as matrices
from ..shared import assumed_recall as assumed
from .bounded_update import adapted


@st.composite
def _maps(draw: Any) -> Case:
    """h' = z + A N(z) + b, z = W h + c.

    eps is not the square of a fraction, so that no fixed point is degenerate by coincidence.
    """
    d = draw(draws.sizes(1, 2))
    return {
        "W": draw(matrices.of_radius(d, draws.fractions(0, 0.75))),
        "c": draw(draws.vectors(d, 2)),
        "A": draw(draws.entries(d, d)),
        "b": draw(draws.vectors(d, 2)),
        "eps": draw(st.sampled_from((1.125, 0.3125, 0.09375))),
    }


@st.composite
def _jumps(draw: Any) -> Case:
    """eps = 0 and h' = x h + c - k sign: the step jumps at 0, and neither side has a fixed point.

    This is the case where |c| < x k.
    """
    x, k = draw(draws.fractions(0.125, 0.875)), draw(draws.fractions(0.5, 4))
    c = x * k * draw(draws.fractions(-1, 1, inside=True))
    return {
        "W": np.array([[x]]),
        "c": np.array([c]),
        "A": np.array([[-k]]),
        "b": np.zeros(1),
        "eps": 0.0,
    }


def _function(case: Case) -> FunctionMap:
    d, eps = len(case["c"]), float(case["eps"])
    weight, matrix = (tuple(map(tuple, case[name].tolist())) for name in ("W", "A"))

    def stream(x: Vector) -> list[Coordinate]:
        return [u + float(c) for u, c in zip(product(weight, x), case["c"], strict=True)]

    def image(x: Vector) -> list[Coordinate]:
        z = stream(x)
        return [
            zi + u + float(b)
            for zi, u, b in zip(z, product(matrix, rms_norm(z, eps)), case["b"], strict=True)
        ]

    def derivative(x: Vector) -> list[list[Coordinate]]:
        z = stream(x)
        n, scale = rms_norm(z, eps), (total(map(squared, z)) / d + eps).sqrt()
        # columns of (I + A DN(z)) W, DN(z) v = (v - n (n . v)/d)/s (N1)
        columns = []
        for v in zip(*weight, strict=True):
            along = total(ni * vi for ni, vi in zip(n, v, strict=True)) / d
            moved = product(
                matrix, [(vi - ni * along) / scale for ni, vi in zip(n, v, strict=True)]
            )
            columns.append([m + vi for m, vi in zip(moved, v, strict=True)])
        return [list(row) for row in zip(*columns, strict=True)]

    return FunctionMap(d, image, derivative)


def _has_fixed_point(case: Case) -> str | None:
    """There is a fixed point in a box around the absorbing ball.

    Where the list of fixed points is complete, their indices sum to 1 (the degree behind Brouwer).
    """
    if case["eps"] == 0:
        return _on_a_side(case)
    t, mu = adapted(case["W"])
    update = np.linalg.norm(case["A"], 2) * np.sqrt(len(t)) + np.linalg.norm(case["b"])
    radius = float(
        numeric("absorbing_radius")(
            mu, np.linalg.norm(t @ case["c"]) + np.linalg.norm(t, 2) * update
        )
    )
    reach = 1.01 * radius * np.linalg.norm(np.linalg.inv(t), 2) + 0.01
    found = certify(_function(case), (-reach, reach), max_boxes=4000)
    if found.count is None:
        if found.points:
            return None
        raise Undecided(f"{len(found.undecided)} boxes undecided after {found.boxes}")
    if not found.points:
        return f"no fixed point in the absorbing box of half side {reach:.4g} (certified)"
    if found.index_sum == 1:
        return None
    return (
        f"{found.count} fixed points in the absorbing box, their indices sum to {found.index_sum}"
    )


def _on_a_side(case: Case) -> str | None:
    """At d = 1 and eps = 0 the map is affine on each side of z = 0: solved exactly."""
    x, c, a, b = (Fraction(float(np.ravel(case[name])[0])) for name in ("W", "c", "A", "b"))
    for side in (1, -1):
        h = (c + side * a + b) / (1 - x)
        if (x * h + c) * side > 0:
            return None
    return (
        f"h' = z + {a} sign(z) + {b}, z = {x} h + {c}: no fixed point with z > 0 and none with z <"
        " 0 (exact)"
    )


SUITES: tuple[Suite, ...] = (
    Suite(
        "R2",
        "existence",
        property=(
            "rho(W_x) < 1 and eps > 0: there is a fixed point, and the indices of all of them sum"
            " to 1"
        ),
        cases=_maps,
        judge=_has_fixed_point,
        broken=assumed.existence,
        drops=(Drop("eps > 0", assumption="eps_positive", cases=_jumps),),
        evidence="certificate",
        cost=3,
    ),
)
