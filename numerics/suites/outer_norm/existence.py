"""Attacks on N2, existence under outer normalisation: fixed points in the ball, at eps > 0.

All fixed points are proved by branch and bound, and counted by index. "None" is a certificate too:
every box of the ball is proved empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import Certificate, certify
from ...certificates.coordinates import product, squared, tanh
from ...certificates.maps import FunctionMap, NormMap
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, matrices, show, spheres
from ..shared.assumed_spheres import RESOLVED, on_sphere
from ..shared.bisection import BOXES
from ..shared.complex_step import complex_step, normalised


@st.composite
def _ball(draw: DrawFn, norm: bool = True) -> Case:
    """h' = N_eps(a h + A tanh h + c), or the same without N.

    In the latter case a = 1, the rows of A are small, and c is not.
    """
    d = draw(sizes(1, 3))
    if norm:
        a, matrix, drive = draw(fractions(-2, 2)), draw(matrices(d, 2)), draw(arrays(d, -1, 1))
    else:
        a, matrix, drive = 1.0, draw(matrices(d, 1 / 4)), draw(arrays(d, 1, 2))
    return {
        "a": a,
        "matrix": matrix,
        "drive": drive,
        "eps": draw(fractions(1 / 8, 1)),
        "norm": norm,
    }


def _ball_broken(case: Case) -> Iterator[str]:
    """The map is continuous by its form."""
    if case["norm"] is not True:
        yield "outer_norm"
    if not case["eps"] > 0:
        yield "epsilon"


def _certificate(case: Case) -> Certificate:
    a, matrix, drive = case["a"], case["matrix"], case["drive"]
    d = len(drive)
    if case["norm"]:
        return certify(NormMap.of(a, matrix, drive, case["eps"]), max_boxes=BOXES)
    rows = tuple(tuple(map(float, row)) for row in matrix)

    def image(x: Any) -> list[Any]:
        return [
            a * x + u + float(c)
            for x, u, c in zip(x, product(rows, [tanh(y) for y in x]), drive, strict=True)
        ]

    def jacobian(x: Any) -> list[list[Any]]:
        slopes = [1 - squared(tanh(y)) for y in x]
        out = [[slope * m for slope, m in zip(slopes, row, strict=True)] for row in rows]
        for i, row in enumerate(out):
            row[i] = row[i] + a
        return out

    return certify(FunctionMap(d, image, jacobian), (-np.sqrt(d), np.sqrt(d)), max_boxes=BOXES)


def _in_the_ball(case: Case) -> str | None:
    """There is at least one fixed point, in the ball |h| <= sqrt(d).

    Where the certificate is complete the indices add up to 1 (Lefschetz-Hopf).
    """
    found = _certificate(case)
    where = (
        f"a = {case['a']:g}, A = {show(case['matrix'])}, c = {show(case['drive'])}, eps ="
        f" {case['eps']:g}, norm {case['norm']}"
    )
    if found.count == 0:
        return f"{where}: the ball is proved to hold no fixed point"
    if found.count is None and not found.points:
        raise Undecided(f"{where}: nothing proved in {found.boxes} boxes")
    if found.count is not None and found.index_sum != 1:
        return f"{where}: {found.count} fixed points, indices add up to {found.index_sum}, not 1"
    if any(
        float(np.linalg.norm(p.center)) > np.sqrt(len(p.center)) + float(p.radius.max())
        for p in found.points
    ):
        return f"{where}: a fixed point outside of the ball"
    return None


@st.composite
def _central(draw: DrawFn, sign: int = -1) -> Case:
    """N_eps(sign a h + beta e), d >= 2.

    With sign = 1 there are three fixed points on the line of e (beta is small).
    """
    d = draw(sizes(2, 3))
    a = draw(fractions(1 / 2, 2)) if sign < 0 else draw(fractions(3 / 2, 2))
    beta = draw(fractions(1 / 16, 2)) if sign < 0 else draw(fractions(1 / 16, 1 / 4))
    return {
        "a": sign * a,
        "beta": beta,
        "e": draw(spheres(d)),
        "eps": draw(fractions(1 / 16, 1)) if sign < 0 else 1 / 4,
    }


def _central_broken(case: Case) -> Iterator[str]:
    """d >= 2, |e| = R and a < 0, as the update is a h; sizes at which the judge's tolerances hold.

    In one dimension the only multiplier is the radial one, of which the threshold says nothing.
    """
    a, beta, e = case["a"], case["beta"], case["e"]
    moderate = RESOLVED <= abs(a) <= 1 / RESOLVED and abs(beta) <= 1 / RESOLVED
    if not (a < 0 and moderate and len(e) > 1 and on_sphere(e)):
        yield "negative_update"
    if not RESOLVED * max(1, a * a, beta * beta) <= case["eps"]:
        yield "epsilon"


def _only_central(case: Case) -> str | None:
    """One fixed point h = x e, s^2 = eps/(1 - x^2), unstable iff eps < a^2 - beta^2/4."""
    a, beta, e, eps = (case[name] for name in ("a", "beta", "e", "eps"))
    found = certify(
        NormMap.of(a, np.zeros((len(e), len(e))), beta * e, eps, "linear"), max_boxes=BOXES
    )
    where = f"N_eps({a:g} h + {beta:g} e), e = {show(e)}, eps = {eps:g}"
    if len(found.points) > 1 or found.count == 0:
        return f"{where}: {len(found.points)} fixed points proved"
    if found.count is None:
        raise Undecided(f"{where}: {len(found.undecided)} boxes undecided")
    h = np.stack([point.center for point in found.points])[0]
    x = float(h @ e) / len(e)
    s2 = float(np.mean((a * h + beta * e) ** 2)) + eps
    error = abs(s2 / numeric("central_scale_squared")(x, eps) - 1)
    off = float(np.linalg.norm(h - x * e))
    # s^2 (1 - x^2) = eps cancels: rounding of x is amplified by 2x/(1 - x^2)
    if error > 1e-14 * (1 + 4 / (1 - x * x)) or off > 1e-13:
        return (
            f"{where}: h = {show(h)} is {off:.3g} off the line of e, s^2 off its closed form by"
            f" {error:.3g} (relative)"
        )
    jacobian = complex_step(lambda y: normalised(a * y + beta * e, eps), h)
    # J is symmetric: a multiple of I plus one of e e^T
    rho = float(np.abs(np.linalg.eigvalsh((jacobian + jacobian.T) / 2)).max())
    if abs(rho - 1) < 1e-12:
        raise Undecided(f"{where}: rho = 1 to rounding")
    threshold = a * a - beta * beta / 4
    if (rho < 1) != (eps > threshold):
        return f"{where}: rho = {rho:.6g} at the fixed point, while a^2 - beta^2/4 = {threshold:g}"
    return None


SUITES = (
    Suite(
        "N2",
        "ball",
        property="every eps > 0: a fixed point in the ball; indices add up to 1",
        cases=_ball,
        judge=_in_the_ball,
        broken=_ball_broken,
        drops=(
            Drop(
                "outer norm: removed, the update stays away from 0",
                cases=lambda: _ball(norm=False),
                assumption="outer_norm",
            ),
        ),
        evidence="certificate",
        cost=5,
    ),
    Suite(
        "N2",
        "central point",
        property=(
            "N_eps(-a h + beta e) has one fixed point, on the line of e, unstable iff eps < a^2 -"
            " beta^2/4"
        ),
        cases=_central,
        judge=_only_central,
        broken=_central_broken,
        drops=(
            Drop("A = -a I: A = a I", cases=lambda: _central(sign=1), assumption="negative_update"),
        ),
        evidence="certificate",
        cost=3,
    ),
)
