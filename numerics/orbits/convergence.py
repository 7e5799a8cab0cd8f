"""Evidence of convergence: steps that reached the rounding floor, or fall like a known law.

A threshold without an argument was set on the labelled orbits of `benchmarks/classifier`. Its
docstring says how many outcomes change, among 827 looks at 605 of these orbits, when the threshold
alone is halved or doubled; where it says nothing, none does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from .decay import TINY, Decay, falls, keeps_power
from .diagnosis import Diagnosis
from .trajectory import MAX_PERIOD, Trajectory
from .windows import ROUNDING, median

SADDLE = (
    "the steps grow again from a very small size: the orbit is leaving a saddle; run more loops"
)
ROUNDED_AWAY = "the steps did not fall, they were rounded away at this size of state: use float64"
NOT_HYPERBOLIC = "converges algebraically: the fixed point is not hyperbolic"

EVEN = 2.0
"""Ratio up to which two quarters of a plateau are equal, unlike those of a fall.

Halving it changes 3 of the looks, doubling it 1.
"""
AMPLIFIED = 2.0**12
"""Rounding, in units of the norm, that a transient may leave; also bends a fall from there on."""
MOST_AMPLIFIED = 0.125
"""Rounding never counts above an eighth of sqrt(unit): in float32 that could be a motion."""
PLATEAU_DEPTH = 1e-3
"""A plateau lies this far below the largest step; otherwise the orbit has not come down to it."""
LONG = 64
"""Steps that a test on quarters of the orbit needs: 16 in each."""
SADDLE_GROWTH = 1.0
"""Growth in log over the last quarter, a factor e, above which rounding does not explain it."""
SADDLE_MISFIT = 0.1
"""Misfit in log below which that growth is geometric: rounding noise scatters more."""
GROWN = 10.0
"""Growth of the norm above which steps may have been rounded away while the state grew."""
UNFALLEN = 0.1
"""Steps that stay above this share of the largest have not fallen before they vanished."""
FINITE = 1e4
"""Least ratio of the last step to the floor where an orbit ends at once: steps that are rounded
away are near the floor before they vanish."""
SHORT_FALL = 8
"""Steps above the floor below which only the first and the last of them give the rate."""
BETTER = 0.5
"""One law is preferred to another if its misfit is at most half as large."""
STEEPEST_POWER = 6.0
"""Largest power of a critical fall that can reach the floor; a steeper one is a geometric fall."""
LEAST_FALL = 16
"""Steps that the fit of a geometric fall needs at least (a sixteenth of the orbit if longer)."""
CLOSE = 2 / 3
"""Before the last look, a relative step below unit^(2/3) is close to the fixed point.

Halving it changes 30 of the looks, doubling it 9.
"""
SHORT_WINDOW_FALL = 3.0
"""Fall in log, a factor 20, that a window shorter than half of the orbit must show."""
MOST_MISFIT = 0.2
"""Misfit in log above which the steps follow no power."""
LEAST_POWER = 0.2
"""Power below which the steps do not fall."""
POWER_STEADY = (0.6, 1.6)
"""Range of the ratio of the powers of an early and of a late window."""
SUMMABLE = 1.05
"""Power above which the steps are summable: 1, with a margin for the fit.

