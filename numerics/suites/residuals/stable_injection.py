"""Attacks on S2: coordinates of decaying loops, and scalar loops with a clipped update.

Everything is exact.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.residuals.falsifiers.stable_injection import BOX, CONTRACTION, Clipped, Coordinates
from ...attack.suite import Case, Drop, Suite
from ...strategies import fractions as draws
from ..shared.predicates import PredicateJudge, dropping

_DECAYS = draws.fractions(0, 1, inside=True)


@st.composite
def _coordinates(draw: Any, drop: str = "") -> Case:
    """A state in the box and an update within its bound; or one hypothesis dropped."""
    d = draw(draws.sizes(1, 3))
    decay = np.array([draw(_DECAYS) for _ in range(d)])
    bound = np.array([draw(draws.fractions(1 / 4, 4)) for _ in range(d)])
    part = np.array([draw(draws.fractions(-1, 1)) for _ in range(d)])
    rest = np.array([draw(draws.fractions(-1, 1)) for _ in range(d)]) * bound
    width = bound / (1 - decay)
    # powers of 2 and 15/16 at most, so that a state well inside the box is exact
    state = part * np.floor(width * 16) / 16
    if drop == "bounded":
        state, rest = np.floor(width * 16) / 16, rest * 0 + 2 * bound + width
    elif drop == "decays":
        decay = -1 - np.array([draw(draws.fractions(1 / 4, 2)) for _ in range(d)])
        rest, state = bound, -np.floor(bound / (1 - decay) * 16) / 16
        bound, rest, state = bound * 16, rest * 16, state * 16
    return {"decay": decay, "bound": bound, "state": state, "rest": rest}


def _exact(case: Case) -> Coordinates:
    names = ("decay", "bound", "state", "rest")
    return Coordinates(*([Fraction(x) for x in case[name]] for name in names))


@st.composite
def _clipped(draw: Any, drop: str = "") -> Case:
    """A loop with a + L < 1 and any start; or one hypothesis dropped."""
    decay = draw(_DECAYS)
    room = 1 - decay - 1 / 32
    slope = room * draw(draws.fractions(-1, 1))
    lipschitz, drive, start = abs(slope), draw(draws.fractions(-4, 4)), draw(draws.fractions(-8, 8))
    if drop in ("small", "lipschitz"):
        # a 2-cycle: a h - 1 = -h for h = 1/(1 + a)
        decay = min(decay, 11 / 16)
        start, drive = 1 / (1 + decay), 0.0
        slope = -3 - draw(draws.fractions(0, 2))
        lipschitz = abs(slope) if drop == "small" else 1 / 4
    elif drop == "decays":
        decay, slope, lipschitz, drive = -1.0, 0.0, 0.0, draw(draws.fractions(-2, 2))
        start = drive / 2 + draw(draws.fractions(1 / 4, 4))
    return {"decay": decay, "slope": slope, "lipschitz": lipschitz, "drive": drive, "start": start}


def _loop(case: Case) -> Clipped:
    numbers = (case[name] for name in ("decay", "slope", "lipschitz", "drive", "start"))
    return Clipped(*(Fraction(x).limit_denominator(4096) for x in numbers))


def _drops(names: tuple[str, ...], cases: Any) -> tuple[Drop, ...]:
    return tuple(Drop(name, lambda name=name: dropping(name, cases(name)), name) for name in names)


SUITES: tuple[Suite, ...] = (
    Suite(
        "S2",
        "box",
        property="a bounded update never leads out of the box",
        cases=_coordinates,
        judge=PredicateJudge(BOX, _exact),
        drops=_drops(("bounded", "decays"), _coordinates),
        evidence="exact arithmetic",
        predicate="box",
    ),
    Suite(
        "S2",
        "contraction",
        property="steps shrink at the rate max a + L, and no orbit is a cycle",
        cases=_clipped,
        judge=PredicateJudge(CONTRACTION, _loop),
        drops=_drops(("small", "lipschitz", "decays"), _clipped),
        evidence="exact arithmetic",
        predicate="contraction",
    ),
)
