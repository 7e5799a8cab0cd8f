"""The Lipschitz bounds of L2 and L3 for trained loops, beside what is measured of them."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...numerics.bounds.lipschitz import lipschitz
from ...numerics.bounds.recall import threshold
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.singular import largest_singular_value
from ...support.errors import UsageError
from ...theory.bounds.strength import Strength
from ..loops.torch_loop import TorchLoop
from ..network.checkpoint import Checkpoint
from ..network.transformer import LoopedTransformer
from .network_bounds import block_weights, has_strength, network_stations, network_strength
from .trained import TrainedLoop

RADIUS = 1e-3
"""Radius of the ball around the settled state, for every token."""
SETTLED = 1e-9
"""Relative step below which a state counts as settled."""
ROUNDING = 1e-9
"""Relative rounding of what is measured."""
MATCH = 1e-6
"""Relative distance below which two orbits count as having reached one state."""


@dataclass(frozen=True)
class AtStrength:
    """What happens with recall tau W_e e.

    Attributes:
        tau: the strength.
        kappa: the bound kappa(tau) of L2; infinite where tau is too small for it.
        stretch: the largest measured stretch of the largest norm of a token, at the last state.
        one_point: whether orbits from h_0 = e and from a random state settled at one state.
    """

    tau: float
    kappa: float
    stretch: float
    one_point: bool


@dataclass(frozen=True)
class LipschitzRecord:
    """The bounds of one checkpoint, for one input.

    Attributes:
        name: name of the checkpoint.
        architecture: recall, norm and residual.
        space: kappa on the whole state space, in the largest norm of a token.
        space_two: the same in the 2-norm over all tokens.
        settled: whether the orbit settled.
        ball: kappa on the ball around the last state, in the largest norm of a token.
        ball_two: the same in the 2-norm.
        radius: the radius of the ball.
        point: kappa in the limit of a small ball.
        stretch: the largest measured stretch at the last state, largest norm of a token.
        norm_two: the measured 2-norm of the Jacobian there.
        tau_0: the recall strength from which on L2 proves contraction; None where L2 says nothing.
        strengths: what happens at other recall strengths.
    """

    name: str
    architecture: str
    space: float
    space_two: float
    settled: bool
    ball: float
    ball_two: float
    radius: float
    point: float
    stretch: float
    norm_two: float
    tau_0: float | None = None
    strengths: tuple[AtStrength, ...] = ()

    @property
    def dominates(self) -> bool:
        """Whether no bound is below what was measured at a state that it speaks of."""
        pairs = [(self.point, self.stretch), (self.ball_two, self.norm_two)]
        pairs += [(at.kappa, at.stretch) for at in self.strengths]
        return all(bound >= value * (1 - ROUNDING) for bound, value in pairs)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; what is infinite becomes the string inf."""
        return _plain(asdict(self))


