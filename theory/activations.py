"""The activations phi of all floors: values, derivatives, sharp constants and Gaussian moments.

An activation is one entry of `ACTIVATIONS` here and one of the same name in
`loopstab.numerics.loops.activations`, which evaluates it on arrays. This module imports the
standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

ROOT_TWO = math.sqrt(2)


@dataclass(frozen=True)
class Activation:
    """A function phi of one variable, with what the claims and measurements need to know of it.

    Args:
        name: the name of the activation.
        value: phi.
        derivative: phi'; at a kink the value that automatic differentiation gives.
        slope: the least c with |phi(x)| <= c |x| for all x; default infinity (there is none).
        bound: sup |phi|; default infinity (there is none).
        moments: the names of the formulas of E phi(k g)^2 and of E (d/dg phi(k g))^2 (N7), g a
            standard Gaussian and k the first argument of the formulas; default empty: without
            closed forms the measurements use quadrature.
        shifted: whether these formulas also take the scale s and the mean m of the argument
            h = s g + m, after k; default False.

    Example:
        >>> from loopstab.theory.activations import ACTIVATIONS
        >>> ACTIVATIONS["tanh"].steepened(3).derivative(0.0)
        3.0
    """

    name: str
    value: Callable[[float], float]
    derivative: Callable[[float], float]
    slope: float = math.inf
    bound: float = math.inf
    moments: tuple[str, str] | tuple[()] = ()
    shifted: bool = False

    @property
    def law(self) -> str:
        """The name of its mean-field law: `linear` for the identity, else the activation's name."""
        return "linear" if self.name == "identity" else self.name

    def steepened(self, k: float) -> Activation:
        """x -> phi(k x), for k > 0."""
        return Activation(
            self.name,
            lambda x: self.value(k * x),
            lambda x: k * self.derivative(k * x),
            k * self.slope,
            self.bound,
        )


def _normal_probability(x: float) -> float:
    """P(g <= x) of a standard Gaussian g."""
    return (1 + math.erf(x / ROOT_TWO)) / 2


def _gelu_derivative(x: float) -> float:
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return _normal_probability(x) + x * density


_ALL = (
    Activation(
        "identity",
        value=lambda x: x,
        derivative=lambda x: 1.0,
        slope=1.0,
        moments=("linear_moment", "linear_moment"),
    ),
    Activation(
        "relu",
        value=lambda x: max(x, 0.0),
        derivative=lambda x: float(x > 0),  # 0 at 0, as in PyTorch
        slope=1.0,
        moments=("relu_moment", "relu_moment"),
    ),
    Activation(
        "tanh",
        value=math.tanh,
        derivative=lambda x: 1 - math.tanh(x) ** 2,
        slope=1.0,
        bound=1.0,
        moments=("tanh_moment", "tanh_slope"),
        shifted=True,
    ),
    Activation(
        "erf",
        value=math.erf,
        derivative=lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x),
        slope=2 / math.sqrt(math.pi),
        bound=1.0,
        moments=("erf_moment", "erf_slope"),
    ),
    Activation(
        "sin",
        value=math.sin,
        derivative=math.cos,
        slope=1.0,
        bound=1.0,
        moments=("sin_moment", "sin_slope"),
        shifted=True,
    ),
    Activation(
        "gelu",
        value=lambda x: x * _normal_probability(x),
        derivative=_gelu_derivative,
        slope=1.0,
        moments=("gelu_moment", "gelu_slope"),
    ),
)

ACTIVATIONS = {activation.name: activation for activation in _ALL}
"""The activations by name."""
