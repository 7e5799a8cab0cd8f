"""R1 as programs: its sentences for rational loops of width 1 and 2, and what breaks them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import flint

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

LOOPS = 16
"""iterations in which an orbit may repeat a state"""


class LinearLoop(NamedTuple):
    """h' = M h + push + bend h o h, with M = `matrix`, push = B e + c and B = `recall`.

    `bend` is 0 for a linear loop.
    """

    matrix: flint.fmpq_mat
    recall: flint.fmpq_mat
    push: flint.fmpq_mat
    start: flint.fmpq_mat
    bend: Fraction = Fraction(0)

    def step(self, h: flint.fmpq_mat) -> flint.fmpq_mat:
        """One iteration."""
        bend = flint.fmpq(self.bend.numerator, self.bend.denominator)
        return self.matrix * h + self.push + column([bend * x * x for x in h.entries()])

    @property
    def gap(self) -> flint.fmpq_mat:
        """I - M."""
        d = self.matrix.nrows()
        return flint.fmpq_mat(d, d, [int(i == j) for i in range(d) for j in range(d)]) - self.matrix

    @property
    def sensitivity(self) -> flint.fmpq_mat:
        """S = (I - M)^{-1} B."""
        return self.gap.solve(self.recall)


def column(entries: Sequence[flint.fmpq]) -> flint.fmpq_mat:
    """A column vector."""
    return flint.fmpq_mat(len(entries), 1, list(entries))


def rational_matrix(rows: Sequence[Sequence[object]]) -> flint.fmpq_mat:
    """A matrix of integers, fractions or their strings."""
    exact = [[Fraction(str(x)) for x in row] for row in rows]
    entries = [flint.fmpq(x.numerator, x.denominator) for row in exact for x in row]
    return flint.fmpq_mat(len(rows), len(rows[0]), entries)


def loop(
    matrix: Any, recall: Any, push: Any = None, start: Any = None, bend: int = 0
) -> LinearLoop:
    """A loop from rows; push and start are 0 if not given."""
    zero = [0] * len(matrix)
    first, second = (rational_matrix([[x] for x in (v or zero)]) for v in (push, start))
    exact = rational_matrix(matrix), rational_matrix(recall)
    return LinearLoop(*exact, first, second, Fraction(bend))


def contractive(matrix: flint.fmpq_mat) -> bool:
    """rho(M) < 1, by the modulus at d = 1 and Jury's test at d = 2."""
    if matrix.nrows() == 1:
        return abs(matrix[0, 0]) < 1
    trace, det = matrix[0, 0] + matrix[1, 1], matrix.det()
    return det < 1 and abs(trace) < 1 + det


def lyapunov(matrix: flint.fmpq_mat) -> flint.fmpq_mat | None:
    """P with P - M^T P M = I, or None; it is positive definite iff all orbits of M tend to 0."""
    d = matrix.nrows()
    size, kron = d * d, matrix.transpose()
    rows = [
        int(i == k and j == m) - kron[i, k] * kron[j, m]
        for i in range(d)
        for j in range(d)
        for k in range(d)
        for m in range(d)
    ]
    system = flint.fmpq_mat(size, size, rows)
    if system.det() == 0:
        return None
    eye = column([flint.fmpq(int(i == j)) for i in range(d) for j in range(d)])
    return flint.fmpq_mat(d, d, system.solve(eye).entries())


def _does_not_reach(case: LinearLoop) -> str | None:
    """An orbit that repeats a state other than h*, or no Lyapunov function |h - h*|_P."""
    fixed = case.gap.solve(case.push) if case.gap.det() != 0 else None
    h = case.start
    seen = []
    for _ in range(LOOPS):
        if h in seen and h != fixed:
            return f"the orbit repeats the state {text(h)}"
        seen.append(h)
        h = case.step(h)
    p = lyapunov(case.matrix)
    if p is None or p[0, 0] <= 0 or p.det() <= 0:
        return f"M = {text(case.matrix)}: M^t does not tend to 0"
    return None


