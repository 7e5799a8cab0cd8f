"""Prediction against measurement for trained checkpoints."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.option_bounds import COUNT, INPUTS, check_options
from ...support.schema import Maybe
from .data_files import DataFiles
from .untrained_stage import has_untrained_stage

if TYPE_CHECKING:
    from ...models.forecast.measured_file import StagedLoop

TABLES = {
    "what the orbits do": ("level", "expected", "measured", "decided at loop", "mismatches"),
    "convergence and accuracy": ("rho(W_x)", "rho", "loops", "predicted", "acc 30", "acc 500"),
}
"""Columns of `main_table` that fit a terminal side by side, by the titles of the tables."""


def crossvalidate(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    zoo: bool = False,
    inputs: int = 256,
    loops: int = 500,
    limit: int | None = None,
    data: DataFiles = (),
    seed: int = 0,
    forecasts: Path | None = None,
    out: Path | None = None,
    only: str = "*",
    middle: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare predictions with what trained checkpoints do.

    Without names the four checkpoints of the report are measured. Every orbit is classified after
    the number of iterations --loops. Orbits that are then undecided are followed for 2, 4, ...
    times as many iterations, up to --limit; with --limit equal to --loops they are classified only
    once. Accuracies are those after 30 and 500 iterations, whatever --loops and --limit are.
    Mismatches are listed below the tables.

    With --zoo all shipped checkpoints are measured along the three axes, and those of the plan cpu
    with seed 0 also before their training; the numbers of inputs and iterations then follow from
    the sizes of each network. Finished lines are written to --out at once, so that the same command
    continues after an interruption, and --forecasts are scored against all lines.

    Example: loopstab crossvalidate internal-post runs/mine/model.safetensors --inputs 256

    Exit status: 0 if the checkpoints were measured, with or without mismatches; 1 for a damaged
    file, such as forecasts that do not agree with their checksum; 2 for a wrong request.

    Args:
        checkpoint: Names (see loopstab zoo list) or paths of checkpoints; default: four names.
        zoo: Measure all shipped checkpoints whose data file is not needed or given.
        inputs: Random inputs for each checkpoint; not with --zoo.
        loops: Iterations before an orbit is classified for the first time; not with --zoo.
        limit: The most iterations of an undecided orbit; default: 4 times --loops.
        data: Prepared data file, for a task that needs one. With --zoo as TASK=FILE, repeated for
            each task.
        seed: Seed of the inputs.
        forecasts: With --zoo: file of loopstab predict whose predictions are scored.
        out: With --zoo: file of the measurements, ending in .jsonl; default none.
        only: With --zoo: pattern of names to measure, such as 'sudoku-*'.
        middle: With --zoo: folder of checkpoints half-way through their training, NAME.safetensors
            or NAME/model.safetensors (loopstab zoo repeat makes them), to be measured too.
        json_: Print JSON instead of tables.
    """
    check_seed_and_jobs(seed)
    check_options(inputs=(inputs, INPUTS), loops=(loops, COUNT), limit=(limit, Maybe(COUNT)))
    if zoo:
        if checkpoint:
            raise UsageError("name checkpoints, or give --zoo for all that are shipped, not both")
        if out is not None and out.suffix != ".jsonl":
            raise UsageError(f"the measurements are lines of JSON: name --out {out.stem}.jsonl")
        return _zoo(data, seed, forecasts, out, only, middle, json_)
    if forecasts is not None or out is not None or middle is not None or only != "*":
        raise UsageError("--forecasts, --out, --only and --middle belong to --zoo: add it")
    if len(data) > 1:
        raise UsageError("several data files belong to --zoo: give one --data FILE, or --zoo")
    from ...models.measure.comparison import main_table
    from ...models.measure.crossvalidate import crossvalidate as measure
    from ...models.zoo import zoo as shelf
    from ..text.tables import print_rows

    given = checkpoint or shelf.SHOWN
    results = [
        measure(
            shelf.load(name),
            name=name,
            inputs=inputs,
            loops=loops,
            limit=limit,
            data=data[0] if data else None,
            seed=seed,
            progress=not json_,
        )
        for name in given
    ]
    if json_:
        print(json_text([r.to_json() for r in results]))
        return 0
    rows = main_table(results)
    for title, columns in TABLES.items():
        print_rows(
            [{column: row[column] for column in ("checkpoint", *columns)} for row in rows], title
        )
    for r in results:
        for line in r.mismatches:
            print(f"mismatch {r.name}: {line}")
    return 0


