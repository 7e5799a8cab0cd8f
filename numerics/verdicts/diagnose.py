"""Diagnose a loop on one input: follow its orbit, and reconcile what it does with the spectrum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..loops.protocol import LoopedMap, LoopError, protected, unpacked
from ..orbits.diagnosis import Diagnosis
from ..orbits.follow import LOOPS, Followed
from .action import action
from .approach import RATE_MARGIN
from .investigation import Investigation
from .reconcile import verdict

FEWEST, MOST_NUMBERS = 200, 200_000_000
"""Fewest iterations before the first look, and numbers that are computed until then, by default."""
PRODUCTS = 1000
"""Largest number of products with J for a spectral radius, unless another is given."""


def diagnose(
    loop: LoopedMap,
    e: Any = None,
    *,
    loops: int | None = None,
    limit: int | None = None,
    spectrum: bool = True,
    products: int = PRODUCTS,
    seed: int = 0,
    progress: bool = False,
) -> Diagnosis:
    """Find out what a loop does on one input: the outcome of its orbit, with the evidence.

    The orbit starts at `loop.initial(e)`. It is classified after `loops` iterations and, while it
    is undecided, after 2, 4, ... times as many, up to `limit`. If a fixed point is still far away
    and the spectral radius at the last state explains the observed rate of convergence, the orbit
    is not followed further.

    The outcome is then reconciled with the derivative of the step. The products that the loop gives
    are compared with differences of the step that was iterated; where they disagree, that is the
    finding, and differences take their place. A fixed point is confirmed when the spectral radius
    rho there is below 1, error included, and explains the observed rate. If an eigenvalue is 1, a
    push along its eigenvector that stays makes the outcome `neutral`. At a saddle, the diagnosis of
    an orbit that restarts from a perturbed state is returned. An orbit that falls like a power is
    critical only if rho is 1 within its error at the point that Newton's method finds. Cycles have
    a multiplier, aperiodic orbits a Lyapunov exponent. Motions that the rounding of the step
    explains are fixed points at its resolution.

    A step that depends on the number of the iteration is followed with it; its spectrum is that of
    the step at the end, with the time frozen (`time`), or the product over the period of a cycle.

    The loop, its arrays and its model are left as they were.

    Args:
        loop: Looped map with `initial(e)` and `step(h, e)` (`LoopedMap`).
        e: Input, as the loop expects it; default None, for a loop without input.
        loops: Iterations before the first look; at least 16. Default 2000, and fewer for states
            of more than 100,000 numbers, down to 200.
        limit: Largest number of iterations; default 16 times `loops`. With `limit=loops` there is
            exactly one look.
        spectrum: Whether to measure the derivative. Without it no fixed point is confirmed.
        products: Largest number of products with the Jacobian for one spectral radius; it bounds
            the time of large loops.
        seed: Seed of the eigenvalue solve and of the perturbation.
        progress: Whether to show progress bars of the iterations.

    Returns:
        The outcome with its evidence and the next action, as a `Diagnosis`.

    Raises:
        LoopError: If the map returns the wrong shape, type or dtype, or a random result, or keeps a
            memory between calls. NaN is an outcome (`non-finite`), not an error.
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
        >>> found.action
        'nothing to change: after 9 loops the state moves by less than 0.001'
        >>> flip = FunctionLoop(lambda h, e: e - h, lambda e: np.zeros_like(e))
        >>> diagnose(flip, np.ones(2)).period
        2
    """
    with protected(loop), np.errstate(all="ignore"):
        case = Investigation(loop, e, loops or LOOPS, limit, products, seed)
        case.progress = progress
        if loops is None:
            case.loops = min(LOOPS, max(FEWEST, MOST_NUMBERS // case.h.size))
        orbit = case.orbit(case.h, confirm=_contracts(case) if spectrum else None)
        return concluded(case, orbit, spectrum)


def concluded(case: Investigation, orbit: Followed, spectrum: bool) -> Diagnosis:
    """The diagnosis of the orbit that starts at the first state of a case.

    Args:
        case: the loop and its measurements.
        orbit: the recorded orbit.
        spectrum: whether to measure the derivative.
    """
    t = orbit.trajectory
    time = len(t.steps)
    found = replace(orbit.diagnosis, state=case.last_state(t))
    if spectrum:
        found = verdict(case, orbit, time)
    case.check_memory(time)
    if getattr(case.loop, "timed", False):
        found = replace(found, time=time)
    if not found.action:
        found = replace(found, action=action(case, found, t, time))
    return replace(found, state=unpacked(case.loop, found.state, case.e))


def _contracts(case: Investigation) -> Callable[[Followed], bool]:
    """Whether the spectrum at the last state explains the observed rate of convergence.

    If it does not, a slower or neutral mode may still be hidden below the visible one.
    """

    def contracts(orbit: Followed) -> bool:
        try:
            t = orbit.trajectory
            there = case.spectrum(case.last_state(t), len(t.steps))
        except LoopError:
            return False
        return there.below(min((orbit.diagnosis.rate or 0.0) ** RATE_MARGIN, 1))

    return contracts
