"""Orbits that approach a point: hyperbolic, neutral or critical, a saddle, or undecided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from ..orbits.decay import Decay
from ..orbits.diagnosis import Diagnosis, Neutral
from ..orbits.follow import Followed
from ..orbits.trajectory import Trajectory
from ..orbits.windows import ROUNDING
from ..spectra.agreement import kinked
from .investigation import Investigation
from .local_spectrum import SLOW, LocalSpectrum
from .neutral import ERRORS, neutral_space

RATE_MARGIN = 0.8
"""A rate r fits rho between rho^(1/0.8) and rho^0.8: the fitted log rate may be a quarter off."""
LEAST_RATE = 0.02
"""Rates below this are fits of a few steps, and are not compared."""
RETURNED = 1e-2
"""A restart has returned if it ends within this share of the push from the same point."""
RESTING = 4
"""Relative residual, in roundings of the step, up to which an orbit rests."""
TOLERANCE = 1e-8
"""Relative residual for which the remaining iterations are predicted."""
MOST_RESTARTS = 2
"""Saddles that are left one after the other."""
NEARER = 1e-9
"""Relative residual of Newton's method, from which its state shows what rho tends to."""
STEADY = 0.5
"""Relative change of 1 - rho between the last state and the fixed point of a hyperbolic one."""
CRITICAL_PACE = 20.0
"""Largest 1 - rho of a critical orbit, times the number of iterations: by its law 1 - rho = c/t."""

Verdict = Callable[[Investigation, Followed, int], Diagnosis]
"""The verdict on another orbit, which a restart needs."""


def fixed_point(
    case: Investigation,
    orbit: Followed,
    found: Diagnosis,
    end: LocalSpectrum,
    time: int,
    verdict: Verdict,
) -> Diagnosis:
    """An orbit whose steps fell geometrically: is there an attracting fixed point?"""
    t = orbit.trajectory
    far = found.residual > ROUNDING * max(t.unit, end.unit)
    there = (case.polished(t, time) if far else None) or end
    found = _with_spectrum(found, there)
    steady, kink = case.steady(there, time), _kink(case, found, there)
    if there.below(1 - there.doubt()) and steady and not kink:
        return _consistent(case, found, there, time)
    if kink:
        found = replace(found, slow_modes=None, to_tolerance=None).noted(
            "the step has a kink at the fixed point, so that rho there does not decide its"
            " stability"
        )
    neutral = _neutral(case, there) if steady and not kink else None
    push = case.push(there.h, max(t.unit, end.unit), neutral and neutral.directions[0])
    again = case.orbit(there.h + push, time=time)
    if again.diagnosis.outcome is Outcome.NON_FINITE:  # outside of the domain of the step?
        again, push = case.orbit(there.h - push, time=time), -push
    last = case.last_state(again.trajectory)
    away = float(np.linalg.norm(last.astype(np.float64) - there.h))
    rounding = RESTING * max(t.unit, end.unit) * float(np.linalg.norm(there.h))
    stays = away > max(RETURNED * float(np.linalg.norm(push)), rounding)
    settles = again.diagnosis.outcome is Outcome.FIXED_POINT
    if settles and not stays:
        return replace(found, confirmed="perturbed restart returned").noted(case.changes)
    if not steady:
        return replace(found, slow_modes=None, to_tolerance=None).noted(
            f"{case.changes}, and a push of the last state does not return: the state stops"
            " because the step does, and its limit depends on the start"
        )
    if settles and neutral is not None:
        if found.precision is not None and found.residual > RESTING * end.unit:
            return found.noted(
                f"rho is 1 within the rounding of {found.precision}, which tells no slow mode from"
                " a neutral direction"
            )
        found = _manifold(found, neutral)
        other = case.orbit(there.h + case.push(there.h, max(t.unit, end.unit)), time=time)
        if other.diagnosis.outcome in (Outcome.DRIFT, Outcome.GROWTH, Outcome.EXPLOSION):
            found = found.noted(
                f"pushes in other directions end in {other.diagnosis.outcome}: the eigenvalue 1 is"
                " defective, or not the largest"
            )
        return found
    reason = (
        "the orbit rested on a kink of the step, and a push leaves it"
        if kink
        else f"the orbit passed a saddle with rho = {there.rho.value:.4g}"
        if there.rho.value >= 1
        else f"rho = {there.rho.value:.4g} with error {there.error:.1e} does not confirm the fixed"
        " point"
    )
    if again.diagnosis.outcome is Outcome.NON_FINITE:
        reason = f"{reason}; perturbed states lie outside of the domain of the step"
        return found.noted(reason)
    if case.restarts == MOST_RESTARTS:
        return found.noted(reason)
    case.restarts += 1
    found = verdict(case, again, time + len(again.trajectory.steps))
    return found.noted(
        f"{reason}; the outcome is that of an orbit restarted from a perturbed state"
    )


