"""Sentences on what the shipped loops do, with every number computed from their records.

README and documentation hold these sentences word for word, which the tests check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...models.measure.paired_accuracy import MeanDifference, independent_difference
from ...models.network.run_record import chosen_loops, shares
from ...models.zoo.kept_accuracy import (
    Estimate,
    accuracy_difference,
    kept_accuracy,
    mean_accuracy,
    shipped_runs,
)
from ...numerics.proportion import wilson

SUMS, SMALL, ENDGAMES = "prefix-sums, 16 bits", "sudoku-4x4", "kqk"
"""Tasks of the plan cpu."""
SUDOKU, CHESS = "sudoku, width 256", "chess, width 256"
"""Tasks of the plan lease."""


def told(estimate: Estimate | None, digits: int = 3) -> str:
    """An estimate with its interval; a dash for None.

    Example:
        >>> from loopstab.models.zoo.kept_accuracy import Estimate
        >>> from loopstab.paper_figures.text.trained_sentences import told
        >>> told(Estimate(0.5, 0.25, 1.0, 3, 8))
        '0.500 (0.250..1.000)'
    """
    if estimate is None:
        return "-"
    numbers = (estimate.value, estimate.low, estimate.high)
    return "{:.{d}f} ({:.{d}f}..{:.{d}f})".format(*numbers, d=digits)


def told_difference(found: MeanDifference) -> str:
    """A difference with its interval and signs."""
    return "{:+.3f} ({:+.3f}..{:+.3f})".format(found.difference, *found.interval)


def four_times() -> str:
    """Prefix sums at four times the trained length, by recall and norm."""
    numbers = {
        kind: told(mean_accuracy(shipped_runs(SUMS, kind), "64"))
        for kind in _kinds(("external", "internal", "none"))
    }
    return (
        "Trained on prefix sums of up to 16 bits (three seeds; at the best number of iterations on"
        f" the same 256 samples), loops with external recall solve {numbers['external/post']} of"
        f" the sequences of 64 bits with outer norm (post) and {numbers['external/peri']} without"
        f" (peri), loops with internal recall {numbers['internal/post']} and"
        f" {numbers['internal/peri']}, and loops without recall {numbers['none/post']} and"
        f" {numbers['none/peri']}."
    )


def outer_norm() -> str:
    """What the outer norm changes at four times the trained length."""
    effects = {recall: _norm_effect(recall, "64") for recall in _RECALLS}
    found = {recall: told_difference(effect) for recall, effect in effects.items()}
    return (
        "At 64 bits the accuracy with outer norm minus that without, seed by seed, is"
        f" {found['internal']} for internal recall, {found['external']} for external recall and"
        f" {found['none']} without recall. The difference is {_clarity(effects['internal'])} for"
        f" internal recall, {_clarity(effects['external'])} for external recall and"
        f" {_clarity(effects['none'])} without."
    )


def trained_length() -> str:
    """What 500 iterations leave at the trained length."""
    post, peri, outside, beside = (
        shipped_runs(SUMS, kind)
        for kind in ("internal/post", "internal/peri", "external/post", "external/peri")
    )
    least = min(shares(run, "16").last for run in outside)
    after = accuracy_difference(post, peri, "16", "last")
    return (
        f"At the trained length internal/peri falls from {_path(peri, '16')} in 500 iterations, and"
        f" internal/post goes from {_path(post, '16')}; the difference after 500,"
        f" {told_difference(after)}, is {_clarity(after)} with three seeds. External recall"
        f" goes from {_path(outside, '16')} with outer norm, where one seed falls to {least:.3f},"
        f" and from {_path(beside, '16')} without."
    )


def without_recall() -> str:
    """What loops without recall lose, by task."""
    sums, small, endgames = (shipped_runs(task, "none/post") for task in (SUMS, SMALL, ENDGAMES))
    kept = [
        f"{_path(runs, level)}, of which {told(kept_accuracy(runs, level), 2)} is kept"
        for runs, level in ((sums, "16"), (small, "hard"), (endgames, "easy"))
    ]
    return (
        "Without recall the loss depends on the task (none/post, three seeds): in 500 iterations"
        f" prefix sums of the trained length go from {kept[0]}, hard 4x4 sudoku from {kept[1]}, and"
        f" easy KQK from {kept[2]}."
    )


def published_gradient() -> str:
    """What the published gradient costs without recall, in the one seed that has both."""
    parts = []
    for task, level, name in (
        (SUMS, "32", "prefix sums of 32 bits"),
        (SMALL, "hard", "hard 4x4 sudoku"),
        (ENDGAMES, "easy", "easy KQK"),
    ):
        for norm in ("post", "peri"):
            (published,) = shipped_runs(task, f"none/{norm} (published)")
            (full,) = (r for r in shipped_runs(task, f"none/{norm}") if r["config"]["seed"] == 0)
            pair = [round(shares(run, level).chosen * 256) for run in (published, full)]
            found = independent_difference([([pair[0]], [pair[1]], 256)])
            parts.append(f"{told_difference(found)} on {name} ({norm})")
    return (
        "In seed 0, the only one that has both, the accuracy without recall with the published"
        f" gradient minus that with the full one is {', '.join(parts[:-1])} and {parts[-1]}."
    )


def wide_sudoku() -> str:
    """9x9 sudoku at width 256: one seed each."""
    external, internal, none = _wide(SUDOKU)
    return (
        "On easy 9x9 sudoku the loops with recall and outer norm solve"
        f" {_at(external)} (external) and {_at(internal)} (internal), and"
        f" after 500 {told(mean_accuracy(external, 'easy', 'last'))} and"
        f" {told(mean_accuracy(internal, 'easy', 'last'))}; the one without recall solves"
        f" {_at(none)}, and 500 iterations leave {told(kept_accuracy(none, 'easy'), 2)} of it."
    )


def wide_chess() -> str:
    """Chess puzzles at width 256: one seed each."""
    runs = _wide(CHESS)
    solved = [told(mean_accuracy(run, "easy")) for run in runs]
    kept = [told(kept_accuracy(run, "easy"), 2) for run in runs]
    most = max(chosen_loops(run[0], "easy") for run in runs)
    return (
        f"On easy chess puzzles external, internal and no recall solve {solved[0]}, {solved[1]} and"
        f" {solved[2]} within {most} iterations, and 500 leave {kept[0]}, {kept[1]} and"
        f" {kept[2]} of that."
    )


def caption() -> str:
    """The caption of the figure of boards at the head of the README: one seed each."""
    external, internal, none = _wide(SUDOKU)
    best = [chosen_loops(runs[0], "easy") for runs in (external, internal, none)]
    after = [told(mean_accuracy(runs, "easy", "last"), 2) for runs in (external, internal)]
    kept = [told(kept_accuracy(runs, "easy"), 2) for runs in (none, *_wide(CHESS))]
    return (
        "Looped transformers trained with at most 16 iterations (sudoku) and 8 (chess), run for"
        " 500; one seed each, 95 % intervals over puzzles. On easy sudoku the loops with recall and"
        f" outer normalisation are best at {best[0]} (external) and {best[1]} iterations (internal)"
        f" and after 500 still solve {after[0]} and {after[1]}; the one without recall is best at"
        f" {best[2]} and keeps {kept[0]} of that. On easy chess puzzles external, internal and no"
        f" recall keep {kept[1]}, {kept[2]} and {kept[3]}."
    )


def settled_orbits(orbits: Mapping[str, Mapping[str, int]]) -> str:
    """How many orbits of the widest loops reached a fixed point.

    Args:
        orbits: checkpoint to number of orbits by outcome.
    """

    def count(*names: str) -> str:
        reached = sum(orbits[name]["fixed-point"] for name in names)
        every = sum(sum(orbits[name].values()) for name in names)
        return "{} of {} ({:.2f}..{:.2f})".format(reached, every, *wilson(reached, every))

    recall = [f"sudoku-w256-{recall}-post-full-s0" for recall in ("external", "internal")]
    return (
        f"Of the sudoku orbits with recall {count(*recall)} reached a fixed point within 500"
        f" iterations, of those without {count('sudoku-w256-none-post-s0')}, and of the chess"
        f" orbits without recall {count('chess-w256-none-post-s0')}."
    )


_RECALLS = ("none", "external", "internal")


def _kinds(recalls: Sequence[str]) -> list[str]:
    return [f"{recall}/{norm}" for recall in recalls for norm in ("post", "peri")]


def _clarity(found: MeanDifference) -> str:
    """Whether the interval excludes 0."""
    low, high = found.interval
    return "clear" if low > 0 or high < 0 else "not clear"


def _norm_effect(recall: str, level: str, moment: str = "chosen") -> MeanDifference:
    post, peri = (shipped_runs(SUMS, f"{recall}/{norm}") for norm in ("post", "peri"))
    return accuracy_difference(post, peri, level, moment)


def _wide(task: str) -> list[list[Any]]:
    """The runs with external, internal and no recall."""
    kinds = ("external/post (full)", "internal/post (full)", "none/post")
    return [shipped_runs(task, kind, recipe=True) for kind in kinds]


def _path(runs: Sequence[Any], level: str) -> str:
    """Mean accuracy at the best number of iterations and after 500."""
    best, last = (mean_accuracy(runs, level, moment) for moment in ("chosen", "last"))
    return f"{best.value:.3f} to {last.value:.3f}"


def _at(runs: Sequence[Any]) -> str:
    """Accuracy of one run on the easy level with the chosen number of iterations."""
    return f"{told(mean_accuracy(runs, 'easy'))} at {chosen_loops(runs[0], 'easy')} iterations"
