"""Two loops side by side: before and after a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...theory.outcome import Outcome
from ..loops.protocol import LoopedMap
from ..orbits.diagnosis import Diagnosis
from .diagnose import diagnose

SETTLED = (Outcome.FIXED_POINT, Outcome.NEUTRAL, Outcome.CRITICAL)
"""Outcomes with a fixed point, whose spectral radius can be compared."""
ROWS: dict[str, Callable[[Diagnosis], object]] = {
    "outcome": lambda d: f"{d.outcome}({d.period})" if d.period else str(d.outcome),
    "iterations observed": lambda d: d.loops,
    "relative residual": lambda d: d.residual,
    "rate": lambda d: d.rate,
    "spectral radius": lambda d: d.rho.value if d.rho and d.outcome in SETTLED else None,
    "multiplier of the cycle": lambda d: d.multiplier,
    "slow modes": lambda d: d.slow_modes,
    "iterations to 1e-8": lambda d: d.to_tolerance,
    "Lyapunov exponent": lambda d: None if d.lyapunov is None else d.lyapunov.value,
    "neutral directions": lambda d: None if d.neutral is None else d.neutral.dimension,
    "confirmed by": lambda d: d.confirmed,
    "contradiction": lambda d: "yes" if d.contradiction else None,
}
"""What is compared, in words."""


@dataclass(frozen=True)
class BeforeAfter:
    """The diagnoses of a loop before and after a change.

    Args:
        before: the first.
        after: the second.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, compare
        >>> loops = [FunctionLoop(lambda h, e, a=a: a * h + e, np.zeros_like) for a in (1.5, 0.5)]
        >>> print(*compare(*loops, np.ones(2)).lines()[:3], sep="\\n")
                             before     after
        outcome              explosion  fixed-point
        iterations observed  565        94
    """

    before: Diagnosis
    after: Diagnosis

    def lines(self) -> list[str]:
        """A table with one line for each measurement that one of them has, and what to do."""
        rows = [("", "before", "after")]
        for name, value in ROWS.items():
            pair = value(self.before), value(self.after)
            if pair != (None, None):
                rows.append((name, _shown(pair[0]), _shown(pair[1])))
        name, first = (max(len(row[k]) for row in rows) for k in (0, 1))
        out = [f"{row[0]:<{name}}  {row[1]:<{first}}  {row[2]}" for row in rows]
        return [*out, f"what to do now: {self.after.action}"]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        return {"before": self.before.to_json(), "after": self.after.to_json()}


def compare(before: LoopedMap, after: LoopedMap, e: Any = None, **options: Any) -> BeforeAfter:
    """Diagnose two loops on one input, for example before and after a change.

    Args:
        before: the first loop.
        after: the second loop.
        e: the input of both.
        **options: those of `diagnose`.

    Raises:
        LoopError: as in `diagnose`.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, compare
        >>> def damped(a):
        ...     return FunctionLoop(lambda h, e: h + a * (e - 2 * h - h), lambda e: 0 * e)
        >>> found = compare(damped(1.0), damped(0.4), np.ones(3))
        >>> str(found.before.outcome), str(found.after.outcome)
        ('explosion', 'fixed-point')
    """
    return BeforeAfter(diagnose(before, e, **options), diagnose(after, e, **options))


def _shown(value: object) -> str:
    if value is None or value != value:  # NaN
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
