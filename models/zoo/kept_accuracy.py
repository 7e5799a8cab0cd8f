"""What the shipped loops solve, and what they keep of it, from their records: means over training
seeds with intervals.

Every interval is at 95 %, and the smallest that contains two: Student's over the seeds, and one of
the samples, which all seeds share. With one seed the second is left, which speaks of one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from ...numerics.proportion import wilson
from ...support.errors import UsageError
from ..measure.paired_accuracy import LEVEL, MeanDifference, independent_difference, student
from ..network.run_record import kind_of, samples_of, shares, task_of
from . import zoo

Run = Mapping[str, Any]
FEWEST = 0.05
"""Least accuracy of which a share that is kept is told."""


@dataclass(frozen=True)
class Estimate:
    """A share with its interval.

    Attributes:
        value: the share, a mean over seeds.
        low: lower end of the interval.
        high: upper end.
        seeds: number of training runs.
        samples: samples of each run.
    """

    value: float
    low: float
    high: float
    seeds: int
    samples: int


def shipped_runs(task: str, kind: str, recipe: bool = False) -> list[Run]:
    """The shipped runs of one task, architecture and kind of training.

    Args:
        task: as `task_of` names it, such as "prefix-sums, 16 bits".
        kind: as `kind_of` names it, such as "none/post" or "none/post (published)".
        recipe: whether they are trained by the recipe of docs/training.md.

    Returns:
        Their records, ordered by seed.

    Raises:
        UsageError: there is none.

    Example:
        >>> from loopstab.models.zoo.kept_accuracy import shipped_runs
        >>> [run["config"]["seed"] for run in shipped_runs("sudoku-4x4", "none/post")]
        [0, 1, 2]
    """
    found = [
        run
        for run in _every()
        if (task_of(run), kind_of(run), "choice" in run) == (task, kind, recipe)
    ]
    if not found:
        raise UsageError(f"no shipped run of {task}, {kind}: loopstab zoo list names them")
    return sorted(found, key=lambda run: run["config"]["seed"])


def mean_accuracy(runs: Sequence[Run], level: str, moment: str = "chosen") -> Estimate:
    """The mean accuracy of runs that differ in their seed.

    Args:
        runs: records of runs with the same samples.
        level: a level of their task.
        moment: `chosen` for the recorded choice of iterations, `last` for the last (500), `early`
            for 30.

    Example:
        >>> from loopstab.models.zoo.kept_accuracy import mean_accuracy, shipped_runs
        >>> found = mean_accuracy(shipped_runs("sudoku-4x4", "none/post"), "hard")
        >>> f"{found.value:.3f} ({found.low:.3f}..{found.high:.3f})"
        '0.867 (0.794..0.940)'
    """
    (hits, n), seeds = _hits(runs, level, moment), len(runs)
    low, high = _hull(wilson(round(float(np.mean(hits))), n), student(hits / n))
    return Estimate(float(hits.mean()) / n, low, high, seeds, n)


def kept_accuracy(runs: Sequence[Run], level: str) -> Estimate | None:
    """The accuracy after the last iteration as a share of that at the chosen number of iterations.

    It is the ratio of the means over the seeds, with the standard error of a ratio estimator, and
    with Wilson's interval at as many samples as a run solves on average. The interval ends at 1 at
    most, or at the share where that is greater.

    Source: W. G. Cochran, Sampling Techniques, 3rd edition (1977), section 2.11.

    Args:
        runs: records of runs that differ in their seed, with the same samples.
        level: a level of their task.

    Returns:
        The share; None where the mean accuracy is below `FEWEST`.

    Example:
        >>> from loopstab.models.zoo.kept_accuracy import kept_accuracy, shipped_runs
        >>> found = kept_accuracy(shipped_runs("prefix-sums, 16 bits", "internal/peri"), "64")
        >>> f"{found.value:.2f} ({found.low:.2f}..{found.high:.2f})"
        '0.81 (0.27..1.00)'
    """
    (best, n), (last, _) = (_hits(runs, level, moment) for moment in ("chosen", "last"))
    if best.mean() < FEWEST * n:
        return None
    ratio, between = float(last.sum() / best.sum()), None
    if len(runs) > 1:
        quantile = float(stats.t.ppf((1 + LEVEL) / 2, len(runs) - 1))
        deviation = float(np.std(last - ratio * best, ddof=1))
        half = quantile * deviation / (len(runs) ** 0.5 * float(best.mean()))
        between = ratio - half, ratio + half
    solved = round(float(best.mean()))
    sampling = wilson(min(round(float(last.mean())), solved), solved)
    low, high = _hull(sampling, between)
    return Estimate(ratio, low, max(high, ratio), len(runs), n)


def accuracy_difference(
    first: Sequence[Run], second: Sequence[Run], level: str, moment: str = "chosen"
) -> MeanDifference:
    """The accuracy of runs minus that of others, seed by seed.

    Args:
        first: records of runs.
        second: records of runs with the same seeds and samples.
        level: a level of their task.
        moment: as in `mean_accuracy`.

    Raises:
        UsageError: the seeds, or the numbers of samples, are not the same.

    Example:
        >>> from loopstab.models.zoo.kept_accuracy import accuracy_difference, shipped_runs
        >>> task = "prefix-sums, 16 bits"
        >>> runs = [shipped_runs(task, f"internal/{norm}") for norm in ("post", "peri")]
        >>> found = accuracy_difference(*runs, "64")
        >>> round(found.difference, 3), found.verdict()
        (0.703, 'better')
    """
    if [run["config"]["seed"] for run in first] != [run["config"]["seed"] for run in second]:
        raise UsageError("runs are compared seed by seed: give the same seeds on both sides")
    (one, n), (other, m) = (_hits(runs, level, moment) for runs in (first, second))
    if n != m:
        raise UsageError(f"runs are compared on the same samples, not on {n} and {m}")
    return independent_difference([(one.tolist(), other.tolist(), n)])


@cache
def _every() -> tuple[Run, ...]:
    return tuple(zoo.describe(name)["run"] for name in zoo.names())


def _hits(runs: Sequence[Run], level: str, moment: str) -> tuple[np.ndarray, int]:
    n = samples_of(runs[0], level)
    return np.array([round(n * getattr(shares(run, level), moment)) for run in runs]), n


def _hull(
    sampling: tuple[float, float], between: tuple[float, float] | None
) -> tuple[float, float]:
    lows, highs = zip(sampling, between or sampling, strict=True)
    return max(0.0, min(lows)), min(1.0, max(highs))
