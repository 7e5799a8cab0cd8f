"""Proofs of fixed points of small loops in NumPy: the loop's own step, evaluated on balls.

A step that consists of NumPy's arithmetic and elementary functions also works on arrays of objects.
Here the objects are numbers of Arb with their derivatives, so that the step encloses its values and
its Jacobian over a box, and Krawczyk's test proves that the box holds exactly one fixed point.
Comparisons, maxima and conversions to floats raise errors, so that no proof is built on them.

The theorem is about the function of real numbers whose constants are the doubles that the step
holds or computes without the state, and the rounding of its own float evaluation is no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from ...support.jsonable import jsonable
from ..arrays import Array
from ..certificates.krawczyk import PRECISION, identity_minus, proved_ball, square
from ..loops.protocol import LoopedMap

MOST = 16
"""Largest dimension in which a proof is tried: its cost grows with the cube."""
WIDENED = (8.0, 1e3, 1e6)
"""Widths of the boxes that are tried, in units of the error radius."""


@dataclass(frozen=True)
class ProvedPoint:
    """A fixed point that is proved to exist, to be unique in a box, and to be non-degenerate.

    Args:
        center: middle of the enclosure, in the shape of the state.
        radius: half-widths of the enclosure, in the shape of the state.
        box: half-width of the box around the found state in which it is the only fixed point.
        spectrum: lower and upper end of an enclosure of the spectral radius; None where the
            eigenvalues could not be enclosed.
    """

    center: Array
    radius: Array
    box: float
    spectrum: tuple[float, float] | None

    @property
    def stable(self) -> bool | None:
        """True for rho(J) < 1, False for rho(J) > 1; None where neither is proved."""
        if self.spectrum is None or self.spectrum[0] <= 1 <= self.spectrum[1]:
            return None
        return self.spectrum[1] < 1

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object."""
        return jsonable({**self.__dict__, "stable": self.stable})


def proved_point(loop: LoopedMap, h: Array, e: Array, radius: float) -> ProvedPoint | None:
    """Prove that exactly one fixed point lies near a state.

    Args:
        loop: a loop in at most 16 dimensions whose step is made of NumPy's arithmetic, `tanh`,
            `exp`, `log`, `sqrt`, `sin` and `cos`.
        h: the state, of any shape.
        e: the input.
        radius: a guess of its distance from the fixed point; the boxes that are tried are wider.

    Returns:
        The enclosure; None where the step cannot be evaluated on balls, or nothing is proved.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.fixed_points.proved_point import proved_point
        >>> loop = FunctionLoop(lambda h, e: np.cos(h), np.copy)
        >>> found = proved_point(loop, np.array([0.7390851332151607]), np.zeros(1), 1e-15)
        >>> found.stable, bool(found.radius[0] < 1e-15)
        (True, True)
    """
    if h.size > MOST or h.dtype != np.float64 or not np.isfinite(radius):
        return None
    f = _BallLoop(loop, h, e)
    flat = h.ravel()
    for factor in WIDENED:
        box = float(factor * max(radius, np.spacing(np.abs(flat).max())))
        try:
            ball = proved_ball(f, flat - box, flat + box)
            spectrum = None if ball is None else _spectrum(f, ball)
        except Exception:  # whatever a step raises that was not written for balls
            return None
        if ball is not None:
            center = np.array([float(x.mid()) for x in ball])
            radii = np.array(
                [2 * float(x.rad()) + 2 * np.spacing(abs(float(x.mid()))) for x in ball]
            )
            inner = float(np.nextafter(box - np.spacing(np.abs(flat).max()), 0))
            return ProvedPoint(center.reshape(h.shape), radii.reshape(h.shape), inner, spectrum)
    return None


def _spectrum(f: _BallLoop, ball: list[Any]) -> tuple[float, float] | None:
    """Ends of an enclosure of the spectral radius over the ball."""
    with flint.ctx.workprec(PRECISION):
        matrix = square(f.jacobian(ball))
        if identity_minus(matrix).det().contains(0):
            return None
        if matrix.nrows() == 1:
            sizes = [abs(matrix[0, 0])]
        else:
            try:
                sizes = [abs(value) for value in flint.acb_mat(matrix).eig()]
            except ValueError:  # multiple or nearly multiple eigenvalues
                return None
        low, high = (
            max(float(end(size)) for size in sizes) for end in (flint.arb.lower, flint.arb.upper)
        )
    return max(0.0, float(np.nextafter(low, -np.inf))), float(np.nextafter(high, np.inf))


