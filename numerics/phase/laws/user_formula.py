"""A closed form of a user, which may take arrays or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ....support.errors import UsageError
from ...arrays import Array

COMPARED = 5
"""Points at which a function of arrays is compared with the same function of numbers."""


def evaluated(rho: Callable[..., Any], values: Mapping[str, Array], shape: Any) -> Array:
    """A closed form at arrays of values: at once where it can, and else number by number.

    Raises `UsageError` where the function raises an error, or returns no number or a negative one.
    """
    flat = {name: np.broadcast_to(column, shape).ravel() for name, column in values.items()}
    count = int(np.prod(shape))

    def one(i: int) -> float:
        at = {name: float(column[i]) for name, column in flat.items()}
        try:
            return float(rho(**at))
        except Exception as error:  # the user must see whatever their function raises
            where = ", ".join(f"{name} = {value:g}" for name, value in at.items())
            text = " ".join(str(error).split())[:200]
            raise UsageError(f"rho raised {type(error).__name__} at {where}: {text}") from error

    with np.errstate(all="ignore"):
        some = np.unique(np.linspace(0, count - 1, COMPARED).astype(int))
        alone = [one(i) for i in some]
        out, same = np.empty(count), False
        try:
            out = np.array(np.broadcast_to(np.asarray(rho(**flat), float), (count,)))
            same = np.allclose(out[some], alone, rtol=1e-12, atol=0, equal_nan=True)
        except Exception:  # it takes numbers, not arrays
            pass
        if not same:
            out = np.array([one(i) for i in range(count)])
    if (out < 0).any():
        raise UsageError("rho returned a negative number: return the modulus, or NaN")
    return out.reshape(shape)
