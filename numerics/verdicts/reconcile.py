"""The verdict on an orbit: what it looks like, reconciled with the derivative where it ended.

Each outcome that the orbit alone suggests is checked against the spectrum. Two measurements that
disagree are never both reported as if they agreed: either a further measurement explains them, or
the contradiction is the finding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from ..loops.pinned_loop import PinnedLoop
from ..loops.protocol import LoopError
from ..orbits.decay import Decay
from ..orbits.diagnosis import Diagnosis
from ..orbits.follow import Followed
from ..orbits.trajectory import Trajectory
from .action import action
from .approach import algebraic_approach, fixed_point, undecided_orbit
from .clock import clocks
from .investigation import Investigation
from .local_spectrum import LocalSpectrum
from .precision import only_rounding, precision_name, scaled_unit, scales, spread
from .recurrent import aperiodic_orbit, cycle_orbit

CONVERGED = 1e-3
"""Fall of the steps beside a drift, from which what drifts is one direction alone."""
ALONG = 1e-3
"""Relative error of J s = s up to which the step s of a drift is a neutral direction."""


def verdict(case: Investigation, orbit: Followed, time: int) -> Diagnosis:
    """The diagnosis of an orbit, with the spectrum at its end.

    Args:
        case: the loop and its measurements.
        orbit: the recorded orbit and its outcome by itself.
        time: number of the iteration that follows the last state.
    """
    found, t = _by_channels(case, orbit, time), orbit.trajectory
    found = replace(found, state=case.last_state(t))
    if found.outcome in (Outcome.NON_FINITE, Outcome.EXPLOSION, Outcome.GROWTH):
        return found
    if found.outcome is Outcome.DRIFT:
        return _drift(case, orbit, found, time)
    try:
        end = case.spectrum(found.state, time)
    except LoopError as error:
        return found.noted(f"no spectrum at the last state: {error}")
    found = _at_resolution(case, t, replace(found, rho=end.rho), end)
    if found.outcome is Outcome.FIXED_POINT:
        found = fixed_point(case, orbit, found, end, time, verdict)
    elif found.outcome is Outcome.CRITICAL:
        found = algebraic_approach(case, orbit, found, end, time)
    elif found.outcome is Outcome.CYCLE:
        found = cycle_orbit(case, replace(found, rho=None), time)
    elif found.outcome is Outcome.APERIODIC:
        # the radius of one step of an orbit that keeps moving says nothing of the orbit
        found = aperiodic_orbit(case, replace(found, rho=None), time)
    else:
        found = undecided_orbit(case, orbit, found, end, time)
    found = found.noted(case.notes)
    if case.contradiction:
        found = replace(found, contradiction=case.contradiction, confirmed=None)
        found = found.noted(f"{case.contradiction}; the spectrum is that of the differences")
    if found.rho is not None and not found.rho.converged:
        rho = found.rho
        found = found.noted(
            f"the eigenvalue solve did not converge (residual {rho.residual:.1e}, error"
            f" {rho.error:.1e}, {rho.products} products): rho is an estimate"
        )
    return found


def _by_channels(case: Investigation, orbit: Followed, time: int) -> Diagnosis:
    """The outcome, with channels measured one by one where one of them hides the others."""
    found, t = orbit.diagnosis, orbit.trajectory
    hidden = (Outcome.UNDECIDED, Outcome.FIXED_POINT, Outcome.CRITICAL)
    scale = scales(t) if found.outcome in hidden and len(t.tail) else None
    if scale is None:
        return found
    unit = scaled_unit(case.measured, case.last_state(t), case.e, scale, t.unit)
    seen = case.orbit(
        case.last_state(t), time=time, view=lambda states: states.reshape(1, -1) / scale, unit=unit
    ).diagnosis
    moves = seen.outcome in (Outcome.CYCLE, Outcome.APERIODIC)
    if seen.outcome is found.outcome or not (moves or found.outcome is Outcome.UNDECIDED):
        return found
    if seen.outcome is Outcome.UNDECIDED:
        return found
    ratio = float(scale.max() / np.median(scale))
    return replace(seen, residual=found.residual).noted(
        f"one channel is {ratio:.0g} times as large as the median one and hides the others, so that"
        " each was measured relative to its own size"
    )


def _at_resolution(
    case: Investigation, t: Trajectory, found: Diagnosis, end: LocalSpectrum
) -> Diagnosis:
    """A motion that the rounding of the step explains is a fixed point at its resolution."""
    unit = max(t.unit, end.unit)
    precision = case.precision or precision_name(unit)
    moving = found.outcome in (
        Outcome.CYCLE,
        Outcome.APERIODIC,
        Outcome.UNDECIDED,
        Outcome.CRITICAL,
    )
    if moving and end.below(1) and only_rounding(t, unit, end.rho.value):
        above = np.flatnonzero(t.steps <= max(spread(t), t.steps[-1]))
        first = int(above[0]) if len(above) else len(t.steps)
        fall = Decay.of(t.steps, first // 4, first) if first >= 8 else None
        found = replace(
            found,
            outcome=Outcome.FIXED_POINT,
            period=None,
            advice="",  # what the orbit alone suggested no longer holds
            rate=None if fall is None else float(np.exp(-fall.geometric)),
            rate_error=None if fall is None else fall.geometric_error,
            precision=precision or "float64",
        )
        return found.noted(
            f"a fixed point at the resolution of {precision or 'float64'}: the last states"
            f" differ by {spread(t) / max(float(t.norms[-1]), 1e-300):.0e} of their size,"
            " which is rounding"
        )
    if precision is None:
        return found
    found = replace(found, precision=precision)
    if found.outcome is Outcome.FIXED_POINT:
        return found.noted(
            f"a fixed point at the resolution of {precision} (unit {unit:.0e}): its digits beyond"
            " that are rounding"
        )
    if case.precision is None:
        return found
    return found.noted(
        f"the step computes with {precision} precision (unit {unit:.0e}), so that motions of that"
        " relative size are not resolved: measure in float64"
    )


def _drift(case: Investigation, orbit: Followed, found: Diagnosis, time: int) -> Diagnosis:
    """A drift, unless only a count of the iterations drifts, or what is left of it converges."""
    clock = clocks(case.loop, case.h, case.e)
    if clock.any() and not clock.all() and not getattr(case.loop, "timed", False):
        pace = (case.first - case.h).ravel()[clock]
        rest = PinnedLoop(case.loop, case.h, clock, pace)
        other = Investigation(rest, case.e, case.loops, case.limit, case.products, case.seed)
        orbit = other.orbit(other.h)
        found = verdict(other, orbit, len(orbit.trajectory.steps))
        end = len(orbit.trajectory.steps)
        found = replace(found, action=action(other, found, orbit.trajectory, end))
        places = ", ".join(map(str, np.flatnonzero(clock)[:4]))
        return replace(found, time=end, state=rest.at(end).whole(found.state)).noted(
            f"coordinate {places} of the state counts the iterations; the verdict is that of the"
            " others: leave the count out of the state and write step(h, e, t)"
        )
    t = orbit.trajectory
    step = (t.tail[-1].astype(np.float64) - t.tail[-2]) if len(t.tail) > 1 else np.zeros(1)
    length = float(np.linalg.norm(step))
    try:
        j = case.linear(found.state, time)
    except LoopError:
        return found
    if not length or np.linalg.norm(j(step) - step) > ALONG * length:
        return found
    along = step / length
    size = float(np.linalg.norm(_beside(t.tail[-1:], along)))
    unit = t.unit * float(t.norms[-1]) / max(size, 1.0)
    beside = case.orbit(case.h, view=lambda states: _beside(states, along), unit=unit)
    steps = beside.trajectory.steps
    falls = beside.diagnosis.outcome is Outcome.FIXED_POINT and steps.max() > CONVERGED * length
    if not falls or steps[-1] > CONVERGED * steps.max():
        return found
    rate = beside.diagnosis.rate
    return found.noted(
        f"the drift is along a neutral direction, which the step does not see (J s = s): beside it"
        f" the state converges at the rate {rate:.3g}; remove the direction (for example subtract"
        " the mean) and the rest reaches a fixed point"
    )


def _beside(states: Array, along: Array) -> Array:
    """The part of some states that is orthogonal to a unit vector."""
    flat = states.reshape(len(states), -1).astype(np.float64)
    return flat - np.outer(flat @ along, along)
