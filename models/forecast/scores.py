"""Scores of probabilities and intervals against counts, with bootstrap intervals over checkpoints.

The score of Brier has several classes here: the sum over all outcomes of (p - 1)^2 for the one that
happened and p^2 for the others, from 0 to 2. Both scores are proper: on average no other
probabilities score better than the true ones (Gneiting and Raftery 2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...numerics.arrays import Array
from ...theory.outcome import Outcome

LEAST = 1e-3
"""Probability below which no probability is counted in the logarithmic score, which would be
infinite where an outcome had probability 0; the number of such inputs is stated beside it.
"""
RESAMPLES = 10_000
"""Resamples of the bootstrap."""
DECIDED = tuple(outcome for outcome in Outcome if outcome is not Outcome.UNDECIDED)
"""The outcomes that an input can have; undecided ones are left out."""
SURE = 0.99
"""Probability that the baseline `always fixed point` gives to a fixed point."""


def decided(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts without the undecided inputs."""
    return {outcome: n for outcome, n in counts.items() if outcome != Outcome.UNDECIDED and n}


def most_frequent(counts: Mapping[str, int]) -> str | None:
    """The most frequent outcome of the decided inputs, the first of equally frequent ones; None
    where none is decided.

    Args:
        counts: outcome to number of inputs.

    Example:
        >>> from loopstab.models.forecast.scores import most_frequent
        >>> most_frequent({"undecided": 7, "cycle": 2, "fixed-point": 3})
        'fixed-point'
    """
    found = decided(counts)
    return max(found, key=found.__getitem__) if found else None


