"""Looped blocks on several tokens for every `Architecture`: nonlinear sub-blocks, exact Jacobian
products, NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...support.errors import UsageError
from ...theory.architecture import Architecture, Residual
from ..arrays import Array
from ..ensembles.matrices import ginibre
from .activations import ACTIVATIONS
from .dual import Dual
from .gru_cell import GRUCell
from .sub_blocks import DualAttention, DualMLP, DualSubBlock


@dataclass(frozen=True)
class BlockLoop:
    """A looped map on states of shape (tokens, width) that starts at h_0 = e.

    With external recall z = W_x h + W_e e + b carries the residual stream, but it is never the
    hidden argument of a GRU cell; with internal recall the mix enters each sub-block. A stream that
    decays has `decay` in the place of W_x. Matrices of shape (K, m, n) make a stack of K loops on
    states of shape (K, tokens, width).

    Args:
        architecture: recall, norm and residual.
        blocks: the updates of the sub-blocks, in their order.
        w_x: the weights W_x of the recall mix, of shape (width, width).
        w_e: the weights W_e of the recall mix, of shape (width, width).
        b: the offset of the recall mix, of shape (width,).
        gain: the gain of every norm, of shape (width,).
        eps: the constant under the root of every norm.
        cells: one GRU cell for each sub-block where the residual is `gru`; default none.
        strengths: the number a of each sub-block where the residual is `scaled`; default none.
        decay: the entries of A, of shape (width,) or one number, where the residual is `decay`;
            default 1/2.
    """

    architecture: Architecture
    blocks: tuple[DualSubBlock, ...]
    w_x: Array
    w_e: Array
    b: Array
    gain: Array
    eps: float
    cells: tuple[GRUCell, ...] = ()
    strengths: tuple[float, ...] = ()
    decay: float | Array = 1 / 2

    def initial(self, e: Array) -> Array:
        """h_0 = e."""
        return np.array(e, copy=True)

    def step(self, h: Array, e: Array) -> Array:
        """One loop."""
        none = np.empty((0, *h.shape))  # no direction to differentiate along
        return self.run(Dual(h, none), Dual(e, none)).value

    def jvp(self, h: Array, e: Array, v: Array) -> Array:
        """J v, for v in the shape of h, or several along axes in front."""
        return np.broadcast_to(self.run(Dual(h, v), Dual.constant(e)).tangent, v.shape)

    def input_jvp(self, h: Array, e: Array, v: Array) -> Array:
        """K v, the derivative of the step by e; v as in `jvp`."""
        return np.broadcast_to(self.run(Dual.constant(h), Dual(e, v)).tangent, v.shape)

    def jacobian(self, h: Array, e: Array) -> Array:
        """D_h step, (n, n) for n = tokens x width, all columns at once."""
        return self.jvp(h, e, np.eye(h.size).reshape(-1, *h.shape)).reshape(h.size, h.size).T

    def run(self, h: Dual, e: Dual) -> Dual:
        """The step on values and derivatives."""
        arch = self.architecture
        recalled = e.linear(self.w_e) + self.b
        source = h
        if arch.residual is Residual.DECAY:
            h = h * self.decay
            h = source = h + recalled if arch.recall.in_stream else h
        elif arch.recall.in_stream:
            source = h.linear(self.w_x) + recalled
            if arch.residual is not Residual.GRU:
                h = source
        for i, block in enumerate(self.blocks):
            x = self._norm(source) if arch.inner_norm else source
            if arch.recall.in_update:
                x = x.linear(self.w_x) + recalled
            u = block(x)
            if arch.norm.on_update:
                u = self._norm(u)
            new = self._meet(i, u, h)
            h = source = self._norm(new) if arch.outer_norm else new
        return h

    def _meet(self, i: int, u: Dual, h: Dual) -> Dual:
        """How the update of sub-block i meets the state."""
        if self.architecture.residual is Residual.GRU:
            return _gru(self.cells[i], u, h)
        if self.architecture.residual is Residual.SCALED:
            return h + (u + h * -1.0) * self.strengths[i]
        return h + u

    def _norm(self, z: Dual) -> Dual:
        return z.rms_norm(self.eps) * self.gain


def _gru(cell: GRUCell, x: Dual, h: Dual) -> Dual:
    """(1 - z) n + z h on every token; the gates of `GRUCell`."""
    (u_r, u_z, u_n), (v_r, v_z, v_n), (c_r, c_z, c_n) = (
        np.split(w, 3) for w in (cell.u, cell.v, cell.c)
    )
    r = _sigmoid(x.linear(u_r) + h.linear(v_r) + c_r)
    z = _sigmoid(x.linear(u_z) + h.linear(v_z) + c_z)
    n = (x.linear(u_n) + r * (h.linear(v_n) + c_n)).map(ACTIVATIONS["tanh"])
    return n + z * (h + n * -1.0)


def _sigmoid(x: Dual) -> Dual:
    return ((x * 0.5).map(ACTIVATIONS["tanh"]) + 1.0) * 0.5


def random_loop(
    architecture: Architecture,
    width: int,
    *,
    sub_blocks: tuple[str, ...] = ("attention", "mlp"),
    activation: str = "gelu",
    heads: int = 2,
    scale: float | Array = 1.0,
    state: float | Array = 1.0,
    recall: float | Array = 1.0,
    eps: float = 1e-6,
    seed: int | tuple[int, ...] | np.random.Generator = 0,
) -> BlockLoop:
    """A loop with random attention and MLP sub-blocks (hidden width 2 `width`), for inputs (tokens,
    width).

    `scale` multiplies the output matrix of each sub-block (not the biases), `state` W_x, `recall`
    W_e; scales (K, 1, 1) make a stack of K loops from one draw. A generator given as seed is left
    where the draw ended.
    """
    if width < 1 or not sub_blocks or set(sub_blocks) - {"attention", "mlp"}:
        raise UsageError(
            f"a loop needs width >= 1 and sub-blocks attention or mlp, not {width} and {sub_blocks}"
        )
    if activation not in ACTIVATIONS:
        raise UsageError(f"unknown activation {activation!r}: use one of {', '.join(ACTIVATIONS)}")
    rng = np.random.default_rng(seed)
    blocks = tuple(
        (
            DualMLP.random(rng, width, 2 * width, ACTIVATIONS[activation], scale)
            if kind == "mlp"
            else DualAttention.random(rng, width, heads, eps, scale)
        )
        for kind in sub_blocks
    )
    cells: tuple[GRUCell, ...] = ()
    if architecture.residual is Residual.GRU:
        cells = tuple(
            GRUCell(
                ginibre(rng, 3 * width, 1.0, width),
                ginibre(rng, 3 * width, 1.0, width),
                rng.standard_normal(3 * width),
            )
            for _ in sub_blocks
        )
    w_x, w_e = ginibre(rng, width, state), ginibre(rng, width, recall)
    b, strengths, decay = rng.standard_normal(width) / 10, (), 1 / 2
    if architecture.residual is Residual.SCALED:
        strengths = tuple(rng.uniform(0.1, 0.9, len(sub_blocks)))
    elif architecture.residual is Residual.DECAY:
        decay = rng.uniform(0.1, 0.9, width)
    gain = np.ones(width)
    return BlockLoop(architecture, blocks, w_x, w_e, b, gain, eps, cells, strengths, decay)
