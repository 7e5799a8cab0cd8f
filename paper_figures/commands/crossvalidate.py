"""Prediction against measurement for trained checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...support.jsonable import json_text

TABLES = {
    "what the orbits do": ("level", "expected", "measured", "decided at loop", "mismatches"),
    "convergence and accuracy": ("rho(W_x)", "rho", "loops", "predicted", "acc 30", "acc 500"),
}
"""columns of `main_table` that fit a terminal side by side"""


def crossvalidate(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    inputs: int = 256,
    loops: int = 500,
    limit: int | None = None,
    data: Path | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare what the theory predicts for trained checkpoints with what they do; mismatches are
    listed.

    Orbits are classified after --loops loops; those that are undecided are followed to 2, 4, ...
    times as many, up to --limit. The accuracy is told after 30 and 500 loops whatever these are.

    Example: loopstab crossvalidate internal-post runs/mine/model.safetensors --inputs 256

    Args:
        checkpoint: Shipped names or paths to model.safetensors; the four of the report when none is
            given (loopstab zoo list names all).
        inputs: Random inputs per checkpoint.
        loops: Loops before the first look at an orbit.
        limit: Loops up to which an undecided orbit is followed; 4 times --loops by default, as many
            as --loops for one look.
        data: Prepared data file of the task, where it needs one.
        seed: Seed of the inputs.
        json_: Print a list of objects.
    """
    from ...models.measure.crossvalidate import crossvalidate as measure
    from ...models.measure.crossvalidate import main_table
    from ...models.zoo import zoo
    from ..text.tables import print_rows

    given = checkpoint or zoo.SHOWN
    results = [
        measure(
            zoo.load(name),
            name=name,
            inputs=inputs,
            loops=loops,
            limit=limit,
            data=data,
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
