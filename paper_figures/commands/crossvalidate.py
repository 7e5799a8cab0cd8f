"""Prediction against measurement for trained checkpoints."""

from __future__ import annotations

import json
from typing import Annotated

import tyro


def crossvalidate(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    inputs: int = 256,
    loops: int = 500,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare what the theory predicts for trained checkpoints with what they do; mismatches are listed.

    Example: loopstab crossvalidate internal-post runs/mine/model.safetensors --inputs 256

    Args:
        checkpoint: Shipped names or paths to model.safetensors; all shipped ones when none is given.
        inputs: Random inputs per checkpoint.
        loops: Loops per input.
        seed: Seed of the inputs.
        json_: Print a list of objects.
    """
    from models import zoo
    from models.crossvalidate import crossvalidate as measure
    from models.crossvalidate import main_table
    from paper_figures.tables import print_rows

    paths = [zoo.resolve(name) for name in (checkpoint or zoo.names())]
    results = [measure(p, inputs=inputs, loops=loops, seed=seed, progress=not json_) for p in paths]
    if json_:
        print(json.dumps([r.to_json() for r in results], indent=1))
        return 0
    print_rows(main_table(results), "prediction and measurement")
    for r in results:
        for line in r.mismatches:
            print(f"mismatch {r.architecture}: {line}")
    return 0
