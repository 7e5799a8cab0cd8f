"""Activations with their derivatives and sharp constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from ..arrays import Array


@dataclass(frozen=True)
class Activation:
    """A function of one variable with f(0) = 0; `slope`: the least c with |f(x)| <= c |x|; `bound`:
    sup |f|, infinite if there is none.
    """

    name: str
    f: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    slope: float
    bound: float

    def __call__(self, x: Array) -> Array:
        """The values, entry by entry."""
        return self.f(x)


def _normal_density(x: Array) -> Array:
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def _normal_share(x: Array) -> Array:
    return (1 + erf(x / np.sqrt(2))) / 2


_ALL = (
    Activation("identity", lambda x: x, np.ones_like, 1.0, np.inf),
    Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1.0, 1.0),
    # derivative 0 at 0, as in torch
    Activation("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float), 1.0, np.inf),
    Activation(
        "gelu",
        lambda x: x * _normal_share(x),
        lambda x: _normal_share(x) + x * _normal_density(x),
        1.0,
        np.inf,
    ),
    Activation("erf", erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x), 2 / np.sqrt(np.pi), 1.0),
    Activation("sin", np.sin, np.cos, 1.0, 1.0),
)
ACTIVATIONS = {activation.name: activation for activation in _ALL}
"""by name: identity, tanh, relu, gelu, erf, sin"""
