"""Evidence that an orbit leaves every bound: explosion, polynomial growth or drift.

A threshold without an argument was set on the labelled orbits of `benchmarks/classifier`. Its
docstring says how many outcomes change, among 827 looks at 605 of these orbits, when the threshold
alone is halved or doubled; where it says nothing, none does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from .convergence import BETTER, SADDLE
from .decay import TINY, Decay, keeps_power
from .diagnosis import Diagnosis
from .trajectory import Trajectory
from .windows import median

RISE = 1.2
"""Growth of the norm over the second half without which an orbit is bounded.

Doubling it changes 79 of the looks.
"""
LEAST_END = 4
"""Norms at the end over which the largest is taken (a sixteenth of the orbit if that is more)."""
GEOMETRIC_RISE = 1.0
"""Growth in log over half of the orbit, a factor e, that an explosion must show."""
OUTGROWN, OUTGROWN_EARLY = 1e2, 1e4
"""Factor by which an explosion exceeds the norms of the first eighth: at the last look, before it.

An orbit that leaves a saddle grows geometrically too, but starts from far below its early norms.
"""
EARLY_RATE = 0.3
"""Most by which the early steps of an explosion may fall, as a share of the late rate of growth."""
LATE_POWER, EARLY_POWER = 0.5, 0.3
"""Powers of the steps, late and early, above which the norm grows faster than linearly.

The power of the steps is 0 for a drift and 1 for quadratic growth, the slowest of this outcome.
Doubling the late one changes 9 of the looks.
"""
LATE_MISFIT, EARLY_MISFIT = 0.05, 0.1
"""Misfits in log below which the late and the early steps follow a power.

Halving it changes 1 of the looks.
"""
STRAIGHT = 0.03
"""Bend of the norm at the middle of the second half, over its growth there, of a straight line."""
LINEAR_RISE = 1.3
"""Growth of the norm over the second half of a drift: 2 by its law, less after a large start.

Doubling it, beyond that law, changes 45 of the looks.
"""
STEADY_PACE = 1.3
"""Largest ratio of two late steps of a drift along a straight line.

Halving it changes 45 of the looks, doubling it 28.
"""
MOST_OCTAVES = 8
"""Octaves of time, counted back from the end, over which a modulated drift is averaged.

Halving it changes 36 of the looks.
"""
OCTAVES, OCTAVES_EARLY = 5, 7
"""Octaves needed at the last look, and before it.

One swing of a slow modulation, or of a polynomial, can look like a drift over fewer.
Halving the second number changes 62 of the looks, doubling it 35 (the first: none, 1).
"""
OCTAVE_STEPS = 60
"""Steps that an octave needs, so that it contains a full swing of a modulation.

Halving it changes 31 of the looks, doubling it 34.
"""
OCTAVE_STEPS_LAST = 8
"""The same for the last `OCTAVES` octaves at the last look, when no longer orbit will come."""
LATE_OCTAVES = 4
"""Octaves at the end that must show the slope of a drift by themselves.

Halving it changes 4 of the looks.
"""
TWO_OCTAVE_GAIN = 0.5
"""Least gain of log2 norm over two octaves: 2 by the law of a drift, less in a slow swing."""
GAIN_FACTOR, GAIN_MARGIN = 1.25, 0.1
"""The last gain per octave may differ from 1 by as much as an earlier one, with this tolerance.

Halving the factor changes 3 of the looks.
"""
PACE_RANGE = 12
"""Largest ratio of the median steps of two octaves of a modulated drift."""
DRIFT_SLOPE = (0.7, 1.4)
"""Range of the slope of log norm against log t, which is 1 for a drift.

Halving its distance from 1 changes 1 of the looks.
"""
LEAST_CONSTANT = 0.5
"""Least drift constant: it is 1 or more by the law, as the norm grows by at most the step.

