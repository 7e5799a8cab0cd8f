"""Attacks on S1: bounded updates, damped linear steps, and steps without the factor 1 - w.

Everything is exact.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.residuals.falsifiers.damping import (
    BALL,
    EXISTS,
    LIMIT,
    RAY,
    SAME,
    Bounded,
    Damped,
    PreNorm,
)
from ...attack.suite import Case, Drop, Suite
from ...ensembles.prescribed_spectra import Spectrum
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge, dropping

_SHARES = draws.fractions(0, 1)


@st.composite
def _states(draw: Any, drop: str = "") -> Case:
    """A state in the ball |h| <= C, and an update with |g| <= C; or one hypothesis dropped."""
    d = draw(draws.sizes(1, 3))
    h, g = draw(draws.vectors(d)), draw(draws.vectors(d))
    w = draw(_SHARES)
    bound = float(math.ceil(math.sqrt(max(h @ h, g @ g)))) + draw(draws.fractions(0, 1))
    if drop == "bounded":  # from a state of length at most C to 2 C or beyond it
        h, bound, w = np.zeros(d), 1.0, draw(draws.fractions(1 / 2, 1))
        g = draw(draws.directions(d)) * 4
    elif drop == "share":  # h = -g on the border
        g = draw(draws.directions(d))
        h, bound, w = -g, float(np.ceil(g @ g * 16) / 16), 1 + draw(draws.fractions(1 / 4, 4))
        g, h = g * bound, h * bound
    return {"state": h, "value": g, "bound": bound, "w": w}


def _bounded(case: Case) -> Bounded:
    return Bounded(
        [Fraction(x) for x in case["state"]],
        [Fraction(x) for x in case["value"]],
        Fraction(case["bound"]),
        Fraction(case["w"]),
    )


@st.composite
def _steps(draw: Any, drop: str = "") -> Case:
    """G with prescribed eigenvalues in a skew basis, and a damping."""
    d = draw(draws.sizes(1, 3))
    spectrum = draw(draws.bulk(d, 4.0))
    if drop == "left":
        spectrum = Spectrum((1 + draw(draws.fractions(0, 2)), *spectrum.real[1:]), spectrum.pairs)
        if len(spectrum.real) + 2 * len(spectrum.pairs) > d:
            spectrum = Spectrum(spectrum.real[:1], ())
    elif drop in ("", "left_half"):
        spectrum = _reflected(spectrum) if drop else spectrum
    size = len(spectrum.real) + 2 * len(spectrum.pairs)
    v, inverse = draw(draws.unimodulars(size))
    w = draw(draws.fractions(1 / 16, 2))
    said = spectrum
    if drop == "positive":
        w = -draw(draws.fractions(1 / 4, 4))
        spectrum = said = Spectrum((0.0,) * size, ())
    elif drop == "spectrum":  # G = -3 I, said to have the eigenvalue 0
        spectrum, said, w = Spectrum((-3.0,) * size, ()), Spectrum((0.0,) * size, ()), 3 / 4
    return {
        "matrix": v @ _form(spectrum) @ inverse,
        "real": np.array(said.real),
        "pairs": np.array(said.pairs).reshape(-1, 2),
        "w": w,
    }


def _reflected(spectrum: Spectrum) -> Spectrum:
    """The same eigenvalues, with those of Re l >= 1 moved to Re l < 1."""
    real = tuple(x if x < 1 else 1 / 2 - x for x in spectrum.real)
    return Spectrum(real, tuple((x if x < 1 else 1 / 2 - x, y) for x, y in spectrum.pairs))


def _form(spectrum: Spectrum) -> Any:
    size = len(spectrum.real) + 2 * len(spectrum.pairs)
    form = np.zeros((size, size))
    for i, x in enumerate(spectrum.real):
        form[i, i] = x
    for j, (a, b) in enumerate(spectrum.pairs):
        i = len(spectrum.real) + 2 * j
        form[i : i + 2, i : i + 2] = [[a, -b], [b, a]]
    return form


def _damped(case: Case) -> Damped:
    pairs = [(Fraction(x), Fraction(s * y)) for x, y in case["pairs"] for s in (1, -1)]
    matrix = [[Fraction(x) for x in row] for row in case["matrix"]]
    eigenvalues: list[Any] = [*((Fraction(x), 0) for x in case["real"]), *pairs]
    return Damped(matrix, Fraction(case["w"]), eigenvalues=eigenvalues)


@st.composite
def _linear(draw: Any, drop: bool = False) -> Case:
    """G, K and c; with `drop` the damping 0."""
    d = draw(draws.sizes(1, 3))
    w = 0.0 if drop else draw(draws.fractions(1 / 16, 2)) * draw(draws.SIGNS)
    # a zero step with a K and a c that are not 0 moves every state
    matrix = np.zeros((d, d)) if drop else draw(draws.entries(d, d))
    offset = np.ones(d) if drop else draw(draws.vectors(d))
    return {"matrix": matrix, "recall": draw(draws.vectors(d)), "offset": offset, "w": w}


def _with_recall(case: Case) -> Damped:
    recall, offset = ([Fraction(x) for x in case[name]] for name in ("recall", "offset"))
    matrix = [[Fraction(x) for x in row] for row in case["matrix"]]
    return Damped(matrix, Fraction(case["w"]), recall, offset)


# states whose mean square is the square of a rational
_SQUARES = ((3.0,), (1.0, 7.0), (-1.0, 7.0), (1.0, 1.0, 1.0), (1.0, 5.0, 7.0))


@st.composite
def _pre_norm(draw: Any, drop: bool = False) -> Case:
    """An update of N(h) at a state; with `drop` eps > 0 and an update that is not 0 there."""
    state = np.array([3.0] if drop else draw(st.sampled_from(_SQUARES)))
    state = state * draw(draws.fractions(1 / 2, 4))
    eps = (4 / 3 * state[0]) ** 2 if drop else 0.0
    update = draw(draws.entries(len(state), len(state)))
    if drop:
        state, eps = np.array([3.0]), 16.0
        update = np.array([[draw(draws.fractions(1 / 4, 4)) * draw(draws.SIGNS)]])
    return {
        "state": state,
        "matrix": update,
        "eps": eps,
        "strength": draw(draws.fractions(1 / 16, 4)),
    }


def _normed(case: Case) -> PreNorm:
    return PreNorm(
        [Fraction(x) for x in case["state"]],
        [[Fraction(x) for x in row] for row in case["matrix"]],
        Fraction(case["eps"]),
        Fraction(case["strength"]),
    )


def _drops(names: tuple[str, ...], cases: Any) -> tuple[Drop, ...]:
    return tuple(Drop(name, lambda name=name: dropping(name, cases(name)), name) for name in names)


SUITES: tuple[Suite, ...] = (
    Suite(
        "S1",
        "ball",
        property="a bounded update never leads out of the ball",
        cases=_states,
        judge=PredicateJudge(BALL, _bounded),
        drops=_drops(("bounded", "share"), _states),
        evidence="exact arithmetic",
        predicate="ball",
    ),
    Suite(
        "S1",
        "same",
        property="damping keeps fixed points and their sensitivity",
        cases=_linear,
        judge=PredicateJudge(SAME, _with_recall),
        drops=(Drop("moves", lambda: dropping("moves", _linear(True)), "moves"),),
        evidence="exact arithmetic",
        cost=4,
        predicate="same",
    ),
    Suite(
        "S1",
        "limit",
        property="a damped step contracts below the limit of the formula and not from there on",
        cases=_steps,
        judge=PredicateJudge(LIMIT, _damped),
        drops=_drops(("positive", "spectrum"), _steps),
        evidence="exact arithmetic",
        cost=4,
        predicate="limit",
    ),
    Suite(
        "S1",
        "exists",
        property="some damping makes a point attract whose eigenvalues have Re l < 1",
        cases=lambda: _steps("left_half"),
        judge=PredicateJudge(EXISTS, _damped),
        drops=_drops(("left",), _steps),
        evidence="exact arithmetic",
        cost=6,
        predicate="exists",
    ),
    Suite(
        "S1",
        "ray",
        property="h + a u(N(h)) maps the tangent of the ray through h to itself",
        cases=_pre_norm,
        judge=PredicateJudge(RAY, _normed),
        drops=(Drop("eps_zero", lambda: dropping("eps_zero", _pre_norm(True)), "eps_zero"),),
        evidence="exact arithmetic",
        cost=8,
        predicate="ray",
    ),
)
