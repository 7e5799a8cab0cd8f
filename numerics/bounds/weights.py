"""The weights of a block of attention and MLP, as the bounds of L2 and L3 need them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...support.errors import UsageError
from ...theory.architecture import Architecture, Residual
from ...theory.bounds.strength_predicates import HOMOGENEOUS
from ..arrays import Array
from ..formulas import numeric
from ..loops.block_loop import BlockLoop
from ..loops.sub_blocks import DualAttention, DualMLP


@dataclass(frozen=True)
class AffineWeights:
    """The map x -> matrix x + bias of a token.

    Args:
        matrix: of shape (m, n).
        bias: of shape (m,).
    """

    matrix: Array
    bias: Array

    @cached_property
    def norm(self) -> float:
        """The 2-norm of the matrix."""
        return float(np.linalg.norm(self.matrix, 2))

    @cached_property
    def offset(self) -> float:
        """The 2-norm of the bias."""
        return float(np.linalg.norm(self.bias))


@dataclass(frozen=True)
class AttentionWeights:
    """An attention with QK-norm.

    Args:
        queries: the query map of each head; likewise `keys` and `values`.
        keys: the key maps.
        values: the value maps.
        out: the output map.
        gain_q: the largest gain of the norm of queries.
        gain_k: the largest gain of the norm of keys.
    """

    queries: tuple[AffineWeights, ...]
    keys: tuple[AffineWeights, ...]
    values: tuple[AffineWeights, ...]
    out: AffineWeights
    gain_q: float
    gain_k: float

    @property
    def width(self) -> int:
        """The width of a head."""
        return len(self.queries[0].bias)


@dataclass(frozen=True)
class MLPWeights:
    """The update W_2 phi(W_1 x + b_1) + b_2.

    Args:
        inner: the map W_1, b_1.
        out: the map W_2, b_2.
        activation: the name of phi.
    """

    inner: AffineWeights
    out: AffineWeights
    activation: str

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant |W_2| s |W_1|."""
        return self.out.norm * slope(self.activation) * self.inner.norm


@dataclass(frozen=True)
class Gains:
    """The largest gain of each norm of a sub-block; None where there is none."""

    total: float | None = None
    update: float | None = None
    argument: float | None = None


@dataclass(frozen=True)
class BlockWeights:
    """A block: attention, then MLP, with their norms and the recall mix.

    Args:
        architecture: recall and norm; the residual is `add`.
        attention: the attention.
        mlp: the MLP.
        gains: the gains of the norms of both sub-blocks.
        mix: W_x with the offset of the mix that the input does not change; None without recall.
        width: the width of a token.
        eps: the constant of all norms.

    Raises:
        UsageError: the residual is not `add`.
    """

    architecture: Architecture
    attention: AttentionWeights
    mlp: MLPWeights
    gains: tuple[Gains, Gains]
    mix: AffineWeights | None
    width: int
    eps: float

    def __post_init__(self) -> None:
        if self.architecture.residual is not Residual.ADD:
            raise UsageError(
                f"no Lipschitz bound for {self.architecture}: the bounds are for the residual add"
            )

    @property
    def state_size(self) -> float:
        """The largest norm of a token of the state; infinite without outer norm."""
        gain = self.gains[1].total
        return np.inf if gain is None else gain * self.width**0.5


def slope(activation: str) -> float:
    """The largest |phi'|: 1 for ReLU and tanh, 1.1289... for GELU, at most 1.1 for SiLU.

    Args:
        activation: the name of phi.

    Raises:
        UsageError: no bound is known for that activation.

    Example:
        >>> from loopstab.numerics.bounds.weights import slope
        >>> round(slope("gelu"), 4)
        1.1289
    """
    known = {
        "relu": 1.0,
        "tanh": 1.0,
        "identity": 1.0,
        "gelu": float(numeric("largest_gelu_slope")()),
        "silu": 1.1,
    }
    if activation not in known:
        raise UsageError(
            f"no bound of the slope of {activation!r} is known: use one of {', '.join(known)}"
        )
    return known[activation]


def gap_to_relu(activation: str) -> float:
    """A bound of |phi - ReLU| for an activation that is nearly homogeneous.

    Args:
        activation: the name of phi.

    Raises:
        UsageError: it is not ReLU or GELU.
    """
    if activation not in HOMOGENEOUS:
        raise UsageError(
            f"phi(tau x)/tau does not tend to ReLU for {activation!r}: the bound of L2 for internal"
            f" recall is for {' and '.join(HOMOGENEOUS)}"
        )
    return float(HOMOGENEOUS[activation])


def heads_of(matrix: Array, bias: Array, heads: int) -> tuple[AffineWeights, ...]:
    """The maps of the heads, from one matrix whose rows are the outputs of all heads.

    Args:
        matrix: of shape (heads x width of a head, width).
        bias: of shape (heads x width of a head,).
        heads: number of heads.
    """
    pairs = zip(np.split(matrix, heads), np.split(bias, heads), strict=True)
    return tuple(AffineWeights(*pair) for pair in pairs)


def of_loop(loop: BlockLoop) -> BlockWeights:
    """The weights of a loop with one attention, then one MLP.

    Args:
        loop: the loop.

    Raises:
        UsageError: it has other sub-blocks, or another residual than `add`.

    Example:
        >>> from loopstab import Architecture
        >>> from loopstab.numerics.bounds.weights import of_loop
        >>> from loopstab.numerics.loops.block_loop import random_loop
        >>> of_loop(random_loop(Architecture.parse("external/post"), 4)).state_size
        2.0
    """
    if [type(block) for block in loop.blocks] != [DualAttention, DualMLP]:
        raise UsageError("the bounds are for blocks of one attention, then one MLP")
    attention, mlp = loop.blocks
    assert isinstance(attention, DualAttention)
    assert isinstance(mlp, DualMLP)
    zero, arch = np.zeros(len(loop.w_x)), loop.architecture
    gain = float(np.abs(loop.gain).max())
    gains = Gains(*(gain if place else None for place in _places(arch)))
    q, k, v = (
        heads_of(w, zero, attention.heads) for w in (attention.w_q, attention.w_k, attention.w_v)
    )
    return BlockWeights(
        arch,
        AttentionWeights(q, k, v, AffineWeights(attention.w_o, zero), 1.0, 1.0),
        MLPWeights(
            AffineWeights(mlp.w1, mlp.b1), AffineWeights(mlp.w2, mlp.b2), mlp.activation.scalar.name
        ),
        (gains, gains),
        AffineWeights(loop.w_x, loop.b) if arch.recall.present else None,
        len(loop.w_x),
        loop.eps,
    )


def _places(arch: Architecture) -> Iterable[bool]:
    return arch.norm.on_sum, arch.norm.on_update, arch.inner_norm
