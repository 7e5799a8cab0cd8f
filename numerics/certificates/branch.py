"""A branch h*(e) of fixed points, proved to exist, to be C^1 and to depend on the input.

The input of a recall map runs along e(t) = e_0 + t v, 0 <= t <= 1. On a piece T of that interval,
the Krawczyk operator of all maps f(., e(t)) with t in T sends a box X into its interior. So every t
in T has exactly one fixed point in X, it is C^1 in t by the implicit function theorem, and its
derivative dh*/dt = (I - J)^{-1} D_e f v is enclosed by solving with the interval matrix (the
sensitivity S of `docs/vocabulary.md`). Neighbouring pieces share an end, at which one ball inside
both boxes contains the fixed point, so the pieces form one branch. All of it is computed in arb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import flint
import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .coordinates import Matrix, Vector, matrix_of, product, vector_of
from .krawczyk import (
    PRECISION,
    Balls,
    ball_step,
    column,
    identity_minus,
    inside,
    proved_ball,
    square,
)
from .maps import CertifiedMap

REFINED = 2.0**-10
"""Length down to which a proved piece is shortened until its derivative is proved not to be 0."""
LONGEST = 0.25
"""Length of the first piece, and of the longest one."""
NEWTON_STEPS = 30
"""Newton steps before the first proof: each doubles the correct digits once it is close."""
FIRST_RADII = (1e-12, 1e-9, 1e-6, 1e-3)
"""Relative radii of the boxes in which the first fixed point is proved, tried in this order."""
TIGHTENINGS = 8
"""Most applications of K that tighten the box of a proved piece."""
INFLATIONS = 12
"""Most boxes tried before a piece is shortened; each is inflated by a quarter of its radius."""
LEAST_INFLATION = 1e-18
"""Radius added to a box, so that an exact point becomes a box."""
END_STEPS = 60
"""Most applications of K that enclose the fixed point at the end of a piece."""
END_RADIUS = 1e-9
"""Radius that this enclosure must reach to start the next piece."""


class DrivenMap(CertifiedMap, Protocol):
    """A map with an additive drive c inside, such as `TanhMap` or `NormMap`."""

    @property
    def drive(self) -> tuple[Any, ...]:
        """The drive c."""
        ...

    def driven(self, drive: Vector) -> DrivenMap:
        """The map with c replaced by `drive`."""
        ...

    def drive_jacobian(self, x: Vector, direction: Vector) -> list[Any]:
        """The derivative of f with respect to c along `direction`."""
        ...


@dataclass(frozen=True)
class Piece:
    """A piece of a branch, over the inputs from t = `start` to t = `stop`.

    The branch lies between `low` and `high`, (d,) each; its derivative with respect to t lies
    between `slope_low` and `slope_high`, (d,) each.
    """

    start: float
    stop: float
    low: Array
    high: Array
    slope_low: Array
    slope_high: Array

    @property
    def least_slope(self) -> float:
        """A lower bound of max_i abs(dh*_i/dt) on the piece; 0 if no component excludes 0."""
        return max(0.0, float(np.maximum(self.slope_low, -self.slope_high).max()))

    @property
    def moves(self) -> bool:
        """Whether the derivative is proved to differ from 0 everywhere on the piece."""
        return self.least_slope > 0


@dataclass(frozen=True)
class Branch:
    """The proved pieces of one C^1 branch, over 0 <= t <= `reached`.

    If `reached` is below 1, the piece that begins there could not be proved.
    """

    pieces: tuple[Piece, ...]

    @property
    def reached(self) -> float:
        """The end of the proved part."""
        return self.pieces[-1].stop if self.pieces else 0.0

    @property
    def complete(self) -> bool:
        """Whether the branch is proved over the whole interval."""
        return self.reached == 1.0

    @property
    def input_dependent(self) -> bool:
        """Whether the branch is complete, with a derivative proved to differ from 0 everywhere."""
        return self.complete and all(piece.moves for piece in self.pieces)

    @property
    def least_slope(self) -> float:
        """A lower bound of max_i abs(dh*_i/dt) on the proved part."""
        return min((piece.least_slope for piece in self.pieces), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; `undecided` is the part of [0, 1] that is not proved."""
        return {
            "reached": self.reached,
            "complete": self.complete,
            "input_dependent": self.input_dependent,
            "least_slope": self.least_slope,
            "undecided": None if self.complete else [self.reached, 1.0],
            "pieces": [
                {
                    "start": p.start,
                    "stop": p.stop,
                    "low": p.low.tolist(),
                    "high": p.high.tolist(),
                    "slope_low": p.slope_low.tolist(),
                    "slope_high": p.slope_high.tolist(),
                }
                for p in self.pieces
            ],
        }


