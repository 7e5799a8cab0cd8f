"""What trained loops will do, written before it is measured."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.locks import exclusive_file
from .data_files import DataFiles
from .untrained_stage import has_untrained_stage

if TYPE_CHECKING:
    from ...models.forecast.forecast import Forecast

LOOPS = 64
"""Iterations before the search for a fixed point begins."""


class Work(NamedTuple):
    """A checkpoint at a stage of its training."""

    name: str
    stage: str


class Effort(NamedTuple):
    """From what predictions are made: seed of the other inputs, iterations, and their number."""

    seed: int
    loops: int
    inputs: int | None

    def words(self) -> list[str]:
        """The options that ask for it."""
        asked = ["--seed", str(self.seed)]
        asked += ["--loops", str(self.loops)] if self.loops != LOOPS else []
        return asked + (["--inputs", str(self.inputs)] if self.inputs is not None else [])


def predict(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    zoo: bool = False,
    data: DataFiles = (),
    seed: int = 0,
    loops: int = LOOPS,
    inputs: int | None = None,
    jobs: int = 1,
    out: Path | None = None,
    only: str = "*",
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Predict what trained checkpoints will do, before it is measured.

    From the weights, and from fixed points near the states that a few other inputs reach, the
    outcomes of new inputs get probabilities, and rate, iterations, sensitivity and the iteration
    from which the answer is constant get 90 % intervals (claims A3, A4, L1, L4, N4 and X5). With
    --out the predictions are written, a line of JSON for each checkpoint, stage and level, and
    their SHA-256 beside them. Lines that are there are kept, so that the same command continues
    after an interruption.

    Loops that settle slowly need more --loops than the default before Newton's method finds their
    fixed point, and mixed outcomes need more --inputs.

    Example: loopstab predict prefix-sums-16-internal-post-s1

    Exit status: 0 if everything was predicted; 1 for a damaged file; 2 for a wrong request, such as
    an --out whose lines were made from other weights or with other options.

    Args:
        checkpoint: Names (see loopstab zoo list) or paths of checkpoints.
        zoo: Predict all shipped checkpoints whose data file is not needed or given, and those of
            the plan cpu with seed 0 also before their training.
        data: Prepared data file of a task that needs one, as TASK=FILE. Repeat for each task.
        seed: Seed of the other inputs.
        loops: Iterations before Newton's method looks for the fixed point near an orbit.
        inputs: Inputs of each level for which it does; default 8, and 4 from width 128 on.
        jobs: Processes; -1 for all cores.
        out: File for the predictions, ending in .jsonl; default none.
        only: With --zoo: pattern of names to predict, such as 'kqk-*'.
        json_: Print a JSON list instead of a table.
    """
    check_seed_and_jobs(seed, jobs)
    if zoo == bool(checkpoint):
        raise UsageError("name checkpoints, or give --zoo for all that are shipped")
    if not zoo and only != "*":
        raise UsageError("--only belongs to --zoo: add it")
    if out is not None and out.suffix != ".jsonl":
        raise UsageError(f"the predictions are lines of JSON: name --out {out.stem}.jsonl")
    from ...models.forecast.forecast_file import read_forecasts, write_forecasts
    from ...models.forecast.other_inputs import check_effort
    from ...models.grid.plan import data_files
    from ...models.zoo import zoo as shelf
    from ...support.progress_bar import progress_bar
    from ..text.tables import print_rows

    check_effort(loops, inputs)
    effort, files = Effort(seed, loops, inputs), data_files(data)
    names = fnmatch.filter(shelf.names(), only) if zoo else checkpoint
    if not names:
        raise UsageError(f"no shipped checkpoint is called {only!r}: loopstab zoo list names them")
    records = {name: _run(name) for name in names}
    work, left_out = _work(records, files, zoo)
    if checkpoint and left_out:
        task = records[left_out[0]]["task"]
        raise UsageError(
            f"{left_out[0]} needs a data file: give --data {task}=FILE (loopstab data prepare makes"
            " it)"
        )
    command = _command(checkpoint, zoo, data, only, effort)
    with exclusive_file(out) if out is not None else nullcontext():
        found = read_forecasts(out) if out is not None and out.exists() else []
        _check_effort_of(found, effort)
        _check_weights(found)
        done = {(one.checkpoint, one.stage) for one in found}
        rest = [one for one in work if one not in done]
        bar = progress_bar(total=len(rest), unit="checkpoint", desc="predict", shown=not json_)
        with bar:
            for made in _made(rest, files, records, effort, jobs, command):
                found += made
                if out is not None:
                    write_forecasts(out, found)
                bar.update(1)
    asked = [one for one in found if (one.checkpoint, one.stage) in work]
    if json_:
        print(json_text([one.to_json() for one in asked]))
        return 0
    print_rows([_row(one) for one in asked], "predictions for a new input")
    if left_out:
        print(f"not predicted, because --data TASK=FILE is missing: {', '.join(left_out)}")
    return 0


