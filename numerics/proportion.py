"""Confidence interval of a proportion."""

from __future__ import annotations

import math


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's confidence interval of the proportion of `hits` among `n` trials.

    `z` is the quantile of the normal distribution: 1.96 gives 95 % confidence.
    """
    centre, half = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)
