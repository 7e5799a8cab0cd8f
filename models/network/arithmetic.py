"""The arithmetic of a training step: the dtype of its matrix products, and the kernel of attention.

Only the operands of matrix products are ever rounded to bfloat16. States, norms, rotary tables,
biases of windows, weights and the state of the optimisers are float32 in any case. The rounding is
done by explicit casts rather than by autocast, whose list of operations differs between versions of
torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ...support.errors import UsageError
from .choices import Precision

BF16_WIDTH = 128
"""Width from which `auto` chooses bf16 products on a CPU that has them."""


@dataclass(frozen=True)
class Arithmetic:
    """How a network computes.

    Attributes:
        products: dtype of the operands of matrix products; None for that of the weights.
        fused: whether full attention is computed by one kernel, which has no second and no
            forward-mode derivatives, so that measurements do without it.
    """

    products: torch.dtype | None = None
    fused: bool = False

    @property
    def precision(self) -> Precision:
        """The precision that a result records."""
        return Precision.BF16 if self.products is torch.bfloat16 else Precision.FLOAT32


EXACT = Arithmetic()
"""Plain products in the dtype of the weights: the arithmetic of measurements and evaluation."""


def training_arithmetic(precision: Precision | str, width: int, device: str) -> Arithmetic:
    """The arithmetic of training on a device; `UsageError` when bf16 is asked for and the device
    does not have it.
    """
    cuda = torch.device(device).type == "cuda"
    if Precision(precision) is Precision.FLOAT32:
        return Arithmetic(fused=cuda)
    at_hand = has_bf16(device)
    if Precision(precision) is Precision.BF16 and not at_hand:
        raise UsageError(
            f"the device {device!r} has no bf16 products: use --precision float32, or auto, which"
            " looks what the device has"
        )
    chosen = at_hand and (cuda or precision == Precision.BF16 or width >= BF16_WIDTH)
    return Arithmetic(torch.bfloat16 if chosen else None, fused=cuda)


def has_bf16(device: str) -> bool:
    """Whether the device has instructions for bf16 products; a CPU without them computes them, but
    slowly.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def without_autocast(device: torch.device) -> Iterator[None]:
    """Compute in the dtypes that the tensors have, even inside a caller's autocast."""
    with torch.autocast(device.type, enabled=False):
        yield