def lipschitz_record(
    source: str | Path | Checkpoint,
    *,
    name: str = "",
    radius: float = RADIUS,
    loops: int = 1000,
    tau: tuple[float, ...] = (),
    data: str | Path | None = None,
    seed: int = 0,
) -> LipschitzRecord:
    """Compute the Lipschitz bounds of a trained loop, for one input of its task.

    Args:
        source: a checkpoint, or the path of its .safetensors file.
        name: a name for the record.
        radius: radius of the ball around the settled state; default 0.001.
        loops: iterations after which the orbit counts as not settled; default 1000.
        tau: recall strengths at which kappa(tau) is held against the scaled network, where L2
            speaks of it; default none.
        data: prepared data file of the task, where it needs one.
        seed: seed of the input; default 0.

    Returns:
        The record.

    Raises:
        UsageError: a loop of several blocks or a gated residual, for which there are no bounds;
            the task needs a data file; a number is out of range.

    Example:
        >>> from loopstab.models.measure.lipschitz import lipschitz_record
        >>> from loopstab.models.zoo import zoo
        >>> record = lipschitz_record(zoo.load("internal-post"), loops=50)
        >>> record.norm_two < record.ball_two < record.space_two
        True
    """
    for what, value, fine in (
        ("the radius", radius, radius >= 0),
        ("the number of loops", loops, loops >= 1),
        *(("a recall strength", t, 0 < t < math.inf) for t in tau),
    ):
        if not fine:
            raise UsageError(f"{what} is out of range: {value!r}")
    trained = TrainedLoop.open(source, data)
    model = trained.model
    weights = block_weights(model)
    loop, e = trained.loop_and_input(seed)
    h, settled = _settle(model, torch.from_numpy(e), loops)
    recalled, seen = 0.0, _seen(model, e.shape[1])
    if model.w_e is not None:
        recalled = float((torch.from_numpy(e) @ model.w_e.weight.detach().t()).norm(dim=-1).max())
    at = network_stations(model, weights, h, torch.from_numpy(e))
    around = {"stations": at, "radius": radius}
    j = Linearisation(loop, h.numpy(), e)
    record = LipschitzRecord(
        name,
        str(model.config.architecture),
        lipschitz(weights, recalled=recalled).kappa,
        lipschitz(weights, recalled=recalled, seen=seen).kappa,
        settled,
        lipschitz(weights, **around).kappa,
        lipschitz(weights, seen=seen, **around).kappa,
        radius,
        lipschitz(weights, stations=at).kappa,
        largest_stretch(j, h.shape),
        largest_singular_value(j, tol=1e-3).value,
    )
    if not has_strength(model):
        return record
    numbers = network_strength(model, weights, torch.from_numpy(e))
    tests = tuple(_at_strength(model, numbers, torch.from_numpy(e), t, loops) for t in tau)
    return replace(record, tau_0=threshold(numbers), strengths=tests)


def largest_stretch(j: Linearisation, shape: tuple[int, ...], steps: int = 60) -> float:
    """A lower bound of the norm of J in the largest norm of a token, by a power method.

    Args:
        j: the Jacobian at a state.
        shape: the shape of the state, (1, cells, width).
        steps: products with J and with its transpose; default 60.

    Returns:
        The largest norm of a token of J v among the vectors v tried, whose tokens all have norm 1.
    """
    tokens = (-1, shape[-1])
    v = np.random.default_rng(0).standard_normal(shape).reshape(tokens)
    best = 0.0
    for _ in range(steps):
        v = v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-300)
        image = np.asarray(j(v.ravel())).reshape(tokens)
        sizes = np.linalg.norm(image, axis=1)
        if sizes.max() <= best * (1 + 1e-9):
            break
        best, top = float(sizes.max()), int(sizes.argmax())
        u = np.zeros_like(image)
        u[top] = image[top]
        v = np.asarray(j.adjoint(u.ravel())).reshape(tokens)
    return best


@torch.no_grad()
def _settle(
    model: LoopedTransformer, e: Tensor, loops: int, start: Tensor | None = None
) -> tuple[Tensor, bool]:
    """The state after at most that many iterations, and whether it settled."""
    context, h = model.prepare(e, folded=True), model.initial(e) if start is None else start
    for _ in range(loops):
        before, h = h, model.advance(h, context)
        if float((h - before).norm()) <= SETTLED * float(h.norm()):
            return h, True
    return h, False


@torch.no_grad()
def _at_strength(
    model: LoopedTransformer, numbers: Strength, e: Tensor, tau: float, loops: int
) -> AtStrength:
    scaled = copy.deepcopy(model)
    assert scaled.w_e is not None
    scaled.w_e.weight.mul_(tau)
    h, settled = _settle(scaled, e, loops)
    start = torch.from_numpy(np.random.default_rng(1).standard_normal(h.shape))
    other, again = _settle(scaled, e, loops, start)
    near = float((h - other).norm()) <= MATCH * float(h.norm())
    stretch = largest_stretch(Linearisation(TorchLoop.of(scaled), h.numpy(), e.numpy()), h.shape)
    return AtStrength(tau, numbers.kappa(tau), stretch, settled and again and near)


def _seen(model: LoopedTransformer, cells: int) -> int:
    """How many queries see one key at most."""
    window, axes = model.config.window, model.config.axes
    return cells if window is None else min(cells, window**axes)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
