"""The result of classifying one orbit: its outcome with the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...support.jsonable import jsonable
from ...theory.outcome import Outcome
from ..arrays import Array
from ..spectra.radius import SpectralRadius


@dataclass(frozen=True)
class Diagnosis:
    """What one measurement of a loop found, with its evidence.

    Args:
        outcome: Long-run behaviour of the orbit.
        loops: Number of iterations that were observed when the outcome was decided.
        residual: Last relative step abs(h_{t+1} - h_t) / abs(h_t).
        period: Period of a cycle; otherwise None.
        rate: Factor per iteration by which the steps of a convergent orbit shrink, or the norm of
            an exploding one grows; 1 for a critical orbit, None for all others.
        rate_error: Standard error of log `rate`; None where the rate is not fitted.
        norm_exponent: Slope of log norm against log t over the second half of the orbit.
        drift_constant: Constant c of a drift with relative steps c/t. It is 1 if the direction of
            the state settles, and larger if it turns.
        rho: Spectral radius of the step at the last state.
        confirmed: How a fixed point was confirmed; None if it was not.
        advice: What to do about the result, or what to know about it; often empty.
        state: Last state of the orbit; it is not part of the JSON.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, diagnose
        >>> shift = FunctionLoop(lambda h, e: h + e, lambda e: np.zeros_like(e))
        >>> found = diagnose(shift, np.ones(2))
        >>> found.outcome.value, round(found.drift_constant, 2), round(found.norm_exponent, 2)
        ('drift', 1.0, 1.0)
        >>> found.to_json()["loops"]
        2000
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
        """Plain JSON object without the state; numbers that are not finite become None."""
        out = {k: v for k, v in self.__dict__.items() if k != "state"}
        rho = None if self.rho is None else self.rho.to_json()
        return jsonable({**out, "outcome": str(self.outcome), "rho": rho})
