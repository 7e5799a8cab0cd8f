"""Predicates of N2, existence of a fixed point, and one witness for each assumption."""

from __future__ import annotations

from typing import Any, NamedTuple

import flint
from flint import fmpq_mat

from ...kernel.algebra import diagonal, fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .exact_states import column, dot, has_fixed_state, has_root, norm_at_most, rows, show, unit


class Line(NamedTuple):
    """f(h) = N(w e - c y), |e| = R, with y = h, or with an inner norm y = h/sqrt(mean h^2 + inner).

    `inner` is None without inner norm, and `eps` is that of N. A fixed point is a multiple x e of
    e, so the case is that of d = 1 and e = 1 in every dimension. At inner = 0, y is the sign of x
    times e, and not defined at h = 0.
    """

    c: flint.fmpq
    w: flint.fmpq
    eps: flint.fmpq
    inner: flint.fmpq | None

    def __str__(self) -> str:
        read = "h" if self.inner is None else f"h/sqrt(mean h^2 + {self.inner})"
        return f"N({self.w} e - {self.c} {read}), eps = {self.eps}"


def line(c: Any, w: Any, eps: Any, inner: Any = None) -> Line:
    """The case with these rationals; c and w are not 0."""
    return Line(fmpq(c), fmpq(w), fmpq(eps), None if inner is None else fmpq(inner))


def nothing_on_the_line(case: Line) -> str | None:
    """A fixed point solves a polynomial equation for y, between 0 and w/c.

    There y and z = w - c y have the same sign. The equation h = z/sqrt(z^2 + eps) is
    y^2 (z^2 + eps) = z^2 without inner norm, and inner y^2 (z^2 + eps) = z^2 (1 - y^2) with it.
    """
    if case.inner == 0:
        # f(0) is not defined, and y = +-1 elsewhere
        found = abs(case.w) > abs(case.c) or case.c < 0
        why = "; f - h changes sign only at h = 0, where the inner norm is not defined"
    else:
        y = flint.fmpq_poly([0, 1])
        z = flint.fmpq_poly([case.w, -case.c])
        left, right = y * y * (z * z + case.eps), z * z
        if case.inner is not None:
            left, right = case.inner * left, right * (1 - y * y)
        end = case.w / case.c
        low, high = sorted((flint.fmpq(0), end))
        found, why = has_root(left - right, str(low), str(high)), ""
    return None if found else f"{case} has no fixed point{why}"


class Loop(NamedTuple):
    """h' = N_gamma(A h + b) at eps = 0, and the bound G of |A h| on the states, in units of R."""

    matrix: fmpq_mat
    drive: fmpq_mat
    gain: fmpq_mat
    bound: flint.fmpq

    def __str__(self) -> str:
        return (
            f"A = {show(self.matrix)}, b = {show(self.drive)}, gamma = {show(self.gain)},"
            f" G = {self.bound} R"
        )

    @property
    def inner(self) -> fmpq_mat:
        """A diag(gamma), the matrix of the loop in k with h = gamma o k."""
        return self.matrix * diagonal([str(g) for g in self.gain.entries()])


def loop(matrix: Any, drive: Any, gain: Any, bound: Any) -> Loop:
    """The case with these rationals."""
    return Loop(rows(matrix), column(drive), column(gain), fmpq(bound))


def _dominates(case: Loop) -> bool:
    return dot(case.drive, case.drive) > case.bound**2 * case.drive.nrows()


def _nothing_fixed(case: Loop) -> str | None:
    found = has_fixed_state(case.inner, case.drive)
    return None if found else f"{case}: no state is fixed"


BALL = Predicate(
    name="ball",
    sentence="If eps > 0 and z is continuous on the states, f has a fixed point for every e",
    concluded_by=("brouwer_ball", "conclusion"),
    assumptions={"epsilon": lambda case: case.eps > 0, "continuous": lambda case: case.inner != 0},
    refute=nothing_on_the_line,
    example=lambda: line(1, "1/2", 1, 1),
)
CAP = Predicate(
    name="cap",
    sentence=(
        "If eps = 0 and z = g(h, e) + B e with g continuous and |B e| > G >= |g| on the states, f"
        " has a fixed point"
    ),
    concluded_by=("brouwer_cap", "conclusion"),
    assumptions={
        "dominates": _dominates,
        "state_space": lambda case: norm_at_most(case.inner, case.bound),
    },
    refute=_nothing_fixed,
    example=lambda: loop([[0, -1], [1, 0]], [2, 0], [1, -1], 1),
)
PREDICATES = (BALL, CAP)

FALSIFIERS = (
    Falsifier("no_epsilon", "epsilon", BALL, lambda: line(1, "1/2", 0)),
    Falsifier("inner_norm_jumps", "continuous", BALL, lambda: line(1, "1/2", 1, 0)),
    Falsifier(
        "recall_too_weak",
        "dominates",
        CAP,
        lambda: Loop(-1 * unit(2), column(["1/2", "1/2"]), column([1, 1]), fmpq(1)),
    ),
    Falsifier(
        "bound_over_the_unit_gain",
        "state_space",
        CAP,
        lambda: Loop(-1 * unit(2), column(["3/2", "3/2"]), column([2, 2]), fmpq(1)),
    ),
)
