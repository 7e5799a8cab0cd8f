"""The shipped trained loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import tyro

from ...models.grid.plan import data_files
from ...support.errors import UsageError
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder
from .data_files import DataFiles


def list_(json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """List the shipped checkpoints with their accuracies.

    Example: loopstab zoo list --json

    Exit status: 0.

    Args:
        json_: Print a JSON list instead of tables.
    """
    from ...models.zoo import zoo
    from ..text.tables import print_rows

    rows = [_row(name, zoo.describe(name)["run"]) for name in zoo.names()]
    if json_:
        print(json_text(rows))
    else:
        groups = dict.fromkeys((row["task"], tuple(row["accuracy"])) for row in rows)
        for task, levels in groups:
            own = [row for row in rows if (row["task"], tuple(row["accuracy"])) == (task, levels)]
            print_rows(
                [_short(row) for row in own],
                f"{task}: exact-match accuracy in %, at the chosen/last iterations",
            )
    return 0


def show(
    name: Annotated[str, tyro.conf.Positional],
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Show the record of one checkpoint.

    The record holds the settings of the run, the command that trained it, and its accuracies.

    Example: loopstab zoo show internal-post

    Exit status: 0 if there is such a checkpoint, 2 if not.

    Args:
        name: Name of a shipped checkpoint (see loopstab zoo list).
        json_: Print one JSON object, with the history of the training.
    """
    from ...models.network.run_record import chosen_loops, interval, shares
    from ...models.zoo import zoo

    meta = zoo.describe(name)
    if json_:
        print(json_text(meta))
        return 0
    run = meta["run"]
    for key in (
        "task",
        "data",
        "architecture",
        "command",
        "steps",
        "level_reached",
        "seconds",
        "device",
        "threads",
        "torch",
        "parameters",
    ):
        print(f"{key}: {run.get(key)}")
    print(f"config: {json.dumps(run['config'])}")
    for level, curve in run["accuracy"].items():
        points = ", ".join(
            f"{t}: {a:.3f}"
            for t, a in zip(run["loops"], curve, strict=True)
            if t in (1, 5, 10, 20, 30, 100, 200, 500)
        )
        at, share = chosen_loops(run, level), shares(run, level).chosen
        low, high = interval(run, level)
        how = "chosen on other samples" if "choice" in run else "the best on these samples"
        range_ = f"95 %: {low:.3f} to {high:.3f}"
        print(f"accuracy, {level}: {share:.3f} at {at} iterations, {how} ({range_}); {points}")
    return 0


def verify(
    name: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    data: DataFiles = (),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Evaluate checkpoints again, and compare with their records.

    The samples are those of the record. Without names all shipped checkpoints are evaluated, except
    those whose task needs a data file that was not given; they are named at the end.

    Example: loopstab zoo verify external-post internal-post

    Exit status: 0 if every checkpoint agrees with its record, 1 if one does not, 2 for a wrong
    request.

    Args:
        name: Names of shipped checkpoints, or paths of .safetensors files; default: all shipped.
        data: Prepared data file of a task that needs one, as TASK=FILE. Repeat for each task.
        json_: Print a JSON list.
    """
    from dataclasses import asdict

    from ...models.tasks.registry import task_class
    from ...models.zoo import zoo
    from ...support.progress_bar import progress_bar

    files = data_files(data)
    for one in name:
        zoo.load(one)  # a wrong name is an error before any evaluation
    every = (
        {one: zoo.load(one).meta["run"]["task"] for one in name}
        if name
        else {n: zoo.describe(n)["run"]["task"] for n in zoo.names()}
    )
    left_out = [
        one for one, task in every.items() if task_class(task).needs_file and task not in files
    ]
    if name and left_out:
        raise UsageError(
            f"{left_out[0]} needs a data file: give --data {every[left_out[0]]}=FILE (loopstab data"
            " prepare makes it)"
        )
    found = []
    bar = progress_bar(
        [one for one in every if one not in left_out], unit="checkpoint", shown=not json_
    )
    for one in bar:
        v = zoo.verify(one, files.get(every[one]))
        found.append(v)
        if not json_:
            difference = f"differs: recorded {v.recorded}, repeated {v.repeated}"
            bar.write(f"{v.name}: {'agrees' if v.agrees else difference}")
    if json_:
        print(json_text([asdict(v) for v in found]))
    elif left_out:
        print(f"not evaluated, because --data TASK=FILE is missing: {', '.join(left_out)}")
    return 0 if all(v.agrees for v in found) else 1


def repeat(
    name: Annotated[str, tyro.conf.Positional],
    out: Path,
    share: float = 1.0,
    data: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Train a shipped checkpoint again by the settings of its record.

    With --share 0.5 the training stops after half of the recorded steps, and the network is saved
    as it is then. The same command goes on where it was interrupted. The older runs of the zoo are
    repeated up to rounding, from which training may depart in time.

    Example: loopstab zoo repeat sudoku-4x4-internal-post-s0 --share 0.5 --out runs/half

    Exit status: 0 if the checkpoint is written, 1 for a damaged file, 2 for a wrong request.

    Args:
        name: Name of a shipped checkpoint (see loopstab zoo list).
        out: Folder of the run. It is created.
        share: Share of the recorded steps after which the training stops; 1 for all.
        data: Prepared data file, for a task that needs one.
        json_: Print a JSON object.
    """
    from ...models.zoo.repetition import repeat as train_again

    with exclusive_folder(out) as folder:
        path = train_again(name, folder, share, data, progress=not json_)
    print(json_text({"checkpoint": str(path)}) if json_ else f"checkpoint: {path}")
    return 0


def _row(name: str, run: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint as plain values.

    For each level `accuracy` holds two: at the chosen number of iterations, and after the last.
    """
    from ...models.network.run_record import shares, task_of

    accuracy = {level: list(shares(run, level)[::2]) for level in run["accuracy"]}
    return {
        "checkpoint": name,
        "task": task_of(run),
        "architecture": run["architecture"],
        "seed": run["config"]["seed"],
        "seconds": run["seconds"],
        "accuracy": accuracy,
    }


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """The row of a table of one task, whose levels are its columns; it fits 80 characters."""
    levels = {
        level: "/".join(f"{100 * share:.3g}" for share in pair)
        for level, pair in row["accuracy"].items()
    }
    return {"checkpoint": row["checkpoint"], "s": f"{row['seconds']:.0f}", **levels}


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
def zoo(
    status: (
        Annotated[int, tyro.conf.subcommand(name="list", constructor=list_)]
        | Annotated[int, tyro.conf.subcommand(name="show", constructor=show)]
        | Annotated[int, tyro.conf.subcommand(name="verify", constructor=verify)]
        | Annotated[int, tyro.conf.subcommand(name="repeat", constructor=repeat)]
    ),
) -> int:
    """List, show, verify and repeat the trained loops that are shipped.

    Example: loopstab zoo list

    Exit status: that of the subcommand.
    """
    return status
