"""kappa(tau) of a post-norm block whose recall is scaled by tau (L2), and the threshold tau_0."""

from __future__ import annotations

import math

import numpy as np

from ...support.errors import UsageError
from ...theory.architecture import Norm
from ...theory.bounds.strength import Head, Strength
from ..arrays import Array
from .weights import BlockWeights, gap_to_relu, slope

STRONGEST = 1e12
"""The strongest recall that is tried: no bound below 1 up to there counts as none."""


def strength(weights: BlockWeights, tokens: Array, attended: Array, update: Array) -> Strength:
    """The numbers of L2 for a post-norm block and one input.

    Args:
        weights: the block.
        tokens: c = W_e e, without the bias of the mix, (tokens, width).
        attended: the attention to the tokens c in the limit: without biases, and with eps = 0 in
            the norms of queries and keys, (tokens, width).
        update: external: y + m(y), where y is the normalised c + attended (with eps = 0) and m the
            MLP; internal: W_2 ReLU(W_1 c) of each token. (tokens, width).

    Returns:
        The numbers, whose `kappa` is the bound.

    Raises:
        UsageError: the block has no recall or is not post-norm; with internal recall: the
            activation is neither ReLU nor GELU.
    """
    arch, mix, attention, mlp = weights.architecture, weights.mix, weights.attention, weights.mlp
    if mix is None or arch.norm is not Norm.POST:
        raise UsageError(
            f"kappa(tau) is for post-norm blocks with recall, not for {arch}: L2 has no bound there"
        )
    first, second = (gains.total or 0.0 for gains in weights.gains)
    root = weights.width**0.5
    state, middle = second * root, first * root
    drift = mix.norm * state + mix.offset
    heads = tuple(
        Head(
            q.norm,
            k.norm,
            v.norm,
            q.norm * drift + q.offset,
            k.norm * drift + k.offset,
            v.norm * drift + v.offset,
            _norms(tokens @ q.matrix.T).min(),
            _norms(tokens @ k.matrix.T).min(),
            _norms(tokens @ v.matrix.T).max(),
            attention.gain_q,
            attention.gain_k,
            attention.width,
        )
        for q, k, v in zip(attention.queries, attention.keys, attention.values, strict=True)
    )
    internal, shift_mlp = arch.recall.in_update, 0.0
    if internal:
        moved = mix.norm * middle + mix.offset
        hidden = len(mlp.inner.bias)
        gap = gap_to_relu(mlp.activation) * hidden**0.5
        hidden_moved = slope(mlp.activation) * (mlp.inner.norm * moved + mlp.inner.offset)
        shift_mlp = mlp.out.norm * (hidden_moved + gap) + mlp.out.offset
        limits = attended, update
    else:
        limits = tokens + attended, update
    limit, limit_mlp = (float(_norms(z).min()) for z in limits)
    return Strength(
        internal,
        heads,
        attention.out.norm,
        attention.out.offset,
        mix.norm,
        drift,
        state,
        limit,
        mlp.lipschitz,
        limit_mlp,
        shift_mlp,
        (first, second),
        weights.width,
        weights.eps,
    )


def threshold(numbers: Strength) -> float:
    """tau_0: the recall strength from which on kappa(tau) < 1, to a relative 1e-6.

    Args:
        numbers: what `strength` returned.

    Returns:
        The threshold; infinite where kappa(tau) >= 1 up to tau = 1e12, such as where the limit
        vanishes.
    """
    low, high = 0.0, 1.0
    while not numbers.kappa(high) < 1:
        low, high = high, 2 * high
        if high > STRONGEST:
            return math.inf
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if numbers.kappa(middle) < 1 else (middle, high)
    return high


def _norms(z: Array) -> Array:
    return np.linalg.norm(z, axis=-1)
