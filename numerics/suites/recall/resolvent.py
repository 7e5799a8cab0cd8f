"""Attacks on R1, linear loops with recall, on matrices of short fractions.

Orbits, sensitivities and resolvents are exact or enclosed.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
from hypothesis import strategies as st

from ....theory.recall.falsifiers.resolvent import REACHED, LinearLoop
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...ensembles.prescribed_spectra import Spectrum
from ...formulas import numeric
from ...strategies import fractions as draws
from ...strategies import matrix_strategies as matrices
from ..shared import assumed_linear_loops as assumed
from ..shared.predicates import PredicateJudge

LOOPS = 4096
"""Iterations after which every contractive case has converged: (15/16)^4096 < 1e-114."""
BITS = 256
CONTRACTIVE = draws.fractions(0, 1, inside=True)
EXPANSIVE = draws.fractions(1, 2)


def _exact(m: Array) -> flint.fmpq_mat:
    rows = np.atleast_2d(m)
    return flint.fmpq_mat([[flint.fmpq(*float(x).as_integer_ratio()) for x in row] for row in rows])


def _eye(d: int) -> flint.fmpq_mat:
    return flint.fmpq_mat(d, d, [int(i == j) for i in range(d) for j in range(d)])


def _column(x: Array) -> flint.fmpq_mat:
    return _exact(np.reshape(x, (-1, 1)))


def _norm(x: flint.arb_mat) -> flint.arb:
    """Sum of moduli."""
    return sum(map(abs, x.entries()), flint.arb(0))


def _after(m: flint.fmpq_mat, push: flint.fmpq_mat, start: flint.fmpq_mat) -> flint.arb_mat:
    """h_LOOPS of h' = m h + push, enclosed, by squaring the affine map (no eigenvalue is used)."""
    matrix, offset, done = flint.arb_mat(m), flint.arb_mat(push), 1
    while done < LOOPS:
        matrix, offset, done = matrix * matrix, matrix * offset + offset, 2 * done
    return matrix * flint.arb_mat(start) + offset


def _push(case: Case, e: Array) -> flint.fmpq_mat:
    return _exact(case["B"]) * _column(e) + _column(case["c"])


@st.composite
def _orbits(draw: Any, radius: st.SearchStrategy[float]) -> Case:
    d = draw(draws.sizes(1, 3))
    vectors = {name: draw(draws.vectors(d)) for name in ("c", "e", "h0")}
    return {"M": draw(matrices.of_radius(d, radius)), "B": draw(draws.entries(d, d)), **vectors}


def _reached(case: Case) -> str | None:
    m, push = _exact(case["M"]), _push(case, case["e"])
    resolvent = _eye(len(case["M"])) - m
    if resolvent.det() == 0:
        return "1 is an eigenvalue: there is no fixed point, or more than one"
    with flint.ctx.workprec(BITS):
        fixed = flint.arb_mat(resolvent.solve(push))
        start = _column(case["h0"])
        away, before = _norm(_after(m, push, start) - fixed), _norm(flint.arb_mat(start) - fixed)
        small = flint.arb("1e-6") * (1 + before)
        if away < small:
            return None
        if away > small:
            return (
                f"after {LOOPS} loops |h - h*| = {float(away.mid()):.4g}, at the start"
                f" {float(before.mid()):.4g}"
            )
    raise Undecided(f"|h - h*| = {away}")


@st.composite
def _unrolled(draw: Any, quadratic: bool = False) -> Case:
    d = draw(draws.sizes(1, 3))
    m = draw(
        st.one_of(
            matrices.of_radius(d, CONTRACTIVE),
            matrices.of_radius(d, draws.fractions(1, 2, inside=True), 15 / 16),
        )
    )
    out: dict[str, Any] = {
        "M": m,
        "B": draw(draws.entries(d, d)),
        "c": draw(draws.vectors(d)),
        "e": draw(draws.vectors(d)),
    }
    out["Dh0"] = draw(draws.entries(d, d))
    return {
        **out,
        "t": draw(st.integers(1, 6)),
        "q": draw(draws.fractions(0, 2, inside=True)) if quadratic else 0.0,
    }


def _differences(case: Case) -> str | None:
    """dh_t/de of an affine map is its difference quotient, in exact rationals.

    `q` adds q h o h to the map, so that it is no longer affine.
    """
    m, b = _exact(case["M"]), _exact(case["B"])
    d, t, q = len(case["M"]), int(case["t"]), _exact(case["q"])[0, 0]

    def state(e: flint.fmpq_mat) -> flint.fmpq_mat:
        h = _exact(case["Dh0"]) * e
        for _ in range(t):
            h = (
                m * h
                + b * e
                + _column(case["c"])
                + flint.fmpq_mat(d, 1, [q * x * x for x in h.entries()])
            )
        return h

    base, eye = _column(case["e"]), _eye(d)
    power = eye
    for _ in range(t):
        power = power * m
    predicted = power * _exact(case["Dh0"]) + (eye - power) * (eye - m).solve(b)
    for i in range(d):
        unit = flint.fmpq_mat(d, 1, [int(i == j) for j in range(d)])
        measured = state(base + unit) - state(base)
        column = flint.fmpq_mat(d, 1, [predicted[j, i] for j in range(d)])
        if measured != column:
            return f"column {i} of dh_{t}/de is {_text(measured)}, the formula says {_text(column)}"
    return None


