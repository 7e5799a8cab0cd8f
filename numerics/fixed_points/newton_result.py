"""What Newton's method for a fixed point found."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ...support.jsonable import jsonable


@dataclass(frozen=True)
class NewtonResult:
    """What Newton's method found.

    Args:
        state: the state of the smallest residual, like the states of the loop's functions.
        residual: norm(f(h) - h) at that state, relative to the larger of norm(h) and norm(f(h)),
            or to eps^(1/4) times the scale where that is more (a fixed point at 0).
        iterations: number of Newton steps that were taken.
        products: number of products with J.
        converged: whether the residual meets the tolerance and the steps have become small.
        order: `quadratic` or `linear` convergence at the end; None where the steps are too few,
            or shortened, or too inexact to tell.
            Linear convergence means that I - J is singular at the fixed point: it is critical, or
            not isolated.
        rate: the ratio of two successive steps where the convergence is linear; 1 - 1/m at a fixed
            point of multiplicity m, so 1/2 at a fold and 2/3 at a pitchfork. Otherwise None.
        advice: why the method ended, where it did not converge.

    Example:
        >>> from loopstab import FunctionLoop, newton
        >>> import numpy as np
        >>> loop = FunctionLoop(lambda h, e: np.cos(h), np.zeros_like)
        >>> found = newton(loop, np.ones(1), np.zeros(1))
        >>> sorted(found.to_json())[:3], found.order
        (['advice', 'converged', 'iterations'], 'quadratic')
    """

    state: Any
    residual: float
    iterations: int
    products: int
    converged: bool
    order: str | None = None
    rate: float | None = None
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object, without the state."""
        return jsonable({f.name: getattr(self, f.name) for f in fields(self) if f.name != "state"})
