"""Prefix sums: the input is n bits as -0.5/+0.5, the target their running exclusive or."""

from __future__ import annotations

import torch

from ...support.errors import UsageError
from .task import Batch, Shape, Task, to_device


class PrefixSums(Task):
    """Prefix sums modulo 2 of random bits, without a data file; a level is a length in bits.

    Every sample is drawn afresh, so all levels are held out: a sequence of the training length is
    repeated with a probability of almost zero.

    Args:
        bits: the training length, which is also the first level; default 32.
        multiples: the levels as multiples of `bits`; default 1, 2 and 4.

    Raises:
        UsageError: there is no bit, or no multiple, or one below 1.

    Example:
        >>> import torch
        >>> from loopstab.models.tasks.prefix_sums import PrefixSums
        >>> batch = PrefixSums(4).batch(1, "4", torch.Generator().manual_seed(0))
        >>> (batch.x[0, :, 0] > 0).int().tolist(), batch.target[0].tolist()
        ([0, 1, 1, 0], [0, 1, 0, 0])
    """

    name = "prefix-sums"
    shape = Shape(channels=1, classes=2, axes=1)
    difficulty = "bits"
    lengths = True
    default_window = 5

    def __init__(self, bits: int = 32, multiples: tuple[int, ...] = (1, 2, 4)):
        if bits < 1 or not multiples or min(multiples) < 1:
            raise UsageError(
                f"prefix sums need at least one bit and positive multiples, not {bits} and"
                f" {multiples}"
            )
        self.bits = bits
        self.levels = self.held_out = tuple(str(bits * m) for m in multiples)

    def batch(
        self, size: int, level: str, generator: torch.Generator, device: str = "cpu"
    ) -> Batch:
        """Draw `size` sequences of int(level) bits: inputs (size, bits, 1) of -0.5/+0.5 and targets
        (size, bits) in {0, 1}.
        """
        if not level.isdigit() or int(level) < 1 or size < 1:
            raise UsageError(
                f"prefix sums need at least one sequence of at least one bit, not {size} of {level}"
            )
        x = to_device(torch.randint(0, 2, (size, int(level)), generator=generator), device)
        return Batch((x - 0.5)[..., None].to(torch.get_default_dtype()), x.cumsum(1) % 2)
