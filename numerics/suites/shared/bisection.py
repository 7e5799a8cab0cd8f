"""A change of sign by bisection, and how many boxes a certificate may examine."""

from __future__ import annotations

from collections.abc import Callable

BOXES = 20_000
"""The most boxes that one certificate of existence examines."""
HALVINGS = 1100
"""Enough to halve 1 down to the smallest double."""


def bisect(gap: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Neighbouring doubles, or nearly so, between which `gap` changes sign.

    If gap(low) >= 0 > gap(high) holds for the arguments, it holds for the result.
    """
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if gap(middle) >= 0 else (low, middle)
    return low, high