def algebraic_approach(
    case: Investigation, orbit: Followed, found: Diagnosis, end: LocalSpectrum, time: int
) -> Diagnosis:
    """An orbit whose steps fall like a power: critical, unless the fixed point is hyperbolic.

    A sum of many slow exponentials looks like a power until the slowest of them is left.
    """
    t = orbit.trajectory
    there = case.polished(t, time, NEARER)
    if not case.steady(there or end, time):
        return replace(found, rho=end.rho).noted(f"{case.changes}, and the steps follow it")
    if there is not None and there.below(1 - there.doubt()) and _hyperbolic(there, end):
        return _slow(found, there, t)
    if there is not None:
        found = found.noted(
            f"rho is {end.rho.value:.8g} at the last state and {there.rho.value:.12g} at the state"
            " that Newton's method reaches"
        )
    there = there or end
    found = replace(found, rho=there.rho)
    if there.trusted and abs(1 - there.rho.value) > CRITICAL_PACE / time + there.error:
        return replace(found, outcome=Outcome.UNDECIDED, rate=None).noted(
            f"the steps fall like a power, and yet rho = {there.rho.value:.6g} at the last state is"
            " not 1: run more loops"
        )
    return found


def undecided_orbit(
    case: Investigation, orbit: Followed, found: Diagnosis, end: LocalSpectrum, time: int
) -> Diagnosis:
    """An orbit that fits no law: a fixed point if Newton's method finds the one it approaches."""
    t = orbit.trajectory
    there = case.polished(t, time)
    if not case.steady(there or end, time):
        return replace(found, rho=end.rho).noted(case.changes)
    if there is not None and there.below(1 - there.doubt()) and _comes_closer(t, there.h):
        return _slow(found, there, t)
    rho, where = (there.rho, "near") if there is not None else (end.rho, "at")
    decide = "more loops" if rho.value < 1 else "a start elsewhere, or more loops"
    slow = SLOW < rho.value < 1 - rho.error
    pace = f", a time constant of {1 / (1 - rho.value):.2g} iterations" if slow else ""
    return replace(found, rho=rho).noted(
        f"rho = {rho.value:.6g} {where} the last state{pace}; {decide} would decide"
    )


def _with_spectrum(found: Diagnosis, there: LocalSpectrum) -> Diagnosis:
    """The diagnosis with what the spectrum at the fixed point predicts."""
    rho, left = there.rho.value, None
    if found.precision is not None:
        left = None  # the precision may not reach the tolerance
    elif found.residual <= TOLERANCE:
        left = 0
    elif 0 < rho < 1:
        left = int(np.ceil(np.log(TOLERANCE / found.residual) / np.log(rho)))
    return replace(found, rho=there.rho, slow_modes=there.slow_modes, to_tolerance=left)


