"""The activations of `loopstab.theory.activations` on arrays, and their Gaussian moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.special import erf

from ...theory.activations import ACTIVATIONS as TABLE
from ...theory.activations import Activation
from ..arrays import Array
from ..formulas import numeric

FAR = 12.0
"""Standard deviations beyond which a Gaussian average is cut off: the weight there is 1e-32."""


@dataclass(frozen=True)
class ArrayActivation:
    """An activation phi, evaluated on every entry of an array.

    Args:
        scalar: the entry of `loopstab.theory.activations`, with the constants of phi.
        value: phi.
        slopes: phi'.
    """

    scalar: Activation
    value: Callable[[Array], Array]
    slopes: Callable[[Array], Array]

    def __call__(self, x: Array, k: float = 1.0) -> Array:
        """phi(k x)."""
        return self.value(x if k == 1 else k * x)

    def derivative(self, x: Array, k: float = 1.0) -> Array:
        """The derivative of phi(k x) by x."""
        return self.slopes(x) if k == 1 else k * self.slopes(k * x)

    @property
    def slope(self) -> float:
        """The least c with |phi(x)| <= c |x|."""
        return self.scalar.slope

    @property
    def bound(self) -> float:
        """sup |phi|, infinite if there is none."""
        return self.scalar.bound

    def moments(self, k: float, scale: float = 1.0, mean: float = 0.0) -> tuple[float, float]:
        """(E phi(k h)^2, E (d/dh phi(k h))^2) for h = scale g + mean, g a standard Gaussian (N7).

        They come from the registered formulas; where these take k alone (`Activation.shifted`),
        scale and mean have no effect. An activation without formulas is averaged by quadrature.
        """
        if not self.scalar.moments:
            return _averages(self, k, scale, mean)
        values = (k, scale, mean) if self.scalar.shifted else (k,)
        square, steepness = (_moment(name, values) for name in self.scalar.moments)
        return square, steepness


@lru_cache(maxsize=1024)
def _moment(name: str, values: tuple[float, ...]) -> float:
    return float(numeric(name)(*values))


@lru_cache(maxsize=1024)
def _averages(phi: ArrayActivation, k: float, scale: float, mean: float) -> tuple[float, float]:
    """The moments by adaptive quadrature, cut at h = 0, where activations have their kinks."""

    def average(function: Callable[[Array, float], Array]) -> float:
        def weighted(g: float) -> float:
            value = float(function(np.array(scale * g + mean), k))
            return value * value * np.exp(-g * g / 2) / np.sqrt(2 * np.pi)

        parts = [quad(weighted, *ends, epsabs=1e-13, epsrel=1e-11) for ends in pairwise(cuts)]
        return float(sum(part[0] for part in parts))

    cuts = sorted((-FAR, float(np.clip(-mean / scale, -FAR, FAR)), FAR))
    return average(phi), average(phi.derivative)


def _normal_probability(x: Array) -> Array:
    """P(g <= x) of a standard Gaussian g."""
    return (1 + erf(x / np.sqrt(2))) / 2


def _gelu_slopes(x: Array) -> Array:
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    return _normal_probability(x) + x * density


_ON_ARRAYS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda x: x, np.ones_like),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "gelu": (lambda x: x * _normal_probability(x), _gelu_slopes),
    "erf": (erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x)),
    "sin": (np.sin, np.cos),
}
ACTIVATIONS = {name: ArrayActivation(TABLE[name], *both) for name, both in _ON_ARRAYS.items()}
"""The activations by name."""
LAWS = {activation.law: ACTIVATIONS[activation.name] for activation in TABLE.values()}
"""The activations by the name of their mean-field law (N6 for `linear`, N7 for the others)."""
