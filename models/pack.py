"""Many finished runs in few files: safetensors shards with one entry per run, in half precision where the diagnosis allows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from models.checkpoint import Checkpoint, run_name
from models.crossvalidate import crossvalidate
from models.grid import RUNS
from models.train import MODEL
from theory.errors import LoopstabError, UsageError
from theory.files import output_folder

LIMIT = 15 * 2**20
"""bytes of tensors per shard"""


@dataclass(frozen=True)
class Packed:
    """The shards written, the runs in them, and which of those are stored in half precision."""

    files: list[str]
    runs: list[str]
    half: list[str]


def pack(out: str | Path, to: str | Path, *, half: bool = False, limit: int = LIMIT) -> Packed:
    """Pack every finished run of a grid folder into `to`/shard-N.safetensors.

    With `half`, weights are stored in float16 if the diagnosis of the rounded model agrees with that of the full one: the same outcome
    on each of 32 inputs, and the median spectral radius to 1 %. Raises `UsageError` when there is nothing to pack.
    """
    files = sorted((Path(out) / RUNS).glob(f"*/{MODEL}"))
    if not files:
        raise UsageError(f"no finished run under {Path(out) / RUNS}: run loopstab grid first")
    shards: list[tuple[dict[str, Tensor], dict[str, Any]]] = []
    size, packed, halved = limit, [], []
    for file in files:
        checkpoint = Checkpoint.load(file)
        name = run_name(checkpoint.meta)
        if name in packed:
            raise UsageError(f"two runs under {out} are called {name}: pack plans apart")
        tensors, meta = checkpoint.tensors, checkpoint.meta
        if half and _harmless(checkpoint):
            tensors, meta = {k: t.half() for k, t in tensors.items()}, {**meta, "stored": "float16"}
            halved.append(name)
        weight = sum(t.numel() * t.element_size() for t in tensors.values())
        if weight > limit:
            raise LoopstabError(
                f"{file} holds {weight} bytes of weights, more than a shard of {limit}: raise the limit or use half precision"
            )
        if size + weight > limit:
            shards.append(({}, {}))
            size = 0
        size += weight
        shards[-1][0].update({f"{name}/{k}": t for k, t in tensors.items()})
        shards[-1][1][name] = meta
        packed.append(name)
    folder = output_folder(to)
    written = [
        str(Checkpoint(tensors, {"entries": entries}).save(folder / f"shard-{number}.safetensors"))
        for number, (tensors, entries) in enumerate(shards)
    ]
    return Packed(written, packed, halved)


def entries(file: Path) -> dict[str, dict[str, Any]]:
    """Name and metadata of every run in a shard; a checkpoint of one run is its own only entry, under the file's name."""
    meta = Checkpoint.read_meta(file)
    return meta.get("entries", {file.stem: meta})


def entry(file: Path, name: str) -> Checkpoint:
    """One run of a shard as a checkpoint of its own, in float32."""
    whole = Checkpoint.load(file)
    if "entries" not in whole.meta:
        return whole
    prefix = f"{name}/"
    tensors = {k.removeprefix(prefix): t.float() for k, t in whole.tensors.items() if k.startswith(prefix)}
    return Checkpoint(tensors, whole.meta["entries"][name])


def _harmless(checkpoint: Checkpoint) -> bool:
    rounded = Checkpoint({k: t.half().float() for k, t in checkpoint.tensors.items()}, checkpoint.meta)
    full, less = (crossvalidate(c, inputs=32, loops=200, spectra=2) for c in (checkpoint, rounded))
    if json.dumps(full.outcomes, sort_keys=True) != json.dumps(less.outcomes, sort_keys=True):
        return False
    if full.rho is None or less.rho is None:
        return full.rho is less.rho
    return abs(full.rho - less.rho) <= 0.01 * full.rho
