"""N8 as programs: its sentences for cells of width 1 in exact arithmetic, and what breaks them.

Gate and candidate are constants here, that is, cells whose weights are 0. Every number in (0, 1) is
a value of the sigmoid, and every number in (-1, 1) one of tanh.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import flint

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

LATER = 16
"""iterations after the entry time in which the orbit must stay in the box"""


class Gated(NamedTuple):
    """Cells h' = (1 - z) n + z w h in a row, and a start in a box.

    Args:
        cells: z and n of each cell.
        hidden: w; the hidden argument of the cells is w h.
        start: the first state.
        box: the bound of the set of starts.
        added: the residual is h + (1 - z) n instead.
    """

    cells: tuple[tuple[Fraction, Fraction], ...]
    hidden: Fraction
    start: Fraction
    box: Fraction
    added: bool = False

    def step(self, h: Fraction) -> Fraction:
        """One iteration."""
        for z, n in self.cells:
            h = (1 - z) * n + (h if self.added else z * self.hidden * h)
        return h

    def orbit(self) -> Iterator[Fraction]:
        """The states from the start on."""
        h = self.start
        while True:
            yield h
            h = self.step(h)


def gated(
    *cells: Any, hidden: Any = 1, start: Any = 0, box: Any = None, added: bool = False
) -> Gated:
    """A case from numbers or their strings; the box is |start| if not given."""
    pairs = tuple((Fraction(z), Fraction(n)) for z, n in cells)
    first = Fraction(start)
    size = abs(first) if box is None else Fraction(box)
    return Gated(pairs, Fraction(hidden), first, size, added)


def entry_time(z: Fraction, n: Fraction, size: Fraction) -> int | None:
    """The least t with z^t (H - |n|) < 1 - |n|; None if there is none."""
    if size <= 1:
        return 0
    if z >= 1:
        return None
    t, excess = 0, size - abs(n)
    while excess >= 1 - abs(n):
        t, excess = t + 1, z * excess
    return t


def _outside(case: Gated) -> str | None:
    """|h_t| < 1 from the entry time of the box on; a gate of 1 gives none, and h' = h."""
    ((z, n),) = case.cells
    time = entry_time(z, n, case.box)
    if time is None:
        return f"z = {z}: h' = h = {case.start}" if case.step(case.start) == case.start else None
    orbit = case.orbit()
    for t in range(time + LATER):
        h = next(orbit)
        if t >= max(time, 1) and abs(h) >= 1:
            return f"z = {z}, n = {n}: h_{t} = {float(h):.4g}, and the entry time is {time}"
    return None


ENTERS = Predicate(
    name="enters",
    sentence=(
        "Every orbit enters (-1, 1)^d, in a time that is bounded for starts in a bounded set."
    ),
    concluded_by=("absorbing",),
    assumptions={
        "cell": lambda case: not case.added and all(z > 0 and abs(n) < 1 for z, n in case.cells),
        "hidden": lambda case: case.hidden == 1,
        "bounded_start": lambda case: abs(case.start) <= case.box,
        "exact": lambda case: all(z < 1 for z, _ in case.cells),
    },
    refute=_outside,
    example=lambda: gated(("1/2", "1/2"), start=4),
)


def _not_the_candidate(case: Gated) -> str | None:
    """The fixed point of the affine step against the candidates."""
    offset = case.step(Fraction(0))
    slope = case.step(Fraction(1)) - offset
    if slope == 1:
        return f"h' = h + {offset}"
    fixed = offset / (1 - slope)
    if any(n != fixed for _, n in case.cells):
        return f"cells {', '.join(f'({z}, {n})' for z, n in case.cells)}: h = {fixed} is fixed"
    return None


CANDIDATE = Predicate(
    name="candidate",
    sentence="For one cell the fixed points are those of n.",
    concluded_by=("fixed_points",),
    assumptions={
        "cell": lambda case: not case.added and all(z > 0 and abs(n) < 1 for z, n in case.cells),
        "hidden": lambda case: case.hidden == 1,
        "exact": lambda case: all(z < 1 for z, _ in case.cells),
        "one_cell": lambda case: len(case.cells) == 1,
    },
    refute=_not_the_candidate,
    example=lambda: gated(("1/2", "1/3")),
)


class Candidate(NamedTuple):
    """n(h) = tanh(w - c h/sqrt(h^2 + eps)) at width 1, with any gate.

    If the hidden argument is not h but hidden h + shift, the gate is 1/2.
    """

    w: Fraction
    c: Fraction
    eps: Fraction
    hidden: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)


def _no_fixed_point(case: Candidate) -> str | None:
    """n - h is continuous for eps > 0; at eps = 0, n is constant on each side of 0."""
    if case.hidden == 2 and abs(case.shift) >= 1:  # h' - h = (n + shift)/2, and |n| < 1
        return f"h' = (n + 2 h + {case.shift})/2: h moves to one side for ever"
    w, c, eps = (flint.arb(flint.fmpq(x.numerator, x.denominator)) for x in case[:3])
    if case.eps == 0:
        right, left = case.w - case.c, case.w + case.c  # the signs of n for h > 0 and for h < 0
        return (
            None if right > 0 or left < 0 else f"n has the sign of {right} for h > 0, {left} else"
        )
    low, high = ((w - c * x / (1 + eps).sqrt()).tanh() - x for x in (flint.arb(-1), flint.arb(1)))
    return None if high < 0 < low else "n - h has one sign at -1 and 1"


EXISTS = Predicate(
    name="existence",
    sentence="Every input has a fixed point, also for several cells in a row.",
    concluded_by=("brouwer",),
    assumptions={
        "inner_epsilon": lambda case: case.eps > 0,
        "hidden": lambda case: (case.hidden, case.shift) == (1, 0),
    },
    refute=_no_fixed_point,
    example=lambda: Candidate(Fraction(1), Fraction(2), Fraction(1)),
)

PREDICATES = (ENTERS, CANDIDATE, EXISTS)

FALSIFIERS = (
    Falsifier(
        "hidden_argument_doubled", "hidden", ENTERS, lambda: gated(("3/4", 0), hidden=2, start=2)
    ),
    Falsifier("added_residual", "cell", ENTERS, lambda: gated(("1/2", "1/2"), start=2, added=True)),
    Falsifier(
        "start_outside_the_box", "bounded_start", ENTERS, lambda: gated(("1/2", 0), start=64, box=2)
    ),
    Falsifier("gate_rounded_to_one", "exact", ENTERS, lambda: gated((1, 0), start=2)),
    Falsifier(
        "hidden_argument_with_recall",
        "hidden",
        EXISTS,
        lambda: Candidate(*map(Fraction, (1, 2, 1, 2, 1))),
    ),
    Falsifier("two_cells", "one_cell", CANDIDATE, lambda: gated(("1/2", 0), ("1/2", "1/2"))),
    Falsifier(
        "inner_norm_without_epsilon",
        "inner_epsilon",
        EXISTS,
        lambda: Candidate(Fraction(1), Fraction(2), Fraction(0)),
    ),
)
