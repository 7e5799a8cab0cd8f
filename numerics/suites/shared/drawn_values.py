"""Whether the values of a case are such as strategies draw: what a check of assumptions rests on.

A judge knows its rounding for values of a stated grid and size only. A case with other values is
outside of what its suite attacks, whatever the judge measures there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays import Array
from ...attack.suite import Case
from ...strategies.block_forms import Block, form
from .exact_orbits import exact, identity

MOST_SEEDS = 2**31
LARGEST_DIMENSION = 64


def failing(**holds: bool) -> tuple[str, ...]:
    """The names of what does not hold.

    Example:
        >>> failing(expanding=True, encoder=False)
        ('encoder',)
    """
    return tuple(name for name, held in holds.items() if not held)


def whole(value: Any, low: int, high: int) -> bool:
    """Whether a value is a whole number in [low, high]; a boolean is none.

    Example:
        >>> whole(3, 1, 4), whole(2.5, 1, 4), whole(True, 0, 1)
        (True, False, False)
    """
    return type(value) in (int, float) and low <= value <= high and value == int(value)


def is_seed(value: Any) -> bool:
    """Whether a value is a seed that `SEEDS` can draw."""
    return whole(value, 0, MOST_SEEDS - 1)


def on_grid(values: Any, most: float, *, least: float = 0.0, part: int = 16) -> bool:
    """Whether all values are multiples of 1/part with moduli in [least, most].

    Example:
        >>> on_grid([0.25, -1.0], 2), on_grid([0.25, 0.0], 2, least=1 / 16), on_grid(1 / 3, 2)
        (True, False, False)
    """
    if not isinstance(values, np.ndarray | list | int | float) or isinstance(values, bool):
        return False
    x = np.asarray(values, dtype=float)
    size = np.abs(x)
    return bool(((size >= least) & (size <= most) & (x * part == np.round(x * part))).all())


def shaped(case: Case, **shapes: tuple[int, ...]) -> bool:
    """Whether the named fields are arrays of these shapes.

    Example:
        >>> shaped({"start": np.zeros(2)}, start=(2,)), shaped({"start": 0.0}, start=(2,))
        (True, False)
    """
    return all(
        isinstance(case[name], np.ndarray) and case[name].shape == shape
        for name, shape in shapes.items()
    )


def square_size(values: Any) -> int:
    """d for an array (d, d) with 1 <= d <= 64; 0 for anything else."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or len(set(values.shape)) != 1:
        return 0
    return len(values) if len(values) <= LARGEST_DIMENSION else 0


def is_unimodular(values: Array) -> bool:
    """Whether a square matrix has integer entries and the determinant 1 or -1, exactly.

    Example:
        >>> is_unimodular(np.array([[1.0, 2.0], [0.0, 1.0]])), is_unimodular(2 * np.eye(2))
        (True, False)
    """
    return bool((values == np.round(values)).all()) and abs(exact(values).det()) == 1


def inverts(values: Array) -> bool:
    """Whether the rounded inverse that float64 gives of a unimodular matrix is its inverse.

    Example:
        >>> inverts(np.array([[1.0, 2.0], [0.0, 1.0]])), inverts(2 * np.eye(2))
        (True, False)
    """
    if not is_unimodular(values):
        return False
    product = exact(values) * exact(np.linalg.inv(values).round())
    return product == identity(len(values))


def blocks_of(values: Array) -> list[Block] | None:
    """The blocks of a matrix in the form of `block_forms.form`; None if it has another form.

    Example:
        >>> blocks_of(np.array([[2.0, 1.0], [0.0, 2.0]])), blocks_of(np.ones((2, 2)) * 3)
        ([('real', 2.0, 2)], None)
    """
    found: list[Block] = []
    i, size = 0, len(values)
    while i < size:
        value = float(values[i, i])
        if i + 1 < size and values[i + 1, i] != 0:
            found.append(("pair", value, float(values[i + 1, i])))
            i += 2
            continue
        length = 1
        while i + length < size and values[i + length - 1, i + length] == 1:
            length += 1
        found.append(("real", value, length))
        i += length
    return found if np.array_equal(form(found), values) else None


def modulus(block: Block) -> float:
    """The modulus of the eigenvalues of a block; rounded for a pair.

    Example:
        >>> modulus(("real", -0.5, 3)), modulus(("pair", 3.0, 4.0))
        (0.5, 5.0)
    """
    kind, a, b = block
    return math.hypot(a, b) if kind == "pair" else abs(a)


def length(block: Block) -> int:
    """The size of the Jordan blocks of a block: 1 for a pair."""
    return 1 if block[0] == "pair" else int(block[2])
