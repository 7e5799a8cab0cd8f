"""The shipped trained loops."""

from __future__ import annotations

import json
from typing import Annotated, Any

import tyro

from ...models.grid.plan import data_files
from ...support.errors import UsageError
from ...support.jsonable import json_text
from .data_files import DataFiles


def list_(json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """Name every shipped checkpoint with its accuracies. Example: loopstab zoo list --json

    Args:
        json_: Print a list of objects.
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
                f"{task}: % of whole samples right, at the chosen loops/last",
            )
    return 0


def show(
    name: Annotated[str, tyro.conf.Positional],
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Everything recorded of one shipped checkpoint: settings, command, curves. Example: loopstab
    zoo show internal-post

    Args:
        name: A name of loopstab zoo list.
        json_: Print one object, with the training history.
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
        print(
            f"accuracy, {level}: {share:.3f} at {at} loops, {how} (95 %: {low:.3f} to {high:.3f});"
            f" {points}"
        )
    return 0


def verify(
    name: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    data: DataFiles = (),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Evaluate shipped checkpoints again on the samples of their record. Exit status 1 when one
    does not agree.

    Without names those whose task needs a file that was not given are passed over, and said.
    Example: loopstab zoo verify external-post internal-post

    Args:
        name: Names of loopstab zoo list, or paths of .safetensors files of your own; all shipped
            ones when none is given.
        data: Prepared file of a task that needs one, as TASK=FILE; once for each.
        json_: Print a list of objects.
    """
    from dataclasses import asdict

    from tqdm import tqdm

    from ...models.tasks.registry import task_class
    from ...models.zoo import zoo

    files = data_files(data)
    for one in name:
        zoo.load(one)  # a wrong name is told before the work
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
    for one in tqdm(
        [one for one in every if one not in left_out], unit="checkpoint", disable=json_
    ):
        v = zoo.verify(one, files.get(every[one]))
        found.append(v)
        if not json_:
            difference = f"differs: recorded {v.recorded}, repeated {v.repeated}"
            tqdm.write(f"{v.name}: {'agrees' if v.agrees else difference}")
    if json_:
        print(json_text([asdict(v) for v in found]))
    elif left_out:
        print(f"not verified, for want of --data TASK=FILE: {', '.join(left_out)}")
    return 0 if all(v.agrees for v in found) else 1


def _row(name: str, run: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint in plain values; accuracy is [at the chosen number of loops, at the last] per
    level.
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
    """Columns of the table of one task, which is why the name may leave it out: they fit 80 columns
    for three levels.
    """
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
    ),
) -> int:
    """The trained loops that are shipped. Example: loopstab zoo list"""
    return status
