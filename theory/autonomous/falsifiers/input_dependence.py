"""A3: its sentences as programs, and loops in which one assumption fails."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..monotone_loops import MonotoneLoop, clamp


class TornLoop(NamedTuple):
    """A loop in the plane: (x, y) -> (g(x) + r e, y/2), but (g(x) + r e + tear, 0) where y = 0.

    The start is (e, 1), so that y_t = 2^-t is never 0, and the limits lie on the axis y = 0.

    Args:
        line: the scalar loop x -> g(x) + r e.
        e0: the input.
        tear: the jump at the axis; with 0 the map is continuous.
    """

    line: MonotoneLoop
    e0: Fraction
    tear: Fraction = Fraction(0)

    def fixed_points_are_isolated(self) -> bool:
        """Whether the fixed points (x, 0), g(x) + r e_0 + tear = x, fill no interval."""
        lines = tuple((slope, constant + self.tear) for slope, constant in self.line.lines)
        return self.line._replace(lines=lines).fixed_points(self.e0) is not None

    def limit_is_continuous(self) -> bool:
        """Whether the limit is defined near e_0 and continuous at e_0."""
        places = [self.line.limit(self.e0, side) for side in (-1, 0, 1)]
        return all(place is not None for place in places) and (
            len({place[0] for place in places if place is not None}) == 1
        )


def _moves(case: TornLoop) -> str | None:
    base = case.line.limit(case.e0)
    for side in (-1, 1):
        beside = case.line.limit(case.e0, side)
        if base is not None and beside is not None and beside != base:
            kind = "jumps" if beside[0] != base[0] else f"moves with slope {side * beside[1]}"
            return f"the limit {kind} at e_0 = {case.e0}"
    return None


LOCAL = Predicate[TornLoop](
    name="locally_constant",
    sentence=(
        "If h_inf = lim h_t is defined near e_0 and continuous at e_0, it is constant near e_0, so"
        " D h_inf = 0 wherever it exists."
    ),
    concluded_by=("locally_constant", "derivative_zero"),
    assumptions={
        "autonomous": lambda case: case.line.recall == 0,
        "continuous_map": lambda case: case.tear == 0 and case.line.continuous(),
        "discrete": TornLoop.fixed_points_are_isolated,
        "continuous_limit": TornLoop.limit_is_continuous,
    },
    refute=_moves,
    example=lambda: TornLoop(clamp(2), Fraction(1, 2)),
)


class Basins(NamedTuple):
    """A scalar loop without recall, h_0 = e, on a set of inputs: closed intervals in order."""

    line: MonotoneLoop
    inputs: tuple[tuple[Fraction, Fraction], ...]

    def limit_is_continuous(self) -> bool:
        """Whether the limit is continuous on the inputs; it can jump at fixed points only."""
        for low, high in self.inputs:
            for e in self.line.fixed_points() or ():
                sides = (-1,) * (low < e <= high) + (1,) * (low <= e < high)
                if any(self.line.limit(e, side) != self.line.limit(e) for side in sides):
                    return False
        return True


def _two_limits(case: Basins) -> str | None:
    # the limit is monotone in the input, so constant between inputs with equal limits
    limits = {case.line.limit(e) for interval in case.inputs for e in interval}
    return f"{len(limits)} limits" if len(limits) > 1 else None


GLOBAL = Predicate[Basins](
    name="constant",
    sentence="On a connected set of inputs where h_inf is continuous it is constant.",
    concluded_by=("connected_inputs",),
    assumptions={
        "autonomous": lambda case: case.line.recall == 0,
        "continuous_map": lambda case: case.line.continuous(),
        "discrete": lambda case: case.line.fixed_points() is not None,
        "continuous_limit": Basins.limit_is_continuous,
        "connected": lambda case: len(case.inputs) == 1,
    },
    refute=_two_limits,
    example=lambda: Basins(clamp(2), ((Fraction(1, 8), Fraction(5)),)),
)

PREDICATES = (LOCAL, GLOBAL)

_IDENTITY = MonotoneLoop(((1, 0),))
_HALF = Fraction(1, 2)
FALSIFIERS = (
    Falsifier(
        "recall",
        "autonomous",
        LOCAL,
        lambda: TornLoop(MonotoneLoop(((_HALF, 0),), recall=1), Fraction(0)),
    ),
    Falsifier(
        "map_torn_at_the_limit",
        "continuous_map",
        LOCAL,
        lambda: TornLoop(_IDENTITY, Fraction(0), tear=Fraction(1)),
    ),
    Falsifier("identity", "discrete", LOCAL, lambda: TornLoop(_IDENTITY, Fraction(0))),
    Falsifier(
        "between_two_basins", "continuous_limit", LOCAL, lambda: TornLoop(clamp(2), Fraction(0))
    ),
    Falsifier(
        "two_islands_of_inputs",
        "connected",
        GLOBAL,
        lambda: Basins(clamp(2), ((-_HALF, -_HALF), (_HALF, _HALF))),
    ),
)
