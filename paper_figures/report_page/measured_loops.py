"""Measured trained loops as the verdicts count them: who settles, where to, and how smoothly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...models.forecast.forecast import Forecast
from ...models.forecast.measured_line import Measured
from ...models.forecast.scores import most_frequent
from ...theory.outcome import Outcome

MOST, HALF = 0.9, 0.5
"""Shares of orbits from which a loop counts as one that settles, and up to which as one that does
not.
"""
CLOSE = 0.05
"""Relative difference up to which derivative and differences are the same sensitivity."""
USUAL = 64
"""Width that the name of a task leaves out."""
SLOWER = 1.05
"""Truncated gradients are stable if their error after k iterations falls like (SLOWER rho)^k or
faster.
"""


@dataclass(frozen=True)
class MeasuredLoop:
    """One checkpoint at one stage of its training, on the inputs of one level.

    Args:
        checkpoint: its name.
        stage: "initial", "middle" or "end".
        level: the level.
        task: the task, with the width where it is not 64.
        architecture: recall/norm.
        outcomes: what the orbits do, to the number of inputs.
        distinct: number of different limits, and of the inputs that settled in them.
        rho: spectral radius at each limit that was computed in float64.
        sensitivity: by the implicit derivative and by differences, where both are known.
        gradients: factor of the error of truncated gradients, and rho, where both are known.
        iterations: measured, and predicted from rho, at each limit; None where unknown.
        forecast: the outcome that was most probable before the measurement; None without forecast.
        excluded: outcomes that the claims exclude by the hypotheses of that forecast.
    """

    checkpoint: str
    stage: str
    level: str
    task: str
    architecture: str
    outcomes: Mapping[str, int]
    distinct: tuple[int, int]
    rho: tuple[float, ...]
    sensitivity: tuple[tuple[float, float], ...]
    gradients: tuple[tuple[float, float], ...]
    iterations: tuple[tuple[int | None, float | None], ...] = ()
    forecast: str | None = None
    excluded: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return sum(self.outcomes.values())

    @property
    def settled(self) -> int:
        """How many orbits reach a fixed point."""
        return self.outcomes.get(Outcome.FIXED_POINT, 0)

    @property
    def majority(self) -> str | None:
        """The most frequent outcome of the decided orbits; None where none is decided."""
        return most_frequent(self.outcomes)

    @property
    def settles(self) -> bool:
        """Whether at least `MOST` of all orbits reach a fixed point."""
        return self.settled >= MOST * self.inputs

    @property
    def fails(self) -> bool:
        """Whether at most `HALF` would, even if every undecided orbit did."""
        return self.settled + self.outcomes.get(Outcome.UNDECIDED, 0) <= HALF * self.inputs

    @property
    def jumps(self) -> list[tuple[float, float]]:
        """The sensitivities at which derivative and differences do not agree."""
        return [(a, b) for a, b in self.sensitivity if abs(a - b) > CLOSE * max(a, b)]

    @property
    def smooth(self) -> bool | None:
        """Whether derivative and differences agree at every limit; None without a limit."""
        return not self.jumps if self.sensitivity else None

    @property
    def stable(self) -> bool | None:
        """Whether the error of every truncated gradient falls like (`SLOWER` rho)^k or faster; None
        without one.
        """
        if not self.gradients:
            return None
        return all(q < 1 and q <= SLOWER * rho for q, rho in self.gradients)


def at_the_end(loops: Iterable[MeasuredLoop], *architectures: str) -> Iterator[MeasuredLoop]:
    """The trained loops of these architectures."""
    return (loop for loop in loops if loop.stage == "end" and loop.architecture in architectures)


def measured_loops(
    lines: Iterable[Measured], forecasts: Iterable[Forecast] = ()
) -> list[MeasuredLoop]:
    """The measurements of the lines of `records/measured.jsonl`, each with its forecast."""
    made = {forecast.key: forecast for forecast in forecasts}
    return [of_line(line, made.get(line.key)) for line in lines]


def of_line(line: Measured, forecast: Forecast | None = None) -> MeasuredLoop:
    """The measurements of one line, with its forecast if there was one."""
    points = line.reachability["points"]
    moved = [(p["by_derivative"], p["by_differences"]) for p in line.input_dependence["points"]]
    rates = [(p["factor"], p["rho"]) for p in line.geometry["gradients"]]
    return MeasuredLoop(
        checkpoint=line.checkpoint,
        stage=line.stage,
        level=line.level,
        task=line.task + (f", width {line.width}" if line.width != USUAL else ""),
        architecture=line.architecture.removesuffix("/add"),
        outcomes=line.outcomes,
        distinct=(line.input_dependence["distinct"], line.input_dependence["settled"]),
        rho=tuple(p["rho"] for p in points),
        sensitivity=tuple((a, b) for a, b in moved if a is not None and b is not None),
        gradients=tuple((q, rho) for q, rho in rates if q is not None),
        iterations=tuple((p["measured_loops"], p["predicted_loops"]) for p in points),
        forecast=max(forecast.outcomes, key=forecast.outcomes.__getitem__) if forecast else None,
        excluded=forecast.excluded if forecast else (),
    )
