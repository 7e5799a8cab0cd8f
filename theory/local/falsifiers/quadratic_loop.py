"""Exact cases of L1: loops h' = J h + b (a h)^2 + (1 + g h) K e + c with rational
coefficients.

The fixed point is h* = 0 at e = 0 where c = 0. Norms are compared in ball arithmetic, and a case is
a counterexample only if the balls are apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint

from ...kernel.algebra import fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

LOOPS = 6
"""iterations, or terms of a sum, that a predicate evaluates; the fractions double in length"""
BITS = 256


def matrix(rows: Any) -> flint.fmpq_mat:
    """A matrix from rows of rationals (integers, fractions, or floats, which are exact)."""
    return flint.fmpq_mat([[fmpq(x) for x in row] for row in rows])


def column(values: Any) -> flint.fmpq_mat:
    """A column from rationals."""
    return matrix([[x] for x in values])


def unit(size: int) -> flint.fmpq_mat:
    """The identity matrix."""
    return matrix([[int(i == j) for j in range(size)] for i in range(size)])


def semidefinite(square: flint.fmpq_mat) -> bool:
    """Whether a symmetric rational matrix is positive semidefinite, by exact elimination.

    Example:
        >>> from loopstab.theory.local.falsifiers.quadratic_loop import matrix, semidefinite
        >>> semidefinite(matrix([[1, 1], [1, 1]])), semidefinite(matrix([[0, 1], [1, 1]]))
        (True, False)
    """
    rows = [list(row) for row in square.tolist()]
    while rows:
        size = len(rows)
        if any(rows[i][i] < 0 for i in range(size)):
            return False
        pivot = next((i for i in range(size) if rows[i][i] > 0), None)
        if pivot is None:  # the diagonal is zero, and so must be the rest
            return all(x == 0 for row in rows for x in row)
        kept = [i for i in range(size) if i != pivot]
        lead = rows[pivot]
        rows = [[rows[i][j] - rows[i][pivot] * lead[j] / lead[pivot] for j in kept] for i in kept]
    return True


@dataclass(frozen=True)
class QuadraticLoop:
    """The loop h' = J h + b (a h)^2 + (1 + g h) K e + c at e = 0, with claimed constants.

    Args:
        jacobian: J.
        q: claimed rate of the adapted norm, |J^n|_2 <= q^n.
        power: n.
        start: h_0.
        ridge: a; zeros for a linear loop.
        push: b.
        kick: K, one column.
        offset: c, which is zero where 0 is a fixed point.
        bound: M, claimed Lipschitz constant of the Jacobian.
        radius: r, radius of the ball.
        slope: dh_0/de.
        twist: g, so that D_e f = (1 + g h) K; zeros where D_e f is constant.
    """

    jacobian: Any
    q: Any
    power: int
    start: Any
    ridge: Any
    push: Any
    kick: Any
    offset: Any
    bound: Any
    radius: Any
    slope: Any
    twist: Any

    @cached_property
    def j(self) -> flint.fmpq_mat:
        """The Jacobian J at the fixed point."""
        return matrix(self.jacobian)

    @cached_property
    def norm_matrix(self) -> flint.fmpq_mat:
        """P = Sum_{k<n} q^(-2k) (J^T)^k J^k, so that |x|_*^2 = x^T P x."""
        total, power = (
            matrix([[0] * len(self.jacobian)] * len(self.jacobian)),
            unit(len(self.start)),
        )
        for k in range(self.power):
            total += power.transpose() * power * (1 / fmpq(self.q) ** (2 * k))
            power = power * self.j
        return total

    def square(self, x: flint.fmpq_mat) -> flint.fmpq:
        """|x|_*^2."""
        return (x.transpose() * self.norm_matrix * x)[0, 0]

    def norm(self, x: flint.fmpq_mat) -> flint.arb:
        """|x|_*, in a ball."""
        return flint.arb(self.square(x)).sqrt()

    def step(self, x: flint.fmpq_mat, dx: flint.fmpq_mat) -> tuple[flint.fmpq_mat, flint.fmpq_mat]:
        """The next state and its derivative by the input."""
        a, b = matrix([self.ridge]), column(self.push)
        along, moved, twisted = (a * x)[0, 0], (a * dx)[0, 0], (matrix([self.twist]) * x)[0, 0]
        return (
            self.j * x + b * along**2 + column(self.offset),
            self.j * dx + b * (2 * along * moved) + column(self.kick) * (1 + twisted),
        )

    def dual(self, row: Any) -> flint.fmpq:
        """The square of the norm of the map x -> row x, from |.|_* to numbers."""
        a = matrix([row])
        return (a * self.norm_matrix.inv() * a.transpose())[0, 0]

    def sensitivity(self) -> flint.fmpq_mat | None:
        """S = (I - J)^{-1} K; None where it does not exist."""
        gap = unit(len(self.start)) - self.j
        return gap.solve(column(self.kick)) if gap.det() != 0 else None


def _fixed(case: QuadraticLoop) -> bool:
    return all(x == 0 for x in case.offset)


def _contractive(case: QuadraticLoop) -> bool:
    power = case.j**case.power
    gap = unit(len(case.start)) * fmpq(case.q) ** (2 * case.power) - power.transpose() * power
    return 0 < case.q < 1 and semidefinite(gap)


def _lipschitz(case: QuadraticLoop) -> bool:
    """2 |b|_* |a|_*'^2 <= M for the dual norm of a, and q + M r < 1."""
    dual, b = case.dual(case.ridge), column(case.push)
    small = fmpq(case.q) + fmpq(case.bound) * fmpq(case.radius) < 1
    return small and 4 * case.square(b) * dual**2 <= fmpq(case.bound) ** 2


