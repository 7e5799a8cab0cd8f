"""Orbits that keep moving: cycles with their multiplier, long cycles, and Lyapunov exponents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from ..loops.protocol import LoopError, advance, at
from ..orbits.diagnosis import Diagnosis
from ..orbits.recurrence import EXACT_RETURN
from ..orbits.trajectory import MAX_PERIOD
from ..orbits.windows import ROUNDING
from ..spectra.linearisation import Linearisation
from ..spectra.lyapunov import lyapunov
from ..spectra.period_map import PeriodMap
from ..spectra.radius import spectral_radius
from .investigation import Investigation
from .local_spectrum import LocalSpectrum

LONGEST = 2048
"""Longest period that is looked for."""
BYTES = 2**28
"""Bytes of all states of that search: the longest period is shorter where states are large."""
MARKS, FAR = 4, 100
"""Random projections of the states of which returns are compared, and how far they may be apart, in
units of an exact return: large in comparison with normal numbers."""
EXPONENT_LOOPS = 1000
"""Iterations over which a Lyapunov exponent is averaged."""
ERRORS = 4
"""Standard errors within which an exponent is 0."""


def cycle_orbit(case: Investigation, found: Diagnosis, time: int) -> Diagnosis:
    """A cycle, with its multiplier: the spectral radius of the product of J over one period."""
    period = found.period or 1
    found = replace(found, longest_period=max(found.longest_period or 0, MAX_PERIOD))
    try:
        case.linear(found.state, time)  # so that the products are those of the step
        j = Linearisation(
            PeriodMap(case.measured, period, time), found.state, case.e, scale=case.scale
        )
        rho = spectral_radius(j, budget=case.products, seed=case.seed)
    except LoopError as error:
        return found.noted(f"no multiplier of the cycle: {error}")
    there = LocalSpectrum.of(j, rho)
    found = replace(found, rho=rho, multiplier=rho.value)
    doubt = there.doubt(period)
    if there.below(1 - doubt):
        return replace(found, confirmed="spectrum: multiplier < 1")
    if abs(rho.value - 1) <= ERRORS * there.error + max(there.rounding, doubt):
        return found.noted(
            "the multiplier of the cycle is 1 within its error: which cycle is reached may depend"
            " on the start"
        )
    if rho.value < 1:
        return found
    return found.noted(
        f"the cycle is unstable (multiplier {rho.value:.4g}): rounding or a symmetry of the start"
        " keeps the orbit on it, and other starts will not reach it"
    )


def aperiodic_orbit(case: Investigation, found: Diagnosis, time: int) -> Diagnosis:
    """An orbit without a short period: a long cycle, or the Lyapunov exponent tells what it is."""
    period, longest = _long_period(case, found.state, time)
    found = replace(found, longest_period=longest)
    if period is not None:
        return cycle_orbit(case, replace(found, outcome=Outcome.CYCLE, period=period), time)
    try:
        exponent = lyapunov(
            case.measured,
            found.state,
            case.e,
            loops=max(min(EXPONENT_LOOPS, case.products), 10),
            skip=0,
            seed=case.seed,
            time=time,
        )
    except LoopError as error:
        return found.noted(f"no period up to {longest}, and no Lyapunov exponent: {error}")
    value, error = exponent.value, exponent.residual
    if value > ERRORS * error:
        word = "chaotic: nearby states separate"
    elif value < -ERRORS * error:
        word = "nearby states approach each other: the orbit is driven, or of a longer period"
    else:
        word = (
            "quasi-periodic, weakly chaotic, or near a bifurcation and slow to reach its cycle: the"
            " exponent is 0 within its error"
        )
    return replace(found, lyapunov=exponent).noted(
        f"no period up to {longest}; Lyapunov exponent {value:.4g} +- {error:.1g} per iteration"
        f" ({word})"
    )


def _long_period(case: Investigation, h: Array, time: int) -> tuple[int | None, int]:
    """The first exact return to a state, and the longest period that was looked for.

    The return after that and those of all states between confirm it: a state where the orbit nearly
    rests is close to its neighbours.
    """
    longest = int(min(LONGEST, max(MAX_PERIOD, BYTES // max(h.nbytes, 1))))
    first, state = h.astype(np.float64), h
    distances, step = np.empty(2 * longest), 0.0
    marks, seen = np.random.default_rng(0).standard_normal((MARKS, h.size)), []
    for k in range(2 * longest):
        new = np.array(advance(at(case.loop, time + k), state, case.e), copy=True)
        step = max(step, float(np.linalg.norm(new.astype(np.float64) - state)))
        state = new
        distances[k] = np.linalg.norm(state - first)
        seen.append(marks @ state.ravel())
    exact = max(
        EXACT_RETURN * step, ROUNDING * float(np.finfo(h.dtype).eps) * float(np.linalg.norm(first))
    )
    near = np.flatnonzero(distances[:longest] <= exact)
    projected = np.array(seen)
    for k in near.tolist():
        returns = np.abs(projected[k + 1 :] - projected[: -k - 1]).max()
        if distances[2 * k + 1] <= 2 * exact and returns <= FAR * exact:
            return k + 1, longest
    return None, longest