def text(matrix: flint.fmpq_mat) -> str:
    """The rows in words."""
    rows = [[str(matrix[i, j]) for j in range(matrix.ncols())] for i in range(matrix.nrows())]
    return "[" + "; ".join(", ".join(row) for row in rows) + "]"


REACHED = Predicate(
    name="reached",
    sentence="If rho(M) < 1, h_t -> h*(e) from every start.",
    concluded_by=("reachable",),
    assumptions={
        "linear": lambda case: case.bend == 0,
        "contractive": lambda case: contractive(case.matrix),
    },
    refute=_does_not_reach,
    example=lambda: loop([["1/2", 5], [0, "-1/2"]], [[1, 0], [0, 1]], [1, 2], [3, 4]),
)

RANK = Predicate(
    name="dependence",
    sentence="If moreover B != 0, then S != 0, and S has the rank of B.",
    concluded_by=("rank",),
    assumptions={
        "contractive": lambda case: contractive(case.matrix),
        "recall": lambda case: any(case.recall.entries()),
    },
    refute=lambda case: (
        None
        if 0 < case.sensitivity.rank() == case.recall.rank()
        else f"B = {text(case.recall)}: S = {text(case.sensitivity)}"
    ),
    example=lambda: loop([["1/2", 5], [0, "-1/2"]], [[1, 2], [2, 4]]),
)


def _square_roots(matrix: flint.fmpq_mat) -> list[flint.arb]:
    """The squares of the singular values of a matrix of size 1 or 2, the larger first."""
    gram = matrix.transpose() * matrix
    if gram.nrows() == 1:
        return [flint.arb(gram[0, 0])]
    trace, det = gram[0, 0] + gram[1, 1], gram.det()
    if det == 0:
        return [flint.arb(trace), flint.arb(0)]
    root = flint.arb(trace * trace - 4 * det).sqrt()
    return [(trace + root) / 2, (trace - root) / 2]


def _stays_small(case: LinearLoop) -> str | None:
    """|S|^2 |1 - l|^2 against the least non-zero square of a singular value of B, in balls."""
    matrix = case.matrix
    if case.gap.det() == 0:  # 1 is an eigenvalue, and there is no S
        return None
    if matrix.nrows() == 1:
        gaps = [flint.arb((1 - matrix[0, 0]) ** 2)]
    else:
        trace, det = matrix[0, 0] + matrix[1, 1], matrix.det()
        disc = trace * trace - 4 * det
        root = flint.arb(abs(disc)).sqrt()
        gaps = [(1 - (trace + sign * root) / 2) ** 2 for sign in (1, -1)]
        if disc < 0:  # |1 - l|^2 of a complex pair
            gaps = [flint.arb(1 - trace + det)]
    least = _square_roots(case.recall)[case.recall.rank() - 1]
    size = _square_roots(case.sensitivity)[0]
    for gap in gaps:
        if size * gap < least:
            return f"|S|^2 = {size.str(6)}, but |1 - l|^2 = {gap.str(6)}, sigma^2 = {least.str(6)}"
    return None


BLOW_UP = Predicate(
    name="blow_up",
    sentence=(
        "If B is invertible, |S| >= sigma/|1 - lambda| for every eigenvalue lambda of M, where"
        " sigma is the least non-zero singular value of B."
    ),
    concluded_by=("blow_up",),
    assumptions={"invertible": lambda case: case.recall.det() != 0},
    refute=_stays_small,
    example=lambda: loop([["1/2", 5], [0, "9/10"]], [[1, 2], [3, 4]]),
)

PREDICATES = (REACHED, RANK, BLOW_UP)

FALSIFIERS = (
    Falsifier("identity", "contractive", REACHED, lambda: loop([[1]], [[1]], start=[1])),
    # h' = h^2 stays at 1
    Falsifier("square", "linear", REACHED, lambda: loop([[0]], [[1]], start=[1], bend=1)),
    Falsifier("no_recall", "recall", RANK, lambda: loop([["1/2"]], [[0]])),
    Falsifier(
        "recall_misses_the_eigenvector",
        "invertible",
        BLOW_UP,
        lambda: loop([["9/10", 0], [0, 0]], [[0, 0], [0, 1]]),
    ),
)