Doubling it changes 47 of the looks.
"""
NET_MOTION = 0.3
"""Net motion over path of the tail, below which the orbit turns around a point (neutral spiral)."""


def rounding_floor(t: Trajectory) -> float | None:
    """Size of the steps that are rounding alone; None while the steps are larger.

    A transient that amplifies rounding keeps the steps above `ROUNDING` units. Then an even plateau
    over the last half counts if it lies far below the earlier steps. It may reach `ROUNDING` units
    times the growth of the norm, or `AMPLIFIED` units if that is more.
    """
    size = t.unit * float(t.norms[-MAX_PERIOD:].max())
    if t.steps[-1] <= ROUNDING * size:
        return ROUNDING * size
    n = len(t.steps)
    third, fourth = t.steps[n // 2 : n * 3 // 4], t.steps[n * 3 // 4 :]
    top = float(max(third.max(), fourth.max()))
    even = 1 / EVEN < median(fourth) / max(median(third), TINY) < EVEN
    growth = float(t.norms.max() / max(t.norms[0] + t.norms[-1], TINY))
    noise = min(max(AMPLIFIED, ROUNDING * growth), MOST_AMPLIFIED / np.sqrt(t.unit))
    deep = top <= noise * size and top < PLATEAU_DEPTH * float(t.steps.max())
    return top if n >= LONG and even and deep else None


def settled(t: Trajectory, floor: float, base: Diagnosis) -> Diagnosis:
    """The outcome of an orbit whose steps reached the rounding floor, from the fall above it."""
    if _leaves_the_floor(t):
        return replace(base, advice=SADDLE)
    first = int(np.flatnonzero(np.append(True, t.steps > floor))[-1])
    above = t.steps[: first + 1]
    grown = t.norms[first] > GROWN * t.norms[0]
    unfallen = above[:-1].size > 0 and above[:-1].min() > UNFALLEN * above.max()
    if unfallen and above[-2] > FINITE * floor and above[-1] == t.steps[-1] == 0:
        return replace(base, outcome=Outcome.FIXED_POINT, rate=0.0)
    if grown and unfallen:
        return replace(base, advice=ROUNDED_AWAY)
    if first < SHORT_FALL:
        measurable = first and above[0] > 0
        rate = float((above[-1] / above[0]) ** (1 / max(first, 1))) if measurable else 0.0
        return replace(base, outcome=Outcome.FIXED_POINT, rate=min(rate, 1.0))
    fall = Decay.of(t.steps, first // 2, first)
    better = fall.misfit_algebraic < BETTER * fall.misfit_geometric
    if better and 0 < fall.algebraic < STEEPEST_POWER:
        return replace(base, outcome=Outcome.CRITICAL, rate=1.0)
    return _fixed_point(fall, base)


def geometric_fall(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """A fixed point that is still approached: the steps fall at one rate, and to no floor.

    The fall starts at the largest step, because what precedes it is a transient.
    """
    n = len(t.steps)
    start = max(n // 4, int(np.argmax(t.steps)))
    rounded = np.flatnonzero(t.steps[start:] < AMPLIFIED * t.unit * t.norms[-1])
    stop = start + int(rounded[0]) if len(rounded) else n
    if stop - start < max(n // 16, LEAST_FALL):
        return None
    late = falls(t.steps, start, stop)
    if late is None:
        return None
    close = float(t.relative_steps[-1]) < t.unit**CLOSE
    if not (close or last):
        return None
    if n - start < n // 2 and late.geometric * (stop - start) < SHORT_WINDOW_FALL:
        return None
    return _fixed_point(late, base)


def algebraic_fall(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """A critical orbit: the steps fall like a power, and are summable or turn around a point.

    The steps of a neutral spiral need not be summable, but their net motion is small.
    """
    n = len(t.steps)
    whole = Decay.of(t.steps, n // 4, n)
    early = Decay.of(t.steps, n // 4, n // 2)
    late = Decay.of(t.steps, n // 2, n)
    power, (least, most) = late.algebraic, POWER_STEADY
    fits = whole.misfit_algebraic < min(MOST_MISFIT, BETTER * whole.misfit_geometric)
    if not (fits and power > LEAST_POWER and least < early.algebraic / power < most):
        return None
    if not keeps_power(t.steps):
        return None
    if power < SUMMABLE and not _turns_around(t.tail.astype(np.float64), t.steps):
        return None
    return replace(base, outcome=Outcome.CRITICAL, rate=1.0, advice=NOT_HYPERBOLIC)


def _fixed_point(fall: Decay, base: Diagnosis) -> Diagnosis:
    rate = float(np.exp(-fall.geometric))
    return replace(base, outcome=Outcome.FIXED_POINT, rate=rate, rate_error=fall.geometric_error)


def _leaves_the_floor(t: Trajectory) -> bool:
    """Whether the steps of the last quarter grow geometrically."""
    n = len(t.steps)
    last = t.steps[n * 3 // 4 :]
    if not (n >= LONG and last.min() > 0):
        return False
    rise = Decay.of(last, 0, len(last))
    return -rise.geometric * len(last) > SADDLE_GROWTH and rise.misfit_geometric < SADDLE_MISFIT


def _turns_around(states: Array, steps: Array) -> bool:
    """Whether the net motion over the tail is small beside the length of the path."""
    path = float(steps[-len(states) + 1 :].sum()) if len(states) > 1 else 0.0
    return path > 0 and float(np.linalg.norm(states[-1] - states[0])) < NET_MOTION * path
