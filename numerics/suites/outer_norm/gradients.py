"""Attacks on N5, gradients through unrolled loops, by complex steps.

The steps are carried through the whole iteration, or through its last k steps.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.gradients import (
    GRADIENT,
    MEMORY,
    TRUNCATED,
    LinearLoop,
    SphereLoop,
    linear_loop,
    sphere_loop,
)
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import arrays, matrices, show, spheres, stretched
from ..shared.assumed_contraction import broken_in_gradients
from ..shared.complex_step import complex_step, normalised, tangent
from ..shared.predicates import PredicateJudge
from .sensitivity import rounding


@st.composite
def _unrolled(draw: DrawFn, kind: str = "") -> Case:
    """T iterations of h' = N(A h + b + theta v) at theta = 0, or one hypothesis dropped.

    h_0 is on the sphere, kappa as N3 gives it. `rho`: A has the Jordan block [[r, c], [0, r]]
    across b, and kappa is taken as rho(J) = r |b|/R; `cycle`: A = -a I, h_0 = the unstable state,
    kappa taken as 7/8; `encoder`: dh_0/dtheta is large; `outside`: A = -a I, h_0 beyond the sphere,
    near z = 0.
    """
    d = 3 if kind == "rho" else draw(sizes(2, 4))
    top, loops = draw(fractions(1 / 4, 2)), draw(st.integers(2, 12))
    unit = draw(spheres(d))
    beta = top * (33 / 16 + draw(fractions(0, 2)))
    case = {
        "matrix": draw(stretched(d, 0, top, top)),
        "drive": beta * unit,
        "start": draw(spheres(d)),
        "direct": draw(spheres(d)),
        "start_gradient": np.zeros(d),
        "loops": loops,
        "kept": draw(st.integers(1, loops)),
        "kappa": top / (beta - top),
    }
    if not kind and draw(st.booleans()):
        # h_0 is fixed and J = kappa on the tangent space: the bounds are attained
        along = np.outer(unit, unit) / d
        case |= {
            "matrix": top * (np.eye(d) - 2 * along),
            "start": unit,
            "direct": tangent(unit) @ draw(arrays(d - 1, 1 / 4, 1)),
        }
    elif kind == "rho":
        across, r, corner = tangent(unit), draw(fractions(1 / 4, 1 / 2)), draw(fractions(2, 4))
        block = across @ np.array([[r, corner], [0, r]]) @ across.T
        case |= {
            "matrix": block,
            "drive": unit,
            "start": unit,
            "direct": across[:, 1],
            "kappa": r,
            "loops": 3 + loops,
            "kept": 1,
        }
    elif kind == "cycle":
        weak = top * (1 + draw(fractions(1 / 8, 3 / 4)))
        case |= {
            "matrix": -top * np.eye(d),
            "drive": weak * unit,
            "start": unit,
            "direct": tangent(unit)[:, 0],
            "kappa": 7 / 8,
        }
        case |= {"loops": 20 + loops, "kept": 1}
    elif kind == "encoder":
        case |= {"start_gradient": 2.0**16 * tangent(case["start"])[:, 0], "kept": 1}
    elif kind == "outside":
        case |= {
            "matrix": -top * np.eye(d),
            "start": (beta / top - 2.0**-12) * unit,
            "direct": tangent(unit)[:, 0],
            "loops": 1,
            "kept": 1,
        }
    return case


def _gradients(case: Case, kept: int) -> tuple[Array, Array, float, float]:
    """(dh_T/dtheta, the same through the last `kept` iterations only, sup |D_theta f|, ...).

    The last entry is sup |D_theta f| before its projection P. All are by complex steps.
    """
    step, top, plain = 1e-30j, 0.0, 0.0
    whole = case["start"] + step * case["start_gradient"]
    last: Array = case["start"] + 0j
    for t in range(case["loops"]):
        z = case["matrix"] @ np.real(last) + case["drive"]
        top = max(
            top, float(np.linalg.norm(np.imag(normalised(z + step * case["direct"])) / 1e-30))
        )
        plain = max(plain, _unprojected(case, z))
        theta = step * case["direct"]
        whole = normalised(case["matrix"] @ whole + case["drive"] + theta)
        last = normalised(
            case["matrix"] @ last + case["drive"] + (theta if t >= case["loops"] - kept else 0)
        )
    return np.imag(whole) / 1e-30, np.imag(last) / 1e-30, top, plain


def _unprojected(case: Case, z: Array) -> float:
    """|v| R/|z|: D_theta f without its projection P, which may cancel all of it.

    Rounding errors scale with this.
    """
    return float(np.linalg.norm(case["direct"]) * np.sqrt(len(z)) / np.linalg.norm(z))


def _where(case: Case) -> str:
    return (
        f"N(A h + b + theta v), A = {show(case['matrix'])}, b = {show(case['drive'])}, v ="
        f" {show(case['direct'])}, h_0 = {show(case['start'])}, T = {case['loops']}, kappa ="
        f" {case['kappa']:.6g}"
    )


def _bounded(case: Case) -> str | None:
    kappa, loops = case["kappa"], case["loops"]
    gradient, _, top, plain = _gradients(case, loops)
    size, start = float(np.linalg.norm(gradient)), float(np.linalg.norm(case["start_gradient"]))
    bound = float(numeric("gradient_bound")(kappa, loops, top, start))
    if size > bound + max(bound, plain) * rounding(len(gradient), kappa):
        return f"{_where(case)}: |dh_T/dtheta| = {size:.6g} > {bound:.6g}"
    return None


def _truncated(case: Case) -> str | None:
    """The error of the last k iterations is within the bound without encoder."""
    kappa, loops, kept = case["kappa"], case["loops"], case["kept"]
    gradient, last, top, plain = _gradients(case, kept)
    error = float(np.linalg.norm(gradient - last))
    bound = float(numeric("truncation_bound")(kappa, kept, loops, top, 0))
    if error > bound + plain * rounding(len(gradient), kappa) / (1 - kappa):
        return (
            f"{_where(case)}, dh_0/dtheta = {show(case['start_gradient'])}: the last {kept} loops"
            f" err by {error:.6g} > {bound:.6g}"
        )
    return None


def _forgotten(case: Case) -> str | None:
    """|dh_T/dh_0 v| <= kappa^T |v|, v tangent or (off the sphere) any."""
    gradient = _gradients(
        {**case, "direct": 0 * case["direct"], "start_gradient": _tangential(case)}, 0
    )[0]
    size = float(np.linalg.norm(gradient) / np.linalg.norm(_tangential(case)))
    bound = case["kappa"] ** case["loops"]
    if size > bound * (1 + rounding(len(gradient), case["kappa"])):
        return f"{_where(case)}: |dh_T/dh_0 v| = {size:.6g} |v| > kappa^T = {bound:.6g}"
    return None


def _tangential(case: Case) -> Array:
    h, v = case["start"], case["direct"]
    v = v - h * (h @ v) / (h @ h)
    return v if np.linalg.norm(v) > 1e-6 else tangent(h)[:, 0]


def _converges(case: Case) -> str | None:
    """After enough iterations dh_T/dtheta is (I - J)^{-1} D_theta f at the last state."""
    kappa, d = case["kappa"], len(case["start"])
    loops = math.ceil(math.log(1e-18) / math.log(kappa))
    h = case["start"] + 0j
    for _ in range(loops):
        h = normalised(case["matrix"] @ h + case["drive"] + 1e-30j * case["direct"])
    gradient, at = np.imag(h) / 1e-30, np.real(h)
    jacobian = complex_step(lambda x: normalised(case["matrix"] @ x + case["drive"]), at)
    direct = (
        np.imag(normalised(case["matrix"] @ at + case["drive"] + 1e-30j * case["direct"])) / 1e-30
    )
    gap = float(np.linalg.norm(gradient - jacobian @ gradient - direct))
    if gap > rounding(d, kappa) * max(
        float(np.linalg.norm(gradient)), _unprojected(case, case["matrix"] @ at + case["drive"])
    ):
        return (
            f"{_where(case)}: after {loops} loops the gradient g = {show(gradient)} has |(I - J) g"
            f" - D_theta f| = {gap:.4g}"
        )
    return None


@st.composite
def _linear(draw: DrawFn, dropped: str = "", encoder: bool = True) -> Case:
    """h' = M h + theta v with |M|_F < kappa < 1, or M = ((1/2, c), (0, 1/2)) and kappa = 1/2.

    Where `start_fixed` is dropped, the start has a large derivative.
    """
    d, loops = 2 if dropped == "uniform" else draw(sizes(1, 3)), draw(st.integers(2, 8))
    matrix = draw(matrices(d, 1))
    size = float(np.linalg.norm(matrix))
    matrix = matrix / 2.0 ** max(math.ceil(math.log2(size)) + 1 if size else 0, 0)
    kappa = (math.floor(16 * float(np.linalg.norm(matrix))) + 1) / 16
    direct, start = draw(arrays(d, -1, 1)), draw(arrays(d, -1, 1)) * encoder
    if dropped == "uniform":
        matrix, kappa = np.array([[0.5, draw(fractions(2, 4))], [0, 0.5]]), 0.5
        direct, start = np.array([0.0, 1.0]), np.zeros(2)
    if dropped == "start_fixed":
        matrix, kappa = np.eye(d) / 2, 0.5
        start, direct = draw(fractions(100, 200)) * 2.0**loops * np.ones(d), np.ones(d)
    return {
        "matrix": matrix,
        "direct": direct,
        "start": start,
        "kappa": kappa,
        "loops": loops,
        "kept": 1 if dropped else draw(st.integers(1, loops)),
        "dropped": dropped,
    }


def _linear_of(case: Case) -> LinearLoop:
    return linear_loop(
        [[Fraction(x) for x in row] for row in case["matrix"]],
        [Fraction(x) for x in case["direct"]],
        Fraction(case["kappa"]),
        case["loops"],
        case["kept"],
        [Fraction(x) for x in case["start"]],
    )


@st.composite
def _along(draw: DrawFn, dropped: str = "") -> Case:
    """N(a h + beta e) from h_0 = +-e, or from a state off the sphere where z is small."""
    a = draw(fractions(1 / 2, 2))
    ratio = draw(fractions(9 / 8, 15 / 8) if dropped == "uniform" else fractions(17 / 8, 4))
    case = {
        "beta": a * ratio,
        "start": draw(st.sampled_from((1.0, -1.0))),
        "kappa": 1 / (ratio - 1),
    }
    if dropped == "on_sphere":
        case["start"] = ratio - 1 / 16
    if dropped == "uniform":
        case |= {"kappa": 7 / 8, "start": 1.0}
    slope = -a if dropped or draw(st.booleans()) else a
    loops = 1 if dropped else draw(st.integers(1, 6))
    return {**case, "slope": slope, "loops": loops, "dropped": dropped}


def _along_of(case: Case) -> SphereLoop:
    a, beta, start = (Fraction(case[name]) for name in ("slope", "beta", "start"))
    claimed = Fraction(case["kappa"]) if case["dropped"] == "uniform" else None
    return sphere_loop(a, beta, start, case["loops"], claimed)


_TOO_LARGE = (
    Drop("uniform: rho(J) in place of kappa", lambda: _unrolled("rho"), "uniform"),
    Drop("uniform: beta < 2a, 7/8 in place of kappa > 1", lambda: _unrolled("cycle"), "uniform"),
)

SUITES = (
    Suite(
        "N5",
        "exact gradient",
        property=GRADIENT.sentence,
        predicate=GRADIENT.name,
        cases=_linear,
        judge=PredicateJudge(GRADIENT, _linear_of),
        drops=(Drop("uniform: rho in place of kappa", lambda: _linear("uniform"), "uniform"),),
        evidence="closed form",
    ),
    Suite(
        "N5",
        "exact truncation",
        property=TRUNCATED.sentence,
        predicate=TRUNCATED.name,
        cases=lambda: _linear(encoder=False),
        judge=PredicateJudge(TRUNCATED, _linear_of),
        drops=(
            Drop("uniform: rho in place of kappa", lambda: _linear("uniform"), "uniform"),
            Drop("start_fixed: a trained encoder", lambda: _linear("start_fixed"), "start_fixed"),
        ),
        evidence="closed form",
    ),
    Suite(
        "N5",
        "exact memory",
        property=MEMORY.sentence,
        predicate=MEMORY.name,
        cases=_along,
        judge=PredicateJudge(MEMORY, _along_of),
        drops=(
            Drop("uniform: 7/8 in place of kappa", lambda: _along("uniform"), "uniform"),
            Drop("on_sphere: near a zero of z", lambda: _along("on_sphere"), "on_sphere"),
        ),
        evidence="closed form",
    ),
    Suite(
        "N5",
        "gradient bound",
        property="|dh_T/dtheta| <= sup|D_theta f|(1 - kappa^T)/(1 - kappa) + kappa^T |dh_0/dtheta|",
        cases=lambda: st.one_of(_unrolled(), _unrolled("encoder")),
        judge=_bounded,
        broken=broken_in_gradients,
        drops=(*_TOO_LARGE,),
        evidence="sample",
        cost=0.5,
    ),
    Suite(
        "N5",
        "truncated gradient",
        property="the last k loops err by at most sup|D_theta f|(kappa^k - kappa^T)/(1 - kappa)",
        cases=_unrolled,
        judge=_truncated,
        broken=partial(broken_in_gradients, start_fixed=True),
        drops=(
            *_TOO_LARGE,
            Drop(
                "start_fixed: the encoder is trained",
                cases=lambda: _unrolled("encoder"),
                assumption="start_fixed",
            ),
        ),
        evidence="sample",
        cost=0.5,
    ),
    Suite(
        "N5",
        "memory of the start",
        property="|dh_T/dh_0 v| <= kappa^T |v| on the sphere",
        cases=_unrolled,
        judge=_forgotten,
        broken=broken_in_gradients,
        drops=(
            Drop(
                "on_sphere: h_0 beyond the sphere, near a zero of z",
                cases=lambda: _unrolled("outside"),
                assumption="on_sphere",
            ),
            *_TOO_LARGE,
        ),
        evidence="sample",
        cost=0.5,
    ),
    Suite(
        "N5",
        "limit of the gradient",
        property="dh_T/dtheta tends to (I - J)^-1 D_theta f",
        cases=_unrolled,
        judge=_converges,
        broken=broken_in_gradients,
        drops=_TOO_LARGE[1:],
        evidence="sample",
        cost=1,
    ),
)
