"""Prefix sums: input n bits as -0.5/+0.5, target the inclusive running xor. Exact, no data file."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ...support.errors import UsageError
from ..network.choices import Augmentation
from .task import EVALUATION_SEED, Batch, Shape, to_device


class PrefixSums:
    """The task at a training length of `bits`, tested there and at the `multiples` of it; a level
    is a length in bits.
    """

    name = "prefix-sums"
    shape = Shape(channels=1, classes=2, axes=1)
    difficulty = "bits"

    def __init__(self, bits: int = 32, multiples: tuple[int, ...] = (1, 2, 4)):
        if bits < 1 or not multiples or min(multiples) < 1:
            raise UsageError(
                f"prefix sums need at least one bit and positive multiples, not {bits} and"
                f" {multiples}"
            )
        self.bits = bits
        self._levels = tuple(str(bits * m) for m in multiples)

    @property
    def levels(self) -> tuple[str, ...]:
        """Lengths, the training length first; fresh sequences are held out with probability almost
        1.
        """
        return self._levels

    @property
    def held_out(self) -> tuple[str, ...]:
        """All lengths."""
        return self._levels

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

    def training_batch(
        self,
        size: int,
        level: str,
        generator: torch.Generator,
        device: str = "cpu",
        augment: str = "none",
    ) -> Batch:
        """A batch; sequences have no symmetries to draw."""
        if augment != Augmentation.NONE:
            raise UsageError(f"prefix sums have no symmetries: leave --augment out, not {augment}")
        return self.batch(size, level, generator, device)

    def evaluation(
        self, size: int, level: str, apart: int = 0, device: str = "cpu"
    ) -> tuple[Batch, Batch | None]:
        """Fresh sequences, always the same ones; short ones may repeat."""
        both = self.batch(
            size + apart, level, torch.Generator().manual_seed(EVALUATION_SEED), device
        )
        return both.of(slice(size)), both.of(slice(size, None)) if apart else None

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy, mean over cells."""
        return F.cross_entropy(logits.flatten(0, -2), target.flatten())

    def correct(self, logits: Tensor, target: Tensor) -> Tensor:
        """Whether every bit of a sequence is right, (samples,) bool."""
        return (logits.argmax(-1) == target).all(-1)

    def fingerprint(self) -> str:
        """The data are a function of the seed: the name and the length say it all."""
        return f"{self.name}-{self.bits}"
