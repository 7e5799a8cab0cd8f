"""M5 as programs: its sentences for rational matrices, and what breaks them."""

from __future__ import annotations

from fractions import Fraction

import flint
from flint import fmpq_mat

from ...kernel.exact import rational_root
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .exact_states import norm_at_most, norm_between, rows, show, unit

POWERS = 12
"""powers that are compared with a bound for every t"""


def radius(matrix: fmpq_mat) -> flint.fmpq:
    """The spectral radius of a matrix of size 1 or 2, where it is rational.

    Raises:
        UsageError: it is not.
    """
    if matrix.nrows() == 1:
        return abs(matrix[0, 0])
    trace, det = matrix[0, 0] + matrix[1, 1], matrix.det()
    disc = trace * trace - 4 * det
    square = disc if disc >= 0 else det
    root = rational_root(Fraction(int(square.p), int(square.q)))
    exact = flint.fmpq(root.numerator, root.denominator)
    return (abs(trace) + exact) / 2 if disc >= 0 else exact


def resolvent(matrix: fmpq_mat, x: flint.fmpq | int = 1) -> fmpq_mat:
    """(x - J)^{-1}."""
    return (x * unit(matrix.nrows()) - matrix).inv()


def _powers_grow(matrix: fmpq_mat) -> str | None:
    """Powers of a bounded sequence have |tr J^t| <= d; K <= C at some real z otherwise."""
    power, top = unit(matrix.nrows()), flint.fmpq(1)
    for t in range(1, 200):
        power = power * matrix
        trace = sum((power[i, i] for i in range(matrix.nrows())), flint.fmpq(0))
        if abs(trace) > matrix.nrows():
            return f"J = {show(matrix)}: |tr J^{t}| = {abs(trace)}, so that |J^t| is not bounded"
        if norm_at_most(power, 1):
            break
        top = max(top, norm_between(power)[1])
    for x in (flint.fmpq(9, 8), flint.fmpq(3, 2), flint.fmpq(3), flint.fmpq(9)):
        least = (x - 1) * norm_between(resolvent(matrix, x))[0]
        if least > top:
            return f"J = {show(matrix)}: K >= {float(least):.6g} > C = {float(top):.6g}"
    return None


TRANSIENT = Predicate(
    name="transient",
    sentence="If rho(J) < 1, then C is finite, and K <= C <= e d K.",
    concluded_by=("powers_vanish", "kreiss_below_powers", "powers_below_kreiss"),
    assumptions={"contractive": lambda matrix: radius(matrix) < 1},
    refute=_powers_grow,
    example=lambda: rows([["1/2", 8], [0, "1/2"]]),
)


def is_normal(matrix: fmpq_mat) -> bool:
    """Whether J J^T = J^T J."""
    return matrix * matrix.transpose() == matrix.transpose() * matrix


def _exceeds_radius(matrix: fmpq_mat) -> str | None:
    rho, power = radius(matrix), unit(matrix.nrows())
    where = f"J = {show(matrix)}, rho = {rho}"
    for t in range(1, POWERS + 1):
        power = power * matrix
        if not norm_at_most(power, rho**t):
            return f"{where}: |J^{t}| > rho^{t}"
    if rho < 1 and not norm_at_most(resolvent(matrix), 1 / (1 - rho)):
        return f"{where}: |(I - J)^-1| > {1 / (1 - rho)}"
    return None


NORMAL = Predicate(
    name="normal",
    sentence="For a normal J, |J^t| = rho^t and |(I - J)^{-1}| <= 1/(1 - rho).",
    concluded_by=("normal_resolvent",),
    assumptions={"contractive": lambda matrix: radius(matrix) < 1, "normal": is_normal},
    refute=_exceeds_radius,
    example=lambda: rows([["3/10", "-4/10"], ["4/10", "3/10"]]),
)

Based = tuple[fmpq_mat, fmpq_mat]
"""a basis V and a matrix D, for J = V D V^{-1}"""


def _exceeds_condition_number(case: Based) -> str | None:
    """|J^t| against |V||V^{-1}| rho^t, by rational bounds of the norms."""
    basis, block = case
    matrix = basis * block * basis.inv()
    rho = radius(block)
    cost = norm_between(basis)[1] * norm_between(basis.inv())[1]
    power = unit(matrix.nrows())
    for t in range(1, POWERS + 1):
        power = power * matrix
        if norm_between(power)[0] > cost * rho**t:
            return f"J = {show(matrix)}, |V||V^-1| <= {float(cost):.4g}: |J^{t}| is larger"
    if rho < 1 and norm_between(resolvent(matrix))[0] > cost / (1 - rho):
        return f"J = {show(matrix)}, |V||V^-1| <= {float(cost):.4g}: |(I - J)^-1| is larger"
    return None


def _is_diagonal(case: Based) -> bool:
    block = case[1]
    size = block.nrows()
    return all(block[i, j] == 0 for i in range(size) for j in range(size) if i != j)


CONDITION = Predicate(
    name="condition_number",
    sentence=(
        "For J = V L V^{-1} with a diagonal L, |J^t| <= |V||V^{-1}| rho^t and |(I - J)^{-1}| <="
        " |V||V^{-1}|/(1 - rho)."
    ),
    concluded_by=("condition_number",),
    assumptions={"contractive": lambda case: radius(case[1]) < 1, "diagonalisable": _is_diagonal},
    refute=_exceeds_condition_number,
    example=lambda: (rows([[1, 3], [0, 1]]), rows([["1/2", 0], [0, "-1/3"]])),
)

PREDICATES = (TRANSIENT, NORMAL, CONDITION)

FALSIFIERS = (
    Falsifier("expanding", "contractive", TRANSIENT, lambda: rows([[2]])),
    Falsifier("jordan_block", "normal", NORMAL, lambda: rows([["1/2", 8], [0, "1/2"]])),
    Falsifier(
        "no_eigenbasis",
        "diagonalisable",
        CONDITION,
        lambda: (rows([[1, 0], [0, 1]]), rows([["1/2", 1], [0, "1/2"]])),
    ),
)
