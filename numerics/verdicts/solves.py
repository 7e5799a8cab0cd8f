"""Fixed points that are solved for instead of reached by iteration: Newton and Anderson."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import NoConvergence, anderson

from ..arrays import Array
from ..fixed_points.newton import newton
from ..loops.protocol import LoopedMap, LoopError, advance, packed
from ..spectra.linearisation import Linearisation
from ..spectra.radius import spectral_radius
from .input_set import TrialLimits
from .local_spectrum import LocalSpectrum

MEMORY = 5
"""Earlier iterates that Anderson's method combines."""
TOLERANCE = 1e-9
"""Relative residual that a solved fixed point must have."""
ROUNDINGS = 100
"""The same in roundings of the dtype of the state, where those are coarser."""


@dataclass(frozen=True)
class SolvedPoint:
    """A fixed point that a solver found.

    Args:
        state: the point, packed.
        steps: evaluations of the step, two for each product with J by Newton's method.
        rho: the spectral radius there; None where it was not measured.
        spectrum: the spectrum there, likewise.
    """

    state: Array
    steps: int
    rho: float | None = None
    spectrum: LocalSpectrum | None = None


def by_newton(
    loop: LoopedMap, starts: list[Array], e: Any, limits: TrialLimits
) -> SolvedPoint | None:
    """The fixed point that Newton's method finds from one of some states, the first that serves.

    Args:
        loop: the loop.
        starts: states as the loop takes them.
        e: the input.
        limits: bounds of the work.

    Returns:
        The point with its spectrum; None if none is found.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.verdicts.input_set import TrialLimits
        >>> from loopstab.numerics.verdicts.solves import by_newton
        >>> repels = FunctionLoop(lambda h, e: 3 * h - 2 * e, np.zeros_like)
        >>> found = by_newton(repels, [np.zeros(2)], np.ones(2), TrialLimits(100, 200, 100, 0))
        >>> np.round(found.state, 6), round(found.rho, 6)
        (array([1., 1.]), 3.0)
    """
    steps = 0
    for h in starts:
        if not np.isfinite(h).all():
            continue
        try:
            found = newton(loop, h, e, budget=3 * limits.products)
        except LoopError:
            continue
        steps += found.iterations + 2 * found.products
        if not found.converged:
            continue
        return _point(loop, packed(loop, found.state, e), e, steps, limits)
    return None


def by_anderson(loop: LoopedMap, h: Array, e: Any, limits: TrialLimits) -> SolvedPoint | None:
    """The fixed point that Anderson's method finds from a state, within a number of steps.

    Args:
        loop: the loop.
        h: the state, as the loop takes it.
        e: the input.
        limits: bounds of the work.

    Returns:
        The point, whose residual was computed again; None if none is found.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.verdicts.input_set import TrialLimits
        >>> from loopstab.numerics.verdicts.solves import by_anderson
        >>> flip = FunctionLoop(lambda h, e: e - h, np.zeros_like)
        >>> by_anderson(flip, np.zeros(2), np.ones(2), TrialLimits(100, 200, 100, 0)).state
        array([0.5, 0.5])
    """
    steps = 0

    def defect(flat: Array) -> Array:
        nonlocal steps
        steps += 1
        state = flat.reshape(h.shape).astype(h.dtype)
        return np.asarray(advance(loop, state, e), np.float64).ravel() - flat

    tol = max(TOLERANCE, ROUNDINGS * float(np.finfo(h.dtype).eps))
    first = h.astype(np.float64).ravel()
    size = max(float(np.linalg.norm(first)), float(np.linalg.norm(first + defect(first))))
    if not 0 < size < np.inf:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of states that leave the finite range
            flat = anderson(
                defect,
                first,
                alpha=1,
                M=MEMORY,
                maxiter=limits.loops,
                f_tol=tol * size,
                tol_norm=np.linalg.norm,
                line_search=None,
            )
    except (NoConvergence, LoopError, ValueError, OverflowError, np.linalg.LinAlgError):
        return None
    left, norm = float(np.linalg.norm(defect(flat))), float(np.linalg.norm(flat))
    # relative to the state found: far away an absolute residual would say nothing
    if not left <= 10 * tol * max(norm, size) or norm > size / tol:
        return None
    return _point(loop, flat.reshape(h.shape).astype(h.dtype), e, steps, limits)


def _point(loop: LoopedMap, state: Array, e: Any, steps: int, limits: TrialLimits) -> SolvedPoint:
    """A fixed point with its spectrum, where that can be measured."""
    try:
        j = Linearisation(loop, state, e)
        rho = spectral_radius(j, budget=limits.products, seed=limits.seed)
    except LoopError:
        return SolvedPoint(state, steps)
    return SolvedPoint(state, steps, rho.value, LocalSpectrum.of(j, rho))
