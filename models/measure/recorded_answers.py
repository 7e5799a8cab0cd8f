"""Which recorded samples a trained loop solves, and a file that holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from ..network.checkpoint import Checkpoint, load_model
from ..network.metadata import finished_run
from ..network.run_record import chosen_loops, samples_of
from ..tasks.registry import recorded_task
from .evaluate import recorded_samples, verdicts
from .recall_comparison import LONGEST
from .trained import check_fit

TRAINED_ON = "train"
"""The level of older records whose samples were trained on; it is left out."""
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


def enough_samples(run: Mapping[str, Any], samples: int) -> bool:
    """Whether that many samples of each level are at least half of the recorded ones."""
    levels = (level for level in run["accuracy"] if level != TRAINED_ON)
    return all(samples_of(run, level) <= 2 * samples for level in levels)


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
        >>> from loopstab.models.measure.recorded_answers import recorded_answers
        >>> from loopstab.models.zoo import zoo
        >>> name = "sudoku-4x4-internal-post-s0"
        >>> found = recorded_answers(zoo.load(name), name, samples=8)["easy"]
        >>> found.loops, found.right.shape
        ((75, 500), (2, 8))
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
