"""A branch h*(e) of fixed points of a recall map over an interval of inputs, proved to exist, to be
C^1 and to depend on the input.

The input runs along e(t) = e_0 + t v, 0 <= t <= 1. On a piece T of t the Krawczyk operator of all
maps f(., e(t)), t in T, sends a box X into its interior: every t in T has exactly one fixed point
in X, C^1 in t by the implicit function theorem, and dh*/dt = (I - J)^{-1} D_e f v is enclosed by
solving with the interval matrix (THEORY.md section 1, S). Neighbouring pieces share their end,
where one ball inside both boxes holds the fixed point, so the pieces are one branch. All in arb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import flint
import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
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
from .maps import CertifiedMap, Matrix, Vector, matrix_of, product, vector_of

REFINED = 2.0**-10
"""length down to which a proved piece is cut further for an enclosure of its derivative that
excludes 0
"""


class DrivenMap(CertifiedMap, Protocol):
    """A map with an additive drive c inside (`TanhMap`, `NormMap`)."""

    @property
    def drive(self) -> tuple[Any, ...]:
        """The drive c."""
        ...

    def driven(self, drive: Vector) -> DrivenMap:
        """The map with that drive."""
        ...

    def drive_jacobian(self, x: Vector, direction: Vector) -> list[Any]:
        """Derivative of f along a change of c."""
        ...


@dataclass(frozen=True)
class Piece:
    """Between `start` and `stop` the branch lies in the box `low`, `high` (d,), its derivative in t
    in `slope_low`, `slope_high` (d,).
    """

    start: float
    stop: float
    low: Array
    high: Array
    slope_low: Array
    slope_high: Array

    @property
    def least_slope(self) -> float:
        """Lower bound of max_i abs(dh*_i/dt) on the piece; 0 where no component excludes 0."""
        return max(0.0, float(np.maximum(self.slope_low, -self.slope_high).max()))

    @property
    def moves(self) -> bool:
        """The derivative is proved different from 0 on the piece."""
        return self.least_slope > 0


@dataclass(frozen=True)
class Branch:
    """Pieces of one C^1 branch over [0, `reached`]; `reached` = 1 is the whole interval, less means
    that the next piece is undecided.
    """

    pieces: tuple[Piece, ...]

    @property
    def reached(self) -> float:
        """The end of the proved part."""
        return self.pieces[-1].stop if self.pieces else 0.0

    @property
    def complete(self) -> bool:
        """The branch is proved over the whole interval."""
        return self.reached == 1.0

    @property
    def input_dependent(self) -> bool:
        """Complete, and the derivative along the inputs is proved different from 0 everywhere."""
        return self.complete and all(piece.moves for piece in self.pieces)

    @property
    def least_slope(self) -> float:
        """Lower bound of max_i abs(dh*_i/dt) on the proved part."""
        return min((piece.least_slope for piece in self.pieces), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; `undecided`: the part of [0, 1] that is not proved."""
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
    """Follow the fixed point near `state` (d,) while the input runs from `start` (m,) along
    `direction` (m,).

    The drive of the map is c + B e, B = `recall` (k, m). Stops where a piece of length `min_step`
    is not proved (a fold, for one). `UsageError` if no fixed point is proved near `state`.
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
        position, step = 0.0, 0.25
        moving = any(u != 0 for u in line.change())
        while position < 1 and step >= min_step and len(pieces) < max_pieces:
            stop = min(1.0, position + step)
            found = line.piece(position, stop, point)
            if found is None or (moving and not found[0].moves and step > REFINED):
                step /= 2
                continue
            piece, point = found
            pieces.append(piece)
            position, step = stop, min(2 * step, 0.25)
    return Branch(tuple(pieces))


def _first(f: CertifiedMap, center: Sequence[float]) -> Balls:
    """The fixed point near the center, as a ball: a few Newton steps, then a proof."""
    x = [flint.arb(c) for c in center]
    for _ in range(30):
        new = ball_step(f, x)
        if new is None:
            break
        x = [xi.mid() for xi in new]
    middle = np.array([float(xi) for xi in x])
    for radius in (1e-12, 1e-9, 1e-6, 1e-3):
        reach = radius * (1 + np.abs(middle))
        ball = proved_ball(f, middle - reach, middle + reach) if np.isfinite(middle).all() else None
        if ball is not None:
            return ball
    raise UsageError(
        f"no fixed point is proved near {list(center)}: start from a point that `certify` found"
    )


@dataclass(frozen=True)
class _InputLine:
    """The maps along the inputs start + t direction."""

    f: DrivenMap
    recall: Matrix
    start: tuple[float, ...]
    direction: tuple[float, ...]

    def change(self) -> Balls:
        """B v."""
        return product(self.recall, [flint.arb(v) for v in self.direction])

    def at(self, t: Any) -> DrivenMap:
        """The map at t, or all maps with t in a ball."""
        e = [flint.arb(e) + t * v for e, v in zip(self.start, self.direction, strict=True)]
        return self.f.driven(
            [c + u for c, u in zip(self.f.drive, product(self.recall, e), strict=True)]
        )

    def piece(self, start: float, stop: float, point: Balls) -> tuple[Piece, Balls] | None:
        """A proved piece that begins at the fixed point `point`, and the fixed point at its end."""
        all_maps = self.at(flint.arb(start).union(flint.arb(stop)))
        x = self._box(all_maps, point)
        if x is None:
            return None
        for _ in range(8):  # tighten
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
        """A box around `point` that K sends into its interior for every map of the piece; what K
        leaves of it still holds the points.
        """
        x = point
        for _ in range(12):
            new = ball_step(all_maps, x)
            if new is None or not all(xi.is_finite() for xi in new):
                return None
            if inside(new, x) and inside(point, x):
                return new
            x = [
                (xi + (xi - xi.mid()) / 4 + flint.arb(0, 1e-18)).union(pi)
                for xi, pi in zip(new, point, strict=True)
            ]
        return None

    @staticmethod
    def _end(last: CertifiedMap, x: Balls) -> Balls | None:
        """The fixed point at the end of the piece: K of the one map there, iterated from the box of
        the piece.
        """
        for _ in range(60):
            new = ball_step(last, x)
            if new is None:
                return None
            if not inside(new, x):
                break
            x = new
        return x if max(float(xi.rad()) for xi in x) < 1e-9 else None

    def _slope(self, all_maps: DrivenMap, x: Balls) -> Balls | None:
        matrix = identity_minus(square(all_maps.jacobian(x)))
        try:
            return matrix.solve(column(all_maps.drive_jacobian(x, self.change()))).entries()
        except ZeroDivisionError:
            return None


def _ends(balls: Balls) -> tuple[Array, Array]:
    lower = np.array([np.nextafter(float(x.lower()), -np.inf) for x in balls])
    return lower, np.array([np.nextafter(float(x.upper()), np.inf) for x in balls])
