"""The outcome of a trajectory, decided by the decay of its residual and the growth of its norm,
never by a small step alone.

The residual is fitted by log step = a - lambda t - p log t on block means
(`loopstab.numerics.orbits.decay`). A law must hold in an early and in a late window: a fall towards
a positive limit, or a growth that bends, does not. An aperiodic orbit must be stationary, a cycle
must return. What the horizon cannot tell is `undecided`, with advice;
`loopstab.numerics.orbits.follow` then runs on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from ...theory.outcome import Outcome
from ..arrays import Array
from ..spectra.radius import SpectralRadius
from .decay import TINY, Decay, falls, keeps_power
from .trajectory import MAX_PERIOD, Trajectory

MORE = "run more loops: the residual neither falls clearly nor stays"
SADDLE = (
    "the steps grow again from a very small size: the orbit is leaving a saddle; run more loops"
)


@dataclass(frozen=True)
class Diagnosis:
    """What one measurement found, with its evidence.

    `rate`: contraction of the residual per loop from its slope, `rate_error` the standard error of
    log rate;
    `residual`: last relative step; `norm_exponent`: slope of log norm against log t over the second
    half;
    `drift_constant`: c in relative step ~ c/t (1: the direction settles, more: it turns); `rho`:
    spectrum at the last state; `confirmed`: how a fixed point was confirmed; `state`: the last
    state seen (not in the JSON).
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
        """Plain JSON object without the state; what is not finite is None."""
        out = {k: v for k, v in self.__dict__.items() if k != "state"}
        return jsonable(
            {
                **out,
                "outcome": str(self.outcome),
                "rho": None if self.rho is None else self.rho.to_json(),
            }
        )


