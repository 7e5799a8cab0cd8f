"""Affine maps, and the maps that an update of the state consists of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .arithmetic import Arithmetic


@dataclass(frozen=True)
class Affine:
    """x -> x matrix + offset; the matrix is (m, n), the offset a bias (n,), or one row per token,
    (batch, cells, n).

    The result has the dtype of the matrix; a bfloat16 matrix rounds x to its own dtype.
    """

    matrix: Tensor
    offset: Tensor

    @staticmethod
    def of_layers(*layers: nn.Linear) -> Affine:
        """The outputs of the layers side by side."""
        weight, bias = (
            torch.cat(parts)
            for parts in zip(*((layer.weight, layer.bias) for layer in layers), strict=True)
        )
        return Affine(weight.t(), bias)

    @staticmethod
    def narrowing(layer: nn.Linear, offset: Tensor | None = None) -> Affine:
        """A layer with no more outputs than inputs: its three products are faster with the weight
        stored transposed, once per sequence.
        """
        return Affine(layer.weight.t().contiguous(), layer.bias if offset is None else offset)

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, cells, m) to (batch, cells, n)."""
        dtype = self.matrix.dtype
        if dtype is torch.bfloat16:
            x = x.to(dtype)
        if (
            torch.compiler.is_compiling()
        ):  # the sum joins the next element-wise kernel; `addmm` would first copy the offset
            return (x @ self.matrix + self.offset).to(dtype)
        offset = self.offset.to(dtype)
        out = torch.addmm(
            offset if offset.dim() == 1 else offset.flatten(0, 1), x.flatten(0, 1), self.matrix
        )
        return out.view(*x.shape[:2], -1)

    def rounded(self, arithmetic: Arithmetic) -> Affine:
        """The map with its matrix, and a row per token, in the dtype of products; a bias stays as
        it is.
        """
        if arithmetic.products is None:
            return self
        offset = self.offset if self.offset.dim() == 1 else self.offset.to(arithmetic.products)
        return Affine(self.matrix.to(arithmetic.products), offset)

    def after(self, first: Affine) -> Affine:
        """This map applied to the outputs of `first`, as one map."""
        return Affine((self.matrix.t() @ first.matrix.t()).t(), self(first.offset))

    def of(self, keep: Tensor) -> Affine:
        """The map for the kept samples alone."""
        return self if self.offset.dim() == 1 else Affine(self.matrix, self.offset[keep])


@dataclass(frozen=True)
class Maps:
    """What an update computes from its weights and the positions once per sequence.

    First and last map, the bias of a window, and the gates of a GRU residual, each side by side: of
    the update, and of the state.
    """

    entry: Affine
    exit: Affine
    bias: Tensor | None = None
    gates: tuple[Affine, Affine] | None = None

    def after(self, first: Affine) -> Maps:
        """The update of the outputs of `first`."""
        return replace(self, entry=self.entry.after(first))

    def of(self, keep: Tensor) -> Maps:
        """The maps for the kept samples alone."""
        return replace(self, entry=self.entry.of(keep))

    def rounded(self, arithmetic: Arithmetic) -> Maps:
        """The maps in the arithmetic of a training step; the bias of a window stays float32."""
        gates = (
            None
            if self.gates is None
            else (self.gates[0].rounded(arithmetic), self.gates[1].rounded(arithmetic))
        )
        return Maps(self.entry.rounded(arithmetic), self.exit.rounded(arithmetic), self.bias, gates)