def _in_ball(case: QuadraticLoop) -> bool:
    return case.square(column(case.start)) <= fmpq(case.radius) ** 2


def _norm_grows(case: QuadraticLoop) -> str | None:
    p = case.norm_matrix
    gap = p * fmpq(case.q) ** 2 - case.j.transpose() * p * case.j
    if semidefinite(gap) and semidefinite(p - unit(len(case.start))):
        return None
    return f"J = {case.jacobian}, q = {case.q}, n = {case.power}: |J x|_* > q |x|_* for some x"


def _leaves(case: QuadraticLoop) -> str | None:
    x = column(case.start)
    with flint.ctx.workprec(BITS):
        rate = flint.arb(fmpq(case.q) + fmpq(case.bound) * fmpq(case.radius))
        first = case.norm(x)
        for t in range(1, LOOPS + 1):
            x, _ = case.step(x, column(case.slope))
            if case.norm(x) > rate**t * first:
                return (
                    f"J = {case.jacobian}, b = {case.push}, h_0 = {case.start}: |h_{t}|_* ="
                    f" {float(case.norm(x)):.4g} > s^{t} |h_0|_* = {float(rate**t * first):.4g}"
                )
    return None


def _gradient_off(case: QuadraticLoop) -> str | None:
    limit = case.sensitivity()
    if limit is None:
        return "I - J is not invertible: there is no S"
    x, dx = column(case.start), column(case.slope)
    with flint.ctx.workprec(BITS):
        rate = flint.arb(fmpq(case.q) + fmpq(case.bound) * fmpq(case.radius))
        first, start = case.norm(dx - limit), case.norm(x)
        direct = case.norm(column(case.kick)) * flint.arb(case.dual(case.twist)).sqrt()  # M_e
        push = (flint.arb(fmpq(case.bound)) * case.norm(limit) + direct) * start
        for t in range(1, LOOPS + 1):
            x, dx = case.step(x, dx)
            error, allowed = case.norm(dx - limit), rate**t * first + t * rate ** (t - 1) * push
            if error > allowed:
                return (
                    f"J = {case.jacobian}, b = {case.push}: |dh_{t}/de - S|_* ="
                    f" {float(error):.4g} > {float(allowed):.4g}"
                )
    return None


