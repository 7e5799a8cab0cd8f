"""The outcome of a trajectory, decided by the decay of its residual and the growth of its norm, never by a small step alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numerics.loop import Array
from numerics.spectrum import SpectralRadius
from numerics.trajectory import Trajectory
from theory.outcome import Outcome

MAX_PERIOD = 32


@dataclass(frozen=True)
class Diagnosis:
    """What one measurement found, with its evidence.

    `rate`: contraction of the residual per loop from its slope, `rate_error` the standard error of log rate;
    `residual`: last relative step; `norm_exponent`: slope of log norm against log t over the second half;
    `drift_constant`: c in relative step ~ c/t (1: the direction settles, more: it turns); `rho`: spectrum at the last
    state; `confirmed`: how a fixed point was confirmed; `state`: the last state seen (not in the JSON).
    """

    outcome: Outcome
    loops: int
    residual: float
    period: int | None = None
    rate: float | None = None
    rate_error: float | None = None
    norm_exponent: float | None = None
    drift_constant: float | None = None
    rho: SpectralRadius | None = None
    confirmed: str | None = None
    advice: str = ""
    state: Array | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object without the state."""
        out = {k: v for k, v in self.__dict__.items() if k != "state"}
        return {**out, "outcome": str(self.outcome), "rho": None if self.rho is None else self.rho.to_json()}


def classify(trajectory: Trajectory) -> Diagnosis:
    """Decide the outcome of a recorded orbit; `undecided` when the evidence fits nothing."""
    t = trajectory
    loops = len(t.steps)
    if t.non_finite:
        return Diagnosis(
            Outcome.NON_FINITE, loops, float("nan"), advice="the step returned NaN or infinity: check divisions and norms (eps > 0)"
        )
    if t.left:
        rate = float((t.norms[-1] / max(t.norms[len(t.norms) // 2], 1e-300)) ** (1 / max(loops - loops // 2, 1)))
        return Diagnosis(Outcome.EXPLOSION, loops, float("nan"), rate=rate)
    if loops < 16:
        return Diagnosis(Outcome.UNDECIDED, loops, float("nan"), advice="run at least 16 loops")
    base = Diagnosis(
        Outcome.UNDECIDED, loops, float(t.relative_steps[-1]), norm_exponent=_slope(np.maximum(t.norms[1:], 1e-300), log_time=True)[0]
    )
    floor = 64 * t.unit * float(t.norms.max())
    if t.steps[-1] <= floor:
        return _settled(t, floor, base)
    if (growth := _growth(t, base)) is not None:
        return growth
    if (period := _period(t)) is not None:
        return replace(base, outcome=Outcome.CYCLE, period=period)
    return _bounded(t, base)


def _slope(y: Array, *, log_time: bool) -> tuple[float, float, float]:
    """Least squares slope of log y against t (or log t) over the second half; slope, standard error, rms misfit."""
    n = len(y)
    half = slice(n // 2, n)
    y = np.log(np.maximum(y[half], np.finfo(float).tiny))
    x = np.arange(1, n + 1, dtype=float)[half]
    x = np.log(x) if log_time else x
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    misfit = y - y.mean() - slope * x
    rms = float(np.sqrt(np.mean(misfit**2)))
    return slope, rms / float(np.sqrt(x @ x)), rms


def _settled(t: Trajectory, floor: float, base: Diagnosis) -> Diagnosis:
    """The steps reached the rounding floor: read the rate above it, and ask whether the fall was geometric."""
    above = t.steps[: int(np.flatnonzero(t.steps <= floor)[0])]
    if len(above) < 8:
        rate = float((above[-1] / above[0]) ** (1 / (len(above) - 1))) if len(above) > 1 else 0.0
        return replace(base, outcome=Outcome.FIXED_POINT, rate=min(rate, 1.0))
    geometric, algebraic = (_slope(above, log_time=flag) for flag in (False, True))
    if algebraic[2] < 0.5 * geometric[2] and algebraic[0] > -6:
        return replace(base, outcome=Outcome.CRITICAL, rate=1.0)
    return replace(base, outcome=Outcome.FIXED_POINT, rate=float(np.exp(geometric[0])), rate_error=geometric[1])


def _growth(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """Explosion, drift or polynomial growth, from the norm over the second half; None for a bounded orbit."""
    norms = t.norms[1:]
    if norms[-1] <= t.norms[0] or norms[-1] < 1.2 * np.median(norms[len(norms) * 3 // 8 : len(norms) // 2 + 1]):
        return None
    exponential, power = (_slope(norms, log_time=flag) for flag in (False, True))
    if exponential[0] * len(norms) / 2 > 1 and exponential[2] < 0.5 * power[2]:
        return replace(base, outcome=Outcome.EXPLOSION, rate=float(np.exp(exponential[0])))
    if power[2] > 0.2:
        return None
    c = float(np.median((t.relative_steps * np.arange(1, len(t.steps) + 1))[len(t.steps) // 2 :]))
    if 0.75 <= power[0] <= 1.3 and c > 0.97:  # c < 1 is a slow approach that only looks linear
        return replace(base, outcome=Outcome.DRIFT, drift_constant=c)
    if power[0] > 1.3:
        return replace(base, outcome=Outcome.GROWTH)
    return None


def _period(t: Trajectory) -> int | None:
    """Smallest period p at which the tail returns to itself: exactly, or ever more closely while the steps keep their size.

    A contracting spiral also returns ever more closely, but its steps shrink at the same rate.
    """
    tail = t.tail
    if len(tail) < 5:
        return None
    steps = t.steps[-len(tail) + 1 :]
    scale, tiny = float(np.median(steps)), np.finfo(float).tiny
    for p in range(2, min(MAX_PERIOD, (len(tail) - 1) // 2) + 1):
        back = np.linalg.norm((tail[p:] - tail[:-p]).astype(np.float64), axis=1)
        shrink = np.log(max(float(back[:p].max()), tiny) / max(float(back[-p:].max()), tiny))
        fade = abs(np.log(max(float(steps[:p].max()), tiny) / max(float(steps[-p:].max()), tiny)))
        if fade < 0.01 and back.max() <= 1e-7 * scale:
            return p
        if back.max() <= 1e-2 * scale and shrink > 0.02 and fade < 0.2 * shrink:
            return p
    return None


def _bounded(t: Trajectory, base: Diagnosis) -> Diagnosis:
    """A bounded orbit above the rounding floor that is not periodic: still converging (how?), or moving for ever."""
    steps, n = t.steps, len(t.steps)
    geometric, algebraic = (_slope(steps, log_time=flag) for flag in (False, True))
    late, middle = (float(np.median(part)) for part in (steps[-max(n // 8, 4) :], steps[n // 2 : n // 2 + max(n // 8, 4)]))
    fall = late / max(middle, np.finfo(float).tiny)
    rate = float(np.exp(geometric[0]))
    if algebraic[0] < -1.05 and algebraic[2] < min(0.2, 0.5 * geometric[2]):
        return replace(base, outcome=Outcome.CRITICAL, rate=1.0, advice="converges algebraically: the fixed point is not hyperbolic")
    decisive = fall < 0.05 and geometric[2] < algebraic[2]
    clean = fall < 0.99 and geometric[2] < min(0.02, 0.2 * algebraic[2])
    if decisive or clean:
        return replace(base, outcome=Outcome.FIXED_POINT, rate=rate, rate_error=geometric[1])
    if fall > 0.9 and late > 1e-3 * float(np.median(t.norms[n // 2 :])):
        return replace(base, outcome=Outcome.APERIODIC)
    return replace(base, rate=rate, advice="run more loops: the residual neither falls clearly nor stays")
