"""The page of the trained loops that are shipped: what they reach, from their records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from loopstab.models.network.run_record import (
    SHOWN_LOOPS,
    chosen_loops,
    interval,
    kind_of,
    shares,
    task_of,
)
from loopstab.models.zoo import zoo
from loopstab.paper_figures.text import trained_sentences as said
from loopstab.paper_figures.text import trained_tables as tables
from loopstab.paper_figures.text.trained_tables import markdown_table as _table

Run = Mapping[str, Any]
OUTCOMES = Path(__file__).parent / "outcomes.json"
"""outcomes of orbits of the widest loops, with the command that measured them"""
WIDEST = 256
"""width of the loops that were trained on a GPU"""


def zoo_page() -> str:
    """Tables by task, from the records of the checkpoints; no weight is read."""
    runs = {name: zoo.describe(name)["run"] for name in zoo.names()}
    recipe = {name: run for name, run in runs.items() if "choice" in run}
    widest = {name: run for name, run in recipe.items() if _width(run) == WIDEST}
    narrow = {name: run for name, run in recipe.items() if _width(run) != WIDEST}
    measured = json.loads(OUTCOMES.read_text())
    names = list(measured["orbits"])
    outcomes = list(measured["orbits"][names[0]])
    rows = [[f"`{name}`", *(str(measured["orbits"][name][o]) for o in outcomes)] for name in names]
    lines = [
        INTRODUCTION,
        *_shown(),
        "## 9x9 sudoku and chess\n",
        "![Accuracy against iterations on sudoku and chess](_static/boards.svg)\n",
        WIDE,
        *_reached(widest.values()),
        "",
        f"{said.wide_sudoku()} {said.wide_chess()}",
        "One seed each: the intervals speak of these runs alone.\n",
        "### Do these loops settle?\n",
        SETTLE.format(command=measured["command"], arithmetic=measured["arithmetic"]),
        *_table(["checkpoint", *outcomes], rows),
        "",
        SETTLED.format(orbits=said.settled_orbits(measured["orbits"])),
        "### On one CPU core\n",
        NARROW,
        *_reached(narrow.values()),
        "",
        "## The plan cpu\n",
        "![Accuracy of the plan cpu at best and after 500 iterations](_static/zoo_accuracy.svg)\n",
        OLDER,
        said.published_gradient() + "\n",
        "## Every run\n",
        EVERY,
        *_every(runs),
    ]
    return "\n".join(lines)


INTRODUCTION = f"""\
# Trained loops

The tables show the exact-match accuracy: the share of samples whose answer is right in every
cell. Each entry names the accuracy at the chosen number of iterations with its 95 % interval
(Wilson) and that number. Where three numbers stand side by side, the second is the accuracy after
{SHOWN_LOOPS} iterations and the last the accuracy after 500. `loopstab zoo verify` measures them
again.
"""
WIDE = f"""\
*Trained by the [recipe](training.md): positions in the input, Muon, cross-entropy on each of the
last four iterations, the gradient through all iterations for every architecture. Width {WIDEST},
seed 0, one H100, two runs at a time. The number of iterations was chosen on 1,024 other samples
than the 2,048 held-out ones that are reported on; bands are 95 % intervals.*

Sudoku: 60,000 published puzzles; no answer grid of the training split occurs in the others, up to
symmetry; *easy* is a solver rating up to 18. Chess: Lichess puzzles; *easy* is a rating up to
1600, *hard* 1601 to 2000, and an answer is right if both squares of the move are.
"""
SETTLE = """\
Sixteen orbits of each, for 500 iterations in {arithmetic}: `{command}`.
"""
SETTLED = """\
{orbits} So on sudoku the accuracy with recall is kept, but mostly not at a fixed point: recall and
outer normalisation allow reachable fixed points that follow the input, and do not by themselves
make a trained loop go there. The loop without recall reaches fixed points although its step does
not see the input: which of its fixed points it reaches depends on where it starts.
"""
NARROW = """\
The plan `desk` (seed 0, one thread, with other work on the second core), by the same recipe at
smaller widths.
"""
OLDER = """\
*A column for each task: every run at its best number of iterations (hollow) and after 500
(filled).*

Three seeds of prefix sums up to 16 bits, 4x4 sudoku (12 iterations, 500 steps) and the endgame KQK
with its unique best move (5 iterations, 900 steps: far from mastered at that cost), width 64, 1 to
18 minutes each on one thread. In these older runs the best number of iterations was chosen on the
256 samples that are reported on, and the first level of sudoku and KQK was trained on.

The loops with recall have the published gradient and those without the full one, so that rows
with and without recall differ in both; the runs by the recipe above compare recall at one form.
"""
EVERY = """\
The prefix-sum loops of up to 32 bits were trained by `loopstab train --task prefix-sums
--architecture RECALL/NORM --seed 0 --threads 1 --out DIR` before some products were merged, which
rounds differently: the command repeats these runs, but not their last bits.
"""


SHOWN = """\
## What the trained loops show

