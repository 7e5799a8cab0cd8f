"""Accuracy of internal against external recall: pairs of trained loops on the same samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...numerics.arrays import Array
from ...support.errors import LoopstabError, UsageError
from ...support.files import write_json
from ...support.jsonable import jsonable
from ...support.regular_file import read_regular
from ...support.schema import ListOf, MapOf, ObjectOf, Text, Whole
from ...support.strict_json import parse_json
from ...theory.architecture import Architecture
from ..network.checkpoint import Checkpoint, load_model
from ..network.metadata import finished_run
from ..network.run_record import chosen_loops, samples_of, shares, task_of
from ..tasks.registry import recorded_task
from .evaluate import recorded_samples, verdicts
from .paired_accuracy import (
    DRAWS,
    MARGIN,
    MeanDifference,
    PairedCounts,
    clustered_difference,
    independent_difference,
)
from .recall_comparison import LONGEST, Pair
from .trained import check_fit

MOMENTS = ("chosen", "last")
"""At the recorded choice of iterations, and after the last that was measured (500)."""
TRAINED_ON = "train"
"""The level of older records whose samples were trained on; it is left out."""
RULE = (
    "competitive if the interval lies within the margin of 0; otherwise better or worse if it"
    " excludes 0; otherwise open. The interval is a bootstrap over seeds and samples, widened to"
    " Student's interval of the mean over seeds. Where less than half of the recorded samples were"
    " answered again, it is that of the recorded counts as if the samples were independent. With"
    " one seed it speaks of that pair of runs alone."
)
"""How a verdict is reached."""
_COUNT = Whole(1, 1_000_000_000)
ANSWERS = ObjectOf(
    {"loops": ListOf(_COUNT, 2, 2), "samples": _COUNT, "right": ListOf(Text(1_000_000), 2, 2)}
)
FILE = ObjectOf({"answers": MapOf(MapOf(ANSWERS))}, further=True)
"""What this module reads of such a file; the rest is computed from it."""


@dataclass(frozen=True)
class Answers:
    """Which samples of a level a trained loop solves.

    Attributes:
        loops: the chosen number of iterations, and the last.
        right: booleans (2, samples).
    """

    loops: tuple[int, int]
    right: Array

    def to_json(self) -> dict[str, Any]:
        """The answers with the booleans of each number of iterations as hexadecimal digits."""
        return {
            "loops": list(self.loops),
            "samples": self.right.shape[1],
            "right": [np.packbits(row).tobytes().hex() for row in self.right],
        }

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Answers:
        """The inverse of `to_json`.

        Raises:
            ValueError: the digits are not those of so many samples.
        """
        rows = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in entry["right"]]
        samples = entry["samples"]
        if any(len(row) != -(-samples // 8) for row in rows):
            raise ValueError(f"right is not that of {samples} samples")
        right = np.stack([np.unpackbits(row, count=samples).astype(bool) for row in rows])
        return cls((entry["loops"][0], entry["loops"][1]), right)


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


def recorded_answers(
    checkpoint: Checkpoint, name: str, samples: int, data: str | Path | None = None
) -> dict[str, Answers]:
    """Which of its recorded samples a trained loop solves, in float32.

    Args:
        checkpoint: the trained loop, with the record of its run.
        name: its name, for messages.
        samples: most samples of a level, the first of the recorded ones.
        data: prepared data file of the run, where its task needs one.

    Returns:
        For each level that was not trained on, the answers at the recorded choice of iterations
        and at the last.

    Raises:
        UsageError: `samples` is below 1, or `data` is not the data file of the run.
        LoopstabError: the run is not finished, or the file was altered.

    Example:
        >>> from loopstab.models.measure.recall_accuracy import recorded_answers
        >>> from loopstab.models.zoo import zoo
        >>> name = "sudoku-4x4-internal-post-s0"
        >>> found = recorded_answers(zoo.load(name), name, samples=8)["easy"]
        >>> found.loops, found.right.shape
        ((4, 500), (2, 8))
    """
    if samples < 1:
        raise UsageError(f"samples count from 1, not {samples}")
    model, meta = load_model(checkpoint)
    run = finished_run(meta, name)
    task = recorded_task(run, data)
    check_fit(model.config, task, name)
    found = {}
    for level in run["accuracy"]:
        if level == TRAINED_ON or level not in task.levels:
            continue
        loops = chosen_loops(run, level), run["loops"][-1]
        batch = recorded_samples(run, task, level).of(slice(samples))
        right = verdicts(model, task, batch, sorted(set(loops))).numpy()
        found[level] = Answers(loops, right[[0, -1]])
    return found


class AnswersFile:
    """Answers of checkpoints in a JSON file, so that an interrupted comparison goes on.

    Args:
        path: the file; it is created by the first answers. None keeps nothing.
        settings: what the answers depend on; those of other settings are measured again.

    Raises:
        LoopstabError: the file cannot be read, or is not one of answers.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, Any]):
        self._path, self._settings = path, jsonable(dict(settings))
        self._known: dict[str, dict[str, Answers]] = {}
        if path is not None and path.exists():
            entry = read_answers(path)
            self._known = entry[1] if entry[0].get("settings") == self._settings else {}

    def get(self, name: str, measure: Callable[[], dict[str, Answers]]) -> dict[str, Answers]:
        """The answers of that checkpoint from the file, or measured now and added to it."""
        if name not in self._known:
            self._known[name] = measure()
            self.write({})
        return self._known[name]

    def write(self, further: Mapping[str, Any]) -> None:
        """Write settings, these further fields, and all answers."""
        if self._path is not None:
            answers = {
                name: {level: found.to_json() for level, found in levels.items()}
                for name, levels in sorted(self._known.items())
            }
            whole = {"settings": self._settings, **jsonable(dict(further)), "answers": answers}
            write_json(self._path, whole)


