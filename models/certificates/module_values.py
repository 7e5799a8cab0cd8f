"""What the operations of exported graphs work on: enclosures, constants, and masked scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...numerics.arrays import Array


class Unsupported(Exception):
    """An operation with arguments that cannot be enclosed; the message says which."""


@dataclass(frozen=True)
class Masked:
    """Scores, some of which are minus infinity.

    Args:
        scores: the scores, an enclosure that is 0 where they are infinite.
        keep: 1 where they are finite and 0 where they are not.
    """

    scores: Any
    keep: Array


@dataclass(frozen=True)
class Operation:
    """How an operation is enclosed.

    Args:
        function: the operation on enclosures.
        masked: whether its first two arguments may be `Masked`.
    """

    function: Callable[..., Any]
    masked: bool = False


def enclosed(x: Any) -> bool:
    """Whether a value depends on an argument, as opposed to a number or an array."""
    return hasattr(x, "affine")


def array_of(x: Any) -> Array:
    """The doubles of a constant."""
    return np.asarray(x, float)


def finite(x: Any) -> Array:
    """The doubles of a constant, which must be finite."""
    found = array_of(x)
    if not np.isfinite(found).all():
        raise Unsupported("has a constant that is not finite")
    return found


def aligned(x: Any, rank: int) -> Any:
    """The array with axes of length 1 in front, up to a number of axes."""
    missing = rank - len(x.shape)
    return x.reshape(*(1,) * missing, *x.shape) if missing > 0 else x


def check_double(dtype: Any) -> None:
    """Refuse another precision than that of doubles."""
    if dtype is not None and str(dtype) != "torch.float64":
        raise Unsupported(f"changes to {str(dtype).removeprefix('torch.')}: stay in float64")
