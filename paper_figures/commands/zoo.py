"""The shipped trained loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import tyro

from theory.plain import json_text


def list_(json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """Name every shipped checkpoint with its accuracies. Example: loopstab zoo list --json

    Args:
        json_: Print a list of objects.
    """
    from models import zoo
    from paper_figures.tables import print_rows

    rows = [_row(name, zoo.describe(name)["run"]) for name in zoo.names()]
    if json_:
        print(json_text(rows))
    else:
        for task in dict.fromkeys(row["task"] for row in rows):
            print_rows([_short(row) for row in rows if row["task"] == task], f"{task}: % of whole samples right, at 30 loops/at the last")
    return 0


def show(name: Annotated[str, tyro.conf.Positional], json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """Everything recorded of one shipped checkpoint: settings, command, curves. Example: loopstab zoo show internal-post

    Args:
        name: A name of loopstab zoo list.
        json_: Print one object, with the training history.
    """
    from models import zoo

    meta = zoo.describe(name)
    if json_:
        print(json_text(meta))
        return 0
    run = meta["run"]
    for key in ("task", "data", "architecture", "command", "steps", "level_reached", "seconds", "device", "threads", "torch", "parameters"):
        print(f"{key}: {run.get(key)}")
    print(f"config: {json.dumps(run['config'])}")
    for level, curve in run["accuracy"].items():
        points = ", ".join(f"{t}: {a:.3f}" for t, a in zip(run["loops"], curve, strict=True) if t in (1, 5, 10, 20, 30, 100, 200, 500))
        print(f"accuracy, {level}: {points}")
    return 0


def verify(
    name: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    data: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Evaluate shipped checkpoints again on the samples of their record. Exit status 1 when one does not agree.

    Example: loopstab zoo verify external-post internal-post

    Args:
        name: Names of loopstab zoo list, or paths of .safetensors files of your own; all shipped ones when none is given.
        data: Prepared data file of the task, where it needs one.
        json_: Print a list of objects.
    """
    from dataclasses import asdict

    from tqdm import tqdm

    from models import zoo

    for one in name:
        zoo.load(one)  # a wrong name is told before the work
    found = []
    for one in tqdm(name or zoo.names(), unit="checkpoint", disable=json_):
        v = zoo.verify(one, data)
        found.append(v)
        if not json_:
            tqdm.write(f"{v.name}: {'agrees' if v.agrees else f'differs: recorded {v.recorded}, repeated {v.repeated}'}")
    if json_:
        print(json_text([asdict(v) for v in found]))
    return 0 if all(v.agrees for v in found) else 1


def _row(name: str, run: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint in plain values; accuracy is [at 30 loops or the last before, at the last] per level."""
    loops, bits = run["loops"], run["config"]["schedule"].get("bits")
    early = max((t for t in loops if t <= 30), default=loops[0])
    accuracy = {level: [curve[loops.index(early)], curve[-1]] for level, curve in run["accuracy"].items()}
    return {
        "checkpoint": name, "task": run["task"] + (f", {bits} {run['difficulty']}" if bits else ""), "architecture": run["architecture"],
        "seed": run["config"]["seed"], "seconds": run["seconds"], "accuracy": accuracy,
    }  # fmt: skip


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Columns of the table of one task, which is why the name may leave it out: they fit 80 columns for three levels."""
    levels = {level: "/".join(f"{100 * share:.3g}" for share in pair) for level, pair in row["accuracy"].items()}
    return {"checkpoint": row["checkpoint"], "s": f"{row['seconds']:.0f}", **levels}


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
def zoo(
    status: Annotated[int, tyro.conf.subcommand(name="list", constructor=list_)]
    | Annotated[int, tyro.conf.subcommand(name="show", constructor=show)]
    | Annotated[int, tyro.conf.subcommand(name="verify", constructor=verify)],
) -> int:
    """The trained loops that are shipped. Example: loopstab zoo list"""
    return status
