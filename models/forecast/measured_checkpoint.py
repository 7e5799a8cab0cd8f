"""The measurement of one checkpoint at one stage on one level, along the three axes."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict
from pathlib import Path

from ...theory.outcome import Outcome
from ..measure.trained import TrainedLoop
from ..network.checkpoint import Checkpoint
from ..network.initial_model import initial_model
from ..network.run_record import run_name
from .measured_basins import basins
from .measured_gradients import kreiss_at, truncation_errors
from .measured_inputs import Sizes, different_inputs
from .measured_limits import count_limits
from .measured_line import Measured
from .measured_noise import disturbed
from .measured_orbits import follow_inputs
from .measured_points import rate_at, sensitivity_at, settled_limits


def at_stage(checkpoint: Checkpoint, stage: str) -> Checkpoint:
    """The checkpoint, or for the stage `initial` the same run before its first training step."""
    if stage != "initial":
        return checkpoint
    return Checkpoint(initial_model(checkpoint.meta["run"]).state_dict(), checkpoint.meta)


def measure(
    checkpoint: Checkpoint,
    level: str,
    *,
    name: str = "",
    stage: str = "end",
    data: str | Path | None = None,
    seed: int = 0,
    command: str = "",
    sizes: Sizes | None = None,
) -> Measured:
    """Measure a loop on one level of its task.

    Orbits, answers, basins and disturbed weights are computed in float32, limits and their
    derivatives in float64.

    Args:
        checkpoint: the network as it is at that stage of its training.
        level: the level of the inputs.
        name: name of the checkpoint; default: one that is made of its record.
        stage: initial, middle or end; default end.
        data: prepared data file of the task, where it needs one.
        seed: seed of the measurement; default 0.
        command: the command that makes the line again.
        sizes: how much is measured; by default as much as the width and the cells allow.

    Raises:
        UsageError: the task has no such level, or `data` is missing or is not what the network was
            trained on.
        LoopstabError: the checkpoint does not say on what it was trained.
    """
    begun = time.process_time()
    trained = TrainedLoop.open(checkpoint, data, level)
    task, double = trained.task, trained.model
    model = copy.deepcopy(double).float()
    cells = different_inputs(task, level, 1, seed).x.shape[1]
    sizes = sizes or Sizes.of(model.config.width, cells)
    batch = different_inputs(task, level, sizes.inputs, seed)
    orbits = follow_inputs(model, task, batch, sizes.loops, sizes.limit)
    fixed = [i for i, d in enumerate(orbits.diagnoses) if d.outcome is Outcome.FIXED_POINT]
    found, tried = settled_limits(double, batch.x, fixed, sizes.points, sizes.longest, seed)
    rates = [rate_at(double, limit) for limit in found]
    some = [limit.input for limit in found]
    starts = basins(model, batch.x[some], sizes.starts, sizes.loops, seed)
    gradients, kreiss = [], []
    for limit, rate in list(zip(found, rates, strict=True))[: sizes.gradients]:
        part = slice(limit.input, limit.input + 1)
        errors = truncation_errors(
            double, task, batch.x[part].double(), batch.target[part], limit.h
        )
        if errors is not None:
            gradients.append({"input": limit.input, **errors.to_json(), "rho": rate["rho"]})
        kreiss.append(kreiss_at(double, limit))
    noise = disturbed(
        model, task, batch.of(slice(sizes.noise_inputs)), sizes.noise_draws, seed=seed
    )
    return Measured(
        checkpoint=name or run_name(trained.meta),
        stage=stage,
        level=level,
        task=task.name,
        architecture=str(model.config.architecture),
        seed=trained.meta["run"]["config"]["seed"],
        width=model.config.width,
        cells=cells,
        weights=checkpoint.checksum(),
        input_seed=seed,
        command=command,
        seconds=round(time.process_time() - begun, 1),
        sizes=asdict(sizes),
        reachability={
            "inputs": len(batch.x),
            **orbits.to_json(),
            "float64": {"inputs": tried, "settled": len(found)},
            "points": rates,
            "basins": [{"input": i, **one} for i, one in zip(some, starts, strict=True)],
        },
        input_dependence={
            **count_limits(orbits.last[orbits.stood]).to_json(),
            "points": [
                sensitivity_at(double, limit, dense=i == 0) for i, limit in enumerate(found)
            ],
        },
        geometry={"gradients": gradients, "kreiss": kreiss, "noise": noise},
    )
