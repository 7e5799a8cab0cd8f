"""The fixed point near the state that an input reaches, and what the loop does there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...numerics.arrays import Array
from ...numerics.fixed_points.newton import newton
from ...numerics.formulas import numeric
from ...numerics.loops.protocol import LoopError
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.radius import spectral_radius
from ..loops.torch_loop import TorchLoop
from ..network.transformer import LoopedTransformer

LOOPS = 64
"""Iterations before the search for a fixed point begins, unless others are asked for."""
MOVING = 0.05
"""Relative step after these iterations beyond which no fixed point is looked for."""
NEAR = 0.1
"""Distance from the fixed point, relative to it, up to which the orbit counts as going there."""
STILL = 1e-6
"""Relative step at which an orbit counts as having arrived."""
PERIODS = 8
"""The longest cycle that is looked for has so many times fewer iterations than the orbit."""
RETURNS = 0.1
"""A cycle returns closer than this share of a step."""
STEPS, PRODUCTS = 15, 150
"""Most Newton steps, and products with J after which no further one is begun."""
SPECTRUM = 1e-3
"""Relative accuracy of the spectral radius."""
BUDGET = 300
"""Most products with J for one spectral radius."""


@dataclass(frozen=True)
class NearPoint:
    """What was found of one input after some iterations.

    Attributes:
        how: `newton` if a fixed point was found; `not found` if Newton's method failed; `returns`
            if the orbit comes back after `period` iterations and is not slowing; `moving` if it
            still moves so far that no fixed point was looked for; `left` if the states are not
            finite.
        step: the last relative step.
        slowing: whether it is less than half of the one that was taken half of the iterations ago.
        grown: the factor by which the norm grew over the second half of the iterations.
        period: after how many iterations the orbit returns; None if it does not.
        rho: spectral radius at the fixed point; None without one.
        leading: the leading eigenvalue there, as real and imaginary part.
        distance: distance of the orbit from the point, relative to it.
        loops: iterations to the relative step `STILL`, counted, or by rho from the last one (X5).
        constant_after: iteration from which the answer is that of the fixed point, counted, or by
            rho and the margins (L4).
        right: whether the answer at the fixed point is right.
        state: the fixed point, (1, cells, width); not in the record.
    """

    how: str
    step: float
    slowing: bool
    grown: float
    period: int | None = None
    rho: float | None = None
    leading: tuple[float, float] | None = None
    distance: float | None = None
    loops: float | None = None
    constant_after: float | None = None
    right: bool | None = None
    state: Array | None = None

    @property
    def attracts(self) -> bool:
        """Whether the orbit goes to a fixed point at which the spectral radius is below 1."""
        return self.rho is not None and self.rho < 1 and (self.distance or 0.0) <= NEAR

    def to_json(self) -> dict[str, Any]:
        """All attributes but the state, as a JSON object."""
        return {name: value for name, value in vars(self).items() if name != "state"}


@torch.no_grad()
def near_point(
    model: LoopedTransformer, x: Tensor, target: Tensor, loops: int = LOOPS
) -> NearPoint:
    """Run the loop on one input, and look for the fixed point near the state that it reaches.

    Args:
        model: the loop, in float64.
        x: the input, (1, cells, channels).
        target: the right answer, (1, cells).
        loops: iterations before the search begins; at least 16.

    Returns:
        What was found.
    """
    e = model.encode(x.double())
    context, states = model.prepare(e, folded=True), [model.initial(e)]
    for _ in range(loops):
        states.append(model.advance(states[-1], context))
    orbit = torch.cat(states)
    sizes = orbit.flatten(1).norm(dim=1).numpy()
    if not np.isfinite(sizes).all() or not sizes.all():
        return NearPoint("left", math.inf, False, math.inf)
    steps = (orbit[1:] - orbit[:-1]).flatten(1).norm(dim=1).numpy() / sizes[:-1]
    half = loops // 2
    slowing = bool(steps[-1] < steps[half - 1] / 2)
    grown = float(sizes[-1] / sizes[half])
    seen = {"step": float(steps[-1]), "slowing": slowing, "grown": grown}
    # a spiral that slows down to a fixed point comes back as closely as a cycle
    if steps[-1] > STILL and not slowing and (period := _period(orbit)) is not None:
        return NearPoint("returns", **seen, period=period)
    if steps[-1] > MOVING:
        return NearPoint("moving", **seen)
    loop = TorchLoop.of(model)
    try:
        found = newton(loop, states[-1].numpy(), e.numpy(), most=STEPS, budget=PRODUCTS)
        if not found.converged:
            return NearPoint("not found", **seen)
        j = Linearisation(loop, found.state, e.numpy())
        spectrum = spectral_radius(j, tol=SPECTRUM, budget=BUDGET)
    except LoopError:
        return NearPoint("not found", **seen)
    rho, point = spectrum.value, torch.from_numpy(found.state)
    arrived = np.flatnonzero(steps <= STILL)
    needed = float(arrived[0] + 1) if len(arrived) else None
    if needed is None and 0 < rho < 1:
        needed = loops + float(numeric("iterations_to_tolerance")(rho, STILL, steps[-1]))
    logits = model.head(point)
    return NearPoint(
        "newton",
        **seen,
        rho=rho,
        leading=(spectrum.eigenvalue.real, abs(spectrum.eigenvalue.imag)),
        distance=float((orbit[-1] - point[0]).norm() / point.norm()),
        loops=needed,
        constant_after=_constant_after(model.head(orbit), logits, rho),
        right=bool((logits.argmax(-1) == target).all()),
        state=found.state,
    )


def _period(orbit: Tensor) -> int | None:
    """The first number of iterations after which the last state returns."""
    longest = (len(orbit) - 1) // PERIODS
    back = (orbit[-1] - orbit[-1 - longest : -1]).flatten(1).norm(dim=1).flip(0)
    closer = torch.nonzero(back[1:] < RETURNS * back[0]).flatten()
    return int(closer[0]) + 2 if len(closer) else None


def _constant_after(logits: Tensor, limit: Tensor, rho: float) -> float | None:
    """The iteration from which the answer is that of the limit.

    Where it is not yet after the last iteration, the deviation of each difference of logits is
    taken to fall like rho^t from there on, as in L4.
    """
    answer = limit.argmax(-1)
    other = (logits.argmax(-1) != answer).any(1)
    if not bool(other[-1]):
        last = torch.nonzero(other).flatten()
        return float(last[-1]) + 1 if len(last) else 0.0
    if not 0 < rho < 1:
        return None
    gaps, margins = (_gaps(one, answer[0]) for one in (logits[-1], limit[0]))
    deviations = (gaps - margins).abs()
    late = deviations > margins
    if not bool((margins > 0).all()):
        return None
    return len(logits) - 1 + float((torch.log(margins / deviations)[late] / math.log(rho)).max())


def _gaps(logits: Tensor, answer: Tensor) -> Tensor:
    """The logit of the answer minus each other one, (cells x other classes,)."""
    chosen = logits.gather(1, answer[:, None])
    other = torch.ones_like(logits, dtype=torch.bool).scatter(1, answer[:, None], False)
    return (chosen - logits)[other]
