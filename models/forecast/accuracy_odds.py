"""Probabilities that the accuracy is kept, from the answers to other inputs after few iterations.

Counts are scaled down to at most `WORTH` inputs where fewer than 500 iterations were looked at,
because what they say of 500 is worth no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.stats import beta, norm

WORTH = 16.0
"""Most inputs that a count stands for, if it was made before `LATE` iterations."""
EARLY, LATE = 30, 500
"""Iterations between which the accuracy is to be kept."""
KEPT, LONGER = 0.95, 0.9
"""Shares that count as kept, from `EARLY` to `LATE`, and from the easier level to the harder."""
SURE = 0.98
"""Most certain that a probability is; the least is 1 - `SURE`."""
NOTHING = 0.9
"""Probability where no answer was right: 0 is at least any share of 0."""


@dataclass(frozen=True)
class EarlyAccuracy:
    """How many answers of other inputs were right.

    Attributes:
        inputs: number of inputs.
        early: right after `EARLY` iterations.
        lost: of these, wrong after `seen` iterations.
        gained: of the others, right after `seen` iterations.
        seen: the number of iterations that was looked at last.
    """

    inputs: int
    early: int
    lost: int
    gained: int
    seen: int

    def worth(self, count: int) -> float:
        """For how many inputs a count of inputs stands."""
        return count if self.seen >= LATE else min(WORTH, count)

    def late(self, settles: float) -> float:
        """The share of right answers to expect after `LATE` iterations.

        What settles keeps the answer that it has after `seen` iterations; the rest loses right
        answers on at the pace that was seen, if it was a loss.

        Args:
            settles: probability that an orbit settles.
        """
        now = self.early - self.lost + self.gained
        if not self.early or now >= self.early:
            return now / self.inputs
        further = (now / self.early) ** ((LATE - self.seen) / (self.seen - EARLY))
        return now / self.inputs * (settles + (1 - settles) * further)


def kept_probability(accuracy: EarlyAccuracy, settles: float) -> float:
    """The probability that the accuracy after `LATE` iterations is at least `KEPT` of that after
    `EARLY`: of a share with the distribution of Jeffreys after the loss that is expected.

    Args:
        accuracy: what was seen of other inputs.
        settles: probability that an orbit settles.

    Example:
        >>> from loopstab.models.forecast.accuracy_odds import EarlyAccuracy, kept_probability
        >>> round(kept_probability(EarlyAccuracy(64, 64, 0, 0, 64), 1.0), 2)
        0.8
    """
    if not accuracy.early:
        return NOTHING
    share = min(accuracy.late(settles) * accuracy.inputs / accuracy.early, 1.0)
    weight = accuracy.worth(accuracy.early)
    return _bounded(beta.cdf(1 - KEPT, (1 - share) * weight + 0.5, share * weight + 0.5))


def longer_probability(
    easy: EarlyAccuracy, hard: EarlyAccuracy, settle_easy: float, settle_hard: float
) -> float:
    """The probability that the accuracy of the harder level is at least `LONGER` of the easier's.

    Both accuracies, after `LATE` iterations, are taken as independent and normal around what is to
    be expected.

    Args:
        easy: what was seen of other inputs of the easier level.
        hard: the same of the harder level.
        settle_easy: probability that an orbit of the easier level settles.
        settle_hard: the same of the harder level.
    """
    if not easy.early:
        return NOTHING
    means = [easy.late(settle_easy), hard.late(settle_hard)]
    counts = [a.worth(a.inputs) for a in (easy, hard)]
    smooth = [(m * n + 0.5) / (n + 1) for m, n in zip(means, counts, strict=True)]
    spread = [p * (1 - p) / n for p, n in zip(smooth, counts, strict=True)]
    deviation = math.sqrt(spread[1] + LONGER**2 * spread[0])
    return _bounded(norm.cdf((means[1] - LONGER * means[0]) / deviation))


def _bounded(probability: Any) -> float:
    return min(max(float(probability), 1 - SURE), SURE)
