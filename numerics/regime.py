"""The outcome of a trajectory, decided by the decay of its residual and the growth of its norm, never by a small step alone.

The residual is fitted by log step = a - lambda t - p log t on block means: lambda > 0 that persists is a geometric fall, p > 0
alone an algebraic one, neither is no fall. A law must hold in an early and in a late window: a fall towards a positive limit, or
a growth that bends, does not. What the horizon cannot tell is `undecided`, with advice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numerics.loop import Array
from numerics.spectrum import SpectralRadius
from numerics.trajectory import Trajectory
from theory.outcome import Outcome

MAX_PERIOD = 32
MORE = "run more loops: the residual neither falls clearly nor stays"
SADDLE = "the steps grow again from a very small size: the orbit is leaving a saddle; run more loops"


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
    exponent = Decay.of(t.norms[1:], loops // 2, loops).algebraic
    base = Diagnosis(Outcome.UNDECIDED, loops, float(t.relative_steps[-1]), norm_exponent=-exponent)
    floor = 64 * t.unit * float(t.norms[-MAX_PERIOD:].max())
    if t.steps[-1] <= floor:
        return _settled(t, floor, base)
    for look in (_geometric, _growth, _period, _algebraic, _moving):
        if (found := look(t, base)) is not None:
            return found
    return replace(base, advice=MORE)


@dataclass(frozen=True)
class Decay:
    """Fits of log y against time over a window, on block means: the joint law a - `rate` t - `power` log t, and each term alone.

    `error`: standard error of `rate`; `misfit`, `misfit_geometric`, `misfit_algebraic`: rms in log y of the three fits.
    """

    rate: float
    power: float
    error: float
    misfit: float
    geometric: float
    geometric_error: float
    misfit_geometric: float
    algebraic: float
    misfit_algebraic: float

    @classmethod
    def of(cls, y: Array, start: int, stop: int, blocks: int = 24) -> Decay:
        """Fit y[start:stop], loop numbers start + 1 ... stop; the mean square of a block levels the beat of a complex pair."""
        parts = np.array_split(np.arange(start, stop), min(blocks, stop - start))
        values = 0.5 * np.log([max(float(np.mean(np.square(y[p]))), np.finfo(float).tiny) for p in parts])
        times = np.array([p.mean() + 1 for p in parts])
        one = np.ones_like(times)
        joint, misfit, covariance = _least_squares(np.stack((one, -times, -np.log(times)), axis=1), values)
        geometric, misfit_g, covariance_g = _least_squares(np.stack((one, -times), axis=1), values)
        algebraic, misfit_a, _ = _least_squares(np.stack((one, -np.log(times)), axis=1), values)
        return cls(
            joint[1], joint[2], float(np.sqrt(covariance[1, 1])), misfit, geometric[1], float(np.sqrt(covariance_g[1, 1])), misfit_g,
            algebraic[1], misfit_a,
        )  # fmt: skip


def _least_squares(columns: Array, y: Array) -> tuple[Array, float, Array]:
    """Coefficients, rms misfit and their covariance; columns scaled, so that t and log t may differ in size."""
    size = np.linalg.norm(columns, axis=0)
    inverse = np.linalg.pinv(columns / size)
    found = inverse @ y
    misfit = y - columns / size @ found
    freedom = max(len(y) - columns.shape[1], 1)
    covariance = inverse @ inverse.T * float(misfit @ misfit) / freedom / np.outer(size, size)
    return found / size, float(np.sqrt(np.mean(misfit**2))), covariance


def _settled(t: Trajectory, floor: float, base: Diagnosis) -> Diagnosis:
    """The steps reached the rounding floor: read the rate above it, and ask whether the fall was geometric."""
    n = len(t.steps)
    last = t.steps[n * 3 // 4 :]
    if last.min() > 0 and n >= 64:
        rise = Decay.of(last, 0, len(last))
        if -rise.geometric * len(last) > 1 and rise.misfit_geometric < 0.1:
            return replace(base, advice=SADDLE)
    first = int(np.flatnonzero(t.steps <= floor)[0])
    above = t.steps[: first + 1]
    if t.norms[first] > 10 * t.norms[0] and above[:-1].size and above[:-1].min() > 0.1 * above.max():
        return replace(base, advice="the steps did not fall, they were rounded away at this size of state: use float64")
    if first < 8:
        rate = float((above[-1] / above[0]) ** (1 / max(first, 1))) if first and above[0] > 0 else 0.0
        return replace(base, outcome=Outcome.FIXED_POINT, rate=min(rate, 1.0))
    fall = Decay.of(t.steps, first // 2, first)
    if fall.misfit_algebraic < 0.5 * fall.misfit_geometric and 0 < fall.algebraic < 6:
        return replace(base, outcome=Outcome.CRITICAL, rate=1.0)
    return replace(base, outcome=Outcome.FIXED_POINT, rate=float(np.exp(-fall.geometric)), rate_error=fall.geometric_error)


def _geometric(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """A fixed point that is still approached: the steps fall at a rate that persists, or far and geometrically."""
    n = len(t.steps)
    start = max(n // 4, int(np.argmax(t.steps)))  # what comes before the largest step is a transient
    if n - start < max(n // 16, 16):
        return None
    middle = (start + n) // 2
    whole, early, late = Decay.of(t.steps, start, n), Decay.of(t.steps, start, middle, 16), Decay.of(t.steps, middle, n, 16)
    span = n - start
    # a drift seen in skew coordinates may shorten its steps for octaves: where the norm grows, only a clean exponential counts
    grown = t.norms[-1] > 1.2 * t.norms[n // 2] or t.norms[n // 2 :].max() > 1.2 * t.norms[n // 16 : n // 4].max()
    clean = 1e-3 if grown else 0.05
    persists = (
        span >= n // 2
        and whole.rate * span > max(0.02, 0.3 * whole.power * np.log(n / start) if start else 0)
        and whole.rate > 8 * whole.error
        and late.geometric > 6 * late.geometric_error
        and late.geometric > 0.6 * early.geometric > 0
        and whole.misfit < clean * whole.geometric * span
    )
    fallen = late.geometric * (n - middle) > (4 if grown else 1.5) and late.geometric > 0.6 * early.geometric
    decisive = fallen and late.rate * (n - middle) > 3 and late.misfit < min(0.5 * late.misfit_algebraic, 1)
    if not (persists or decisive):
        return None
    return replace(base, outcome=Outcome.FIXED_POINT, rate=float(np.exp(-late.geometric)), rate_error=late.geometric_error)


def _growth(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """Explosion, polynomial growth or drift: the norm leaves its earlier range, and the steps grow geometrically, like a power, or not."""
    norms, n = t.norms[1:], len(t.steps)
    last, before = float(norms[-max(n // 16, 4) :].max()), float(norms[n * 3 // 8 : n // 2 + 1].max())
    if last < 1.2 * before or last < t.norms[0]:
        return None
    steps = Decay.of(t.steps, n // 2, n)
    size = Decay.of(norms, n // 2, n)
    early = Decay.of(t.steps, n // 4, n // 2)
    if -size.geometric * n / 2 > 1 and size.misfit_geometric < 0.5 * size.misfit_algebraic and -steps.geometric * n / 2 > 1:
        # a saddle left late also grows geometrically, but has not yet outgrown what the orbit was at the start
        outgrown = last > 10 * float(t.norms[: n // 8 + 1].max()) and -early.geometric > -0.3 * steps.geometric
        return replace(base, outcome=Outcome.EXPLOSION, rate=float(np.exp(-size.geometric))) if outgrown else replace(base, advice=SADDLE)
    power = -steps.algebraic
    if power > 0.5 and steps.misfit_algebraic < 0.05 and -early.algebraic > 0.3 and early.misfit_algebraic < 0.1:
        return replace(base, outcome=Outcome.GROWTH)
    return _drift(t, base)


def _drift(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """Steps that keep their size while the norm grows linearly: exactly so, or on the average of several octaves of time."""
    norms, n = t.norms[1:], len(t.steps)
    time = np.arange(1, n + 1)
    c = float(np.median((t.relative_steps * time)[n // 2 :]))
    late = t.steps[n // 2 :]
    a, m, z = norms[n // 2], norms[(n // 2 + n - 1) // 2], norms[-1]
    straight = abs(a - 2 * m + z) < 0.03 * abs(z - a) and z > 1.3 * a
    if straight and late.max() < 1.3 * late.min():
        return replace(base, outcome=Outcome.DRIFT, drift_constant=c)
    octaves = [slice(n >> (k + 1), n >> k) for k in range(5) if n >> (k + 1) >= 8]
    tops = np.array([norms[o].max() for o in octaves])  # latest octave first
    paces = np.array([np.median(t.steps[o]) for o in octaves])
    slope = float(np.polyfit(-np.arange(len(tops)), np.log2(np.maximum(tops, 1e-300)), 1)[0]) if len(tops) > 2 else 0.0
    rising = bool((tops[:-1] > 1.1 * tops[1:]).all())
    if rising and 0.7 < slope < 1.4 and paces.max() < 12 * paces.min() and c > 0.5:
        return replace(base, outcome=Outcome.DRIFT, drift_constant=c)
    return None


def _period(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """Smallest period p at which the tail returns to itself: exactly, or ever more closely while the steps keep their size.

    A contracting spiral also returns ever more closely, but its steps shrink at the same rate.
    """
    tail = t.tail
    if len(tail) < 5:
        return None
    steps = t.steps[-len(tail) + 1 :]
    scale, tiny = float(np.median(steps)), np.finfo(float).tiny
    exact = max(1e-7 * scale, 64 * t.unit * float(t.norms[-len(tail) :].max()))
    for p in range(2, min(MAX_PERIOD, (len(tail) - 1) // 2) + 1):
        back = np.linalg.norm((tail[p:] - tail[:-p]).astype(np.float64), axis=1)
        first, middle, last = (max(float(part.max()), tiny) for part in (back[:p], back[(len(back) - p) // 2 :][:p], back[-p:]))
        shrink = np.log(first / last)
        fade = abs(np.log(max(float(steps[:p].max()), tiny) / max(float(steps[-p:].max()), tiny)))
        returns = fade < 0.01 and back.max() <= exact < 0.01 * scale
        even = abs(np.log(middle / last) - 0.5 * shrink) < 0.08 * shrink  # geometric: the beat of a rotation is not
        closes = back.max() <= 1e-2 * scale and shrink > 0.02 and fade < 0.2 * shrink and even
        if returns or closes:
            return replace(base, outcome=Outcome.CYCLE, period=p)
    return None


def _algebraic(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """Steps that fall like a power: summable, or around a point (a neutral spiral, whose net motion is small beside its path)."""
    n = len(t.steps)
    whole, early, late = (Decay.of(t.steps, *ends) for ends in ((n // 4, n), (n // 4, n // 2), (n // 2, n)))
    p = late.algebraic
    if not (whole.misfit_algebraic < min(0.2, 0.5 * whole.misfit_geometric) and p > 0.2 and 0.6 < early.algebraic / p < 1.6):
        return None
    states = t.tail.astype(np.float64)
    path = float(t.steps[-len(states) + 1 :].sum()) if len(states) > 1 else 0.0
    around = path > 0 and float(np.linalg.norm(states[-1] - states[0])) < 0.3 * path
    if p < 1.05 and not around:
        return None
    return replace(base, outcome=Outcome.CRITICAL, rate=1.0, advice="converges algebraically: the fixed point is not hyperbolic")


def _moving(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """A bounded orbit whose steps do not fall and are no part of a cycle."""
    n = len(t.steps)
    late, middle, early = (float(np.median(t.steps[a:b])) for a, b in ((n * 3 // 4, n), (n // 2, n * 3 // 4), (n // 4, n // 2)))
    steady = late > 0.9 * middle and late > 0.75 * early and late > 1e-3 * float(np.median(t.norms[n // 2 :]))
    bounded = float(t.norms[n // 2 :].max()) < 1.3 * float(t.norms[n // 16 : n // 4].max())
    trend = Decay.of(t.steps, n // 4, n)
    falls = trend.geometric > 4 * trend.geometric_error and trend.geometric * n > 0.02
    return replace(base, outcome=Outcome.APERIODIC) if steady and bounded and not falls else None