def _consistent(
    case: Investigation, found: Diagnosis, there: LocalSpectrum, time: int
) -> Diagnosis:
    """A fixed point that the spectrum confirms, if it also explains the observed rate."""
    rho, rate = there.rho.value, found.rate
    confirmed = replace(found, confirmed="spectrum: rho < 1")
    fitted = found.rate_error is not None and not found.precision
    if rate is None or not fitted or not LEAST_RATE < rate < 1:
        return confirmed
    if rate < (rho - there.error) ** (1 / RATE_MARGIN):
        return confirmed.noted(
            f"the residual fell at {rate:.6g} per iteration, faster than rho = {rho:.6g}: this"
            " orbit hardly excites the slowest mode, and others converge more slowly"
        )
    if rate <= (rho + there.error) ** RATE_MARGIN:
        return confirmed
    if case.explains(there, time):
        return confirmed.noted(
            f"the residual fell at {rate:.6g} per iteration, slower than rho = {rho:.6g}: a"
            " transient of a non-normal Jacobian, whose powers carry a small push as the step does"
        )
    text = (
        f"the residual falls at {rate:.6g} per iteration, and rho = {rho:.6g} does not explain it:"
        " the powers of the Jacobian do not carry a small push as the step does"
    )
    return replace(found, contradiction=text).noted(text)


def _kink(case: Investigation, found: Diagnosis, there: LocalSpectrum) -> bool:
    """Whether the step has a kink at the fixed point, as far as its precision lets one see."""
    if found.precision is not None or there.smooth:
        return False
    return kinked(there.j, seed=case.seed)


def _neutral(case: Investigation, there: LocalSpectrum) -> Neutral | None:
    """The neutral space, where an eigenvalue may be 1."""
    if there.rho.value + ERRORS * there.error + max(there.rounding, there.doubt()) < 1:
        return None
    return neutral_space(there.j, there.error, seed=case.seed)


def _manifold(found: Diagnosis, neutral: Neutral) -> Diagnosis:
    k, least = neutral.dimension, "" if neutral.complete else "at least "
    shape = "a line" if k == 1 else f"a manifold of dimension {least}{k}"
    return replace(
        found, outcome=Outcome.NEUTRAL, neutral=neutral, confirmed=None, to_tolerance=None
    ).noted(
        f"neutral direction: {least}{k} of the eigenvalues of J {'is' if k == 1 else 'are'} 1, the"
        f" fixed points form {shape}, and a push along it stays: the limit depends on the start"
    )


def _hyperbolic(there: LocalSpectrum, end: LocalSpectrum) -> bool:
    """Whether the fixed point contracts as much as the last state on the way to it.

    Newton's method converges quadratically to a hyperbolic one alone.
    """
    if there.simple:
        return True
    gap, before = 1 - there.rho.value, 1 - end.rho.value
    return abs(gap - before) <= STEADY * gap + end.error


def _comes_closer(t: Trajectory, h: Array) -> bool:
    """Whether the last states come closer to a point."""
    distances = np.linalg.norm(t.tail.astype(np.float64) - h.ravel(), axis=1)
    quarter = max(len(distances) // 4, 1)
    return bool(distances[-quarter:].max() < distances[:quarter].max())


def _slow(found: Diagnosis, there: LocalSpectrum, t: Trajectory) -> Diagnosis:
    """A hyperbolic fixed point that is approached along many slow modes."""
    n = len(t.steps)
    late = Decay.of(t.steps, n * 3 // 4, n)
    found = replace(
        found,
        outcome=Outcome.FIXED_POINT,
        rate=float(np.exp(-late.geometric)),
        rate_error=late.geometric_error,
        confirmed="spectrum: rho < 1",
        advice="",
    )
    found = _with_spectrum(found, there)
    modes = "many" if found.slow_modes is None else str(found.slow_modes)
    return found.noted(
        f"a hyperbolic fixed point that is approached along slow modes ({modes} of modulus 0.99 or"
        f" more, rho = {there.rho.value:.6g}), so that the steps do not fall at one rate yet;"
        f" Newton's method finds it at a distance of {there.moved:.1e} from the last state"
    )
