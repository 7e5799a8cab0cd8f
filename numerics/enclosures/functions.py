"""Enclosures of elementary functions and of their derivatives on intervals, by ball arithmetic.

Arguments are midpoints and radii as arrays of doubles. Each entry is evaluated by Arb through
python-flint, and rounded outwards to doubles again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import flint
import numpy as np
from flint import arb

from ..arrays import Array
from .rounding import up

BITS = 80
"""Bits of the ball arithmetic: enough for the result to be limited by doubles."""

Scalar = Callable[[arb], arb]


@dataclass(frozen=True)
class Function:
    """A function of one real variable and its derivative, as functions of balls.

    Args:
        value: the function.
        slope: its derivative; where the function has a kink, the hull of its one-sided derivatives.
    """

    value: Scalar
    slope: Scalar


def _phi(x: arb) -> arb:
    """The standard normal distribution function."""
    return (-x / arb(2).sqrt()).erfc() / 2


def _density(x: arb) -> arb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _sigmoid(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def _step(x: arb) -> arb:
    """The derivative of relu; [0, 1] on a ball that contains 0."""
    if x > 0:
        return arb(1)
    return arb(0) if x < 0 else arb(0.5, 0.5)


def _tanh_gelu(x: arb) -> arb:
    return x * (1 + (_root(x)).tanh()) / 2


def _root(x: arb) -> arb:
    return (2 / arb.pi()).sqrt() * (x + arb("0.044715") * x**3)


def _tanh_gelu_slope(x: arb) -> arb:
    t = _root(x).tanh()
    inner = (2 / arb.pi()).sqrt() * (1 + 3 * arb("0.044715") * x * x)
    return (1 + t) / 2 + x * (1 - t * t) * inner / 2


FUNCTIONS: dict[str, Function] = {
    "cos": Function(arb.cos, lambda x: -x.sin()),
    "erf": Function(arb.erf, lambda x: 2 * (-x * x).exp() / arb.pi().sqrt()),
    "exp": Function(arb.exp, arb.exp),
    "gelu": Function(lambda x: x * _phi(x), lambda x: _phi(x) + x * _density(x)),
    "gelu-tanh": Function(_tanh_gelu, _tanh_gelu_slope),
    "relu": Function(lambda x: x.max(arb(0)), _step),
    "log": Function(arb.log, lambda x: 1 / x),
    "rsqrt": Function(lambda x: x.rsqrt(), lambda x: -x.rsqrt() / (2 * x)),
    "reciprocal": Function(lambda x: 1 / x, lambda x: -1 / (x * x)),
    "sigmoid": Function(_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "silu": Function(lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x))),
    "sin": Function(arb.sin, arb.cos),
    "sqrt": Function(lambda x: x.sqrt(), lambda x: x.rsqrt() / 2),
    "tanh": Function(arb.tanh, lambda x: 1 / x.cosh() ** 2),
}
"""The functions that networks are made of, by name."""


def enclose(function: Scalar, mid: Array, rad: Array) -> tuple[Array, Array]:
    """Enclose a function on each of many intervals.

    Args:
        function: the function, on balls.
        mid: midpoints, of any shape.
        rad: radii, of the same shape.

    Returns:
        Midpoints and radii of intervals that contain the function's values. The radius is infinite
        where the function is not defined on the whole interval.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.functions import FUNCTIONS, enclose
        >>> mid, rad = enclose(FUNCTIONS["exp"].value, np.zeros(1), np.full(1, 0.1))
        >>> bool(mid[0] - rad[0] <= np.exp(-0.1)), bool(mid[0] + rad[0] >= np.exp(0.1))
        (True, True)
    """
    out = np.empty((2, mid.size))
    with flint.ctx.workprec(BITS):
        for i, (m, r) in enumerate(zip(mid.ravel().tolist(), rad.ravel().tolist(), strict=True)):
            out[:, i] = _ends(function(arb(m, r)))
    return out[0].reshape(mid.shape), out[1].reshape(mid.shape)


def _ends(ball: arb) -> tuple[float, float]:
    """The midpoint as a double, and a radius about it that covers the ball."""
    if not ball.is_finite():
        return 0.0, np.inf
    mid = float(ball.mid())
    return mid, up(float(abs(ball - mid).upper()))