class _BallLoop:
    """A loop as a map that can be certified (`CertifiedMap`)."""

    def __init__(self, loop: LoopedMap, h: Array, e: Array):
        self.loop, self.shape, self.size, self.e = loop, h.shape, h.size, e

    def image(self, x: Any) -> list[Any]:
        """The step on balls."""
        return [y.value for y in self._step(x)]

    def jacobian(self, x: Any) -> list[list[Any]]:
        """The derivatives of the step on balls, by rows."""
        return [y.slopes for y in self._step(x)]

    def bounds(self) -> None:
        """None: no box is known that contains all fixed points."""
        return

    def _step(self, x: Any) -> list[_BallSlope]:
        zero, one = flint.arb(0), flint.arb(1)
        h = np.empty(self.size, object)
        for i, value in enumerate(x):
            h[i] = _BallSlope(value, [one if k == i else zero for k in range(self.size)])
        out = np.asarray(self.loop.step(h.reshape(self.shape), self.e))
        if out.shape != self.shape:
            raise TypeError("the step changed the shape")
        return [_lifted(y, self.size) for y in out.ravel()]


class _BallSlope:
    """A ball with its derivatives in the coordinates of the state; NumPy calls its methods."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any, slopes: list[Any]):
        self.value, self.slopes = value, slopes

    def _after(self, value: Any, slope: Any) -> _BallSlope:
        return _BallSlope(value, [slope * s for s in self.slopes])

    def __add__(self, other: Any) -> _BallSlope:
        other = _lifted(other, len(self.slopes))
        slopes = [a + b for a, b in zip(self.slopes, other.slopes, strict=True)]
        return _BallSlope(self.value + other.value, slopes)

    def __mul__(self, other: Any) -> _BallSlope:
        other = _lifted(other, len(self.slopes))
        pairs = zip(self.slopes, other.slopes, strict=True)
        slopes = [a * other.value + self.value * b for a, b in pairs]
        return _BallSlope(self.value * other.value, slopes)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> _BallSlope:
        return self._after(-self.value, flint.arb(-1))

    def __sub__(self, other: Any) -> _BallSlope:
        return self + -_lifted(other, len(self.slopes))

    def __rsub__(self, other: Any) -> _BallSlope:
        return -self + other

    def __truediv__(self, other: Any) -> _BallSlope:
        return self * _lifted(other, len(self.slopes)).reciprocal()

    def __rtruediv__(self, other: Any) -> _BallSlope:
        return self.reciprocal() * other

    def __pow__(self, power: Any) -> _BallSlope:
        if power == 0.5:
            return self.sqrt()
        if isinstance(power, float | int | np.number) and power == int(power) and power >= 1:
            out = self
            for _ in range(int(power) - 1):
                out = out * self
            return out
        raise TypeError("only whole powers and roots are evaluated on balls")

    def reciprocal(self) -> _BallSlope:
        """1/x; not finite where x may be 0."""
        inverse = 1 / self.value
        return self._after(inverse, -inverse * inverse)

    def tanh(self) -> _BallSlope:
        """The hyperbolic tangent."""
        value = self.value.tanh()
        return self._after(value, 1 - value * value)

    def exp(self) -> _BallSlope:
        """The exponential."""
        value = self.value.exp()
        return self._after(value, value)

    def log(self) -> _BallSlope:
        """The natural logarithm."""
        return self._after(self.value.log(), 1 / self.value)

    def sqrt(self) -> _BallSlope:
        """The square root."""
        value = self.value.sqrt()
        return self._after(value, 1 / (2 * value))

    def sin(self) -> _BallSlope:
        """The sine."""
        return self._after(self.value.sin(), self.value.cos())

    def cos(self) -> _BallSlope:
        """The cosine."""
        return self._after(self.value.cos(), -self.value.sin())

    def _refused(self, *_: Any) -> Any:
        raise TypeError("no comparison and no conversion is evaluated on balls")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refused  # type: ignore[assignment]
    __bool__ = __float__ = __int__ = __abs__ = _refused  # type: ignore[assignment]


def _lifted(value: Any, size: int) -> _BallSlope:
    """A number as a ball without derivative: floats are exact."""
    if isinstance(value, _BallSlope):
        return value
    if isinstance(value, float | int | np.floating | np.integer) and np.isfinite(value):
        number = int(value) if isinstance(value, int | np.integer) else float(value)
        if number == value:  # a long double need not be a double
            return _BallSlope(flint.arb(number), [flint.arb(0)] * size)
    raise TypeError(f"{type(value).__name__} is not evaluated on balls")
