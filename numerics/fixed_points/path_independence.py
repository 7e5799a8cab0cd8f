"""Whether orbits from different starts end at the same state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap, advance, protected, start
from ..spectra.linearisation import TINY
from .newton import HUGE
from .start_states import start_states

STILL = 1e-9
"""Relative step at which an orbit has settled; in float32, some roundings."""
ZERO = 1e-6
"""Size, relative to the start, below which ends count as 0."""


@dataclass(frozen=True)
class PathIndependence:
    """How far the ends of orbits from different starts are apart.

    Args:
        distance: largest distance between the ends of two orbits, relative to the largest norm of
            an end (or to 1e-6 of the start, if all ends are smaller); infinite where an orbit left
            the finite range.
        score: mean cosine similarity between the end of the orbit from `initial(e)` and the ends of
            the others: the asymptotic alignment score of C. Anil and others, *Path Independent
            Equilibrium Models Can Better Exploit Test-Time Computation* (2022), who start the
            others at the fixed points of other inputs: give these as `starts` to compare numbers.
            NaN where an orbit left the finite range.
        least: the least of these similarities.
        settled: number of orbits that took no more visible steps at the end.
        orbits: number of orbits, with the one from `initial(e)`.
        ends: the last states as arrays, (orbits, *state shape); not part of the JSON.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, path_independence
        >>> loop = FunctionLoop(lambda h, e: np.tanh(2 * h) + e, np.copy)
        >>> path_independence(loop, np.full(1, 0.01), np.array([[1.0], [-1.0]])).same
        False
    """

    distance: float
    score: float
    least: float
    settled: int
    orbits: int
    ends: Array

    @property
    def same(self) -> bool | None:
        """Whether all orbits settled at one state, up to 1e-6; None where one has not settled."""
        if self.settled < self.orbits:
            return None
        return self.distance <= 1e-6

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object, without the states."""
        return jsonable({k: v for k, v in self.__dict__.items() if k != "ends"})


def path_independence(
    loop: LoopedMap,
    e: Any = None,
    starts: Any = 16,
    *,
    radius: float | None = None,
    loops: int = 2000,
    seed: int = 0,
) -> PathIndependence:
    """Measure whether a loop forgets its start: the ends of orbits from different states.

    Args:
        loop: the loop.
        e: its input.
        starts: the states from which orbits start besides `initial(e)`, (k, *state shape); or their
            number, default 16: then they are drawn around the orbit, as in `fixed_points`.
        radius: largest distance of these states from the orbit; default: twice its largest norm.
        loops: number of iterations of every orbit; default 2000.
        seed: seed of the random states.

    Returns:
        The largest distance between the ends and the alignment score, as a `PathIndependence`.

    Raises:
        UsageError: there is no start, or its shape or the radius is wrong; or `loops` is below 1.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, path_independence
        >>> loop = FunctionLoop(lambda h, e: np.tanh(h / 2) + e, np.copy)
        >>> found = path_independence(loop, np.ones(3))
        >>> found.same, round(found.score, 6)
        (True, 1.0)
    """
    if loops < 1:
        raise UsageError(f"path_independence needs at least one iteration, not {loops}")
    if isinstance(starts, int | np.integer):
        others = start_states(loop, e, 2 * int(starts), radius, 200, seed)[1][: int(starts)]
    else:
        others = start_states(loop, e, starts, radius, 0, seed)[0]
    begun = np.array([start(loop, e), *others])
    with protected(loop), np.errstate(all="ignore"):
        pairs = [_last_two(loop, e, h, loops) for h in begun]
    states = np.array([h for _, h in pairs])
    flat = states.reshape(len(states), -1).astype(np.float64)
    steps = flat - np.array([h for h, _ in pairs]).reshape(flat.shape)
    norms = np.linalg.norm(flat, axis=1)
    # a limit of 0 has no size of its own
    size = max(float(norms.max()), ZERO * float(np.linalg.norm(begun[0])), TINY)
    still = max(STILL, 10 * float(np.finfo(states.dtype).eps)) * size
    still_ones = (np.linalg.norm(steps, axis=1) <= still) & np.isfinite(norms)
    settled = int(np.count_nonzero(still_ones))
    if not size <= HUGE:
        return PathIndependence(np.inf, np.nan, np.nan, settled, len(states), states)
    apart = max(float(np.linalg.norm(flat - row, axis=1).max()) for row in flat)
    unit = flat / np.maximum(norms, TINY)[:, None]
    cosines = unit[1:] @ unit[0]
    score, least = float(cosines.mean()), float(cosines.min())
    return PathIndependence(apart / size, score, least, settled, len(states), states)


def _last_two(loop: LoopedMap, e: Array, h: Array, loops: int) -> tuple[Array, Array]:
    """The last two states of an orbit; it is cut where it leaves the finite range."""
    before = h
    for _ in range(loops):
        before, h = h, np.array(advance(loop, h, e), copy=True)
        if not float(np.linalg.norm(h)) <= HUGE:
            return before, np.full_like(h, np.inf)
    return before, h