def _tail_large(case: QuadraticLoop) -> str | None:
    limit = case.sensitivity()
    if limit is None:
        return "I - J is not invertible: there is no S"
    kept, term = limit * 0, column(case.kick)
    with flint.ctx.workprec(BITS):
        for k in range(1, LOOPS + 1):
            kept, term = kept + term, case.j * term
            error, allowed = (
                case.norm(limit - kept),
                flint.arb(fmpq(case.q)) ** k * case.norm(limit),
            )
            if error > allowed:
                return (
                    f"J = {case.jacobian}, q = {case.q}: {k} terms err by {float(error):.4g} >"
                    f" {float(allowed):.4g}"
                )
    return None


def _example(**changes: Any) -> QuadraticLoop:
    """A scalar loop x/2 + x^2/4 + e with every assumption in force, or with changes."""
    half, quarter = fmpq("1/2"), fmpq("1/4")
    case: dict[str, Any] = {
        "jacobian": [[half]],
        "q": half,
        "power": 1,
        "start": [quarter],
        "ridge": [1],
        "push": [quarter],
        "kick": [1],
        "offset": [0],
        "bound": half,
        "radius": quarter,
        "slope": [0],
        "twist": [1],
    }
    return QuadraticLoop(**{**case, **changes})


NORM = Predicate(
    "norm",
    "If |J^n|_2 <= q^n, then |x|_*^2 = Sum_{k<n} q^(-2k) |J^k x|_2^2 defines a norm with |x|_2 <="
    " |x|_* and |J x|_* <= q |x|_*.",
    ("gelfand", "adapted_norm"),
    {"contractive": _contractive},
    _norm_grows,
    _example,
)
BALL = Predicate(
    "ball",
    "If |D_h f(h, e_0) - J|_* <= M |h - h*|_* for |h - h*|_* <= r and s = q + M r < 1, every orbit"
    " at e_0 that starts in that ball has |h_t - h*|_* <= s^t |h_0 - h*|_*.",
    ("slope_in_ball", "ball"),
    {
        "fixed_point": _fixed,
        "contractive": _contractive,
        "lipschitz": _lipschitz,
        "in_ball": _in_ball,
    },
    _leaves,
    _example,
)
GRADIENT = Predicate(
    "gradient",
    "If D_e f has the Lipschitz constant M_e in the ball, then |dh_t/de - S|_* <= s^t |dh_0/de -"
    " S|_* + t s^(t-1) (M |S|_* + M_e) |h_0 - h*|_*.",
    ("gradient_recursion", "gradient_rate"),
    {
        "fixed_point": _fixed,
        "contractive": _contractive,
        "lipschitz": _lipschitz,
        "in_ball": _in_ball,
    },
    _gradient_off,
    _example,
)
TRUNCATION = Predicate(
    "truncation",
    "Backpropagation through the last k loops at h* yields Sum_{j<k} J^j K, which errs by J^k S, at"
    " most q^k |S|_* in the adapted norm.",
    ("neumann", "truncation_bound"),
    {"contractive": _contractive},
    _tail_large,
    _example,
)
PREDICATES = (NORM, BALL, GRADIENT, TRUNCATION)

FALSIFIERS = (
    Falsifier("radius_one", "contractive", NORM, lambda: _example(jacobian=[[1]])),
    Falsifier("no_fixed_point", "fixed_point", BALL, lambda: _example(offset=[1])),
    Falsifier("steep", "lipschitz", BALL, lambda: _example(push=[1], start=[1], radius=1, bound=0)),
    Falsifier("outside_the_ball", "in_ball", BALL, lambda: _example(start=[4])),
    Falsifier(
        "gradient_of_a_steep_loop",
        "lipschitz",
        GRADIENT,
        lambda: _example(push=[1], start=[1], radius=1, bound=0),
    ),
    Falsifier("expanding", "contractive", TRUNCATION, lambda: _example(jacobian=[[2]])),
)
"""One exact witness for each assumption of the explicit bounds."""
