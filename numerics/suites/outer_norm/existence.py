"""Attacks on N2, existence under outer normalisation.

All fixed points are proved by branch and bound, and counted by index. "None" is a certificate too:
every box of the ball (eps > 0), or of the sphere and the scale (eps = 0), is proved empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.existence import BALL, CAP, Line, Loop, line, loop
from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import Certificate, certify
from ...certificates.coordinates import product, squared, tanh
from ...certificates.maps import FunctionMap, NormMap
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, matrices, rotations, show, spheres, stretched
from ..shared.assumed_spheres import RESOLVED, at_most, norm, on_sphere
from ..shared.bisection import BOXES
from ..shared.complex_step import complex_step, normalised, tangent
from ..shared.predicates import PredicateJudge
from ..shared.sphere_states import proved_states


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
def lines(draw: DrawFn, dropped: str = "") -> Case:
    """N_eps(w - c h), or with an inner norm n(h) in place of h; |w| < c if something is dropped."""
    c = draw(fractions(1 / 2, 3))
    share = draw(fractions(1 / 16, 15 / 16)) * (1 if dropped else draw(fractions(1, 3)))
    return {
        "c": c,
        "w": c * share * draw(st.sampled_from((1.0, -1.0))),
        "eps": 0.0 if dropped == "epsilon" else draw(fractions(1 / 16, 1)),
        "inner_norm": dropped == "continuous" or draw(st.booleans()),
        "inner": 0.0 if dropped == "continuous" else draw(fractions(1 / 16, 1)),
        "dropped": dropped,
    }


def exact_line(case: Case) -> Line:
    """The exact loop of a case of `lines`."""
    inner = Fraction(case["inner"]) if case["inner_norm"] else None
    c, w, eps = (Fraction(case[name]) for name in ("c", "w", "eps"))
    return line(c, w, eps, inner)


@st.composite
def loops(draw: DrawFn, dropped: str = "", low: int = 1, centred: bool = False) -> Case:
    """A h + b with gains, and G a bound of |A diag(gamma)|_2: the Frobenius norm, rounded up.

    Where something is dropped A = -a I, and |b| is too small, or G ignores a gain of 3 and more.
    With `centred` the mean of b is 0.
    """
    d = draw(sizes(low, max(low, 4)))
    matrix, gain = draw(matrices(d, 2)), draw(arrays(d, -1, 2))
    bound = math.ceil(16 * float(np.linalg.norm(matrix * gain))) / 16 + 1 / 16
    direction = draw(arrays(d, 1 / 4, 1)) * np.where(draw(arrays(d, -1, 1)) < 0, -1, 1)
    if centred:
        direction = np.eye(d)[0] - np.eye(d)[1]
    size = float(np.linalg.norm(direction)) / np.sqrt(d)
    if dropped:
        # |b| = a R share, rounded to multiples of 1/16: below a, or between a and 3 a
        low_share, high = (2, 5 / 2) if dropped == "state_space" else (1 / 16, 7 / 8)
        bound = draw(fractions(1 / 2, 2))
        direction = direction * math.floor(1024 * draw(fractions(low_share, high)) / size) / 1024
        gain = draw(fractions(3, 4)) * np.ones(d) if dropped == "state_space" else np.ones(d)
        matrix, drive = -bound * np.eye(d), bound * direction
    else:
        factor = math.ceil(16 * bound / size) / 16 + 1 / 16
        drive = draw(fractions(1, 2)) * factor * direction
    return {"matrix": matrix, "drive": drive, "gain": gain, "bound": bound, "dropped": dropped}


def _loop_of(case: Case) -> Loop:
    return loop(
        [[Fraction(x) for x in row] for row in case["matrix"]],
        [Fraction(x) for x in case["drive"]],
        [Fraction(x) for x in case["gain"]],
        Fraction(case["bound"]),
    )


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
        "line",
        property=BALL.sentence,
        predicate=BALL.name,
        cases=lines,
        judge=PredicateJudge(BALL, exact_line),
        drops=(
            Drop(
                "epsilon: eps = 0 in the norm", cases=lambda: lines("epsilon"), assumption="epsilon"
            ),
            Drop(
                "continuous: an inner norm with eps = 0",
                cases=lambda: lines("continuous"),
                assumption="continuous",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N2",
        "exact states",
        property=CAP.sentence,
        predicate=CAP.name,
        cases=loops,
        judge=PredicateJudge(CAP, _loop_of),
        drops=(
            Drop(
                "dominates: |b| below sup|g|",
                cases=lambda: loops("dominates"),
                assumption="dominates",
            ),
            Drop(
                "state_space: sup|g| taken at gain 1, gain 3 and more",
                cases=lambda: loops("state_space"),
                assumption="state_space",
            ),
        ),
        evidence="closed form",
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
