"""Accuracy of internal against external recall: pairs of trained loops on the same samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...numerics.arrays import Array
from ...support.jsonable import jsonable
from ...theory.architecture import Architecture
from ..network.run_record import samples_of, shares, task_of
from .paired_accuracy import (
    DRAWS,
    MARGIN,
    MeanDifference,
    PairedCounts,
    clustered_difference,
    contrast,
    independent_difference,
)
from .recall_comparison import Pair
from .recorded_answers import TRAINED_ON, Answers, enough_samples

MOMENTS = ("chosen", "last")
"""At the recorded choice of iterations, and after the last that was measured (500)."""
CONTRAST = "post - peri"
"""The difference with outer norm minus the one without."""
RULE = (
    "competitive if the interval lies within the margin of 0; otherwise better or worse if it"
    " excludes 0; otherwise open. The interval is a bootstrap over seeds and samples, widened to"
    " Student's interval of the mean over seeds. Where less than half of the recorded samples were"
    " answered again, it is that of the recorded counts as if the samples were independent. With"
    " one seed it speaks of that pair of runs alone."
)
"""How a verdict is reached."""


@dataclass(frozen=True)
class PairRow:
    """One pair of runs at one level and number of iterations; internal comes first.

    Attributes:
        internal: name of the run with internal recall.
        external: name of the run with external recall.
        level: level of the task.
        moment: one of `MOMENTS`.
        loops: iterations of the internal and of the external run.
        counts: the samples that both or one of them solve.
    """

    internal: str
    external: str
    level: str
    moment: str
    loops: tuple[int, int]
    counts: PairedCounts


@dataclass(frozen=True)
class TaskRow:
    """The pairs of one task, kind of training and norm, at one number of iterations.

    Attributes:
        task: the task in words, with its greatest training length, and the width where it is not
            64.
        recipe: whether the runs are trained by the recipe of docs/training.md.
        norm: `post` or `peri`; `post - peri` for the difference of the differences, seed by seed.
        moment: one of `MOMENTS`.
        levels: the levels, of which the differences are averaged.
        source: `paired` for answers to the same samples, `counts` for recorded counts.
        difference: internal minus external, with its intervals.
    """

    task: str
    recipe: bool
    norm: str
    moment: str
    levels: tuple[str, ...]
    source: str
    difference: MeanDifference


def pair_rows(pairs: Sequence[Pair], answers: Mapping[str, Mapping[str, Answers]]) -> list[PairRow]:
    """Compare the answers of each pair, level by level.

    Args:
        pairs: the pairs; those that were not answered are left out.
        answers: by name and level; both runs of a pair have the same samples.

    Returns:
        A row for each pair, level and moment.
    """
    return [
        PairRow(
            pair.internal,
            pair.external,
            level,
            moment,
            (first.loops[at], second.loops[at]),
            PairedCounts.of(first.right[at], second.right[at]),
        )
        for pair in pairs
        if pair.internal in answers
        for level, first, second in _levels(pair, answers)
        for at, moment in enumerate(MOMENTS)
    ]


def task_rows(
    pairs: Sequence[Pair],
    answers: Mapping[str, Mapping[str, Answers]],
    records: Mapping[str, Mapping[str, Any]],
    seed: int = 0,
) -> list[TaskRow]:
    """Compare internal with external recall for each task, kind of training and norm.

    Args:
        pairs: the pairs.
        answers: by name and level; a group of pairs that lacks some is compared by recorded
            counts.
        records: name to metadata of the checkpoints, as `zoo.describe` gives them.
        seed: seed of the bootstrap.

    Returns:
        A row for each task, kind of training, norm and moment, and, where both norms were trained
        with the same seeds, one for `CONTRAST`: what the outer norm does for internal recall
        beyond what it does for external recall.
    """
    groups: dict[tuple[str, bool], dict[str, dict[int, Pair]]] = {}
    for pair in pairs:
        run = records[pair.internal]["run"]
        norm = str(Architecture.parse(run["architecture"]).norm)
        norms = groups.setdefault((task_of(run), "choice" in run), {})
        norms.setdefault(norm, {})[run["config"]["seed"]] = pair
    rows = []
    for (task, recipe), norms in sorted(groups.items()):
        few = any(_few(pair, answers, records) for own in norms.values() for pair in own.values())
        first = records[next(iter(next(iter(norms.values())).values())).internal]
        both = {"post", "peri"} <= set(norms) and set(norms["post"]) == set(norms["peri"])
        for norm in [*sorted(norms, reverse=True), *([CONTRAST] if both else [])]:
            for at, moment in enumerate(MOMENTS):
                if few:
                    of_norm = {
                        name: independent_difference(_recorded_counts(own, records, at))
                        for name, own in norms.items()
                    }
                    found = of_norm.get(norm) or contrast(of_norm["post"], of_norm["peri"])
                else:
                    own, most = _differences(norms, norm, answers, at), 1 + (norm == CONTRAST)
                    found = clustered_difference(own, seed=seed, most=most)
                levels = _held_out(first["run"])
                source = "counts" if few else "paired"
                rows.append(TaskRow(task, recipe, norm, moment, levels, source, found))
    return rows


def comparison_json(
    pairs: Sequence[PairRow], tasks: Sequence[TaskRow], seed: int
) -> dict[str, Any]:
    """Both tables with the rule of the verdicts, in the types of JSON.

    Args:
        pairs: rows of `pair_rows`.
        tasks: rows of `task_rows`; `post - peri` has no verdict.
        seed: seed of the bootstrap.
    """
    return {
        "rule": RULE,
        "margin": MARGIN,
        "bootstrap": {"seed": seed, "draws": DRAWS},
        "tasks": [
            {
                **{
                    key: getattr(row, key) for key in ("task", "recipe", "norm", "moment", "source")
                },
                "levels": list(row.levels),
                **jsonable(asdict(row.difference)),
                "interval": list(row.difference.interval),
                "verdict": None if row.norm == CONTRAST else row.difference.verdict(),
                "substantial": row.difference.substantial(),
            }
            for row in tasks
        ],
        "pairs": [
            {
                **jsonable(asdict(row)),
                "difference": row.counts.difference,
                "interval": list(row.counts.interval),
                "p_value": row.counts.p_value,
            }
            for row in pairs
        ],
    }


def _levels(
    pair: Pair, answers: Mapping[str, Mapping[str, Answers]]
) -> Iterator[tuple[str, Answers, Answers]]:
    for level, first in answers[pair.internal].items():
        yield level, first, answers[pair.external][level]


def _few(
    pair: Pair,
    answers: Mapping[str, Mapping[str, Answers]],
    records: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Whether less than half of the recorded samples were answered again."""
    run, own = records[pair.internal]["run"], answers.get(pair.internal)
    return own is None or not enough_samples(run, min(f.right.shape[1] for f in own.values()))


