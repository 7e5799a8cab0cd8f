"""Newton's method for f(h) = h: the nearest fixed point, to the rounding of the step.

The steps solve (I - J) s = f(h) - h: by LAPACK up to 64 dimensions, where a singular I - J gives
the step of minimum norm, and beyond by GMRES with the tolerances of Eisenstat and Walker (SIAM J.
Sci. Comput. 17, 1996). A line search on the residual, and a few iterations of the loop where it
fails, make up for a start that is far away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, protected, unpacked
from ..spectra.linearisation import TINY, Linearisation
from .newton_result import NewtonResult
from .newton_step import newton_steps

ROUNDINGS = 100
"""Relative residual that counts as converged, in units of the rounding of the state."""
CLEAN = 2
"""Relative residual, in the same units, at which no further step is tried."""
SHARES = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01)
"""Parts of a Newton step that the line search tries."""
DESCENT = 1e-4
"""Least relative decrease of the residual for a whole step (the rule of Armijo)."""
FALLBACK = 8
"""Iterations of the loop where no part of a step decreases the residual, and how often."""
FORCED = 0.5
"""Largest relative residual that is allowed to the linear systems."""
SETTLED = 0.1
"""Size of the last step, relative to the state, from which a small residual is no convergence."""
FAST, SLOW = 0.05, 0.15
"""Ratios of residuals: below the first the convergence is quadratic, above the second linear."""
HUGE = 1e100
"""Norm at which the search counts as gone to infinity."""


def newton(
    loop: LoopedMap,
    h: Any,
    e: Any = None,
    *,
    tol: float | None = None,
    scale: float | None = None,
    most: int = 60,
    budget: int = 10_000,
) -> NewtonResult:
    """Find a fixed point of a loop, stable or not, by Newton's method from a state.

    After the tolerance is met, the method goes on as long as each step halves the residual: the
    result is a fixed point to rounding. Divergence is a result, not an error.

    Args:
        loop: the loop.
        h: the state from which the search starts, of any shape or structure.
        e: the input of the loop.
        tol: largest relative residual; default 100 roundings of the state's dtype or of the step,
            if it computes in lower precision (2e-14 in float64, 1e-5 in float32).
        scale: the usual norm of a state, which matters for a fixed point at 0 only; default: the
            norm of the start or of its image.
        most: largest number of Newton steps; default 60.
        budget: number of products with J after which no further step is begun; default 10,000.

    Returns:
        The state of the smallest residual, and how it was reached, as a `NewtonResult`.

    Raises:
        UsageError: `tol`, `most` or `budget` is negative.
        LoopError: the step is not finite at the start, is random, or changes its arguments.

    Example:
        The unstable fixed point of the logistic map, 1 - 1/r, which no orbit reaches:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, newton
        >>> logistic = FunctionLoop(lambda h, e: 3.8 * h * (1 - h), np.copy)
        >>> found = newton(logistic, np.array([0.6]), np.zeros(1))
        >>> found.converged, bool(abs(found.state[0] - (1 - 1 / 3.8)) < 1e-15)
        (True, True)
    """
    if (tol is not None and tol < 0) or most < 0 or budget < 0:
        raise UsageError(
            f"newton needs tol, most and budget of at least 0, not {tol}, {most} and {budget}"
        )
    with protected(loop), np.errstate(all="ignore"):
        found = _Search(loop, h, e, tol, scale, budget).run(most)
        return replace(found, state=unpacked(loop, found.state, e))


@dataclass(frozen=True)
class _Point:
    """A state with f(h) - h in float64, its norm, and the larger norm of state and image."""

    h: Array
    defect: Array
    size: float
    norm: float


class _Search:
    """One run of the method: what it has seen."""

    def __init__(
        self, loop: LoopedMap, h: Any, e: Any, tol: float | None, scale: float | None, budget: int
    ):
        self.loop, self.e, self.budget, self.products = loop, e, budget, 0
        self.j = Linearisation(loop, h, e)
        self.unit = self.j.unit
        self.tol = tolerance(self.unit) if tol is None else tol
        self.point = self.best = _point(self.j.h, self.j.image)
        self.scale = self.point.norm if scale is None else scale
        self.advice, self.steps, self.ratios = "", [], []
        self.forcing = min(0.1, np.sqrt(self.residual(self.point)))

    def residual(self, point: _Point) -> float:
        """The relative residual."""
        return point.size / max(point.norm, self.unit**0.25 * self.scale, TINY)

    def clean(self, point: _Point) -> bool:
        """Whether the residual is at rounding, so that no further step can help."""
        size = max(point.norm, self.unit**0.5 * self.scale)
        return point.size <= CLEAN * self.unit * size

    def run(self, most: int) -> NewtonResult:
        """Iterate to the end."""
        taken = fallbacks = 0
        while not self.clean(self.point):
            met = self.residual(self.point) <= self.tol
            if taken >= most or self.products >= self.budget:
                self.advice = f"stopped after {taken} steps and {self.products} products"
                break
            new = self._newton_step(met)
            if new is None and (met or fallbacks == FALLBACK or self.advice):
                self.advice = self.advice or "no step decreases the residual"
                break
            if new is None:
                fallbacks += 1
                new = self._iterated()
                self.steps.clear()
                self.ratios.clear()
            else:
                taken += 1
            if new is None or new.norm > HUGE:
                self.advice = "the states leave the finite range"
                break
            halved = self.residual(new) <= self.residual(self.point) / 2
            self.point = new
            if self.residual(new) <= self.residual(self.best):
                self.best = new
            if met and not halved:
                break
            if not self.clean(new) and not self._linearise():
                break
        return self._result(taken)

    def _linearise(self) -> bool:
        try:
            self.j = Linearisation(self.loop, self.point.h, self.e)
        except LoopError as error:
            self.advice = str(error)
            return False
        return True

    def _newton_step(self, met: bool) -> _Point | None:
        """The point after (a part of) a Newton step, or None where none decreases the residual."""
        before = self.j.products
        try:
            left = self.budget - self.products
            steps = newton_steps(self.j, self.point.defect.ravel(), self.forcing, left)
            for i, step in enumerate(steps):
                if met and i:
                    break
                for share in (1.0,) if met else SHARES:
                    new = self._at(self.point.h + share * step.reshape(self.point.h.shape))
                    if new is not None and new.size <= (1 - DESCENT * share) * self.point.size:
                        self._record(new, share, float(np.linalg.norm(step)))
                        return new
        except LoopError as error:
            self.advice = str(error)
        finally:
            self.products += self.j.products - before
        return None

    def _record(self, new: _Point, share: float, length: float) -> None:
        """Remember whole steps, which tell the order of convergence."""
        ratio = new.size / max(self.point.size, TINY)
        least = max(self.tol, CLEAN * self.unit) * new.norm / max(new.size, TINY)
        # Eisenstat and Walker's second choice, and no better than the final residual needs
        careful = 0.9 * self.forcing**2
        self.forcing = min(FORCED, max(0.9 * ratio**2, careful if careful > 0.1 else 0.0))
        self.forcing = max(self.forcing, min(0.1, 0.1 * least), 10 * self.unit)
        if share < 1:
            self.steps.clear()
            self.ratios.clear()
            return
        self.steps.append(length)
        self.ratios.append(ratio)

    def _at(self, h: Array) -> _Point | None:
        """A state with its defect; None where one of them is not finite."""
        h = h.astype(self.point.h.dtype)
        try:
            image = advance(self.loop, h, self.e)
        except LoopError:
            return None
        point = _point(h, image)
        return point if np.isfinite(point.size) else None

    def _iterated(self) -> _Point | None:
        """The state after a few iterations of the loop."""
        point = self.point
        for _ in range(FALLBACK):
            new = self._at(point.h.astype(np.float64) + point.defect)
            if new is None:
                return None
            point = new
        return point

    def _result(self, taken: int) -> NewtonResult:
        residual = self.residual(self.best)
        last = self.steps[-1] if self.steps else 0.0
        settled = last <= SETTLED * max(self.best.norm, self.scale) or self.ratios[-1] <= FAST
        converged = bool(residual <= self.tol and settled)
        if not settled and residual <= self.tol:
            self.advice = "the steps do not become small: the states run away"
        order = rate = None
        if converged and self.ratios and min(self.ratios[-2:]) <= FAST:
            order = "quadratic"
        elif converged and len(self.ratios) > 2 and min(self.ratios[-3:]) >= SLOW:
            # the median, because the last steps may be rounding
            later = np.array(self.steps[len(self.steps) // 2 :])
            order, rate = "linear", float(np.median(later[1:] / later[:-1]))
        advice = "" if converged else self.advice
        state = np.array(self.best.h, copy=True)
        return NewtonResult(state, residual, taken, self.products, converged, order, rate, advice)


def tolerance(unit: float) -> float:
    """The default tolerance of a step that computes with this relative rounding."""
    return ROUNDINGS * unit


def _point(h: Array, image: Array) -> _Point:
    defect = np.asarray(image, np.float64) - np.asarray(h, np.float64)
    size = float(np.linalg.norm(defect))
    norm = max(float(np.linalg.norm(a.astype(np.float64))) for a in (h, image))
    return _Point(h, defect, size, norm)
