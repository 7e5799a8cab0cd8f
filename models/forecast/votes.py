"""Probabilities of the outcomes, from what was found of other inputs and what the claims leave.

Each of n inputs has one vote, which it may split; one further vote says that nothing is known. A
probability is a sum of votes divided by n + 1; what a theorem excludes gets exactly 0. None of
these numbers was fitted to measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...theory.outcome import Outcome
from ...theory.prediction import Prediction, conceivable
from .near_point import NearPoint

Votes = Mapping[Outcome, float]

GROWS = 1.17
"""Factor over the second half of the iterations from which a norm counts as growing, if the state
is not bounded.
"""
EXPLODES = 4.75
"""The same for geometric growth: a norm that grows like t doubles."""
NEGATIVE = 0.95
"""Share of its modulus from which the real part of a negative eigenvalue counts as all of it."""

_FIXED, _CYCLE, _APERIODIC = Outcome.FIXED_POINT, Outcome.CYCLE, Outcome.APERIODIC
ATTRACTED: Votes = {_FIXED: 1.0}
RETURNED: Votes = {_CYCLE: 0.9, _APERIODIC: 0.1}
FLIPPED: Votes = {_CYCLE: 0.8, _APERIODIC: 0.2}
"""The point repels with a negative eigenvalue: a flip, which doubles the period."""
TURNED: Votes = {_CYCLE: 0.3, _APERIODIC: 0.7}
"""It repels with a complex pair: orbits turn around it, and rarely with a whole period."""
PUSHED: Votes = {_FIXED: 0.3, _CYCLE: 0.2, _APERIODIC: 0.5}
"""It repels with a positive eigenvalue: a saddle, beyond which another point may attract."""
SLOWED: Votes = {_FIXED: 0.5, _CYCLE: 0.2, _APERIODIC: 0.3}
"""The steps shrink, but no attracting point was found near the orbit."""
MOVED: Votes = {_FIXED: 0.1, _CYCLE: 0.3, _APERIODIC: 0.6}
UNKNOWN: Votes = {_FIXED: 0.5, _CYCLE: 0.2, _APERIODIC: 0.2, Outcome.CRITICAL: 0.1}
"""The vote that says that nothing is known; where the state is not bounded, drift takes the half of
the fixed point."""


def vote(point: NearPoint, bounded: bool) -> Votes:
    """How the vote of an input is split.

    A fixed point that attracts, and is near, counts for the outcome fixed-point; one that repels
    counts against it, because almost no start converges to it (A4).

    Args:
        point: what was found of the input.
        bounded: whether no outcome is allowed in which the state is not bounded.
    """
    if point.attracts:
        return ATTRACTED
    if not bounded and point.grown > GROWS:
        grows = Outcome.EXPLOSION if point.grown > EXPLODES else Outcome.DRIFT
        return {grows: 0.9, _APERIODIC: 0.1}
    if point.how == "returns":
        return RETURNED
    if point.rho is not None and point.rho >= 1 and point.leading is not None:
        real = point.leading[0] / point.rho
        return FLIPPED if real < -NEGATIVE else PUSHED if real > NEGATIVE else TURNED
    return SLOWED if point.slowing else MOVED


def outcome_probabilities(
    points: Sequence[NearPoint], prediction: Prediction
) -> dict[Outcome, float]:
    """The probability of each outcome for a new input.

    Args:
        points: what was found of the other inputs.
        prediction: what the claims say of the loop.

    Returns:
        Outcome to probability, the most probable first, without those of probability 0; the sum is
        1. Where the claims leave one outcome, it has probability 1.

    Example:
        >>> from loopstab import Architecture, predict
        >>> from loopstab.models.forecast.near_point import NearPoint
        >>> from loopstab.models.forecast.votes import outcome_probabilities
        >>> point = NearPoint("newton", 1e-9, True, 1.0, rho=0.5, leading=(0.5, 0), distance=0)
        >>> found = outcome_probabilities([point] * 8, predict(Architecture.parse("none/post")))
        >>> [(str(name), round(p, 3)) for name, p in found.items()][0]
        ('fixed-point', 0.944)
    """
    allowed = prediction.allowed & conceivable(prediction.architecture)
    if len(allowed) == 1:
        return {next(iter(allowed)): 1.0}
    bounded = all(outcome.bounded for outcome in allowed)
    unknown = dict(UNKNOWN) if bounded else {**UNKNOWN, _FIXED: 0.25, Outcome.DRIFT: 0.25}
    totals = dict.fromkeys(Outcome, 0.0)
    for votes in (*(vote(point, bounded) for point in points), unknown):
        for outcome, share in votes.items():
            # growth of a kind that is excluded is taken for the kind that is left
            excluded = outcome is Outcome.EXPLOSION and outcome not in allowed
            totals[Outcome.DRIFT if excluded else outcome] += share
    left = {o: share for o, share in totals.items() if o in allowed and share > 0}
    whole = sum(left.values())
    return {o: left[o] / whole for o in sorted(left, key=lambda o: -left[o])}
