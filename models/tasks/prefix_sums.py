"""Prefix sums: input n bits as -0.5/+0.5, target the inclusive running xor. Exact, no data file."""

from __future__ import annotations

import torch
from torch import Tensor

from theory.errors import UsageError


class PrefixSums:
    """The task as batches, loss target and correctness; difficulty is the number of bits.

    One channel in, two classes out, one spatial axis.
    """

    name = "prefix-sums"
    channels = 1
    classes = 2
    axes = 1

    def batch(self, size: int, bits: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw `size` sequences: inputs (size, bits, 1) of -0.5/+0.5 and targets (size, bits) in {0, 1}."""
        if bits < 1 or size < 1:
            raise UsageError(f"prefix sums need at least one sequence of at least one bit, not {size} of {bits}")
        x = torch.randint(0, 2, (size, bits), generator=generator)
        return (x - 0.5)[..., None].to(torch.get_default_dtype()), x.cumsum(1) % 2

    @staticmethod
    def correct(logits: Tensor, target: Tensor) -> Tensor:
        """Whether every cell of a sample is right, (batch,) bool."""
        return (logits.argmax(-1) == target).all(-1)
