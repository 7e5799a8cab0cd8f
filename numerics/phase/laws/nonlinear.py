"""The nonlinear law (N7) at one matrix: fixed point, spectrum and sensitivity.

w h = G phi(h) + t e with |h| = sqrt(d) has the same solutions for every alpha (M1); where recall is
strong it has one. Newton's method continues it to weaker recall on a fixed ladder of t, so that
what a cell finds does not depend on its neighbours. A branch that folds is lost.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...arrays import Array
from ...loops.activations import ArrayActivation
from .draw import RandomDraw

RUNG = 2**0.25
"""The ratio of neighbouring t on the ladder."""
STEPS = 12
"""The Newton steps after which a branch is given up."""
RESIDUAL = 1e-11
"""The residual, relative to that of a vector of the size of the terms, at which Newton stops."""


class FixedPointBranch:
    """The fixed points (h, w) of one draw and activation along t, from strong recall downwards."""

    def __init__(self, draw: RandomDraw, activation: ArrayActivation, slope: float):
        self.draw, self.activation, self.slope = draw, activation, slope
        # no activation is steeper than 1.13 slope: a contraction, from the circular law
        self.top = 9 * slope
        self._rungs: list[tuple[Array, float] | None] = []

    @cached_property
    def _first(self) -> tuple[Array, float] | None:
        h = self.draw.e
        for _ in range(60):  # a contraction at this strength of recall
            z = self.image(h) + self.top * self.draw.e
            w = float(np.linalg.norm(z) / np.sqrt(len(z)))
            h = z / w
        return self.correct(h, w, self.top)

    def image(self, h: Array) -> Array:
        """G phi(h)."""
        return self.draw.matrix @ self.activation(h, self.slope)

    def correct(
        self, h: Array, w: float, t: float, least: float = 0.0
    ) -> tuple[Array, float] | None:
        """Newton's method for w h - G phi(h) - t e = 0, |h|^2 = d, from (h, w).

        The result is None unless it converges to a w > `least`.
        """
        d, e = self.draw.width, self.draw.e
        for _ in range(STEPS):
            defect = np.append(w * h - self.image(h) - t * e, (h @ h - d) / 2)
            if np.linalg.norm(defect) <= RESIDUAL * np.sqrt(d) * max(w, t):
                return (h, w) if w > least else None
            system = np.zeros((d + 1, d + 1))
            slopes = self.activation.derivative(h, self.slope)
            system[:d, :d] = w * np.eye(d) - self.draw.matrix * slopes
            system[:d, d] = system[d, :d] = h
            try:
                move = np.linalg.solve(system, defect)
            except np.linalg.LinAlgError:
                return None
            h, w = h - move[:d], w - float(move[d])
            if not np.isfinite(w):
                return None
        return None

    def at(self, t: float) -> tuple[Array, float] | None:
        """The fixed point at t, from the rung above it.

        None where the branch was lost on the way.
        """
        if self._first is None:
            return None
        need = max(0, int(np.floor(np.log(self.top / t) / np.log(RUNG) + 1e-9)))
        if not self._rungs:
            self._rungs = [self._first]
        while len(self._rungs) <= need:
            last = self._rungs[-1]
            self._rungs.append(
                None if last is None else self.correct(*last, self.top / RUNG ** len(self._rungs))
            )
        start = self._rungs[need]
        return None if start is None else self.correct(*start, t)


def spectrum(branch: FixedPointBranch, h: Array) -> Array:
    """Eigenvalues of P G diag(phi'(h)) on the complement of h, (d - 1,).

    If mu is one of them, (alpha + mu)/(alpha + w) is one of the Jacobian.
    """
    values = np.linalg.eigvals(_projected(branch, h))
    return np.delete(values, np.argmin(np.abs(values)))


def sensitivity(branch: FixedPointBranch, h: Array, w: float, t: float) -> float:
    """(1/d) tr S S^T, S = t (w - P G diag(phi'))^{-1} P."""
    d = len(h)
    s = np.linalg.inv(w * np.eye(d) - _projected(branch, h))
    return float(t**2 / d * np.sum((s - np.outer(s @ h, h) / d) ** 2))


def _projected(branch: FixedPointBranch, h: Array) -> Array:
    inner = branch.draw.matrix * branch.activation.derivative(h, branch.slope)
    return inner - np.outer(h, h @ inner) / (h @ h)
