"""Exact cases of L5: blocks f_i(h, e) = M_i h + q_i (h_1^2, ..., h_d^2) + K_i e + c_i in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from ...kernel.algebra import fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .quadratic_loop import column, matrix, semidefinite, unit


@dataclass(frozen=True)
class Block:
    """One block.

    Args:
        matrix: the rows of M_i.
        offset: the column c_i.
        recall: the column K_i; empty for 0.
        square: q_i.
        lipschitz: what is said to be a Lipschitz constant of the block.
    """

    matrix: Any
    offset: Sequence[Any]
    recall: Sequence[Any] = ()
    square: Any = 0
    lipschitz: Any = 1

    def image(self, h: Any) -> Any:
        """f_i(h) at e = 0, for a column h."""
        squares = column([x[0] ** 2 for x in h.tolist()])
        return matrix(self.matrix) * h + fmpq(self.square) * squares + column(self.offset)

    def jacobian(self, h: Any) -> Any:
        """The derivative of f_i at h by h."""
        size = len(self.matrix)
        twice = [[2 * h[i, 0] if i == j else 0 for j in range(size)] for i in range(size)]
        return matrix(self.matrix) + fmpq(self.square) * flint.fmpq_mat(twice)

    @property
    def direct(self) -> Any:
        """K_i."""
        return column(self.recall or [0] * len(self.matrix))

    def contracts(self) -> bool:
        """Whether the block is affine and has that Lipschitz constant."""
        return self.square == 0 and _bounded(matrix(self.matrix), Fraction(self.lipschitz))


def _bounded(map_: Any, constant: Fraction) -> bool:
    """Whether |map x| <= constant |x| for every x."""
    square = unit(map_.nrows()) * fmpq(constant**2)
    return constant >= 0 and semidefinite(square - map_.transpose() * map_)


@dataclass(frozen=True)
class Stack:
    """Blocks f_1, ..., f_k in a row, and a state h^0.

    Args:
        blocks: the blocks.
        start: h^0.
    """

    blocks: Sequence[Block]
    start: Sequence[Any]

    def states(self) -> list[Any]:
        """h^0, h^1 = f_1(h^0), ..., h^k."""
        found = [column(self.start)]
        for block in self.blocks:
            found.append(block.image(found[-1]))
        return found

    def rotated(self, by: int) -> Stack:
        """The stack that begins with block `by` + 1, at the state before that block."""
        moved = self.states()[by]
        return Stack(
            [*self.blocks[by:], *self.blocks[:by]], [moved[i, 0] for i in range(moved.nrows())]
        )

    def product(self) -> Any:
        """J_k ... J_1 along the states."""
        total = unit(len(self.start))
        for block, h in zip(self.blocks, self.states(), strict=False):
            total = block.jacobian(h) * total
        return total

    def closed(self) -> bool:
        """Whether h^k = h^0."""
        states = self.states()
        return states[-1] == states[0]


def _differ(case: Stack) -> str | None:
    rotations = [case.rotated(i) for i in range(len(case.blocks))]
    open_ = [i for i, stack in enumerate(rotations) if not stack.closed()]
    if open_:
        return (
            f"h^{open_[0]} is no fixed point of the rotation that begins with block {open_[0] + 1}"
        )
    polynomials = [stack.product().charpoly() for stack in rotations]
    if all(x == polynomials[0] for x in polynomials):
        return None
    return f"the characteristic polynomials are {', '.join(map(str, polynomials))}"


def _no_contraction(case: Stack) -> str | None:
    """The composition of affine blocks: its norm, and the number of its fixed points."""
    product, kappa = case.product(), Fraction(1)
    for block in case.blocks:
        kappa *= Fraction(block.lipschitz)
    if not _bounded(product, kappa):
        return f"|M_k ... M_1| > {kappa}"
    if (unit(product.nrows()) - product).det() == 0:
        return "there is no fixed point, or more than one"
    return None


def _moves_otherwise(case: Stack) -> str | None:
    """The derivative of h^0 from all the equations h^i = f_i(h^{i-1}, e) at once, and the sum."""
    size, count = len(case.start), len(case.blocks)
    states, n = case.states(), len(case.blocks) * size
    system, right = unit(n), flint.fmpq_mat(n, 1)
    # unknown number i is the derivative of h^i, with h^k = h^0
    for i, block in enumerate(case.blocks):
        row, jacobian = ((i + 1) % count) * size, block.jacobian(states[i])
        for a in range(size):
            right[row + a, 0] = block.direct[a, 0]
            for b in range(size):
                system[row + a, i * size + b] -= jacobian[a, b]
    if system.det() == 0:
        return "the fixed point has no derivative by the input"
    true = system.solve(right)
    total, after = flint.fmpq_mat(size, 1), unit(size)
    for i in reversed(range(count)):
        total += after * case.blocks[i].direct
        after = after * case.blocks[i].jacobian(states[i])
    formula = (unit(size) - after).solve(total)
    moved = [true[a, 0] for a in range(size)]
    wanted = [formula[a, 0] for a in range(size)]
    return None if moved == wanted else f"h^0 moves with {moved}, not {wanted}"


def _regular(case: Stack) -> bool:
    product = case.product()
    return (unit(product.nrows()) - product).det() != 0


# h^0 = (1, 2) -> (3, 1) -> (1, 2)
_STACK = Stack(
    (Block([[1, 1], [0, 1]], (-1, -5), (1, 0), 1), Block([[0, 1], [1, 0]], (0, -1), (0, 1))), (1, 2)
)
_AFFINE = Stack(
    (
        Block([[0, 2], [-2, 0]], (1, 0), lipschitz=2),
        Block([["1/4", 0], [0, 0]], (0, 1), lipschitz="1/4"),
    ),
    (0, 0),
)
_SHIFT = ([[0, 2], [0, 0]], [[0, 0], [2, 0]])

ROTATIONS = Predicate(
    "rotations",
    "If h^k = h^0, each h^i is a fixed point of the blocks in the order f_{i+1}, ..., f_k, f_1,"
    " ..., f_i, and the Jacobians of all these orders there have the same characteristic"
    " polynomial.",
    ("around", "same_spectrum"),
    {"closed": Stack.closed},
    _differ,
    lambda: _STACK,
)
CONTRACTION = Predicate(
    "contraction",
    "If |f_i(h, e) - f_i(k, e)| <= kappa_i |h - k| for all states and kappa_1 ... kappa_k < 1, F"
    " contracts by that product, has one fixed point, and every orbit converges to it.",
    ("kappa", "one_fixed_point"),
    {
        "lipschitz": lambda case: all(block.contracts() for block in case.blocks),
        "small": lambda case: _product(case) < 1,
    },
    _no_contraction,
    lambda: _AFFINE,
)
MOTION = Predicate(
    "motion",
    "If 1 is not an eigenvalue of J_k ... J_1, h^0 moves with the input at the rate (I - J_k ..."
    " J_1)^{-1} Sum_j J_k ... J_{j+1} K_j.",
    ("chain", "sensitivity"),
    {"closed": Stack.closed, "regular": _regular},
    _moves_otherwise,
    lambda: _STACK,
)


def _product(case: Stack) -> Fraction:
    total = Fraction(1)
    for block in case.blocks:
        total *= Fraction(block.lipschitz)
    return total


PREDICATES = (ROTATIONS, CONTRACTION, MOTION)

FALSIFIERS = (
    Falsifier(
        "open_orbit",
        "closed",
        ROTATIONS,
        lambda: Stack((Block([[1]], (1,)), Block([[1]], (0,))), (0,)),
    ),
    # 2 h + 1, then h/2: h moves by 1/2 for ever
    Falsifier(
        "product_one",
        "small",
        CONTRACTION,
        lambda: Stack(
            (Block([[2]], (1,), lipschitz=2), Block([["1/2"]], (0,), lipschitz="1/2")), (0,)
        ),
    ),
    # both blocks are nilpotent, so their spectral radii are 0, and the product has the eigenvalue 4
    Falsifier(
        "radii_of_the_blocks",
        "lipschitz",
        CONTRACTION,
        lambda: Stack([Block(rows, (0, 0), lipschitz="1/2") for rows in _SHIFT], (0, 0)),
    ),
    Falsifier(
        "eigenvalue_one",
        "regular",
        MOTION,
        lambda: Stack((Block([[2]], (0,), (1,)), Block([["1/2"]], (0,))), (0,)),
    ),
)