def _zoo(
    data: Sequence[str],
    seed: int,
    forecasts: Path | None,
    out: Path | None,
    only: str,
    middle: Path | None,
    as_json: bool,
) -> int:
    """Measure the zoo and score the forecasts."""
    import torch

    from ...models.forecast.forecast import STAGES
    from ...models.forecast.forecast_file import read_forecasts
    from ...models.forecast.measured_file import measure_all
    from ...models.forecast.measured_line import read_measured
    from ...models.forecast.measured_scores import score
    from ...models.grid.plan import data_files
    from ..text.score_tables import score_tables
    from ..text.tables import print_rows

    made = [] if forecasts is None else read_forecasts(forecasts)
    staged, left_out = _staged(data_files(data), only, middle)
    words = ["loopstab", "crossvalidate", "--zoo"]
    words += [word for item in data for word in ("--data", item)]
    torch.set_num_threads(1)  # the products are too small for more
    found = measure_all(
        staged,
        out,
        seed=seed,
        command=shlex.join([*words, "--seed", str(seed)]),
        progress=not as_json,
    )
    every = found if out is None else read_measured(out)
    stages = [stage for stage in STAGES if made and any(line.stage == stage for line in every)]
    scores = {stage: score(made, every, stage) for stage in stages}
    if as_json:
        lines = [line.to_json() for line in found]
        texts = {stage: one.to_json() for stage, one in scores.items()}
        print(json_text({"measured": lines, "scores": texts}))
        return 0
    print_rows([_row(line) for line in found], "what the orbits do")
    for stage, one in scores.items():
        for title, rows in score_tables(one).items():
            print_rows(rows, f"{title}; stage {stage}")
    if left_out:
        print(f"not measured, because --data TASK=FILE is missing: {', '.join(left_out)}")
    return 0


def _staged(
    files: dict[str, str | Path], only: str, middle: Path | None
) -> tuple[list[StagedLoop], list[str]]:
    """What is to be measured, the narrow networks first, and which names lack a data file."""
    from ...models.forecast.measured_file import StagedLoop
    from ...models.network.checkpoint import Checkpoint
    from ...models.tasks.registry import task_class
    from ...models.zoo import zoo as shelf

    if middle is not None and not middle.is_dir():
        raise UsageError(
            f"there is no folder {middle}: loopstab zoo repeat makes what --middle needs"
        )
    runs = {name: shelf.describe(name)["run"] for name in shelf.names() if fnmatchcase(name, only)}
    if not runs:
        raise UsageError(f"no shipped checkpoint is called {only!r}: loopstab zoo list names them")
    left_out = [
        name
        for name, run in runs.items()
        if task_class(run["task"]).needs_file and run["task"] not in files
    ]
    staged = []
    for name in sorted(runs, key=lambda name: runs[name]["config"]["model"]["width"]):
        if name in left_out:
            continue
        run, load = runs[name], partial(shelf.load, name)
        data = files.get(run["task"])
        if has_untrained_stage(name, run):
            staged.append(StagedLoop(name, "initial", load, data))
        half = None if middle is None else _half(middle, name)
        if half is not None:
            staged.append(StagedLoop(name, "middle", partial(Checkpoint.load, half), data))
        staged.append(StagedLoop(name, "end", load, data))
    return staged, left_out


def _half(folder: Path, name: str) -> Path | None:
    """The checkpoint of that name half-way through its training, if there is one."""
    places = (folder / f"{name}.safetensors", folder / name / "model.safetensors")
    return next((path for path in places if path.is_file()), None)


def _row(line: Any) -> dict[str, Any]:
    found, points = line.reachability, line.reachability["points"]
    rho = sorted(point["rho"] for point in points)
    return {
        "checkpoint": line.checkpoint,
        "stage": line.stage,
        "level": line.level,
        "outcomes": ", ".join(f"{name}: {n}" for name, n in line.outcomes.items()),
        "rho": rho[len(rho) // 2] if rho else None,
        "right 30": found["right_30"],
        "right 500": found["right_500"],
        "limits": line.input_dependence["distinct"],
    }
