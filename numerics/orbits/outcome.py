"""Decide the outcome of an orbit from how its steps shrink and its norm grows.

A small step alone never decides: a drift takes ever smaller relative steps without converging. The
steps are fitted by log step = a - lambda t - p log t (`loopstab.numerics.orbits.decay`), and a law
must hold in an early and in a late window; a fall towards a positive limit, or a growth that bends,
does not. An aperiodic orbit must be stationary, and a cycle must return. What the evidence does not
decide is `undecided`, with advice; `loopstab.numerics.orbits.follow` then runs more iterations.

The evidence for each outcome is in `convergence`, `escape` and `recurrence`.
"""

from __future__ import annotations

from dataclasses import replace

from ...theory.outcome import Outcome
from .convergence import algebraic_fall, geometric_fall, rounding_floor, settled
from .decay import Decay
from .diagnosis import Diagnosis
from .escape import unbounded
from .recurrence import cycle, stationary
from .trajectory import Trajectory

FEWEST = 16
"""Iterations without which nothing is decided: the halves of the orbit have 8 steps each."""
MORE = "run more loops: the residual neither falls clearly nor stays"
FAILED = "the step returned NaN or infinity: check divisions and norms (eps > 0)"
TINY_NORM = 1e-300
"""Least norm by which the growth of an orbit is divided."""


def classify(trajectory: Trajectory, *, last: bool = True) -> Diagnosis:
    """Decide the outcome of a recorded orbit.

    Args:
        trajectory: Recorded orbit, for example from `Recorder.trajectories()`.
        last: Whether no longer orbit will be recorded; default True. Then a slow convergence counts
            by its law alone; otherwise (False) the orbit must also have come close to its limit.

    Returns:
        The outcome with its evidence, as a `Diagnosis`. The outcome is `undecided` where the
        evidence fits no other; an orbit of fewer than 16 iterations is always undecided, unless it
        left the finite range.

    Example:
        >>> import numpy as np
        >>> from loopstab import Recorder, classify
        >>> recorder = Recorder(batch=1)
        >>> for t in range(501):
        ...     recorder.observe(np.array([[0.9**t]]))
        >>> found = classify(recorder.trajectory(0))
        >>> found.outcome.value, round(found.rate, 3)
        ('fixed-point', 0.9)
    """
    t, loops = trajectory, len(trajectory.steps)
    if t.non_finite:
        return Diagnosis(Outcome.NON_FINITE, loops, float("nan"), advice=FAILED)
    if t.left:
        rate = _mean_growth(t)
        return Diagnosis(Outcome.EXPLOSION, loops, float("nan"), rate=rate)
    if loops < FEWEST:
        advice = f"run at least {FEWEST} loops"
        return Diagnosis(Outcome.UNDECIDED, loops, float("nan"), advice=advice)
    exponent = -Decay.of(t.norms[1:], loops // 2, loops).algebraic
    residual = float(t.relative_steps[-1])
    base = Diagnosis(Outcome.UNDECIDED, loops, residual, norm_exponent=exponent)
    floor = rounding_floor(t)
    if floor is not None:
        return settled(t, floor, base)
    found = (
        geometric_fall(t, base, last)
        or unbounded(t, base, last)
        or cycle(t, base, last)
        or algebraic_fall(t, base)
        or stationary(t, base)
    )
    return found or replace(base, advice=MORE)


def _mean_growth(t: Trajectory) -> float:
    """Factor per iteration by which the norm grew over the second half of the orbit."""
    half = max(float(t.norms[len(t.norms) // 2]), TINY_NORM)
    loops = len(t.steps)
    return float((t.norms[-1] / half) ** (1 / max(loops - loops // 2, 1)))
