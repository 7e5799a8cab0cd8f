"""The scores of forecasts as tables."""

from __future__ import annotations

from typing import Any

from ...models.forecast.measured_scores import ForecastScores


def score_tables(scores: ForecastScores) -> dict[str, list[dict[str, Any]]]:
    """Rows of plain values for each table, by its title; tables without a row are left out.

    Means are those over checkpoints, with 95 % intervals from the bootstrap over checkpoints.
    """
    lines = f"{scores.lines} lines"
    tables = {
        f"Brier scores of outcomes, {lines}": [
            {"prediction": one.name, "Brier": str(one.brier), "minus theory": str(one.worse)}
            for one in scores.outcomes
        ],
        f"logarithmic scores, undecided {scores.undecided}": [
            {"prediction": one.name, "log score": str(one.log), "p < 0.001": one.surprises}
            for one in scores.outcomes
        ],
        "most probable outcome is the most frequent one": [
            {
                "prediction": one.name,
                "lines": _share(one.hits, one.lines, one.interval),
                "checkpoints": _share(one.whole, one.checkpoints, one.whole_interval),
            }
            for one in scores.outcomes
        ],
        "calibration of the fixed point": [
            {
                "predicted": f"{one.low:g} to {one.high:g}",
                "lines": one.lines,
                "mean": one.predicted,
                "measured": str(one.measured),
            }
            for one in scores.calibration
        ],
        "share of values in the 90 % intervals": [
            {"interval": name, "share": str(one), "lines": one.lines}
            for name, one in scores.coverage.items()
            if one.lines
        ],
        "events": [
            {
                "event": name,
                "Brier": str(one),
                "happened": str(scores.happened[name]),
                "lines": one.lines,
            }
            for name, one in scores.events.items()
            if one.lines
        ],
        "outcomes that a theorem excludes": [
            {"orbits x outcomes": scores.excluded, "violated": scores.violated}
        ],
    }
    return {title: rows for title, rows in tables.items() if rows}


def _share(hits: int, n: int, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{hits}/{n} [{low:.3f}, {high:.3f}]"
