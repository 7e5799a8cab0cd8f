"""How many limits the orbits of different inputs have, and how many bits they carry (M6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...numerics.arrays import Array

SAME = 1e-3
"""Two limits are one if no entry differs by more than this share of the root mean square of all
entries; limits in float32 are known to about 1e-4 of it.
"""


@dataclass(frozen=True)
class LimitCount:
    """Limits of different inputs.

    Attributes:
        settled: number of inputs whose orbit settled.
        distinct: number of different limits.
        entropy: entropy in bits of the limit of a random one of these inputs.
        token_distinct: median over the tokens of the number of different states of one token.
        token_entropy: median over the tokens of the entropy in bits.
    """

    settled: int
    distinct: int
    entropy: float
    token_distinct: float
    token_entropy: float

    def to_json(self) -> dict[str, Any]:
        """The fields, and the bits that the numbers of limits amount to."""
        bits = {
            "bits": float(np.log2(self.distinct)) if self.distinct else 0.0,
            "token_bits": float(np.log2(self.token_distinct)) if self.token_distinct else 0.0,
        }
        return {**self.__dict__, **bits, "resolution": SAME}


def count_limits(states: Array) -> LimitCount:
    """Count the limits.

    Args:
        states: the limits, (inputs, cells, width).

    Example:
        >>> import numpy as np
        >>> from loopstab.models.forecast.measured_limits import count_limits
        >>> states = np.ones((4, 2, 3))
        >>> states[0] *= -1
        >>> found = count_limits(states)
        >>> found.distinct, round(found.entropy, 3)
        (2, 0.811)
    """
    if not len(states):
        return LimitCount(0, 0, 0.0, 0.0, 0.0)
    near = SAME * float(np.sqrt(np.mean(np.square(states, dtype=np.float64))))
    whole = cluster_sizes(states.reshape(len(states), -1), near)
    cells = [cluster_sizes(states[:, cell], near) for cell in range(states.shape[1])]
    return LimitCount(
        len(states),
        len(whole),
        entropy(whole),
        float(np.median([len(sizes) for sizes in cells])),
        float(np.median([entropy(sizes) for sizes in cells])),
    )


def cluster_sizes(rows: Array, near: float) -> list[int]:
    """Sizes of clusters: a row joins the first representative with no entry further than `near`."""
    representatives, sizes = np.empty_like(rows), []
    for row in rows:
        known = representatives[: len(sizes)]
        # most are told apart by one entry, so that the others are rarely looked at
        close = np.flatnonzero(np.abs(known[:, 0] - row[0]) <= near)
        found = next((i for i in close if np.abs(known[i] - row).max() <= near), None)
        if found is None:
            representatives[len(sizes)] = row
            sizes.append(1)
        else:
            sizes[found] += 1
    return sizes


def entropy(sizes: Sequence[int]) -> float:
    """The entropy in bits of a distribution that is proportional to these numbers.

    Example:
        >>> from loopstab.models.forecast.measured_limits import entropy
        >>> entropy([1, 1, 2])
        1.5
    """
    share = np.array(sizes, float) / sum(sizes)
    return float(-(share * np.log2(share)).sum()) + 0.0
