"""An activation that is odd and increasing, but not concave on x >= 0: it saturates, then rises."""

from __future__ import annotations

import numpy as np

from ....theory.activations import Activation
from ...arrays import Array
from ...loops.activations import ArrayActivation

HEIGHT, STEEPNESS = 0.02, 4.0
"""Of the part that saturates, HEIGHT tanh(STEEPNESS x)."""
KNEE, WIDTH = 1.5, 0.05
"""Where the late rise of slope 1 begins, and how round its knee is."""


def _value(x: Array) -> Array:
    rise = np.logaddexp(0, (x - KNEE) / WIDTH) - np.logaddexp(0, (-x - KNEE) / WIDTH)
    return HEIGHT * np.tanh(STEEPNESS * x) + WIDTH * rise


def _slope(x: Array) -> Array:
    rise = sum((1 + np.tanh((side - KNEE) / (2 * WIDTH))) / 2 for side in (x, -x))
    return HEIGHT * STEEPNESS * (1 - np.tanh(STEEPNESS * x) ** 2) + rise


LATE_RISE = ArrayActivation(
    Activation(
        "late rise",
        lambda x: float(_value(np.array(x))),
        lambda x: float(_slope(np.array(x))),
        shifted=True,
    ),
    _value,
    _slope,
)
"""phi(x) = tanh(4 x)/50 and a rise of slope 1 from |x| = 3/2 on.

For entries +-1 of the input, the strength of the recall is no increasing function of the share u of
the input in the state: 0.107 both at u^2 = 0.2, below the edge, and at u^2 = 0.96, above it.
"""
