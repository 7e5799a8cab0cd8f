"""Evidence that a bounded orbit keeps moving: it returns (cycle), or is stationary (aperiodic).

A threshold without an argument was set on the labelled orbits of `benchmarks/classifier`. Its
docstring says how many outcomes change, among 827 looks at 605 of these orbits, when the threshold
alone is halved or doubled; where it says nothing, none does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from .decay import TINY, Decay, falls
from .diagnosis import Diagnosis
from .trajectory import MAX_PERIOD, Trajectory
from .windows import ROUNDING, equal_parts, median, trendless

RETURN = 1e-2
"""Distance of a return over the median step, above which the orbit does not return."""
CLOSE_RETURN = 1e-6
"""The same before the last look, for a return that still gets closer.

Halving it changes 1 of the looks.
"""
EXACT_RETURN = 1e-9
"""The same for an exact return (or as close as rounding allows, if that is more).

Halving it changes 1 of the looks.
"""
SAME_RETURN = 10
"""Returns within this factor of the closest are as close: the smallest of their periods counts."""
LEAST_RECORDS = 32
"""Records of a return that the fit of its fall needs, 16 in each of its windows.

Halving it changes 1 of the looks.
"""
STEADY_STEPS = 0.2
"""Most by which the steps may fall, over the fall of the return: a spiral shortens both alike."""
PARTS = 12
"""Parts of the last three quarters of the orbit that are compared with each other."""
ALIKE = (0.8, 1.25)
"""Range of the ratio of later to earlier steps of a stationary orbit.

Halving its distance from 1 changes 1 of the looks, doubling it 3.
"""
STILL_LIVELY = 0.5
"""Least ratio of the largest step in the last part to the median over the parts.

Doubling it changes 30 of the looks.
"""
LEAST_MOTION = 1e-3
"""Least ratio of the largest step to the median norm: less may be a slow approach."""
BOUNDED_RISE = 1.3
"""Most by which the largest norm of the second half may exceed that of n/16 to n/4.

Halving it changes 69 of the looks.
"""
FEW_RECORDS = 8
"""Records of the returns below which no trend of them is looked for."""


def cycle(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """A cycle, with the smallest period after which the orbit returns.

    The return is exact, or it gets closer geometrically while the steps keep their size.
    """
    periods = min(MAX_PERIOD, (len(t.tail) - 1) // 2)
    size = median(t.steps[-len(t.tail) :])
    rounding = ROUNDING * t.unit * float(t.norms[-len(t.tail) :].max())
    if periods < 2 or rounding > RETURN * size:
        return None
    late = t.returns[len(t.returns) * 3 // 4 :, :periods]
    if len(late) and late.max(axis=0).min() > RETURN * size:
        return None  # without the distances within the tail, which cost more
    farthest = np.vstack((late, _returns_in_the_tail(t, periods))).max(axis=0)
    as_close = farthest <= SAME_RETURN * max(float(farthest.min()), rounding)
    period = int(np.argmax(as_close)) + 1
    distance, exact = float(farthest[period - 1]), max(EXACT_RETURN * size, rounding)
    if period == 1 or distance > RETURN * size:
        return None
    if distance > exact:
        near_enough = last or distance <= CLOSE_RETURN * size
        if not (near_enough and _closes(t.returns[:, period - 1], exact, t.steps)):
            return None
    return replace(base, outcome=Outcome.CYCLE, period=period)


def stationary(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """An aperiodic orbit: bounded, with steps that neither fall nor rise, and no cycle in sight.

    Bursts must continue to the end of the orbit.
    """
    if not (_steady_motion(t) and _bounded(t.norms)):
        return None
    if not (trendless(t.steps, t.unit) and trendless(t.norms[1:], t.unit)):
        return None
    if _approaches_a_cycle(t):
        return None
    return replace(base, outcome=Outcome.APERIODIC)


def _returns_in_the_tail(t: Trajectory, periods: int) -> Array:
    """Largest distance of two tail states p iterations apart, for p = 1, ..., `periods`."""
    tail = t.tail.astype(np.float64)
    distances = (np.linalg.norm(tail[p:] - tail[:-p], axis=1) for p in range(1, periods + 1))
    return np.array([distance.max() for distance in distances])


def _closes(returns: Array, exact: float, steps: Array) -> bool:
    """Whether the returns get closer geometrically while the steps keep their size.

    A contracting spiral, which is no cycle, shortens both alike.
    """
    n = len(returns)
    reached = np.flatnonzero(returns <= exact)
    stop = int(reached[0]) if len(reached) else n
    if stop - n // 4 < LEAST_RECORDS:
        return False
    fall = falls(returns, n // 4, stop)
    per_record = Decay.of(steps, len(steps) // 2, len(steps)).geometric * len(steps) / n
    return fall is not None and abs(per_record) < STEADY_STEPS * fall.geometric


def _steady_motion(t: Trajectory) -> bool:
    """Whether the largest and the mean steps of the later parts are those of the earlier parts."""
    n, (least, most) = len(t.steps), ALIKE
    steps, (starts, counts) = t.steps[n // 4 :], equal_parts(n - n // 4, PARTS)
    tops, means = np.maximum.reduceat(steps, starts), np.add.reduceat(steps, starts) / counts
    half = PARTS // 2
    ratios = (float(x[half:].mean() / max(x[:half].mean(), TINY)) for x in (tops, means))
    alike = all(least < ratio < most for ratio in ratios)
    lively = tops[-1] > STILL_LIVELY * median(tops)
    moves = tops.max() > LEAST_MOTION * median(t.norms[n // 2 :])
    return bool(alike and lively and moves)


def _bounded(norms: Array) -> bool:
    """Whether the largest norm of the second half is about that of the time from n/16 to n/4."""
    n = len(norms) - 1
    return float(norms[n // 2 :].max()) < BOUNDED_RISE * float(norms[n // 16 : n // 4].max())


def _approaches_a_cycle(t: Trajectory) -> bool:
    """Whether the closest return, above rounding, still gets closer or drifts apart."""
    if len(t.returns) < FEW_RECORDS:
        return False
    late = t.returns[len(t.returns) // 2 :]
    nearest = int(np.argmin(late.mean(axis=0)))
    rounding = ROUNDING * t.unit * float(t.norms[len(t.steps) // 2 :].max())
    moves = float(late[:, nearest].max()) > rounding
    return moves and not trendless(t.returns[:, nearest], t.unit)
