"""Whether the derivatives that a loop gives are those of the step that is iterated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from .linearisation import TINY, Linearisation

DIRECTIONS = 3
"""Random directions v in which J v is compared."""
PROBES = 8
"""Random vectors u for each of them, where only J^T u is exact.

The root mean square of <J^T u - D^T u, v> over u is the length of the error of J v; with 8 normal
vectors it is below a third of that length with a probability of 1e-5.
"""
AGREE = 0.01
"""Largest relative difference of a product and a difference quotient that count as equal."""
CERTAIN = 10
"""The same in units of the error of the difference quotient."""
SMOOTH = 0.1
"""Relative difference of the quotients along v and -v, or of two step sizes, at a kink."""
STREAM = 41
"""Second part of the seed: users draw their inputs with `default_rng(seed)`, and a direction that
is the input is not random."""
WEAK = 0.1
"""Share of the largest slope below which the errors of a smaller one are not relative to it."""
STEEP = 0.01
"""Slope from which a kink matters."""
ROUNDINGS = 100
"""Bound of the rounding of a difference quotient, in units of its theoretical size."""
LARGE_STEP, LEAST_SLOPE, FLAT = 5e-3, 1e-2, 0.1
"""Relative size of a large difference, the slope that counts there, and the share of it below which
the usual difference sees nothing."""


@dataclass(frozen=True)
class Agreement:
    """Products with the Jacobian against difference quotients of the step.

    Args:
        difference: the largest relative difference of a product J v that the loop gives and the
            difference quotient along v; None where the loop gives no product.
        error: the relative error of the difference quotients, from two step sizes.
        kink: the largest relative difference of the quotients along v and along -v; about 1e-5 at
            a smooth point, about 1 at a kink.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation
        >>> from loopstab.numerics.spectra.agreement import agreement
        >>> detached = FunctionLoop(lambda h, e: h / 2 + e, np.copy, jvp=lambda h, e, v: 0 * v)
        >>> found = agreement(Linearisation(detached, np.ones(3), np.ones(3)))
        >>> found.agrees, round(found.difference, 6)
        (False, 1.0)
    """

    difference: float | None
    error: float
    kink: float

    @property
    def smooth(self) -> bool:
        """Whether the step has a derivative here, as far as differences show it."""
        return self.error < SMOOTH and self.kink < SMOOTH

    @property
    def agrees(self) -> bool:
        """Whether the products are the derivative of the step, as far as differences show it."""
        return self.difference is None or self.difference < max(AGREE, CERTAIN * self.error)


def agreement(j: Linearisation, *, seed: int = 0) -> Agreement:
    """Compare the loop's own products with difference quotients of its step.

    The directions are random, and the last step of the orbit is one more. An error of J that is a
    multiple of the identity (a residual stream that is detached) shows in every direction.

    Args:
        j: the linearisation at a state.
        seed: seed of the directions.
    """
    rng = np.random.default_rng((seed, STREAM))
    step = (j.image.astype(np.float64) - j.h.astype(np.float64)).ravel()
    directions = [*rng.standard_normal((DIRECTIONS, j.n))]
    directions += [step / np.linalg.norm(step)] if np.linalg.norm(step) > 0 else []
    pulled = _pulled(j, rng)
    errors, kinks, differences = [0.0], [0.0], []
    seen = [(v, *j.quotients(v)) for v in directions]
    steepest = max((_length(a + b) / 2 / _length(v) for v, a, b in seen), default=0.0)
    for v, ahead, behind in seen:
        slope = (ahead + behind) / 2
        wide = np.mean(j.quotients(v, factor=2.0), axis=0)
        size = max(_length(slope), WEAK * steepest * _length(v), _rounding(j, v), TINY)
        errors.append(float(np.linalg.norm(wide - slope)) / size)
        errors.append(_flatness(j, v, slope))
        kinks.append(float(np.linalg.norm(ahead - behind)) / size)
        gap = _gap(j, v, slope, pulled, size)
        if gap is not None:
            differences.append(gap)
    return Agreement(max(differences, default=None), max(errors), max(kinks))


def kinked(j: Linearisation, *, seed: int = 0) -> bool:
    """Whether the step has a kink at a state: the slopes along v and -v differ for some v.

    There the derivative says nothing about stability: 2 abs(h) has the central difference 0 at 0.
    """
    rng = np.random.default_rng((seed, STREAM))
    for v in rng.standard_normal((DIRECTIONS, j.n)):
        ahead, behind = j.quotients(v)
        top = max(_length(ahead), _length(behind))
        if top > STEEP * _length(v) and _length(ahead - behind) > SMOOTH * top:
            return True
    return False


def _rounding(j: Linearisation, v: Array) -> float:
    """Length of a quotient along v that rounding alone can give, which is all where J v is 0."""
    sizes = [float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (j.h, j.image)]
    scale = max(sizes[0], j.scale)
    return ROUNDINGS * j.differencing_unit ** (2 / 3) * max(sizes) / scale * _length(v)


def _flatness(j: Linearisation, v: Array, slope: Array) -> float:
    """1 where the step does not move under the usual difference, and does under a large one.

    It rounds then to a coarser precision than its dtype.
    """
    usual = j.differencing_unit ** (1 / 3)
    if usual >= LARGE_STEP:
        return 0.0
    large = np.mean(j.quotients(v, factor=LARGE_STEP / usual), axis=0)
    size = float(np.linalg.norm(large))
    moves = size > LEAST_SLOPE * float(np.linalg.norm(v))
    return 1.0 if moves and np.linalg.norm(slope) < FLAT * size else 0.0


def _pulled(j: Linearisation, rng: np.random.Generator) -> list[tuple[Array, Array]]:
    """Vectors u with J^T u, where the loop gives that product."""
    if j.adjoint_of == "columns":
        return []
    return [(u, j.adjoint(u)) for u in rng.standard_normal((PROBES, j.n))]


def _gap(
    j: Linearisation, v: Array, slope: Array, pulled: list[tuple[Array, Array]], size: float
) -> float | None:
    """Largest relative difference of the loop's own J v or J^T u and the quotient along v."""
    gaps: list[float] = []
    if j.derivative != "central difference":
        own = j(v)
        gaps.append(float(np.linalg.norm(own - slope)) / max(size, float(np.linalg.norm(own))))
    if pulled:
        values = np.array([back @ v for _, back in pulled])
        rest = values - [u @ slope for u, _ in pulled]
        gaps.append(_rms(rest) / max(size, _rms(values)))
    return max(gaps, default=None)


def _length(x: Array) -> float:
    return float(np.linalg.norm(x))


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x))))
