"""Attacks on N7, the nonlinear mean-field law, also for inputs that are not Gaussian.

As for N6, medians over draws are tested. The cavity law is a limit in the width; what finite width
may cost is N6's 15 % of 1 - rho, and six standard errors of the median, from a scaling variable of
3 on (4 with a residual, and 5 for k > 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from scipy.optimize import root_scalar

from ....theory.mean_field.falsifiers.nonlinear_law import STABLE, Edge
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...loops.activations import LAWS
from ...strategies.fractions import fractions
from ..shared import assumed_mean_field as assumed
from ..shared.complex_step import normalised
from ..shared.confirmation import Confirmed
from ..shared.late_rise import LATE_RISE
from ..shared.predicates import PredicateJudge, dropping
from .linear_law import CHANCE, FINITE, SettledLoop, ginibre, law_of, obeys, off, settle, widths

BLOCKS = ("gain", "external", "internal")
"""The forms of linear loops that N7 has laws for."""
KNOWN = {**LAWS, LATE_RISE.scalar.name: LATE_RISE}
"""The activations of loops by name."""


def _blocks() -> st.SearchStrategy[Case]:
    """Loops of these forms, at scaling variables at which their laws are claimed."""
    return st.sampled_from(BLOCKS).flatmap(
        lambda form: widths(form, assumed.least(form == "internal"))
    )


@st.composite
def _loop(
    draw: DrawFn, entries: str = "gaussian", kind: str = "", edge: tuple[float, float] | None = None
) -> Case:
    """N(a h + sigma A phi(k h) + beta e), beta^2 = beta_c^2 + x^2 sigma^2 c/sqrt(d), x <= 7.

    With `edge`, beta/beta_c is drawn from that interval instead (and x is 0). `entries` of e:
    gaussian, signs or sparse (5 %). `kind`: aligned (e chosen after A), symmetric (A), epsilon (eps
    = 4 w^2), or nothing.
    """
    other = entries != "gaussian"
    steep = other or edge is not None  # where the hypothesis matters
    name = "tanh" if other else draw(st.sampled_from(("tanh", "sin") if steep else tuple(LAWS)))
    k = draw(fractions(5 / 2, 3)) if steep else draw(fractions(1 / 2, 2))
    a = draw(st.sampled_from((0.0, 0.5, 1.0)))
    return {
        "seed": draw(st.integers(0, 2**31)),
        "d": 64,
        "draws": 24,
        "activation": name,
        "entries": entries,
        "kind": kind,
        "k": k,
        "a": a,
        "sigma": draw(fractions(1 / 2, 2)),
        "x": 0.0 if edge else draw(fractions(assumed.least(a, k), 7)),
        "edge": draw(fractions(*edge)) if edge else 1.0,
    }


def _input(case: Case, rng: np.random.Generator, matrix: Array) -> Array:
    d = case["d"]
    if case["kind"] == "aligned":
        return normalised(np.linalg.eigh(matrix + matrix.T)[1][:, -1])
    if case["entries"] == "gaussian":
        return normalised(rng.standard_normal(d))
    count = d if case["entries"] == "signs" else max(1, round(case.get("density", 0.05) * d))
    e = np.zeros(d)
    e[rng.permutation(d)[:count]] = rng.choice((-1.0, 1.0), count)
    return normalised(e)


def _draws(case: Case, beta: float, start_at_input: bool) -> list[SettledLoop]:
    rng = np.random.default_rng(case["seed"])
    activation, k, out = KNOWN[case["activation"]], case["k"], []
    for _ in range(case["draws"]):
        matrix = ginibre(rng, case["d"])
        if case["kind"] == "symmetric":
            matrix = np.tril(matrix) + np.tril(matrix, -1).T
        e = _input(case, rng, matrix)
        start = e if start_at_input else normalised(rng.standard_normal(case["d"]))
        q = activation.moments(k)[0]
        eps = 4 * (case["sigma"] ** 2 * q + beta**2) if case["kind"] == "epsilon" else 0.0
        found = settle(
            case["a"],
            case["sigma"] * matrix,
            beta * e,
            start,
            lambda h: activation(h, k),
            lambda h: activation.derivative(h, k),
            eps,
        )
        out.append(found)
    return out


def _verdict(
    case: Case,
    draws: list[SettledLoop],
    scale: float,
    rho: float,
    where: str,
    sensitivity: float | None = None,
) -> str | None:
    unsettled = sum(not draw.settled for draw in draws)
    if 2 * unsettled > len(draws):
        return (
            f"{where}: {unsettled} of {len(draws)} loops have not settled; the law says rho ="
            f" {rho:.4f}"
        )
    tests: Any = [
        ("1 - rho", [draw.gap for draw in draws], 1 - rho, FINITE),
        ("s", [draw.scale for draw in draws], scale, 4 / case["d"]),
    ]
    if sensitivity is not None:
        tests.append(("(1/d) tr S S^T", [draw.sensitivity for draw in draws], sensitivity, FINITE))
    for name, values, law, allowed in tests:
        found = off(values, law, allowed)
        if found:
            return (
                f"{where}: the median of {name} is {found[0]:.4g} times {law:.4g}, which is off by"
                f" more than {100 * found[1]:.3g} %"
            )
    return None


def _obeys(case: Case) -> str | None:
    """Most loops settle from h_0 = e, with the medians that the law predicts.

    1 - rho and (1/d) tr S S^T are within 15 %, s within 4/d.
    """
    a, sigma, k = case["a"], case["sigma"], case["k"]
    q, c = LAWS[case["activation"]].moments(k)
    threshold = float(numeric("mean_field_threshold")(sigma, q, max(c, q)))
    beta = case["edge"] * float(
        np.sqrt(threshold**2 + (case["x"] * sigma) ** 2 * c / np.sqrt(case["d"]))
    )
    rho = float(numeric("mean_field_rho_nonlinear")(a, sigma, beta, q, c))
    scale = float(numeric("mean_field_scale_nonlinear")(a, sigma, beta, q))
    where = (
        f"seed {case['seed']}, d = {case['d']}, {case['activation']}({k:g} x), {case['entries']}"
        f" input {case['kind']}, a = {a:g}, sigma = {sigma:g}, beta = {beta:.4g}, beta_c ="
        f" {threshold:.4g}, {case['draws']} draws"
    )
    sensitivity = float(numeric("mean_field_sensitivity")(sigma, beta, q, c))
    return _verdict(case, _draws(case, beta, True), scale, rho, where, sensitivity)


@st.composite
def _share(draw: DrawFn, gaussian: bool = False, below: bool = False) -> Case:
    """Inputs +-1/sqrt(p) on a share p of the entries.

    The scaling variable x <= 7 gives the share u of the input in the state, and that gives
    beta; or u is drawn. `gaussian`: the entries are Gaussian instead; `below`: u below the edge of
    tanh(3x) with p = 1.
    """
    d, steep = 64, gaussian or below
    density = 1.0 if steep else draw(st.sampled_from((1.0, 0.5, 0.25)))
    name = "tanh" if steep else draw(st.sampled_from(("tanh", "relu")))
    shares = (7 / 8, 15 / 16) if gaussian else (1 / 8, 1 / 4)
    a = 0.0 if gaussian else draw(st.sampled_from((0.0, 0.5, 1.0)))
    return {
        "seed": draw(st.integers(0, 2**31)),
        "d": d,
        "draws": 64 if gaussian else 24,
        "activation": name,
        "k": 3.0 if steep else draw(fractions(1, 3)),
        "density": density,
        "entries": "gaussian" if gaussian else "sparse",
        "kind": "",
        "a": a,
        "sigma": draw(fractions(1 / 2, 2)),
        "x": 0.0 if steep else draw(fractions(assumed.least(a), 7)),
        "u": draw(fractions(*shares)) if steep else 0.0,
    }


@st.composite
def _late(draw: DrawFn) -> Case:
    """A share above the edge of the late rise, whose recall also fits a share below the edge."""
    case = dict(draw(_share(below=True)))
    return {
        **case,
        "activation": LATE_RISE.scalar.name,
        "k": 1.0,
        "a": 0.0,
        "u": draw(st.sampled_from((0.98, 0.9825))),
    }


def _share_moments(case: Case, v: float) -> tuple[float, float]:
    """(q, c) over the entries of h = sqrt(1 - v) g + sqrt(v) e."""
    activation, k, p = KNOWN[case["activation"]], case["k"], case["density"]
    if not activation.scalar.shifted:  # ReLU sees the variance only, of every symmetric law
        return activation.moments(k)
    on, zero = (
        activation.moments(k, float(np.sqrt(1 - v)), mean) for mean in (float(np.sqrt(v / p)), 0.0)
    )
    q, c = (float(numeric("sparse_mixture")(p, x, y)) for x, y in zip(on, zero, strict=True))
    return q, c


def _share_of(case: Case) -> float:
    """The share u at which the scaling variable is the case's x.

    The variable grows with u from 0 at the edge, and is taken as 0 below that.
    """

    def gap(u: float) -> float:
        q, c = _share_moments(case, u * u)
        with np.errstate(invalid="ignore"):
            found = numeric("scaling_variable_nonlinear")(
                1.0, numeric("recall_of_share")(u, q), case["d"], q, c
            )
        return float(np.nan_to_num(found)) - case["x"]

    return float(root_scalar(gap, bracket=(1 / 16, 1 - 2**-20), method="brentq").root)


def _obeys_with_share(case: Case) -> str | None:
    """The balance at the share gives beta, the bulk and the outlier, and with them the medians.

    1 - rho is within 15 %, s within 4/d.
    """
    k, p, sigma, u = case["k"], case["density"], case["sigma"], case["u"] or _share_of(case)
    v = u * u
    q, c = _share_moments(case, v)
    step = min(1e-5, (1 - v) / 4)
    steepness = (_share_moments(case, v + step)[0] - _share_moments(case, v - step)[0]) / (2 * step)
    beta = sigma * float(numeric("recall_of_share")(u, q))
    w = beta / u
    nu = float(numeric("input_outlier")(v, q, steepness))
    rho = float(numeric("mean_field_rho_outlier")(case["a"], w, sigma * np.sqrt(c) / w, nu))
    where = (
        f"seed {case['seed']}, d = {case['d']}, {case['activation']}({k:g} x), entries on a share"
        f" {p:g} ({case['entries']}), a = {case['a']:g}, sigma = {sigma:g}, beta = {beta:.4g}, u ="
        f" {u:.4g}, nu*/w = {nu:.3g}"
    )
    return _verdict(case, _draws(case, beta, False), case["a"] + w, rho, where)


@st.composite
def _edges(draw: DrawFn, below: bool = False) -> Case:
    """Moments q and c, and a strength of the recall above the edge, or below it (where c > q)."""
    q, sigma = draw(fractions(1 / 4, 3)), draw(fractions(1 / 4, 3))
    c = q + draw(fractions(1 / 4, 3)) if below else draw(fractions(0, 6))
    edge = max(sigma**2 * (c - q), 0.0)
    square = edge * draw(fractions(1 / 16, 15 / 16)) if below else edge + draw(fractions(1 / 16, 9))
    return {"a": draw(fractions(0, 3)), "sigma": sigma, "square": square, "q": q, "c": c}


def _edge_of(case: Case) -> Edge:
    names = ("a", "sigma", "square", "q", "c")
    a, sigma, square, q, c = (sp.Rational(case[name]) for name in names)
    return Edge(a, sigma, sp.sqrt(square), q, c)


SUITES = (
    Suite(
        "N7",
        "law",
        property=(
            "Gaussian inputs, beta > beta_c: loops settle from h_0 = e, with the law's 1 - rho, s,"
            " (1/d) tr S S^T"
        ),
        cases=_loop,
        judge=Confirmed(_obeys, CHANCE),
        broken=assumed.nonlinear,
        drops=(
            Drop(
                "gaussian_input: entries +-1",
                assumption="gaussian_input",
                cases=lambda: _loop("signs"),
            ),
            Drop(
                "gaussian_input: sparse entries",
                assumption="gaussian_input",
                cases=lambda: _loop("sparse"),
            ),
            Drop(
                "above_edge: beta below beta_c",
                assumption="above_edge",
                cases=lambda: _loop(edge=(1 / 16, 1 / 2)),
            ),
            Drop(
                "independent: e is the direction that A + A^T stretches most",
                assumption="independent",
                cases=lambda: _loop(kind="aligned"),
            ),
            Drop(
                "ginibre: A symmetric", assumption="ginibre", cases=lambda: _loop(kind="symmetric")
            ),
            Drop(
                "eps_zero: eps = 4 w^2",
                assumption="eps_zero_gain_one",
                cases=lambda: _loop(kind="epsilon"),
            ),
        ),
        evidence="sample",
        cost=20,
    ),
    Suite(
        "N7",
        "inputs of any law",
        property="sparse and +-1 inputs: 1 - rho and s from the share of the input in the state",
        cases=_share,
        judge=Confirmed(_obeys_with_share, CHANCE),
        broken=lambda case: assumed.shared(case, _share_of, _share_moments),
        drops=(
            Drop(
                "entries of the law: Gaussian entries in place of the two or three values",
                assumption="input_law",
                cases=lambda: _share(gaussian=True),
            ),
            Drop(
                "above_edge: a share below the edge of tanh(3x)",
                assumption="above_edge",
                cases=lambda: _share(below=True),
            ),
            Drop("concave: an activation that saturates, then rises", _late, assumption="concave"),
        ),
        evidence="sample",
        cost=20,
    ),
    Suite(
        "N7",
        "forms",
        property="gain without residual, external and internal blocks obey the law",
        cases=_blocks,
        judge=Confirmed(obeys, CHANCE),
        broken=lambda case: assumed.linear(case, BLOCKS, law_of),
        drops=(
            Drop(
                "independent: e is the direction that W_e stretches most",
                assumption="independent",
                cases=lambda: widths("external", kind="aligned"),
            ),
            Drop(
                "ginibre: W_x symmetric",
                assumption="ginibre",
                cases=lambda: widths("external", kind="symmetric"),
            ),
            Drop(
                "limit: x below 1",
                assumption="limit",
                cases=lambda: widths("external", 1 / 8, 3 / 4),
            ),
        ),
        evidence="sample",
        cost=20,
    ),
    Suite(
        "N7",
        "edge",
        property="beta^2 > sigma^2 (c - q): the radius of the law is below 1, whatever a",
        cases=_edges,
        judge=PredicateJudge(STABLE, _edge_of),
        drops=(
            Drop(
                "beta above the edge",
                assumption="above_edge",
                cases=lambda: dropping("above_edge", _edges(below=True)),
            ),
        ),
        evidence="closed form",
        predicate=STABLE.name,
    ),
)
