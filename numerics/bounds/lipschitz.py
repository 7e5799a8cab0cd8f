"""kappa of a block from its weights (L3): on the whole state space, or on a ball around a state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..formulas import numeric
from .weights import AffineWeights, BlockWeights, Gains, MLPWeights


@dataclass(frozen=True)
class Stations:
    """What stands at the places of a sub-block at one state: norms of tokens.

    Args:
        argument: the smallest norm before the norm of the argument.
        update: the smallest norm before the norm of the update.
        total: the smallest norm of the sum of state and update.
        queries: for attention, the smallest norm of a query of each head before QK-norm.
        keys: the same for keys.
        values: the largest norm of a value of each head.
    """

    argument: float
    update: float
    total: float
    queries: tuple[float, ...] = ()
    keys: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class LipschitzBound:
    """A Lipschitz bound of the step, computed in float64 without rounding outwards.

    Attributes:
        kappa: the bound.
        attention: the factor of the attention sub-block.
        mlp: the factor of the MLP sub-block.
    """

    kappa: float
    attention: float
    mlp: float


def lipschitz(
    weights: BlockWeights,
    *,
    seen: int | None = None,
    recalled: float = 0.0,
    stations: tuple[Stations, Stations] | None = None,
    radius: float = 0.0,
) -> LipschitzBound:
    """The Lipschitz bound kappa of the step of a block (L3).

    Args:
        weights: the block.
        seen: for the 2-norm over all tokens, how many queries see one key at most; default None:
            the largest 2-norm of a token.
        recalled: the largest |W_e e| of a token; needed for the whole state space where the
            attention reads a mix that is not normalised.
        stations: what stands at the places of both sub-blocks at the centre of a ball of states;
            default None: the whole state space, on which the norms are bounded through eps.
        radius: the radius of the ball, for every token; default 0.

    Returns:
        The bound; infinite where a norm has eps = 0 and nothing bounds its argument from below.

    Raises:
        UsageError: the radius is not possible.

    Example:
        >>> from loopstab import Architecture
        >>> from loopstab.numerics.bounds.lipschitz import lipschitz
        >>> from loopstab.numerics.bounds.weights import of_loop
        >>> from loopstab.numerics.loops.block_loop import random_loop
        >>> weights = of_loop(random_loop(Architecture.parse("none/post"), 4, eps=0.25))
        >>> lipschitz(weights).kappa > 4  # 1/sqrt(eps) for each norm
        True
    """
    if not radius >= 0:
        raise UsageError(f"the radius of a ball is at least 0, not {radius!r}")
    recall, mix = weights.architecture.recall, weights.mix
    external = mix.norm if recall.in_stream and mix is not None else 1.0
    rho = radius * external
    factors = []
    for k, gains in enumerate(weights.gains):
        here = None if stations is None else stations[k]
        factor = _sub_block(weights, k, gains, here, rho, seen, recalled)
        factors.append(factor)
        rho *= factor
    return LipschitzBound(external * factors[0] * factors[1], *factors)


def _sub_block(
    weights: BlockWeights,
    k: int,
    gains: Gains,
    here: Stations | None,
    rho: float,
    seen: int | None,
    recalled: float,
) -> float:
    """The Lipschitz constant of one sub-block, for states within rho of the centre."""

    def norm(gain: float | None, low: float, moved: float) -> float:
        if gain is None:
            return 1.0
        floor = 0.0 if here is None else max(low - moved, 0.0)
        return norm_lipschitz(gain, weights.width, floor, weights.eps)

    mix = weights.mix if weights.architecture.recall.in_update else None
    inner = 1.0 if mix is None else mix.norm
    argument = norm(gains.argument, here.argument if here else 0.0, rho)
    read = rho * argument * inner
    if k == 0:
        update = _attention(weights, here, read, seen, _largest_read(weights, recalled))
    else:
        update = weights.mlp.lipschitz
    moved = read * update
    after = norm(gains.update, here.update if here else 0.0, moved)
    total = norm(gains.total, here.total if here else 0.0, rho + moved * after)
    return float(numeric("sub_block_lipschitz")(total, after, argument, inner, update))


def _largest_read(weights: BlockWeights, recalled: float) -> float:
    """The largest norm of what the attention reads on the whole state space."""
    recall, mix = weights.architecture.recall, weights.mix
    size = weights.state_size
    if recall.in_stream and mix is not None:
        size = mix.norm * size + recalled + mix.offset
    gain = weights.gains[0].argument
    if gain is not None:
        size = gain * weights.width**0.5
    if recall.in_update and mix is not None:
        size = mix.norm * size + recalled + mix.offset
    return size


def _attention(
    weights: BlockWeights, here: Stations | None, rho: float, seen: int | None, largest: float
) -> float:
    attention = weights.attention
    root = 1.0 if seen is None else float(np.sqrt(seen))
    total = 0.0
    for head, (q, k, v) in enumerate(
        zip(attention.queries, attention.keys, attention.values, strict=True)
    ):
        if here is None:
            low_q = low_k = 0.0
            size = v.norm * largest + v.offset
        else:
            low_q = max(here.queries[head] - q.norm * rho, 0.0)
            low_k = max(here.keys[head] - k.norm * rho, 0.0)
            size = here.values[head] + v.norm * rho
        slopes = (
            part.norm * norm_lipschitz(gain, attention.width, low, weights.eps)
            for part, gain, low in ((q, attention.gain_q, low_q), (k, attention.gain_k, low_k))
        )
        constant = numeric("head_lipschitz")(
            v.norm, size, attention.gain_q, attention.gain_k, *slopes, root
        )
        total += float(constant) * float(constant)  # infinite, where a power is an OverflowError
    return attention.out.norm * total**0.5


def norm_lipschitz(gain: float, width: int, floor: float, eps: float) -> float:
    """The Lipschitz constant of RMSNorm on vectors of norm at least `floor`.

    Args:
        gain: the largest gain.
        width: the number of coordinates.
        floor: the smallest norm.
        eps: the constant under the root.

    Returns:
        The constant; infinite where floor and eps are 0.

    Example:
        >>> from loopstab.numerics.bounds.lipschitz import norm_lipschitz
        >>> norm_lipschitz(2.0, 4, 4.0, 0.0), norm_lipschitz(1.0, 4, 0.0, 0.01)
        (1.0, 10.0)
    """
    if floor == 0 and eps == 0:
        return float("inf")
    return float(numeric("norm_lipschitz")(gain, width, floor, eps))


def stations(
    attention: tuple[tuple[AffineWeights, ...], ...] | MLPWeights,
    *,
    source: Array,
    read: Array,
    update: Array,
    total: Array,
) -> Stations:
    """What stands at the places of a sub-block, from arrays of tokens (tokens, width).

    Args:
        attention: queries, keys and values of the heads, or an MLP.
        source: what comes before the norm of the argument.
        read: what the update reads.
        update: the update before its norm.
        total: the sum of state and update before its norm.
    """

    def smallest(z: Array) -> float:
        return float(np.linalg.norm(z, axis=-1).min())

    def largest(z: Array) -> float:
        return float(np.linalg.norm(z, axis=-1).max())

    heads: tuple[tuple[float, ...], ...] = ((), (), ())
    if not isinstance(attention, MLPWeights):
        images = [[read @ w.matrix.T + w.bias for w in maps] for maps in attention]
        pick = (smallest, smallest, largest)
        heads = tuple(tuple(f(z) for z in zs) for f, zs in zip(pick, images, strict=True))
    return Stations(smallest(source), smallest(update), smallest(total), *heads)