def _text(m: flint.fmpq_mat) -> str:
    return "(" + ", ".join(str(x) for x in m.entries()) + ")"


@st.composite
def _dependent(draw: Any, rank: bool, radius: st.SearchStrategy[float]) -> Case:
    d = draw(draws.sizes(1, 3))
    b = draw(matrices.of_rank(d, draw(st.integers(1, d)) if rank else 0))
    return {
        "M": draw(matrices.of_radius(d, radius)),
        "B": b,
        "c": draw(draws.vectors(d)),
        "e": draw(draws.vectors(d)),
    }


def _limits(case: Case) -> str | None:
    """The rank of S, from the enclosed states after many iterations.

    Column i of S is the difference between the states of the inputs e + e_i and e, e_i a unit
    vector, both from the start 0.
    """
    m, d = _exact(case["M"]), len(case["M"])
    zero = flint.fmpq_mat(d, 1, [0] * d)
    with flint.ctx.workprec(BITS):
        columns = []
        for x in (case["e"], *(case["e"] + np.eye(d))):
            end = _after(m, _push(case, x), zero)
            again = flint.arb_mat(m) * end + flint.arb_mat(_push(case, x))
            moves, small = _norm(again - end), flint.arb("1e-6") * (1 + _norm(end))
            if moves > small:
                return (
                    f"after {LOOPS} loops the state still moves by {float(moves.mid()):.4g}: there"
                    " is no limit"
                )
            if not moves < small:
                raise Undecided(f"the state moves by {moves}")
            columns.append(end)
        s = np.array(
            [[float((column - columns[0])[i, 0].mid()) for column in columns[1:]] for i in range(d)]
        )
    sizes = np.linalg.svd(s, compute_uv=False)
    high, low = int(np.sum(sizes > 1e-6)), int(np.sum(sizes > 1e-12))
    if high != low:
        raise Undecided(f"singular values {sizes}: the rank is not clear")
    rank = _exact(case["B"]).rank()
    if high == 0:
        return "the limit is the same for every input"
    return None if high == rank else f"S has rank {high}, B has rank {rank}"


@st.composite
def _near_one(draw: Any, invertible: bool) -> Case:
    """M = V D V^{-1} whose leading eigenvalue is 1 - 2^-k.

    Without invertibility V^{-1} B has a first row of zeros: B misses that left eigenvector.
    """
    d = draw(draws.sizes(1 if invertible else 2, 4))
    lead = 1 - 2.0 ** -draw(st.integers(2, 12))
    rest = draw(draws.bulk(d - 1, 0.75))
    v, inverse = draw(draws.unimodulars(d))
    m = v @ Spectrum((lead, *rest.real), rest.pairs).form() @ inverse
    if invertible:
        return {"M": m, "B": draw(matrices.invertibles(d))}
    b = draw(matrices.invertibles(d))
    b[0] = 0
    return {"M": m, "B": v @ b}


def _blows_up(case: Case) -> str | None:
    """|S| |1 - l| >= sigma for every eigenvalue l, up to the backward error of `eigvals`.

    sigma is the least non-zero singular value of B.
    """
    m, b = case["M"], case["B"]
    resolvent = np.linalg.inv(np.eye(len(m)) - m)
    size = np.linalg.norm(resolvent @ b, 2)
    sigma = np.linalg.svd(b, compute_uv=False)[_exact(b).rank() - 1]
    # eigvals are exact for M + E, |E| <= 20 d u |M|, and (I - M - E)^{-1} B differs from S by
    # |resolvent||E||S|
    slack = (
        40
        * len(m)
        * np.finfo(float).eps
        * (np.linalg.norm(m, 2) + 1)
        * np.linalg.norm(resolvent, 2)
    )
    if slack > 0.01:
        raise Undecided(f"I - M is too ill-conditioned: {slack:.3g}")
    for value in np.linalg.eigvals(m):
        if size * abs(1 - value) < sigma * (1 - slack):
            return (
                f"|S| = {size:.6g}, sigma_min(B)/|1 - l| = {sigma / abs(1 - value):.6g} at the"
                f" eigenvalue l = {value:.6g}"
            )
    return None


@st.composite
def _one_modulus(draw: Any, normal: bool = True, one: bool = True) -> Case:
    """Normal M = Q D Q^T, every eigenvalue of modulus r.

    Otherwise M = V D V^{-1} with a shear V, or moduli r and r/4.
    """
    r, (c, s) = draw(draws.fractions(0.5, 0.875)), draw(draws.turns())
    kind = draw(st.sampled_from(("real", "pair") if normal and one else ("real",)))
    spectrum = (
        Spectrum((), ((r * c, r * s),)) if kind == "pair" else Spectrum((r, -r if one else -r / 4))
    )
    v = (
        draw(draws.orthogonals(2))
        if normal
        else np.array([[1.0, draw(st.integers(2, 4))], [0.0, 1.0]])
    )
    h0 = v @ np.array([1.0, 1.0])
    return {
        "M": v @ spectrum.form() @ np.linalg.inv(v),
        "h0": 4 * h0,
        "rho": r,
        "tol": 2.0 ** -draw(st.integers(8, 30)),
    }


