"""Affine maps of tokens, and the ones that an update of the state is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .arithmetic import Arithmetic


@dataclass(frozen=True)
class Affine:
    """The map x -> x matrix + offset of tokens.

    The matrix is (m, n). The offset is a bias (n,), or has one row per token, (batch, cells, n).
    The result has the dtype of the matrix, and x is rounded to it where that is bfloat16.
    """

    matrix: Tensor
    offset: Tensor

    @staticmethod
    def of_layers(*layers: nn.Linear) -> Affine:
        """One map for several layers of the same input: it puts their outputs side by side."""
        weight, bias = (
            torch.cat(parts)
            for parts in zip(*((layer.weight, layer.bias) for layer in layers), strict=True)
        )
        return Affine(weight.t(), bias)

    @staticmethod
    def narrowing(layer: nn.Linear, offset: Tensor | None = None) -> Affine:
        """The map of a layer that has no more outputs than inputs.

        Its products, forward and backward, are faster with a transposed copy of the weight, which
        is made once per sequence.
        """
        return Affine(layer.weight.t().contiguous(), layer.bias if offset is None else offset)

    def __call__(self, x: Tensor) -> Tensor:
        """Map tokens (batch, cells, m) to (batch, cells, n)."""
        dtype = self.matrix.dtype
        if dtype is torch.bfloat16:
            x = x.to(dtype)
        if torch.compiler.is_compiling():
            # the sum joins the next element-wise kernel; `addmm` would copy the offset first
            return (x @ self.matrix + self.offset).to(dtype)
        offset = self.offset.to(dtype)
        out = torch.addmm(
            offset if offset.dim() == 1 else offset.flatten(0, 1), x.flatten(0, 1), self.matrix
        )
        return out.view(*x.shape[:2], -1)

    def rounded(self, arithmetic: Arithmetic) -> Affine:
        """The map in the dtype of products: its matrix and an offset per token are rounded, a bias
        is not.
        """
        if arithmetic.products is None:
            return self
        offset = self.offset if self.offset.dim() == 1 else self.offset.to(arithmetic.products)
        return Affine(self.matrix.to(arithmetic.products), offset)

    def after(self, first: Affine) -> Affine:
        """This map applied to the outputs of `first`, as one map."""
        return Affine((self.matrix.t() @ first.matrix.t()).t(), self(first.offset))

    def of(self, keep: Tensor) -> Affine:
        """The map for the kept samples alone (an index or a mask)."""
        return self if self.offset.dim() == 1 else Affine(self.matrix, self.offset[keep])


@dataclass(frozen=True)
class Diagonal:
    """The map x -> entries x + offset of tokens, with one entry per coordinate.

    The offset is None or has one row per token, (batch, cells, n).
    """

    entries: Tensor
    offset: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Map tokens (batch, cells, n)."""
        scaled = self.entries * x
        return scaled if self.offset is None else scaled + self.offset

    def of(self, keep: Tensor) -> Diagonal:
        """The map for the kept samples alone (an index or a mask)."""
        return self if self.offset is None else Diagonal(self.entries, self.offset[keep])


@dataclass(frozen=True)
class Maps:
    """What an update computes from its weights and the geometry once per sequence.

    Attributes:
        entry: its first map.
        exit: its last map.
        bias: what a window adds to the scores of attention.
        gates: the gates of a GRU residual side by side, those of the update and those of the state.
    """

    entry: Affine
    exit: Affine
    bias: Tensor | None = None
    gates: tuple[Affine, Affine] | None = None

    def after(self, first: Affine) -> Maps:
        """The maps of the update that reads the outputs of `first`."""
        return replace(self, entry=self.entry.after(first))

    def of(self, keep: Tensor) -> Maps:
        """The maps for the kept samples alone."""
        return replace(self, entry=self.entry.of(keep))

    def rounded(self, arithmetic: Arithmetic) -> Maps:
        """The maps in the arithmetic of a training step; the bias of a window stays float32."""
        gates = self.gates
        if gates is not None:
            gates = gates[0].rounded(arithmetic), gates[1].rounded(arithmetic)
        return Maps(self.entry.rounded(arithmetic), self.exit.rounded(arithmetic), self.bias, gates)
