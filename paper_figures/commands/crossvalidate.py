"""Prediction against measurement for trained checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.option_bounds import COUNT, INPUTS, check_options
from ...support.schema import Maybe

TABLES = {
    "what the orbits do": ("level", "expected", "measured", "decided at loop", "mismatches"),
    "convergence and accuracy": ("rho(W_x)", "rho", "loops", "predicted", "acc 30", "acc 500"),
}
"""Columns of `main_table` that fit a terminal side by side, by the titles of the tables."""


def crossvalidate(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    inputs: int = 256,
    loops: int = 500,
    limit: int | None = None,
    data: Path | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare predictions with what trained checkpoints do.

    Without names the four checkpoints of the report are measured. Every orbit is classified after
    the number of iterations --loops. Orbits that are then undecided are followed for 2, 4, ...
    times as many iterations, up to --limit; with --limit equal to --loops they are classified only
    once. Accuracies are those after 30 and 500 iterations, whatever --loops and --limit are.
    Mismatches are listed below the tables.

    Example: loopstab crossvalidate internal-post runs/mine/model.safetensors --inputs 256

    Exit status: 0 if the checkpoints were measured, with or without mismatches; 1 for a damaged
    file; 2 for a wrong request.

    Args:
        checkpoint: Names (see loopstab zoo list) or paths of checkpoints; default: four names.
        inputs: Random inputs for each checkpoint.
        loops: Iterations before an orbit is classified for the first time.
        limit: The most iterations of an undecided orbit; default: 4 times --loops.
        data: Prepared data file, for a task that needs one.
        seed: Seed of the inputs.
        json_: Print a JSON list instead of tables.
    """
    check_seed_and_jobs(seed)
    check_options(inputs=(inputs, INPUTS), loops=(loops, COUNT), limit=(limit, Maybe(COUNT)))
    from ...models.measure.comparison import main_table
    from ...models.measure.crossvalidate import crossvalidate as measure
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