def brier(probabilities: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    """The mean score of Brier of the decided inputs; None without any.

    Args:
        probabilities: outcome to probability; what is missing has probability 0.
        counts: outcome to number of inputs.

    Example:
        >>> from loopstab.models.forecast.scores import brier
        >>> half = {"fixed-point": 0.5, "cycle": 0.5}
        >>> brier(half, {"fixed-point": 3, "undecided": 7}), brier(half, {"drift": 1})
        (0.5, 1.5)
    """
    found = decided(counts)
    if not found:
        return None
    squares = sum(p * p for p in probabilities.values())
    total = sum(n * (squares + 1 - 2 * probabilities.get(o, 0.0)) for o, n in found.items())
    return total / sum(found.values())


def log_score(probabilities: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    """The mean of -log p of the outcomes that the decided inputs had, with p at least `LEAST`.

    Args:
        probabilities: outcome to probability.
        counts: outcome to number of inputs.

    Returns:
        The mean, in nats; None without a decided input.

    Example:
        >>> from loopstab.models.forecast.scores import log_score
        >>> round(log_score({"fixed-point": 0.5, "cycle": 0.5}, {"fixed-point": 3}), 4)
        0.6931
    """
    found = decided(counts)
    if not found:
        return None
    total = sum(-n * math.log(max(probabilities.get(o, 0.0), LEAST)) for o, n in found.items())
    return total / sum(found.values())


def surprises(probabilities: Mapping[str, float], counts: Mapping[str, int]) -> int:
    """The number of inputs whose outcome had a probability below `LEAST`."""
    return sum(n for o, n in decided(counts).items() if probabilities.get(o, 0.0) < LEAST)


def mostly_fixed(share: float = SURE) -> dict[str, float]:
    """That probability for a fixed point, and the rest in equal parts for the other outcomes.

    It is kept between 1 - `SURE` and `SURE`.

    Example:
        >>> from loopstab.models.forecast.scores import mostly_fixed
        >>> found = mostly_fixed()
        >>> found["fixed-point"], round(sum(found.values()), 12)
        (0.99, 1.0)
    """
    share = min(max(share, 1 - SURE), SURE)
    rest = (1 - share) / (len(DECIDED) - 1)
    return {str(o): share if o is Outcome.FIXED_POINT else rest for o in DECIDED}


def smoothed(counts: Mapping[str, int]) -> dict[str, float]:
    """Probabilities from the outcomes of a few other inputs: one more input counts for all outcomes
    in equal parts.
    """
    found = decided(counts)
    total = sum(found.values()) + 1
    return {str(o): (found.get(str(o), 0) + 1 / len(DECIDED)) / total for o in DECIDED}


@dataclass(frozen=True)
class Mean:
    """A mean over checkpoints with its 95 % interval, from the bootstrap over checkpoints.

    Attributes:
        value: the mean over the checkpoints of the mean over the lines of each; None without any.
        low: lower end of the interval.
        high: upper end.
        checkpoints: number of checkpoints.
        lines: number of lines.
    """

    value: float | None
    low: float | None
    high: float | None
    checkpoints: int
    lines: int

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_over(
    values: Sequence[tuple[str, float | None]], resamples: int = RESAMPLES, seed: int = 0
) -> Mean:
    """The mean over checkpoints of values of lines.

    The lines of one checkpoint are not independent, so that whole checkpoints are drawn again.

    Args:
        values: the checkpoint and the value of each line; None where it has none.
        resamples: number of resamples.
        seed: seed of the resamples.

    Example:
        >>> from loopstab.models.forecast.scores import mean_over
        >>> found = mean_over([("a", 1.0), ("a", 0.0), ("b", 1.0), ("b", None)])
        >>> found.value, found.low, found.high, found.checkpoints, found.lines
        (0.75, 0.5, 1.0, 2, 3)
    """
    groups: dict[str, list[float]] = {}
    for name, value in values:
        if value is not None:
            groups.setdefault(name, []).append(value)
    if not groups:
        return Mean(None, None, None, 0, 0)
    means = np.array([np.mean(group) for group in groups.values()])
    drawn = np.random.default_rng(seed).integers(len(means), size=(resamples, len(means)))
    low, high = np.quantile(means[drawn].mean(axis=1), [0.025, 0.975])
    lines = sum(map(len, groups.values()))
    return Mean(float(means.mean()), float(low), float(high), len(means), lines)


def share_within(values: Array | Sequence[float], low: float, high: float) -> float | None:
    """The share of values in the closed interval; None without a value.

    Example:
        >>> from loopstab.models.forecast.scores import share_within
        >>> share_within([1, 2, 3, 4], 2, 3.5)
        0.5
    """
    found = np.asarray(values, float)
    if not len(found):
        return None
    return float(np.mean((low <= found) & (found <= high)))


@dataclass(frozen=True)
class Bin:
    """Lines whose probability of a fixed point lies in one interval.

    Attributes:
        low: lower end of the interval.
        high: upper end, which belongs to the last interval only.
        lines: number of lines.
        predicted: mean probability.
        measured: the share of inputs that reached a fixed point, mean over the checkpoints, with
            its interval.
    """

    low: float
    high: float
    lines: int
    predicted: float
    measured: Mean


def calibration(
    values: Sequence[tuple[str, float, float]], edges: Sequence[float], seed: int = 0
) -> list[Bin]:
    """Predicted probabilities against measured shares, in bins; those without a line are left out.

    Args:
        values: checkpoint, predicted probability and measured share of each line.
        edges: the ends of the bins, ascending.
        seed: seed of the bootstrap.

    Example:
        >>> from loopstab.models.forecast.scores import calibration
        >>> (found,) = calibration([("a", 0.9, 1.0), ("b", 0.95, 0.5)], (0, 0.5, 1))
        >>> found.lines, round(found.predicted, 3), found.measured.value
        (2, 0.925, 0.75)
    """
    out = []
    for i, (low, high) in enumerate(pairwise(edges)):
        last = i == len(edges) - 2
        inside = [v for v in values if low <= v[1] < high or (last and v[1] == high)]
        if inside:
            measured = mean_over([(name, share) for name, _, share in inside], seed=seed)
            predicted = float(np.mean([p for _, p, _ in inside]))
            out.append(Bin(low, high, len(inside), predicted, measured))
    return out
