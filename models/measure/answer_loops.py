"""L4 for trained loops: from which loop on the answer is constant, predicted and measured.

All numbers are measured on one orbit, in floating point; the certificates prove such a loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...numerics.arrays import Array
from ...numerics.formulas import numeric
from ...support.errors import UsageError
from ..network.transformer import LoopedTransformer
from .crossvalidate import INPUT_SEED
from .trained import TrainedLoop

NEAR = 1e-2
"""Distance from the limit, relative to it, from which on the rate is fitted."""
FLOOR = 1e-9
"""Relative distance from the limit below which rounding disturbs the measured decay."""
STILL = 1e-13
"""Relative step at which the orbit stands."""


@dataclass(frozen=True)
class AnswerLoop:
    """The predicted and the measured loop of one input.

    Attributes:
        start: t_0, of all loops the one for which L4 predicts the earliest.
        rate: q, fitted to the distances from the limit between `NEAR` and `FLOOR`.
        scale: C, the least with |h_t - h*| <= C q^t at the loops from t_0 on.
        slope: the largest slope of the difference of logits that decides, at these states of the
            orbit and half-way to the limit.
        margin: the value of that difference at the limit.
        predicted: the loop from which on L4 finds the answer constant, at least t_0.
        measured: the loop from which on it was constant.
    """

    start: int
    rate: float
    scale: float
    slope: float
    margin: float
    predicted: int
    measured: int


def answer_loops(
    trained: TrainedLoop, inputs: int = 4, loops: int = 2000, seed: int = 0
) -> list[AnswerLoop | None]:
    """Compare L4 with the last change of the answer, for some random inputs.

    L4 is applied to the difference of logits of each cell and each other class; the largest of
    their loops is the prediction, and of all t_0 the one is taken that predicts the earliest. It is
    an upper bound as far as the slopes, which are measured at two points of each segment from the
    orbit to the limit, bound those of the whole segment.

    Args:
        trained: the loop, in float64.
        inputs: number of inputs.
        loops: iterations after which an orbit counts as not settled.
        seed: seed of the inputs.

    Returns:
        One entry for each input, None where the orbit does not settle or has no margin.

    Raises:
        UsageError: a number is too small.

    Example:
        >>> from loopstab.models.measure.answer_loops import answer_loops
        >>> from loopstab.models.measure.trained import TrainedLoop
        >>> from loopstab.models.zoo import zoo
        >>> trained = TrainedLoop.open(zoo.load("prefix-sums-16-internal-post-s1"))
        >>> (found,) = answer_loops(trained, inputs=1, loops=500)
        >>> found.measured <= found.predicted
        True
    """
    if inputs < 1 or loops < 2:
        raise UsageError(f"inputs count from 1 and loops from 2; they are {inputs} and {loops}")
    generator = torch.Generator().manual_seed(seed + INPUT_SEED)
    x = trained.task.batch(inputs, trained.level, generator).x.double()
    return [_answer_loop(trained.model, sample[None], loops) for sample in x]


def predicted_loop(
    scale: float, slopes: Array, margins: Array, rate: float, start: int
) -> tuple[int, int]:
    """The first loop beyond which L4 finds all differences of logits positive.

    Args:
        scale: C with |h_t - h*| <= C q^t from `start` on.
        slopes: Lipschitz constants of the differences.
        margins: their values at the limit, positive.
        rate: q.
        start: t_0.

    Returns:
        The loop, at least `start`, and the number of the difference that decides.

    Example:
        For h_t = 8/2^t and the difference 1 - h of logits, D(h_3) = 0 and D(h_4) > 0:

        >>> import numpy as np
        >>> from loopstab.models.measure.answer_loops import predicted_loop
        >>> predicted_loop(8.0, np.ones(1), np.ones(1), 0.5, 0)
        (4, 0)
    """
    worst = int(np.argmax(slopes / margins))
    if slopes[worst] == 0:
        return start, worst
    after = float(numeric("answer_loop")(scale, slopes[worst], margins[worst], rate))
    return max(start, math.floor(round(after, 9)) + 1), worst


@torch.no_grad()
def _answer_loop(model: LoopedTransformer, x: Tensor, loops: int) -> AnswerLoop | None:
    states = _orbit(model, x, loops)
    if states is None:
        return None
    limit = states[-1]
    distances = (states - limit).flatten(1).norm(dim=1).numpy()
    size = float(limit.norm())
    near = int(np.flatnonzero(distances > NEAR * size)[-1:].sum()) + 1
    below = np.flatnonzero(distances < FLOOR * size)
    window = np.arange(near, below[below >= near][0] + 1)
    logits = model.head(limit[None])[0]
    margins = _to_others(logits[None], logits.argmax(-1))[0].numpy()
    if len(window) < 3 or margins.min() <= 0:
        return None
    rate = float(np.exp(np.polyfit(window, np.log(distances[window]), 1)[0]))
    if not 0 < rate < 1:
        return None
    # what L4 needs from t_0 on, for every t_0: the largest value at t_0 or later
    scaled = distances[: window[-1] + 1] / rate ** np.arange(window[-1] + 1.0)
    scales = np.maximum.accumulate(scaled[::-1])[::-1]
    seen = torch.cat([states[: near + 1], (states[: near + 1] + limit) / 2])
    slopes = np.maximum(*np.split(_slopes(model, seen, logits.argmax(-1)), 2))
    slopes = np.maximum.accumulate(slopes[::-1])[::-1]
    found = []
    for start in range(near + 1):
        loop, worst = predicted_loop(float(scales[start]), slopes[start], margins, rate, start)
        found.append((loop, start, worst))
    predicted, start, worst = min(found)
    answers = torch.cat([model.head(state[None]).argmax(-1) for state in states])
    changed = np.flatnonzero((answers != answers[-1]).any(1).numpy())
    return AnswerLoop(
        start=start,
        rate=rate,
        scale=float(scales[start]),
        slope=float(slopes[start][worst]),
        margin=float(margins[worst]),
        predicted=predicted,
        measured=int(changed[-1]) + 1 if len(changed) else 0,
    )


def _orbit(model: LoopedTransformer, x: Tensor, loops: int) -> Tensor | None:
    """The states of an orbit until it stands, (iterations + 1, cells, width); None if it does
    not.
    """
    e = model.encode(x)
    context, h = model.prepare(e), model.initial(e)
    states = [h]
    for _ in range(loops):
        h = model.advance(h, context)
        states.append(h)
        if float((h - states[-2]).norm()) <= STILL * float(h.norm()):
            return torch.cat(states)
    return None


def _slopes(model: LoopedTransformer, states: Tensor, answer: Tensor) -> Array:
    """The norms of the gradients of the logit of the answer minus each other one, in every cell.

    The head reads each cell by itself, so that the gradient of a difference is that by its cell.
    """

    with torch.enable_grad():
        at = states.clone().requires_grad_()
        gaps = _to_others(model.head(at), answer)
        others = gaps.shape[1] // len(answer)
        gradients = [
            torch.autograd.grad(gaps[:, other::others].sum(), at, retain_graph=True)[0]
            for other in range(others)
        ]
    return torch.stack(gradients, dim=2).norm(dim=-1).flatten(1).numpy()


def _to_others(logits: Tensor, answer: Tensor) -> Tensor:
    """The logit of the answer minus each other one, (states, cells x other classes)."""
    chosen = answer[None, :, None].expand(len(logits), -1, 1)
    other = torch.ones(logits.shape[1:], dtype=torch.bool)
    other[torch.arange(len(answer)), answer] = False
    return (logits.gather(-1, chosen) - logits)[:, other]
