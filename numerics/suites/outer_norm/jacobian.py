"""Attacks on N1, the Jacobian of the outer normalisation, by complex steps.

Complex steps are exact to rounding, so the tolerance is the rounding of a dozen operations of size
1/s. Other suites evaluate the predicates of the claim at rational cases.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ....theory.outer_norm.falsifiers.jacobian import (
    DERIVATIVE,
    EIGENVALUES,
    NULL_DIRECTION,
    Norm,
    norm_at,
)
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...loops.rms_norm import rms_norm_jacobian
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, matrices, show, spheres
from ..shared.assumed_norm import broken_at_a_point, broken_in_a_loop
from ..shared.complex_step import UNIT, complex_step, normalised, tangent
from ..shared.predicates import PredicateJudge


def tolerance(d: int, *factors: float) -> float:
    """A bound of the rounding of sums of d products, 16 deep.

    `factors`: sizes whose product is the size of the result.
    """
    return 16 * (d + 2) * UNIT * float(np.prod(factors))


@st.composite
def _point(
    draw: DrawFn, low: int = 1, gain: bool = True, eps: bool | None = None, zero: bool = False
) -> Case:
    """z != 0 (or z = 0), gains without zeros (or 1).

    eps is drawn, 0 or positive (eps = None, False, True).
    """
    d = draw(sizes(low, 6))
    z = np.zeros(d) if zero else draw(spheres(d)) * draw(fractions(1 / 16, 4))
    gains = draw(arrays(d, 1 / 16, 3)) if gain else np.ones(d)
    if eps is None:
        eps = draw(st.booleans())
    return {
        "z": z,
        "gain": gains,
        "eps": draw(fractions(1 / 16, 2)) if eps else 0.0,
        "direction": draw(spheres(d)),
    }


def _unequal(case: Any) -> Case:
    """The case with gains that differ: 2 and 1/2 in turn."""
    return {**case, "gain": np.where(np.arange(len(case["z"])) % 2, 0.5, 2.0)}


def _scale(z: Array, eps: float) -> float:
    return float(np.sqrt(np.mean(z * z) + eps))


def _derivative(case: Case) -> tuple[Array, float]:
    """DN(z) by complex steps, and s."""
    return complex_step(lambda x: case["gain"] * normalised(x, case["eps"]), case["z"]), _scale(
        case["z"], case["eps"]
    )


def torn(f: Any, z: Array, direction: Array, s: float, gain: float) -> str | None:
    """The slopes of f at z agree at two steps t s (t alone where s = 0).

    A third derivative is at most 64 gain R/s^3.
    """
    unit = s if s > 0 else 1.0
    steps = [2.0**-8 * unit, 2.0**-12 * unit]
    with np.errstate(invalid="ignore"):
        slopes = [(f(z + t * direction) - f(z - t * direction)) / (2 * t) for t in steps]
    size = float(np.sqrt(len(z)))
    gap = float(np.abs(slopes[0] - slopes[1]).max())
    allowed = gain * size * (64 * 2.0**-16 / unit + 2 * tolerance(len(z), 1 / steps[1]))
    if not gap <= allowed:
        return (
            f"no derivative at z = {show(z)}: the slopes at steps {steps[0]:.3g} and {steps[1]:.3g}"
            f" differ by {gap:.4g} > {allowed:.3g}"
        )
    return None


def _entries(case: Case) -> str | None:
    z, gain, eps = case["z"], case["gain"], case["eps"]
    top = float(np.abs(gain).max())
    s = _scale(z, eps)
    jump = torn(lambda x: gain * np.nan_to_num(normalised(x, eps)), z, case["direction"], s, top)
    if jump:
        return jump
    measured, closed = _derivative(case)[0], rms_norm_jacobian(z, gain, eps)
    error = float(np.abs(measured - closed).max())
    if error > tolerance(len(z), top, 1 / s):
        return (
            f"z = {show(z)}, gain {show(gain)}, eps = {eps:g}: DN measured {show(measured)}, closed"
            f" form {show(closed)}"
        )
    return None


def _spectrum(case: Case) -> str | None:
    z, eps = case["z"], case["eps"]
    jacobian, s = _derivative(case)
    across, along = numeric("rmsnorm_tangential")(s), numeric("rmsnorm_radial")(s, eps)
    for v, value in ((tangent(z), across), (z[:, None] / np.linalg.norm(z), along)):
        error = float(np.abs(jacobian @ v - value * v).max(initial=0.0))
        if error > tolerance(len(z), float(np.abs(case["gain"]).max()), 1 / s):
            return (
                f"z = {show(z)}, gain {show(case['gain'])}, eps = {eps:g}: DN v differs from"
                f" {value:.6g} v by {error:.4g}"
            )
    return None


def _null(case: Case) -> str | None:
    z, gain = case["z"], case["gain"]
    jacobian, s = _derivative(case)
    size = float(np.linalg.norm(z))
    right = float(np.abs(jacobian @ z).max()) / size
    left = float(np.abs(z / gain @ jacobian).max()) / size
    top, least = float(np.abs(gain).max()), float(np.abs(gain).min())
    if right > tolerance(len(z), top, 1 / s) or left > tolerance(len(z), top / least, 1 / s):
        return (
            f"z = {show(z)}, gain {show(gain)}, eps = {case['eps']:g}: |DN z|/|z| = {right:.4g},"
            f" |(z/gain)^T DN|/|z| = {left:.4g}"
        )
    return None


@st.composite
def _exact(
    draw: DrawFn, gain: bool, eps: bool | None, zero: bool = False, dropped: str = ""
) -> Case:
    """z, v, gains and eps that are multiples of 1/16; z = 0 if asked, otherwise not."""
    d = draw(sizes(1 if gain or not dropped else 2, 4))
    z = np.zeros(d) if zero else draw(arrays(d, -2, 2))
    if not (zero or z.any()):
        z[0] = 1.0
    v = draw(arrays(d, -2, 2))
    case: dict[str, Any] = {"z": z, "v": v, "gain": np.ones(d), "eps": 0.0}
    if gain:
        case["gain"] = draw(arrays(d, -2, 2))
    if eps or (eps is None and draw(st.booleans())):
        case["eps"] = draw(fractions(1 / 16, 2))
    if dropped == "gain_one":
        # v is across z, and the gains turn it
        case |= {"z": np.ones(d), "v": np.eye(d)[0] - np.eye(d)[1], "gain": 2.0 ** -np.arange(d)}
    if dropped == "regular" and not v.any():
        case["v"] = np.ones(d)
    if (
        dropped in ("regular", "eps_zero")
        and not (case["gain"] * case["v"] * (z if not zero else 1)).any()
    ):
        case |= {"gain": np.ones(d), "v": np.ones(d)}
    return {**case, "dropped": dropped}


def _norm(case: Case) -> Norm:
    z, v, gain = (tuple(map(Fraction, case[name])) for name in ("z", "v", "gain"))
    return norm_at(z, v, gain, Fraction(case["eps"]))


@st.composite
def _loop(draw: DrawFn, sub_blocks: int = 1, gain: bool = False, eps: bool = False) -> Case:
    """A post-normalised loop of 1 or 2 sub-blocks.

    h + A_k(W_x h + W_e e) (internal), (I + A_k)(W_x h + W_e e) (external), or none. |A - I/2| is
    at most 1/2, and |W_x - I| and |W_e| at most 1/4, so a sub-block maps |h| = R to |z| >= R/2.
    """
    d = draw(sizes(2, 4))
    share = 1.0 if d == 2 else 0.5
    blocks = [np.eye(d) / 2 + share * draw(matrices(d, 1 / 4)) for _ in range(sub_blocks)]
    case = {
        "recall": draw(st.sampled_from(("none", "external", "internal"))),
        "h": draw(spheres(d)),
        "e": draw(spheres(d)),
        "blocks": np.stack(blocks),
        "w_x": np.eye(d) + share * draw(matrices(d, 1 / 8)),
        "w_e": share * draw(matrices(d, 1 / 8)),
        "gain": np.ones(d),
        "eps": draw(fractions(1 / 16, 1)) if eps else 0.0,
    }
    return {**case, "gain": 2.0 ** -np.arange(d)} if gain else case


def _body(case: Case, h: Array, inner: bool) -> Array:
    """The loop without its last normalisation; `inner`: N after every sub-block but the last."""
    mix = (
        (lambda x: case["w_x"] @ x + case["w_e"] @ case["e"])
        if case["recall"] != "none"
        else (lambda x: x)
    )
    if case["recall"] == "external":
        h = mix(h)
    for k, a in enumerate(case["blocks"]):
        if k and inner:
            h = case["gain"] * normalised(h, case["eps"])
        h = h + a @ (mix(h) if case["recall"] == "internal" else h)
    return h


def _composed(case: Case) -> str | None:
    """J^ = DN(z) J, z = f(h), J = D f of the loop without norms.

    Its spectrum is 0 and that on the complement of the new state.
    """
    h, gain, eps = case["h"], case["gain"], case["eps"]
    z = _body(case, h, True)
    measured = complex_step(lambda x: gain * normalised(_body(case, x, True), eps), h)
    bare = complex_step(lambda x: _body(case, x, False), h)
    s = _scale(z, eps)
    closed = rms_norm_jacobian(z, gain, eps) @ bare
    size = float(np.linalg.norm(bare, 2) / s)
    cancelled = float(
        np.prod([1 + np.linalg.norm(a) for a in case["blocks"]])
        * np.linalg.norm(h)
        / np.linalg.norm(z)
    )
    allowed = tolerance(len(h), size, 4 * (1 + cancelled) * float(np.linalg.norm(case["w_x"])))
    error = float(np.abs(measured - closed).max())
    if error > allowed:
        return (
            f"recall {case['recall']}, {len(case['blocks'])} sub-block(s), h = {show(h)}: J^ is off"
            f" DN(z) J by {error:.4g} > {allowed:.1e}"
        )
    # one left null vector and the block on the tangent space: the same characteristic polynomial as
    # J^
    basis, n = tangent(z), z / np.linalg.norm(z)
    null = float(np.abs(n @ measured).max())
    if null > allowed:
        return (
            f"recall {case['recall']}, gain {show(gain)}, eps = {eps:g}: the new state n is not"
            f" null from the left: |n^T J^| = {null:.4g}"
        )
    mine, whole = np.poly(basis.T @ measured @ basis), np.poly(measured)
    error = float(np.abs(np.append(mine, 0.0) - whole).max())
    if error > allowed * len(h) * (1 + size) ** len(h) * 2 ** len(h):
        return (
            f"recall {case['recall']}: the spectrum of J^ is not 0 and that on the tangent space:"
            f" polynomials differ by {error:.4g}"
        )
    return None


def _without_gain_one() -> SearchStrategy[Case]:
    return _point(low=2, gain=False).map(_unequal)


SUITES = (
    Suite(
        "N1",
        "rmsnorm entries",
        property="N is differentiable and DN(z) = (1/s) diag(gamma)(I - z z^T/(d s^2))",
        cases=_point,
        judge=_entries,
        broken=broken_at_a_point,
        drops=(
            Drop(
                "regular: z = 0 at eps = 0",
                cases=lambda: _point(low=2, eps=False, zero=True),
                assumption="regular",
            ),
        ),
        evidence="closed form",
        cost=0.5,
    ),
    Suite(
        "N1",
        "rmsnorm eigenvalues",
        property="gain 1: DN v = v/s across z, DN z = (eps/s^3) z",
        cases=lambda: _point(gain=False),
        judge=_spectrum,
        broken=partial(broken_at_a_point, needed=("gain_one",)),
        drops=(Drop("gain_one: unequal gains", cases=_without_gain_one, assumption="gain_one"),),
        evidence="closed form",
        cost=0.5,
    ),
    Suite(
        "N1",
        "rmsnorm null directions",
        property="eps = 0: DN z = 0 and (z/gamma)^T DN = 0",
        cases=lambda: _point(eps=False),
        judge=_null,
        broken=partial(broken_at_a_point, needed=("eps_zero",)),
        drops=(Drop("eps_zero: eps > 0", cases=lambda: _point(eps=True), assumption="eps_zero"),),
        evidence="closed form",
        cost=0.5,
    ),
    Suite(
        "N1",
        "exact derivative",
        property=DERIVATIVE.sentence,
        predicate=DERIVATIVE.name,
        cases=lambda: _exact(gain=True, eps=None),
        judge=PredicateJudge(DERIVATIVE, _norm),
        drops=(
            Drop(
                "regular: z = 0 at eps = 0",
                cases=lambda: _exact(gain=True, eps=False, zero=True, dropped="regular"),
                assumption="regular",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N1",
        "exact eigenvalues",
        property=EIGENVALUES.sentence,
        predicate=EIGENVALUES.name,
        cases=lambda: _exact(gain=False, eps=None),
        judge=PredicateJudge(EIGENVALUES, _norm),
        drops=(
            Drop(
                "gain_one: unequal gains",
                cases=lambda: _exact(gain=False, eps=None, dropped="gain_one"),
                assumption="gain_one",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N1",
        "exact null direction",
        property=NULL_DIRECTION.sentence,
        predicate=NULL_DIRECTION.name,
        cases=lambda: _exact(gain=True, eps=False),
        judge=PredicateJudge(NULL_DIRECTION, _norm),
        drops=(
            Drop(
                "eps_zero: eps > 0",
                cases=lambda: _exact(gain=True, eps=True, dropped="eps_zero"),
                assumption="eps_zero",
            ),
        ),
        evidence="closed form",
    ),
    Suite(
        "N1",
        "loop jacobian",
        property=(
            "one sub-block, gain 1, eps = 0: J^ = DN(z) J, with the spectrum 0 and that on the new"
            " state's complement"
        ),
        cases=_loop,
        judge=_composed,
        broken=broken_in_a_loop,
        drops=(
            Drop(
                "one sub-block: N after each of two sub-blocks",
                cases=lambda: _loop(sub_blocks=2),
                assumption="single_norm",
            ),
            Drop("gain_one: unequal gains", cases=lambda: _loop(gain=True), assumption="gain_one"),
            Drop("eps_zero: eps > 0", cases=lambda: _loop(eps=True), assumption="eps_zero"),
        ),
        evidence="closed form",
        cost=0.7,
    ),
)
