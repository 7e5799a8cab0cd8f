"""The precision in which a step computes, where it is coarser than the numbers that it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import Array

SIGNIFICANT = {"bfloat16": 8, "float16": 11, "float32": 24}
"""Significant bits of the precisions, the coarsest first."""
STATES = 4
NEAR = 1e-3
"""Relative distance of the states at which the step is seen."""
FEWEST = 8
"""Numbers that must have moved before something is said about their bits."""
USED = 0.25
"""Share of the numbers that use one of the last two bits; 3/4 are expected."""


@dataclass(frozen=True)
class Resolution:
    """The coarsest precision in a step.

    Args:
        eps: its machine epsilon; 0 if it is not coarser than the state's dtype.
        name: its name; None if it is not coarser.
    """

    eps: float = 0.0
    name: str | None = None


def seen_resolution(step: Callable[[Array], Array], h: Array) -> Resolution:
    """The precision that the numbers show which a step returns near a state.

    Numbers that came out of a lower precision end in zero bits. All numbers that move with the
    state must do so, and enough of them must use the last bits of that precision: integers,
    powers of two and constants do not.

    Args:
        step: the step.
        h: a state.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.loops.resolution import seen_resolution
        >>> h = np.linspace(0.1, 0.9, 9)
        >>> seen_resolution(lambda h: np.tanh(h.astype(np.float16)).astype(float), h).name
        'float16'
        >>> seen_resolution(np.round, 100 * h).name, seen_resolution(np.tanh, h).name
        (None, None)
    """
    draw = np.random.default_rng(0)
    images = []
    for _ in range(STATES):
        shift = draw.standard_normal((2, *h.shape))
        images.append(step((h * (1 + NEAR * shift[0]) + NEAR * shift[1]).astype(h.dtype)))
    seen = np.array(images, np.float64).reshape(STATES, -1)
    moved = np.isfinite(seen).all(axis=0) & (seen != seen[0]).any(axis=0)
    numbers = seen[:, moved]
    bits = significant_bits(numbers[numbers != 0])
    if bits.size < FEWEST:
        return Resolution()
    for name, most in SIGNIFICANT.items():
        eps = 2.0 ** (1 - most)
        if eps <= float(np.finfo(h.dtype).eps) or bits.max() > most:
            continue
        used = float(np.mean(bits >= most - 1))
        return Resolution(eps, name) if used >= USED else Resolution()
    return Resolution()


def significant_bits(numbers: Array) -> Array:
    """How many significant bits numbers of float64 have: 1 for powers of two, at most 53."""
    whole = np.abs(np.frexp(numbers)[0] * 2.0**53).astype(np.int64)
    return 53 - np.log2(whole & -whole).astype(int)
