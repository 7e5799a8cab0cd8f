"""Interval of a share of successes."""

from __future__ import annotations

import math


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a proportion (95 % at z = 1.96)."""
    centre, half = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)
