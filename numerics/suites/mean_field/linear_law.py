"""Attacks on N6, the mean-field law of linear normalised loops, and on the linear forms of N7.

Loops are iterated to their fixed point, and medians over draws are tested. A case is (seed, width,
form, scaling variable); all else is drawn from the seed. The law is allowed the 15 % that it claims
at finite width (x >= 3), and six standard errors of the median, from the median absolute deviation
of the draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.mean_field.falsifiers.linear_law import RADIUS, SCALE, LinearLimit
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions
from ..shared import assumed_mean_field as assumed
from ..shared.complex_step import normalised
from ..shared.confirmation import Confirmed
from ..shared.predicates import PredicateJudge, dropping

FINITE = 0.15
"""The relative error of 1 - rho and of (1/d) tr S S^T that N6 claims from x = 3 on."""
ERRORS = 6
"""Standard errors of a median."""
CHANCE = 2e-4
"""A bound of the probability that medians of a sample are off by that much and the claimed error.

It was measured with resampled draws, at the least x of N6 and N7: 9e-5 at most.
"""
LOOPS = 500


@dataclass(frozen=True)
class SettledLoop:
    """One loop at the state it reached: 1 - rho (0 where it has not settled), |z|/R, (1/d) tr S
    S^T.
    """

    gap: float
    scale: float
    sensitivity: float
    settled: bool


def ginibre(rng: np.random.Generator, d: int) -> Array:
    """Independent N(0, 1/d) entries."""
    return rng.standard_normal((d, d)) / np.sqrt(d)


def settle(
    a: float,
    matrix: Array,
    drive: Array,
    start: Array,
    phi: Any = None,
    slope: Any = None,
    eps: float = 0.0,
) -> SettledLoop:
    """Iterate h' = N(a h + M phi(h) + b) from `start`; phi(x) = x if it is not given.

    `sensitivity` is per unit of |b|/R: S = dh*/db |b|/R.
    """
    h, z, d, moved = start, start, len(start), np.inf
    for _ in range(LOOPS):
        z = a * h + matrix @ (h if phi is None else phi(h)) + drive
        new = normalised(z, eps)
        moved, h = float(np.abs(new - h).max()), new
        if moved < 1e-10:
            break
    scale = float(np.sqrt(np.mean(z * z) + eps))
    across = np.eye(d) - np.outer(z, z) / (d * scale**2)
    inner = a * np.eye(d) + (matrix if slope is None else matrix * slope(h))
    jacobian = across @ inner / scale
    settled = moved < 1e-5
    gap = 1 - float(np.abs(np.linalg.eigvals(jacobian)).max()) if settled else 0.0
    recall = float(np.linalg.norm(drive) / np.sqrt(d))
    sensitivity = (
        float(np.sum(np.linalg.solve(np.eye(d) - jacobian, across * recall / scale) ** 2)) / d
        if settled
        else np.inf
    )
    return SettledLoop(gap, scale, sensitivity, settled)


def off(values: list[float], law: float, allowed: float) -> tuple[float, float] | None:
    """(median/law, what it may differ by from 1) where it differs by more."""
    x = np.array(values) / law
    median = float(np.median(x))
    if not np.isfinite(median):
        return median, allowed
    error = 1.2533 * 1.4826 * float(np.median(np.abs(x - median))) / np.sqrt(len(x))
    margin = allowed + ERRORS * error
    return (median, margin) if not abs(median - 1) <= margin else None


@st.composite
def widths(draw: DrawFn, form: str, low: float = 3.0, high: float = 8.0, kind: str = "") -> Case:
    """A form of the loop (plain, layer norm, gain, external or internal), a width and x.

    `kind`: aligned (e chosen after A, or after W_e), symmetric (A, or W_x), epsilon (eps = 4 w^2),
    rms (no centring), or nothing. `other`: the scale of the block's A, the mean entry of e, or half
    the root mean square of the gain.
    """
    return {
        "seed": draw(st.integers(0, 2**31)),
        "d": draw(st.sampled_from((48, 64))),
        "draws": 24,
        "x": draw(fractions(low, high)),
        "form": form,
        "kind": kind,
        "a": draw(st.sampled_from((0.0, 0.5, 1.0, 2.0))) if form == "plain" else 0.0,
        "sigma": draw(fractions(1 / 2, 2)),
        "other": draw(fractions(3 / 4, 15 / 16) if kind == "rms" else fractions(1 / 4, 3 / 4)),
    }


def law_of(case: Case) -> tuple[float, float, float, float]:
    """(sigma, beta, s, rho): the scales of the loop, and what N6 or N7 predicts for them.

    sigma and beta scale the matrix and the drive of N(a h + M h + b).
    """
    a, sigma, ratio, other = case["a"], case["sigma"], case["x"] / case["d"] ** 0.25, case["other"]
    beta = sigma * ratio
    if case["form"] == "layer norm":  # an input of mean entry mu drives with beta sqrt(1 - mu^2)
        law = numeric("mean_field_scale")(0, sigma, beta), numeric("mean_field_rho")(0, sigma, beta)
        return sigma, beta / np.sqrt(1 - other**2), *law
    if case["form"] == "gain":
        gain = 2 * other
        beta *= gain
        return (
            sigma,
            beta,
            numeric("mean_field_scale")(0, sigma * gain, beta),
            numeric("mean_field_rho_gain")(gain, sigma, beta),
        )
    if case["form"] == "external":
        stretch = np.sqrt(1 + other**2)
        scale = numeric("mean_field_scale")(0, sigma * stretch, beta * stretch)
        return sigma, beta, scale, numeric("external_block_rho")(sigma, beta)
    if case["form"] == "internal":
        scale = numeric("mean_field_scale")(1, other * sigma, other * beta)
        return sigma, beta, scale, numeric("internal_block_rho")(other, sigma, beta)
    return (
        sigma,
        beta,
        numeric("mean_field_scale")(a, sigma, beta),
        numeric("mean_field_rho")(a, sigma, beta),
    )


def _measure(case: Case, rng: np.random.Generator, sigma: float, beta: float) -> SettledLoop:
    d, form, other = case["d"], case["form"], case["other"]
    matrix = ginibre(rng, d)
    if case["kind"] == "symmetric":
        matrix = np.tril(matrix) + np.tril(matrix, -1).T
    e = rng.standard_normal(d)
    if case["kind"] == "aligned":
        e = np.linalg.eigh(matrix + matrix.T)[1][:, -1]
    e = normalised(e)
    start = normalised(rng.standard_normal(d))
    if form == "layer norm":
        # LayerNorm's loop is that of N with C A C and C e; e has the mean entry `other`
        center = np.eye(d) - 1 / d
        e = normalised(center @ e) * np.sqrt(1 - other**2) + other
        if case["kind"] == "rms":
            center = np.eye(d)
        return settle(
            0.0, sigma * center @ matrix @ center, beta * center @ e, normalised(center @ start)
        )
    if form == "gain":  # k' = N(A Gamma k + beta e), h = Gamma k
        gain = 2 * other * normalised(1 + other * rng.uniform(-1, 1, d))
        return settle(0.0, sigma * matrix * gain, beta * e, start)
    if form in ("external", "internal"):
        inner = other * ginibre(rng, d)
        outer = np.eye(d) + inner if form == "external" else inner
        recall = ginibre(rng, d)
        if case["kind"] == "aligned":
            e = normalised(np.linalg.svd(recall)[2][0])
        drive = outer @ (beta * recall @ e)
        return settle(float(form == "internal"), outer @ (sigma * matrix), drive, start)
    return settle(
        case["a"],
        sigma * matrix,
        beta * e,
        start,
        eps=4 * (sigma**2 + beta**2) if case["kind"] == "epsilon" else 0.0,
    )


def obeys(case: Case) -> str | None:
    """Medians of 1 - rho and (1/d) tr S S^T are within 15 % of the law, s within 4/d.

    At a = 0, the radius at width d predicts 1 - rho to 10 %.
    """
    sigma, beta, scale, rho = law_of(case)
    rng = np.random.default_rng(case["seed"])
    draws = [_measure(case, rng, sigma, beta) for _ in range(case["draws"])]
    where = ", ".join(
        f"{name} {case[name]}"
        for name in ("seed", "d", "form", "kind", "a", "sigma", "x", "draws")
        if case[name] != ""
    )
    unsettled = sum(not draw.settled for draw in draws)
    if 2 * unsettled > len(draws):
        return (
            f"{where}: {unsettled} loops have not settled after {LOOPS}; the law says rho ="
            f" {rho:.4f}"
        )
    tests = [
        ("1 - rho", [draw.gap for draw in draws], 1 - rho, FINITE),
        ("s", [draw.scale for draw in draws], scale, 4 / case["d"]),
    ]
    if case["form"] == "plain":
        tests.append(("(1/d) tr S S^T", [draw.sensitivity for draw in draws], 1.0, FINITE))
        bulk = [np.linalg.eigvals(ginibre(rng, case["d"])) for _ in range(case["draws"])]
        radius = float(np.mean([np.abs(values).max() for values in bulk]))
        finite = 1 - float(numeric("mean_field_rho_finite")(case["a"], sigma, beta, radius))
        name, gaps = f"1 - rho with the radius {radius:.4f}", [draw.gap for draw in draws]
        if case["a"] != 0:  # an upper bound of rho: 1 - rho may only be larger
            name = f"1 - rho, from below, with the radius {radius:.4f}"
            gaps = [min(gap, finite) for gap in gaps]
        tests.append((name, gaps, finite, 0.1))
    for name, values, law, allowed in tests:
        found = off(values, law, allowed)
        if found:
            return (
                f"{where}: the median of {name} is {found[0]:.4g} times {law:.4g}, which is off by"
                f" more than {100 * found[1]:.3g} %"
            )
    return None


def _limit_of(case: Case) -> LinearLimit:
    a, sigma, beta, shift, eps = (
        sp.Rational(case[name]) for name in ("a", "sigma", "beta", "shift", "eps")
    )
    eigenvalue = sigma if case["aligned"] else None
    return LinearLimit(a, sigma, beta, shift, eigenvalue, eps, case["largest"])


@st.composite
def _limits(draw: DrawFn, dropped: str = "") -> Case:
    """Scales of a loop in the limit, with one assumption dropped.

    The second fixed point has s = a - sqrt(sigma^2 + beta^2) > 0, so that a is large.
    """
    sigma, beta = draw(fractions(1 / 2, 3)), draw(fractions(1 / 2, 3))
    return {
        "a": draw(fractions(7, 9) if dropped == "largest" else fractions(0, 3)),
        "sigma": sigma,
        "beta": 0.0 if dropped == "recall" else beta,
        "shift": draw(fractions(1 / 2, 2)) if dropped == "ginibre" else 0.0,
        "eps": draw(fractions(1 / 2, 1)) * sigma**2 if dropped == "eps_zero_gain_one" else 0.0,
        "aligned": dropped == "independent",
        "largest": dropped != "largest",
    }


def _dropped(assumption: str) -> Drop:
    return Drop(
        f"in the limit without {assumption}",
        assumption=assumption,
        cases=lambda: dropping(assumption, _limits(assumption)),
    )


_LIMIT_DROPS = tuple(map(_dropped, ("ginibre", "independent", "eps_zero_gain_one")))

SUITES = (
    Suite(
        "N6",
        "law",
        property="x >= 3: 1 - rho, s and (1/d) tr S S^T as the law has them, medians of 24 draws",
        cases=lambda: widths("plain"),
        judge=Confirmed(obeys, CHANCE),
        broken=lambda case: assumed.linear(case, ("plain",), law_of),
        drops=(
            Drop(
                "independent: e is the direction that A + A^T stretches most",
                assumption="independent",
                cases=lambda: widths("plain", kind="aligned"),
            ),
            Drop(
                "ginibre: A symmetric",
                assumption="ginibre",
                cases=lambda: widths("plain", kind="symmetric"),
            ),
            Drop(
                "limit: x below 1", assumption="limit", cases=lambda: widths("plain", 1 / 8, 3 / 4)
            ),
            Drop(
                "eps_zero: eps = 4 w^2",
                assumption="eps_zero_gain_one",
                cases=lambda: widths("plain", kind="epsilon"),
            ),
        ),
        evidence="sample",
        cost=20,
    ),
    Suite(
        "N6",
        "forms",
        property="LayerNorm's loop obeys the law with beta^2 (1 - mu^2) for beta^2",
        cases=lambda: widths("layer norm"),
        judge=Confirmed(obeys, CHANCE),
        broken=lambda case: assumed.linear(case, ("layer norm",), law_of),
        drops=(
            Drop(
                "LayerNorm: RMSNorm in its place, e of mean entry 3/4 and more",
                assumption="layer_normalised",
                cases=lambda: widths("layer norm", kind="rms"),
            ),
            Drop(
                "limit: x below 1",
                assumption="limit",
                cases=lambda: widths("layer norm", 1 / 8, 3 / 4),
            ),
        ),
        evidence="sample",
        cost=20,
    ),
    *(
        Suite(
            "N6",
            f"{predicate.name} in the limit",
            property=f"{predicate.name}: the closed form of the limit, at exact scales",
            cases=_limits,
            judge=PredicateJudge(predicate, _limit_of),
            drops=drops,
            evidence="closed form",
            predicate=predicate.name,
        )
        for predicate, drops in (
            (SCALE, _LIMIT_DROPS),
            (RADIUS, (*_LIMIT_DROPS, _dropped("recall"), _dropped("largest"))),
        )
    ),
)
