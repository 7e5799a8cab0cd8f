"""Linear loops in exact rational arithmetic: no rounding, so no tolerance is needed for it."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np

Exact = flint.fmpq_mat
Number = flint.fmpq


def exact(values: Any) -> Exact:
    """The matrix, or the vector as a column, of the exact doubles given."""
    array = np.asarray(values, dtype=float)
    rows = array[:, None] if array.ndim == 1 else array
    return Exact([[Number(*x.as_integer_ratio()) for x in row] for row in rows.tolist()])


def identity(d: int) -> Exact:
    """The identity matrix."""
    return Exact(d, d, [int(i == j) for i in range(d) for j in range(d)])


def largest(matrix: Exact) -> Number:
    """Largest absolute value of an entry."""
    return max(abs(entry) for entry in matrix.entries())


def affine_power(matrix: Exact, offset: Exact, t: int) -> tuple[Exact, Exact]:
    """M_t and c_t with h_t = M_t h_0 + c_t for h' = M h + c."""
    d = matrix.nrows()
    rows = [[*row, c[0]] for row, c in zip(matrix.tolist(), offset.tolist(), strict=True)]
    power = Exact([*rows, [Number(0)] * d + [Number(1)]]) ** t
    return Exact([row[:d] for row in power.tolist()[:d]]), Exact(
        [[row[d]] for row in power.tolist()[:d]]
    )


def text(x: Number) -> str:
    """The number to four figures, whatever its size: a float would overflow."""
    return flint.arb(x).str(4, radius=False)
