"""Many finished runs in few files: safetensors shards with one entry per run, in half precision
where the diagnosis allows it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder
from ..network.checkpoint import Checkpoint, load_model, run_name
from ..tasks.registry import recorded_task
from ..training.train import MODEL
from .workers import RUNS

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
        if half and _harmless(checkpoint, (data or {}).get(meta["run"]["task"])):
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
    names = {file: run_name(Checkpoint.read_meta(file)) for file in files}
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


def _harmless(checkpoint: Checkpoint, data: str | Path | None) -> bool:
    """Whether rounding the weights to float16 leaves the diagnosis as it is."""
    rounded = Checkpoint(
        {k: t.half().float() for k, t in checkpoint.tensors.items()}, checkpoint.meta
    )
    if checkpoint.meta["run"]["config"]["model"]["blocks"] > 1:
        return torch.equal(_verdicts(checkpoint, data), _verdicts(rounded, data))
    from ..measure.crossvalidate import (
        crossvalidate,
    )  # needs the theory's packages, which a machine that only trains may lack

    full, less = (
        crossvalidate(c, inputs=32, loops=200, spectra=2, data=data) for c in (checkpoint, rounded)
    )
    if full.outcomes != less.outcomes:
        return False
    if full.rho is None or less.rho is None:
        return full.rho is less.rho
    return abs(full.rho - less.rho) <= 0.01 * full.rho


@torch.no_grad()
def _verdicts(checkpoint: Checkpoint, data: str | Path | None) -> Tensor:
    """Whether each of 32 held-out samples is right, and whether its logits are finite."""
    model, meta = load_model(checkpoint)
    task = recorded_task(meta["run"], data)
    batch = task.batch(32, task.levels[1], torch.Generator().manual_seed(0))
    logits = model(batch.x, 1)
    return torch.stack((task.correct(logits, batch.target), logits.isfinite().flatten(1).all(1)))
