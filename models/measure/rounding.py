"""Whether a trained loop may be stored in half precision: its diagnosis must stay what it is."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..network.checkpoint import Checkpoint, load_model
from ..tasks.registry import recorded_task

SAMPLES, LOOPS, SPECTRA = 32, 200, 2
"""Inputs that are diagnosed, iterations before the first look, and fixed points whose spectral
radius is measured: enough to notice a change, in about half a minute a run.
"""
RADIUS = 0.01
"""Largest relative change of the median spectral radius."""


def same_diagnosis_in_half(checkpoint: Checkpoint, data: str | Path | None) -> bool:
    """Whether rounding the weights to float16 leaves the diagnosis as it is.

    The outcomes on `SAMPLES` inputs must be the same and the median spectral radius must agree to
    `RADIUS`; for the baseline of several blocks, which has no loop, the verdicts must be the same.
    `data` is the prepared file of the run, where its task needs one.
    """
    rounded = Checkpoint(
        {name: t.half().float() for name, t in checkpoint.tensors.items()}, checkpoint.meta
    )
    if not all(bool(t.isfinite().all()) for t in rounded.tensors.values()):
        return False
    if checkpoint.meta["run"]["config"]["model"]["blocks"] > 1:
        return torch.equal(_verdicts(checkpoint, data), _verdicts(rounded, data))
    # it needs the packages of theory, which a machine that only trains may lack
    from .crossvalidate import crossvalidate

    full, less = (
        crossvalidate(one, inputs=SAMPLES, loops=LOOPS, spectra=SPECTRA, data=data)
        for one in (checkpoint, rounded)
    )
    if full.outcomes != less.outcomes:
        return False
    if full.rho is None or less.rho is None:
        return full.rho is less.rho
    return abs(full.rho - less.rho) <= RADIUS * full.rho


@torch.no_grad()
def _verdicts(checkpoint: Checkpoint, data: str | Path | None) -> Tensor:
    """Whether each of `SAMPLES` held-out samples is right, and whether its logits are finite."""
    model, meta = load_model(checkpoint)
    task = recorded_task(meta["run"], data)
    batch = task.batch(SAMPLES, task.levels[1], torch.Generator().manual_seed(0))
    logits = model(batch.x, 1)
    return torch.stack((task.correct(logits, batch.target), logits.isfinite().flatten(1).all(1)))
