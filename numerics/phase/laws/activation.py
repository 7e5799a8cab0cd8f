"""The nonlinearities of the mean-field laws, with the Gaussian moments that the closed forms need
(N7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import erf, ndtr

from ...arrays import Array
from ...formulas import numeric


@dataclass(frozen=True)
class Activation:
    """x -> phi(k x), k the slope, its derivative by x, and the names of the formulas of E phi^2 and
    E phi'^2 at a standard Gaussian.

    `mean`: whether these formulas take the scale and mean of the Gaussian besides k.
    """

    value: Callable[[Array, float], Array]
    slope: Callable[[Array, float], Array]
    formulas: tuple[str, str]
    mean: bool = False

    def moments(self, k: float) -> tuple[float, float]:
        """q = E phi(k g)^2 and c = E (d/dg phi(k g))^2."""
        return _moments(self.formulas, self.mean, k)


@cache
def _moments(formulas: tuple[str, str], mean: bool, k: float) -> tuple[float, float]:
    q, c = (float(numeric(name)(k, 1.0, 0.0) if mean else numeric(name)(k)) for name in formulas)
    return q, c


def _gaussian(x: Array) -> Array:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(
        lambda x, k: x if k == 1 else k * x,
        lambda x, k: np.full_like(x, k),
        ("linear_moment", "linear_moment"),
    ),
    "relu": Activation(
        lambda x, k: np.maximum(k * x, 0), lambda x, k: k * (x > 0), ("relu_moment", "relu_moment")
    ),
    "tanh": Activation(
        lambda x, k: np.tanh(k * x),
        lambda x, k: k * (1 - np.tanh(k * x) ** 2),
        ("tanh_moment", "tanh_slope"),
        mean=True,
    ),
    "erf": Activation(
        lambda x, k: erf(k * x),
        lambda x, k: 2 * k / np.sqrt(np.pi) * np.exp(-((k * x) ** 2)),
        ("erf_moment", "erf_slope"),
    ),
    "sin": Activation(
        lambda x, k: np.sin(k * x),
        lambda x, k: k * np.cos(k * x),
        ("sin_moment", "sin_slope"),
        mean=True,
    ),
    "gelu": Activation(
        lambda x, k: k * x * ndtr(k * x),
        lambda x, k: k * (ndtr(k * x) + k * x * _gaussian(k * x)),
        ("gelu_moment", "gelu_slope"),
    ),
}
