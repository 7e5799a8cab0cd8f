"""Diagnose a loop on one input: follow its orbit, classify it, and confirm a fixed point.

A fixed point is confirmed by the spectral radius at the last state or, failing that, by a restart
from a perturbed state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...theory.outcome import Outcome
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, image, start
from ..spectra.linearisation import Linearisation
from ..spectra.radius import SpectralRadius, spectral_radius
from .diagnosis import Diagnosis
from .follow import LOOPS, Followed, follow

WITH_SPECTRUM = (Outcome.FIXED_POINT, Outcome.CRITICAL, Outcome.CYCLE, Outcome.APERIODIC)
"""Outcomes of bounded orbits, for which the spectrum at the last state is computed."""
RATE_MARGIN = 0.8
"""The spectrum explains a rate r if rho < r^0.8: the fitted log rate may be a quarter too fast."""
PUSH = 1e-6
"""Size of the perturbation relative to the state: far above rounding, and still nearly linear."""
RETURNED = 0.5
"""A restart has returned if half of the push is gone; in a neutral direction the push remains."""
DERIVATIVE_ERROR = 0.1
"""Largest relative error of the derivative at which a spectral radius is trusted."""
TINY_NORM = 1e-300
"""Smallest length of the noise, so that an empty state does not divide by zero."""


def run(
    loop: LoopedMap,
    e: Array,
    loops: int = LOOPS,
    h: Array | None = None,
    *,
    limit: int | None = None,
    confirm: Callable[[Followed], bool] | None = None,
) -> Followed:
    """Follow the orbit of a loop until its outcome is decided or the limit is reached.

    Args:
        loop: Looped map with `initial(e)` and `step(h, e)` (`LoopedMap`).
        e: Input, an array in the shape that the loop expects.
        loops: Iterations before the first look; at least 16.
        h: Initial state; default `loop.initial(e)`.
        limit: Largest number of iterations; default 16 times `loops`. While the orbit is undecided,
            its length is doubled until it reaches the limit.
        confirm: Function that may accept, on evidence other than the orbit, a fixed point that is
            still far away; default: such an orbit is followed further.

    Returns:
        The recorded `trajectory` and its `diagnosis`, as a `Followed`.

    Raises:
        UsageError: If `loops` is below 16, or `limit` is below `loops`.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, run
        >>> halve = FunctionLoop(lambda h, e: h / 2 + e, lambda e: np.zeros_like(e))
        >>> found = run(halve, np.ones(2), loops=100)
        >>> found.diagnosis.outcome.value
        'fixed-point'
        >>> found.trajectory.tail[-1]
        array([2., 2.])
    """
    h = np.array(start(loop, e) if h is None else h, copy=True)
    return follow(
        lambda state: np.array(advance(loop, state[0], e), copy=True)[None],
        h[None],
        loops,
        limit,
        confirm=confirm,
    )[0]


def diagnose(
    loop: LoopedMap,
    e: Array,
    *,
    loops: int = LOOPS,
    limit: int | None = None,
    spectrum: bool = True,
    seed: int = 0,
) -> Diagnosis:
    """Find out what a loop does on one input: the outcome of its orbit, with the evidence.

    The orbit starts at `loop.initial(e)`. It is classified after `loops` iterations and, while it
    is undecided, after 2, 4, ... times as many, up to `limit`. If a fixed point is still far away
    and the spectral radius at the last state explains the observed rate of convergence, the orbit
    is not followed further.

    A fixed point is confirmed when the spectral radius rho at the last state is below 1, error
    included. If it is not (a saddle that was passed slowly, an eigenvalue solve that did not
    converge), the orbit restarts from that state with a perturbation of relative size 1e-6: if it
    returns, the fixed point is confirmed; otherwise the diagnosis of the restarted orbit is
    returned, and `advice` says why. The loop and its arrays are never changed.

    Args:
        loop: Looped map with `initial(e)` and `step(h, e)` (`LoopedMap`).
        e: Input, an array in the shape that the loop expects.
        loops: Iterations before the first look; at least 16.
        limit: Largest number of iterations; default 16 times `loops`. With `limit=loops` there is
            exactly one look.
        spectrum: Whether to compute the spectral radius at the last state of a bounded orbit.
            Without it no fixed point is confirmed.
        seed: Seed of the eigenvalue solve and of the perturbation.

    Returns:
        The outcome with its evidence, as a `Diagnosis`.

    Raises:
        LoopError: If the map returns the wrong shape, type or dtype, or a random result. NaN is an
            outcome (`non-finite`), not an error.
        UsageError: If `loops` is below 16, or `limit` is below `loops`.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, diagnose
        >>> halve = FunctionLoop(lambda h, e: h / 2 + e, lambda e: np.zeros_like(e))
        >>> found = diagnose(halve, np.ones(2))
        >>> found.outcome.value, found.confirmed
        ('fixed-point', 'spectrum: rho < 1')
        >>> round(found.rho.value, 6), found.state
        (0.5, array([2., 2.]))
        >>> flip = FunctionLoop(lambda h, e: e - h, lambda e: np.zeros_like(e))
        >>> diagnose(flip, np.ones(2)).period
        2
    """
    h = start(loop, e)
    with np.errstate(all="ignore"):
        image(loop, h, e)

    def contracts(orbit: Followed) -> bool:
        """Whether the spectrum at the last state explains the observed rate of convergence.

        If it does not, a slower or neutral mode may still be hidden below the visible one.
        """
        try:
            rho = spectral_radius(
                Linearisation(loop, orbit.trajectory.tail[-1].reshape(h.shape), e), seed=seed
            )
        except LoopError:
            return False
        return _below(rho, min((orbit.diagnosis.rate or 0.0) ** RATE_MARGIN, 1))

    orbit = run(loop, e, loops, h, limit=limit, confirm=contracts if spectrum else None)
    if len(orbit.trajectory.tail):
        h = orbit.trajectory.tail[-1].reshape(h.shape)
    found = replace(orbit.diagnosis, state=h)
    if found.outcome not in WITH_SPECTRUM or not spectrum:
        return found
    try:
        rho = spectral_radius(Linearisation(loop, h, e), seed=seed)
    except LoopError as error:
        return replace(found, advice=f"no spectrum at the last state: {error}")
    found = replace(found, rho=rho)
    if not rho.converged:
        evidence = f"residual {rho.residual:.1e}, error {rho.error:.1e}, {rho.products} products"
        doubt = f"the eigenvalue solve did not converge ({evidence}): rho is an estimate"
        found = replace(found, advice="; ".join(filter(None, (found.advice, doubt))))
    if found.outcome is not Outcome.FIXED_POINT:
        return found
    if _below(rho, 1):
        return replace(found, confirmed="spectrum: rho < 1")

    noise = np.random.default_rng(seed).standard_normal(h.shape).astype(h.dtype)
    length = float(np.linalg.norm(noise))
    size = PUSH * max(float(np.linalg.norm(h)), 1.0) / max(length, TINY_NORM)
    again = run(loop, e, loops, h + size * noise, limit=limit)
    tail = again.trajectory.tail
    state = tail[-1].reshape(h.shape) if len(tail) else h
    near = float(np.linalg.norm(state - h)) <= RETURNED * size * length
    if again.diagnosis.outcome is Outcome.FIXED_POINT and near:
        return replace(found, confirmed="perturbed restart returned")
    reason = (
        f"the orbit passed a saddle with rho = {rho.value:.4g}"
        if rho.value >= 1
        else f"rho = {rho.value:.4g} with error {rho.error:.1e} does not confirm the fixed point"
    )
    return replace(
        again.diagnosis,
        state=state,
        rho=rho,
        confirmed=None,
        advice=f"{reason}; the outcome is that of an orbit restarted from a perturbed state",
    )


def _below(rho: SpectralRadius, bound: float) -> bool:
    """Whether the spectral radius is below the bound, errors included."""
    return (
        rho.converged
        and rho.derivative_error < DERIVATIVE_ERROR
        and (rho.value + rho.error) * (1 + rho.derivative_error) < bound
    )
