"""What did not fit: every disagreement of prediction and measurement, by kind and place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...models.measure.comparison import BAND, CrossValidation
from ...theory.outcome import Outcome
from .measured_loops import MeasuredLoop


class Misfit(StrEnum):
    """The kinds of disagreement; the value is the word on the page."""

    THEOREM = "a theorem is violated"
    FORECAST = "another outcome than forecast"
    RATE = "the rate is off"
    UNDECIDED = "undecided"


MEANING = {
    Misfit.THEOREM: "an orbit did what a claim excludes, its hypotheses being measured to hold; or"
    " it reached a fixed point with rho >= 1",
    Misfit.FORECAST: "the most frequent outcome of the decided orbits is not the one that was"
    " forecast as most probable before the measurement",
    Misfit.RATE: f"iterations to tolerance differ from those predicted from rho by more than a"
    f" factor of {BAND:g}",
    Misfit.UNDECIDED: "the orbit showed no outcome within the last look",
}


@dataclass(frozen=True)
class Mismatch:
    """Something that did not fit.

    Args:
        kind: of which kind.
        where: checkpoint and level, with the stage where it is not the end of the training.
        count: how many orbits, fixed points or loops.
        asked: of how many.
        what: what was counted, in words.
    """

    kind: Misfit
    where: str
    count: int
    asked: int
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.count} of {self.asked} {self.what}"

    def to_json(self) -> dict[str, Any]:
        """A plain object."""
        return {**self.__dict__, "kind": str(self.kind)}


def mismatches(
    results: Iterable[CrossValidation], loops: Iterable[MeasuredLoop] = ()
) -> list[Mismatch]:
    """Everything that did not fit, the gravest kind first.

    Args:
        results: cross-validations that the report made.
        loops: shipped measurements.
    """
    found = [m for r in results for m in _of_result(r)]
    found += [m for loop in loops for m in _of_loop(loop)]
    return sorted(found, key=lambda m: list(Misfit).index(m.kind))


def _of_result(r: CrossValidation) -> Iterator[Mismatch]:
    where = f"{r.name or r.architecture}, {r.level} (measured now)"
    for outcome, n in r.outcomes.items():
        if outcome == Outcome.UNDECIDED:
            yield Mismatch(Misfit.UNDECIDED, where, n, r.inputs, f"orbits after {r.limit} loops")
        elif outcome not in r.allowed:
            what = f"orbits show {outcome}, which {', '.join(r.claims)} exclude"
            yield Mismatch(Misfit.THEOREM, where, n, r.inputs, what)
    yield from _of_points(
        where,
        [c.rho for c in r.convergence],
        [(c.measured_loops, c.predicted_loops) for c in r.convergence],
    )


def _of_loop(loop: MeasuredLoop) -> Iterator[Mismatch]:
    stage = "" if loop.stage == "end" else f", {loop.stage}"
    where = f"{loop.checkpoint}, {loop.level}{stage}"
    for outcome, n in loop.outcomes.items():
        if outcome == Outcome.UNDECIDED:
            yield Mismatch(Misfit.UNDECIDED, where, n, loop.inputs, "orbits")
        elif outcome in loop.excluded:
            what = f"orbits show {outcome}, which a claim excludes"
            yield Mismatch(Misfit.THEOREM, where, n, loop.inputs, what)
    if loop.forecast and loop.majority and loop.forecast != loop.majority:
        hits = loop.outcomes[loop.majority]
        what = f"orbits show {loop.majority}, forecast was {loop.forecast}"
        yield Mismatch(Misfit.FORECAST, where, hits, loop.inputs, what)
    yield from _of_points(where, loop.rho, loop.iterations)


def _of_points(
    where: str, rho: Sequence[float], iterations: Sequence[tuple[int | None, float | None]]
) -> Iterator[Mismatch]:
    repelling = [value for value in rho if value >= 1]
    if repelling:
        what = f"fixed points that are reached have rho >= 1, up to {max(repelling):.4f} (A4)"
        yield Mismatch(Misfit.THEOREM, where, len(repelling), len(rho), what)
    ratios = [m / p for m, p in iterations if m and p]
    off = [ratio for ratio in ratios if not 1 / BAND <= ratio <= BAND]
    if off:
        what = f"rates off, measured over predicted loops {min(off):.2f} to {max(off):.2f} (X5)"
        yield Mismatch(Misfit.RATE, where, len(off), len(ratios), what)


def counted(found: Sequence[Mismatch]) -> dict[Misfit, list[Mismatch]]:
    """The mismatches of each kind, of every kind in turn."""
    return {kind: [m for m in found if m.kind is kind] for kind in Misfit}


def sentence(found: Sequence[Mismatch]) -> str:
    """How many there are, by kind: it counts the same list that the page shows."""
    parts = [
        f"{kind}: {_entries(len(own))}, {sum(m.count for m in own)} cases"
        if own
        else f"{kind}: none"
        for kind, own in counted(found).items()
    ]
    return f"What did not fit: {_entries(len(found))} ({'; '.join(parts)})."


def _entries(n: int) -> str:
    return f"{n} entr{'y' if n == 1 else 'ies'}"
