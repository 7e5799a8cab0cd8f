"""How long an orbit is followed: those that stay undecided are continued to twice as many loops, up to a stated limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numerics.loop import Array
from numerics.regime import Diagnosis, classify
from numerics.trajectory import Recorder, Trajectory
from theory.errors import UsageError
from theory.outcome import Outcome

LOOPS = 2000
"""Loops before the first look."""
DOUBLINGS = 4
"""How often the horizon of an undecided orbit is doubled, where no limit is given."""


@dataclass(frozen=True)
class Followed:
    """An orbit at the look that decided it, or at the limit."""

    diagnosis: Diagnosis
    trajectory: Trajectory


def follow(
    step: Callable[[Array], Array],
    h: Array,
    loops: int = LOOPS,
    limit: int | None = None,
    *,
    view: Callable[[Array], Array] | None = None,
    confirm: Callable[[Followed], bool] | None = None,
) -> list[Followed]:
    """Classify a batch of orbits h_{t+1} = step(h_t), (batch, ...), after `loops` loops and, while undecided, after 2, 4, ... times those.

    The last look is at `limit` loops (default 2^`DOUBLINGS` x `loops`); `Diagnosis.loops` says which look decided. `view` gives
    the part or the coordinates of the state that are recorded; `confirm` may accept a fixed point that is still far off, on
    evidence other than the orbit. Memory is bounded by the limit (`Recorder`). Raises `UsageError`
    for fewer than 16 loops or a limit below them.
    """
    limit = loops << DOUBLINGS if limit is None else limit
    if loops < 16:
        raise UsageError(f"a diagnosis needs at least 16 loops, not {loops}")
    if limit < loops:
        raise UsageError(f"the limit of {limit} loops is below the first look at {loops}: raise it, or ask for fewer loops")
    view = view or (lambda state: state)
    recorder = Recorder(len(h))
    recorder.observe(view(h))
    found: dict[int, Followed] = {}
    with np.errstate(all="ignore"):
        for horizon in _looks(loops, limit):
            while recorder.loops < horizon and not recorder.ended.all():
                h = step(h)
                recorder.observe(view(h))
            for i in set(range(recorder.batch)) - found.keys():
                trajectory = recorder.trajectory(i)
                over = horizon == limit or bool(recorder.ended[i])
                orbit = Followed(classify(trajectory, last=over), trajectory)
                if orbit.diagnosis.outcome is Outcome.UNDECIDED and confirm is not None:
                    by_law = Followed(classify(trajectory), trajectory)
                    if by_law.diagnosis.outcome is Outcome.FIXED_POINT and confirm(by_law):
                        orbit = by_law
                if over or orbit.diagnosis.outcome is not Outcome.UNDECIDED:
                    found[i] = orbit
            if len(found) == recorder.batch:
                break
    return [found[i] for i in range(recorder.batch)]


def _looks(loops: int, limit: int) -> list[int]:
    looks = [loops]
    while looks[-1] < limit:
        looks.append(min(2 * looks[-1], limit))
    return looks
