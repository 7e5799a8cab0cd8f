"""Exact cases of L4: linear orbits h_{t+1} = h* + M (h_t - h*) with an affine read-out.

States are measured in the maximum norm, so that every constant is a rational.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint

from ...kernel.algebra import fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .quadratic_loop import column, matrix

LATER = 40
"""loops that a predicate looks at beyond the one that the formula gives"""
LONGEST = 4000
"""loops after which a case is given up"""


@dataclass(frozen=True)
class AnswerCase:
    """One input: its orbit, the constants claimed of it, and its read-out.

    Args:
        matrix: M.
        start: h_0 - h*.
        scale: C, claimed in |h_t - h*| <= C q^t.
        rate: q.
        rows: for each competitor, the row of the logit of the answer at h* less that of the
            competitor.
        gaps: these differences at h*.
        lipschitz: Lambda, claimed Lipschitz constant of every difference.
        margin: m, claimed lower bound of the differences at h*.
        right: whether the answer at h* is the right one.
    """

    matrix: Any
    start: Any
    scale: Any
    rate: Any
    rows: Any
    gaps: Any
    lipschitz: Any
    margin: Any
    right: bool = True

    def first(self) -> int | None:
        """The first loop with Lambda C q^t < m; None where there is none up to `LONGEST`."""
        left, rate = fmpq(self.lipschitz) * fmpq(self.scale), fmpq(self.rate)
        for t in range(LONGEST):
            if left < fmpq(self.margin):
                return t
            left *= rate
        return None

    def answers(self, loops: int) -> list[bool]:
        """For t = 0, ..., loops, whether the answer at loop t is that of h*."""
        step, x, rows = matrix(self.matrix), column(self.start), matrix(self.rows)
        found = []
        for _ in range(loops + 1):
            moved = (rows * x).entries()
            found.append(all(fmpq(g) + y > 0 for g, y in zip(self.gaps, moved, strict=True)))
            x = step * x
        return found


def _row_sum(rows: Any) -> flint.fmpq:
    return max(sum((abs(fmpq(x)) for x in row), flint.fmpq(0)) for row in rows)


def _settles(case: AnswerCase) -> bool:
    near = max(abs(fmpq(x)) for x in case.start) <= fmpq(case.scale)
    return near and _row_sum(case.matrix) <= fmpq(case.rate) and 0 < fmpq(case.rate) < 1


def _lipschitz(case: AnswerCase) -> bool:
    return _row_sum(case.rows) <= fmpq(case.lipschitz)


def _margin(case: AnswerCase) -> bool:
    return fmpq(case.margin) > 0 and min(map(fmpq, case.gaps)) >= fmpq(case.margin)


def _changes(case: AnswerCase) -> str | None:
    first = case.first()
    if first is None:
        return f"C Lambda q^t >= m = {case.margin} for all t"
    for t, same in enumerate(case.answers(first + LATER)):
        if t >= first and not same:
            return f"M = {case.matrix}, h_0 - h* = {case.start}: another answer at loop {t}"
    return None


def _all(holds: Any) -> Any:
    return lambda cases: all(holds(case) for case in cases)


def _accuracy_changes(cases: tuple[AnswerCase, ...]) -> str | None:
    firsts = [case.first() for case in cases]
    if None in firsts:
        return "an input has no loop with C Lambda q^t < m"
    last = max(t for t in firsts if t is not None)
    found = [case.answers(last + LATER) for case in cases]
    # an answer other than that at h* counts as wrong where that at h* is right; with two classes it
    # is right where that at h* is wrong
    counts = [
        sum(same[t] == case.right for same, case in zip(found, cases, strict=True))
        for t in range(last, last + LATER)
    ]
    if len(set(counts)) == 1:
        return None
    return f"{min(counts)} to {max(counts)} of {len(cases)} right after loop {last}"


def _example(**changes: Any) -> AnswerCase:
    """The scalar loop x/2 from 8, read out as 1 - x, or with changes."""
    case: dict[str, Any] = {
        "matrix": [["1/2"]],
        "start": [8],
        "scale": 8,
        "rate": "1/2",
        "rows": [[-1]],
        "gaps": [1],
        "lipschitz": 1,
        "margin": 1,
    }
    return AnswerCase(**{**case, **changes})


ANSWER = Predicate(
    "answer",
    "The answer at every loop t >= t_0 with t > log(C Lambda/m)/log(1/q) is the one at h*.",
    ("loop_count", "margin_left", "later"),
    {"settles": _settles, "lipschitz": _lipschitz, "margin": _margin},
    _changes,
    _example,
)
ACCURACY = Predicate(
    "accuracy",
    "So every accuracy over a finite test set of such inputs is constant beyond the largest of"
    " these loops.",
    ("finite_set",),
    {"settles": _all(_settles), "lipschitz": _all(_lipschitz), "margin": _all(_margin)},
    _accuracy_changes,
    lambda: (_example(), _example(start=[-8], right=False)),
)
PREDICATES = (ANSWER, ACCURACY)

_CYCLE = {"matrix": [[-1]], "start": [2], "scale": 2}
FALSIFIERS = (
    Falsifier("two_cycle", "settles", ANSWER, lambda: _example(**_CYCLE)),
    Falsifier("steep_read_out", "lipschitz", ANSWER, lambda: _example(rows=[[-64]])),
    # -x/2 from 1, read out as -x: the sign alternates for ever, and m = 0 at h*
    Falsifier(
        "no_margin",
        "margin",
        ANSWER,
        lambda: _example(matrix=[["-1/2"]], start=[1], scale=1, gaps=[0], margin="1/1000"),
    ),
    Falsifier("one_input_cycles", "settles", ACCURACY, lambda: (_example(), _example(**_CYCLE))),
)
"""One exact witness for each assumption."""
