"""Which hypotheses of the claims are measured to hold for a trained loop, for its `Weights`.

All of it is computed in floating point: measured, not certified. What a claim needs and no trained
loop can meet stays None: the sinks of R3 (c) and M4 are those of loops of one token, and every task
has several, which attention couples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ...numerics.arrays import Array
from ...numerics.bounds.lipschitz import lipschitz
from ...numerics.bounds.weights import BlockWeights
from ...numerics.formulas import numeric
from ...support.errors import UsageError
from ...theory.architecture import Residual
from ...theory.prediction import Weights
from ..network.mlp import MLP
from ..network.transformer import Block, LoopedTransformer
from .diagnostics import recall_radius
from .network_bounds import block_weights

RANK = 1e-8
"""Least singular value, relative to the largest, of vectors that count as independent; settled
states are known to about 1e-10.
"""
WITHIN = 32
"""Iterations after which an orbit has entered the set of diverging states, or counts as outside."""
SAME_MODULUS = 1e-9
"""Relative distance of the moduli of two eigenvalues that count as equal."""
CELLS = 2048
"""Cells encoded at a time."""

Point = tuple[Array, Array]
"""A settled state and the embedding of its input, both (1, cells, width)."""


def measured_weights(
    model: LoopedTransformer, x: torch.Tensor, points: Sequence[Point], rho: float | None
) -> Weights:
    """All that the rules of prediction ask of a trained loop.

    Args:
        model: the loop, in float64.
        x: inputs of its task, (samples, cells, channels); what is said holds for all of them.
        points: settled states with their inputs.
        rho: the largest spectral radius there; None if none settled.

    Returns:
        The measurements; None stands for a hypothesis that was not found to hold.
    """
    return Weights(
        rho_wx=recall_radius(model),
        kappa=space_constant(model, x),
        rho=rho,
        full_rank=full_rank(model, points),
        hull_distance=hull_distance(model, x),
        escapes=escapes(model, x),
    )


@torch.no_grad()
def space_constant(model: LoopedTransformer, x: torch.Tensor) -> float | None:
    """The Lipschitz constant of L3 on the whole state space, for all of these inputs.

    Args:
        model: a trained loop, in float64.
        x: inputs of its task.

    Returns:
        The constant in the largest norm of a token; None where L3 has no finite one, and for other
        residuals than `add` and loops of several blocks.
    """
    try:
        weights = block_weights(model)
    except UsageError:
        return None
    kappa = lipschitz(weights, recalled=_recalled(model, x)).kappa
    return kappa if np.isfinite(kappa) else None


@torch.no_grad()
def full_rank(model: LoopedTransformer, points: Sequence[Point]) -> bool | None:
    """Whether the last linear map reaches every direction of the state at these points (A2').

    By A2' it does iff the vectors (a_i, 1) of the last hidden activations are linearly
    independent, since eps > 0 here, and where no gain of a norm that follows is 0.

    Args:
        model: a trained loop, in float64.
        points: settled states with their inputs.

    Returns:
        True if it does at every point; None if that was not found, without points, and for
        residuals other than `add`.
    """
    block = model.blocks[-1]
    assert isinstance(block, Block)
    sub, mlp = block.mlp, block.mlp.update
    assert isinstance(mlp, MLP)
    gains = [norm.gain for norm in (sub.outer, sub.middle) if norm is not None]
    if model.config.architecture.residual is not Residual.ADD or not points:
        return None
    if not all(bool((gain != 0).all()) for gain in gains):
        return None
    hidden = (_last_hidden(model, mlp, point) for point in points)
    ranks = (independent(np.hstack([a, np.ones((len(a), 1))])) for a in hidden)
    return True if all(ranks) else None


def _last_hidden(model: LoopedTransformer, mlp: MLP, point: Point) -> Array:
    """The hidden activations of the last MLP in a step from a point, (cells, hidden)."""
    seen: list[torch.Tensor] = []

    def look(_: torch.nn.Module, given: tuple[Any, ...]) -> None:
        x, _, maps = given
        seen.append(F.gelu(maps.entry(x)))

    hook = mlp.register_forward_pre_hook(look)
    try:
        model.step(*map(torch.from_numpy, point))
    finally:
        hook.remove()
    return seen[0][0].numpy()


def independent(rows: Array) -> bool:
    """Whether the rows of a matrix are linearly independent beyond the rounding of their entries.

    Example:
        >>> import numpy as np
        >>> from loopstab.models.measure.hypotheses import independent
        >>> independent(np.eye(2, 3)), independent(np.ones((2, 3))), independent(np.eye(3, 2))
        (True, False, False)
    """
    if len(rows) > rows.shape[1]:
        return False
    values = np.linalg.svd(rows, compute_uv=False)
    return bool(values[-1] > RANK * values[0])


@torch.no_grad()
def hull_distance(model: LoopedTransformer, x: torch.Tensor) -> float | None:
    """A lower bound of the distance of 0 from the convex hull of the values of the update (R3 b).

    Each sub-block adds a value near the one that its output bias alone would give. The bound is the
    least component of the sum along the direction of these values.

    Args:
        model: a trained loop, in float64.
        x: inputs of its task.

    Returns:
        The bound; None where it is not positive, and where R3 says nothing: with an outer norm,
        external recall, another residual than `add` or several blocks.
    """
    arch = model.config.architecture
    if arch.outer_norm or arch.recall.in_stream:
        return None
    try:
        weights = block_weights(model)
    except UsageError:
        return None
    parts = list(_balls(model, weights, _recalled(model, x)))
    total = np.sum([_normed(center, gain, weights.eps) for center, _, gain in parts], axis=0)
    length = float(np.linalg.norm(total))
    if not length:
        return None
    least = sum(_least(total / length, *part, weights.eps) for part in parts)
    return least * x.shape[1] ** 0.5 if least > 0 else None


@torch.no_grad()
def escapes(model: LoopedTransformer, x: torch.Tensor) -> bool | None:
    """Whether all these orbits enter the open set of states that diverge, by R2.

    For a left eigenvector w of W_x with the eigenvalue l, |l| = rho > 1, the number
    g = w (h + (l - 1)^{-1} (W_e e + b)) of a token becomes l g + w u: beyond |w| C/(rho - 1) it
    grows for ever, where C bounds the update.

    Args:
        model: a trained loop, in float64.
        x: inputs of its task.

    Returns:
        Whether each orbit is beyond within `WITHIN` iterations; None where R2 does not ask: without
        external recall, with an outer norm, another residual than `add`, or rho(W_x) <= 1.
    """
    arch = model.config.architecture
    if arch.outer_norm or not arch.recall.in_stream or model.w_x is None or model.w_e is None:
        return None
    try:
        weights = block_weights(model)
    except UsageError:
        return None
    values, vectors = np.linalg.eig(model.w_x.weight.double().numpy().T)
    rho = np.abs(values).max()
    if rho <= 1:
        return None
    bound = 0.0
    for center, radius, gain in _balls(model, weights, 0.0):
        size = np.linalg.norm(center) + radius
        bound += float(size) if gain is None else float(np.abs(gain).max()) * len(center) ** 0.5
    threshold = float(numeric("escape_radius")(rho, bound))
    leading = np.abs(values) >= rho * (1 - SAME_MODULUS)
    values, vectors = values[leading], vectors[:, leading]  # of norm 1
    e = model.encode(x.double())
    context, h = model.prepare(e), model.initial(e)
    shift = model.w_e(e).numpy() @ vectors / (values - 1)
    outside = np.zeros(len(x), bool)
    for _ in range(WITHIN + 1):
        distance = np.abs(h.numpy() @ vectors + shift)
        outside |= (distance > threshold).any((1, 2))
        if outside.all():
            return True
        h = model.advance(h, context)
    return False


@torch.no_grad()
def _recalled(model: LoopedTransformer, x: torch.Tensor) -> float:
    """The largest norm of a token of W_e e, without the bias, over these inputs."""
    if model.w_e is None:
        return 0.0
    weight = model.w_e.weight.t()
    return max(
        float((model.encode(part.double()) @ weight).norm(dim=-1).max())
        for part in x.split(max(1, CELLS // x.shape[1]))
    )


def _balls(
    model: LoopedTransformer, weights: BlockWeights, recalled: float
) -> Iterator[tuple[Array, float, Array | None]]:
    """For each sub-block a ball that holds its update before any norm of it, by R2's bound, and the
    gain of that norm.

    All is of one token; the sub-blocks read a norm, as without outer norm they do.
    """
    block = model.blocks[0]
    assert isinstance(block, Block)
    attention, mlp = weights.attention, weights.mlp
    value_norm = reduce(numeric("head_norm"), (v.norm for v in attention.values), 0.0)
    value_offset = float(np.linalg.norm([v.offset for v in attention.values]))
    maps = (
        (attention.out, value_norm, value_offset),
        # |gelu(x)| <= |x|
        (mlp.out, mlp.inner.norm, mlp.inner.offset),
    )
    subs = (block.attention, block.mlp)
    for sub, gains, (out, inner, offset) in zip(subs, weights.gains, maps, strict=True):
        size = (gains.argument or 0.0) * weights.width**0.5
        if weights.mix is not None and model.config.architecture.recall.in_update:
            size = weights.mix.norm * size + recalled + weights.mix.offset
        radius = float(numeric("update_bound")(out.norm, inner, offset, 0.0, size))
        norm = (sub.outer if sub.middle is None else sub.middle) if sub.norms_update else None
        yield out.bias, radius, None if norm is None else norm.gain.detach().numpy()


def _normed(u: Array, gain: Array | None, eps: float) -> Array:
    return u if gain is None else gain * u / np.sqrt(np.mean(u**2) + eps)


def _least(direction: Array, center: Array, radius: float, gain: Array | None, eps: float) -> float:
    """A lower bound of <direction, N(u)> over the ball, or of <direction, u> without a norm."""
    along = direction if gain is None else direction * gain
    least = float(along @ center - np.linalg.norm(along) * radius)
    if gain is None:
        return least
    size = np.linalg.norm(center)
    farthest = size + radius if least > 0 else max(size - radius, 0.0)
    return least / float(np.sqrt(farthest**2 / len(center) + eps))