Every interval on this page is at 95 %. Those of a mean over seeds contain Student's interval over
the seeds and one of the samples, which the seeds share; three seeds make wide intervals. Those of
one seed are about the samples alone, and say nothing of another training run.

{four_times} {outer_norm}

{trained_length} {without_recall}

### What is kept

In each cell: the best accuracy with its interval, the accuracy after 500 iterations, and the share
that is kept with its interval; a dash where the best is below 0.05. Three seeds for prefix sums,
4x4 sudoku and KQK, one seed for 9x9 sudoku and chess.
"""
PAIRED = """\
### Norms and recalls side by side

Differences of accuracies after 500 iterations, seed by seed, and below them those at the best
number of iterations. *Outer norm* is post minus peri at equal recall; *external recall* and
*internal recall* are minus no recall at equal norm, and there the form of the gradient differs too.
An interval that contains 0 leaves the sign open.
"""
RECALL = """\
### Internal against external recall

{sentences}

*Competitive* means that the whole interval lies within {margin:.0f} points of 0; the
[page on recall](recall.md) has the rule and the numbers.
"""


def _shown() -> list[str]:
    """The first section: what is kept, and norms and recalls side by side."""
    words = {
        name: getattr(said, name)()
        for name in ("four_times", "outer_norm", "trained_length", "without_recall")
    }
    lines = [SHOWN.format(**words)]
    for task in tables.TITLES:
        lines += [*tables.kept_table(task), ""]
    lines += [PAIRED]
    for moment in ("last", "chosen"):
        for task in tables.LEVELS:
            lines += [*tables.paired_table(task, moment), ""]
    record = tables.recall_record()
    sentences = "\n\n".join(
        tables.recall_verdicts(record, norm, moment)
        for norm in ("post", "peri")
        for moment in ("chosen", "last")
    )
    return [*lines, RECALL.format(sentences=sentences, margin=100 * record["margin"])]


def _width(run: Run) -> int:
    return run["config"].get("model", {}).get("width", 64)


def _reached(runs: Iterable[Run]) -> list[str]:
    """One table: a row for each run and level."""
    rows = []
    for run in sorted(runs, key=lambda run: (run["task"], kind_of(run))):
        for level in run["accuracy"]:
            found, (low, high) = shares(run, level), interval(run, level)
            chosen = f"{found.chosen:.3f} ({low:.3f}..{high:.3f}) at {chosen_loops(run, level)}"
            after = f"{found.early:.3f}, {found.last:.3f}"
            rows.append([f"{task_of(run)}, {level}", kind_of(run), chosen, after])
    return _table(["task, level", "architecture", "accuracy", "after 30, 500"], rows)


def _every(runs: Mapping[str, Run]) -> list[str]:
    """For each task and choice of levels, the mean over seeds and every run."""
    groups: dict[tuple[str, tuple[str, ...], bool], dict[str, Run]] = {}
    for name, run in runs.items():
        key = task_of(run), tuple(run["accuracy"]), "choice" in run
        groups.setdefault(key, {})[name] = run
    lines = []
    for (task, levels, recipe), chosen in sorted(groups.items(), key=lambda g: (g[0][0], g[0][2])):
        twice = recipe and sum(other == task for other, *_ in groups) > 1
        lines += [f"### {task}{' (recipe)' if twice else ''}", ""]
        lines += ["Mean over seeds; in brackets the least and the most:", ""]
        lines += _table(["architecture", "seeds", *levels], _means(chosen, levels))
        lines += ["", "Every run:", ""]
        head = ["checkpoint", "architecture", "seed", "steps", "seconds", *levels]
        lines += [*_table(head, _rows(chosen, levels)), ""]
    return lines


def _rows(runs: Mapping[str, Run], levels: Sequence[str]) -> list[list[str]]:
    rows = []
    for name, run in sorted(runs.items(), key=lambda i: (kind_of(i[1]), i[1]["config"]["seed"])):
        row = [f"`{name}`", kind_of(run), str(run["config"]["seed"]), str(run["steps"])]
        rows.append([*row, f"{run['seconds']:.0f}", *(_shares(run, level) for level in levels)])
    return rows


def _shares(run: Run, level: str) -> str:
    """At the chosen number of iterations with its interval, early, and after the last."""
    chosen, early, last = shares(run, level)
    low, high = interval(run, level)
    loops = chosen_loops(run, level)
    return f"{chosen:.3f} ({low:.3f}..{high:.3f}) at {loops} / {early:.3f} / {last:.3f}"


def _means(runs: Mapping[str, Run], levels: Sequence[str]) -> list[list[str]]:
    rows = []
    for kind in sorted(set(map(kind_of, runs.values()))):
        own = [run for run in runs.values() if kind_of(run) == kind]
        cells = []
        for level in levels:
            columns = zip(*(shares(run, level) for run in own), strict=True)
            cells.append(" / ".join(map(_spread, columns)))
        rows.append([kind, str(len(own)), *cells])
    return rows


def _spread(values: Sequence[float]) -> str:
    between = f" ({min(values):.3f}..{max(values):.3f})" if len(values) > 1 else ""
    return f"{fmean(values):.3f}{between}"
