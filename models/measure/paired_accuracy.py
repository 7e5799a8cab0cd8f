"""Whether one kind of loop is as accurate as another, from answers of both to the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ...numerics.arrays import Array
from ...support.errors import UsageError

MARGIN = 0.05
"""Difference of accuracies that is small enough to call two kinds of loop competitive."""
DRAWS = 10_000
"""Draws of a bootstrap."""
LEVEL = 0.95
"""Confidence of every interval."""
_AT_A_TIME = 1000

Interval = tuple[float, float]


@dataclass(frozen=True)
class PairedCounts:
    """Two loops on the same samples.

    Attributes:
        samples: number of samples.
        both: samples that both loops solve.
        first: samples that the first loop alone solves.
        second: samples that the second loop alone solves.
    """

    samples: int
    both: int
    first: int
    second: int

    @classmethod
    def of(cls, first: Array, second: Array) -> PairedCounts:
        """Count two arrays of booleans (samples,).

        Raises:
            UsageError: they are empty or of unequal length.
        """
        if first.shape != second.shape or first.ndim != 1 or not len(first):
            raise UsageError(
                f"paired answers must be two rows of equal length, not {first.shape} and"
                f" {second.shape}"
            )
        return cls(
            len(first),
            int((first & second).sum()),
            int((first & ~second).sum()),
            int((~first & second).sum()),
        )

    @property
    def difference(self) -> float:
        """Accuracy of the first loop minus that of the second."""
        return (self.first - self.second) / self.samples

    @property
    def interval(self) -> Interval:
        """Interval of the difference by Bonett and Price: Wald's, with one sample more of each kind
        on which the loops differ. At 95 %.

        Source: D. G. Bonett and R. M. Price, Statistics in Medicine 31 (2012), 479-488.
        """
        n = self.samples + 2
        first, second = (self.first + 1) / n, (self.second + 1) / n
        variance = (first + second - (first - second) ** 2) / n
        return _around(first - second, math.sqrt(variance))

    @property
    def p_value(self) -> float:
        """McNemar's exact test: the two-sided probability of so uneven a split of the samples on
        which the loops differ, if each were as likely to favour either loop.

        Example:
            >>> from loopstab.models.measure.paired_accuracy import PairedCounts
            >>> PairedCounts(samples=20, both=10, first=6, second=0).p_value
            0.03125
        """
        if not self.first + self.second:
            return 1.0
        return float(stats.binomtest(self.first, self.first + self.second).pvalue)


@dataclass(frozen=True)
class MeanDifference:
    """The mean difference of two kinds of loop, over levels, training seeds and samples.

    Attributes:
        seeds: number of pairs of training runs.
        samples: samples of each level.
        difference: mean of the levels' mean differences, first kind minus second.
        by_seed: the same for each seed.
        sampling: interval over samples, and over seeds where there are several.
        between_seeds: Student's interval of the mean of `by_seed`; None for one seed.
        most: the greatest difference that there can be.
    """

    seeds: int
    samples: tuple[int, ...]
    difference: float
    by_seed: tuple[float, ...]
    sampling: Interval
    between_seeds: Interval | None
    most: float = 1.0

    @property
    def interval(self) -> Interval:
        """The smallest interval that contains both: the bootstrap over few seeds is too narrow."""
        if self.between_seeds is None:
            return self.sampling
        lows, highs = zip(self.sampling, self.between_seeds, strict=True)
        return max(-self.most, min(lows)), min(self.most, max(highs))

    def verdict(self, margin: float = MARGIN) -> str:
        """What the interval says of the first kind.

        `competitive`: the interval lies within `margin` of 0. Otherwise `better` or `worse`: it
        excludes 0. Otherwise `open`.
        """
        low, high = self.interval
        if -margin <= low and high <= margin:
            return "competitive"
        return "better" if low > 0 else "worse" if high < 0 else "open"

    def substantial(self, margin: float = MARGIN) -> bool:
        """Whether the whole interval is farther than `margin` from 0."""
        low, high = self.interval
        return low > margin or high < -margin


def independent_difference(
    levels: Sequence[tuple[Sequence[int], Sequence[int], int]],
) -> MeanDifference:
    """The mean difference of two kinds of loop of which only the numbers of right answers are
    known.

    `sampling` is the interval of Agresti and Caffo for two independent proportions, averaged over
    the levels, at the mean proportions over the seeds, which share their samples. Loops that tend
    to solve the same samples differ less than that.

    Source: A. Agresti and B. Caffo, The American Statistician 54 (2000), 280-288.

    Args:
        levels: for each level the right answers of the first and of the second kind, one number
            for each seed, and the number of samples.

    Raises:
        UsageError: there is no level or seed, the numbers of seeds differ, or a count is not from 0
            to the number of samples.

    Example:
        >>> from loopstab.models.measure.paired_accuracy import independent_difference
        >>> found = independent_difference([([50], [40], 100)])
        >>> found.difference, [round(end, 3) for end in found.interval]
        (0.1, [-0.038, 0.234])
    """
    runs = {len(hits) for *both, _ in levels for hits in both}
    if len(runs) != 1 or 0 in runs:
        raise UsageError("right answers must be given of as many seeds for every level")
    if any(not 0 <= x <= n or n < 1 for *both, n in levels for hits in both for x in hits):
        raise UsageError("right answers must be at least none and at most all of the samples")
    centre, variance = 0.0, 0.0
    for first, second, n in levels:
        one, other = ((float(np.mean(hits)) + 1) / (n + 2) for hits in (first, second))
        centre += (one - other) / len(levels)
        spread = (one * (1 - one) + other * (1 - other)) / (n + 2)
        variance += spread / len(levels) ** 2
    by_seed = np.mean([np.subtract(first, second) / n for first, second, n in levels], 0)
    return MeanDifference(
        seeds=len(by_seed),
        samples=tuple(n for *_, n in levels),
        difference=float(by_seed.mean()),
        by_seed=tuple(map(float, by_seed)),
        sampling=_around(centre, math.sqrt(variance)),
        between_seeds=student(by_seed),
    )


def contrast(first: MeanDifference, second: MeanDifference) -> MeanDifference:
    """One mean difference minus another of the same seeds, on samples that may be the same.

    `sampling` recovers the variances from both intervals as if they were independent.

    Source: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008), 1693-1702.

    Args:
        first: the difference from which the other one is subtracted.
        second: the other one.

    Example:
        >>> from loopstab.models.measure.paired_accuracy import contrast, independent_difference
        >>> found = [independent_difference([([a], [40], 100)]) for a in (50, 40)]
        >>> contrast(*found).difference
        0.1
    """
    by_seed = np.subtract(first.by_seed, second.by_seed)
    difference = first.difference - second.difference
    (low, high), (other_low, other_high) = first.sampling, second.sampling
    down = math.hypot(first.difference - low, other_high - second.difference)
    up = math.hypot(high - first.difference, second.difference - other_low)
    return MeanDifference(
        seeds=first.seeds,
        samples=first.samples,
        difference=difference,
        by_seed=tuple(map(float, by_seed)),
        sampling=(difference - down, difference + up),
        between_seeds=student(by_seed),
        most=first.most + second.most,
    )


def student(values: Sequence[float] | Array) -> Interval | None:
    """Student's interval of the mean of a normal law from its draws; None for fewer than two.

    Example:
        >>> from loopstab.models.measure.paired_accuracy import student
        >>> [round(end, 3) for end in student([0.0, 1.0])]
        [-5.853, 6.853]
    """
    n = len(values)
    if n < 2:
        return None
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def clustered_difference(
    levels: Sequence[Array], draws: int = DRAWS, seed: int = 0, most: float = 1.0
) -> MeanDifference:
    """The mean difference with intervals in which training runs and samples are random.

    The samples of a level are the same for all training seeds, so that a draw of the bootstrap
    chooses seeds, and, for each level, samples, and crosses them. As in the interval of
    `PairedCounts`, the loops differ on two samples more, once in favour of each, so that few
    samples without a difference do not give an interval without width. The interval is the
    percentile one.

    Args:
        levels: for each level the differences (seeds, samples) of right answers, first kind minus
            second, whole numbers from -most to most.
        draws: draws of the bootstrap.
        seed: seed of the draws.
        most: 1; 2 for a difference of differences.

    Returns:
        The difference and its intervals.

    Raises:
        UsageError: there is no level, or the levels have no seed, or unequal numbers of seeds.

    Example:
        >>> import numpy as np
        >>> from loopstab.models.measure.paired_accuracy import clustered_difference
        >>> found = clustered_difference([np.array([[1, 0, 0, 1], [0, 0, 1, 0]])], draws=100)
        >>> found.difference, found.by_seed
        (0.375, (0.5, 0.25))
    """
    seeds = {len(level) for level in levels if level.ndim == 2 and level.shape[1]}
    if len(seeds) != 1 or 0 in seeds or any(level.ndim != 2 or not level.size for level in levels):
        raise UsageError(
            "differences must be matrices of as many seeds for every level, not of shapes"
            f" {[level.shape for level in levels]}"
        )
    (runs,) = seeds
    by_seed = np.mean([level.mean(1) for level in levels], 0)
    rng, means = np.random.default_rng(seed), []
    for start in range(0, draws, _AT_A_TIME):
        size = min(_AT_A_TIME, draws - start)
        drawn = np.zeros((size, runs))
        for level in levels:
            n = level.shape[1]
            weights = rng.multinomial(n + 2, np.full(n + 2, 1 / (n + 2)), size=size) / (n + 2)
            more = np.broadcast_to([1, -1], (runs, 2))
            drawn += weights @ np.hstack([level, more]).T / len(levels)
        chosen = rng.multinomial(runs, np.full(runs, 1 / runs), size=size) / runs
        means.append((drawn * chosen).sum(1))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return MeanDifference(
        seeds=runs,
        samples=tuple(level.shape[1] for level in levels),
        difference=float(by_seed.mean()),
        by_seed=tuple(map(float, by_seed)),
        sampling=(float(low), float(high)),
        between_seeds=student(by_seed),
        most=most,
    )


def _around(centre: float, deviation: float) -> Interval:
    """The normal interval, within -1 .. 1."""
    half = float(stats.norm.ppf((1 + LEVEL) / 2)) * deviation
    return max(-1.0, centre - half), min(1.0, centre + half)