Doubling it changes 1 of the looks.
"""


def unbounded(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """Explosion, growth or drift, if the norm leaves its earlier range; None for a bounded orbit.

    An orbit that is leaving a saddle remains undecided.
    """
    norms, n = t.norms[1:], len(t.steps)
    end = float(norms[-max(n // 16, LEAST_END) :].max())
    before = float(norms[n * 3 // 8 : n // 2 + 1].max())
    if end < RISE * before or end < t.norms[0]:
        return None
    early, late = Decay.of(t.steps, n // 4, n // 2), Decay.of(t.steps, n // 2, n)
    size = Decay.of(norms, n // 2, n)
    if _grows_geometrically(size, late, n):
        start = float(t.norms[: n // 8 + 1].max())
        factor = OUTGROWN if last else OUTGROWN_EARLY
        if end > factor * start and -early.geometric > -EARLY_RATE * late.geometric:
            rate = float(np.exp(-size.geometric))
            return replace(base, outcome=Outcome.EXPLOSION, rate=rate)
        return replace(base, advice=SADDLE)
    if _grows_like_a_power(t.steps, early, late):
        return replace(base, outcome=Outcome.GROWTH)
    return _drift(t, base, last)


def _grows_geometrically(size: Decay, steps: Decay, n: int) -> bool:
    """Whether norms and steps both grow by a factor e, the norms not like a power."""
    return (
        -size.geometric * n / 2 > GEOMETRIC_RISE
        and size.misfit_geometric < BETTER * size.misfit_algebraic
        and -steps.geometric * n / 2 > GEOMETRIC_RISE
    )


def _grows_like_a_power(steps: Array, early: Decay, late: Decay) -> bool:
    """Whether the steps grow like a power of t in an early and in a late window."""
    return (
        -late.algebraic > LATE_POWER
        and late.misfit_algebraic < LATE_MISFIT
        and -early.algebraic > EARLY_POWER
        and early.misfit_algebraic < EARLY_MISFIT
        and keeps_power(steps)
    )


def _drift(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """Linear growth of the norm: along a straight line, or on average over several octaves."""
    n = len(t.steps)
    time = np.arange(1, n + 1)
    constant = median((t.relative_steps * time)[n // 2 :])
    if _straight(t) or (constant > LEAST_CONSTANT and _linear_on_average(t, last)):
        return replace(base, outcome=Outcome.DRIFT, drift_constant=constant)
    return None


def _straight(t: Trajectory) -> bool:
    """Whether the norm grows along a straight line over the second half, by steps of equal size."""
    norms, n = t.norms[1:], len(t.steps)
    late = t.steps[n // 2 :]
    first, middle, end = norms[n // 2], norms[(n // 2 + n - 1) // 2], norms[-1]
    straight = abs(first - 2 * middle + end) < STRAIGHT * abs(end - first)
    rises = end > LINEAR_RISE * first
    return bool(
        straight and rises and late.max() < STEADY_PACE * late.min() and keeps_power(t.steps)
    )


def _linear_on_average(t: Trajectory, last: bool) -> bool:
    """Whether the largest norm doubles from one octave of time to the next, on average.

    The steps of a modulated drift vary, but neither rise nor fall over the octaves.
    """
    norms, octaves = t.norms[1:], _octaves(len(t.steps), last)
    if len(octaves) < (OCTAVES if last else OCTAVES_EARLY):
        return False
    tops = np.log2([max(float(norms[octave].max()), TINY) for octave in octaves])[::-1]
    paces = np.array([median(t.steps[octave]) for octave in octaves])
    gains, (least, most) = np.diff(tops), DRIFT_SLOPE
    rising = bool((tops[2:] > tops[:-2] + TWO_OCTAVE_GAIN).all())
    swing = np.abs(gains[:-1] - 1).max()
    as_before = bool(abs(gains[-1] - 1) < GAIN_FACTOR * swing + GAIN_MARGIN)
    even = keeps_power(t.steps, np.inf) and bool(paces.max() < PACE_RANGE * paces.min())
    slopes = [_slope(part) for part in (tops, tops[-LATE_OCTAVES:])]
    return rising and as_before and even and min(slopes) > least and max(slopes) < most


def _octaves(n: int, last: bool) -> list[slice]:
    """The octaves (n/2, n], (n/4, n/2], ... of time that have enough steps, latest first."""
    found = []
    for k in range(MOST_OCTAVES):
        least = OCTAVE_STEPS_LAST if last and k < OCTAVES else OCTAVE_STEPS
        if n >> (k + 1) >= least:
            found.append(slice(n >> (k + 1), n >> k))
    return found


def _slope(values: Array) -> float:
    """Least-squares slope against 0, 1, 2, ..."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])
