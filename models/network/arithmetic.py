"""The arithmetic of a training step: which products run in bfloat16, and which attention kernel is
used.

States, norms, rotary tables, window biases, weights and optimiser state are float32 whatever is
chosen here: only the operands of matrix products are rounded. That is done by explicit casts and
not by autocast, whose list of operations differs between versions of torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ...support.errors import UsageError
from .choices import Precision

BF16_WIDTH = 128
"""width from which auto takes bf16 products on a CPU that has them"""


@dataclass(frozen=True)
class Arithmetic:
    """`products` is the dtype of the operands of matrix products, None that of the weights; `fused`
    attention over all cells is one kernel.

    That kernel has no second or forward-mode derivative, so measurements leave it off.
    """

    products: torch.dtype | None = None
    fused: bool = False

    @property
    def precision(self) -> Precision:
        """What a result records."""
        return Precision.BF16 if self.products is torch.bfloat16 else Precision.FLOAT32


EXACT = Arithmetic()
"""the dtype of the weights throughout, plain products: for measurements and evaluation"""


def training_arithmetic(precision: Precision | str, width: int, device: str) -> Arithmetic:
    """The arithmetic of training on that device; `UsageError` where bf16 is asked for and the
    device has none.
    """
    cuda = torch.device(device).type == "cuda"
    if Precision(precision) is Precision.FLOAT32:
        return Arithmetic(fused=cuda)
    at_hand = has_bf16(device)
    if Precision(precision) is Precision.BF16 and not at_hand:
        raise UsageError(
            f"the device {device!r} has no bf16 products: use --precision float32 (or auto, which"
            " chooses)"
        )
    chosen = at_hand and (cuda or precision == Precision.BF16 or width >= BF16_WIDTH)
    return Arithmetic(torch.bfloat16 if chosen else None, fused=cuda)


def has_bf16(device: str) -> bool:
    """Whether torch says that the device multiplies bf16 matrices; a CPU without such instructions
    can, but slowly.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def without_autocast(device: torch.device) -> Iterator[None]:
    """Arithmetic in the dtypes that the tensors have, even inside somebody's autocast."""
    with torch.autocast(device.type, enabled=False):
        yield
