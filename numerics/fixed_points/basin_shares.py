"""Where orbits from random starts end: the shares of the basins of attraction."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance
from ..proportion import wilson

ARRIVED = 1e-6
"""Distance from a stable fixed point at which an orbit ends there, relative to the states' size."""
STILL = 1e-10
"""Step at which an orbit has settled, relative to the size of the states."""
PERIODS = 32
"""Longest cycle that is told apart from an aperiodic orbit."""
RETURNED = 1e-6
"""Distance at which an orbit has returned, relative to its last step."""
FIRST_LOOK = 128
"""Iterations after which a cycle is looked for; then after twice as many, and so on."""
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


def orbit_end(
    loop: LoopedMap, e: Any, h: Array, scale: float, iterations: int
) -> tuple[str, Array]:
    """Iterate a loop until it settles: how the orbit ends, and its last state.

    The first is `settled`, `cycle`, `infinity` or `undecided`.
    """
    last: deque[Array] = deque(maxlen=PERIODS + 1)
    still = max(STILL, 10 * float(np.finfo(h.dtype).eps))
    look = FIRST_LOOK
    for time in range(1, iterations + 1):
        last.append(h)
        try:
            h = np.array(advance(loop, h, e), copy=True)
        except LoopError:
            return "undecided", last[-1]
        norm = float(np.linalg.norm(h))
        if not norm <= GONE:
            return "infinity", last[-1]
        step = float(np.linalg.norm(h - last[-1]))
        if step <= still * max(norm, scale):
            return "settled", h
        if time in (look, iterations):
            look *= 2
            if any(float(np.linalg.norm(h - past)) <= RETURNED * step for past in last):
                return "cycle", h
    return "undecided", h


def basin_shares(
    ends: Sequence[tuple[str, Array]], points: Sequence[tuple[int, Array]], scale: float
) -> tuple[Share, ...]:
    """Count where orbits end.

    Args:
        ends: the ends of the orbits, from `orbit_end`.
        points: stable fixed points, each with its number.
        scale: the size of the states, to which distances are relative.

    Returns:
        The share of every stable point, also where it is 0, and of the other ends that occur.
    """
    found = [_name(kind, h, points, ARRIVED * scale) for kind, h in ends]
    names = [number for number, _ in points] + [name for name in OTHERS if name in found]
    out = []
    for name in names if found else ():
        hits = found.count(name)
        out.append(Share(name, hits, hits / len(found), *wilson(hits, len(found))))
    return tuple(out)


def _name(kind: str, h: Array, points: Sequence[tuple[int, Array]], near: float) -> int | str:
    distances = [float(np.linalg.norm(h - point)) for _, point in points]
    if distances and min(distances) <= near:
        return points[int(np.argmin(distances))][0]
    return "other fixed point" if kind == "settled" else kind
