"""The generated page on how well the forecasts of trained loops did."""

from __future__ import annotations

from collections import Counter

from loopstab.models.forecast.forecast_file import read_forecasts
from loopstab.models.forecast.measured_line import read_measured
from loopstab.models.forecast.measured_scores import GOAL, ForecastScores, score
from loopstab.paper_figures.drawings.record_files import FOLDER
from loopstab.paper_figures.text.score_tables import score_tables

INTRODUCTION = """\
# Forecasts of trained loops, scored

[How they are made](forecasts.md) is on a page of its own; they were written down, with a
checksum, before the measurement. (Three of the measured lines, of `sudoku-4x4-none-post-s2` and
`prefix-sums-16-external-peri-s1`, had been measured a few minutes before the seal, to try the
program; whoever made the forecasts did not see their outcomes. They were measured again after it.)

What is compared: *theory* is the forecast from fixed points of other inputs and the rules of the
claims; *always fixed point* gives that outcome the probability 0.99; *cosine of two states* says
fixed point where the states after 29 and 30 iterations are nearly parallel; *longer runs* counts
what four other inputs did in 500 iterations. Smaller scores are better. Intervals are 95 %:
bootstrap over checkpoints, or Wilson's for counts.
"""
LONGER = (
    "These forecasts come from 512 iterations and 24 other inputs instead of 64 and 8, and *longer"
    " runs* are those of the same 24. They were made when the scores of the first were known for"
    " other checkpoints, and were sealed before their own were measured. (Two lines, of"
    " `kqk-none-peri-s0` before its training, had been measured ten minutes before the seal; nobody"
    " saw their outcomes, and they were measured again after it.)"
)
HINDSIGHT = (
    "The same forecasts for the other checkpoints and stages. They were made without their"
    " measurements, but by somebody who knew them and chose the number of iterations after them:"
    " they show what a longer look brings, and are no test."
)
PARTS = (
    ("After training", "forecasts.jsonl", "end", ""),
    ("Before training", "forecasts.jsonl", "initial", ""),
    ("Looking longer, after training", "long_forecasts.jsonl", "end", LONGER),
    ("Looking longer, before training", "long_forecasts.jsonl", "initial", ""),
    ("In hindsight, after training", "hindsight_forecasts.jsonl", "end", HINDSIGHT),
    ("In hindsight, before training", "hindsight_forecasts.jsonl", "initial", ""),
)
"""The parts of the page: title, file of forecasts, stage, and what is said first."""


def scores_page() -> str:
    """The tables of `loopstab crossvalidate --zoo`, from the shipped forecasts and measurements."""
    measured = read_measured(FOLDER / "measured.jsonl")
    lines = [INTRODUCTION, "## What was measured\n", "| task | width | stage | lines | inputs |"]
    lines.append("| --- | --- | --- | --- | --- |")
    counts = Counter((m.task, m.width, m.stage) for m in measured)
    inputs = Counter[tuple[str, int, str]]()
    for m in measured:
        inputs[m.task, m.width, m.stage] += m.reachability["inputs"]
    for key, number in sorted(counts.items()):
        task, width, stage = key
        lines.append(f"| {task} | {width} | {stage} | {number} | {inputs[key]:,} |")
    for title, file, stage, said in PARTS:
        scores = score(read_forecasts(FOLDER / file), measured, stage)
        lines += [f"\n## {title}", "", *([said, ""] if said else []), _in_words(scores)]
        for name, rows in score_tables(scores).items():
            lines += ["", f"### {title}: {name}", "", *_table(rows)]
    lines += [
        "",
        "`loopstab crossvalidate --zoo --forecasts paper_figures/records/forecasts.jsonl"
        " --out FILE` measures and scores them again.",
        "",
    ]
    return "\n".join(lines)


def _in_words(scores: ForecastScores) -> str:
    """How many checkpoints the theory is right about, against the goal and the baselines."""
    theory, *others = scores.outcomes
    low, high = theory.whole_interval
    share = theory.whole / theory.checkpoints
    goal = "is reached" if low > GOAL else "is missed" if high < GOAL else "lies in the interval"
    text = (
        f"The theory names the most frequent outcome on both levels for {theory.whole} of"
        f" {theory.checkpoints} checkpoints ({share:.2f}, {low:.2f} to {high:.2f}): the goal of"
        f" {GOAL:.2f} {goal}."
    )
    ahead = [one.name for one in others if one.worse.low > 0]
    behind = [one.name for one in others if one.worse.high < 0]
    if ahead:
        text += f" Its score of Brier is better than that of *{'* and *'.join(ahead)}*."
    if behind:
        text += f" That of *{'* and *'.join(behind)}* is better than its own."
    none = "none of them was seen" if not scores.violated else f"{scores.violated} were seen"
    return f"{text} Theorems exclude {scores.excluded:,} pairs of an orbit and an outcome; {none}."


def _table(rows: list[dict[str, object]]) -> list[str]:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    head = list(rows[0])
    body = [line([_text(row[name]) for name in head]) for row in rows]
    return [line(head), line(["---"] * len(head)), *body]


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
