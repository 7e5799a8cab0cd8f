"""The result of classifying one orbit: its outcome with the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from ...theory.outcome import Outcome
from ..arrays import Array
from ..spectra.lyapunov import LyapunovSpectrum
from ..spectra.radius import SpectralRadius


@dataclass(frozen=True)
class Neutral:
    """The directions in which a fixed point may be moved: the eigenvectors of J for the value 1.

    Args:
        dimension: the number of eigenvalues at 1, within their error; at least that many where
            the spectrum was not computed as a whole.
        directions: an orthonormal basis of the right eigenvectors, (dimension, n): the tangent of
            the manifold of fixed points.
        conserved: the left eigenvectors w, (dimension, n), w J = w: the conserved quantities
            w . h, to first order; None where the loop gives no product with J^T and n is large.
        complete: whether all eigenvalues were computed.
    """

    dimension: int
    directions: Array
    conserved: Array | None
    complete: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object without the vectors."""
        return {"dimension": self.dimension, "complete": self.complete}


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
        rho: Spectral radius of the step at the last state, or at the fixed point that Newton's
            method reaches from it; for a cycle, of the product of the Jacobians over one period;
            None for an aperiodic orbit, of which the Lyapunov exponent tells instead.
        multiplier: `rho` of a cycle: below 1 the cycle attracts; otherwise None.
        slow_modes: Number of eigenvalues of modulus 0.99 or more, each of which needs at least 458
            iterations for two digits; None where it was not counted.
        to_tolerance: Iterations from the last state until the relative residual is 1e-8, as
            `rho` predicts; 0 if it is that small, None where there is no such prediction.
        lyapunov: Largest Lyapunov exponent of an aperiodic orbit, with its error.
        neutral: Directions in which a fixed point may be moved; None if there are none.
        confirmed: How a fixed point or cycle was confirmed; None if it was not.
        contradiction: Two measurements that contradict each other; empty if none do.
        precision: Name of the precision whose rounding ended the orbit, if it is not float64.
        time: Iteration whose step the spectrum belongs to, where the step depends on it.
        longest_period: Longest period that was looked for; None where none was.
        advice: What to know about the result; often empty.
        action: What to do next.
        state: Last state of the orbit, in the structure of the loop's functions; not in the JSON.

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
    multiplier: float | None = None
    slow_modes: int | None = None
    to_tolerance: int | None = None
    lyapunov: LyapunovSpectrum | None = None
    neutral: Neutral | None = None
    confirmed: str | None = None
    contradiction: str = ""
    precision: str | None = None
    time: int | None = None
    longest_period: int | None = None
    advice: str = ""
    action: str = ""
    state: Any = None

    def noted(self, *notes: str) -> Diagnosis:
        """The same diagnosis with more advice."""
        return replace(self, advice="; ".join(filter(None, (self.advice, *notes))))

    def lines(self) -> list[str]:
        """The diagnosis in words, one line for each finding, with what to do at the end."""
        return [f"{name}: {text}" for name, text in self._findings() if text]

    def _findings(self) -> Iterator[tuple[str, str]]:
        period = f" of period {self.period}" if self.period else ""
        yield "outcome", f"{self.outcome}{period}, after {self.loops} iterations"
        yield "relative residual", f"{self.residual:.3g}" if np.isfinite(self.residual) else ""
        error = f" (log rate +- {self.rate_error:.1e})" if self.rate_error is not None else ""
        yield "rate", "" if self.rate is None else f"{self.rate:.6g} per iteration{error}"
        yield "drift constant", "" if self.drift_constant is None else f"{self.drift_constant:.4g}"
        if self.rho is not None:
            name = "spectral radius" if self.multiplier is None else "multiplier of the cycle"
            at = "" if self.time is None else f" at frozen time {self.time}"
            doubt = "" if self.rho.converged else ", NOT CONVERGED"
            yield name, f"{self.rho.value:.6g} +- {self.rho.error:.1e}{at}{doubt}"
        if self.slow_modes:
            yield "slow modes", f"{self.slow_modes} eigenvalues of modulus 0.99 or more"
        if self.neutral is not None:
            least = "" if self.neutral.complete else "at least "
            yield "neutral directions", f"{least}{self.neutral.dimension}"
        if self.to_tolerance:
            yield "to a relative residual of 1e-8", f"{self.to_tolerance} more iterations"
        if self.lyapunov is not None:
            exponent = self.lyapunov
            yield "Lyapunov exponent", f"{exponent.value:.4g} +- {exponent.residual:.1g}"
        if self.longest_period is not None:
            yield "periods looked for", f"up to {self.longest_period}"
        yield "precision", self.precision or ""
        yield "confirmed by", self.confirmed or ""
        yield "contradiction", self.contradiction
        yield "note", self.advice
        yield "what to do", self.action

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object without the state; numbers that are not finite become None."""
        out = {k: v for k, v in self.__dict__.items() if k != "state"}
        for name in ("rho", "lyapunov", "neutral"):
            out[name] = None if out[name] is None else out[name].to_json()
        return jsonable({**out, "outcome": str(self.outcome)})
