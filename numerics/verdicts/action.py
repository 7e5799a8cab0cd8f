"""What to do next about a diagnosis, in the terms of people who build loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...theory.outcome import Outcome
from ..fixed_points.newton import newton
from ..loops.protocol import LoopError, at
from ..orbits.diagnosis import Diagnosis
from ..orbits.trajectory import Trajectory
from .approach import TOLERANCE
from .damping import damping
from .investigation import Investigation

ENOUGH = 1e-3
"""Relative step after which further iterations change little."""
MOST_DAMPING = 0.99
"""Damping factor above which a fixed point attracts without damping."""
LARGE = 100_000
"""Number of iterations beyond which nobody wants to run a loop."""
SOLVE = "solve for the fixed point instead of iterating (loopstab.newton, loopstab.fixed_points)"
GAIN = "lower the recall-free gain (the size of the weights on the state)"
NORMALISE = "normalise the state after the residual"
INJECT = "add input injection"
FIX = "fix the neutral direction (normalise, or subtract the conserved part)"


def action(case: Investigation, found: Diagnosis, t: Trajectory, time: int) -> str:
    """The next action: one sentence.

    Args:
        case: the loop and its measurements.
        found: the verdict.
        t: the recorded orbit.
        time: number of the iteration that follows the last state.
    """
    if found.contradiction and case.contradiction:
        return (
            "measure the step with its whole graph: take detach, no_grad and one-step gradients out"
            " of it; if the training is meant to truncate its gradient, read the spectrum here as"
            " that of the map"
        )
    if found.contradiction:
        return "measure again with another seed and with more products=, in float64"
    resolved = found.outcome is Outcome.FIXED_POINT or found.confirmed is not None
    if found.precision is not None and not resolved:
        return "measure in float64 (module.double(), without autocast)"
    name = {
        Outcome.FIXED_POINT: _fixed_point,
        Outcome.CYCLE: _moving,
        Outcome.APERIODIC: _moving,
        Outcome.CRITICAL: _critical,
        Outcome.NEUTRAL: _neutral,
    }.get(found.outcome)
    if name is not None:
        return name(case, found, t, time)
    return {
        Outcome.DRIFT: f"{NORMALISE} (post- or peri-norm), or {GAIN}",
        Outcome.GROWTH: f"{NORMALISE} (post- or peri-norm), or {GAIN}",
        Outcome.EXPLOSION: f"{NORMALISE} (post- or peri-norm), or {GAIN} until the norm no longer"
        " grows",
        Outcome.NON_FINITE: "find the iteration that fails: check divisions, logarithms and norms"
        " (eps > 0), and the range of the precision",
    }.get(found.outcome, f"run more loops: diagnose(..., limit={4 * max(found.loops, 16)})")


def _fixed_point(case: Investigation, found: Diagnosis, t: Trajectory, time: int) -> str:
    if found.precision is not None and found.confirmed is None:
        return "measure in float64 (module.double(), without autocast)"
    if found.confirmed is None:
        return f"run more loops, or {SOLVE}"
    if _ignores_input(case, found, time):
        return (
            f"{INJECT} (recall): the step does not use its input, so that the input moves this"
            " limit only through the start"
        )
    if found.precision is not None and found.residual > TOLERANCE:
        return (
            f"nothing to change at the resolution of {found.precision}; for more digits measure in"
            " float64 (module.double(), without autocast)"
        )
    left = found.to_tolerance
    if left:
        more = f"run {left} more loops for a relative residual of {TOLERANCE:g}"
        return more if left < LARGE else f"{SOLVE}: iteration would need {left} more loops"
    small = np.flatnonzero(t.relative_steps > ENOUGH)
    enough = int(small[-1]) + 1 if len(small) else 0
    return f"nothing to change: after {enough} loops the state moves by less than {ENOUGH:g}"


def _ignores_input(case: Investigation, found: Diagnosis, time: int) -> bool:
    """Whether a random change of the input leaves the step at the last state unchanged.

    False for a loop without input, and where that cannot be measured.
    """
    if case.ignores_input is not None:
        return case.ignores_input
    try:
        j = case.linear(found.state, time)
        v = np.random.default_rng(case.seed).standard_normal(j.input.shape)
        return not j.input_product(v).any()
    except LoopError:
        return False


def _critical(case: Investigation, found: Diagnosis, t: Trajectory, time: int) -> str:
    value: Any = found.rho and found.rho.eigenvalue
    if value is not None and value.real < 0.5:
        return "damp: h + (step(h) - h)/2 makes an eigenvalue near -1 contract"
    return (
        f"{GAIN}: convergence is algebraic, and the limit is lost under a small change of weights"
    )


def _neutral(case: Investigation, found: Diagnosis, t: Trajectory, time: int) -> str:
    if not _ignores_input(case, found, time):
        return FIX
    return f"{FIX}, or {INJECT} so that the input and not the start decides the limit"


def _moving(case: Investigation, found: Diagnosis, t: Trajectory, time: int) -> str:
    """Damp, with the factor that makes the fixed point inside the orbit attract."""
    other = f"{GAIN}, or {INJECT}" if _ignores_input(case, found, time) else GAIN
    mean = t.tail.astype(np.float64).mean(axis=0).reshape(case.h.shape).astype(case.h.dtype)
    try:
        inside = newton(at(case.measured, time), mean, case.e, budget=case.products)
        if not inside.converged:
            return f"{other}: no fixed point was found inside the orbit"
        there = case.spectrum(inside.state, time)
        helps = damping(*there.eigenvalues)
    except LoopError:
        return other
    if helps is None:
        return f"{other}: damping does not help, an eigenvalue has a real part of 1 or more"
    if helps.factor > MOST_DAMPING:
        return (
            "the fixed point inside the orbit attracts by itself: the step changes with the"
            " iteration, or the orbit has a basin of its own; try other starts"
        )
    return (
        f"damp: h + a (step(h) - h) with a = {helps.factor:.3g} makes the fixed point inside the"
        f" orbit attract (its rho falls from {there.rho.value:.3g} to {helps.rho:.3g}); or {other}"
    )
