"""What a trajectory of a loop can do in the long run: the words of predictions and measurements."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """Long-run behaviour of h_{t+1} = f(h_t, e).

    The value of a member is its name in reports, and `Outcome("fixed-point")` finds it again.
    `docs/vocabulary.md` describes the outcomes.

    Example:
        >>> from loopstab import Outcome
        >>> [str(outcome) for outcome in Outcome if outcome.bounded]
        ['fixed-point', 'neutral', 'critical', 'cycle', 'aperiodic']
    """

    FIXED_POINT = "fixed-point"
    """the residual abs(h_{t+1} - h_t) falls geometrically"""
    NEUTRAL = "neutral"
    """the state converges to a point of a line or manifold of fixed points, which the start
    decides; only a diagnosis with the spectrum tells it from a fixed point"""
    CRITICAL = "critical"
    """the state converges, but only algebraically (h - h^3: residual ~ t^{-3/2})"""
    DRIFT = "drift"
    """the norm grows linearly; relative residual ~ c/t"""
    GROWTH = "growth"
    """polynomial growth of degree two or more (a Jordan block)"""
    EXPLOSION = "explosion"
    """the norm grows geometrically"""
    CYCLE = "cycle"
    """a periodic orbit of period two or more"""
    APERIODIC = "aperiodic"
    """bounded, neither convergent nor periodic within the horizon"""
    UNDECIDED = "undecided"
    """the evidence within the horizon fits none of the others"""
    NON_FINITE = "non-finite"
    """the step returned NaN or infinity from a finite state of moderate size"""

    @property
    def bounded(self) -> bool:
        """Whether the orbit stays in a bounded set."""
        return self in (
            Outcome.FIXED_POINT,
            Outcome.NEUTRAL,
            Outcome.CRITICAL,
            Outcome.CYCLE,
            Outcome.APERIODIC,
        )