def read_answers(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Answers]]]:
    """The fields of a file of answers, and the answers by checkpoint and level.

    Raises:
        LoopstabError: the file cannot be read, or is not one of answers.
    """
    try:
        entry = parse_json(read_regular(path, LONGEST))
        FILE.check(entry, "")
        return entry, {
            name: {level: Answers.of_json(found) for level, found in levels.items()}
            for name, levels in entry["answers"].items()
        }
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoopstabError(
            f"{path} is not a file of answers ({reason}): remove it, or choose another --out"
        ) from None


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
        with the same seeds, one for the difference of their differences: what the outer norm does
        for internal recall beyond what it does for external recall.
    """
    groups: dict[tuple[str, bool], dict[str, dict[int, Pair]]] = {}
    for pair in pairs:
        run = records[pair.internal]["run"]
        norm = str(Architecture.parse(run["architecture"]).norm)
        norms = groups.setdefault((task_of(run), "choice" in run), {})
        norms.setdefault(norm, {})[run["config"]["seed"]] = pair
    rows = []
    for (task, recipe), norms in sorted(groups.items()):
        both = {"post", "peri"} <= set(norms) and set(norms["post"]) == set(norms["peri"])
        if any(_few(pair, answers, records) for own in norms.values() for pair in own.values()):
            both = False  # differences of differences need the answers
        for norm in [*sorted(norms, reverse=True), *(["post - peri"] if both else [])]:
            for at, moment in enumerate(MOMENTS):
                own = norms.get(norm, {})
                if any(_few(pair, answers, records) for pair in own.values()):
                    counts = _recorded_counts(own, records, at)
                    difference = independent_difference(list(counts.values()))
                    rows.append(
                        TaskRow(task, recipe, norm, moment, tuple(counts), "counts", difference)
                    )
                    continue
                if own:
                    found = _differences(own, answers, at)
                else:
                    post, peri = (_differences(norms[n], answers, at) for n in ("post", "peri"))
                    found = {level: post[level] - peri[level] for level in post}
                difference = clustered_difference(list(found.values()), seed=seed)
                rows.append(TaskRow(task, recipe, norm, moment, tuple(found), "paired", difference))
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
                "verdict": row.difference.verdict() if row.norm in ("post", "peri") else None,
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
    return own is None or any(
        2 * found.right.shape[1] < samples_of(run, level) for level, found in own.items()
    )


def _recorded_counts(
    pairs: Mapping[int, Pair], records: Mapping[str, Mapping[str, Any]], at: int
) -> dict[str, tuple[list[int], list[int], int]]:
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

    return {
        level: (hits(0, level), hits(1, level), samples_of(runs[0][0], level))
        for level in runs[0][0]["accuracy"]
        if level != TRAINED_ON
    }


def _differences(
    pairs: Mapping[int, Pair], answers: Mapping[str, Mapping[str, Answers]], at: int
) -> dict[str, Array]:
    """For each level the differences (seeds, samples) in -1, 0, 1."""
    found: dict[str, list[Array]] = {}
    for _, pair in sorted(pairs.items()):
        for level, first, second in _levels(pair, answers):
            row = first.right[at].astype(int) - second.right[at].astype(int)
            found.setdefault(level, []).append(row)
    return {level: np.stack(rows) for level, rows in found.items()}
