"""Where orbits from random starts end: the shares of the basins of attraction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError
from ..proportion import wilson

ARRIVED = 1e-6
"""Distance from a stable fixed point at which an orbit ends, relative to the size of the states."""
PERIODS = 32
"""Longest cycle that is told apart from an aperiodic orbit."""
RETURNED = 1e-8
"""Relative distance at which an orbit has returned."""
GONE = 1e100
"""Norm from which an orbit counts as gone to infinity."""
OTHERS = ("other fixed point", "cycle", "infinity", "undecided")


@dataclass(frozen=True)
class Share:
    """The share of orbits that end at one place.

    Args:
        end: number of the fixed point in the list of points; or where else the orbits end:
            `other fixed point` (none of the stable ones), `cycle`, `infinity` or `undecided`.
        hits: number of orbits that end there.
        share: the share of all orbits.
        low: lower end of the 95 % interval of Wilson for the probability of the basin, under the
            distribution of the starts.
        high: its upper end.
    """

    end: int | str
    hits: int
    share: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object."""
        return jsonable(self.__dict__)


def basin_shares(
    loop: LoopedMap,
    e: Array,
    starts: Sequence[Array],
    points: Sequence[tuple[int, Array]],
    scale: float,
    iterations: int,
) -> tuple[Share, ...]:
    """Iterate the loop from every start, and count where the orbits end.

    Args:
        loop: the loop.
        e: its input.
        starts: the states from which the orbits start.
        points: stable fixed points, each with its number.
        scale: the size of the states, to which distances are relative.
        iterations: largest length of an orbit.

    Returns:
        The share of every stable point, also where it is 0, and of the other ends that occur.
    """
    ends: list[int | str] = [_end(loop, e, h, points, scale, iterations) for h in starts]
    names = [number for number, _ in points] + [name for name in OTHERS if name in ends]
    out = []
    for name in names if ends else ():
        hits = ends.count(name)
        out.append(Share(name, hits, hits / len(ends), *wilson(hits, len(ends))))
    return tuple(out)


def _end(
    loop: LoopedMap,
    e: Array,
    h: Array,
    points: Sequence[tuple[int, Array]],
    scale: float,
    iterations: int,
) -> int | str:
    last: list[Array] = []
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            for number, point in points:
                if float(np.linalg.norm(h - point)) <= ARRIVED * scale:
                    return number
            last = [*last[-PERIODS:], h]
            try:
                h = np.array(loop.step(h, e), copy=True)
            except LoopError:
                return "undecided"
            if not float(np.linalg.norm(h)) <= GONE:
                return "infinity"
    size = max(float(np.linalg.norm(h)), scale)
    back = [float(np.linalg.norm(h - past)) <= RETURNED * size for past in reversed(last)]
    if back and back[0]:
        return "other fixed point"
    return "cycle" if any(back) else "undecided"
