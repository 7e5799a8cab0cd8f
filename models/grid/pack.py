"""Many finished runs in few files: safetensors shards with one entry per run, in half precision
where the diagnosis allows it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder
from ..measure.rounding import same_diagnosis_in_half
from ..network.checkpoint import Checkpoint
from ..network.metadata import read_metadata
from ..network.run_record import run_name
from ..training.train import MODEL
from .workers import RUNS

if TYPE_CHECKING:
    from torch import Tensor

LIMIT = 15 * 2**20
"""bytes per shard"""


@dataclass(frozen=True)
class Packed:
    """The shards written, the runs in them, and which of those are stored in half precision."""

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
    """Pack every finished run of a grid folder into `to`/shard-N.safetensors.

    With `half`, weights are stored in float16 if the diagnosis of the rounded model agrees with
    that of the full one: the same outcome on each of 32 inputs and the median spectral radius to 1
    %, or for the `fixed` baseline, which has no loop, the same verdicts. `data` maps task names to
    prepared files, where the diagnosis needs one. Runs that differ in less than their name tells
    (learning rate, size) are told apart by their id. Raises `UsageError` when there is nothing to
    pack, or `to` holds shards already.
    """
    files = sorted((Path(out) / RUNS).glob(f"*/{MODEL}"))
    if not files:
        raise UsageError(f"no finished run under {Path(out) / RUNS}: run loopstab grid first")
    folder = output_folder(to)
    if any(folder.glob("shard-*.safetensors")):
        raise UsageError(f"{folder} holds shards already: choose another --to, or delete them")
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

    for file, name in tqdm(names.items(), disable=not progress, unit="run", desc="pack"):
        checkpoint = Checkpoint.load(file)
        own, meta = checkpoint.tensors, checkpoint.meta
        if half and same_diagnosis_in_half(checkpoint, (data or {}).get(meta["run"]["task"])):
            own, meta = {k: t.half() for k, t in own.items()}, {**meta, "stored": "float16"}
            packed.half.append(name)
        size = _bytes(name, own, meta)
        if size > limit:
            raise LoopstabError(
                f"{file} takes {size} bytes, more than a shard of {limit}: pack in half precision"
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
    names = {file: run_name(read_metadata(file)) for file in files}
    count = Counter(names.values())
    return {
        file: name if count[name] == 1 else f"{name}-{file.parent.name}"
        for file, name in names.items()
    }


def _bytes(name: str, tensors: dict[str, Tensor], meta: dict[str, Any]) -> int:
    """At most what a run adds to a shard: values, one header line per tensor, and the metadata as
    text inside JSON text.
    """
    header = sum(len(name) + len(k) + 128 for k in tensors)
    return (
        sum(t.numel() * t.element_size() for t in tensors.values())
        + header
        + len(json.dumps(json.dumps({name: meta})))
        + 128
    )
