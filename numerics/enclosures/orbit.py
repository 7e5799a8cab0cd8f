"""The exact orbit of a map, enclosed until it has entered a ball that the map contracts.

Far from the ball the orbit is an array of balls, whose radii grow by the same number of bits at
every iteration. Near it, a tube does better: the map is evaluated at an exact center, and the
tube's radius grows by the rate of the map, which has been bounded on a few larger balls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import flint
import numpy as np
from flint import arb

from ..arrays import Array
from .ball_array import BallArray
from .contraction import Contraction, NotCertified, Slope, slope_over
from .jet import Jet
from .rounding import row_norms

BallMap = Callable[[BallArray], BallArray]

STEP = 8.0
"""Ratio of the radii of the balls on which the rate is bounded."""
LARGEST = 2.0**13
"""Rate above which a ball is of little use: plain balls lose about as many bits."""
MARGIN = 64
"""Bits of working precision beyond those of the tube."""
MOST = 20
"""Most balls; a map whose derivative is bounded everywhere would have infinitely many."""
SPARE = 1.0
"""Bits that plain balls may lose in an iteration beyond those that were measured."""


@dataclass(frozen=True)
class Enclosed:
    """The state of an orbit at one time.

    Args:
        time: t.
        state: balls that contain the state if `tube` is None, otherwise the exact center of a tube.
        tube: a bound of the distance of the state from the center, in the norm of the coordinates;
            for `turn` > 0 that of the state `turn` iterations before.
        ball: index of the smallest ball around the fixed point that is known to contain the tube; 0
            is the contraction.
        turn: iterations since the center of the tube; less than the period.
    """

    time: int
    state: BallArray
    tube: arb | None = None
    ball: int | None = None
    turn: int = 0


@dataclass(frozen=True)
class Funnel:
    """Balls around a fixed point with bounds of the rate on each, the smallest contracted first.

    Args:
        contraction: the contracted ball.
        slopes: the larger balls, in ascending order.
    """

    contraction: Contraction
    slopes: tuple[Slope, ...]

    @classmethod
    def around(cls, step: Callable[[Jet], Jet], contraction: Contraction) -> Funnel:
        """Bound the rate on balls that grow by `STEP` while it is at most `LARGEST`."""
        slopes: list[Slope] = []
        radius = contraction.radius
        for _ in range(MOST):
            radius *= STEP
            found = slope_over(step, contraction.center, contraction.coordinates, radius)
            if not found.rate <= LARGEST:
                break
            slopes.append(found)
        return cls(contraction, tuple(slopes))

    @property
    def all(self) -> tuple[Slope, ...]:
        """All balls in ascending order, the contracted one first."""
        first = self.contraction
        return (Slope(first.radius, first.rate), *self.slopes)

    def index(self, distance: float) -> int | None:
        """The smallest ball of at least that radius."""
        for i, slope in enumerate(self.all):
            if distance <= slope.radius:
                return i
        return None

    def orbit(
        self,
        step: BallMap,
        start: Callable[[], BallArray],
        expected: Sequence[float],
        bits: int,
        period: int = 1,
    ) -> Iterator[Enclosed]:
        """Enclose the orbit, iteration by iteration, until it is in the contracted ball.

        Args:
            step: one iteration on balls.
            start: makes the first state.
            expected: distances of the orbit from the center at the times 0, 1, 2, ... in the norm
                of the coordinates, in floating point. The orbit is given up at twice as many
                iterations.
            bits: the precision at first; `bits_for` tells what is needed.
            period: number of iterations of which the funnel's map consists.

        Yields:
            The state after 0, 1, 2, ... iterations.

        Raises:
            NotCertified: the orbit did not enter, or its enclosure became too wide.
        """
        longest = 2 * len(expected) + period
        with flint.ctx.workprec(bits):
            now = self._seen(Enclosed(0, start()))
        while now.time <= longest:
            yield now
            if now.ball == 0:
                return
            if now.tube is None:
                now = self._free(now, step, bits)
            else:
                between, now = self._near(now, step, period)
                yield from between
        raise NotCertified(f"the orbit did not enter the contracted ball in {longest} iterations")

    def bits_for(self, expected: Sequence[float], growth: float, period: int = 1) -> int:
        """The precision that the orbit is expected to need.

        Args:
            expected: distances of the orbit, as in `orbit`.
            growth: bits that plain balls lose in an iteration.
            period: number of iterations of which the funnel's map consists.
        """
        bits, time = 2 * MARGIN - np.log2(self.contraction.radius), 0
        while time < len(expected):
            ball = self.index(expected[time])
            lost = growth + SPARE if ball is None else np.log2(self.all[ball].rate)
            bits += max(0.0, lost)
            time += 1 if ball is None else period
        return int(bits)

    def _free(self, now: Enclosed, step: BallMap, bits: int) -> Enclosed:
        """One iteration of plain balls, at a precision that follows their radius."""
        lost = now.state.radius
        known = bits if not lost > 0 else _bits_of(lost) + MARGIN
        if known < MARGIN // 2:
            raise NotCertified(
                f"the enclosure of the orbit became too wide at iteration {now.time} with"
                f" {bits} bits"
            )
        with flint.ctx.workprec(min(bits, max(known, MARGIN))):
            return self._seen(Enclosed(now.time + 1, step(now.state)))

    def _near(self, now: Enclosed, step: BallMap, period: int) -> tuple[list[Enclosed], Enclosed]:
        """`period` iterations of a tube: the states between, and the next center."""
        tube, ball = now.tube, now.ball
        assert tube is not None
        assert ball is not None
        between, state = [], now.state
        with flint.ctx.workprec(max(_bits_of(tube) + MARGIN, 2 * MARGIN)):
            for turn in range(1, period):
                state = step(state)
                between.append(Enclosed(now.time + turn, state, tube, ball, turn))
            wider = (arb(self.all[ball].rate) * tube).upper()
            return between, self._seen(Enclosed(now.time + period, step(state)), wider)

    def _seen(self, made: Enclosed, tube: arb | None = None) -> Enclosed:
        """The state as a tube where it lies in one of the balls, otherwise as it is."""
        where, center = self.contraction.coordinates, self.contraction.center
        stretch = arb(where.inverse_norm) / (1 - arb(where.defect))
        width = (stretch * made.state.radius + (tube or 0)).upper()
        centers = made.state.centers
        offset = centers - BallArray.exact(center)
        mid = offset.mid
        rest = float(row_norms(offset.distance(mid).ravel()))
        distance = where.size_of(mid.ravel(), rest)
        far = float((arb(distance) + width).upper()) * (1 + 2.0**-50)
        ball = self.index(far)
        if ball is None:
            if tube is not None:
                raise NotCertified(
                    f"the tube about the orbit left the balls at iteration {made.time}: it is"
                    f" {float(width):.3g} wide"
                )
            return made
        return Enclosed(made.time, centers, width, ball)


def growth_of(step: BallMap, state: Array) -> float:
    """Bits that plain balls lose in an iteration at a state: those of the second of two."""
    with flint.ctx.workprec(4 * MARGIN):
        once = step(BallArray.exact(state, 2.0**-128))
        return float(_bits_of(once.radius) - _bits_of(step(once).radius))


def _bits_of(width: arb) -> int:
    """Bits by which a positive width is smaller than 1."""
    mantissa, exponent = width.man_exp()
    return -(int(exponent) + int(mantissa).bit_length())
