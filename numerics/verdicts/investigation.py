"""The measurements of which a diagnosis is made: orbits, derivatives, spectra, Newton's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import Array
from ..fixed_points.newton import newton
from ..loops.bare_loop import BareLoop
from ..loops.protocol import (
    GradientLost,
    LoopedMap,
    LoopError,
    advance,
    at,
    image,
    not_repeatable,
    packed,
    start,
)
from ..orbits.follow import Followed
from ..orbits.run import run
from ..orbits.trajectory import Trajectory
from ..spectra.agreement import SMOOTH, Agreement, agreement
from ..spectra.linearisation import Linearisation
from ..spectra.radius import spectral_radius
from .local_spectrum import LocalSpectrum
from .precision import UNITS, coarse_name, noise_unit, precision_name

COUPLED = 1e4
"""Roundings by which the step of a row alone may differ from that of the row in a batch."""
POWERS, EXPLAINED, RESOLVED = 60, 0.1, 1e3
"""Iterations over which powers of J are compared with the step, the largest relative difference
that counts as equal, and the roundings down to which a difference is compared."""
PUSH = 1e-6
"""Size of a perturbation relative to the state: far above rounding, and still nearly linear."""
STREAM = 43
"""Second part of the seed of a push: with `default_rng(seed)` users draw their inputs."""
STEADY = 0.2
"""Relative change of 1 - rho below which the step of another iteration is about the same."""
AHEAD = (1, 2, 3)
"""Iterations, after the last and its double, whose steps are compared with that of the last."""
TINY_NORM = 1e-300
"""Smallest length of a direction, so that an empty one does not divide by zero."""


DETACHED = (
    "the gradient of the step is not the derivative of the map: something is detached, runs"
    " without gradient or has a gradient of its own"
)


class Investigation:
    """One loop on one input: its first state, and what is measured of it from there.

    Args:
        loop: the loop.
        e: the input.
        loops: iterations before the first look at an orbit.
        limit: iterations before the last look.
        products: largest number of products with J for a spectral radius.
        seed: seed of the random vectors.
        first: the first state and its image, where they are known.

    Attributes:
        known: the spectrum at the last state, where it was measured together with others.
        progress: whether to show progress bars.
        ignores_input: whether the step does not use its input, where that was measured.
        changes: how the step of a timed loop still changes at the end of the orbit; empty if not.
    """

    def __init__(
        self,
        loop: LoopedMap,
        e: Any,
        loops: int,
        limit: int | None,
        products: int,
        seed: int,
        first: tuple[Array, Array] | None = None,
    ):
        self.loop, self.e, self.loops, self.limit = loop, e, loops, limit
        self.products, self.seed, self.progress = products, seed, False
        self._others = 0.0 if first is None else COUPLED
        if first is None:
            h = start(at(loop, 0), e)
            first = h, image(at(loop, 0), h, e)
        self.h, self.first = first
        self.contradiction, self.notes = "", ""
        self.precision, self.restarts = None, 0
        self.changes = ""
        self.known: LocalSpectrum | None = None
        self.ignores_input: bool | None = None
        self._measured: LoopedMap = loop
        self._compared = False
        self.scale = 1.0

    @property
    def measured(self) -> LoopedMap:
        """The loop, with differences in place of derivatives that are not those of its step."""
        return self._measured

    def orbit(
        self,
        h: Array,
        *,
        time: int = 0,
        view: Callable[[Array], Array] | None = None,
        unit: float | None = None,
        confirm: Callable[[Followed], bool] | None = None,
    ) -> Followed:
        """Follow the orbit of a state from an iteration on, as `run` does."""
        found = run(
            self.loop,
            self.e,
            self.loops,
            h,
            limit=self.limit,
            time=time,
            view=view,
            unit=unit,
            confirm=confirm,
            progress=self.progress,
        )
        if view is None:
            self.sized(found.trajectory)
        return found

    def sized(self, t: Trajectory) -> None:
        """Let differences of the step be small beside an orbit that is small as a whole."""
        largest = float(t.norms.max()) / float(np.sqrt(max(self.h.size, 1)))
        if 0 < largest < self.scale:
            self.scale = largest

    def adopt(self, known: LocalSpectrum) -> None:
        """Take over a spectrum at the last state, whose derivative was compared with the step."""
        self.known, self._compared = known, True

    def later(self, h: Array, time: int) -> Callable[[], Linearisation]:
        """The linearisation at a state, made when it is needed."""
        return lambda: self.linear(h, time)

    def last_state(self, t: Trajectory) -> Array:
        """The last recorded state of an orbit."""
        return t.tail[-1].reshape(self.h.shape) if len(t.tail) else self.h

    def linear(self, h: Array, time: int) -> Linearisation:
        """The derivatives at a state, after the loop's own have been compared with its step.

        Where they disagree, `contradiction` says so and differences take their place; where the
        step is coarser than its dtype, the differences are as coarse.

        Raises `LoopError` where there are none.
        """
        if self._compared:
            return Linearisation(at(self.measured, time), h, self.e, scale=self.scale)
        self._compared = True
        try:
            j = Linearisation(at(self.measured, time), h, self.e, scale=self.scale)
            found = agreement(j, seed=self.seed)
        except LoopError as error:
            return self._without_derivative(h, time, error)
        self.precision = precision_name(j.unit) if j.unit > np.finfo(h.dtype).eps else None
        if found.error >= SMOOTH:
            coarse = coarse_name(at(self.loop, time), h, self.e, j.unit)
            if coarse is None:
                return j
            self.precision = coarse
            unit = max(UNITS[coarse], noise_unit(at(self.loop, time), h, self.e))
            self._measured = BareLoop(self.loop, unit)
        elif found.smooth and not found.agrees:
            self.contradiction = _disagreement(found)
            self._measured = BareLoop(self.loop)
        else:
            return j
        return Linearisation(at(self.measured, time), h, self.e, scale=self.scale)

    def _without_derivative(self, h: Array, time: int, error: LoopError) -> Linearisation:
        """Differences of the step, where it has no derivative of its own, and why it has none."""
        bare = BareLoop(self.loop)
        # an error that is not about the derivative is raised again
        j = Linearisation(at(bare, time), h, self.e, scale=self.scale)
        self._measured = bare
        if isinstance(error, GradientLost):
            self.contradiction = f"{DETACHED} ({error})"
        else:
            self.notes = f"differences of the step take the place of its derivative: {error}"
        return j

    def spectrum(self, h: Array, time: int, moved: float = 0.0) -> LocalSpectrum:
        """The spectral radius at a state."""
        if self.known is not None and np.array_equal(self.known.h, h):
            return self.known
        j = self.linear(h, time)
        rho = spectral_radius(j, budget=self.products, seed=self.seed)
        return LocalSpectrum.of(j, rho, moved)

    def polished(self, t: Trajectory, time: int, nearer: float = 0.0) -> LocalSpectrum | None:
        """The spectrum at the fixed point that the orbit approaches, found by Newton's method.

        None where Newton's method does not converge (or at least to a residual of `nearer`), or
        converges to a point that the last states do not come closer to.
        """
        h = self.last_state(t)
        self.linear(h, time)  # so that Newton's method uses derivatives that are right
        found = newton(at(self.measured, time), h, self.e, budget=self.products)
        if not (found.converged or found.residual <= nearer):
            return None
        state = packed(at(self.measured, time), found.state, self.e)
        point = state.astype(np.float64).ravel()
        distances = np.linalg.norm(t.tail.astype(np.float64) - point, axis=1)
        rounding = 4 * t.unit * float(np.linalg.norm(point))
        if not distances[-1] <= max(rounding, float(distances[0])):
            return None
        if distances[-1] > max(float(t.norms.max()), rounding):
            return None  # farther away than the orbit has been from 0
        moved = float(np.linalg.norm(state.astype(np.float64) - h))
        there = self.spectrum(state, time, moved)
        return replace(there, simple=found.converged and found.order == "quadratic")

    def steady(self, there: LocalSpectrum, time: int) -> bool:
        """Whether the step no longer changes with the iteration; `changes` says how it does.

        The spectra of the steps that follow, and of one at twice the time, are compared.
        """
        if not getattr(self.loop, "timed", False) or not there.trusted:
            return True
        gap = abs(1 - there.rho.value)
        for later in (*(time + k for k in AHEAD), 2 * time + 1):
            try:
                j = Linearisation(at(self.measured, later), there.h, self.e, scale=self.scale)
                rho = spectral_radius(j, budget=self.products, seed=self.seed)
            except LoopError:  # for example a table of the schedule that ends
                continue
            if abs(rho.value - there.rho.value) > STEADY * gap + there.error + rho.error:
                self.changes = (
                    f"the step changes with the iteration: its frozen rho is {there.rho.value:.4g}"
                    f" at iteration {time} and {rho.value:.4g} at iteration {later}"
                )
                return False
        return True

    def push(self, h: Array, unit: float, direction: Array | None = None) -> Array:
        """A small change of a state, along a direction or a random one, in its shape."""
        if direction is None:
            direction = np.random.default_rng((self.seed, STREAM)).standard_normal(h.size)
        length = max(float(np.linalg.norm(direction)), TINY_NORM)
        size = max(PUSH, unit**0.5) * max(float(np.linalg.norm(h)), self.scale)
        return (size / length * direction).reshape(h.shape).astype(h.dtype)

    def explains(self, there: LocalSpectrum, time: int) -> bool:
        """Whether the powers of J move a small push of a fixed point as the step itself does."""
        h, rounding = there.h, there.unit * float(np.linalg.norm(there.h))
        pushed, d = h + self.push(h, there.unit), self.push(h, there.unit).ravel().astype(float)
        for k in range(POWERS):
            step = at(self.loop, time + k)
            h, pushed = (np.array(advance(step, x, self.e), copy=True) for x in (h, pushed))
            d, actual = there.j(d), (pushed.astype(np.float64) - h).ravel()
            sizes = float(np.linalg.norm(actual)), float(np.linalg.norm(d))
            if max(sizes) < RESOLVED * rounding:
                return True
            if np.linalg.norm(actual - d) > EXPLAINED * max(sizes):
                return False
        return True

    def check_memory(self, calls: int) -> None:
        """Raise `LoopError` if the first step no longer has the result that it had first."""
        loop = at(self.loop, 0)
        again = np.asarray(advance(loop, self.h.copy(), self.e))
        gap = float(np.linalg.norm(again.astype(np.float64) - self.first))
        rounding = self._others * float(np.finfo(again.dtype).eps) * np.linalg.norm(self.first)
        if not (np.array_equal(again, self.first, equal_nan=True) or gap <= rounding):
            reason = not_repeatable(loop, self.h, self.e)
            raise LoopError(f"the first step has another result after {calls} iterations: {reason}")


def _disagreement(found: Agreement) -> str:
    return (
        f"{DETACHED} (products with the gradient differ from differences of the step by"
        f" {found.difference:.0%}, and the differences are known to {found.error:.0e})"
    )
