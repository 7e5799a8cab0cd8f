"""How long an orbit is followed: those that stay undecided are continued to twice as many loops, up
to a stated limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...support.errors import UsageError
from ...theory.outcome import Outcome
from ..arrays import Array
from .diagnosis import Diagnosis
from .outcome import classify
from .trajectory import Recorder, Trajectory

LOOPS = 2000
"""Loops before the first look."""
DOUBLINGS = 4
"""How often the horizon of an undecided orbit is doubled, where no limit is given."""


@dataclass(frozen=True)
class Followed:
    """An orbit at the look that decided it, or at the limit."""

    diagnosis: Diagnosis
    trajectory: Trajectory


class OrbitBatch(Protocol):
    """A batch of orbits that are advanced together, as `follow_batch` needs them."""

    def seen(self) -> Array:
        """What is recorded of the state of every orbit, (orbits, ...)."""
        ...

    def advance(self) -> None:
        """One loop."""
        ...

    def keep(self, kept: Array) -> None:
        """Go on with these orbits alone, numbered anew: ascending indices."""
        ...


class _Iterated:
    """A step of the whole batch, which may tell its orbits apart by their place: those that have
    left are still advanced, but not seen.
    """

    def __init__(self, step: Callable[[Array], Array], h: Array, view: Callable[[Array], Array]):
        self.step, self.h, self.view = step, h, view
        self.places: Array | None = None

    def seen(self) -> Array:
        states = self.view(self.h)
        return states if self.places is None else states[self.places]

    def advance(self) -> None:
        self.h = self.step(self.h)

    def keep(self, kept: Array) -> None:
        self.places = kept if self.places is None else self.places[kept]


def follow(
    step: Callable[[Array], Array],
    h: Array,
    loops: int = LOOPS,
    limit: int | None = None,
    *,
    view: Callable[[Array], Array] | None = None,
    confirm: Callable[[Followed], bool] | None = None,
) -> list[Followed]:
    """`follow_batch` of the orbits h_{t+1} = step(h_t), (batch, ...).

    `view` gives the part or the coordinates of the state that are recorded, for the whole batch
    like `step`.
    """
    return follow_batch(
        _Iterated(step, h, view or (lambda state: state)), loops, limit, confirm=confirm
    )


def follow_batch(
    orbits: OrbitBatch,
    loops: int = LOOPS,
    limit: int | None = None,
    *,
    confirm: Callable[[Followed], bool] | None = None,
) -> list[Followed]:
    """Classify orbits after `loops` loops and, while undecided, after 2, 4, ... times those; what
    is decided leaves the batch.

    The last look is at `limit` loops (default 2^`DOUBLINGS` x `loops`); `Diagnosis.loops` says
    which look decided. `confirm` may accept a fixed point that is still far off, on evidence other
    than the orbit. Memory is bounded by the limit (`Recorder`). Raises `UsageError` for fewer than
    16 loops or a limit below them.
    """
    limit = loops << DOUBLINGS if limit is None else limit
    horizons = looks(loops, limit)
    h = orbits.seen()
    running = np.arange(len(h))
    recorder = Recorder(len(h))
    recorder.observe(h)
    found: dict[int, Followed] = {}
    with np.errstate(all="ignore"):
        for horizon in horizons:
            while recorder.loops < horizon and not recorder.ended.all():
                orbits.advance()
                recorder.observe(orbits.seen())
            open_ = []
            for i, number in enumerate(running.tolist()):
                over = horizon == limit or bool(recorder.ended[i])
                orbit = _look(recorder.trajectory(i), over, confirm)
                if over or orbit.diagnosis.outcome is not Outcome.UNDECIDED:
                    found[number] = orbit
                else:
                    open_.append(i)
            if not open_:
                break
            if len(open_) < len(running):
                kept = np.array(open_)
                running = running[kept]
                recorder.keep(kept)
                orbits.keep(kept)
    return [found[number] for number in sorted(found)]


def looks(loops: int, limit: int) -> list[int]:
    """The loops after which an orbit is looked at: `loops`, then twice as many each time, and last
    the limit; `UsageError` as above.
    """
    if loops < 16:
        raise UsageError(f"a diagnosis needs at least 16 loops, not {loops}")
    if limit < loops:
        raise UsageError(
            f"the limit of {limit} loops is below the first look at {loops}: raise it, or ask for"
            " fewer loops"
        )
    horizons = [loops]
    while horizons[-1] < limit:
        horizons.append(min(2 * horizons[-1], limit))
    return horizons


def _look(
    trajectory: Trajectory, last: bool, confirm: Callable[[Followed], bool] | None
) -> Followed:
    orbit = Followed(classify(trajectory, last=last), trajectory)
    if orbit.diagnosis.outcome is Outcome.UNDECIDED and confirm is not None:
        by_law = Followed(classify(trajectory), trajectory)
        if by_law.diagnosis.outcome is Outcome.FIXED_POINT and confirm(by_law):
            return by_law
    return orbit
