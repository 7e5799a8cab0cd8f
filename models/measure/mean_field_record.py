"""What the mean-field laws say of a trained loop, at the fixed points of a few inputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.jsonable import json_text
from ...support.regular_file import read_regular
from ...support.schema import ListOf, MapOf, Number, ObjectOf, Text, Whole
from ...support.strict_json import parse_json
from ..loops.torch_loop import TorchLoop
from ..network.transformer import LoopedTransformer
from ..tasks.task import Task
from .crossvalidate import INPUT_SEED
from .mean_field import EffectiveBlock, effective_block, require_outer_norm

SETTLED = 1e-10
"""Largest relative step of an orbit that counts as settled."""
LARGEST = 1296
"""Most entries of a state whose Jacobian is given to LAPACK: 10 s for each fixed point."""
LONGEST_FILE = 1 << 24
"""Bytes of a file of records that are read at most."""


@dataclass(frozen=True)
class MeanFieldRecord:
    """The effective blocks of one network.

    Attributes:
        checkpoint: name of the network.
        stage: initial, middle or end of its training.
        architecture: recall, norm and residual.
        task: the task of its training.
        level: the level from which the inputs were drawn.
        inputs: number of inputs.
        settled: number of those whose orbit settled.
        points: the effective block at each settled state.
    """

    checkpoint: str
    stage: str
    architecture: str
    task: str
    level: str
    inputs: int
    settled: int
    points: tuple[EffectiveBlock, ...]


@torch.no_grad()
def mean_field_record(
    model: LoopedTransformer,
    task: Task,
    level: str,
    *,
    checkpoint: str = "",
    stage: str = "end",
    inputs: int = 2,
    loops: int = 2000,
    seed: int = 0,
) -> MeanFieldRecord:
    """Follow the orbits of random inputs, and put the block on the map where they settle.

    Args:
        model: the network, in float64, with an outer norm.
        task: its task.
        level: level of the task from which the inputs are drawn.
        checkpoint: name for the record.
        stage: initial, middle or end of the training; default end.
        inputs: number of inputs; default 2.
        loops: iterations after which an orbit counts as not settled; default 2000.
        seed: seed of the inputs, and of the rotations; default 0.

    Raises:
        UsageError: the loop has no outer norm, or its states have too many entries.

    Example:
        >>> from loopstab.models.measure.mean_field_record import mean_field_record
        >>> from loopstab.models.measure.trained import TrainedLoop
        >>> from loopstab.models.zoo import zoo
        >>> trained = TrainedLoop.open(zoo.load("prefix-sums-16-internal-post-s1"))
        >>> record = mean_field_record(trained.model, trained.task, "4", inputs=1)
        >>> record.settled, record.points[0].rho < 1
        (1, True)
    """
    require_outer_norm(model)
    generator = torch.Generator().manual_seed(seed + INPUT_SEED)
    x = task.batch(inputs, level, generator).x.double()
    size = x.shape[1] * model.config.width
    if size > LARGEST:
        raise UsageError(
            f"the states of {checkpoint or model.config.name} have {size} entries, and the map is"
            f" measured up to {LARGEST}: choose a shorter level or a narrower network"
        )
    loop, points = TorchLoop.of(model), []
    for one in x:
        e = model.encode(one[None]).numpy()
        h = loop.initial(e)
        for _ in range(loops):
            before, h = h, loop.step(h, e)
            if np.linalg.norm(h - before) <= SETTLED * np.linalg.norm(before):
                points.append(effective_block(model, h, e, seed))
                break
    return MeanFieldRecord(
        checkpoint,
        stage,
        str(model.config.architecture),
        task.name,
        level,
        inputs,
        len(points),
        tuple(points),
    )


POINT = ObjectOf({f.name: Number() for f in fields(EffectiveBlock)})
RECORD = ObjectOf(
    {
        **dict.fromkeys(("checkpoint", "stage", "architecture", "task", "level"), Text()),
        **dict.fromkeys(("inputs", "settled"), Whole(0, 10**6)),
        "points": ListOf(POINT),
    }
)
FILE = ObjectOf({"command": Text(), "settings": MapOf(Whole(0, 2**63)), "records": ListOf(RECORD)})


def write_records(
    path: Path, command: str, settings: dict[str, int], records: list[MeanFieldRecord]
) -> None:
    """Write records with the command and the settings that made them."""
    rows = [asdict(record) for record in records]
    write_atomic(path, json_text({"command": command, "settings": settings, "records": rows}))


def read_records(path: Path) -> tuple[dict[str, Any], list[MeanFieldRecord]]:
    """The settings and the records of a file.

    Raises:
        LoopstabError: the file cannot be read, or holds something else.
    """
    try:
        data = parse_json(read_regular(path, LONGEST_FILE))
        FILE.check(data, "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoopstabError(
            f"{path} holds no records of the mean-field map ({reason}): choose another file, or"
            " remove it to measure again"
        ) from None
    records = [
        MeanFieldRecord(**{**row, "points": tuple(EffectiveBlock(**p) for p in row["points"])})
        for row in data["records"]
    ]
    return data["settings"], records
