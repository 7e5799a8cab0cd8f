"""How the forecasts fared: every forecast held against the measurement of the same line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ...numerics.proportion import wilson
from ...support.errors import LoopstabError
from ...support.jsonable import jsonable
from ...theory.outcome import Outcome
from .accuracy_odds import KEPT, LONGER
from .band import Band
from .forecast import Forecast
from .measured_line import Measured
from .scores import (
    Bin,
    Mean,
    brier,
    calibration,
    decided,
    log_score,
    mean_over,
    mostly_fixed,
    share_within,
    smoothed,
    surprises,
)

GOAL = 0.95
"""Share of forecasts that were to be right."""
EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
"""Ends of the bins of the table of calibration."""
ZERO = 1e-4
"""Largest |change of the limit| / |change of the embedding| that counts as zero: the rounding of
two limits over a change of 1e-4.
"""
FORECASTS: dict[str, Callable[[Forecast], Mapping[str, float]]] = {
    "theory": lambda f: f.outcomes,
    "always fixed point": lambda _: mostly_fixed(),
    "cosine of two states": lambda f: mostly_fixed(f.fixed_point_by_cosine),
    "longer runs of other inputs": lambda f: smoothed(f.sampled),
}
"""The probabilities that are compared, by name; the first are those of the theory."""
FIXED = str(Outcome.FIXED_POINT)


class Scored(NamedTuple):
    """A forecast and the measurement of the same checkpoint, stage and level."""

    forecast: Forecast
    measured: Measured


@dataclass(frozen=True)
class OutcomeScore:
    """How one way to predict outcomes fared.

    Attributes:
        name: a key of `FORECASTS`.
        brier: mean score of Brier for an input.
        log: mean logarithmic score.
        worse: mean of its score of Brier minus that of the theory.
        hits: lines whose most probable outcome is the most frequent one.
        lines: number of lines with a decided input.
        interval: Wilson's 95 % interval of the share of hits, as if lines were independent.
        whole: checkpoints both of whose levels are hits; one at two stages counts twice.
        checkpoints: number of checkpoints, counted likewise.
        whole_interval: Wilson's 95 % interval of their share.
        surprises: inputs whose outcome had a probability below 0.001.
    """

    name: str
    brier: Mean
    log: Mean
    worse: Mean
    hits: int
    lines: int
    interval: tuple[float, float]
    whole: int
    checkpoints: int
    whole_interval: tuple[float, float]
    surprises: int


@dataclass(frozen=True)
class ForecastScores:
    """The scores of a set of lines.

    Attributes:
        lines: lines with a forecast and a measurement.
        unmeasured: forecasts without a measurement.
        unforecast: measurements without a forecast.
        undecided: share of the inputs that stayed undecided, mean over checkpoints.
        outcomes: scores of the probabilities of the outcomes.
        calibration: predicted against measured shares of fixed points.
        coverage: by name of an interval, the share of measured values that lie in it.
        events: by name of an event, the score of Brier (p - 1)^2 or p^2 of its probability.
        happened: by name of an event, the share of lines in which it happened.
        excluded: number of pairs of an orbit and an outcome that a theorem excludes for it, and
            that the last operation of the step does not make impossible by itself.
        violated: how many of them happened.
    """

    lines: int
    unmeasured: int
    unforecast: int
    undecided: Mean
    outcomes: tuple[OutcomeScore, ...]
    calibration: tuple[Bin, ...]
    coverage: dict[str, Mean]
    events: dict[str, Mean]
    happened: dict[str, Mean]
    excluded: int
    violated: int

    def to_json(self) -> dict[str, Any]:
        """All fields as a JSON object."""
        return jsonable(asdict(self))


def score(
    forecasts: Iterable[Forecast], measured: Iterable[Measured], stage: str | None = None
) -> ForecastScores:
    """Score forecasts against measurements.

    Args:
        forecasts: the forecasts.
        measured: the measurements.
        stage: score the lines of this stage alone; default all.

    Returns:
        The scores.

    Raises:
        LoopstabError: a forecast and its measurement were made from different weights.
    """
    made = {f.key: f for f in forecasts if stage in (None, f.stage)}
    seen = {m.key: m for m in measured if stage in (None, m.stage)}
    pairs = [Scored(made[key], seen[key]) for key in seen if key in made]
    for f, m in pairs:
        if f.weights != m.weights:
            raise LoopstabError(
                f"{', '.join(f.key)}: forecast and measurement were made from different weights:"
                " measure again in another --out"
            )
    shares = [(f.checkpoint, _fixed_share(m)) for f, m in pairs]
    bins = [
        (name, f.outcomes.get(FIXED, 0.0), share)
        for (name, share), (f, _) in zip(shares, pairs, strict=True)
        if share is not None
    ]
    events = _events(pairs)
    return ForecastScores(
        lines=len(pairs),
        unmeasured=len(set(made) - set(seen)),
        unforecast=len(set(seen) - set(made)),
        undecided=mean_over(
            [
                (m.checkpoint, m.outcomes.get(Outcome.UNDECIDED, 0) / m.reachability["inputs"])
                for _, m in pairs
            ]
        ),
        outcomes=tuple(_outcome_score(name, pairs) for name in FORECASTS) if pairs else (),
        calibration=tuple(calibration(bins, EDGES)),
        coverage={name: mean_over(values) for name, values in _coverage(pairs).items()},
        events={
            name: mean_over([(one, (p - happened) ** 2) for one, p, happened in found])
            for name, found in events.items()
        },
        happened={
            name: mean_over([(one, float(happened)) for one, _, happened in found])
            for name, found in events.items()
        },
        excluded=sum(len(f.excluded) * sum(decided(m.outcomes).values()) for f, m in pairs),
        violated=sum(decided(m.outcomes).get(o, 0) for f, m in pairs for o in f.excluded),
    )


def _fixed_share(measured: Measured) -> float | None:
    """The share of fixed points among the decided inputs."""
    found = decided(measured.outcomes)
    return found.get(FIXED, 0) / sum(found.values()) if found else None


def _outcome_score(name: str, pairs: Sequence[Scored]) -> OutcomeScore:
    theory, other = FORECASTS["theory"], FORECASTS[name]
    briers, logs, worse, hits, unexpected = [], [], [], {}, 0
    for f, m in pairs:
        own, p, counts = theory(f), other(f), m.outcomes
        value, base = brier(p, counts), brier(own, counts)
        briers.append((m.checkpoint, value))
        logs.append((m.checkpoint, log_score(p, counts)))
        worse.append((m.checkpoint, None if value is None or base is None else value - base))
        unexpected += surprises(p, counts)
        if m.majority is not None:
            hits.setdefault((m.checkpoint, m.stage), []).append(
                max(p, key=p.__getitem__) == m.majority
            )
    lines = [hit for found in hits.values() for hit in found]
    whole = [all(found) for found in hits.values()]
    return OutcomeScore(
        name,
        mean_over(briers),
        mean_over(logs),
        mean_over(worse),
        sum(lines),
        len(lines),
        _wilson(sum(lines), len(lines)),
        sum(whole),
        len(whole),
        _wilson(sum(whole), len(whole)),
        unexpected,
    )


def _wilson(hits: int, n: int) -> tuple[float, float]:
    return wilson(hits, n) if n else (0.0, 1.0)


def _coverage(pairs: Sequence[Scored]) -> dict[str, list[tuple[str, float | None]]]:
    """For every kind of interval, the checkpoint and the share of covered values of each line."""
    out: dict[str, list[tuple[str, float | None]]] = {
        name: []
        for name in (
            "rate",
            "loops",
            "constant_after",
            "truncation_rate",
            "sensitivity",
            "sensitivity zero",
        )
    }
    for f, m in pairs:
        reached, moved = m.reachability, m.input_dependence["points"]
        found = {
            "rate": (f.rate, [point["rho"] for point in reached["points"]]),
            "loops": (f.loops, reached["loops"]["quantiles"]),
            "constant_after": (f.constant_after, reached["answer_last_change_fixed"]["quantiles"]),
            "truncation_rate": (
                f.truncation_rate,
                [g["factor"] for g in m.geometry["gradients"] if g["factor"] is not None],
            ),
        }
        s = f.sensitivity
        if s.kind == "smooth" and s.low is not None and s.high is not None:
            norms = [point["norm"] for point in moved if point["norm"] is not None]
            found["sensitivity"] = (Band(s.low, s.low, s.high), norms)
        elif s.kind == "zero":
            sizes = [p["by_differences"] for p in moved if p["by_differences"] is not None]
            found["sensitivity zero"] = (Band(0.0, 0.0, ZERO), sizes)
        for name, (band, values) in found.items():
            if band is not None:
                out[name].append((f.checkpoint, share_within(values, band.low, band.high)))
    return out


def _events(pairs: Sequence[Scored]) -> dict[str, list[tuple[str, float, bool]]]:
    """For every kind of event the checkpoint, its probability, and whether it happened."""
    kept, longer = [], []
    levels: dict[tuple[str, str], list[Scored]] = {}
    for f, m in pairs:
        found = m.reachability
        kept.append((f.checkpoint, f.kept, found["right_500"] >= KEPT * found["right_30"]))
        levels.setdefault((m.checkpoint, m.stage), []).append(Scored(f, m))
    for lines in levels.values():
        if len(lines) == 2:
            # both carry the same probability; measurements write the easier level first
            (f, easy), (_, hard) = lines
            shares = [m.reachability["right_500"] / m.reachability["inputs"] for m in (easy, hard)]
            longer.append((f.checkpoint, f.longer, shares[1] >= LONGER * shares[0]))
    return {"kept": kept, "longer": longer}
