"""Attacks on M5, the Kreiss constant and the cost of non-normality.

Spectra are drawn, powers and resolvents computed. sup_t |J^t|_2 is exact to rounding: the powers
are multiplied out until |J^T| <= 1, after which none is larger than those seen. The Kreiss constant
is found from below, by local maximisation over |z| > 1.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import fmpq_mat
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from scipy.optimize import minimize

from ....theory.outer_norm.falsifiers.exact_states import rows
from ....theory.outer_norm.falsifiers.non_normality import CONDITION, TRANSIENT
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes, unimodulars
from ...strategies.spheres import arrays, rotations, show, spectra
from ..shared.assumed_spectra import (
    broken_at_a_corner,
    broken_for_basis,
    broken_for_normal,
    broken_for_powers,
)
from ..shared.complex_step import UNIT
from ..shared.predicates import PredicateJudge

MOST = 4000
"""Most powers computed; a radius of 15/16 and condition numbers below 1e8 need 300."""


def _kreiss(j: Array) -> float:
    """(|z| - 1)|(z - J)^{-1}|_2 at its largest.

    The best of a polar grid in the upper half plane, climbed from the four best nodes.
    """
    eye = np.eye(len(j))

    def size(z: Array) -> Array:
        smallest = np.linalg.svd(z[..., None, None] * eye - j, compute_uv=False)[..., -1]
        return (np.abs(z) - 1) / np.maximum(smallest, 1e-300)

    gap, angle = np.meshgrid(np.geomspace(1e-3, 1e4, 29), np.linspace(0, np.pi, 25), indexing="ij")
    nodes = np.stack((np.log(gap).ravel(), angle.ravel()), axis=1)
    values = size((1 + np.exp(nodes[:, 0])) * np.exp(1j * nodes[:, 1]))

    def cost(x: Array) -> float:
        return -float(np.log(size(np.array((1 + np.exp(x[0])) * np.exp(1j * x[1])))))

    best = [
        minimize(cost, nodes[i], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
        for i in np.argsort(-values)[:4]
    ]
    return float(np.exp(max(-float(b.fun) for b in best)))


def _largest_power(j: Array) -> float | None:
    """sup_t |J^t|_2, or None where the powers do not become small.

    That is, where they have not come below 1 after `MOST` of them, or have passed 1e12.
    """
    power, top = np.eye(len(j)), 1.0
    for _ in range(MOST):
        power = power @ j
        size = float(np.linalg.norm(power, 2))
        top = max(top, size)
        if size <= 1:
            return top
        if size > 1e12:
            return None
    return None


@st.composite
def _matrix(draw: DrawFn, low: float = 0.0) -> Case:
    """V D V^{-1} with a drawn spectrum, or a shift with steps c plus r I.

    `low`: one eigenvalue has modulus low to low + 1/2.
    """
    if low or draw(st.booleans()):
        d = draw(sizes(2, 5))
        v, inverse = draw(unimodulars(d, 4))
        block = draw(spectra(d, 15 / 16))
        if low:
            block[:, 0] = block[0] = 0.0
            block[0, 0] = (low + draw(fractions(1 / 16, 1 / 2))) * draw(
                st.sampled_from((1.0, -1.0))
            )
        return {"matrix": v @ block @ inverse, "dimension": d}
    d = draw(sizes(2, 6))
    return {
        "matrix": draw(fractions(0, 1 / 4)) * np.eye(d) + np.diag(draw(arrays(d - 1, 1 / 2, 4)), 1),
        "dimension": d,
    }


@st.composite
def _steep_shift(draw: DrawFn) -> Case:
    """A steep shift of size 6 to 9, whose size is taken as a third; its powers are at most 4^8."""
    d = draw(sizes(6, 9))
    return {"matrix": draw(fractions(3, 4)) * np.eye(d, k=1), "dimension": d // 3}


def _two_sided(case: Case) -> str | None:
    top, kreiss = _largest_power(case["matrix"]), _kreiss(case["matrix"])
    where = f"J = {show(case['matrix'])}"
    if top is None:
        return f"{where}: the powers do not come below 1: |J^{MOST}| > 1, or one passed 1e12"
    if kreiss > top * (1 + 1e-9):
        return f"{where}: K >= {kreiss:.8g} > sup|J^t| = {top:.8g}"
    bound = float(numeric("kreiss_upper")(case["dimension"], kreiss))
    if top > bound * (1 + 1e-6):  # the grid has found K to 1e-6, or it is not the maximum
        return (
            f"{where}, d taken as {case['dimension']}: sup|J^t| = {top:.8g} > e d K = {bound:.8g}"
        )
    return None


@st.composite
def _corner(draw: DrawFn, steep: bool = True) -> Case:
    """[[r, c], [0, r]], c > 2(1 - r) or below."""
    r = draw(fractions(1 / 16, 15 / 16))
    return {
        "r": r,
        "c": 2 * (1 - r) * draw(fractions(17 / 16, 32) if steep else fractions(1 / 8, 15 / 16)),
    }


def _corner_constant(case: Case) -> str | None:
    r, c = case["r"], case["c"]
    measured, closed = _kreiss(np.array([[r, c], [0, r]])), float(numeric("kreiss_jordan")(r, c))
    if abs(measured / closed - 1) > 1e-6:
        return f"J = [[{r:g}, {c:g}], [0, {r:g}]]: K >= {measured:.8g}, closed form {closed:.8g}"
    return None


@st.composite
def _normal(draw: DrawFn, normal: bool = True, contractive: bool = True) -> Case:
    """Q D Q^T with a drawn spectrum.

    `normal` false: D gains a corner c >= 1; `contractive` false: one eigenvalue is beyond -1.
    """
    d = draw(sizes(2, 5))
    q, block = draw(rotations(d)), draw(spectra(d, 15 / 16))
    if not normal:
        r = draw(fractions(1 / 4, 15 / 16))
        block[:2], block[:, :2] = 0.0, 0.0
        block[:2, :2] = np.array([[r, draw(fractions(1, 4))], [0, r]])
    if not contractive:
        block[:, 0] = block[0] = 0.0
        block[0, 0] = -1 - draw(fractions(1 / 16, 1 / 2))
    return {"matrix": q @ block @ q.T, "rho": float(np.abs(np.linalg.eigvals(block)).max())}


def _bounded_by_the_radius(case: Case) -> str | None:
    """|J^t| <= rho^t for t <= 32; |(I - J)^{-1}| <= 1/(1 - rho), and the Neumann sum reaches it."""
    j, rho = case["matrix"], case["rho"]
    d = len(j)
    inverse = np.linalg.inv(np.eye(d) - j)
    power, total = np.eye(d), np.zeros((d, d))
    for t in range(1, 33):
        total, power = total + power, power @ j
        size = float(np.linalg.norm(power, 2))
        if size > rho**t + 16 * (d + 2) * t * UNIT * max(rho, 1.0) ** t:
            return f"J = {show(j)}: |J^{t}| = {size:.6g} > rho^{t} = {rho**t:.6g}"
    error, left = float(np.linalg.norm(total - inverse, 2)), rho**32 / abs(1 - rho)
    resolvent = float(np.linalg.norm(inverse, 2))
    slack = 64 * (d + 2) * UNIT * resolvent**2 * (1 + rho)
    if resolvent > 1 / (1 - rho) + slack or error > left + 32 * slack or rho >= 1:
        return (
            f"J = {show(j)}, rho = {rho:.6g}: |(I - J)^-1| = {resolvent:.6g}, 32 terms of the"
            f" Neumann sum are off by {error:.4g}"
        )
    return None


@st.composite
def _similar(draw: DrawFn, jordan: bool = False) -> Case:
    """V D V^{-1}, D normal with a drawn spectrum; or a Jordan block r of size d."""
    d = draw(sizes(2, 5))
    v, inverse = draw(unimodulars(d, 2 if jordan else 4))
    block = (
        draw(fractions(1 / 4, 15 / 16)) * np.eye(d) + np.eye(d, k=1)
        if jordan
        else draw(spectra(d, 15 / 16))
    )
    return {"basis": v, "inverse": inverse, "block": block}


def _condition_number(case: Case) -> str | None:
    """|J^t| <= |V||V^{-1}| rho^t and |(I - J)^{-1}| <= |V||V^{-1}|/(1 - rho), t <= 100."""
    v, inverse, block = case["basis"], case["inverse"], case["block"]
    rho, d = float(np.abs(np.linalg.eigvals(block)).max()), len(block)
    j, cost = v @ block @ inverse, float(np.linalg.norm(v, 2) * np.linalg.norm(inverse, 2))
    power, size = np.eye(d), float(np.linalg.norm(j, 2))
    for t in range(1, 101):
        # the block is normal: its powers are known to rounding, unlike those of J
        power = block @ power
        now = float(np.linalg.norm(v @ power @ inverse, 2))
        if now > cost * rho**t * (1 + 16 * (d + 2) * t * UNIT) + 1e-300:
            return (
                f"J = {show(j)}, |V||V^-1| = {cost:.6g}: |J^{t}| = {now:.6g} > {cost * rho**t:.6g}"
            )
    resolvent = float(np.linalg.norm(np.linalg.inv(np.eye(d) - j), 2))
    if resolvent > cost / (1 - rho) * (1 + 16 * (d + 2) * UNIT * resolvent * (1 + size)):
        return (
            f"J = {show(j)}, |V||V^-1| = {cost:.6g}: |(I - J)^-1| = {resolvent:.6g} >"
            f" {cost / (1 - rho):.6g}"
        )
    return None


@st.composite
def _exact_bases(draw: DrawFn, dropped: str = "") -> Case:
    """V (an integer matrix of determinant 1) and L = diag(l, m), or a Jordan block of l."""
    basis = draw(unimodulars(2, 2))[0]
    first, second = (draw(fractions(-15 / 16, 15 / 16)) for _ in range(2))
    if dropped == "diagonalisable":  # a corner that no |V||V^-1| of these bases makes up for
        first = draw(fractions(1 / 2, 15 / 16))
        return {"V": basis, "L": np.array([[first, 2.0**20], [0, first]]), "dropped": dropped}
    if dropped == "contractive":
        first = draw(fractions(17 / 16, 2))
    return {"V": basis, "L": np.diag([first, second]), "dropped": dropped}


def _rationals(matrix: Array) -> fmpq_mat:
    return rows([[Fraction(x) for x in row] for row in matrix.tolist()])


def _based(case: Case) -> tuple[fmpq_mat, fmpq_mat]:
    return _rationals(case["V"]), _rationals(case["L"])


def _conjugated(case: Case) -> fmpq_mat:
    basis, block = _based(case)
    return basis * block * basis.inv()


SUITES = (
    Suite(
        "M5",
        "kreiss constant",
        property="K <= sup|J^t| <= e d K, d the size of J",
        cases=_matrix,
        judge=_two_sided,
        broken=broken_for_powers,
        drops=(
            Drop("contractive: rho > 1", assumption="contractive", cases=lambda: _matrix(low=1.0)),
            Drop("d is the size of J: a third of it", assumption="size", cases=_steep_shift),
        ),
        evidence="sample",
        cost=6,
    ),
    Suite(
        "M5",
        "corner",
        property="[[r, c], [0, r]], c > 2(1 - r): K in closed form",
        cases=_corner,
        judge=_corner_constant,
        broken=broken_at_a_corner,
        drops=(
            Drop("c > 2(1 - r): c below", assumption="steep", cases=lambda: _corner(steep=False)),
        ),
        evidence="closed form",
        cost=5,
    ),
    Suite(
        "M5",
        "normal matrices",
        property="|J^t| <= rho^t, |(I - J)^-1| <= 1/(1 - rho), the Neumann sum converges",
        cases=_normal,
        judge=_bounded_by_the_radius,
        broken=broken_for_normal,
        drops=(
            Drop(
                "normal: a corner of 1 and more",
                assumption="normal",
                cases=lambda: _normal(normal=False),
            ),
            Drop(
                "contractive: rho > 1",
                assumption="contractive",
                cases=lambda: _normal(contractive=False),
            ),
        ),
        evidence="closed form",
        cost=1,
    ),
    Suite(
        "M5",
        "condition number",
        property="J = V L V^-1, k = |V||V^-1|: |J^t| <= k rho^t, |(I - J)^-1| <= k/(1 - rho)",
        cases=_similar,
        judge=_condition_number,
        broken=broken_for_basis,
        drops=(
            Drop(
                "diagonalisable: a Jordan block",
                assumption="diagonalisable",
                cases=lambda: _similar(jordan=True),
            ),
        ),
        evidence="closed form",
        cost=1,
    ),
    Suite(
        "M5",
        "condition number, exact",
        property="J = V L V^-1, L diagonal: |J^t| <= |V||V^-1| rho^t, by rational bounds",
        cases=_exact_bases,
        judge=PredicateJudge(CONDITION, _based),
        drops=(
            Drop(
                "diagonalisable: a Jordan block",
                assumption="diagonalisable",
                cases=lambda: _exact_bases("diagonalisable"),
            ),
        ),
        evidence="closed form",
        cost=1,
        predicate=CONDITION.name,
    ),
    Suite(
        "M5",
        "bounded powers, exact",
        property="rho < 1: C is finite, and K at some real z is at most C, by rational bounds",
        cases=_exact_bases,
        judge=PredicateJudge(TRANSIENT, _conjugated),
        drops=(
            Drop(
                "contractive: rho > 1",
                assumption="contractive",
                cases=lambda: _exact_bases("contractive"),
            ),
        ),
        evidence="closed form",
        cost=2,
        predicate=TRANSIENT.name,
    ),
)
