"""From a loop and an input to a `Diagnosis`: run, classify, and confirm a fixed point by its spectrum or a perturbed restart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from numerics.loop import Array, LoopedMap, LoopError, advance, image, start
from numerics.operator import Linearisation
from numerics.regime import Diagnosis, classify
from numerics.spectrum import spectral_radius
from numerics.trajectory import Recorder, Trajectory
from theory.errors import UsageError
from theory.outcome import Outcome


def run(loop: LoopedMap, e: Array, loops: int, h: Array | None = None) -> tuple[Trajectory, Array]:
    """Iterate from `h` (default initial(e)), stopping early at infinity, or after 40 loops without a single bit of change."""
    h = start(loop, e) if h is None else np.array(h, copy=True)
    recorder = Recorder(1)
    recorder.observe(h[None])
    still = 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(loops):
            new = np.array(advance(loop, h, e), copy=True)
            still = still + 1 if np.array_equal(new, h) else 0
            recorder.observe(new[None])
            if recorder.left[0]:
                break
            h = new
            if still >= 40:
                break
    return recorder.trajectories()[0], h


def diagnose(loop: LoopedMap, e: Array, *, loops: int = 2000, spectrum: bool = True, seed: int = 0) -> Diagnosis:
    """What the loop does on input e within `loops` loops.

    A fixed point is confirmed by rho < 1 at the last state, if the eigenvalue is good enough to say so (`SpectralRadius.error`);
    otherwise (a saddle passed slowly, a solve that did not converge) the orbit is restarted from a state perturbed by 1e-6 and the
    outcome of that orbit is returned. Raises `LoopError` for a map of the wrong shape, type or dtype, or a random one; NaN is an
    outcome, not an error. The loop and its arrays are never changed.
    """
    if loops < 16:
        raise UsageError(f"a diagnosis needs at least 16 loops, not {loops}")
    with np.errstate(all="ignore"):
        image(loop, start(loop, e), e)
    trajectory, h = run(loop, e, loops)
    found = replace(classify(trajectory), state=h)
    if found.outcome not in (Outcome.FIXED_POINT, Outcome.CRITICAL, Outcome.CYCLE, Outcome.APERIODIC) or not spectrum:
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
    if rho.converged and (rho.value + rho.error) * (1 + rho.derivative_error) < 1 and rho.derivative_error < 0.1:
        return replace(found, confirmed="spectrum: rho < 1")
    noise = np.random.default_rng(seed).standard_normal(h.shape).astype(h.dtype)
    size = 1e-6 * max(float(np.linalg.norm(h)), 1.0) / max(float(np.linalg.norm(noise)), 1e-300)
    again, state = run(loop, e, loops, h + size * noise)
    second = classify(again)
    near = float(np.linalg.norm(state - h)) <= 0.5 * size * float(np.linalg.norm(noise))  # closer than the push, or it is neutral
    if second.outcome is Outcome.FIXED_POINT and near:
        return replace(found, confirmed="perturbed restart returned")
    saddle = f"the orbit passed a saddle with rho = {rho.value:.4g}"
    reason = saddle if rho.value >= 1 else f"rho = {rho.value:.4g} with error {rho.error:.1e} does not confirm the fixed point"
    return replace(second, state=state, rho=rho, confirmed=None, advice=f"{reason}; this is what it does after a push")
