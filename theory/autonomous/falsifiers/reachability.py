"""A4 as predicates about exact loops, and an exact witness for each assumption."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..exact_orbits import (
    Exact,
    annihilator,
    column,
    identity,
    is_stable,
    matrix,
    parallel,
    text,
    top,
)

LOOPS = 8
"""iterations in which an orbit with kinks must land on the fixed point, or return to its ray"""


class Scalar(NamedTuple):
    """h' = slope h + cubic h^3 + recall e near the fixed point 0 at e = 0.

    The start h_0 is e for e <= 0, and e + jump for e > 0.
    """

    slope: Fraction
    cubic: Fraction
    recall: Fraction
    jump: Fraction = Fraction(0)


def _leaves(case: Scalar) -> str | None:
    """|f(h)| against |h| near 0: the cubic term decides where |slope| = 1."""
    inwards = case.slope * case.cubic < 0
    if abs(case.slope) < 1 or (abs(case.slope) == 1 and inwards):
        return None
    return f"h' = {case.slope} h + {case.cubic} h^3: starts near 0 do not converge to 0"


def _moves(case: Scalar) -> str | None:
    if _leaves(case) is None and abs(case.slope) < 1 and case.recall:
        rate = case.recall / (1 - case.slope)
        return f"h' = {case.slope} h + {case.recall} e: the limit moves by {rate} per unit of e"
    if (
        case.jump > 0
        and min(case.slope, case.cubic, case.slope + case.cubic * case.jump**2 - 1) > 0
    ):
        # beyond the jump every loop multiplies h by at least slope + cubic jump^2 > 1
        return f"h' = {case.slope} h + {case.cubic} h^3 diverges from {case.jump} and beyond"
    return _leaves(case)


class Loop(NamedTuple):
    """h' = M h + b + B z + O relu(W h + s), started at h_0 = o + E z, near one value of z.

    z is what is drawn: the input, or a random start for one fixed input.
    """

    m: Exact
    bias: Exact
    recall: Exact
    encoder: Exact
    offset: Exact
    z: Exact
    point: Exact
    """the fixed point"""
    out: Exact
    inner: Exact
    shift: Exact

    def kinks(self, h: Exact) -> list[Any]:
        """The arguments of the ReLUs."""
        return (self.inner * h + self.shift).entries()

    def derivative(self, pattern: Sequence[int]) -> Exact:
        """M + O D W, where D has the pattern of active units on its diagonal."""
        active = Exact(len(pattern), len(pattern))
        for i, on in enumerate(pattern):
            active[i, i] = on
        return self.m + self.out * active * self.inner

    def step(self, h: Exact) -> Exact:
        """One iteration."""
        rectified = (
            column(max(x, x * 0) for x in self.kinks(h)) if self.inner.nrows() else self.shift
        )
        return self.m * h + self.bias + self.recall * self.z + self.out * rectified


def loop(
    rows: Sequence[Sequence[Any]],
    encoder: Sequence[Sequence[Any]],
    z: Sequence[Any],
    *,
    bias: Sequence[Any] = (),
    recall: Sequence[Sequence[Any]] = (),
    offset: Sequence[Any] = (),
    point: Sequence[Any] = (),
    units: Sequence[tuple[Sequence[Any], Sequence[Any], Any]] = (),
) -> Loop:
    """A loop; what is left out is 0. A unit is its column of O, its row of W and its shift."""
    size, width = len(rows), len(z)
    zero = [0] * size
    return Loop(
        matrix(rows),
        column(bias or zero),
        matrix(recall) if recall else Exact(size, width),
        matrix(encoder),
        column(offset or zero),
        column(z),
        column(point or zero),
        matrix([unit[0] for unit in units]).transpose() if units else Exact(size, 0),
        matrix([unit[1] for unit in units]) if units else Exact(0, size),
        column(unit[2] for unit in units) if units else Exact(0, 1),
    )


def _smooth(case: Loop) -> bool:
    return all(x != 0 for x in case.kinks(case.point))


def _expanding(case: Loop) -> bool:
    """The point is fixed with rho > 1, by balls about the eigenvalues; on a kink in all pieces."""
    if case.step(case.point) != case.point:
        return False
    sides = [(0, 1) if x == 0 else (int(x > 0),) for x in case.kinks(case.point)]
    spectra: list[Any] = [
        case.derivative(pattern).charpoly().complex_roots() for pattern in product(*sides)
    ]
    return all(any(abs(root) > 1 for root, _ in roots) for roots in spectra)


def _nonsingular(case: Loop) -> bool:
    """det Df != 0 for every pattern of active units, whether or not a state has it."""
    patterns = product((0, 1), repeat=case.inner.nrows())
    return all(case.derivative(pattern).det() != 0 for pattern in patterns)


def _onto(case: Loop) -> bool:
    """An affine map pulls null sets back to null sets iff it is onto."""
    return case.encoder.rank() == case.m.nrows()


def _no_recall(case: Loop) -> bool:
    return case.recall == case.recall * 0


def _reached(case: Loop) -> str | None:
    """An open set of z about the given one from which h_t converges to the fixed point.

    Without kinks the answer is exact. With them only what lands on the point, or returns to its
    ray, within `LOOPS` iterations is found.
    """
    start = case.offset + case.encoder * case.z
    if not case.inner.nrows():
        return _linear_reached(case, start)
    h, seen = start, identity(case.m.nrows())
    for t in range(1, LOOPS + 1):
        arguments = case.kinks(h)
        if not all(arguments):
            return None
        seen = case.derivative([int(x > 0) for x in arguments]) * seen
        h = case.step(h)
        whole = seen * case.encoder
        if h == case.point and whole == whole * 0:
            return f"all h_0 near {text(start)} land on {text(h)} after {t} iterations"
        if _returns(case, start, h, seen):
            return f"the ray of h_0 = {text(start)} returns to itself, nearer to 0, after {t}"
    return None


def _linear_reached(case: Loop, start: Exact) -> str | None:
    """Without kinks: h_t - h* = M^t (h_0 - h*), h* = (I - M)^{-1}(b + B z)."""
    gap = identity(case.m.nrows()) - case.m
    if gap.det() == 0:
        return None
    point = gap.inv() * (case.bias + case.recall * case.z)
    moving = case.encoder - gap.inv() * case.recall
    directions = [column(row) for row in moving.transpose().tolist()]
    if all(is_stable(annihilator(case.m, v)) for v in (start - point, *directions)):
        return f"h' = {text(case.m)} h + ...: h_t converges to {text(point)} from {text(start)}"
    return None


def _returns(case: Loop, start: Exact, h: Exact, product_: Exact) -> bool:
    """Whether h = l start, and l < 1 is the simple dominant eigenvalue of the product so far.

    Then the rays near that of the start approach it, and their states go to 0. The loop must be
    homogeneous.
    """
    parts = (case.bias, case.shift, case.point)
    if any(part != part * 0 for part in parts) or h == h * 0 or not parallel(start, h):
        return False
    polynomial = product_.charpoly()
    dominant = top(polynomial)
    root = dominant.root
    return (
        is_stable(polynomial)
        and root is not None
        and dominant.multiplicity == 1
        and h == start * root
    )


_EXPANSIVE = {"smooth": _smooth, "expanding": _expanding, "nonsingular": _nonsingular}

ATTRACTS = Predicate(
    "attracts",
    "A fixed point with rho < 1 attracts every start in a ball around it.",
    ("local_contraction",),
    {"contractive": lambda case: abs(case.slope) < 1},
    _leaves,
    lambda: Scalar(Fraction(1, 2), Fraction(1), Fraction(0)),
)
CONSTANT = Predicate(
    "constant",
    "Without recall and with continuous h_0(e) the inputs near one that reaches it reach the same"
    " one: h_inf is locally constant there.",
    ("open_basin",),
    {
        "contractive": lambda case: abs(case.slope) < 1,
        "no_recall": lambda case: case.recall == 0,
        "smooth": lambda case: case.jump == 0,
    },
    _moves,
    lambda: Scalar(Fraction(1, 2), Fraction(1), Fraction(0)),
)
STARTS = Predicate(
    "starts",
    "If det Df != 0 almost everywhere, the starts from which h_t converges to a fixed point with"
    " rho > 1 are a null set.",
    ("expansive_is_null",),
    _EXPANSIVE,
    _reached,
    lambda: loop([[2, 0], [0, "1/2"]], [[1, 0], [0, 1]], [1, 1]),
)
INPUTS = Predicate(
    "inputs",
    "So without recall almost no input reaches one if e -> h_0(e) pulls null sets back to null"
    " sets.",
    ("inputs",),
    {**_EXPANSIVE, "encoder": _onto, "no_recall": _no_recall},
    _reached,
    lambda: loop([[2]], [[1]], [1]),
)
RANDOM_START = Predicate(
    "random_start",
    "With recall, for every e, almost surely none is reached from an h_0 that has a density given"
    " e.",
    ("with_recall",),
    {**_EXPANSIVE, "random_start": _onto},
    _reached,
    lambda: loop([[2]], [[1]], [1], bias=[-1], point=[1]),
)

PREDICATES = (ATTRACTS, CONSTANT, STARTS, INPUTS, RANDOM_START)

# 2h up to 1, then 4 - 2h, and 0 from 2 on: 2h - 4 relu(h - 1) + 2 relu(h - 2)
_PLATEAU = (([-4], [1], -1), ([2], [1], -2))
# M = [[1/2, 1], [1/2, 1/2]] where x < 0 and [[-1, 1], [1, 1/2]] where x > 0, of spectral radius
# (1 + sqrt 2)/2 and 3/2; their product has the eigenvalues 3/4, along (4, 1), and 1/2
_KINK = ((["-3/2", "1/2"], [1, 0], 0),)
_PLANE = [[1, 0], [0, 1]]

FALSIFIERS = (
    Falsifier("critical", "contractive", ATTRACTS, lambda: Scalar(*map(Fraction, (1, 1, 0)))),
    Falsifier(
        "moving_limit",
        "no_recall",
        CONSTANT,
        lambda: Scalar(Fraction(1, 2), Fraction(0), Fraction(1)),
    ),
    Falsifier(
        "jumping_start",
        "smooth",
        CONSTANT,
        lambda: Scalar(Fraction(1, 2), Fraction(1), Fraction(0), Fraction(2)),
    ),
    Falsifier(
        "on_a_kink",
        "smooth",
        STARTS,
        lambda: loop([["1/2", 1], ["1/2", "1/2"]], _PLANE, [4, 1], units=_KINK),
    ),
    Falsifier("contracting", "expanding", STARTS, lambda: loop([["1/2"]], [[1]], [1])),
    Falsifier("plateau", "nonsingular", STARTS, lambda: loop([[2]], [[1]], [3], units=_PLATEAU)),
    Falsifier(
        "line_of_inputs", "encoder", INPUTS, lambda: loop([["1/2", 0], [0, 2]], [[1], [0]], [1])
    ),
    Falsifier(
        "input_moves_the_point",
        "no_recall",
        INPUTS,
        lambda: loop([[2]], [[1]], [1], recall=[[-1]], point=[1]),
    ),
    Falsifier(
        "start_follows_the_input",
        "random_start",
        RANDOM_START,
        lambda: loop([[2]], [[0]], [0], bias=[-1], offset=[1], point=[1]),
    ),
)
