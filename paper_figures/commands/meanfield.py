"""Trained blocks on the map of the mean-field laws."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.locks import exclusive_file
from ...support.option_bounds import COUNT, check_options

if TYPE_CHECKING:
    from ...models.measure.mean_field_record import MeanFieldRecord

SMALL = ("prefix-sums-16-", "sudoku-4x4-")
"""Beginnings of the names of checkpoints whose Jacobians LAPACK takes in seconds."""


def meanfield(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    inputs: int = 2,
    loops: int = 2000,
    seed: int = 0,
    initial: bool = False,
    out: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare the mean-field laws N6 and N7 with trained blocks.

    At the fixed points of a few inputs the residual strength a, the scale sigma and the recall
    strength beta of the block are measured, and with them the spectral radius of the law. Between
    the measured radius and that of the law stand two others: that of the block with its directions
    rotated at random, and (a + sigma)/s with the measured stretch s of the state before the norm.

    With --out each checkpoint is written as soon as it is measured, and the same command goes on
    where it was interrupted.

    Example: loopstab meanfield prefix-sums-16-internal-post-s1 --inputs 1

    Exit status: 0 if the checkpoints were measured; 1 for a damaged file; 2 for a wrong request.

    Args:
        checkpoint: Names (see loopstab zoo list) of runs whose task needs no data file; default:
            all of 16 cells with an outer norm.
        inputs: Random inputs for each checkpoint.
        loops: Iterations after which an orbit counts as not settled.
        seed: Seed of the inputs and of the random rotations.
        initial: Measure the networks with which the runs of seed 0 began too.
        out: File for the records.
        json_: Print a JSON list instead of a table; it has a, sigma and beta too.
    """
    check_seed_and_jobs(seed)
    check_options(inputs=(inputs, COUNT), loops=(loops, COUNT))
    import torch

    from ...models.measure.mean_field_record import mean_field_record, read_records, write_records
    from ...models.measure.trained import TrainedLoop
    from ...models.network.initial_model import initial_model
    from ...models.tasks.registry import task_class
    from ...models.zoo import zoo
    from ...support.progress_bar import progress_bar
    from ...theory.architecture import Architecture
    from ..text.tables import print_rows

    names = checkpoint or tuple(
        name
        for name in zoo.names()
        if name.startswith(SMALL)
        and Architecture.parse(zoo.describe(name)["run"]["architecture"]).outer_norm
    )
    for name in names:
        if task_class(zoo.describe(name)["run"]["task"]).needs_file:
            raise UsageError(f"{name} needs a data file: choose checkpoints of tasks without one")
    settings = {"inputs": inputs, "loops": loops, "seed": seed}
    wanted = [(name, "end") for name in names]
    if initial:
        begun = (name for name in names if zoo.describe(name)["run"]["config"]["seed"] == 0)
        wanted += [(name, "initial") for name in begun]
    with nullcontext() if out is None else exclusive_file(out):
        records: list[MeanFieldRecord] = []
        if out is not None and out.exists():
            before, records = read_records(out)
            if before != settings:
                raise UsageError(
                    f"{out} holds records of other settings, {before}: choose another file"
                )
        known = {(record.checkpoint, record.stage) for record in records}
        left = [one for one in wanted if one not in known]
        for name, stage in progress_bar(left, shown=not json_, unit="checkpoint"):
            trained = TrainedLoop.open(zoo.load(name))
            model = trained.model
            if stage == "initial":
                model = initial_model(trained.meta["run"], torch.float64)
            records.append(
                mean_field_record(
                    model, trained.task, trained.level, checkpoint=name, stage=stage, **settings
                )
            )
            if out is not None:
                held = dict.fromkeys(record.checkpoint for record in records)
                words = [*(held if checkpoint else ()), f"--inputs {inputs} --loops {loops}"]
                words += [f"--seed {seed}", *["--initial"] * initial]
                command = f"loopstab meanfield {' '.join(words)}"
                write_records(out, command, settings, records)
    shown = [record for record in records if (record.checkpoint, record.stage) in wanted]
    if json_:
        print(json_text([asdict(record) for record in shown]))
    else:
        print_rows(_rows(shown), "The mean-field law at fixed points of trained loops (medians)")
    return 0


def _rows(records: list[MeanFieldRecord]) -> list[dict[str, object]]:
    from statistics import median

    columns = ("rho", "rotated", "plain", "law")  # what fits a terminal; --json has the rest
    return [
        {
            "checkpoint": record.checkpoint,
            "stage": record.stage,
            "settled": f"{record.settled}/{record.inputs}",
            **{
                name: median(getattr(p, name) for p in record.points) if record.points else None
                for name in columns
            },
        }
        for record in records
    ]
