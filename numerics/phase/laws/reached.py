"""What is measured of a loop whose orbit was followed, at the fixed point that it reaches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....theory.outcome import Outcome
from ...fixed_points.newton import newton
from ...loops.protocol import LoopedMap, LoopError, start
from ...orbits.follow import Followed
from .orbits import iterations
from .tangent import Tangent

NAN, INF = float("nan"), float("inf")
LEAST = float(np.finfo(float).eps) ** 0.25
"""Norm, relative to the largest of the orbit, below which a state counts as 0."""


class Reached(NamedTuple):
    """The numbers of a sample: spectral radius, iterations, sensitivity to the input."""

    rho: float = NAN
    iterations: float = NAN
    sensitivity: float = NAN


def reached(loop: LoopedMap, e: Any, orbit: Followed, *, with_input: bool = True) -> Reached:
    """Measure a loop at the fixed point that Newton's method finds from the end of its orbit.

    That is the limit of an orbit that converges. The iterations are those until the step, relative
    to the state, stays below 1e-8. The sensitivity is infinite where I - J is singular, 0 for a
    loop without input, and NaN where the input is not one array of floats.
    """
    t, outcome = orbit.trajectory, orbit.diagnosis.outcome
    found, largest = Reached(), float(t.norms.max())
    if outcome is Outcome.FIXED_POINT:
        steps = t.steps / np.maximum(t.norms[:-1], LEAST * max(largest, LEAST))
        found = found._replace(iterations=float(iterations(steps)))
    if not outcome.bounded:
        return found
    try:
        last = t.tail[-1].reshape(start(loop, e).shape)
        point = newton(loop, last, e, scale=largest)
        if not point.converged:
            return found
        at = Tangent(loop, point.state, e)
        found = found._replace(rho=at.radius())
        return found._replace(sensitivity=at.sensitivity() if with_input else 0.0)
    except np.linalg.LinAlgError:
        return found._replace(sensitivity=INF)
    except LoopError:  # the step is not finite there, or has no such derivative
        return found