def _counted(case: Case) -> str | None:
    """The iterations until |h_t| <= tol for h' = M h, against the formula with C = |h_0|."""
    h, count = case["h0"], 0
    predicted = float(
        numeric("iterations_to_tolerance")(case["rho"], case["tol"], np.linalg.norm(h))
    )
    while np.linalg.norm(h) > case["tol"]:
        h, count = case["M"] @ h, count + 1
    # |h_t| carries a relative error of t u or so, which moves the crossing by less than 1e-9
    if not predicted - 1e-9 <= count <= predicted + 1 + 1e-9:
        return f"|h_t| <= {case['tol']:.3g} after {count} loops, the formula says {predicted:.4f}"
    return None


@st.composite
def _exact_loops(draw: Any, dropped: str = "") -> Case:
    """Loops of width 1 or 2; with `linear` dropped, h' = h^2 from 1.

    Rounding could bring a pair of modulus 1 into the disc, so expansive pairs begin at 17/16.
    """
    d = draw(draws.sizes(1, 2))
    expansive = st.one_of(
        matrices.similar(draws.spectra(d, EXPANSIVE, pair=False)),
        matrices.of_radius(d, draws.fractions(17 / 16, 2)),
    )
    m = draw(expansive if dropped == "contractive" else matrices.of_radius(d, CONTRACTIVE))
    push, start, bend = draw(draws.vectors(d)), draw(draws.vectors(d)), 0.0
    if dropped == "linear":
        m, push, start, bend = 0 * m, 0 * push, np.ones(d), 1.0
    return {"M": m, "push": push, "start": start, "bend": bend, "dropped": dropped}


def _linear_loop(case: Case) -> LinearLoop:
    push, start = _column(case["push"]), _column(case["start"])
    return LinearLoop(_exact(case["M"]), _eye(len(case["M"])), push, start, Fraction(case["bend"]))


SUITES: tuple[Suite, ...] = (
    Suite(
        "R1",
        "reachable",
        property="rho(M) < 1: h' = M h + B e + c reaches (I - M)^{-1}(B e + c) from every start",
        cases=lambda: _orbits(CONTRACTIVE),
        judge=_reached,
        broken=lambda case: assumed.reachable(case, LOOPS),
        drops=(Drop("rho(M) < 1", assumption="contractive", cases=lambda: _orbits(EXPANSIVE)),),
        evidence="certificate",
    ),
    Suite(
        "R1",
        "unrolled",
        property="dh_t/de = M^t Dh_0 + (I - M^t)(I - M)^{-1} B when 1 is no eigenvalue",
        cases=_unrolled,
        judge=_differences,
        broken=assumed.unrolled,
        drops=(Drop("the loop is linear", assumption="linear", cases=lambda: _unrolled(True)),),
        evidence="closed form",
    ),
    Suite(
        "R1",
        "dependence",
        property="rho(M) < 1 and B != 0: the limit depends on the input, and S has the rank of B",
        cases=lambda: _dependent(True, CONTRACTIVE),
        judge=_limits,
        broken=lambda case: assumed.dependence(case, LOOPS),
        drops=(
            Drop("B != 0", assumption="recall", cases=lambda: _dependent(False, CONTRACTIVE)),
            Drop("rho(M) < 1", assumption="contractive", cases=lambda: _dependent(True, EXPANSIVE)),
        ),
        evidence="certificate",
    ),
    Suite(
        "R1",
        "blow-up",
        property=(
            "B invertible: |S| >= sigma_min(B)/|1 - l| for every eigenvalue l (sigma_min: the"
            " least non-zero one)"
        ),
        cases=lambda: _near_one(True),
        judge=_blows_up,
        broken=assumed.blow_up,
        drops=(Drop("B is invertible", assumption="invertible", cases=lambda: _near_one(False)),),
    ),
    Suite(
        "R1",
        "iterations",
        property=(
            "C rho^t falls to tol after (log tol - log C)/log rho loops when M is normal with one"
            " modulus"
        ),
        cases=_one_modulus,
        judge=_counted,
        broken=assumed.iterations,
        drops=(
            Drop("M is normal", assumption="one_modulus", cases=lambda: _one_modulus(normal=False)),
            Drop("one modulus", assumption="one_modulus", cases=lambda: _one_modulus(one=False)),
        ),
    ),
    Suite(
        "R1",
        "reachable-exact",
        property="rho(M) < 1: a Lyapunov function of h - h* falls in every loop, in rationals",
        cases=_exact_loops,
        judge=PredicateJudge(REACHED, _linear_loop),
        drops=(
            Drop("rho(M) < 1", assumption="contractive", cases=lambda: _exact_loops("contractive")),
            Drop("the loop is linear", assumption="linear", cases=lambda: _exact_loops("linear")),
        ),
        evidence="closed form",
        predicate=REACHED.name,
    ),
)
