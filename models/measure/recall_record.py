"""What a trained loop does on a few inputs, as far as internal and external recall differ in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...numerics.arrays import Array
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.radius import spectral_radius
from ...numerics.spectra.sensitivity import sensitivity_norm
from ...support.errors import UsageError
from ..loops.torch_loop import TorchLoop
from ..network.checkpoint import Checkpoint
from ..network.run_record import shares
from ..network.transformer import LoopedTransformer
from .crossvalidate import INPUT_SEED
from .trained import TrainedLoop

COARSE, FINE = 1e-3, 1e-9
"""Relative steps below which an orbit has settled for the eye, and for the measurements."""
STILL = 1e-13
"""Relative step at which a state is as close to its limit as rounding allows."""
DENSE = 1344
"""Largest number of entries of a state for which S is assembled: 4 s and 60 MiB."""
AT_A_TIME = 64
"""Rows of a Jacobian computed together."""


@dataclass(frozen=True)
class RecallRecord:
    """The measurements of one checkpoint.

    Attributes:
        name: the checkpoint.
        architecture: recall, norm and residual.
        task: the task, and the level from which the inputs were drawn.
        seed: seed of the training run.
        inputs: number of inputs.
        loops: iterations after which an orbit counts as not settled.
        settled: number of orbits whose relative step fell below `FINE` for good.
        rho: spectral radius of J at settled states.
        leading: the leading eigenvalue there, as its real part and modulus of its imaginary part.
        coarse: for each settled orbit the iteration from which the relative step is below `COARSE`.
        fine: the same for `FINE`.
        sensitivity: 2-norm of S = (I - J)^{-1} K at settled states.
        smallest: the smallest relevant singular value of S: the L(d - 1)-th under outer norm,
            which leaves one direction of each token out (N4), else the smallest of all; measured
            only where the state has at most `DENSE` entries.
        best: recorded accuracy at the recorded choice of iterations, mean of the held-out levels.
        last: recorded accuracy after the last evaluated iteration (500), mean of the same levels.
    """

    name: str
    architecture: str
    task: str
    seed: int
    inputs: int
    loops: int
    settled: int
    rho: tuple[float, ...]
    leading: tuple[tuple[float, float], ...]
    coarse: tuple[int, ...]
    fine: tuple[int, ...]
    sensitivity: tuple[float, ...]
    smallest: tuple[float, ...]
    best: float
    last: float


def recall_record(
    source: str | Path | Checkpoint,
    *,
    name: str = "",
    inputs: int = 16,
    loops: int = 2000,
    spectra: int = 4,
    dense: int = 1,
    data: str | Path | None = None,
    seed: int = 0,
) -> RecallRecord:
    """Measure a trained loop in float64.

    Args:
        source: a checkpoint, or the path of its .safetensors file.
        name: a name for the record.
        inputs: number of random inputs of its task; default 16.
        loops: iterations after which an orbit counts as not settled; default 2000.
        spectra: settled states at which the spectral radius is measured; default 4.
        dense: settled states at which S is measured; default 1.
        data: prepared data file of the task, where it needs one.
        seed: seed of the inputs; default 0.

    Returns:
        The record.

    Raises:
        UsageError: a number is too small, the loop has no recall, or `data` is missing or is not
            what the network was trained on.

    Example:
        >>> from loopstab.models.measure.recall_record import recall_record
        >>> from loopstab.models.zoo import zoo
        >>> checkpoint = zoo.load("prefix-sums-16-internal-post-s1")
        >>> record = recall_record(checkpoint, inputs=2, loops=500, spectra=1, dense=0)
        >>> record.settled, record.rho[0] < 1
        (2, True)
    """
    if inputs < 1 or loops < 1 or spectra < 0 or dense < 0:
        raise UsageError(
            f"inputs and loops count from 1, spectra and dense from 0; they are {inputs}, {loops},"
            f" {spectra} and {dense}"
        )
    trained = TrainedLoop.open(source, data)
    model, run = trained.model, trained.meta["run"]
    if not model.config.architecture.recall.present:
        raise UsageError(f"{model.config.architecture} has no recall")
    generator = torch.Generator().manual_seed(seed + INPUT_SEED)
    with torch.no_grad():
        e = model.encode(trained.task.batch(inputs, trained.level, generator).x.double())
    h, steps = _orbits(model, e, loops)
    settled = [i for i in range(inputs) if _from(steps[:, i], FINE) is not None]
    rho, leading = [], []
    for i in settled[:spectra]:
        found = spectral_radius(_linearisation(model, h, e, i), tol=1e-6)
        rho.append(found.value)
        leading.append((found.eigenvalue.real, abs(found.eigenvalue.imag)))
    norms, smallest = _sensitivities(model, h, e, settled[:dense])
    levels = [shares(run, level) for level in run["accuracy"]]
    return RecallRecord(
        name=name,
        architecture=str(model.config.architecture),
        task=f"{run['task']}, {trained.level}",
        seed=run["config"]["seed"],
        inputs=inputs,
        loops=loops,
        settled=len(settled),
        rho=tuple(rho),
        leading=tuple(leading),
        coarse=tuple(_from(steps[:, i], COARSE) or 0 for i in settled),
        fine=tuple(_from(steps[:, i], FINE) or 0 for i in settled),
        sensitivity=tuple(norms),
        smallest=tuple(smallest),
        best=float(np.mean([level.chosen for level in levels])),
        last=float(np.mean([level.last for level in levels])),
    )


def jacobians(model: LoopedTransformer, h: Array, e: Array) -> tuple[Array, Array]:
    """J and K at one state and input as matrices, by reverse mode.

    Args:
        model: the network, in float64.
        h: the state, (cells, width).
        e: the embedding of the input, (cells, width).

    Returns:
        Two square matrices with cells x width rows.
    """
    n = h.size
    by_state, by_input = np.empty((n, n)), np.empty((n, n))
    for start in range(0, n, AT_A_TIME):
        rows = torch.arange(start, min(start + AT_A_TIME, n))
        at = [
            torch.from_numpy(z).expand(len(rows), *h.shape).clone().requires_grad_() for z in (h, e)
        ]
        seeds = torch.nn.functional.one_hot(rows, n).double().view(len(rows), *h.shape)
        found = torch.autograd.grad(model.step(*at), at, seeds, materialize_grads=True)
        by_state[rows], by_input[rows] = (g.reshape(len(rows), n).numpy() for g in found)
    return by_state, by_input


@torch.no_grad()
def _orbits(model: LoopedTransformer, e: Tensor, loops: int) -> tuple[Tensor, Array]:
    """The last states, and the relative steps (iterations, inputs).

    The samples advance together until none moves any more.
    """
    context, h, steps = model.prepare(e, folded=True), model.initial(e), []
    for _ in range(loops):
        before, h = h, model.advance(h, context)
        size = before.flatten(1).norm(dim=1).clamp_min(1e-300)
        steps.append(((h - before).flatten(1).norm(dim=1) / size).numpy())
        if (steps[-1] <= STILL).all():
            break
    return h, np.array(steps)


def _from(steps: Array, tolerance: float) -> int | None:
    """The iteration from which all steps are below the tolerance; None if the last one is not."""
    above = np.flatnonzero(~(steps <= tolerance))
    first = int(above[-1]) + 1 if len(above) else 0
    return None if first == len(steps) else first + 1


def _linearisation(model: LoopedTransformer, h: Tensor, e: Tensor, i: int) -> Linearisation:
    return Linearisation(TorchLoop.of(model), h[i : i + 1].numpy(), e[i : i + 1].numpy())


def _sensitivities(
    model: LoopedTransformer, h: Tensor, e: Tensor, chosen: list[int]
) -> tuple[list[float], list[float]]:
    norms, smallest = [], []
    cells, width = h.shape[1:]
    relevant = cells * (width - 1 if model.config.architecture.outer_norm else width)
    for i in chosen:
        if cells * width > DENSE:
            norms.append(sensitivity_norm(_linearisation(model, h, e, i), tol=1e-3).value)
            continue
        j, k = jacobians(model, h[i].numpy(), e[i].numpy())
        values = np.linalg.svd(np.linalg.solve(np.eye(len(j)) - j, k), compute_uv=False)
        norms.append(float(values[0]))
        smallest.append(float(values[relevant - 1]))
    return norms, smallest
