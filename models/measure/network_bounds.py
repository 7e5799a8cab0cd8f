"""What the bounds of L2 and L3 need to know of a network and of one of its states."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from ...numerics.bounds.lipschitz import Stations, stations
from ...numerics.bounds.recall import strength
from ...numerics.bounds.weights import (
    AffineWeights,
    AttentionWeights,
    BlockWeights,
    Gains,
    MLPWeights,
    heads_of,
)
from ...support.errors import UsageError
from ...theory.architecture import Norm
from ...theory.bounds.strength import Strength
from ..network.attention import Attention
from ..network.mlp import MLP
from ..network.transformer import Block, LoopedTransformer, SubBlock


def block_weights(model: LoopedTransformer) -> BlockWeights:
    """The weights of a network of one block, as the bounds need them.

    Args:
        model: the network.

    Raises:
        UsageError: an iteration runs several blocks, or the residual is not `add`.
    """
    if len(model.blocks) != 1:
        raise UsageError(f"the bounds are for one block per iteration, not {len(model.blocks)}")
    block = model.blocks[0]
    assert isinstance(block, Block)
    attention, mlp = block.attention.update, block.mlp.update
    assert isinstance(attention, Attention)
    assert isinstance(mlp, MLP)
    heads = model.config.heads
    q, k, v = (
        heads_of(*_arrays(layer), heads) for layer in (attention.q, attention.k, attention.v)
    )
    mix = None
    if model.w_x is not None and model.w_e is not None:
        mix = AffineWeights(_array(model.w_x.weight), _array(model.w_e.bias))
    return BlockWeights(
        model.config.architecture,
        AttentionWeights(
            q,
            k,
            v,
            AffineWeights(*_arrays(attention.o)),
            _largest(attention.q_norm.gain),
            _largest(attention.k_norm.gain),
        ),
        MLPWeights(AffineWeights(*_arrays(mlp.up)), AffineWeights(*_arrays(mlp.down)), "gelu"),
        (_gains(block.attention), _gains(block.mlp)),
        mix,
        model.config.width,
        model.config.eps,
    )


@torch.no_grad()
def network_stations(
    model: LoopedTransformer, weights: BlockWeights, h: Tensor, e: Tensor
) -> tuple[Stations, Stations]:
    """What stands at the places of both sub-blocks at a state (1, cells, width).

    Args:
        model: the network, of one block.
        weights: its weights, from `block_weights`.
        h: the state.
        e: the embedding of the input.
    """
    context, recall = model.prepare(e), model.config.architecture.recall
    mix, source = context.mix, h
    if recall.in_stream and mix is not None:
        source = h = mix(h)
        mix = mix if recall.in_update else None
    parts = (weights.attention.queries, weights.attention.keys, weights.attention.values)
    block, found = model.blocks[0], []
    assert isinstance(block, Block)
    for sub, maps, kind in zip(
        (block.attention, block.mlp), context.blocks[0], (parts, weights.mlp), strict=True
    ):
        read = source if sub.inner is None else sub.inner(source)
        read = read if mix is None else mix(read)
        u = sub.update(read, context.geometry, maps)
        norm = sub.outer if sub.middle is None else sub.middle
        added = norm(u) if sub.norms_update and norm is not None else u
        found.append(
            stations(
                kind,
                source=source[0].numpy(),
                read=read[0].numpy(),
                update=u[0].numpy(),
                total=(h + added)[0].numpy(),
            )
        )
        h = source = sub(h, source, mix, context.geometry, maps)
    first, second = found
    return first, second


@torch.no_grad()
def network_strength(model: LoopedTransformer, weights: BlockWeights, e: Tensor) -> Strength:
    """The numbers of L2 for a post-norm network with recall and one input (1, cells, width).

    Args:
        model: the network, of one block.
        weights: its weights, from `block_weights`.
        e: the embedding of the input.

    Raises:
        UsageError: the network has no recall or is not post-norm.
    """
    if not has_strength(model):
        raise UsageError(
            f"kappa(tau) is for post-norm loops with recall, not for {model.config.architecture}"
        )
    assert model.w_e is not None
    c = e @ model.w_e.weight.t()
    block = model.blocks[0]
    assert isinstance(block, Block)
    bare = copy.deepcopy(block.attention.update)
    assert isinstance(bare, Attention)
    for layer in (bare.q, bare.k, bare.v, bare.o):
        nn.init.zeros_(layer.bias)
    bare.q_norm.eps = bare.k_norm.eps = 0.0
    geometry = model.prepare(e).geometry
    attended = bare(c, geometry, bare.prepare(geometry))
    mlp, norm = block.mlp.update, copy.deepcopy(block.attention.outer)
    assert isinstance(mlp, MLP)
    assert norm is not None
    if model.config.architecture.recall.in_update:
        update = torch.relu(c @ mlp.up.weight.t()) @ mlp.down.weight.t()
    else:
        norm.eps = 0.0
        y = norm(c + attended)
        update = y + mlp(y, geometry, mlp.prepare(geometry))
    return strength(weights, c[0].numpy(), attended[0].numpy(), update[0].numpy())


def has_strength(model: LoopedTransformer) -> bool:
    """Whether L2 speaks of the network: it is post-norm with recall."""
    arch = model.config.architecture
    return arch.recall.present and arch.norm is Norm.POST


def _gains(sub: SubBlock) -> Gains:
    on_update = sub.outer if sub.middle is None else sub.middle
    places = (
        sub.outer if sub.norms_sum else None,
        on_update if sub.norms_update else None,
        sub.inner,
    )
    return Gains(*(None if norm is None else _largest(norm.gain) for norm in places))


def _largest(gain: Tensor) -> float:
    return float(gain.detach().abs().max())


def _array(t: Tensor) -> np.ndarray:
    return t.detach().double().numpy()


def _arrays(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    return _array(layer.weight), _array(layer.bias)
