"""The shipped runs as the report compares them: after many iterations, task by task and seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ...models.network.run_record import shares, task_of
from ...models.zoo import zoo
from ...numerics.proportion import wilson
from ...theory.architecture import Architecture

GOOD = ("external/post", "internal/post")
"""Recall with outer normalisation: the architectures that the abstract recommends."""


@dataclass(frozen=True)
class TrainedRun:
    """A shipped run.

    Args:
        name: the checkpoint.
        task: the task with its training length, and the width where it is not 64.
        architecture: recall/norm, or recall/norm/residual where it is not additive.
        seed: seed of the training.
        recipe: every other setting of the training but the gradient of the encoder, as text.
        level: the hardest level of its record.
        last: accuracy there after the last iteration, 500.
    """

    name: str
    task: str
    architecture: str
    seed: int
    recipe: str
    level: str
    last: float

    @classmethod
    def of(cls, name: str, run: dict[str, Any]) -> TrainedRun:
        """The run of that name from its record."""
        config = json.loads(json.dumps(run["config"]))
        architecture = str(Architecture.parse(config["model"].pop("architecture")))
        seed = config.pop("seed")
        config.pop("encoder_gradient")
        level = list(run["accuracy"])[-1]
        return cls(
            name,
            task_of(run),
            architecture.removesuffix("/add"),
            seed,
            json.dumps(config, sort_keys=True),
            level,
            shares(run, level).last,
        )


def shipped_runs() -> list[TrainedRun]:
    """Every run of the zoo, sorted by name."""
    return [TrainedRun.of(name, zoo.describe(name)["run"]) for name in zoo.names()]


@dataclass(frozen=True)
class Duel:
    """A run without recall or without outer norm, beside those that have both.

    Args:
        other: the run.
        partners: the runs of `GOOD` of the same task, recipe and seed.
    """

    other: TrainedRun
    partners: tuple[TrainedRun, ...]

    @property
    def ahead(self) -> float:
        """Mean accuracy of the partners after the last iteration minus that of the run."""
        return fmean(run.last for run in self.partners) - self.other.last


def duels(runs: Iterable[TrainedRun]) -> Iterator[Duel]:
    """Every run without recall or without outer norm that has a partner; each is in one duel."""
    runs = list(runs)
    for other in runs:
        own = Architecture.parse(other.architecture)
        if own.recall.present and own.outer_norm:
            continue
        partners = tuple(
            run
            for run in runs
            if run.architecture in GOOD
            and (run.task, run.recipe, run.seed) == (other.task, other.recipe, other.seed)
        )
        if partners:
            yield Duel(other, partners)


@dataclass(frozen=True)
class Tally:
    """How often recall with outer norm is ahead.

    Args:
        ahead: duels in which its accuracy is larger.
        equal: duels without a difference.
        behind: duels in which it is smaller.
    """

    ahead: int
    equal: int
    behind: int

    @classmethod
    def of(cls, found: Sequence[Duel]) -> Tally:
        """The tally of these duels."""
        ahead, behind = (sum(sign * duel.ahead > 0 for duel in found) for sign in (1, -1))
        return cls(ahead, len(found) - ahead - behind, behind)

    @property
    def duels(self) -> int:
        """The number of duels."""
        return self.ahead + self.equal + self.behind

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share ahead, whichever way the equal ones are counted."""
        if not self.duels:
            return (0.0, 1.0)
        low, _ = wilson(self.ahead, self.duels)
        _, high = wilson(self.ahead + self.equal, self.duels)
        return low, high

    def __str__(self) -> str:
        low, high = self.interval
        equal = f", {self.equal} equal" if self.equal else ""
        return f"{self.ahead} of {self.duels}{equal} ({low:.2f} to {high:.2f})"
