"""From which start states a trained loop reaches the limit of its usual start."""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.transformer import LoopedTransformer

SIZES = (0.1, 1.0, 10.0)
"""Sizes of the disturbances of h_0, relative to its norm."""
STOOD = 1e-5
"""Relative step up to which an orbit in float32 has settled."""
SAME = 1e-3
"""Relative distance up to which two ends are the same."""


@torch.no_grad()
def basins(
    model: LoopedTransformer, x: Tensor, starts: int, loops: int, seed: int = 0
) -> list[dict[str, int]]:
    """Count for each input the start states whose orbits reach the limit of h_0, in float32.

    The start states are h_0 itself, as many disturbances of h_0 of each of the `SIZES`, and for the
    rest random states of normal entries with the root mean square of the limit.

    Args:
        model: the network, in float32.
        x: the inputs, (samples, cells, channels).
        starts: number of start states, at least 1 + 2 x 3.
        loops: iterations of every orbit.
        seed: seed of the random states.

    Returns:
        For each input the number of `starts`, of those that `settled`, and of those that reached
        the `same` state as h_0.
    """
    generator, out = torch.Generator().manual_seed(seed), []
    for sample in x:
        e = model.encode(sample[None])
        first = model.initial(e)
        limit, stood = _ends(model, e, first, loops)
        begun = _starts(first, limit, starts, generator)
        ends, settled = _ends(model, e.expand(len(begun), -1, -1), begun, loops)
        apart = (ends - limit).flatten(1).norm(dim=1) / limit.norm()
        same = settled & stood & (apart <= SAME)
        out.append({"starts": starts, "settled": int(settled.sum()), "same": int(same.sum())})
    return out


def _starts(first: Tensor, limit: Tensor, starts: int, generator: torch.Generator) -> Tensor:
    each = (starts - 1) // (len(SIZES) + 1)
    sizes = torch.tensor([size for size in SIZES for _ in range(each)])
    sides = torch.randn((starts - 1, *first.shape[1:]), generator=generator)
    near = first + sizes[:, None, None] * first.norm() * _unit(sides[: len(sizes)])
    far = sides[len(sizes) :] * limit.square().mean().sqrt()
    return torch.cat([first, near, far])


def _unit(states: Tensor) -> Tensor:
    return states / states.flatten(1).norm(dim=1)[:, None, None]


def _ends(model: LoopedTransformer, e: Tensor, h: Tensor, loops: int) -> tuple[Tensor, Tensor]:
    """The last states, and which of the orbits have settled."""
    context, before = model.prepare(e, folded=True), h
    for _ in range(loops):
        before, h = h, model.advance(h, context)
    step, size = ((z.flatten(1).norm(dim=1)) for z in (h - before, h))
    return h, step <= STOOD * size
