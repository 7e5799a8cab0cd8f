"""Which assumptions of M5, the cost of non-normality, fail at a case."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
from scipy.linalg import schur

from ....theory.autonomous.exact_orbits import is_stable
from ....theory.outer_norm.falsifiers.exact_states import unit
from ....theory.outer_norm.falsifiers.non_normality import is_normal
from ...arrays import Array
from ...attack.suite import Case
from .assumed_norm import within
from .complex_step import UNIT
from .drawn_values import failing, shaped, square_size, whole
from .exact_orbits import exact

RADIUS = flint.fmpq(31, 32)
"""The largest spectral radius at which few enough powers are computed."""
LARGEST_POWER = 2.0**16
"""The largest power, and the largest condition number, whose rounding is below the tolerances."""
POWERS = 2000
"""Most powers that are computed to find the largest."""
STEEPEST = 64
"""The largest corner in units of 1 - r."""
DEFECTIVE = 1e-6
"""How far eigenvalues of a Jordan block of size 2 are moved by rounding."""


def is_contractive(matrix: Array) -> bool:
    """Whether all eigenvalues have moduli below 31/32, in exact numbers.

    Example:
        >>> is_contractive(np.array([[0.5, 1e6], [0, -0.5]])), is_contractive(np.eye(2))
        (True, False)
    """
    return is_stable((exact(matrix) * (1 / RADIUS)).charpoly())


def _powers_are_moderate(matrix: Array) -> bool:
    """Whether no power is larger than 2^16 before one is at most 1."""
    power = np.eye(len(matrix))
    for _ in range(POWERS):
        power = power @ matrix
        size = float(np.linalg.norm(power, 2))
        if not 1 < size <= LARGEST_POWER:
            return size <= 1
    return False


def broken_for_powers(case: Case) -> tuple[str, ...]:
    """`contractive` unless rho < 31/32 and no power exceeds 2^16; `size` for another dimension.

    Args:
        case: matrix (d, d), d <= 9, and dimension.

    Example:
        >>> broken_for_powers({"matrix": np.diag([2.0, 3.0], 1), "dimension": 3})
        ()
        >>> broken_for_powers({"matrix": 2 * np.eye(2), "dimension": 1})
        ('contractive', 'size')
    """
    matrix = case["matrix"]
    d = square_size(matrix)
    return failing(
        contractive=d > 0 and is_contractive(matrix) and _powers_are_moderate(matrix),
        size=0 < d <= 9 and whole(case["dimension"], d, d),
    )


def broken_at_a_corner(case: Case) -> tuple[str, ...]:
    """`contractive` unless 1/16 <= r <= 15/16; `steep` unless 2 (1 - r) < c <= 64 (1 - r), exactly.

    Args:
        case: r and c of [[r, c], [0, r]].

    Example:
        >>> broken_at_a_corner({"r": 0.5, "c": 1.0})
        ('steep',)
    """
    r, c = Fraction(case["r"]), Fraction(case["c"])
    return failing(
        contractive=within(case["r"], 1 / 16, 15 / 16), steep=2 * (1 - r) < c <= STEEPEST * (1 - r)
    )


def broken_for_normal(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for a normal matrix whose spectral radius is given.

    Args:
        case: matrix (d, d) and rho.

    Returns:
        `normal` unless the upper triangle of its Schur form is 0 up to its rounding (the commutator
        with the transpose would be the square of that), `contractive` unless rho < 31/32 is the
        largest modulus of an eigenvalue.

    Example:
        >>> broken_for_normal({"matrix": np.array([[0, -0.5], [0.5, 0]]), "rho": 0.5})
        ()
        >>> broken_for_normal({"matrix": np.array([[0.5, 1e-7], [0, 0.5]]), "rho": 0.5})
        ('normal',)
    """
    matrix, rho = case["matrix"], case["rho"]
    d = square_size(matrix)
    if d == 0:
        return ("normal",)
    triangle = schur(matrix, output="complex")[0]
    rounding = 4 * (d + 2) * UNIT
    largest = float(np.abs(np.diag(triangle)).max())
    size = max(1.0, largest)
    normal = float(np.linalg.norm(np.triu(triangle, 1))) <= rounding * size
    off = abs(largest - rho) if within(rho, 0, float(RADIUS)) else np.inf
    return failing(normal=normal, contractive=off <= (rounding if normal else DEFECTIVE))


def broken_for_basis(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for J = V L V^{-1}, L of real blocks, all in exact numbers.

    Args:
        case: basis V, inverse and block L (d, d).

    Returns:
        `diagonalisable` unless V times its inverse is I, |V||V^{-1}| <= 2^16 and L is normal, and
        `contractive` unless rho(L) < 31/32.

    Example:
        >>> case = {"basis": np.eye(2), "inverse": np.eye(2), "block": np.eye(2) / 2}
        >>> broken_for_basis(case), broken_for_basis(case | {"block": np.eye(2, k=1)})
        ((), ('diagonalisable',))
    """
    v, inverse, block = case["basis"], case["inverse"], case["block"]
    d = square_size(v)
    if d == 0 or not shaped(case, inverse=(d, d), block=(d, d)):
        return ("diagonalisable",)
    cost = float(np.linalg.norm(v, 2) * np.linalg.norm(inverse, 2))
    return failing(
        diagonalisable=exact(v) * exact(inverse) == unit(d)
        and cost <= LARGEST_POWER
        and is_normal(exact(block)),
        contractive=is_contractive(block),
    )
