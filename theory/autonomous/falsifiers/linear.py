"""A1 as predicates about rational loops, and an exact witness for each assumption."""

from __future__ import annotations

from typing import NamedTuple

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..exact_orbits import (
    Exact,
    Z,
    affine_limit,
    beside,
    column,
    factors,
    identity,
    is_stable,
    matrix,
    text,
    value,
)


class LinearLoop(NamedTuple):
    """h' = M h + c for two inputs, with their offsets c and starts h_0."""

    m: Exact
    offsets: tuple[Exact, Exact]
    starts: tuple[Exact, Exact]

    @property
    def gap(self) -> Exact:
        """I - M."""
        return identity(self.m.nrows()) - self.m


def _in_range(loop: LinearLoop) -> bool:
    return loop.gap.rank() == beside(loop.gap, loop.offsets[0]).rank()


def _modulus(loop: LinearLoop) -> bool:
    rest = loop.m.charpoly()
    while rest(1) == 0:
        rest /= Z - 1
    return is_stable(rest)


def _semisimple(loop: LinearLoop) -> bool:
    return loop.gap.rank() == (loop.gap * loop.gap).rank()


def _regular(loop: LinearLoop) -> bool:
    return loop.gap.det() != 0


def _no_recall(loop: LinearLoop) -> bool:
    return loop.offsets[0] == loop.offsets[1]


def kernel(a: Exact) -> Exact:
    """A basis of the kernel of a square matrix, in columns; no column if there is none."""
    reduced, rank = a.rref()
    size = a.ncols()
    pivots = [next(j for j in range(size) if reduced[i, j] != 0) for i in range(rank)]
    basis = Exact(size, size - rank)
    for k, free in enumerate(j for j in range(size) if j not in pivots):
        basis[free, k] = 1
        for i, pivot in enumerate(pivots):
            basis[pivot, k] = -reduced[i, free]
    return basis


def projector(gap: Exact) -> Exact:
    """The projector on ker(I - M) along im(I - M), from bases of the two kernels of I - M."""
    right, left = kernel(gap), kernel(gap.transpose())
    if not right.ncols():
        return gap * 0
    return right * (left.transpose() * right).inv() * left.transpose()


def _solution(loop: LinearLoop) -> Exact:
    """Some w with c = (I - M) w."""
    size = loop.m.nrows()
    reduced, rank = beside(loop.gap, loop.offsets[0]).rref()
    w = Exact(size, 1)
    for i in range(rank):
        w[next(j for j in range(size) if reduced[i, j] != 0), 0] = reduced[i, size]
    return w


def _where(loop: LinearLoop) -> str:
    return f"M = {text(loop.m)}, c = {text(loop.offsets[0])}, h_0 = {text(loop.starts[0])}"


def _other_limit(loop: LinearLoop) -> str | None:
    h = loop.starts[0]
    limit = affine_limit(loop.m, loop.offsets[0], h)
    if limit is None:
        return f"{_where(loop)}: h_t does not converge"
    p = projector(loop.gap)
    said = p * h + _solution(loop) - p * _solution(loop)
    return None if limit == said else f"{_where(loop)}: the limit is {text(limit)}"


def _two_limits(loop: LinearLoop) -> str | None:
    ends = [affine_limit(loop.m, c, h) for c, h in zip(loop.offsets, loop.starts, strict=True)]
    if None in ends or ends[0] == ends[1]:
        return None
    found = " and ".join(text(end) for end in ends if end is not None)
    return f"M = {text(loop.m)}: the limits for two inputs are {found}"


def _outside(loop: LinearLoop) -> bool:
    size = loop.m.nrows()
    stable = Z**0
    for factor, multiplicity in factors(loop.m.charpoly()):
        if is_stable(factor):
            stable *= factor**multiplicity
    step = loop.m * loop.starts[0] + loop.offsets[0] - loop.starts[0]
    return value(stable, loop.m, step) != Exact(size, 1)


def _converges(loop: LinearLoop) -> str | None:
    if affine_limit(loop.m, loop.offsets[0], loop.starts[0]) is not None:
        return f"{_where(loop)}: h_t converges"
    unit = beside(identity(loop.m.nrows()), Exact(loop.m.nrows(), 1)).transpose()
    starts = [column(row) for row in unit.tolist()]
    if any(affine_limit(loop.m, loop.offsets[0], h) is None for h in starts):
        return None
    return f"M = {text(loop.m)}, c = {text(loop.offsets[0])}: h_t converges from every h_0"


def _loop(rows: list[list[object]], offsets: str = "0 0", starts: str = "1 0") -> LinearLoop:
    """A loop of constant offsets and starts (all entries equal), each given by two numbers."""
    size = len(rows)
    first, second = ([column([x] * size) for x in part.split()] for part in (offsets, starts))
    return LinearLoop(matrix(rows), (first[0], first[1]), (second[0], second[1]))


LIMIT = Predicate(
    "limit",
    "If c = (I - M) w and every eigenvalue of M has modulus < 1 or equals 1 and is semisimple, h_t"
    " -> P h_0 + (I - P) w from every h_0, P the projector on ker(M - I) along im(M - I).",
    ("limit",),
    {"range": _in_range, "modulus": _modulus, "semisimple": _semisimple},
    _other_limit,
    lambda: LinearLoop(
        matrix([[1, 0], ["1/2", "1/2"]]),
        (column([0, 1]), column([0, 1])),
        (column([3, -1]), column([0, 0])),
    ),
)
ONE_LIMIT = Predicate(
    "one_limit",
    "If 1 is not an eigenvalue, every orbit that converges ends at (I - M)^{-1} c, whatever the"
    " input.",
    ("unique_fixed_point",),
    {"regular": _regular, "no_recall": _no_recall},
    _two_limits,
    lambda: _loop([["1/2", 1], [0, "-1/3"]], "1 1"),
)
OTHERWISE = Predicate(
    "otherwise",
    "Otherwise h_t converges from no h_0 outside a proper affine subspace.",
    ("necessity",),
    {"outside": _outside},
    _converges,
    lambda: _loop([[-1, 0], [0, "1/2"]]),
)

PREDICATES = (LIMIT, ONE_LIMIT, OTHERWISE)
FALSIFIERS = (
    Falsifier("offset_outside_the_range", "range", LIMIT, lambda: _loop([[1]], "1 1")),
    Falsifier("minus_one", "modulus", LIMIT, lambda: _loop([[-1]])),
    Falsifier("jordan_block_at_one", "semisimple", LIMIT, lambda: _loop([[1, 1], [0, 1]])),
    Falsifier("one_is_an_eigenvalue", "regular", ONE_LIMIT, lambda: _loop([[1]])),
    Falsifier("offset_is_the_input", "no_recall", ONE_LIMIT, lambda: _loop([["1/2"]], "1 0")),
    Falsifier("start_at_rest", "outside", OTHERWISE, lambda: _loop([[-1]], starts="0 0")),
)
