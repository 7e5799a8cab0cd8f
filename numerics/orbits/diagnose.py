"""From a loop and an input to a `Diagnosis`: run, classify, and confirm a fixed point by its
spectrum or a perturbed restart.
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
from .follow import LOOPS, Followed, follow
from .outcome import Diagnosis


def run(
    loop: LoopedMap,
    e: Array,
    loops: int = LOOPS,
    h: Array | None = None,
    *,
    limit: int | None = None,
    confirm: Callable[[Followed], bool] | None = None,
) -> Followed:
    """Follow the orbit from `h` (default initial(e)) until it is decided, at `limit` loops at most
    (`loopstab.numerics.orbits.follow.follow`).
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
    """What the loop does on input e, looked at after `loops` loops and, while undecided, after 2,
    4, ... times as many up to `limit`.

    The default limit is 16 x `loops`; give limit=loops for one look. A fixed point that is still
    far off ends the run early if the spectrum there explains the rate of the fall. A fixed point is
    confirmed by rho < 1 at the last state, if the eigenvalue is good enough to say so
    (`SpectralRadius.error`); otherwise (a saddle passed slowly, a solve that did not converge) the
    orbit is restarted from a state perturbed by 1e-6 and the outcome of that orbit is returned.
    Raises `LoopError` for a map of the wrong shape, type or dtype, or a random one; NaN is an
    outcome, not an error. The loop and its arrays are never changed.
    """
    h = start(loop, e)
    with np.errstate(all="ignore"):
        image(loop, h, e)

    def contracts(orbit: Followed) -> bool:
        """Whether the spectrum at the last state explains the fall seen: a slower or neutral mode
        may hide below it.
        """
        try:
            rho = spectral_radius(
                Linearisation(loop, orbit.trajectory.tail[-1].reshape(h.shape), e), seed=seed
            )
        except LoopError:
            return False
        return _below(rho, min((orbit.diagnosis.rate or 0.0) ** 0.8, 1))

    orbit = run(loop, e, loops, h, limit=limit, confirm=contracts if spectrum else None)
    if len(orbit.trajectory.tail):
        h = orbit.trajectory.tail[-1].reshape(h.shape)
    found = replace(orbit.diagnosis, state=h)
    if (
        found.outcome
        not in (Outcome.FIXED_POINT, Outcome.CRITICAL, Outcome.CYCLE, Outcome.APERIODIC)
        or not spectrum
    ):
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
    size = 1e-6 * max(float(np.linalg.norm(h)), 1.0) / max(float(np.linalg.norm(noise)), 1e-300)
    again = run(loop, e, loops, h + size * noise, limit=limit)
    second, state = (
        again.diagnosis,
        (again.trajectory.tail[-1].reshape(h.shape) if len(again.trajectory.tail) else h),
    )
    near = float(np.linalg.norm(state - h)) <= 0.5 * size * float(
        np.linalg.norm(noise)
    )  # closer than the push, or it is neutral
    if second.outcome is Outcome.FIXED_POINT and near:
        return replace(found, confirmed="perturbed restart returned")
    saddle = f"the orbit passed a saddle with rho = {rho.value:.4g}"
    reason = (
        saddle
        if rho.value >= 1
        else f"rho = {rho.value:.4g} with error {rho.error:.1e} does not confirm the fixed point"
    )
    return replace(
        second,
        state=state,
        rho=rho,
        confirmed=None,
        advice=f"{reason}; this is what it does after a push",
    )


def _below(rho: SpectralRadius, bound: float) -> bool:
    """Whether the spectral radius is below the bound, errors included."""
    return (
        rho.converged
        and rho.derivative_error < 0.1
        and (rho.value + rho.error) * (1 + rho.derivative_error) < bound
    )