def classify(trajectory: Trajectory, *, last: bool = True) -> Diagnosis:
    """Decide the outcome of a recorded orbit; `undecided` when the evidence fits nothing.

    A convergence that is still under way counts by its law only at the `last` look; before it, by
    having got close.
    """
    t = trajectory
    loops = len(t.steps)
    if t.non_finite:
        return Diagnosis(
            Outcome.NON_FINITE,
            loops,
            float("nan"),
            advice="the step returned NaN or infinity: check divisions and norms (eps > 0)",
        )
    if t.left:
        rate = float(
            (t.norms[-1] / max(t.norms[len(t.norms) // 2], 1e-300))
            ** (1 / max(loops - loops // 2, 1))
        )
        return Diagnosis(Outcome.EXPLOSION, loops, float("nan"), rate=rate)
    if loops < 16:
        return Diagnosis(Outcome.UNDECIDED, loops, float("nan"), advice="run at least 16 loops")
    exponent = Decay.of(t.norms[1:], loops // 2, loops).algebraic
    base = Diagnosis(Outcome.UNDECIDED, loops, float(t.relative_steps[-1]), norm_exponent=-exponent)
    if (floor := _floor(t)) is not None:
        return _settled(t, floor, base)
    found = (
        _geometric(t, base, last)
        or _growth(t, base, last)
        or _period(t, base, last)
        or _algebraic(t, base)
        or _moving(t, base)
    )
    return found or replace(base, advice=MORE)


def _floor(t: Trajectory) -> float | None:
    """Size of the steps that are rounding alone, if the orbit has come down to them.

    Where a transient amplifies rounding, the steps stay above 64 units: then an even plateau over
    the last half, far below what the steps were, counts up to 64 units times the growth seen (2^12
    at least; fewer in float32, where that would be a motion).
    """
    size = t.unit * float(t.norms[-MAX_PERIOD:].max())
    if t.steps[-1] <= 64 * size:
        return 64 * size
    n = len(t.steps)
    third, last = t.steps[n // 2 : n * 3 // 4], t.steps[n * 3 // 4 :]
    top = float(max(third.max(), last.max()))
    even = 0.5 < _median(last) / max(_median(third), TINY) < 2
    growth = float(t.norms.max() / max(t.norms[0] + t.norms[-1], TINY))
    noise = min(max(2.0**12, 64 * growth), 0.125 / np.sqrt(t.unit))
    return (
        top
        if n >= 64 and even and top <= noise * size and top < 1e-3 * float(t.steps.max())
        else None
    )


def _settled(t: Trajectory, floor: float, base: Diagnosis) -> Diagnosis:
    """The steps reached the rounding floor: read the rate above it, and ask whether the fall was
    geometric.
    """
    n = len(t.steps)
    last = t.steps[n * 3 // 4 :]
    if last.min() > 0 and n >= 64:
        rise = Decay.of(last, 0, len(last))
        if -rise.geometric * len(last) > 1 and rise.misfit_geometric < 0.1:
            return replace(base, advice=SADDLE)
    first = int(np.flatnonzero(t.steps <= floor)[0])
    above = t.steps[: first + 1]
    if (
        t.norms[first] > 10 * t.norms[0]
        and above[:-1].size
        and above[:-1].min() > 0.1 * above.max()
    ):
        return replace(
            base,
            advice=(
                "the steps did not fall, they were rounded away at this size of state: use float64"
            ),
        )
    if first < 8:
        rate = (
            float((above[-1] / above[0]) ** (1 / max(first, 1))) if first and above[0] > 0 else 0.0
        )
        return replace(base, outcome=Outcome.FIXED_POINT, rate=min(rate, 1.0))
    fall = Decay.of(t.steps, first // 2, first)
    if fall.misfit_algebraic < 0.5 * fall.misfit_geometric and 0 < fall.algebraic < 6:
        return replace(base, outcome=Outcome.CRITICAL, rate=1.0)
    return replace(
        base,
        outcome=Outcome.FIXED_POINT,
        rate=float(np.exp(-fall.geometric)),
        rate_error=fall.geometric_error,
    )


def _geometric(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """A fixed point that is still approached: the steps fall at one rate, to no floor; over a short
    window they fall far.
    """
    n = len(t.steps)
    start = max(
        n // 4, int(np.argmax(t.steps))
    )  # what comes before the largest step is a transient
    low = np.flatnonzero(
        t.steps[start:] < 2.0**12 * t.unit * t.norms[-1]
    )  # rounding bends the fall from here on
    stop = start + int(low[0]) if len(low) else n
    if stop - start < max(n // 16, 16) or (late := falls(t.steps, start, stop)) is None:
        return None
    close = float(t.relative_steps[-1]) < t.unit ** (2 / 3)
    if not (close or last) or (n - start < n // 2 and late.geometric * (stop - start) < 3):
        return None
    return replace(
        base,
        outcome=Outcome.FIXED_POINT,
        rate=float(np.exp(-late.geometric)),
        rate_error=late.geometric_error,
    )


def _growth(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """Explosion, polynomial growth or drift: the norm leaves its earlier range, and the steps grow
    geometrically, like a power, or not.
    """
    norms, n = t.norms[1:], len(t.steps)
    end, before = (
        float(norms[-max(n // 16, 4) :].max()),
        float(norms[n * 3 // 8 : n // 2 + 1].max()),
    )
    if end < 1.2 * before or end < t.norms[0]:
        return None
    steps = Decay.of(t.steps, n // 2, n)
    size = Decay.of(norms, n // 2, n)
    early = Decay.of(t.steps, n // 4, n // 2)
    if (
        -size.geometric * n / 2 > 1
        and size.misfit_geometric < 0.5 * size.misfit_algebraic
        and -steps.geometric * n / 2 > 1
    ):
        # a saddle left late also grows geometrically, but has not yet outgrown what the orbit was
        # at the start
        outgrown = (
            end > (1e2 if last else 1e4) * float(t.norms[: n // 8 + 1].max())
            and -early.geometric > -0.3 * steps.geometric
        )
        return (
            replace(base, outcome=Outcome.EXPLOSION, rate=float(np.exp(-size.geometric)))
            if outgrown
            else replace(base, advice=SADDLE)
        )
    power = -steps.algebraic
    if (
        power > 0.5
        and steps.misfit_algebraic < 0.05
        and -early.algebraic > 0.3
        and early.misfit_algebraic < 0.1
        and keeps_power(t.steps)
    ):
        return replace(base, outcome=Outcome.GROWTH)
    return _drift(t, base, last)


def _drift(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """Steps that keep their size while the norm grows linearly: exactly so, or on the average of
    several octaves of time.
    """
    norms, n = t.norms[1:], len(t.steps)
    time = np.arange(1, n + 1)
    c = _median((t.relative_steps * time)[n // 2 :])
    late = t.steps[n // 2 :]
    a, m, z = norms[n // 2], norms[(n // 2 + n - 1) // 2], norms[-1]
    straight = abs(a - 2 * m + z) < 0.03 * abs(z - a) and z > 1.3 * a
    if straight and late.max() < 1.3 * late.min() and keeps_power(t.steps):
        return replace(base, outcome=Outcome.DRIFT, drift_constant=c)
    octaves = [
        slice(n >> (k + 1), n >> k)
        for k in range(8)
        if n >> (k + 1) >= (8 if last and k < 5 else 60)
    ]
    if len(octaves) < (
        5 if last else 7
    ):  # one swing of a slow modulation, or of a polynomial, can look like a drift
        return None
    tops = np.log2([max(float(norms[o].max()), TINY) for o in octaves])[::-1]
    paces = np.array([_median(t.steps[o]) for o in octaves])
    slopes = [float(np.polyfit(np.arange(len(part)), part, 1)[0]) for part in (tops, tops[-4:])]
    gains = np.diff(tops)
    rising = bool((tops[2:] > tops[:-2] + 0.5).all())
    as_before = abs(gains[-1] - 1) < 1.25 * np.abs(gains[:-1] - 1).max() + 0.1
    even = keeps_power(t.steps, np.inf) and paces.max() < 12 * paces.min()
    if rising and as_before and even and min(slopes) > 0.7 and max(slopes) < 1.4 and c > 0.5:
        return replace(base, outcome=Outcome.DRIFT, drift_constant=c)
    return None


def _period(t: Trajectory, base: Diagnosis, last: bool) -> Diagnosis | None:
    """Smallest period p after which the orbit returns: exactly, or ever more closely while the
    steps keep their size.
    """
    tail, periods = t.tail.astype(np.float64), min(MAX_PERIOD, (len(t.tail) - 1) // 2)
    scale, rounding = (
        _median(t.steps[-len(tail) :]),
        64 * t.unit * float(t.norms[-len(tail) :].max()),
    )
    if periods < 2 or rounding > 1e-2 * scale:
        return None
    late = t.returns[len(t.returns) * 3 // 4 :, :periods]
    if (
        len(late) and late.max(axis=0).min() > 1e-2 * scale
    ):  # no period returns: spare the distances in the tail
        return None
    seen = [np.linalg.norm(tail[p:] - tail[:-p], axis=1).max() for p in range(1, periods + 1)]
    tops = np.vstack((late, seen)).max(axis=0)
    p = (
        int(np.argmax(tops <= 10 * max(float(tops.min()), rounding))) + 1
    )  # a multiple of the period returns no closer
    top, exact = float(tops[p - 1]), max(1e-9 * scale, rounding)
    if p == 1 or top > 1e-2 * scale:
        return None
    if top <= exact or (
        (last or top <= 1e-6 * scale) and _closes(t.returns[:, p - 1], exact, t.steps)
    ):
        return replace(base, outcome=Outcome.CYCLE, period=p)
    return None


def _closes(gap: Array, exact: float, steps: Array) -> bool:
    """Whether the return falls geometrically while the steps keep their size: a contracting spiral
    shortens both alike.
    """
    n = len(gap)
    reached = np.flatnonzero(gap <= exact)
    stop = int(reached[0]) if len(reached) else n
    fall = falls(gap, n // 4, stop) if stop - n // 4 >= 32 else None
    slope = (
        Decay.of(steps, len(steps) // 2, len(steps)).geometric * len(steps) / n
    )  # per row of the returns
    return fall is not None and abs(slope) < 0.2 * fall.geometric


def _algebraic(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """Steps that fall like a power: summable, or around a point (a neutral spiral, whose net motion
    is small beside its path).
    """
    n = len(t.steps)
    whole, early, late = (
        Decay.of(t.steps, *ends) for ends in ((n // 4, n), (n // 4, n // 2), (n // 2, n))
    )
    p = late.algebraic
    if not (
        whole.misfit_algebraic < min(0.2, 0.5 * whole.misfit_geometric)
        and p > 0.2
        and 0.6 < early.algebraic / p < 1.6
    ):
        return None
    if not keeps_power(t.steps):
        return None
    states = t.tail.astype(np.float64)
    path = float(t.steps[-len(states) + 1 :].sum()) if len(states) > 1 else 0.0
    around = path > 0 and float(np.linalg.norm(states[-1] - states[0])) < 0.3 * path
    if p < 1.05 and not around:
        return None
    return replace(
        base,
        outcome=Outcome.CRITICAL,
        rate=1.0,
        advice="converges algebraically: the fixed point is not hyperbolic",
    )


def _moving(t: Trajectory, base: Diagnosis) -> Diagnosis | None:
    """A bounded orbit whose steps neither fall nor rise and are no part of a cycle; bursts must go
    on to the end.
    """
    n = len(t.steps)
    steps, starts, counts = t.steps[n // 4 :], *_twelfths(n - n // 4)
    tops, means = np.maximum.reduceat(steps, starts), np.add.reduceat(steps, starts) / counts
    alike = all(0.8 < float(x[6:].mean() / max(x[:6].mean(), TINY)) < 1.25 for x in (tops, means))
    lively = tops[-1] > 0.5 * _median(tops) and tops.max() > 1e-3 * _median(t.norms[n // 2 :])
    bounded = float(t.norms[n // 2 :].max()) < 1.3 * float(t.norms[n // 16 : n // 4].max())
    if not (
        alike
        and lively
        and bounded
        and _trendless(t.steps, t.unit)
        and _trendless(t.norms[1:], t.unit)
    ):
        return None
    if len(t.returns) >= 8:
        late = t.returns[len(t.returns) // 2 :]
        nearest = int(np.argmin(late.mean(axis=0)))
        moves = float(late[:, nearest].max()) > 64 * t.unit * float(t.norms[n // 2 :].max())
        if moves and not _trendless(t.returns[:, nearest], t.unit):
            return None  # a cycle that is still approached
    return replace(base, outcome=Outcome.APERIODIC)


@lru_cache(maxsize=64)
def _twelfths(n: int) -> tuple[Array, Array]:
    """First index and length of each of 12 parts of n entries."""
    parts = np.array_split(np.arange(n), 12)
    return np.array([part[0] for part in parts]), np.array([len(part) for part in parts])


def _median(x: Array) -> float:
    """The median of x (n,) without NaN, by sorting: NumPy's own looks for NaN, which costs more."""
    x = np.sort(x)
    return float(x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2


def _trendless(y: Array, unit: float) -> bool:
    """Whether y neither falls nor rises geometrically after its first quarter: within four standard
    errors and rounding.
    """
    n = len(y)
    trend = Decay.of(y, n // 4, n)
    return abs(trend.geometric) * n < max(4 * trend.geometric_error * n, 1e-5, 64 * unit * n)