def _run(name: str) -> dict[str, Any]:
    """The record of a checkpoint, shipped or in a file."""
    from ...models.zoo import zoo as shelf

    if name.endswith(".safetensors"):
        return shelf.load(name).meta["run"]
    return shelf.describe(name)["run"]


def _work(
    records: dict[str, dict[str, Any]], files: dict[str, str | Path], zoo: bool
) -> tuple[list[Work], list[str]]:
    """What is to be predicted, the narrow networks first, and which names lack a data file."""
    from ...models.tasks.registry import task_class

    lacking = [
        name
        for name, run in records.items()
        if task_class(run["task"]).needs_file and run["task"] not in files
    ]
    names = [name for name in records if name not in lacking]
    names.sort(key=lambda name: records[name]["config"]["model"]["width"])
    work = [
        Work(name, stage)
        for name in names
        for stage in ("initial", "end")
        if stage == "end" or (zoo and has_untrained_stage(name, records[name]))
    ]
    return work, lacking


def _made(
    work: Sequence[Work],
    files: dict[str, str | Path],
    records: dict[str, dict[str, Any]],
    effort: Effort,
    jobs: int,
    command: str,
) -> Iterator[list[Forecast]]:
    """The predictions of each checkpoint and stage, in the order of `work`."""
    from joblib import Parallel, delayed

    calls = (
        delayed(_predicted)(one, files.get(records[one.name]["task"]), effort, command)
        for one in work
    )
    yield from Parallel(n_jobs=jobs, return_as="generator")(calls)  # type: ignore[misc]


def _predicted(one: Work, data: str | Path | None, effort: Effort, command: str) -> list[Forecast]:
    import torch

    from ...models.forecast.forecaster import forecasts
    from ...models.zoo import zoo as shelf

    torch.set_num_threads(1)  # the products are too small for more
    return forecasts(
        shelf.load(one.name),
        one.name,
        stage=one.stage,
        data=data,
        command=command,
        **effort._asdict(),
    )


def _check_effort_of(found: Sequence[Forecast], effort: Effort) -> None:
    """Raise `UsageError` unless the lines were made from as much."""
    from ...models.forecast.other_inputs import POINTS, POINTS_WIDE

    inputs = (POINTS, POINTS_WIDE) if effort.inputs is None else (effort.inputs,)
    for one in found:
        made = Effort(*(one.sources[name] for name in ("seed", "loops", "inputs")))
        if (made.seed, made.loops) != (effort.seed, effort.loops) or made.inputs not in inputs:
            raise UsageError(
                f"the line of {one.checkpoint} ({one.stage}) was made with --seed {made.seed}"
                f" --loops {made.loops} --inputs {made.inputs}: choose another --out"
            )


def _check_weights(found: Sequence[Forecast]) -> None:
    """Raise `UsageError` unless the lines were made from the weights that the names have now."""
    from ...models.network.checkpoint import Checkpoint
    from ...models.network.initial_model import initial_model
    from ...models.zoo import zoo as shelf

    for one in found:
        checkpoint = shelf.load(one.checkpoint)
        if one.stage == "initial":
            start = initial_model(checkpoint.meta["run"])
            checkpoint = Checkpoint(start.state_dict(), checkpoint.meta)
        if checkpoint.checksum() != one.weights:
            raise UsageError(
                f"the line of {one.checkpoint} ({one.stage}) was made from other weights: choose"
                " another --out"
            )


def _command(
    names: Sequence[str], zoo: bool, data: Sequence[str], only: str, effort: Effort
) -> str:
    """The command that makes the predictions again."""
    import shlex

    words = ["loopstab", "predict", *names, *(["--zoo"] if zoo else [])]
    words += [word for item in data for word in ("--data", item)]
    words += ["--only", only] if only != "*" else []
    return shlex.join([*words, *effort.words()])


def _row(one: Forecast) -> dict[str, Any]:
    outcome, share = next(iter(one.outcomes.items()))
    return {
        "checkpoint": one.checkpoint,
        "stage": one.stage,
        "level": one.level,
        "outcome": outcome,
        "p": share,
        "rate": one.rate and one.rate.median,
        "loops": one.loops and one.loops.median,
        "kept": one.kept,
        "longer": one.longer,
    }
