"""Many finished runs in few files: safetensors shards with an entry for each run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder
from ...support.progress_bar import progress_bar
from ..measure.rounding import same_diagnosis_in_half
from ..network.checkpoint import Checkpoint
from ..network.metadata import finished_run, read_metadata
from ..network.run_record import run_name
from ..training.train import MODEL
from .workers import RUNS

if TYPE_CHECKING:
    from torch import Tensor

LIMIT = 15 * 2**20
"""Most bytes of a shard, 15 MiB: a file of that size is easily copied and kept in a repository."""


@dataclass(frozen=True)
class Packed:
    """What was packed.

    Attributes:
        files: the shards.
        runs: names of the runs in them.
        half: names of the runs that are stored in half precision.
    """

    files: list[str]
    runs: list[str]
    half: list[str]


def pack(
    out: str | Path,
    to: str | Path,
    *,
    half: bool = False,
    data: Mapping[str, str | Path] | None = None,
    limit: int = LIMIT,
    progress: bool = False,
) -> Packed:
    """Pack every finished run of a grid into `to`/shard-N.safetensors.

    Runs whose names are equal (they may differ in learning rate or size) get their id appended.

    Args:
        out: folder of the grid.
        to: folder for the shards, which is created.
        half: whether to store weights in float16 where that does not change the diagnosis (see
            `same_diagnosis_in_half`).
        data: task name to prepared data file, where the diagnosis needs one.
        limit: most bytes of a shard.
        progress: whether to show a progress bar.

    Returns:
        The shards and the runs in them.

    Raises:
        UsageError: there is no finished run, or `to` already holds shards.
        LoopstabError: a run does not fit into a shard.
    """
    files = sorted((Path(out) / RUNS).glob(f"*/{MODEL}"))
    if not files:
        raise UsageError(f"no finished run under {Path(out) / RUNS}: use loopstab grid run first")
    folder = output_folder(to)
    if any(folder.glob("shard-*.safetensors")):
        raise UsageError(f"{folder} already holds shards: choose another --to, or delete them")
    names = _names(files)
    packed = Packed([], [], [])
    tensors: dict[str, Tensor] = {}
    metas: dict[str, Any] = {}
    room = limit

    def write() -> None:
        file = Checkpoint(tensors, {"entries": metas}).save(
            folder / f"shard-{len(packed.files)}.safetensors"
        )
        packed.files.append(str(file))

    for file, name in progress_bar(names.items(), shown=progress, unit="run", desc="pack"):
        checkpoint = Checkpoint.load(file)
        own, meta = checkpoint.tensors, checkpoint.meta
        if half and same_diagnosis_in_half(checkpoint, (data or {}).get(meta["run"]["task"])):
            own, meta = {k: t.half() for k, t in own.items()}, {**meta, "stored": "float16"}
            packed.half.append(name)
        size = _bytes(name, own, meta)
        if size > limit:
            raise LoopstabError(
                f"{file} takes {size} bytes, more than the {limit} of a shard: store it in half"
                " precision (--half)"
            )
        if size > room:
            write()
            tensors, metas, room = {}, {}, limit
        room -= size
        tensors |= {f"{name}/{k}": t for k, t in own.items()}
        metas[name] = meta
        packed.runs.append(name)
    write()
    return packed


def _names(files: list[Path]) -> dict[Path, str]:
    names = {file: run_name({"run": finished_run(read_metadata(file), file)}) for file in files}
    count = Counter(names.values())
    return {
        file: name if count[name] == 1 else f"{name}-{file.parent.name}"
        for file, name in names.items()
    }


def _bytes(name: str, tensors: dict[str, Tensor], meta: dict[str, Any]) -> int:
    """A bound on what a run adds to a shard: its values, the header of each tensor, and the
    metadata, which are JSON text inside JSON text.
    """
    values = sum(t.numel() * t.element_size() for t in tensors.values())
    header = sum(len(name) + len(k) + 128 for k in tensors)
    return values + header + len(json.dumps(json.dumps({name: meta}))) + 128