def _held_out(run: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(level for level in run["accuracy"] if level != TRAINED_ON)


def _recorded_counts(
    pairs: Mapping[int, Pair], records: Mapping[str, Mapping[str, Any]], at: int
) -> list[tuple[list[int], list[int], int]]:
    """For each level the right answers of internal and of external recall, one number for each
    seed, and the number of samples.
    """
    runs = [
        [records[name]["run"] for name in (pair.internal, pair.external)]
        for _, pair in sorted(pairs.items())
    ]

    def hits(recall: int, level: str) -> list[int]:
        found = [(samples_of(pair[recall], level), shares(pair[recall], level)) for pair in runs]
        return [round(n * (share.chosen, share.last)[at]) for n, share in found]

    return [
        (hits(0, level), hits(1, level), samples_of(runs[0][0], level))
        for level in _held_out(runs[0][0])
    ]


def _differences(
    norms: Mapping[str, Mapping[int, Pair]],
    norm: str,
    answers: Mapping[str, Mapping[str, Answers]],
    at: int,
) -> list[Array]:
    """For each level the differences (seeds, samples) of one norm, or of `CONTRAST`."""
    if norm == CONTRAST:
        both = (_differences(norms, name, answers, at) for name in ("post", "peri"))
        return [post - peri for post, peri in zip(*both, strict=True)]
    found: dict[str, list[Array]] = {}
    for _, pair in sorted(norms[norm].items()):
        for level, first, second in _levels(pair, answers):
            row = first.right[at].astype(int) - second.right[at].astype(int)
            found.setdefault(level, []).append(row)
    return [np.stack(rows) for rows in found.values()]
