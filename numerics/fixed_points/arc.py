"""Steps along a branch of fixed points by its arc length: tangents, predictors, correctors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError
from ..spectra.linearisation import TINY, Linearisation
from .error_radius import MATRIX
from .measured_point import eigenvalues
from .newton import CLEAN, tolerance
from .newton_step import krylov_solution

NEWTON = 12
"""Newton steps after which a step along the branch counts as too long."""
TURN = 0.7
"""Least cosine between two neighbouring tangents; below it, a step is too long."""
RISEN = 1e3
"""Growth of the residual at which a step counts as too long."""
SHARE = 0.5
"""Largest correction, relative to the step, after which it counts as too long."""
KRYLOV = 3000
"""Products with J that such a system may take."""
TIGHT = 1e-10
"""Relative residual of the linear systems beyond 512 dimensions."""


class Stopped(Exception):
    """No point of the branch is found at this distance."""


@dataclass(frozen=True)
class Place:
    """A point of the branch.

    Args:
        x: state and parameter in the units of the arc, (n + 1,).
        tangent: the unit tangent in the same units, (n + 1,).
        parameter: the parameter.
        j: the linearisation at the state.
    """

    x: Array
    tangent: Array
    parameter: float
    j: Linearisation


class Arc:
    """The branch through a fixed point, as a curve in the space of states and parameters.

    Args:
        loop_of: the loop as a function of the parameter.
        e: the input.
        h: a fixed point at the first value.
        grid: the values of the parameter; their range is the unit of the parameter, and the norm of
            the state (or the square root of the dimension) that of the state.
        tol: largest relative residual; None: 100 roundings.
        seed: seed of the eigenvalue solves.
    """

    def __init__(
        self,
        loop_of: Callable[[float], LoopedMap],
        e: Any,
        h: Array,
        grid: Array,
        tol: float | None,
        seed: int,
    ):
        self.loop_of, self.e, self.seed, self.products = loop_of, e, seed, 0
        self.shape, self.dtype = h.shape, h.dtype
        self.parameter_scale = float(np.ptp(grid))
        root = float(np.sqrt(h.size))
        self.state_scale = max(float(np.linalg.norm(h)), root)
        self._start = h.astype(np.float64).ravel() / self.state_scale
        self._tol = tol

    def first(self, parameter: float, sign: float) -> Place:
        """The point at the first value, with the tangent along which the parameter moves on."""
        x = np.append(self._start, parameter / self.parameter_scale)
        along = np.zeros(x.size)
        along[-1] = sign
        j, parameter, _ = self._at(x)
        return self._turned(Place(x, along, parameter, j), along)

    def onward(self, here: Place, step: float) -> tuple[Place, int]:
        """The point at that distance along the arc, and the number of Newton steps it took."""
        found, taken = self._corrected(here.x + step * here.tangent, here.tangent)
        if float(np.linalg.norm(found.x - here.x - step * here.tangent)) > SHARE * step:
            raise Stopped
        new = self._turned(found, here.tangent)
        if float(new.tangent @ here.tangent) < TURN:
            raise Stopped
        return new, taken

    def at_parameter(self, a: Place, b: Place, parameter: float) -> Place | None:
        """The point at a parameter between two points; None where there is none."""
        share = (parameter - a.parameter) / (b.parameter - a.parameter)
        guess = a.x + share * (b.x - a.x)
        guess[-1] = parameter / self.parameter_scale
        fixed = np.zeros(guess.size)
        fixed[-1] = 1.0
        try:
            place = self._turned(self._corrected(guess, fixed)[0], b.tangent)
        except Stopped:
            return None
        moved = float(np.linalg.norm(place.x - guess))
        on_way = moved <= SHARE * float(np.linalg.norm(b.x - a.x))
        return place if on_way and float(place.tangent @ a.tangent) > 0 else None

    def between(self, a: Place, b: Place, share: float) -> Place:
        """A point of the branch between two neighbouring ones, from a (0) to b (1)."""
        chord = b.x - a.x
        length = float(np.linalg.norm(chord))
        # the cubic through both points with their tangents lies closer to the branch than the chord
        from_a, from_b = length * a.tangent - chord, chord - length * b.tangent
        bent = share * (1 - share) * ((1 - share) * from_a + share * from_b)
        found, _ = self._corrected(a.x + share * chord + bent, chord / max(length, TINY))
        if float(np.linalg.norm(found.x - a.x - share * chord)) > SHARE * length:
            raise Stopped
        return self._turned(found, a.tangent)

    def values(self, place: Place) -> Array:
        """Eigenvalues of J at a point, largest modulus first."""
        return eigenvalues(place.j, seed=self.seed)

    def moduli(self, place: Place) -> Array:
        """Their moduli."""
        return np.abs(self.values(place))

    def state(self, x: Array) -> Array:
        """The state of a point in the units of the arc."""
        return (x[:-1] * self.state_scale).reshape(self.shape).astype(self.dtype)

    def _at(self, x: Array) -> tuple[Linearisation, float, Array]:
        parameter = float(x[-1]) * self.parameter_scale
        if not np.isfinite(x).all():
            raise Stopped
        try:
            j = Linearisation(self.loop_of(parameter), self.state(x), self.e)
        except LoopError as error:
            raise Stopped(str(error)) from None
        return j, parameter, (j.image.astype(np.float64) - j.h.astype(np.float64)).ravel()

    def _corrected(self, x: Array, normal: Array) -> tuple[Place, int]:
        """Newton's method from x for a fixed point in the plane through x with that normal.

        The tangent of the result is the normal, until it is `_turned`.
        """
        begun, last, previous = x, None, np.inf
        for taken in range(NEWTON + 1):
            j, parameter, defect = self._at(x)
            here = Place(x, normal, parameter, j)
            size = max(float(np.linalg.norm(x[:-1])), 1.0) * self.state_scale
            tol = tolerance(j.unit) if self._tol is None else self._tol
            residual = float(np.linalg.norm(defect)) / size
            if last is not None and previous <= tol and residual > 0.5 * previous:
                return last, taken
            if residual <= CLEAN * j.unit:
                return here, taken
            if taken == NEWTON or residual > RISEN * previous:
                break
            last, previous = here, residual
            right = np.append(defect / self.state_scale, float(normal @ (begun - x)))
            x = x + self._solved(j, parameter, normal, right)
            self.products += j.products
        raise Stopped

    def _turned(self, place: Place, along: Array) -> Place:
        """The point with its tangent, on the side of a direction."""
        before = place.j.products
        right = np.zeros(place.x.size)
        right[-1] = 1.0
        tangent = self._solved(place.j, place.parameter, along, right)
        length = float(np.linalg.norm(tangent))
        if not (np.isfinite(length) and length > 0):
            raise Stopped
        self.products += place.j.products - before
        return Place(place.x, tangent / length, place.parameter, place.j)

    def _solved(self, j: Linearisation, parameter: float, normal: Array, right: Array) -> Array:
        """The solution of [I - J, -f_p; normal] s = right, in the units of the arc."""
        slope = self._by_parameter(j, parameter) * self.parameter_scale / self.state_scale
        n = j.n
        if n <= MATRIX:
            matrix = np.zeros((n + 1, n + 1))
            matrix[:n, :n] = np.eye(n) - j.dense()
            matrix[:n, n], matrix[n] = -slope, normal
            # at a branch point the matrix is singular, and the least-norm solution will do
            return np.linalg.lstsq(matrix, right, rcond=n * np.finfo(float).eps)[0]

        def product(s: Array) -> Array:
            return np.append(s[:n] - j(s[:n]) - slope * s[n], normal @ s)

        return krylov_solution(product, right, max(TIGHT, 10 * j.unit), KRYLOV)

    def _by_parameter(self, j: Linearisation, parameter: float) -> Array:
        """f_p by a central difference."""
        d = j.unit ** (1 / 3) * max(abs(parameter), self.parameter_scale)
        try:
            plus, minus = (
                np.asarray(self.loop_of(parameter + s * d).step(j.h, self.e), np.float64)
                for s in (1, -1)
            )
        except LoopError as error:
            raise Stopped(str(error)) from None
        return ((plus - minus) / (2 * d)).ravel()
