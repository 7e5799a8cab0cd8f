"""Whether the orbits of a trained loop settle, against whether their answers are right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from .trained import TrainedLoop

SETTLED = 1e-8
"""Largest step, relative to the state, of an orbit that counts as settled."""
LONGEST_PERIOD = 8
"""Longest cycle that is looked for."""
CLOSER = 1e-4
"""A cycle returns closer than this share of a step, which a spiral into a point does not."""


@dataclass(frozen=True)
class SettledAndCorrect:
    """Numbers of inputs by what the orbit does and whether the answer at its end is right.

    An orbit is `settled` at a fixed point, in a `cycle` of a period of 2 to 8, or still `moving`.

    Attributes:
        counts: the number of inputs for each pair of such a word and a truth value.
        loops: number of iterations.

    Example:
        >>> from loopstab.models.measure.settled import SettledAndCorrect
        >>> found = SettledAndCorrect({("settled", True): 3, ("moving", False): 1}, loops=500)
        >>> found.of("settled", True), found.of("settled", False), found.inputs
        (3, 0, 4)
    """

    counts: dict[tuple[str, bool], int]
    loops: int

    def of(self, kind: str, correct: bool) -> int:
        """The number of inputs of one kind with a right or a wrong answer."""
        return self.counts.get((kind, correct), 0)

    @property
    def inputs(self) -> int:
        """The number of all inputs."""
        return sum(self.counts.values())


@torch.no_grad()
def settled_and_correct(
    trained: TrainedLoop, inputs: int = 64, loops: int = 1000, seed: int = 0
) -> SettledAndCorrect:
    """Count inputs by whether their orbit settles and whether its last answer is right.

    Args:
        trained: the loop, in float64, with the level to draw from.
        inputs: number of random inputs.
        loops: iterations after which an orbit that has not settled counts as a cycle or as moving.
        seed: seed of the inputs.

    Example:
        >>> from loopstab.models.measure.settled import settled_and_correct
        >>> from loopstab.models.measure.trained import TrainedLoop
        >>> from loopstab.models.zoo import zoo
        >>> trained = TrainedLoop.open(zoo.load("prefix-sums-16-external-post-s1"), level="16")
        >>> found = settled_and_correct(trained, inputs=4, loops=400)
        >>> found.of("settled", True)
        4
    """
    batch = trained.task.batch(inputs, trained.level, torch.Generator().manual_seed(seed))
    e = trained.model.encode(batch.x.double())
    last, running = trained.model.initial(e).clone(), torch.arange(inputs)
    kinds, context, recent = ["moving"] * inputs, trained.model.prepare(e), [last.clone()]
    for _ in range(loops):
        h = trained.model.advance(recent[-1], context)
        recent = [*recent[-LONGEST_PERIOD:], h]
        last[running] = h
        still = _near(h, recent[-2])
        if still.any():
            for i in running[still].tolist():
                kinds[i] = "settled"
            running, context = running[~still], context.of(~still)
            recent = [state[~still] for state in recent]
        if not len(running):
            break
    for past in recent[:-2]:
        closer = _distance(recent[-1], past) <= CLOSER * _distance(recent[-1], recent[-2])
        for i in running[_near(recent[-1], past) & closer].tolist():
            kinds[i] = "cycle"
    correct = trained.task.correct(trained.model.head(last), batch.target).tolist()
    return SettledAndCorrect(dict(Counter(zip(kinds, correct, strict=True))), loops)


def _near(h: Tensor, other: Tensor) -> Tensor:
    """Whether two states of each sample are the same up to `SETTLED`."""
    return _distance(h, other) <= SETTLED * h.flatten(1).norm(dim=1)


def _distance(h: Tensor, other: Tensor) -> Tensor:
    return (h - other).flatten(1).norm(dim=1)