def certify_branch(
    f: DrivenMap,
    recall: Any,
    start: Any,
    direction: Any,
    state: Any,
    *,
    min_step: float = 2.0**-20,
    max_pieces: int = 10_000,
) -> Branch:
    """Follow a fixed point while the input runs along a line, and prove its branch.

    The branch ends where a piece of length `min_step` cannot be proved, for example at a fold.

    Args:
        f: Map with an additive drive c; the drive at the input e is c + B e.
        recall: Matrix B, (k, m).
        start: Input e_0 at t = 0, (m,).
        direction: Change v of the input from t = 0 to t = 1, (m,).
        state: State near the fixed point at t = 0, (d,).
        min_step: Least length of a piece.
        max_pieces: Largest number of pieces.

    Returns:
        The proved part of the branch.

    Raises:
        UsageError: If the sizes do not fit together, or no fixed point is proved near `state`.
    """
    b = matrix_of(recall, "B")
    if len(b) != len(f.drive):
        raise UsageError(
            f"B has {len(b)} rows but the drive {len(f.drive)} entries: B e is added to the drive"
        )
    inputs = vector_of(start, "start", len(b[0])), vector_of(direction, "direction", len(b[0]))
    line = _InputLine(f, b, *inputs)
    center = vector_of(state, "state", f.size)
    with flint.ctx.workprec(PRECISION):
        point = _first(line.at(flint.arb(0)), center)
        pieces: list[Piece] = []
        position, step = 0.0, LONGEST
        moving = any(u != 0 for u in line.change())
        while position < 1 and step >= min_step and len(pieces) < max_pieces:
            stop = min(1.0, position + step)
            found = line.piece(position, stop, point)
            if found is None or (moving and not found[0].moves and step > REFINED):
                step /= 2
                continue
            piece, point = found
            pieces.append(piece)
            position, step = stop, min(2 * step, LONGEST)
    return Branch(tuple(pieces))


def _first(f: CertifiedMap, center: Sequence[float]) -> Balls:
    """A ball with the only fixed point near the center: Newton steps, then a proof."""
    x = [flint.arb(c) for c in center]
    for _ in range(NEWTON_STEPS):
        new = ball_step(f, x)
        if new is None:
            break
        x = [xi.mid() for xi in new]
    middle = np.array([float(xi) for xi in x])
    for radius in FIRST_RADII:
        reach = radius * (1 + np.abs(middle))
        ball = proved_ball(f, middle - reach, middle + reach) if np.isfinite(middle).all() else None
        if ball is not None:
            return ball
    raise UsageError(
        f"no fixed point is proved near {list(center)}: start from a point that `certify` found"
    )


@dataclass(frozen=True)
class _InputLine:
    """The maps f(., e(t)) along the inputs e(t) = start + t direction."""

    f: DrivenMap
    recall: Matrix
    start: tuple[float, ...]
    direction: tuple[float, ...]

    def change(self) -> Balls:
        """B v, the change of the drive from t = 0 to t = 1."""
        return product(self.recall, [flint.arb(v) for v in self.direction])

    def at(self, t: Any) -> DrivenMap:
        """The map at t, or an enclosure of all maps with t in a ball."""
        e = [flint.arb(e) + t * v for e, v in zip(self.start, self.direction, strict=True)]
        return self.f.driven(
            [c + u for c, u in zip(self.f.drive, product(self.recall, e), strict=True)]
        )

    def piece(self, start: float, stop: float, point: Balls) -> tuple[Piece, Balls] | None:
        """The piece that begins at the fixed point `point`, and the fixed point at its end.

        None if the piece is not proved.
        """
        all_maps = self.at(flint.arb(start).union(flint.arb(stop)))
        x = self._box(all_maps, point)
        if x is None:
            return None
        for _ in range(TIGHTENINGS):
            new = ball_step(all_maps, x)
            if new is None or not inside(new, x):
                break
            x = new
        end = self._end(self.at(flint.arb(stop)), x)
        slope = self._slope(all_maps, x)
        if end is None or slope is None:
            return None
        return Piece(start, stop, *_ends(x), *_ends(slope)), end

    @staticmethod
    def _box(all_maps: CertifiedMap, point: Balls) -> Balls | None:
        """The image under K of a box that K sends into its interior, for every map of the piece.

        It contains `point` and the fixed points of all these maps.
        """
        x = point
        for _ in range(INFLATIONS):
            new = ball_step(all_maps, x)
            if new is None or not all(xi.is_finite() for xi in new):
                return None
            if inside(new, x) and inside(point, x):
                return new
            x = [
                (xi + (xi - xi.mid()) / 4 + flint.arb(0, LEAST_INFLATION)).union(pi)
                for xi, pi in zip(new, point, strict=True)
            ]
        return None

    @staticmethod
    def _end(last: CertifiedMap, x: Balls) -> Balls | None:
        """The fixed point at the end of the piece, by iterating K of the map there from the box."""
        for _ in range(END_STEPS):
            new = ball_step(last, x)
            if new is None:
                return None
            if not inside(new, x):
                break
            x = new
        return x if max(float(xi.rad()) for xi in x) < END_RADIUS else None

    def _slope(self, all_maps: DrivenMap, x: Balls) -> Balls | None:
        """An enclosure of dh*/dt on the piece; None if I - J may be singular."""
        matrix = identity_minus(square(all_maps.jacobian(x)))
        try:
            return matrix.solve(column(all_maps.drive_jacobian(x, self.change()))).entries()
        except ZeroDivisionError:
            return None


def _ends(balls: Balls) -> tuple[Array, Array]:
    """The lower and upper ends of balls, rounded outward to doubles."""
    lower = np.array([np.nextafter(float(x.lower()), -np.inf) for x in balls])
    return lower, np.array([np.nextafter(float(x.upper()), np.inf) for x in balls])
