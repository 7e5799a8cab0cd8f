"""Exact cases of S2: coordinates of h' = A h + b + R(h), and scalar loops with a clipped R."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

LOOPS = 8
"""iterations in which a cycle is looked for"""


@dataclass(frozen=True)
class Coordinates:
    """A state, with the part of the step that is not A h.

    Args:
        decay: the diagonal of A.
        bound: C_i for each coordinate.
        state: h.
        rest: B e + R(h, e) there.
    """

    decay: Sequence[Any]
    bound: Sequence[Any]
    state: Sequence[Any]
    rest: Sequence[Any]


def _leaves(case: Coordinates) -> str | None:
    values = (map(Fraction, x) for x in (case.decay, case.bound, case.state, case.rest))
    found = None
    for a, c, h, r in zip(*values, strict=True):
        width = Fraction(str(formula("decay_box")(a, c)))
        if abs(h) > width:
            return None  # the state lies outside the box
        if abs(a * h + r) > width:
            found = f"a = {a}: |h'| = {abs(a * h + r)} > C/(1 - a) = {width}"
    return found


@dataclass(frozen=True)
class Clipped:
    """The scalar loop h' = a h + b + R(h) with R(h) = min(1, max(-1, slope h)).

    Args:
        decay: a.
        slope: the slope of R where it is not clipped.
        lipschitz: L.
        drive: b = B e.
        start: h_0.
    """

    decay: Any
    slope: Any
    lipschitz: Any
    drive: Any
    start: Any

    def step(self, h: Fraction) -> Fraction:
        """One loop."""
        rest = min(Fraction(1), max(Fraction(-1), Fraction(self.slope) * h))
        return Fraction(self.decay) * h + Fraction(self.drive) + rest

    def orbit(self) -> list[Fraction]:
        """h_0, h_1, ..."""
        states = [Fraction(self.start)]
        for _ in range(LOOPS):
            states.append(self.step(states[-1]))
        return states


def _decays(entries: Sequence[Any]) -> bool:
    return all(0 < Fraction(a) < 1 for a in entries)


def _no_convergence(case: Clipped) -> str | None:
    """A cycle, or steps that do not shrink at the rate."""
    states, kappa = case.orbit(), Fraction(case.decay) + Fraction(case.lipschitz)
    moves = [abs(y - x) for x, y in pairwise(states)]
    for t, state in enumerate(states[1:], 1):
        if state == states[0] and moves[0]:
            return f"the orbit of {states[0]} has period {t}"
    slow = [t for t, (x, y) in enumerate(pairwise(moves)) if y > kappa * x]
    return f"|h_{slow[0] + 2} - h_{slow[0] + 1}| is too large" if slow else None


BOX = Predicate(
    "box",
    "If |(B e + R(h, e))_i| <= C_i for every state, f maps the box |h_i| <= C_i/(1 - a_i) into"
    " itself.",
    ("coordinate", "width"),
    {
        "decays": lambda case: _decays(case.decay),
        "bounded": lambda case: all(
            abs(Fraction(r)) <= Fraction(c) for r, c in zip(case.rest, case.bound, strict=True)
        ),
    },
    _leaves,
    lambda: Coordinates(("1/2", "3/4"), (1, 2), (2, -8), (1, -2)),
)
CONTRACTION = Predicate(
    "contraction",
    "If Lip_h R <= L and max a_i + L < 1, f has one fixed point, and every orbit converges to it at"
    " the rate max a_i + L.",
    ("kappa", "one_fixed_point"),
    {
        "decays": lambda case: _decays((case.decay,)),
        "lipschitz": lambda case: abs(Fraction(case.slope)) <= Fraction(case.lipschitz),
        "small": lambda case: Fraction(case.decay) + Fraction(case.lipschitz) < 1,
    },
    _no_convergence,
    lambda: Clipped("1/2", "-1/4", "1/4", 3, 5),
)
PREDICATES = (BOX, CONTRACTION)

FALSIFIERS = (
    # rho(A) < 1 is not enough without a bound of R: h' = h/2 + h
    Falsifier("unbounded_update", "bounded", BOX, lambda: Coordinates(("1/2",), (1,), (2,), (2,))),
    Falsifier("no_decay", "decays", BOX, lambda: Coordinates((-2,), (1,), ("-1/3",), (1,))),
    # bounded, and the only fixed point is 0, with the eigenvalue -5/2: the orbit is a 2-cycle
    Falsifier("steep_update", "small", CONTRACTION, lambda: Clipped("1/2", -3, 3, 0, "2/3")),
    Falsifier(
        "steeper_than_said", "lipschitz", CONTRACTION, lambda: Clipped("1/2", -3, "1/4", 0, "2/3")
    ),
    Falsifier("reflection", "decays", CONTRACTION, lambda: Clipped(-1, 0, 0, 0, 1)),
)
