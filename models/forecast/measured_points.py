"""What is measured in float64 at the limits of a few inputs: rates, basins and sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...numerics.arrays import Array
from ...numerics.loops.protocol import LoopError
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.radius import spectral_radius
from ...numerics.spectra.sensitivity import sensitivity, sensitivity_norm
from ..loops.torch_loop import TorchLoop
from ..measure.crossvalidate import convergence_of
from ..measure.recall_record import jacobians
from ..network.transformer import LoopedTransformer
from .measured_inputs import DENSE

STILL = 1e-13
"""Relative step at which an orbit in float64 is as close to its limit as rounding allows."""
SETTLED = 1e-11
"""Relative step up to which it has settled."""
NUDGE = 1e-4
"""Length of a change of the embedding, relative to it, by which the sensitivity is measured."""
RANK = 1e-8
"""Singular value of S, relative to the largest, from which on it counts for the rank. The direction
that an outer norm leaves out (N4) has a smaller one, of the order of eps over the mean square of
the state, and not 0.
"""
TOLERANCE = 1e-3
"""Relative accuracy of the norm of S."""


@dataclass(frozen=True)
class Limit:
    """A limit in float64.

    Attributes:
        input: number of the input among those whose orbits were followed.
        h: the limit, (1, cells, width).
        e: the embedding of its input, (1, cells, width).
        steps: relative step of every iteration.
        change: a change of the embedding of the relative length `NUDGE`.
        moved: the limit with the changed embedding, in the state at first and in every step; None
            where that orbit did not settle.
    """

    input: int
    h: Array
    e: Array
    steps: Array
    change: Array
    moved: Array | None


def settled_limits(
    model: LoopedTransformer,
    x: Tensor,
    numbers: Sequence[int],
    points: int,
    longest: int,
    seed: int = 0,
) -> tuple[list[Limit], int]:
    """The limits of some inputs whose orbits settle in float64.

    Args:
        model: the network, in float64.
        x: the inputs, (samples, cells, channels).
        numbers: the samples to follow, in this order; at most twice `points` of them.
        points: number of limits that are wanted.
        longest: iterations after which an orbit counts as not settled.
        seed: seed of the changes of the embeddings.

    Returns:
        The limits, and the number of inputs that were followed.
    """
    found, tried = [], 0
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for number in numbers[: 2 * points]:
            if len(found) == points:
                break
            tried += 1
            e = model.encode(x[number : number + 1].double())
            change = torch.randn(e.shape, generator=generator, dtype=e.dtype)
            change *= NUDGE * e.norm() / change.norm()
            ends, steps = _orbit_pair(model, torch.cat([e, e + change]), longest)
            if not steps[-1, 0] <= SETTLED:
                continue
            moved = ends[1:].numpy() if steps[-1, 1] <= SETTLED else None
            found.append(
                Limit(number, ends[:1].numpy(), e.numpy(), steps[:, 0], change.numpy(), moved)
            )
    return found, tried


def _orbit_pair(model: LoopedTransformer, e: Tensor, longest: int) -> tuple[Tensor, Array]:
    """The last states of two orbits and their relative steps, (iterations, 2)."""
    context, h, steps = model.prepare(e, folded=True), model.initial(e), []
    for _ in range(longest):
        before, h = h, model.advance(h, context)
        size = before.flatten(1).norm(dim=1).clamp_min(1e-300)
        steps.append(((h - before).flatten(1).norm(dim=1) / size).numpy())
        if (steps[-1] <= STILL).all() or not np.isfinite(steps[-1]).all():
            break
    return h, np.array(steps)


def rate_at(model: LoopedTransformer, limit: Limit) -> dict[str, Any]:
    """The spectral radius at a limit, with the rate of its orbit and X5's iterations beside it."""
    spectrum = spectral_radius(linearised(model, limit), tol=1e-6)
    return {
        "input": limit.input,
        **asdict(convergence_of(spectrum, limit.steps)),
        "eigenvalue": [spectrum.eigenvalue.real, abs(spectrum.eigenvalue.imag)],
        "converged": spectrum.converged,
    }


def sensitivity_at(model: LoopedTransformer, limit: Limit, dense: bool) -> dict[str, Any]:
    """How far a limit moves with its embedding, by differences and by the implicit derivative.

    Args:
        model: the network, in float64.
        limit: the limit.
        dense: whether to assemble S and record its rank, where it is small enough.
    """
    length = float(np.linalg.norm(limit.change))
    out: dict[str, Any] = {
        "input": limit.input,
        "norm": None,
        "by_differences": None,
        "by_derivative": None,
        "rank": None,
        "smallest": None,
    }
    if limit.moved is not None:
        out["by_differences"] = float(np.linalg.norm(limit.moved - limit.h)) / length
    j = linearised(model, limit)
    if not model.config.architecture.recall.present:
        # K = 0: the embedding does not enter the step (A3)
        return {**out, "norm": 0.0, "by_derivative": 0.0, "rank": 0}
    try:
        along = sensitivity(j, limit.change, tol=1e-8)
        out["by_derivative"] = float(np.linalg.norm(along.value)) / length
        if dense and limit.h.size <= DENSE:
            by_state, by_input = jacobians(model, limit.h[0], limit.e[0])
            s = np.linalg.solve(np.eye(len(by_state)) - by_state, by_input)
            values = np.linalg.svd(s, compute_uv=False)
            rank = int((values > RANK * values[0]).sum())
            out |= {"norm": float(values[0]), "rank": rank, "smallest": float(values[rank - 1])}
        else:
            out["norm"] = sensitivity_norm(j, tol=TOLERANCE).value
    except LoopError:  # 1 is nearly an eigenvalue of J
        pass
    return out


def linearised(model: LoopedTransformer, limit: Limit) -> Linearisation:
    """The derivatives of the step at a limit."""
    return Linearisation(TorchLoop.of(model), limit.h, limit.e)
