"""Changes of a trained loop, tried on random inputs of its task, with the answers of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...numerics.bounds.recall import threshold
from ...numerics.verdicts.advice import Advice
from ...numerics.verdicts.advise import LOOPS, PRODUCTS, STRENGTHS, advise
from ...support.errors import UsageError
from ..network.metadata import recorded_run
from ..network.run_record import chosen_loops
from .network_bounds import block_weights, has_strength, network_strength
from .trained import TrainedLoop


def advise_trained(
    trained: TrainedLoop,
    inputs: int = 8,
    *,
    loops: int = LOOPS,
    limit: int | None = None,
    products: int = PRODUCTS,
    seed: int = 0,
    progress: bool = False,
) -> Advice:
    """Try changes of a trained loop, and count right answers before and after each.

    Of post-norm loops with recall, the strength from which on L2 proves that the step contracts is
    tried too, and of every loop the number of iterations that its record chose, where it is at most
    `loops`.

    Args:
        trained: the loop, in float64, with the level to draw from.
        inputs: number of random inputs.
        loops: iterations before the first look at an orbit; at least 16.
        limit: largest number of iterations; default 4 times `loops`.
        products: largest number of products with the Jacobian for one spectral radius.
        seed: seed of the inputs, of the solvers and of perturbations.
        progress: whether to show a progress bar of the trials.

    Raises:
        UsageError: a number is out of range.

    Example:
        >>> from loopstab.models.measure.advise_trained import advise_trained
        >>> from loopstab.models.measure.trained import TrainedLoop
        >>> from loopstab.models.zoo import zoo
        >>> trained = TrainedLoop.open(zoo.load("prefix-sums-16-external-post-s1"), level="16")
        >>> advise_trained(trained, inputs=2, loops=100).before.right
        1.0
    """
    if inputs < 1:
        raise UsageError(f"advise needs at least 1 input, not {inputs}")
    loop, e = trained.loop_and_input(seed, inputs)
    batch = trained.task.batch(inputs, trained.level, torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def logits(h: np.ndarray) -> torch.Tensor:
        return trained.model.head(torch.from_numpy(np.array(h))[None])

    def readout(h: np.ndarray) -> np.ndarray:
        return logits(h)[0].argmax(-1).numpy()

    def correct(i: int, h: np.ndarray) -> bool:
        return bool(trained.task.correct(logits(h), batch.target[i : i + 1])[0])

    strongest = _tau_0(trained, torch.from_numpy(e))
    chosen = _chosen(recorded_run(trained.meta, "the checkpoint"), trained.level)
    return advise(
        loop,
        e,
        readout=readout,
        correct=correct,
        scales=STRENGTHS if strongest is None else (*STRENGTHS, strongest),
        stops=() if chosen is None or not 1 <= chosen <= loops else (chosen,),
        loops=loops,
        limit=limit,
        products=products,
        seed=seed,
        progress=progress,
    )


def _tau_0(trained: TrainedLoop, e: torch.Tensor) -> float | None:
    """The strength from which on L2 proves contraction for every input; None if there is none."""
    model = trained.model
    if not has_strength(model) or len(model.blocks) != 1:
        return None
    try:
        weights = block_weights(model)
        found = max(threshold(network_strength(model, weights, one[None])) for one in e)
    except UsageError:  # another residual, of which L2 does not speak
        return None
    return found if np.isfinite(found) else None


def _chosen(run: dict[str, Any], level: str) -> int | None:
    """The number of iterations to report; None where the level was not evaluated."""
    return chosen_loops(run, level) if level in run.get("accuracy", {}) else None
