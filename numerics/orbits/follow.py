"""Follow orbits until their outcome is decided, or up to a limit.

An orbit that is undecided at one look is looked at again after twice as many iterations.
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
from .outcome import FEWEST, classify
from .trajectory import Recorder, Trajectory

LOOPS = 2000
"""Iterations before the first look."""
DOUBLINGS = 4
"""How often the horizon of an undecided orbit is doubled if no limit is given."""


@dataclass(frozen=True)
class Followed:
    """The record of an orbit and its diagnosis, at the look that decided it or at the limit."""

    diagnosis: Diagnosis
    trajectory: Trajectory


class OrbitBatch(Protocol):
    """The interface of a batch of orbits that are computed together, as `follow_batch` needs it."""

    def seen(self) -> Array:
        """The recorded part of the state of every orbit, (orbits, ...)."""
        ...

    def advance(self) -> None:
        """Compute one iteration."""
        ...

    def keep(self, kept: Array) -> None:
        """Continue with some of the orbits, renumbered from 0: ascending indices."""
        ...


class _Iterated:
    """A batch that is always advanced as a whole.

    Its step may treat the orbits differently by their place in the batch, so that orbits which
    have left are still advanced, but no longer seen.
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
    unit: float | None = None,
    confirm: Callable[[Followed], bool] | None = None,
) -> list[Followed]:
    """Follow the orbits h_{t+1} = step(h_t) of a batch of states until they are decided.

    Args:
        step: Function of the whole batch of states.
        h: Initial states, (batch, ...).
        loops: Iterations before the first look, as in `follow_batch`.
        limit: Largest number of iterations, as in `follow_batch`.
        view: Function from a batch of states to what is recorded of it; default: all.
        unit: Relative rounding error of what is recorded; default: that of its dtype.
        confirm: Function that may accept a fixed point early, as in `follow_batch`.

    Returns:
        One record with its diagnosis per orbit.
    """
    return follow_batch(
        _Iterated(step, h, view or (lambda state: state)), loops, limit, unit=unit, confirm=confirm
    )


def follow_batch(
    orbits: OrbitBatch,
    loops: int = LOOPS,
    limit: int | None = None,
    *,
    unit: float | None = None,
    confirm: Callable[[Followed], bool] | None = None,
) -> list[Followed]:
    """Classify orbits after `loops` iterations and, while undecided, after 2, 4, ... times as many.

    A decided orbit leaves the batch; `Diagnosis.loops` says at which look. The limit bounds the
    memory (`Recorder`).

    Args:
        orbits: Batch of orbits at their initial states.
        loops: Iterations before the first look, at least 16.
        limit: Iterations at the last look; default 2^`DOUBLINGS` times `loops`.
        unit: Relative rounding error of what is recorded; default: that of its dtype.
        confirm: Function that may accept a fixed point that is still far away, on evidence other
            than the orbit.

    Returns:
        One record with its diagnosis per orbit, in the order of the batch.

    Raises:
        UsageError: If `loops` is below 16, or `limit` is below `loops`.
    """
    limit = loops << DOUBLINGS if limit is None else limit
    horizons = looks(loops, limit)
    h = orbits.seen()
    running = np.arange(len(h))
    recorder = Recorder(len(h), unit=unit)
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
    """The iterations at which an orbit is looked at: `loops`, twice as many each time, the limit.

    Raises `UsageError` if `loops` is below 16, or `limit` is below `loops`.
    """
    if loops < FEWEST:
        raise UsageError(f"a diagnosis needs at least {FEWEST} loops, not {loops}: ask for more")
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
    """Classify an orbit; while it is undecided, a convergence by its law alone may be confirmed."""
    orbit = Followed(classify(trajectory, last=last), trajectory)
    if orbit.diagnosis.outcome is Outcome.UNDECIDED and confirm is not None:
        by_law = Followed(classify(trajectory), trajectory)
        if by_law.diagnosis.outcome is Outcome.FIXED_POINT and confirm(by_law):
            return by_law
    return orbit
