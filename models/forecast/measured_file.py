"""Measurements of many checkpoints in one file, line by line, so that a killed run continues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...support.errors import UsageError
from ...support.locks import exclusive_file
from ...support.progress_bar import progress_bar
from ..network.checkpoint import Checkpoint
from ..tasks.registry import recorded_task
from .forecaster import levels_to_predict
from .measured_checkpoint import at_stage, measure
from .measured_inputs import Sizes
from .measured_line import Measured, read_measured, write_measured


@dataclass(frozen=True)
class StagedLoop:
    """A checkpoint at one stage of its training, to be measured on two levels.

    Attributes:
        checkpoint: its name.
        stage: initial, middle or end.
        load: reads the checkpoint; of the stage initial the one at the end of the training.
        data: prepared data file of its task, where it needs one.
    """

    checkpoint: str
    stage: str
    load: Callable[[], Checkpoint]
    data: str | Path | None = None


def measure_all(
    staged: Sequence[StagedLoop],
    out: str | Path | None = None,
    *,
    seed: int = 0,
    command: str = "",
    sizes: Sizes | None = None,
    progress: bool = False,
) -> list[Measured]:
    """Measure checkpoints on the two levels for which forecasts are made.

    Every finished line is written to the file at once. Lines that are there are kept, so that the
    same call continues after an interruption, and so are those of other checkpoints.

    Args:
        staged: what is measured.
        out: the file; default none.
        seed: seed of the measurements; default 0.
        command: the command that is recorded.
        sizes: how much is measured; by default as much as width and cells allow.
        progress: whether to show a progress bar; default no.

    Returns:
        The lines of these loops, in their order.

    Raises:
        UsageError: a finished line was made from other weights or with another seed, or data are
            missing.
        LoopstabError: the file or a checkpoint is damaged, or another process writes the file.
    """
    if out is None:
        return _measured(staged, None, {}, seed, command, sizes, progress)
    with exclusive_file(Path(out)) as path:
        known = {line.key: line for line in read_measured(path)} if path.exists() else {}
        return _measured(staged, path, known, seed, command, sizes, progress)


def _measured(
    staged: Sequence[StagedLoop],
    path: Path | None,
    known: dict[tuple[str, str, str], Measured],
    seed: int,
    command: str,
    sizes: Sizes | None,
    progress: bool,
) -> list[Measured]:
    found = []
    with progress_bar(total=2 * len(staged), unit="line", desc="measure", shown=progress) as bar:
        for one in staged:
            checkpoint = at_stage(one.load(), one.stage)
            weights = checkpoint.checksum()
            task = recorded_task(checkpoint.meta["run"], one.data)
            for level in levels_to_predict(task):
                line = known.get((one.checkpoint, one.stage, level))
                if line is None:
                    line = measure(
                        checkpoint,
                        level,
                        name=one.checkpoint,
                        stage=one.stage,
                        data=one.data,
                        seed=seed,
                        command=command,
                        sizes=sizes,
                    )
                    known[line.key] = line
                    if path is not None:
                        write_measured(path, known.values())
                elif (line.weights, line.input_seed) != (weights, seed):
                    raise UsageError(
                        f"{path} holds a line of {', '.join(line.key)} that was made from other"
                        " weights or with another seed: choose another --out"
                    )
                found.append(line)
                bar.update(1)
    return found
